//! Six sums → r. The rule for an undefined r is stated here and nowhere else.
//!
//! For the n users of a subset, with a the subtotal on the subset and b the grand
//! total, Pearson's correlation (K. Pearson, 1895) is
//!
//! ```text
//!              n·Σab - Σa·Σb                     covariance
//! r = ───────────────────────────────── = ────────────────────
//!     √(n·Σa² - (Σa)²) · √(n·Σb² - (Σb)²)   √(var_a · var_b)
//! ```
//!
//! **r is undefined, and so NULL or left out, where n < 2 or where a or b has no
//! variance.** With exact scores the three differences are integers, computed
//! without rounding; each is then rounded to a double once, so that r depends on
//! nothing but the data.
//!
//! With `corrected`, b is the grand total less a. That needs no sums of its own:
//! cov(a, b-a) = cov(a, b) - var(a), and var(b-a) = var(b) - 2 cov(a, b) + var(a).

pub(crate) mod exact;
pub(crate) mod float;

use std::fmt::Debug;

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

impl Correlation {
    /// r, if it is known and defined.
    #[inline(always)]
    pub(crate) fn defined(self) -> Option<f64> {
        match self {
            Self::Defined(r) => Some(r),
            Self::Undefined | Self::Doubtful => None,
        }
    }
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

/// r of users one by one, with care where it is needed.
pub(crate) fn correlate<N: Number>(users: &[(N, N)], corrected: bool) -> Correlation {
    let mut sums = Sums::default();
    users.iter().for_each(|&(a, b)| N::accumulate(&mut sums, a, b));
    match N::correlate(&sums, corrected) {
        Correlation::Doubtful => N::correlate_carefully(users, corrected),
        sure => sure,
    }
}

/// covariance / √(var_a · var_b), kept within [-1, 1] against the last rounding.
#[inline(always)]
fn ratio(covariance: f64, var_a: f64, var_b: f64) -> f64 {
    (covariance / (var_a * var_b).sqrt()).clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compensated::Compensated;
    use ethnum::I256;
    use proptest::prelude::*;

    fn sums_of<N: Number>(users: &[(N, N)]) -> Sums<N::Sum> {
        let mut sums = Sums::default();
        users.iter().for_each(|&(a, b)| N::accumulate(&mut sums, a, b));
        sums
    }

    fn floats(users: &[(f64, f64)]) -> Vec<(Compensated, Compensated)> {
        users.iter().map(|&(a, b)| (a.into(), b.into())).collect()
    }

    /// What the sums say, without care.
    fn by_sums<N: Number>(users: &[(N, N)], corrected: bool) -> Correlation {
        N::correlate(&sums_of(users), corrected)
    }

    #[test]
    fn a_straight_line_has_r_of_exactly_one() {
        for slope in [3, -7] {
            let users: Vec<(i64, i64)> = (0..9).map(|a| (a, slope * a + 5)).collect();
            let r = by_sums(&users, false).defined();
            assert_eq!(r, Some(f64::from(slope as i32).signum()));
        }
    }

    #[test]
    fn no_variance_means_no_r() {
        for users in [vec![], vec![(1, 2)], vec![(1, 2), (1, 3)], vec![(1, 2), (3, 2)]] {
            assert_eq!(by_sums::<i64>(&users, false), Correlation::Undefined, "{users:?}");
            let floats = floats(&users.iter().map(|&(a, b)| (a as f64, b as f64)).collect::<Vec<_>>());
            assert_eq!(by_sums(&floats, false), Correlation::Doubtful);
            assert_eq!(Compensated::correlate_carefully(&floats, false), Correlation::Undefined, "{users:?}");
        }
        // b - a has no variance.
        assert_eq!(by_sums(&[(1i64, 3), (2, 4)], true), Correlation::Undefined);
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
        let expected = by_sums(&exact, false).defined().unwrap();
        let users = floats(&users);
        assert_eq!(by_sums(&users, false), Correlation::Doubtful);
        let r = Compensated::correlate_carefully(&users, false).defined().unwrap();
        assert!((r - expected).abs() < 1e-15, "{r} is not {expected}");
    }

    #[test]
    fn values_near_the_end_of_the_range_of_doubles_have_an_r() {
        for tiny in [1e-300, 1e-160, 1e-80] {
            let users = floats(&[(0.0, 1.0), (tiny, 2.0), (2.0 * tiny, 4.0)]);
            let r = correlate(&users, false).defined().unwrap();
            assert!((r - 0.981_980_506_061_965_8).abs() < 1e-15, "{r} for {tiny}");
        }
    }

    proptest! {
        #[test]
        fn every_width_gives_the_same_bits(users in proptest::collection::vec((0i32..200, -300i32..300), 0..40), corrected: bool) {
            let as_i64: Vec<(i64, i64)> = users.iter().map(|&(a, b)| (a.into(), b.into())).collect();
            let as_i256: Vec<(I256, I256)> = users.iter().map(|&(a, b)| (I256::from(a), I256::from(b))).collect();
            let narrow = by_sums(&users, corrected);
            prop_assert_eq!(narrow, by_sums(&as_i64, corrected));
            prop_assert_eq!(narrow, by_sums(&as_i256, corrected));
        }

        #[test]
        fn corrected_is_the_correlation_with_the_rest(users in proptest::collection::vec((0i64..9, -20i64..50), 0..40)) {
            let rest: Vec<(i64, i64)> = users.iter().map(|&(a, b)| (a, b - a)).collect();
            prop_assert_eq!(
                by_sums(&users, true),
                by_sums(&rest, false)
            );
        }

        #[test]
        fn floats_agree_with_integers(users in proptest::collection::vec((0i64..9, -20i64..50), 0..40), corrected: bool) {
            let floats = floats(&users.iter().map(|&(a, b)| (a as f64, b as f64)).collect::<Vec<_>>());
            let exact = by_sums(&users, corrected).defined();
            let careful = Compensated::correlate_carefully(&floats, corrected).defined();
            prop_assert_eq!(exact.is_some(), careful.is_some());
            if let (Some(exact), Some(careful)) = (exact, careful) {
                prop_assert!((exact - careful).abs() < 1e-14);
                if let Some(fast) = by_sums(&floats, corrected).defined() {
                    prop_assert!((exact - fast).abs() < 1e-12);
                }
            }
        }
    }
}
