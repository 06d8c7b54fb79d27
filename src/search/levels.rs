//! A bound for sets of which some candidates are decided: Gaussian conditioning in a fixed order.
//!
//! With A = N + ρ11' (see [`root`](super::root)) and any centre z, sets of m candidates have
//!
//! ```text
//! x'Wx = (x - z)'A(x - z) + β,     β = 2 x'Az - z'Az - ρm² + mθ
//! ```
//!
//! where x'Az is the same for all of them if Az is a multiple of 1: z = m·A⁻¹1/s is the real minimum,
//! and β the root's bound. Let A⁻¹ = L D⁻¹ L' with L unit lower triangular, in the order in which
//! candidates are decided, and x - z = Lδ. Then (x - z)'A(x - z) = Σ D δ², and
//!
//! * δ_l depends on the first l candidates alone, so the sum up to level l bounds the whole from
//!   below (U. Fincke and M. Pohst, 1985; a sphere decoder);
//! * y_j = z_j + Σ L_ji δ_i, over the levels i decided, is where x_j would like to be, and by Cauchy and
//!   Schwarz `(x_j - y_j)² ≤ σ_lj · Σ D δ²` over the others, σ_lj = Σ L_ji²/D_i over levels l ≤ i ≤ j.
//!   So if any candidate behind is farther from both 0 and 1 than what is left allows, no set is left;
//! * the others cost `(x - y)'A_B(x - y)` more, A_B the part of A for the candidates behind. Any diagonal e
//!   with A_B - diag(e) positive semidefinite makes that at least Σ e_j·(distance of y_j from 0 and 1)².
//!   All candidates count here, which are nearly independent of each other where few are left: with e a
//!   tree of 20 of 200 questions has a sixth of the nodes.
//!
//! None of it depends on the values decided, so a node costs three multiplications and a comparison for
//! each candidate behind it.
//!
//! **e** is λ/Z_jj, Z the inverse of A_B, with the largest λ for which that holds: the smallest eigenvalue
//! of what Z becomes with a diagonal of 1, inverted. It is found by power iteration and certified by a
//! factorization of A_B - diag(e). What holds at one level holds at those behind. (The best e for each
//! level, by a semidefinite program, halves the nodes again, and takes longer than that saves.)
//!
//! **Order.** Always the candidate whose σ is least: what can be told most about. (Chosen anew at each
//! node, by the nearest to ½ or by the strongest: 1.2 to 21 times the nodes.)
//!
//! **Rounding.** Sets are pruned only above `cap`, which is -β and what the stored numbers can be off.
//! Whatever L, D, z and θ came out as, they define forms of their own, and three residuals tell how far
//! these are from W: R = L'AL - D, of which a set on whose path no bound was passed has
//! `|δ'Rδ| ≤ max|R|·(Σ|δ|)² ≤ max|R|·n·cap·max D⁻¹`; the spread ε of Az, 2m·max|ε|; and the rounding
//! of W and A, m² times that of an entry. The recursion itself rounds n times.

use crate::search::form::Form;
use crate::search::matrix::{Cholesky, Matrix, dot};
use crate::search::moments::ROUNDING;
use crate::search::root::Root;
use crate::sweep::simd::Instructions;

/// ρ: what a sum of x that is off by 1 costs. More rounds more, and saves no node: 1, 10 and 100 take
/// the same number to a hundredth.
const SUM_WEIGHT: f64 = 1.0;

/// Levels for which e is made, at most.
const MOST_FLOORS: usize = 64;

/// Steps of the power iteration, which begins with where that of the level before ended.
const POWERS: usize = 12;

/// The part of λ that is tried first, and how often a smaller one is tried.
const CAUTION: f64 = 0.98;
const TRIALS: usize = 4;

/// The numbers that the tree is walked with, by level.
#[derive(Debug)]
pub(crate) struct Levels {
    /// The candidates, in the order in which they are decided.
    pub(crate) order: Vec<usize>,
    /// z
    pub(crate) centre: Vec<f64>,
    /// D
    pub(crate) weight: Vec<f64>,
    /// The columns of L below the diagonal, and σ of the levels behind, one after the other.
    columns: Vec<f64>,
    spreads: Vec<f64>,
    /// Likewise e.
    floors: Vec<f64>,
    /// No set that is asked for comes to more; below 0 where there is none.
    pub(crate) cap: f64,
    /// For each level the one before it that decides a candidate of the same scores.
    pub(crate) twin: Vec<Option<usize>>,
}

impl Levels {
    /// Levels that decide without any bound.
    pub(crate) fn unbounded(size: usize, twin: &[Option<usize>]) -> Self {
        let order: Vec<usize> = (0..size).collect();
        let behind = size * size.saturating_sub(1) / 2;
        Self {
            twin: twins_by_level(&order, twin),
            centre: vec![0.5; size],
            weight: vec![0.0; size],
            order,
            columns: vec![0.0; behind],
            spreads: vec![f64::INFINITY; behind],
            floors: vec![0.0; behind],
            cap: f64::INFINITY,
        }
    }

    /// The levels for sets of `choose` candidates; `None` where rounding leaves no bound.
    pub(crate) fn new(
        form: &Form,
        root: &Root,
        choose: usize,
        twin: &[Option<usize>],
        instructions: Instructions,
    ) -> Option<Self> {
        let (size, m) = (form.matrix.size(), choose as f64);
        let mut matrix = root.shifted(&form.matrix, choose);
        for row in 0..size {
            matrix.row_mut(row).iter_mut().for_each(|value| *value += SUM_WEIGHT);
        }
        let mut inverse = Cholesky::of(matrix.clone(), instructions)?.inverse(instructions);
        let sums: Vec<f64> = (0..size).map(|row| inverse.row(row).iter().sum()).collect();
        let total: f64 = sums.iter().sum();
        let centre: Vec<f64> = sums.iter().map(|sum| m * sum / total).collect();

        // L D⁻¹ L', the least pivot first. Rows of L by candidate, in the order of levels.
        let mut order: Vec<usize> = (0..size).collect();
        let mut lower = Matrix::zeros(size);
        let mut pivots = Vec::with_capacity(size);
        let (mut floors, mut direction) = (vec![vec![0.0; size]], vec![1.0; size]);
        for level in 0..size {
            let least = (level..size).min_by(|&x, &y| {
                let pivot = |at: usize| inverse.row(order[at])[order[at]];
                pivot(x).total_cmp(&pivot(y)).then(order[x].cmp(&order[y]))
            })?;
            order.swap(level, least);
            let own = order[level];
            let pivot = inverse.row(own)[own];
            if pivot.is_nan() || pivot <= 0.0 {
                return None;
            }
            pivots.push(pivot);
            lower.row_mut(own)[level] = 1.0;
            let column = inverse.row(own).to_vec();
            for &other in &order[level + 1..] {
                let factor = column[other] / pivot;
                lower.row_mut(other)[level] = factor;
                let row = inverse.row_mut(other);
                row.iter_mut().zip(&column).for_each(|(value, own)| *value -= factor * own);
            }
            if level % size.div_ceil(MOST_FLOORS) == 0 {
                floors.push(floor(&matrix, &inverse, &order[level + 1..], &mut direction, instructions));
            }
        }

        // β and the residuals.
        let product: Vec<f64> = (0..size).map(|row| dot(matrix.row(row), &centre)).collect();
        let mean = product.iter().sum::<f64>() / size as f64;
        let spread = product.iter().fold(0.0, |most: f64, value| most.max((value - mean).abs()));
        let own = dot(&centre, &product);
        let bound = 2.0 * mean * m - own - SUM_WEIGHT * m * m + m * root.level;
        let terms = [2.0 * mean * m, own, SUM_WEIGHT * m * m, m * root.level];
        let size_of_terms: f64 = terms.iter().map(|term| term.abs()).sum();
        let largest_shift = root.shift.iter().fold(0.0, |most: f64, shift| most.max(shift.abs()));
        let of_entry = 8.0 * ROUNDING * (matrix.largest() + 2.0 * largest_shift + root.level.abs());
        let n = size as f64;
        let known = form.error + m * m * of_entry + 2.0 * m * spread + 4.0 * n * ROUNDING * size_of_terms;
        let least_cap = (-bound).max(0.0) + known;
        let widest = pivots.iter().copied().fold(0.0, f64::max);
        let residual = residual(&matrix, &lower, &pivots);
        // Σ|δ| of a set below twice that cap.
        let sum_of_steps = (2.0 * n * least_cap * widest).sqrt();
        let largest_factor = lower.largest();
        let largest_centre = centre.iter().fold(1.0, |most: f64, value| most.max(value.abs()));
        let of_step = 2.0 * n * ROUNDING * (largest_centre + largest_factor * sum_of_steps);
        let sum_of_weights: f64 = pivots.iter().map(|pivot| 1.0 / pivot).sum();
        let all_floors = floors.iter().map(|floor| floor.iter().sum()).fold(0.0, f64::max);
        // Of steps or, where e is what prunes, of distances.
        let sum_of_weights = f64::max(sum_of_weights, all_floors);
        let recursion = 2.0 * of_step * (2.0 * least_cap * sum_of_weights).sqrt()
            + of_step * of_step * sum_of_weights
            + 4.0 * n * ROUNDING * least_cap;
        let margin = known + residual * sum_of_steps * sum_of_steps + recursion;
        let cap = 2.0 * margin - bound;
        if !cap.is_finite() || margin > 0.5 {
            return None;
        }

        let (mut columns, mut spreads, mut behind_floors) = (Vec::new(), Vec::new(), Vec::new());
        for level in 0..size {
            let floor = &floors[1 + level / size.div_ceil(MOST_FLOORS)];
            behind_floors.extend(order[level + 1..].iter().map(|&other| floor[other]));
            columns.extend(order[level + 1..].iter().map(|&other| lower.row(other)[level]));
            spreads.extend((level + 1..size).map(|behind| {
                let of_levels = level + 1..=behind;
                let row = lower.row(order[behind]);
                let spread: f64 = of_levels.map(|at| row[at] * row[at] * pivots[at]).sum();
                spread * (1.0 + 4.0 * n * ROUNDING) + 4.0 * of_step * of_step
            }));
        }
        Some(Self {
            twin: twins_by_level(&order, twin),
            centre: order.iter().map(|&candidate| centre[candidate]).collect(),
            weight: pivots.iter().map(|pivot| 1.0 / pivot).collect(),
            order,
            columns,
            spreads,
            floors: behind_floors,
            cap,
        })
    }

    pub(crate) fn size(&self) -> usize {
        self.order.len()
    }

    /// What is known of the candidates behind a level.
    #[inline(always)]
    pub(crate) fn behind(&self, level: usize) -> Behind<'_> {
        let end = |level: usize| level * (2 * self.order.len() - 1 - level) / 2;
        let range = end(level)..end(level + 1);
        Behind {
            columns: &self.columns[range.clone()],
            spreads: &self.spreads[range.clone()],
            floors: &self.floors[range],
        }
    }

    /// Bytes of the levels of some candidates.
    pub(crate) fn bytes(candidates: usize) -> usize {
        candidates * (2 * candidates + MOST_FLOORS + 8) * size_of::<f64>()
    }
}

/// Numbers for each candidate behind a level.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Behind<'a> {
    /// What the level's step moves it by.
    pub(crate) columns: &'a [f64],
    /// How far it spreads after that.
    pub(crate) spreads: &'a [f64],
    /// What it costs at least for itself.
    pub(crate) floors: &'a [f64],
}

/// e, by candidate, of those behind a level, whose conditional covariances are Z; 0 for the others.
fn floor(
    matrix: &Matrix,
    inverse: &Matrix,
    behind: &[usize],
    direction: &mut [f64],
    instructions: Instructions,
) -> Vec<f64> {
    let size = behind.len();
    let mut by_candidate = vec![0.0; matrix.size()];
    let variance = |place: usize| inverse.row(behind[place])[behind[place]];
    let scale: Vec<f64> = (0..size).map(|place| variance(place).sqrt().recip()).collect();
    let correlations = Matrix::from_fn(size, |x, y| inverse.row(behind[x])[behind[y]] * scale[x] * scale[y]);
    let mut vector: Vec<f64> = behind.iter().map(|&candidate| direction[candidate]).collect();
    let mut largest = 0.0;
    for _ in 0..POWERS {
        let next: Vec<f64> = (0..size).map(|row| dot(correlations.row(row), &vector)).collect();
        largest = dot(&next, &next).sqrt();
        vector = next.into_iter().map(|value| value / largest).collect();
    }
    behind.iter().zip(&vector).for_each(|(&candidate, &value)| direction[candidate] = value);
    let mut part = CAUTION / largest;
    for _ in 0..TRIALS {
        let own = |place: usize| part * scale[place] * scale[place];
        let rest = Matrix::from_fn(size, |x, y| {
            matrix.row(behind[x])[behind[y]] - if x == y { own(x) } else { 0.0 }
        });
        // A factorization that succeeds is that of a matrix which is off by so much (N. J. Higham,
        // *Accuracy and Stability of Numerical Algorithms*, theorem 10.3).
        let off = 4.0 * (size * size + 4) as f64 * ROUNDING * matrix.largest();
        if Cholesky::of(rest, instructions).is_some() {
            for place in 0..size {
                by_candidate[behind[place]] = (own(place) - off).max(0.0);
            }
            break;
        }
        part *= 0.9;
    }
    by_candidate
}

/// For each level the last one before it of a candidate with the same scores.
fn twins_by_level(order: &[usize], twin: &[Option<usize>]) -> Vec<Option<usize>> {
    let mut groups: Vec<usize> = (0..order.len()).collect();
    for candidate in 0..order.len() {
        if let Some(twin) = twin[candidate] {
            groups[candidate] = groups[twin];
        }
    }
    let same = |x: usize, y: usize| groups[order[x]] == groups[order[y]];
    (0..order.len()).map(|level| (0..level).rev().find(|&before| same(before, level))).collect()
}

/// The largest entry of L'AL - D, with what its own sums may be off. L is given by candidate.
fn residual(matrix: &Matrix, lower: &Matrix, pivots: &[f64]) -> f64 {
    let size = matrix.size();
    // Columns of L as rows.
    let columns = Matrix::from_fn(size, |level, candidate| lower.row(candidate)[level]);
    let mut largest = 0f64;
    let (mut of_matrix, mut of_factor) = (matrix.largest(), 0f64);
    for (level, pivot) in pivots.iter().enumerate() {
        let product: Vec<f64> = (0..size).map(|row| dot(matrix.row(row), columns.row(level))).collect();
        for other in 0..=level {
            let entry = dot(columns.row(other), &product);
            let expected = if other == level { 1.0 / pivot } else { 0.0 };
            largest = largest.max((entry - expected).abs());
        }
        of_factor = of_factor.max(columns.row(level).iter().map(|value| value.abs()).sum());
    }
    of_matrix *= of_factor * of_factor;
    largest + 2.0 * size as f64 * ROUNDING * of_matrix
}
