//! Exams: users' answers to questions, drawn at random or by a rule.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion_k_corrset::sweep::SweepRequest;
use proptest::prelude::*;

use super::drive::Named;
use super::oracle;
use super::random::Random;

/// (user, question, score)
pub(crate) type Answers<S> = Vec<(String, String, S)>;

/// A batch with the columns user, question and score.
pub(crate) fn batch(users: ArrayRef, questions: ArrayRef, scores: ArrayRef) -> RecordBatch {
    RecordBatch::try_from_iter([("user", users), ("question", questions), ("score", scores)]).unwrap()
}

pub(crate) fn integer_batch(rows: &[(String, String, i64)]) -> RecordBatch {
    batch(users(rows), questions(rows), Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.2))))
}

pub(crate) fn float_batch(rows: &[(String, String, f64)]) -> RecordBatch {
    batch(
        users(rows),
        questions(rows),
        Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.2))),
    )
}

/// The names of the questions, in the order of their ids.
pub(crate) fn names_of<S>(rows: &Answers<S>) -> Vec<String> {
    let mut names: Vec<String> = rows.iter().map(|row| row.1.clone()).collect();
    names.sort();
    names.dedup();
    names
}

/// What the definition says of an exam.
pub(crate) fn defined(rows: &Answers<i64>, request: &SweepRequest) -> Named {
    let wide: Vec<(&str, &str, i128)> =
        rows.iter().map(|(user, question, score)| (&**user, &**question, i128::from(*score))).collect();
    let names = names_of(rows);
    let sets = oracle::defined(&wide, request, |id| names[id as usize].as_str());
    sets.into_iter()
        .map(|(subset, answer)| (subset.into_iter().map(String::from).collect(), answer))
        .collect()
}

/// The scores in units of 2⁻⁴⁰: exact as doubles, and none but 0 is a decimal of few digits.
/// So they are summed as floats, and every r is that of the integers.
pub(crate) fn small_floats(rows: &[(String, String, i64)]) -> Answers<f64> {
    let small = |(user, question, score): &(String, String, i64)| {
        (user.clone(), question.clone(), *score as f64 * SMALL)
    };
    rows.iter().map(small).collect()
}

/// A unit in which integers of up to 40 bits are floats that stand for no decimals.
pub(crate) const SMALL: f64 = 1.0 / (1u64 << 40) as f64;

fn users<S>(rows: &[(String, String, S)]) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.0)))
}

fn questions<S>(rows: &[(String, String, S)]) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.1)))
}

/// Answers of a share of all, with scores that a function makes of user, question and a
/// random number.
pub(crate) fn table(
    users: usize,
    questions: usize,
    density: f64,
    score: impl Fn(usize, usize, u64) -> i64,
) -> Answers<i64> {
    let mut random = Random::new(0);
    let mut rows = Vec::new();
    for user in 0..users {
        for question in 0..questions {
            if random.share() <= density {
                let score = score(user, question, random.next() >> 20);
                rows.push((format!("u{user:06}"), format!("q{question:03}"), score));
            }
        }
    }
    rows
}

/// Random answers: some users, some questions, a share of all answers, and scores
/// from a strategy.
pub(crate) fn answers<S: Strategy<Value = i64> + Clone + 'static>(
    users: std::ops::Range<usize>,
    questions: std::ops::Range<usize>,
    score: S,
) -> impl Strategy<Value = Answers<i64>> {
    let density = prop_oneof![Just(1.0), 0.05f64..0.95];
    (users, questions, density).prop_flat_map(move |(users, questions, density)| {
        let answer = (score.clone(), 0.0f64..1.0);
        proptest::collection::vec(answer, users * questions).prop_map(move |answers| {
            let possible = answers.into_iter().enumerate();
            let answered = possible.filter(|(_, (_, luck))| *luck < density);
            let row = |(place, (score, _))| {
                (format!("u{}", place / questions), format!("q{}", place % questions), score)
            };
            answered.map(row).collect()
        })
    })
}

/// Scores of every class of exact arithmetic.
fn any_score() -> BoxedStrategy<i64> {
    prop_oneof![
        4 => 0..2i64,
        1 => prop_oneof![Just(-3i64), Just(-2)],
        1 => prop_oneof![Just(0i64), Just(50)],
        2 => 0..6i64,
        1 => -1000..1000i64,
        1 => any::<i32>().prop_map(i64::from),
        1 => -(1i64 << 45)..1 << 45,
    ]
    .boxed()
}

/// Tables whose scores are all of one kind.
pub(crate) fn any_table() -> impl Strategy<Value = Answers<i64>> {
    let kinds: Vec<BoxedStrategy<i64>> = vec![
        (0..2i64).boxed(),
        (7..9i64).boxed(),
        prop_oneof![Just(0i64), Just(50)].boxed(),
        (-3..4i64).boxed(),
        any::<i32>().prop_map(i64::from).boxed(),
        (-(1i64 << 45)..1 << 45).boxed(),
        any_score(),
    ];
    proptest::sample::select(kinds)
        .prop_flat_map(|score| answers(1..40, 1..9, score))
        .prop_filter("some answers", |rows| !rows.is_empty())
}
