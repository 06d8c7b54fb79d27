//! Every option, with what it takes and how it is set and read: SQL, EXPLAIN, the plans sent to
//! workers and Python go by this table.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

use crate::error::KCorrsetError;
use crate::sweep::{Statistic, Undefined};
use crate::udtf::advice::near::near;
use crate::udtf::options::{KCorrsetOptions, SearchMode};
use crate::udtf::values::{boolean, count, list, text};

/// One option: its name, and how its value is taken in.
pub(crate) struct OptionRule {
    pub(crate) name: &'static str,
    pub(crate) expected: &'static str,
    /// What a placeholder in its value stands for.
    pub(crate) placeholder: Expected,
    /// Takes a value; `None` where it is of the wrong type or range.
    pub(crate) set: Set,
    /// The value, unless it is the default: what `set` makes the same of again.
    pub(crate) get: Get,
}

/// What a value is to be.
#[derive(Clone)]
pub(crate) enum Expected {
    Type(DataType),
    /// Of the type of the question column.
    Question,
}

type Set = fn(&mut KCorrsetOptions, &ScalarValue) -> Option<()>;
type Get = fn(&KCorrsetOptions) -> Option<ScalarValue>;

impl OptionRule {
    const fn column(name: &'static str, set: Set, get: Get) -> Self {
        let placeholder = Expected::Type(DataType::Utf8);
        Self { name, expected: "the name of a column", placeholder, set, get }
    }

    const fn count(name: &'static str, set: Set, get: Get) -> Self {
        let placeholder = Expected::Type(DataType::Int64);
        Self { name, expected: "an integer of 0 or more", placeholder, set, get }
    }

    const fn flag(name: &'static str, set: Set, get: Get) -> Self {
        let placeholder = Expected::Type(DataType::Boolean);
        Self { name, expected: "true or false", placeholder, set, get }
    }

    const fn questions(name: &'static str, set: Set, get: Get) -> Self {
        Self { name, expected: "a list of questions without NULL", placeholder: Expected::Question, set, get }
    }
}

/// All options there are, in the order of the documentation.
static OPTIONS: [OptionRule; 16] = [
    OptionRule::column(
        "user",
        |options, value| put(&mut options.input.user, text(value).map(Some)),
        |options| options.input.user.as_deref().map(ScalarValue::from),
    ),
    OptionRule::column(
        "question",
        |options, value| put(&mut options.input.question, text(value).map(Some)),
        |options| options.input.question.as_deref().map(ScalarValue::from),
    ),
    OptionRule::column(
        "score",
        |options, value| put(&mut options.input.score, text(value).map(Some)),
        |options| options.input.score.as_deref().map(ScalarValue::from),
    ),
    OptionRule::flag(
        "wide",
        |options, value| put(&mut options.input.wide, boolean(value)),
        |options| options.input.wide.then(|| ScalarValue::from(true)),
    ),
    OptionRule::column(
        "criterion",
        |options, value| put(&mut options.input.criterion, text(value).map(Some)),
        |options| options.input.criterion.as_deref().map(ScalarValue::from),
    ),
    OptionRule {
        name: "partition_by",
        expected: "the name of a column, or a list of different ones",
        placeholder: Expected::Type(DataType::Utf8),
        set: |options, value| put(&mut options.input.partition_by, names(value)),
        get: |options| {
            let names = options.input.partition_by.iter().map(|name| ScalarValue::from(name.as_str()));
            list_of(&names.collect::<Vec<_>>())
        },
    },
    OptionRule::count(
        "min_users",
        |options, value| put(&mut options.min_users, count(value).map(Some)),
        |options| options.min_users.map(ScalarValue::from),
    ),
    OptionRule::count(
        "top",
        |options, value| put(&mut options.top, count(value).map(Some)),
        |options| options.top.map(|rows| ScalarValue::from(rows as u64)),
    ),
    OptionRule::questions(
        "include",
        |options, value| put(&mut options.include, list(value)),
        |options| list_of(&options.include),
    ),
    OptionRule::questions(
        "exclude",
        |options, value| put(&mut options.exclude, list(value)),
        |options| list_of(&options.exclude),
    ),
    OptionRule::flag(
        "corrected",
        |options, value| put(&mut options.corrected, boolean(value)),
        |options| options.corrected.then(|| ScalarValue::from(true)),
    ),
    OptionRule {
        name: "statistics",
        expected: "a list of 'alpha', 'item_rest_r', 'r_low', 'r_high', 'mean' and 'sd', each once at most",
        placeholder: Expected::Type(DataType::Utf8),
        set: |options, value| put(&mut options.statistics, statistics(value)),
        get: |options| {
            let names = options.statistics.iter().map(|statistic| ScalarValue::from(statistic.name()));
            list_of(&names.collect::<Vec<_>>())
        },
    },
    OptionRule {
        name: "undefined",
        expected: "'omit' or 'null'",
        placeholder: Expected::Type(DataType::Utf8),
        set: |options, value| put(&mut options.undefined, undefined(value)),
        get: |options| (options.undefined == Undefined::Null).then(|| ScalarValue::from("null")),
    },
    OptionRule {
        name: "search",
        expected: "'exact' or 'heuristic'",
        placeholder: Expected::Type(DataType::Utf8),
        set: |options, value| put(&mut options.search, search_mode(value)),
        get: |options| (options.search == SearchMode::Heuristic).then(|| ScalarValue::from("heuristic")),
    },
    OptionRule {
        name: "effort",
        expected: "an integer of 1 or more",
        placeholder: Expected::Type(DataType::Int64),
        set: |options, value| put(&mut options.effort, count(value).filter(|&effort| effort > 0).map(Some)),
        get: |options| options.effort.map(|effort| ScalarValue::from(effort as u64)),
    },
    OptionRule::count(
        "seed",
        |options, value| put(&mut options.seed, count(value).map(Some)),
        |options| options.seed.map(ScalarValue::from),
    ),
];

/// The options that the type of the result can depend on.
pub(crate) const COLUMNS: [&str; 7] =
    ["user", "question", "score", "wide", "partition_by", "statistics", "search"];

/// The rule of an option.
///
/// # Errors
/// There is none of that name.
pub(crate) fn rule(name: &str) -> Result<&'static OptionRule, KCorrsetError> {
    let rule = OPTIONS.iter().find(|rule| rule.name.eq_ignore_ascii_case(name));
    rule.ok_or_else(|| KCorrsetError::UnknownOption {
        name: name.to_string(),
        near: near(name, option_names().iter().map(String::as_str)),
        valid: option_names(),
    })
}

/// The options that are not the default, in the order of the documentation.
pub(crate) fn given(options: &KCorrsetOptions) -> impl Iterator<Item = (&'static str, ScalarValue)> {
    OPTIONS.iter().filter_map(|rule| Some((rule.name, (rule.get)(options)?)))
}

/// The argument that says which sets are meant: no option, as it may be a table.
pub(crate) const SETS: &str = "sets";

/// The names of all options, for errors; with that of sets.
pub(crate) fn option_names() -> Vec<String> {
    OPTIONS.iter().map(|rule| rule.name).chain([SETS]).map(str::to_string).collect()
}

fn put<T>(to: &mut T, value: Option<T>) -> Option<()> {
    *to = value?;
    Some(())
}

fn undefined(value: &ScalarValue) -> Option<Undefined> {
    match text(value)?.to_ascii_lowercase().as_str() {
        "omit" => Some(Undefined::Omit),
        "null" => Some(Undefined::Null),
        _ => None,
    }
}

fn names(value: &ScalarValue) -> Option<Vec<String>> {
    distinct(value, text)
}

fn statistics(value: &ScalarValue) -> Option<Vec<Statistic>> {
    distinct(value, |name| {
        let name = text(name)?;
        Statistic::ALL.into_iter().find(|it| it.name().eq_ignore_ascii_case(&name))
    })
}

/// The elements of a list, none of which is there twice.
fn distinct<T: PartialEq>(
    value: &ScalarValue,
    element: impl Fn(&ScalarValue) -> Option<T>,
) -> Option<Vec<T>> {
    let mut elements = Vec::new();
    for value in list(value)? {
        elements.push(element(&value).filter(|element| !elements.contains(element))?);
    }
    Some(elements)
}

fn search_mode(value: &ScalarValue) -> Option<SearchMode> {
    match text(value)?.to_ascii_lowercase().as_str() {
        "exact" => Some(SearchMode::Exact),
        "heuristic" => Some(SearchMode::Heuristic),
        _ => None,
    }
}

/// Values of one type as a list; none of no values.
fn list_of(values: &[ScalarValue]) -> Option<ScalarValue> {
    let data_type = values.first()?.data_type();
    Some(ScalarValue::List(ScalarValue::new_list_nullable(values, &data_type)))
}
