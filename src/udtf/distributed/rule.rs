//! Which part of a plan every worker gets a copy of, and which is split, or cut into pieces.

use std::sync::Arc;

use datafusion::arrow::compute::SortOptions;
use datafusion::common::internal_datafusion_err;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::limit::LocalLimitExec;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::unnest::UnnestExec;
use datafusion_distributed::DistributedConfig;

use crate::udtf::distributed::input::SharedInputExec;
use crate::udtf::exec::inputs::Inputs;
use crate::udtf::exec::node::KCorrsetExec;
use crate::udtf::request::{KCorrsetScan, Pieces};
use crate::udtf::settings::KCorrsetSettings;

/// Hides the input of each sweep in a leaf, so that the sweep can be split and its input
/// cannot; and puts above it what makes its rows one result again.
///
/// ```text
///  KCorrsetExec            ProjectionExec            those of the columns that are wanted
///   └ input                 └ SortPreservingMergeExec   ─┐
///                              └ SortExec                ─┴ the best of all, with `top`
///            ─────▶               └ KCorrsetExec         the best of a task
///                                    └ SharedInputExec
/// ```
///
/// A plan that is not distributed after all has the same rows. Sweeps within the input of a
/// sweep stay as they are.
#[derive(Debug)]
pub struct DistributeSweeps;

impl PhysicalOptimizerRule for DistributeSweeps {
    fn name(&self) -> &str {
        "k_corrset_distribute_sweeps"
    }

    fn schema_check(&self) -> bool {
        true
    }

    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // The input of another sweep stays in one process.
        if config.extensions.get::<DistributedConfig>().is_some_and(|engine| engine.max_tasks_per_stage == 1)
        {
            return Ok(plan);
        }
        let settings = KCorrsetSettings::of(config);
        let per_thread = if is_one_stage(&plan) { settings.pieces } else { 1 };
        let share_out = |node: Arc<dyn ExecutionPlan>| {
            // What recurs runs many times, and an index is shipped once.
            if node.is::<RecursiveQueryExec>() {
                return Ok(Transformed::new(node, false, TreeNodeRecursion::Jump));
            }
            let Some(sweep) = node.downcast_ref::<KCorrsetExec>() else { return Ok(Transformed::no(node)) };
            let request = &sweep.scan().request;
            // The best none of all take no sweep, and a sort for them is not to be had; nor is one for
            // the best of each size.
            let top = request.options.top;
            let several = request.sizes.as_ref().is_none_or(|sizes| sizes.iter().len() > 1);
            let unsorted = top == Some(0) || top.is_some() && several;
            let inputs = sweep.inputs();
            // To sum given sets takes less than to ship what they are; and an index of each partition is not shipped.
            let own = inputs.sets.is_some() || !request.roles.partition_by.is_empty();
            let whole = unsorted || own || inputs.answers.is::<SharedInputExec>();
            let shared = if whole { Arc::clone(&node) } else { shared_out(sweep, &settings, per_thread)? };
            Ok(Transformed::new(shared, !whole, TreeNodeRecursion::Jump))
        };
        Ok(plan.transform_down(share_out)?.data)
    }
}

/// Whether the rows of a plan's only sweep go to the coordinator straight from where they are made, and
/// each partition of theirs by itself: then it is all the same which worker makes which.
fn is_one_stage(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let (mut node, mut by_itself) = (plan, true);
    while !node.is::<KCorrsetExec>() {
        let [child] = node.children()[..] else { return false };
        if node.is::<CoalescePartitionsExec>() || node.is::<SortPreservingMergeExec>() {
            by_itself = true;
        } else if node.is::<RepartitionExec>() {
            return false;
        } else {
            // Of nodes that nobody knows here, one partition may have rows of all.
            by_itself &= keeps_partitions(node);
        }
        node = child;
    }
    by_itself
}

/// Whether each partition of a node is made of that of its input alone.
fn keeps_partitions(node: &Arc<dyn ExecutionPlan>) -> bool {
    node.is::<SortExec>()
        || node.is::<ProjectionExec>()
        || node.is::<FilterExec>()
        || node.is::<AggregateExec>()
        || node.is::<LocalLimitExec>()
        || node.is::<UnnestExec>()
        || node.is::<CooperativeExec>()
}

/// A sweep over a leaf of its own, cut into so many pieces for each thread.
fn shared_out(
    sweep: &KCorrsetExec,
    settings: &KCorrsetSettings,
    per_thread: usize,
) -> Result<Arc<dyn ExecutionPlan>> {
    let threads = sweep.scan().settings.threads;
    let pieces = (per_thread > 1).then(|| Pieces { of_task: per_thread.saturating_mul(threads), tasks: 1 });
    let scan = &KCorrsetScan { pieces, ..sweep.scan().clone() };
    let input: Arc<dyn ExecutionPlan> =
        Arc::new(SharedInputExec::over(Arc::clone(&sweep.inputs().answers), scan, settings));
    let inputs = Inputs { answers: input, sets: None };
    let Some(top) = scan.request.options.top else {
        return Ok(Arc::new(KCorrsetExec::try_new(inputs, scan.clone())?));
    };
    // All columns, for the order needs them; and all the rows of `top`, for those of a limit
    // have to be among the best of all tasks.
    let all = KCorrsetScan { projection: None, fetch: None, ..scan.clone() };
    let best_of_task = Arc::new(KCorrsetExec::try_new(inputs, all)?);
    let order = best_first()?;
    let sorted =
        SortExec::new(order.clone(), best_of_task).with_preserve_partitioning(true).with_fetch(Some(top));
    let best: Arc<dyn ExecutionPlan> =
        Arc::new(SortPreservingMergeExec::new(order, Arc::new(sorted)).with_fetch(Some(top)));
    let Some(projection) = &scan.projection else { return Ok(best) };
    let schema = best.schema();
    let columns = projection.iter().map(|&column| {
        let name = schema.field(column).name();
        ProjectionExpr::new(Arc::new(Column::new(name, column)), name.clone())
    });
    Ok(Arc::new(ProjectionExec::try_new(columns.collect::<Vec<_>>(), best)?))
}

/// The order of `top`: r descending, NULL last; n descending; questions ascending.
fn best_first() -> Result<LexOrdering> {
    let by = |name, column, descending| {
        let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(name, column));
        PhysicalSortExpr::new(column, SortOptions { descending, nulls_first: false })
    };
    LexOrdering::new([by("r", 1, true), by("n", 2, true), by("questions", 0, false)])
        .ok_or_else(|| internal_datafusion_err!("an order of three columns is not empty"))
}
