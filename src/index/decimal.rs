//! Floating point scores that stand for decimals.
//!
//! Spreadsheets, CSV files and pandas hold tenths as doubles. No double is 0.1, and the
//! sums of such doubles depend on which of them were added: 0.1 + 0.2 is not 0.3. Grand
//! totals that are the same for all users then differ in their last bit, and the rounding
//! errors get a correlation. So where every score of a column is the nearest value of its
//! type to a decimal of few digits, the column is taken as those decimals: as integers in
//! units of 10⁻ᵈ, which are summed exactly.
//!
//! # Which decimal
//!
//! A score x stands for m / 10ᵈ, for an integer m, if x is what that fraction is rounded
//! to. All scores of a column share one d, the least that serves each of them. How large
//! d and m may be depends on the type, by the p bits of its significand:
//!
//! | type | p | d | m if d = 0 | m else |
//! |---|---|---|---|---|
//! | `Float16` | 11 | up to 7 | up to 2¹¹ | up to 10³ |
//! | `Float32` | 24 | up to 9 | up to 2²⁴ | up to 10⁶ |
//! | `Float64` | 53 | up to 9 | up to 2⁵³ | up to 10¹⁵ |
//!
//! These are the numbers of digits that the type is known to keep, whatever they are.
//! With one digit more there can be two decimals that the same x stands for.
//!
//! # Why m is unique
//!
//! For d = 0 m is x. Else |m| < 2ᵖ⁻¹. Rounding m / 10ᵈ to p bits changes it by at most 2⁻ᵖ
//! of itself, so 10ᵈ·x differs from m by at most |m|·2⁻ᵖ < 1/2: m is the integer nearest to
//! 10ᵈ·x, and there is only one. (Halves below 2⁻¹⁴ have fewer than p bits. They are
//! rounded by at most 2⁻²⁵, which 10⁷ does not make 1/2 either; 10⁸ would.)
//!
//! # Why it is found in doubles
//!
//! 10ᵈ·x is exact for halves and singles, as 24 bits and the 21 of 5⁹ fit a double. For
//! doubles it is rounded once more, by at most 2⁻⁵³ of itself: it is less than 1/4 away
//! from m.
//!
//! m and 10ᵈ are doubles, so their quotient is rounded once, and for a double x that is the
//! definition. For a single the quotient is rounded to a double first. That can only go
//! wrong if the double lies halfway between two singles, on a t = j·2ᵉ with j < 2²⁵, while
//! the quotient does not. But then they differ by more than a double is rounded by:
//! |m / 10ᵈ - t| is |m - j·5ᵈ·2ᵉ⁺ᵈ| / 10ᵈ, of which the numerator is at least 1 if e + d ≥ 0,
//! and so the whole at least 10⁻⁶ of m / 10ᵈ; else the numerator is at least 2ᵉ⁺ᵈ, and so
//! the whole at least 2ᵉ / 5⁹ > 2⁻⁴⁶ of t. Of halves there are so few that a test goes
//! through all of them.

use arrow::datatypes::{ArrowPrimitiveType, DataType, Float16Type};

type Half = <Float16Type as ArrowPrimitiveType>::Native;

const POWERS_OF_TEN: [f64; 10] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

/// A floating point type, whose values are widened to doubles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Precision {
    Half,
    Single,
    Double,
}

impl Precision {
    /// The most digits after the point.
    fn most_digits(self) -> usize {
        match self {
            Self::Half => 7,
            Self::Single | Self::Double => 9,
        }
    }

    /// The most units of 10⁻ᵈ, for d digits.
    #[inline]
    fn most_units(self, digits: usize) -> f64 {
        match (self, digits) {
            (Self::Half, 0) => (1u64 << 11) as f64,
            (Self::Single, 0) => (1u64 << 24) as f64,
            (Self::Double, 0) => (1u64 << 53) as f64,
            (Self::Half, _) => 1e3,
            (Self::Single, _) => 1e6,
            (Self::Double, _) => 1e15,
        }
    }

    /// A double, rounded to this precision.
    #[inline]
    fn nearest(self, value: f64) -> f64 {
        match self {
            // By way of a single: not every processor converts a double to a half with one
            // rounding, and of so few halves a test can tell that two are harmless.
            Self::Half => Half::from_f32(value as f32).to_f64(),
            Self::Single => f64::from(value as f32),
            Self::Double => value,
        }
    }

    /// Whether a score stands for a decimal of `digits` digits.
    #[inline]
    fn is_decimal(self, score: f64, digits: usize) -> bool {
        let units = units(score, digits);
        // False for NaN.
        units.abs() <= self.most_units(digits) && self.nearest(units / POWERS_OF_TEN[digits]) == score
    }
}

/// The integer nearest to a score in units of 10⁻ᵈ, for d digits.
#[inline]
fn units(score: f64, digits: usize) -> f64 {
    (score * POWERS_OF_TEN[digits]).round_ties_even()
}

/// What the scores of a column that have been looked at have in common.
#[derive(Debug, Clone)]
pub(crate) struct DecimalScan {
    precision: Precision,
    /// The digits after the point that each of them can do with, unless one is no decimal.
    digits: Option<usize>,
    /// The largest of them, in size.
    largest: f64,
}

impl DecimalScan {
    /// The scan of a column of this type, before its first score; `None` if the type is not
    /// a floating point one.
    pub(crate) fn of(data_type: &DataType) -> Option<Self> {
        let precision = match data_type {
            DataType::Dictionary(_, values) => return Self::of(values),
            DataType::Float16 => Precision::Half,
            DataType::Float32 => Precision::Single,
            DataType::Float64 => Precision::Double,
            _ => return None,
        };
        Some(Self { precision, digits: Some(0), largest: 0.0 })
    }

    /// The scan of other scores of the same column, before its first score.
    pub(crate) fn sibling(&self) -> Self {
        Self { digits: Some(0), largest: 0.0, ..*self }
    }

    /// Looks at the scores of a batch.
    pub(crate) fn push(&mut self, scores: &[f64]) {
        let Self { precision, .. } = *self;
        let Some(mut digits) = self.digits else { return };
        let mut rest = scores;
        while let Some(place) = rest.iter().position(|&score| !precision.is_decimal(score, digits)) {
            let score = rest[place];
            let needed =
                (digits + 1..=precision.most_digits()).find(|&more| precision.is_decimal(score, more));
            let Some(needed) = needed else {
                self.digits = None;
                return;
            };
            digits = needed;
            rest = &rest[place + 1..];
        }
        self.digits = Some(digits);
        self.largest = scores.iter().fold(self.largest, |largest, score| largest.max(score.abs()));
    }

    /// Takes over what a sibling has seen.
    pub(crate) fn merge(&mut self, sibling: &Self) {
        let digits = self.digits.zip(sibling.digits);
        self.digits = digits.map(|(here, there)| here.max(there));
        self.largest = self.largest.max(sibling.largest);
    }

    /// The unit of which all scores seen are multiples, if there is one.
    pub(crate) fn unit(&self) -> Option<DecimalUnit> {
        // A score is looked at with the digits that those before it need. With more it is the
        // same decimal, unless it gets too large to be the only one.
        let digits = self.digits?;
        let fits = units(self.largest, digits) <= self.precision.most_units(digits);
        fits.then_some(DecimalUnit { digits })
    }
}

/// The unit in which scores that stand for decimals are whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DecimalUnit {
    digits: usize,
}

impl DecimalUnit {
    /// The digits after the point.
    pub(crate) fn digits(self) -> usize {
        self.digits
    }

    /// How many units a score is, out of those of a column that has this unit.
    #[inline]
    pub(crate) fn units(self, score: f64) -> i64 {
        units(score, self.digits) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scan(data_type: DataType, scores: &[f64]) -> DecimalScan {
        let mut scan = DecimalScan::of(&data_type).unwrap();
        scan.push(scores);
        scan
    }

    /// The digits of the unit, and the scores in it.
    fn taken(data_type: DataType, scores: &[f64]) -> Option<(usize, Vec<i64>)> {
        let unit = scan(data_type, scores).unit()?;
        Some((unit.digits, scores.iter().map(|&score| unit.units(score)).collect()))
    }

    /// `units` · 10⁻ᵈ as text, which the standard library reads with one rounding.
    fn text(units: i64, digits: usize) -> String {
        let (sign, size) = (if units < 0 { "-" } else { "" }, units.unsigned_abs());
        let scale = 10u64.pow(digits as u32);
        format!("{sign}{}.{:0digits$}", size / scale, size % scale)
    }

    #[test]
    fn the_unit_serves_all_scores_and_is_the_largest() {
        let doubles = |scores: &[f64]| taken(DataType::Float64, scores);
        assert_eq!(doubles(&[]), Some((0, vec![])));
        assert_eq!(doubles(&[0.0, -0.0, 1.0, -7.0]), Some((0, vec![0, 0, 1, -7])));
        assert_eq!(doubles(&[0.5, 3.0, -0.25]), Some((2, vec![50, 300, -25])));
        assert_eq!(doubles(&[0.1, 0.000_000_003]), Some((9, vec![100_000_000, 3])));
        assert_eq!(doubles(&[1e9 + 0.25, 1e9 - 0.75]), Some((2, vec![100_000_000_025, 99_999_999_925])));
        assert_eq!(doubles(&[2f64.powi(53), -2f64.powi(53)]), Some((0, vec![1 << 53, -(1 << 53)])));
        assert_eq!(doubles(&[999_999_999_999.999]), Some((3, vec![999_999_999_999_999])));
    }

    #[test]
    fn what_stands_for_no_decimal_or_for_several_is_refused() {
        for scores in [
            &[1.0 / 3.0][..],
            &[0.1 + 0.2],
            &[0.1f32.into()],
            &[1e-10],
            &[f64::MIN_POSITIVE, 0.0],
            &[f64::from_bits(1)],
            &[f64::NAN],
            &[f64::INFINITY],
            &[f64::MAX],
            &[2f64.powi(53) + 2.0],
            // 16 digits; and so are those of the first score, beside the second.
            &[1_234_567_890_123.456],
            &[999_999_999_999_999.0, 0.5],
            &[0.5, 999_999_999_999_999.0],
        ] {
            assert_eq!(taken(DataType::Float64, scores), None, "{scores:?}");
        }
        // 2⁴² + 1/1000 and the decimal after it in ten-thousandths are the same double.
        assert_eq!("4398046511104.001".parse::<f64>(), "4398046511104.0011".parse());
        assert_eq!(taken(DataType::Float64, &[4_398_046_511_104.001]), None);
        assert_eq!(taken(DataType::Float32, &[16_777_218.0]), None);
        assert_eq!(taken(DataType::Float16, &[2050.0]), None);
    }

    #[test]
    fn siblings_know_what_one_scan_knows() {
        let parts: [&[f64]; 4] = [&[0.5, 2.0], &[1.0 / 3.0], &[1e13], &[0.001, 0.0]];
        for here in parts {
            for there in parts {
                let mut merged = scan(DataType::Float64, here);
                let mut sibling = merged.sibling();
                sibling.push(there);
                merged.merge(&sibling);
                let whole = scan(DataType::Float64, &[here, there].concat());
                assert_eq!(merged.unit(), whole.unit(), "{here:?} and {there:?}");
            }
        }
    }

    #[test]
    fn every_half_stands_for_one_decimal_at_most() {
        for (digits, power) in POWERS_OF_TEN.into_iter().enumerate().take(Precision::Half.most_digits() + 1) {
            let most = Precision::Half.most_units(digits) as i64;
            let mut known = std::collections::HashMap::new();
            for units in -most..=most {
                let quotient = units as f64 / power;
                let score = Half::from_f32(quotient as f32);
                // The fraction is nearer to it than to its neighbours, or as near to the odd one:
                // 10ᵈ times them are integers of 2⁻²⁴.
                let distance = |half: Half| {
                    let of_half = (half.to_f64() * 2f64.powi(24)) as i128 * 10i128.pow(digits as u32);
                    (of_half - (i128::from(units) << 24)).abs()
                };
                for neighbour in [-1, 1] {
                    let bits = i32::from(score.to_bits()) + neighbour;
                    let Ok(bits) = u16::try_from(bits) else { continue };
                    let nearer = distance(score) < distance(Half::from_bits(bits));
                    let even = distance(score) == distance(Half::from_bits(bits))
                        && score.to_bits().is_multiple_of(2);
                    assert!(nearer || even || score.to_f64() == 0.0, "{units} of {digits} digits: {score}");
                }
                // What processors without an instruction for it compute.
                assert_eq!(score, Half::from_f32_const(quotient as f32), "{units} of {digits} digits");
                let score = score.to_f64();
                assert_eq!(known.insert(score.to_bits(), units).filter(|_| score != 0.0), None);
                assert!(Precision::Half.is_decimal(score, digits), "{units} of {digits} digits: {score}");
                assert_eq!(self::units(score, digits), units as f64);
            }
        }
    }

    proptest! {
        #[test]
        fn decimals_come_back_from_doubles_and_singles(
            digits in 0usize..=9, size in 0u32..16, units in any::<i64>(),
        ) {
            let most = |precision: Precision| precision.most_units(digits) as i64;
            let units = units % 10i64.pow(size);
            if units.abs() <= most(Precision::Double) {
                let score: f64 = text(units, digits).parse().unwrap();
                prop_assert!(Precision::Double.is_decimal(score, digits));
                prop_assert_eq!(self::units(score, digits), units as f64);
            }
            let units = units % (most(Precision::Single) + 1);
            let score: f32 = text(units, digits).parse().unwrap();
            prop_assert!(Precision::Single.is_decimal(score.into(), digits));
            prop_assert_eq!(self::units(score.into(), digits), units as f64);
        }

        #[test]
        fn a_single_is_a_decimal_only_if_it_is_the_nearest(bits in any::<u32>(), digits in 0usize..=9) {
            // Near a decimal of few digits, or anywhere.
            for score in [f32::from_bits(bits), (bits >> 12) as f32 / 10f32.powi(digits as i32)] {
                for score in [score.next_down(), score, score.next_up()] {
                    let units = self::units(score.into(), digits);
                    let few = units.abs() <= Precision::Single.most_units(digits);
                    let nearest = few && text(units as i64, digits).parse::<f32>() == Ok(score);
                    prop_assert_eq!(Precision::Single.is_decimal(score.into(), digits), nearest, "{}", score);
                }
            }
        }
    }
}
