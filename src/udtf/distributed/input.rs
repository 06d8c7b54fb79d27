//! The leaf below a sweep: its input, of which every task has all.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{exec_err, internal_err};
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use datafusion_distributed::{WorkUnitFeed, WorkUnitFeedProvider};
use datafusion_proto::physical_plan::{AsExecutionPlan, DefaultPhysicalExtensionCodec};
use datafusion_proto::protobuf::PhysicalPlanNode;
use futures::future::{BoxFuture, Shared};
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, TryStreamExt};
use prost::bytes::Bytes;

use crate::index::AnswerIndex;
use crate::udtf::bounded_errors::bounded;
use crate::udtf::exec::reader::Reader;
use crate::udtf::request::{KCorrsetRequest, KCorrsetScan};
use crate::udtf::settings::KCorrsetSettings;

/// Bytes of an index in one message: well below the 4 MiB that gRPC takes by default.
const PART_BYTES: usize = 1 << 20;

/// The input of a sweep, as a leaf that is copied to every task and never split.
///
/// It makes no rows: [`KCorrsetExec`](crate::udtf::KCorrsetExec) above asks it for what an
/// index is made of.
pub struct SharedInputExec {
    source: Source,
    properties: Arc<PlanProperties>,
}

/// Without the input, whose rows may be in memory and would all be shown.
impl fmt::Debug for SharedInputExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedInputExec").finish_non_exhaustive()
    }
}

/// Where a task has the input from.
#[derive(Clone)]
pub(super) enum Source {
    /// The coordinator builds the index and ships it. In the coordinator's own process, the
    /// rows are there.
    Shipped(Box<WorkUnitFeed<IndexFeed>>),
    /// Every task reads the rows.
    Read(Arc<dyn ExecutionPlan>),
}

impl Source {
    fn shipped(feed: IndexFeed) -> Self {
        Self::Shipped(Box::new(WorkUnitFeed::new(feed)))
    }
}

impl SharedInputExec {
    /// Hides the input of a sweep.
    ///
    /// Files on storage that all workers reach are left to them to read, if they are so large
    /// that shipping what is in them is more work for one than reading them is for each.
    pub(super) fn over(
        input: Arc<dyn ExecutionPlan>,
        scan: &KCorrsetScan,
        settings: &KCorrsetSettings,
    ) -> Self {
        let schema = input.schema();
        let source = match shared_bytes(&input) {
            Some(bytes) if bytes > settings.ship_below => Source::Read(input),
            _ => Source::shipped(IndexFeed {
                input,
                scan: scan.clone(),
                index: Arc::default(),
                metrics: ExecutionPlanMetricsSet::new(),
            }),
        };
        Self::new(source, schema)
    }

    pub(super) fn new(source: Source, schema: SchemaRef) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { source, properties: Arc::new(properties) }
    }

    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    /// What the engine has to stream to the tasks.
    pub(super) fn feed(&self) -> Option<&WorkUnitFeed<IndexFeed>> {
        match &self.source {
            Source::Shipped(feed) => Some(feed),
            Source::Read(_) => None,
        }
    }

    /// The index: of the rows that can be read here, or the coordinator's, in parts.
    ///
    /// # Errors
    /// Those of the input; the engine has no stream for this task, or not all of one.
    pub(super) async fn index(
        &self,
        request: &KCorrsetRequest,
        context: &Arc<TaskContext>,
        reader: &Reader,
    ) -> Result<AnswerIndex> {
        let rows = match &self.source {
            Source::Read(rows) => rows,
            Source::Shipped(feed) => match feed.inner() {
                Some(here) => &here.input,
                None => return received(feed.feed(0, Arc::clone(context))?, reader).await,
            },
        };
        reader.build(rows, request, context).await
    }
}

/// Bytes of the files that this plan reads, if it reads nothing else, and workers can do so
/// too.
fn shared_bytes(input: &Arc<dyn ExecutionPlan>) -> Option<usize> {
    fn bytes(node: &Arc<dyn ExecutionPlan>) -> Option<usize> {
        if !node.children().is_empty() {
            return node.children().into_iter().map(bytes).sum();
        }
        let source = node.downcast_ref::<DataSourceExec>()?;
        let files = source.data_source().downcast_ref::<FileScanConfig>()?;
        let local = files.object_store_url.as_str().starts_with("file:");
        let sizes = files
            .file_groups
            .iter()
            .flat_map(|group| group.iter())
            .map(|file| file.object_meta.size as usize);
        (!local).then(|| sizes.sum())
    }
    let bytes = bytes(input)?;
    // A plan with nodes of the application's own is not one that any worker knows.
    let known =
        PhysicalPlanNode::try_from_physical_plan(Arc::clone(input), &DefaultPhysicalExtensionCodec {});
    known.is_ok().then_some(bytes)
}

impl DisplayAs for SharedInputExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (how, plan) = match &self.source {
            Source::Shipped(feed) => ("the coordinator's index", feed.inner().map(|feed| &feed.input)),
            Source::Read(plan) => ("every task reads", Some(plan)),
        };
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => write!(f, "SharedInputExec: {how}")?,
            DisplayFormatType::TreeRender => write!(f, "{how}")?,
        }
        // The nodes that are hidden here, on the same line.
        let mut node = plan;
        while let Some(plan) = node {
            write!(f, " <- ")?;
            plan.fmt_as(DisplayFormatType::Default, f)?;
            node = match plan.children()[..] {
                [child] => Some(child),
                _ => None,
            };
        }
        Ok(())
    }
}

impl ExecutionPlan for SharedInputExec {
    fn name(&self) -> &'static str {
        "SharedInputExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if !children.is_empty() {
            return internal_err!("SharedInputExec has no children");
        }
        Ok(self)
    }

    // Still required by the trait, though deprecated in favour of the above.
    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let recompute = datafusion::physical_plan::execution_plan::ChildrenPropertiesMode::Recompute;
        self.replace_children(children, ReplaceChildrenOptions::new(recompute))
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        internal_err!("SharedInputExec makes no rows: it is read by the KCorrsetExec above it")
    }

    fn metrics(&self) -> Option<MetricsSet> {
        self.feed().map(|feed| feed.metrics().clone_inner())
    }

    /// The input's state is its own, and what was shipped is shipped anew.
    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        use datafusion::physical_plan::execution_plan::reset_plan_states;
        let source = match &self.source {
            Source::Read(plan) => Source::Read(reset_plan_states(Arc::clone(plan))?),
            Source::Shipped(feed) => match feed.inner() {
                None => Source::Shipped(feed.clone()),
                Some(here) => Source::shipped(IndexFeed {
                    input: reset_plan_states(Arc::clone(&here.input))?,
                    scan: here.scan.clone(),
                    index: Arc::default(),
                    metrics: ExecutionPlanMetricsSet::new(),
                }),
            },
        };
        Ok(Arc::new(Self::new(source, self.schema())))
    }
}

/// A piece of an index on its way to a worker.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct IndexPart {
    /// Bytes of the whole, in every part.
    #[prost(uint64, tag = "1")]
    total: u64,
    #[prost(bytes = "bytes", tag = "2")]
    bytes: Bytes,
    /// Why there is no index. An error of the stream itself would only end it.
    #[prost(string, optional, tag = "3")]
    error: Option<String>,
}

/// On the coordinator, what makes the index that is streamed to the workers. It is made once,
/// when the first of them is sent to.
#[derive(Clone)]
pub(crate) struct IndexFeed {
    input: Arc<dyn ExecutionPlan>,
    scan: KCorrsetScan,
    index: Arc<Mutex<Option<SharedBytes>>>,
    metrics: ExecutionPlanMetricsSet,
}

type SharedBytes = Shared<BoxFuture<'static, Result<EncodedIndex, Arc<DataFusionError>>>>;

impl fmt::Debug for IndexFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IndexFeed").finish_non_exhaustive()
    }
}

/// An index as bytes, accounted for until the last worker has got them.
#[derive(Debug, Clone)]
struct EncodedIndex {
    bytes: Bytes,
    _reservation: Arc<MemoryReservation>,
}

impl IndexFeed {
    async fn ship(self, context: Arc<TaskContext>) -> Result<EncodedIndex> {
        let reader = Reader::new(&self.scan, &context, &self.metrics)?;
        let index = reader.build(&self.input, &self.scan.request, &context).await.map_err(bounded)?;
        let held = index.memory();
        // The bytes, and the message they are written from.
        reader.reservation().try_resize(3 * held)?;
        let bytes = reader.on_pool(move || Ok(Bytes::from(index.to_bytes()?))).await?;
        reader.reservation().try_resize(bytes.len())?;
        Ok(EncodedIndex { bytes, _reservation: Arc::clone(reader.reservation()) })
    }
}

impl WorkUnitFeedProvider for IndexFeed {
    type WorkUnit = IndexPart;

    fn feed(&self, _: usize, context: Arc<TaskContext>) -> Result<BoxStream<'static, Result<IndexPart>>> {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let encoded = index
            .get_or_insert_with(|| {
                self.clone().ship(context).map(|made| made.map_err(Arc::new)).boxed().shared()
            })
            .clone();
        let parts = encoded.map(|made| match made {
            Ok(encoded) => encoded.parts().boxed(),
            Err(error) => {
                let text = match error.find_root() {
                    // Its text alone: it is put into such an error again.
                    DataFusionError::External(error) => error.to_string(),
                    error => error.strip_backtrace(),
                };
                let part = IndexPart { total: 0, bytes: Bytes::new(), error: Some(text) };
                futures::stream::iter([Ok(part)]).boxed()
            }
        });
        Ok(parts.flatten_stream().boxed())
    }

    fn metrics(&self) -> ExecutionPlanMetricsSet {
        self.metrics.clone()
    }
}

impl EncodedIndex {
    fn parts(self) -> impl futures::Stream<Item = Result<IndexPart>> {
        let total = self.bytes.len();
        futures::stream::iter((0..total.max(1)).step_by(PART_BYTES)).then(move |first| {
            let bytes = self.bytes.slice(first..total.min(first + PART_BYTES));
            async move {
                // Parts that are ready at the same time would go into one message.
                tokio::task::yield_now().await;
                Ok(IndexPart { total: total as u64, bytes, error: None })
            }
        })
    }
}

/// Puts an index together.
///
/// # Errors
/// The coordinator could not make one; parts are missing; the memory pool is exhausted.
async fn received(mut parts: BoxStream<'static, Result<IndexPart>>, reader: &Reader) -> Result<AnswerIndex> {
    let mut bytes = Vec::new();
    let mut total = None;
    while let Some(part) = parts.try_next().await? {
        if let Some(error) = part.error {
            return Err(DataFusionError::External(error.into()));
        }
        if total.is_none() {
            let whole = part.total as usize;
            reader.reservation().try_grow(whole)?;
            bytes.reserve_exact(whole);
            total = Some(whole);
        }
        bytes.extend_from_slice(&part.bytes);
    }
    if total != Some(bytes.len()) {
        return exec_err!(
            "k_corrset: the index did not arrive: the coordinator has ended, or sent more in one message than this \
             worker takes; see whether it still runs, or start the worker with a larger --max-message"
        );
    }
    // The bytes, the message they say, and the index made of that.
    reader.reservation().try_resize(3 * bytes.len())?;
    reader.on_pool(move || Ok(AnswerIndex::from_bytes(&bytes)?)).await
}
