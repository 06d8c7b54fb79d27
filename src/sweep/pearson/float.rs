//! r of floating point scores: fast where rounding cannot matter, and with care elsewhere.

use super::{Correlation, Number, Sums, ratio};
use crate::compensated::Compensated;

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
        let var_a = squares_a - sums.a * sums.a;
        let mut var_b = squares_b - sums.b * sums.b;
        if corrected {
            var_b = var_b - 2.0 * covariance + var_a;
            covariance -= var_a;
            squares_b += squares_a;
        }
        let least = n * n * TRUSTED_SPREAD;
        let trusted = |variance: f64, squares: f64| variance > (squares * TRUSTED_PART).max(least);
        if trusted(var_a, squares_a) && trusted(var_b, squares_b) {
            Correlation::Defined(ratio(covariance, var_a, var_b))
        } else {
            Correlation::Doubtful
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
            (Some((a, _)), Some((b, _))) => {
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

/// The values less their mean, in units of their spread, and that spread; `None` where it is no more than
/// the rounding of numbers as large as `size`.
pub(crate) fn deviations(mut values: Vec<f64>, size: f64) -> Option<(Vec<f64>, f64)> {
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
    Some((values, spread))
}
