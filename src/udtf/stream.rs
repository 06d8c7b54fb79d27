//! Phase 2: one partition's shares of the sweep, as a stream of batches.
//!
//! ```text
//!  ┌─────────┐ prepared ┌───────┐ all shares at their end, ┌──────┐
//!  │ Prepare │─────────▶│ Sweep │ enough rows, or an error │ Done │
//!  └─────────┘          └───────┘─────────────────────────▶└──────┘
//! ```
//!
//! Nothing is computed in `poll_next`. A share is swept by a [`Worker`] on the rayon
//! pool, which hands itself back with every batch it reports; taking a report is
//! what sends it off for the next. So a worker is at most one batch ahead, no
//! thread ever blocks on a slow consumer, and a consumer that reads partitions one
//! after the other cannot deadlock the pool. Between batches a worker gives its
//! thread up every few milliseconds, so that queries share the pool fairly and a
//! dropped stream is noticed soon.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::execution::{RecordBatchStream, TaskContext};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, Time,
};
use futures::{FutureExt, Stream};
use tokio::sync::mpsc;

use crate::sweep::{Found, Pace, Row, Sweep, Tally, best_rows};
use crate::udtf::output::Output;
use crate::udtf::prepare::{Prepared, SharedPreparation, caught};

/// How long a worker keeps its thread.
const TIME_SLICE: Duration = Duration::from_millis(20);

/// One partition of the result.
pub(crate) struct KCorrsetStream {
    state: State,
    output: Output,
    /// Which partition, of how many.
    partition: (usize, usize),
    threads: usize,
    batch_size: usize,
    /// Rows still wanted.
    wanted: Option<usize>,
    metrics: SweepMetrics,
}

#[derive(Debug, Clone)]
struct SweepMetrics {
    baseline: BaselineMetrics,
    sweep_time: Time,
    pruned: Count,
    emitted: Count,
}

enum State {
    Prepare(SharedPreparation),
    Sweep(Sweeping),
    Done,
}

/// A sweep under way.
struct Sweeping {
    job: Arc<Job>,
    reports: mpsc::Receiver<Result<Report>>,
    /// Shares whose end has not been reported.
    unfinished: usize,
    /// Best rows of the shares that are at their end.
    best: Vec<Row>,
    /// Batches ready to be handed out.
    ready: VecDeque<RecordBatch>,
    /// Memory of the workers, given back on drop.
    _reservation: MemoryReservation,
}

impl Drop for Sweeping {
    fn drop(&mut self) {
        self.job.stop.store(true, Ordering::Relaxed);
    }
}

/// What a partition's workers share.
struct Job {
    prepared: Arc<Prepared>,
    output: Output,
    batch_size: usize,
    metrics: SweepMetrics,
    /// Set when nobody wants the rest.
    stop: AtomicBool,
}

/// Sweeps one share.
struct Worker {
    job: Arc<Job>,
    sweep: Box<dyn Sweep>,
    reported: Tally,
    reports: mpsc::Sender<Result<Report>>,
}

/// What a worker has come to.
struct Report {
    batch: Option<RecordBatch>,
    /// What was done since the last report.
    pruned: u64,
    emitted: u64,
    next: Next,
}

enum Next {
    /// There is more to come.
    Continue(Box<Worker>),
    /// The share is at its end; these are its best rows, if those were asked for.
    Finished(Vec<Row>),
}

impl Worker {
    /// Starts, or goes on, on a thread of the pool.
    fn send_off(self: Box<Self>) {
        let pool = Arc::clone(&self.job.prepared.pool);
        // First in, first out: workers of other queries get their turn.
        pool.spawn_fifo(move || self.run());
    }

    fn run(self: Box<Self>) {
        let reports = self.reports.clone();
        match caught(|| self.turn()) {
            Ok(None) => {}
            // A report finds room, as the channel holds one for each worker. It
            // finds no reader once the query has been dropped.
            Ok(Some(report)) => drop(reports.try_send(Ok(report))),
            Err(error) => drop(reports.try_send(Err(error))),
        }
    }

    /// Sweeps for one time slice; reports if there is anything to report, and else
    /// lines up for another turn.
    fn turn(mut self: Box<Self>) -> Result<Option<Report>> {
        let job = Arc::clone(&self.job);
        let mut found = Found::new(job.output.columns());
        let begun = Instant::now();
        let mut pace = Pace::new(job.batch_size, begun + TIME_SLICE, &job.stop);
        let finished = self.sweep.advance(&mut found, &mut pace);
        job.metrics.sweep_time.add_duration(begun.elapsed());
        job.metrics.baseline.elapsed_compute().add_duration(begun.elapsed());
        if job.stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let tally = self.sweep.tally();
        if let Some(progress) = &job.prepared.progress {
            progress.advance(tally.done - self.reported.done);
        }
        self.reported.done = tally.done;
        if found.rows == 0 && !finished {
            self.send_off();
            return Ok(None);
        }
        let batch = match found.rows {
            0 => None,
            _ => Some(job.output.batch(found, job.prepared.index.questions())?),
        };
        let pruned = tally.pruned - self.reported.pruned;
        let emitted = tally.emitted - self.reported.emitted;
        self.reported = tally;
        let next = match finished {
            true => Next::Finished(self.sweep.take_top()),
            false => Next::Continue(self),
        };
        Ok(Some(Report { batch, pruned, emitted, next }))
    }
}

impl KCorrsetStream {
    pub(crate) fn new(
        preparation: SharedPreparation,
        output: Output,
        partition: (usize, usize),
        threads: usize,
        fetch: Option<usize>,
        context: &TaskContext,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Self {
        let number = partition.0;
        let batch_size = context.session_config().batch_size();
        Self {
            state: State::Prepare(preparation),
            output,
            partition,
            threads,
            batch_size: fetch.map_or(batch_size, |rows| rows.min(batch_size)).max(1),
            wanted: fetch,
            metrics: SweepMetrics {
                baseline: BaselineMetrics::new(metrics, number),
                sweep_time: MetricBuilder::new(metrics).subset_time("sweep_time", number),
                pruned: MetricBuilder::new(metrics).counter("subsets_pruned", number),
                emitted: MetricBuilder::new(metrics).counter("subsets_emitted", number),
            },
        }
    }

    /// Sends the workers off.
    fn start(&self, prepared: Arc<Prepared>) -> Result<Sweeping> {
        let (partition, partitions) = self.partition;
        let plan = Arc::clone(&prepared.plan);
        // The single partition of a sweep for the top rows keeps all threads busy.
        let shares = plan.shares(self.threads.max(partitions));
        let mine: Vec<usize> = (partition..shares).step_by(partitions).collect();
        let batch_bytes = self.batch_size.saturating_mul(self.output.row_bytes(prepared.index.value_bytes()));
        let worker_bytes = plan.share_memory().saturating_add(2 * batch_bytes);
        let reservation = prepared.reserve(worker_bytes.saturating_mul(mine.len()))?;

        let (sender, reports) = mpsc::channel(mine.len().max(1));
        let job = Arc::new(Job {
            prepared,
            output: self.output.clone(),
            batch_size: self.batch_size,
            metrics: self.metrics.clone(),
            stop: AtomicBool::new(false),
        });
        let unfinished = mine.len();
        for share in mine {
            let worker = Worker {
                job: Arc::clone(&job),
                sweep: plan.share(share, shares),
                reported: Tally::default(),
                reports: sender.clone(),
            };
            Box::new(worker).send_off();
        }
        Ok(Sweeping {
            job,
            reports,
            unfinished,
            best: Vec::new(),
            ready: VecDeque::new(),
            _reservation: reservation,
        })
    }

    fn poll_state(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<RecordBatch>>> {
        loop {
            match &mut self.state {
                State::Prepare(preparation) => {
                    let prepared = ready!(preparation.poll_unpin(context));
                    let prepared = prepared.map_err(DataFusionError::Shared)?;
                    self.state = State::Sweep(self.start(prepared)?);
                }
                State::Sweep(sweeping) => {
                    if let Some(batch) = sweeping.ready.pop_front() {
                        return Poll::Ready(Some(Ok(self.cut(batch))));
                    }
                    if sweeping.unfinished == 0 {
                        self.state = State::Done;
                        continue;
                    }
                    // The job holds no sender, so a channel without any means that
                    // a worker ended without a report.
                    let report = ready!(sweeping.reports.poll_recv(context));
                    let Some(report) = report.transpose()? else {
                        self.state = State::Done;
                        continue;
                    };
                    self.metrics.pruned.add(report.pruned as usize);
                    self.metrics.emitted.add(report.emitted as usize);
                    sweeping.take(report, self.batch_size)?;
                }
                State::Done => return Poll::Ready(None),
            }
        }
    }

    /// Takes off what goes beyond the rows wanted, and ends the stream with them.
    fn cut(&mut self, batch: RecordBatch) -> RecordBatch {
        let Some(wanted) = &mut self.wanted else { return batch };
        let rows = batch.num_rows().min(*wanted);
        *wanted -= rows;
        if *wanted == 0 {
            self.state = State::Done;
        }
        batch.slice(0, rows)
    }
}

impl Sweeping {
    /// Takes a worker's report in.
    fn take(&mut self, report: Report, batch_size: usize) -> Result<()> {
        if let Some(batch) = report.batch {
            self.line_up(&batch, batch_size);
        }
        match report.next {
            Next::Continue(worker) => worker.send_off(),
            Next::Finished(best) => {
                self.unfinished -= 1;
                self.best.extend(best);
            }
        }
        if let (0, Some(size)) = (self.unfinished, self.job.prepared.plan.top()) {
            let mut found = Found::new(self.job.output.columns());
            best_rows(size, std::mem::take(&mut self.best)).iter().for_each(|row| found.push_row(row));
            self.job.metrics.emitted.add(found.rows);
            if found.rows > 0 {
                let batch = self.job.output.batch(found, self.job.prepared.index.questions())?;
                self.line_up(&batch, batch_size);
            }
        }
        Ok(())
    }

    /// Cuts a batch to the session's size: the sweep may go over it by some lanes.
    fn line_up(&mut self, batch: &RecordBatch, batch_size: usize) {
        for first in (0..batch.num_rows()).step_by(batch_size) {
            self.ready.push_back(batch.slice(first, batch_size.min(batch.num_rows() - first)));
        }
    }
}

impl Stream for KCorrsetStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let poll = self.poll_state(context);
        if let Poll::Ready(Some(Err(_)) | None) = &poll {
            self.state = State::Done;
        }
        self.metrics.baseline.record_poll(poll)
    }
}

impl RecordBatchStream for KCorrsetStream {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.output.schema())
    }
}
