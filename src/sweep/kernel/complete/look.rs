//! Which subsets of a prefix may reach what is wanted.

use super::covariances::{Covariances, Prefix, Sums};
use crate::sweep::kernel::LANES;
use crate::sweep::kernel::filter::Filter;
use crate::sweep::kernel::finish::block;
use crate::sweep::position::Position;
use crate::sweep::simd::{Arithmetic, InstructionSet, Task};

/// What the question that ends an empty prefix has in common with others.
const NO_QUESTION: [f64; LANES] = [0.0; LANES];

/// How far doubles can be from the covariance and the variance of a set that they stand for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Margin {
    pub(super) covariance: f64,
    pub(super) var_a: f64,
}

/// A word of lanes of an open prefix.
pub(super) struct Look<'a> {
    // By lane.
    totals: &'a [f64],
    gains: &'a [f64],
    with_question: &'a [f64],
    /// Of the prefix.
    open: Sums<f64>,
    var_b: f64,
    margin: Margin,
    lanes: u64,
    filter: &'a Filter,
}

impl<'a> Look<'a> {
    /// The lanes of a word, of a prefix that ends in `question` and has the sums `open`.
    pub(super) fn new(
        covariances: &'a Covariances<f64>,
        prefix: &'a Prefix<f64>,
        (question, open): (Option<Position>, Sums<f64>),
        (word, lanes): (usize, u64),
        margin: Margin,
        filter: &'a Filter,
    ) -> Self {
        let word = word * LANES..(word + 1) * LANES;
        Self {
            totals: &covariances.totals[word.clone()],
            gains: &prefix.gains[word.clone()],
            with_question: match question {
                Some(Position(question)) => &covariances.questions[question][word],
                None => &NO_QUESTION,
            },
            open,
            var_b: covariances.of_totals,
            margin,
            lanes,
            filter,
        }
    }

    /// The moments of a lane.
    #[inline(always)]
    pub(super) fn moments(&self, lane: usize) -> [f64; 3] {
        let covariance = self.open.covariance + self.totals[lane];
        let var_a = self.open.var_a + self.gains[lane] + self.with_question[lane];
        [covariance, var_a, self.var_b]
    }
}

/// The lanes that may pass the filter, whatever the margin hides.
impl Task for &Look<'_> {
    type Output = u64;

    #[inline(always)]
    fn run<I: InstructionSet>(self, instructions: I) -> u64 {
        let Look { totals, gains, with_question, open, margin, filter, .. } = self;
        let Some(threshold) = filter.threshold().filter(|_| !filter.corrected) else { return self.lanes };
        // This much less is for the rounding of these products, and of the root and the division.
        let floor = instructions.doubles(threshold.least_square * (1.0 - 1e-11) * self.var_b);
        let (sign, least) = (instructions.doubles(threshold.sign), instructions.doubles(f64::MIN_POSITIVE));
        let covariance = instructions.doubles(open.covariance + threshold.sign * margin.covariance);
        let var_a = instructions.doubles(open.var_a - margin.var_a);
        let load = |lanes: &[f64], at| instructions.load_doubles(block(lanes, at));
        let mut above = 0;
        for at in (0..LANES).step_by(8) {
            let covariance = load(totals, at).add(covariance);
            let var_a = load(gains, at).add(load(with_question, at)).add(var_a);
            let squares = instructions.at_least(covariance.mul(covariance), var_a.mul(floor));
            above |= u64::from(squares & instructions.at_least(covariance.mul(sign), least)) << at;
        }
        self.lanes & above
    }
}
