//! A prefix: the sums of its lanes, and the users who missed something of it.

use super::gaps::Weights;
use super::tables::{LaneSums, Tables};
use crate::index::bitset::WORD;
use crate::sweep::position::Position;
use crate::sweep::simd::STRIP;

/// A user who missed something of a prefix.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Member {
    pub(super) user: u32,
    /// On the prefix.
    pub(super) subtotal: i16,
    /// The grand total.
    pub(super) total: i16,
}

/// The sums of a prefix's lanes, and the users who missed something of it.
///
/// Those users have slots, in blocks of 64, of which the last is filled up with nobody.
#[derive(Debug, Default)]
pub(crate) struct DifferenceCohort {
    /// n, Σa, Σa², Σb, Σb² and Σab over those who answered all of the prefix.
    pub(super) totals: [i32; 6],
    /// By strip: the same over those of them who answered a lane, with their scores on it.
    pub(super) sums: Vec<LaneSums>,
    /// How many users missed something.
    pub(super) missed: usize,
    /// By slot.
    pub(super) members: Vec<Member>,
    /// `[block][digit][strip]`: a digit of the scores of 64 users, by lane.
    pub(super) planes: Vec<[u64; STRIP]>,
    /// How many binary digits scores have.
    pub(super) digits: usize,
    /// By strip, the questions that anybody missed, by the same lists.
    missed_too: Vec<u32>,
    /// By strip, over those who missed each.
    weights: Vec<Weights>,
    /// By question, the slots of those who missed it; unspecified for those of the prefix.
    pub(super) who_missed: Vec<Vec<u32>>,
    /// By user who missed more than one question: if none of the prefix, 1 and, in the upper half, the
    /// subtotal on it; otherwise zero.
    pub(super) complete: Vec<u64>,
    /// The questions of the prefix.
    pub(super) prefix: Vec<Position>,
}

impl DifferenceCohort {
    /// The empty prefix.
    pub(super) fn empty(tables: &Tables) -> Self {
        Self {
            totals: tables.of_all,
            sums: tables.alone.clone(),
            digits: tables.digits,
            who_missed: vec![Vec::new(); tables.lanes()],
            missed_too: vec![0; tables.alone.len()],
            weights: vec![Weights::NONE; tables.alone.len()],
            complete: vec![1; tables.with_gaps],
            ..Self::default()
        }
    }

    /// Bytes of one user who missed something and so many questions more.
    pub(super) fn user_bytes(lanes: usize, missed: usize) -> usize {
        // Eight digits at most.
        size_of::<Member>() + lanes + missed * size_of::<u32>()
    }

    /// How many blocks of users there are.
    #[inline(always)]
    pub(super) fn blocks(&self) -> usize {
        self.members.len() / WORD
    }

    /// The slots of those who missed a question, which is not of the prefix.
    #[inline(always)]
    pub(super) fn who_missed(&self, Position(question): Position) -> &[u32] {
        &self.who_missed[question]
    }

    /// The questions of a strip that anybody missed who missed something of the prefix.
    #[inline(always)]
    pub(super) fn missed_too(&self, strip: usize) -> u32 {
        self.missed_too[strip]
    }

    /// Of those who missed something of the prefix, those who missed a lane of a strip, too.
    #[inline(always)]
    pub(super) fn weights(&self, strip: usize) -> &Weights {
        &self.weights[strip]
    }

    /// Takes over who missed which question.
    #[inline(always)]
    pub(super) fn inherit_who_missed(&mut self, parent: &Self) {
        self.weights.clear();
        self.weights.extend_from_slice(&parent.weights[..self.sums.len()]);
        let lanes = self.sums.len() * STRIP;
        self.who_missed.resize_with(lanes, Vec::new);
        for question in 0..lanes {
            let (who, before) = (&mut self.who_missed[question], &parent.who_missed[question]);
            who.clear();
            if !before.is_empty() && !self.prefix.contains(&Position(question)) {
                who.extend_from_slice(before);
            }
        }
    }

    /// Lists a member, with this grand total, with the questions that they missed, too.
    #[inline(always)]
    pub(super) fn list_missed(&mut self, slot: u32, total: i16, missed: &[u16]) {
        for &question in missed {
            let question = usize::from(question);
            if question >= self.who_missed.len() {
                break;
            }
            self.who_missed[question].push(slot);
            self.weights[question / STRIP].add(question % STRIP, total);
        }
    }

    /// Marks the questions that anybody missed, too.
    #[inline(always)]
    pub(super) fn mark_missed(&mut self) {
        self.missed_too.clear();
        for strip in self.who_missed.chunks_exact(STRIP) {
            let mut questions = 0;
            for (lane, who) in strip.iter().enumerate() {
                questions |= u32::from(!who.is_empty()) << lane;
            }
            self.missed_too.push(questions);
        }
    }

    /// A strip of a digit of a block: for each lane, a bit for each user.
    #[inline(always)]
    pub(super) fn plane(&self, block: usize, digit: usize, strip: usize) -> &[u64; STRIP] {
        let strips = self.sums.len();
        &self.planes[(block * self.digits + digit) * strips + strip]
    }
}
