//! The cohort of a prefix that has grown by a question.

use super::cohort::{DifferenceCohort, MISSED, Member};
use super::step::{Step, stored};
use super::tables::{Tables, of_lane};
use crate::index::bitset::{WORD, below, ones};
use crate::sweep::kernel::LANES;
use crate::sweep::position::Position;
use crate::sweep::simd::{InstructionSet, STRIP, Task};

/// Makes the cohort of a grown prefix, with as many of the lowest strips as are told.
pub(super) struct Grow<'a> {
    pub(super) tables: &'a Tables,
    pub(super) cohort: &'a DifferenceCohort,
    pub(super) step: &'a mut Step,
    pub(super) question: Position,
    pub(super) strips: usize,
    pub(super) grown: &'a mut DifferenceCohort,
}

impl Task for Grow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: InstructionSet>(self, instructions: I) {
        let Self { tables, cohort, step, question, strips, grown } = self;
        step.take(tables, cohort, question);
        grown.totals = of_lane(&cohort.sums[question.strip()], question.lane());
        grown.sums.resize(strips, [[0; STRIP]; 6]);
        for (strip, sums) in grown.sums.iter_mut().enumerate() {
            let lanes = below(tables.questions().saturating_sub(strip * STRIP).min(STRIP)) as u32;
            *sums = stored(step.sums(instructions, tables, cohort, strip, lanes));
        }

        grown.subtotals.clear();
        let scores = cohort.subtotals.iter().zip(tables.column(question));
        grown.subtotals.extend(scores.map(|(&subtotal, &score)| subtotal + u16::from(score)));
        let who_missed = tables.who_missed(question);
        who_missed.iter().for_each(|&user| grown.subtotals[user as usize] |= MISSED);

        grown.prefix.clone_from(&cohort.prefix);
        grown.prefix.push(question);
        grown.planes_per_block = tables.planes;
        grown.members.clone_from(&cohort.members);
        grown.planes.clear();
        for block in 0..cohort.blocks() {
            let members = &mut grown.members[block * WORD..];
            for digit in 0..cohort.digits() {
                for slot in ones(cohort.plane(block, 1 + digit, question.strip())[question.lane()]) {
                    members[slot].subtotal += 1 << digit;
                }
            }
            for plane in 0..tables.planes {
                grown.planes.extend((0..strips).map(|strip| cohort.plane(block, plane, strip)));
            }
        }
        grown.missed = cohort.missed;
        let leaving = who_missed.iter().filter(|&&user| cohort.subtotals[user as usize] & MISSED == 0);
        grown.add(instructions, tables, leaving.copied());
        grown.list_who_missed();
    }
}

impl DifferenceCohort {
    /// Adds users to those who missed something.
    #[inline(always)]
    fn add<I: InstructionSet>(
        &mut self,
        instructions: I,
        tables: &Tables,
        mut users: impl Iterator<Item = u32>,
    ) {
        let strips = self.sums.len();
        let mut added = [0; WORD];
        loop {
            let first = self.missed;
            let room = WORD - first % WORD;
            if room == WORD {
                self.members.resize(self.members.len() + WORD, Member::default());
                self.planes.resize(self.planes.len() + tables.planes * strips, [0; STRIP]);
            }
            for user in users.by_ref().take(room) {
                let subtotal = i32::from(self.subtotals[user as usize] & !MISSED);
                self.members[self.missed] = Member { user, subtotal, total: tables.total(user) };
                added[self.missed - first] = user;
                self.missed += 1;
            }
            let added = &added[..self.missed - first];
            let block = first / WORD;
            for plane in 0..tables.planes {
                let planes = &mut self.planes[(block * tables.planes + plane) * strips..][..strips];
                for (word, strips) in planes.chunks_mut(LANES / STRIP).enumerate() {
                    let (mut rows, mut columns) = ([0; WORD], [0; WORD]);
                    for (row, &user) in rows[first % WORD..].iter_mut().zip(added) {
                        *row = tables.bits(user, plane)[word];
                    }
                    instructions.transpose(&rows, &mut columns);
                    for (to, from) in strips.as_flattened_mut().iter_mut().zip(columns) {
                        *to |= from;
                    }
                }
            }
            if added.len() < room {
                return;
            }
        }
    }
}
