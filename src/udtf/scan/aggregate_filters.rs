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
use datafusion::logical_expr::{
    Aggregate, Expr, FetchType, Limit, LogicalPlan, Projection, SkipType, Sort, TableScan,
};
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
        let root = Seen { sound: true, rows: None, best: None };
        Ok(plan.rewrite_with_subqueries(&mut Allow { above: vec![root] })?.data)
    }
}

/// Tells each sweep on the way whether filters that reach it are right, and which of its rows are read
/// first.
struct Allow {
    /// For each node from the root to the present one, what its inputs have above them.
    above: Vec<Seen>,
}

/// What is known of those who read a node.
#[derive(Clone)]
struct Seen {
    /// Whether filters that come from them are right.
    sound: bool,
    /// How many rows a limit right above lets through.
    rows: Option<usize>,
    /// The column of which the highest values are read first, and of how many rows. That is for the
    /// sweep to plan with; what it should leave out the filters say.
    best: Option<(String, usize)>,
}

/// The columns that are highest where r is, if all sets have as many users.
const AS_R: [&str; 2] = ["r", "r_low"];

/// So many rows are read first where nobody says how many.
const USUAL_ROWS: usize = 10;

impl Seen {
    /// What the inputs of a node below have above them.
    fn below(&self, node: &LogicalPlan) -> Self {
        let same = Self { rows: None, ..self.clone() };
        match node {
            LogicalPlan::Limit(limit) => Self { sound: true, rows: rows_of(limit), best: None },
            LogicalPlan::Sort(Sort { expr, fetch, .. }) => {
                let highest = expr.first().filter(|first| !first.asc);
                let column = highest.and_then(|first| column_of(&first.expr));
                let rows = fetch.or(self.rows).unwrap_or(USUAL_ROWS);
                Self { rows: None, best: column.map(|column| (column, rows)), sound: self.sound }
            }
            LogicalPlan::Aggregate(Aggregate { group_expr, aggr_expr, .. }) => {
                let best = match (&group_expr[..], &aggr_expr[..]) {
                    ([], [one]) => greatest_of(one).map(|column| (column, 1)),
                    _ => None,
                };
                let sound = self.sound && !(group_expr.is_empty() && aggr_expr.len() > 1);
                Self { sound, rows: None, best }
            }
            LogicalPlan::Projection(Projection { expr, .. }) => {
                let source = |(column, rows): &(String, usize)| {
                    let named = |expr: &&Expr| expr.qualified_name().1 == *column;
                    let of = expr.iter().find(named);
                    Some((column_of(&of?.clone().unalias())?, *rows))
                };
                Self { best: self.best.as_ref().and_then(source), rows: self.rows, sound: self.sound }
            }
            LogicalPlan::SubqueryAlias(_) => Self { rows: self.rows, ..same },
            LogicalPlan::Filter(_) | LogicalPlan::TableScan(_) => same,
            _ => Self { best: None, ..same },
        }
    }
}

/// How many rows a limit reads, if that is known.
fn rows_of(limit: &Limit) -> Option<usize> {
    match (limit.get_fetch_type(), limit.get_skip_type()) {
        (Ok(FetchType::Literal(Some(rows))), Ok(SkipType::Literal(skip))) => rows.checked_add(skip),
        _ => None,
    }
}

fn column_of(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Column(column) => Some(column.name.clone()),
        _ => None,
    }
}

/// The column of `max(column)`.
fn greatest_of(aggregate: &Expr) -> Option<String> {
    match aggregate.clone().unalias() {
        Expr::AggregateFunction(function) if function.func.name() == "max" => {
            column_of(function.params.args.first()?)
        }
        _ => None,
    }
}

impl TreeNodeRewriter for Allow {
    type Node = LogicalPlan;

    fn f_down(&mut self, node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        let unknown = Seen { sound: false, rows: None, best: None };
        let below = self.above.last().unwrap_or(&unknown).below(&node);
        self.above.push(below);
        Ok(Transformed::no(node))
    }

    fn f_up(&mut self, node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        let seen = self.above.pop();
        let LogicalPlan::TableScan(mut scan) = node else { return Ok(Transformed::no(node)) };
        let sound = seen.as_ref().is_some_and(|seen| seen.sound);
        let best = seen
            .and_then(|seen| seen.best)
            .filter(|(column, _)| AS_R.contains(&column.as_str()))
            .map(|(_, rows)| rows);
        let provider = source_as_provider(&scan.source).ok();
        let sweep = provider.as_ref().and_then(|provider| provider.downcast_ref::<KCorrsetTable>());
        Ok(match sweep {
            Some(sweep) if sweep.listens() != (sound, best) => {
                scan.source = provider_as_source(Arc::new(sweep.listening(sound, best)));
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
