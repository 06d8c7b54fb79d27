//! The sweep: every k-subset of the questions, its r and its n. Pure computation,
//! which knows neither Arrow nor SQL.
//!
//! ```text
//! plan ──▶ branch ──▶ walk ─────────────────▶ kernel ────────────▶ rows
//!          include,     enumerate: prefixes,    cohorts: users       buffer, or the
//!          exclude,     largest position        left; lanes: all     best of them
//!          any          first; shares by        subsets of a
//!                       rank; pruning           prefix; sums → r
//!                                               on simd
//! ```
//!
//! With Q questions there are C(Q, k) subsets, but only one question of a subset is
//! new: the users who answered the k-1 others, its prefix, are found once for all
//! subsets that share them (Eclat's conditional databases: M. J. Zaki, 2000), and all
//! these subsets are summed side by side. `enumerate::lane_rule` tells which question is
//! the new one, `kernel` how the sums are formed.
//!
//! Sets that are `given` are summed one by one instead, and so are those that are told more of than r and n, by
//! `statistics`, when they leave: `answered_by` finds their users.
//!
//! [`naive`] is the definition; tests and benches hold the sweep against it.
//!
//! | term | what it is |
//! |---|---|
//! | id | a question's place among the sorted values of questions |
//! | position | a question's place in the order of the sweep: the most answered first (`Position`) |
//! | support | how many users answered a question |
//! | branch | the subsets that have certain questions and have not others |
//! | candidate | a question that a branch chooses from, by its place among these (`Candidate`) |
//! | prefix | a subset without its lane; whole with k-1 questions |
//! | rank | a whole prefix's place in the order of the walk |
//! | share | the ranks that one worker sweeps |
//! | cohort | the users who answered all questions of a prefix |
//! | slot | a user's place in a cohort |
//! | lane | the last question of a subset, and where its sums stand |
//! | strip | 32 neighbouring positions, whose lanes are summed together |
//! | word | 64 of them: two strips, a block of lanes |
//! | bounds | a box of r and n: what is wanted, and what a prefix can reach |

mod answered_by;
pub(crate) mod bounds;
mod branch;
pub(crate) mod constraint;
mod count;
mod counted;
mod enumerate;
pub(crate) mod extension;
mod given;
pub(crate) mod interval;
pub(crate) mod kernel;
pub mod naive;
pub(crate) mod of_scores;
pub(crate) mod pearson;
mod plan;
mod pool;
pub(crate) mod position;
mod progress;
pub(crate) mod quota;
mod request;
pub(crate) mod rows;
pub(crate) mod sequence;
pub(crate) mod simd;
pub(crate) mod single;
pub(crate) mod statistics;
mod subsets;
mod task;
mod walk;

pub use bounds::Bounds;
pub use count::SetCount;
pub use enumerate::rank::binomial;
pub use plan::SweepPlan;
pub use pool::pool;
#[cfg(feature = "python")]
pub(crate) use pool::pool_threads;
pub use progress::{PieceProgress, SweepProgress};
pub use quota::Quota;
pub use request::{SweepRequest, Undefined};
pub use rows::buffer::{Columns, Row, RowBuffer};
pub use rows::top::best_rows;
pub use simd::Instructions;
pub use statistics::{Statistic, Statistics};
pub use task::{Budget, Progress, Sweep};
