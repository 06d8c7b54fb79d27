//! A result, in the memory where the query left it.

use std::sync::Arc;

use datafusion::arrow::array::{Array, RecordBatch, StructArray};
use datafusion::arrow::datatypes::{Field, SchemaRef};
use datafusion::arrow::util::pretty::pretty_format_batches;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use pyo3_arrow::ffi::{ArrayIterator, to_schema_pycapsule, to_stream_pycapsule};

/// The rows of a query as Arrow has them.
///
/// Whatever speaks Arrow's C stream interface takes it without a copy: `pyarrow.table(best)`,
/// `polars.DataFrame(best)`, `duckdb.sql("FROM best")`.
#[pyclass(module = "k_corrset", frozen)]
#[derive(Debug)]
pub(super) struct Table {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

/// How many rows are shown of a table.
const SHOWN: usize = 20;

impl Table {
    pub(super) fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self { schema, batches }
    }

    fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The first rows.
    fn head(&self, rows: usize) -> Vec<RecordBatch> {
        let mut left = rows;
        let head = self.batches.iter().map(|batch| {
            let part = batch.slice(0, left.min(batch.num_rows()));
            left -= part.num_rows();
            part
        });
        head.collect()
    }
}

#[pymethods]
impl Table {
    /// The rows as a stream of Arrow, by its C data interface.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let field = Arc::new(Field::new_struct("", self.schema.fields().clone(), false));
        let arrays = self.batches.clone().into_iter();
        let arrays = arrays.map(|batch| Ok(Arc::new(StructArray::from(batch)) as Arc<dyn Array>));
        let reader = Box::new(ArrayIterator::new(arrays, field));
        Ok(to_stream_pycapsule(py, reader, requested_schema)?)
    }

    /// The names and types of the columns, by Arrow's C data interface.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        Ok(to_schema_pycapsule(py, self.schema.as_ref())?)
    }

    /// How many rows there are.
    fn __len__(&self) -> usize {
        self.rows()
    }

    /// How many rows there are.
    #[getter]
    fn num_rows(&self) -> usize {
        self.rows()
    }

    /// The names of the columns.
    #[getter]
    fn column_names(&self) -> Vec<&str> {
        self.schema.fields().iter().map(|field| field.name().as_str()).collect()
    }

    /// The table as one of pyarrow, without a copy.
    fn to_arrow<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("pyarrow")?.call_method1("table", (slf,))
    }

    /// The table as a DataFrame of pandas, by way of pyarrow.
    fn to_pandas<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::to_arrow(slf)?.call_method0("to_pandas")
    }

    /// The table as a DataFrame of polars, without a copy.
    fn to_polars<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("polars")?.call_method1("DataFrame", (slf,))
    }

    /// The first rows, drawn with lines.
    fn __repr__(&self) -> PyResult<String> {
        let rows = self.rows();
        let head = self.head(SHOWN);
        let head =
            if head.is_empty() { vec![RecordBatch::new_empty(Arc::clone(&self.schema))] } else { head };
        let drawn = pretty_format_batches(&head).map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(if rows <= SHOWN {
            format!("{drawn}\n{rows} rows")
        } else {
            format!("{drawn}\n{rows} rows, of which the first {SHOWN} are shown")
        })
    }
}
