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
//!                └─ some are `$n` ───▶ parked until they are bound: see `deferred`
//! ```
//!
//! A planner is not given the session, but may ask for table functions. So the catalogs
//! are asked by way of `k_corrset` itself, which returns the table of a name if it is
//! called in a way that SQL does not have.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{Column, DFSchema, TableReference};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr as SqlExpr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident,
    ObjectName, ObjectNamePart, TableAlias, TableFactor, Value,
};

use crate::error::{KCorrsetError, Place, Remedy};
use crate::udtf::NAME;
use crate::udtf::advice::spelling::Spelling;
use crate::udtf::asked_sets::sets_of_table;
use crate::udtf::bounded_errors::bounded;
use crate::udtf::options::rules::SETS;
use crate::udtf::scan::provider::{KCorrsetTable, scan};
use crate::udtf::sql::arguments::{
    Arguments, is_struct, no_constant, simplified, struct_options, takes_text,
};
use crate::udtf::sql::deferred;
use crate::udtf::sql::function::table_of;
use crate::udtf::sql::routines::routines;

/// Plans the calls of `k_corrset` in FROM clauses.
#[derive(Debug)]
pub struct KCorrsetPlanner;

impl RelationPlanner for KCorrsetPlanner {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let relation = match routines(relation, context)? {
            RelationPlanning::Original(relation) => *relation,
            planned => return Ok(planned),
        };
        let call = match call(relation)? {
            Ok(call) => call,
            Err(relation) => return Ok(RelationPlanning::Original(Box::new(relation))),
        };
        let plan = plan(call.arguments, context).map_err(|error| {
            let spelling = Spelling::of(context.context_provider().options());
            bounded(spelling.of_options(error))
        })?;
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, call.alias))))
    }
}

/// A call as the parser leaves it.
struct Call {
    arguments: Vec<FunctionArg>,
    alias: Option<TableAlias>,
}

/// What says the same as TABLESAMPLE.
const SAMPLE: &str =
    "leave it out, and behind the call write, for a tenth of the rows\n    WHERE random() < 0.1";

/// What says the same as WITH ORDINALITY.
const ORDINALITY: &str = "leave it out, and among the columns write, for instance\n    \
                          row_number() OVER (ORDER BY r DESC, questions) AS ordinality";

/// The call that a relation is, or the relation.
///
/// # Errors
/// It is a call with something around it that would have no effect.
fn call(relation: TableFactor) -> Result<std::result::Result<Call, TableFactor>, KCorrsetError> {
    let without_instead = |given: bool, modifier, instead| {
        if given { Err(KCorrsetError::Modifier { modifier, instead }) } else { Ok(()) }
    };
    let without = |given, modifier| without_instead(given, modifier, "leave it out");
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
            without_instead(sample.is_some(), "TABLESAMPLE", SAMPLE)?;
            without_instead(with_ordinality, "WITH ORDINALITY", ORDINALITY)?;
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
            without_instead(with_ordinality, "WITH ORDINALITY", ORDINALITY)?;
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
    let (mut k, mut sets, mut options) = (None, None, Vec::new());
    for argument in arguments.into_iter().map(argument) {
        let argument = argument?;
        let (name, value) = match argument {
            Argument::Positional(value) => {
                positional.push(value);
                continue;
            }
            Argument::Named(name, value) => (context.normalize_ident(name), value),
        };
        if name.eq_ignore_ascii_case("k") {
            if k.is_some() {
                return Err(KCorrsetError::OptionTwice { name }.into());
            }
            k = Some(literal(value, context)?);
        } else if name.eq_ignore_ascii_case(SETS) && is_table(&value) {
            if sets.is_some() {
                return Err(KCorrsetError::OptionTwice { name }.into());
            }
            sets = Some(value);
        } else {
            let value = option_value(&name, value, context)?;
            options.push((name, value));
        }
    }
    let mut positional = positional.into_iter();
    let table = positional.next().ok_or(KCorrsetError::ArgumentCount { got: count })?;
    match (positional.next(), &k) {
        (Some(_), Some(_)) => return Err(KCorrsetError::OptionTwice { name: "k".to_string() }.into()),
        (Some(second), None) => match literal(second, context)? {
            // Sets that are among the options leave k out.
            fields if is_struct(&fields) => options.extend(struct_options(fields)?),
            size => k = Some(size),
        },
        (None, _) => {}
    }
    if let Some(fields) = positional.next() {
        options.extend(struct_options(literal(fields, context)?)?);
    }
    if positional.next().is_some() {
        return Err(KCorrsetError::ArgumentCount { got: count }.into());
    }
    let arguments = Arguments::try_new(k, options)?;
    match (&arguments.k, &sets, &arguments.sets) {
        (None, None, None) => return Err(KCorrsetError::ArgumentCount { got: count }.into()),
        (_, Some(_), Some(_)) => return Err(KCorrsetError::OptionTwice { name: SETS.to_string() }.into()),
        _ => {}
    }
    let text = |table: &SqlExpr| matches!(table, SqlExpr::Subquery(_)).then(|| table.to_string());
    let sets = match sets {
        Some(table) => Some((text(&table), input(table, context)?)),
        None => None,
    };
    let (text, input) = (text(&table), input(table, context)?);
    let config = context.context_provider().options();
    let given = sets.map(|(text, table)| sets_of_table(table, text, config)).transpose()?;
    let waits = |plan: &LogicalPlan| Ok::<_, DataFusionError>(!plan.get_parameter_names()?.is_empty());
    let sets_wait = given.as_ref().map(waits).transpose()?.unwrap_or(false);
    if arguments.placeholder().is_some() || waits(&input)? || sets_wait {
        return deferred::park(input, text, given, arguments, config);
    }
    let (sets, options) = arguments.typed(given)?;
    scan(KCorrsetTable::of_call(input, text, sets, options, config)?)
}

/// Whether an argument names a table, or is a subquery.
fn is_table(value: &SqlExpr) -> bool {
    match value {
        SqlExpr::Subquery(_) | SqlExpr::Identifier(_) | SqlExpr::CompoundIdentifier(_) => true,
        SqlExpr::Value(value) => {
            matches!(value.value, Value::SingleQuotedString(_) | Value::DoubleQuotedString(_))
        }
        SqlExpr::Nested(inner) => is_table(inner),
        SqlExpr::Function(function) => function.name.to_string().eq_ignore_ascii_case("table"),
        _ => false,
    }
}

/// An argument of a call.
enum Argument {
    Positional(SqlExpr),
    Named(Ident, SqlExpr),
}

/// An argument, by whichever operator its dialect names arguments: `=>`, `:=`, `:` or `=`.
///
/// A comparison has no other meaning here, as there are no columns to compare.
fn argument(argument: FunctionArg) -> Result<Argument, KCorrsetError> {
    let refused = KCorrsetError::Argument { got: argument.to_string() };
    match argument {
        FunctionArg::Named { name, arg, .. } => Ok(Argument::Named(name, expression(arg)?)),
        FunctionArg::ExprNamed { name, arg, .. } => match identifier(&name) {
            Some(name) => Ok(Argument::Named(name, expression(arg)?)),
            None => Err(refused),
        },
        FunctionArg::Unnamed(value) => Ok(match expression(value)? {
            SqlExpr::BinaryOp { left, op: BinaryOperator::Eq | BinaryOperator::Assignment, right } => {
                Argument::Named(identifier(&left).ok_or(refused)?, *right)
            }
            other => Argument::Positional(other),
        }),
    }
}

/// The identifier that an expression is. USER is a function without parentheses in some dialects.
fn identifier(expression: &SqlExpr) -> Option<Ident> {
    match expression {
        SqlExpr::Identifier(name) => Some(name.clone()),
        SqlExpr::Function(Function { name, args: FunctionArguments::None, .. }) => match name.0.as_slice() {
            [ObjectNamePart::Identifier(name)] => Some(name.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// The value of an option: a constant, or one that is known when its placeholders are.
fn option_value(name: &str, value: SqlExpr, context: &mut dyn RelationPlannerContext) -> Result<Expr> {
    let spelling = Spelling::of(context.context_provider().options());
    if let Some(word) = identifier(&value) {
        // Not every dialect has words for these.
        if let (None, Ok(boolean)) = (word.quote_style, word.value.to_lowercase().parse::<bool>()) {
            return Ok(lit(boolean));
        }
        let remedy = Remedy {
            effect: "name it as text".to_string(),
            place: Place::Option,
            sql: format!("{} => {}", name.to_lowercase(), spelling.text(&word.value)),
        };
        let remedies = if takes_text(name) { vec![remedy] } else { Vec::new() };
        return Err(no_constant(name, format!("the name {word} without quotes"), remedies).into());
    }
    if let SqlExpr::Subquery(subquery) = &value {
        let remedies = condition(name, &subquery.to_string(), &value, context).into_iter().collect();
        let got = "a subquery, and no constant or parameter".to_string();
        return Err(no_constant(name, got, remedies).into());
    }
    literal(value, context)
}

/// What asks for the questions of a subquery, which options cannot.
fn condition(
    option: &str,
    subquery: &str,
    value: &SqlExpr,
    context: &mut dyn RelationPlannerContext,
) -> Option<Remedy> {
    let (effect, has) = match option.to_lowercase().as_str() {
        "include" => ("keep the sets that have them all", "array_has_all"),
        "exclude" => ("keep the sets that have none of them", "NOT array_has_any"),
        _ => return None,
    };
    let Ok(Expr::ScalarSubquery(planned)) = context.sql_to_expr(value.clone(), &DFSchema::empty()) else {
        return None;
    };
    let is_list = matches!(planned.subquery.schema().field(0).data_type(), DataType::List(_));
    let list = if is_list {
        subquery.to_string()
    } else {
        format!("SELECT array_agg(question) FROM ({subquery}) AS given(question)")
    };
    let sql = format!("WHERE {has}(questions, ({list}))");
    Some(Remedy { effect: effect.to_string(), place: Place::Where, sql })
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
        // `min_users > 30` would end as a column that is not there.
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
            if plan.exists(|node| Ok(node.contains_outer_reference()))? {
                Err(KCorrsetError::Correlated.into())
            } else {
                Ok(plan)
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
                let parsed = TableReference::parse_str(&text);
                let whole = TableReference::bare(text.as_str());
                let relation = |reference: &TableReference| {
                    let parts = reference.to_vec().into_iter().map(|part| Ident::with_quote('"', part));
                    named(ObjectName::from(parts.collect::<Vec<_>>()))
                };
                // The text's own name for its table is the one that errors repeat.
                let named = if parsed == whole {
                    None
                } else {
                    table(relation(&parsed), column_of(&parsed), parsed, context).ok()
                };
                named.map_or_else(|| table(relation(&whole), lit(text), whole, context), Ok)
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
    let source = context.context_provider().get_table_function_source(NAME, table_of(name));
    let source = source.map_err(|unknown| reason(unknown, unplanned))?;
    LogicalPlanBuilder::scan(reference, source, None)?.build()
}

/// The error for a table that is unknown in the end: what a planner of the session says of it, if
/// one does.
fn reason(unknown: DataFusionError, unplanned: DataFusionError) -> DataFusionError {
    let says_why = |error: &DataFusionError| matches!(error.find_root(), DataFusionError::External(_));
    if says_why(&unplanned) && !says_why(&unknown) { unplanned } else { unknown }
}
