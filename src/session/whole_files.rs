//! Tables whose files are read from their beginning to their end.
//!
//! DataFusion cuts large files into ranges that are read side by side. One array of JSON cannot be
//! entered in its midst, and DataFusion's reader of it says so only when it runs. So the plan of
//! such a table, and of text that is made UTF-8 on the way, is a leaf that nobody looks into: its
//! files are as they are, one behind the other or side by side, and none is cut.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::internal_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::future::BoxFuture;
use futures::{FutureExt, TryFutureExt};

/// A table of files that cannot be cut.
#[derive(Debug)]
pub(super) struct WholeFiles(pub(super) Arc<dyn TableProvider>);

impl TableProvider for WholeFiles {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        self.0.table_type()
    }

    // No `async`: see `KCorrsetTable::scan`.
    fn scan<'table, 'session, 'columns, 'filters, 'plan>(
        &'table self,
        session: &'session dyn Session,
        projection: Option<&'columns Vec<usize>>,
        filters: &'filters [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'plan, Result<Arc<dyn ExecutionPlan>>>
    where
        'table: 'plan,
        'session: 'plan,
        'columns: 'plan,
        'filters: 'plan,
        Self: 'plan,
    {
        let plan = self.0.scan(session, projection, filters, limit);
        plan.map_ok(|plan| Arc::new(WholeFilesExec(plan)) as Arc<dyn ExecutionPlan>).boxed()
    }
}

/// The plan of such a table, as a leaf.
#[derive(Debug)]
struct WholeFilesExec(Arc<dyn ExecutionPlan>);

impl DisplayAs for WholeFilesExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt_as(format, f)
    }
}

impl ExecutionPlan for WholeFilesExec {
    fn name(&self) -> &str {
        "WholeFilesExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.0.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    // Deprecated, but without a default, and `replace_children` falls back on it.
    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if !children.is_empty() {
            return internal_err!("WholeFilesExec has no children");
        }
        Ok(self)
    }

    fn metrics(&self) -> Option<MetricsSet> {
        self.0.metrics()
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.0.execute(partition, context)
    }
}
