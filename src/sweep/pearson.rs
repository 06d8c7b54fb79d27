//! Six sums → r. The rule for an undefined r is stated here and nowhere else.
//!
//! For the n users of a subset, with a the subtotal on the subset and b the grand
//! total, Pearson's correlation (K. Pearson, 1895) is
//!
//! ```text
//!              n·Σab - Σa·Σb                     covariance
//! r = ───────────────────────────────── = ────────────────────
//!     √(n·Σa² - (Σa)²) · √(n·Σb² - (Σb)²)   √(of_a · of_b)
//! ```
//!
//! **r is undefined, and so NULL or left out, where n < 2 or where a or b has no
//! variance.** With exact scores the three differences are integers, computed
//! without rounding; each is then rounded to a double once, so that r depends on
//! nothing but the data.
//!
//! With `corrected`, b is the grand total less a. That needs no sums of its own:
//! cov(a, b-a) = cov(a, b) - var(a), and var(b-a) = var(b) - 2 cov(a, b) + var(a).

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Mul, Sub};

use ethnum::I256;

use crate::compensated::Compensated;

/// How many users, and the five sums over them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Sums<N> {
    pub(crate) n: i64,
    pub(crate) a: N,
    pub(crate) aa: N,
    pub(crate) b: N,
    pub(crate) bb: N,
    pub(crate) ab: N,
}

/// What six sums say about r.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Correlation {
    /// r, within [-1, 1].
    Defined(f64),
    /// n < 2, or no variance in a or in b.
    Undefined,
    /// Rounding may have eaten the answer; it has to be found another way.
    Doubtful,
}

/// What scores, subtotals and grand totals are made of.
pub(crate) trait Number: Copy + Default + Send + Sync + Debug + 'static {
    /// What their sums are made of.
    type Sum: Copy + Default + Send + Sync + Debug;

    /// `self + other`.
    fn plus(self, other: Self) -> Self;

    /// Takes one more user into the sums.
    fn accumulate(sums: &mut Sums<Self::Sum>, a: Self, b: Self);

    /// r of the sums, if they have one.
    fn correlate(sums: &Sums<Self::Sum>, corrected: bool) -> Correlation;

    /// r of the users one by one, slowly and with care; asked for where
    /// [`correlate`](Self::correlate) was [`Correlation::Doubtful`].
    fn correlate_carefully(users: &[(Self, Self)], corrected: bool) -> Correlation;
}

/// An integer that holds the sums, beside one that holds their products.
pub(crate) trait Exact:
    Copy + Default + Send + Sync + Debug + Add<Output = Self> + Mul<Output = Self> + AddAssign + 'static
{
    type Product: Copy
        + Default
        + PartialEq
        + Add<Output = Self::Product>
        + Sub<Output = Self::Product>
        + Mul<Output = Self::Product>;

    fn widen(self) -> Self::Product;

    /// A number of users.
    fn count(n: i64) -> Self::Product;

    /// The nearest double, ties to even.
    fn round(product: Self::Product) -> f64;

    /// The covariance and the variance of b after a is taken out of b; and the
    /// variance of a. Each is rounded once.
    #[inline(always)]
    fn correct([covariance, of_a, of_b]: [Self::Product; 3]) -> [f64; 3] {
        [covariance - of_a, of_a, of_b - covariance - covariance + of_a].map(Self::round)
    }
}

impl Exact for i16 {
    type Product = i32;

    #[inline(always)]
    fn widen(self) -> i32 {
        i32::from(self)
    }

    #[inline(always)]
    fn count(n: i64) -> i32 {
        n as i32
    }

    #[inline(always)]
    fn round(product: i32) -> f64 {
        f64::from(product)
    }

    /// Four products may pass 32 bits; doubles hold them exactly.
    #[inline(always)]
    fn correct(moments: [i32; 3]) -> [f64; 3] {
        let [covariance, of_a, of_b] = moments.map(f64::from);
        [covariance - of_a, of_a, of_b - 2.0 * covariance + of_a]
    }
}

impl Exact for i32 {
    type Product = i64;

    fn widen(self) -> i64 {
        i64::from(self)
    }

    fn count(n: i64) -> i64 {
        n
    }

    fn round(product: i64) -> f64 {
        product as f64
    }
}

impl Exact for i64 {
    type Product = i128;

    fn widen(self) -> i128 {
        i128::from(self)
    }

    fn count(n: i64) -> i128 {
        i128::from(n)
    }

    fn round(product: i128) -> f64 {
        product as f64
    }
}

impl Exact for i128 {
    type Product = I256;

    fn widen(self) -> I256 {
        I256::from(self)
    }

    fn count(n: i64) -> I256 {
        I256::from(n)
    }

    fn round(product: I256) -> f64 {
        I256::round(product)
    }
}

impl Exact for I256 {
    type Product = I256;

    fn widen(self) -> I256 {
        self
    }

    fn count(n: i64) -> I256 {
        I256::from(n)
    }

    fn round(product: I256) -> f64 {
        let magnitude = product.unsigned_abs();
        // 127 bits from the top, and one more that says whether any lower bit is set:
        // the hardware's rounding of these 128 is the rounding of all.
        let excess = 128u32.saturating_sub(magnitude.leading_zeros());
        let sticky = magnitude.trailing_zeros() < excess;
        let top = (magnitude >> excess).as_u128() | u128::from(sticky);
        let rounded = top as f64 * 2f64.powi(excess as i32);
        if product.is_negative() { -rounded } else { rounded }
    }
}

impl<N: Exact> Number for N {
    type Sum = Self;

    #[inline]
    fn plus(self, other: Self) -> Self {
        self + other
    }

    #[inline]
    fn accumulate(sums: &mut Sums<Self>, a: Self, b: Self) {
        sums.n += 1;
        sums.a += a;
        sums.aa += a * a;
        sums.b += b;
        sums.bb += b * b;
        sums.ab += a * b;
    }

    #[inline]
    fn correlate(sums: &Sums<Self>, corrected: bool) -> Correlation {
        let n = N::count(sums.n);
        let [a, aa, b, bb, ab] = [sums.a, sums.aa, sums.b, sums.bb, sums.ab].map(N::widen);
        correlation::<N>([n * ab - a * b, n * aa - a * a, n * bb - b * b], corrected)
    }

    fn correlate_carefully(users: &[(Self, Self)], corrected: bool) -> Correlation {
        let mut sums = Sums::default();
        users.iter().for_each(|&(a, b)| N::accumulate(&mut sums, a, b));
        N::correlate(&sums, corrected)
    }
}

/// r from n·Σab - Σa·Σb, n·Σa² - (Σa)² and n·Σb² - (Σb)².
#[inline(always)]
pub(crate) fn correlation<N: Exact>(moments: [N::Product; 3], corrected: bool) -> Correlation {
    of_rounded(rounded::<N>(moments, corrected))
}

/// The moments as doubles, with a taken out of b where that is asked for.
#[inline(always)]
pub(crate) fn rounded<N: Exact>(moments: [N::Product; 3], corrected: bool) -> [f64; 3] {
    match corrected {
        true => N::correct(moments),
        false => moments.map(N::round),
    }
}

/// The same of moments that are integers in doubles, and that four times over.
#[inline(always)]
pub(crate) fn correlation_of([covariance, of_a, of_b]: [f64; 3], corrected: bool) -> Correlation {
    of_rounded(match corrected {
        true => [covariance - of_a, of_a, of_b - 2.0 * covariance + of_a],
        false => [covariance, of_a, of_b],
    })
}

#[inline(always)]
fn of_rounded([covariance, of_a, of_b]: [f64; 3]) -> Correlation {
    // Fewer than two users have no variance either: n·Σa² = (Σa)².
    match of_a == 0.0 || of_b == 0.0 {
        true => Correlation::Undefined,
        false => Correlation::Defined(ratio(covariance, of_a, of_b)),
    }
}

/// A variance computed as a difference of two sums must be at least this part of
/// the sums, or it is computed again. Sums of n positive terms are right to
/// n · 2⁻⁵³ in the worst case and about √n · 2⁻⁵³ in fact; a difference that keeps
/// a sixteenth of them is then still right to 12 digits for n in the hundred thousands.
const TRUSTED_PART: f64 = 1.0 / 16.0;

/// And the deviations must on average be at least 2⁻⁷, the square of which this is. The
/// index brings scores on a grid of 2⁻⁴⁸, so what the leading part of one leaves out is
/// no more than 2⁻⁴² of such a deviation, and changes r by some 2⁻⁴³/√n, about 1e-13.
const TRUSTED_SPREAD: f64 = 1.0 / (1u64 << 14) as f64;

/// A spread of at most this part of the values is no variance but their rounding:
/// a subtotal is a sum of k rounded scores.
const ROUNDING: f64 = 8.0 * f64::EPSILON;

/// Floating point numbers with what their additions rounded off. The sums leave that
/// out; the careful way makes use of it.
impl Number for Compensated {
    type Sum = f64;

    #[inline]
    fn plus(self, other: Self) -> Self {
        Self::plus(self, other)
    }

    #[inline]
    fn accumulate(sums: &mut Sums<f64>, a: Self, b: Self) {
        let (a, b) = (a.leading(), b.leading());
        sums.n += 1;
        sums.a += a;
        sums.aa += a * a;
        sums.b += b;
        sums.bb += b * b;
        sums.ab += a * b;
    }

    #[inline]
    fn correlate(sums: &Sums<f64>, corrected: bool) -> Correlation {
        let n = sums.n as f64;
        let (squares_a, mut squares_b) = (n * sums.aa, n * sums.bb);
        let mut covariance = n * sums.ab - sums.a * sums.b;
        let of_a = squares_a - sums.a * sums.a;
        let mut of_b = squares_b - sums.b * sums.b;
        if corrected {
            of_b = of_b - 2.0 * covariance + of_a;
            covariance -= of_a;
            squares_b += squares_a;
        }
        let least = n * n * TRUSTED_SPREAD;
        let trusted = |variance: f64, squares: f64| variance > (squares * TRUSTED_PART).max(least);
        match trusted(of_a, squares_a) && trusted(of_b, squares_b) {
            true => Correlation::Defined(ratio(covariance, of_a, of_b)),
            false => Correlation::Doubtful,
        }
    }

    fn correlate_carefully(users: &[(Self, Self)], corrected: bool) -> Correlation {
        let Some(&(first_a, first_b)) = users.first() else { return Correlation::Undefined };
        // The numbers less those of the first user: what all have in common takes no
        // digits. And how large they were, as it is that which was rounded.
        let (mut size_a, mut size_b) = (0f64, 0f64);
        let (mut all_a, mut all_b) = (Vec::with_capacity(users.len()), Vec::with_capacity(users.len()));
        let less_a = |a: Self, b: Self| if corrected { b.less(a) } else { b };
        let first_b = less_a(first_a, first_b);
        for &(a, b) in users {
            size_a = size_a.max(a.value().abs());
            size_b = size_b.max(b.value().abs());
            all_a.push(a.minus(first_a));
            all_b.push(less_a(a, b).minus(first_b));
        }
        if corrected {
            size_b = size_b.max(size_a);
        }
        match (deviations(all_a, size_a), deviations(all_b, size_b)) {
            (Some(a), Some(b)) => {
                let product = |x: &[f64], y: &[f64]| {
                    let mut sum = Compensated::default();
                    x.iter().zip(y).for_each(|(&x, &y)| sum.add_product(x, y));
                    sum.value()
                };
                Correlation::Defined(ratio(product(&a, &b), product(&a, &a), product(&b, &b)))
            }
            _ => Correlation::Undefined,
        }
    }
}

/// The values less their mean, in units of their spread; `None` where that spread
/// is no more than the rounding of numbers as large as `size`.
fn deviations(mut values: Vec<f64>, size: f64) -> Option<Vec<f64>> {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let spread = most - least;
    // Fewer than two values: the spread is 0 or, of none, negative.
    if spread.is_nan() || spread <= size * ROUNDING {
        return None;
    }
    let mean = |values: &[f64]| {
        let mut sum = Compensated::default();
        values.iter().for_each(|&value| sum.add(value));
        sum.value() / values.len() as f64
    };
    values.iter_mut().for_each(|value| *value = (*value - least) / spread);
    // Twice: the second takes off what rounding left of the first.
    for _ in 0..2 {
        let mean = mean(&values);
        values.iter_mut().for_each(|value| *value -= mean);
    }
    Some(values)
}

/// covariance / √(of_a · of_b), kept within [-1, 1] against the last rounding.
#[inline(always)]
fn ratio(covariance: f64, of_a: f64, of_b: f64) -> f64 {
    (covariance / (of_a * of_b).sqrt()).clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sums_of<N: Number>(users: &[(N, N)]) -> Sums<N::Sum> {
        let mut sums = Sums::default();
        users.iter().for_each(|&(a, b)| N::accumulate(&mut sums, a, b));
        sums
    }

    fn floats(users: &[(f64, f64)]) -> Vec<(Compensated, Compensated)> {
        users.iter().map(|&(a, b)| (a.into(), b.into())).collect()
    }

    fn correlate<N: Number>(users: &[(N, N)], corrected: bool) -> Correlation {
        N::correlate(&sums_of(users), corrected)
    }

    fn defined(correlation: Correlation) -> Option<f64> {
        match correlation {
            Correlation::Defined(r) => Some(r),
            _ => None,
        }
    }

    #[test]
    fn a_straight_line_has_r_of_exactly_one() {
        for slope in [3, -7] {
            let users: Vec<(i64, i64)> = (0..9).map(|a| (a, slope * a + 5)).collect();
            let r = defined(correlate(&users, false));
            assert_eq!(r, Some(f64::from(slope as i32).signum()));
        }
    }

    #[test]
    fn no_variance_means_no_r() {
        for users in [vec![], vec![(1, 2)], vec![(1, 2), (1, 3)], vec![(1, 2), (3, 2)]] {
            assert_eq!(correlate::<i64>(&users, false), Correlation::Undefined, "{users:?}");
            let floats = floats(&users.iter().map(|&(a, b)| (a as f64, b as f64)).collect::<Vec<_>>());
            assert_eq!(correlate(&floats, false), Correlation::Doubtful);
            assert_eq!(Compensated::correlate_carefully(&floats, false), Correlation::Undefined, "{users:?}");
        }
        // b - a has no variance.
        assert_eq!(correlate(&[(1i64, 3), (2, 4)], true), Correlation::Undefined);
        assert_eq!(
            Compensated::correlate_carefully(&floats(&[(0.1, 0.3), (0.2, 0.4)]), true),
            Correlation::Undefined
        );
    }

    #[test]
    fn the_careful_way_sees_a_small_spread_on_a_large_value() {
        let users: Vec<(f64, f64)> =
            (0..50).map(|i| (1e9 + f64::from(i % 7), -1e9 + f64::from(i % 5))).collect();
        let exact: Vec<(I256, I256)> =
            users.iter().map(|&(a, b)| (I256::from(a as i64), I256::from(b as i64))).collect();
        let expected = defined(correlate(&exact, false)).unwrap();
        let users = floats(&users);
        assert_eq!(correlate(&users, false), Correlation::Doubtful);
        let r = defined(Compensated::correlate_carefully(&users, false)).unwrap();
        assert!((r - expected).abs() < 1e-15, "{r} is not {expected}");
    }

    #[test]
    fn values_near_the_end_of_the_range_of_doubles_have_an_r() {
        for tiny in [1e-300, 1e-160, 1e-80] {
            let users = floats(&[(0.0, 1.0), (tiny, 2.0), (2.0 * tiny, 4.0)]);
            let r = match correlate(&users, false) {
                Correlation::Doubtful => Compensated::correlate_carefully(&users, false),
                sure => sure,
            };
            let r = defined(r).unwrap();
            assert!((r - 0.981_980_506_061_965_8).abs() < 1e-15, "{r} for {tiny}");
        }
    }

    #[test]
    fn rounding_of_256_bits_is_to_the_nearest_even() {
        // 54 bits: the last one is beyond a double's, and so are the bits of `rest`.
        let half_way = (1i64 << 53) + 1;
        for shift in [60, 75, 140] {
            let scale = 2f64.powi(shift);
            for (mantissa, rest, expected) in [
                (1 << 53, 0, 2f64.powi(53)),
                (half_way, 0, 2f64.powi(53)),
                (half_way, -1, 2f64.powi(53)),
                (half_way, 1, 2f64.powi(53) + 2.0),
                (half_way + 2, 0, 2f64.powi(53) + 4.0),
            ] {
                let value = (I256::from(mantissa) << shift) + I256::from(rest);
                assert_eq!(I256::round(value), expected * scale, "{value:?}");
                assert_eq!(I256::round(-value), -expected * scale, "{value:?}");
            }
        }
        // The last bit of the first 128 and one after them: what is left of two is not none.
        let value = (I256::from(half_way) << 140) + (I256::ONE << (140 + 53 - 127)) + I256::ONE;
        assert_eq!(I256::round(value), (2f64.powi(53) + 2.0) * 2f64.powi(140));
    }

    proptest! {
        #[test]
        fn every_width_gives_the_same_bits(users in proptest::collection::vec((0i32..200, -300i32..300), 0..40), corrected: bool) {
            let as_i64: Vec<(i64, i64)> = users.iter().map(|&(a, b)| (a.into(), b.into())).collect();
            let as_i256: Vec<(I256, I256)> = users.iter().map(|&(a, b)| (I256::from(a), I256::from(b))).collect();
            let narrow = correlate(&users, corrected);
            prop_assert_eq!(narrow, correlate(&as_i64, corrected));
            prop_assert_eq!(narrow, correlate(&as_i256, corrected));
        }

        #[test]
        fn corrected_is_the_correlation_with_the_rest(users in proptest::collection::vec((0i64..9, -20i64..50), 0..40)) {
            let rest: Vec<(i64, i64)> = users.iter().map(|&(a, b)| (a, b - a)).collect();
            prop_assert_eq!(
                correlate(&users, true),
                correlate(&rest, false)
            );
        }

        #[test]
        fn floats_agree_with_integers(users in proptest::collection::vec((0i64..9, -20i64..50), 0..40), corrected: bool) {
            let floats = floats(&users.iter().map(|&(a, b)| (a as f64, b as f64)).collect::<Vec<_>>());
            let exact = defined(correlate(&users, corrected));
            let careful = defined(Compensated::correlate_carefully(&floats, corrected));
            prop_assert_eq!(exact.is_some(), careful.is_some());
            if let (Some(exact), Some(careful)) = (exact, careful) {
                prop_assert!((exact - careful).abs() < 1e-14);
                if let Some(fast) = defined(correlate(&floats, corrected)) {
                    prop_assert!((exact - fast).abs() < 1e-12);
                }
            }
        }
    }
}
