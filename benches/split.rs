//! How even the shares of a sweep are: those of a cluster's workers, swept here one after the
//! other. `cargo bench --features cli --bench split`
//!
//! A worker is done when its last share is, and the query when its last worker is. So what counts
//! is by how much the longest share takes longer than the mean.

mod exam;

use std::time::{Duration, Instant};

use datafusion_k_corrset::sweep::{Columns, SweepRequest, binomial};
use exam::{Answers, LARGE, Shape};

/// (workers, threads of each)
const CLUSTERS: [(usize, usize); 4] = [(3, 2), (64, 1), (1_000, 1), (1_000, 8)];

/// Each share is measured so often, and the least counts: this machine has other things to do.
const RUNS: usize = 5;

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
        "| data | k | workers | threads | subsets of a share | most of them, over the mean | a share, ms | longest, over the mean | slowest worker, over the mean |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (name, rows) in [("even", exam::answers(LARGE)), ("uneven", uneven(LARGE))] {
        let index = exam::index(&rows, false);
        for (k, clusters) in [(4, &CLUSTERS[..3]), (5, &CLUSTERS[..])] {
            for &(workers, threads) in clusters {
                split(name, &index, &rows, k, (workers, threads));
            }
        }
    }
}

fn split(
    name: &str,
    index: &datafusion_k_corrset::index::AnswerIndex,
    rows: &Answers,
    k: usize,
    (workers, threads): (usize, usize),
) {
    let request = SweepRequest { k, top: Some(1), ..SweepRequest::default() };
    let plan = exam::plan(index, &request);
    let shares = plan.shares(workers * threads);
    assert_eq!(shares, workers * threads);
    // The bar is at its height before anything is measured, as it soon is in a sweep.
    let best = exam::sweep(&plan, 0, shares).1;
    exam::check(rows, &best, false);
    let mut times = vec![Duration::MAX; shares];
    let mut subsets = vec![0; shares];
    for _ in 0..RUNS {
        for (share, time) in times.iter_mut().enumerate() {
            let begun = Instant::now();
            subsets[share] = exam::sweep_all(&plan, share, shares, Columns::ALL, |_| {}).0;
            *time = begun.elapsed().min(*time);
        }
    }
    let all = binomial(200, k as u64).unwrap();
    assert_eq!(u128::from(subsets.iter().sum::<u64>()), u128::from(all), "every subset in one share");
    let seconds: Vec<f64> = times.iter().map(Duration::as_secs_f64).collect();
    let of_workers: Vec<f64> = seconds.chunks(threads).map(|of_one| of_one.iter().sum()).collect();
    let over = |values: &[f64]| {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (values.iter().copied().fold(0.0, f64::max) / mean - 1.0) * 100.0
    };
    let counted: Vec<f64> = subsets.iter().map(|&subsets| subsets as f64).collect();
    println!(
        "| {name} | {k} | {workers} | {threads} | {} | {:.2} % | {:.2} | {:.1} % | {:.1} % |",
        u128::from(all) / shares as u128,
        over(&counted),
        seconds.iter().sum::<f64>() * 1e3 / shares as f64,
        over(&seconds),
        over(&of_workers)
    );
}
