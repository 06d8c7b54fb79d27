//! What is told of a set beside r and n, over the users who answered all of it.
//!
//! | name | what it is | undefined |
//! |---|---|---|
//! | `alpha` | reliability: k/(k-1) · (1 - Σ var(question) / var(a)); of scores 0 and 1 it is KR-20 | k = 1, or no variance in a |
//! | `item_rest_r` | r with the set's own scores taken out of the grand total | as `corrected` |
//! | `r_low`, `r_high` | the 95 % interval of r: tanh(artanh(r) ∓ z / √(n - 3)), z = 1.96 | n < 4, or no r |
//! | `mean`, `sd` | of a, in points; with n - 1 in the denominator | n < 1; n < 2 |
//!
//! Alpha is that of L. J. Cronbach, Coefficient alpha and the internal structure of tests (Psychometrika 16, 1951), and
//! KR-20 formula 20 of G. F. Kuder and M. W. Richardson (Psychometrika 2, 1937); the interval is R. A. Fisher's (Metron
//! 1, 1921); item-rest is the corrected item-total correlation.
//!
//! A sweep sums billions of sets and hands out some; these are summed once more, user by user, when they leave. Sums of
//! exact scores are exact, and rounded at their end.

use std::sync::Arc;

use ethnum::I256;

use crate::compensated::Compensated;
use crate::index::Answers;
use crate::index::bitset::{contains, rank};
use crate::index::scores::{Scores, Weighted};
use crate::index::unit::Unit;
use crate::sweep::answered_by::AnsweredBy;
use crate::sweep::pearson::exact::Exact;
use crate::sweep::pearson::float::deviations;
use crate::sweep::pearson::{Correlation, Number, Sums};
use crate::sweep::position::Position;
use crate::sweep::simd::Instructions;

/// What can be told of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Statistic {
    /// Cronbach's alpha.
    Alpha,
    /// The correlation with the grand total less a.
    ItemRestR,
    /// The lower end of the 95 % interval of r.
    RLow,
    /// Its upper end.
    RHigh,
    /// The mean of a, in points.
    Mean,
    /// The standard deviation of a, in points.
    Sd,
}

impl Statistic {
    /// All there are.
    pub const ALL: [Self; 6] = [Self::Alpha, Self::ItemRestR, Self::RLow, Self::RHigh, Self::Mean, Self::Sd];

    /// The name of its column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alpha => "alpha",
            Self::ItemRestR => "item_rest_r",
            Self::RLow => "r_low",
            Self::RHigh => "r_high",
            Self::Mean => "mean",
            Self::Sd => "sd",
        }
    }

    /// Whether it is one of r and n alone.
    pub(crate) fn is_of_interval(self) -> bool {
        matches!(self, Self::RLow | Self::RHigh)
    }
}

/// What is told of a set's totals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SetStatistics {
    pub(crate) alpha: Option<f64>,
    pub(crate) item_rest_r: Option<f64>,
    pub(crate) mean: Option<f64>,
    pub(crate) sd: Option<f64>,
}

/// Tells what there is to tell of sets, one by one.
#[derive(Debug)]
pub struct Statistics {
    answers: Arc<Answers>,
    answered_by: AnsweredBy,
    /// The position of each question, by id.
    positions: Vec<usize>,
}

impl Statistics {
    /// Of sets of the questions of some answers.
    pub fn new(answers: Arc<Answers>, instructions: Instructions) -> Self {
        Self { answered_by: AnsweredBy::new(&answers, instructions), positions: answers.positions(), answers }
    }

    /// Bytes held for answers.
    pub fn bytes(answers: &Answers) -> usize {
        AnsweredBy::bytes(answers.users(), answers.questions()) + answers.questions() * size_of::<usize>()
    }

    /// What is told of a set, which is given by the ids of its questions.
    pub(crate) fn of(&self, questions: &[u32]) -> SetStatistics {
        let mut set: Vec<Position> =
            questions.iter().map(|&id| Position(self.positions[id as usize])).collect();
        // In the order in which a sweep adds scores.
        set.sort_unstable_by(|x, y| y.cmp(x));
        let users = self.answered_by.users(&set);
        let answers = &*self.answers;
        match &answers.scores {
            Scores::Binary(scores) => {
                let score = |user, question| i64::from(contains(scores.correct.row(user), question));
                self.described(&set, &users, score, |user| i64::from(scores.totals[user]))
            }
            Scores::Integer(scores) => self.of_weighted(&set, &users, scores),
            Scores::Long(scores) => self.of_weighted(&set, &users, scores),
            Scores::Wide(scores) => self.of_weighted(&set, &users, scores),
            Scores::Float(scores) => self.of_weighted(&set, &users, scores),
        }
    }

    fn of_weighted<N: Described>(
        &self,
        set: &[Position],
        users: &[u32],
        scores: &Weighted<N>,
    ) -> SetStatistics {
        let score = |user, question| scores.of(user)[rank(self.answers.answered.row(user), question)];
        self.described(set, users, score, |user| scores.totals[user])
    }

    fn described<N: Described>(
        &self,
        set: &[Position],
        users: &[u32],
        score: impl Fn(usize, usize) -> N,
        total: impl Fn(usize) -> N,
    ) -> SetStatistics {
        let of_question = |position: &Position| -> Vec<N> {
            users.iter().map(|&user| score(user as usize, position.0)).collect()
        };
        let by_question: Vec<Vec<N>> = set.iter().map(of_question).collect();
        let a: Vec<N> = (0..users.len())
            .map(|place| by_question.iter().fold(N::default(), |sum, scores| sum.plus(scores[place])))
            .collect();
        let pairs: Vec<(N, N)> = a.iter().zip(users).map(|(&a, &user)| (a, total(user as usize))).collect();
        let mut sums = Sums::default();
        pairs.iter().for_each(|&(a, b)| N::accumulate(&mut sums, a, b));
        let item_rest_r = match N::correlate(&sums, true) {
            Correlation::Doubtful => N::correlate_carefully(&pairs, true),
            sure => sure,
        };
        let (n, k) = (users.len() as f64, set.len() as f64);
        let variance = N::variance(&a);
        let of_questions = N::variances(&by_question);
        let unit = &self.answers.unit;
        SetStatistics {
            alpha: (set.len() > 1 && variance > 0.0).then(|| k / (k - 1.0) * (1.0 - of_questions / variance)),
            item_rest_r: item_rest_r.defined(),
            mean: (!users.is_empty()).then(|| N::mean(&a, unit, set)),
            sd: (users.len() > 1).then(|| unit.points((variance / (n * (n - 1.0))).sqrt())),
        }
    }
}

/// A number whose mean and variance are told.
trait Described: Number {
    /// n·Σx² - (Σx)², rounded once.
    fn variance(values: &[Self]) -> f64;

    /// The same of several questions, added up.
    fn variances(by_question: &[Vec<Self>]) -> f64;

    /// The mean of the totals on a set, in points.
    fn mean(totals: &[Self], unit: &Unit, set: &[Position]) -> f64;
}

impl<N: Exact + Into<I256>> Described for N {
    fn variance(values: &[Self]) -> f64 {
        N::round(exact_variance(values))
    }

    fn variances(by_question: &[Vec<Self>]) -> f64 {
        // Each is at most n² times the square of the span, and all of them no more than what a set's
        // total has room for.
        let variances = by_question.iter().map(|values| exact_variance(values));
        N::round(variances.fold(N::Product::default(), |sum, variance| sum + variance))
    }

    fn mean(totals: &[Self], unit: &Unit, set: &[Position]) -> f64 {
        let sum = totals.iter().fold(I256::ZERO, |sum, &total| sum + total.into());
        unit.mean_of_exact(sum, totals.len() as i64, set.len())
    }
}

fn exact_variance<N: Exact>(values: &[N]) -> N::Product {
    let (mut sum, mut squares) = (N::default(), N::default());
    for &value in values {
        sum += value;
        squares += value * value;
    }
    N::count(values.len() as i64) * squares.widen() - sum.widen() * sum.widen()
}

impl Described for Compensated {
    fn variance(values: &[Self]) -> f64 {
        let Some(&first) = values.first() else { return 0.0 };
        let size = values.iter().fold(0.0, |size: f64, value| size.max(value.value().abs()));
        // What all have in common takes no digits.
        let values = values.iter().map(|value| value.minus(first)).collect();
        let Some((deviations, spread)) = deviations(values, size) else { return 0.0 };
        let mut squares = Self::default();
        deviations.iter().for_each(|&deviation| squares.add_product(deviation, deviation));
        deviations.len() as f64 * squares.value() * spread * spread
    }

    fn variances(by_question: &[Vec<Self>]) -> f64 {
        by_question.iter().map(|values| Self::variance(values)).sum()
    }

    fn mean(totals: &[Self], unit: &Unit, set: &[Position]) -> f64 {
        unit.mean_of_floats(mean(totals.iter().copied()), set.iter().map(|position| position.0))
    }
}

fn mean(values: impl ExactSizeIterator<Item = Compensated>) -> f64 {
    let n = values.len() as f64;
    values.fold(Compensated::default(), Compensated::plus).value() / n
}
