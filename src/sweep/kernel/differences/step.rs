//! What changes when a question is added to a prefix.

use super::cohort::DifferenceCohort;
use super::gaps::MissedBoth;
use super::missed_too::MissedToo;
use super::remainder::Remainder;
use super::tables::{LaneSums, Tables, of_lane};
use crate::index::bitset::ones;
use crate::sweep::position::Position;
use crate::sweep::simd::{Arithmetic, InstructionSet, STRIP, Strip, each};

/// What changes when a prefix grows by a question, as far as it is the same for all lanes.
#[derive(Debug, Clone, Default)]
pub(super) struct Step {
    pub(super) question: Position,
    /// How many users answered the grown prefix.
    pub(super) users: usize,
    /// What is taken off n, Σa, Σa², Σb, Σb² and Σab of every lane.
    taken: [i32; 6],
    /// By the length of the prefix that is to grow.
    missed_too: Vec<MissedToo>,
    /// Prefixes of this length or longer are others than when these were made.
    renewed: usize,
}

impl Step {
    /// Says that there is another prefix of this length.
    #[inline(always)]
    pub(super) fn renew(&mut self, length: usize) {
        self.renewed = self.renewed.min(length);
    }

    /// Makes this the step of a cohort's prefix to one question more.
    #[inline(always)]
    pub(super) fn take(&mut self, tables: &Tables, cohort: &DifferenceCohort, question: Position) {
        let after = of_lane(&cohort.sums[question.strip()], question.lane());
        let [sum, squares, with_b] = each(|number| tables.of_question[number][question.0]);
        let all = [0, sum, squares, 0, 0, with_b];
        self.taken = each(|number| cohort.totals[number] + all[number] - after[number]);
        (self.question, self.users) = (question, after[0] as usize);
        let length = cohort.prefix.len();
        if self.renewed <= length {
            self.missed_too.resize_with(self.missed_too.len().max(length + 1), MissedToo::default);
            self.missed_too[length].renew(cohort.sums.len());
            self.renewed = length + 1;
        }
    }

    /// The sums n, Σa, Σa², Σb, Σb² and Σab over those who answered the grown prefix and a lane, for
    /// the lanes of a strip, before what [`give_back`](Self::give_back) adds.
    #[inline(always)]
    pub(super) fn known<I: InstructionSet>(
        &mut self,
        instructions: I,
        tables: &Tables,
        cohort: &DifferenceCohort,
        strip: usize,
    ) -> [I::Lanes32; 6] {
        // In vectors by name, as of sums in memory the compiler adds the products one by one.
        let load = |lanes: &[i32; STRIP]| instructions.load_lanes32(lanes);
        let question = self.question;
        let before = &cohort.sums[strip];
        let less_taken = |sum: usize| load(&before[sum]).add(instructions.lanes32(-self.taken[sum]));
        let [a, aa, ab] = tables.added(question, strip);
        let mut squares = less_taken(2).add(load(aa));
        squares = squares.add(tables.less_missed_products(instructions, &cohort.prefix, question, strip));
        let (mut a, mut ab) = (less_taken(1).add(load(a)), less_taken(5).add(load(ab)));
        if cohort.blocks() > 0 {
            squares = squares.add(load(&less_products(cohort, question, strip)));
        }
        let missed_too = &mut self.missed_too[cohort.prefix.len()];
        if cohort.missed_too(question.strip()) >> question.lane() & 1 == 1 {
            let [s, ss, bs] = missed_too.sums(instructions, tables, cohort, question, strip);
            (a, squares, ab) = (a.add(load(s)), squares.add(load(ss)), ab.add(load(bs)));
        }
        [less_taken(0), a, squares, less_taken(3), less_taken(4), ab]
    }

    /// Whether there is anything to give back to any of `lanes`, a set of bits.
    #[inline(always)]
    pub(super) fn gives_back(
        &self,
        tables: &Tables,
        cohort: &DifferenceCohort,
        strip: usize,
        lanes: u32,
    ) -> bool {
        lanes & (cohort.missed_too(strip) | tables.gaps.shared(self.question, strip)) != 0
    }

    /// Gives back to each of `lanes` what was taken off for those who missed it. The sums of others are not
    /// right.
    #[inline(always)]
    pub(super) fn give_back<I: InstructionSet>(
        &mut self,
        instructions: I,
        tables: &Tables,
        cohort: &DifferenceCohort,
        strip: usize,
        lanes: u32,
        sums: &mut LaneSums,
    ) {
        let question = self.question;
        let missed_too = &mut self.missed_too[cohort.prefix.len()];
        for lane in ones((lanes & cohort.missed_too(strip)).into()) {
            let missed = Position(strip * STRIP + lane);
            let scores = missed_too.sums(instructions, tables, cohort, missed, question.strip());
            for (sum, scores) in [1, 2, 5].into_iter().zip(scores) {
                sums[sum][lane] += scores[question.lane()];
            }
        }
        let shared = lanes & tables.gaps.shared(question, strip);
        if shared != 0 {
            give_back_leaving(cohort, tables.gaps.of_both(question, strip, shared), sums);
        }
    }

    /// How much that is at most.
    #[inline(always)]
    pub(super) fn remainder(&self, tables: &Tables, cohort: &DifferenceCohort, strip: usize) -> Remainder {
        let leaving = tables.gaps.weights(self.question, strip);
        let missed_too = cohort.weights(strip);
        // Of who leaves, the subtotal; of who had left, the score.
        let (subtotal, score) = (tables.most * cohort.prefix.len() as i32, tables.most);
        let both = |leaving: &[i32; STRIP], missed_too: &[i32; STRIP]| {
            each(|lane| subtotal * leaving[lane] + score * missed_too[lane])
        };
        Remainder {
            n: leaving.n,
            a: both(&leaving.n, &missed_too.n),
            b: leaving.b,
            ab: both(&leaving.b, &missed_too.b),
        }
    }
}

/// The lanes of sums.
#[inline(always)]
pub(super) fn stored<S: Strip<Lane = i32>>(sums: [S; 6]) -> LaneSums {
    let mut stored = [[0; STRIP]; 6];
    for (sum, stored) in sums.into_iter().zip(&mut stored) {
        sum.store(stored);
    }
    stored
}

/// What those who missed something of the prefix scored on the question times what they scored on
/// each lane, twice, taken off.
///
/// A product of binary numbers is that of their digits: so it is counted who has them both.
#[inline(always)]
fn less_products(cohort: &DifferenceCohort, question: Position, strip: usize) -> [i32; STRIP] {
    let mut products = [0; STRIP];
    for x in 0..cohort.digits {
        for y in 0..cohort.digits {
            let mut counts = [0u64; STRIP];
            for block in 0..cohort.blocks() {
                let of_question = cohort.plane(block, x, question.strip())[question.lane()];
                let of_lanes = cohort.plane(block, y, strip);
                for lane in 0..STRIP {
                    counts[lane] += u64::from((of_question & of_lanes[lane]).count_ones());
                }
            }
            for lane in 0..STRIP {
                products[lane] -= (counts[lane] as i32) << (1 + x + y);
            }
        }
    }
    products
}

/// Of what was taken off for those who leave, gives back what those did not have who missed a lane.
#[inline(always)]
fn give_back_leaving(cohort: &DifferenceCohort, missed_both: &[MissedBoth], sums: &mut LaneSums) {
    // Two sums of 32 bits at a time: n and Σa, Σb and Σab, Σa² and Σb².
    let mut given_back = [[0u64; STRIP]; 3];
    for &MissedBoth { user, total, lane } in missed_both {
        // Zero for who had left before, which nobody knows beforehand.
        let leaves = cohort.complete[user as usize];
        let b = i64::from(total) as u64;
        let times_b = leaves.wrapping_mul(b);
        let (p, b_of_leaving) = (leaves >> 32, i64::from(times_b as i32) as u64);
        let squares = (p * p).wrapping_add(b_of_leaving.wrapping_mul(b) << 32);
        let lane = usize::from(lane) % STRIP;
        for (sums, term) in given_back.iter_mut().zip([leaves, times_b, squares]) {
            sums[lane] = sums[lane].wrapping_add(term);
        }
    }
    for (pair, [low, high]) in [[0, 1], [3, 5], [2, 4]].into_iter().enumerate() {
        for lane in 0..STRIP {
            let both = given_back[pair][lane] as i64;
            sums[low][lane] += both as i32;
            sums[high][lane] += ((both - i64::from(both as i32)) >> 32) as i32;
        }
    }
}
