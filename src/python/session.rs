//! A session of DataFusion that has `k_corrset`, with the threads that run its queries.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::{DFSchema, TableReference};
use datafusion::error::Result;
use datafusion::execution::memory_pool::{GreedyMemoryPool, TrackConsumersPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use pyo3::prelude::*;
use tokio::runtime::{Builder, Runtime};

use crate::python::failure::exception;
use crate::python::input::{Input, keep, read_once};
use crate::python::table::Table;
use crate::python::value::arguments;
use crate::python::wait::wait;
use crate::sweep::SweepProgress;
use crate::udtf::{KCorrsetExt, register_all};

/// A session of SQL.
#[pyclass(module = "k_corrset", frozen)]
pub(super) struct Session {
    context: SessionContext,
    runtime: Runtime,
    progress: Arc<SweepProgress>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("id", &self.context.session_id()).finish_non_exhaustive()
    }
}

/// How many of the largest consumers an error about memory names.
const CONSUMERS_NAMED: NonZeroUsize = NonZeroUsize::new(3).unwrap();

#[pymethods]
impl Session {
    /// A session of so many threads, whose queries have so many bytes of memory.
    #[new]
    fn new(threads: Option<NonZeroUsize>, memory_limit: Option<usize>) -> PyResult<Self> {
        let progress = Arc::new(SweepProgress::default());
        let mut config =
            SessionConfig::new().with_information_schema(true).with_extension(Arc::clone(&progress));
        let mut runtime = Builder::new_multi_thread();
        if let Some(threads) = threads {
            config = config.with_target_partitions(threads.get());
            runtime.worker_threads(threads.get());
        }
        let mut environment = RuntimeEnvBuilder::new();
        if let Some(bytes) = memory_limit {
            let pool = TrackConsumersPool::new(GreedyMemoryPool::new(bytes), CONSUMERS_NAMED);
            environment = environment.with_memory_pool(Arc::new(pool));
        }
        let environment = environment.build_arc().map_err(exception)?;
        let context = SessionContext::new_with_config_rt(config, environment).enable_url_table();
        register_all(&context).map_err(exception)?;
        Ok(Self { context, runtime: runtime.enable_all().build()?, progress })
    }

    /// The rows of a statement.
    #[pyo3(signature = (query, watcher=None))]
    fn sql(&self, py: Python<'_>, query: &str, watcher: Option<Py<PyAny>>) -> PyResult<Table> {
        self.collect(py, watcher, self.context.sql(query))
    }

    /// Makes data known as a table.
    fn register(&self, py: Python<'_>, name: &str, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let input = Input::of(data)?;
        let parts = self.threads();
        let table = async {
            match input {
                Input::Path(path) => self.file(path).await.map(DataFrame::into_view),
                // It may need Python, and this thread has let go of it.
                Input::Rows(rows) => keep(rows, parts),
            }
        };
        let table = wait(py, &self.runtime, &self.progress, None, table)?;
        let table: Arc<dyn TableProvider> = table;
        self.context.deregister_table(TableReference::bare(name)).map_err(exception)?;
        self.context.register_table(TableReference::bare(name), table).map(drop).map_err(exception)
    }

    /// The sets of k questions of some data.
    ///
    /// # Arguments
    /// `options`: pairs of a name and a value, as SQL has them.
    #[pyo3(signature = (data, k, options, watcher=None))]
    fn k_corrset(
        &self,
        py: Python<'_>,
        data: &Bound<'_, PyAny>,
        k: &Bound<'_, PyAny>,
        options: Vec<(String, Bound<'_, PyAny>)>,
        watcher: Option<Py<PyAny>>,
    ) -> PyResult<Table> {
        let (k, options) = arguments(k, &options)?;
        let input = Input::of(data)?;
        self.collect(py, watcher, async {
            let rows = match input {
                Input::Path(path) => self.file(path).await?,
                Input::Rows(rows) => self.context.read_table(read_once(rows, self.threads())?)?,
            };
            rows.k_corrset_with(k, options)
        })
    }
}

impl Session {
    fn threads(&self) -> usize {
        self.context.copied_config().target_partitions()
    }

    /// The rows of a file.
    async fn file(&self, path: String) -> Result<DataFrame> {
        self.context.table(TableReference::bare(path)).await
    }

    /// Runs a query to its end.
    fn collect(
        &self,
        py: Python<'_>,
        watcher: Option<Py<PyAny>>,
        query: impl Future<Output = Result<DataFrame>> + Send,
    ) -> PyResult<Table> {
        self.progress.reset();
        let rows = async {
            let rows = query.await?;
            let schema = Arc::clone(DFSchema::inner(rows.schema()));
            Ok(Table::new(schema, rows.collect().await?))
        };
        wait(py, &self.runtime, &self.progress, watcher.as_ref(), rows)
    }
}
