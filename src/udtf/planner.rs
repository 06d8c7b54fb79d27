//! `FROM k_corrset(...)` as SQL writes it → a plan.
//!
//! A table function by itself is given literals, and names as if they were columns. It
//! never sees a subquery with more than one column, a common table expression, `name =>
//! value` or the value of `$1`. A relation planner does: DataFusion asks it about every
//! relation of a FROM clause, at any depth, before it tries its own ways.
//!
//! ```text
//! relation ── k_corrset? ──▶ the table:   (SELECT ...)    planned as a derived table
//!                │                        name            a common table expression of that
//!                │                                        name, else a table of the catalogs
//!                │                        'text'          the same, else a path
//!                │                        TABLE(name)     the same as name
//!                ▼
//!            k, options:  expressions without columns, computed as far as possible
//!                │
//!                ├─ all known ───────▶ a scan of the result
//!                └─ some are `$n` ───▶ parked until they are bound: see `parked`
//! ```
//!
//! A planner is not given the session, but may ask for table functions. So the catalogs
//! are asked by way of one that returns the table of a name.

use std::sync::Arc;

use datafusion::common::tree_node::TreeNode;
use datafusion::common::{Column, DFSchema, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::sql::sqlparser::ast::{
    Expr as SqlExpr, FunctionArg, FunctionArgExpr, FunctionArgOperator, FunctionArguments, Ident, ObjectName,
    ObjectNamePart, TableAlias, TableFactor, Value,
};

use crate::error::KCorrsetError;
use crate::udtf::NAME;
use crate::udtf::arguments::{Arguments, simplified, struct_options};
use crate::udtf::bounded_errors::bounded;
use crate::udtf::function::TABLE_NAMED;
use crate::udtf::parked;
use crate::udtf::provider::KCorrsetTable;

/// Plans the calls of `k_corrset` in FROM clauses.
#[derive(Debug)]
pub struct KCorrsetPlanner;

impl RelationPlanner for KCorrsetPlanner {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let call = match call(relation)? {
            Ok(call) => call,
            Err(relation) => return Ok(RelationPlanning::Original(Box::new(relation))),
        };
        let plan = plan(call.arguments, context).map_err(bounded)?;
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, call.alias))))
    }
}

/// A call as the parser leaves it.
struct Call {
    arguments: Vec<FunctionArg>,
    alias: Option<TableAlias>,
}

/// The call that a relation is, or the relation.
///
/// # Errors
/// It is a call with something around it that would have no effect.
fn call(relation: TableFactor) -> Result<std::result::Result<Call, TableFactor>, KCorrsetError> {
    let without = |given: bool, modifier| match given {
        true => Err(KCorrsetError::Modifier { modifier }),
        false => Ok(()),
    };
    match relation {
        TableFactor::Table {
            name,
            alias,
            args: Some(args),
            with_hints,
            version,
            with_ordinality,
            partitions,
            json_path,
            sample,
            index_hints,
        } if is_ours(&name) => {
            without(sample.is_some(), "TABLESAMPLE")?;
            without(with_ordinality, "WITH ORDINALITY")?;
            without(!with_hints.is_empty(), "WITH (...)")?;
            without(version.is_some(), "a version")?;
            without(!partitions.is_empty(), "PARTITION")?;
            without(json_path.is_some(), "a JSON path")?;
            without(!index_hints.is_empty(), "an index hint")?;
            without(args.settings.is_some(), "SETTINGS")?;
            Ok(Ok(Call { arguments: args.args, alias }))
        }
        // LATERAL
        TableFactor::Function { name, args, with_ordinality, alias, .. } if is_ours(&name) => {
            without(with_ordinality, "WITH ORDINALITY")?;
            Ok(Ok(Call { arguments: args, alias }))
        }
        // TABLE(...)
        TableFactor::TableFunction { expr: SqlExpr::Function(function), alias }
            if is_ours(&function.name) =>
        {
            match function.args {
                FunctionArguments::List(list) => Ok(Ok(Call { arguments: list.args, alias })),
                _ => Err(KCorrsetError::ArgumentCount { got: 0 }),
            }
        }
        other => Ok(Err(other)),
    }
}

/// Whether a name is that of the function: in any letters, unless it is quoted.
fn is_ours(name: &ObjectName) -> bool {
    match name.0.as_slice() {
        [ObjectNamePart::Identifier(Ident { value, quote_style: None, .. })] => {
            value.eq_ignore_ascii_case(NAME)
        }
        [ObjectNamePart::Identifier(Ident { value, .. })] => value == NAME,
        _ => false,
    }
}

fn plan(arguments: Vec<FunctionArg>, context: &mut dyn RelationPlannerContext) -> Result<LogicalPlan> {
    let count = arguments.len();
    let mut positional = Vec::new();
    let (mut k, mut options) = (None, Vec::new());
    for argument in arguments {
        let (name, value, operator) = match argument {
            FunctionArg::Unnamed(value) => {
                positional.push(expression(value)?);
                continue;
            }
            FunctionArg::Named { name, arg, operator } => (name, arg, operator),
            FunctionArg::ExprNamed { name: SqlExpr::Identifier(name), arg, operator } => {
                (name, arg, operator)
            }
            other => return Err(KCorrsetError::Argument { got: other.to_string() }.into()),
        };
        if !matches!(operator, FunctionArgOperator::RightArrow | FunctionArgOperator::Assignment) {
            return Err(KCorrsetError::Argument { got: format!("{name} {operator} {value}") }.into());
        }
        let name = context.normalize_ident(name);
        let value = literal(expression(value)?, context)?;
        match name.eq_ignore_ascii_case("k") {
            true if k.is_some() => return Err(KCorrsetError::OptionTwice { name }.into()),
            true => k = Some(value),
            false => options.push((name, value)),
        }
    }
    let mut positional = positional.into_iter();
    let table = positional.next().ok_or(KCorrsetError::ArgumentCount { got: count })?;
    match (positional.next(), &k) {
        (Some(_), Some(_)) => return Err(KCorrsetError::OptionTwice { name: "k".to_string() }.into()),
        (Some(second), None) => k = Some(literal(second, context)?),
        (None, _) => {}
    }
    let k = k.ok_or(KCorrsetError::ArgumentCount { got: count })?;
    if let Some(fields) = positional.next() {
        options.extend(struct_options(literal(fields, context)?)?);
    }
    if positional.next().is_some() {
        return Err(KCorrsetError::ArgumentCount { got: count }.into());
    }
    let arguments = Arguments::try_new(k, options)?;
    let name = name_in_from(&table);
    let input = input(table, context)?;
    let config = context.context_provider().options();
    if arguments.placeholder().is_some() || !input.get_parameter_names()?.is_empty() {
        return parked::park(input, &name, arguments, config);
    }
    let (k, options) = arguments.typed()?;
    scan(KCorrsetTable::try_new_from(input, &name, k, options)?.with_settings_of(config))
}

/// What stands for the first argument where a query is proposed that reads from it.
fn name_in_from(argument: &SqlExpr) -> String {
    match argument {
        SqlExpr::Nested(inner) => name_in_from(inner),
        SqlExpr::Function(_) => "...".to_string(),
        table => table.to_string(),
    }
}

/// A scan of a result.
pub(crate) fn scan(table: KCorrsetTable) -> Result<LogicalPlan> {
    LogicalPlanBuilder::scan(NAME, provider_as_source(Arc::new(table)), None)?.build()
}

fn expression(argument: FunctionArgExpr) -> Result<SqlExpr, KCorrsetError> {
    match argument {
        FunctionArgExpr::Expr(SqlExpr::Nested(inner)) => expression(FunctionArgExpr::Expr(*inner)),
        FunctionArgExpr::Expr(expression) => Ok(expression),
        other => Err(KCorrsetError::Argument { got: other.to_string() }),
    }
}

/// An expression without columns, computed as far as possible.
fn literal(expression: SqlExpr, context: &mut dyn RelationPlannerContext) -> Result<Expr> {
    if let SqlExpr::BinaryOp { left, .. } = &expression
        && let SqlExpr::Identifier(_) = **left
    {
        // `min_users = 30` would end as a column that is not there.
        return Err(KCorrsetError::Argument { got: expression.to_string() }.into());
    }
    let expression = context.sql_to_expr(expression, &DFSchema::empty())?;
    simplified(expression, context.context_provider().options())
}

/// The relation that the first argument stands for.
fn input(argument: SqlExpr, context: &mut dyn RelationPlannerContext) -> Result<LogicalPlan> {
    let named = |name: ObjectName| TableFactor::Table {
        name,
        alias: None,
        args: None,
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_hints: Vec::new(),
    };
    match argument {
        SqlExpr::Subquery(subquery) => {
            let plan =
                context.plan(TableFactor::Derived { lateral: false, subquery, alias: None, sample: None })?;
            match plan.exists(|node| Ok(node.contains_outer_reference()))? {
                true => Err(KCorrsetError::Correlated.into()),
                false => Ok(plan),
            }
        }
        SqlExpr::Identifier(name) => input(SqlExpr::CompoundIdentifier(vec![name]), context),
        SqlExpr::CompoundIdentifier(names) => {
            let name = ObjectName::from(names);
            let reference = context.object_name_to_table_reference(name.clone())?;
            table(named(name), column_of(&reference), reference, context)
        }
        SqlExpr::Value(value) => match value.value {
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) if !text.is_empty() => {
                let reference = TableReference::parse_str(&text);
                let parts = reference.to_vec().into_iter().map(|part| Ident::with_quote('"', part));
                let name = ObjectName::from(parts.collect::<Vec<_>>());
                let whole = named(ObjectName::from(vec![Ident::with_quote('"', text.as_str())]));
                table(named(name), lit(text), reference, context)
                    .map_err(|unknown| reason(unknown, context.plan(whole).err()))
            }
            other => Err(KCorrsetError::TableArgument { got: other.to_string() }.into()),
        },
        SqlExpr::Nested(inner) => input(*inner, context),
        SqlExpr::Function(function) if function.name.to_string().eq_ignore_ascii_case("table") => {
            let argument = match function.args {
                FunctionArguments::List(list) if list.args.len() == 1 => list.args.into_iter().next(),
                _ => None,
            };
            match argument {
                Some(FunctionArg::Unnamed(argument)) => input(expression(argument)?, context),
                _ => Err(KCorrsetError::TableArgument { got: "TABLE of several things".to_string() }.into()),
            }
        }
        other => Err(KCorrsetError::TableArgument { got: other.to_string() }.into()),
    }
}

/// A name as the table function is given it.
fn column_of(reference: &TableReference) -> Expr {
    let relation = match reference {
        TableReference::Bare { .. } => None,
        TableReference::Partial { schema, .. } => Some(TableReference::bare(Arc::clone(schema))),
        TableReference::Full { catalog, schema, .. } => {
            Some(TableReference::partial(Arc::clone(catalog), Arc::clone(schema)))
        }
    };
    Expr::Column(Column::new(relation, reference.table()))
}

/// The relation of a name: a common table expression before a table of the catalogs, as
/// everywhere in SQL.
fn table(
    relation: TableFactor,
    name: Expr,
    reference: TableReference,
    context: &mut dyn RelationPlannerContext,
) -> Result<LogicalPlan> {
    // Of the tables only those are known here that the query names elsewhere, so that
    // none is found means nothing yet.
    let unplanned = match context.plan(relation) {
        Ok(plan) => return Ok(plan),
        Err(error) => error,
    };
    let source = context.context_provider().get_table_function_source(TABLE_NAMED, vec![name]);
    let source = source.map_err(|unknown| reason(unknown, Some(unplanned)))?;
    LogicalPlanBuilder::scan(reference, source, None)?.build()
}

/// The error for a table that is unknown in the end: what a planner of the session says of it, if
/// one does.
fn reason(unknown: DataFusionError, unplanned: Option<DataFusionError>) -> DataFusionError {
    let says_why = |error: &DataFusionError| matches!(error.find_root(), DataFusionError::External(_));
    match unplanned {
        Some(error) if says_why(&error) && !says_why(&unknown) => error,
        _ => unknown,
    }
}
