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
//! what starts it again. So a worker is at most one report ahead, no
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
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::execution::{RecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::{FutureExt, Stream};
use tokio::sync::mpsc;

use crate::sweep::Progress;
use crate::udtf::exec::dynamic_filters::DynamicFilters;
use crate::udtf::exec::output::Output;
use crate::udtf::exec::panics::worker_error;
use crate::udtf::exec::prepare::{Prepared, PreparedPart, SharedPreparation};
use crate::udtf::exec::worker::{Best, Job, Report, Share, SweepMetrics, Worker};
use crate::udtf::request::{KCorrsetScan, PartitionId};

/// The most batches of a report.
const REPORT_BATCHES: usize = 8;

/// Bytes that are enough for a report, where rows are large.
const REPORT_BYTES: usize = 1 << 20;

/// One partition of the result.
pub(crate) struct KCorrsetStream {
    state: State,
    output: Output,
    id: PartitionId,
    /// Whether it is a piece of a task's sweep, and not of its search.
    is_piece: bool,
    threads: usize,
    batch_size: usize,
    /// Rows still wanted.
    wanted: Option<usize>,
    /// What rows have to be like, more and more.
    dynamic_filters: Vec<Arc<dyn PhysicalExpr>>,
    question_type: DataType,
    metrics: SweepMetrics,
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

impl KCorrsetStream {
    pub(crate) fn new(
        preparation: Arc<SharedPreparation>,
        output: Output,
        id: PartitionId,
        scan: &KCorrsetScan,
        context: &TaskContext,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Self {
        let KCorrsetScan { fetch, settings, .. } = scan;
        let batch_size = settings.batch_size.unwrap_or(context.session_config().batch_size());
        Self {
            state: State::Prepare(Arc::clone(&preparation), SharedPreparation::clone(&preparation)),
            output,
            id,
            is_piece: scan.pieces.is_some(),
            threads: settings.threads,
            batch_size: fetch.map_or(batch_size, |rows| rows.min(batch_size)).max(1),
            wanted: *fetch,
            dynamic_filters: scan.dynamic_filters.clone(),
            question_type: scan.request.question_type.clone(),
            metrics: SweepMetrics::new(metrics, id.partition),
        }
    }

    /// Starts the workers.
    fn start(&self, prepared: Arc<Prepared>, shared: Arc<SharedPreparation>) -> Result<Sweeping> {
        let PartitionId { partition, partitions, task, tasks } = self.id;
        let is_whole = self.is_piece && !prepared.is_swept();
        let partitions = if is_whole { 1 } else { partitions };
        let threads = self.threads.max(partitions);
        let mut shares = shares(&prepared, threads * tasks);
        if partition >= partitions {
            shares.clear();
        }
        // The first shares may be all that have anything, and each task gets some of them.
        let mine = shares.into_iter().skip(partition * tasks + task).step_by(partitions * tasks);
        let mine: VecDeque<Share> = mine.collect();
        // The single partition of a sweep for the top rows, or of a search, keeps all threads busy.
        let workers = (threads / partitions).clamp(1, mine.len().max(1)).min(mine.len());
        let most = |of: &dyn Fn(&PreparedPart) -> usize| prepared.parts.iter().map(of).max().unwrap_or(0);
        let row_bytes = most(&|part| self.output.row_bytes(part.plan.set_size(), part.index.value_bytes()));
        let batch_bytes = self.batch_size.saturating_mul(row_bytes);
        // Rows that are not all wanted are not swept ahead.
        let most_batches = if self.wanted.is_some() { 1 } else { REPORT_BATCHES };
        let report_batches = (REPORT_BYTES / batch_bytes.max(1)).clamp(1, most_batches);
        // One report is read while the next is made.
        let report_bytes = batch_bytes.saturating_mul(2 * report_batches);
        let worker_bytes = most(&|part| part.plan.share_memory()).saturating_add(report_bytes);
        let top_bytes: usize =
            mine.iter().map(|share| prepared.parts[share.part].plan.top_memory(share.of)).sum();
        let reservation = prepared.reserve(worker_bytes.saturating_mul(workers).saturating_add(top_bytes))?;

        let mut best: Vec<Best> = prepared.parts.iter().map(|_| Best::default()).collect();
        mine.iter().for_each(|share| best[share.part].unfinished += 1);
        let (sender, reports) = mpsc::channel(workers.max(1));
        let job = Arc::new(Job {
            prepared,
            output: self.output.clone(),
            batch_size: self.batch_size,
            report_batches,
            metrics: self.metrics.clone(),
            stop: AtomicBool::new(false),
            shares: Mutex::new(mine),
            best: Mutex::new(best),
        });
        let mut unfinished = 0;
        for _ in 0..workers {
            // Who has begun may have taken all there is.
            let Some((part, sweep)) = job.next_share() else { break };
            let worker = Worker {
                job: Arc::clone(&job),
                part,
                sweep,
                filters: DynamicFilters::new(&self.dynamic_filters, &self.question_type),
                reported: Progress::default(),
                reports: sender.clone(),
            };
            unfinished += 1;
            Box::new(worker).spawn();
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

/// The shares of all parts, the largest first; a part that is small beside the others is one share.
fn shares(prepared: &Prepared, most: usize) -> Vec<Share> {
    let about = |part: &PreparedPart| part.plan.subsets().about();
    let all: f64 = prepared.parts.iter().map(about).sum();
    let mut parts: Vec<usize> = (0..prepared.parts.len()).collect();
    parts.sort_by(|&x, &y| about(&prepared.parts[y]).total_cmp(&about(&prepared.parts[x])));
    let of_part = |part: usize| {
        let PreparedPart { plan, .. } = &prepared.parts[part];
        let is_small = prepared.parts.len() > 1 && about(&prepared.parts[part]) * most as f64 <= all;
        let of = plan.shares(if is_small { 1 } else { most });
        (0..of).map(move |index| Share { part, index, of })
    };
    parts.into_iter().flat_map(of_part).collect()
}

impl Sweeping {
    /// Takes a worker's report in.
    fn take(&mut self, report: Report) {
        self.job.metrics.emitted.add(report.batches.iter().map(RecordBatch::num_rows).sum());
        self.ready.extend(report.batches);
        match report.worker {
            Some(worker) => worker.spawn(),
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

    use crate::sweep::{Budget, Row, RowBuffer, Sweep};
    use crate::udtf::exec::node::KCorrsetExec;
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
            part: 0,
            sweep: Box::new(Broken),
            filters: DynamicFilters::new(&[], &DataType::Int64),
            reported: Progress::default(),
            reports: sender,
        };
        stream.state = State::Sweep(sweeping);
        (stream, Box::new(worker))
    }

    #[tokio::test]
    async fn a_worker_that_panics_ends_the_query_with_an_error() {
        let (mut stream, worker) = one_worker().await;
        worker.spawn();
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
