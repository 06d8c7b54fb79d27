//! How many of some questions a set may have: content balancing, as test assembly knows it
//! (W. J. van der Linden, *Linear Models for Optimal Test Design*, 2005).

use crate::index::bitset::{WORD, contains};
use crate::sweep::position::Position;

/// From `least` to `most` of some questions are in each set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// Ids of these questions; one that occurs twice counts once.
    pub questions: Vec<u32>,
    /// The fewest of them.
    pub least: usize,
    /// The most of them.
    pub most: usize,
}

/// The same by positions, of the questions that a branch chooses.
#[derive(Debug, Clone)]
pub(crate) struct BranchQuota {
    /// A bit for each position.
    members: Vec<u64>,
    pub(crate) least: usize,
    pub(crate) most: usize,
}

impl BranchQuota {
    pub(crate) fn new(members: impl IntoIterator<Item = Position>, quota: &Quota, questions: usize) -> Self {
        let mut bits = vec![0; questions.div_ceil(WORD)];
        members.into_iter().for_each(|position| bits[position.word()] |= 1 << position.bit());
        Self { members: bits, least: quota.least, most: quota.most }
    }

    #[inline]
    pub(crate) fn has(&self, position: Position) -> bool {
        contains(&self.members, position.0)
    }

    fn count(&self, positions: impl Iterator<Item = Position>) -> usize {
        positions.filter(|&position| self.has(position)).count()
    }

    /// What is left of it where some questions are in every set; `None` where no set meets it.
    pub(crate) fn beside(mut self, fixed: &[Position]) -> Option<Self> {
        let count = self.count(fixed.iter().copied());
        self.most = self.most.checked_sub(count)?;
        self.least = self.least.saturating_sub(count);
        (self.least <= self.most).then_some(self)
    }

    /// Whether a set that has some questions and `missing` more may meet it.
    pub(crate) fn may_be_met(&self, some: impl Iterator<Item = Position>, missing: usize) -> bool {
        let count = self.count(some);
        count <= self.most && count + missing >= self.least
    }

    /// Leaves those lanes of a prefix whose sets meet it.
    pub(crate) fn restrict(&self, prefix: impl Iterator<Item = Position>, lanes: &mut [u64]) {
        let count = self.count(prefix);
        let [with, without] = [count + 1, count].map(|count| self.least <= count && count <= self.most);
        for (lanes, members) in lanes.iter_mut().zip(&self.members) {
            let meet = if with { *members } else { 0 } | if without { !members } else { 0 };
            *lanes &= meet;
        }
    }
}
