//! How far exact scores spread.

use ethnum::I256;

use crate::index::raw::RawScores;

/// How far exact scores spread, and what divides all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spread {
    /// The greatest common divisor; 0 where all are 0, or there is none.
    divisor: u128,
    /// The lowest score, above the highest where there is none.
    pub(crate) lowest: i128,
    highest: i128,
}

impl Default for Spread {
    fn default() -> Self {
        Self { divisor: 0, lowest: i128::MAX, highest: i128::MIN }
    }
}

impl Spread {
    /// Takes scores in. Floats are not exact, and change nothing.
    pub(crate) fn push(&mut self, scores: &RawScores) {
        match scores {
            RawScores::Exact(scores) => self.add(scores.iter().copied()),
            RawScores::Wide(scores) => {
                let each = |spread: Self, &score| spread.merged(Self::of(score));
                *self = scores.iter().fold(*self, each);
            }
            RawScores::Float(_) => {}
        }
    }

    /// Takes scores of 64 bits in.
    pub(crate) fn add(&mut self, scores: impl Iterator<Item = i64> + Clone) {
        let lowest = scores.clone().fold(i64::MAX, i64::min);
        let highest = scores.clone().fold(i64::MIN, i64::max);
        if lowest > highest {
            return;
        }
        self.lowest = self.lowest.min(lowest.into());
        self.highest = self.highest.max(highest.into());
        for score in scores {
            if self.divisor == 1 {
                break;
            }
            self.divisor = gcd(self.divisor, score.unsigned_abs().into());
        }
    }

    /// The spread of one score.
    pub(crate) fn of(score: i128) -> Self {
        Self { divisor: score.unsigned_abs(), lowest: score, highest: score }
    }

    /// The spread of these scores and others.
    pub(crate) fn merged(self, other: Self) -> Self {
        Self {
            divisor: if self.divisor == 1 { 1 } else { gcd(self.divisor, other.divisor) },
            lowest: self.lowest.min(other.lowest),
            highest: self.highest.max(other.highest),
        }
    }

    /// The greatest common divisor; 1 where all are 0.
    pub(crate) fn divisor(&self) -> u128 {
        self.divisor.max(1)
    }

    /// One of these scores, divided by the divisor.
    #[inline]
    pub(crate) fn scaled(&self, score: i128) -> i128 {
        match self.divisor {
            0 | 1 => score,
            // Only where every score is i128::MIN does the divisor not fit; they are all equal then.
            divisor => score / i128::try_from(divisor).unwrap_or(i128::MIN),
        }
    }

    /// The lowest score, divided by the divisor; 0 where there is none.
    pub(crate) fn scaled_lowest(&self) -> i128 {
        self.extremes()[0]
    }

    fn extremes(&self) -> [i128; 2] {
        if self.lowest > self.highest {
            [0, 0]
        } else {
            [self.lowest, self.highest].map(|score| self.scaled(score))
        }
    }

    /// The highest less the lowest, divided by the divisor.
    pub(crate) fn span(&self) -> I256 {
        let [lowest, highest] = self.extremes();
        I256::from(highest) - I256::from(lowest)
    }

    /// The size of scores divided by the divisor, and of the differences between them, at most.
    pub(crate) fn widest(&self) -> I256 {
        let [lowest, highest] = self.extremes();
        self.span().max(I256::from(highest)).max(-I256::from(lowest))
    }
}

fn gcd(mut x: u128, mut y: u128) -> u128 {
    // Most scores are small.
    if let (Ok(small), Ok(other)) = (u64::try_from(x), u64::try_from(y)) {
        let (mut x, mut y) = (small, other);
        while y != 0 {
            (x, y) = (y, x % y);
        }
        return x.into();
    }
    while y != 0 {
        (x, y) = (y, x % y);
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_spread_as_the_whole() {
        let wide = |scores: &[i128]| {
            let mut spread = Spread::default();
            spread.push(&RawScores::Wide(scores.to_vec()));
            spread
        };
        let narrow = |scores: &[i128]| {
            let mut spread = Spread::default();
            spread.push(&RawScores::Exact(scores.iter().map(|&score| score as i64).collect()));
            spread
        };
        let scores = [-12, 0, 18, 6, 0, 30];
        for end in 0..=scores.len() {
            assert_eq!(wide(&scores[..end]), narrow(&scores[..end]));
            assert_eq!(wide(&scores[..end]).merged(narrow(&scores[end..])), wide(&scores));
        }
        let spread = wide(&scores);
        assert_eq!((spread.scaled(-12), spread.scaled_lowest()), (-2, -2));
        assert_eq!((spread.span(), spread.widest()), (I256::from(7), I256::from(7)));
        let huge = wide(&[i128::MIN]);
        assert_eq!((huge.scaled_lowest(), huge.span()), (1, I256::ZERO));
        assert_eq!(Spread::default().span(), I256::ZERO);
    }
}
