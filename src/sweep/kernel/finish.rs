//! The sums of a strip → r and n of those of its subsets that are wanted.

use std::ops::AddAssign;

use crate::compensated::Compensated;
use crate::index::bitset::ones;
use crate::sweep::kernel::Lanes;
use crate::sweep::kernel::filter::Filter;
use crate::sweep::pearson::exact::{Exact, rounded};
use crate::sweep::pearson::{Correlation, Number, Sums};
use crate::sweep::simd::{Arithmetic, InstructionSet, STRIP, Strip, each};

/// The six sums of 32 subsets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StripSums<S> {
    pub(crate) n: [S; STRIP],
    pub(crate) a: [S; STRIP],
    pub(crate) aa: [S; STRIP],
    pub(crate) b: [S; STRIP],
    pub(crate) bb: [S; STRIP],
    pub(crate) ab: [S; STRIP],
}

/// What the sums of a lane are kept in.
pub(crate) trait LaneSum: Exact + PartialOrd + Into<i64> {
    /// The nearest value there is.
    fn saturate(value: i64) -> Self;
}

impl LaneSum for i16 {
    #[inline(always)]
    fn saturate(value: i64) -> Self {
        value.clamp(Self::MIN.into(), Self::MAX.into()) as Self
    }
}

impl LaneSum for i32 {
    #[inline(always)]
    fn saturate(value: i64) -> Self {
        value.clamp(Self::MIN.into(), Self::MAX.into()) as Self
    }
}

impl LaneSum for i64 {
    #[inline(always)]
    fn saturate(value: i64) -> Self {
        value
    }
}

impl<W: Copy + AddAssign> StripSums<W> {
    /// Adds the sums of other users.
    #[inline(always)]
    pub(crate) fn add<S: Copy + Into<W>>(&mut self, other: &StripSums<S>) {
        for lane in 0..STRIP {
            self.n[lane] += other.n[lane].into();
            self.a[lane] += other.a[lane].into();
            self.aa[lane] += other.aa[lane].into();
            self.b[lane] += other.b[lane].into();
            self.bb[lane] += other.bb[lane].into();
            self.ab[lane] += other.ab[lane].into();
        }
    }
}

/// Sums of less are moments of 64 bits, four of which may be added up.
const NARROW: u64 = 1 << 30;

impl StripSums<i64> {
    /// The same in half the width, in which moments are a tenth of the work; `None` where one is too large.
    #[inline(always)]
    fn narrowed(&self) -> Option<StripSums<i32>> {
        let Self { n, a, aa, b, bb, ab } = self;
        let mut largest = 0;
        for sums in [n, a, aa, b, bb, ab] {
            for sum in sums {
                largest |= sum.unsigned_abs();
            }
        }
        if largest >= NARROW {
            return None;
        }
        Some(StripSums {
            n: narrow(n),
            a: narrow(a),
            aa: narrow(aa),
            b: narrow(b),
            bb: narrow(bb),
            ab: narrow(ab),
        })
    }
}

#[inline(always)]
fn narrow(sums: &[i64; STRIP]) -> [i32; STRIP] {
    each(|lane| sums[lane] as i32)
}

impl<S: Copy> StripSums<S> {
    /// All sums at one value.
    #[inline(always)]
    pub(crate) fn at(value: S) -> Self {
        let zero = [value; STRIP];
        Self { n: zero, a: zero, aa: zero, b: zero, bb: zero, ab: zero }
    }
}

/// A first look at the sums n, Σa, Σa², Σb, Σb² and Σab of a strip: whether any of its subsets may pass
/// the filter. `minus_one` is that in all lanes.
///
/// r² = covariance² / variances needs no root and no division, but the sign of r has to
/// be known. An undefined r has a covariance of 0.
#[inline(always)]
pub(crate) fn may_pass<L: LaneSum, S: Strip<Lane = L>>(
    [n, a, aa, mut b, bb, mut ab]: [S; 6],
    minus_one: S,
    filter: &Filter,
) -> bool {
    let Some((sign, floor)) = filter.first_look() else { return true };
    if sign < 0.0 {
        // With -b for b, r changes its sign.
        (b, ab) = (b.mul(minus_one), ab.mul(minus_one));
    }
    S::any_above([n, a, aa, b, bb, ab], L::saturate(filter.bounds.n[0]), floor)
}

/// Adds the subsets of `lanes`, a set of bits, that pass the filter to the results,
/// as lanes `first..`.
///
/// r is computed of all lanes together: of one alone takes about as long.
#[inline(always)]
pub(crate) fn finish<I: InstructionSet, S: LaneSum>(
    instructions: I,
    sums: &StripSums<S>,
    lanes: u32,
    first: usize,
    filter: &Filter,
    results: &mut Lanes,
) {
    let StripSums { n, a, aa, b, bb, ab } = sums;
    let counted = lanes & counted(n, filter);
    if counted == 0 {
        return;
    }
    let mut moments = [[0.0; STRIP]; 3];
    for lane in 0..STRIP {
        let (n, a, b) = (n[lane].widen(), a[lane].widen(), b[lane].widen());
        let (aa, bb, ab) = (aa[lane].widen(), bb[lane].widen(), ab[lane].widen());
        let rounded = rounded::<S>([n * ab - a * b, n * aa - a * a, n * bb - b * b], filter.corrected);
        for moment in 0..3 {
            moments[moment][lane] = rounded[moment];
        }
    }
    finish_moments(instructions, n, &moments, counted, first, filter, results);
}

/// Likewise from sums of many users, which mostly are smaller than they might be.
#[inline(always)]
pub(crate) fn finish_wide<I: InstructionSet>(
    instructions: I,
    sums: &StripSums<i64>,
    lanes: u32,
    first: usize,
    filter: &Filter,
    results: &mut Lanes,
) {
    match sums.narrowed() {
        Some(sums) => finish(instructions, &sums, lanes, first, filter, results),
        None => finish(instructions, sums, lanes, first, filter, results),
    }
}

/// The lanes whose n is within the bounds.
#[inline(always)]
pub(crate) fn counted<S: LaneSum>(n: &[S; STRIP], filter: &Filter) -> u32 {
    let [least, most] = filter.bounds.n;
    let (least, most) = (S::saturate(least), S::saturate(most));
    bits(|lane| (least <= n[lane]) & (n[lane] <= most))
}

/// Adds the subsets of `lanes` that pass the filter to the results, as lanes `first..`, from their
/// n, which is within the bounds, and from their covariances and the variances of a and of b.
#[inline(always)]
pub(crate) fn finish_moments<I: InstructionSet, S: LaneSum>(
    instructions: I,
    n: &[S; STRIP],
    moments: &[[f64; STRIP]; 3],
    lanes: u32,
    first: usize,
    filter: &Filter,
    results: &mut Lanes,
) {
    let [covariance, var_a, var_b] = moments;
    let load = |moment: &[f64; STRIP], at| instructions.load_doubles(block(moment, at));
    if let Some(threshold) = filter.threshold() {
        // Mostly no subset is so far off, and r² needs no root and no division. The
        // margin is for the rounding of these.
        let least_square = instructions.doubles(threshold.least_square * (1.0 - 1e-12));
        let (sign, positive) =
            (instructions.doubles(threshold.sign), instructions.doubles(f64::MIN_POSITIVE));
        let mut beyond = 0;
        for at in (0..STRIP).step_by(8) {
            let covariance = load(covariance, at);
            let least = load(var_a, at).mul(load(var_b, at)).mul(least_square);
            let reached = instructions.at_least(covariance.mul(covariance), least);
            beyond |= (reached & instructions.at_least(covariance.mul(sign), positive)) << at;
        }
        if lanes & beyond == 0 {
            return;
        }
    }
    let [floor, ceiling] = filter.bounds.r;
    let [floor, ceiling] = [instructions.doubles(floor), instructions.doubles(ceiling)];
    let (mut reached, mut defined) = (0, 0);
    for at in (0..STRIP).step_by(8) {
        let (covariance, var_a, var_b) = (load(covariance, at), load(var_a, at), load(var_b, at));
        // No variance in a or in b means no covariance, and NaN.
        let r = instructions.ratio(covariance, var_a.mul(var_b));
        reached |= (instructions.at_least(r, floor) & instructions.at_least(ceiling, r)) << at;
        defined |= instructions.at_least(r, instructions.doubles(-1.0)) << at;
        r.store(block_mut(&mut results.r, first + at));
    }
    let passed = if filter.bounds.undefined { reached | !defined } else { reached };
    results.kept |= u64::from(lanes & passed) << first;
    *block_mut(&mut results.n, first) = each::<_, STRIP>(|lane| n[lane].into());
}

/// Some lanes, from `first` on.
#[inline(always)]
pub(crate) fn block<L, const LANES: usize>(lanes: &[L], first: usize) -> &[L; LANES] {
    lanes[first..].first_chunk().expect("a whole block")
}

/// Some lanes, from `first` on, to be written.
#[inline(always)]
pub(crate) fn block_mut<L, const LANES: usize>(lanes: &mut [L], first: usize) -> &mut [L; LANES] {
    lanes[first..].first_chunk_mut().expect("a whole block")
}

/// Adds the subsets of `lanes` that pass the filter to the results, from sums of floats.
/// Returns the lanes whose r rounding may have eaten, and leaves these out.
#[inline(always)]
pub(crate) fn finish_floats(
    sums: &StripSums<f64>,
    lanes: u32,
    first: usize,
    filter: &Filter,
    results: &mut Lanes,
) -> u32 {
    let mut doubtful = 0;
    for lane in ones(lanes.into()) {
        let n = sums.n[lane] as i64;
        if !filter.counts(n) {
            continue;
        }
        let sums = Sums {
            n,
            a: sums.a[lane],
            aa: sums.aa[lane],
            b: sums.b[lane],
            bb: sums.bb[lane],
            ab: sums.ab[lane],
        };
        match Compensated::correlate(&sums, filter.corrected) {
            Correlation::Defined(r) => results.record(first + lane, n, Some(r), filter),
            Correlation::Undefined => results.record(first + lane, n, None, filter),
            Correlation::Doubtful => doubtful |= 1 << lane,
        }
    }
    doubtful
}

/// The set of lanes of which something is true.
#[inline(always)]
pub(crate) fn bits(of: impl Fn(usize) -> bool) -> u32 {
    let mut bits = 0;
    for lane in 0..STRIP {
        bits |= u32::from(of(lane)) << lane;
    }
    bits
}
