//! Scores of more than two values: the six sums of a strip, one user after the other.
//!
//! A cohort keeps, beside the rows of bits, each user's scores of a strip as 32 numbers
//! in a row, 0 where there was no answer. Prefixes leave few users, so that is little;
//! and it makes plain loops over lanes of all sums, which the compiler turns into
//! vector instructions:
//!
//! ```text
//! for each user, with subtotal p on the prefix and grand total b:
//!     for each lane:   a = answered ? p + s : 0
//!         Σa += a   Σa² += a·a   Σab += a·b
//!         where answered:   n += 1   Σb += b   Σb² += b²
//! ```
//!
//! Bytes are summed in 32 bits, n and Σb in one lane, over as many users at a time as
//! surely fit; other integers in 64. Processors multiply numbers of 16 bits in pairs and
//! add the two products, so users are taken in pairs too. Floats are
//! summed in doubles, in the order of the users and without fused operations, so that
//! every processor gives the same bits: a lane without an answer may add a zero, which
//! changes no sum, as none is -0.

use std::fmt::Debug;
use std::ops::{Add, Mul};
use std::sync::Arc;

use crate::compensated::Compensated;
use crate::index::bitset::{contains, ones, rank};
use crate::index::{Answers, scores::Weighted};
use crate::sweep::kernel::cohort::{BinaryCohort, List, Narrowing};
use crate::sweep::kernel::finish::{StripSums, block, block_mut, finish, finish_floats};
use crate::sweep::kernel::list::UserList;
use crate::sweep::kernel::{Kernel, LANES, Lanes, Screen};
use crate::sweep::pearson::{Correlation, Number};
use crate::sweep::simd::{Arithmetic, Doubles as _, InstructionSet, STRIP, Strip as _, Task};

/// How scores are kept and summed.
pub(crate) trait Class: Debug + Send + Sync + 'static {
    /// What the index keeps.
    type Number: Number;
    /// What a cohort keeps.
    type Score: Copy + Default + Debug + Send + Sync;
    /// What subtotals and grand totals are added up as.
    type Total: Copy + Default + Debug + Send + Sync + Add<Output = Self::Total> + Mul<Output = Self::Total>;

    /// A score as a cohort keeps it.
    fn score(number: Self::Number) -> Self::Score;

    /// A score as it is added to a subtotal.
    fn points(score: Self::Score) -> Self::Total;

    /// A subtotal or grand total, but for what a double rounds off.
    fn total(number: Self::Number) -> Self::Total;

    /// Where n and Σb share a lane: what a user of this grand total adds to it.
    fn counted(total: Self::Total) -> Self::Total {
        total
    }

    /// Sums a strip and hands out what passes the screen. Returns the lanes whose r
    /// rounding may have eaten.
    fn sum<I: InstructionSet>(
        instructions: I,
        strip: &Strip<'_, Self>,
        screen: &Screen,
        results: &mut Lanes,
    ) -> u32;
}

/// Integers of 0 to 255, with small grand totals.
#[derive(Debug)]
pub(crate) struct Bytes;

/// Bits that count users in a lane with Σb.
const COUNT_BITS: u32 = 8;

impl Bytes {
    /// The most users whose sums fit 32 bits, for a largest a and a largest |b|; `None`
    /// if that is not worth it.
    ///
    /// So few users times such a sum fit 39 bits, so that nothing overflows later.
    pub(crate) fn few(most_a: i64, most_b: i64) -> Option<usize> {
        let widest = most_a.max(most_b).max(1);
        if widest > i64::from(i16::MAX) {
            return None;
        }
        let squares = i64::from(i32::MAX) / widest.saturating_mul(widest);
        // As many as may be counted, of |b| below 2¹⁵, fit beside their count: 2⁸ · 2⁸ · 2¹⁵.
        let few = squares.min((1 << COUNT_BITS) - 1);
        (few >= 16).then_some(few as usize)
    }
}

impl Class for Bytes {
    type Number = i64;
    type Score = u8;
    type Total = i32;

    fn score(number: i64) -> u8 {
        number as u8
    }

    fn points(score: u8) -> i32 {
        score.into()
    }

    fn total(number: i64) -> i32 {
        number as i32
    }

    fn counted(total: i32) -> i32 {
        total << COUNT_BITS | 1
    }

    #[inline(always)]
    fn sum<I: InstructionSet>(
        instructions: I,
        strip: &Strip<'_, Self>,
        screen: &Screen,
        results: &mut Lanes,
    ) -> u32 {
        match strip.users.len() <= strip.few {
            true => {
                let sums = sum_pairs(instructions, strip, strip.users);
                finish(instructions, &sums, strip.lanes, strip.first, screen, results);
            }
            false => {
                let mut sums = StripSums::<i64>::at(0);
                let chunks = strip.users.chunks(strip.few);
                chunks.for_each(|users| sums.add(&sum_pairs(instructions, strip, users)));
                finish(instructions, &sums, strip.lanes, strip.first, screen, results);
            }
        }
        0
    }
}

/// The six sums of a strip of bytes over users whose sums fit 32 bits, two users at a
/// time.
#[inline(always)]
fn sum_pairs<I: InstructionSet>(
    instructions: I,
    strip: &Strip<'_, Bytes>,
    users: &[Adder<i32>],
) -> StripSums<i32> {
    let [mut a, mut aa, mut ab, mut counted, mut bb] = [instructions.lanes32(0); 5];
    let (nobody, one) = (instructions.lanes16([0; 2]), instructions.pair([1; 2]));
    for pair in users.chunks(2) {
        let (mut x, mut b) = ([nobody; 2], [0; 2]);
        for (member, user) in pair.iter().enumerate() {
            let slot = user.slot as usize;
            let row = strip.rows[slot];
            let ([answered, _], [answered_broad, _]) = (nobody.masks(row), bb.masks(row));
            let subtotal = instructions.lanes16([user.p as i16; 2]);
            x[member] = instructions.load_bytes(&strip.scores[slot]).add_where(answered, subtotal);
            b[member] = user.b as i16;
            counted = counted.add_where(answered_broad, instructions.lanes32(user.counted));
            bb = bb.add_where(answered_broad, instructions.lanes32(user.bb));
        }
        let x = instructions.pairs(x[0], x[1]);
        a = instructions.add_products(a, x, one);
        aa = instructions.add_products(aa, x, x);
        ab = instructions.add_products(ab, x, instructions.pair(b));
    }
    let mut sums = StripSums::at(0);
    instructions.in_order(a).store(&mut sums.a);
    instructions.in_order(aa).store(&mut sums.aa);
    instructions.in_order(ab).store(&mut sums.ab);
    counted.store(&mut sums.b);
    bb.store(&mut sums.bb);
    for lane in 0..STRIP {
        sums.n[lane] = sums.b[lane] & ((1 << COUNT_BITS) - 1);
        sums.b[lane] >>= COUNT_BITS;
    }
    sums
}

/// Integers whose sums fit 64 bits.
#[derive(Debug)]
pub(crate) struct Integers;

impl Class for Integers {
    type Number = i64;
    type Score = i64;
    type Total = i64;

    fn score(number: i64) -> i64 {
        number
    }

    fn points(score: i64) -> i64 {
        score
    }

    fn total(number: i64) -> i64 {
        number
    }

    #[inline(always)]
    fn sum<I: InstructionSet>(
        instructions: I,
        strip: &Strip<'_, Self>,
        screen: &Screen,
        results: &mut Lanes,
    ) -> u32 {
        let sums = sum_one_by_one(strip);
        finish(instructions, &sums, strip.lanes, strip.first, screen, results);
        0
    }
}

/// Floating point numbers.
#[derive(Debug)]
pub(crate) struct Floats;

impl Class for Floats {
    type Number = Compensated;
    type Score = f64;
    type Total = f64;

    fn score(number: Compensated) -> f64 {
        number.leading()
    }

    fn points(score: f64) -> f64 {
        score
    }

    fn total(number: Compensated) -> f64 {
        number.leading()
    }

    #[inline(always)]
    fn sum<I: InstructionSet>(
        instructions: I,
        strip: &Strip<'_, Self>,
        screen: &Screen,
        results: &mut Lanes,
    ) -> u32 {
        let mut sums = StripSums::at(0.0);
        let one = instructions.doubles(1.0);
        for first in (0..STRIP).step_by(8) {
            let [mut n, mut a, mut aa, mut b, mut bb, mut ab] = [instructions.doubles(0.0); 6];
            for user in strip.users {
                let (answered, scores) = strip.of(user, first);
                let x = instructions.load_doubles(scores).add(instructions.doubles(user.p)).only(answered);
                let of_user = instructions.doubles(user.b);
                a = a.add(x);
                aa = aa.add(x.mul(x));
                ab = ab.add(x.mul(of_user));
                n = n.add_where(answered, one);
                b = b.add_where(answered, of_user);
                bb = bb.add_where(answered, instructions.doubles(user.bb));
            }
            n.store(block_mut(&mut sums.n, first));
            a.store(block_mut(&mut sums.a, first));
            aa.store(block_mut(&mut sums.aa, first));
            b.store(block_mut(&mut sums.b, first));
            bb.store(block_mut(&mut sums.bb, first));
            ab.store(block_mut(&mut sums.ab, first));
        }
        finish_floats(&sums, strip.lanes, strip.first, screen, results)
    }
}

/// A user in a cohort.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Member<T> {
    user: u32,
    /// On the prefix.
    subtotal: T,
    /// The grand total.
    total: T,
}

/// The users who answered all questions of a prefix, with their scores.
#[derive(Debug)]
pub(crate) struct DenseCohort<C: Class> {
    members: BinaryCohort<Member<C::Total>>,
    /// `[strip][slot]`; empty before any question is chosen.
    scores: Vec<[C::Score; STRIP]>,
    /// The questions of the prefix.
    prefix: Vec<usize>,
}

impl<C: Class> Default for DenseCohort<C> {
    fn default() -> Self {
        Self { members: BinaryCohort::default(), scores: Vec::new(), prefix: Vec::new() }
    }
}

impl<C: Class> DenseCohort<C> {
    fn strip(&self, strip: usize) -> &[[C::Score; STRIP]] {
        let slots = self.members.terms().len();
        &self.scores[strip * slots..][..slots]
    }
}

/// What one user of the open prefix adds.
#[derive(Debug, Clone, Copy)]
struct Adder<T> {
    slot: u32,
    /// His subtotal on the open prefix.
    p: T,
    /// His grand total.
    b: T,
    /// Its square.
    bb: T,
    /// Where n and Σb share a lane: what he adds to it.
    counted: T,
}

/// A strip of lanes to be summed over the users of the open prefix.
#[derive(Debug)]
pub(crate) struct Strip<'a, C: Class + ?Sized> {
    rows: &'a [u64],
    scores: &'a [[C::Score; STRIP]],
    users: &'a [Adder<C::Total>],
    /// The most users whose sums fit 32 bits.
    few: usize,
    lanes: u32,
    first: usize,
}

impl<C: Class + ?Sized> Strip<'_, C> {
    /// Which of a block of lanes, from `first` on, a user answered, and his scores.
    #[inline(always)]
    fn of<const LANES: usize>(&self, user: &Adder<C::Total>, first: usize) -> (u32, &[C::Score; LANES]) {
        let slot = user.slot as usize;
        ((self.rows[slot] >> first) as u32, block(&self.scores[slot], first))
    }
}

/// The six sums of a strip in 64 bits, an answer at a time.
fn sum_one_by_one(strip: &Strip<'_, Integers>) -> StripSums<i64> {
    let mut sums = StripSums::at(0);
    for user in strip.users {
        let slot = user.slot as usize;
        for lane in ones(u64::from(strip.rows[slot] as u32 & strip.lanes)) {
            let a = user.p + strip.scores[slot][lane];
            sums.n[lane] += 1;
            sums.a[lane] += a;
            sums.aa[lane] += a * a;
            sums.b[lane] += user.b;
            sums.bb[lane] += user.bb;
            sums.ab[lane] += a * user.b;
        }
    }
    sums
}

/// Sums lanes of subsets whose scores are numbers.
#[derive(Debug)]
pub(crate) struct DenseKernel<I, C: Class> {
    instructions: I,
    answers: Arc<Answers>,
    scores: Arc<Weighted<C::Number>>,
    /// The most users whose sums fit 32 bits.
    few: usize,
    narrowing: UserList,
    /// The users of the open prefix.
    list: UserList,
    users: Vec<Adder<C::Total>>,
    /// The question that ends the open prefix.
    question: usize,
}

impl<I: InstructionSet, C: Class> DenseKernel<I, C> {
    pub(crate) fn new(
        instructions: I,
        answers: Arc<Answers>,
        scores: Arc<Weighted<C::Number>>,
        few: usize,
    ) -> Self {
        Self {
            instructions,
            answers,
            scores,
            few,
            narrowing: UserList::default(),
            list: UserList::default(),
            users: Vec::new(),
            question: 0,
        }
    }

    /// All users who answered some questions, before any other is chosen.
    pub(crate) fn root(&mut self, fixed: &[usize]) -> DenseCohort<C> {
        let member = |user: usize| Member {
            user: user as u32,
            subtotal: C::Total::default(),
            total: C::total(self.scores.totals[user]),
        };
        let members = BinaryCohort::all(self.instructions, &self.answers, None, member);
        let mut cohort = DenseCohort { members, scores: Vec::new(), prefix: Vec::new() };
        let all = self.answers.questions();
        for &question in fixed {
            let mut narrowed = DenseCohort::default();
            self.narrow_to(&cohort, question, [all, all], &mut narrowed);
            cohort = narrowed;
        }
        cohort
    }

    fn score(&self, user: u32, question: usize) -> C::Number {
        let user = user as usize;
        self.scores.of(user)[rank(self.answers.answered.row(user), question)]
    }

    fn narrow_to(
        &mut self,
        cohort: &DenseCohort<C>,
        question: usize,
        [lanes, questions]: [usize; 2],
        narrowed: &mut DenseCohort<C>,
    ) {
        self.instructions.run(Narrowing {
            cohort: &cohort.members,
            question,
            lanes,
            questions,
            list: &mut self.narrowing,
            narrowed: &mut narrowed.members,
        });
        narrowed.prefix.clone_from(&cohort.prefix);
        narrowed.prefix.push(question);
        let list = self.narrowing.slots();
        let members = &mut narrowed.members.terms_mut()[..list.len()];
        if cohort.scores.is_empty() {
            for member in &mut *members {
                let score = C::score(self.score(member.user, question));
                member.subtotal = member.subtotal + C::points(score);
            }
        } else {
            let scores = cohort.strip(question / STRIP);
            for (member, &slot) in members.iter_mut().zip(list) {
                let score = scores[slot as usize][question % STRIP];
                member.subtotal = member.subtotal + C::points(score);
            }
        }
        let slots = narrowed.members.terms().len();
        let strips = narrowed.members.strips();
        narrowed.scores.resize(strips * slots, [C::Score::default(); STRIP]);
        if !cohort.scores.is_empty() {
            for strip in 0..strips {
                let from = cohort.strip(strip);
                let to = &mut narrowed.scores[strip * slots..];
                to.iter_mut().zip(list).for_each(|(to, &slot)| *to = from[slot as usize]);
            }
            return;
        }
        for (slot, member) in narrowed.members.terms()[..list.len()].iter().enumerate() {
            for strip in 0..strips {
                narrowed.scores[strip * slots + slot] = [C::Score::default(); STRIP];
            }
            let user = member.user as usize;
            let row = self.answers.answered.row(user).iter().enumerate();
            let answered = row.flat_map(|(word, &bits)| ones(bits).map(move |bit| word * LANES + bit));
            for (question, &score) in answered.zip(self.scores.of(user)) {
                if question / STRIP < strips {
                    narrowed.scores[question / STRIP * slots + slot][question % STRIP] = C::score(score);
                }
            }
        }
    }

    /// a and b of every user of the open prefix who answered one more question, in the
    /// order of the users and with all their digits.
    fn pairs(&self, cohort: &DenseCohort<C>, last: usize) -> Vec<(C::Number, C::Number)> {
        let users = self.users.iter().map(|user| cohort.members.terms()[user.slot as usize].user);
        let users = users.filter(|&user| contains(self.answers.answered.row(user as usize), last));
        let questions = || cohort.prefix.iter().copied().chain([self.question, last]);
        let subtotal = |user| {
            let scores = questions().map(|question| self.score(user, question));
            scores.fold(C::Number::default(), C::Number::plus)
        };
        users.map(|user| (subtotal(user), self.scores.totals[user as usize])).collect()
    }
}

impl<I: InstructionSet, C: Class> Kernel for DenseKernel<I, C> {
    type Cohort = DenseCohort<C>;

    fn users(cohort: &DenseCohort<C>) -> usize {
        cohort.members.users()
    }

    fn narrow(
        &mut self,
        cohort: &DenseCohort<C>,
        question: usize,
        end: usize,
        narrowed: &mut DenseCohort<C>,
    ) {
        self.narrow_to(cohort, question, [end, question], narrowed);
    }

    fn open(&mut self, cohort: &DenseCohort<C>, question: Option<usize>) -> usize {
        self.instructions.run(List { cohort: &cohort.members, question, list: &mut self.list });
        self.question = question.expect("a prefix of two questions or more");
        let scores = cohort.strip(self.question / STRIP);
        let members = cohort.members.terms();
        self.users.clear();
        self.users.extend(self.list.slots().iter().map(|&slot| {
            let Member { subtotal, total, .. } = members[slot as usize];
            let points = C::points(scores[slot as usize][self.question % STRIP]);
            Adder { slot, p: subtotal + points, b: total, bb: total * total, counted: C::counted(total) }
        }));
        self.users.len()
    }

    fn lanes(
        &mut self,
        cohort: &DenseCohort<C>,
        word: usize,
        lanes: u64,
        screen: &Screen,
        results: &mut Lanes,
    ) {
        results.clear();
        for first in [0, STRIP] {
            let strip = (word * LANES + first) / STRIP;
            let lanes = (lanes >> first) as u32;
            if lanes == 0 {
                continue;
            }
            let (rows, scores) = (cohort.members.strip(strip), cohort.strip(strip));
            let strip = Strip { rows, scores, users: &self.users, few: self.few, lanes, first };
            let doubtful = self.instructions.run(Sum::<C> { strip, screen, results });
            for lane in ones(doubtful.into()) {
                let pairs = self.pairs(cohort, word * LANES + first + lane);
                results.effort += self.users.len();
                let r = match C::Number::correlate_carefully(&pairs, screen.corrected) {
                    Correlation::Defined(r) => Some(r),
                    _ => None,
                };
                results.record(first + lane, pairs.len() as i64, r, screen);
            }
        }
    }
}

/// [`Class::sum`], compiled for an instruction set.
struct Sum<'a, C: Class> {
    strip: Strip<'a, C>,
    screen: &'a Screen,
    results: &'a mut Lanes,
}

impl<C: Class> Task for Sum<'_, C> {
    type Output = u32;

    #[inline(always)]
    fn run<I: InstructionSet>(self, instructions: I) -> u32 {
        C::sum(instructions, &self.strip, self.screen, self.results)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_few_users_as_32_bits_hold() {
        for most_a in [1, 2, 255, 765, 2_902, 2_903, 11_585, 11_586, 32_767, 32_768, i64::MAX] {
            for most_b in [0, 1, 2_901, 11_585, 11_586, 32_767, 32_768] {
                let widest = i128::from(most_a.max(most_b));
                let hold = |users: i128| {
                    let counted = users * (widest << COUNT_BITS | 1) <= i128::from(i32::MAX);
                    users * widest * widest <= i128::from(i32::MAX) && counted && users < 1 << COUNT_BITS
                };
                match Bytes::few(most_a, most_b) {
                    None => assert!(!hold(16), "{most_a}, {most_b}"),
                    Some(few) => assert!(few >= 16 && hold(few as i128) && !hold(few as i128 + 1)),
                }
            }
        }
    }
}
