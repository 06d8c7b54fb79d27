//! Sweeping one share, with pauses.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::sweep::rows::buffer::{Row, RowBuffer};

/// One share of a sweep, which can be paused and taken up again.
pub trait Sweep: Send {
    /// Goes on until the budget says stop or the share is at its end; returns
    /// whether it is. What is found is added to `buffer`, except by a sweep for the
    /// top rows, which are had from [`take_top`](Self::take_top) at the end. All sets that are
    /// added at a time have as many questions.
    fn advance(&mut self, buffer: &mut RowBuffer, budget: &mut Budget<'_>) -> bool;

    /// What has been done so far.
    fn progress(&self) -> Progress;

    /// The share's best rows, in no order; empty if the request was for all rows.
    fn take_top(&mut self) -> Vec<Row>;
}

/// When a sweep should pause.
#[derive(Debug)]
pub struct Budget<'a> {
    /// Maximum rows per call. Blocks of 64 subsets are never split, so up to 64 rows may come
    /// even if this is smaller.
    pub rows: usize,
    /// The time at which to pause.
    pub until: Instant,
    /// Set when nobody wants the rest.
    pub stop: &'a AtomicBool,
    cost: usize,
}

/// Users × words of lanes between two looks at the clock: about a millisecond.
const COST_BETWEEN_LOOKS: usize = 1 << 15;

/// What a step takes that has no users to sum.
const LEAST_COST: usize = 8;

impl<'a> Budget<'a> {
    /// A budget of this many rows, up to a point in time, unless stopped before.
    pub fn new(rows: usize, until: Instant, stop: &'a AtomicBool) -> Self {
        Self { rows, until, stop, cost: 0 }
    }

    /// Whether nobody wants the rest.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether it is time to pause.
    pub(crate) fn is_over(&self) -> bool {
        self.is_stopped() || Instant::now() >= self.until
    }

    /// Counts a step of the walk; now and then looks whether that is enough for now.
    #[inline]
    pub(crate) fn charge(&mut self, cost: usize) -> bool {
        self.cost += cost + LEAST_COST;
        if self.cost < COST_BETWEEN_LOOKS {
            return false;
        }
        self.cost = 0;
        self.is_over()
    }
}

/// What a share has done.
///
/// Over all shares, `done` comes to the number of subsets. Only where the least n rises
/// while they run, as a sort by n makes it do, a subtree that one share walks may be
/// pruned by another, which then counts it for both or for neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Subsets dealt with, pruned ones included.
    pub done: u64,
    /// Subsets never summed, because of their prefix none could be wanted.
    pub pruned: u64,
}
