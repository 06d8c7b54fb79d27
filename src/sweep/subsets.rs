//! The subsets of one branch, as all who walk them see them.

use std::sync::Arc;

use crate::index::Answers;
use crate::sweep::bounds::SharedBounds;
use crate::sweep::enumerate::lane_rule::LaneRule;
use crate::sweep::quota::BranchQuota;
use crate::sweep::simd::Instructions;

/// What all branches of a plan have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) answers: Arc<Answers>,
    /// How many questions a subset has.
    pub(crate) k: usize,
    /// The bounds on r and n; as long as the sweep lasts, they may be tightened.
    pub(crate) bounds: SharedBounds,
    /// Whether b is the grand total less a.
    pub(crate) corrected: bool,
    pub(crate) top: Option<usize>,
    /// Whether few subsets are wanted.
    pub(crate) seeks: bool,
    pub(crate) instructions: Instructions,
    /// Whether shares are swept one after the other by whoever has time.
    pub(crate) in_turn: bool,
}

/// Subsets to be swept together.
#[derive(Debug)]
pub(crate) struct Subsets {
    pub(crate) shared: Arc<Shared>,
    /// Questions to choose from, and which of them are whose lanes.
    pub(crate) lane_rule: LaneRule,
    /// How many of them a subset takes.
    pub(crate) choose: usize,
    /// What those chosen have to meet.
    pub(crate) quotas: Vec<BranchQuota>,
    /// Ids of the questions that are in every subset beside those chosen.
    pub(crate) fixed: Vec<u32>,
}
