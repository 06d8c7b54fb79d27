//! Floating point scores, scaled and shifted so that sums of them keep their digits.

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, IntoParallelRefIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

use super::{Answered, by_block};
use crate::compensated::Compensated;
use crate::index::bitset::columns;
use crate::index::blocks::BLOCK;
use crate::index::criterion::CriterionValues;
use crate::index::raw::{RawAnswers, float};
use crate::index::scores::{Weighted, offsets};
use crate::index::unit::Unit;
use crate::interest::Unwanted;

impl Answered<'_> {
    /// A score as a double, scaled down.
    fn float(list: &RawAnswers, place: usize, exponent: i32) -> Compensated {
        scaled_down(list.scores.float(place), exponent)
    }

    /// Scores are scaled by one power of two, so that no square of a sum overflows;
    /// then each question is shifted by its median, and the grand totals by theirs. The
    /// median is near the bulk of the data, where a mean would follow the outliers.
    /// What the shift rounds off is kept beside it, so data of 1e9 + small values lose
    /// nothing. Then they are scaled again, so that the largest is between 1 and 2, and
    /// brought on a grid.
    pub(super) fn floats(&self) -> Result<(Weighted<Compensated>, Unit), Unwanted> {
        let blocks = self.answers.blocks.blocks();
        let largest = |lists: &Vec<RawAnswers>| {
            lists.iter().try_fold(0.0, |largest: f64, list| {
                self.interest.check()?;
                let sizes = (0..list.len()).map(|place| list.scores.float(place)[0].abs());
                Ok(sizes.fold(largest, f64::max))
            })
        };
        let larger = |x: f64, y: f64| Ok(x.max(y));
        let exponent = exponent(blocks.par_iter().map(largest).try_reduce(|| 0.0, larger)?);
        let offsets = offsets(self.rows);
        let number = |list: &RawAnswers, place: usize| Self::float(list, place, exponent);
        let mut scores = self.placed(&offsets, Compensated::default(), number)?;
        let centres = self.centres(exponent)?;

        // By user and position, so that sums run in a fixed order.
        let total = |(user, range): (usize, &[usize])| {
            self.interest.check_at(user)?;
            let of_user = scores[range[0]..range[1]].iter().copied();
            Ok(of_user.fold(Compensated::default(), Compensated::plus))
        };
        let totals = offsets.par_windows(2).enumerate().map(total).collect::<Result<Vec<_>, Unwanted>>();
        let mut totals = totals?;
        self.interest.check()?;
        let centre = median(totals.iter().map(|total| total.value()).collect());
        totals.iter_mut().for_each(|total| total.add(-centre));
        self.interest.check()?;

        by_block(&mut scores, &offsets).into_par_iter().try_for_each(|(first, scores)| {
            self.interest.check()?;
            let end = self.rows.rows().min(first + BLOCK);
            let positions = (first..end).flat_map(|user| columns(self.rows.row(user)));
            scores.iter_mut().zip(positions).for_each(|(score, position)| score.add(-centres[position]));
            Ok(())
        })?;
        let largest = |scores: &[Compensated]| {
            self.interest.check()?;
            Ok(scores.iter().fold(0.0, |largest: f64, score| largest.max(score.value().abs())))
        };
        let largest = scores.par_chunks(PART).map(largest).try_reduce(|| 0.0, larger)?;
        let up = 2f64.powi((-self::exponent(largest)).clamp(-2, MOST_SCALED_UP));
        scores.par_chunks_mut(PART).try_for_each(|scores| {
            self.interest.check()?;
            scores.iter_mut().for_each(|score| *score = score.times_power(up).on_grid(GRID));
            Ok(())
        })?;
        match self.answers.criterion {
            None => totals.iter_mut().for_each(|total| *total = total.times_power(up).rounded()),
            Some(values) => totals = self.outside_totals(values)?,
        }
        let unit = Unit::Float { up, exponent, centres, digits: self.answers.digits() };
        Ok((Weighted { offsets, scores, totals }, unit))
    }

    /// The values of a criterion: scaled, shifted by their median and scaled again, as scores are, but
    /// with powers of two of their own.
    fn outside_totals(&self, values: &CriterionValues) -> Result<Vec<Compensated>, Unwanted> {
        let values: Vec<Option<[f64; 2]>> = match values {
            CriterionValues::Exact(values, _) => values.iter().map(|value| value.map(float)).collect(),
            CriterionValues::Float(values) => {
                values.iter().map(|value| value.map(|value| [value, 0.0])).collect()
            }
        };
        self.interest.check()?;
        let largest = values.iter().flatten().fold(0.0, |largest: f64, value| largest.max(value[0].abs()));
        let exponent = exponent(largest);
        let centre = median(values.iter().flatten().map(|value| scale_down(value[0], exponent)).collect());
        self.interest.check()?;
        let total = |value: &Option<[f64; 2]>| {
            // Who has none answered nothing.
            let mut total = value.map_or(centre.into(), |value| scaled_down(value, exponent));
            total.add(-centre);
            total
        };
        let totals: Vec<Compensated> = values.iter().map(total).collect();
        let largest = totals.iter().fold(0.0, |largest: f64, total| largest.max(total.value().abs()));
        let up = 2f64.powi((-self::exponent(largest)).clamp(-2, MOST_SCALED_UP));
        Ok(totals.into_iter().map(|total| total.times_power(up).rounded()).collect())
    }

    /// For each position, the median of the scaled scores.
    fn centres(&self, exponent: i32) -> Result<Vec<f64>, Unwanted> {
        let mut sizes = vec![0; self.rows.columns()];
        for list in self.answers.blocks.lists() {
            self.interest.check()?;
            list.questions.iter().for_each(|&id| sizes[self.positions[id as usize] as usize] += 1);
        }
        let mut by_question: Vec<Vec<f64>> = sizes.into_iter().map(Vec::with_capacity).collect();
        for list in self.answers.blocks.lists() {
            self.interest.check()?;
            for (place, &question) in list.questions.iter().enumerate() {
                let score = Self::float(list, place, exponent).value();
                by_question[self.positions[question as usize] as usize].push(score);
            }
        }
        let centre = |scores| {
            self.interest.check()?;
            Ok(median(scores))
        };
        by_question.into_par_iter().map(centre).collect()
    }
}

/// Scores that a thread goes through between two looks.
const PART: usize = 1 << 16;

/// The leading parts of floating point scores are multiples of this and below 2 in size.
/// So sums of up to 16 of them are exact, and the same whatever is added first: a filter
/// that fixes a question changes the order, but no bit of r.
const GRID: f64 = 1.0 / (1u64 << 48) as f64;

/// The most that scores are scaled up, as a power of two. Those that are smaller yet are
/// summed with all their digits anyway, and grand totals stay below 2¹²⁷ or so.
const MOST_SCALED_UP: i32 = 60;

/// The lower median; 0 of nothing.
fn median(mut values: Vec<f64>) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = (values.len() - 1) / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// `e` such that `2^e <= |value| < 2^(e+1)`, for subnormal numbers -1022, for 0 also.
fn exponent(value: f64) -> i32 {
    let biased = (value.to_bits() >> 52 & 0x7ff) as i32;
    biased.max(1) - 1023
}

/// A double and what is left beside it, divided by `2^exponent`.
fn scaled_down([value, rest]: [f64; 2], exponent: i32) -> Compensated {
    let mut number = Compensated::from(scale_down(value, exponent));
    number.add(scale_down(rest, exponent));
    number
}

/// `value / 2^exponent`: exact unless the result is below the smallest normal number.
fn scale_down(value: f64, exponent: i32) -> f64 {
    // Exponents lie in -1022..=1023; so does half of their negative, twice.
    let first = -exponent / 2;
    let second = -exponent - first;
    let power = |e: i32| f64::from_bits(((1023 + e) as u64) << 52);
    value * power(first) * power(second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaling_by_a_power_of_two_is_exact() {
        for value in [1.0, -0.75, f64::MAX, f64::MIN_POSITIVE, 1e300, 123.456] {
            let scaled = scale_down(value, exponent(value));
            assert!((1.0..2.0).contains(&scaled.abs()), "{value} became {scaled}");
            assert_eq!(scaled.to_bits() << 12, value.to_bits() << 12, "the mantissa of {value}");
        }
        assert_eq!(scale_down(0.0, exponent(0.0)), 0.0);
        assert_eq!(scale_down(f64::from_bits(1), exponent(f64::from_bits(1))), 2f64.powi(-52));
    }
}
