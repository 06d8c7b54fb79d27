//! Sweeps one after the other.

use crate::sweep::rows::buffer::{Row, RowBuffer};
use crate::sweep::task::{Budget, Progress, Sweep};

/// Several sweeps as one, each made when the one before is at its end.
pub(crate) struct Sequence<N> {
    next: N,
    present: Option<Box<dyn Sweep>>,
    /// What was done before the present one.
    progress: Progress,
    top: Vec<Row>,
}

impl<N: FnMut() -> Option<Box<dyn Sweep>> + Send> Sequence<N> {
    /// The sweeps that `next` makes, until it makes none.
    pub(crate) fn new(next: N) -> Self {
        Self { next, present: None, progress: Progress::default(), top: Vec::new() }
    }
}

impl<N: FnMut() -> Option<Box<dyn Sweep>> + Send> Sweep for Sequence<N> {
    fn advance(&mut self, buffer: &mut RowBuffer, budget: &mut Budget<'_>) -> bool {
        let Some(present) = &mut self.present else {
            self.present = (self.next)();
            return self.present.is_none();
        };
        if present.advance(buffer, budget) {
            self.progress = self.progress();
            self.top = self.take_top();
            self.present = None;
        }
        false
    }

    fn progress(&self) -> Progress {
        let Progress { done, pruned } = self.progress;
        let now = self.present.as_ref().map(|present| present.progress()).unwrap_or_default();
        Progress { done: done.saturating_add(now.done), pruned: pruned.saturating_add(now.pruned) }
    }

    fn take_top(&mut self) -> Vec<Row> {
        let mut top = std::mem::take(&mut self.top);
        top.extend(self.present.iter_mut().flat_map(|present| present.take_top()));
        top
    }
}
