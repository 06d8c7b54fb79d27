//! What is asked of a sweep.

use crate::sweep::bounds::Bounds;
use crate::sweep::simd::Instructions;

/// What happens to subsets that have no defined r.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Undefined {
    /// They are left out.
    #[default]
    Omit,
    /// They are kept, and their r is NULL.
    Null,
}

/// Which subsets are asked for. Questions are given by their ids.
///
/// Made as `SweepRequest { k: 3, ..SweepRequest::default() }`, so that fields to come break nobody.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SweepRequest {
    /// Questions in a subset.
    pub k: usize,
    /// Questions that every subset must contain.
    pub include: Vec<u32>,
    /// Questions that no subset may contain.
    pub exclude: Vec<u32>,
    /// Questions of which every subset must contain one at least, unless there are none.
    pub any: Vec<u32>,
    /// The least n of a subset; by default 2, or 0 where undefined r are wanted.
    pub min_users: Option<i64>,
    /// How many of the best subsets, if not all.
    pub top: Option<usize>,
    /// Whether b is the grand total less a.
    pub corrected: bool,
    /// What happens to subsets without a defined r.
    pub undefined: Undefined,
    /// Further bounds on r and n; by default none.
    pub bounds: Bounds,
    /// Which of the processor's instructions to use; the best by default.
    pub instructions: Option<Instructions>,
}
