//! The table of a call, queried for what a text says of it.

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result;
use datafusion::execution::{SessionStateBuilder, TaskContext};
use datafusion::functions_aggregate::expr_fn::{count, max, min};
use datafusion::logical_expr::{Expr, LogicalPlan, Operator, binary_expr, col, lit, when};
use datafusion::physical_plan::ExecutionPlanProperties;
use datafusion::prelude::{DataFrame, SessionContext};

/// The table of a call.
pub(super) struct Table<'a> {
    session: SessionContext,
    plan: &'a LogicalPlan,
}

impl<'a> Table<'a> {
    /// Nothing of a table that is not known here, or does not end.
    pub(super) async fn try_new(
        plan: Option<&'a LogicalPlan>,
        context: &TaskContext,
    ) -> Result<Option<Self>> {
        let Some(plan) = plan else { return Ok(None) };
        // The session of the query is not known here. What its tables and functions are stands in
        // the plan.
        let state = SessionStateBuilder::new()
            .with_config(context.session_config().clone())
            .with_runtime_env(context.runtime_env())
            .with_default_features()
            .build();
        let ends = !state.create_physical_plan(plan).await?.boundedness().is_unbounded();
        Ok(ends.then(|| Self { session: SessionContext::new_with_state(state), plan }))
    }

    /// All its rows.
    pub(super) fn query(&self) -> DataFrame {
        DataFrame::new(self.session.state(), self.plan.clone())
    }

    pub(super) fn schema(&self) -> &DFSchema {
        self.plan.schema()
    }

    /// The first column of a name.
    pub(super) fn column(&self, name: &str) -> Expr {
        let found = self.schema().iter().find(|(_, field)| field.name() == name);
        let qualifier = found.and_then(|(qualifier, _)| qualifier.cloned());
        Expr::Column(Column::new(qualifier, name))
    }

    pub(super) fn type_of(&self, column: &str) -> Option<&DataType> {
        let mut fields = self.schema().fields().iter();
        fields.find(|field| field.name() == column).map(|field| field.data_type())
    }
}

/// 1 where a condition holds, else 0.
pub(super) fn flag(condition: Expr) -> Result<Expr> {
    when(condition, lit(1i64)).otherwise(lit(0i64))
}

/// The least and the greatest value of the column of this number, for [`differ`].
pub(super) fn extremes(column: &Expr, number: usize) -> [Expr; 2] {
    [
        min(column.clone()).alias(format!("first_{number}")),
        max(column.clone()).alias(format!("last_{number}")),
    ]
}

/// 1 where the column of this number has different values.
pub(super) fn differ(number: usize) -> Result<Expr> {
    let (first, last) = (col(format!("first_{number}")), col(format!("last_{number}")));
    flag(binary_expr(first, Operator::IsDistinctFrom, last))
}

/// Whether no two rows agree in all these columns, the last of which has different values in each
/// group of rows that agree in the others; `most` rows are in the largest group.
pub(super) async fn tells_apart(rows: DataFrame, columns: Vec<Expr>, most: Option<i64>) -> Result<bool> {
    // Of three rows two may have the same value.
    if most == Some(2) {
        return Ok(true);
    }
    let copies = rows.aggregate(columns, vec![count(lit(1)).alias("copies")])?;
    let twice = copies.filter(col("copies").gt(lit(1)))?.limit(0, Some(1))?.collect().await?;
    Ok(twice.iter().all(|batch| batch.num_rows() == 0))
}

/// The one row of a query, of integers.
pub(super) struct Row(Option<RecordBatch>);

impl Row {
    pub(super) async fn of(query: DataFrame) -> Result<Self> {
        let batches = query.collect().await?;
        Ok(Self(batches.into_iter().find(|batch| batch.num_rows() > 0)))
    }

    pub(super) fn number(&self, column: usize) -> Option<i64> {
        let column = self.0.as_ref()?.columns().get(column)?.as_primitive_opt::<Int64Type>()?;
        column.is_valid(0).then(|| column.value(0))
    }
}
