//! The rows of a query, in the memory where it left them.

use std::io::Cursor;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StructArray};
use datafusion::arrow::compute::{cast, concat_batches, interleave_record_batch};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::reader::StreamReader;
use datafusion::arrow::ipc::writer::StreamWriter;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::error::DataFusionError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyCapsule, PyList, PyTuple};
use pyo3_arrow::PyScalar;
use pyo3_arrow::ffi::{ArrayIterator, to_schema_pycapsule, to_stream_pycapsule};

use crate::python::failure::exception;

/// The rows of a query, which the class `Table` of Python's half shows.
#[pyclass(module = "k_corrset._native", frozen)]
#[derive(Debug)]
pub(super) struct Batches {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl Batches {
    pub(super) fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self { schema, batches }
    }

    fn field(&self, column: usize) -> PyResult<&FieldRef> {
        let out_of_range = || ArrowError::SchemaError(format!("there is no column {column}"));
        self.schema.fields().get(column).ok_or_else(out_of_range).map_err(raised)
    }

    fn column(&self, column: usize) -> impl Iterator<Item = &ArrayRef> {
        self.batches.iter().map(move |batch| batch.column(column))
    }
}

#[pymethods]
impl Batches {
    /// The rows as a stream of Arrow, by its C data interface.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        stream_of(py, &self.schema, self.batches.clone().into_iter().map(Ok), requested_schema)
    }

    /// The names and types of the columns, by Arrow's C data interface.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        Ok(to_schema_pycapsule(py, self.schema.as_ref())?)
    }

    /// One column as a stream of Arrow, by its C data interface.
    #[pyo3(signature = (column, requested_schema=None))]
    fn column_stream<'py>(
        &self,
        py: Python<'py>,
        column: usize,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let field = Arc::clone(self.field(column)?);
        let arrays: Vec<ArrayRef> = self.column(column).cloned().collect();
        let reader = Box::new(ArrayIterator::new(arrays.into_iter().map(Ok), field));
        Ok(to_stream_pycapsule(py, reader, requested_schema)?)
    }

    fn __len__(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The names of the columns.
    #[getter]
    fn column_names(&self) -> Vec<&str> {
        self.schema.fields().iter().map(|field| field.name().as_str()).collect()
    }

    /// How many rows each batch has.
    fn lengths(&self) -> Vec<usize> {
        self.batches.iter().map(RecordBatch::num_rows).filter(|&rows| rows > 0).collect()
    }

    /// Rows that follow on each other, without a copy.
    fn slice(&self, mut first: usize, mut rows: usize) -> Self {
        let mut batches = Vec::new();
        for batch in &self.batches {
            let here = batch.num_rows().saturating_sub(first).min(rows);
            if here > 0 {
                batches.push(batch.slice(first, here));
            }
            first = first.saturating_sub(batch.num_rows());
            rows -= here;
        }
        Self { schema: Arc::clone(&self.schema), batches }
    }

    /// Rows by their numbers.
    fn take(&self, rows: Vec<usize>) -> PyResult<Self> {
        let mut ends = Vec::with_capacity(self.batches.len());
        ends.extend(self.batches.iter().scan(0, |end, batch| {
            *end += batch.num_rows();
            Some(*end)
        }));
        let place = |row: usize| {
            let batch = ends.partition_point(|&end| end <= row);
            (batch, if batch == 0 { row } else { row - ends[batch - 1] })
        };
        let places: Vec<(usize, usize)> = rows.into_iter().map(place).collect();
        let batches = if places.is_empty() {
            Vec::new()
        } else {
            vec![interleave_record_batch(&self.batches.iter().collect::<Vec<_>>(), &places).map_err(raised)?]
        };
        Ok(Self { schema: Arc::clone(&self.schema), batches })
    }

    /// Some of the columns.
    fn select(&self, columns: Vec<usize>) -> PyResult<Self> {
        let project = || {
            let schema = Arc::new(self.schema.project(&columns)?);
            let batches = self.batches.iter().map(|batch| batch.project(&columns));
            Ok(Self { schema, batches: batches.collect::<Result<_, ArrowError>>()? })
        };
        project().map_err(raised)
    }

    /// Whether a column's values are lists.
    fn is_list(&self, column: usize) -> PyResult<bool> {
        Ok(matches!(
            self.field(column)?.data_type(),
            DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..)
        ))
    }

    /// A column's values as Python's own; a list is a tuple.
    fn values<'py>(&self, py: Python<'py>, column: usize) -> PyResult<Bound<'py, PyList>> {
        let field = Arc::clone(self.field(column)?);
        let values = PyList::empty(py);
        for array in self.column(column) {
            let (array, field) = with_python_values(array, &field).map_err(raised)?;
            for row in 0..array.len() {
                let scalar = PyScalar::try_new(array.slice(row, 1), Arc::clone(&field))?;
                values.append(hashable(Bound::new(py, scalar)?.call_method0("as_py")?)?)?;
            }
        }
        Ok(values)
    }

    /// A column of numbers as NumPy's type of them and their bytes, NaN for NULL; `None` of any other.
    fn numbers<'py>(
        &self,
        py: Python<'py>,
        column: usize,
    ) -> PyResult<Option<(&'static str, Bound<'py, PyByteArray>)>> {
        let nulls = self.column(column).any(|array| array.null_count() > 0);
        let (kind, bytes): (_, Vec<u8>) = match self.field(column)?.data_type() {
            DataType::Float64 => {
                let with_nan = |array: &Float64Array| {
                    array.iter().flat_map(|value| value.unwrap_or(f64::NAN).to_ne_bytes()).collect::<Vec<_>>()
                };
                let arrays = self.column(column).map(|array| with_nan(array.as_primitive::<Float64Type>()));
                ("f8", arrays.flatten().collect())
            }
            DataType::Int64 if !nulls => {
                let bytes = |array: &ArrayRef| {
                    let values = array.as_primitive::<Int64Type>().values();
                    values.iter().flat_map(|value| value.to_ne_bytes()).collect::<Vec<_>>()
                };
                ("i8", self.column(column).flat_map(bytes).collect())
            }
            _ => return Ok(None),
        };
        Ok(Some((kind, PyByteArray::new(py, &bytes))))
    }

    /// All rows, drawn with lines.
    fn drawn(&self) -> PyResult<String> {
        let drawn = match &self.batches[..] {
            [] => pretty_format_batches(&[RecordBatch::new_empty(Arc::clone(&self.schema))]),
            batches => pretty_format_batches(batches),
        };
        drawn.map(|drawn| drawn.to_string()).map_err(raised)
    }

    /// Whether columns and rows are the same as those of others.
    fn equals(&self, py: Python<'_>, other: &Self) -> PyResult<bool> {
        let all = |it: &Self| concat_batches(&it.schema, &it.batches);
        let same = || Ok(self.schema == other.schema && all(self)? == all(other)?);
        py.detach(same).map_err(raised)
    }

    /// The rows as a stream of Arrow's IPC format.
    fn to_ipc<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let written = || {
            let mut writer = StreamWriter::try_new(Vec::new(), &self.schema)?;
            self.batches.iter().try_for_each(|batch| writer.write(batch))?;
            writer.into_inner()
        };
        Ok(PyBytes::new(py, &py.detach(written).map_err(raised)?))
    }

    /// Rows that [`to_ipc`](Self::to_ipc) wrote.
    #[staticmethod]
    fn from_ipc(py: Python<'_>, ipc: &[u8]) -> PyResult<Self> {
        let read = || {
            let reader = StreamReader::try_new(Cursor::new(ipc), None)?;
            Ok(Self { schema: reader.schema(), batches: reader.collect::<Result<_, ArrowError>>()? })
        };
        py.detach(read).map_err(raised)
    }
}

/// Batches as a stream of Arrow, by its C data interface.
pub(super) fn stream_of<'py>(
    py: Python<'py>,
    schema: &SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>> + Send + 'static,
    requested_schema: Option<Bound<'py, PyCapsule>>,
) -> PyResult<Bound<'py, PyCapsule>> {
    let field = Arc::new(Field::new_struct("", schema.fields().clone(), false));
    let arrays = batches.map(|batch| batch.map(|batch| Arc::new(StructArray::from(batch)) as ArrayRef));
    let reader = Box::new(ArrayIterator::new(arrays, field));
    Ok(to_stream_pycapsule(py, reader, requested_schema)?)
}

/// An array whose values Python has a type for: itself, or its text.
fn with_python_values(array: &ArrayRef, field: &FieldRef) -> Result<(ArrayRef, FieldRef), ArrowError> {
    if has_python_type(array.data_type()) {
        return Ok((Arc::clone(array), Arc::clone(field)));
    }
    let text = Arc::new(Field::new(field.name(), DataType::Utf8, true));
    Ok((cast(array, &DataType::Utf8)?, text))
}

fn has_python_type(data_type: &DataType) -> bool {
    match data_type {
        DataType::Interval(_)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::RunEndEncoded(..) => false,
        DataType::List(element) | DataType::LargeList(element) | DataType::FixedSizeList(element, _) => {
            has_python_type(element.data_type())
        }
        DataType::Struct(fields) => fields.iter().all(|field| has_python_type(field.data_type())),
        DataType::Dictionary(_, values) => has_python_type(values),
        DataType::Map(entries, _) => has_python_type(entries.data_type()),
        DataType::Union(fields, _) => fields.iter().all(|(_, field)| has_python_type(field.data_type())),
        _ => true,
    }
}

/// A value that can be the key of a dict: a tuple in the place of a list.
fn hashable(value: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyAny>> {
    match value.cast::<PyList>() {
        Ok(list) => {
            let elements = list.iter().map(hashable).collect::<PyResult<Vec<_>>>()?;
            Ok(PyTuple::new(value.py(), elements)?.into_any())
        }
        Err(_) => Ok(value),
    }
}

fn raised(error: ArrowError) -> PyErr {
    exception(DataFusionError::from(error))
}
