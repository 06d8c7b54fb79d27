//! The bare sweep on one thread, in time per subset.
//!
//! Data of the articles' shape, 60,000 users × 200 questions, each answered by 12,000
//! random users; and data without gaps or with few, 4,000 users × 135 questions.
//! `cargo bench --features cli --bench sweep`

mod exam;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use datafusion_k_corrset::sweep::{Instructions, SweepRequest};
use exam::{COMPLETE, LARGE, Shape};

/// Answers of everybody, but for so many users of each question.
fn missing(users: usize) -> Shape {
    Shape { answers: COMPLETE.answers - users, ..COMPLETE }
}

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sweep");
    group.sample_size(10);
    let best = Instructions::best().name();
    // The part of a sweep that is run is so large that the cohorts of its first
    // questions hardly count.
    let few_gaps = ["avx512", "avx2", "neon"];
    let binary = ["avx512", "avx2", "neon", "portable"];
    let cases = [
        ("binary", LARGE, vec![(2, 1), (3, 2), (4, 4), (5, 40)], binary.to_vec()),
        ("0..255", Shape { levels: 256, ..LARGE }, vec![(5, 40)], vec![best]),
        ("float", Shape { levels: 1000, float: true, ..LARGE }, vec![(5, 40)], vec![best]),
        ("complete", COMPLETE, vec![(5, 4)], few_gaps.to_vec()),
        ("one answer missing", Shape { left_out: 1, ..COMPLETE }, vec![(5, 4)], few_gaps.to_vec()),
        ("0.1 % missing", missing(4), vec![(5, 4)], few_gaps.to_vec()),
        ("1 % missing", missing(40), vec![(5, 8)], few_gaps.to_vec()),
        ("2 % missing", missing(80), vec![(5, 8)], few_gaps.to_vec()),
        ("5 % missing", missing(200), vec![(5, 40)], few_gaps.to_vec()),
        ("1..5, 2 % missing", Shape { levels: 5, ..missing(80) }, vec![(5, 40)], few_gaps.to_vec()),
    ];
    for (class, shape, sizes, names) in cases {
        let rows = exam::answers(shape);
        let index = exam::index(&rows, shape.float);
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
                let id = BenchmarkId::new(format!("{class}, {}", instructions.name()), format!("k = {k}"));
                let plan = || exam::plan(&index, &request);
                let check = |best: &_| exam::check(&rows, best, shape.float);
                let best = exam::bench(&mut group, id, [of / 2, of], plan, check, |subsets| subsets);
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
