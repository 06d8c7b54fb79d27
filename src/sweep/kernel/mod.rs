//! How the users left after a prefix are kept, and how the sums of its subsets
//! are formed: the part of the sweep that depends on the class of the scores.
//!
//! A prefix of k-1 questions leaves some last questions, its *lanes* (`home` tells
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
//!                 sums → r, and out go those that pass the screen
//! ```
//!
//! Lanes are bits of a user's row of answers, in strips of 32.
//!
//! | file | scores | sums |
//! |---|---|---|
//! | `binary`, on `cohort` | 0 and 1 | 16 or 32 bits, two in a lane |
//! | `dense`, on `cohort` | integers, floats; k of 3 or more | 32 or 64 bits, doubles |
//! | `sparse` | any; few prefixes, or sums of 256 bits | one answer at a time |
//! | `complete` | exact, where nobody left anything out | none: covariances |
//!
//! [`select`] chooses among them. A further kernel is its file and its line there.

#[allow(unsafe_code, reason = "a check for each user and strip takes a tenth of the time")]
mod binary;
#[allow(unsafe_code, reason = "a check for each user and strip takes a tenth of the time")]
mod cohort;
mod complete;
mod dense;
mod finish;
mod list;
pub(crate) mod select;
mod sparse;

use std::fmt::Debug;
use std::sync::Arc;

use crate::index::Answers;
use crate::sweep::Sweep;
use crate::sweep::share::Share;
use crate::sweep::subsets::Subsets;
use crate::sweep::wanted::Wanted;

/// Subsets in a block of lanes: those whose last questions share a word of bits.
pub(crate) const LANES: usize = u64::BITS as usize;

/// A kernel that is ready for the subsets of one branch, whatever its class of scores.
pub(crate) trait ScoreKernel: Debug + Send + Sync {
    /// The name of the code that will do the work.
    fn name(&self) -> &'static str;

    /// Bytes of one user in the cohorts of a share.
    fn user_bytes(&self, answers: &Answers) -> usize;

    /// One share of the subsets, ready to be swept.
    fn walk(&self, subsets: &Arc<Subsets>, share: Share) -> Box<dyn Sweep>;
}

/// The sums and the users of a sweep, for one class of scores. Every share has its own, a
/// clone of one that has opened no prefix yet.
pub(crate) trait Kernel: Clone + Debug + Send + Sync + 'static {
    /// The users who answered all questions of a prefix.
    type Cohort: Default + Debug + Send + Sync;

    /// Bytes of one user in a cohort.
    fn user_bytes(answers: &Answers) -> usize;

    /// How many users are in a cohort.
    fn users(cohort: &Self::Cohort) -> usize;

    /// What r and n the subsets can have whose prefixes begin as a cohort's does and lack so
    /// many questions more. Those that cannot have what is wanted are never summed.
    ///
    /// **n can only shrink as a set grows** (the rule of Apriori: R. Agrawal and R. Srikant,
    /// 1994), which is what is known for every class of scores.
    #[inline(always)]
    fn reach(&self, cohort: &Self::Cohort, _missing: usize) -> Wanted {
        Wanted::of_users(Self::users(cohort))
    }

    /// Fills `restricted` with the users of `cohort` who also answered `question`.
    fn restrict(&mut self, cohort: &Self::Cohort, question: usize, ends: Ends, restricted: &mut Self::Cohort);

    /// Opens the last prefix: the cohort's and `question`, or the cohort's alone.
    /// Returns how many users are left.
    fn open(&mut self, cohort: &Self::Cohort, question: Option<usize>) -> usize;

    /// The results of the subsets of the prefix opened last, of this cohort, whose
    /// last questions are `lanes`, a set of bits of the given word.
    fn lanes(&mut self, cohort: &Self::Cohort, word: usize, lanes: u64, screen: &Screen, results: &mut Lanes);
}

/// What of a cohort will be asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    /// Prefixes grow by questions below.
    pub(crate) prefixes: usize,
    /// Questions that may be lanes lie below.
    pub(crate) lanes: usize,
}

/// What a subset must be like to be handed out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    /// Its r and n.
    pub(crate) wanted: Wanted,
    /// Whether b is the grand total less a.
    pub(crate) corrected: bool,
}

impl Screen {
    /// Whether this many users will do.
    #[inline(always)]
    fn counts(&self, n: i64) -> bool {
        self.wanted.n[0] <= n && n <= self.wanted.n[1]
    }

    /// Where all wanted r lie on one side of 0, that side and how far.
    #[inline(always)]
    fn far_from_zero(&self) -> Option<Far> {
        let Wanted { r: [floor, ceiling], undefined, .. } = self.wanted;
        if undefined {
            None
        } else if floor > 0.0 {
            Some(Far { sign: 1.0, least_square: floor * floor })
        } else if ceiling < 0.0 {
            Some(Far { sign: -1.0, least_square: ceiling * ceiling })
        } else {
            None
        }
    }
}

/// What r is like if it is far from 0 on one side.
#[derive(Debug, Clone, Copy)]
struct Far {
    /// 1, or -1 for a negative r.
    sign: f64,
    /// The least r².
    least_square: f64,
}

/// The results of up to 64 subsets.
#[derive(Debug)]
pub(crate) struct Lanes {
    /// The subsets that passed the screen; the other fields tell of these only.
    pub(crate) kept: u64,
    pub(crate) n: [i64; LANES],
    /// NaN where undefined.
    pub(crate) r: [f64; LANES],
    /// Users visited again.
    pub(crate) effort: usize,
}

impl Lanes {
    pub(crate) fn new() -> Self {
        Self { kept: 0, n: [0; LANES], r: [0.0; LANES], effort: 0 }
    }

    /// Records one subset if it passes the screen.
    #[inline]
    fn record(&mut self, lane: usize, n: i64, r: Option<f64>, screen: &Screen) {
        let [floor, ceiling] = screen.wanted.r;
        let passes = r.map_or(screen.wanted.undefined, |r| floor <= r && r <= ceiling);
        self.kept |= u64::from(passes) << lane;
        self.n[lane] = n;
        self.r[lane] = r.unwrap_or(f64::NAN);
    }

    fn clear(&mut self) {
        (self.kept, self.effort) = (0, 0);
    }
}
