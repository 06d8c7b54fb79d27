//! The subsets of one branch, as all who walk them see them.

use std::sync::Arc;

use crate::index::Answers;
use crate::sweep::home::Homes;
use crate::sweep::simd::Instructions;
use crate::sweep::wanted::Narrowing;

/// What all branches of a plan have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) answers: Arc<Answers>,
    /// How many questions a subset has.
    pub(crate) k: usize,
    /// The r and n of subsets; as long as the sweep lasts, ever fewer may be wanted.
    pub(crate) wanted: Narrowing,
    /// Whether b is the grand total less a.
    pub(crate) corrected: bool,
    pub(crate) top: Option<usize>,
    pub(crate) instructions: Instructions,
}

/// Subsets to be swept together.
#[derive(Debug)]
pub(crate) struct Subsets {
    pub(crate) shared: Arc<Shared>,
    /// Questions to choose from, and which of them are whose lanes.
    pub(crate) homes: Homes,
    /// How many of them a subset takes.
    pub(crate) choose: usize,
    /// Ids of the questions that are in every subset beside those chosen.
    pub(crate) fixed: Vec<u32>,
}
