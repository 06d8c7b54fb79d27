//! The columns of the result, and (set, r, n) → record batches.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch, RecordBatchOptions, UInt32Array,
};
use datafusion::arrow::buffer::{OffsetBuffer, ScalarBuffer};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;

use crate::sweep::{Columns, RowBuffer};

/// A column of the result.
struct OutputColumn {
    name: &'static str,
    /// Its type where questions are elements of this field.
    data_type: fn(FieldRef) -> DataType,
    nullable: bool,
    /// Whether only the rows of a heuristic have it.
    heuristic: bool,
    /// What the sweep has to find for it.
    needs: Columns,
    /// Bytes of a row, for sets of k questions and values of questions of a size.
    bytes: fn(k: usize, value: usize) -> usize,
    build: fn(&Rows<'_>, &Field) -> Result<ArrayRef, ArrowError>,
}

/// The columns of the result, in order.
const COLUMNS: [OutputColumn; 4] = [
    OutputColumn {
        name: "questions",
        data_type: DataType::List,
        nullable: false,
        heuristic: false,
        needs: Columns { questions: true, ..Columns::NONE },
        bytes: |k, value| k * (size_of::<u32>() + value),
        build: |rows, field| rows.lists(field),
    },
    OutputColumn {
        name: "r",
        data_type: |_| DataType::Float64,
        // Also where no r is NULL: a table that is made of the result takes one that has some.
        nullable: true,
        heuristic: false,
        needs: Columns { r: true, ..Columns::NONE },
        bytes: |_, _| size_of::<f64>(),
        build: |rows, _| Ok(Arc::new(null_for_nan(rows.r.clone()))),
    },
    OutputColumn {
        name: "n",
        data_type: |_| DataType::Int64,
        nullable: false,
        heuristic: false,
        needs: Columns { n: true, ..Columns::NONE },
        bytes: |_, _| size_of::<i64>(),
        build: |rows, _| Ok(Arc::new(Int64Array::new(rows.n.clone(), None))),
    },
    OutputColumn {
        name: "r_bound",
        data_type: |_| DataType::Float64,
        nullable: false,
        heuristic: true,
        needs: Columns::NONE,
        bytes: |_, _| size_of::<f64>(),
        build: |rows, _| Ok(Arc::new(Float64Array::from(vec![rows.bound; rows.rows]))),
    },
];

/// The schema of the result for a column of questions.
pub(crate) fn schema(question: &Field, heuristic: bool) -> Schema {
    let element = Field::new_list_field(question.data_type().clone(), true);
    let element = Arc::new(element.with_metadata(question.metadata().clone()));
    let field = |column: &OutputColumn| {
        Field::new(column.name, (column.data_type)(Arc::clone(&element)), column.nullable)
    };
    let columns = COLUMNS.iter().filter(|column| heuristic || !column.heuristic);
    Schema::new(columns.map(field).collect::<Vec<_>>())
}

/// Which columns a plan hands out, in which order.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    schema: SchemaRef,
    /// Indexes into [`COLUMNS`].
    projection: Vec<usize>,
}

impl Output {
    /// `schema` is that of the columns handed out.
    pub(crate) fn new(schema: SchemaRef, projection: Vec<usize>) -> Self {
        Self { schema, projection }
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn projected(&self) -> impl Iterator<Item = &'static OutputColumn> {
        self.projection.iter().map(|&column| &COLUMNS[column])
    }

    /// What the sweep has to build.
    pub(crate) fn columns(&self) -> Columns {
        self.projected().fold(Columns::NONE, |columns, column| columns.or(column.needs))
    }

    /// Bytes of a row of sets of k questions, for accounting; `value` is the size of one
    /// question's value.
    pub(crate) fn row_bytes(&self, k: usize, value: usize) -> usize {
        self.projected().map(|column| (column.bytes)(k, value)).sum()
    }

    /// The rows found as a batch, of sets of one size.
    ///
    /// # Arguments
    /// `questions`: the question values by id; `bound`: the r that no set of this size is above.
    pub(crate) fn batch(
        &self,
        found: RowBuffer,
        questions: &ArrayRef,
        bound: f64,
    ) -> Result<RecordBatch, ArrowError> {
        let rows = RecordBatchOptions::new().with_row_count(Some(found.rows));
        let found = Rows {
            k: found.questions.len() / found.rows.max(1),
            rows: found.rows,
            ids: found.questions.into(),
            values: questions,
            r: found.r.into(),
            n: found.n.into(),
            bound,
        };
        let fields = self.schema.fields().iter();
        let columns = self.projected().zip(fields).map(|(column, field)| (column.build)(&found, field));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns.collect::<Result<_, _>>()?, &rows)
    }
}

/// Rows as columns are built of them, whose buffers several may share.
struct Rows<'a> {
    k: usize,
    rows: usize,
    /// The ids of each set's questions, k a row.
    ids: ScalarBuffer<u32>,
    /// The values of questions, by id.
    values: &'a ArrayRef,
    /// NaN where undefined.
    r: ScalarBuffer<f64>,
    n: ScalarBuffer<i64>,
    bound: f64,
}

impl Rows<'_> {
    fn lists(&self, field: &Field) -> Result<ArrayRef, ArrowError> {
        let DataType::List(element) = field.data_type() else {
            return Err(ArrowError::SchemaError(format!("{} is no list of questions", field.data_type())));
        };
        let values = take(self.values, &UInt32Array::new(self.ids.clone(), None), None)?;
        let offsets = OffsetBuffer::from_repeated_length(self.k, self.rows);
        Ok(Arc::new(ListArray::try_new(Arc::clone(element), offsets, values, None)?))
    }
}

fn null_for_nan(r: ScalarBuffer<f64>) -> Float64Array {
    let null = r.iter().any(|r| r.is_nan());
    let nulls = null.then(|| r.iter().map(|r| !r.is_nan()).collect());
    Float64Array::new(r, nulls)
}
