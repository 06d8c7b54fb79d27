//! What sweeps one share, in time slices, and reports.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use datafusion::error::Result;
use datafusion::physical_plan::metrics::{
    BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, Time,
};
use tokio::sync::mpsc;

use crate::sweep::statistics::SetStatistics;
use crate::sweep::{Budget, Progress, Row, RowBuffer, Statistics, Sweep};
use crate::udtf::exec::dynamic_filters::DynamicFilters;
use crate::udtf::exec::output::Output;
use crate::udtf::exec::panics::caught;
use crate::udtf::exec::prepare::{Prepared, PreparedPart};
use crate::udtf::exec::reader::nobody_waits;

/// How long a worker keeps its thread.
const TIME_SLICE: Duration = Duration::from_millis(20);

/// What EXPLAIN ANALYZE shows of a partition.
#[derive(Debug, Clone)]
pub(crate) struct SweepMetrics {
    pub(crate) baseline: BaselineMetrics,
    pub(crate) sweep_time: Time,
    pub(crate) done: Count,
    pub(crate) pruned: Count,
    pub(crate) emitted: Count,
}

impl SweepMetrics {
    pub(crate) fn new(metrics: &ExecutionPlanMetricsSet, partition: usize) -> Self {
        Self {
            baseline: BaselineMetrics::new(metrics, partition),
            sweep_time: MetricBuilder::new(metrics).subset_time("sweep_time", partition),
            done: MetricBuilder::new(metrics).counter("subsets_done", partition),
            pruned: MetricBuilder::new(metrics).counter("subsets_pruned", partition),
            emitted: MetricBuilder::new(metrics).counter("subsets_emitted", partition),
        }
    }
}

/// What a partition's workers share.
pub(crate) struct Job {
    pub(crate) prepared: Arc<Prepared>,
    pub(crate) output: Output,
    pub(crate) batch_size: usize,
    /// The most batches of a report.
    pub(crate) report_batches: usize,
    pub(crate) metrics: SweepMetrics,
    /// Set when nobody wants the rest.
    pub(crate) stop: AtomicBool,
    /// What nobody has begun.
    pub(crate) shares: Mutex<VecDeque<Share>>,
    /// Of each part.
    pub(crate) best: Mutex<Vec<Best>>,
}

/// A share of the sweep of one part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    pub(crate) part: usize,
    /// The `index`-th of `of`.
    pub(crate) index: usize,
    pub(crate) of: usize,
}

/// What the shares of a part's sweep for the top rows have come to.
#[derive(Default)]
pub(crate) struct Best {
    /// Shares that are not at their end.
    pub(crate) unfinished: usize,
    pub(crate) rows: Vec<Row>,
}

/// Sweeps one share, and then another.
pub(crate) struct Worker {
    pub(crate) job: Arc<Job>,
    pub(crate) part: usize,
    pub(crate) sweep: Box<dyn Sweep>,
    pub(crate) filters: DynamicFilters,
    pub(crate) reported: Progress,
    pub(crate) reports: mpsc::Sender<Result<Report>>,
}

/// What a worker has come to.
pub(crate) struct Report {
    /// Each of at most the session's batch size.
    pub(crate) batches: Vec<RecordBatch>,
    /// The worker, if there is more to come.
    pub(crate) worker: Option<Box<Worker>>,
}

impl Worker {
    /// Starts, or goes on, on a thread of the pool.
    pub(crate) fn spawn(self: Box<Self>) {
        let pool = Arc::clone(&self.job.prepared.pool);
        // First in, first out: workers of other queries get their share.
        pool.spawn_fifo(move || self.run());
    }

    fn run(self: Box<Self>) {
        let reports = self.reports.clone();
        match caught(|| self.time_slice()) {
            Ok(None) => {}
            // A report finds room, as the channel holds one for each worker. It
            // finds no reader once the query has been dropped.
            Ok(Some(report)) => drop(reports.try_send(Ok(report))),
            Err(error) => drop(reports.try_send(Err(error))),
        }
    }

    /// Sweeps for one time slice, or until a report is full; reports if there is
    /// anything to report, and else lines up for another slice.
    fn time_slice(mut self: Box<Self>) -> Result<Option<Report>> {
        let job = Arc::clone(&self.job);
        let begun = Instant::now();
        let until = begun + TIME_SLICE;
        let mut batches = Vec::new();
        let finished = loop {
            let plan = &job.prepared.parts[self.part].plan;
            if let Some(bounds) = self.filters.changed_bounds() {
                job.prepared.parts.iter().for_each(|part| part.plan.tighten(bounds));
            }
            let mut rows = job.room(self.part);
            let mut budget = Budget::new(job.batch_size, until, &job.stop);
            let finished = self.sweep.advance(&mut rows, &mut budget);
            batches.extend(job.batches(self.part, rows)?);
            let stopped = job.stop.load(Ordering::Relaxed);
            let swept = self.sweep.progress();
            let done = swept.done - self.reported.done;
            if let Some(progress) = job.prepared.progress.as_ref().filter(|_| !stopped) {
                progress.advance(done, plan.best());
            }
            job.metrics.done.add(done as usize);
            job.metrics.pruned.add((swept.pruned - self.reported.pruned) as usize);
            self.reported = swept;
            if finished && !stopped {
                batches.extend(job.best_batches(self.part, self.sweep.take_top())?);
                let Some((part, sweep)) = job.next_share() else { break true };
                (self.part, self.sweep, self.reported) = (part, sweep, Progress::default());
            }
            let full = batches.len() >= job.report_batches;
            if full || stopped || Instant::now() >= until {
                break false;
            }
        };
        job.metrics.sweep_time.add_duration(begun.elapsed());
        job.metrics.baseline.elapsed_compute().add_duration(begun.elapsed());
        if job.stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        if !finished && batches.is_empty() {
            self.spawn();
            return Ok(None);
        }
        let worker = (!finished).then_some(self);
        Ok(Some(Report { batches, worker }))
    }
}

impl Job {
    /// The next of what nobody has begun.
    pub(crate) fn next_share(&self) -> Option<(usize, Box<dyn Sweep>)> {
        let share = self.shares.lock().unwrap_or_else(PoisonError::into_inner).pop_front()?;
        let Share { part, index, of } = share;
        Some((part, self.prepared.parts[part].plan.share(index, of, self.output.columns())))
    }

    /// Room for the rows of a time slice.
    fn room(&self, part: usize) -> RowBuffer {
        let plan = &self.prepared.parts[part].plan;
        let subsets = plan.subsets().exactly().map_or(usize::MAX, |subsets| subsets as usize);
        let rows = if plan.top().is_some() { 0 } else { self.batch_size.min(subsets) };
        RowBuffer::with_capacity(self.output.columns(), rows, plan.set_size())
    }

    /// Rows as batches of at most the session's size: the sweep may go over a very
    /// small one.
    fn batches(&self, part: usize, rows: RowBuffer) -> Result<Vec<RecordBatch>> {
        if rows.rows == 0 {
            return Ok(Vec::new());
        }
        let all = self.batch(part, rows, 1.0)?;
        let cut = |first| all.slice(first, self.batch_size.min(all.num_rows() - first));
        Ok((0..all.num_rows()).step_by(self.batch_size).map(cut).collect())
    }

    /// The best rows as batches, where a share is at its end.
    fn best_batches(&self, part: usize, rows: Vec<Row>) -> Result<Vec<RecordBatch>> {
        let best = self.merge_best(part, rows);
        best.chunks(self.batch_size).map(|rows| self.best_batch(part, rows)).collect()
    }

    /// Rows as one batch. Sizes are not kept apart, as whoever passes on batches need not keep these in
    /// order.
    fn best_batch(&self, part: usize, rows: &[Row]) -> Result<RecordBatch> {
        let of_sizes = rows.chunk_by(|x, y| x.questions.len() == y.questions.len()).map(|of_size| {
            let k = of_size[0].questions.len();
            let mut rows = RowBuffer::with_capacity(self.output.columns(), of_size.len(), k);
            of_size.iter().for_each(|row| rows.push_row(row));
            let bound = self.prepared.parts[part].plan.bound(k).unwrap_or(1.0);
            self.batch(part, rows, bound)
        });
        Ok(concat_batches(self.output.schema(), &of_sizes.collect::<Result<Vec<_>>>()?)?)
    }

    /// Rows of sets of one size as one batch.
    fn batch(&self, part: usize, rows: RowBuffer, bound: f64) -> Result<RecordBatch> {
        let PreparedPart { values, index, statistics, .. } = &self.prepared.parts[part];
        let described = match statistics {
            Some(statistics) => self.described(statistics, &rows)?,
            None => Vec::new(),
        };
        Ok(self.output.batch(rows, values, index.questions(), described, bound)?)
    }

    /// What is told of the totals on each set.
    ///
    /// # Errors
    /// Nobody waits for it: each set takes as long as its users take to sum.
    fn described(&self, statistics: &Statistics, rows: &RowBuffer) -> Result<Vec<SetStatistics>> {
        let sets = rows.questions.chunks_exact(rows.questions.len() / rows.rows.max(1));
        let described = sets.map(|set| {
            if self.stop.load(Ordering::Relaxed) { Err(nobody_waits()) } else { Ok(statistics.of(set)) }
        });
        described.collect()
    }

    /// Keeps the best rows of a share that is at its end; the last share gets the
    /// best rows of all.
    fn merge_best(&self, part: usize, rows: Vec<Row>) -> Vec<Row> {
        let plan = &self.prepared.parts[part].plan;
        if plan.top().is_none() {
            return Vec::new();
        }
        let mut best = self.best.lock().unwrap_or_else(PoisonError::into_inner);
        let best = &mut best[part];
        best.rows.extend(rows);
        best.unfinished -= 1;
        match best.unfinished {
            0 => plan.best_rows(std::mem::take(&mut best.rows)),
            _ => Vec::new(),
        }
    }
}
