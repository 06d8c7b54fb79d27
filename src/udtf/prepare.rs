//! Phase 1: the input's batches → an index and a plan of the sweep, once for all
//! partitions.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Schema;
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::common::ScalarValue;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::utils::quote_identifier;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricBuilder, Time};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures::future::{BoxFuture, Shared, join, try_join_all};
use futures::{FutureExt, StreamExt};
use rayon::ThreadPool;
use tokio::sync::oneshot;

use crate::error::KCorrsetError;
use crate::index::{AnswerIndex, IndexBuilder};
use crate::sweep::{Bounds, SweepPlan, SweepProgress, SweepRequest, pool};
use crate::udtf::advice::Advice;
use crate::udtf::bounded_errors::bounded;
#[cfg(feature = "distributed")]
use crate::udtf::distributed::{Material, SharedInputExec, received};
use crate::udtf::duplicates;
use crate::udtf::exec::KCorrsetScan;
use crate::udtf::near::near_questions;
use crate::udtf::notices::Notices;
use crate::udtf::provider::KCorrsetRequest;
use crate::udtf::pushdown::Selection;
use crate::udtf::text_scores::{TextScores, without_text};

/// What all partitions of one execution share.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) index: AnswerIndex,
    pub(crate) plan: Arc<SweepPlan>,
    pub(crate) pool: Arc<ThreadPool>,
    pub(crate) progress: Option<Arc<SweepProgress>>,
    /// The bytes of index and plan, given back to the session's pool on drop.
    reservation: MemoryReservation,
}

/// A preparation that whoever polls it drives, and whose end all of them see.
pub(crate) type SharedPreparation = Shared<BoxFuture<'static, Result<Arc<Prepared>, Arc<DataFusionError>>>>;

/// The preparation of a plan's partitions, as the plan holds it.
///
/// It goes with the last of the streams: a plan may be kept for long after it ran, as it is by
/// a worker of a cluster, and its index should not be. But partitions may be read one after
/// the other; so until all have been handed out the plan keeps it, too.
#[derive(Debug, Default)]
pub(crate) struct Preparation {
    kept: Option<Arc<SharedPreparation>>,
    used: Weak<SharedPreparation>,
    /// The partitions of the present run that have been handed out.
    handed_out: Vec<usize>,
    /// How many runs have begun.
    runs: usize,
}

impl Preparation {
    /// What the stream of one partition, out of so many, has to wait for and to hold; and which
    /// run it belongs to, the first being 0.
    pub(crate) fn hand_out(
        &mut self,
        partition: usize,
        partitions: usize,
        begin: impl FnOnce(usize) -> SharedPreparation,
    ) -> (Arc<SharedPreparation>, usize) {
        let again = self.handed_out.contains(&partition);
        let present = self.used.upgrade().filter(|_| !again);
        let shared = present.unwrap_or_else(|| {
            self.handed_out.clear();
            self.runs += 1;
            Arc::new(begin(self.runs - 1))
        });
        self.used = Arc::downgrade(&shared);
        self.handed_out.push(partition);
        self.kept = (self.handed_out.len() < partitions).then(|| Arc::clone(&shared));
        (shared, self.runs - 1)
    }
}

impl Prepared {
    /// The preparation, not yet begun. The name of the kernel is told to `kernel`.
    pub(crate) fn shared(
        input: Arc<dyn ExecutionPlan>,
        scan: KCorrsetScan,
        context: Arc<TaskContext>,
        metrics: ExecutionPlanMetricsSet,
        kernel: Arc<OnceLock<String>>,
    ) -> SharedPreparation {
        let preparation = async move {
            let prepared =
                prepare(input, scan, context, &metrics).await.map_err(bounded).map_err(Arc::new)?;
            kernel.get_or_init(|| kernel_name(&prepared.plan, &prepared.index));
            Ok(Arc::new(prepared))
        };
        preparation.boxed().shared()
    }

    /// A reservation of a partition's own, from the same pool and in the same name.
    pub(crate) fn reserve(&self, bytes: usize) -> Result<MemoryReservation> {
        let reservation = self.reservation.new_empty();
        reservation.try_grow(bytes)?;
        Ok(reservation)
    }
}

async fn prepare(
    input: Arc<dyn ExecutionPlan>,
    scan: KCorrsetScan,
    context: Arc<TaskContext>,
    metrics: &ExecutionPlanMetricsSet,
) -> Result<Prepared> {
    let instructions = scan.settings.instructions;
    // A sweep for the top rows looks at every subset, whatever the limit.
    let partial = scan.fetch.is_some() && scan.request.options.top.is_none();
    let reader = Reader::new(&scan, &context, metrics)?;
    let reservation = reader.reservation.new_empty();
    let index = index_of(&input, &scan.request, &context, &reader).await?;
    let (index, plan, reservation) = reader
        .on_pool(move || {
            let request = sweep_request(&scan, &index)?;
            reservation.try_grow(SweepPlan::memory_of(index.answers(), &request))?;
            let plan = SweepPlan::try_new(Arc::clone(index.answers()), &request, partial)?;
            Ok((index, Arc::new(plan), reservation))
        })
        .await?;
    let pool = Arc::clone(&reader.pool);
    drop(reader);
    reservation.try_grow(index.memory())?;

    let answers = index.answers();
    log::debug!(
        "k_corrset: {} users, {} questions, {} scores; kernel: {}, {}",
        answers.users(),
        answers.questions(),
        answers.score_class(),
        instructions.name(),
        kernel_name(&plan, &index)
    );
    let subsets = plan.subsets();
    MetricBuilder::new(metrics).global_counter("users").add(answers.users());
    MetricBuilder::new(metrics).global_counter("questions").add(answers.questions());
    MetricBuilder::new(metrics).global_counter("subsets_total").add(subsets.unwrap_or(u64::MAX) as usize);
    let progress = context.session_config().get_extension::<SweepProgress>();
    if let (Some(progress), Some(subsets)) = (&progress, subsets) {
        progress.expect(subsets);
    }
    Ok(Prepared { index, plan, pool, progress, reservation })
}

/// The name of the code that does the work, and what it takes the scores for.
fn kernel_name(plan: &SweepPlan, index: &AnswerIndex) -> String {
    match index.floats_as_decimals() {
        true => format!("{}, floats as decimals", plan.kernel()),
        false => plan.kernel().to_string(),
    }
}

/// The index of the rows that an input has, or of those that a coordinator has read.
async fn index_of(
    input: &Arc<dyn ExecutionPlan>,
    request: &KCorrsetRequest,
    context: &Arc<TaskContext>,
    reader: &Reader,
) -> Result<AnswerIndex> {
    #[cfg(feature = "distributed")]
    if let Some(shared) = input.downcast_ref::<SharedInputExec>() {
        return match shared.material(context)? {
            Material::Rows(rows) => reader.build(rows, request, context).await,
            Material::Parts(parts) => received(parts, reader).await,
        };
    }
    reader.build(input, request, context).await
}

/// Reads an input into an index.
#[derive(Clone)]
pub(crate) struct Reader {
    pool: Arc<ThreadPool>,
    /// For the builders of all partitions, and then for the index.
    reservation: Arc<MemoryReservation>,
    index_time: Time,
    any_rows: Arc<AtomicBool>,
}

/// The notice of an input that is empty, which is more often a slip than meant.
const NO_ROWS: &str = "k_corrset: the input has no rows, so the result has none";

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
    #[cfg(feature = "distributed")]
    pub(crate) fn reservation(&self) -> &Arc<MemoryReservation> {
        &self.reservation
    }

    /// The index of all rows.
    ///
    /// # Errors
    /// Those of the input and of its data; the latter with the SQL that mends them.
    pub(crate) async fn build(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        request: &KCorrsetRequest,
        context: &Arc<TaskContext>,
    ) -> Result<AnswerIndex> {
        match self.index(input, request, context).await {
            Err(DataFusionError::External(error)) => Err(match error.downcast() {
                Ok(error) => advised(*error, request, &input.schema(), context).await.into(),
                Err(other) => DataFusionError::External(other),
            }),
            result => result,
        }
    }

    async fn index(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        request: &KCorrsetRequest,
        context: &Arc<TaskContext>,
    ) -> Result<AnswerIndex> {
        let builder = self.read_all(input, request, context).await?;
        let reservation = Arc::clone(&self.reservation);
        let index = self.on_pool(move || {
            reservation.try_resize(builder.memory())?;
            reservation.try_grow(builder.finish_memory())?;
            let index = builder.finish()?;
            reservation.try_resize(index.memory())?;
            Ok(index)
        });
        let index = index.await?;
        if let Some(notices) = context.session_config().get_extension::<Notices>() {
            if !self.any_rows.load(Ordering::Relaxed) {
                notices.add(NO_ROWS);
            }
            index.labels().iter().take(MOST_LABELS).for_each(|column| notices.add(&label(column)));
        }
        Ok(index)
    }

    /// Reads all partitions of the input, each into a builder of its own, and merges these.
    async fn read_all(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        request: &KCorrsetRequest,
        context: &Arc<TaskContext>,
    ) -> Result<IndexBuilder> {
        let schema = input.schema();
        let readable = without_text(schema.fields(), &request.layout);
        if let Some(score) = (0..readable.len()).find(|&column| readable[column] != schema.fields()[column]) {
            self.refuse_text(input, score, request, context).await?;
            return Ok(IndexBuilder::try_new(&Arc::new(Schema::new(readable)), request.layout.clone())?);
        }
        let empty = IndexBuilder::try_new(&schema, request.layout.clone())?;
        let partitions = input.output_partitioning().partition_count();
        if partitions == 1 {
            return self.clone().read(input.execute(0, Arc::clone(context))?, empty).await;
        }
        let tasks = (0..partitions).map(|partition| {
            let batches = input.execute(partition, Arc::clone(context))?;
            // Aborted when it is dropped, as it is with the query.
            let task = SpawnedTask::spawn(self.clone().read(batches, empty.sibling()));
            Ok(async { task.await.unwrap_or_else(|error| Err(worker_error(&error.to_string()))) })
        });
        let builders = try_join_all(tasks.collect::<Result<Vec<_>>>()?).await?;
        self.on_pool(move || {
            let merge = |mut builder: IndexBuilder, other| {
                builder.merge(other);
                builder
            };
            Ok(builders.into_iter().reduce(merge).unwrap_or(empty))
        })
        .await
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
        let whole: Arc<dyn ExecutionPlan> = Arc::new(CoalescePartitionsExec::new(Arc::clone(input)));
        let mut batches = whole.execute(0, Arc::clone(context))?;
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

    /// Reads one partition.
    async fn read(
        self,
        mut batches: SendableRecordBatchStream,
        mut builder: IndexBuilder,
    ) -> Result<IndexBuilder> {
        let mut reserved = 0;
        let mut next = next_of(&mut batches).await;
        while let Some(batch) = next {
            let batch = batch?;
            if batch.num_rows() > 0 {
                self.any_rows.store(true, Ordering::Relaxed);
            }
            let pushed = self.on_pool(move || {
                builder.push(&batch)?;
                Ok(builder)
            });
            // One batch is taken in while the next is read.
            let (pushed, following) = join(pushed, next_of(&mut batches)).await;
            (builder, next) = (pushed?, following);
            let held = builder.memory();
            self.reservation.try_grow(held.saturating_sub(reserved))?;
            reserved = held.max(reserved);
        }
        Ok(builder)
    }

    /// Runs a part of the indexing.
    pub(crate) async fn on_pool<T: Send + 'static>(
        &self,
        compute: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let index_time = self.index_time.clone();
        on_pool(&self.pool, move || {
            let _timer = index_time.timer();
            compute()
        })
        .await
    }
}

/// What is known of a call on what is read of its table, for errors.
fn advice<'a>(request: &'a KCorrsetRequest, read: &'a Schema, context: &TaskContext) -> Advice<'a> {
    let config = context.session_config().options();
    Advice::new(config, &request.table.text, request.table.fields(read), &request.layout)
}

/// An error of the data with what mends it.
async fn advised(
    error: KCorrsetError,
    request: &KCorrsetRequest,
    read: &Schema,
    context: &TaskContext,
) -> KCorrsetError {
    let advice = advice(request, read, context);
    duplicates::diagnosed(advice.on_data(error), request, &advice, context).await
}

/// The next batch. A panic in whoever makes it becomes an error.
async fn next_of(batches: &mut SendableRecordBatchStream) -> Option<Result<RecordBatch>> {
    let next = AssertUnwindSafe(batches.next()).catch_unwind().await;
    next.unwrap_or_else(|panic| Some(Err(panic_error(&*panic))))
}

/// Runs a computation on the pool, for an async caller to wait for. A panic in it
/// becomes an error.
async fn on_pool<T: Send + 'static>(
    pool: &ThreadPool,
    compute: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let (sender, receiver) = oneshot::channel();
    pool.spawn(move || {
        // Nobody listens once the query has been dropped.
        let _ = sender.send(caught(compute));
    });
    receiver.await.map_err(|_| worker_error("the worker vanished"))?
}

/// Runs a computation; a panic in it becomes an error.
pub(crate) fn caught<T>(compute: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(compute)).unwrap_or_else(|panic| Err(panic_error(&*panic)))
}

/// What a panic says.
pub(crate) fn panic_error(panic: &(dyn Any + Send)) -> DataFusionError {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    worker_error(text.unwrap_or("a panic without a message"))
}

pub(crate) fn worker_error(message: &str) -> DataFusionError {
    KCorrsetError::Worker { message: message.to_string() }.into()
}

/// The request in the index's terms: questions by their ids.
fn sweep_request(scan: &KCorrsetScan, index: &AnswerIndex) -> Result<SweepRequest> {
    let KCorrsetRequest { k, options, question_type, .. } = &*scan.request;
    let ids = |questions: &[ScalarValue]| -> Result<Vec<Option<u32>>> {
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        let values = ScalarValue::iter_to_array(questions.iter().cloned())?;
        Ok(index.ids(&values)?)
    };
    let known = |option: &'static str, questions: &[ScalarValue]| -> Result<Vec<u32>> {
        let known = |(id, question): (Option<u32>, &ScalarValue)| {
            id.ok_or_else(|| unknown_question(option, question, index).into())
        };
        ids(questions)?.into_iter().zip(questions).map(known).collect()
    };
    let mut include = known("include", &options.include)?;
    let mut exclude = known("exclude", &options.exclude)?;
    // A filter may well ask for a question that is not there: no set has it.
    let mut selection = Selection::of_all(&scan.predicates, question_type);
    for id in ids(&selection.include)? {
        match id {
            Some(id) => include.push(id),
            None => selection.wanted = Bounds::NONE,
        }
    }
    exclude.extend(ids(&selection.exclude)?.into_iter().flatten());
    let any: Vec<u32> = ids(&selection.any)?.into_iter().flatten().collect();
    if any.is_empty() && !selection.any.is_empty() {
        selection.wanted = Bounds::NONE;
    }
    Ok(SweepRequest {
        k: *k,
        include,
        exclude,
        any,
        min_users: options.min_users,
        top: options.top,
        corrected: options.corrected,
        undefined: options.undefined,
        bounds: selection.wanted,
        instructions: Some(scan.settings.instructions),
    })
}

/// The most questions among which near ones are looked for.
const MOST_QUESTIONS: usize = 20_000;

/// Questions that are told where none is near.
const EXAMPLES: usize = 5;

fn unknown_question(option: &'static str, question: &ScalarValue, index: &AnswerIndex) -> KCorrsetError {
    let questions = index.questions();
    let text = |place| array_value_to_string(questions, place).ok();
    let names: Vec<String> = (0..questions.len().min(MOST_QUESTIONS)).filter_map(text).collect();
    let question = question.to_string();
    let near = near_questions(&question, names.iter().map(String::as_str));
    let known = if near.is_empty() { names.into_iter().take(EXAMPLES).collect() } else { Vec::new() };
    KCorrsetError::UnknownQuestion { option, question, near, known }
}
