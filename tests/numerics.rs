//! Floats against exact rational arithmetic: a double is a fraction, so the definition can be
//! computed without rounding anything but the final root. Those that stand for decimals, which
//! are no floats to the sweep, are in `decimals`.

use datafusion_k_corrset::sweep::{SweepRequest, Undefined};
use num_rational::BigRational;
use num_traits::{Signed, ToPrimitive, Zero};
use std::collections::BTreeMap;

use crate::support::cases;
use crate::support::drive::{by_name, index, sweep};
use crate::support::exam::{Answers, float_batch};
use crate::support::random::Random;

/// The largest error of an r, relative to it or, where it is near 0, to this near.
const RELATIVE: f64 = 1e-12;

/// Below this an r is near 0: what remains of sums of both signs has lost digits, whatever the
/// algorithm. The allowance there, 5e-13, is what the sweep's bound comes to: a and b each right
/// to 2⁻⁴² of the least deviation that is trusted, which moves r by at most 2⁻⁴¹.
const NEAR_ZERO: f64 = 0.5;

/// r by the definition.
fn exact(pairs: &[(BigRational, BigRational)]) -> Option<f64> {
    let n = BigRational::from_integer(pairs.len().into());
    let sum = |of: &dyn Fn(&(BigRational, BigRational)) -> BigRational| {
        pairs.iter().map(of).fold(BigRational::zero(), |sum, term| sum + term)
    };
    let (a, b) = (sum(&|pair| pair.0.clone()), sum(&|pair| pair.1.clone()));
    let covariance = &n * sum(&|pair| &pair.0 * &pair.1) - &a * &b;
    let of_a = &n * sum(&|pair| &pair.0 * &pair.0) - &a * &a;
    let of_b = &n * sum(&|pair| &pair.1 * &pair.1) - &b * &b;
    if of_a.is_zero() || of_b.is_zero() {
        return None;
    }
    let square = &covariance * &covariance / (of_a * of_b);
    let size = square.to_f64()?.sqrt();
    Some(if covariance.is_negative() { -size } else { size })
}

/// Every subset of k questions by the definition.
fn defined(rows: &Answers<f64>, k: usize, corrected: bool) -> BTreeMap<Vec<String>, Option<f64>> {
    let mut users: BTreeMap<&str, BTreeMap<&str, BigRational>> = BTreeMap::new();
    for (user, question, score) in rows {
        users.entry(user).or_default().insert(question, BigRational::from_float(*score).unwrap());
    }
    let mut questions: Vec<&str> = rows.iter().map(|row| row.1.as_str()).collect();
    questions.sort_unstable();
    questions.dedup();
    let mut subsets = vec![Vec::new()];
    for question in questions {
        let longer: Vec<Vec<&str>> =
            subsets.iter().map(|subset| subset.iter().copied().chain([question]).collect()).collect();
        subsets.extend(longer);
    }
    let mut answers = BTreeMap::new();
    for subset in subsets.into_iter().filter(|subset| subset.len() == k) {
        let mut pairs = Vec::new();
        for scores in users.values() {
            let on_subset: Option<Vec<&BigRational>> =
                subset.iter().map(|&question| scores.get(question)).collect();
            if let Some(on_subset) = on_subset {
                let a: BigRational =
                    on_subset.into_iter().fold(BigRational::zero(), |sum, score| sum + score);
                let total: BigRational = scores.values().fold(BigRational::zero(), |sum, score| sum + score);
                let b = if corrected { total - &a } else { total };
                pairs.push((a, b));
            }
        }
        answers.insert(subset.into_iter().map(String::from).collect(), exact(&pairs));
    }
    answers
}

/// How scores are drawn.
type Draw = fn(&mut Random, usize) -> f64;

/// Data that has eaten digits of somebody's correlation before, each by its name.
const DRAWS: [(&str, Draw); 10] = [
    ("shares", |random, _| random.share()),
    ("points with halves", |random, _| random.below(21) as f64 / 2.0),
    ("points of 1/4096", |random, _| random.below(21) as f64 / 4096.0),
    ("a huge offset", |random, _| 1e9 + random.share()),
    ("an offset for each question", |random, question| 1e6 * (question as f64 - 3.0) + random.share()),
    ("questions of different size", |random, question| random.share() * 10f64.powi(question as i32 * 3 - 9)),
    ("a tiny spread", |random, _| 1.0 + random.share() * 1e-9),
    ("a few outliers", |random, _| if random.below(20) == 0 { 1e7 * random.share() } else { random.share() }),
    ("near the largest doubles", |random, _| (random.share() - 0.5) * 1e307),
    ("subnormal numbers", |random, _| f64::from_bits(random.below(1 << 30) as u64)),
];

#[test]
fn floats_are_right_to_twelve_digits() {
    let (mut compared, mut floats) = (0, 0);
    for case in 0..cases(30) {
        for (name, draw) in DRAWS {
            let mut random = Random::new(u64::from(case) * 31 + name.len() as u64);
            let users = 3 + random.below(40);
            // Every third table has no gaps, and moments are looked up.
            let density = if case % 3 == 0 { 1.0 } else { 0.4 + random.share() * 0.6 };
            let mut rows: Answers<f64> = Vec::new();
            for user in 0..users {
                // What makes r differ from 0: some users are better than others.
                let ability = random.share();
                for question in 0..5 {
                    if random.share() < density {
                        let luck = draw(&mut random, question);
                        let ease = draw(&mut random, question);
                        let score = if random.share() < ability { luck.max(ease) } else { luck.min(ease) };
                        rows.push((format!("u{user:02}"), format!("q{question}"), score));
                    }
                }
            }
            if rows.is_empty() {
                continue;
            }
            let index = index(&[float_batch(&rows)]);
            floats += usize::from(index.answers().score_class() == "float");
            for k in 1..=4 {
                let corrected = random.below(2) == 1;
                let request =
                    SweepRequest { k, corrected, undefined: Undefined::Null, ..SweepRequest::default() };
                let found = by_name(&index, &sweep(&index, &request, 1, 64));
                let expected = defined(&rows, k, corrected);
                assert_eq!(found.len(), expected.len());
                for (subset, (r, _)) in found {
                    let expected = expected[&subset];
                    if let Some(r) = r {
                        assert!((-1.0..=1.0).contains(&r), "{name}: {subset:?} has r = {r}");
                    }
                    let told =
                        format!("{name}, case {case}: {subset:?} of {users}: {r:?} is not {expected:?}");
                    match (r, expected) {
                        (Some(r), Some(expected)) => {
                            let allowed = RELATIVE * expected.abs().max(NEAR_ZERO);
                            assert!((r - expected).abs() <= allowed, "{told}");
                            compared += 1;
                        }
                        (None, None) => {}
                        // Less than what rounding the sums of the input may make is no spread.
                        (r, expected) => panic!("{told}: {} {}", r.is_some(), expected.is_some()),
                    }
                }
            }
        }
    }
    assert!(compared > 1000, "{compared}");
    assert!(floats > 8 * cases(30) as usize, "{floats}");
}
