//! The search against the sweep, row for row and bit for bit.

use std::collections::BTreeSet;
use std::slice::from_ref;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use datafusion_k_corrset::index::AnswerIndex;
use datafusion_k_corrset::search::{Effort, Method, Outlook, Part, Plan};
use datafusion_k_corrset::sweep::{
    Bounds, Budget, Columns, Instructions, Quota, Row, RowBuffer, Sweep, SweepRequest, Undefined, best_rows,
};
use proptest::prelude::*;

use crate::support::drive::{index, rows_of, sweep};
use crate::support::exam::{Answers, float_batch, integer_batch, small_floats};
use crate::support::{cases, config};

/// What users answered, a row each; nobody left anything out.
type Table = Vec<Vec<i64>>;

/// A kind of question, of which a table has some.
#[derive(Debug, Clone)]
enum Question {
    Own,
    Constant,
    /// The same as an earlier one.
    Twin(usize),
    /// An earlier one, the other way round.
    Reversed(usize),
}

fn questions() -> impl Strategy<Value = Vec<Question>> {
    let question = prop_oneof![
        8 => Just(Question::Own),
        1 => Just(Question::Constant),
        2 => (0usize..12).prop_map(Question::Twin),
        1 => (0usize..12).prop_map(Question::Reversed),
    ];
    proptest::collection::vec(question, 1..13)
}

fn table() -> impl Strategy<Value = Table> {
    let widths = prop_oneof![4 => Just(2i64), 2 => Just(5), 1 => Just(100), 1 => Just(1 << 40)];
    (questions(), 2usize..40, widths).prop_flat_map(|(questions, users, width)| {
        // Users have an ability, so that questions have something in common.
        let user = (0i64..4, proptest::collection::vec(0i64..1 << 44, questions.len()));
        proptest::collection::vec(user, users).prop_map(move |users| {
            let scores = |(ability, drawn): (i64, Vec<i64>)| {
                let mut scores: Vec<i64> = Vec::new();
                for (place, question) in questions.iter().enumerate() {
                    let earlier = |of: usize| if place == 0 { 0 } else { scores[of % place] };
                    scores.push(match question {
                        Question::Own => ((drawn[place] % 5 + ability) * width / 8) % width,
                        Question::Constant => 1,
                        Question::Twin(of) => earlier(*of),
                        Question::Reversed(of) => width - 1 - earlier(*of),
                    });
                }
                scores
            };
            users.into_iter().map(scores).collect()
        })
    })
}

fn answers_of(table: &Table) -> Answers<i64> {
    let mut rows = Vec::new();
    for (user, scores) in table.iter().enumerate() {
        for (question, &score) in scores.iter().enumerate() {
            rows.push((format!("u{user:03}"), format!("q{question:03}"), score));
        }
    }
    rows
}

fn batch_of(table: &Table, floats: bool) -> RecordBatch {
    let rows = answers_of(table);
    if floats { float_batch(&small_floats(&rows)) } else { integer_batch(&rows) }
}

/// Advances some shares in turn until all are at their end. `reader` sees the rows as they come.
fn run(plan: &Arc<Plan>, shares: usize, pause: usize, mut reader: impl FnMut(&[Row])) -> Vec<Row> {
    let mut sweeps: Vec<Option<Box<dyn Sweep>>> =
        (0..shares).map(|share| Some(plan.share(share, shares, Columns::ALL))).collect();
    let (mut rows, mut tops) = (Vec::new(), Vec::new());
    while sweeps.iter().any(Option::is_some) {
        for slot in &mut sweeps {
            let Some(sweep) = slot else { continue };
            let mut found = RowBuffer::new(Columns::ALL);
            let stop = AtomicBool::new(false);
            let until = Instant::now() + Duration::from_secs(3600);
            let finished = sweep.advance(&mut found, &mut Budget::new(pause, until, &stop));
            rows.extend(rows_of(&found));
            reader(&rows);
            if finished {
                tops.extend(sweep.take_top());
                *slot = None;
            }
        }
    }
    if plan.top().is_some() { plan.best_rows(tops) } else { rows }
}

fn searched(index: &AnswerIndex, requests: &[SweepRequest], best: Option<usize>) -> Arc<Plan> {
    searched_in_part(index, requests, best, Part::default())
}

fn searched_in_part(
    index: &AnswerIndex,
    requests: &[SweepRequest],
    best: Option<usize>,
    part: Part,
) -> Arc<Plan> {
    let outlook = Outlook { best, partial: false };
    let plan = Plan::try_new(Arc::clone(index.answers()), requests, Method::Tree, outlook, part).unwrap();
    assert_eq!(plan.kernel(), "complete data, tree search", "{requests:?}");
    Arc::new(plan)
}

fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by(|x, y| x.questions.cmp(&y.questions));
    rows
}

/// A request of all that a search may be asked, but for how many.
fn request() -> impl Strategy<Value = SweepRequest> {
    let ids = || proptest::collection::vec(0u32..12, 0..3);
    let lists = (ids(), ids(), ids());
    let quota = (proptest::collection::vec(0u32..12, 0..7), 0usize..3, 0usize..4)
        .prop_map(|(questions, least, more)| Quota { questions, least, most: least + more });
    let quotas = prop_oneof![2 => Just(Vec::new()), 1 => proptest::collection::vec(quota, 1..3)];
    let instructions = proptest::sample::select(Instructions::available());
    (1usize..8, lists, quotas, any::<bool>(), any::<bool>(), instructions).prop_map(
        |(k, (include, exclude, any), quotas, corrected, null, instructions)| SweepRequest {
            k,
            include,
            exclude,
            any,
            quotas,
            corrected,
            undefined: if null { Undefined::Null } else { Undefined::Omit },
            instructions: Some(instructions),
            ..SweepRequest::default()
        },
    )
}

/// What is missing, mostly nothing.
fn gaps() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop_oneof![
        3 => Just(Vec::new()),
        1 => proptest::collection::vec((0usize..40, 0usize..12), 1..4),
    ]
}

/// With ids of questions that are there.
fn fit(mut request: SweepRequest, questions: usize) -> SweepRequest {
    let of_quotas = request.quotas.iter_mut().map(|quota| &mut quota.questions);
    for ids in [&mut request.include, &mut request.exclude, &mut request.any].into_iter().chain(of_quotas) {
        ids.iter_mut().for_each(|id| *id %= questions as u32);
    }
    request
}

proptest! {
    #![proptest_config(config(cases(400)))]

    #[test]
    fn the_best_are_those_of_the_sweep(
        table in table(), request in request(), floats: bool, top in 0usize..50, shares in 1usize..4, pause in 1usize..200,
    ) {
        let index = index(&[batch_of(&table, floats)]);
        let request = SweepRequest { top: Some(top), ..fit(request, table[0].len()) };
        let expected = sweep(&index, &request, 1, 1000);
        prop_assert_eq!(run(&searched(&index, from_ref(&request), None), shares, pause, |_| {}), expected);
    }

    #[test]
    fn all_above_a_bar_are_found(
        table in table(), request in request(), floats: bool, bar in 0.0..1.0, shares in 1usize..4, pause in 1usize..200,
    ) {
        let index = index(&[batch_of(&table, floats)]);
        let bounds = Bounds { r: [bar, f64::INFINITY], ..Bounds::DEFINED };
        let request = SweepRequest { bounds, ..fit(request, table[0].len()) };
        let bar = if bar < 0.5 {
            // A bar that some set is at.
            let all = SweepRequest { bounds: Bounds::ALL, ..request.clone() };
            let r = sweep(&index, &all, 1, 1000).into_iter().filter_map(|row| row.r).filter(|&r| r > 0.0);
            r.reduce(f64::max).map_or(bar, |best| best * (0.5 + bar))
        } else {
            bar
        };
        let request = SweepRequest { bounds: Bounds { r: [bar, f64::INFINITY], ..Bounds::DEFINED }, ..request };
        prop_assume!(bar > 0.0);
        let expected = sorted(sweep(&index, &request, 1, 1000));
        let found = run(&searched(&index, from_ref(&request), None), shares, pause, |_| {});
        prop_assert_eq!(sorted(found), expected);
    }

    #[test]
    fn a_reader_who_wants_all_gets_all(
        table in table(), request in request(), floats: bool, best in 1usize..30, shares in 1usize..4, pause in 1usize..200,
    ) {
        let index = index(&[batch_of(&table, floats)]);
        let request = fit(request, table[0].len());
        let expected = sorted(sweep(&index, &request, 1, 1000));
        let found = run(&searched(&index, from_ref(&request), Some(best)), shares, pause, |_| {});
        prop_assert_eq!(sorted(found), expected);
    }

    #[test]
    fn a_reader_who_raises_the_bar_gets_the_best(
        table in table(), request in request(), floats: bool, best in 1usize..30, wanted in 1usize..30,
        shares in 1usize..4, pause in 1usize..200,
    ) {
        let index = index(&[batch_of(&table, floats)]);
        let request = SweepRequest { undefined: Undefined::Omit, ..fit(request, table[0].len()) };
        let all = sweep(&index, &request, 1, 1000);
        let plan = searched(&index, from_ref(&request), Some(best));
        let found = run(&plan, shares, pause, |rows| {
            let best = best_rows(wanted, rows.iter().cloned());
            if let Some(r) = best.get(wanted - 1).and_then(|row| row.r) {
                plan.tighten(Bounds { r: [r, f64::INFINITY], ..Bounds::DEFINED });
            }
        });
        prop_assert_eq!(best_rows(wanted, found), best_rows(wanted, all));
    }

    #[test]
    fn parts_have_every_set_once(
        table in table(), request in request(), floats: bool, top in proptest::option::of(1usize..30),
        best in 1usize..30, of in 2usize..6, shares in 1usize..3, pause in 1usize..200,
    ) {
        let index = index(&[batch_of(&table, floats)]);
        let request = SweepRequest { top, ..fit(request, table[0].len()) };
        let found = (0..of).flat_map(|part| {
            let part = Part { index: part, of };
            run(&searched_in_part(&index, from_ref(&request), Some(best), part), shares, pause, |_| {})
        });
        let found: Vec<Row> = found.collect();
        let expected = sweep(&index, &request, 1, 1000);
        match top {
            Some(top) => prop_assert_eq!(best_rows(top, found), expected),
            None => prop_assert_eq!(sorted(found), sorted(expected)),
        }
    }

    #[test]
    fn sizes_do_not_get_in_each_others_way(
        table in table(), request in request(), floats: bool, sizes in proptest::collection::vec(1usize..10, 1..5),
        top in 0usize..20, tree: bool, shares in 1usize..4, pause in 1usize..200,
    ) {
        let index = index(&[batch_of(&table, floats)]);
        let request = SweepRequest { top: Some(top), ..fit(request, table[0].len()) };
        let of_size = |k: &usize| SweepRequest { k: *k, ..request.clone() };
        let sizes: BTreeSet<usize> = sizes.into_iter().collect();
        let requests: Vec<SweepRequest> = sizes.iter().rev().map(of_size).collect();
        let plan = if tree {
            searched(&index, &requests, None)
        } else {
            let (answers, outlook) = (Arc::clone(index.answers()), Outlook::default());
            Arc::new(Plan::try_new(answers, &requests, Method::Sweep, outlook, Part::default()).unwrap())
        };
        let one_by_one = sizes.iter().flat_map(|k| sweep(&index, &of_size(k), 1, 1000));
        prop_assert_eq!(run(&plan, shares, pause, |_| {}), one_by_one.collect::<Vec<_>>());
    }
}

proptest! {
    // Each of these takes some tenths of a second.
    #![proptest_config(config(cases(24)))]

    #[test]
    fn a_heuristic_is_deterministic_and_true_and_its_bound_holds(
        table in table(), request in request(), floats: bool, gaps in gaps(),
        top in 1usize..20, min_users in 0i64..10, seed: u64, shares in 2usize..5, pause in 1usize..200,
    ) {
        let mut rows = answers_of(&table);
        for (user, question) in gaps {
            rows.retain(|(u, q, _)| *u != format!("u{user:03}") || *q != format!("q{question:03}"));
        }
        prop_assume!(!rows.is_empty());
        let answers = rows.len();
        let index = index(&[if floats { float_batch(&small_floats(&rows)) } else { integer_batch(&rows) }]);
        let complete = answers == index.answers().users() * index.answers().questions();
        let request = SweepRequest {
            top: Some(top), any: Vec::new(), quotas: Vec::new(), min_users: Some(min_users), undefined: Undefined::Omit,
            ..fit(request, index.questions().len())
        };
        let found = |shares: usize, pause: usize| {
            let method = Method::Heuristic(Effort { effort: 1, seed });
            let (answers, outlook) = (Arc::clone(index.answers()), Outlook::default());
            let plan = Arc::new(Plan::try_new(answers, from_ref(&request), method, outlook, Part::default()).unwrap());
            (run(&plan, shares, pause, |_| {}), plan.bound(request.k))
        };
        let (rows, bound) = found(1, 1000);
        prop_assert_eq!(&found(shares, pause), &(rows.clone(), bound));
        let all = sweep(&index, &SweepRequest { top: None, ..request.clone() }, 1, 1000);
        for row in &rows {
            prop_assert!(all.contains(row), "{row:?} is no row of the sweep");
        }
        prop_assert!(rows.is_sorted_by(|x, y| x.r >= y.r) && rows.len() <= top);
        let best = all.iter().filter_map(|row| row.r).reduce(f64::max);
        if let (Some(best), Some(bound)) = (best, bound) {
            prop_assert!(best <= bound, "{best} is above {bound}");
        }
        // Among so few sets nothing is missed, but for which of those that are alike is taken.
        let r = |rows: &[Row]| rows.iter().filter_map(|row| row.r).collect::<Vec<_>>();
        let (found, best) = (r(&rows), r(&best_rows(top, all)));
        let same = found.len() == best.len() && found.iter().zip(&best).all(|(x, y)| (x - y).abs() < 1e-9);
        prop_assert!(!complete || same, "{found:?} instead of {best:?}");
    }
}
