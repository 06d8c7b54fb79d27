//! What options cost beside the query without them, and what they spare: whole queries over tables in memory, in turns.
//!
//! `cargo bench --features cli --bench options`; `K=5` sweeps sets of five instead of four, of all 200 questions.

mod exam;

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_k_corrset::register_all;
use datafusion_k_corrset::sweep::SweepRequest;
use exam::{Answers, LARGE};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use tokio::runtime::Runtime;

/// Turns of each query, of which the fastest counts.
const TURNS: usize = 3;

/// Courses, with so many users and questions each.
const COURSES: [u32; 3] = [500, 200, 30];

fn column(numbers: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(numbers))
}

fn register(session: &SessionContext, name: &str, batch: &RecordBatch) {
    let half = batch.num_rows() / 2;
    let parts = [batch.slice(0, half), batch.slice(half, batch.num_rows() - half)];
    let cut = |part: &RecordBatch| {
        let firsts = (0..part.num_rows()).step_by(8192);
        firsts.map(|first| part.slice(first, 8192.min(part.num_rows() - first))).collect::<Vec<_>>()
    };
    let table = MemTable::try_new(batch.schema(), parts.iter().map(cut).collect()).unwrap();
    session.register_table(name, Arc::new(table)).unwrap();
}

/// The articles' data, with a grade of small integers for each user.
fn large(session: &SessionContext) {
    let rows = exam::answers(LARGE);
    let of = |of: fn(&(u32, u32, i64)) -> i64| column(rows.iter().map(of));
    let batch = RecordBatch::try_from_iter([
        ("user", of(|row| i64::from(row.0))),
        ("question", of(|row| i64::from(row.1))),
        ("score", of(|row| row.2)),
        ("grade", of(|row| i64::from(row.0) * 7919 % 1009 % 21)),
    ]);
    register(session, "large", &batch.unwrap());
}

/// Everybody answers two of three questions of their course. Two tables: of one the rows of courses come mixed, of the
/// other course by course.
fn courses(session: &SessionContext) -> Vec<Answers> {
    let [courses, users, questions] = COURSES;
    let mut parts: Vec<Answers> = vec![Vec::new(); courses as usize];
    let mut rows = Vec::new();
    for user in 0..users {
        for question in 0..questions {
            for course in 0..courses {
                let luck = u64::from((user * 31 + question) * courses + course + 1)
                    .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                    >> 33;
                if luck % 3 > 0 {
                    let score = (luck / 3 % 2) as i64;
                    parts[course as usize].push((user, question, score));
                    rows.push((course, user, question, score));
                }
            }
        }
    }
    for table in ["mixed", "course_by_course"] {
        let of = |of: fn(&(u32, u32, u32, i64)) -> i64| column(rows.iter().map(of));
        let batch = RecordBatch::try_from_iter([
            ("course", of(|row| i64::from(row.0))),
            ("user", of(|row| i64::from(row.1))),
            ("question", of(|row| i64::from(row.2))),
            ("score", of(|row| row.3)),
        ]);
        register(session, table, &batch.unwrap());
        rows.sort_by_key(|row| row.0);
    }
    parts
}

/// A query's rows, and the time that it took.
fn run(runtime: &Runtime, session: &SessionContext, sql: &str) -> (RecordBatch, Duration) {
    let begun = Instant::now();
    let batches = runtime.block_on(async { session.sql(sql).await.unwrap().collect().await.unwrap() });
    let time = begun.elapsed();
    (arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap(), time)
}

/// The rows of queries, and the least time of each; they take turns.
fn in_turns(runtime: &Runtime, session: &SessionContext, queries: &[String]) -> Vec<(RecordBatch, f64)> {
    let mut found: Vec<Option<(RecordBatch, f64)>> = vec![None; queries.len()];
    for _ in 0..TURNS {
        for (query, found) in queries.iter().zip(&mut found) {
            let (rows, time) = run(runtime, session, query);
            let least = found.as_ref().map_or(f64::INFINITY, |(_, least)| *least);
            *found = Some((rows, time.as_secs_f64().min(least)));
        }
    }
    found.into_iter().flatten().collect()
}

fn told(what: &str, [time, without]: [f64; 2], target: f64) {
    println!("{what:<58} {time:>8.3} s {without:>8.3} s {:>6.2}   (at most {target})", time / without);
}

fn first_three(rows: &RecordBatch) -> RecordBatch {
    rows.project(&[0, 1, 2]).unwrap()
}

fn main() {
    // Cargo's tests run benchmarks, too.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let k = std::env::var("K").ok().and_then(|k| k.parse::<usize>().ok()).unwrap_or(4);
    let runtime = Runtime::new().unwrap();
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let session = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(threads));
    register_all(&session).unwrap();
    large(&session);
    println!("sets of {k} of 200 questions, {threads} threads; the least of {TURNS}");
    println!("{:<58} {:>10} {:>10} {:>6}", "", "with", "without", "ratio");

    let all = "'alpha', 'item_rest_r', 'r_low', 'r_high', 'mean', 'sd'";
    let found = in_turns(
        &runtime,
        &session,
        &[
            format!("SELECT * FROM k_corrset(large, {k}, top => 10)"),
            format!("SELECT * FROM k_corrset(large, {k}, top => 10, statistics => [{all}])"),
            format!("SELECT * FROM k_corrset(large, {k}, top => 10, criterion => 'grade')"),
            format!("SELECT * FROM k_corrset(large, {k}, statistics => ['r_low']) ORDER BY r DESC LIMIT 10"),
            format!(
                "SELECT * FROM k_corrset(large, {k}, statistics => ['r_low']) ORDER BY r_low DESC LIMIT 10"
            ),
        ],
    );
    let [(plain, top), (with, statistics), (_, criterion), (by_r, ordered), (by_low, low)] = &found[..]
    else {
        panic!("{} answers", found.len())
    };
    assert_eq!(first_three(with), *plain);
    let lows = |rows: &RecordBatch| rows.column(3).as_primitive::<Float64Type>().values().to_vec();
    assert!(lows(by_low).is_sorted_by(|x, y| x >= y));
    assert!(lows(by_r).iter().all(|low| *low <= lows(by_low)[0]));
    told("six statistics, top 10", [*statistics, *top], 1.03);
    told("a criterion of small integers, top 10", [*criterion, *top], 1.1);
    told("ORDER BY r_low DESC LIMIT 10, over ORDER BY r", [*low, *ordered], 1.3);

    let train = "(SELECT * FROM large WHERE \"user\" % 2 = 0)";
    let test = "(SELECT * FROM large WHERE \"user\" % 2 = 1)";
    let best = format!("SELECT * FROM k_corrset({train}, {k}, top => 10)");
    let found = in_turns(
        &runtime,
        &session,
        &[
            best.clone(),
            format!("SELECT * FROM k_corrset({test}, sets => [[1]])"),
            format!(
                "SELECT h.* FROM k_corrset({train}, {k}, top => 10) t JOIN k_corrset({test}, {k}) h ON h.questions = t.questions"
            ),
            format!(
                "SELECT * FROM k_corrset({test}, {k}) WHERE questions IN (SELECT questions FROM ({best}))"
            ),
            format!("SELECT * FROM k_corrset({test}, sets => (SELECT questions FROM ({best})))"),
        ],
    );
    let [(_, first), (_, index), (joined, join), (within, semi), (given, sets)] = &found[..] else {
        panic!("{} answers", found.len())
    };
    assert_eq!([joined, within, given].map(RecordBatch::num_rows), [10; 3]);
    for (what, time) in
        [("a join with the best of others", join), ("IN (SELECT ...)", semi), ("sets => (SELECT ...)", sets)]
    {
        told(&format!("{what}, over the sweep and the second index"), [*time, first + index], 1.1);
    }

    let thousand = "SELECT make_array(value % 40, 40 + value % 37, 80 + value % 39, 120 + value % 38, 160 + value % 31) FROM generate_series(1, 1000)";
    let found = in_turns(
        &runtime,
        &session,
        &[
            format!("SELECT * FROM k_corrset(large, sets => ({thousand}), undefined => 'null')"),
            "SELECT * FROM k_corrset(large, sets => [[1]])".to_string(),
        ],
    );
    assert_eq!(found[0].0.num_rows(), 1000);
    println!(
        "a thousand sets of five: {:.1} ms beside the index (at most 50)",
        (found[0].1 - found[1].1) * 1e3
    );

    let parts = courses(&session);
    let indexes: Vec<_> = parts.par_iter().map(|rows| exam::index(rows, false)).collect();
    let request = SweepRequest { k: 3, top: Some(1), ..SweepRequest::default() };
    let bare = || {
        let begun = Instant::now();
        let best: Vec<_> =
            indexes.par_iter().map(|index| exam::sweep(&exam::plan(index, &request), 0, 1).1).collect();
        (best, begun.elapsed().as_secs_f64())
    };
    let indexed = || {
        let begun = Instant::now();
        let indexes: Vec<_> = parts.par_iter().map(|rows| exam::index(rows, false)).collect();
        (indexes.len(), begun.elapsed().as_secs_f64())
    };
    let best_of = |table| {
        format!(
            "SELECT course, questions, r, n FROM k_corrset({table}, 3, partition_by => 'course', top => 1) ORDER BY course"
        )
    };
    let found = in_turns(&runtime, &session, &["mixed", "course_by_course"].map(best_of));
    let [(rows, mixed), (same, in_order)] = &found[..] else { panic!("{} answers", found.len()) };
    assert_eq!(rows, same);
    let (best, sweeps) = (0..TURNS).map(|_| bare()).min_by(|x, y| x.1.total_cmp(&y.1)).unwrap();
    let (_, index) = (0..TURNS).map(|_| indexed()).min_by(|x, y| x.1.total_cmp(&y.1)).unwrap();
    assert_eq!(rows.num_rows(), COURSES[0] as usize);
    let r = rows.column(2).as_primitive::<Float64Type>();
    let n = rows.column(3).as_primitive::<Int64Type>();
    for (course, best) in best.iter().enumerate() {
        assert_eq!((Some(r.value(course)), n.value(course)), (best.r, best.n), "course {course}");
        assert!(r.is_valid(course));
    }
    told("500 courses, mixed, over their bare sweeps and indexes", [*mixed, sweeps + index], 1.5);
    told("500 courses, one after the other, over the same", [*in_order, sweeps + index], 1.5);
    println!("of that, bare sweeps {:.1} ms, bare indexes {:.1} ms", sweeps * 1e3, index * 1e3);
}
