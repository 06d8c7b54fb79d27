//! What is left out of the sums of a strip, as far as it is bounded, and what these can come to with it.
//!
//! Who missed a lane is looked up user by user, a dozen a set where 5 % are missing. They change its sums by
//! little; and mostly r is far from any that is wanted. So before they are looked at, a bound on r² is:
//! let c, x, y, z be what they add to n, Σa, Σb and Σab, with 0 ≤ c ≤ C, 0 ≤ x ≤ A, |y| ≤ B, |z| ≤ D, and to Σa²
//! and Σb² nothing negative. Then
//!
//! ```text
//! |(n + c)(Σab + z) - (Σa + x)(Σb + y)| ≤ |n·Σab - Σa·Σb| + n·D + C·(|Σab| + D) + |Σa|·B + A·(|Σb| + B)
//! (n + c)·Σa² - (Σa + x)²               ≥ n·Σa² - (|Σa| + A)²                            and so for b
//! ```
//!
//! for n, Σa² and Σb² that are not negative.

use super::tables::LaneSums;
use crate::sweep::kernel::filter::Filter;
use crate::sweep::simd::STRIP;

/// By lane, how much is left out of n, Σa, Σb and Σab at most.
#[derive(Debug)]
pub(super) struct Remainder {
    pub(super) n: [i32; STRIP],
    pub(super) a: [i32; STRIP],
    pub(super) b: [i32; STRIP],
    pub(super) ab: [i32; STRIP],
}

/// How far a product in single precision of two integers can be off, of itself: three roundings of 2⁻²⁴; and a sum
/// of some such, with a rounding each.
const OFF: f32 = 1.0 / (1 << 20) as f32;

impl Remainder {
    /// Whether a lane of `lanes`, a set of bits, may pass the filter, given the sums of all without what is left
    /// out.
    #[inline(always)]
    pub(super) fn may_pass(&self, sums: &LaneSums, lanes: u32, filter: &Filter) -> bool {
        let Some((_, floor)) = filter.first_look() else { return true };
        let mut may_pass = [0; STRIP];
        for lane in 0..STRIP {
            let of = |sum: usize| sums[sum][lane] as f32;
            let [n, a, aa, b, bb, ab] = [of(0), of(1), of(2), of(3), of(4), of(5)];
            let [more_n, more_a, more_b, more_ab] =
                [self.n[lane] as f32, self.a[lane] as f32, self.b[lane] as f32, self.ab[lane] as f32];
            let (products, product) = (n * ab, a * b);
            let left_out =
                n * more_ab + more_n * (ab.abs() + more_ab) + a.abs() * more_b + more_a * (b.abs() + more_b);
            let rounding = (products.abs() + product.abs() + left_out) * OFF;
            let covariance = (products - product).abs() + left_out + rounding;
            let variance = |sum: f32, more: f32, squares: f32| {
                let most = sum.abs() + more;
                n * squares * (1.0 - OFF) - most * most * (1.0 + OFF)
            };
            let (var_a, var_b) = (variance(a, more_a, aa), variance(b, more_b, bb));
            let less = covariance * covariance < floor * (var_a * var_b);
            let known = (n >= 0.0) & (aa >= 0.0) & (bb >= 0.0) & (var_a > 0.0) & (var_b > 0.0);
            may_pass[lane] = i32::from(!(less & known)) & (lanes >> lane) as i32 & 1;
        }
        may_pass != [0; STRIP]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::bounds::Bounds;
    use proptest::prelude::*;

    fn sums_of(users: &[(i32, i32)]) -> [i64; 6] {
        let mut sums = [0; 6];
        for &(a, b) in users {
            let (a, b) = (i64::from(a), i64::from(b));
            for (sum, term) in sums.iter_mut().zip([1, a, a * a, b, b * b, a * b]) {
                *sum += term;
            }
        }
        sums
    }

    fn filter(r: [f64; 2]) -> Filter {
        Filter { bounds: Bounds { r, ..Bounds::DEFINED }, corrected: false }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn what_may_pass_with_who_is_left_out_is_told(
            users in prop::collection::vec((0..=5, -60..60), 0..40),
            left_out in prop::collection::vec((0..=4, -60..60), 0..8),
            times in 1..2000, lane in 0..STRIP, floor in 0.001..1.0, to_spare in 0..3,
        ) {
            // Also of many users, so that single precision rounds.
            let [many, few] = [sums_of(&users).map(|sum| sum * i64::from(times)), sums_of(&left_out)];
            let all: [i64; 6] = std::array::from_fn(|sum| many[sum] + few[sum]);
            let [n, a, aa, b, bb, ab] = all.map(|sum| sum as f64);
            let r = (n * ab - a * b) / ((n * aa - a * a) * (n * bb - b * b)).sqrt();

            let mut known = [[0; STRIP]; 6];
            let mut remainder = Remainder { n: [0; STRIP], a: [0; STRIP], b: [0; STRIP], ab: [0; STRIP] };
            for sum in 0..6 {
                known[sum][lane] = many[sum] as i32;
            }
            let most = |of: &dyn Fn(i32, i32) -> i32| {
                left_out.iter().map(|&(a, b)| of(a, b.abs())).sum::<i32>() + to_spare
            };
            remainder.n[lane] = most(&|_, _| 1);
            remainder.a[lane] = most(&|a, _| a);
            remainder.b[lane] = most(&|_, b| b);
            remainder.ab[lane] = most(&|a, b| a * b);
            let may_pass = |r| remainder.may_pass(&known, 1 << lane, &filter(r));
            if r >= floor {
                prop_assert!(may_pass([floor, 1.0]));
            }
            if r > 0.0 && r < 1.0 {
                prop_assert!(may_pass([r * (1.0 - 1e-9), 1.0]));
            } else if r < 0.0 {
                prop_assert!(may_pass([-1.0, r * (1.0 - 1e-9)]));
            }
            prop_assert!(!remainder.may_pass(&known, 0, &filter([floor, 1.0])));
        }
    }

    #[test]
    fn lanes_that_are_far_off_are_not_looked_at() {
        // r is 0.2.
        let mut known = [[0; STRIP]; 6];
        let sums = [3000, 7500, 22_500, 0, 100_000, 3873];
        known.iter_mut().zip(sums).for_each(|(known, sum)| *known = [sum; STRIP]);
        let remainder = Remainder { n: [10; STRIP], a: [40; STRIP], b: [46; STRIP], ab: [184; STRIP] };
        for (floor, may_pass) in [(0.18, true), (0.2, true), (0.21, true), (0.24, false), (0.3, false)] {
            assert_eq!(remainder.may_pass(&known, 1, &filter([floor, 1.0])), may_pass, "{floor}");
        }
    }
}
