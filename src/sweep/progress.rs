//! How far a sweep has come, for whoever wants to watch.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::sweep::count::SetCount;

/// Counts the subsets of the sweeps that report to it.
///
/// A host that wants to show progress puts one into its session
/// (`SessionConfig::with_extension`), and reads it while queries run.
#[derive(Debug, Default)]
pub struct SweepProgress(Mutex<State>);

/// How far the pieces are into which a cluster cuts its sweeps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PieceProgress {
    /// Pieces of all sweeps that have started and have not been abandoned.
    pub expected: usize,
    /// Pieces that each worker has done, by its address.
    pub done: BTreeMap<String, usize>,
}

#[derive(Debug)]
struct State {
    expected: SetCount,
    done: u64,
    r: Option<[f64; 2]>,
    reports: u64,
    pieces: PieceProgress,
}

impl Default for State {
    fn default() -> Self {
        let pieces = PieceProgress::default();
        Self { expected: SetCount::NONE, done: 0, r: None, reports: 0, pieces }
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

    /// Of sweeps on a cluster, the pieces into which they are cut.
    pub fn pieces(&self) -> PieceProgress {
        self.state().pieces.clone()
    }

    /// Forgets everything, as before the first sweep.
    pub fn reset(&self) {
        *self.state() = State::default();
    }

    pub(crate) fn expect(&self, subsets: SetCount) {
        let mut state = self.state();
        state.expected = state.expected + subsets;
    }

    #[cfg(feature = "distributed")]
    pub(crate) fn expect_pieces(&self, pieces: usize) {
        self.state().pieces.expected += pieces;
    }

    /// Some of the pieces will not be done.
    #[cfg(feature = "distributed")]
    pub(crate) fn abandon_pieces(&self, pieces: usize) {
        let mut state = self.state();
        state.pieces.expected = state.pieces.expected.saturating_sub(pieces);
    }

    #[cfg(feature = "distributed")]
    pub(crate) fn piece_done(&self, worker: &str) {
        *self.state().pieces.done.entry(worker.to_string()).or_default() += 1;
    }

    pub(crate) fn advance(&self, subsets: u64, r: Option<[f64; 2]>) {
        let mut state = self.state();
        state.done = state.done.saturating_add(subsets);
        state.r = r.or(state.r);
        state.reports += 1;
    }
}
