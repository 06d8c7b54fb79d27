//! When a statement runs: what the progress bar has to know, and the prompt does not
//! tell.
//!
//! The prompt prints a statement's result when the stream of its plan has ended. So
//! every statement's plan gets a root that watches over its stream: the bar is gone
//! before the prompt sees the end, an error, or — as Ctrl-C drops the stream —
//! nothing any more.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::context::QueryPlanner;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties,
    execute_stream,
};
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};
use datafusion_k_corrset::sweep::SweepProgress;
use futures::{StreamExt, stream};

use crate::progress::Watch;

tokio::task_local! {
    /// Set while a statement is planned.
    static PLANNING: ();
}

/// DataFusion's planner; statements are watched.
#[derive(Debug)]
pub(crate) struct WatchedPlanner {
    progress: Arc<SweepProgress>,
}

impl WatchedPlanner {
    /// A planner for a session whose sweeps report to `progress`.
    pub(crate) fn new(progress: Arc<SweepProgress>) -> Self {
        Self { progress }
    }
}

#[async_trait]
impl QueryPlanner for WatchedPlanner {
    async fn create_physical_plan(
        &self,
        statement: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let planner = DefaultPhysicalPlanner::default();
        // A table may plan an input of its own, which is no statement.
        if PLANNING.try_with(|_| ()).is_ok() {
            return planner.create_physical_plan(statement, session).await;
        }
        let plan = PLANNING.scope((), planner.create_physical_plan(statement, session)).await?;
        // An endless result is printed while it runs, and leaves no room for a bar.
        if plan.boundedness().is_unbounded() {
            return Ok(plan);
        }
        Ok(Arc::new(WatchedExec::new(plan, Arc::clone(&self.progress))))
    }
}

/// The root of a statement's plan, which returns what its input returns.
#[derive(Debug)]
struct WatchedExec {
    input: Arc<dyn ExecutionPlan>,
    progress: Arc<SweepProgress>,
    properties: Arc<PlanProperties>,
}

impl WatchedExec {
    /// A root for the plan of a statement.
    fn new(input: Arc<dyn ExecutionPlan>, progress: Arc<SweepProgress>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(input.schema()),
            // Of several streams none would know when the last of them ends.
            Partitioning::UnknownPartitioning(1),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        Self { input, progress, properties: Arc::new(properties) }
    }
}

impl DisplayAs for WatchedExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name())
    }
}

impl ExecutionPlan for WatchedExec {
    fn name(&self) -> &str {
        "WatchedExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    // Deprecated, but without a default, and `replace_children` falls back on it.
    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(Self::new(input, Arc::clone(&self.progress)))),
            _ => Err(DataFusionError::Internal("WatchedExec has exactly one child".to_string())),
        }
    }

    fn execute(&self, _partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let watch = Watch::start(Arc::clone(&self.progress));
        let batches = execute_stream(Arc::clone(&self.input), context)?;
        let schema = batches.schema();
        // At the end of the batches the watch is dropped before the end is passed on.
        let watched = stream::unfold((batches, watch), |(mut batches, watch)| async move {
            let batch = batches.next().await?;
            Some((batch, (batches, watch)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, watched)))
    }
}
