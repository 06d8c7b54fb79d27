//! Who answered what, how well, in the order of the sweep.

use std::collections::HashSet;
use std::hash::Hash;

use crate::compensated::Compensated;
use crate::index::bitset::{BitMatrix, rank};
use crate::index::scores::{Scores, Weighted};
use crate::index::sorting::{RUN, sorted_by};
use crate::index::unit::Unit;
use crate::interest::{Interest, Unwanted};

/// All answers, as bits and numbers without names.
///
/// A question has two numbers. Its *id* is the place of its value among the
/// sorted values. Its *position* is its place in the order of the sweep: the
/// question answered by most users comes first, ties by id. The sweep takes its
/// prefixes from the far end, so that the rarest questions stand outermost.
#[derive(Debug)]
pub struct Answers {
    /// For each user, the positions of the questions answered.
    pub(crate) answered: BitMatrix,
    /// The scores of those answers, and the users' grand totals.
    pub(crate) scores: Scores,
    /// What the numbers that scores are kept as stand for.
    pub(crate) unit: Unit,
    /// For each position, the question's id.
    pub(crate) ids: Vec<u32>,
    /// For each position, how many users answered the question; descending.
    pub(crate) support: Vec<usize>,
}

/// Scores that are compared between two looks at whether anybody waits, some times each.
const WORDS: usize = 1 << 20;

impl Answers {
    /// Those of some users who answered anything.
    pub(crate) fn who_answered(&self, mut users: Vec<u32>) -> Vec<u32> {
        users.retain(|&user| self.answered.row(user as usize).iter().any(|&word| word != 0));
        users
    }

    /// Some users in an order that follows from their answers alone; those who gave the same answers may stand in any,
    /// as nothing tells them apart.
    ///
    /// # Errors
    /// Nobody waits for it.
    pub(crate) fn by_answers(&self, users: Vec<u32>, interest: Interest<'_>) -> Result<Vec<u32>, Unwanted> {
        fn integers<N: Copy + Ord + Sync>(
            answers: &Answers,
            users: Vec<u32>,
            scores: &Weighted<N>,
            word: fn(N) -> u64,
            interest: Interest<'_>,
        ) -> Result<Vec<u32>, Unwanted> {
            let of_user = |user| scores.of(user).iter().copied();
            answers.by(users, of_user, word, |user| scores.totals[user], interest)
        }
        match &self.scores {
            Scores::Binary(scores) => {
                let correct = |user| scores.correct.row(user).iter().copied();
                self.by(users, correct, |word| word, |user| scores.totals[user], interest)
            }
            Scores::Integer(scores) => integers(self, users, scores, |score| score as u64, interest),
            Scores::Long(scores) => integers(self, users, scores, |score| score as u64, interest),
            Scores::Wide(scores) => integers(self, users, scores, |score| score.as_u64(), interest),
            Scores::Float(scores) => {
                let bits = |score: Compensated| score.parts().map(f64::to_bits);
                let of_user = |user| scores.of(user).iter().map(move |&score| bits(score));
                self.by(users, of_user, |[sum, _]| sum, |user| bits(scores.totals[user]), interest)
            }
        }
    }

    /// Users by the questions that they answered, their scores and their totals.
    ///
    /// # Arguments
    /// `word`: some bits of a score, to tell most users apart.
    fn by<Score: Copy + Ord, Of: Iterator<Item = Score>, Total: Ord>(
        &self,
        users: Vec<u32>,
        scores: impl Fn(usize) -> Of + Sync,
        word: impl Fn(Score) -> u64 + Sync,
        total: impl Fn(usize) -> Total + Sync,
        interest: Interest<'_>,
    ) -> Result<Vec<u32>, Unwanted> {
        let answered = |user: usize| self.answered.row(user);
        // The same on every processor, unlike what hash tables are given.
        let mixed = |all: u64, word: u64| (all.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let key = |user: u32| {
            let user = user as usize;
            answered(user).iter().copied().chain(scores(user).map(&word)).fold(0, mixed)
        };
        let order = |x: u32, y: u32| {
            let (x, y) = (x as usize, y as usize);
            let of_scores = || scores(x).cmp(scores(y));
            answered(x).cmp(answered(y)).then_with(of_scores).then_with(|| total(x).cmp(&total(y)))
        };
        let run = (WORDS / self.questions().max(1)).clamp(1, RUN);
        sorted_by(users, run, key, order, interest)
    }

    /// Keeps some users, in an order.
    ///
    /// # Errors
    /// Nobody waits for it.
    pub(crate) fn reorder(&mut self, users: &[u32], interest: Interest<'_>) -> Result<(), Unwanted> {
        if users.len() == self.users() && users.is_sorted() {
            return Ok(());
        }
        self.scores = self.scores.in_order(users, interest)?;
        interest.check()?;
        self.answered = self.answered.in_order(users);
        interest.check()
    }

    /// Whether everybody answered a question, given by its position, and no two have the same
    /// score, as it is with numbers that name users.
    pub(crate) fn tells_users_apart(&self, position: usize) -> bool {
        fn distinct<N: Copy, K: Hash + Eq>(
            answers: &Answers,
            scores: &Weighted<N>,
            position: usize,
            key: fn(N) -> K,
        ) -> bool {
            let place = |user| rank(answers.answered.row(user), position);
            let score = |user: usize| key(scores.of(user)[place(user)]);
            let mut known = HashSet::new();
            (0..answers.users()).all(|user| known.insert(score(user)))
        }
        self.users() >= FEWEST_TOLD_APART
            && self.support[position] == self.users()
            && match &self.scores {
                Scores::Binary(_) => false,
                Scores::Integer(scores) => distinct(self, scores, position, |score| score),
                Scores::Long(scores) => distinct(self, scores, position, |score| score),
                Scores::Wide(scores) => distinct(self, scores, position, |score| score),
                Scores::Float(scores) => {
                    distinct(self, scores, position, |score| score.parts().map(f64::to_bits))
                }
            }
    }

    /// The position of each question, by id.
    pub(crate) fn positions(&self) -> Vec<usize> {
        let mut positions = vec![0; self.questions()];
        for (position, &id) in self.ids.iter().enumerate() {
            positions[id as usize] = position;
        }
        positions
    }

    /// Whether everybody answered every question.
    pub(crate) fn are_complete(&self) -> bool {
        self.gaps() == 0
    }

    /// How many answers are missing.
    pub(crate) fn gaps(&self) -> usize {
        self.support.iter().map(|support| self.users() - support).sum()
    }

    /// Whether scores are integers whose sums fit 64 bits.
    pub(crate) fn have_small_sums(&self) -> bool {
        matches!(self.scores, Scores::Binary(_) | Scores::Integer(_))
    }

    /// Whether the scores are summed as floating point numbers.
    pub(crate) fn are_floats(&self) -> bool {
        matches!(self.scores, Scores::Float(_))
    }

    /// How many users there are.
    pub fn users(&self) -> usize {
        self.answered.rows()
    }

    /// How many questions there are.
    pub fn questions(&self) -> usize {
        self.ids.len()
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        let rows = BitMatrix::bytes(self.users(), self.questions());
        let of_question = size_of::<u32>() + size_of::<usize>();
        rows + self.scores.memory() + self.unit.bytes() + self.questions() * of_question
    }

    /// The class of the scores, which decides how they are summed.
    pub fn score_class(&self) -> &'static str {
        self.scores.class()
    }
}

/// Among fewer users scores may well be all different.
const FEWEST_TOLD_APART: usize = 10;

/// The order of the sweep, from the support by id: for each position, the id.
pub(crate) fn sweep_order(support: &[usize]) -> Vec<u32> {
    let mut ids: Vec<u32> = (0..support.len() as u32).collect();
    ids.sort_by_key(|&id| (std::cmp::Reverse(support[id as usize]), id));
    ids
}
