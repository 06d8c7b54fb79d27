//! An input's batches → an index.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::Schema;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::utils::quote_identifier;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricBuilder, Time};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, execute_stream};
use futures::future::join;
use futures::stream::{FuturesUnordered, iter};
use futures::{FutureExt, Stream, StreamExt, TryFutureExt, TryStreamExt};
use rayon::ThreadPool;
use rayon::iter::{IndexedParallelIterator, IntoParallelRefMutIterator, ParallelIterator};
use tokio::sync::oneshot;

use crate::error::KCorrsetError;
use crate::index::partitions::{Part, PartitionedBuilder, finish_while};
use crate::index::{AnswerIndex, BuildError, InputLayout};
use crate::sweep::pool;
use crate::udtf::advice::Advice;
use crate::udtf::advice::duplicates;
use crate::udtf::advice::text_scores::{TextScores, without_text};
use crate::udtf::exec::notices::Notices;
use crate::udtf::exec::panics::{caught, panic_error, worker_error};
use crate::udtf::exec::slices::slices;
use crate::udtf::options::SearchMode;
use crate::udtf::request::{KCorrsetRequest, KCorrsetScan};

/// Reads an input into an index.
#[derive(Clone)]
pub(crate) struct Reader {
    pub(crate) pool: Arc<ThreadPool>,
    /// For the builders of all partitions, and then for the index.
    reservation: Arc<MemoryReservation>,
    index_time: Time,
    any_rows: Arc<AtomicBool>,
}

/// The notice of an input that is empty, which is more often a slip than meant.
pub(crate) const NO_ROWS: &str = "k_corrset: the input has no rows, so the result has none";

/// The most values that a builder takes in at once.
const MOST_CELLS: usize = 1 << 20;

/// The most columns that are remarked on.
const MOST_LABELS: usize = 3;

/// The notice of a column of a wide table that looks as if it named the users.
fn label(column: &str) -> String {
    let name = quote_identifier(column);
    crate::error::bounded(format!(
        "k_corrset: column {name} is taken for a question, and has another value in every row; if it names \
         the users, write user => '{}'; if it is no question, write (SELECT * EXCLUDE ({name}) FROM ...) in \
         the place of the table",
        column.replace('\'', "''")
    ))
}

impl Reader {
    /// A reader with the threads that the scan may have and the session's memory pool.
    pub(crate) fn new(
        scan: &KCorrsetScan,
        context: &Arc<TaskContext>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Self> {
        let pool = pool(scan.settings.threads).map_err(|error| DataFusionError::External(error.into()))?;
        let reservation = MemoryConsumer::new("KCorrsetExec").register(context.memory_pool());
        let index_time = MetricBuilder::new(metrics).subset_time("index_time", 0);
        Ok(Self { pool, reservation: Arc::new(reservation), index_time, any_rows: Arc::default() })
    }

    /// What is reserved in the session's memory pool for what has been read.
    pub(crate) fn reservation(&self) -> &Arc<MemoryReservation> {
        &self.reservation
    }

    /// The index of all rows, where they are not parted.
    ///
    /// # Errors
    /// Those of the input and of its data; the latter with the SQL that mends them.
    #[cfg(feature = "distributed")]
    pub(crate) async fn build(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        request: &KCorrsetRequest,
        context: &Arc<TaskContext>,
    ) -> Result<AnswerIndex> {
        let only = self.build_parts(input, request, context).await?.pop();
        only.map(|part| part.of).ok_or_else(|| worker_error("a table without parts has one index"))
    }

    /// The index of each part of the rows.
    ///
    /// # Errors
    /// Those of the input and of its data; the latter with the SQL that mends them.
    pub(crate) async fn build_parts(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        request: &KCorrsetRequest,
        context: &Arc<TaskContext>,
    ) -> Result<Vec<Part<AnswerIndex>>> {
        match self.indexes(input, request, context).await {
            Err(DataFusionError::External(error)) => Err(match error.downcast() {
                Ok(error) => advised(*error, request, &input.schema(), context).await.into(),
                Err(other) => DataFusionError::External(other),
            }),
            result => result,
        }
    }

    async fn indexes(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        request: &KCorrsetRequest,
        context: &Arc<TaskContext>,
    ) -> Result<Vec<Part<AnswerIndex>>> {
        let builder = self.read_all(input, request, context).await?;
        let reservation = Arc::clone(&self.reservation);
        let names = request.roles.partition_by.clone();
        // A heuristic adds doubles up, whatever scores are. Where users have names, these order them.
        let nameless = request.roles.layout == InputLayout::Wide { user: None };
        let by_answers = nameless && request.options.search == SearchMode::Heuristic;
        let indexes = self.on_pool_while(move |waits| {
            reservation.try_resize(builder.memory())?;
            reservation.try_grow(builder.finish_memory())?;
            let finished = finish_while(builder.into_parts()?, waits);
            let mut indexes =
                finished.map_err(|failed| in_part(&names, *failed))?.ok_or_else(nobody_waits)?;
            if by_answers && !indexes.iter_mut().all(|part| part.of.order_by_answers_while(waits)) {
                return Err(nobody_waits());
            }
            reservation.try_resize(indexes.iter().map(|part| part.of.memory()).sum())?;
            Ok(indexes)
        });
        let indexes = indexes.await?;
        if let Some(notices) = context.session_config().get_extension::<Notices>() {
            if !self.any_rows.load(Ordering::Relaxed) {
                notices.add(NO_ROWS);
            }
            let labels = indexes.iter().flat_map(|part| part.of.labels());
            labels.take(MOST_LABELS).for_each(|column| notices.add(&label(column)));
        }
        Ok(indexes)
    }

    /// Reads all partitions of the input into builders, as many as there are threads or more, and merges these.
    async fn read_all(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        request: &KCorrsetRequest,
        context: &Arc<TaskContext>,
    ) -> Result<PartitionedBuilder> {
        let schema = input.schema();
        let readable = without_text(schema.fields(), &request.roles.layout);
        if let Some(score) = (0..readable.len()).find(|&column| readable[column] != schema.fields()[column]) {
            self.refuse_text(input, score, request, context).await?;
            return Ok(PartitionedBuilder::try_new(&Arc::new(Schema::new(readable)), &request.roles)?);
        }
        let empty = PartitionedBuilder::try_new(&schema, &request.roles)?;
        let partitions = input.output_partitioning().partition_count();
        let turns = self.pool.current_num_threads().div_ceil(partitions.max(1));
        let most_rows = MOST_CELLS / schema.fields().len().max(1);
        let rows = context.session_config().batch_size().min(most_rows).max(1);
        let tasks = (0..partitions).map(|partition| {
            let batches = input.execute(partition, Arc::clone(context))?;
            // A table may come as one batch: one thread would have to take in all of it, and could not be stopped.
            let batches = batches.map_ok(move |batch| iter(slices(batch, rows).map(Ok))).try_flatten();
            let builders = (0..turns).map(|_| empty.sibling()).collect::<Result<_, _>>()?;
            // Aborted when it is dropped, as it is with the query.
            let task = SpawnedTask::spawn(self.clone().read(batches, builders));
            let builders = async { task.await.unwrap_or_else(|error| Err(worker_error(&error.to_string()))) };
            Ok(builders.map_ok(move |builders| (partition, builders)))
        });
        // The first error ends all, whichever partition has it.
        let tasks: FuturesUnordered<_> = tasks.collect::<Result<_>>()?;
        let mut builders: Vec<(usize, Vec<_>)> = tasks.try_collect().await?;
        builders.sort_unstable_by_key(|(partition, _)| *partition);
        let builders: Vec<_> = builders.into_iter().flat_map(|(_, builders)| builders).collect();
        self.on_pool_while(move |waits| Ok(merged(builders, waits)?.unwrap_or(empty))).await
    }

    /// Looks at scores that are text.
    ///
    /// # Errors
    /// [`KCorrsetError::ScoreText`], unless all of them are NULL.
    async fn refuse_text(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        score: usize,
        request: &KCorrsetRequest,
        context: &Arc<TaskContext>,
    ) -> Result<()> {
        let mut batches = execute_stream(Arc::clone(input), Arc::clone(context))?;
        let mut scores = TextScores::default();
        while let Some(batch) = next_of(&mut batches).await {
            let batch = batch?;
            if batch.num_rows() > 0 {
                self.any_rows.store(true, Ordering::Relaxed);
            }
            let looked = self.on_pool(move || {
                let column =
                    batch.columns().get(score).ok_or_else(|| worker_error("a batch without scores"))?;
                scores.push(column)?;
                Ok(scores)
            });
            scores = looked.await?;
        }
        if scores.is_empty() {
            return Ok(());
        }
        let schema = input.schema();
        let advice = advice(request, &schema, context);
        Err(scores.error(schema.field(score).name(), &advice).into())
    }

    /// Reads one partition: its builders take turns, so that what each is given does not depend on time.
    async fn read(
        self,
        batches: impl Stream<Item = Result<RecordBatch>> + Send,
        mut builders: Vec<PartitionedBuilder>,
    ) -> Result<Vec<PartitionedBuilder>> {
        let mut rounds = pin!(batches.try_chunks(builders.len()).map_err(|error| error.1));
        let mut reserved = 0;
        let mut next = next_of(&mut rounds).await;
        while let Some(round) = next {
            let round = round?;
            if round.iter().any(|batch| batch.num_rows() > 0) {
                self.any_rows.store(true, Ordering::Relaxed);
            }
            let pushed = self.on_pool(move || {
                let turns = builders.par_iter_mut().zip(round);
                let pushed: Vec<_> = turns.map(|(builder, batch)| builder.push(batch)).collect();
                // Of several errors the first.
                pushed.into_iter().collect::<Result<(), _>>()?;
                Ok(builders)
            });
            // One round is taken in while the next is read.
            let (pushed, following) = join(pushed, next_of(&mut rounds)).await;
            (builders, next) = (pushed?, following);
            let held: usize = builders.iter().map(PartitionedBuilder::memory).sum();
            self.reservation.try_grow(held.saturating_sub(reserved))?;
            reserved = held.max(reserved);
        }
        Ok(builders)
    }

    /// Runs a short part of the indexing.
    pub(crate) async fn on_pool<T: Send + 'static>(
        &self,
        compute: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.on_pool_while(|_| compute()).await
    }

    /// Runs a part of the indexing that may take long, and asks now and then whether the query
    /// still waits for it.
    pub(crate) async fn on_pool_while<T: Send + 'static>(
        &self,
        compute: impl FnOnce(&(dyn Fn() -> bool + Sync)) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let index_time = self.index_time.clone();
        on_pool(&self.pool, move |waits| {
            let _timer = index_time.timer();
            compute(waits)
        })
        .await
    }
}

/// What becomes of a computation whose query has been dropped: nobody reads it.
pub(crate) fn nobody_waits() -> DataFusionError {
    worker_error("the query has been dropped")
}

/// The error of one part, which is named.
fn in_part(names: &[String], failed: Part<BuildError>) -> DataFusionError {
    let Part { values, of } = failed;
    match of {
        BuildError::Input(error) if !values.is_empty() => {
            let (partition, error) = (part_text(names, &values), Box::new(error));
            KCorrsetError::InPartition { partition, error }.into()
        }
        other => other.into(),
    }
}

/// A part by the values of its columns.
fn part_text(names: &[String], values: &[ArrayRef]) -> String {
    let shown = FormatOptions::default().with_null("NULL");
    let text = |(name, value): (&String, &ArrayRef)| {
        let formatter = ArrayFormatter::try_new(value, &shown).ok()?;
        Some(format!("{name} = {}", formatter.value(0)))
    };
    names.iter().zip(values).filter_map(text).collect::<Vec<_>>().join(" and ")
}

/// What is known of a call on what is read of its table, for errors.
fn advice<'a>(request: &'a KCorrsetRequest, read: &'a Schema, context: &TaskContext) -> Advice<'a> {
    let config = context.session_config().options();
    Advice::new(config, &request.table.text, request.table.fields(read), &request.roles)
}

/// An error of the data with what mends it.
async fn advised(
    error: KCorrsetError,
    request: &KCorrsetRequest,
    read: &Schema,
    context: &TaskContext,
) -> KCorrsetError {
    let advice = advice(request, read, context);
    let advised = async |error| duplicates::diagnosed(advice.on_data(error), request, &advice, context).await;
    match error {
        KCorrsetError::InPartition { partition, error } => {
            KCorrsetError::InPartition { partition, error: Box::new(advised(*error).await) }
        }
        error => advised(error).await,
    }
}

/// What builders were given, in their order; `None` where there is none.
///
/// # Errors
/// Nobody waits for it; Arrow cannot read an array.
fn merged(
    mut builders: Vec<PartitionedBuilder>,
    waits: &(dyn Fn() -> bool + Sync),
) -> Result<Option<PartitionedBuilder>> {
    if builders.len() < 2 {
        return Ok(builders.pop());
    }
    let others = builders.split_off(builders.len().div_ceil(2));
    let (here, there) = rayon::join(|| merged(builders, waits), || merged(others, waits));
    match (here?, there?) {
        (Some(here), Some(there)) => here.merged_while(there, waits)?.ok_or_else(nobody_waits).map(Some),
        (only, None) | (None, only) => Ok(only),
    }
}

/// The next item. A panic in whoever makes it becomes an error.
pub(crate) async fn next_of<T>(items: &mut (impl Stream<Item = Result<T>> + Unpin)) -> Option<Result<T>> {
    let next = AssertUnwindSafe(items.next()).catch_unwind().await;
    next.unwrap_or_else(|panic| Some(Err(panic_error(&*panic))))
}

/// Runs a computation on the pool, for an async caller to wait for; it may ask whether the
/// caller still does. A panic in it becomes an error.
async fn on_pool<T: Send + 'static>(
    pool: &ThreadPool,
    compute: impl FnOnce(&(dyn Fn() -> bool + Sync)) -> Result<T> + Send + 'static,
) -> Result<T> {
    let (sender, receiver) = oneshot::channel();
    pool.spawn(move || {
        if sender.is_closed() {
            return;
        }
        let result = caught(|| compute(&|| !sender.is_closed()));
        // Nobody listens once the query has been dropped.
        let _ = sender.send(result);
    });
    receiver.await.map_err(|_| worker_error("the worker vanished"))?
}
