//! SQL arguments → a typed request.

use std::sync::Arc;

use datafusion::arrow::array::{Array, StructArray};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Column, ScalarValue, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};

use crate::error::KCorrsetError;
use crate::sweep::Undefined;
use crate::udtf::options::KCorrsetOptions;
use crate::udtf::provider::KCorrsetTable;
use crate::udtf::pushdown::elements;
use crate::udtf::resolve::{TableName, resolve};

/// The table function `k_corrset(table, k [, options])`.
#[derive(Debug, Default)]
pub struct KCorrsetFunction;

impl TableFunctionImpl for KCorrsetFunction {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let (table, k, options) = match args.exprs() {
            [table, k] => (table, k, None),
            [table, k, options] => (table, k, Some(options)),
            other => return Err(KCorrsetError::ArgumentCount { got: other.len() }.into()),
        };
        let name = table_name(table)?;
        let k = subset_size(k)?;
        let options = options.map(parse_options).transpose()?.unwrap_or_default();
        let (reference, provider) = resolve(args.session(), &name)?;
        let input = LogicalPlanBuilder::scan(reference, provider_as_source(provider), None)?.build()?;
        let table = KCorrsetTable::try_new(input, k, options)?;
        Ok(Arc::new(table.with_settings_of(args.session().config_options())))
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

/// The second argument: k.
fn subset_size(argument: &Expr) -> Result<usize, KCorrsetError> {
    let Expr::Literal(value, _) = argument else {
        return Err(KCorrsetError::SubsetSizeType { got: argument.to_string() });
    };
    let size = integer(value).ok_or_else(|| KCorrsetError::SubsetSizeType { got: display(value) })?;
    if size < 1 {
        return Err(KCorrsetError::SubsetSizeRange { got: display(value) });
    }
    // No table has so many questions; the answer is empty, as for any k above theirs.
    Ok(usize::try_from(size).unwrap_or(usize::MAX))
}

/// An integer of any width; `None` for NULL and for anything else.
fn integer(value: &ScalarValue) -> Option<i128> {
    match value {
        ScalarValue::Int8(value) => value.map(Into::into),
        ScalarValue::Int16(value) => value.map(Into::into),
        ScalarValue::Int32(value) => value.map(Into::into),
        ScalarValue::Int64(value) => value.map(Into::into),
        ScalarValue::UInt8(value) => value.map(Into::into),
        ScalarValue::UInt16(value) => value.map(Into::into),
        ScalarValue::UInt32(value) => value.map(Into::into),
        ScalarValue::UInt64(value) => value.map(Into::into),
        _ => None,
    }
}

/// One option: its name, and how its value is taken in.
struct OptionRule {
    name: &'static str,
    expected: &'static str,
    /// `None` where the value is of the wrong type or range.
    set: fn(&mut KCorrsetOptions, &ScalarValue) -> Option<()>,
}

/// All options there are, in the order of the documentation.
const OPTIONS: [OptionRule; 9] = [
    OptionRule {
        name: "user",
        expected: "the name of a column",
        set: |options, value| {
            options.columns.user = text(value)?;
            Some(())
        },
    },
    OptionRule {
        name: "question",
        expected: "the name of a column",
        set: |options, value| {
            options.columns.question = text(value)?;
            Some(())
        },
    },
    OptionRule {
        name: "score",
        expected: "the name of a column",
        set: |options, value| {
            options.columns.score = text(value)?;
            Some(())
        },
    },
    OptionRule {
        name: "min_users",
        expected: "an integer of 0 or more",
        set: |options, value| {
            options.min_users = Some(i64::try_from(count(value)?).ok()?);
            Some(())
        },
    },
    OptionRule {
        name: "top",
        expected: "an integer of 0 or more",
        set: |options, value| {
            options.top = Some(usize::try_from(count(value)?).ok()?);
            Some(())
        },
    },
    OptionRule {
        name: "include",
        expected: "a list of questions without NULL",
        set: |options, value| {
            options.include = list(value)?;
            Some(())
        },
    },
    OptionRule {
        name: "exclude",
        expected: "a list of questions without NULL",
        set: |options, value| {
            options.exclude = list(value)?;
            Some(())
        },
    },
    OptionRule {
        name: "corrected",
        expected: "true or false",
        set: |options, value| {
            options.corrected = boolean(value)?;
            Some(())
        },
    },
    OptionRule {
        name: "undefined",
        expected: "'omit' or 'null'",
        set: |options, value| {
            options.undefined = undefined(value)?;
            Some(())
        },
    },
];

/// The names of all options, for errors.
pub(crate) fn option_names() -> Vec<String> {
    OPTIONS.iter().map(|rule| rule.name.to_string()).collect()
}

/// The third argument: a struct literal.
fn parse_options(argument: &Expr) -> Result<KCorrsetOptions, KCorrsetError> {
    let refuse = |got| Err(KCorrsetError::OptionsArgument { got });
    match argument {
        Expr::Literal(ScalarValue::Struct(fields), _) if fields.len() == 1 => from_struct(fields),
        Expr::Literal(value, _) => refuse(display(value)),
        other => refuse(other.to_string()),
    }
}

fn from_struct(fields: &StructArray) -> Result<KCorrsetOptions, KCorrsetError> {
    let mut options = KCorrsetOptions::default();
    for (name, column) in fields.column_names().into_iter().zip(fields.columns()) {
        let rule = OPTIONS
            .iter()
            .find(|rule| rule.name.eq_ignore_ascii_case(name))
            .ok_or_else(|| KCorrsetError::UnknownOption { name: name.to_string(), valid: option_names() })?;
        let value = ScalarValue::try_from_array(column, 0).unwrap_or(ScalarValue::Null);
        (rule.set)(&mut options, &value).ok_or_else(|| KCorrsetError::OptionValue {
            name: name.to_string(),
            expected: rule.expected,
            got: display(&value),
            valid: option_names(),
        })?;
    }
    Ok(options)
}

fn text(value: &ScalarValue) -> Option<String> {
    value.try_as_str()?.map(str::to_string)
}

fn count(value: &ScalarValue) -> Option<i128> {
    integer(value).filter(|&count| count >= 0)
}

fn boolean(value: &ScalarValue) -> Option<bool> {
    match value {
        ScalarValue::Boolean(value) => *value,
        _ => None,
    }
}

fn undefined(value: &ScalarValue) -> Option<Undefined> {
    match text(value)?.to_ascii_lowercase().as_str() {
        "omit" => Some(Undefined::Omit),
        "null" => Some(Undefined::Null),
        _ => None,
    }
}

/// A list of values, or one value alone.
fn list(value: &ScalarValue) -> Option<Vec<ScalarValue>> {
    match value {
        value if value.is_null() => None,
        ScalarValue::List(_) | ScalarValue::LargeList(_) | ScalarValue::FixedSizeList(_) => elements(value),
        alone => Some(vec![alone.clone()]),
    }
}

/// A value with its type, as errors show it.
fn display(value: &ScalarValue) -> String {
    match value {
        ScalarValue::Null => "NULL".to_string(),
        value if value.is_null() => format!("NULL ({})", value.data_type()),
        value if value.data_type().is_string() => format!("'{value}'"),
        value => format!("{value} ({})", value.data_type()),
    }
}
