//! Tables of the folders that a pattern has found, with the columns that the folders are.
//!
//! Of all folders below one, DataFusion makes columns itself. A pattern may leave some out, so each
//! is a table of its own here.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::{Column, plan_datafusion_err};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};

use crate::session::listing::FolderColumns;

/// The rows of all tables, with the columns of each.
pub(super) fn joined(
    mut tables: Vec<(FolderColumns, Arc<dyn TableProvider>)>,
) -> Result<Arc<dyn TableProvider>> {
    if let [(columns, _)] = &tables[..]
        && columns.is_empty()
        && let Some((_, table)) = tables.pop()
    {
        return Ok(table);
    }
    let parts = tables.into_iter().map(|(columns, table)| part(columns, table));
    let union = |plan: Result<LogicalPlan>, part: Result<LogicalPlan>| {
        LogicalPlanBuilder::from(plan?).union_by_name(part?)?.build()
    };
    let all = parts.reduce(union).ok_or_else(|| plan_datafusion_err!("a table without files"))??;
    Ok(Arc::new(ViewTable::new(all, None)))
}

/// A folder's rows. Of a column that is in the files, too, the folder's stands.
fn part(columns: FolderColumns, table: Arc<dyn TableProvider>) -> Result<LogicalPlan> {
    let schema = table.schema();
    let own = schema.fields().iter().filter(|field| columns.iter().all(|(name, _)| name != field.name()));
    let own = own.map(|field| Expr::Column(Column::from_name(field.name())));
    let values = columns.iter().map(|(name, value)| lit(value.as_str()).alias(name));
    let all: Vec<Expr> = own.chain(values).collect();
    LogicalPlanBuilder::scan("files", provider_as_source(table), None)?.project(all)?.build()
}
