//! How the time of a subset grows with the data: one table, one thing changed at a
//! time, on one thread and on all. `cargo bench --features cli --bench scaling`

mod exam;

use std::time::{Duration, Instant};

use datafusion_k_corrset::index::AnswerIndex;
use datafusion_k_corrset::sweep::{Columns, Row, SweepRequest, best_rows, binomial};
use exam::{LARGE, Shape};
use rayon::prelude::*;

/// `shape` with a share of all answers given.
fn with_density(shape: Shape, percent: usize) -> Shape {
    Shape { answers: shape.users as usize * percent / 100, ..shape }
}

/// What of a sweep is measured: its first seconds. By then it has been through all that
/// begins with its first questions many times over.
const TIME: Duration = Duration::from_secs(1);

/// Sweeps for a time on some threads: nanoseconds of that for each subset, and the best
/// row.
fn measure(index: &AnswerIndex, k: usize, threads: usize) -> (f64, Row) {
    let request = SweepRequest { k, top: Some(1), ..SweepRequest::default() };
    let plan = exam::plan(index, &request);
    let begun = Instant::now();
    let sweep = |share| exam::sweep_for(&plan, share, threads, Columns::ALL, TIME, |_| {});
    let swept: Vec<(u64, Vec<Row>)> = (0..threads).into_par_iter().map(sweep).collect();
    let elapsed = begun.elapsed();
    let subsets: u64 = swept.iter().map(|(subsets, _)| subsets).sum();
    let rows: Vec<Row> = swept.into_iter().flat_map(|(_, rows)| rows).collect();
    (elapsed.as_nanos() as f64 / subsets as f64, best_rows(1, rows).remove(0))
}

fn main() {
    let threads = rayon::current_num_threads();
    println!(
        "| what | users | questions | answered | k | subsets | index, s | ns a subset, 1 thread | {threads} threads, ns of wall | factor |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let mut cases = vec![("the articles' data", LARGE, 5)];
    let more = |users, questions| Shape { users, questions, ..LARGE };
    cases.extend([6_000, 600_000].map(|users| ("users", with_density(more(users, 200), 20), 5)));
    cases.extend([50, 100, 400].map(|questions| ("questions", more(60_000, questions), 5)));
    cases.extend([2, 3, 4, 6].map(|k| ("k", LARGE, k)));
    cases.extend([5, 10, 40, 80].map(|percent| ("density", with_density(LARGE, percent), 4)));
    cases.push(("no gaps", with_density(LARGE, 100), 5));
    for (what, shape, k) in cases {
        let rows = exam::answers(shape);
        let begun = Instant::now();
        let index = exam::index(&rows, shape.float);
        let indexed = begun.elapsed();
        let median = |threads| {
            let mut runs: Vec<(f64, Row)> = (0..3).map(|_| measure(&index, k, threads)).collect();
            runs.sort_by(|x, y| x.0.total_cmp(&y.0));
            exam::check(&rows, &runs[1].1, shape.float);
            runs[1].0
        };
        let times = [median(1), median(threads)];
        println!(
            "| {what} | {} | {} | {} % | {k} | {} | {:.2} | {:.2} | {:.2} | {:.2} |",
            shape.users,
            shape.questions,
            shape.answers * 100 / shape.users as usize,
            binomial(shape.questions.into(), k as u64).expect("few enough"),
            indexed.as_secs_f64(),
            times[0],
            times[1],
            times[0] / times[1],
        );
    }
}
