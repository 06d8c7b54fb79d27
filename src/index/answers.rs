//! Who answered what, how well, in the order of the sweep.

use crate::index::bitset::BitMatrix;
use crate::index::scores::Scores;

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
    /// For each position, the question's id.
    pub(crate) ids: Vec<u32>,
    /// For each position, how many users answered the question; descending.
    pub(crate) support: Vec<usize>,
}

impl Answers {
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
        rows + self.scores.memory() + self.questions() * of_question
    }

    /// The class of the scores, which decides how they are summed.
    pub fn score_class(&self) -> &'static str {
        self.scores.class()
    }
}

/// The order of the sweep, from the support by id: for each position, the id.
pub(crate) fn sweep_order(support: &[usize]) -> Vec<u32> {
    let mut ids: Vec<u32> = (0..support.len() as u32).collect();
    ids.sort_by_key(|&id| (std::cmp::Reverse(support[id as usize]), id));
    ids
}
