//! The sweep: every k-subset of the questions, its r and its n. Pure computation,
//! which knows neither Arrow nor SQL.
//!
//! ```text
//! plan ──▶ walk ────────────────▶ kernel ───────────────▶ found | top
//!          prefixes, largest        cohorts: users left      rows, or the
//!          position first; shares   lanes: all subsets of    best of them
//!          by rank; pruning         a prefix; sums → r
//! ```
//!
//! With Q questions there are C(Q, k) subsets, but only one question of a subset is
//! new: the users who answered the k-1 others, its prefix, are found once for all
//! subsets that share them (Eclat's conditional databases: M. J. Zaki, 2000), and all
//! these subsets are summed side by side. `home` tells which question is the new one,
//! `kernel` how the sums are formed.
//!
//! [`naive`] is the definition, in as many words; tests and benches hold the
//! sweep against it.

mod branch;
mod counted;
mod found;
mod home;
pub(crate) mod kernel;
pub mod naive;
pub(crate) mod pearson;
mod plan;
mod pool;
mod progress;
mod rank;
mod share;
mod simd;
mod subsets;
mod top;
mod walk;
mod wanted;

pub use found::{Columns, Found, Row};
pub use plan::SweepPlan;
pub use pool::pool;
#[cfg(feature = "python")]
pub(crate) use pool::pool_threads;
pub use progress::SweepProgress;
pub use rank::binomial;
pub use simd::Instructions;
pub use top::best_rows;
pub use walk::{Pace, Tally};
pub use wanted::Wanted;

/// What happens to subsets that have no defined r.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Undefined {
    /// They are left out.
    #[default]
    Omit,
    /// They are there, and their r is NULL.
    Null,
}

/// Which subsets are wanted. Questions are given by their ids.
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
    /// Only so many of the best subsets.
    pub top: Option<usize>,
    /// Whether b is the grand total less a.
    pub corrected: bool,
    /// What happens to subsets without a defined r.
    pub undefined: Undefined,
    /// Further bounds on r and n; by default none.
    pub wanted: Wanted,
    /// Which of the processor's instructions to use; the best by default.
    pub instructions: Option<Instructions>,
}

/// One share of a sweep, which can be paused and taken up again.
pub trait Sweep: Send {
    /// Goes on until the pace says stop or the share is at its end; returns
    /// whether it is. What is found is added to `found`, except by a sweep for the
    /// top rows, which are had from [`take_top`](Self::take_top) at the end.
    fn advance(&mut self, found: &mut Found, pace: &mut Pace<'_>) -> bool;

    /// What has been done so far.
    fn tally(&self) -> Tally;

    /// The share's best rows, in no order; empty if the request was for all rows.
    fn take_top(&mut self) -> Vec<Row>;
}
