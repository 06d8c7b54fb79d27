//! Sets of any size where nobody left anything out: whole SQL queries over a Parquet file of a row for
//! each user and a column for each question.
//!
//! Every query returns sets that are proven to be the best. Their r was once found and is asserted to the
//! last bit, and computed again from the scores by the definition.
//! `cargo bench --features cli --bench search`

#[path = "../tests/support/random.rs"]
#[allow(dead_code, reason = "tests use more of it")]
mod random;

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Float64Type;
use arrow::util::display::array_value_to_string;
use criterion::{Criterion, criterion_group, criterion_main};
use datafusion::dataframe::DataFrameWriteOptions;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use datafusion_k_corrset::register_all;
use datafusion_k_corrset::sweep::naive::correlation;
use random::Random;
use tokio::runtime::Runtime;

/// Scores by user and question.
type Table = Vec<Vec<i64>>;

/// Normally distributed (G. E. P. Box and M. E. Muller, 1958).
fn normal(random: &mut Random) -> f64 {
    let (radius, angle) = (1.0 - random.share(), random.share());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

/// One factor: the two-parameter logistic model of item response theory, with slopes from 0.2 to 2.5.
fn one_factor(questions: usize) -> Table {
    let mut random = Random::new(questions as u64);
    let of_questions: Vec<[f64; 2]> =
        (0..questions).map(|_| [0.2 + 2.3 * random.share(), normal(&mut random)]).collect();
    let user = |random: &mut Random| {
        let ability = normal(random);
        let score = |&[slope, difficulty]: &[f64; 2]| {
            let chance = 1.0 / (1.0 + (-slope * (ability - difficulty)).exp());
            i64::from(random.share() < chance)
        };
        of_questions.iter().map(score).collect()
    };
    (0..2_000).map(|_| user(&mut random)).collect()
}

/// Five factors, of which a question has one; scores of 1 to 5, some of them the other way round.
fn five_factors(questions: usize) -> Table {
    let mut random = Random::new(5);
    let loadings: Vec<f64> = (0..questions).map(|_| if random.share() < 0.7 { 0.7 } else { -0.7 }).collect();
    let user = |random: &mut Random| {
        let factors: Vec<f64> = (0..5).map(|_| normal(random)).collect();
        let score = |(question, loading): (usize, &f64)| {
            (3.0 + loading * factors[question % 5] + 0.7 * normal(random)).round().clamp(1.0, 5.0) as i64
        };
        loadings.iter().enumerate().map(score).collect()
    };
    (0..2_000).map(|_| user(&mut random)).collect()
}

/// Nothing but luck.
fn coin_flips(questions: usize) -> Table {
    let mut random = Random::new(2);
    (0..4_000).map(|_| (0..questions).map(|_| random.below(2) as i64).collect()).collect()
}

fn batch(table: &Table) -> RecordBatch {
    let column = |question: usize| -> ArrayRef {
        Arc::new(table.iter().map(|scores| scores[question]).collect::<Int64Array>())
    };
    let columns = (0..table[0].len()).map(|question| (format!("q{question:03}"), column(question)));
    RecordBatch::try_from_iter(columns).unwrap()
}

/// r of a set of questions by their names, by the definition.
fn defined(table: &Table, names: &[String]) -> f64 {
    let set: Vec<usize> = names.iter().map(|name| name[1..].parse().unwrap()).collect();
    let user = |scores: &Vec<i64>| {
        let subtotal: i64 = set.iter().map(|&question| scores[question]).sum();
        (i128::from(subtotal), i128::from(scores.iter().sum::<i64>()))
    };
    correlation(&table.iter().map(user).collect::<Vec<_>>()).unwrap()
}

async fn run(session: &SessionContext, sql: &str) -> Vec<RecordBatch> {
    session.sql(sql).await.unwrap().collect().await.unwrap()
}

/// r of the rows, of which the sets are checked.
fn checked(table: &Table, rows: &[RecordBatch]) -> Vec<f64> {
    let mut all = Vec::new();
    for batch in rows {
        let of_rows = batch.column(1).as_primitive::<Float64Type>().values();
        for (row, &r) in of_rows.iter().enumerate() {
            let questions = batch.column(0).as_list::<i32>().value(row);
            let names: Vec<String> =
                (0..questions.len()).map(|at| array_value_to_string(&questions, at).unwrap()).collect();
            assert_eq!(r, defined(table, &names), "{names:?}");
            all.push(r);
        }
    }
    all
}

/// A kind of data; by k and how many sets are asked for, r of the last of these.
type Exam = (&'static str, fn(usize) -> Table, usize, &'static [(usize, usize, f64)]);

const EXAMS: [Exam; 7] = [
    ("one factor, 40 questions", one_factor, 40, &[(8, 1, 0.9287678578438867)]),
    (
        "one factor, 60 questions",
        one_factor,
        60,
        &[(10, 1, 0.9379595226281834), (20, 1, 0.9683114297878873), (30, 1, 0.9814411943388198)],
    ),
    (
        "one factor, 100 questions",
        one_factor,
        100,
        &[
            (5, 1, 0.880908836521802),
            (20, 1, 0.9582231816447924),
            (20, 10, 0.957941321813369),
            (30, 1, 0.9711677910622974),
        ],
    ),
    (
        "one factor, 200 questions",
        one_factor,
        200,
        &[(10, 1, 0.9394531028463725), (20, 1, 0.9676711938380026), (20, 10, 0.9675772274284394)],
    ),
    (
        "five factors, 100 questions",
        five_factors,
        100,
        &[(10, 1, 0.829109736596977), (20, 1, 0.9011179337921988), (30, 1, 0.9275696684157231)],
    ),
    ("coin flips, 300 questions", coin_flips, 300, &[(10, 1, 0.29370314839288647)]),
    (
        "coin flips, 200 questions",
        coin_flips,
        200,
        &[(10, 1, 0.3236894113514804), (20, 1, 0.43118465600799655)],
    ),
];

fn bench(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut group = criterion.benchmark_group("search");
    group.sample_size(10);
    for (name, make, questions, queries) in EXAMS {
        let table = make(questions);
        let path = folder.path().join("scores.parquet");
        let path = path.to_str().unwrap();
        let session = SessionContext::new();
        register_all(&session).unwrap();
        runtime.block_on(async {
            let frame = session.read_batch(batch(&table)).unwrap();
            frame.write_parquet(path, DataFrameWriteOptions::new(), None).await.unwrap();
            session.register_parquet("scores", path, ParquetReadOptions::default()).await.unwrap();
        });
        for &(k, top, least) in queries {
            let sql = format!("SELECT * FROM k_corrset(scores, {k}, wide => true, top => {top})");
            let r = checked(&table, &runtime.block_on(run(&session, &sql)));
            assert_eq!((r.len(), r.last()), (top, Some(&least)), "{sql}");
            group.bench_function(format!("best {top} sets of {k}, {name}"), |bencher| {
                bencher.iter(|| assert_eq!(checked(&table, &runtime.block_on(run(&session, &sql))), r));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
