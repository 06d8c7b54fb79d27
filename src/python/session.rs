//! A session of DataFusion that has `k_corrset`.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::catalog::TableProvider;
use datafusion::common::{DFSchema, ParamValues, TableReference, plan_datafusion_err};
use datafusion::error::Result;
use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryConsumer, TrackConsumersPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use futures::{StreamExt, TryStreamExt};
use pyo3::prelude::*;
use pyo3::types::PyString;
use tokio::task::spawn_blocking;

use crate::python::batches::Batches;
use crate::python::failure::{exception, said};
use crate::python::input::{Input, data_of};
use crate::python::rows::Rows;
use crate::python::runtime::{self, DroppedElsewhere};
use crate::python::stream::BatchStream;
use crate::python::told::{Told, warn_of_empty};
use crate::python::value::{arguments, is_list, parameters};
use crate::python::wait::wait;
use crate::session::copy::register_copy;
use crate::session::files::register_files;
use crate::session::statements::parse;
use crate::udtf::{Data, KCorrsetSettings, Language, SETS, register_all, sets_of, sets_of_table};

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

    /// The rows of the last of some statements.
    ///
    /// # Arguments
    /// `values`: those of placeholders, a list or a dict.
    #[pyo3(signature = (query, values=None, watcher=None))]
    fn sql(
        &self,
        py: Python<'_>,
        query: String,
        values: Option<&Bound<'_, PyAny>>,
        watcher: Option<Py<PyAny>>,
    ) -> PyResult<Batches> {
        let told = Told::default();
        let rows = self.statements(&told, query, values)?;
        collect(py, told, watcher.as_ref(), rows)
    }

    /// The same while they are made.
    #[pyo3(signature = (query, values=None))]
    fn stream(
        &self,
        py: Python<'_>,
        query: String,
        values: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<BatchStream> {
        let told = Told::default();
        let rows = self.statements(&told, query, values)?;
        BatchStream::of(py, told, rows)
    }

    /// Makes data known as a table.
    fn register(&self, py: Python<'_>, name: String, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let (context, input, reference) = (self.context(), Input::of(data)?, TableReference::bare(&*name));
        let registered = async move {
            let (table, empty): (Arc<dyn TableProvider>, bool) = match input {
                Input::Paths(paths) => (files(&context, paths).await?.into_view(), false),
                Input::Rows { data, .. } => {
                    let (table, rows) = Rows::of(Arc::new(data)).await?.keep().await?;
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

    /// Forgets a table; whether there was one.
    fn deregister(&self, name: String) -> PyResult<bool> {
        let table = self.context.deregister_table(TableReference::bare(name)).map_err(exception)?;
        Ok(table.map(DroppedElsewhere::new).is_some())
    }

    /// The names of the tables, ascending.
    fn tables(&self) -> Vec<String> {
        let config = self.context.copied_config();
        let catalog = &config.options().catalog;
        let schema =
            self.context.catalog(&catalog.default_catalog).and_then(|it| it.schema(&catalog.default_schema));
        let mut names = schema.map(|schema| schema.table_names()).unwrap_or_default();
        names.sort();
        names
    }

    /// The sets of k questions of some data, or those that are given.
    ///
    /// # Arguments
    /// `kind`: what the data are; `options`: pairs of a name and a value, as SQL has them; `sets`: a table or
    /// the path of one, or a list of lists.
    #[pyo3(signature = (data, kind, k, options, sets=None, watcher=None))]
    #[allow(clippy::too_many_arguments)]
    fn k_corrset<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
        kind: &str,
        k: &Bound<'py, PyAny>,
        options: Vec<(String, Bound<'py, PyAny>)>,
        sets: Option<Bound<'py, PyAny>>,
        watcher: Option<Py<PyAny>>,
    ) -> PyResult<Batches> {
        let rows = self.sets(data, kind, k, options, sets)?;
        collect(py, Told::default(), watcher.as_ref(), rows)
    }

    /// The same while they are found.
    #[pyo3(signature = (data, kind, k, options, sets=None))]
    fn stream_k_corrset<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
        kind: &str,
        k: &Bound<'py, PyAny>,
        options: Vec<(String, Bound<'py, PyAny>)>,
        sets: Option<Bound<'py, PyAny>>,
    ) -> PyResult<BatchStream> {
        let rows = self.sets(data, kind, k, options, sets)?;
        BatchStream::of(py, Told::default(), rows)
    }
}

impl Session {
    fn context(&self) -> SessionContext {
        SessionContext::clone(&self.context)
    }

    /// The query of some statements.
    fn statements(
        &self,
        told: &Told,
        query: String,
        values: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<impl Future<Output = Result<DataFrame>> + Send + 'static> {
        let (context, told) = (self.context(), told.clone());
        let values = values.map(parameters).transpose()?;
        Ok(async move { last_of(&context, &told, &query, values.as_ref()).await })
    }

    /// The query of a call.
    fn sets<'py>(
        &self,
        data: &Bound<'py, PyAny>,
        kind: &str,
        k: &Bound<'py, PyAny>,
        mut options: Vec<(String, Bound<'py, PyAny>)>,
        sets: Option<Bound<'py, PyAny>>,
    ) -> PyResult<impl Future<Output = Result<DataFrame>> + Send + 'static> {
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
        // It is the only call of this session.
        say_in_python(&context, data_of(kind));
        Ok(async move {
            let sets = async {
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
            sets.await.map_err(|error| said(error, context.copied_config().options()))
        })
    }
}

/// Has errors of a session's calls tell what to write in Python.
fn say_in_python(context: &SessionContext, data: Data) {
    let state = context.state_ref();
    let mut state = state.write();
    let options = state.config_mut().options_mut();
    if let Some(settings) = options.extensions.get_mut::<KCorrsetSettings>() {
        settings.language = Language::Python(data);
    }
}

/// The rows of an input, which is read once.
async fn rows(context: &SessionContext, input: Input) -> Result<DataFrame> {
    match input {
        Input::Paths(paths) => files(context, paths).await,
        Input::Rows { data, again } => {
            let data = Arc::new(data);
            let again = again.then(|| Arc::clone(&data));
            let rows = Rows::of(data).await?;
            context.read_table(rows.read_once(again)?)
        }
    }
}

/// The rows of files, which are joined by the names of their columns.
async fn files(context: &SessionContext, paths: Vec<String>) -> Result<DataFrame> {
    let mut paths = paths.into_iter();
    let mut all = context.table(TableReference::bare(paths.next().unwrap_or_default())).await?;
    for path in paths {
        all = all.union_by_name(context.table(TableReference::bare(path)).await?)?;
    }
    Ok(all)
}

/// The query of the last of some statements. Those before it have been run by then; and one that changes the
/// session has done so.
async fn last_of(
    context: &SessionContext,
    told: &Told,
    query: &str,
    values: Option<&ParamValues>,
) -> Result<DataFrame> {
    let mut last = None;
    for statement in parse(context, query)? {
        let plan = context.state().statement_to_plan(statement).await?;
        let plan = match values {
            Some(values) => plan.with_param_values(values.clone())?,
            None => plan,
        };
        if let Some(before) = last.replace(run(context, told, plan).await?) {
            before.execute_stream().await?.try_for_each(|_| async { Ok(()) }).await?;
        }
    }
    last.ok_or_else(|| plan_datafusion_err!("k_corrset: there is no statement; expected SQL, as in SELECT 1"))
}

async fn run(context: &SessionContext, told: &Told, plan: LogicalPlan) -> Result<DataFrame> {
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
) -> PyResult<Batches> {
    let rows = {
        let told = told.clone();
        async move {
            let (state, plan) = query.await?.into_parts();
            let held = MemoryConsumer::new("result").register(&state.runtime_env().memory_pool);
            let config = state.config().clone();
            let rows = DataFrame::new(told.in_state(state), plan);
            let schema = Arc::clone(DFSchema::inner(rows.schema()));
            let batches = async {
                let mut batches = Vec::new();
                let mut rows = rows.execute_stream().await?;
                while let Some(batch) = rows.next().await.transpose()? {
                    held.try_grow(bytes(&batch)?)?;
                    batches.push(batch);
                }
                Ok(batches)
            };
            let batches = batches.await.map_err(|error| said(error, config.options()))?;
            Ok(Batches::new(schema, batches))
        }
    };
    let batches = wait(py, |py| told.to(py, watcher), rows)?;
    told.warn(py)?;
    Ok(batches)
}

/// Bytes of a batch's values. Batches may be slices of the same arrays.
fn bytes(batch: &RecordBatch) -> Result<usize> {
    let bytes = batch.columns().iter().map(|column| column.to_data().get_slice_memory_size());
    Ok(bytes.sum::<Result<usize, _>>()?)
}
