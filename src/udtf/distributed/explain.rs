//! EXPLAIN that shows which part of a plan runs where.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::error::Result;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::{LogicalPlan, PlanType, StringifiedPlan};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::explain::ExplainExec;
use datafusion_distributed::{DistributedExec, display_plan_ascii};

/// A planner that lets EXPLAIN show a plan's stages.
///
/// DataFusion writes what EXPLAIN shows before the engine has got the plan to share it out, so
/// what it writes is the plan of one process.
#[derive(Debug)]
pub(super) struct ExplainStages {
    /// The engine's planner.
    pub(super) planner: Arc<dyn QueryPlanner + Send + Sync>,
}

#[async_trait]
impl QueryPlanner for ExplainStages {
    async fn create_physical_plan(
        &self,
        statement: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = self.planner.create_physical_plan(statement, session).await?;
        let (LogicalPlan::Explain(explain), Some(shown)) = (statement, plan.downcast_ref::<ExplainExec>())
        else {
            return Ok(plan);
        };
        // An error in the plan is shown by what there is.
        let explained = self.planner.create_physical_plan(&explain.plan, session).await;
        let Some(explained) = explained.ok().filter(|plan| plan.is::<DistributedExec>()) else {
            return Ok(plan);
        };
        let mut texts = shown.stringified_plans().to_vec();
        for text in texts.iter_mut().filter(|text| text.plan_type == PlanType::FinalPhysicalPlan) {
            let stages = display_plan_ascii(explained.as_ref(), false);
            *text = StringifiedPlan::new(PlanType::FinalPhysicalPlan, stages);
        }
        Ok(Arc::new(ExplainExec::new(shown.schema(), texts, shown.verbose())))
    }
}
