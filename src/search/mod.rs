//! The search: the sets of the highest r, of any size, found and proven without looking at the others.
//!
//! ```text
//! moments ─▶ problem ─▶ local ──▶ bars ──▶ form ──▶ root ──▶ levels ──▶ descent ──▶ rows
//! covari-    of one     good      which    as the   how low  the same   the tree    r by the
//! ances      branch     sets      r next   sign of  it can   for sets   of what     sweep's own
//!                                          x'Wx     be       partly     is left     kernels
//!                                                            decided
//! ```
//!
//! Where everybody answered everything, r of a set is a function of covariances alone: c/√v, both sums
//! over its questions. Whether it reaches a bar is the sign of a quadratic form, of which a semidefinite
//! program knows a lower bound so near that of 5.4·10²⁰ sets of 20 of 100 questions some thousands of
//! nodes are left. `exact` drives it, `hand` does the work; each file proves its part.
//!
//! `plan` has for each size of sets a `choice`, a sweep or a search, all on one `ground`.
//!
//! Where no proof is to be had, `heuristic` finds good sets by the same `local` search, with gaps too,
//! and `proof` tells how much better others can be at most, by the same trees.
//!
//! **Exact.** A set is left out only where a bound, less everything that rounding can have done to it,
//! says that its r is below the bar. All others are ranked by r as the sweep computes it. So the rows
//! are those of the sweep to the last bit, for any number of threads and any instruction set.
//!
//! | term | what it is |
//! |---|---|
//! | candidate | a question that may or may not be in a set, by its place among these |
//! | bar | the r that is asked for |
//! | band | the r from a bar to the one before |
//! | form | W, whose x'Wx ≤ 0 tells that a set is at the bar |
//! | root | a lower bound of x'Wx over all sets |
//! | level | the place of a candidate in the order in which the tree decides |
//! | twin | a candidate of the same scores |
//! | hand | a share of the search, which takes what is next to be done |
//! | part | what of a search is for one of several processes |

mod assignment;
mod bars;
mod choice;
mod chords;
mod descent;
mod exact;
mod expansion;
mod form;
mod ground;
mod hand;
mod heuristic;
mod levels;
mod local;
mod matrix;
mod method;
mod moments;
mod parts;
mod plan;
mod problem;
mod proof;
mod quotas;
mod random;
mod root;

pub use method::{Effort, Method, Outlook, Part};
pub use plan::Plan;
