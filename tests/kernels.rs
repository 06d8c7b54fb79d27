//! Every kernel against the definition and against each other, on shapes that a
//! shrinking generator does not reach: several strips of lanes, long lists of users,
//! sums at the edge of what a lane holds.

use std::sync::Arc;

use datafusion_k_corrset::index::AnswerIndex;
use datafusion_k_corrset::sweep::{Bounds, Instructions, Row, SweepPlan, SweepRequest, Undefined};

use crate::support::drive::{bits, by_name, index, sweep};
use crate::support::exam::{Answers, defined, float_batch, integer_batch, small_floats, table};
use crate::support::oracle;
use crate::support::random::Random;

/// How near the r of floats must be.
const RELATIVE: f64 = 1e-12;

/// Sets with their r and n, compared bit for bit.
type Bits = Vec<(Vec<String>, Option<u64>, i64)>;

fn request(k: usize, corrected: bool) -> SweepRequest {
    SweepRequest { k, corrected, undefined: Undefined::Null, ..SweepRequest::default() }
}

/// The bits that all instruction sets agree on.
fn agreed(index: &AnswerIndex, request: &SweepRequest) -> Bits {
    let of = |instructions| {
        let request = SweepRequest { instructions: Some(instructions), ..request.clone() };
        bits(&by_name(index, &sweep(index, &request, 2, 1000)))
    };
    let sets = Instructions::available();
    let last = of(*sets.last().unwrap());
    for instructions in sets {
        let found = of(instructions);
        assert_eq!(found.len(), last.len(), "{}", instructions.name());
        for (found, expected) in found.iter().zip(&last) {
            assert_eq!(found, expected, "{}", instructions.name());
        }
    }
    last
}

fn check(rows: &Answers<i64>, k: usize) {
    let index = index(&[integer_batch(rows)]);
    for corrected in [false, true] {
        let request = request(k, corrected);
        let (found, expected) = (agreed(&index, &request), bits(&defined(rows, &request)));
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "corrected: {corrected}");
        }
    }
}

/// Floats that are integers in units too small for decimals: r and n are those of the integers.
fn check_floats(rows: &Answers<i64>, k: usize) {
    let index = index(&[float_batch(&small_floats(rows))]);
    assert_eq!(index.answers().score_class(), "float");
    for corrected in [false, true] {
        let request = request(k, corrected);
        let (found, expected) = (agreed(&index, &request), bits(&defined(rows, &request)));
        assert_eq!(found.len(), expected.len());
        for ((subset, found, n), (expected, r, users)) in found.iter().zip(&expected) {
            assert_eq!((subset, n), (expected, users));
            assert_eq!(found.is_some(), r.is_some(), "{subset:?}");
            if let (Some(found), Some(r)) = (found.map(f64::from_bits), r.map(f64::from_bits)) {
                assert!((found - r).abs() <= RELATIVE, "{subset:?}: {found}, not {r}");
            }
        }
    }
}

#[test]
fn several_strips_of_lanes() {
    for (users, questions, density, k) in [(300, 40, 0.4, 3), (900, 70, 0.1, 2), (150, 34, 0.7, 4)] {
        check(&table(users, questions, density, |_, _, random| (random % 2) as i64), k);
    }
}

#[test]
fn bytes_and_wider_integers_in_several_strips() {
    for most in [7, 255, 256, 1 << 20, 1 << 40] {
        check(&table(200, 40, 0.5, |_, _, random| (random % (most + 1)) as i64), 3);
    }
}

#[test]
fn few_answers_of_many_possible_ones() {
    for most in [1, 9, 1 << 40] {
        check(&table(2_500, 40, 0.06, |_, _, random| (random % (most + 1)) as i64), 3);
    }
}

#[test]
fn more_questions_than_two_words() {
    // Some questions have a score only, of which floats have to be sure.
    for density in [0.1, 1.0] {
        for most in [1, 9, 1 << 20] {
            let rows = table(30, 130, density, |_, question, random| match question % 9 {
                4 => 1,
                _ => (random % (most + 1)) as i64,
            });
            check(&rows, 2);
            check_floats(&rows, 2);
        }
    }
    // Scores are kept in rows for three questions or more.
    for most in [9, 1 << 20] {
        let rows = table(16, 66, 0.5, |_, question, random| match question % 9 {
            0 => (random % (most + 1)) as i64,
            _ => 1,
        });
        check(&rows, 3);
        check_floats(&rows, 3);
    }
}

#[test]
fn lists_of_more_users_than_fit_a_byte_or_a_word() {
    check(&table(66_000, 4, 1.0, |user, question, _| ((user >> question) & 1) as i64), 2);
    check(&table(66_000, 4, 1.0, |user, question, _| ((user >> question) & 1) as i64), 3);
    check(
        &table(2_000, 5, 1.0, |user, question, random| ((user ^ question) as u64 + random % 9) as i64 % 200),
        3,
    );
}

#[test]
fn grand_totals_at_both_extremes() {
    // |b| is 32, the most that lanes of 16 bits hold, and then more.
    for questions in [64, 65, 68] {
        check(&table(700, questions, 1.0, |user, _, _| (user % 2) as i64), 2);
        check(
            &table(700, questions, 1.0, |user, question, _| i64::from(user % 2 == 0 || question % 9 == 0)),
            2,
        );
    }
    // Many runs, each with almost the largest Σb² that a run may have.
    check(&table(3_000, 11, 1.0, |user, _, _| (user % 2) as i64), 3);
    // Every score the largest or the least, of users who are just too many for 32 bits.
    check(&table(250, 36, 0.99, |user, _, _| (user % 2) as i64 * 254 + i64::from(user == 7)), 3);
    check(&table(400, 36, 1.0, |user, _, _| (user % 2) as i64 * 255), 3);
    check(
        &table(400, 36, 1.0, |user, question, _| ((user + question) % 2) as i64 * 255 + (user == 7) as i64),
        3,
    );
}

#[test]
fn lanes_of_16_bits_that_do_not_suffice_are_summed_again() {
    // Few users of large |b| among many of small: Σb² of a run passes 2¹¹ in some lanes.
    check(&table(1_000, 40, 0.5, |user, _, random| i64::from(user % 5 == 0 || random % 7 == 0)), 3);
    // Who is at either end answered the same ten questions, so that theirs is almost all of
    // Σb² there: 46,000 in one group, more than 16 bits hold, where a run of users with the
    // mean b² would have 1,000.
    let one_in_five = |user: usize| user.is_multiple_of(5);
    let score = |user: usize, _, random: u64| {
        let bit = if one_in_five(user) { user as u64 / 5 } else { random };
        (bit % 2) as i64
    };
    let mut rows = table(4_000, 25, 1.0, score);
    let mut random = Random::new(1);
    rows.retain(|(user, question, _)| {
        let (user, question): (usize, usize) = (user[1..].parse().unwrap(), question[1..].parse().unwrap());
        let share = match (one_in_five(user), question < 10) {
            (true, true) => 1.0,
            (false, true) => 0.1,
            _ => 0.5,
        };
        random.share() < share
    });
    check(&rows, 3);
}

#[test]
fn lanes_of_16_bits_that_are_too_narrow_all_alike() {
    // Who is at either end answered the same 18 questions and nobody else any of them: in
    // each of their lanes Σb² of a run is 63 · 81, more than 2¹², and the bit of 2¹¹ is clear.
    let rows = |user: usize| -> Vec<(usize, i64)> {
        match user {
            0..126 => (0..18).map(|question| (question, 1)).collect(),
            126..252 => (0..18).map(|question| (question, 0)).collect(),
            _ => (18..36).map(|question| (question, ((user + question) % 2) as i64)).collect(),
        }
    };
    let named = |(user, (question, score))| (format!("u{user:06}"), format!("q{question:03}"), score);
    let all = (0..2_000).flat_map(|user| rows(user).into_iter().map(move |row| (user, row)));
    check(&all.map(named).collect(), 3);
}

#[test]
fn scores_of_0_and_1_of_too_many_questions_for_any_lanes() {
    // Three questions that are looked at, and many that make grand totals large. For the
    // definition these are one question, of which a score is the sum.
    let (mut rows, mut condensed) = (Vec::new(), Vec::new());
    let mut random = Random::new(0);
    for user in 0..40 {
        let name = format!("u{user:02}");
        for question in 0..3 {
            let score = (random.next() >> 20) as i64 % 2;
            rows.push((name.clone(), format!("a{question}"), score));
            condensed.push((name.clone(), format!("a{question}"), score));
        }
        let others = [0, 5, 700, 18_000][user % 4];
        rows.extend((0..others).map(|question| (name.clone(), format!("b{question:05}"), 1)));
        condensed.push((name, String::from("b"), others));
    }
    let index = index(&[integer_batch(&rows)]);
    let first = ["a0", "a1", "a2"].map(String::from);
    let wanted = |subset: &Vec<String>| subset.iter().all(|question| first.contains(question));
    for corrected in [false, true] {
        let request = SweepRequest { include: vec![0], ..request(2, corrected) };
        let mut found = agreed(&index, &request);
        found.retain(|(subset, ..)| wanted(subset));
        let mut expected = bits(&defined(&condensed, &request));
        expected.retain(|(subset, ..)| wanted(subset) && subset[0] == "a0");
        assert_eq!((found.len(), found), (2, expected));
    }
}

#[test]
fn data_without_gaps() {
    for (users, questions, most, k) in [(500, 40, 1, 3), (60, 70, 1, 2), (300, 36, 9, 3), (100, 34, 255, 1)] {
        check(&table(users, questions, 1.0, |_, _, random| (random % (most + 1)) as i64), k);
    }
    // No variance in some questions, and none in the grand totals.
    check(
        &table(50, 12, 1.0, |user, question, _| i64::from(question % 3 > 0 && user % 2 == question % 2)),
        3,
    );
    check(&table(50, 8, 1.0, |user, question, _| i64::from(user % 2 == question % 2)), 3);
    // One user too many for exact doubles.
    check(&table(90, 33, 1.0, |_, _, random| (random % (1 << 24)) as i64), 2);
}

#[test]
fn few_gaps() {
    for (users, questions, most, missing, k) in
        [(700, 34, 1, 0.005, 3), (600, 18, 1, 0.02, 4), (600, 18, 15, 0.01, 4)]
    {
        // Some users miss one thing, some most, and some questions are missed by few.
        let careless = |user: usize| user.is_multiple_of(100);
        let mut random = Random::new(2);
        let mut rows = table(users, questions, 1.0, |_, _, random| (random % (most + 1)) as i64);
        rows.retain(|(user, question, _)| {
            let (user, question): (usize, usize) =
                (user[1..].parse().unwrap(), question[1..].parse().unwrap());
            random.share() >= if careless(user) { 0.5 } else { missing * (question % 3) as f64 }
        });
        let index = index(&[integer_batch(&rows)]);
        let plan = SweepPlan::try_new(Arc::clone(index.answers()), &request(k, false)).unwrap();
        assert_eq!(plan.kernel(), "few gaps", "{users} × {questions}, {most}, {missing}");
        check(&rows, k);
    }
}

#[test]
fn floats_have_the_same_bits_with_every_instruction_set() {
    for (users, questions, density, k) in [(300, 40, 0.4, 3), (200, 70, 0.2, 2), (2_000, 12, 1.0, 3)] {
        let exact = table(users, questions, density, |_, _, random| (random % 1000) as i64);
        let floats: Answers<f64> = exact.into_iter().map(|(u, q, s)| (u, q, s as f64 / 7.0)).collect();
        let index = index(&[float_batch(&floats)]);
        assert_eq!(index.answers().score_class(), "float");
        for corrected in [false, true] {
            agreed(&index, &request(k, corrected));
        }
    }
}

#[test]
fn a_floor_changes_nothing_but_what_is_left_out() {
    let rows = table(800, 45, 0.3, |_, _, random| (random % 2) as i64);
    let index = index(&[integer_batch(&rows)]);
    for instructions in Instructions::available() {
        let request = SweepRequest { k: 3, instructions: Some(instructions), ..SweepRequest::default() };
        let all = oracle::top(sweep(&index, &request, 1, usize::MAX), 25);
        let top = sweep(&index, &SweepRequest { top: Some(25), ..request }, 3, 100);
        assert_eq!(top, all, "{}", instructions.name());
    }
}

#[test]
fn bounds_change_nothing_but_what_is_left_out() {
    let modulus = |modulus| move |_, _, random| (random % modulus) as i64;
    // Grand totals near both ends, with which lanes of 16 bits are too narrow.
    let spread = |user: usize, _, random: u64| (user as i64 + i64::from(random.is_multiple_of(8))) % 2;
    let floats = table(800, 45, 0.3, modulus(2)).into_iter().map(|(u, q, s)| (u, q, s as f64 / 3.0));
    let tables = [
        ("binary", integer_batch(&table(800, 45, 0.3, modulus(2)))),
        ("32-bit lanes", integer_batch(&table(200, 45, 0.95, spread))),
        ("bytes", integer_batch(&table(800, 45, 0.3, modulus(50)))),
        ("wider", integer_batch(&table(800, 45, 0.3, modulus(1 << 40)))),
        ("complete", integer_batch(&table(60, 45, 1.0, modulus(9)))),
        ("few gaps", integer_batch(&table(600, 45, 0.99, modulus(9)))),
        ("floats", float_batch(&floats.collect::<Vec<_>>())),
    ];
    let r = |r| Bounds { r, ..Bounds::DEFINED };
    for (name, batch) in tables {
        let index = index(&[batch]);
        for corrected in [false, true] {
            let all = sweep(&index, &request(3, corrected), 1, usize::MAX);
            let mut sorted: Vec<f64> = all.iter().filter_map(|row| row.r).collect();
            sorted.sort_by(f64::total_cmp);
            // A thousandth at either end, and the exact value of a subset as a bound.
            let (low, high) = (sorted[sorted.len() / 1000], sorted[sorted.len() - sorted.len() / 1000]);
            let middle = sorted[sorted.len() / 2];
            let bounds = [
                r([high, f64::INFINITY]),
                r([f64::NEG_INFINITY, low]),
                r([middle, high]),
                r([low, -0.0]),
                Bounds { n: [20, 25], ..r([middle, f64::INFINITY]) },
                Bounds { undefined: true, ..r([high, f64::INFINITY]) },
                Bounds::UNDEFINED,
            ];
            for wanted in bounds {
                let within = |row: &&Row| oracle::within(&wanted, row.r, row.n);
                let expected: Vec<&Row> = all.iter().filter(within).collect();
                for instructions in Instructions::available() {
                    let request = SweepRequest {
                        bounds: wanted,
                        instructions: Some(instructions),
                        ..request(3, corrected)
                    };
                    let found = sweep(&index, &request, 1, usize::MAX);
                    let told = format!("{name}, {}, corrected: {corrected}, {wanted:?}", instructions.name());
                    assert_eq!(found.len(), expected.len(), "{told}");
                    assert!(found.iter().eq(expected.iter().copied()), "{told}");
                }
            }
        }
    }
}
