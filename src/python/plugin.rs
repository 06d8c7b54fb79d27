//! The sets of a table of a host: a session of the Python package `datafusion`, which is a
//! library of its own, with a session, tables and threads of its own.
//!
//! ```text
//!   host: SQL ─▶ the package's table function, in Python ─▶ HostSets::new   rows, k, options
//!                                                                │
//!         plan ◀── FFI_TableProvider: columns, filters, LIMIT ◀──┘
//!           │
//!           └─▶ executes ─▶ ours: index, sweep ─▶ the host's rows, by Arrow's C stream
//! ```
//!
//! There is a shorter way, `FFI_TableFunction`, and it crashes: a host of datafusion-ffi 55 looks
//! into the function's private data for a runtime of tokio, whose place there depends on the
//! compiler that built the other library. What passes here are C structs and functions alone.
//!
//! Filters that arise while a query runs do not pass, so ORDER BY with LIMIT looks at the rows of
//! all sets; `top` says it to the sweep.

use std::fmt;
use std::process;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session as DataFusionSession, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::config::ConfigOptions;
use datafusion::datasource::provider_as_source;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{
    Expr, LogicalPlanBuilder, TableProviderFilterPushDown, TableType, UNNAMED_TABLE,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, displayable};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_ffi::table_provider::FFI_TableProvider;
use datafusion_python_util::ffi_logical_codec_from_pycapsule;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use pyo3_arrow::PySchema;
use tokio::runtime::Handle;

use crate::python::failure::exception;
use crate::python::rows::read_again;
use crate::python::runtime;
use crate::python::value::arguments;
use crate::udtf::KCorrsetTable;

/// The sets of k questions of a host's table.
#[pyclass(module = "k_corrset", frozen)]
#[derive(Debug)]
pub(super) struct HostSets {
    table: Arc<KCorrsetTable>,
    /// On which the host's rows are read.
    runtime: Handle,
}

#[pymethods]
impl HostSets {
    /// # Arguments
    /// `data`: the host's rows, which each query reads by Arrow's C stream interface; `schema`:
    /// their columns; `options`: pairs of a name and a value, as SQL has them.
    #[new]
    fn new(
        py: Python<'_>,
        data: Py<PyAny>,
        schema: PySchema,
        k: &Bound<'_, PyAny>,
        options: Vec<(String, Bound<'_, PyAny>)>,
    ) -> PyResult<Self> {
        let runtime = runtime::handle(py)?;
        let arguments = arguments(k, &options)?;
        let table = || {
            let rows = provider_as_source(read_again(data, &schema.into_inner())?);
            let rows = LogicalPlanBuilder::scan(UNNAMED_TABLE, rows, None)?.build()?;
            let (sets, options) = arguments.typed(None)?;
            KCorrsetTable::of_call(rows, None, sets, options, &ConfigOptions::default())
        };
        let table = Arc::new(table().map_err(exception)?);
        Ok(Self { table, runtime })
    }

    /// The sets, as the package `datafusion` takes tables of other libraries.
    fn __datafusion_table_provider__<'py>(
        &self,
        py: Python<'py>,
        session: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let codec = ffi_logical_codec_from_pycapsule(session, None)?;
        let table = Arc::new(PlannedHere { table: Arc::clone(&self.table), process: process::id() });
        let runtime = Some(self.runtime.clone());
        let provider = FFI_TableProvider::new_with_ffi_codec(table, true, runtime, codec);
        PyCapsule::new_with_value(py, provider, c"datafusion_table_provider")
    }
}

/// A table whose input is planned by a session of this library: plans do not pass to the host.
#[derive(Debug)]
struct PlannedHere {
    table: Arc<KCorrsetTable>,
    /// Whose threads are to read it.
    process: u32,
}

#[async_trait]
impl TableProvider for PlannedHere {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        self.table.table_type()
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        self.table.supports_filters_pushdown(filters)
    }

    async fn scan(
        &self,
        host: &dyn DataFusionSession,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if self.process != process::id() {
            return Err(DataFusionError::Execution(runtime::FORKED.to_string()));
        }
        let threads = host.config().target_partitions();
        let here = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(threads));
        let plan = self.table.scan(&here.state(), projection, filters, limit).await?;
        Ok(Arc::new(Leaf::of(plan)))
    }
}

/// A plan that the host must not see into: it would put nodes of its own between a sweep and its input, whose
/// threads are not those that read it.
#[derive(Debug)]
struct Leaf {
    plan: Arc<dyn ExecutionPlan>,
    /// What EXPLAIN shows of a plan of another library: this and no more.
    name: String,
}

impl Leaf {
    fn of(plan: Arc<dyn ExecutionPlan>) -> Self {
        let name = displayable(plan.as_ref()).one_line().to_string().trim().to_string();
        Self { plan, name }
    }
}

impl DisplayAs for Leaf {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl ExecutionPlan for Leaf {
    fn name(&self) -> &str {
        &self.name
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.plan.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.plan.execute(partition, context)
    }
}
