//! A session of DataFusion that has `k_corrset`.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::{DFSchema, TableReference};
use datafusion::error::Result;
use datafusion::execution::memory_pool::{GreedyMemoryPool, TrackConsumersPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use pyo3::prelude::*;
use pyo3::types::PyString;
use tokio::task::spawn_blocking;

use crate::python::failure::exception;
use crate::python::input::Input;
use crate::python::rows::Rows;
use crate::python::runtime::{self, DroppedElsewhere};
use crate::python::table::Table;
use crate::python::told::{Told, warn_of_empty};
use crate::python::value::{arguments, is_list};
use crate::python::wait::wait;
use crate::session::copy::register_copy;
use crate::session::files::register_files;
use crate::session::unquoted::with_quotes;
use crate::udtf::{SETS, register_all, sets_of, sets_of_table};

/// A session of SQL.
#[pyclass(module = "k_corrset", frozen)]
pub(super) struct Session {
    context: DroppedElsewhere<SessionContext>,
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
    /// A session with a number of threads, and with a number of bytes for its queries.
    #[new]
    fn new(py: Python<'_>, threads: Option<NonZeroUsize>, memory_limit: Option<usize>) -> PyResult<Self> {
        runtime::check(py)?;
        let mut config = SessionConfig::new().with_information_schema(true);
        if let Some(threads) = threads {
            config = config.with_target_partitions(threads.get());
        }
        let mut environment = RuntimeEnvBuilder::new();
        if let Some(bytes) = memory_limit {
            let pool = TrackConsumersPool::new(GreedyMemoryPool::new(bytes), CONSUMERS_NAMED);
            environment = environment.with_memory_pool(Arc::new(pool));
        }
        let environment = environment.build_arc().map_err(exception)?;
        let context = SessionContext::new_with_config_rt(config, environment);
        register_files(&context).map_err(exception)?;
        register_copy(&context);
        register_all(&context).map_err(exception)?;
        Ok(Self { context: DroppedElsewhere::new(context) })
    }

    /// The rows of a statement.
    #[pyo3(signature = (query, watcher=None))]
    fn sql(&self, py: Python<'_>, query: String, watcher: Option<Py<PyAny>>) -> PyResult<Table> {
        let (context, told) = (self.context(), Told::default());
        let rows = {
            let told = told.clone();
            async move { statement(&context, &told, &query).await }
        };
        collect(py, told, watcher.as_ref(), rows)
    }

    /// Makes data known as a table.
    fn register(&self, py: Python<'_>, name: String, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let (context, input, reference) = (self.context(), Input::of(data)?, TableReference::bare(&*name));
        let registered = async move {
            let (table, empty): (Arc<dyn TableProvider>, bool) = match input {
                Input::Path(path) => (file(&context, path).await?.into_view(), false),
                Input::Rows(data) => {
                    let (table, rows) = Rows::of(Arc::new(data)).await?.keep(threads(&context)).await?;
                    (table, rows == 0)
                }
            };
            let replaced = context.deregister_table(reference.clone())?;
            context.register_table(reference, table)?;
            drop(spawn_blocking(|| drop(replaced)));
            Ok(empty)
        };
        if wait(py, |_| Ok(()), registered)? { warn_of_empty(py, &name) } else { Ok(()) }
    }

    /// The sets of k questions of some data, or those that are given.
    ///
    /// # Arguments
    /// `options`: pairs of a name and a value, as SQL has them; `sets`: a table or the path of one, or a list
    /// of lists.
    #[pyo3(signature = (data, k, options, sets=None, watcher=None))]
    fn k_corrset<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
        k: &Bound<'py, PyAny>,
        mut options: Vec<(String, Bound<'py, PyAny>)>,
        sets: Option<Bound<'py, PyAny>>,
        watcher: Option<Py<PyAny>>,
    ) -> PyResult<Table> {
        let mut given = None;
        match sets {
            Some(sets) if is_list(&sets)? && sets.cast::<PyString>().is_err() => {
                options.push((SETS.to_string(), sets));
            }
            Some(sets) => given = Some(Input::of(&sets)?),
            None => {}
        }
        let arguments = arguments(k, &options)?;
        let (context, input) = (self.context(), Input::of(data)?);
        let sets = async move {
            let given = match given {
                Some(sets) => {
                    let (_, table) = rows(&context, sets).await?.into_parts();
                    Some(sets_of_table(table, None, context.state().config_options())?)
                }
                None => None,
            };
            let (sets, options) = arguments.typed(given)?;
            sets_of(rows(&context, input).await?, sets, options)
        };
        collect(py, Told::default(), watcher.as_ref(), sets)
    }
}

impl Session {
    fn context(&self) -> SessionContext {
        SessionContext::clone(&self.context)
    }
}

fn threads(context: &SessionContext) -> usize {
    context.copied_config().target_partitions()
}

/// The rows of an input, which is read once.
async fn rows(context: &SessionContext, input: Input) -> Result<DataFrame> {
    match input {
        Input::Path(path) => file(context, path).await,
        Input::Rows(data) => {
            let rows = Rows::of(Arc::new(data)).await?;
            context.read_table(rows.read_once(threads(context))?)
        }
    }
}

/// The rows of a file.
async fn file(context: &SessionContext, path: String) -> Result<DataFrame> {
    context.table(TableReference::bare(path)).await
}

/// The rows of a statement of SQL. One that changes the session has done so by then.
async fn statement(context: &SessionContext, told: &Told, query: &str) -> Result<DataFrame> {
    let state = context.state();
    let plan = state.create_logical_plan(query).await;
    let plan = plan.map_err(|error| with_quotes(error, query, state.config_options()))?;
    match &plan {
        // This one runs its query at once, in the state of whom it is given to.
        LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(_)) => {
            let telling = SessionContext::new_with_state(told.in_state(context.state()));
            telling.execute_logical_plan(plan).await
        }
        _ => context.execute_logical_plan(plan).await,
    }
}

/// Runs a query to its end.
fn collect(
    py: Python<'_>,
    told: Told,
    watcher: Option<&Py<PyAny>>,
    query: impl Future<Output = Result<DataFrame>> + Send + 'static,
) -> PyResult<Table> {
    let rows = {
        let told = told.clone();
        async move {
            let (state, plan) = query.await?.into_parts();
            let rows = DataFrame::new(told.in_state(state), plan);
            let schema = Arc::clone(DFSchema::inner(rows.schema()));
            Ok(Table::new(schema, rows.collect().await?))
        }
    };
    let table = wait(py, |py| told.to(py, watcher), rows)?;
    told.warn(py)?;
    Ok(table)
}
