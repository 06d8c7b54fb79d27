//! r of exact scores: integers all the way, rounded once.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Mul, Sub};

use ethnum::I256;

use super::{Correlation, Number, Sums, ratio};

/// An integer that holds the sums, beside one that holds their products.
pub(crate) trait Exact:
    Copy + Default + Send + Sync + Debug + Add<Output = Self> + Mul<Output = Self> + AddAssign + 'static
{
    type Product: Copy
        + Default
        + Debug
        + Send
        + Sync
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
    fn correct([covariance, var_a, var_b]: [Self::Product; 3]) -> [f64; 3] {
        round::<Self>([covariance - var_a, var_a, var_b - covariance - covariance + var_a])
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
        correct(round::<Self>(moments))
    }
}

impl Exact for i32 {
    type Product = i64;

    #[inline(always)]
    fn widen(self) -> i64 {
        i64::from(self)
    }

    #[inline(always)]
    fn count(n: i64) -> i64 {
        n
    }

    #[inline(always)]
    fn round(product: i64) -> f64 {
        product as f64
    }
}

impl Exact for i64 {
    type Product = i128;

    #[inline(always)]
    fn widen(self) -> i128 {
        i128::from(self)
    }

    #[inline(always)]
    fn count(n: i64) -> i128 {
        i128::from(n)
    }

    #[inline(always)]
    fn round(product: i128) -> f64 {
        product as f64
    }
}

impl Exact for i128 {
    type Product = I256;

    #[inline(always)]
    fn widen(self) -> I256 {
        I256::from(self)
    }

    #[inline(always)]
    fn count(n: i64) -> I256 {
        I256::from(n)
    }

    fn round(product: I256) -> f64 {
        I256::round(product)
    }
}

impl Exact for I256 {
    type Product = I256;

    #[inline(always)]
    fn widen(self) -> I256 {
        self
    }

    #[inline(always)]
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
        let [a, b] = [sums.a.widen(), sums.b.widen()];
        let [aa, bb, ab] = [sums.aa.widen(), sums.bb.widen(), sums.ab.widen()];
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
    if corrected { N::correct(moments) } else { round::<N>(moments) }
}

#[inline(always)]
fn round<N: Exact>([covariance, var_a, var_b]: [N::Product; 3]) -> [f64; 3] {
    [N::round(covariance), N::round(var_a), N::round(var_b)]
}

/// Like [`correlation`], for moments held exactly in `f64` (up to four times the largest
/// moment).
#[inline(always)]
pub(crate) fn correlation_of(moments: [f64; 3], corrected: bool) -> Correlation {
    of_rounded(if corrected { correct(moments) } else { moments })
}

/// The covariance, the variance of a and that of b after a is taken out of b, of moments held exactly.
#[inline(always)]
pub(crate) fn correct([covariance, var_a, var_b]: [f64; 3]) -> [f64; 3] {
    [covariance - var_a, var_a, var_b - 2.0 * covariance + var_a]
}

#[inline(always)]
fn of_rounded([covariance, var_a, var_b]: [f64; 3]) -> Correlation {
    // Fewer than two users have no variance either: n·Σa² = (Σa)².
    if var_a == 0.0 || var_b == 0.0 {
        Correlation::Undefined
    } else {
        Correlation::Defined(ratio(covariance, var_a, var_b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
