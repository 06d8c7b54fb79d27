//! Scores and grand totals, in the narrowest arithmetic that is still right.

use std::sync::Arc;

use ethnum::I256;

use crate::compensated::Compensated;
use crate::index::bitset::{BitMatrix, contains, count, ones, rank};
use crate::interest::{Interest, Unwanted};

/// Scores and grand totals by user, ready to be summed.
///
/// r does not change when a constant is added to every score of one question, or
/// to every grand total, or when all of them are divided by one number. Each
/// class uses that to keep its numbers small. Exact scores are divided by their
/// greatest common divisor first, so that neither the scale of a decimal nor the
/// points a question is worth changes a bit of r.
#[derive(Debug)]
pub(crate) enum Scores {
    /// At most two different scores, next to each other (the lower counts as 0, the
    /// other as 1), and counts of 16 bits.
    Binary(Binary),
    /// Exact scores whose sums fit 64 bits.
    Integer(Arc<Weighted<i64>>),
    /// Exact scores whose sums fit 128 bits.
    Long(Arc<Weighted<i128>>),
    /// Exact scores whose sums fit 256 bits.
    Wide(Arc<Weighted<I256>>),
    /// Floating point scores.
    Float(Arc<Weighted<Compensated>>),
}

impl Scores {
    /// The name of the class, as EXPLAIN ANALYZE and the logs show it.
    pub(crate) fn class(&self) -> &'static str {
        match self {
            Self::Binary(_) => "binary",
            Self::Integer(_) => "integer",
            Self::Long(_) => "long integer",
            Self::Wide(_) => "wide integer",
            Self::Float(_) => "float",
        }
    }

    /// The scores of some users, in an order.
    ///
    /// # Errors
    /// Nobody waits for them.
    pub(crate) fn in_order(&self, users: &[u32], interest: Interest<'_>) -> Result<Self, Unwanted> {
        interest.check()?;
        Ok(match self {
            Self::Binary(scores) => Self::Binary(Binary {
                correct: scores.correct.in_order(users),
                totals: in_order(&scores.totals, users),
            }),
            Self::Integer(scores) => Self::Integer(Arc::new(scores.in_order(users, interest)?)),
            Self::Long(scores) => Self::Long(Arc::new(scores.in_order(users, interest)?)),
            Self::Wide(scores) => Self::Wide(Arc::new(scores.in_order(users, interest)?)),
            Self::Float(scores) => Self::Float(Arc::new(scores.in_order(users, interest)?)),
        })
    }

    /// Bytes held.
    pub(crate) fn memory(&self) -> usize {
        fn weighted<N>(scores: &Weighted<N>) -> usize {
            let offsets = scores.offsets.len() * size_of::<usize>();
            offsets + (scores.scores.len() + scores.totals.len()) * size_of::<N>()
        }
        match self {
            Self::Binary(scores) => {
                let rows = BitMatrix::bytes(scores.correct.rows(), scores.correct.columns());
                rows + scores.totals.len() * size_of::<i16>()
            }
            Self::Integer(scores) => weighted(scores),
            Self::Long(scores) => weighted(scores),
            Self::Wide(scores) => weighted(scores),
            Self::Float(scores) => weighted(scores),
        }
    }
}

/// Scores and grand totals that are looked up one by one.
pub(crate) trait UserScores {
    type Number;

    /// A user's score on the question at a position, which they answered; `answered` are all that they did.
    fn score(&self, answered: &BitMatrix, user: usize, position: usize) -> Self::Number;

    /// A user's grand total less a constant.
    fn total(&self, user: usize) -> Self::Number;
}

/// Scores of 0 and 1.
#[derive(Debug)]
pub(crate) struct Binary {
    /// For each user, the questions scored 1; a subset of those answered.
    pub(crate) correct: BitMatrix,
    /// For each user, the grand total less a constant.
    pub(crate) totals: Vec<i16>,
}

impl Binary {
    /// These scores as numbers.
    pub(crate) fn weighted(&self, answered: &BitMatrix) -> Weighted<i64> {
        let mut weighted = Weighted { offsets: vec![0], scores: Vec::new(), totals: Vec::new() };
        for (user, &total) in self.totals.iter().enumerate() {
            for (&answered, &correct) in answered.row(user).iter().zip(self.correct.row(user)) {
                weighted.scores.extend(ones(answered).map(|bit| (correct >> bit & 1) as i64));
            }
            weighted.offsets.push(weighted.scores.len());
            weighted.totals.push(total.into());
        }
        weighted
    }
}

impl UserScores for Binary {
    type Number = i64;

    fn score(&self, _: &BitMatrix, user: usize, position: usize) -> i64 {
        contains(self.correct.row(user), position).into()
    }

    fn total(&self, user: usize) -> i64 {
        self.totals[user].into()
    }
}

/// Scores of any size, kept for the answers there are.
#[derive(Debug)]
pub(crate) struct Weighted<N> {
    /// Where each user's scores start; one more entry than users.
    pub(crate) offsets: Vec<usize>,
    /// The scores, user after user, by question position.
    pub(crate) scores: Vec<N>,
    /// For each user, the grand total less a constant.
    pub(crate) totals: Vec<N>,
}

impl<N: Copy> Weighted<N> {
    /// A user's scores, by question position.
    pub(crate) fn of(&self, user: usize) -> &[N] {
        &self.scores[self.offsets[user]..self.offsets[user + 1]]
    }

    /// The scores of some users, in an order.
    fn in_order(&self, users: &[u32], interest: Interest<'_>) -> Result<Self, Unwanted> {
        let mut ordered = Self {
            offsets: Vec::with_capacity(self.offsets.len()),
            scores: Vec::with_capacity(self.scores.len()),
            totals: in_order(&self.totals, users),
        };
        ordered.offsets.push(0);
        for (place, &user) in users.iter().enumerate() {
            interest.check_at(place)?;
            ordered.scores.extend_from_slice(self.of(user as usize));
            ordered.offsets.push(ordered.scores.len());
        }
        Ok(ordered)
    }
}

impl<N: Copy> UserScores for Weighted<N> {
    type Number = N;

    fn score(&self, answered: &BitMatrix, user: usize, position: usize) -> N {
        self.of(user)[rank(answered.row(user), position)]
    }

    fn total(&self, user: usize) -> N {
        self.totals[user]
    }
}

/// What some users have, in an order.
fn in_order<N: Copy>(of: &[N], users: &[u32]) -> Vec<N> {
    users.iter().map(|&user| of[user as usize]).collect()
}

/// Where each user's scores start, in the order of users and positions; at the end, how
/// many there are.
pub(crate) fn offsets(answered: &BitMatrix) -> Vec<usize> {
    let mut offsets = vec![0];
    for user in 0..answered.rows() {
        offsets.push(offsets[user] + count(answered.row(user)));
    }
    offsets
}
