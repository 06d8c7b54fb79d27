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
//! what sends it off for the next. So a worker is at most one report ahead, no
//! thread ever blocks on a slow consumer, and a consumer that reads partitions one
//! after the other cannot deadlock the pool. Between reports a worker gives its
//! thread up every few milliseconds, so that queries share the pool fairly and a
//! dropped stream is noticed soon.
//!
//! A batch can be swept in less than a tenth of a millisecond, which is what waking a
//! reader and a worker may take. So a report has some batches, where rows are not
//! many bytes.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::execution::{RecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::metrics::{
    BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, Time,
};
use futures::{FutureExt, Stream};
use tokio::sync::mpsc;

use crate::sweep::{Budget, Progress, Row, RowBuffer, Sweep, best_rows};
use crate::udtf::dynamic::DynamicFilters;
use crate::udtf::exec::KCorrsetScan;
use crate::udtf::output::Output;
use crate::udtf::prepare::{Prepared, SharedPreparation, caught, worker_error};

/// How long a worker keeps its thread.
const TIME_SLICE: Duration = Duration::from_millis(20);

/// The most batches of a report.
const REPORT_BATCHES: usize = 8;

/// Where these are large, so many bytes are enough for a report.
const REPORT_BYTES: usize = 1 << 20;

/// Whose share of the sweep a stream has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Which partition, of how many, of this process.
    pub(crate) partition: usize,
    pub(crate) partitions: usize,
    /// Which task, of how many, on as many workers of a cluster.
    pub(crate) task: usize,
    pub(crate) tasks: usize,
}

/// One partition of the result.
pub(crate) struct KCorrsetStream {
    state: State,
    output: Output,
    place: Place,
    threads: usize,
    batch_size: usize,
    /// Rows still wanted.
    wanted: Option<usize>,
    /// What rows have to be like.
    predicates: Vec<Arc<dyn PhysicalExpr>>,
    question_type: DataType,
    metrics: SweepMetrics,
}

#[derive(Debug, Clone)]
struct SweepMetrics {
    baseline: BaselineMetrics,
    sweep_time: Time,
    done: Count,
    pruned: Count,
    emitted: Count,
}

enum State {
    /// What is shared, and the stream's own view of it.
    Prepare(Arc<SharedPreparation>, SharedPreparation),
    Sweep(Sweeping),
    Done,
}

/// A sweep under way.
struct Sweeping {
    job: Arc<Job>,
    reports: mpsc::Receiver<Result<Report>>,
    /// Shares whose end has not been reported.
    unfinished: usize,
    /// Batches ready to be handed out.
    ready: VecDeque<RecordBatch>,
    /// Memory of the workers, given back on drop.
    _reservation: MemoryReservation,
    /// Kept, so that later partitions find it.
    _preparation: Arc<SharedPreparation>,
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
    /// The most batches of a report.
    report_batches: usize,
    metrics: SweepMetrics,
    /// Set when nobody wants the rest.
    stop: AtomicBool,
    best: Mutex<Best>,
}

/// What the shares of a sweep for the top rows have come to.
struct Best {
    /// Shares that are not at their end.
    unfinished: usize,
    rows: Vec<Row>,
}

/// Sweeps one share.
struct Worker {
    job: Arc<Job>,
    sweep: Box<dyn Sweep>,
    filters: DynamicFilters,
    reported: Progress,
    reports: mpsc::Sender<Result<Report>>,
}

/// What a worker has come to.
struct Report {
    /// Each of at most the session's batch size.
    batches: Vec<RecordBatch>,
    /// The worker, if there is more to come.
    worker: Option<Box<Worker>>,
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

    /// Sweeps for one time slice, or until a report is full; reports if there is
    /// anything to report, and else lines up for another turn.
    fn turn(mut self: Box<Self>) -> Result<Option<Report>> {
        let job = Arc::clone(&self.job);
        let begun = Instant::now();
        let until = begun + TIME_SLICE;
        let mut batches = Vec::new();
        let finished = loop {
            if let Some(wanted) = self.filters.news() {
                job.prepared.plan.tighten(wanted);
            }
            let mut found = job.room();
            let mut pace = Budget::new(job.batch_size, until, &job.stop);
            let finished = self.sweep.advance(&mut found, &mut pace);
            batches.extend(job.batches(found)?);
            let full = batches.len() >= job.report_batches;
            if finished || full || job.stop.load(Ordering::Relaxed) || Instant::now() >= until {
                break finished;
            }
        };
        job.metrics.sweep_time.add_duration(begun.elapsed());
        job.metrics.baseline.elapsed_compute().add_duration(begun.elapsed());
        if job.stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let tally = self.sweep.progress();
        let done = tally.done - self.reported.done;
        if let Some(progress) = &job.prepared.progress {
            progress.advance(done);
        }
        job.metrics.done.add(done as usize);
        job.metrics.pruned.add((tally.pruned - self.reported.pruned) as usize);
        self.reported = tally;
        if finished {
            for best in job.merge_best(self.sweep.take_top()).chunks(job.batch_size) {
                let mut found = RowBuffer::new(job.output.columns());
                best.iter().for_each(|row| found.push_row(row));
                batches.extend(job.batches(found)?);
            }
        } else if batches.is_empty() {
            self.send_off();
            return Ok(None);
        }
        let worker = (!finished).then_some(self);
        Ok(Some(Report { batches, worker }))
    }
}

impl Job {
    /// Room for what a turn may find.
    fn room(&self) -> RowBuffer {
        let plan = &self.prepared.plan;
        let subsets = plan.subsets().map_or(usize::MAX, |subsets| subsets as usize);
        let rows = if plan.top().is_some() { 0 } else { self.batch_size.min(subsets) };
        RowBuffer::with_capacity(self.output.columns(), rows, plan.set_size())
    }

    /// Rows as batches of at most the session's size: the sweep may go over a very
    /// small one.
    fn batches(&self, found: RowBuffer) -> Result<Vec<RecordBatch>> {
        let rows = found.rows;
        if rows == 0 {
            return Ok(Vec::new());
        }
        let all = self.output.batch(found, self.prepared.index.questions())?;
        let cut = |first| all.slice(first, self.batch_size.min(rows - first));
        Ok((0..rows).step_by(self.batch_size).map(cut).collect())
    }

    /// Keeps the best rows of a share that is at its end; the last share gets the
    /// best rows of all.
    fn merge_best(&self, rows: Vec<Row>) -> Vec<Row> {
        let Some(size) = self.prepared.plan.top() else { return Vec::new() };
        let mut best = self.best.lock().unwrap_or_else(PoisonError::into_inner);
        best.rows.extend(rows);
        best.unfinished -= 1;
        match best.unfinished {
            0 => best_rows(size, std::mem::take(&mut best.rows)),
            _ => Vec::new(),
        }
    }
}

impl KCorrsetStream {
    pub(crate) fn new(
        preparation: Arc<SharedPreparation>,
        output: Output,
        place: Place,
        scan: &KCorrsetScan,
        context: &TaskContext,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Self {
        let number = place.partition;
        let KCorrsetScan { fetch, settings, .. } = scan;
        let batch_size = settings.batch_size.unwrap_or(context.session_config().batch_size());
        Self {
            state: State::Prepare(Arc::clone(&preparation), SharedPreparation::clone(&preparation)),
            output,
            place,
            threads: settings.threads,
            batch_size: fetch.map_or(batch_size, |rows| rows.min(batch_size)).max(1),
            wanted: *fetch,
            predicates: scan.predicates.clone(),
            question_type: scan.request.question_type.clone(),
            metrics: SweepMetrics {
                baseline: BaselineMetrics::new(metrics, number),
                sweep_time: MetricBuilder::new(metrics).subset_time("sweep_time", number),
                done: MetricBuilder::new(metrics).counter("subsets_done", number),
                pruned: MetricBuilder::new(metrics).counter("subsets_pruned", number),
                emitted: MetricBuilder::new(metrics).counter("subsets_emitted", number),
            },
        }
    }

    /// Sends the workers off.
    fn start(&self, prepared: Arc<Prepared>, shared: Arc<SharedPreparation>) -> Result<Sweeping> {
        let Place { partition, partitions, task, tasks } = self.place;
        let plan = Arc::clone(&prepared.plan);
        // The single partition of a sweep for the top rows keeps all threads busy.
        let shares = plan.shares(self.threads.max(partitions) * tasks);
        let mine: Vec<usize> = (partition + partitions * task..shares).step_by(partitions * tasks).collect();
        let row_bytes = self.output.row_bytes(plan.set_size(), prepared.index.value_bytes());
        let batch_bytes = self.batch_size.saturating_mul(row_bytes);
        // Rows that are not all wanted are not swept ahead.
        let most = if self.wanted.is_some() { 1 } else { REPORT_BATCHES };
        let report_batches = (REPORT_BYTES / batch_bytes.max(1)).clamp(1, most);
        // One report is read while the next is made.
        let report_bytes = batch_bytes.saturating_mul(2 * report_batches);
        let worker_bytes = plan.share_memory().saturating_add(report_bytes);
        let top_bytes = plan.top_memory(shares);
        let reservation =
            prepared.reserve(worker_bytes.saturating_add(top_bytes).saturating_mul(mine.len()))?;

        let (sender, reports) = mpsc::channel(mine.len().max(1));
        let job = Arc::new(Job {
            prepared,
            output: self.output.clone(),
            batch_size: self.batch_size,
            report_batches,
            metrics: self.metrics.clone(),
            stop: AtomicBool::new(false),
            best: Mutex::new(Best { unfinished: mine.len(), rows: Vec::new() }),
        });
        let unfinished = mine.len();
        for share in mine {
            let worker = Worker {
                job: Arc::clone(&job),
                sweep: plan.share(share, shares, self.output.columns()),
                filters: DynamicFilters::among(&self.predicates, &self.question_type),
                reported: Progress::default(),
                reports: sender.clone(),
            };
            Box::new(worker).send_off();
        }
        Ok(Sweeping {
            job,
            reports,
            unfinished,
            ready: VecDeque::new(),
            _reservation: reservation,
            _preparation: shared,
        })
    }

    fn poll_state(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<RecordBatch>>> {
        loop {
            match &mut self.state {
                State::Prepare(shared, preparation) => {
                    let prepared = ready!(preparation.poll_unpin(context));
                    let prepared = prepared.map_err(DataFusionError::Shared)?;
                    let shared = Arc::clone(shared);
                    self.state = State::Sweep(self.start(prepared, shared)?);
                }
                State::Sweep(sweeping) => {
                    if let Some(batch) = sweeping.ready.pop_front() {
                        return Poll::Ready(Some(Ok(self.cut(batch))));
                    }
                    if sweeping.unfinished == 0 {
                        self.state = State::Done;
                        continue;
                    }
                    let report = ready!(sweeping.reports.poll_recv(context)).transpose()?;
                    // Only workers hold senders: without any, one ended unreported, and
                    // what is missing must not look like the end.
                    let report = report.ok_or_else(|| worker_error("a worker vanished"))?;
                    sweeping.take(report);
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
    fn take(&mut self, report: Report) {
        self.job.metrics.emitted.add(report.batches.iter().map(RecordBatch::num_rows).sum());
        self.ready.extend(report.batches);
        match report.worker {
            Some(worker) => worker.send_off(),
            None => self.unfinished -= 1,
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

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::prelude::{SessionConfig, SessionContext};
    use futures::StreamExt;

    use crate::udtf::exec::KCorrsetExec;
    use crate::udtf::register_all;

    /// A sweep that does not end well.
    struct Broken;

    impl Sweep for Broken {
        fn advance(&mut self, _: &mut RowBuffer, _: &mut Budget<'_>) -> bool {
            panic!("a bound does not hold")
        }

        fn progress(&self) -> Progress {
            Progress::default()
        }

        fn take_top(&mut self) -> Vec<Row> {
            Vec::new()
        }
    }

    /// A stream that waits for one report, and who may send it.
    async fn one_worker() -> (KCorrsetStream, Box<Worker>) {
        let ctx = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
        register_all(&ctx).unwrap();
        let exam = "CREATE TABLE exam AS SELECT 1 AS \"user\", 2 AS question, 3 AS score";
        ctx.sql(exam).await.unwrap().collect().await.unwrap();
        let plan = ctx.sql("SELECT * FROM k_corrset(exam, 1)").await.unwrap();
        let plan = plan.create_physical_plan().await.unwrap();
        let exec: &KCorrsetExec = plan.downcast_ref().unwrap();
        let mut stream = exec.stream(0, &ctx.task_ctx());
        let State::Prepare(shared, preparation) = &stream.state else { unreachable!() };
        let prepared = preparation.clone().await.unwrap();
        let mut sweeping = stream.start(prepared, Arc::clone(shared)).unwrap();
        let (sender, reports) = mpsc::channel(1);
        sweeping.reports = reports;
        let worker = Worker {
            job: Arc::clone(&sweeping.job),
            sweep: Box::new(Broken),
            filters: DynamicFilters::among(&[], &DataType::Int64),
            reported: Progress::default(),
            reports: sender,
        };
        stream.state = State::Sweep(sweeping);
        (stream, Box::new(worker))
    }

    #[tokio::test]
    async fn a_worker_that_panics_ends_the_query_with_an_error() {
        let (mut stream, worker) = one_worker().await;
        worker.send_off();
        let error = stream.next().await.unwrap().unwrap_err();
        assert_eq!(
            error.find_root().to_string(),
            "External error: k_corrset: internal error in a sweep worker: a bound does not hold; please report this"
        );
        assert!(stream.next().await.is_none());
    }

    #[tokio::test]
    async fn a_worker_that_is_lost_is_not_the_end() {
        let (mut stream, worker) = one_worker().await;
        drop(worker);
        let error = stream.next().await.unwrap().unwrap_err();
        assert!(error.to_string().contains("a worker vanished"), "{error}");
        assert!(stream.next().await.is_none());
    }
}
