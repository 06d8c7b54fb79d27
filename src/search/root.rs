//! A lower bound of a quadratic form over all sets of m candidates: a small semidefinite program.
//!
//! For any vector d and number θ, every 0/1 vector x of m ones has
//!
//! ```text
//! x'Wx = x'Nx + mθ      with   N = W - diag(d) + (d1' + 1d')/(2m) - θI
//! ```
//!
//! as x'diag(d)x = d'x = (d'x)(1'x)/m and x'x = m. Where N is positive semidefinite, x'Nx is at least
//! its minimum over all real x of sum m, which is m²/s with s = 1'N⁻¹1. So
//!
//! ```text
//! maximise θ over d and θ with N ⪰ 0;     x'Wx ≥ mθ + m²/s
//! ```
//!
//! This is the convexification of A. Billionnet and S. Elloumi (2007), for one cardinality constraint.
//! It is solved by Newton steps along the central path of `θ/μ + log det N`. With Z = N⁻¹ and u = Z1,
//!
//! ```text
//! gradient   ∂d: u_i/m - Z_ii            ∂θ: 1/μ - tr Z
//! Hessian    dd: Z_ij² - Z_ij(u_i + u_j)/m + (u_i u_j + s Z_ij)/(2m²)
//!            dθ: (Z²)_ii - (Zu)_i/m      θθ: ‖Z‖²          (negated)
//! ```
//!
//! Any d and θ will do for a bound, however far the path was followed, so how accurate the solution
//! is costs nodes of the tree below it and never a set.

use crate::search::matrix::{Cholesky, Matrix, dot};
use crate::sweep::simd::Instructions;

/// d and θ, with a positive definite N.
#[derive(Debug, Clone)]
pub(crate) struct Root {
    pub(crate) shift: Vec<f64>,
    pub(crate) level: f64,
    /// mθ + m²/s, but for rounding.
    pub(crate) bound: f64,
}

/// Newton steps at most; 18 to 46 are usual.
const MOST_STEPS: usize = 100;

/// μ falls by this factor where the last step was a short one.
const PATH: f64 = 0.2;

/// A step is short where its Newton decrement is below this.
const SHORT: f64 = 0.7;

/// The path ends where mμ times the number of candidates, which bounds what is left to gain, is
/// below this part of the bound. Less changes the tree by a few nodes.
const ENOUGH: f64 = 0.1;

impl Root {
    /// The bound for sets of `choose` candidates. It is left as it is once it is above `enough`,
    /// and when `stop` says so.
    pub(crate) fn of(
        form: &Matrix,
        choose: usize,
        enough: f64,
        instructions: Instructions,
        stop: impl Fn() -> bool,
    ) -> Self {
        let (size, m) = (form.size(), choose as f64);
        let mut at = Point { shift: vec![0.0; size], level: -0.5 };
        let mut factor = loop {
            match at.factor(form, m, instructions) {
                Some(factor) => break factor,
                None => at.level *= 2.0,
            }
        };
        let mut barrier = 0.1;
        let mut root = None;
        for _ in 0..MOST_STEPS {
            let inverse = factor.inverse(instructions);
            let sums: Vec<f64> = (0..size).map(|row| inverse.row(row).iter().sum()).collect();
            let total: f64 = sums.iter().sum();
            let bound = m * at.level + m * m / total;
            root = Some(Self { shift: at.shift.clone(), level: at.level, bound });
            if bound > enough || stop() {
                break;
            }
            let Some((step, decrement)) = newton(&inverse, &sums, total, m, barrier, instructions) else {
                break;
            };
            let Some((next, of_next)) = at.towards(&step, form, m, instructions) else { break };
            (at, factor) = (next, of_next);
            if decrement < SHORT {
                if m * barrier * (size as f64) < ENOUGH * bound.abs().max(1e-7) {
                    break;
                }
                barrier *= PATH;
            }
        }
        root.unwrap_or(Self { shift: at.shift, level: at.level, bound: f64::NEG_INFINITY })
    }

    /// N, all of it.
    pub(crate) fn shifted(&self, form: &Matrix, choose: usize) -> Matrix {
        shifted(form, &self.shift, self.level, choose as f64)
    }
}

/// W - diag(d) + (d1' + 1d')/(2m) - θI
fn shifted(form: &Matrix, shift: &[f64], level: f64, m: f64) -> Matrix {
    let half = 0.5 / m;
    let mut matrix = form.clone();
    for (row, own) in shift.iter().enumerate() {
        let values = matrix.row_mut(row);
        values.iter_mut().zip(shift).for_each(|(value, other)| *value += half * (own + other));
        values[row] -= own + level;
    }
    matrix
}

/// Where the path has come to.
#[derive(Debug, Clone)]
struct Point {
    shift: Vec<f64>,
    level: f64,
}

impl Point {
    fn factor(&self, form: &Matrix, m: f64, instructions: Instructions) -> Option<Cholesky> {
        Cholesky::of(shifted(form, &self.shift, self.level, m), instructions)
    }

    /// As far along a step as N stays positive definite, and a little less.
    fn towards(
        &self,
        step: &[f64],
        form: &Matrix,
        m: f64,
        instructions: Instructions,
    ) -> Option<(Self, Cholesky)> {
        let at = |part: f64| Self {
            shift: self.shift.iter().zip(step).map(|(shift, step)| shift + part * step).collect(),
            level: self.level + part * step[step.len() - 1],
        };
        let mut part = 1.0;
        let mut held_back = false;
        for _ in 0..60 {
            let next = at(if held_back { 0.95 * part } else { part });
            if let Some(factor) = next.factor(form, m, instructions) {
                if held_back || part == 1.0 {
                    return Some((next, factor));
                }
                // Right at the border the next step would be lost.
                held_back = true;
                continue;
            }
            part *= if held_back { 0.7 } else { 0.6 };
        }
        None
    }
}

/// The Newton step of d and θ, and its decrement; `None` where rounding has eaten the Hessian.
fn newton(
    inverse: &Matrix,
    sums: &[f64],
    total: f64,
    m: f64,
    barrier: f64,
    instructions: Instructions,
) -> Option<(Vec<f64>, f64)> {
    let size = inverse.size();
    let mut gradient: Vec<f64> =
        inverse.diagonal().zip(sums).map(|(diagonal, sum)| sum / m - diagonal).collect();
    gradient.push(1.0 / barrier - inverse.diagonal().sum::<f64>());
    let mut hessian = Matrix::zeros(size + 1);
    let mut squares = 0.0;
    for row in 0..size {
        let (values, own) = (inverse.row(row), sums[row]);
        let to = hessian.row_mut(row);
        for ((to, z), other) in to.iter_mut().zip(values).zip(sums) {
            *to = z * z - z * (own + other) / m + (own * other + total * z) / (2.0 * m * m);
        }
        let square = dot(values, values);
        squares += square;
        to[size] = square - dot(values, sums) / m;
    }
    for row in 0..size {
        let value = hessian.row(row)[size];
        hessian.row_mut(size)[row] = value;
    }
    hessian.row_mut(size)[size] = squares;
    // d has a direction that changes nothing, d = 1, which the Hessian is blind to.
    let mut ridge = 1e-13 * hessian.diagonal().sum::<f64>() / size as f64;
    for _ in 0..40 {
        let mut damped = hessian.clone();
        damped.add_to_diagonal(ridge);
        if let Some(factor) = Cholesky::of(damped, instructions) {
            let mut step = gradient.clone();
            factor.solve(&mut step);
            let decrement = dot(&gradient, &step).max(0.0).sqrt();
            return decrement.is_finite().then_some((step, decrement));
        }
        ridge *= 10.0;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn forms() -> impl Strategy<Value = (Matrix, usize)> {
        (2usize..10).prop_flat_map(|size| {
            let entries = proptest::collection::vec(-1.0..1.0, size * size);
            (entries, 1..=size).prop_map(move |(entries, choose): (Vec<f64>, usize)| {
                let entry = |x: usize, y: usize| entries[x.min(y) * size + x.max(y)];
                (Matrix::from_fn(size, |x, y| entry(x, y) + if x == y { 1.0 } else { 0.0 }), choose)
            })
        })
    }

    /// The least value over all sets.
    fn least(form: &Matrix, choose: usize) -> f64 {
        let size = form.size();
        let sets = (0u32..1 << size).filter(|set| set.count_ones() as usize == choose);
        let value = |set: u32| {
            let ones: Vec<usize> = (0..size).filter(|&x| set >> x & 1 == 1).collect();
            ones.iter().flat_map(|&x| ones.iter().map(move |&y| form.row(x)[y])).sum::<f64>()
        };
        sets.map(value).fold(f64::INFINITY, f64::min)
    }

    proptest! {
        #[test]
        fn no_set_is_below_the_bound((form, choose) in forms()) {
            let root = Root::of(&form, choose, f64::INFINITY, Instructions::best(), || false);
            let least = least(&form, choose);
            prop_assert!(root.bound <= least + 1e-6, "{} > {least}", root.bound);
            // And it is no empty promise: the sum of all negative entries is far below.
            prop_assert!(root.bound >= least - 2.0 * form.size() as f64, "{} << {least}", root.bound);
        }
    }
}
