//! What changes when a question is added to a prefix.

use super::cohort::{DifferenceCohort, Member, Missing};
use super::gaps::User;
use super::tables::{LaneSums, Tables, of_lane};
use crate::index::bitset::{WORD, ones};
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
    /// By slot: the scores on the question of those who missed something of the prefix.
    scores: Vec<u8>,
}

impl Step {
    /// Makes this the step of a cohort's prefix to one question more.
    #[inline(always)]
    pub(super) fn take(&mut self, tables: &Tables, cohort: &DifferenceCohort, question: Position) {
        let after = of_lane(&cohort.sums[question.strip()], question.lane());
        let [sum, mut squares, with_b] = each(|number| tables.of_question[number][question.0]);
        for &before in &cohort.prefix {
            squares += tables.twice_product(before, question);
        }
        let all = [0, sum, squares, 0, 0, with_b];
        self.taken = each(|number| cohort.totals[number] + all[number] - after[number]);
        (self.question, self.users) = (question, after[0] as usize);
        self.scores.clear();
        for block in 0..cohort.blocks() {
            let mut scores = [0; WORD];
            for digit in 0..cohort.digits() {
                let bits = cohort.plane(block, 1 + digit, question.strip())[question.lane()];
                for (slot, score) in scores.iter_mut().enumerate() {
                    *score |= ((bits >> slot & 1) as u8) << digit;
                }
            }
            self.scores.extend(scores);
        }
    }

    /// The sums n, Σa, Σa², Σb, Σb² and Σab over those who answered the grown prefix and a lane, for
    /// the lanes of a strip. Only those of `lanes`, a set of bits, are right.
    #[inline(always)]
    pub(super) fn sums<I: InstructionSet>(
        &self,
        instructions: I,
        tables: &Tables,
        cohort: &DifferenceCohort,
        strip: usize,
        lanes: u32,
    ) -> [I::Lanes32; 6] {
        // In vectors by name, as of sums in memory the compiler adds the products one by one.
        let load = |lanes: &[i32; STRIP]| instructions.load_lanes32(lanes);
        let question = self.question;
        let before = &cohort.sums[strip];
        let less_taken = |sum: usize| load(&before[sum]).add(instructions.lanes32(-self.taken[sum]));
        let [a, aa, ab] = tables.added(question, strip);
        let mut squares = less_taken(2).add(load(aa));
        for &other in &cohort.prefix {
            squares = squares.add(load(tables.products(other, question, strip)));
        }
        let (a, ab) = (less_taken(1).add(load(a)), less_taken(5).add(load(ab)));
        let sums = [less_taken(0), a, squares, less_taken(3), less_taken(4), ab];
        let shared = lanes & tables.shared(question, strip);
        if shared == 0 && cohort.blocks() == 0 {
            return sums;
        }
        let mut stored = stored(sums);
        self.give_back(tables, cohort, strip, [lanes, shared], &mut stored);
        let [n, a, aa, b, bb, ab] = &stored;
        [load(n), load(a), load(aa), load(b), load(bb), load(ab)]
    }

    /// Gives back what was taken off, or added, for those who missed two things: `lanes` are those that
    /// have to be right, `shared` those of them that somebody missed who missed the question.
    #[inline(always)]
    fn give_back(
        &self,
        tables: &Tables,
        cohort: &DifferenceCohort,
        strip: usize,
        [lanes, shared]: [u32; 2],
        sums: &mut LaneSums,
    ) {
        for lane in ones(shared.into()) {
            self.give_back_leaving(tables, cohort, Position(strip * STRIP + lane), sums);
        }
        if cohort.blocks() > 0 {
            take_products(cohort, self.question, strip, sums);
            for lane in ones((lanes & cohort.missed_lanes[strip]).into()) {
                give_back_missed(cohort, &self.scores, Position(strip * STRIP + lane), sums);
            }
            for missing in cohort.who_missed(self.question) {
                give_back_both(tables, cohort.members[missing.slot as usize], strip, sums);
            }
        }
    }

    /// Of what was taken off for those who leave, gives back what those did not have who missed the
    /// lane.
    #[inline(always)]
    fn give_back_leaving(
        &self,
        tables: &Tables,
        cohort: &DifferenceCohort,
        lane: Position,
        sums: &mut LaneSums,
    ) {
        let mut given_back = [0; 6];
        for &User { number, total } in tables.who_missed_both(self.question, lane) {
            // Nobody knows beforehand who leaves: all ones, or all zeros for who had left before.
            let subtotal = cohort.subtotals[number as usize] as i16;
            let leaves = !i32::from(subtotal >> 15);
            let (p, b) = (i32::from(subtotal) & leaves, total & leaves);
            for (sum, term) in given_back.iter_mut().zip([1 & leaves, p, p * p, b, b * b, b * p]) {
                *sum += term;
            }
        }
        for (sums, given_back) in sums.iter_mut().zip(given_back) {
            sums[lane.lane()] += given_back;
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

/// Takes off what those who missed something of the prefix scored on the question times what they
/// scored on each lane, twice.
///
/// A product of binary numbers is that of their digits: so it is counted who has them both.
#[inline(always)]
fn take_products(cohort: &DifferenceCohort, question: Position, strip: usize, sums: &mut LaneSums) {
    for x in 0..cohort.digits() {
        for y in 0..cohort.digits() {
            let mut counts = [0u64; STRIP];
            for block in 0..cohort.blocks() {
                let of_question = cohort.plane(block, 1 + x, question.strip())[question.lane()];
                let of_lanes = cohort.plane(block, 1 + y, strip);
                for lane in 0..STRIP {
                    counts[lane] += u64::from((of_question & of_lanes[lane]).count_ones());
                }
            }
            for lane in 0..STRIP {
                sums[2][lane] -= (counts[lane] as i32) << (1 + x + y);
            }
        }
    }
}

/// Of what was taken off for those who missed something of the prefix, gives back what those did not
/// have who missed the lane.
#[inline(always)]
fn give_back_missed(cohort: &DifferenceCohort, scores: &[u8], lane: Position, sums: &mut LaneSums) {
    let [mut a, mut aa, mut ab] = [0; 3];
    for &Missing { slot, subtotal: p, total: b } in cohort.who_missed(lane) {
        // Half of them have no score: to add zero takes less than to foresee who.
        let score = i32::from(scores[slot as usize]);
        a += score;
        aa += (2 * p + score) * score;
        ab += b * score;
    }
    sums[1][lane.lane()] += a;
    sums[2][lane.lane()] += aa;
    sums[5][lane.lane()] += ab;
}

/// Adds for one who missed the question what the tables took off for them, as they missed something
/// of the prefix.
#[inline(always)]
fn give_back_both(tables: &Tables, member: Member, strip: usize, sums: &mut LaneSums) {
    let Member { user, subtotal: p, total: b } = member;
    let scores = tables.scores(user, strip);
    for lane in 0..STRIP {
        let score = i32::from(scores[lane]);
        sums[1][lane] += score;
        sums[2][lane] += (2 * p + score) * score;
        sums[5][lane] += b * score;
    }
}
