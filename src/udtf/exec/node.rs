//! The plan node: one index, built once, swept by every partition.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    Boundedness, EmissionType, EvaluationType, ReplaceChildrenOptions, SchedulingType,
};
use datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation, PushedDown,
};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, EmptyRecordBatchStream, ExecutionPlan, Partitioning, PlanProperties,
    Statistics, StatisticsArgs,
};

use crate::index::InputLayout;
use crate::search::{Method, Part};
use crate::sweep::SetCount;
use crate::udtf::exec::distribution::distribution_of;
use crate::udtf::exec::inputs::Inputs;
use crate::udtf::exec::output::Output;
use crate::udtf::exec::prepare::{PreparationSlot, Prepared};
use crate::udtf::exec::stream::KCorrsetStream;
#[cfg(feature = "distributed")]
use crate::udtf::request::Pieces;
use crate::udtf::request::{KCorrsetRequest, KCorrsetScan, PartitionId};

/// How many questions a table has of which nobody has counted them.
const USUAL_QUESTIONS: u64 = 100;

/// More rows than this are as many as any.
const MANY: usize = 1 << 40;

/// Sweeps the question sets of its input.
///
/// # Execution flow
///
/// ```text
///   inputs: user, question, score; or user and questions; and the sets, if they are given
///        │
///        ▼  phase 1, once: fold the batches into an index
///   ┌──────────┐
///   │ Prepared │  shared by all output partitions
///   └──────────┘
///     │      │   phase 2, each partition: its shares of the sweep, on rayon threads
///     ▼      ▼
///   questions, r, n
/// ```
///
/// ## 1. Preparation
/// The first partition that is polled starts it and all of them drive it. The
/// session's memory pool is told of every batch that the index grows by.
///
/// ## 2. Sweep
/// A partition owns a static share of the subsets, so partitions need not know of
/// each other. It computes one batch ahead of its consumer and no further. With
/// `top` there is one partition: it works on several shares at once and merges
/// their best rows.
///
/// ## Shared state
/// `preparation` is shared between the partitions of one execution, and goes with their streams;
/// [`reset_state`](ExecutionPlan::reset_state) and a change of the input start a
/// new one.
pub struct KCorrsetExec {
    inputs: Inputs,
    scan: KCorrsetScan,
    output: Output,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
    /// Shared between all partitions.
    preparation: Mutex<PreparationSlot>,
    /// The name of the kernel, once the scores are known.
    kernel: Arc<OnceLock<String>>,
}

impl KCorrsetExec {
    pub(crate) fn try_new(inputs: Inputs, scan: KCorrsetScan) -> Result<Self> {
        let KCorrsetRequest { options, schema, .. } = &*scan.request;
        let columns = scan.projection.clone().unwrap_or_else(|| (0..schema.fields().len()).collect());
        let schema = Arc::new(schema.project(&columns)?);
        let partitions = match scan.pieces {
            Some(pieces) => pieces.partitions(),
            None if options.top.is_some() => 1,
            None => scan.settings.threads,
        };
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        )
        .with_evaluation_type(EvaluationType::Eager)
        .with_scheduling_type(SchedulingType::Cooperative);
        Ok(Self {
            output: Output::new(
                schema,
                &scan.request.options,
                scan.request.roles.partition_by.len(),
                &columns,
            ),
            inputs,
            scan,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
            preparation: Mutex::default(),
            kernel: Arc::default(),
        })
    }

    /// What is asked for.
    #[cfg(feature = "distributed")]
    pub(crate) fn scan(&self) -> &KCorrsetScan {
        &self.scan
    }

    /// The same, cut into other pieces.
    #[cfg(feature = "distributed")]
    pub(crate) fn with_pieces(&self, pieces: Pieces) -> Result<Self> {
        Self::try_new(self.inputs.clone(), KCorrsetScan { pieces: Some(pieces), ..self.scan.clone() })
    }

    /// What it reads.
    #[cfg(feature = "distributed")]
    pub(crate) fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// One partition's share of the result.
    pub(crate) fn stream(&self, partition: usize, context: &Arc<TaskContext>) -> KCorrsetStream {
        let partitions = self.properties.partitioning.partition_count();
        let distribution = distribution_of(context.session_config());
        // In a process of its own, the only one.
        let (task, tasks) = distribution.map_or((0, 1), |it| it.task_of(&self.inputs.answers, context));
        let begin = |run| {
            let (inputs, scan) = (self.inputs.clone(), self.scan.of_run(run).into_owned());
            let (context, metrics, kernel) =
                (Arc::clone(context), self.metrics.clone(), Arc::clone(&self.kernel));
            let (part, describes) = (Part { index: task, of: tasks }, self.output.describes_totals());
            Prepared::shared(inputs, scan, part, describes, context, metrics, kernel)
        };
        let mut preparation = self.preparation.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut preparation, run) = preparation.hand_out(partition, partitions, begin);
        let id = match self.scan.pieces {
            Some(pieces) => pieces.partition(partition, task, tasks),
            None => PartitionId { partition, partitions, task, tasks },
        };
        let scan = self.scan.of_run(run);
        if id.task != task && id.partition == 0 {
            let part = Part { index: id.task, of: tasks };
            let other = Prepared::of_other_part(preparation, part, context, &self.metrics);
            preparation = Arc::new(other);
        }
        KCorrsetStream::new(preparation, self.output.clone(), id, &scan, context, &self.metrics)
    }

    /// About how many rows the result has, if anything is known of it.
    fn about_rows(&self) -> Option<usize> {
        let KCorrsetScan { request, fetch, .. } = &self.scan;
        let sizes = request.sizes.as_ref();
        let all = sizes.map(|sizes| {
            let questions = match &request.roles.layout {
                // A column each, but for the user's.
                InputLayout::Wide { .. } => self.inputs.answers.schema().fields().len() as u64,
                InputLayout::Long(_) => USUAL_QUESTIONS,
            };
            let of_size = |size: usize| SetCount::of(questions, size as u64);
            match sizes.iter().map(of_size).sum() {
                SetCount::Exactly(sets) => MANY.min(usize::try_from(sets).unwrap_or(MANY)),
                SetCount::About(_) => MANY,
            }
        });
        let best =
            request.options.top.map(|top| top.saturating_mul(sizes.map_or(1, |sizes| sizes.iter().len())));
        [all, best, *fetch].into_iter().flatten().min()
    }

    /// The instructions; once the scores are known, with the kernel that suits them.
    fn kernel(&self) -> String {
        let instructions = self.scan.settings.instructions.name();
        match self.kernel.get() {
            Some(kernel) => format!("{instructions} ({kernel})"),
            None => instructions.to_string(),
        }
    }

    /// What is asked for, and what the query and the machine add to it.
    fn describe(&self, separator: &str) -> String {
        let KCorrsetScan { request, projection, fetch, .. } = &self.scan;
        let mut parts = request.describe();
        let mut part = |name: &str, value: Option<String>| {
            parts.extend(value.map(|value| format!("{name}={value}")));
        };
        let predicates: Vec<String> = self.scan.all_filters().map(ToString::to_string).collect();
        part("predicate", (!predicates.is_empty()).then(|| predicates.join(" AND ")));
        part("fetch", fetch.map(|rows| rows.to_string()));
        let columns: Vec<&str> =
            self.output.schema().fields().iter().map(|field| field.name().as_str()).collect();
        part("projection", projection.as_ref().map(|_| format!("[{}]", columns.join(", "))));
        let forced = [Method::Sweep, Method::Tree].contains(&self.scan.method());
        part("search", forced.then(|| self.scan.method().name().to_string()));
        part("kernel", Some(self.kernel()));
        parts.join(separator)
    }
}

/// Without the input: errors of engines that cannot send a plan show it by `Debug`, and a table
/// in memory shows all of its rows.
impl fmt::Debug for KCorrsetExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KCorrsetExec").field("scan", &self.scan).finish_non_exhaustive()
    }
}

impl DisplayAs for KCorrsetExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => {
                write!(f, "KCorrsetExec: {}", self.describe(", "))
            }
            DisplayFormatType::TreeRender => write!(f, "{}", self.describe("\n")),
        }
    }
}

impl ExecutionPlan for KCorrsetExec {
    fn name(&self) -> &'static str {
        "KCorrsetExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.inputs.iter().collect()
    }

    /// However few partitions there are, as many builders as there are threads take turns at their batches.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false; self.children().len()]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        // Aggregates and joins look here whether anybody uses their filters.
        for predicate in self.scan.all_filters() {
            if f(predicate)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    /// Takes over filters that arise while the query runs. Those that are there before
    /// have been offered to the table already.
    ///
    /// The answer is "no" for each, so their owner goes on applying them: what is read out
    /// of a filter may let more through than the filter does, and be a little old.
    fn handle_child_pushdown_result(
        &self,
        phase: FilterPushdownPhase,
        filters: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        let filters: Vec<_> = filters.parent_filters.into_iter().map(|result| result.filter).collect();
        let unchanged =
            FilterPushdownPropagation::with_parent_pushdown_result(vec![PushedDown::No; filters.len()]);
        let takes_filters = self.scan.takes_filters && phase == FilterPushdownPhase::Post;
        if !takes_filters || filters.is_empty() {
            return Ok(unchanged);
        }
        let mut scan = self.scan.clone();
        scan.dynamic_filters.extend(filters);
        Ok(unchanged.with_updated_node(Arc::new(Self::try_new(self.inputs.clone(), scan)?)))
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let inputs = Inputs::of(&children, self.inputs.sets.is_some())?;
        Ok(Arc::new(Self::try_new(inputs, self.scan.clone())?))
    }

    // Still required by the trait, though deprecated in favour of the above.
    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let recompute = datafusion::physical_plan::execution_plan::ChildrenPropertiesMode::Recompute;
        self.replace_children(children, ReplaceChildrenOptions::new(recompute))
    }

    /// Without the filters that arose while it ran: whoever published them begins anew, with
    /// filters of which this node is not told.
    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::try_new(self.inputs.clone(), self.scan.without_dynamic_filters())?))
    }

    /// About how many rows there are, for joins to see which of their sides is the smaller.
    fn statistics_from_inputs(
        &self,
        _: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(self.output.schema());
        if let Some(rows) = self.about_rows() {
            let partitions = self.properties.partitioning.partition_count();
            let rows = if args.partition().is_some() { rows.div_ceil(partitions) } else { rows };
            statistics.num_rows = Precision::Inexact(rows);
        }
        Ok(Arc::new(statistics))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        if self.scan.pieces.is_some_and(|pieces| partition == pieces.nothing()) {
            return Ok(Box::pin(EmptyRecordBatchStream::new(self.schema())));
        }
        Ok(Box::pin(self.stream(partition, &context)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
