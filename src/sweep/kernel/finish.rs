//! The sums of a strip → r and n of those of its subsets that are wanted.

use crate::compensated::Compensated;
use crate::index::bitset::ones;
use crate::sweep::kernel::instructions::STRIP;
use crate::sweep::kernel::{Lanes, Screen};
use crate::sweep::pearson::{Correlation, Exact, Number, Sums, correlation};

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

impl StripSums<i64> {
    /// Adds the sums of other users.
    #[inline(always)]
    pub(crate) fn add<S: LaneSum>(&mut self, other: &StripSums<S>) {
        let add = |to: &mut [i64; STRIP], from: &[S; STRIP]| {
            to.iter_mut().zip(from).for_each(|(to, &from)| *to += from.into());
        };
        add(&mut self.n, &other.n);
        add(&mut self.a, &other.a);
        add(&mut self.aa, &other.aa);
        add(&mut self.b, &other.b);
        add(&mut self.bb, &other.bb);
        add(&mut self.ab, &other.ab);
    }
}

impl<S: Copy> StripSums<S> {
    /// All sums at one value.
    pub(crate) fn at(value: S) -> Self {
        let zero = [value; STRIP];
        Self { n: zero, a: zero, aa: zero, b: zero, bb: zero, ab: zero }
    }
}

/// What the first look at r² is held against; `None` where every subset needs the
/// second look.
///
/// r² = covariance² / variances needs no root and no division, but r has to be above 0
/// and b the grand total. Single precision is right to some 2⁻²¹, so a floor a little
/// lower loses nothing that reaches it. An undefined r has a covariance of 0.
#[inline(always)]
pub(crate) fn first_floor(screen: &Screen) -> Option<f32> {
    let floor = screen.floor * screen.floor * (1.0 - 1e-5);
    (screen.floor > 0.0 && !screen.corrected).then_some(floor as f32)
}

/// From so many subsets on, r of all lanes is computed together.
const TOGETHER: u32 = 3;

/// Adds the subsets of `lanes`, a set of bits, that pass the screen to the results,
/// as lanes `first..`.
#[inline(always)]
pub(crate) fn finish<S: LaneSum>(
    sums: &StripSums<S>,
    lanes: u32,
    first: usize,
    screen: &Screen,
    results: &mut Lanes,
) {
    let StripSums { n, a, aa, b, bb, ab } = sums;
    let least = S::saturate(screen.min_users);
    let mut kept = lanes & bits(|lane| n[lane] >= least);
    if kept == 0 {
        return;
    }
    let difference = |x: &[S; STRIP], y: &[S; STRIP], z: &[S; STRIP]| -> [S::Product; STRIP] {
        std::array::from_fn(|lane| n[lane].widen() * x[lane].widen() - y[lane].widen() * z[lane].widen())
    };
    let (covariance, of_a, of_b) = (difference(ab, a, b), difference(aa, a, a), difference(bb, b, b));
    let r = |lane: usize| match correlation::<S>([covariance[lane], of_a[lane], of_b[lane]], screen.corrected)
    {
        Correlation::Defined(r) => r,
        _ => f64::NAN,
    };
    let mut all = [f64::NAN; STRIP];
    match kept.count_ones() >= TOGETHER {
        true => all = std::array::from_fn(r),
        false => ones(kept.into()).for_each(|lane| all[lane] = r(lane)),
    }
    kept &= match screen.passes_undefined() {
        true => bits(|lane| all[lane].is_nan() | (all[lane] >= screen.floor)),
        false => bits(|lane| all[lane] >= screen.floor),
    };
    results.kept |= u64::from(kept) << first;
    for lane in 0..STRIP {
        results.r[first + lane] = all[lane];
        results.n[first + lane] = n[lane].into();
    }
}

/// The same for floats. Returns the lanes whose r rounding may have eaten, and leaves
/// these out.
#[inline(always)]
pub(crate) fn finish_floats(
    sums: &StripSums<f64>,
    lanes: u32,
    first: usize,
    screen: &Screen,
    results: &mut Lanes,
) -> u32 {
    let mut doubtful = 0;
    for lane in ones(lanes.into()) {
        let n = sums.n[lane] as i64;
        if n < screen.min_users {
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
        match Compensated::correlate(&sums, screen.corrected) {
            Correlation::Defined(r) => results.record(first + lane, n, Some(r), screen),
            Correlation::Undefined => results.record(first + lane, n, None, screen),
            Correlation::Doubtful => doubtful |= 1 << lane,
        }
    }
    doubtful
}

/// The set of lanes of which something is true.
#[inline(always)]
fn bits(of: impl Fn(usize) -> bool) -> u32 {
    let mut bits = 0;
    for lane in 0..STRIP {
        bits |= u32::from(of(lane)) << lane;
    }
    bits
}
