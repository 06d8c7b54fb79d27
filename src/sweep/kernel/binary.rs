//! Scores of 0 and 1: all arithmetic on strips of 32 lanes.
//!
//! A user with subtotal p on the prefix and grand total b adds to every lane y he
//! answered, with s his score on y and so a = p + s:
//!
//! ```text
//! n += 1    a += p + s    a² += p² + (2p+1)s    b += b    b² += b²    ab += pb + sb
//! ```
//!
//! Users of equal p are summed as a group. Within it only five sums are needed,
//! n, Σs, Σb, Σb² and Σsb; and three additions form them, as a count shares a lane
//! with a sum:
//!
//! ```text
//! for each user of the group:
//!     where answered:   totals   += 64·b + 1        low 6 bits n, the others Σb
//!     where scored 1:   products += 64·b + 1        low 6 bits Σs, the others Σsb
//!     where answered:   squares  += b²
//! ```
//!
//! **Why that is right.** A run has at most 63 users, so that the counts never reach
//! into the other sum. With lanes of 16 bits, runs are so short that Σb² of one stays
//! below 2¹⁶. If it is below 2¹¹ in every lane, then by Cauchy and Schwarz
//! |Σb|² ≤ 63·Σb² for any part of the lane's users, so |Σb| < 360 and totals and
//! products fit, as every sum on the way to them is one of a part of the users. If it
//! is not, the strip is summed again with lanes of 32 bits. Runs are also so short that
//! this is rare: half of 2¹¹ is what Σb² of one is on average.
//!
//! A chunk of users, at most 16 runs and at most 32,767 / k² users, has all six sums
//! within 16 bits: n, Σa and Σa² are at most k² a user; Σb² is at most 16·2047 =
//! 32,752; |Σb| and |Σab| are at most √(n·Σb²) and √(Σa²·Σb²). Arithmetic wraps
//! around, so nothing matters but that the sums fit in the end. Then n·Σab - Σa·Σb
//! and its like are differences of two products below 2³⁰, and fit 32 bits.
//!
//! With lanes of 32 bits, 63·(64·|b| + 1) < 2³¹ for |b| ≤ 32,767; the bound of a chunk
//! keeps every sum below 2³⁰, and the differences, and what `corrected` adds up of
//! four of them, below 2⁶³.
//!
//! **Why that is fast.**
//!
//! 1. One masked addition does two sums of 32 subsets.
//! 2. The six sums stay in registers over all users of a prefix, and go from there
//!    to r; nothing is stored in between but for the few subsets that may be wanted.
//! 3. The lists of users come from columns of bits, and users of equal p stand
//!    together there, so that grouping costs nothing.
//!
//! What was tried and lost is told in `benches/README.md`.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::ops::Range;

use crate::index::{Answers, scores::Binary};
use crate::sweep::kernel::cohort::{All, Cohort, List, Restrict};
use crate::sweep::kernel::finish::{LaneSum, StripSums, finish, first_look};
use crate::sweep::kernel::list::UserList;
use crate::sweep::kernel::{Ends, Kernel, LANES, Lanes, Screen};
use crate::sweep::simd::{Arithmetic, Bits, InstructionSet, Instructions, STRIP, Strip, Task};

/// The most users of any run: their number fits the bits it has in a lane.
const RUN: usize = (1 << COUNT_BITS) - 1;

/// Bits of a lane that count users.
const COUNT_BITS: u32 = 6;

/// The most runs of a chunk with lanes of 16 bits.
const RUNS: usize = 16;

/// Σb² of a run with lanes of 16 bits is below this, or the run is summed again.
const SQUARES: i32 = 1 << 11;

/// What a user adds to a lane.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Terms<T> {
    /// 64·b + 1.
    counted: T,
    /// b².
    square: T,
}

/// What a user of grand total `b` adds to a lane.
#[inline(always)]
fn to_terms<W: Width>(b: i32) -> Terms<W::Term> {
    Terms { counted: W::term(b << COUNT_BITS | 1), square: W::term(b * b) }
}

/// How wide the lanes are.
pub(crate) trait Width: Debug + Clone + Send + Sync + 'static {
    type Lane: LaneSum;
    type Strip<I: InstructionSet>: Strip<Lane = Self::Lane>;

    /// A lane's value in the form in which it is spread over all lanes.
    type Term: Copy + Debug + Default + Send + Sync;

    /// The low bits of a number.
    fn term(number: i32) -> Self::Term;

    /// The number whose low bits were taken, if it fitted.
    fn number(term: Self::Term) -> i32;

    /// All lanes at one value.
    fn spread<I: InstructionSet>(instructions: I, term: Self::Term) -> Self::Strip<I>;

    /// Bits that no Σb² of a run may have set.
    fn too_large<I: InstructionSet>(instructions: I) -> Self::Strip<I>;

    /// The most users of a run, and of a chunk of one subtotal, for a largest a, and for
    /// the largest |b| and the mean of b²; `None` if lanes are too narrow for these.
    fn run_and_chunk(most_a: i64, most_b: i64, mean_square: i64) -> Option<(usize, usize)>;
}

/// Lanes of 16 bits.
#[derive(Debug, Clone)]
pub(crate) struct Lanes16;

impl Width for Lanes16 {
    type Lane = i16;
    type Strip<I: InstructionSet> = I::Lanes16;
    type Term = [i16; 2];

    #[inline(always)]
    fn term(number: i32) -> [i16; 2] {
        [number as i16; 2]
    }

    #[inline(always)]
    fn number(term: [i16; 2]) -> i32 {
        term[0].into()
    }

    #[inline(always)]
    fn spread<I: InstructionSet>(instructions: I, term: [i16; 2]) -> I::Lanes16 {
        instructions.lanes16(term)
    }

    #[inline(always)]
    fn too_large<I: InstructionSet>(instructions: I) -> I::Lanes16 {
        instructions.lanes16(Self::term(-SQUARES))
    }

    fn run_and_chunk(most_a: i64, most_b: i64, mean_square: i64) -> Option<(usize, usize)> {
        let never_wraps = i64::from(u16::MAX) / most_b.saturating_mul(most_b).max(1);
        let rarely_full = i64::from(SQUARES) / (2 * mean_square).max(1);
        let run = never_wraps.min(rarely_full).min(RUN as i64);
        let chunk = i64::from(i16::MAX) / most_a.saturating_mul(most_a).max(1);
        let chunk = chunk.min(RUNS as i64 * run);
        // Runs and chunks of a few users are not worth it.
        (run >= 8 && chunk >= 16).then_some((run as usize, chunk as usize))
    }
}

/// Lanes of 32 bits.
#[derive(Debug, Clone)]
pub(crate) struct Lanes32;

impl Width for Lanes32 {
    type Lane = i32;
    type Strip<I: InstructionSet> = I::Lanes32;
    type Term = i32;

    #[inline(always)]
    fn term(number: i32) -> i32 {
        number
    }

    #[inline(always)]
    fn number(term: i32) -> i32 {
        term
    }

    #[inline(always)]
    fn spread<I: InstructionSet>(instructions: I, term: i32) -> I::Lanes32 {
        instructions.lanes32(term)
    }

    #[inline(always)]
    fn too_large<I: InstructionSet>(instructions: I) -> I::Lanes32 {
        instructions.lanes32(0)
    }

    fn run_and_chunk(most_a: i64, most_b: i64, _: i64) -> Option<(usize, usize)> {
        let widest = most_a.max(most_b).max(1);
        let chunk = (1 << 30) / widest.saturating_mul(widest);
        (chunk >= 16 && most_b <= 32_767).then_some((RUN, chunk as usize))
    }
}

/// How many users can be summed in lanes of one width.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChunkBounds {
    /// The most users of a run.
    run: usize,
    /// The most users of a chunk, all of one subtotal.
    chunk: usize,
    /// The most users, of any subtotals, that surely are no more than one chunk.
    single: usize,
    /// What is taken off every grand total, which changes no r.
    centre: i32,
}

impl ChunkBounds {
    /// The bounds for subsets of `k` questions; `None` if lanes of this width are too
    /// narrow for them or for the grand totals.
    pub(crate) fn of<W: Width>(k: usize, scores: &Binary) -> Option<Self> {
        let totals = || scores.totals.iter().map(|&total| i64::from(total));
        let mean = totals().sum::<i64>() / (scores.totals.len() as i64).max(1);
        // Less their mean, the sum of their squares is least; less nothing, as they are
        // half-way between their extremes, the largest is.
        let (centre, (run, chunk)) = [mean, 0].into_iter().find_map(|centre| {
            let b = || totals().map(|total| total - centre);
            let most_b = b().map(i64::abs).max().unwrap_or(0);
            let mean_square = b().map(|b| b * b).sum::<i64>() / (scores.totals.len() as i64).max(1);
            let fit = W::run_and_chunk(k as i64, most_b, mean_square);
            fit.map(|fit| (centre as i32, fit))
        })?;
        // Each of the k subtotals may end with a run that is not full.
        let single = chunk.min(RUNS.saturating_sub(k) * run);
        Some(Self { run, chunk, single, centre })
    }
}

/// All users as a cohort, before any question is chosen.
pub(crate) fn all_users<W: Width>(
    instructions: Instructions,
    answers: &Answers,
    scores: &Binary,
    bounds: ChunkBounds,
) -> Cohort<Terms<W::Term>> {
    let term = |user: usize| to_terms::<W>(i32::from(scores.totals[user]) - bounds.centre);
    instructions.run(All { answers, correct: Some(&scores.correct), term })
}

/// Sums lanes of subsets whose scores are 0 and 1.
#[derive(Debug, Clone)]
pub(crate) struct BinaryKernel<W> {
    instructions: Instructions,
    bounds: ChunkBounds,
    /// The users left when a cohort is restricted.
    left: UserList,
    /// The users of the open prefix.
    list: UserList,
    width: PhantomData<W>,
}

impl<W: Width> BinaryKernel<W> {
    pub(crate) fn new(instructions: Instructions, bounds: ChunkBounds) -> Self {
        Self {
            instructions,
            bounds,
            left: UserList::default(),
            list: UserList::default(),
            width: PhantomData,
        }
    }

    /// Sums the strips of a word from the given half of it on.
    fn sum<const N: usize>(
        &self,
        cohort: &Cohort<Terms<W::Term>>,
        word: usize,
        half: usize,
        lanes: [u32; N],
        screen: &Screen,
        results: &mut Lanes,
    ) {
        self.instructions.run(Sum::<W, N> {
            rows: std::array::from_fn(|strip| cohort.strip(word * LANES / STRIP + half + strip)),
            terms: cohort.terms(),
            list: &self.list,
            bounds: self.bounds,
            lanes,
            first: half * STRIP,
            screen,
            results,
        });
    }
}

impl<W: Width> Kernel for BinaryKernel<W> {
    type Cohort = Cohort<Terms<W::Term>>;

    fn user_bytes(answers: &Answers) -> usize {
        Self::Cohort::user_bytes(answers)
    }

    fn users(cohort: &Self::Cohort) -> usize {
        cohort.users()
    }

    fn restrict(
        &mut self,
        cohort: &Self::Cohort,
        question: usize,
        ends: Ends,
        restricted: &mut Self::Cohort,
    ) {
        self.instructions.run(Restrict { cohort, question, ends, list: &mut self.left, restricted });
    }

    fn open(&mut self, cohort: &Self::Cohort, question: Option<usize>) -> usize {
        self.instructions.run(List { cohort, question, list: &mut self.list });
        self.list.users()
    }

    fn lanes(
        &mut self,
        cohort: &Self::Cohort,
        word: usize,
        lanes: u64,
        screen: &Screen,
        results: &mut Lanes,
    ) {
        results.clear();
        match [lanes as u32, (lanes >> STRIP) as u32] {
            [0, 0] => {}
            [lanes, 0] => self.sum(cohort, word, 0, [lanes], screen, results),
            [0, lanes] => self.sum(cohort, word, 1, [lanes], screen, results),
            lanes => self.sum(cohort, word, 0, lanes, screen, results),
        }
    }
}

/// Sums a strip of lanes and hands out what passes the screen.
struct Sum<'a, W: Width, const N: usize> {
    rows: [&'a [u64]; N],
    terms: &'a [Terms<W::Term>],
    list: &'a UserList,
    bounds: ChunkBounds,
    lanes: [u32; N],
    first: usize,
    screen: &'a Screen,
    results: &'a mut Lanes,
}

impl<W: Width, const N: usize> Task for Sum<'_, W, N> {
    type Output = ();

    #[inline(always)]
    fn run<I: InstructionSet>(self, instructions: I) {
        if self.list.users() <= self.bounds.single {
            let groups = self.list.groups().enumerate();
            let (rows, terms, list) = (self.rows, self.terms, self.list);
            let sums = sum::<I, W, N>(instructions, rows, terms, list, groups, self.bounds.run);
            if let Some(sums) = sums {
                for (strip, sums) in sums.into_iter().enumerate() {
                    if let Some((floor, negative)) = first_look(self.screen) {
                        let least = W::Lane::saturate(self.screen.wanted.n[0]);
                        let [n, a, aa, mut b, bb, mut ab] = sums;
                        if negative {
                            // With -b for b, r changes its sign.
                            let minus = W::spread(instructions, W::term(-1));
                            (b, ab) = (b.mul(minus), ab.mul(minus));
                        }
                        if !Strip::any_above([n, a, aa, b, bb, ab], least, floor) {
                            continue;
                        }
                    }
                    let first = self.first + strip * STRIP;
                    finish(instructions, &store(sums), self.lanes[strip], first, self.screen, self.results);
                }
                return;
            }
        }
        instructions.run(SumChunks(self));
    }
}

/// The same for any number of users, and where lanes are full.
struct SumChunks<'a, W: Width, const N: usize>(Sum<'a, W, N>);

impl<W: Width, const N: usize> Task for SumChunks<'_, W, N> {
    type Output = ();

    #[inline(always)]
    fn run<I: InstructionSet>(self, instructions: I) {
        let Sum { rows, terms, list, bounds, lanes, first, screen, results } = self.0;
        for strip in 0..N {
            let rows = [rows[strip]];
            let mut all = StripSums::<i64>::at(0);
            for (subtotal, group) in list.groups().enumerate() {
                for start in group.clone().step_by(bounds.chunk) {
                    let chunk = start..group.end.min(start + bounds.chunk);
                    let users = std::iter::once((subtotal, chunk));
                    match sum::<I, W, 1>(instructions, rows, terms, list, users.clone(), bounds.run) {
                        Some([sums]) => all.add(&store(sums)),
                        None => {
                            let b = |term: &Terms<W::Term>| W::number(term.counted) >> COUNT_BITS;
                            let broad: Vec<_> =
                                terms.iter().map(|term| to_terms::<Lanes32>(b(term))).collect();
                            let [sums] = sum::<I, Lanes32, 1>(instructions, rows, &broad, list, users, RUN)
                                .expect("32 bits hold every square");
                            all.add(&store(sums));
                        }
                    }
                }
            }
            finish(instructions, &all, lanes[strip], first + strip * STRIP, screen, results);
        }
    }
}

/// The sums n, Σa, Σa², Σb, Σb² and Σab of a strip over groups of a list's users, each with
/// its subtotal, in runs of at most so many; `None` if lanes are too narrow for them.
#[inline(always)]
fn sum<I: InstructionSet, W: Width, const N: usize>(
    instructions: I,
    rows: [&[u64]; N],
    terms: &[Terms<W::Term>],
    list: &UserList,
    groups: impl Iterator<Item = (usize, Range<usize>)>,
    run: usize,
) -> Option<[[W::Strip<I>; 6]; N]> {
    let bound = list.bound();
    assert!(bound <= terms.len(), "slots below {bound} of {}", terms.len());
    for rows in rows {
        assert!(bound <= rows.len(), "slots below {bound} of {}", rows.len());
    }
    let spread = |number| W::spread(instructions, W::term(number));
    let (zero, counts) = (spread(0), spread(RUN as i32));
    let mut sums = [[zero; 6]; N];
    let mut all_squares = zero;
    for (subtotal, users) in groups {
        let p = subtotal as i32;
        let (p, of_n, of_s) = (spread(p), spread(p * p), spread(2 * p + 1));
        for users in list.part(users).chunks(run) {
            let mut of_run = [[zero; 3]; N];
            for &slot in users {
                let slot = slot as usize;
                debug_assert!(slot < terms.len(), "slot {slot} of {}", terms.len());
                // SAFETY: the slot is below the list's bound, which was asserted above to be
                // at most the number of terms.
                let term = unsafe { terms.get_unchecked(slot) };
                let counted = W::spread(instructions, term.counted);
                let square = W::spread(instructions, term.square);
                for strip in 0..N {
                    debug_assert!(slot < rows[strip].len(), "slot {slot} of {}", rows[strip].len());
                    // SAFETY: likewise, at most the number of rows.
                    let row = unsafe { *rows[strip].get_unchecked(slot) };
                    let [answered, correct] = zero.masks(row);
                    let [totals, products, squares] = of_run[strip];
                    of_run[strip] = [
                        totals.add_where(answered, counted),
                        products.add_where(correct, counted),
                        squares.add_where(answered, square),
                    ];
                }
            }
            for strip in 0..N {
                let [totals, products, squares] = of_run[strip];
                all_squares = all_squares.or(squares);
                let (of_run, s) = (totals.and(counts), products.and(counts));
                let totals = totals.shift_right_signed::<COUNT_BITS>();
                let products = products.shift_right_signed::<COUNT_BITS>();
                let [n, a, aa, b, bb, ab] = sums[strip];
                sums[strip] = [
                    n.add(of_run),
                    a.add(of_run.mul(p)).add(s),
                    aa.add(of_run.mul(of_n)).add(s.mul(of_s)),
                    b.add(totals),
                    bb.add(squares),
                    ab.add(totals.mul(p)).add(products),
                ];
            }
        }
    }
    let fit = !all_squares.any(W::too_large(instructions));
    fit.then_some(sums)
}

#[inline(always)]
fn store<L: LaneSum, S: Strip<Lane = L>>([n, a, aa, b, bb, ab]: [S; 6]) -> StripSums<L> {
    let mut sums = StripSums::at(L::default());
    n.store(&mut sums.n);
    a.store(&mut sums.a);
    aa.store(&mut sums.aa);
    b.store(&mut sums.b);
    bb.store(&mut sums.bb);
    ab.store(&mut sums.ab);
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::bitset::BitMatrix;

    /// Where the lanes hold what the proof at the head of this file says, up to the
    /// longest run and chunk of which it says so.
    fn check<W: Width>(a: i64, b: i64, mean_square: i64, holds: impl Fn(i64, i64) -> bool) {
        let told = format!("a = {a}, b = {b}, mean of b² = {mean_square}");
        match W::run_and_chunk(a, b, mean_square) {
            None => assert!(!holds(8, 16), "{told}"),
            Some((run, chunk)) => {
                let (run, chunk) = (run as i64, chunk as i64);
                assert!(run >= 8 && chunk >= 16, "{told}");
                assert!(holds(run, chunk) && !holds(run, chunk + 1), "{told}: {chunk}");
                assert!(!holds(run + 1, 16), "{told}: {run}");
            }
        }
    }

    #[test]
    fn runs_and_chunks_are_as_long_as_the_lanes_hold_and_no_longer() {
        for a in [1, 2, 5, 7, 12, 44, 45, 46, 181, 182, 300, 2_047, 8_191, 8_192, 40_000, 1 << 40] {
            for b in [0, 1, 5, 32, 33, 90, 91, 255, 256, 2_048, 8_191, 8_192, 32_767, 32_768] {
                for mean_square in [0, 1, 16, 17, 100, 128, 129, b * b / 2, b * b] {
                    check::<Lanes16>(a, b, mean_square, |run, chunk| {
                        let rarely_again = run * 2 * mean_square <= SQUARES.into() || mean_square == 0;
                        let squares = run * b * b <= u16::MAX.into() && rarely_again;
                        let moments =
                            i128::from(a) * i128::from(a) * i128::from(chunk) <= i128::from(i16::MAX);
                        run <= RUN as i64 && squares && moments && chunk <= 16 * run
                    });
                }
                check::<Lanes32>(a, b, 0, |run, chunk| {
                    let widest = i128::from(a.max(b));
                    let moments = widest * widest * i128::from(chunk) <= 1 << 30;
                    run <= RUN as i64 && moments && b <= i16::MAX.into()
                });
            }
        }
    }

    #[test]
    fn bounds_are_those_of_the_grand_totals_less_their_centre() {
        let of = |k, totals: &[i16]| {
            let scores = Binary { correct: BitMatrix::new(totals.len(), 1), totals: totals.to_vec() };
            ChunkBounds::of::<Lanes16>(k, &scores)
        };
        // Most near one end: less their mean, 9, squares are small; less nothing they are not.
        let mut totals = vec![10i16; 900];
        totals.extend([0; 100]);
        let bounds = of(3, &totals).unwrap();
        assert_eq!((bounds.run, bounds.chunk, bounds.centre), (63, 16 * 63, 9));
        assert_eq!(bounds.single, (16 - 3) * 63);
        // Half of them at either end: 12 · 9² is almost 2¹⁰.
        let totals: Vec<i16> = (0..100).map(|user| if user % 2 == 0 { 9 } else { -9 }).collect();
        let bounds = of(5, &totals).unwrap();
        assert_eq!((bounds.run, bounds.chunk, bounds.centre), (12, 12 * 16, 0));
        assert_eq!(bounds.single, (16 - 5) * 12);
        // More subtotals than runs.
        assert_eq!(of(16, &totals).unwrap().single, 0);
        // Less their mean, the largest is too large; less nothing it is not.
        let mut totals = vec![-70i16; 30_000];
        totals.extend([70; 2]);
        let bounds = of(2, &totals);
        assert!(bounds.is_none_or(|bounds| bounds.centre == 0), "{bounds:?}");
        assert!(of(2, &[9_000, -9_000]).is_none());
    }
}
