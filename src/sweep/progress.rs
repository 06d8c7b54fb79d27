//! How far a sweep has come, for whoever wants to watch.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the subsets of the sweeps that report to it.
///
/// A host that wants to show progress puts one into its session
/// (`SessionConfig::with_extension`), and reads it while queries run.
#[derive(Debug, Default)]
pub struct SweepProgress {
    expected: AtomicU64,
    done: AtomicU64,
}

impl SweepProgress {
    /// Subsets of all sweeps that have started.
    pub fn expected(&self) -> u64 {
        self.expected.load(Ordering::Relaxed)
    }

    /// Subsets dealt with, whether summed or pruned.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Forgets everything, as before the first sweep.
    pub fn reset(&self) {
        self.expected.store(0, Ordering::Relaxed);
        self.done.store(0, Ordering::Relaxed);
    }

    pub(crate) fn expect(&self, subsets: u64) {
        self.expected.fetch_add(subsets, Ordering::Relaxed);
    }

    pub(crate) fn advance(&self, subsets: u64) {
        self.done.fetch_add(subsets, Ordering::Relaxed);
    }
}
