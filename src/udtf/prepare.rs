//! Phase 1: the input's batches → an index and a plan of the sweep, once for all
//! partitions.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricBuilder};
use futures::future::{BoxFuture, Shared};
use futures::{FutureExt, StreamExt};
use rayon::ThreadPool;
use tokio::sync::oneshot;

use crate::error::KCorrsetError;
use crate::index::{AnswerIndex, IndexBuilder};
use crate::sweep::{Instructions, SweepPlan, SweepProgress, SweepRequest, pool};
use crate::udtf::provider::KCorrsetRequest;

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

impl Prepared {
    /// The preparation, not yet begun. `partial` where the sweep will stop before
    /// its end.
    pub(crate) fn shared(
        input: Arc<dyn ExecutionPlan>,
        request: Arc<KCorrsetRequest>,
        context: Arc<TaskContext>,
        threads: usize,
        instructions: Instructions,
        partial: bool,
        metrics: ExecutionPlanMetricsSet,
    ) -> SharedPreparation {
        let preparation = async move {
            let prepared = prepare(input, request, context, threads, instructions, partial, &metrics).await;
            prepared.map(Arc::new).map_err(Arc::new)
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
    request: Arc<KCorrsetRequest>,
    context: Arc<TaskContext>,
    threads: usize,
    instructions: Instructions,
    partial: bool,
    metrics: &ExecutionPlanMetricsSet,
) -> Result<Prepared> {
    let reservation = MemoryConsumer::new("KCorrsetExec").register(context.memory_pool());
    let index_time = MetricBuilder::new(metrics).subset_time("index_time", 0);
    let pool = pool(threads).map_err(|error| DataFusionError::External(error.into()))?;
    let mut batches = input.execute(0, Arc::clone(&context))?;
    let mut builder = IndexBuilder::try_new(&batches.schema(), request.options.columns.clone())?;
    while let Some(batch) = batches.next().await {
        let (batch, index_time) = (batch?, index_time.clone());
        builder = on_pool(&pool, move || {
            let _timer = index_time.timer();
            builder.push(&batch)?;
            Ok(builder)
        })
        .await?;
        reservation.try_resize(builder.memory())?;
    }
    drop(batches);
    reservation.try_grow(builder.finish_memory())?;

    let (index, plan) = on_pool(&pool, {
        let (request, reservation) = (Arc::clone(&request), reservation.new_empty());
        move || {
            let _timer = index_time.timer();
            let index = builder.finish()?;
            let request = sweep_request(&request, instructions, &index)?;
            reservation.try_grow(SweepPlan::memory_of(index.answers()))?;
            let plan = SweepPlan::try_new(Arc::clone(index.answers()), &request, partial)?;
            Ok((index, Arc::new(plan)))
        }
    })
    .await?;
    reservation.try_resize(index.memory() + SweepPlan::memory_of(index.answers()))?;

    let answers = index.answers();
    log::debug!(
        "k_corrset: {} users, {} questions, {} scores; kernel: {}, {}",
        answers.users(),
        answers.questions(),
        answers.score_class(),
        instructions.name(),
        plan.kernel()
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
    catch_unwind(AssertUnwindSafe(compute)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(worker_error(&text.unwrap_or_else(|| "a panic without a message".to_string())))
    })
}

pub(crate) fn worker_error(message: &str) -> DataFusionError {
    KCorrsetError::Worker { message: message.to_string() }.into()
}

/// The request in the index's terms: questions by their ids.
fn sweep_request(
    request: &KCorrsetRequest,
    instructions: Instructions,
    index: &AnswerIndex,
) -> Result<SweepRequest> {
    let options = &request.options;
    let ids = |option: &'static str, questions: &[ScalarValue]| -> Result<Vec<u32>> {
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        let values = ScalarValue::iter_to_array(questions.iter().cloned())?;
        let ids = index.ids(&values)?;
        let known = |(id, question): (Option<u32>, &ScalarValue)| {
            id.ok_or_else(|| KCorrsetError::UnknownQuestion { option, question: question.to_string() }.into())
        };
        ids.into_iter().zip(questions).map(known).collect()
    };
    Ok(SweepRequest {
        k: request.k,
        include: ids("include", &options.include)?,
        exclude: ids("exclude", &options.exclude)?,
        min_users: options.min_users,
        top: options.top,
        corrected: options.corrected,
        undefined: options.undefined,
        instructions: Some(instructions),
    })
}
