//! Symmetric positive definite matrices, dense: factor, inverse, solution.
//!
//! The rows of all loops are walked as slices, and [`Instructions::run`] compiles them for the
//! processor. Nothing is contracted or summed in another order, so every instruction set gives the
//! same bits.

use crate::sweep::simd::{InstructionSet, Instructions, Task};

/// A square matrix, by rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Matrix {
    size: usize,
    values: Vec<f64>,
}

impl Matrix {
    pub(crate) fn zeros(size: usize) -> Self {
        Self { size, values: vec![0.0; size * size] }
    }

    /// The matrix whose entries are those of a function of row and column.
    pub(crate) fn from_fn(size: usize, mut entry: impl FnMut(usize, usize) -> f64) -> Self {
        let mut matrix = Self::zeros(size);
        for row in 0..size {
            for (column, value) in matrix.row_mut(row).iter_mut().enumerate() {
                *value = entry(row, column);
            }
        }
        matrix
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    pub(crate) fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.size..(row + 1) * self.size]
    }

    pub(crate) fn row_mut(&mut self, row: usize) -> &mut [f64] {
        &mut self.values[row * self.size..(row + 1) * self.size]
    }

    pub(crate) fn diagonal(&self) -> impl Iterator<Item = f64> {
        self.values.iter().step_by(self.size + 1).copied()
    }

    pub(crate) fn add_to_diagonal(&mut self, value: f64) {
        self.values.iter_mut().step_by(self.size + 1).for_each(|entry| *entry += value);
    }

    /// The largest entry by size.
    pub(crate) fn largest(&self) -> f64 {
        self.values.iter().fold(0.0, |largest, value| largest.max(value.abs()))
    }
}

/// x·y, in eight sums.
#[inline(always)]
pub(crate) fn dot(x: &[f64], y: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (x_blocks, x_rest) = x.as_chunks::<8>();
    let (y_blocks, y_rest) = y.as_chunks::<8>();
    for (x, y) in x_blocks.iter().zip(y_blocks) {
        for lane in 0..8 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let rest: f64 = x_rest.iter().zip(y_rest).map(|(x, y)| x * y).sum();
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + e) + (c + g)) + ((b + f) + (d + h)) + rest
}

/// y += factor · x
#[inline(always)]
fn add_scaled(y: &mut [f64], factor: f64, x: &[f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += factor * x;
    }
}

/// The factor U of A = U'U, upper triangular; what stands below its diagonal is of no meaning.
#[derive(Debug)]
pub(crate) struct Cholesky(Matrix);

/// A pivot that is no larger is no sign of a positive definite matrix.
const LEAST_PIVOT: f64 = 1e-14;

impl Cholesky {
    /// The factor of a matrix of which only the upper half is looked at; `None` where it is not
    /// positive definite.
    pub(crate) fn of(matrix: Matrix, instructions: Instructions) -> Option<Self> {
        struct Factor(Matrix);
        impl Task for Factor {
            type Output = Option<Matrix>;

            #[inline(always)]
            fn run<I: InstructionSet>(self, _: I) -> Option<Matrix> {
                let Self(mut matrix) = self;
                let size = matrix.size;
                for row in 0..size {
                    let pivot = matrix.values[row * size + row];
                    // Also where it is not a number.
                    if pivot.partial_cmp(&LEAST_PIVOT) != Some(std::cmp::Ordering::Greater) {
                        return None;
                    }
                    let (done, below) = matrix.values.split_at_mut((row + 1) * size);
                    let of_row = &mut done[row * size..];
                    let scale = 1.0 / pivot.sqrt();
                    of_row[row..].iter_mut().for_each(|value| *value *= scale);
                    for (other, values) in below.chunks_exact_mut(size).enumerate() {
                        let other = row + 1 + other;
                        add_scaled(&mut values[other..], -of_row[other], &of_row[other..]);
                    }
                }
                Some(matrix)
            }
        }
        instructions.run(Factor(matrix)).map(Self)
    }

    /// A⁻¹, all of it.
    pub(crate) fn inverse(&self, instructions: Instructions) -> Matrix {
        struct Invert<'a>(&'a Matrix);
        impl Task for Invert<'_> {
            type Output = Matrix;

            #[inline(always)]
            fn run<I: InstructionSet>(self, _: I) -> Matrix {
                let Self(factor) = self;
                let size = factor.size;
                // The rows of (U')⁻¹, which is lower triangular.
                let mut lower = Matrix::zeros(size);
                for row in 0..size {
                    let (done, rest) = lower.values.split_at_mut(row * size);
                    let values = &mut rest[..=row];
                    values[row] = 1.0;
                    for above in 0..row {
                        let factor = factor.values[above * size + row];
                        add_scaled(values, -factor, &done[above * size..=above * size + above]);
                    }
                    let scale = 1.0 / factor.values[row * size + row];
                    values.iter_mut().for_each(|value| *value *= scale);
                }
                // A⁻¹ = U⁻¹ (U⁻¹)'
                let mut inverse = Matrix::zeros(size);
                for of in 0..size {
                    let values = &lower.values[of * size..=of * size + of];
                    for row in 0..=of {
                        let to = &mut inverse.values[row * size..=row * size + row];
                        add_scaled(to, values[row], values);
                    }
                }
                for row in 0..size {
                    for column in 0..row {
                        inverse.values[column * size + row] = inverse.values[row * size + column];
                    }
                }
                inverse
            }
        }
        instructions.run(Invert(&self.0))
    }

    /// Solves A·x = b in place.
    pub(crate) fn solve(&self, b: &mut [f64]) {
        let (factor, size) = (&self.0, self.0.size);
        for row in 0..size {
            b[row] /= factor.row(row)[row];
            let (solved, rest) = b.split_at_mut(row + 1);
            add_scaled(rest, -solved[row], &factor.row(row)[row + 1..]);
        }
        for row in (0..size).rev() {
            let (head, tail) = b.split_at_mut(row + 1);
            head[row] = (head[row] - dot(&factor.row(row)[row + 1..], tail)) / factor.row(row)[row];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// X'X + I/8 of random X.
    fn positive() -> impl Strategy<Value = Matrix> {
        (1usize..20).prop_flat_map(|size| {
            proptest::collection::vec(-1.0..1.0, size * size).prop_map(move |x: Vec<f64>| {
                Matrix::from_fn(size, |i, j| {
                    let product: f64 = (0..size).map(|l| x[l * size + i] * x[l * size + j]).sum();
                    product + if i == j { 0.125 } else { 0.0 }
                })
            })
        })
    }

    proptest! {
        #[test]
        fn the_inverse_times_the_matrix_is_the_identity(matrix in positive()) {
            let size = matrix.size();
            let factor = Cholesky::of(matrix.clone(), Instructions::best()).unwrap();
            let inverse = factor.inverse(Instructions::best());
            for instructions in Instructions::available() {
                let again = Cholesky::of(matrix.clone(), instructions).unwrap().inverse(instructions);
                prop_assert_eq!(&again, &inverse);
            }
            for i in 0..size {
                let mut column: Vec<f64> = (0..size).map(|j| f64::from(u8::from(i == j))).collect();
                factor.solve(&mut column);
                for (j, solved) in column.iter().enumerate() {
                    let product = dot(matrix.row(i), inverse.row(j));
                    prop_assert!((product - f64::from(u8::from(i == j))).abs() < 1e-9);
                    prop_assert!((solved - inverse.row(i)[j]).abs() < 1e-9);
                }
            }
        }

        #[test]
        fn a_matrix_with_a_negative_direction_has_no_factor(matrix in positive(), seed in 0usize..20) {
            let at = seed % matrix.size();
            let mut matrix = matrix;
            matrix.row_mut(at)[at] = -0.5;
            prop_assert!(Cholesky::of(matrix, Instructions::best()).is_none());
        }
    }
}
