//! Enumerating the subsets: which prefixes there are, whose lanes are whose, and who walks
//! which of them. Pure combinatorics, which knows neither users nor scores.

pub(crate) mod lane_rule;
pub(crate) mod prefixes;
pub(crate) mod rank;
pub(crate) mod share;
pub(crate) mod workload;

/// A question that a branch chooses from, by its place among these, from 0. Places are in the
/// order of positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Candidate(pub(crate) usize);
