//! How large r can be at most, as far as some effort proves it.
//!
//! ```text
//! is there a set of a higher r than the best that is known?
//!     the tree at that bar ends without one:  the best is the best of all
//!     it ends with some:                      the best of these is
//!     it has too many nodes:                  try bars between that and the lowest one known to be
//!                                             above all, half-way each time
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use crate::search::descent::Descent;
use crate::search::exact::{ExactSearch, OwnedTree, Question};
use crate::search::expansion::Expansion;
use crate::sweep::Budget;
use crate::sweep::rows::buffer::Row;

/// Bars that are tried.
const TRIALS: usize = 10;

/// Nodes of the first tree, for each unit of effort, and of each other.
const FIRST_NODES: usize = 4_000_000;
const FURTHER_NODES: usize = 200_000;

/// Nodes that are walked between two looks at the clock.
const NODES: usize = 4096;

/// What Gilmore and Lawler's tree may look at.
const WORK: usize = 20_000_000;

/// A bound that is so near is near enough.
const NEAR: f64 = 1e-5;

/// More sets than these above what a search has found are not looked at one by one.
const MOST_FOUND: usize = 10_000;

/// The way to a bound.
#[derive(Debug)]
pub(crate) struct Proof {
    search: Arc<ExactSearch>,
    effort: usize,
    /// Whether sets are at this r is not known.
    open: f64,
    /// No set is above this r.
    proven: f64,
    trials: usize,
    trial: Option<Trial>,
    found: Vec<Row>,
}

/// Looking for all sets from a bar on.
#[derive(Debug)]
struct Trial {
    bar: f64,
    nodes: usize,
    tree: Option<(OwnedTree, Descent)>,
    found: VecDeque<(Question, Vec<usize>)>,
}

impl Proof {
    /// `best`: the r of the best set that is known, above 0.
    pub(crate) fn new(search: Arc<ExactSearch>, best: f64, effort: usize) -> Self {
        Self { search, effort, open: best, proven: 1.0, trials: 0, trial: None, found: Vec::new() }
    }

    /// The least r that no set is known to be above, and better sets that were found on the way.
    pub(crate) fn into_bound(self) -> (f64, Vec<Row>) {
        (self.proven, self.found)
    }

    /// Goes on for a little; returns whether that was the end.
    pub(crate) fn step(&mut self, budget: &Budget<'_>) -> bool {
        let Some(trial) = &mut self.trial else {
            let Some((bar, nodes)) = self.next_bar() else { return true };
            self.search.ask_for([bar, f64::INFINITY]);
            self.trial = Some(Trial { bar, nodes, tree: None, found: VecDeque::new() });
            return false;
        };
        if let Some((tree, descent)) = &mut trial.tree {
            let mut sets = Vec::new();
            let finished = descent.walk(tree.as_tree(), NODES, &mut sets, self.search.instructions);
            trial.found.extend(sets.into_iter().map(|set| (tree.question, set)));
            trial.nodes = trial.nodes.saturating_sub(NODES);
            if finished {
                trial.tree = None;
            }
            if trial.nodes == 0 && !finished || trial.found.len() > MOST_FOUND {
                self.open = trial.bar;
                self.search.ask_nothing();
                self.trial = None;
            }
        } else if let Some(question) = self.search.next_question() {
            let tree = self.search.tree(question, WORK, budget, &mut trial.found);
            let choose = self.search.branches[question.branch].problem.choose;
            trial.tree = tree.map(|tree| {
                let whole = Descent::new(tree.as_tree(), choose);
                (tree, whole)
            });
        } else {
            self.succeed();
        }
        false
    }

    /// The next bar to be tried, and with how many nodes; none where the bound is near enough.
    fn next_bar(&mut self) -> Option<(f64, usize)> {
        if self.trials == TRIALS || self.proven - self.open < NEAR {
            return None;
        }
        self.trials += 1;
        if self.trials == 1 {
            return Some((self.open.next_up(), FIRST_NODES.saturating_mul(self.effort)));
        }
        Some((f64::midpoint(self.open, self.proven), FURTHER_NODES.saturating_mul(self.effort)))
    }

    /// All sets from the bar on are found, or there are none.
    fn succeed(&mut self) {
        let Some(Trial { bar, found, .. }) = self.trial.take() else { return };
        for (question, set) in found {
            let problem = &self.search.branches[question.branch].problem;
            for set in Expansion::new(problem, &set).take(MOST_FOUND) {
                let positions = self.search.positions(question.branch, &set);
                let row = self.search.ground.singles.row(&positions, self.search.corrected);
                if self.search.accepts(question, &set, &row, &positions) {
                    self.found.push(row);
                }
            }
        }
        let best = self.found.iter().filter_map(|row| row.r).reduce(f64::max);
        // No set is at the bar, so that all are below.
        self.proven = best.unwrap_or(bar.next_down());
        if best.is_some() {
            self.open = self.proven;
        }
    }
}
