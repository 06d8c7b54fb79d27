//! The covariances of floats, to about 80 binary digits more than the data need.
//!
//! Let d be a user's score less the mean of the question, or grand total less theirs, which is had to
//! 93 bits as a sum of three doubles; σ a power of two above all |d| of the question:
//!
//! ```text
//! d = d1 + d2 + rest      d1 a multiple of 2⁻²⁰·σ, |d1| ≤ σ
//!                         d2 a multiple of 2⁻⁴⁰·σ, |d2| ≤ 2⁻²¹·σ;  |rest| ≤ 2⁻⁴¹·σ
//! Σd·e = Σ d1·e1 + Σ (d1·e2 + d2·e1) + Σ d2·e2 + Σ ((d1 + d2)·rest_e + rest_d·(e1 + e2))
//! ```
//!
//! The first four sums are exact over [`USERS`] users: 512 products below 2⁴⁰ times their unit (the
//! slices of K. Ozaki, T. Ogita, S. Oishi and S. M. Rump, 2012). The others are rounded, by at most
//! 512·2⁻⁵³ of what their terms come to, which is 512·2⁻⁴¹·σσ each. Sums over so many users are added up
//! in pairs of doubles, with an error that is nothing beside. So, with the products of rests that are
//! left out, 2⁻⁸²·σσ a user, Σd·e is off by less than **2⁻⁸¹·n·σσ**, whoever computes it: no
//! instruction set and no number of threads changes a bit.
//!
//! What they come to is rounded to a multiple of one unit for all, of which 128 bits hold four times the
//! largest moment. Moments of sets are then sums of integers, the same in any order. With s the largest
//! σ of a question, t that of the grand totals, w = k·s and
//! 2⁻ᵉ the unit, a variance of a is off by 2⁻⁸¹·n·w² and 2k² units; the check that t + w ≤ 2²¹·s makes
//! the latter no more than the former. So
//!
//! ```text
//! var_a        is off by 2⁻⁸⁰·n·w² at most
//! var_b        is off by 2⁻⁸⁰·n·t², or of b less a by 2⁻⁸⁰·n·(t + w)²
//! covariance   is off by 2⁻⁸⁰·n·w·t, or by 2⁻⁸⁰·n·w·(t + w)
//! ```
//!
//! A variance that is 2⁴² times as large as its error is right to 2⁻⁴², which moves r by 2⁻⁴³; where both
//! are, the covariance moves it by 2⁻⁴² more: **r is right to 2⁻⁴¹ = 4.6·10⁻¹³**, and a few roundings.
//! Sets whose variances are smaller are computed from their users.

use std::sync::Arc;

use rayon::prelude::*;

use super::covariances::Covariances;
use super::lookup::Lookup;
use super::precise::{Floats, Precise};
use super::products::{Columns, Products, USERS};
use crate::compensated::Compensated;
use crate::index::scores::Weighted;
use crate::interest::{Interest, Unwanted};
use crate::sweep::simd::Instructions;

/// Bits of a slice.
const SLICE: i32 = 20;

/// The logarithm of how far off a variance may be, of n·w².
const ERROR: i32 = -80;

/// How many times that it has to be, as a logarithm.
const TRUSTED: i32 = 42;

/// A spread of at most 8 roundings of the values is no variance but their rounding, as `pearson` has it:
/// then a variance is at most n/4 times the square of it.
const ROUNDING: i32 = 2 * (3 - 52) - 2;

/// The covariances of scores that everybody has, for sets of up to k questions; `None` where the questions
/// differ so in size that few sets would have the digits, or the grand totals do not vary.
///
/// # Errors
/// Nobody waits for them any longer.
pub(super) fn complete(
    scores: &Arc<Weighted<Compensated>>,
    k: usize,
    instructions: Instructions,
    interest: Interest<'_>,
) -> Result<Option<Arc<dyn Lookup>>, Unwanted> {
    let users = scores.totals.len();
    let questions = scores.scores.len() / users.max(1);
    let deviations = Deviations::of(scores, questions, interest)?;
    let largest = |sizes: &[f64]| sizes.iter().copied().fold(0f64, f64::max);
    let (n, k) = (users as f64, k as f64);
    let score = largest(&deviations.scales[..questions]);
    let (of_a, of_b) = (k * score, deviations.scales[questions]);
    let of_both = of_a + of_b;
    let range = 2f64.powi(-300)..2f64.powi(300);
    if of_both > 2f64.powi(21) * score || !range.contains(&of_a) || !range.contains(&of_b) {
        return Ok(None);
    }
    let largest_value = |column: usize| {
        over(users, interest, 0f64, |largest, user| {
            largest.max(column_of(scores, user, column).value().abs())
        })
    };
    let largest_values =
        (0..questions + 1).into_par_iter().map(largest_value).collect::<Result<Vec<_>, _>>()?;
    let (value_a, value_b) = (k * largest(&largest_values[..questions]), largest_values[questions]);
    let least = |width: f64, value: f64| {
        let rounding = 2.0 * value * value * 2f64.powi(ROUNDING);
        n * (width * width * 2f64.powi(ERROR + TRUSTED)).max(rounding)
    };
    // Below 2¹²⁵ times the unit.
    let unit = 2f64.powi((n * of_both * of_both).log2().ceil() as i32 - 125);
    let products = deviations.products(scores, instructions, interest)?;
    let of = |x: usize, y: usize| {
        let mut sum = products[x][y - x];
        sum.add_product(-deviations.sums[x].value() / n, deviations.sums[y].value());
        let [leading, rest] = sum.parts();
        (leading / unit) as i128 + (rest / unit) as i128
    };
    let covariances = Covariances::new(users, questions, of);
    let floats = Floats {
        scores: Arc::clone(scores),
        least_var_a: least(of_a, value_a) / unit,
        least_var_b: [least(of_b, value_b) / unit, least(of_both, value_a + value_b) / unit],
    };
    if (covariances.of_totals as f64) < floats.least_var_b[0] {
        return Ok(None);
    }
    let name = "complete data, floats";
    Ok(Some(Arc::new(Precise::<i64>::new(name, covariances, k as usize, Some(floats)))))
}

/// Folds users, in their order, for as long as somebody waits.
fn over<T>(
    users: usize,
    interest: Interest<'_>,
    start: T,
    mut fold: impl FnMut(T, usize) -> T,
) -> Result<T, Unwanted> {
    (0..users).try_fold(start, |folded, user| {
        interest.check_at(user)?;
        Ok(fold(folded, user))
    })
}

/// The score of a user on a question; or, behind these, the grand total.
fn column_of(scores: &Weighted<Compensated>, user: usize, column: usize) -> Compensated {
    scores.of(user).get(column).copied().unwrap_or(scores.totals[user])
}

/// How the questions, and the grand totals behind them, deviate from their means.
struct Deviations {
    /// The means, rounded.
    means: Vec<f64>,
    /// What the deviations from these sum up to: next to nothing.
    sums: Vec<Compensated>,
    /// A power of two above all deviations of a column.
    scales: Vec<f64>,
}

impl Deviations {
    fn of(
        scores: &Weighted<Compensated>,
        questions: usize,
        interest: Interest<'_>,
    ) -> Result<Self, Unwanted> {
        let users = scores.totals.len();
        let of_column = |column| {
            let sum = |of: &dyn Fn(usize) -> Compensated| {
                over(users, interest, Compensated::default(), |sum, user| sum.plus(of(user)))
            };
            let mean = sum(&|user| column_of(scores, user, column))?.value() / users as f64;
            let deviation = |user| column_of(scores, user, column).less(mean.into());
            let size = |largest: f64, user| largest.max(deviation(user).value().abs());
            let largest = over(users, interest, 0f64, size)?;
            let scale = if largest == 0.0 { 0.0 } else { 2f64.powi(largest.log2().floor() as i32 + 1) };
            Ok((mean, (sum(&deviation)?, scale)))
        };
        let columns = (0..questions + 1).into_par_iter().map(of_column);
        let (means, (sums, scales)) = columns.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
        Ok(Self { means, sums, scales })
    }

    /// For each column, the sums of the products of its deviations with its own and with those of the
    /// columns behind it.
    fn products(
        &self,
        scores: &Weighted<Compensated>,
        instructions: Instructions,
        interest: Interest<'_>,
    ) -> Result<Vec<Vec<Compensated>>, Unwanted> {
        let (users, columns) = (scores.totals.len(), self.means.len());
        let zeros = || Columns::zeros(USERS, columns);
        let [mut first, mut second, mut both, mut rest] = [zeros(), zeros(), zeros(), zeros()];
        let mut sums: Vec<Vec<Compensated>> =
            (0..columns).map(|column| vec![Compensated::default(); columns - column]).collect();
        let mut products = [(); 4].map(|()| Products::zeros(columns));
        for start in (0..users).step_by(USERS) {
            [&mut first, &mut second, &mut both, &mut rest].into_iter().for_each(Columns::clear);
            for user in start..users.min(start + USERS) {
                for column in 0..columns {
                    let deviation = column_of(scores, user, column).less(self.means[column].into());
                    let grid = self.scales[column] * 2f64.powi(-SLICE);
                    let d1 = on_grid(deviation.value(), grid);
                    let d2 = on_grid(deviation.less(d1.into()).value(), grid * 2f64.powi(-SLICE));
                    first.set(user - start, column, d1);
                    second.set(user - start, column, d2);
                    both.set(user - start, column, d1 + d2);
                    rest.set(user - start, column, deviation.less(d1.into()).less(d2.into()).value());
                }
            }
            products.iter_mut().for_each(Products::clear);
            let [p11, p12, p22, with_rest] = &mut products;
            p11.add(instructions, [&first, &first], true, interest)?;
            p12.add(instructions, [&first, &second], false, interest)?;
            p22.add(instructions, [&second, &second], true, interest)?;
            with_rest.add(instructions, [&both, &rest], false, interest)?;
            for (x, sums) in sums.iter_mut().enumerate() {
                for (y, sum) in (x..).zip(sums) {
                    let terms = [p11.of(x, y), p12.of(x, y), p12.of(y, x), p22.of(x, y)];
                    terms
                        .into_iter()
                        .chain([with_rest.of(x, y), with_rest.of(y, x)])
                        .for_each(|term| sum.add(term));
                }
            }
        }
        Ok(sums)
    }
}

/// The nearest multiple of `grid`, a power of two or 0; the value is below 2⁵¹ times that.
fn on_grid(value: f64, grid: f64) -> f64 {
    let steps = grid * (3u64 << 51) as f64;
    (value + steps) - steps
}
