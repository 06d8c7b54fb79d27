//! The users who missed a question beside something of a prefix: what they scored on every lane.

use super::cohort::{DifferenceCohort, Member};
use super::tables::Tables;
use crate::sweep::position::Position;
use crate::sweep::simd::{Arithmetic, InstructionSet, STRIP, Strip};

/// Over some users, Σs, Σ(2p + s)s and Σb·s of the lanes of a strip.
pub(super) type ScoreSums = [[i32; STRIP]; 3];

/// For each question, what those of a prefix's members scored who missed it, too.
///
/// They are few, and are summed once for all prefixes that are longer by a question, in vectors over
/// the lanes. To look for them in each lane of each of those prefixes took most of the time where 1 % or
/// more are missing. A strip of a question is summed when it is first asked for, as most never are.
#[derive(Debug, Clone, Default)]
pub(super) struct MissedToo {
    /// `[question][strip of lanes]`; unspecified where not summed.
    sums: Vec<ScoreSums>,
    /// `[strip of lanes][strip of questions]`: the questions that are summed.
    summed: Vec<u32>,
}

impl MissedToo {
    /// Bytes of the sums of so many lanes.
    pub(super) fn bytes(lanes: usize) -> usize {
        lanes * lanes / STRIP * size_of::<ScoreSums>()
    }

    /// Makes this that of another prefix, with so many strips.
    pub(super) fn renew(&mut self, strips: usize) {
        self.summed.clear();
        self.summed.resize(strips * strips, 0);
        self.sums.resize((strips * STRIP * strips).max(self.sums.len()), [[0; STRIP]; 3]);
    }

    /// The sums over the members of a cohort, always the same one, who missed a question.
    #[inline(always)]
    pub(super) fn sums<I: InstructionSet>(
        &mut self,
        instructions: I,
        tables: &Tables,
        cohort: &DifferenceCohort,
        question: Position,
        strip: usize,
    ) -> &ScoreSums {
        let strips = cohort.sums.len();
        let sums = &mut self.sums[question.0 * strips + strip];
        let summed = &mut self.summed[strip * strips + question.strip()];
        if *summed >> question.lane() & 1 == 0 {
            *summed |= 1 << question.lane();
            let who = cohort.who_missed(question);
            if cohort.digits == 1 {
                sum_binary(instructions, tables, cohort, who, strip, sums);
            } else {
                sum(tables, cohort, who, strip, sums);
            }
        }
        sums
    }
}

/// Sums scores of 0 and 1 of some members, given by their slots.
#[inline(always)]
fn sum_binary<I: InstructionSet>(
    instructions: I,
    tables: &Tables,
    cohort: &DifferenceCohort,
    who: &[u32],
    strip: usize,
    sums: &mut ScoreSums,
) {
    let zero = instructions.lanes32(0);
    let one = instructions.lanes32(1);
    let (mut s, mut ss, mut bs) = (zero, zero, zero);
    for &slot in who {
        let Member { user, subtotal, total } = cohort.members[slot as usize];
        let scores = tables.digit(user, 0)[strip / 2] >> (strip % 2 * STRIP);
        let [scores, _] = zero.masks(scores);
        s = s.add_where(scores, one);
        ss = ss.add_where(scores, instructions.lanes32(2 * i32::from(subtotal) + 1));
        bs = bs.add_where(scores, instructions.lanes32(total.into()));
    }
    s.store(&mut sums[0]);
    ss.store(&mut sums[1]);
    bs.store(&mut sums[2]);
}

/// Sums scores of some members, given by their slots.
#[inline(always)]
fn sum(tables: &Tables, cohort: &DifferenceCohort, who: &[u32], strip: usize, sums: &mut ScoreSums) {
    *sums = [[0; STRIP]; 3];
    let [s, ss, bs] = sums;
    for &slot in who {
        let Member { user, subtotal, total } = cohort.members[slot as usize];
        let (p, b) = (i32::from(subtotal), i32::from(total));
        let scores = tables.scores(user, strip);
        for lane in 0..STRIP {
            let score = i32::from(scores[lane]);
            s[lane] += score;
            ss[lane] += 2 * p * score + score * score;
            bs[lane] += b * score;
        }
    }
}
