//! (set, r, n) → record batches.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch, RecordBatchOptions, UInt32Array,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::error::ArrowError;

use crate::sweep::{Columns, RowBuffer};

/// Which columns a plan hands out, in which order.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    schema: SchemaRef,
    /// Indexes into (questions, r, n).
    projection: Vec<usize>,
    k: usize,
}

impl Output {
    /// `schema` is that of the columns handed out.
    pub(crate) fn new(schema: SchemaRef, projection: Vec<usize>, k: usize) -> Self {
        Self { schema, projection, k }
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// What the sweep has to build.
    pub(crate) fn columns(&self) -> Columns {
        let wants = |column| self.projection.contains(&column);
        Columns { questions: wants(0), r: wants(1), n: wants(2) }
    }

    /// Bytes of a row of so many questions, for accounting; `value` is the size of
    /// one question's value.
    pub(crate) fn row_bytes(&self, questions: usize, value: usize) -> usize {
        let Columns { questions: lists, r, n } = self.columns();
        let bytes = |wanted, bytes| if wanted { bytes } else { 0 };
        bytes(lists, questions * (size_of::<u32>() + value))
            + bytes(r, size_of::<f64>())
            + bytes(n, size_of::<i64>())
    }

    /// The rows found as a batch; `questions` are the question values by id.
    pub(crate) fn batch(&self, found: RowBuffer, questions: &ArrayRef) -> Result<RecordBatch, ArrowError> {
        let rows = RecordBatchOptions::new().with_row_count(Some(found.rows));
        let mut columns: [Option<ArrayRef>; 3] = [
            self.columns().questions.then(|| self.lists(&found, questions)).transpose()?,
            Some(Arc::new(Self::nullable(found.r))),
            Some(Arc::new(Int64Array::from(found.n))),
        ];
        let projected = self.projection.iter().filter_map(|&column| columns[column].take()).collect();
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), projected, &rows)
    }

    fn lists(&self, found: &RowBuffer, questions: &ArrayRef) -> Result<ArrayRef, ArrowError> {
        let ids = UInt32Array::from(found.questions.clone());
        let values = take(questions, &ids, None)?;
        let offsets = OffsetBuffer::from_repeated_length(self.k, found.rows);
        let field = self.schema.fields().iter().find_map(|field| match field.data_type() {
            DataType::List(element) => Some(Arc::clone(element)),
            _ => None,
        });
        let field = field.ok_or_else(|| ArrowError::SchemaError("no list of questions".into()))?;
        Ok(Arc::new(ListArray::try_new(field, offsets, values, None)?))
    }

    /// NULL for NaN.
    fn nullable(r: Vec<f64>) -> Float64Array {
        let null = r.iter().any(|r| r.is_nan());
        let nulls = null.then(|| r.iter().map(|r| !r.is_nan()).collect());
        Float64Array::new(r.into(), nulls)
    }
}
