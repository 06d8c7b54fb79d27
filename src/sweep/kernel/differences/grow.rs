//! The cohort of a prefix that has grown by a question.

use super::cohort::{DifferenceCohort, Member};
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
            *sums = stored(step.known(instructions, tables, cohort, strip));
            step.give_back(instructions, tables, cohort, strip, lanes, sums);
        }

        grown.complete.resize(cohort.complete.len(), 0);
        add_scores(&cohort.complete, tables.column(question), &mut grown.complete);
        let who_missed = tables.gaps.of_question(question);

        grown.prefix.clone_from(&cohort.prefix);
        grown.prefix.push(question);
        grown.digits = tables.digits;
        grown.members.clone_from(&cohort.members);
        grown.planes.clear();
        for block in 0..cohort.blocks() {
            let members = &mut grown.members[block * WORD..];
            for digit in 0..cohort.digits {
                for slot in ones(cohort.plane(block, digit, question.strip())[question.lane()]) {
                    members[slot].subtotal += 1 << digit;
                }
                grown.planes.extend((0..strips).map(|strip| cohort.plane(block, digit, strip)));
            }
        }
        grown.missed = cohort.missed;
        grown.inherit_who_missed(cohort);
        grown.add(instructions, tables, who_missed);
        grown.mark_missed();
    }
}

/// Adds their scores to the subtotals of those who missed nothing.
#[inline(always)]
fn add_scores(complete: &[u64], scores: &[u8], grown: &mut [u64]) {
    let (complete, scores) = (&complete[..grown.len()], &scores[..grown.len()]);
    for user in 0..grown.len() {
        let nothing_missed = (complete[user] & 1).wrapping_neg();
        grown[user] = complete[user] + (u64::from(scores[user]) << 32 & nothing_missed);
    }
}

impl DifferenceCohort {
    /// Adds, of users who missed a question, those who had missed nothing before.
    #[inline(always)]
    fn add<I: InstructionSet>(&mut self, instructions: I, tables: &Tables, who_missed: &[u32]) {
        let before = self.missed;
        self.members.truncate(before);
        for &user in who_missed {
            // Who missed but one question missed no other before.
            if let Some(complete) = self.complete.get_mut(user as usize) {
                if *complete == 0 {
                    continue;
                }
                *complete = 0;
            }
            let mut subtotal = 0;
            for question in &self.prefix {
                subtotal += i16::from(tables.scores(user, question.strip())[question.lane()]);
            }
            let total = tables.total(user);
            self.list_missed(self.members.len() as u32, total, tables.gaps.of_user(user));
            self.members.push(Member { user, subtotal, total });
        }
        self.missed = self.members.len();
        self.members.resize(self.missed.next_multiple_of(WORD), Member::default());
        let strips = self.sums.len();
        self.planes.resize(self.blocks() * tables.digits * strips, [0; STRIP]);
        for block in before / WORD..self.blocks() {
            let slots = before.max(block * WORD)..self.missed.min((block + 1) * WORD);
            for digit in 0..tables.digits {
                let planes = &mut self.planes[(block * tables.digits + digit) * strips..][..strips];
                for (word, strips) in planes.chunks_mut(LANES / STRIP).enumerate() {
                    let (mut rows, mut columns) = ([0; WORD], [0; WORD]);
                    for slot in slots.clone() {
                        rows[slot % WORD] = tables.digit(self.members[slot].user, digit)[word];
                    }
                    instructions.transpose(&rows, &mut columns);
                    for (to, from) in strips.as_flattened_mut().iter_mut().zip(columns) {
                        *to |= from;
                    }
                }
            }
        }
    }
}
