//! Which aggregates may tell the sweep what they need.
//!
//! `SELECT max(r)` publishes `r > the greatest so far` as a dynamic filter, and rows below
//! need not be made. But the filter of several aggregates is wrong as long as one of them
//! has no bound yet, or has an argument that is no column: DataFusion 55 leaves that one
//! out of the filter, and with it the rows that only it needs
//! (<https://github.com/apache/datafusion/issues/25147>,
//! <https://github.com/apache/datafusion/issues/24816>). Sources that skip whole files by
//! their statistics seldom show it; one that looks at every row always would.
//!
//! A filter for several aggregates would save little here: what any of them may need is
//! hardly ever a box. So only single aggregates keep theirs.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;

use crate::udtf::exec::KCorrsetExec;

/// Takes the filters of several aggregates away from sweeps. It runs after the filters
/// have been handed down.
#[derive(Debug)]
pub struct SingleAggregateFilters;

impl PhysicalOptimizerRule for SingleAggregateFilters {
    fn name(&self) -> &str {
        "k_corrset_single_aggregate_filters"
    }

    fn schema_check(&self) -> bool {
        true
    }

    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let mut unsound = Vec::new();
        plan.apply(|node| {
            if let Some(aggregate) = node.downcast_ref::<AggregateExec>()
                && aggregate.aggr_expr().len() > 1
            {
                let filters = aggregate.dynamic_expressions_produced();
                unsound.extend(filters.iter().filter_map(|filter| filter.expression_id()));
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        if unsound.is_empty() {
            return Ok(plan);
        }
        let strip = |node: Arc<dyn ExecutionPlan>| match node.downcast_ref::<KCorrsetExec>() {
            Some(sweep) => sweep.without_predicates(&unsound),
            None => Ok(Transformed::no(node)),
        };
        Ok(plan.transform_up(strip)?.data)
    }
}
