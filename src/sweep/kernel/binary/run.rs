//! What a run of users sums up to.

use super::width::Width;
use crate::sweep::simd::InstructionSet;

/// The sums of a run of users, for a strip of lanes.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunSums<S> {
    pub(super) n: S,
    /// Σs
    pub(super) s: S,
    /// Σb
    pub(super) totals: S,
    /// Σsb
    pub(super) products: S,
    /// Σb²
    pub(super) squares: S,
}

/// Strips of users' rows, which are summed a run at a time.
pub(super) trait Rows<W: Width, const N: usize>: Copy {
    /// Asserts that there are rows for all slots below the bound.
    fn assert_bound(self, bound: usize);

    /// The sums of the users at some slots, right where Σb² fits.
    ///
    /// # Safety
    /// All slots are below a bound that [`assert_bound`](Self::assert_bound) has passed.
    unsafe fn run<I: InstructionSet>(self, instructions: I, slots: &[u32]) -> [RunSums<W::Strip<I>>; N];

    /// n alone, of no more users than a lane counts.
    ///
    /// # Safety
    /// As of [`run`](Self::run).
    unsafe fn count<I: InstructionSet>(self, instructions: I, slots: &[u32]) -> [W::Strip<I>; N];
}
