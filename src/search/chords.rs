//! Sets of a corrected r above a bar, as sets above lines.
//!
//! With the set taken out of the grand totals, r = (c - v)/√(v(1 - 2c + v)), in units of the variance of
//! the grand totals. For t > 0 and κ = 1 - t²
//!
//! ```text
//! r ≥ t   ⇔   c ≥ φ(v) = κv + t√(v(1 - κv)),      0 < v ≤ 1/κ
//! ```
//!
//! which is concave: between a and b it is above its chord α + βv, so sets of such a v lie above the
//! line, which is a question for a quadratic form. Intervals of v are halved until the chord is near
//! enough to the curve, in comparison with what is left to prune.

use crate::search::form::Form;
use crate::search::problem::Problem;

/// The part of the root's bound that the curve may be above its chord.
const SAG: f64 = 0.15;

/// An interval is not halved once its ends are this near.
const NARROW: f64 = 1.004;

/// φ
fn curve(t: f64, v: f64) -> f64 {
    let rest = 1.0 - t * t;
    rest * v + t * (v * (1.0 - rest * v)).max(0.0).sqrt()
}

/// The variances that sets of an r of t have, and those of a problem.
pub(crate) fn whole(t: f64, problem: &Problem) -> [f64; 2] {
    // v ≤ (Σ √V_ii)²
    let mut deviations: Vec<f64> = problem.variances.diagonal().map(|v| v.max(0.0).sqrt()).collect();
    deviations.sort_by(|x, y| y.total_cmp(x));
    let widest = deviations[..problem.choose].iter().sum::<f64>().powi(2);
    let most = if t < 1.0 { widest.min(1.0 / (1.0 - t * t)) } else { widest };
    [0.0, most * (1.0 + 1e-9) + 1e-12]
}

/// α and β, a little below the chord, for variances that rounding puts on the wrong side of an end.
pub(crate) fn line(t: f64, [a, b]: [f64; 2]) -> [f64; 2] {
    let (at_a, at_b) = (curve(t, a), curve(t, b));
    let beta = (at_b - at_a) / (b - a);
    [at_a - beta * a - 1e-12 * (1.0 + at_a.abs() + at_b.abs()), beta]
}

/// The two halves of an interval whose chord is too far from the curve for a root of that bound.
pub(crate) fn halves(t: f64, [a, b]: [f64; 2], bound: f64, form: &Form) -> Option<[[f64; 2]; 2]> {
    let [alpha, beta] = line(t, [a, b]);
    let at = |part: i32| a + (b - a) * f64::from(part) / 16.0;
    let sag = (1..16).map(|part| curve(t, at(part)) - alpha - beta * at(part)).fold(0.0, f64::max);
    if sag * form.scale <= SAG * bound.abs() || (a > 0.0 && b / a <= NARROW) || b < 1e-9 {
        return None;
    }
    let middle = if a == 0.0 { b / 2.0 } else { (a * b).sqrt() };
    Some([[a, middle], [middle, b]])
}
