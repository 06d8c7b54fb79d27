//! The rows of a query while it runs.
//!
//! ```text
//!   query, on the runtime ──▶ channel of a few batches ──▶ whoever asks for the next
//! ```
//!
//! The query waits where nobody asks, and ends where nobody can ask any more.

use std::sync::{Arc, Mutex as Lock, PoisonError};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::prelude::DataFrame;
use futures::StreamExt;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use pyo3_arrow::ffi::to_schema_pycapsule;
use tokio::sync::{Mutex, mpsc};

use crate::python::batches::{Batches, stream_of};
use crate::python::failure::{lost, said};
use crate::python::runtime::DroppedElsewhere;
use crate::python::told::Told;
use crate::python::wait::{Task, spawn, wait};

/// Batches that are made before anybody asks for them.
const AHEAD: usize = 2;

/// The rows of a query while it runs, which the class `Stream` of Python's half shows.
#[pyclass(module = "k_corrset._native", frozen)]
pub(super) struct BatchStream {
    schema: SchemaRef,
    told: Told,
    /// Nothing once it is closed, or all has been read.
    open: Lock<Option<Arc<Open>>>,
}

/// A query that runs.
struct Open {
    batches: DroppedElsewhere<Receiver>,
    /// It ends when this is dropped.
    _query: Task,
}

type Receiver = Arc<Mutex<mpsc::Receiver<Result<RecordBatch>>>>;

impl BatchStream {
    /// The rows of a query, which begins here.
    ///
    /// # Errors
    /// Those of planning it, as exceptions.
    pub(super) fn of(
        py: Python<'_>,
        told: Told,
        query: impl Future<Output = Result<DataFrame>> + Send + 'static,
    ) -> PyResult<Self> {
        let frame = {
            let told = told.clone();
            async move {
                let (state, plan) = query.await?.into_parts();
                Ok(DataFrame::new(told.in_state(state), plan))
            }
        };
        let frame = wait(py, |_| Ok(()), frame)?;
        let schema = Arc::clone(DFSchema::inner(frame.schema()));
        let (state, plan) = frame.into_parts();
        let config = state.config().clone();
        let frame = DataFrame::new(state, plan);
        let (sender, receiver) = mpsc::channel(AHEAD);
        let query = spawn(py, async move {
            let sent = sender.clone();
            let rows = async move {
                let mut rows = frame.execute_stream().await?;
                while let Some(batch) = rows.next().await {
                    if sent.send(Ok(batch?)).await.is_err() {
                        break;
                    }
                }
                Ok(())
            };
            if let Err(error) = rows.await {
                // Nobody listens after an early end.
                drop(sender.send(Err(said(error, config.options()))).await);
            }
        })?;
        let batches = DroppedElsewhere::new(Arc::new(Mutex::new(receiver)));
        Ok(Self { schema, told, open: Lock::new(Some(Arc::new(Open { batches, _query: query }))) })
    }

    fn open(&self) -> Option<Arc<Open>> {
        // Whoever panics leaves it as it was.
        self.open.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The next batch that has rows; `None` at the end.
///
/// # Errors
/// Those of the query, and whatever `look_up` or a signal's handler raises.
fn next_of(
    py: Python<'_>,
    open: &Open,
    look_up: impl Fn(Python<'_>) -> PyResult<()>,
) -> PyResult<Option<RecordBatch>> {
    let batches = Arc::clone(&open.batches);
    wait(py, look_up, async move {
        let mut batches = batches.lock().await;
        loop {
            match batches.recv().await.transpose()? {
                Some(batch) if batch.num_rows() == 0 => {}
                next => return Ok(next),
            }
        }
    })
}

#[pymethods]
impl BatchStream {
    /// The next batch; `None` at the end.
    #[pyo3(signature = (watcher=None))]
    fn next(&self, py: Python<'_>, watcher: Option<Py<PyAny>>) -> PyResult<Option<Batches>> {
        let Some(open) = self.open() else { return Ok(None) };
        let batch = next_of(py, &open, |py| self.told.to(py, watcher.as_ref()))?;
        self.told.warn(py)?;
        if batch.is_none() {
            self.close();
        }
        Ok(batch.map(|batch| Batches::new(Arc::clone(&self.schema), vec![batch])))
    }

    /// Ends the query.
    fn close(&self) {
        drop(self.open.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// The names of the columns.
    #[getter]
    fn column_names(&self) -> Vec<&str> {
        self.schema.fields().iter().map(|field| field.name().as_str()).collect()
    }

    /// The names and types of the columns, by Arrow's C data interface.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        Ok(to_schema_pycapsule(py, self.schema.as_ref())?)
    }

    /// What is left of the rows as a stream of Arrow, by its C data interface. It ends the query when it is
    /// released.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Whoever asks for the next may hold the interpreter's lock, which whoever makes the data needs.
        let next = move || {
            let open = open.as_ref()?;
            let next = Python::try_attach(|py| next_of(py, open, |_| Ok(())));
            match next {
                Some(next) => next.map_err(|error| ArrowError::ExternalError(Box::new(error))).transpose(),
                None => Some(Err(ArrowError::ExternalError(Box::new(lost())))),
            }
        };
        stream_of(py, &self.schema, std::iter::from_fn(next), requested_schema)
    }
}
