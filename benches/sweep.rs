//! The bare sweep on one thread, in time per subset.
//!
//! Data of the articles' shape, 60,000 users × 200 questions, each answered by 12,000
//! random users; and data without gaps, 4,000 users × 135 questions.
//! `cargo bench --features cli --bench sweep`

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, UInt32Array};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use datafusion_k_corrset::index::{AnswerIndex, ColumnNames, IndexBuilder};
use datafusion_k_corrset::sweep::{Columns, Found, Instructions, Pace, Row, SweepPlan, SweepRequest, naive};

/// How much data of which kind.
#[derive(Clone, Copy)]
struct Shape {
    users: u32,
    questions: u32,
    /// Users who answered a question.
    answers: usize,
    /// Scores are integers below, or as many floats.
    levels: u64,
    float: bool,
}

const LARGE: Shape = Shape { users: 60_000, questions: 200, answers: 12_000, levels: 2, float: false };

const COMPLETE: Shape = Shape { users: 4_000, questions: 135, answers: 4_000, levels: 2, float: false };

type Answers = Vec<(u32, u32, i64)>;

/// Marsaglia's xorshift: the same data everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}

fn answers(shape: Shape) -> Answers {
    let mut random = Random(88_172_645_463_325_252);
    let mut rows = Vec::new();
    for question in 0..shape.questions {
        let mut users: Vec<u32> = (0..shape.users).collect();
        for place in 0..shape.answers {
            let other = place + random.below(u64::from(shape.users) - place as u64) as usize;
            users.swap(place, other);
            rows.push((users[place], question, random.below(shape.levels) as i64));
        }
    }
    rows
}

fn index(rows: &Answers, float: bool) -> AnswerIndex {
    let scores: ArrayRef = match float {
        true => Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.2 as f64 + 0.1))),
        false => Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.2))),
    };
    let batch = RecordBatch::try_from_iter([
        ("user", Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.0))) as ArrayRef),
        ("question", Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.1)))),
        ("score", scores),
    ]);
    let batch = batch.unwrap();
    let mut builder = IndexBuilder::try_new(&batch.schema(), ColumnNames::default()).unwrap();
    builder.push(&batch).unwrap();
    builder.finish().unwrap()
}

/// Sweeps one share for its best row; returns how many subsets that was.
fn sweep(plan: &Arc<SweepPlan>, share: usize, of: usize) -> (u64, Row) {
    let stop = AtomicBool::new(false);
    let mut sweep = plan.share(share, of);
    let mut found = Found::new(Columns::ALL);
    let until = Instant::now() + Duration::from_secs(3600);
    while !sweep.advance(&mut found, &mut Pace::new(usize::MAX, until, &stop)) {}
    (sweep.tally().done, sweep.take_top().remove(0))
}

/// Checks a row against the definition.
fn check(rows: &Answers, row: &Row, float: bool) {
    let mut users: HashMap<u32, (usize, i128, i128)> = HashMap::new();
    for &(user, question, score) in rows {
        // In tenths, so that scores of x.1 are whole.
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

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sweep");
    group.sample_size(10);
    let best = Instructions::best().name();
    // The part of a sweep that is run is so large that the cohorts of its first
    // questions hardly count.
    let binary = ["avx512", "avx2", "portable"];
    let cases = [
        ("binary", LARGE, vec![(2, 1), (3, 2), (4, 4), (5, 40)], binary.to_vec()),
        ("0..255", Shape { levels: 256, ..LARGE }, vec![(5, 40)], vec![best]),
        ("float", Shape { levels: 1000, float: true, ..LARGE }, vec![(5, 40)], vec![best]),
        ("complete", COMPLETE, vec![(5, 4)], vec![best]),
    ];
    for (class, shape, sizes, names) in cases {
        let rows = answers(shape);
        let index = index(&rows, shape.float);
        for (k, of) in sizes {
            let mut bests = Vec::new();
            for instructions in
                Instructions::available().into_iter().filter(|set| names.contains(&set.name()))
            {
                let request = SweepRequest {
                    k,
                    top: Some(1),
                    min_users: Some(15),
                    instructions: Some(instructions),
                    ..SweepRequest::default()
                };
                // A fresh plan each time: the bar of the best row starts at the bottom.
                let plan =
                    || Arc::new(SweepPlan::try_new(Arc::clone(index.answers()), &request, false).unwrap());
                let (subsets, best) = sweep(&plan(), of / 2, of);
                check(&rows, &best, shape.float);
                group.throughput(Throughput::Elements(subsets));
                let id = BenchmarkId::new(format!("{class}, {}", instructions.name()), format!("k = {k}"));
                group.bench_with_input(id, &of, |bencher, &of| {
                    bencher.iter_batched(
                        plan,
                        |plan| assert_eq!(black_box(sweep(&plan, of / 2, of)).1, best),
                        criterion::BatchSize::LargeInput,
                    );
                });
                bests.push(best);
            }
            bests.dedup();
            assert_eq!(bests.len(), 1, "every instruction set finds the same");
        }
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
