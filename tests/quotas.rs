//! Quotas of the sweep: what is left of all sets.

use datafusion_k_corrset::sweep::{Quota, Row, SweepRequest};

use crate::support::cases;
use crate::support::drive::{index, sweep};
use crate::support::exam::integer_batch;
use crate::support::oracle::meets;
use crate::support::random::Random;

#[test]
fn the_sets_are_those_of_all_that_meet_them() {
    for seed in 0..u64::from(cases(100)) {
        let mut random = Random::new(seed);
        // Some of these are answered by everybody, some have gaps; and there are two strips of lanes.
        let questions = 5 + random.below(45);
        let gaps = random.below(2) * 10;
        let mut rows = Vec::new();
        for user in 0..20 {
            for question in 0..questions {
                if random.below(100) >= gaps {
                    rows.push((format!("u{user}"), format!("q{question:02}"), random.below(3) as i64));
                }
            }
        }
        let index = index(&[integer_batch(&rows)]);
        let k = 1 + random.below(if questions > 15 { 3 } else { 5 });
        let mut some = |most: usize| -> Vec<u32> {
            let number = random.below(most);
            (0..number).map(|_| random.below(index.questions().len()) as u32).collect()
        };
        let (include, exclude, any) = (some(2), some(3), some(3));
        let lists = [some(30), some(30)];
        let quotas: Vec<Quota> = lists
            .into_iter()
            .map(|questions| {
                let least = random.below(3);
                Quota { questions, least, most: least + random.below(3) }
            })
            .collect();
        let request = SweepRequest { k, include, exclude, any, ..SweepRequest::default() };
        let mut all = sweep(&index, &request, 1, 1000);
        all.retain(|row| meets(&quotas, |id| row.questions.contains(&id)));
        let shares = 1 + random.below(3);
        let found = sweep(&index, &SweepRequest { quotas, ..request }, shares, 1 + random.below(100));
        let sorted = |mut rows: Vec<Row>| {
            rows.sort_by(|x, y| x.questions.cmp(&y.questions));
            rows
        };
        assert_eq!(sorted(found), sorted(all), "seed {seed}");
    }
}
