//! Which sets a call asks for: all of some sizes, or those that are given.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::catalog::MemTable;
use datafusion::common::{Column, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::datasource::provider_as_source;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, UNNAMED_TABLE};

use crate::error::{KCorrsetError, Place, Remedy};
use crate::udtf::advice::frames::Language;
use crate::udtf::advice::spelling::Spelling;
use crate::udtf::advice::table_text;
use crate::udtf::set_sizes::SetSizes;
use crate::udtf::values::{display, element_array};

/// Which sets a call asks for.
#[derive(Debug, Clone)]
pub(crate) enum AskedSets {
    /// All sets of some sizes.
    OfSizes(SetSizes),
    /// Those that the one column of a plan has, as lists of questions.
    Given(LogicalPlan),
}

/// The column of sets where a table has several.
const QUESTIONS: &str = "questions";

/// The sets of a table: its only column of lists, or the one named `questions`.
///
/// # Errors
/// There is no such column.
pub(crate) fn sets_of_table(
    table: LogicalPlan,
    text: Option<String>,
    config: &ConfigOptions,
) -> Result<LogicalPlan> {
    let is_list = |field: &Field| element(field.data_type()).is_some();
    let fields = table.schema().fields();
    let lists: Vec<usize> = (0..fields.len()).filter(|&place| is_list(&fields[place])).collect();
    let named = || lists.iter().copied().find(|&place| fields[place].name() == QUESTIONS);
    let place = match lists[..] {
        [only] => Some(only),
        _ => named(),
    };
    let Some(place) = place else {
        let columns = fields.iter().map(|field| format!("'{}' {}", field.name(), field.data_type()));
        let got = match fields.len() {
            0 => "a table without columns".to_string(),
            _ => format!("a table of the columns {}", columns.collect::<Vec<_>>().join(", ")),
        };
        let remedies = of_text(&table, text, config).into_iter().collect();
        return Err(KCorrsetError::SetsType { got, remedies }.into());
    };
    let column = Expr::Column(Column::from(table.schema().qualified_field(place)));
    LogicalPlanBuilder::from(table).project([column])?.build()
}

/// The sets of a list of lists.
///
/// # Errors
/// It is something else.
pub(crate) fn sets_of_constant(value: &ScalarValue) -> Result<LogicalPlan> {
    let is_sets = |sets: &ArrayRef| element(sets.data_type()).is_some() || sets.is_empty();
    let Some(sets) = element_array(value).filter(is_sets) else {
        return Err(KCorrsetError::SetsType { got: display(value), remedies: Vec::new() }.into());
    };
    // No sets at all have no type.
    let sets = match element(sets.data_type()) {
        Some(_) => sets,
        None => datafusion::arrow::array::new_empty_array(&DataType::new_list(DataType::Null, true)),
    };
    let batch = RecordBatch::try_from_iter_with_nullable([(QUESTIONS, sets, true)])?;
    let table = MemTable::try_new(batch.schema(), vec![vec![batch]])?;
    let plan = LogicalPlanBuilder::scan(UNNAMED_TABLE, provider_as_source(Arc::new(table)), None)?;
    plan.build()
}

/// The type of the elements of a list.
fn element(data_type: &DataType) -> Option<&DataType> {
    match data_type {
        DataType::List(element) | DataType::LargeList(element) | DataType::FixedSizeList(element, _) => {
            Some(element.data_type())
        }
        _ => None,
    }
}

/// What reads sets that are text, as CSV has them.
fn of_text(table: &LogicalPlan, text: Option<String>, config: &ConfigOptions) -> Option<Remedy> {
    let fields = table.schema().fields();
    let mut texts = fields.iter().filter(|field| field.data_type().is_string());
    let column = match (texts.next(), texts.next()) {
        (Some(only), None) => only,
        _ => fields.iter().find(|field| field.name() == QUESTIONS && field.data_type().is_string())?,
    };
    let spelling = Spelling::of(config);
    if spelling.language != Language::Sql {
        return None;
    }
    let column = spelling.name(column.name());
    let table = table_text(text, table, config);
    let sql = format!("sets => (SELECT string_to_array(btrim({column}, '[]'), ', ') FROM {table})");
    Some(Remedy { effect: "read text as lists".to_string(), place: Place::Option, sql })
}
