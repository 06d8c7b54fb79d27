//! What is asked of a set, as the sign of a quadratic form.
//!
//! For a bar t > 0 and a set S of covariance c ≥ 0 and variance v > 0 (x its 0/1 vector)
//!
//! ```text
//! r = c/√v ≥ t   ⇔   t²v - c² ≤ 0   ⇔   x'Wx ≤ 0   with   W = t²V - cc'
//! ```
//!
//! so that no fraction is left. Sets of c < 0 and r ≤ -t come along; whoever looks at the sets one by
//! one leaves them out. That r is undefined is of this kind too: v = 0 is x'Vx ≤ 0.
//!
//! **Quotas.** Of m candidates a set has from l to u of some, whose 0/1 vector is a. With g = a - (l + u)/2m
//! and w = (u - l)/2, `(g'x)² ≤ w²`, so for any τ ≥ 0 the sets that meet the quota and are asked for are
//! among those of `x'(W + τ(gg' - w²/m² 11'))x ≤ 0` as well, of which the root's bound may be far higher.

use crate::search::matrix::Matrix;
use crate::search::moments::ROUNDING;
use crate::search::problem::Problem;

/// x'Wx ≤ 0 for the sets that are asked for, and for few others.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    /// W, scaled such that its diagonal is about 1.
    pub(crate) matrix: Matrix,
    /// By what it was scaled.
    pub(crate) scale: f64,
    /// How far x'Wx can be from what it stands for, with the rounding of its sum.
    pub(crate) error: f64,
}

impl Form {
    /// The sets of r ≥ t > 0, where r is the correlation with the grand total.
    pub(crate) fn at_least(problem: &Problem, t: f64) -> Self {
        let Problem { variances, covariances: c, .. } = problem;
        let square = t * t;
        let terms = [square, 2.0 * c.iter().fold(0.0, |most: f64, c| most.max(c.abs()))];
        Self::new(problem, terms, |x, y| square * variances.row(x)[y] - c[x] * c[y])
    }

    /// The sets of c ≥ α + βv, α and β ≥ 0.
    pub(crate) fn above_line(problem: &Problem, alpha: f64, beta: f64) -> Self {
        let Problem { variances, covariances: c, choose, .. } = problem;
        let m = *choose as f64;
        Self::new(problem, [beta, 1.0], |x, y| {
            let constant = if x == y { alpha / m } else { 0.0 };
            beta * variances.row(x)[y] - (c[x] + c[y]) / (2.0 * m) + constant
        })
    }

    /// The sets on which users' totals do not vary.
    pub(crate) fn constant_subtotal(problem: &Problem) -> Self {
        Self::new(problem, [1.0, 0.0], |x, y| problem.variances.row(x)[y])
    }

    /// The sets without which users' totals do not vary: 1 - 2c + v = 0.
    pub(crate) fn constant_rest(problem: &Problem) -> Self {
        let Problem { variances, covariances: c, choose, .. } = problem;
        let m = *choose as f64;
        Self::new(problem, [1.0, 2.0], |x, y| variances.row(x)[y] - (c[x] + c[y]) / m + 1.0 / (m * m))
    }

    /// The same for the sets that meet all quotas, with τ for each.
    pub(crate) fn with_quotas(&self, problem: &Problem, weight: f64) -> Self {
        let m = problem.choose as f64;
        let mut matrix = self.matrix.clone();
        for quota in &problem.quotas {
            let (least, most) = (quota.least as f64, quota.most as f64);
            let middle = (least + most) / (2.0 * m);
            let width = ((most - least) / (2.0 * m)).powi(2);
            let g = |candidate: usize| f64::from(u8::from(quota.members[candidate])) - middle;
            for x in 0..matrix.size() {
                let own = g(x);
                let add = |(y, value): (usize, &mut f64)| *value += weight * (own * g(y) - width);
                matrix.row_mut(x).iter_mut().enumerate().for_each(add);
            }
        }
        let largest = weight * (problem.quotas.len() as f64) + matrix.largest();
        let error = self.error + m * m * 16.0 * (1.0 + problem.quotas.len() as f64) * ROUNDING * largest;
        Self { matrix, scale: self.scale, error }
    }

    /// The form of some entries, which depend on variances and covariances by no more than the given
    /// factors.
    fn new(problem: &Problem, [variance, covariance]: [f64; 2], entry: impl Fn(usize, usize) -> f64) -> Self {
        let mut matrix = Matrix::from_fn(problem.size(), entry);
        let mean = matrix.diagonal().map(f64::abs).sum::<f64>() / problem.size() as f64;
        let scale = if mean > 0.0 { 1.0 / mean } else { 1.0 };
        for x in 0..problem.size() {
            matrix.row_mut(x).iter_mut().for_each(|value| *value *= scale);
        }
        let pairs = (problem.choose * problem.choose) as f64;
        let largest = problem
            .variances
            .largest()
            .max(problem.covariances.iter().fold(0.0, |most: f64, c| most.max(c.abs())));
        let of_entry = (variance + covariance) * (problem.error + 8.0 * ROUNDING * largest) + 8.0 * ROUNDING;
        let of_sum = pairs * ROUNDING * matrix.largest();
        Self { scale, error: pairs * (of_entry * scale + of_sum), matrix }
    }
}
