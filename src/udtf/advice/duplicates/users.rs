//! Users with more than one row of a wide table.

use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::functions_aggregate::expr_fn::{count, max, min};
use datafusion::logical_expr::{Expr, LogicalPlan, col, lit};

use crate::error::Remedy;
use crate::udtf::advice::Advice;
use crate::udtf::advice::duplicates::table::{Row, Table, differ, extremes, tells_apart};
use crate::udtf::advice::frames::Change;

/// The most columns that are looked at.
const MOST_COLUMNS: usize = 64;

/// What is known of the users.
#[derive(Debug)]
pub(super) struct DoubledUsers {
    users: i64,
    /// Of these, the ones whose rows differ.
    differing: i64,
    /// The one column of integers whose values differ among the rows of each. Of a single user,
    /// any question may do that.
    apart: Option<String>,
}

impl DoubledUsers {
    /// What is to be known of them, behind the first.
    pub(super) fn found(&self) -> String {
        let Self { users, differing, apart } = self;
        let users_found = match users {
            1 => ", as has no other user".to_string(),
            users => format!(", as have {users} users in all"),
        };
        let agree = match differing {
            0 => "; their rows agree".to_string(),
            differing if differing == users => "; their rows differ".to_string(),
            differing => format!("; the rows of {differing} of them differ"),
        };
        let apart = apart.as_ref().map(|name| format!("; column '{name}' tells them apart"));
        format!("{users_found}{agree}{}", apart.unwrap_or_default())
    }
}

/// What leaves one row of each user, or makes several users of one.
pub(super) fn remedies(doubled: Option<&DoubledUsers>, user: &str, advice: &Advice<'_>) -> Vec<Remedy> {
    let mut remedies = Vec::new();
    if doubled.is_some_and(|doubled| doubled.differing == 0) {
        let sql = advice.query("DISTINCT *", "");
        remedies.extend(advice.table("take each row once", sql, Change::Once(Vec::new())));
    }
    let name = advice.name(user);
    let apart = doubled.and_then(|doubled| doubled.apart.as_deref());
    if let Some(apart) = apart {
        for (which, order) in [("lowest", "ASC"), ("highest", "DESC")] {
            let columns = format!("DISTINCT ON ({name}) {}", advice.columns_without(&[apart]));
            let order = format!(" ORDER BY {name}, {} {order}", advice.name(apart));
            let effect = format!("take each user's row of the {which} '{apart}', which is no question");
            let change =
                Change::First { keys: vec![user], by: apart, last: which == "highest", keeps_by: false };
            remedies.extend(advice.table(effect, advice.query(&columns, &order), change));
        }
    }
    let (effect, columns) = match apart {
        None => ("count each row as a user of its own".to_string(), vec![user]),
        Some(apart) => {
            (format!("count each row as a user of its own, and '{apart}' as no question"), vec![user, apart])
        }
    };
    let sql = advice.query(&advice.columns_without(&columns), "");
    remedies.extend(advice.table(effect, sql, Change::Without(columns)));
    remedies
}

/// Looks at all users; nothing if each has one row, which is how a table looks that cannot be read
/// twice.
pub(super) async fn look(
    table: Option<&LogicalPlan>,
    user: &str,
    partition_by: &[String],
    context: &TaskContext,
) -> Result<Option<DoubledUsers>> {
    let Some(table) = Table::try_new(table, context).await? else { return Ok(None) };
    let name = table.column(user);
    let keys: Vec<Expr> = partition_by.iter().map(|name| table.column(name)).chain([name.clone()]).collect();
    let integers =
        table.schema().fields().iter().filter(|field| field.data_type().is_integer() && field.name() != user);
    let integers: Vec<&String> = integers.map(|field| field.name()).take(MOST_COLUMNS).collect();
    let columns: Vec<_> = integers.iter().map(|integer| table.column(integer)).collect();

    let mut aggregates = vec![count(lit(1)).alias("copies")];
    aggregates.extend(columns.iter().enumerate().flat_map(|(number, column)| extremes(column, number)));
    let mut all = vec![count(lit(1)).alias("users"), max(col("copies")).alias("most")];
    for number in 0..columns.len() {
        all.push(min(differ(number)?).alias(format!("apart_{number}")));
    }
    let doubled = table.query().aggregate(keys.clone(), aggregates)?;
    let row = Row::of(doubled.filter(col("copies").gt(lit(1)))?.aggregate(vec![], all)?).await?;
    let Some(users) = row.number(0).filter(|users| *users > 0) else { return Ok(None) };

    let different = table.query().distinct()?.aggregate(keys.clone(), vec![count(lit(1)).alias("rows")])?;
    let different = different.filter(col("rows").gt(lit(1)))?;
    let differing = Row::of(different.aggregate(vec![], vec![count(lit(1))])?).await?.number(0);

    let mut apart = Vec::new();
    for (number, (integer, column)) in integers.iter().zip(columns).enumerate() {
        let differs = users > 1 && row.number(2 + number) == Some(1);
        if differs
            && tells_apart(table.query(), keys.iter().cloned().chain([column]).collect(), row.number(1))
                .await?
        {
            apart.push((*integer).clone());
        }
    }
    let only = apart.pop().filter(|_| apart.is_empty());
    Ok(Some(DoubledUsers { users, differing: differing.unwrap_or(users), apart: only }))
}
