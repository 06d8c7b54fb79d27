//! Data of Python as a table.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use datafusion::arrow::array::{RecordBatch, RecordBatchReader};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::streaming::PartitionStream;
use pyo3::exceptions::{PyFileNotFoundError, PyTypeError};
use pyo3::prelude::*;
use pyo3_arrow::input::AnyRecordBatch;

/// What a caller gives as data.
pub(super) enum Input {
    /// The path of a file, or of a folder of files.
    Path(String),
    /// Rows, to be read once.
    Rows(Rows),
}

type Rows = Box<dyn RecordBatchReader + Send>;

/// What marks a path that stands for many, or for something that is no file.
const NO_PLAIN_PATH: [&str; 4] = ["*", "?", "[", "://"];

impl Input {
    /// What an object of Python stands for.
    ///
    /// # Errors
    /// `TypeError` where it is neither a path nor speaks Arrow; `FileNotFoundError`.
    pub(super) fn of(data: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(path) = data.extract::<PathBuf>() {
            let text = path.to_string_lossy().into_owned();
            let plain = !NO_PLAIN_PATH.iter().any(|mark| text.contains(mark));
            return match plain && !path.exists() {
                true => Err(PyFileNotFoundError::new_err(format!("k_corrset: there is no file '{text}'"))),
                false => Ok(Self::Path(text)),
            };
        }
        if !data.hasattr("__arrow_c_stream__")? && !data.hasattr("__arrow_c_array__")? {
            return Err(PyTypeError::new_err(format!(
                "k_corrset: data must be the path of a file, or a table that speaks Arrow's C stream \
                 interface, as those of pyarrow, polars, pandas and DuckDB do; got {}; \
                 pyarrow.table({{...}}) makes one of lists",
                data.get_type().name()?
            )));
        }
        Ok(Self::Rows(data.extract::<AnyRecordBatch>()?.into_reader()?))
    }
}

/// A table of rows that are read once, by whoever wants some next.
///
/// # Arguments
/// `readers`: how many want rows at the same time.
///
/// # Errors
/// None that the rows could cause: the columns of all readers are the same.
pub(super) fn read_once(rows: Rows, readers: usize) -> Result<Arc<dyn TableProvider>> {
    let schema = rows.schema();
    let rows = Arc::new(Mutex::new(rows));
    streaming(schema, (0..readers.max(1)).map(|_| Source::Shared(Arc::clone(&rows))))
}

/// A table of whose rows each query asks an object of Python for another stream.
///
/// # Errors
/// None that the rows could cause.
pub(super) fn read_again(data: Py<PyAny>, schema: SchemaRef) -> Result<Arc<dyn TableProvider>> {
    streaming(schema, [Source::Object(Arc::new(data))])
}

fn streaming(schema: SchemaRef, sources: impl IntoIterator<Item = Source>) -> Result<Arc<dyn TableProvider>> {
    let reader =
        |source| Arc::new(Reader { schema: Arc::clone(&schema), source }) as Arc<dyn PartitionStream>;
    let readers = sources.into_iter().map(reader).collect();
    Ok(Arc::new(StreamingTable::try_new(Arc::clone(&schema), readers)?))
}

/// A table of rows that can be read again and again.
///
/// # Arguments
/// `parts`: how many can read it at the same time.
///
/// # Errors
/// Those of reading the rows.
pub(super) fn keep(rows: Rows, parts: usize) -> Result<Arc<dyn TableProvider>> {
    let schema = rows.schema();
    let mut partitions = vec![Vec::new(); parts.max(1)];
    let count = partitions.len();
    for (number, batch) in rows.enumerate() {
        partitions[number % count].push(batch?);
    }
    Ok(Arc::new(MemTable::try_new(schema, partitions)?))
}

/// Who reads.
struct Reader {
    schema: SchemaRef,
    source: Source,
}

/// Where from.
#[derive(Clone)]
enum Source {
    /// Rows at which several take turns.
    Shared(Arc<Mutex<Rows>>),
    /// An object that speaks Arrow.
    Object(Arc<Py<PyAny>>),
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// Batches that a reader has in hand before they are asked for.
const AHEAD: usize = 2;

impl PartitionStream for Reader {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut stream = RecordBatchReceiverStreamBuilder::new(Arc::clone(&self.schema), AHEAD);
        let (batches, source) = (stream.tx(), self.source.clone());
        // Whoever makes the rows may take his time, and may need Python for it.
        stream.spawn_blocking(move || {
            let rows = source.open()?;
            while let Some(batch) = next(&rows).transpose()? {
                if batches.blocking_send(Ok(batch)).is_err() {
                    // Nobody wants the rest.
                    break;
                }
            }
            Ok(())
        });
        stream.build()
    }
}

impl Source {
    fn open(self) -> Result<Arc<Mutex<Rows>>> {
        match self {
            Self::Shared(rows) => Ok(rows),
            Self::Object(data) => Python::attach(|py| {
                let rows = data.bind(py).extract::<AnyRecordBatch>().and_then(AnyRecordBatch::into_reader);
                Ok(Arc::new(Mutex::new(rows.map_err(|error| DataFusionError::External(error.into()))?)))
            }),
        }
    }
}

fn next(rows: &Mutex<Rows>) -> Option<Result<RecordBatch>> {
    let Ok(mut rows) = rows.lock() else {
        // After a panic in the midst of a batch there is none that could be trusted.
        return Some(Err(DataFusionError::Internal("the rows cannot be read on".to_string())));
    };
    rows.next().map(|batch| batch.map_err(DataFusionError::from))
}
