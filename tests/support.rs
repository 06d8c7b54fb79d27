//! Making data, and running the sweep without SQL.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion_k_corrset::index::{AnswerIndex, ColumnNames, IndexBuilder};
use datafusion_k_corrset::sweep::{Budget, Columns, Row, RowBuffer, SweepPlan, SweepRequest, best_rows};
use proptest::prelude::*;

/// (user, question, score)
pub(crate) type Answers<S> = Vec<(String, String, S)>;

/// How many random cases to try: `usual`, unless the environment variable `PROPTEST_CASES`
/// says otherwise. `PROPTEST_RNG_SEED` repeats a run of property tests.
pub(crate) fn cases(usual: u32) -> u32 {
    let number = std::env::var("PROPTEST_CASES").ok().and_then(|number| number.parse().ok());
    number.unwrap_or(usual)
}

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

/// The same scores in units of 2⁻⁴⁰: exact as doubles, and none but 0 is a decimal of few digits.
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

/// The index of batches that are read as if they came from three partitions.
pub(crate) fn index(batches: &[RecordBatch]) -> AnswerIndex {
    let mut builder = IndexBuilder::try_new(&batches[0].schema(), ColumnNames::default()).unwrap();
    let mut siblings = [builder.sibling(), builder.sibling()];
    for (number, batch) in batches.iter().enumerate() {
        let [second, third] = &mut siblings;
        [&mut builder, second, third][number % 3].push(batch).unwrap();
    }
    siblings.into_iter().for_each(|sibling| builder.merge(sibling));
    builder.finish().unwrap()
}

/// Runs all shares of a sweep to their end, pausing after every few rows.
pub(crate) fn sweep(index: &AnswerIndex, request: &SweepRequest, shares: usize, pause: usize) -> Vec<Row> {
    let plan = Arc::new(SweepPlan::try_new(Arc::clone(index.answers()), request, false).unwrap());
    let (mut rows, mut tops) = (Vec::new(), Vec::new());
    let mut done = 0;
    for share in 0..shares {
        let mut sweep = plan.share(share, shares, Columns::ALL);
        loop {
            let mut found = RowBuffer::new(Columns::ALL);
            let stop = AtomicBool::new(false);
            let until = Instant::now() + Duration::from_secs(3600);
            let finished = sweep.advance(&mut found, &mut Budget::new(pause, until, &stop));
            for row in 0..found.rows {
                let questions = found.questions[row * request.k..][..request.k].to_vec();
                let r = Some(found.r[row]).filter(|r| !r.is_nan());
                rows.push(Row { questions, r, n: found.n[row] });
            }
            if finished {
                break;
            }
        }
        tops.extend(sweep.take_top());
        done += sweep.progress().done;
    }
    assert_eq!(Some(done), plan.subsets(), "the shares deal with every subset once");
    match request.top {
        Some(size) => best_rows(size, tops),
        None => rows,
    }
}

/// Rows of a sweep by the names of their questions; no subset may come twice.
pub(crate) fn by_name(index: &AnswerIndex, rows: &[Row]) -> BTreeMap<Vec<String>, (Option<f64>, i64)> {
    let names = index.questions().as_string::<i32>();
    let mut named = BTreeMap::new();
    for row in rows {
        let questions: Vec<String> =
            row.questions.iter().map(|&id| names.value(id as usize).to_string()).collect();
        assert!(questions.is_sorted(), "{questions:?} are not in order");
        let before = named.insert(questions, (row.r, row.n));
        assert_eq!(before, None, "a subset twice");
    }
    named
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(0x9e37_79b9_7f4a_7c15 ^ seed.wrapping_mul(0xd1b5_4a32_d192_ed03))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// One of 0, 1, … `end` - 1.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() >> 11) as usize % end
    }

    /// From 0 to 1.
    pub(crate) fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn one_of<'a, T>(&mut self, values: &'a [T]) -> &'a T {
        &values[self.below(values.len())]
    }
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
