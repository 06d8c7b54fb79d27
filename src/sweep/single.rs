//! r and n of one set of questions, without a sweep.

use std::sync::{Arc, OnceLock};

use crate::index::Answers;
use crate::index::bitset::{contains, rank};
use crate::index::scores::{Scores, Weighted};
use crate::sweep::answered_by::AnsweredBy;
use crate::sweep::kernel::complete::Lookup;
use crate::sweep::pearson::{Correlation, Number, Sums};
use crate::sweep::position::Position;
use crate::sweep::rows::buffer::Row;
use crate::sweep::simd::Instructions;

/// Tells r and n of sets one by one. r of exact scores has the bits that a sweep gives it, as
/// both compute it from the same integers; floats are added in the order of the sweep.
#[derive(Debug)]
pub(crate) struct Singles {
    answers: Arc<Answers>,
    /// Of data without gaps; else a set takes as long as its users take to sum.
    complete: Option<Arc<dyn Lookup>>,
    instructions: Instructions,
    /// Made when first asked for.
    answered_by: OnceLock<AnsweredBy>,
}

impl Singles {
    /// For sets of at most as many questions as the covariances are for.
    pub(crate) fn new(
        answers: Arc<Answers>,
        complete: Option<Arc<dyn Lookup>>,
        instructions: Instructions,
    ) -> Self {
        Self { answers, complete, instructions, answered_by: OnceLock::new() }
    }

    /// Bytes that are made when a set is summed.
    pub(crate) fn bytes(answers: &Answers) -> usize {
        AnsweredBy::bytes(answers.users(), answers.questions())
    }

    /// The row of a set, which is given by ascending positions.
    pub(crate) fn row(&self, set: &[Position], corrected: bool) -> Row {
        let answers = &*self.answers;
        let (correlation, n) = match (&self.complete, &answers.scores) {
            (Some(complete), _) => (complete.correlation(set, corrected), answers.users() as i64),
            (None, Scores::Binary(scores)) => {
                let score = |user, question| i64::from(contains(scores.correct.row(user), question));
                self.sum(set, corrected, score, |user| i64::from(scores.totals[user]))
            }
            (None, Scores::Integer(scores)) => self.sum_weighted(set, corrected, scores),
            (None, Scores::Long(scores)) => self.sum_weighted(set, corrected, scores),
            (None, Scores::Wide(scores)) => self.sum_weighted(set, corrected, scores),
            (None, Scores::Float(scores)) => self.sum_weighted(set, corrected, scores),
        };
        let mut questions: Vec<u32> = set.iter().map(|position| answers.ids[position.0]).collect();
        questions.sort_unstable();
        Row { questions, r: correlation.defined(), n }
    }

    fn sum_weighted<N: Number>(
        &self,
        set: &[Position],
        corrected: bool,
        scores: &Weighted<N>,
    ) -> (Correlation, i64) {
        let score = |user, question| scores.of(user)[rank(self.answers.answered.row(user), question)];
        self.sum(set, corrected, score, |user| scores.totals[user])
    }

    /// Sums over the users who answered all of a set.
    fn sum<N: Number>(
        &self,
        set: &[Position],
        corrected: bool,
        score: impl Fn(usize, usize) -> N,
        total: impl Fn(usize) -> N,
    ) -> (Correlation, i64) {
        // Sweeps begin with the last position.
        let subtotal = |user: usize| {
            set.iter().rev().fold(N::default(), |sum, position| sum.plus(score(user, position.0)))
        };
        let answered_by = self.answered_by.get_or_init(|| AnsweredBy::new(&self.answers, self.instructions));
        let users = answered_by.users(set);
        let pairs = || users.iter().map(|&user| (subtotal(user as usize), total(user as usize)));
        let mut sums = Sums::default();
        pairs().for_each(|(a, b)| N::accumulate(&mut sums, a, b));
        let correlation = match N::correlate(&sums, corrected) {
            Correlation::Doubtful => N::correlate_carefully(&pairs().collect::<Vec<_>>(), corrected),
            sure => sure,
        };
        (correlation, sums.n)
    }
}
