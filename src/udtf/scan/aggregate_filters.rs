//! Which sweeps may listen to filters that arise while the query runs.
//!
//! `SELECT max(r)` publishes `r > the greatest so far` as a dynamic filter, and rows below
//! need not be made. But the filter of several aggregates is wrong as long as one of them
//! has no bound yet, or has an argument that is no column: DataFusion 55 leaves that one
//! out of the filter, and with it the rows that only it needs
//! (<https://github.com/apache/datafusion/issues/25147>,
//! <https://github.com/apache/datafusion/issues/24816>). Sources that skip whole files by
//! their statistics seldom show it; one that looks at every row always would.
//!
//! A plan node is handed filters without being told whose they are, and a session that is there
//! already takes no further rule for physical plans. So a rule of the analyzer, which sees who
//! is above whom, says it in advance: a sweep listens only where the rule found no aggregation
//! of several between it and the root, but for one above a limit, which filters do not pass. A
//! sweep that no rule has seen does not listen at all: slower in the worst case, never wrong.

use datafusion::common::tree_node::{Transformed, TreeNodeRecursion, TreeNodeRewriter};
use datafusion::config::ConfigOptions;
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::error::Result;
use datafusion::logical_expr::{Aggregate, LogicalPlan, TableScan};
use datafusion::optimizer::AnalyzerRule;
use std::sync::Arc;

use crate::udtf::scan::provider::KCorrsetTable;

/// The analyzer's rule that lets sweeps listen to dynamic filters where these are right.
#[derive(Debug)]
pub struct AllowDynamicFilters;

impl AnalyzerRule for AllowDynamicFilters {
    fn name(&self) -> &str {
        "k_corrset_allow_dynamic_filters"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let mut any = false;
        plan.apply_with_subqueries(|node| {
            any |= is_sweep(node);
            Ok(if any { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })?;
        if !any {
            return Ok(plan);
        }
        Ok(plan.rewrite_with_subqueries(&mut Allow { sound: vec![true] })?.data)
    }
}

/// Tells each sweep on the way whether filters that reach it are right.
struct Allow {
    /// For each node from the root to the present one, whether filters that come to its inputs
    /// are right.
    sound: Vec<bool>,
}

impl TreeNodeRewriter for Allow {
    type Node = LogicalPlan;

    fn f_down(&mut self, node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        let above = self.sound.last().copied().unwrap_or(false);
        self.sound.push(match &node {
            LogicalPlan::Limit(_) => true,
            LogicalPlan::Aggregate(Aggregate { group_expr, aggr_expr, .. }) => {
                above && !(group_expr.is_empty() && aggr_expr.len() > 1)
            }
            _ => above,
        });
        Ok(Transformed::no(node))
    }

    fn f_up(&mut self, node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        let sound = self.sound.pop().unwrap_or(false);
        let LogicalPlan::TableScan(mut scan) = node else { return Ok(Transformed::no(node)) };
        let provider = source_as_provider(&scan.source).ok();
        let sweep = provider.as_ref().and_then(|provider| provider.downcast_ref::<KCorrsetTable>());
        Ok(match sweep {
            Some(sweep) if sweep.listens() != sound => {
                scan.source = provider_as_source(Arc::new(sweep.listening(sound)));
                Transformed::yes(LogicalPlan::TableScan(scan))
            }
            _ => Transformed::no(LogicalPlan::TableScan(scan)),
        })
    }
}

fn is_sweep(node: &LogicalPlan) -> bool {
    let LogicalPlan::TableScan(TableScan { source, .. }) = node else { return false };
    source_as_provider(source).is_ok_and(|provider| provider.is::<KCorrsetTable>())
}
