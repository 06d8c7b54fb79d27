//! The columns of the result, and (set, r, n) → record batches.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch, RecordBatchOptions, UInt32Array,
};
use datafusion::arrow::buffer::{OffsetBuffer, ScalarBuffer};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;

use crate::sweep::interval::interval;
use crate::sweep::statistics::SetStatistics;
use crate::sweep::{Columns, RowBuffer, Statistic};
use crate::udtf::options::KCorrsetOptions;

/// A column of the result.
pub(crate) struct OutputColumn {
    name: &'static str,
    /// Its type where questions are elements of this field.
    data_type: fn(FieldRef) -> DataType,
    nullable: bool,
    given: Given,
    /// What the sweep has to find for it.
    needs: Columns,
    /// Bytes of a row, for sets of k questions and values of questions of a size.
    bytes: fn(k: usize, value: usize) -> usize,
    build: Build,
}

type Build = fn(&Rows<'_>, &Field) -> Result<ArrayRef, ArrowError>;

/// When a result has a column.
#[derive(Clone, Copy, PartialEq)]
enum Given {
    Always,
    /// Where rows are those of a heuristic.
    Heuristic,
    /// Where it is asked for.
    Statistic(Statistic),
}

/// The columns that a result can have.
static COLUMNS: [OutputColumn; 10] = [
    OutputColumn {
        name: "questions",
        data_type: DataType::List,
        nullable: false,
        given: Given::Always,
        needs: QUESTIONS,
        bytes: |k, value| k * (size_of::<u32>() + value),
        build: |rows, field| rows.lists(field),
    },
    OutputColumn {
        name: "r",
        data_type: |_| DataType::Float64,
        // Also where no r is NULL: a table that is made of the result takes one that has some.
        nullable: true,
        given: Given::Always,
        needs: Columns { r: true, ..Columns::NONE },
        bytes: |_, _| size_of::<f64>(),
        build: |rows, _| Ok(Arc::new(null_for_nan(rows.r.clone()))),
    },
    OutputColumn {
        name: "n",
        data_type: |_| DataType::Int64,
        nullable: false,
        given: Given::Always,
        needs: Columns { n: true, ..Columns::NONE },
        bytes: |_, _| size_of::<i64>(),
        build: |rows, _| Ok(Arc::new(Int64Array::new(rows.n.clone(), None))),
    },
    OutputColumn {
        name: "r_bound",
        data_type: |_| DataType::Float64,
        nullable: false,
        given: Given::Heuristic,
        needs: Columns::NONE,
        bytes: |_, _| size_of::<f64>(),
        build: |rows, _| Ok(Arc::new(Float64Array::from(vec![rows.bound; rows.rows]))),
    },
    statistic(Statistic::Alpha, QUESTIONS, |rows, _| rows.described(|set| set.alpha)),
    statistic(Statistic::ItemRestR, QUESTIONS, |rows, _| rows.described(|set| set.item_rest_r)),
    statistic(Statistic::RLow, R_AND_N, |rows, _| rows.interval_ends(0)),
    statistic(Statistic::RHigh, R_AND_N, |rows, _| rows.interval_ends(1)),
    statistic(Statistic::Mean, QUESTIONS, |rows, _| rows.described(|set| set.mean)),
    statistic(Statistic::Sd, QUESTIONS, |rows, _| rows.described(|set| set.sd)),
];

const QUESTIONS: Columns = Columns { questions: true, ..Columns::NONE };

const R_AND_N: Columns = Columns { r: true, n: true, ..Columns::NONE };

const fn statistic(statistic: Statistic, needs: Columns, build: Build) -> OutputColumn {
    OutputColumn {
        name: statistic.name(),
        data_type: |_| DataType::Float64,
        nullable: true,
        given: Given::Statistic(statistic),
        needs,
        bytes: |_, _| size_of::<f64>(),
        build,
    }
}

/// The columns that the result of a call has, in order.
pub(crate) fn columns(options: &KCorrsetOptions) -> Vec<&'static OutputColumn> {
    let given = |given: Given| COLUMNS.iter().filter(move |column| column.given == given);
    let heuristic = options.heuristic().is_some().then_some(Given::Heuristic);
    let statistics = options.statistics.iter().map(|&statistic| Given::Statistic(statistic));
    [Given::Always].into_iter().chain(heuristic).chain(statistics).flat_map(given).collect()
}

/// Whether a result can have a column of this name.
pub(crate) fn is_own_column(name: &str) -> bool {
    COLUMNS.iter().any(|column| column.name == name)
}

/// The schema of the result for a column of questions, and for those of partitions.
pub(crate) fn schema(partition_by: Vec<FieldRef>, question: &Field, options: &KCorrsetOptions) -> Schema {
    let element = Field::new_list_field(question.data_type().clone(), true);
    let element = Arc::new(element.with_metadata(question.metadata().clone()));
    let field = |column: &OutputColumn| {
        Arc::new(Field::new(column.name, (column.data_type)(Arc::clone(&element)), column.nullable))
    };
    let own = columns(options).into_iter().map(field);
    Schema::new(partition_by.into_iter().chain(own).collect::<Vec<_>>())
}

/// Which columns a plan hands out, in which order.
#[derive(Clone)]
pub(crate) struct Output {
    schema: SchemaRef,
    columns: Vec<Column>,
}

/// A column that is handed out.
#[derive(Clone)]
enum Column {
    /// The value of a partition, by its place among those that tell partitions apart.
    Partition(usize),
    Own(&'static OutputColumn),
}

impl Output {
    /// Some columns of the result of a call, given by their places; `schema` is theirs, and `partition_by` the number
    /// of those that tell partitions apart.
    pub(crate) fn new(
        schema: SchemaRef,
        options: &KCorrsetOptions,
        partition_by: usize,
        projection: &[usize],
    ) -> Self {
        let own = columns(options);
        let column = |&place: &usize| match place.checked_sub(partition_by) {
            None => Column::Partition(place),
            Some(place) => Column::Own(own[place]),
        };
        Self { schema, columns: projection.iter().map(column).collect() }
    }

    fn own(&self) -> impl Iterator<Item = &'static OutputColumn> {
        self.columns.iter().filter_map(|column| match column {
            Column::Partition(_) => None,
            Column::Own(column) => Some(*column),
        })
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Whether a column tells of users' totals, so that sets have to be summed once more.
    pub(crate) fn describes_totals(&self) -> bool {
        let of_totals = |given| matches!(given, Given::Statistic(statistic) if !statistic.is_of_interval());
        self.own().any(|column| of_totals(column.given))
    }

    /// What the sweep has to build.
    pub(crate) fn columns(&self) -> Columns {
        self.own().fold(Columns::NONE, |columns, column| columns.or(column.needs))
    }

    /// Bytes of a row of sets of k questions, for accounting; `value` is the size of one
    /// question's value.
    pub(crate) fn row_bytes(&self, k: usize, value: usize) -> usize {
        self.own().map(|column| (column.bytes)(k, value)).sum::<usize>()
            + self.columns.len() * size_of::<u64>()
    }

    /// The rows found as a batch, of sets of one size.
    ///
    /// # Arguments
    /// `partition`: the values of the rows' partition, each as an array of one; `questions`: the question values by id; `described`: what is told of each set's totals, if
    /// [that is asked for](Self::describes_totals); `bound`: the r that no set of this size is above.
    pub(crate) fn batch(
        &self,
        found: RowBuffer,
        partition: &[ArrayRef],
        questions: &ArrayRef,
        described: Vec<SetStatistics>,
        bound: f64,
    ) -> Result<RecordBatch, ArrowError> {
        let rows = RecordBatchOptions::new().with_row_count(Some(found.rows));
        let found = Rows {
            k: found.questions.len() / found.rows.max(1),
            rows: found.rows,
            described,
            ids: found.questions.into(),
            values: questions,
            r: found.r.into(),
            n: found.n.into(),
            bound,
        };
        let fields = self.schema.fields().iter();
        let columns = self.columns.iter().zip(fields).map(|(column, field)| match column {
            Column::Partition(place) => {
                take(&partition[*place], &UInt32Array::from(vec![0; found.rows]), None)
            }
            Column::Own(column) => (column.build)(&found, field),
        });
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
    described: Vec<SetStatistics>,
    bound: f64,
}

impl Rows<'_> {
    fn described(&self, of: fn(&SetStatistics) -> Option<f64>) -> Result<ArrayRef, ArrowError> {
        Ok(Arc::new(self.described.iter().map(of).collect::<Float64Array>()))
    }

    /// The lower ends of r's interval, or the upper ones.
    fn interval_ends(&self, end: usize) -> Result<ArrayRef, ArrowError> {
        let end_of = |(&r, &n): (&f64, &i64)| {
            let ends = (!r.is_nan()).then(|| interval(r, n)).flatten();
            ends.map(|ends| ends[end])
        };
        Ok(Arc::new(self.r.iter().zip(&self.n).map(end_of).collect::<Float64Array>()))
    }

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
