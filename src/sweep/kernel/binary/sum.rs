//! The six sums of a strip, and r of those subsets that may pass the filter.

use std::ops::Range;

use super::bits::BitRows;
use super::bytes::ByteRows;
use super::chunks::ChunkBounds;
use super::cohort::BinaryCohort;
use super::run::{Rows, RunSums};
use super::width::{COUNT_BITS, Lanes32, RUN, Terms, Width, to_terms};
use crate::sweep::kernel::filter::Filter;
use crate::sweep::kernel::finish::{LaneSum, StripSums, finish, finish_wide, may_pass};
use crate::sweep::kernel::list::UserList;
use crate::sweep::kernel::{LANES, Lanes};
use crate::sweep::simd::{Arithmetic, BYTE_PAIRS, Bits, InstructionSet, STRIP, Strip, Task};

/// Sums a block of lanes and keeps what passes the filter.
pub(super) struct Block<'a, W: Width> {
    pub(super) cohort: &'a BinaryCohort<W>,
    /// The users of the open prefix.
    pub(super) list: &'a UserList,
    pub(super) bounds: ChunkBounds,
    pub(super) word: usize,
    pub(super) lanes: u64,
    pub(super) filter: &'a Filter,
    pub(super) results: &'a mut Lanes,
    /// Whether the users of each lane are counted first: where none has enough, nothing is summed.
    pub(super) count_first: bool,
}

impl<W: Width> Task for Block<'_, W> {
    /// Whether no lane had enough users.
    type Output = bool;

    #[inline(always)]
    fn run<I: InstructionSet>(self, instructions: I) -> bool {
        match [self.lanes as u32, (self.lanes >> STRIP) as u32] {
            [0, 0] => self.count_first,
            [low, high] if low == 0 || high == 0 => {
                self.strips(usize::from(low == 0), [low | high]).run(instructions)
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
        let bytes = self.cohort.bytes.strips(first);
        Sum {
            bits: self.cohort.bits(first),
            bytes,
            list: self.list,
            bounds: if bytes.is_some() { self.bounds.of_runs(2 * BYTE_PAIRS) } else { self.bounds },
            lanes,
            first: half * STRIP,
            filter: self.filter,
            results: self.results,
            count_first: self.count_first,
        }
    }
}

/// Sums strips of lanes and keeps what passes the filter.
struct Sum<'a, W: Width, const N: usize> {
    bits: BitRows<'a, W, N>,
    bytes: Option<ByteRows<'a, N>>,
    list: &'a UserList,
    bounds: ChunkBounds,
    lanes: [u32; N],
    first: usize,
    filter: &'a Filter,
    results: &'a mut Lanes,
    count_first: bool,
}

impl<W: Width, const N: usize> Sum<'_, W, N> {
    /// Returns whether no lane had enough users.
    #[inline(always)]
    fn run<I: InstructionSet>(self, instructions: I) -> bool {
        let least = self.filter.bounds.n[0];
        if self.list.users() <= self.bounds.single {
            if self.count_first {
                let n = match self.bytes {
                    Some(bytes) => count::<I, W, _, N>(instructions, bytes, self.list),
                    None => count::<I, W, _, N>(instructions, self.bits, self.list),
                };
                if !n.into_iter().any(|n| any_of::<I, W>(instructions, n, least)) {
                    return true;
                }
            }
            let groups = self.list.groups().enumerate();
            let sums = match self.bytes {
                Some(bytes) => sum::<I, W, _, N>(instructions, bytes, self.list, groups, self.bounds.run),
                None => sum::<I, W, _, N>(instructions, self.bits, self.list, groups, self.bounds.run),
            };
            if let Some(sums) = sums {
                let few = !sums.iter().any(|&[n, ..]| any_of::<I, W>(instructions, n, least));
                for (strip, sums) in sums.into_iter().enumerate() {
                    if !may_pass(sums, W::spread(instructions, W::term(-1)), self.filter) {
                        continue;
                    }
                    let first = self.first + strip * STRIP;
                    finish(instructions, &store(sums), self.lanes[strip], first, self.filter, self.results);
                }
                return few;
            }
        }
        instructions.run(SumChunks(self));
        false
    }
}

/// Whether any lane has at least so many users.
#[inline(always)]
fn any_of<I: InstructionSet, W: Width>(instructions: I, n: W::Strip<I>, least: i64) -> bool {
    let spread = |number| W::spread(instructions, W::term(number));
    // What a lane cannot hold, none reaches; and n of one lane is 0 or more.
    let most_below = W::Lane::saturate(least.max(0)).into() - 1;
    let sign: i64 = W::Lane::saturate(i64::MIN).into();
    n.mul(spread(-1)).add(spread(most_below as i32)).any(spread(sign as i32))
}

/// n of each lane, over all users of a list, which the rows allow.
#[inline(always)]
fn count<I: InstructionSet, W: Width, R: Rows<W, N>, const N: usize>(
    instructions: I,
    rows: R,
    list: &UserList,
) -> [W::Strip<I>; N] {
    rows.assert_bound(list.bound());
    // SAFETY: slots of a list are below its bound, which was asserted to be at most the number of rows.
    unsafe { rows.count(instructions, list.slots()) }
}

/// Sums the strips for any number of users, and where lanes are full.
struct SumChunks<'a, W: Width, const N: usize>(Sum<'a, W, N>);

impl<W: Width, const N: usize> Task for SumChunks<'_, W, N> {
    type Output = ();

    #[inline(always)]
    fn run<I: InstructionSet>(self, instructions: I) {
        let Sum { bits, bytes, list, bounds, lanes, first, filter, results, .. } = self.0;
        for (strip, lanes) in lanes.into_iter().enumerate() {
            let (bits, bytes) = (bits.strip(strip), bytes.map(|bytes| bytes.strip(strip)));
            let mut all = StripSums::<i64>::at(0);
            for (subtotal, group) in list.groups().enumerate() {
                for start in group.clone().step_by(bounds.chunk) {
                    let chunk = start..group.end.min(start + bounds.chunk);
                    let users = std::iter::once((subtotal, chunk));
                    let sums = match bytes {
                        Some(bytes) => {
                            sum::<I, W, _, 1>(instructions, bytes, list, users.clone(), bounds.run)
                        }
                        None => sum::<I, W, _, 1>(instructions, bits, list, users.clone(), bounds.run),
                    };
                    match sums {
                        Some([sums]) => all.add(&store(sums)),
                        None => {
                            let b = |term: &Terms<W::Term>| W::number(term.counted) >> COUNT_BITS;
                            let broad: Vec<_> =
                                bits.terms.iter().map(|term| to_terms::<Lanes32>(b(term))).collect();
                            let bits: BitRows<'_, Lanes32, 1> = BitRows { rows: bits.rows, terms: &broad };
                            let [sums] =
                                sum(instructions, bits, list, users, RUN).expect("32 bits hold every square");
                            all.add(&store(sums));
                        }
                    }
                }
            }
            finish_wide(instructions, &all, lanes, first + strip * STRIP, filter, results);
        }
    }
}

/// The sums n, Σa, Σa², Σb, Σb² and Σab of a strip over groups of a list's users, each with
/// its subtotal, in runs of at most `run` users, which the rows allow; `None` if lanes are too narrow.
#[inline(always)]
fn sum<I: InstructionSet, W: Width, R: Rows<W, N>, const N: usize>(
    instructions: I,
    rows: R,
    list: &UserList,
    groups: impl Iterator<Item = (usize, Range<usize>)>,
    run: usize,
) -> Option<[[W::Strip<I>; 6]; N]> {
    rows.assert_bound(list.bound());
    let spread = |number| W::spread(instructions, W::term(number));
    let zero = spread(0);
    let mut sums = [[zero; 6]; N];
    let slots = list.slots();
    let mut all_squares = zero;
    for (subtotal, users) in groups {
        let p = subtotal as i32;
        let (p, of_n, of_s) = (spread(p), spread(p * p), spread(2 * p + 1));
        for users in slots[users].chunks(run) {
            // SAFETY: slots of a list are below its bound, which was asserted to be at most the
            // number of rows.
            let of_run = unsafe { rows.run(instructions, users) };
            for strip in 0..N {
                let RunSums { n: of_run, s, totals, products, squares } = of_run[strip];
                all_squares = all_squares.or(squares);
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
