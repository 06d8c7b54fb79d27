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

use crate::index::Answers;
use crate::index::scores::UserScores;
use crate::sweep::answered_by::AnsweredBy;
use crate::sweep::of_scores::{Described, OfScores};
use crate::sweep::pearson::{Number, correlate};
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
        Describe { answers: &self.answers, set: &set, users: &users }.of_class(&self.answers.scores)
    }
}

/// What is told of a set's totals, over its users.
struct Describe<'a> {
    answers: &'a Answers,
    set: &'a [Position],
    users: &'a [u32],
}

impl OfScores for Describe<'_> {
    type Output = SetStatistics;

    fn of<S: UserScores<Number: Described>>(self, scores: &S) -> SetStatistics {
        let Self { answers, set, users } = self;
        let of_question = |position: &Position| -> Vec<S::Number> {
            users.iter().map(|&user| scores.score(&answers.answered, user as usize, position.0)).collect()
        };
        let by_question: Vec<_> = set.iter().map(of_question).collect();
        let of_user = |place: usize| {
            by_question.iter().fold(S::Number::default(), |sum, scores| sum.plus(scores[place]))
        };
        let a: Vec<_> = (0..users.len()).map(of_user).collect();
        let pairs: Vec<_> = a.iter().zip(users).map(|(&a, &user)| (a, scores.total(user as usize))).collect();
        let item_rest_r = correlate(&pairs, true);
        let (n, k) = (users.len() as f64, set.len() as f64);
        let variance = S::Number::variance(&a);
        let of_questions = S::Number::variances(&by_question);
        let unit = &answers.unit;
        SetStatistics {
            alpha: (set.len() > 1 && variance > 0.0).then(|| k / (k - 1.0) * (1.0 - of_questions / variance)),
            item_rest_r: item_rest_r.defined(),
            mean: (!users.is_empty()).then(|| S::Number::mean(&a, unit, set)),
            sd: (users.len() > 1).then(|| unit.points((variance / (n * (n - 1.0))).sqrt())),
        }
    }
}
