//! Users with more than one score on a question: how many pairs there are, whether their scores
//! agree, and which column of the table tells them apart.
//!
//! The index finds the first such pair, and what mends it depends on all of them. So the table is
//! read once more, by a query over what the call was given: it is bounded in memory and can be
//! cancelled, as any query. A table that cannot be read twice, or not here, leaves the error as it
//! is.

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::{Column, TableReference};
use datafusion::error::Result;
use datafusion::execution::{SessionStateBuilder, TaskContext};
use datafusion::functions_aggregate::expr_fn::{approx_distinct, count, max, min, sum};
use datafusion::logical_expr::{Expr, LogicalPlan, Operator, binary_expr, cast, col, lit, when};
use datafusion::physical_plan::ExecutionPlanProperties;
use datafusion::prelude::{DataFrame, SessionContext};

use crate::error::{KCorrsetError, Remedy};
use crate::index::{ColumnNames, key_type};
use crate::udtf::advice::{Advice, is_binary};
use crate::udtf::text_scores::is_text;

/// The most columns that are looked at.
const MOST_COLUMNS: usize = 16;

/// Bytes up to which a column's name has room in a text.
const LONGEST_NAME: usize = 100;

/// The most columns that are named.
const MOST_NAMED: usize = 3;

/// What is known of the doubled pairs.
#[derive(Debug)]
struct Doubled {
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

/// The error of a pair, with what is to be known of all pairs. `table` is the table of the call,
/// where it is known here.
pub(crate) async fn diagnosed(
    error: KCorrsetError,
    table: Option<&LogicalPlan>,
    columns: &ColumnNames,
    advice: &Advice<'_>,
    context: &TaskContext,
) -> KCorrsetError {
    let KCorrsetError::DuplicateAnswer { user, question, .. } = error else { return error };
    let doubled = match table {
        Some(table) => look(table, columns, context).await.unwrap_or_else(|error| {
            log::debug!("k_corrset: nothing more is known of doubled scores: {error}");
            None
        }),
        None => None,
    };
    let found = doubled.as_ref().map(Doubled::found).unwrap_or_default();
    let remedies = remedies(doubled.as_ref(), columns, advice);
    KCorrsetError::DuplicateAnswer { user, question, found, remedies }
}

impl Doubled {
    fn found(&self) -> String {
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

fn remedies(doubled: Option<&Doubled>, columns: &ColumnNames, advice: &Advice<'_>) -> Vec<Remedy> {
    let ColumnNames { user, question, score } = columns;
    let [user_sql, question_sql, score_sql] = [user, question, score].map(|column| advice.name(column));
    let groups = format!(" GROUP BY {user_sql}, {question_sql}");
    let one_of = |effect: &str, expression: String| {
        let sql = advice.with_column(score, &expression, &groups)?;
        Some(advice.table(effect, sql))
    };
    let mut remedies = Vec::new();
    if doubled.is_some_and(|doubled| doubled.differing == 0) {
        let distinct = advice.with_column(score, &score_sql, "");
        let distinct = distinct.map(|sql| sql.replacen("(SELECT ", "(SELECT DISTINCT ", 1));
        remedies.extend(distinct.map(|sql| advice.table("take each once", sql)));
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
        remedies.extend(sql.map(|sql| advice.table(effect, sql)));
    }
    if let Some(column) = apart(false) {
        for (which, order) in [("lowest", "ASC"), ("highest", "DESC")] {
            let first = format!("first_value({score_sql} ORDER BY {} {order})", advice.name(column));
            let effect = format!("take the score of the {which} '{column}'");
            remedies.extend(one_of(&effect, first));
        }
    }
    if remedies.is_empty() {
        // What is not known may be boolean, of which there is no average.
        let number = doubled.is_some_and(|doubled| !doubled.boolean);
        let average = if number { score_sql.clone() } else { format!("CAST({score_sql} AS DOUBLE)") };
        remedies.extend(one_of("take the average of each pair", format!("avg({average})")));
        remedies.extend(one_of("take the best of each pair", format!("max({score_sql})")));
    }
    remedies
}

/// Looks at all doubled pairs; nothing if there are none, which is how a table looks that cannot
/// be read twice.
async fn look(table: &LogicalPlan, columns: &ColumnNames, context: &TaskContext) -> Result<Option<Doubled>> {
    // The session of the query is not known here. What its tables and functions are stands in the
    // plan.
    let state = SessionStateBuilder::new()
        .with_config(context.session_config().clone())
        .with_runtime_env(context.runtime_env())
        .with_default_features()
        .build();
    let session = SessionContext::new_with_state(state);
    let table = Table { session, plan: table, columns };
    let [user, question, score] = table.keys();
    let others = table.others();
    if table.is_endless().await? {
        return Ok(None);
    }
    let mut aggregates = vec![
        count(score.clone()).alias("copies"),
        min(score.clone()).alias("least"),
        max(score.clone()).alias("greatest"),
    ];
    for (number, (column, _)) in others.iter().enumerate() {
        aggregates.push(min(column.clone()).alias(format!("first_{number}")));
        aggregates.push(max(column.clone()).alias(format!("last_{number}")));
    }
    let flag = |condition: Expr| when(condition, lit(1i64)).otherwise(lit(0i64));
    let mut all = vec![
        count(lit(1)).alias("pairs"),
        sum(flag(col("least").not_eq(col("greatest")))?).alias("differing"),
        max(col("copies")).alias("most"),
    ];
    for number in 0..others.len() {
        let (first, last) = (col(format!("first_{number}")), col(format!("last_{number}")));
        let differ = binary_expr(first, Operator::IsDistinctFrom, last);
        all.push(min(flag(differ)?).alias(format!("apart_{number}")));
    }
    let doubled = table
        .scored()?
        .aggregate(vec![user, question], aggregates)?
        .filter(col("copies").gt(lit(1)))?
        .aggregate(vec![], all)?;
    let row = Row::of(doubled).await?;
    let Some(pairs) = row.number(0).filter(|pairs| *pairs > 0) else { return Ok(None) };
    let mut apart = Vec::new();
    for (number, other) in others.into_iter().enumerate() {
        // Of three copies two may have the same value.
        let differs = row.number(3 + number) == Some(1);
        if differs && (row.number(2) == Some(2) || table.tells_apart(&other.0).await?) {
            apart.push(other);
        }
    }
    Ok(Some(Doubled {
        pairs,
        differing: row.number(1).unwrap_or(pairs),
        apart: table.fewest_values_first(apart).await?,
        boolean: table.type_of(&columns.score) == Some(&DataType::Boolean),
        user_joins: table.type_of(&columns.user).is_some_and(|it| is_text(it) || it.is_integer()),
    }))
}

/// The table of a call, to be queried.
struct Table<'a> {
    session: SessionContext,
    plan: &'a LogicalPlan,
    columns: &'a ColumnNames,
}

impl Table<'_> {
    async fn is_endless(&self) -> Result<bool> {
        let plan = self.session.state().create_physical_plan(self.plan).await?;
        Ok(plan.boundedness().is_unbounded())
    }

    /// User, question and score.
    fn keys(&self) -> [Expr; 3] {
        let ColumnNames { user, question, score } = self.columns;
        [user, question, score].map(|name| {
            let found = self.plan.schema().iter().find(|(_, field)| field.name() == name);
            let qualifier = found.and_then(|(qualifier, _)| qualifier.cloned());
            Expr::Column(Column::new(qualifier, name))
        })
    }

    /// The other columns that identify something.
    fn others(&self) -> Vec<(Expr, (String, DataType))> {
        let ColumnNames { user, question, score } = self.columns;
        let schema = self.plan.schema();
        let is_other = |name: &str| {
            name.len() <= LONGEST_NAME && ![user, question, score].iter().any(|used| *used == name)
        };
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

    fn type_of(&self, column: &str) -> Option<&DataType> {
        let mut fields = self.plan.schema().fields().iter();
        fields.find(|field| field.name() == column).map(|field| field.data_type())
    }

    /// The rows that have a score.
    fn scored(&self) -> Result<DataFrame> {
        let [_, _, score] = self.keys();
        DataFrame::new(self.session.state(), self.plan.clone()).filter(score.is_not_null())
    }

    /// Whether no two rows agree in user, question and this column.
    async fn tells_apart(&self, column: &Expr) -> Result<bool> {
        let [user, question, score] = self.keys();
        let groups = vec![user, question, column.clone()];
        let copies = self.scored()?.aggregate(groups, vec![count(score).alias("copies")])?;
        let rows = copies.filter(col("copies").gt(lit(1)))?.limit(0, Some(1))?.collect().await?;
        Ok(rows.iter().all(|batch| batch.num_rows() == 0))
    }

    /// These columns by how many values they have: of a day and a moment, the day first.
    async fn fewest_values_first(
        &self,
        columns: Vec<(Expr, (String, DataType))>,
    ) -> Result<Vec<(String, DataType)>> {
        if columns.len() < 2 {
            return Ok(columns.into_iter().map(|(_, named)| named).collect());
        }
        let counts = columns.iter().enumerate().map(|(number, (column, _))| {
            let values = approx_distinct(cast(column.clone(), DataType::Utf8));
            cast(values, DataType::Int64).alias(format!("values_{number}"))
        });
        let row = Row::of(self.scored()?.aggregate(vec![], counts.collect::<Vec<_>>())?).await?;
        let mut named: Vec<_> = columns.into_iter().map(|(_, named)| named).enumerate().collect();
        named.sort_by_key(|(number, _)| row.number(*number));
        Ok(named.into_iter().map(|(_, named)| named).collect())
    }
}

/// The one row of a query, of integers.
struct Row(Option<RecordBatch>);

impl Row {
    async fn of(query: DataFrame) -> Result<Self> {
        let batches = query.collect().await?;
        Ok(Self(batches.into_iter().find(|batch| batch.num_rows() > 0)))
    }

    fn number(&self, column: usize) -> Option<i64> {
        let column = self.0.as_ref()?.columns().get(column)?.as_primitive_opt::<Int64Type>()?;
        column.is_valid(0).then(|| column.value(0))
    }
}
