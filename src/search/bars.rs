//! Which r to ask for next: bands from the highest downwards.

use std::cmp::Ordering;

use crate::sweep::rows::buffer::Row;

/// The ends of the bands.
#[derive(Debug)]
pub(crate) struct Bars {
    /// Good sets, the best first once bands have begun.
    guesses: Vec<Row>,
    /// How many sets the next band should have, with those before; 0 for all.
    expected: usize,
    /// All sets of this r and above have been asked for.
    high: f64,
    begun: bool,
    restarts: usize,
}

/// Each band has about so many times the sets of those before.
const GROWTH: usize = 10;

/// Restarts at most. Each costs a root and a part of a tree, and the bar it is for was found.
const MOST_RESTARTS: usize = 4;

impl Bars {
    /// For a search of which about so many of the sets of highest r will be read; 0 for all.
    pub(crate) fn new(expected: usize) -> Self {
        Self { guesses: Vec::new(), expected, high: f64::INFINITY, begun: false, restarts: 0 }
    }

    /// Takes in rows with a defined r.
    pub(crate) fn guessed(&mut self, rows: impl IntoIterator<Item = Row>) {
        self.guesses.extend(rows);
    }

    /// The best set among the guesses, once bands have begun.
    pub(crate) fn best_guess(&self) -> Option<&Row> {
        self.guesses.first().filter(|_| self.begun)
    }

    /// The r of the `place`-th of the guesses, once bands have begun.
    pub(crate) fn guessed_r(&self, place: usize) -> Option<f64> {
        self.guesses.get(place.checked_sub(1)?).filter(|_| self.begun)?.r
    }

    /// Whether this is the first time that it is asked.
    pub(crate) fn begin(&mut self) -> bool {
        if std::mem::replace(&mut self.begun, true) {
            return false;
        }
        let r = |row: &Row| row.r.unwrap_or(f64::NEG_INFINITY);
        let order = |x: &Row, y: &Row| match r(y).total_cmp(&r(x)) {
            Ordering::Equal => x.questions.cmp(&y.questions),
            order => order,
        };
        self.guesses.sort_by(order);
        self.guesses.dedup();
        true
    }

    /// The r of the next band, from the first to below the second number, of which the first is 0 in
    /// the last one; `None` where no further r is within bounds.
    pub(crate) fn next(&mut self, bounds: [f64; 2]) -> Option<[f64; 2]> {
        let [least, most] = bounds;
        let high = self.high.min(most.next_up());
        if high <= 0.0 || least >= high {
            return None;
        }
        let low = self.guess().max(least).min(high.next_down()).max(0.0);
        self.expected = self.expected.saturating_mul(GROWTH);
        self.high = low;
        Some([low, high])
    }

    /// An r that about as many sets have as are expected.
    fn guess(&self) -> f64 {
        let r = |place: usize| self.guesses[place].r.unwrap_or(0.0);
        match self.expected {
            0 => 0.0,
            expected if expected <= self.guesses.len() => r(expected - 1),
            _ if self.guesses.is_empty() => 0.0,
            // Sets grow many as r falls.
            _ if self.high.is_infinite() => r(self.guesses.len() - 1),
            _ => self.high - (r(0) - self.high).max(1e-4),
        }
    }

    /// Goes back to the highest, as r turned out to be higher than guessed; returns whether it does.
    pub(crate) fn begin_anew(&mut self) -> bool {
        self.restarts += 1;
        if self.restarts > MOST_RESTARTS {
            return false;
        }
        self.high = f64::INFINITY;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bands_follow_each_other_down_to_the_bound(
            guesses in proptest::collection::vec(-1.0..1.0, 0..30),
            expected in 0usize..40,
            least in -1.0..1.0,
            most in -1.0..1.5,
        ) {
            let mut bars = Bars::new(expected);
            bars.guessed(guesses.iter().map(|&r| Row { questions: vec![1], r: Some(r), n: 9 }));
            prop_assert!(bars.begin() && !bars.begin());
            let mut high = f64::INFINITY;
            let mut bands = 0;
            while let Some([low, end]) = bars.next([least, most]) {
                prop_assert!(low < end && (bands == 0 || end == high) && low >= 0.0);
                (high, bands) = (low, bands + 1);
                prop_assert!(bands < 100_000);
            }
            let lowest = f64::max(least, 0.0);
            prop_assert!(high <= lowest || most < lowest || most < 0.0);
        }
    }
}
