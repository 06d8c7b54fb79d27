//! Rows of Python as tables.
//!
//! A thread of its own asks an object for its rows and reads them, from the first call to the
//! last: whoever makes them may take their time, may need Python, and may want to be called by
//! one thread only. What it has read waits in a channel, whose closing is all that an early end
//! does; the thread leaves after the batch in hand.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::arrow::array::{RecordBatch, RecordBatchOptions, RecordBatchReader};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::{TryFutureExt, stream};
use pyo3::exceptions::PyStopIteration;
use pyo3::prelude::*;
use pyo3_arrow::input::AnyRecordBatch;
use pyo3_arrow::{PyRecordBatch, PySchema};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::spawn_blocking;

use crate::python::failure::{Raised, exception, lost};
use crate::udtf::caught;

/// Batches that are read before anybody asks for them.
const AHEAD: usize = 2;

/// The rows of an object of Python, while a thread reads them.
pub(super) struct Rows {
    schema: SchemaRef,
    batches: mpsc::Receiver<Result<RecordBatch>>,
}

impl Rows {
    /// Has the rows of an object read.
    ///
    /// # Errors
    /// Whatever the object raises when it is asked for its rows.
    pub(super) async fn of(data: Arc<Py<PyAny>>) -> Result<Self> {
        let (opened, schema) = oneshot::channel();
        let (sender, mut batches) = mpsc::channel(AHEAD);
        spawn_blocking(move || {
            if let Err(error) = caught(|| read(data, opened, &sender)) {
                // Nobody listens once the query has ended.
                drop(sender.blocking_send(Err(error)));
            }
        });
        match schema.await {
            Ok(schema) => Ok(Self { schema, batches }),
            Err(_) => Err(batches.recv().await.and_then(Result::err).unwrap_or_else(lost)),
        }
    }

    /// A table of these rows, to be read once.
    ///
    /// # Arguments
    /// `again`: what may be asked for the rows once more, when they have all been read, for an error to tell more of
    /// them.
    ///
    /// # Errors
    /// None that the rows could cause.
    pub(super) fn read_once(self, again: Option<Arc<Py<PyAny>>>) -> Result<Arc<dyn TableProvider>> {
        let batches = Arc::new(Mutex::new(self.batches));
        streaming(&self.schema, Source::Once { batches, begun: AtomicBool::new(false), again })
    }

    /// A table of these rows that can be read again and again, and how many they are.
    ///
    /// # Errors
    /// Those of reading the rows.
    pub(super) async fn keep(mut self) -> Result<(Arc<dyn TableProvider>, usize)> {
        let mut batches = Vec::new();
        while let Some(batch) = self.batches.recv().await.transpose()? {
            batches.push(batch);
        }
        let rows = batches.iter().map(RecordBatch::num_rows).sum();
        Ok((Arc::new(MemTable::try_new(self.schema, vec![batches])?), rows))
    }
}

/// A table of whose rows each query asks an object of Python anew.
///
/// # Errors
/// None that the rows could cause.
pub(super) fn read_again(data: Py<PyAny>, schema: &SchemaRef) -> Result<Arc<dyn TableProvider>> {
    streaming(schema, Source::Object(Arc::new(data)))
}

fn streaming(schema: &SchemaRef, source: Source) -> Result<Arc<dyn TableProvider>> {
    let partition = Partition { schema: Arc::clone(schema), source };
    Ok(Arc::new(StreamingTable::try_new(Arc::clone(schema), vec![Arc::new(partition)])?))
}

/// All rows of a table.
struct Partition {
    schema: SchemaRef,
    source: Source,
}

type SharedBatches = Arc<Mutex<mpsc::Receiver<Result<RecordBatch>>>>;

/// Where they come from.
enum Source {
    /// Rows that have been asked for.
    Once {
        batches: SharedBatches,
        begun: AtomicBool,
        /// What is asked when they are wanted again.
        again: Option<Arc<Py<PyAny>>>,
    },
    /// An object that speaks Arrow.
    Object(Arc<Py<PyAny>>),
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Partition").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl PartitionStream for Partition {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let schema = Arc::clone(&self.schema);
        let object = match &self.source {
            Source::Once { begun, again, .. } => {
                again.as_ref().filter(|_| begun.swap(true, Ordering::Relaxed))
            }
            Source::Object(data) => Some(data),
        };
        match (object, &self.source) {
            (None, Source::Once { batches, .. }) => {
                Box::pin(RecordBatchStreamAdapter::new(schema, stream_of(Arc::clone(batches))))
            }
            (Some(data), _) | (None, Source::Object(data)) => {
                let rows = Rows::of(Arc::clone(data));
                let rows = rows.map_ok(|rows| stream_of(Arc::new(Mutex::new(rows.batches))));
                Box::pin(RecordBatchStreamAdapter::new(schema, rows.try_flatten_stream()))
            }
        }
    }
}

fn stream_of(batches: SharedBatches) -> impl stream::Stream<Item = Result<RecordBatch>> {
    stream::unfold(batches, |batches| async {
        let next = batches.lock().await.recv().await;
        next.map(|batch| (batch, batches))
    })
}

/// Reads an object to its end, or until nobody wants the rest.
fn read(
    data: Arc<Py<PyAny>>,
    opened: oneshot::Sender<SchemaRef>,
    batches: &mpsc::Sender<Result<RecordBatch>>,
) -> Result<()> {
    let reader = attached(|py| {
        // The object may go as soon as its stream is there.
        let data = data;
        let data = data.bind(py);
        if data.hasattr("read_next_batch")? {
            read_in_python(data, opened, batches)?;
            return Ok(None);
        }
        let reader = data.extract::<AnyRecordBatch>()?.into_reader()?;
        Ok(Some((reader, opened)))
    })?;
    if let Some((reader, opened)) = reader {
        if opened.send(reader.schema()).is_err() {
            return Ok(());
        }
        for batch in reader {
            if batches.blocking_send(Ok(batch?)).is_err() {
                break;
            }
        }
    }
    Ok(())
}

/// Reads a `RecordBatchReader` by its method: what its rows' maker raises comes out of it as it is,
/// where Arrow's C stream interface would leave a text.
fn read_in_python(
    reader: &Bound<'_, PyAny>,
    opened: oneshot::Sender<SchemaRef>,
    batches: &mpsc::Sender<Result<RecordBatch>>,
) -> PyResult<()> {
    let py = reader.py();
    let schema = reader.getattr("schema")?.extract::<PySchema>()?.into_inner();
    if opened.send(Arc::clone(&schema)).is_err() {
        return Ok(());
    }
    loop {
        let batch = match reader.call_method0("read_next_batch") {
            Err(error) if error.is_instance_of::<PyStopIteration>(py) => return Ok(()),
            batch => batch?.extract::<PyRecordBatch>()?.into_inner(),
        };
        let batch = with_schema(batch, &schema).map_err(exception)?;
        if py.detach(|| batches.blocking_send(Ok(batch))).is_err() {
            return Ok(());
        }
    }
}

/// A batch whose columns have the types of a schema, with its names and metadata.
fn with_schema(batch: RecordBatch, schema: &Arc<Schema>) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), batch.columns().to_vec(), &options)?)
}

/// Calls Python. An interpreter that is ending is not called any more.
fn attached<T>(call: impl FnOnce(Python<'_>) -> PyResult<T>) -> Result<T> {
    let result = Python::try_attach(|py| call(py).map_err(|error| Raised::error(py, error)));
    result.unwrap_or_else(|| Err(lost()))
}
