//! How far a sweep has come, for whoever wants to watch.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::sweep::count::SetCount;

/// Counts the subsets of the sweeps that report to it.
///
/// A host that wants to show progress puts one into its session
/// (`SessionConfig::with_extension`), and reads it while queries run.
#[derive(Debug, Default)]
pub struct SweepProgress(Mutex<State>);

#[derive(Debug)]
struct State {
    expected: SetCount,
    done: u64,
    r: Option<[f64; 2]>,
    reports: u64,
}

impl Default for State {
    fn default() -> Self {
        Self { expected: SetCount::NONE, done: 0, r: None, reports: 0 }
    }
}

impl SweepProgress {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Subsets of all sweeps that have started.
    pub fn expected(&self) -> SetCount {
        self.state().expected
    }

    /// Subsets dealt with, whether summed or pruned.
    pub fn done(&self) -> u64 {
        self.state().done
    }

    /// Of a search for the best sets: the highest r that has been found, and one that no set is above.
    pub fn best(&self) -> Option<[f64; 2]> {
        self.state().r
    }

    /// How often sweeps have reported: it rises as long as one is under way.
    pub fn reports(&self) -> u64 {
        self.state().reports
    }

    /// Forgets everything, as before the first sweep.
    pub fn reset(&self) {
        *self.state() = State::default();
    }

    pub(crate) fn expect(&self, subsets: SetCount) {
        let mut state = self.state();
        state.expected = state.expected + subsets;
    }

    pub(crate) fn advance(&self, subsets: u64, r: Option<[f64; 2]>) {
        let mut state = self.state();
        state.done = state.done.saturating_add(subsets);
        state.r = r.or(state.r);
        state.reports += 1;
    }
}
