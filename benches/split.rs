//! How even the shares of a sweep are: those of a cluster's workers, swept here one after the
//! other. `cargo bench --features cli --bench split`
//!
//! A query is done when its last share is. So what counts is by how much the longest share takes
//! longer than the mean; and what all shares take together, over what they take in one process.

mod exam;

use std::time::{Duration, Instant};

use datafusion_k_corrset::index::AnswerIndex;
use datafusion_k_corrset::sweep::{Columns, SweepRequest, binomial};
use exam::{Answers, LARGE, Shape};

/// (questions in a set, shares)
const SPLITS: [(usize, usize); 7] = [(4, 6), (4, 64), (4, 1_000), (5, 6), (5, 64), (5, 1_000), (6, 1_000)];

/// So many shares are measured, or all if they are fewer.
const MEASURED: usize = 100;

/// Each of them so often, and the least counts: this machine has other things to do.
const RUNS: usize = 2;

/// The articles' data, but a question has the more answers the higher its number: from a tenth
/// of the mean to nearly twice as many.
fn uneven(shape: Shape) -> Answers {
    let keeps = |question: u32| 0.1 + 0.9 * f64::from(question) / f64::from(shape.questions);
    let dense = Shape { answers: shape.answers * 18 / 10, ..shape };
    let mut seen = vec![0; shape.questions as usize];
    let kept = exam::answers(dense).into_iter().filter(|row| {
        seen[row.1 as usize] += 1;
        f64::from(seen[row.1 as usize]) <= keeps(row.1) * dense.answers as f64
    });
    kept.collect()
}

fn main() {
    println!(
        "| data | k | shares | measured | subsets of a share | cut, ms | a share, ms | longest, over the mean | all shares, s |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (name, rows) in [("even", exam::answers(LARGE)), ("uneven", uneven(LARGE))] {
        let index = exam::index(&rows, false);
        for (k, shares) in SPLITS {
            split(name, &index, &rows, k, shares);
        }
    }
}

fn split(name: &str, index: &AnswerIndex, rows: &Answers, k: usize, shares: usize) {
    let request = SweepRequest { k, top: Some(1), ..SweepRequest::default() };
    let plan = exam::plan(index, &request);
    assert_eq!(plan.shares(shares), shares);
    let begun = Instant::now();
    drop(plan.share(0, shares, Columns::ALL));
    let cut = begun.elapsed().as_secs_f64();
    // The bar is at its height before anything is measured, as it soon is in a sweep.
    let best = exam::sweep(&plan, 0, shares).1;
    exam::check(rows, &best, false);
    let measured: Vec<usize> = (0..shares).step_by(shares.div_ceil(MEASURED)).collect();
    let mut times = vec![Duration::MAX; measured.len()];
    let mut subsets = 0;
    for run in 0..RUNS {
        for (&share, time) in measured.iter().zip(&mut times) {
            let begun = Instant::now();
            let swept = exam::sweep_all(&plan, share, shares, Columns::ALL, |_| {}).0;
            *time = begun.elapsed().min(*time);
            subsets += if run == 0 { swept } else { 0 };
        }
    }
    let all = binomial(200, k as u64).unwrap();
    assert!(measured.len() < shares || subsets == all, "every subset is in one share");
    let total: Duration = times.iter().sum();
    let mean = total.as_secs_f64() / times.len() as f64;
    let longest = times.iter().max().unwrap().as_secs_f64();
    println!(
        "| {name} | {k} | {shares} | {} | {} | {:.1} | {:.2} | {:.1} % | {:.2} |",
        measured.len(),
        all / shares as u64,
        cut * 1e3,
        mean * 1e3,
        (longest / mean - 1.0) * 100.0,
        mean * shares as f64
    );
}
