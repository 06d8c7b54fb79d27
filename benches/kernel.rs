//! The innermost loops, for cohorts of one size: time for each subset and user of a
//! prefix, whether or not they answered the last question.
//!
//! Nine of ten users answered a question, so a prefix of two leaves four fifths of them.
//! `cargo bench --features cli --bench kernel`

mod exam;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use datafusion_k_corrset::sweep::{Instructions, SweepRequest};
use exam::Shape;

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernel");
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1)).sample_size(10);
    // A set of three is the least that all kernels sum in strips of lanes.
    for (class, levels, float) in [("binary", 2, false), ("0..255", 256, false), ("float", 1000, true)] {
        for users in [20, 200, 2_000] {
            let shape =
                Shape { users, questions: 66, answers: users as usize * 9 / 10, levels, float, left_out: 0 };
            let rows = exam::answers(shape);
            let index = exam::index(&rows, float);
            let mut bests = Vec::new();
            for instructions in Instructions::available() {
                let request = SweepRequest {
                    k: 3,
                    top: Some(1),
                    instructions: Some(instructions),
                    ..SweepRequest::default()
                };
                let id =
                    BenchmarkId::new(format!("{class}, {}", instructions.name()), format!("{users} users"));
                let plan = || exam::plan(&index, &request);
                let check = |best: &_| exam::check(&rows, best, float);
                let additions = |subsets| subsets * u64::from(users) * 81 / 100;
                let best = exam::bench(&mut group, id, [0, 1], plan, check, additions);
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
