//! A sweep of which only the number of subsets is wanted, where none is dropped: there
//! is nothing to sum.

use crate::sweep::rows::buffer::{Row, RowBuffer};
use crate::sweep::task::{Budget, Progress, Sweep};

/// A share of the subsets, without looking at any.
#[derive(Debug)]
pub(crate) struct Counted {
    left: u64,
    done: u64,
}

impl Counted {
    /// The `index`-th of `of` shares of `subsets` subsets.
    pub(crate) fn new(subsets: u64, index: usize, of: usize) -> Self {
        let (index, of) = (index as u64, of as u64);
        Self { left: subsets / of + u64::from(index < subsets % of), done: 0 }
    }
}

impl Sweep for Counted {
    fn advance(&mut self, buffer: &mut RowBuffer, budget: &mut Budget<'_>) -> bool {
        let rows = self.left.min(budget.rows.saturating_sub(buffer.rows) as u64);
        buffer.rows += rows as usize;
        self.left -= rows;
        self.done += rows;
        self.left == 0
    }

    fn progress(&self) -> Progress {
        Progress { done: self.done, pruned: 0 }
    }

    fn take_top(&mut self) -> Vec<Row> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up() {
        for (subsets, of) in [(0, 1), (1, 3), (10, 3), (10, 1), (11, 11)] {
            let shares = (0..of).map(|index| Counted::new(subsets, index, of).left);
            assert_eq!(shares.sum::<u64>(), subsets, "{subsets} in {of}");
        }
    }
}
