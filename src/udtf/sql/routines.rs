//! What lists of functions say of `k_corrset`.
//!
//! `SHOW FUNCTIONS` reads `information_schema.routines`, where DataFusion describes functions of
//! every kind but table functions, for these have no place for a description. So ours is filled in
//! where a query reads that table.

use datafusion::common::{Column, TableReference};
use datafusion::error::Result;
use datafusion::logical_expr::planner::{PlannedRelation, RelationPlannerContext, RelationPlanning};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, lit, when};
use datafusion::sql::sqlparser::ast::TableFactor;

use crate::udtf::NAME;

/// Columns of the list, with what they say of the function.
const DESCRIBED: [(&str, &str); 2] = [
    (
        "description",
        "For every set of k questions of an exam: r, Pearson's correlation between a user's total on \
         the set and the grand total, and n, how many users answered all of the set. The table has \
         rows of user, question and score.",
    ),
    ("syntax_example", "k_corrset(table, k [, option => value, ...])"),
];

/// The list of functions with ours described, if that is what a relation is.
pub(crate) fn routines(
    relation: TableFactor,
    context: &mut dyn RelationPlannerContext,
) -> Result<RelationPlanning> {
    let TableFactor::Table { name, alias, args: None, .. } = &relation else {
        return Ok(RelationPlanning::Original(Box::new(relation)));
    };
    let reference = context.object_name_to_table_reference(name.clone()).ok();
    let is_list = |reference: &TableReference| {
        reference.schema() == Some("information_schema") && reference.table() == "routines"
    };
    let found = reference.filter(is_list).and_then(|reference| {
        let source = context.context_provider().get_table_source(reference.clone());
        Some((source.ok()?, reference))
    });
    // What is wrong with a name, or without an information schema, DataFusion says.
    let Some((source, reference)) = found else {
        return Ok(RelationPlanning::Original(Box::new(relation)));
    };
    let scan = LogicalPlanBuilder::scan(reference.clone(), source, None)?;
    let columns = scan.schema().columns().into_iter().map(described).collect::<Result<Vec<_>>>()?;
    let plan = scan.project(columns)?.alias(reference)?.build()?;
    Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias.clone()))))
}

/// A column of the list, with what it says of the function.
fn described(column: Column) -> Result<Expr> {
    let text = DESCRIBED.iter().find(|(name, _)| *name == column.name).map(|(_, text)| *text);
    let Some(text) = text else { return Ok(Expr::Column(column)) };
    let of_routine = |name: &str| Expr::Column(Column::new(column.relation.clone(), name));
    let is_ours = of_routine("routine_name").eq(lit(NAME)).and(of_routine("function_type").eq(lit("TABLE")));
    let name = column.name.clone();
    Ok(when(is_ours, lit(text)).otherwise(Expr::Column(column))?.alias(name))
}
