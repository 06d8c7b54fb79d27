//! Quotas along a tree that decides candidates in a fixed order.

use crate::search::problem::{CandidateQuota, Problem};

/// How many of some candidates a set has, by the order in which they are decided.
#[derive(Debug)]
pub(crate) struct OrderedQuota {
    /// Whether it is for the candidate of a level.
    members: Vec<bool>,
    /// How many of them stand at a level or behind.
    from: Vec<usize>,
    least: usize,
    most: usize,
}

/// Those of a problem.
#[derive(Debug, Default)]
pub(crate) struct OrderedQuotas(Vec<OrderedQuota>);

impl OrderedQuotas {
    pub(crate) fn new(problem: &Problem, order: &[usize]) -> Self {
        let ordered = |quota: &CandidateQuota| {
            let members: Vec<bool> = order.iter().map(|&candidate| quota.members[candidate]).collect();
            let mut from = vec![0; members.len() + 1];
            for level in (0..members.len()).rev() {
                from[level] = from[level + 1] + usize::from(members[level]);
            }
            OrderedQuota { members, from, least: quota.least, most: quota.most }
        };
        Self(problem.quotas.iter().map(ordered).collect())
    }

    /// How many there are.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether a quota is for the candidate of a level.
    #[inline(always)]
    pub(crate) fn has(&self, quota: usize, level: usize) -> bool {
        self.0[quota].members[level]
    }

    /// Whether sets may meet a quota that have `count` of its candidates before a level, and lack so
    /// many candidates from there on.
    #[inline(always)]
    pub(crate) fn may_be_met(&self, quota: usize, count: usize, level: usize, lacking: usize) -> bool {
        let quota = &self.0[quota];
        let behind = quota.from[level];
        let others = quota.members.len() - level - behind;
        count + lacking.min(behind) >= quota.least && count + lacking.saturating_sub(others) <= quota.most
    }

    /// Whether sets may meet all that have candidates of these levels, and lack so many from a level on.
    pub(crate) fn may_all_be_met(&self, set: &[usize], level: usize, lacking: usize) -> bool {
        let count = |quota: usize| set.iter().filter(|&&level| self.has(quota, level)).count();
        (0..self.len()).all(|quota| self.may_be_met(quota, count(quota), level, lacking))
    }
}
