//! The best sets that a local search has met.

use std::cmp::Ordering;
use std::collections::BTreeSet;

/// The best sets met, up to a number of them, in approximate order.
#[derive(Debug)]
pub(crate) struct Guesses {
    size: usize,
    sets: BTreeSet<Guess>,
    /// Those whose neighbours have not been looked at.
    pending: Vec<Guess>,
}

#[derive(Debug, Clone, PartialEq)]
struct Guess {
    value: f64,
    set: Vec<usize>,
}

impl Eq for Guess {}

impl Ord for Guess {
    fn cmp(&self, other: &Self) -> Ordering {
        other.value.total_cmp(&self.value).then_with(|| self.set.cmp(&other.set))
    }
}

impl PartialOrd for Guess {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Guesses {
    pub(crate) fn new(size: usize) -> Self {
        Self { size, sets: BTreeSet::new(), pending: Vec::new() }
    }

    /// How many sets are kept.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// What a further set has to be worth.
    pub(crate) fn least(&self) -> f64 {
        match self.sets.last() {
            Some(last) if self.sets.len() >= self.size => last.value,
            _ => f64::NEG_INFINITY,
        }
    }

    /// Takes in a set, the candidates of which ascend.
    pub(crate) fn push(&mut self, value: f64, set: Vec<usize>) {
        if value > self.least() {
            let guess = Guess { value, set };
            if self.size > 1 {
                self.pending.push(guess.clone());
            }
            if !self.sets.insert(guess) {
                self.pending.pop();
            }
            if self.sets.len() > self.size {
                self.sets.pop_last();
            }
        }
    }

    /// One of the sets whose neighbours have not been looked at; none where a single set is wanted.
    pub(crate) fn next_pending(&mut self) -> Option<Vec<usize>> {
        while let Some(Guess { value, set }) = self.pending.pop() {
            // Others have come in its place.
            if value >= self.least() {
                return Some(set);
            }
        }
        None
    }

    /// The sets, each ascending, the best first.
    pub(crate) fn into_sets(self) -> impl Iterator<Item = Vec<usize>> {
        self.sets.into_iter().map(|guess| guess.set)
    }
}
