//! What the numbers of an index stand for, in points.
//!
//! r does not ask for it, as it is the same whatever scores are shifted by and divided by. A mean does.

use ethnum::I256;

/// What the numbers of an index stand for, in points.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Unit {
    /// A score is `(number + lowest) · divisor / 10^digits`.
    Exact { lowest: i128, divisor: u128, digits: i32 },
    /// A score is `(number / up + centre) · 2^exponent / 10^digits`, with a centre for each position.
    Float { up: f64, exponent: i32, centres: Vec<f64>, digits: i32 },
}

impl Unit {
    /// The points of a difference between totals.
    pub(crate) fn points(&self, difference: f64) -> f64 {
        match self {
            Self::Exact { divisor, digits, .. } => shifted(difference * *divisor as f64, *digits),
            Self::Float { up, exponent, digits, .. } => {
                shifted(difference / up * 2f64.powi(*exponent), *digits)
            }
        }
    }

    /// The mean of n totals in points, given their exact sum and how many scores each has.
    pub(crate) fn mean_of_exact(&self, sum: I256, n: i64, scores: usize) -> f64 {
        let Self::Exact { lowest, .. } = self else { return f64::NAN };
        let all = I256::from(n) * I256::from(scores as u64) * I256::from(*lowest);
        let sum = sum + all;
        // A double has room for what any but the widest sums are.
        self.points(sum.as_f64()) / n as f64
    }

    /// The mean of totals in points, given that of their numbers and the positions that they are of.
    pub(crate) fn mean_of_floats(&self, mean: f64, positions: impl Iterator<Item = usize>) -> f64 {
        let Self::Float { up, exponent, centres, digits } = self else { return f64::NAN };
        let centre: f64 = positions.map(|position| centres[position]).sum();
        shifted((mean / up + centre) * 2f64.powi(*exponent), *digits)
    }

    /// Bytes held beside the enum.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Exact { .. } => 0,
            Self::Float { centres, .. } => centres.len() * size_of::<f64>(),
        }
    }
}

/// A number with the point moved to the left.
fn shifted(number: f64, digits: i32) -> f64 {
    // Small powers of ten are doubles, and one division rounds once.
    if digits >= 0 { number / 10f64.powi(digits) } else { number * 10f64.powi(-digits) }
}
