//! What is computed from scores of any class.

use ethnum::I256;

use crate::compensated::Compensated;
use crate::index::scores::{Scores, UserScores};
use crate::index::unit::Unit;
use crate::sweep::pearson::Number;
use crate::sweep::pearson::exact::Exact;
use crate::sweep::pearson::float::deviations;
use crate::sweep::position::Position;

/// A computation over scores, whatever their class.
pub(crate) trait OfScores: Sized {
    type Output;

    /// It, over the scores of one class.
    fn of<S: UserScores<Number: Described>>(self, scores: &S) -> Self::Output;

    /// It, over those there are.
    fn of_class(self, scores: &Scores) -> Self::Output {
        match scores {
            Scores::Binary(scores) => self.of(scores),
            Scores::Integer(scores) => self.of(&**scores),
            Scores::Long(scores) => self.of(&**scores),
            Scores::Wide(scores) => self.of(&**scores),
            Scores::Float(scores) => self.of(&**scores),
        }
    }
}

/// A number whose mean and variance are told.
pub(crate) trait Described: Number {
    /// n·Σx² - (Σx)², rounded once.
    fn variance(values: &[Self]) -> f64;

    /// The same of several questions, added up.
    fn variances(by_question: &[Vec<Self>]) -> f64;

    /// The mean of the totals on a set, in points.
    fn mean(totals: &[Self], unit: &Unit, set: &[Position]) -> f64;
}

impl<N: Exact + Into<I256>> Described for N {
    fn variance(values: &[Self]) -> f64 {
        N::round(exact_variance(values))
    }

    fn variances(by_question: &[Vec<Self>]) -> f64 {
        // Each is at most n² times the square of the span, and all of them no more than what a set's
        // total has room for.
        let variances = by_question.iter().map(|values| exact_variance(values));
        N::round(variances.fold(N::Product::default(), |sum, variance| sum + variance))
    }

    fn mean(totals: &[Self], unit: &Unit, set: &[Position]) -> f64 {
        let sum = totals.iter().fold(I256::ZERO, |sum, &total| sum + total.into());
        unit.mean_of_exact(sum, totals.len() as i64, set.len())
    }
}

fn exact_variance<N: Exact>(values: &[N]) -> N::Product {
    let (mut sum, mut squares) = (N::default(), N::default());
    for &value in values {
        sum += value;
        squares += value * value;
    }
    N::count(values.len() as i64) * squares.widen() - sum.widen() * sum.widen()
}

impl Described for Compensated {
    fn variance(values: &[Self]) -> f64 {
        let Some(&first) = values.first() else { return 0.0 };
        let size = values.iter().fold(0.0, |size: f64, value| size.max(value.value().abs()));
        // What all have in common takes no digits.
        let values = values.iter().map(|value| value.minus(first)).collect();
        let Some((deviations, spread)) = deviations(values, size) else { return 0.0 };
        let mut squares = Self::default();
        deviations.iter().for_each(|&deviation| squares.add_product(deviation, deviation));
        deviations.len() as f64 * squares.value() * spread * spread
    }

    fn variances(by_question: &[Vec<Self>]) -> f64 {
        by_question.iter().map(|values| Self::variance(values)).sum()
    }

    fn mean(totals: &[Self], unit: &Unit, set: &[Position]) -> f64 {
        unit.mean_of_floats(mean(totals.iter().copied()), set.iter().map(|position| position.0))
    }
}

fn mean(values: impl ExactSizeIterator<Item = Compensated>) -> f64 {
    let n = values.len() as f64;
    values.fold(Compensated::default(), Compensated::plus).value() / n
}
