//! How many sets there are.

use std::fmt;
use std::ops::Add;

use crate::sweep::enumerate::rank::binomial;

/// A number of sets: as it is or, where 64 bits do not hold it, about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SetCount {
    /// So many.
    Exactly(u64),
    /// About so many; infinite beyond 10³⁰⁸.
    About(f64),
}

impl SetCount {
    /// None.
    pub const NONE: Self = Self::Exactly(0);

    /// C(n, k): the sets of k of n questions.
    ///
    /// ```
    /// use datafusion_k_corrset::sweep::SetCount;
    ///
    /// assert_eq!(SetCount::of(200, 5), SetCount::Exactly(2_535_650_040));
    /// assert_eq!(SetCount::of(100, 20).to_string(), "5.36e20");
    /// ```
    pub fn of(n: u64, k: u64) -> Self {
        binomial(n, k).map_or_else(
            || Self::About((0..k.min(n - k)).map(|i| (n - i) as f64 / (i + 1) as f64).product()),
            Self::Exactly,
        )
    }

    /// The number, if it is known exactly.
    pub fn exactly(self) -> Option<u64> {
        match self {
            Self::Exactly(count) => Some(count),
            Self::About(_) => None,
        }
    }

    /// The number, about.
    pub fn about(self) -> f64 {
        match self {
            Self::Exactly(count) => count as f64,
            Self::About(count) => count,
        }
    }
}

impl Add for SetCount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let sum = self.exactly().zip(other.exactly()).and_then(|(x, y)| x.checked_add(y));
        sum.map_or_else(|| Self::About(self.about() + other.about()), Self::Exactly)
    }
}

impl std::iter::Sum for SetCount {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::NONE, Self::add)
    }
}

impl fmt::Display for SetCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(count) => write!(f, "{count}"),
            Self::About(count) if count.is_infinite() => f.write_str("more than 1e308"),
            Self::About(count) => write!(f, "{count:.2e}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_any_size_are_told() {
        let text = |n, k| SetCount::of(n, k).to_string();
        assert_eq!(text(67, 33), "14226520737620288370");
        assert_eq!(text(68, 34), "2.85e19");
        assert_eq!(text(1000, 30), "2.43e57");
        assert_eq!(text(14_000, 7_000), "more than 1e308");
        assert_eq!(text(3, 4), "0");
    }

    #[test]
    fn counts_that_become_too_large_are_about() {
        let largest = SetCount::Exactly(u64::MAX);
        assert_eq!(largest + SetCount::NONE, largest);
        assert_eq!(largest + SetCount::Exactly(1), SetCount::About(18_446_744_073_709_551_616.0));
    }
}
