//! How the users left after a prefix are kept, and how the sums of its subsets
//! are formed: the part of the sweep that depends on the class of the scores.
//!
//! A prefix of k-1 questions leaves some last questions, its *lanes* (`lane_rule` tells
//! which). Its subsets are summed together:
//!
//! ```text
//! for each q1 > q2 > … > q(k-2):
//!     restrict:   the cohort of its users, out of that of q1 … q(k-3)
//!     for each q(k-1) < q(k-2):
//!         open:   list the users who also answered q(k-1), with a = subtotal on
//!                 those k-1 questions
//!         lanes:  for each of these users, for each lane y they answered:
//!                     add n, a, a², b, b², a·b to the sums of subset q1 … q(k-1) y
//!                 sums → r; those that pass the filter are kept
//! ```
//!
//! Lanes are bits of a user's row of answers, in strips of 32.
//!
//! | file | scores | sums |
//! |---|---|---|
//! | `binary`, on `cohort` | 0 and 1 | 16 or 32 bits, two in a lane |
//! | `dense`, on `cohort` | integers, floats; k of 3 or more | 32 or 64 bits, doubles where bytes leave r open |
//! | `sparse` | any; few prefixes, or sums of 256 bits | one answer at a time |
//! | `differences` | integers of a byte, where little is missing | 32 bits, from those of a question less |
//! | `complete` | exact, where nobody left anything out | none: covariances |
//!
//! [`select`] chooses among them. A further kernel is its file and its line there.

mod binary;
#[allow(unsafe_code, reason = "a check for each user and strip takes a tenth of the time")]
mod cohort;
pub(crate) mod complete;
mod dense;
mod differences;
pub(crate) mod filter;
mod finish;
mod list;
pub(crate) mod select;
mod sparse;

use std::fmt::Debug;

use crate::index::Answers;
use crate::index::bitset::ones;
use crate::sweep::bounds::Bounds;
use crate::sweep::kernel::filter::Filter;
use crate::sweep::position::Position;

/// Subsets in a block of lanes: those whose last questions share a word of bits.
pub(crate) const LANES: usize = u64::BITS as usize;

/// The sums and the users of a sweep, for one class of scores. Every share has its own, a
/// clone of one that has opened no prefix yet.
pub(crate) trait Kernel: Clone + Debug + Send + Sync + 'static {
    /// The users who answered all questions of a prefix.
    type Cohort: Default + Debug + Send + Sync;

    /// Bytes of one user in a cohort.
    fn user_bytes(answers: &Answers) -> usize;

    /// How many users are in a cohort.
    fn users(cohort: &Self::Cohort) -> usize;

    /// Bounds that all subsets keep which have a cohort's questions and `missing` more. Where
    /// these bounds and those of the request do not meet, the subsets are never summed.
    ///
    /// **n can only shrink as a set grows** (the rule of Apriori: R. Agrawal and R. Srikant,
    /// 1994), which is what is known for every class of scores.
    #[inline(always)]
    fn reach(&self, cohort: &Self::Cohort, missing: usize) -> Bounds {
        _ = missing;
        Bounds::of_users(Self::users(cohort))
    }

    /// Fills `restricted` with the users of `cohort` who also answered `question`.
    fn restrict(
        &mut self,
        cohort: &Self::Cohort,
        question: Position,
        ends: Ends,
        restricted: &mut Self::Cohort,
    );

    /// The most users that [`open`](Self::open) may leave, which takes less to find.
    #[inline(always)]
    fn users_with(&self, cohort: &Self::Cohort, question: Position) -> usize {
        _ = question;
        Self::users(cohort)
    }

    /// Opens the last prefix: the cohort's and `question`, or the cohort's alone.
    /// Returns how many users are left.
    fn open(&mut self, cohort: &Self::Cohort, question: Option<Position>) -> usize;

    /// The results of the subsets of the prefix opened last, of this cohort, whose
    /// last questions are `lanes`, a set of bits of the given word.
    fn lanes(&mut self, cohort: &Self::Cohort, word: usize, lanes: u64, filter: &Filter, results: &mut Lanes);
}

/// What of a cohort will be asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    /// Prefixes grow by questions below.
    pub(crate) prefixes: usize,
    /// Questions that may be lanes lie below.
    pub(crate) lanes: usize,
    /// Whether prefixes will be opened that are longer by one question.
    pub(crate) opened: bool,
}

/// The results of up to 64 subsets.
#[derive(Debug)]
pub(crate) struct Lanes {
    /// The subsets that passed the filter; the other fields tell of these only.
    pub(crate) kept: u64,
    pub(crate) n: [i64; LANES],
    /// NaN where undefined.
    pub(crate) r: [f64; LANES],
    /// Users visited again.
    pub(crate) cost: usize,
}

impl Lanes {
    pub(crate) fn new() -> Self {
        Self { kept: 0, n: [0; LANES], r: [0.0; LANES], cost: 0 }
    }

    /// Records one subset if it passes the filter.
    #[inline]
    fn record(&mut self, lane: usize, n: i64, r: Option<f64>, filter: &Filter) {
        let [floor, ceiling] = filter.bounds.r;
        let passes = r.map_or(filter.bounds.undefined, |r| floor <= r && r <= ceiling);
        self.kept |= u64::from(passes) << lane;
        self.n[lane] = n;
        self.r[lane] = r.unwrap_or(f64::NAN);
    }

    /// Leaves only subsets whose r has no interval, or one that begins high enough.
    #[inline(always)]
    pub(crate) fn keep_intervals(&mut self, bounds: &Bounds) {
        if bounds.r_low == f64::NEG_INFINITY {
            return;
        }
        for lane in ones(self.kept) {
            let r = Some(self.r[lane]).filter(|r| !r.is_nan());
            if !bounds.has_interval(r, self.n[lane]) {
                self.kept &= !(1 << lane);
            }
        }
    }

    fn clear(&mut self) {
        (self.kept, self.cost) = (0, 0);
    }
}
