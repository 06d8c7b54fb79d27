//! What is asked of a sweep.

use crate::error::{KCorrsetError, Result};
use crate::sweep::bounds::Bounds;
use crate::sweep::kernel::filter::Filter;
use crate::sweep::quota::Quota;
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
    /// How many of some questions every subset must contain.
    pub quotas: Vec<Quota>,
    /// The only subsets that are looked at, each once and of k questions; by default all.
    pub given: Option<Vec<Vec<u32>>>,
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
    /// Whether an r will be told to [`SweepPlan::tighten`](crate::sweep::SweepPlan::tighten) that few subsets reach.
    pub tightened: bool,
    /// Which of the processor's instructions to use; the best by default.
    pub instructions: Option<Instructions>,
    /// Whether shares are swept one after the other by whoever has time, so that they need not be of as much
    /// work each: they are cut in fewer places, of which each costs something.
    pub in_turn: bool,
}

impl SweepRequest {
    /// Checks that a request is possible with this many questions.
    pub(crate) fn check(&self, questions: usize) -> Result<()> {
        if self.k == 0 {
            return Err(KCorrsetError::SubsetSizeRange { got: "0".to_string() });
        }
        let lists = [("include", &self.include), ("exclude", &self.exclude), ("any", &self.any)];
        let of_quotas = self.quotas.iter().map(|quota| ("quotas", &quota.questions));
        let given = self.given.iter().flatten().map(|set| ("sets", set));
        for (option, ids) in lists.into_iter().chain(of_quotas).chain(given) {
            if let Some(id) = ids.iter().find(|&&id| id as usize >= questions) {
                return Err(KCorrsetError::UnknownQuestion {
                    option,
                    question: id.to_string(),
                    near: Vec::new(),
                    known: Vec::new(),
                });
            }
        }
        Ok(())
    }

    /// The instructions to use.
    pub(crate) fn instructions(&self) -> Instructions {
        self.instructions.unwrap_or_else(Instructions::best)
    }

    /// Whether few subsets are wanted, those of which r comes up to what is known or will be, so that it pays to
    /// look at all of them less closely first.
    pub(crate) fn seeks(&self) -> bool {
        let filter = Filter { bounds: self.all_bounds(), corrected: self.corrected };
        !self.corrected && (self.top.is_some() || self.tightened || filter.threshold().is_some())
    }

    /// The bounds on r and n that it comes to.
    pub(crate) fn all_bounds(&self) -> Bounds {
        let min_users = self.min_users.unwrap_or(i64::MIN);
        let mut bounds = self.bounds.and(Bounds { n: [min_users, i64::MAX], ..Bounds::ALL });
        if self.undefined == Undefined::Omit {
            bounds.undefined = false;
        }
        if self.top == Some(0) {
            bounds = Bounds::NONE;
        }
        if bounds.undefined {
            return bounds;
        }
        // One user alone never has an r.
        bounds.and(Bounds { n: [2, i64::MAX], ..Bounds::DEFINED })
    }
}
