//! Sets that have one question more than a given one.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use crate::index::Answers;
use crate::interest::lasting;
use crate::sweep::bounds::{Bounds, SharedBounds};
use crate::sweep::branch::Branch;
use crate::sweep::constraint::Constraint;
use crate::sweep::kernel::select::Kernels;
use crate::sweep::position::Position;
use crate::sweep::rows::buffer::{Columns, RowBuffer};
use crate::sweep::subsets::Shared;
use crate::sweep::task::Budget;

/// Tells r and n of all sets that have one question more than another, at once: they are the lanes of
/// a prefix.
#[derive(Debug, Clone)]
pub(crate) struct Extensions {
    shared: Arc<Shared>,
    kernels: Arc<Kernels>,
    /// Ascending.
    excluded: Vec<Position>,
}

impl Extensions {
    /// Of sets that come to k questions, without those that are excluded.
    pub(crate) fn new(
        answers: Arc<Answers>,
        kernels: Arc<Kernels>,
        k: usize,
        excluded: Vec<Position>,
        corrected: bool,
    ) -> Self {
        let bounds = SharedBounds::new(Bounds::ALL, answers.users());
        let instructions = kernels.instructions();
        let shared =
            Shared { k, bounds, corrected, top: None, seeks: false, instructions, in_turn: false, answers };
        let shared = Arc::new(shared);
        Self { shared, kernels, excluded }
    }

    /// Bytes that are needed at most to tell of a set.
    pub(crate) fn memory(&self, fixed: &[Position]) -> usize {
        let constraint = Constraint { fixed: fixed.to_vec(), ..Constraint::default() };
        // One cohort is made from another.
        2 * Branch::root_memory(&self.shared.answers, &constraint)
    }

    /// r, not a number where undefined, and n of a set of k - 1 questions with each other question
    /// that is not excluded, in their order. The set's questions ascend.
    pub(crate) fn of(&self, set: Vec<Position>) -> RowBuffer {
        let columns = Columns { questions: false, ..Columns::ALL };
        let constraint = Constraint { fixed: set, excluded: self.excluded.clone(), ..Constraint::default() };
        let branch = lasting(|interest| Branch::new(&self.shared, &self.kernels, constraint, interest));
        let mut walk = branch.share(0, 1);
        let mut rows = RowBuffer::new(columns);
        let never = AtomicBool::new(false);
        let mut budget = Budget::new(usize::MAX, Instant::now(), &never);
        while !walk.advance(&mut rows, &mut budget) {}
        rows
    }
}
