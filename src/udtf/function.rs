//! The table function itself: what a session calls where no planner of ours comes
//! first.

use std::sync::Arc;

use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Column, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};

use crate::error::KCorrsetError;
use crate::udtf::arguments::{Arguments, display, struct_options};
use crate::udtf::bounded_errors::bounded;
use crate::udtf::provider::KCorrsetTable;
use crate::udtf::resolve::{TableName, resolve};

/// The table function `k_corrset(table, k [, options])`: a name, a literal and a struct
/// literal, which is all that a table function can be given by itself.
#[derive(Debug, Default)]
pub struct KCorrsetFunction;

impl TableFunctionImpl for KCorrsetFunction {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let (table, k, options) = match args.exprs() {
            [table, k] => (table, k, Vec::new()),
            [table, k, options] => (table, k, struct_options(options.clone())?),
            other => return Err(KCorrsetError::ArgumentCount { got: other.len() }.into()),
        };
        let name = table_name(table)?;
        let (k, options) = Arguments::try_new(k.clone(), options)?.typed()?;
        let (reference, provider) = resolve(args.session(), &name).map_err(bounded)?;
        let name = reference.to_quoted_string();
        let input = LogicalPlanBuilder::scan(reference, provider_as_source(provider), None)?.build()?;
        let table = KCorrsetTable::try_new_from(input, &name, k, options)?;
        Ok(Arc::new(table.with_settings_of(args.session().config_options())))
    }
}

/// The name under which the next function is known.
pub(crate) const TABLE_NAMED: &str = "__k_corrset_table_named";

/// The table of a name, as a table function: that is how a relation planner, which is not
/// given the session, gets at the session's catalogs.
#[derive(Debug, Default)]
pub(crate) struct TableNamed;

impl TableFunctionImpl for TableNamed {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let [name] = args.exprs() else {
            return Err(KCorrsetError::ArgumentCount { got: args.exprs().len() }.into());
        };
        Ok(resolve(args.session(), &table_name(name)?)?.1)
    }
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
