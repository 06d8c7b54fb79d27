//! r and n of one set of questions, without a sweep.

use std::sync::{Arc, OnceLock};

use crate::index::Answers;
use crate::index::bitset::BitMatrix;
use crate::index::scores::UserScores;
use crate::sweep::answered_by::AnsweredBy;
use crate::sweep::kernel::complete::Lookup;
use crate::sweep::of_scores::{Described, OfScores};
use crate::sweep::pearson::{Correlation, Number, correlate};
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
        let (correlation, n) = match &self.complete {
            Some(complete) => (complete.correlation(set, corrected), answers.users() as i64),
            None => {
                let answered_by =
                    self.answered_by.get_or_init(|| AnsweredBy::new(answers, self.instructions));
                let users = answered_by.users(set);
                let correlate = Correlate { answered: &answers.answered, set, users: &users, corrected };
                (correlate.of_class(&answers.scores), users.len() as i64)
            }
        };
        let mut questions: Vec<u32> = set.iter().map(|position| answers.ids[position.0]).collect();
        questions.sort_unstable();
        Row { questions, r: correlation.defined(), n }
    }
}

/// r over the users of a set.
struct Correlate<'a> {
    answered: &'a BitMatrix,
    set: &'a [Position],
    users: &'a [u32],
    corrected: bool,
}

impl OfScores for Correlate<'_> {
    type Output = Correlation;

    fn of<S: UserScores<Number: Described>>(self, scores: &S) -> Correlation {
        let pair = |&user: &u32| {
            let user = user as usize;
            // Sweeps begin with the last position.
            let of_set = self.set.iter().rev();
            let subtotal = of_set.fold(S::Number::default(), |sum, position| {
                sum.plus(scores.score(self.answered, user, position.0))
            });
            (subtotal, scores.total(user))
        };
        correlate(&self.users.iter().map(pair).collect::<Vec<_>>(), self.corrected)
    }
}
