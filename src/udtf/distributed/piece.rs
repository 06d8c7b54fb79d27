//! A piece of a sweep: what one worker is asked for, and its rows.
//!
//! The rows of a piece are handed on when it is whole, so that one whose worker is lost can be given to
//! another without a row twice. As they have to be kept until then, that ends where they are many: rows
//! of a piece beyond [`MOST_HELD`] are handed on as they come, and its loss is that of the query.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use datafusion::arrow::array::RecordBatch;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder};
use datafusion_distributed::{
    ExecuteTaskRequest, LatencyMetricExt, MaxLatencyMetric, P50LatencyMetric, ProducerHead, TaskKey,
};
use futures::future::{Either, select};
use futures::stream::{self, BoxStream};
use futures::{FutureExt, Stream, StreamExt, TryFutureExt, TryStreamExt};
use http::HeaderMap;
use tokio::sync::oneshot;

use crate::udtf::distributed::connection::Connection;
use crate::udtf::exec::panics::worker_error;

/// Bytes of the rows of all pieces of a query that are kept until these are whole or read.
const MOST_HELD: usize = 256 << 20;

/// How rows are asked for, and what is told of it.
pub(super) struct Call {
    headers: HeaderMap,
    metrics: ExecutionPlanMetricsSet,
    context: Arc<TaskContext>,
    /// Bytes of all pieces.
    held: Arc<AtomicUsize>,
    /// Pieces that another worker did than the plan has it.
    pub(super) moved: Count,
    /// Pieces that were begun again, as their worker was lost.
    pub(super) begun_again: Count,
    /// How long pieces took.
    pub(super) median: P50LatencyMetric,
    pub(super) longest: MaxLatencyMetric,
}

impl Call {
    pub(super) fn new(
        headers: HeaderMap,
        metrics: ExecutionPlanMetricsSet,
        context: &Arc<TaskContext>,
        held: Arc<AtomicUsize>,
    ) -> Self {
        let count = |name| MetricBuilder::new(&metrics).global_counter(name);
        let (moved, begun_again) = (count("pieces_moved"), count("pieces_begun_again"));
        let median = MetricBuilder::new(&metrics).p50_latency("piece_time_p50");
        let longest = MetricBuilder::new(&metrics).max_latency("piece_time_max");
        Self { headers, metrics, context: Arc::clone(context), held, moved, begun_again, median, longest }
    }

    /// The rows of a partition of a worker's plan.
    pub(super) async fn ask(
        &self,
        worker: &mut Connection,
        task_key: TaskKey,
        partition: usize,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let request = ExecuteTaskRequest {
            task_key,
            target_partition_start: partition,
            target_partition_end: partition + 1,
            producer_head: ProducerHead::None,
        };
        let (headers, metrics) = (self.headers.clone(), self.metrics.clone());
        let streams = worker.rows(headers, request, metrics, &self.context).await?;
        streams.into_iter().next().ok_or_else(|| worker_error("a partition has no stream"))
    }
}

/// A piece that is not whole.
pub(super) struct Piece {
    /// The task that has it in the plan.
    pub(super) task: usize,
    /// Its partition in the plan of any worker.
    pub(super) partition: usize,
    pub(super) call: Arc<Call>,
    /// How many workers were lost that were at it.
    pub(super) brought_down: usize,
    rows: oneshot::Sender<Result<Rows>>,
}

impl Piece {
    /// A piece, and what will be its rows.
    pub(super) fn new(
        task: usize,
        partition: usize,
        call: Arc<Call>,
    ) -> (Self, BoxStream<'static, Result<RecordBatch>>) {
        let (rows, done) = oneshot::channel();
        let rows_of_piece = done
            .map(|rows| rows.unwrap_or_else(|_| Err(worker_error("a piece of the sweep vanished"))))
            .map_ok(Rows::stream)
            .try_flatten_stream()
            .boxed();
        (Self { task, partition, call, brought_down: 0, rows }, rows_of_piece)
    }

    /// Asks a worker for it; `None` if nobody wants the rows any more.
    pub(super) async fn run(&mut self, worker: &mut Connection, task_key: TaskKey) -> Option<Result<Rows>> {
        let (call, partition) = (Arc::clone(&self.call), self.partition);
        let rows = async move { Rows::of(call.ask(worker, task_key, partition).await?, &call).await };
        match select(Box::pin(rows), Box::pin(self.rows.closed())).await {
            Either::Left((rows, _)) => Some(rows),
            Either::Right(_) => None,
        }
    }

    /// Hands its rows on, or why there are none.
    pub(super) fn end(self, rows: Result<Rows>) {
        // Whoever does not want them any more has gone.
        let _ = self.rows.send(rows);
    }
}

/// The rows of a piece: all of them, or the first ones and where the others come from.
pub(super) struct Rows {
    first: Vec<RecordBatch>,
    rest: Option<Rest>,
    held: Held,
}

impl Rows {
    /// Reads all of them, if they are not too many.
    async fn of(mut batches: BoxStream<'static, Result<RecordBatch>>, call: &Call) -> Result<Self> {
        let reservation = MemoryConsumer::new("k_corrset pieces").register(call.context.memory_pool());
        let mut held = Held { bytes: 0, of_all: Arc::clone(&call.held), reservation };
        let mut first = Vec::new();
        while let Some(batch) = batches.try_next().await? {
            let enough = !held.hold(&batch);
            first.push(batch);
            if enough {
                return Ok(Self { first, rest: Some(Rest::new(batches)), held });
            }
        }
        Ok(Self { first, rest: None, held })
    }

    /// What tells of the reading of the rows that are not here.
    pub(super) fn reading(&mut self) -> Option<Reading> {
        self.rest.as_mut().and_then(|rest| rest.reading.take())
    }

    fn stream(self) -> impl Stream<Item = Result<RecordBatch>> {
        let Self { first, rest, held } = self;
        let first = stream::iter(first).map(move |batch| {
            let _ = &held;
            Ok(batch)
        });
        first.chain(stream::iter(rest).flat_map(Rest::stream))
    }
}

/// Bytes that are kept for a piece, given back on drop.
struct Held {
    bytes: usize,
    of_all: Arc<AtomicUsize>,
    reservation: MemoryReservation,
}

impl Held {
    /// Counts a batch; whether there is room for more.
    fn hold(&mut self, batch: &RecordBatch) -> bool {
        let bytes = batch.get_array_memory_size();
        self.bytes += bytes;
        let before = self.of_all.fetch_add(bytes, Ordering::Relaxed);
        self.reservation.try_grow(bytes).is_ok() && before + bytes < MOST_HELD
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.of_all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Rows that are handed on as they come.
struct Rest {
    batches: BoxStream<'static, Result<RecordBatch>>,
    is_worker_asked: Arc<AtomicBool>,
    /// Dropped when all are read.
    unread: oneshot::Sender<()>,
    reading: Option<Reading>,
}

/// Tells of the reading of rows that are handed on as they come.
pub(super) struct Reading {
    /// Ends when they are read, or nobody wants them.
    pub(super) over: oneshot::Receiver<()>,
    is_worker_asked: Arc<AtomicBool>,
}

impl Reading {
    /// Whether it is the worker that is waited for, and not whoever reads.
    pub(super) fn is_worker_asked(&self) -> bool {
        self.is_worker_asked.load(Ordering::Relaxed)
    }
}

impl Rest {
    fn new(batches: BoxStream<'static, Result<RecordBatch>>) -> Self {
        let (unread, over) = oneshot::channel();
        let is_worker_asked = Arc::<AtomicBool>::default();
        let reading = Some(Reading { over, is_worker_asked: Arc::clone(&is_worker_asked) });
        Self { batches, is_worker_asked, unread, reading }
    }

    fn stream(self) -> impl Stream<Item = Result<RecordBatch>> {
        let Self { mut batches, is_worker_asked, unread, .. } = self;
        stream::poll_fn(move |context| {
            let _ = &unread;
            let batch = batches.poll_next_unpin(context);
            is_worker_asked.store(batch.is_pending(), Ordering::Relaxed);
            batch
        })
    }
}

/// An error that many get.
pub(super) fn shared(error: &Arc<DataFusionError>) -> DataFusionError {
    DataFusionError::Shared(Arc::clone(error))
}
