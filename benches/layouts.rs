//! The index of the same answers in the long layout and in the wide one, on one thread.
//!
//! Every index is compared with the first. `cargo bench --features cli --bench layouts`

mod exam;

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, UInt32Array};
use arrow::datatypes::{DataType, Field, Schema};
use criterion::{Criterion, criterion_group, criterion_main};
use datafusion_k_corrset::index::{AnswerIndex, ColumnNames, IndexBuilder, InputLayout};
use exam::{Answers, LARGE};

/// Rows of a batch.
const BATCH: usize = 8192;

/// The names of users or questions.
fn names(prefix: &str, numbers: impl Iterator<Item = u32>) -> ArrayRef {
    // As long as the UUIDs of the articles' data.
    Arc::new(StringArray::from_iter_values(numbers.map(|number| format!("{prefix}-{number:034}"))))
}

/// Answers in the order of their users, as files mostly have them.
fn by_user() -> Answers {
    let mut rows = exam::answers(LARGE);
    rows.sort_unstable();
    rows
}

/// A row an answer, with names or with numbers.
fn long(rows: &Answers, named: bool) -> Vec<RecordBatch> {
    let batch = |rows: &[(u32, u32, i64)]| {
        let (users, questions) = (rows.iter().map(|row| row.0), rows.iter().map(|row| row.1));
        let keys: [ArrayRef; 2] = if named {
            [names("u", users), names("q", questions)]
        } else {
            [
                Arc::new(UInt32Array::from_iter_values(users)),
                Arc::new(UInt32Array::from_iter_values(questions)),
            ]
        };
        let [users, questions] = keys;
        let scores: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.2)));
        RecordBatch::try_from_iter([("user", users), ("question", questions), ("score", scores)]).unwrap()
    };
    rows.chunks(BATCH).map(batch).collect()
}

/// A row a user, with or without a name.
fn wide(rows: &Answers, named: bool) -> Vec<RecordBatch> {
    let mut whole = exam::wide(rows, LARGE);
    if named {
        let fields = std::iter::once(Arc::new(Field::new("user", DataType::Utf8, false)));
        let schema = Schema::new(fields.chain(whole.schema().fields().iter().cloned()).collect::<Vec<_>>());
        let users = std::iter::once(names("u", 0..LARGE.users));
        let columns = users.chain(whole.columns().iter().cloned()).collect();
        whole = RecordBatch::try_new(Arc::new(schema), columns).unwrap();
    }
    let batch = |first: usize| whole.slice(first, BATCH.min(whole.num_rows() - first));
    (0..whole.num_rows()).step_by(BATCH).map(batch).collect()
}

fn index(batches: &[RecordBatch], layout: &InputLayout) -> AnswerIndex {
    let mut builder = IndexBuilder::try_new(&batches[0].schema(), layout.clone()).unwrap();
    batches.iter().for_each(|batch| builder.push(batch).unwrap());
    builder.finish().unwrap()
}

fn bench(criterion: &mut Criterion) {
    let rows = by_user();
    let long_layout = InputLayout::Long(ColumnNames::default());
    let wide_layout = |user: Option<&str>| InputLayout::Wide { user: user.map(str::to_string) };
    let expected = format!("{:?}", index(&long(&rows, true), &long_layout).answers());
    let mut group = criterion.benchmark_group("layouts");
    group.sample_size(10);
    for (name, batches, layout) in [
        ("long, of names", long(&rows, true), long_layout.clone()),
        ("long, of numbers", long(&rows, false), long_layout),
        ("wide, users of names", wide(&rows, true), wide_layout(Some("user"))),
        ("wide, users without names", wide(&rows, false), wide_layout(None)),
    ] {
        let found = format!("{:?}", index(&batches, &layout).answers());
        assert!(found == expected, "{name}: another index");
        group.bench_function(name, |bencher| bencher.iter(|| index(&batches, &layout)));
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
