//! Exact scores, in the narrowest class that has room for their sums.

use std::ops::AddAssign;
use std::sync::Arc;

use ethnum::I256;
use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use super::{Answered, Classified};
use crate::index::bitset::BitMatrix;
use crate::index::blocks::BLOCK;
use crate::index::criterion::CriterionValues;
use crate::index::scores::{Binary, Scores, Weighted, offsets};
use crate::index::spread::Spread;
use crate::index::unit::Unit;
use crate::interest::Unwanted;

/// A number that grand totals are summed in.
trait Total: Copy + Ord + AddAssign + Send + Sync + Into<I256> {
    const ZERO: Self;

    /// A score that is known to fit.
    fn of(score: i128) -> Self;
}

impl Total for i64 {
    const ZERO: Self = 0;

    #[inline]
    fn of(score: i128) -> Self {
        score as i64
    }
}

impl Total for I256 {
    const ZERO: Self = I256::ZERO;

    #[inline]
    fn of(score: i128) -> Self {
        I256::from(score)
    }
}

impl Answered<'_> {
    /// The scores, unless their sums could pass 256 bits.
    pub(super) fn exact(&self) -> Result<Option<Classified>, Unwanted> {
        let spread = self.answers.spread();
        let (lowest, divisor, digits) = (spread.scaled_lowest(), spread.divisor(), self.answers.digits());
        let scores = self.exact_numbers(spread)?;
        Ok(scores.map(|scores| (scores, Unit::Exact { lowest, divisor, digits })))
    }

    fn exact_numbers(&self, spread: Spread) -> Result<Option<Scores>, Unwanted> {
        self.interest.check()?;
        if let Some(CriterionValues::Exact(values, own)) = self.answers.criterion {
            // Who has none answered nothing, and is not to widen the others.
            let of_user = |value: &Option<i128>| value.map_or(own.scaled_lowest(), |value| own.scaled(value));
            return if own.widest() <= I256::from(i64::MAX) {
                self.exact_of(spread, &values.iter().map(|value| i64::of(of_user(value))).collect::<Vec<_>>())
            } else {
                self.exact_of(
                    spread,
                    &values.iter().map(|value| I256::of(of_user(value))).collect::<Vec<_>>(),
                )
            };
        }
        let largest = spread.widest() * I256::from(self.rows.columns() as u64);
        if largest <= I256::from(i64::MAX) {
            self.exact_of(spread, &self.totals::<i64>(spread)?)
        } else {
            self.exact_of(spread, &self.totals::<I256>(spread)?)
        }
    }

    /// The grand total of each user.
    fn totals<T: Total>(&self, spread: Spread) -> Result<Vec<T>, Unwanted> {
        let mut totals = vec![T::ZERO; self.rows.rows()];
        let blocks = self.answers.blocks.blocks().par_iter();
        totals.par_chunks_mut(BLOCK).zip(blocks).try_for_each(|(totals, lists)| {
            self.each(lists, |list, place, user, _| {
                totals[user % BLOCK] += T::of(spread.scaled(self.answers.exact(list, place)));
            })
        })?;
        Ok(totals)
    }

    fn exact_of<T: Total>(&self, spread: Spread, totals: &[T]) -> Result<Option<Scores>, Unwanted> {
        let (lowest, span) = (spread.scaled_lowest(), spread.span());
        // Half-way between the extremes: no other constant makes the largest smaller.
        let least = totals.iter().copied().min().unwrap_or(T::ZERO).into();
        let most = totals.iter().copied().max().unwrap_or(T::ZERO).into();
        let centre: I256 = least + (most - least) / 2;
        let totals = || totals.iter().map(|&total| total.into() - centre);
        let widest_total = (most - centre).max(centre - least);

        let questions = self.rows.columns();
        if span <= I256::ONE && widest_total <= I256::from(i16::MAX) {
            let totals = totals().map(|total| total.as_i16()).collect();
            return Ok(Some(Scores::Binary(Binary { correct: self.correct(spread)?, totals })));
        }

        // a is at most the span on every question; so n, Σa, Σa², Σb, Σb² and Σab are
        // all at most users · widest².
        let users = I256::from(self.rows.rows().max(1) as u64);
        let sums = || {
            let widest_subtotal = span.checked_mul(I256::from(questions as u64))?;
            let widest = widest_total.max(widest_subtotal);
            widest.checked_mul(widest)?.checked_mul(users)
        };
        let Some(sums) = sums() else { return Ok(None) };
        let offsets = offsets(self.rows);
        let number = |score| spread.scaled(score) - lowest;
        // Scores less the lowest are below the span, which fits where the sums do.
        if sums <= I256::from(i64::MAX) {
            let scores = self.placed_exact(&offsets, 0, |score| number(score) as i64)?;
            let totals = totals().map(|total| total.as_i64()).collect();
            return Ok(Some(Scores::Integer(Arc::new(Weighted { scores, totals, offsets }))));
        }
        if sums <= I256::from(i128::MAX) {
            let scores = self.placed_exact(&offsets, 0, number)?;
            let totals = totals().map(|total| total.as_i128()).collect();
            return Ok(Some(Scores::Long(Arc::new(Weighted { scores, totals, offsets }))));
        }
        // n · Σab - Σa · Σb and its like are at most twice users · sums, and so is what
        // `corrected` makes of them up to another factor of four.
        if sums.checked_mul(users).and_then(|sums| sums.checked_mul(I256::from(8))).is_none() {
            return Ok(None);
        }
        let number = |score| I256::from(spread.scaled(score)) - I256::from(lowest);
        let scores = self.placed_exact(&offsets, I256::ZERO, number)?;
        Ok(Some(Scores::Wide(Arc::new(Weighted { scores, totals: totals().collect(), offsets }))))
    }

    /// The answers with the higher of two scores.
    fn correct(&self, spread: Spread) -> Result<BitMatrix, Unwanted> {
        let mut correct = BitMatrix::new(self.rows.rows(), self.rows.columns());
        let blocks = self.answers.blocks.blocks().par_iter();
        correct.par_blocks_mut(BLOCK).zip(blocks).try_for_each(|(mut rows, lists)| {
            self.each(lists, |list, place, user, question| {
                if self.answers.exact(list, place) != spread.lowest {
                    rows.set(user % BLOCK, self.positions[question] as usize);
                }
            })
        })?;
        Ok(correct)
    }

    /// Exact scores by user and position.
    fn placed_exact<N: Copy + Send>(
        &self,
        offsets: &[usize],
        zero: N,
        number: impl Fn(i128) -> N + Sync,
    ) -> Result<Vec<N>, Unwanted> {
        self.placed(offsets, zero, |list, place| number(self.answers.exact(list, place)))
    }
}
