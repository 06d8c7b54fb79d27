//! The table function itself: what a session calls where no planner of ours comes
//! first.

use std::sync::Arc;

use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Column, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::error::Result;
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};

use crate::error::KCorrsetError;
use crate::udtf::bounded_errors::bounded;
use crate::udtf::scan::provider::KCorrsetTable;
use crate::udtf::sql::arguments::{Arguments, is_struct, struct_options};
use crate::udtf::sql::resolve::{TableName, resolve};
use crate::udtf::values::display;

/// The table function `k_corrset(table, k [, options])`: a name, a literal and a struct
/// literal, which is all that a table function can be given by itself.
#[derive(Debug, Default)]
pub struct KCorrsetFunction;

impl TableFunctionImpl for KCorrsetFunction {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let (table, k, options) = match args.exprs() {
            [name, table] if asks_for_table(table) => {
                return Ok(resolve(args.session(), &table_name(name)?)?.1);
            }
            // Sets that are among the options leave k out.
            [table, options] if is_struct(options) => (table, None, struct_options(options.clone())?),
            [table, k] => (table, Some(k.clone()), Vec::new()),
            [table, k, options] => (table, Some(k.clone()), struct_options(options.clone())?),
            other => return Err(KCorrsetError::ArgumentCount { got: other.len() }.into()),
        };
        let name = table_name(table)?;
        let (sets, options) = Arguments::try_new(k, options)?.typed(None)?;
        let (reference, provider) = resolve(args.session(), &name).map_err(bounded)?;
        let input = LogicalPlanBuilder::scan(reference, provider_as_source(provider), None)?.build()?;
        let config = args.session().config_options();
        Ok(Arc::new(KCorrsetTable::of_call(input, None, sets, options, config)?))
    }
}

/// Arguments for which the function returns not a result but the table of that name: a relation
/// planner is not given the session, and gets at the session's catalogs by a function's call. No
/// SQL can say them, as placeholders begin with a `$` there.
pub(crate) fn table_of(name: Expr) -> Vec<Expr> {
    vec![name, Expr::Placeholder(Placeholder::new_with_field(ITS_TABLE.to_string(), None))]
}

/// The placeholder that asks for the table itself.
const ITS_TABLE: &str = "table";

fn asks_for_table(argument: &Expr) -> bool {
    matches!(argument, Expr::Placeholder(placeholder) if placeholder.id == ITS_TABLE)
}

/// The first argument: a name as SQL writes it, or a string.
fn table_name(argument: &Expr) -> Result<TableName, KCorrsetError> {
    match argument {
        // Inside a correlated subquery a bare name may be taken for an outer column.
        Expr::Column(column) | Expr::OuterReferenceColumn(_, column) => {
            Ok(TableName::Parsed(reference_of(column)))
        }
        Expr::Literal(value, _) => match value.try_as_str() {
            Some(Some(text)) if !text.is_empty() => Ok(TableName::Text(text.to_string())),
            _ => Err(KCorrsetError::TableArgument { got: display(value) }),
        },
        other => Err(KCorrsetError::TableArgument { got: other.to_string() }),
    }
}

/// A dotted name, which the SQL planner took for a column of a table.
fn reference_of(column: &Column) -> TableReference {
    let table = column.name.clone();
    match &column.relation {
        None => TableReference::bare(table),
        Some(TableReference::Bare { table: schema }) => TableReference::partial(Arc::clone(schema), table),
        Some(TableReference::Partial { schema: catalog, table: schema })
        | Some(TableReference::Full { schema: catalog, table: schema, .. }) => {
            TableReference::full(Arc::clone(catalog), Arc::clone(schema), table)
        }
    }
}
