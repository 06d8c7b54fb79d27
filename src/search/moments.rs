//! Covariances of questions with each other and with the grand totals, as doubles of known error.

use ethnum::I256;

use crate::compensated::Compensated;
use crate::index::Answers;
use crate::index::bitset::WORD;
use crate::index::scores::{Scores, Weighted};
use crate::search::matrix::Matrix;
use crate::sweep::position::Position;
use crate::sweep::simd::{InstructionSet, Instructions, Task};

/// Covariances where everybody answered everything, in units of the variance of the grand totals:
/// with them r of a set S is `Σ totals / √ΣΣ questions`, over its questions and their pairs.
///
/// All are zero where the grand totals do not vary, as r is undefined then.
#[derive(Debug)]
pub(crate) struct Moments {
    questions: Matrix,
    totals: Vec<f64>,
    /// How far each entry can be from the covariance of the scores.
    pub(crate) error: f64,
}

/// Half the distance between 1 and the next double: the largest relative error of an operation.
pub(crate) const ROUNDING: f64 = f64::EPSILON / 2.0;

impl Moments {
    /// The moments of answers without gaps.
    pub(crate) fn of(answers: &Answers, instructions: Instructions) -> Self {
        let (users, size) = (answers.users(), answers.questions());
        let scores = |user: usize, to: &mut [f64]| {
            let (scores, total) = to.split_at_mut(size);
            total[0] = scores_of(answers, user, scores);
        };
        instructions.run(Sum { users, size: size + 1, scores })
    }

    pub(crate) fn of_questions(&self, x: Position, y: Position) -> f64 {
        self.questions.row(x.0)[y.0]
    }

    pub(crate) fn with_totals(&self, question: Position) -> f64 {
        self.totals[question.0]
    }

    /// Bytes of the moments of some questions, and as many again while they are made.
    pub(crate) fn bytes(questions: usize) -> usize {
        2 * (questions + 1) * (questions + 1) * size_of::<f64>()
    }
}

/// Writes the scores of a user, who has answered everything; returns the grand total.
pub(crate) fn scores_of(answers: &Answers, user: usize, to: &mut [f64]) -> f64 {
    fn weighted<N: Copy>(of: &Weighted<N>, user: usize, to: &mut [f64], value: fn(N) -> f64) -> f64 {
        to.iter_mut().zip(of.of(user)).for_each(|(to, &score)| *to = value(score));
        value(of.totals[user])
    }
    match &answers.scores {
        Scores::Binary(scores) => {
            let row = scores.correct.row(user);
            let score = |question: usize| (row[question / WORD] >> (question % WORD) & 1) as f64;
            to.iter_mut().enumerate().for_each(|(question, to)| *to = score(question));
            f64::from(scores.totals[user])
        }
        Scores::Integer(scores) => weighted(scores, user, to, |score| score as f64),
        Scores::Long(scores) => weighted(scores, user, to, |score| score as f64),
        Scores::Wide(scores) => weighted(scores, user, to, I256::as_f64),
        Scores::Float(scores) => weighted(scores, user, to, Compensated::value),
    }
}

/// Sums products of deviations from the means. `scores` writes those of a user, the grand total
/// last.
struct Sum<S> {
    users: usize,
    size: usize,
    scores: S,
}

impl<S: Fn(usize, &mut [f64])> Task for Sum<S> {
    type Output = Moments;

    #[inline(always)]
    fn run<I: InstructionSet>(self, _: I) -> Moments {
        let Self { users, size, scores } = self;
        let mut means = vec![0.0; size];
        let mut values = vec![0.0; size];
        let mut largest = 0f64;
        for user in 0..users {
            scores(user, &mut values);
            for (mean, &value) in means.iter_mut().zip(&values) {
                *mean += value;
                largest = largest.max(value.abs());
            }
        }
        means.iter_mut().for_each(|mean| *mean /= users as f64);
        let mut products = Matrix::zeros(size);
        for user in 0..users {
            scores(user, &mut values);
            values.iter_mut().zip(&means).for_each(|(value, mean)| *value -= mean);
            for question in 0..size {
                let factor = values[question];
                let row = &mut products.row_mut(question)[question..];
                row.iter_mut().zip(&values[question..]).for_each(|(sum, value)| *sum += factor * value);
            }
        }
        // With deviations x and y of n users, products are summed to within γ·‖x‖·‖y‖, γ = n·2⁻⁵³.
        // A deviation is off by the rounding of its score and of the mean, no more than 4·2⁻⁵³ of
        // the largest score and (the mean's, which all share) n times that; the latter enters
        // squared, as deviations sum to nothing.
        let n = users as f64;
        let widest = products.diagonal().fold(0.0, f64::max).sqrt();
        let off = 4.0 * ROUNDING * largest;
        let error = (n + 8.0) * ROUNDING * widest * widest
            + 2.0 * n.sqrt() * off * widest
            + n * (1.0 + n) * (1.0 + n) * off * off;
        let total = size - 1;
        let of_total = products.row(total)[total];
        // Products below their error are none.
        let unit = if of_total > error { 1.0 / of_total } else { 0.0 };
        let entry = |x: usize, y: usize| products.row(x.min(y))[x.max(y)] * unit;
        Moments {
            questions: Matrix::from_fn(total, entry),
            totals: (0..total).map(|question| entry(question, total)).collect(),
            error: error * unit * 1.01,
        }
    }
}
