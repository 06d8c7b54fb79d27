//! A prefix: the sums of its lanes, and the users who missed something of it.

use super::tables::{LaneSums, Tables};
use crate::index::bitset::{WORD, ones};
use crate::sweep::position::Position;
use crate::sweep::simd::STRIP;

/// A user who missed something of a prefix.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Member {
    pub(super) user: u32,
    /// On the prefix.
    pub(super) subtotal: i32,
    /// The grand total.
    pub(super) total: i32,
}

/// A user who missed something of a prefix, and a lane.
#[derive(Debug, Clone, Copy)]
pub(super) struct Missing {
    pub(super) slot: u32,
    /// On the prefix.
    pub(super) subtotal: i32,
    /// The grand total.
    pub(super) total: i32,
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
    /// `[block][plane][strip]`: which of 64 users missed a lane, and the digits of their scores on it.
    pub(super) planes: Vec<[u64; STRIP]>,
    pub(super) planes_per_block: usize,
    /// By lane, those who missed it; and where these lists end.
    who_missed: Vec<Missing>,
    ends: Vec<usize>,
    /// By strip, the lanes that anybody of them missed.
    pub(super) missed_lanes: Vec<u32>,
    /// By user: the subtotal on the prefix, with [`MISSED`] set if they missed something of it.
    pub(super) subtotals: Vec<u16>,
    /// The questions of the prefix.
    pub(super) prefix: Vec<Position>,
}

/// Marks a user who missed something. No subtotal is as large.
pub(super) const MISSED: u16 = 1 << 15;

impl DifferenceCohort {
    /// The empty prefix.
    pub(super) fn empty(tables: &Tables) -> Self {
        Self {
            totals: tables.of_all,
            sums: tables.alone.clone(),
            planes_per_block: tables.planes,
            subtotals: vec![0; tables.users()],
            ..Self::default()
        }
    }

    /// Bytes of one user who missed something, and so many questions.
    pub(super) fn user_bytes(lanes: usize, missed: usize) -> usize {
        // Nine planes of bits at most.
        size_of::<Member>() + 2 * lanes + missed * size_of::<Missing>()
    }

    /// How many blocks of users there are.
    #[inline(always)]
    pub(super) fn blocks(&self) -> usize {
        self.members.len() / WORD
    }

    /// How many binary digits scores have.
    #[inline(always)]
    pub(super) fn digits(&self) -> usize {
        self.planes_per_block - 1
    }

    /// A strip of a plane of a block: for each lane, a bit for each user.
    #[inline(always)]
    pub(super) fn plane(&self, block: usize, plane: usize, strip: usize) -> &[u64; STRIP] {
        let strips = self.sums.len();
        &self.planes[(block * self.planes_per_block + plane) * strips + strip]
    }

    /// Those who missed a lane, beside something of the prefix.
    #[inline(always)]
    pub(super) fn who_missed(&self, Position(lane): Position) -> &[Missing] {
        match self.ends.get(lane) {
            Some(&end) => &self.who_missed[lane.checked_sub(1).map_or(0, |before| self.ends[before])..end],
            None => &[],
        }
    }

    /// Lists who missed each lane.
    #[inline(always)]
    pub(super) fn list_who_missed(&mut self) {
        self.who_missed.clear();
        self.ends.clear();
        self.missed_lanes.clear();
        for strip in 0..self.sums.len() {
            let mut lanes = 0;
            for lane in 0..STRIP {
                let before = self.who_missed.len();
                for block in 0..self.blocks() {
                    let slots = ones(self.plane(block, 0, strip)[lane]);
                    self.who_missed.extend(slots.map(|slot| {
                        let slot = block * WORD + slot;
                        let Member { subtotal, total, .. } = self.members[slot];
                        Missing { slot: slot as u32, subtotal, total }
                    }));
                }
                lanes |= u32::from(self.who_missed.len() > before) << lane;
                self.ends.push(self.who_missed.len());
            }
            self.missed_lanes.push(lanes);
        }
    }
}
