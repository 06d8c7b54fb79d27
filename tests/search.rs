//! The search against the sweep, row for row and bit for bit.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use datafusion_k_corrset::index::AnswerIndex;
use datafusion_k_corrset::search::{Method, Outlook, Plan};
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
fn run(
    plan: &Plan,
    request: &SweepRequest,
    shares: usize,
    pause: usize,
    mut reader: impl FnMut(&[Row]),
) -> Vec<Row> {
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
            rows.extend(rows_of(&found, request.k));
            reader(&rows);
            if finished {
                tops.extend(sweep.take_top());
                *slot = None;
            }
        }
    }
    match request.top {
        Some(size) => best_rows(size, tops),
        None => rows,
    }
}

fn searched(index: &AnswerIndex, request: &SweepRequest, best: Option<usize>) -> Plan {
    let outlook = Outlook { best, partial: false };
    let plan = Plan::try_new(Arc::clone(index.answers()), request, Method::Tree, outlook).unwrap();
    assert!(matches!(plan, Plan::Search(_)), "{request:?} is not searched for");
    plan
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
        prop_assert_eq!(run(&searched(&index, &request, None), &request, shares, pause, |_| {}), expected);
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
        let found = run(&searched(&index, &request, None), &request, shares, pause, |_| {});
        prop_assert_eq!(sorted(found), expected);
    }

    #[test]
    fn a_reader_who_wants_all_gets_all(
        table in table(), request in request(), floats: bool, best in 1usize..30, shares in 1usize..4, pause in 1usize..200,
    ) {
        let index = index(&[batch_of(&table, floats)]);
        let request = fit(request, table[0].len());
        let expected = sorted(sweep(&index, &request, 1, 1000));
        let found = run(&searched(&index, &request, Some(best)), &request, shares, pause, |_| {});
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
        let plan = searched(&index, &request, Some(best));
        let found = run(&plan, &request, shares, pause, |rows| {
            let best = best_rows(wanted, rows.iter().cloned());
            if let Some(r) = best.get(wanted - 1).and_then(|row| row.r) {
                plan.tighten(Bounds { r: [r, f64::INFINITY], ..Bounds::DEFINED });
            }
        });
        prop_assert_eq!(best_rows(wanted, found), best_rows(wanted, all));
    }
}
