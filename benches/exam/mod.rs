//! What all benchmarks share: data of the articles' shape, a sweep, and the definition
//! of a row's r.

#![allow(dead_code, reason = "no benchmark uses all of it")]

#[path = "../../tests/support/random.rs"]
mod random;

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, UInt32Array};
use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, BenchmarkId, Throughput};
use datafusion_k_corrset::index::{AnswerIndex, ColumnNames, IndexBuilder};
use datafusion_k_corrset::sweep::{Budget, Columns, Row, RowBuffer, SweepPlan, SweepRequest, naive};
use random::Random;

/// How much data of which kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// How many users.
    pub(crate) users: u32,
    /// How many questions.
    pub(crate) questions: u32,
    /// Users who answered a question.
    pub(crate) answers: usize,
    /// Scores are integers below, or as many floats.
    pub(crate) levels: u64,
    /// Whether scores are floats.
    pub(crate) float: bool,
    /// Answers that are left out in the end, of the last question.
    pub(crate) left_out: usize,
}

/// The articles' benchmark.
pub(crate) const LARGE: Shape =
    Shape { users: 60_000, questions: 200, answers: 12_000, levels: 2, float: false, left_out: 0 };

/// Nobody left anything out.
pub(crate) const COMPLETE: Shape =
    Shape { users: 4_000, questions: 135, answers: 4_000, levels: 2, float: false, left_out: 0 };

/// Rows of (user, question, score).
pub(crate) type Answers = Vec<(u32, u32, i64)>;

/// Random answers: every question by as many users, every score as likely.
pub(crate) fn answers(shape: Shape) -> Answers {
    let mut random = Random(88_172_645_463_325_252);
    let mut rows = Vec::new();
    for question in 0..shape.questions {
        let mut users: Vec<u32> = (0..shape.users).collect();
        for place in 0..shape.answers {
            let other = place + random.below(shape.users as usize - place);
            users.swap(place, other);
            rows.push((users[place], question, random.below(shape.levels as usize) as i64));
        }
    }
    rows.truncate(rows.len() - shape.left_out);
    rows
}

/// Scores as Arrow has them.
fn scores(scores: impl Iterator<Item = Option<i64>>, float: bool) -> ArrayRef {
    match float {
        // No decimals, which would be summed as integers.
        true => Arc::new(
            scores.map(|score| score.map(|score| (score as f64 + 0.1) / 3.0)).collect::<Float64Array>(),
        ),
        false => Arc::new(scores.collect::<Int64Array>()),
    }
}

/// The answers of a shape as a row for each user and a column for each question.
pub(crate) fn wide(rows: &Answers, shape: Shape) -> RecordBatch {
    let mut questions = vec![vec![None; shape.users as usize]; shape.questions as usize];
    for &(user, question, score) in rows {
        questions[question as usize][user as usize] = Some(score);
    }
    let columns = questions.into_iter().enumerate().map(|(number, column)| {
        // As long as the UUIDs of the articles' data.
        (format!("q-{number:034}"), scores(column.into_iter(), shape.float), true)
    });
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// The answers as Arrow has them.
pub(crate) fn batch(rows: &Answers, float: bool) -> RecordBatch {
    let scores = scores(rows.iter().map(|row| Some(row.2)), float);
    let batch = RecordBatch::try_from_iter([
        ("user", Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.0))) as ArrayRef),
        ("question", Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.1)))),
        ("score", scores),
    ]);
    batch.unwrap()
}

/// The index of answers.
pub(crate) fn index(rows: &Answers, float: bool) -> AnswerIndex {
    let batch = batch(rows, float);
    let mut builder = IndexBuilder::try_new(&batch.schema(), ColumnNames::default()).unwrap();
    builder.push(&batch).unwrap();
    builder.finish().unwrap()
}

/// A fresh plan: the bar of its best row starts at the bottom.
pub(crate) fn plan(index: &AnswerIndex, request: &SweepRequest) -> Arc<SweepPlan> {
    Arc::new(SweepPlan::try_new(Arc::clone(index.answers()), request).unwrap())
}

/// No benchmark waits longer.
const LONG: Duration = Duration::from_secs(3600);

/// Sweeps one share, to its end or for so long, handing every batch of rows to `read`;
/// returns how many subsets that was, and the best of them if the plan keeps such.
pub(crate) fn sweep_for(
    plan: &Arc<SweepPlan>,
    share: usize,
    of: usize,
    columns: Columns,
    time: Duration,
    mut read: impl FnMut(&RowBuffer),
) -> (u64, Vec<Row>) {
    let stop = AtomicBool::new(false);
    let mut sweep = plan.share(share, of, Columns::ALL);
    let until = Instant::now() + time;
    loop {
        let mut found = RowBuffer::new(columns);
        let finished = sweep.advance(&mut found, &mut Budget::new(8192, until, &stop));
        read(&found);
        if finished || Instant::now() >= until {
            return (sweep.progress().done, sweep.take_top());
        }
    }
}

/// Sweeps one share to its end.
pub(crate) fn sweep_all(
    plan: &Arc<SweepPlan>,
    share: usize,
    of: usize,
    columns: Columns,
    read: impl FnMut(&RowBuffer),
) -> (u64, Vec<Row>) {
    sweep_for(plan, share, of, columns, LONG, read)
}

/// Sweeps one share for its best row; returns how many subsets that was.
pub(crate) fn sweep(plan: &Arc<SweepPlan>, share: usize, of: usize) -> (u64, Row) {
    let (subsets, mut best) = sweep_all(plan, share, of, Columns::ALL, |_| {});
    (subsets, best.remove(0))
}

/// Checks a row against the definition.
pub(crate) fn check(rows: &Answers, row: &Row, float: bool) {
    let mut users: HashMap<u32, (usize, i128, i128)> = HashMap::new();
    for &(user, question, score) in rows {
        // In thirtieths, in which the floats are whole but for their rounding.
        let score = if float { i128::from(score) * 10 + 1 } else { i128::from(score) };
        let (answered, a, b) = users.entry(user).or_default();
        *b += score;
        if row.questions.contains(&question) {
            *answered += 1;
            *a += score;
        }
    }
    let complete = users.values().filter(|user| user.0 == row.questions.len());
    let pairs: Vec<(i128, i128)> = complete.map(|&(_, a, b)| (a, b)).collect();
    assert_eq!(pairs.len() as i64, row.n);
    let (expected, r) = (naive::correlation(&pairs).unwrap(), row.r.unwrap());
    assert!(expected == r || float && (expected - r).abs() < 1e-12, "{r} should be {expected}");
}

/// Measures one share of a sweep for its best row, which is compared with the definition
/// first. `elements` tells how much work a number of subsets is.
pub(crate) fn bench(
    group: &mut BenchmarkGroup<'_, WallTime>,
    id: BenchmarkId,
    [share, of]: [usize; 2],
    plan: impl Fn() -> Arc<SweepPlan>,
    check: impl Fn(&Row),
    elements: impl Fn(u64) -> u64,
) -> Row {
    let (subsets, best) = sweep(&plan(), share, of);
    check(&best);
    group.throughput(Throughput::Elements(elements(subsets)));
    group.bench_function(id, |bencher| {
        bencher.iter_batched(
            &plan,
            |plan| assert_eq!(black_box(sweep(&plan, share, of)).1, best),
            BatchSize::LargeInput,
        );
    });
    best
}
