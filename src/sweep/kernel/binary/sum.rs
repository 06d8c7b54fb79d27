//! The six sums of a strip, and r of those subsets that may pass the filter.

use std::ops::Range;

use super::chunks::ChunkBounds;
use super::width::{COUNT_BITS, Lanes32, RUN, Terms, Width, to_terms};
use crate::sweep::kernel::cohort::Cohort;
use crate::sweep::kernel::filter::Filter;
use crate::sweep::kernel::finish::{LaneSum, StripSums, finish, prefilter};
use crate::sweep::kernel::list::UserList;
use crate::sweep::kernel::{LANES, Lanes};
use crate::sweep::simd::{Arithmetic, Bits, InstructionSet, STRIP, Strip, Task, each};

/// Sums a block of lanes and keeps what passes the filter.
pub(super) struct Block<'a, W: Width> {
    pub(super) cohort: &'a Cohort<Terms<W::Term>>,
    /// The users of the open prefix.
    pub(super) list: &'a UserList,
    pub(super) bounds: &'a ChunkBounds,
    pub(super) word: usize,
    pub(super) lanes: u64,
    pub(super) filter: &'a Filter,
    pub(super) results: &'a mut Lanes,
}

impl<W: Width> Task for Block<'_, W> {
    type Output = ();

    #[inline(always)]
    fn run<I: InstructionSet>(self, instructions: I) {
        match [self.lanes as u32, (self.lanes >> STRIP) as u32] {
            [0, 0] => {}
            [low, high] if low == 0 || high == 0 => {
                self.strips(usize::from(low == 0), [low | high]).run(instructions);
            }
            lanes => self.strips(0, lanes).run(instructions),
        }
    }
}

impl<'a, W: Width> Block<'a, W> {
    /// The strips from the given half of the word on.
    #[inline(always)]
    fn strips<const N: usize>(self, half: usize, lanes: [u32; N]) -> Sum<'a, W, N> {
        let first = self.word * LANES / STRIP + half;
        Sum {
            rows: each(|strip| self.cohort.strip(first + strip)),
            terms: self.cohort.terms(),
            list: self.list,
            bounds: self.bounds,
            lanes,
            first: half * STRIP,
            filter: self.filter,
            results: self.results,
        }
    }
}

/// Sums strips of lanes and keeps what passes the filter.
struct Sum<'a, W: Width, const N: usize> {
    rows: [&'a [u64]; N],
    terms: &'a [Terms<W::Term>],
    list: &'a UserList,
    bounds: &'a ChunkBounds,
    lanes: [u32; N],
    first: usize,
    filter: &'a Filter,
    results: &'a mut Lanes,
}

impl<W: Width, const N: usize> Sum<'_, W, N> {
    #[inline(always)]
    fn run<I: InstructionSet>(self, instructions: I) {
        if self.list.users() <= self.bounds.single {
            let groups = self.list.groups().enumerate();
            let (rows, terms, list) = (self.rows, self.terms, self.list);
            let sums = sum::<I, W, N>(instructions, rows, terms, list, groups, self.bounds.run);
            if let Some(sums) = sums {
                for (strip, sums) in sums.into_iter().enumerate() {
                    if let Some((floor, negative)) = prefilter(self.filter) {
                        let least = W::Lane::saturate(self.filter.bounds.n[0]);
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
                    finish(instructions, &store(sums), self.lanes[strip], first, self.filter, self.results);
                }
                return;
            }
        }
        instructions.run(SumChunks(self));
    }
}

/// Sums the strips for any number of users, and where lanes are full.
struct SumChunks<'a, W: Width, const N: usize>(Sum<'a, W, N>);

impl<W: Width, const N: usize> Task for SumChunks<'_, W, N> {
    type Output = ();

    #[inline(always)]
    fn run<I: InstructionSet>(self, instructions: I) {
        let Sum { rows, terms, list, bounds, lanes, first, filter, results } = self.0;
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
            finish(instructions, &all, lanes[strip], first + strip * STRIP, filter, results);
        }
    }
}

/// The sums n, Σa, Σa², Σb, Σb² and Σab of a strip over groups of a list's users, each with
/// its subtotal, in runs of at most `run` users; `None` if lanes are too narrow for them.
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
    let slots = list.slots();
    let mut all_squares = zero;
    for (subtotal, users) in groups {
        let p = subtotal as i32;
        let (p, of_n, of_s) = (spread(p), spread(p * p), spread(2 * p + 1));
        for users in slots[users].chunks(run) {
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
