//! What must hold for every table: the definition, and the laws that follow from it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use datafusion_k_corrset::sweep::naive;
use datafusion_k_corrset::sweep::{
    Bounds, Budget, Columns, Instructions, Quota, RowBuffer, SweepPlan, SweepRequest, Undefined,
};
use proptest::prelude::*;

use crate::support::config;
use crate::support::drive::{Named, bits, by_name, index, sweep};
use crate::support::exam::{
    Answers, answers, any_table, defined, float_batch, integer_batch, names_of, small_floats, table,
};
use crate::support::oracle;
use crate::support::random::Random;

/// Mostly everything; else bounds that small tables have something on either side of.
fn any_wanted() -> impl Strategy<Value = Bounds> {
    let r = || prop_oneof![-1.0..1.0, Just(-1.0), Just(0.0), Just(0.5), Just(1.0)];
    let some = (r(), r(), any::<bool>(), 0i64..20, 0i64..40);
    prop_oneof![
        2 => Just(Bounds::ALL),
        1 => some.clone().prop_map(|(floor, _, undefined, least, _)| {
            Bounds { r: [floor, f64::INFINITY], undefined, n: [least, i64::MAX], ..Bounds::ALL }
        }),
        1 => some.clone().prop_map(|(_, ceiling, undefined, _, most)| {
            Bounds { r: [f64::NEG_INFINITY, ceiling], undefined, n: [i64::MIN, most], ..Bounds::ALL }
        }),
        1 => some.prop_map(|(x, y, undefined, least, most)| {
            Bounds { r: [x.min(y), x.max(y)], undefined, n: [least, most], ..Bounds::ALL }
        }),
    ]
}

fn any_request() -> impl Strategy<Value = SweepRequest> {
    let ids = || proptest::collection::vec(0u32..8, 0..3);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let instructions = proptest::option::of(proptest::sample::select(Instructions::available()));
    let quota = (proptest::collection::vec(0u32..8, 0..6), 0usize..3, 0usize..3)
        .prop_map(|(questions, least, more)| Quota { questions, least, most: least + more });
    let quotas = prop_oneof![2 => Just(Vec::new()), 1 => proptest::collection::vec(quota, 1..3)];
    let questions = (ids(), ids(), ids(), quotas);
    (1usize..7, questions, proptest::option::of(0i64..12), flags, any_wanted(), instructions).prop_map(
        |(
            k,
            (include, exclude, any, quotas),
            min_users,
            (corrected, null, tightened, in_turn),
            bounds,
            instructions,
        )| {
            SweepRequest {
                k,
                include,
                exclude,
                any,
                quotas,
                given: None,
                min_users,
                top: None,
                corrected,
                undefined: if null { Undefined::Null } else { Undefined::Omit },
                bounds,
                tightened,
                instructions,
                in_turn,
            }
        },
    )
}

/// A request that fits the number of questions: no id too large, none in and out.
fn fit(mut request: SweepRequest, questions: usize) -> SweepRequest {
    request.include.retain(|&id| (id as usize) < questions);
    let include = request.include.clone();
    request.exclude.retain(|id| (*id as usize) < questions && !include.contains(id));
    request.any.retain(|&id| (id as usize) < questions);
    request.quotas.iter_mut().for_each(|quota| quota.questions.retain(|&id| (id as usize) < questions));
    request
}

proptest! {
    #![proptest_config(config(1500))]

    #[test]
    fn the_sweep_is_the_definition(
        rows in any_table(), request in any_request(), shares in 1usize..5, pause in 1usize..80,
    ) {
        let request = fit(request, names_of(&rows).len());
        let index = index(&[integer_batch(&rows)]);
        let found = by_name(&index, &sweep(&index, &request, shares, pause));
        prop_assert_eq!(bits(&found), bits(&defined(&rows, &request)));
    }

    #[test]
    fn top_is_the_head_of_the_sorted_rows(
        rows in any_table(), request in any_request(), top in 0usize..40, shares in 1usize..5,
    ) {
        let index = index(&[integer_batch(&rows)]);
        let mut request = fit(request, index.answers().questions());
        let all = oracle::top(sweep(&index, &request, 1, usize::MAX), top);
        request.top = Some(top);
        prop_assert_eq!(sweep(&index, &request, shares, 100), all);
    }
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn the_order_and_the_batches_of_the_rows_change_no_bit(
        (rows, shuffled) in any_table().prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
        size in 1usize..50, k in 1usize..5,
    ) {
        let request = SweepRequest { k, undefined: Undefined::Null, ..SweepRequest::default() };
        let whole = index(&[integer_batch(&rows)]);
        let batches: Vec<_> = shuffled.chunks(size).map(integer_batch).collect();
        let pieces = index(&batches);
        let (whole, pieces) = (by_name(&whole, &sweep(&whole, &request, 1, 64)), by_name(&pieces, &sweep(&pieces, &request, 3, 64)));
        prop_assert_eq!(bits(&whole), bits(&pieces));
    }

    #[test]
    fn names_of_users_and_questions_change_no_bit(rows in any_table(), k in 1usize..5) {
        let request = SweepRequest { k, undefined: Undefined::Null, ..SweepRequest::default() };
        // The order of both kinds of names is turned round.
        let turned = |name: &str| format!("x{}", 999 - name[1..].parse::<u32>().unwrap());
        let renamed: Answers<i64> =
            rows.iter().map(|(user, question, score)| (turned(user), turned(question), *score)).collect();
        let (before, after) = (index(&[integer_batch(&rows)]), index(&[integer_batch(&renamed)]));
        let before: Named = by_name(&before, &sweep(&before, &request, 2, 64)).into_iter()
            .map(|(subset, answer)| {
                let mut subset: Vec<String> = subset.iter().map(|name| turned(name)).collect();
                subset.sort();
                (subset, answer)
            })
            .collect();
        let after = by_name(&after, &sweep(&after, &request, 1, 64));
        prop_assert_eq!(bits(&before), bits(&after));
    }

    #[test]
    fn the_scale_of_the_scores_changes_no_bit(
        rows in answers(1..30, 1..7, 0..5i64).prop_filter("some", |rows| !rows.is_empty()),
        factor in prop_oneof![Just(-1i64), 2..1000i64, Just(1 << 40)], k in 1usize..4,
    ) {
        let request = SweepRequest { k, ..SweepRequest::default() };
        let scaled: Answers<i64> =
            rows.iter().map(|(user, question, score)| (user.clone(), question.clone(), score * factor)).collect();
        let (before, after) = (index(&[integer_batch(&rows)]), index(&[integer_batch(&scaled)]));
        prop_assert_eq!(
            bits(&by_name(&before, &sweep(&before, &request, 1, 64))),
            bits(&by_name(&after, &sweep(&after, &request, 1, 64)))
        );
    }

    #[test]
    fn a_larger_set_has_no_more_users(rows in any_table(), k in 1usize..4) {
        let index = index(&[integer_batch(&rows)]);
        let of_size = |k| {
            let request = SweepRequest { k, undefined: Undefined::Null, ..SweepRequest::default() };
            by_name(&index, &sweep(&index, &request, 1, 64))
        };
        let (smaller, larger) = (of_size(k), of_size(k + 1));
        for (subset, (_, n)) in &larger {
            for left_out in 0..subset.len() {
                let mut part = subset.clone();
                part.remove(left_out);
                prop_assert!(smaller[&part].1 >= *n);
            }
        }
    }

    #[test]
    fn one_more_user_never_shrinks_n(rows in any_table(), k in 1usize..4) {
        let request = SweepRequest { k, undefined: Undefined::Null, ..SweepRequest::default() };
        let mut more = rows.clone();
        more.extend(names_of(&rows).into_iter().step_by(2).map(|question| ("another".to_string(), question, 1)));
        let (before, after) = (index(&[integer_batch(&rows)]), index(&[integer_batch(&more)]));
        let before = by_name(&before, &sweep(&before, &request, 1, 64));
        let after = by_name(&after, &sweep(&after, &request, 1, 64));
        for (subset, (_, n)) in &before {
            prop_assert!(after[subset].1 >= *n);
        }
    }

    #[test]
    fn floats_agree_with_integers(
        rows in answers(1..40, 1..8, -2000..2000i64).prop_filter("some", |rows| !rows.is_empty()),
        request in any_request(), offset in prop_oneof![Just(0i64), Just(1_000_000_000)],
    ) {
        // The offset moves grand totals by how many questions a user answered, so it is part
        // of the integers too.
        let shifted: Answers<i64> = rows.iter()
            .map(|(user, question, score)| (user.clone(), question.clone(), score + offset * 1024)).collect();
        let (exact, float) =
            (index(&[integer_batch(&shifted)]), index(&[float_batch(&small_floats(&shifted))]));
        prop_assert!(!float.floats_as_decimals() || rows.iter().all(|row| row.2 == 0));
        // An r on a bound may be on either side of it in floats.
        let request = SweepRequest { bounds: Bounds::ALL, ..fit(request, exact.answers().questions()) };
        let exact = by_name(&exact, &sweep(&exact, &request, 1, 64));
        let float = by_name(&float, &sweep(&float, &request, 2, 64));
        prop_assert_eq!(exact.keys().collect::<Vec<_>>(), float.keys().collect::<Vec<_>>());
        for (subset, (r, n)) in &exact {
            let (float_r, float_n) = float[subset];
            prop_assert_eq!(*n, float_n);
            prop_assert_eq!(r.is_some(), float_r.is_some(), "{:?}: {:?} {:?}", subset, r, float_r);
            if let (Some(r), Some(float_r)) = (r, float_r) {
                prop_assert!((r - float_r).abs() < 1e-11, "{:?}: {} {}", subset, r, float_r);
            }
        }
    }
}

#[test]
fn grand_totals_of_different_length_keep_their_small_digits() {
    // Some answered three questions and some eight: grand totals of 3e9 and of 8e9,
    // and what tells users apart is behind the ninth digit of both.
    let mix = |x: i64| (x * 7919 + 104_729) % 1009;
    let mut rows = Vec::new();
    for user in 0..40i64 {
        let questions = if user % 2 == 0 { 0..3 } else { 3..11 };
        for question in questions {
            rows.push((format!("u{user:02}"), format!("q{question:02}"), mix(user * 31 + question * user)));
        }
    }
    let shifted = |(user, question, score): &(String, String, i64)| {
        (user.clone(), question.clone(), score + 1_000_000_000 * 1024)
    };
    let exact: Answers<i64> = rows.iter().map(shifted).collect();
    let float = index(&[float_batch(&small_floats(&exact))]);
    let exact = index(&[integer_batch(&exact)]);
    assert_eq!(float.answers().score_class(), "float");
    let request = SweepRequest { k: 2, ..SweepRequest::default() };
    let (exact, float) = (sweep(&exact, &request, 1, 64), sweep(&float, &request, 1, 64));
    assert_eq!(exact.len(), 3 + 28);
    for (exact, float) in exact.iter().zip(&float) {
        assert_eq!((&exact.questions, exact.n), (&float.questions, float.n));
        let (exact, float) = (exact.r.unwrap(), float.r.unwrap());
        assert!((exact - float).abs() < 1e-12, "{exact} {float}");
    }
}

#[test]
fn fixing_a_question_changes_no_bit_of_floats() {
    let mut random = Random::new(7);
    // Of full length and of different size, where questions weigh differently.
    let mut rows = Vec::new();
    for user in 0..60 {
        for question in 0..9 {
            if random.below(10) < 7 {
                let weight = 10f64.powi(question % 4);
                let score = (random.share() + random.share() - random.share()) * weight;
                rows.push((format!("u{user:02}"), format!("q{question}"), score));
            }
        }
    }
    let index = index(&[float_batch(&rows)]);
    for (k, corrected) in [(2, false), (3, false), (4, true), (5, false), (6, true)] {
        let request = SweepRequest { k, corrected, ..SweepRequest::default() };
        let all = by_name(&index, &sweep(&index, &request, 1, 64));
        for include in [vec![0], vec![7], vec![3, 5], vec![8, 1]] {
            let request = SweepRequest { include, ..request.clone() };
            let some = by_name(&index, &sweep(&index, &request, 1, 64));
            assert!(!some.is_empty());
            for (subset, (r, n)) in some {
                let (all_r, all_n) = all[&subset];
                assert_eq!((r.map(f64::to_bits), n), (all_r.map(f64::to_bits), all_n), "{subset:?}");
            }
        }
    }
}

/// Some answers, half of them right.
fn exam(users: usize, questions: usize, density: f64) -> Answers<i64> {
    table(users, questions, density, |_, _, random| (random % 2) as i64)
}

#[test]
fn more_questions_than_a_word_holds_bits() {
    for (users, questions) in [(300, 63), (300, 64), (300, 65), (900, 150)] {
        let rows = exam(users, questions, 0.12);
        let index = index(&[integer_batch(&rows)]);
        for k in 1..=2 {
            let request = SweepRequest { k, undefined: Undefined::Null, ..SweepRequest::default() };
            let found = by_name(&index, &sweep(&index, &request, 2, 1000));
            assert_eq!(bits(&found), bits(&defined(&rows, &request)), "{questions} questions, k = {k}");
        }
    }
}

#[test]
fn more_users_than_a_narrow_lane_counts() {
    // Everybody answers everything: lists of 70,000 users, grand totals at both ends.
    let mut rows = Vec::new();
    for user in 0..70_000u64 {
        for question in 0..3u64 {
            let score = if user % 3 == 0 { 0 } else { i64::from(user % 7 != question) };
            rows.push((format!("u{user:05}"), format!("q{question}"), score));
        }
    }
    let index = index(&[integer_batch(&rows)]);
    for corrected in [false, true] {
        for k in 1..=3 {
            let request = SweepRequest { k, corrected, ..SweepRequest::default() };
            let found = by_name(&index, &sweep(&index, &request, 2, 1000));
            assert_eq!(bits(&found), bits(&defined(&rows, &request)), "k = {k}");
        }
    }
}

#[test]
fn a_prefix_as_long_as_there_are_questions() {
    let rows = exam(40, 12, 0.9);
    let index = index(&[integer_batch(&rows)]);
    for k in 1..=13 {
        let request = SweepRequest { k, undefined: Undefined::Null, ..SweepRequest::default() };
        let found = by_name(&index, &sweep(&index, &request, 3, 1000));
        assert_eq!(bits(&found), bits(&defined(&rows, &request)), "k = {k}");
    }
}

#[test]
fn a_subset_of_all_included_questions_is_the_only_one() {
    let rows = exam(40, 6, 0.75);
    let index = index(&[integer_batch(&rows)]);
    let request = SweepRequest { k: 3, include: vec![4, 0, 2], ..SweepRequest::default() };
    let found = sweep(&index, &request, 2, 1000);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].questions, [0, 2, 4]);
    let request = SweepRequest { k: 2, ..request };
    assert_eq!(sweep(&index, &request, 2, 1000), []);
}

#[test]
fn sets_may_be_more_than_can_be_counted() {
    let index = index(&[integer_batch(&exam(60, 100, 0.1))]);
    let request = SweepRequest { k: 50, ..SweepRequest::default() };
    let plan = Arc::new(SweepPlan::try_new(Arc::clone(index.answers()), &request).unwrap());
    assert_eq!(plan.subsets().to_string(), "1.01e29");
    // Nobody answered as many questions, so that all is pruned before long.
    let request = SweepRequest { min_users: Some(1), ..request };
    let plan = Arc::new(SweepPlan::try_new(Arc::clone(index.answers()), &request).unwrap());
    let mut sweep = plan.share(0, plan.shares(8), Columns::ALL);
    let stop = AtomicBool::new(false);
    let until = Instant::now() + Duration::from_secs(3600);
    let mut found = RowBuffer::new(Columns::ALL);
    while !sweep.advance(&mut found, &mut Budget::new(1000, until, &stop)) {}
    assert_eq!((found.rows, plan.shares(8)), (0, 1));
}

#[test]
fn requests_that_cannot_be_are_refused() {
    let index = index(&[integer_batch(&exam(10, 4, 0.5))]);
    let refused = |request: SweepRequest| {
        let plan = SweepPlan::try_new(Arc::clone(index.answers()), &request);
        plan.unwrap_err().to_string()
    };
    let pairs = || SweepRequest { k: 2, ..SweepRequest::default() };
    assert_eq!(refused(SweepRequest::default()), "k_corrset: k must be 1 or more; got 0");
    let unknown = |option| format!("k_corrset: option '{option}' names question '4', which no row has");
    assert_eq!(refused(SweepRequest { include: vec![0, 4], ..pairs() }), unknown("include"));
    assert_eq!(refused(SweepRequest { exclude: vec![4], ..pairs() }), unknown("exclude"));
    assert_eq!(refused(SweepRequest { any: vec![4], ..pairs() }), unknown("any"));
}

#[test]
fn a_question_both_in_and_out_leaves_no_subset() {
    let index = index(&[integer_batch(&exam(10, 4, 0.5))]);
    let request = SweepRequest {
        k: 2,
        include: vec![1, 2],
        exclude: vec![3, 2],
        undefined: Undefined::Null,
        ..SweepRequest::default()
    };
    assert_eq!(sweep(&index, &request, 2, 10), []);
}

#[test]
fn the_oracle_knows_the_undefined() {
    assert_eq!(naive::correlation(&[]), None);
    assert_eq!(naive::correlation(&[(1, 1)]), None);
    assert_eq!(naive::correlation(&[(1, 1), (1, 2)]), None);
    assert_eq!(naive::correlation(&[(1, 1), (2, 1)]), None);
    assert_eq!(naive::correlation(&[(1, 1), (2, 2)]), Some(1.0));
}
