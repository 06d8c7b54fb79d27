//! What is told of a set beside r and n: by the definitions in plain code, by published values, and by laws.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use datafusion::datasource::MemTable;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use datafusion_k_corrset::sweep::{Statistic, Undefined};
use datafusion_k_corrset::{KCorrsetExt, KCorrsetOptions, register_all};
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::support::config;
use crate::support::exam::{Answers, SMALL, any_table, integer_batch};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

fn session(threads: usize) -> SessionContext {
    let ctx = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(threads));
    register_all(&ctx).unwrap();
    ctx
}

/// A set with all that is told of it.
#[derive(Debug, Clone, PartialEq)]
struct Told {
    questions: Vec<String>,
    r: Option<f64>,
    n: i64,
    /// In the order of [`Statistic::ALL`].
    statistics: [Option<f64>; 6],
}

async fn told(frame: DataFrame) -> Vec<Told> {
    let mut sets = Vec::new();
    for batch in frame.collect().await.unwrap() {
        let number = |column: usize, row: usize| {
            let column = batch.column(column).as_primitive::<Float64Type>();
            column.is_valid(row).then(|| column.value(row))
        };
        for row in 0..batch.num_rows() {
            let questions = batch.column(0).as_list::<i32>().value(row);
            let questions = arrow::compute::cast(&questions, &arrow::datatypes::DataType::Utf8).unwrap();
            sets.push(Told {
                questions: questions.as_string::<i32>().iter().flatten().map(str::to_string).collect(),
                r: number(1, row),
                n: batch.column(2).as_primitive::<Int64Type>().value(row),
                statistics: std::array::from_fn(|statistic| number(3 + statistic, row)),
            });
        }
    }
    sets.sort_by(|x, y| x.questions.cmp(&y.questions));
    sets
}

/// All statistics of all sets of a table, also of those that have no r.
fn all_of(batch: RecordBatch, k: usize, threads: usize) -> Vec<Told> {
    RUNTIME.block_on(async {
        let ctx = session(threads);
        let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap();
        ctx.register_table("exam", Arc::new(table)).unwrap();
        let options = KCorrsetOptions::new().statistics(Statistic::ALL).undefined(Undefined::Null);
        told(ctx.table("exam").await.unwrap().k_corrset_with(k, options).unwrap()).await
    })
}

/// n times the sum of squared deviations, exactly.
fn spread(values: &[i128]) -> i128 {
    let sum: i128 = values.iter().sum();
    values.len() as i128 * values.iter().map(|value| value * value).sum::<i128>() - sum * sum
}

/// Pearson's r by deviations from means, of numbers that have some.
fn pearson(x: &[i128], y: &[i128]) -> Option<f64> {
    let n = x.len() as i128;
    let [sum_x, sum_y] = [x, y].map(|values| values.iter().sum::<i128>());
    let deviations =
        |values: &[i128], sum: i128| -> Vec<i128> { values.iter().map(|it| n * it - sum).collect() };
    let (x, y) = (deviations(x, sum_x), deviations(y, sum_y));
    let product = |x: &[i128], y: &[i128]| x.iter().zip(y).map(|(x, y)| *x as f64 * *y as f64).sum::<f64>();
    let defined = x.iter().any(|x| *x != 0) && y.iter().any(|y| *y != 0);
    defined.then(|| (product(&x, &y) / (product(&x, &x) * product(&y, &y)).sqrt()).clamp(-1.0, 1.0))
}

/// What the definitions say of a set.
fn defined(rows: &Answers<i64>, questions: &[String], unit: f64) -> [Option<f64>; 6] {
    let mut scores: BTreeMap<&str, BTreeMap<&str, i128>> = BTreeMap::new();
    for (user, question, score) in rows {
        scores.entry(user).or_default().insert(question, i128::from(*score));
    }
    let users: Vec<_> =
        scores.values().filter(|of| questions.iter().all(|it| of.contains_key(&**it))).collect();
    let on = |question: &String| -> Vec<i128> { users.iter().map(|of| of[&**question]).collect() };
    let a: Vec<i128> =
        users.iter().map(|of| questions.iter().map(|question| of[&**question]).sum()).collect();
    let b: Vec<i128> = users.iter().map(|of| of.values().sum()).collect();
    let rest: Vec<i128> = a.iter().zip(&b).map(|(a, b)| b - a).collect();
    let (n, k) = (users.len() as f64, questions.len() as f64);
    let of_questions: i128 = questions.iter().map(|question| spread(&on(question))).sum();
    let alpha = (questions.len() > 1 && spread(&a) > 0)
        .then(|| k / (k - 1.0) * (1.0 - of_questions as f64 / spread(&a) as f64));
    let ends = |sign: f64| {
        let r = pearson(&a, &b).filter(|_| users.len() > 3)?;
        Some((r.atanh() + sign * 1.959963984540054 / (n - 3.0).sqrt()).tanh())
    };
    let mean = (n > 0.0).then(|| a.iter().sum::<i128>() as f64 / n * unit);
    let sd = (n > 1.0).then(|| (spread(&a) as f64 / n / (n - 1.0)).sqrt() * unit);
    [alpha, pearson(&a, &rest), ends(-1.0), ends(1.0), mean, sd]
}

/// Whether a number is another one, but for rounding.
fn is_near(found: Option<f64>, expected: Option<f64>, within: f64) -> bool {
    match (found, expected) {
        (Some(found), Some(expected)) => {
            found == expected || (found - expected).abs() <= within * expected.abs().max(1.0)
        }
        (found, expected) => found == expected,
    }
}

proptest! {
    #![proptest_config(config(120))]

    #[test]
    fn they_are_what_their_definitions_say(rows in any_table(), k in 1usize..5, threads in 1usize..4, form in 0..3) {
        let batch = integer_batch(&rows);
        let scores = || rows.iter().map(|row| row.2);
        let (column, unit, within): (ArrayRef, f64, f64) = match form {
            0 => (Arc::clone(batch.column(2)), 1.0, 1e-12),
            1 => {
                let column: Decimal128Array = scores().map(|score| Some(i128::from(score))).collect();
                (Arc::new(column.with_precision_and_scale(30, 3).unwrap()), 1e-3, 1e-12)
            }
            _ => (Arc::new(scores().map(|score| Some(score as f64 * SMALL)).collect::<Float64Array>()), SMALL, 1e-11),
        };
        let columns = [Arc::clone(batch.column(0)), Arc::clone(batch.column(1)), column];
        let batch = RecordBatch::try_from_iter(["user", "question", "score"].into_iter().zip(columns)).unwrap();
        for set in all_of(batch, k, threads) {
            let expected = defined(&rows, &set.questions, unit);
            for (statistic, (found, expected)) in Statistic::ALL.iter().zip(set.statistics.iter().zip(expected)) {
                // Means and deviations have the size of the scores.
                let of_scores = matches!(statistic, Statistic::Mean | Statistic::Sd);
                let within = if of_scores { within * rows.iter().map(|row| row.2.abs()).max().unwrap() as f64 * unit } else { within };
                prop_assert!(is_near(*found, expected, within.max(1e-15)), "{:?} of {:?}: {:?}, not {:?}", statistic, set, found, expected);
            }
        }
    }
}

/// A table of users and scores, as `user score score …`.
fn sheet(lines: &str) -> Answers<i64> {
    let mut lines = lines.trim().lines();
    let names: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    let mut rows = Vec::new();
    for (user, line) in lines.enumerate() {
        let scores = line.split_whitespace().map(|score| score.parse().unwrap());
        rows.extend(
            names.iter().zip(scores).map(|(name, score)| (format!("u{user:02}"), name.to_string(), score)),
        );
    }
    rows
}

/// Percentages of favourable answers in 30 departments: S. Chatterjee and B. Price, Regression Analysis by Example
/// (New York 1977), section 3.7; `attitude` of R.
const ATTITUDE: &str = "
rating complaints privileges learning raises critical advance
43 51 30 39 61 92 45
63 64 51 54 63 73 47
71 70 68 69 76 86 48
61 63 45 47 54 84 35
81 78 56 66 71 83 47
43 55 49 44 54 49 34
58 67 42 56 66 68 35
71 75 50 55 70 66 41
72 82 72 67 71 83 31
67 61 45 47 62 80 41
64 53 53 58 58 67 34
67 60 47 39 59 74 41
69 62 57 42 55 63 25
68 83 83 45 59 77 35
77 77 54 72 79 77 46
81 90 50 72 60 54 36
74 85 64 69 79 79 63
65 60 65 75 55 80 60
65 70 46 57 75 85 46
50 58 68 54 64 78 52
50 40 33 34 43 64 33
64 61 52 62 66 80 41
53 66 52 50 63 80 37
40 37 42 58 50 57 49
63 54 42 48 66 75 33
66 77 66 63 88 76 72
78 75 58 74 80 78 49
48 57 44 45 51 83 38
85 85 71 71 77 74 55
82 82 39 59 64 78 39
";

/// Ten students' answers to a quiz of ten items: K. L. Wuensch, The Kuder-Richardson 20 (East Carolina University).
const QUIZ: &str = "
i0 i1 i2 i3 i4 i5 i6 i7 i8 i9
1 1 1 1 1 1 0 1 1 0
1 0 1 1 0 1 1 1 0 1
1 1 1 1 0 1 1 0 0 1
0 0 1 0 0 0 1 0 0 0
0 0 0 0 0 1 0 0 1 0
1 1 1 0 1 1 1 1 1 1
1 1 0 1 1 1 0 1 1 1
1 1 1 1 1 1 1 1 0 1
0 1 0 1 1 1 1 1 0 1
1 1 0 1 1 0 1 1 1 0
";

fn rounded(value: Option<f64>, digits: i32) -> f64 {
    let power = 10f64.powi(digits);
    (value.unwrap() * power).round() / power
}

/// What `psych::alpha(attitude)` of R shows: W. Revelle, psych: Procedures for Psychological, Psychometric, and
/// Personality Research, the example of `alpha`.
#[test]
fn published_alpha_and_item_rest_correlations() {
    let rows = sheet(ATTITUDE);
    let whole = &all_of(integer_batch(&rows), 7, 2)[0];
    assert_eq!(rounded(whole.statistics[0], 2), 0.84);
    // The package shows means over items.
    assert_eq!(rounded(whole.statistics[4].map(|mean| mean / 7.0), 0), 60.0);
    assert_eq!(rounded(whole.statistics[5].map(|sd| sd / 7.0), 1), 8.2);
    let items = all_of(integer_batch(&rows), 1, 2);
    for (name, item_rest_r, mean, sd) in [
        ("rating", 0.67, 65.0, 12.2),
        ("complaints", 0.74, 67.0, 13.3),
        ("privileges", 0.56, 53.0, 12.2),
        ("learning", 0.71, 56.0, 11.7),
        ("raises", 0.79, 65.0, 10.4),
        ("critical", 0.27, 75.0, 9.9),
        ("advance", 0.46, 43.0, 10.3),
    ] {
        let item = items.iter().find(|item| item.questions == [name]).unwrap();
        let [alpha, found, .., found_mean, found_sd] = item.statistics;
        assert_eq!(alpha, None);
        assert_eq!(
            (rounded(found, 2), rounded(found_mean, 0), rounded(found_sd, 1)),
            (item_rest_r, mean, sd),
            "{name}"
        );
    }
}

/// The sum of p·q is 2.18 there, and the variance of totals 5.84, with n in the denominator.
#[test]
fn a_published_kr_20() {
    let whole = &all_of(integer_batch(&sheet(QUIZ)), 10, 2)[0];
    assert_eq!(rounded(whole.statistics[0], 12), rounded(Some(10.0 / 9.0 * (1.0 - 2.18 / 5.84)), 12));
    assert_eq!(rounded(whole.statistics[4], 12), 6.6);
    assert_eq!(rounded(whole.statistics[5], 12), rounded(Some((5.84f64 * 10.0 / 9.0).sqrt()), 12));
}

/// The manual of SAS's PROC CORR has limits of 0.0971 and 0.9184 for r = 0.684848, n = 10.
#[tokio::test]
async fn published_limits_of_an_interval() {
    // Ten users whose total and score have about that r.
    let ctx = session(1);
    let sql = "SELECT r, r_low, r_high FROM k_corrset((SELECT u AS \"user\", 'q' AS question, a AS score, b AS grade FROM
               (VALUES (1, 1, 0), (2, 2, 3), (3, 3, 7), (4, 4, 1), (5, 5, 4), (6, 6, 2), (7, 7, 8), (8, 8, 5), (9, 9, 9), (10, 10, 6)) AS t(u, a, b)),
               1, criterion => 'grade', statistics => ['r_low', 'r_high'])";
    let batch = ctx.sql(sql).await.unwrap().collect().await.unwrap().remove(0);
    let [r, low, high] = [0, 1, 2].map(|column| batch.column(column).as_primitive::<Float64Type>().value(0));
    let by_hand = |sign: f64| (r.atanh() + sign * 1.959964 / 7f64.sqrt()).tanh();
    assert!((low - by_hand(-1.0)).abs() < 1e-6 && (high - by_hand(1.0)).abs() < 1e-6, "{r} {low} {high}");
    let ends = |r: f64| {
        [-1.0, 1.0].map(|sign: f64| rounded(Some((r.atanh() + sign * 1.959964 / 7f64.sqrt()).tanh()), 4))
    };
    assert_eq!(ends(0.684848), [0.0971, 0.9184]);
}

/// Tables of several classes of scores.
async fn tables() -> SessionContext {
    let ctx = session(2);
    for (name, score, gaps) in [
        ("binary", "(u * 7 + q * q * 3 + u / 3) % 5 % 2", "(u * 31 + q * 17) % 7 > 2"),
        ("sparse", "(u * q + u / 5) % 6", "(u * 31 + q * 17 + u / 4) % 10 < 3"),
        ("complete", "(u * q + u / 5 + q / 3) % 3", "true"),
        ("few_gaps", "(u * q + u / 5 + q / 3) % 3", "(u * 31 + q * 17) % 97 > 1"),
        ("floats", "sin(u * q + u / 5)", "(u * 31 + q * 17) % 7 > 2"),
    ] {
        let sql = format!(
            "CREATE TABLE {name} AS SELECT u AS \"user\", q AS question, {score} AS score
             FROM (SELECT value AS u FROM generate_series(1, 90)) CROSS JOIN (SELECT value AS q FROM generate_series(1, 11)) WHERE {gaps}"
        );
        ctx.sql(&sql).await.unwrap().collect().await.unwrap();
    }
    ctx
}

async fn lines(ctx: &SessionContext, sql: &str) -> Vec<String> {
    let batches =
        ctx.sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}")).collect().await.unwrap();
    let text = arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string();
    text.lines().map(str::to_string).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_change_nothing_else_and_item_rest_is_corrected() {
    let ctx = tables().await;
    for table in ["binary", "sparse", "complete", "few_gaps", "floats"] {
        for k in ["3", "[2, 4]"] {
            let with = format!(
                "SELECT questions, r, n FROM k_corrset({table}, {k}, statistics => ['sd', 'alpha'], undefined => 'null') ORDER BY questions"
            );
            let without = format!(
                "SELECT questions, r, n FROM k_corrset({table}, {k}, undefined => 'null') ORDER BY questions"
            );
            assert_eq!(lines(&ctx, &with).await, lines(&ctx, &without).await, "{table}");
            let rest = format!(
                "SELECT questions, item_rest_r AS r, n FROM k_corrset({table}, {k}, statistics => 'item_rest_r', undefined => 'null') ORDER BY questions"
            );
            let corrected = format!(
                "SELECT questions, r, n FROM k_corrset({table}, {k}, corrected => true, undefined => 'null') ORDER BY questions"
            );
            assert_eq!(lines(&ctx, &rest).await, lines(&ctx, &corrected).await, "{table}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_of_intervals_reaches_into_the_sweep_and_changes_no_row() {
    let ctx = tables().await;
    let columns = "questions, r, n, r_low, r_high, alpha";
    let queries = [
        "ORDER BY r_low DESC, questions LIMIT 7",
        "ORDER BY r_low, questions LIMIT 7",
        "ORDER BY r_low DESC NULLS LAST, questions LIMIT 9",
        "WHERE r_low > 0.4 ORDER BY questions",
        "WHERE r_low >= 0.4 AND n > 20 ORDER BY questions",
        "WHERE r_low IS NULL ORDER BY questions",
        "WHERE r_low IS NOT NULL AND r_low < 0.1 ORDER BY questions",
        "WHERE r_low > 0.5 OR r > 0.7 ORDER BY questions",
        "WHERE r_high < 0.3 ORDER BY questions",
        "WHERE r_high IS NULL ORDER BY questions",
        "WHERE alpha IS NULL OR alpha > 0.2 ORDER BY questions",
        "WHERE NOT (r_low > 0.4) ORDER BY questions",
        "WHERE r_low = r_high ORDER BY questions",
        "WHERE r_low BETWEEN 0.3 AND 0.5 ORDER BY questions",
    ];
    for table in ["binary", "sparse", "complete", "few_gaps", "floats"] {
        for options in
            ["", ", undefined => 'null'", ", min_users => 2", ", min_users => 6, corrected => true"]
        {
            for query in queries {
                let sql = format!(
                    "SELECT {columns} FROM k_corrset({table}, [3, 5], statistics => ['r_low', 'r_high', 'alpha']{options}) {query}"
                );
                ctx.sql("SET k_corrset.pushdown = true").await.unwrap();
                let with = lines(&ctx, &sql).await;
                ctx.sql("SET k_corrset.pushdown = false").await.unwrap();
                assert_eq!(with, lines(&ctx, &sql).await, "{sql}");
            }
        }
    }
}

/// The best by the lower end of their interval, of all sets.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_best_unless_it_is_luck() {
    let ctx = tables().await;
    for table in ["binary", "sparse", "few_gaps", "complete"] {
        let best = format!(
            "SELECT questions FROM k_corrset({table}, 4, statistics => 'r_low') ORDER BY r_low DESC, questions LIMIT 10"
        );
        let by_hand = format!(
            "SELECT questions FROM (SELECT questions, (r - t) / (1 - r * t) AS low FROM
             (SELECT *, tanh(1.959963984540054 / sqrt(n - 3)) AS t FROM k_corrset({table}, 4) WHERE n > 3)) ORDER BY low DESC, questions LIMIT 10"
        );
        assert_eq!(lines(&ctx, &best).await, lines(&ctx, &by_hand).await, "{table}");
        let plan = lines(&ctx, &format!("EXPLAIN ANALYZE {best}")).await.join("\n");
        assert!(plan.contains("subsets_emitted="), "{plan}");
    }
}
