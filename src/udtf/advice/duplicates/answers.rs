//! Pairs of user and question with more than one score.

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Column, TableReference};
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::functions_aggregate::expr_fn::{approx_distinct, count, max, min, sum};
use datafusion::logical_expr::{Expr, LogicalPlan, cast, col, lit};
use datafusion::prelude::DataFrame;

use crate::error::Remedy;
use crate::index::{ColumnNames, key_type};
use crate::udtf::advice::duplicates::table::{Row, Table, differ, extremes, flag, tells_apart};
use crate::udtf::advice::frames::Change;
use crate::udtf::advice::text_scores::is_text;
use crate::udtf::advice::{Advice, is_binary};

/// The most columns that are looked at.
const MOST_COLUMNS: usize = 16;

/// Bytes up to which a column's name has room in a text.
const LONGEST_NAME: usize = 100;

/// The most columns that are named.
const MOST_NAMED: usize = 3;

/// What is known of the pairs.
#[derive(Debug)]
pub(super) struct DoubledAnswers {
    pairs: i64,
    /// Of these, the ones whose scores differ.
    differing: i64,
    /// Columns whose values differ within each pair, those of the fewest values first.
    apart: Vec<(String, DataType)>,
    /// Whether scores are boolean.
    boolean: bool,
    /// Whether a user can be part of a text.
    user_joins: bool,
}

impl DoubledAnswers {
    /// What is to be known of them, behind the first pair.
    pub(super) fn found(&self) -> String {
        let Self { pairs, differing, apart, .. } = self;
        let pairs = match pairs {
            1 => ", the only such pair".to_string(),
            pairs => format!(", as have {pairs} pairs of user and question in all"),
        };
        let agree = match (self.pairs, differing) {
            (_, 0) => "; their scores agree".to_string(),
            (pairs, differing) if *differing == pairs => "; their scores differ".to_string(),
            (_, differing) => format!("; in {differing} of them the scores differ"),
        };
        let names: Vec<String> = apart.iter().take(MOST_NAMED).map(|(name, _)| format!("'{name}'")).collect();
        let apart = match &names[..] {
            [] => "; no other column tells them apart".to_string(),
            [only] => format!("; column {only} tells them apart"),
            several => format!("; each of the columns {} tells them apart", several.join(", ")),
        };
        format!("{pairs}{agree}{apart}")
    }
}

/// What leaves one score of each pair, or makes several pairs of it.
pub(super) fn remedies(
    doubled: Option<&DoubledAnswers>,
    columns: &ColumnNames,
    advice: &Advice<'_>,
) -> Vec<Remedy> {
    let ColumnNames { user, question, score } = columns;
    let [user_sql, question_sql, score_sql] = [user, question, score].map(|column| advice.name(column));
    let beside = advice.beside().map(|column| format!(", {}", advice.name(column)));
    let groups = format!(" GROUP BY {user_sql}, {question_sql}{}", beside.collect::<String>());
    let one_of = |effect: &str, expression: String, change: Change<'_>| {
        let sql = advice.with_column(score, &expression, &groups)?;
        advice.table(effect, sql, change)
    };
    let keys = || {
        let pair = [user.as_str(), question.as_str()];
        pair.into_iter().chain(advice.beside().map(String::as_str)).collect::<Vec<_>>()
    };
    let mut remedies = Vec::new();
    if doubled.is_some_and(|doubled| doubled.differing == 0) {
        let distinct = advice.with_column(score, &score_sql, "");
        let distinct = distinct.map(|sql| sql.replacen("(SELECT ", "(SELECT DISTINCT ", 1));
        let once = |sql| advice.table("take each once", sql, Change::Once(keys()));
        remedies.extend(distinct.and_then(once));
    }
    let apart = |text| {
        let columns = doubled.into_iter().flat_map(|doubled| &doubled.apart);
        columns.filter(move |(_, data_type)| is_text(data_type) == text).map(|(column, _)| column).next()
    };
    let joins = doubled.is_some_and(|doubled| doubled.user_joins);
    if let Some(column) = apart(true).filter(|_| joins) {
        let own = format!("concat({user_sql}, '/', {})", advice.name(column));
        let sql = advice.with_column(user, &own, "");
        let effect = format!("count users of each '{column}' as users of their own");
        remedies.extend(sql.and_then(|sql| advice.table(effect, sql, Change::Joined(user, column))));
    }
    if let Some(column) = apart(false) {
        for (which, order) in [("lowest", "ASC"), ("highest", "DESC")] {
            let first = format!("first_value({score_sql} ORDER BY {} {order})", advice.name(column));
            let effect = format!("take the score of the {which} '{column}'");
            let change = Change::First { keys: keys(), by: column, last: which == "highest", keeps_by: true };
            remedies.extend(one_of(&effect, first, change));
        }
    }
    if remedies.is_empty() {
        // What is not known may be boolean, of which there is no average.
        let number = doubled.is_some_and(|doubled| !doubled.boolean);
        let average = if number { score_sql.clone() } else { format!("CAST({score_sql} AS DOUBLE)") };
        let grouped = |function| Change::Grouped { keys: keys(), column: score, function };
        remedies.extend(one_of("take the average of each pair", format!("avg({average})"), grouped("mean")));
        remedies.extend(one_of("take the best of each pair", format!("max({score_sql})"), grouped("max")));
    }
    remedies
}

/// Looks at all pairs; nothing if there are none, which is how a table looks that cannot be read
/// twice.
pub(super) async fn look(
    table: Option<&LogicalPlan>,
    columns: &ColumnNames,
    partition_by: &[String],
    context: &TaskContext,
) -> Result<Option<DoubledAnswers>> {
    let Some(table) = Table::try_new(table, context).await? else { return Ok(None) };
    let ColumnNames { user, question, score } = columns;
    let [user, question, score] = [user, question, score].map(|name| table.column(name));
    let keys: Vec<Expr> =
        partition_by.iter().map(|name| table.column(name)).chain([user.clone(), question.clone()]).collect();
    let others = others(&table, columns);
    let scored = || table.query().filter(score.clone().is_not_null());
    let mut aggregates = vec![
        count(score.clone()).alias("copies"),
        min(score.clone()).alias("least"),
        max(score.clone()).alias("greatest"),
    ];
    for (number, (column, _)) in others.iter().enumerate() {
        aggregates.extend(extremes(column, number));
    }
    let mut all = vec![
        count(lit(1)).alias("pairs"),
        sum(flag(col("least").not_eq(col("greatest")))?).alias("differing"),
        max(col("copies")).alias("most"),
    ];
    for number in 0..others.len() {
        all.push(min(differ(number)?).alias(format!("apart_{number}")));
    }
    let doubled = scored()?
        .aggregate(keys.clone(), aggregates)?
        .filter(col("copies").gt(lit(1)))?
        .aggregate(vec![], all)?;
    let row = Row::of(doubled).await?;
    let Some(pairs) = row.number(0).filter(|pairs| *pairs > 0) else { return Ok(None) };
    let mut apart = Vec::new();
    for (number, other) in others.into_iter().enumerate() {
        let differs = row.number(3 + number) == Some(1);
        let columns = keys.iter().cloned().chain([other.0.clone()]).collect();
        if differs && tells_apart(scored()?, columns, row.number(2)).await? {
            apart.push(other);
        }
    }
    Ok(Some(DoubledAnswers {
        pairs,
        differing: row.number(1).unwrap_or(pairs),
        apart: fewest_values_first(scored()?, apart).await?,
        boolean: table.type_of(&columns.score) == Some(&DataType::Boolean),
        user_joins: table.type_of(&columns.user).is_some_and(|it| is_text(it) || it.is_integer()),
    }))
}

/// Other columns that identify something.
fn others(table: &Table<'_>, columns: &ColumnNames) -> Vec<(Expr, (String, DataType))> {
    let ColumnNames { user, question, score } = columns;
    let schema = table.schema();
    let is_other =
        |name: &str| name.len() <= LONGEST_NAME && ![user, question, score].iter().any(|used| *used == name);
    let is_one = |name: &str| schema.fields().iter().filter(|field| field.name() == name).count() == 1;
    let is_key = |data_type: &DataType| {
        let key = key_type("user", "", data_type);
        key.is_ok_and(|key| !is_binary(&key))
    };
    let others = schema
        .iter()
        .filter(|(_, field)| is_other(field.name()) && is_one(field.name()) && is_key(field.data_type()));
    let column = |(qualifier, field): (Option<&TableReference>, &FieldRef)| {
        let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        let column = match field.data_type() {
            DataType::Dictionary(_, values) => cast(column, values.as_ref().clone()),
            _ => column,
        };
        (column, (field.name().clone(), field.data_type().clone()))
    };
    others.take(MOST_COLUMNS).map(column).collect()
}

/// These columns by how many values they have: of a day and a moment, the day first.
async fn fewest_values_first(
    rows: DataFrame,
    columns: Vec<(Expr, (String, DataType))>,
) -> Result<Vec<(String, DataType)>> {
    if columns.len() < 2 {
        return Ok(columns.into_iter().map(|(_, named)| named).collect());
    }
    let counts = columns.iter().enumerate().map(|(number, (column, _))| {
        let values = approx_distinct(cast(column.clone(), DataType::Utf8));
        cast(values, DataType::Int64).alias(format!("values_{number}"))
    });
    let row = Row::of(rows.aggregate(vec![], counts.collect::<Vec<_>>())?).await?;
    let mut named: Vec<_> = columns.into_iter().map(|(_, named)| named).enumerate().collect();
    named.sort_by_key(|(number, _)| row.number(*number));
    Ok(named.into_iter().map(|(_, named)| named).collect())
}
