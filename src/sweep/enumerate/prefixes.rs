//! The prefixes of one share, depth first: which candidate comes next, and what is skipped.
//!
//! ```text
//! walk(prefix, end):                          prefix has d of the k-1 candidates
//!     for c in end-1 down to k-d-2:           leave enough below for the prefix
//!         skip unless some prefix that begins with prefix+c is in the share
//!         if d = k-2:  the prefix prefix+c is whole
//!         else:        walk(prefix + c, c)
//! ```
//!
//! Recursion is spelled out as a stack of levels, because a sweep must stop
//! between any two blocks of lanes: when a batch is full, when its time slice is
//! over, when nobody wants the rest.

use crate::sweep::enumerate::Candidate;
use crate::sweep::enumerate::rank::binomial_or_max;
use crate::sweep::enumerate::share::Share;

/// The prefixes of one share, and how far they have been walked.
#[derive(Debug)]
pub(crate) struct Prefixes {
    share: Share,
    /// For each prefix length, which candidates are still to be tried: those below.
    ends: Vec<usize>,
    /// Candidates of the prefix walked to, descending: fewer than k-1.
    prefix: Vec<Candidate>,
    /// Rank of the next whole prefix.
    rank: u64,
    /// Up to which rank it is known whether prefixes are in the share, and whether.
    owned: (u64, bool),
}

/// Where the next step leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The prefix has grown by a candidate. It may be [pruned](Prefixes::prune).
    Down(Candidate),
    /// The prefix with this candidate, or alone where k = 1, is whole.
    Whole(Option<Candidate>),
    /// What comes next is in another share.
    Elsewhere,
    /// The prefix has lost its last candidate.
    Up,
    /// There are no more.
    End,
}

impl Prefixes {
    /// The prefixes of `length` candidates that are in a share.
    pub(crate) fn new(length: usize, candidates: usize, share: Share) -> Self {
        let mut ends = vec![0; length];
        if let Some(first) = ends.first_mut() {
            *first = candidates;
        }
        Self { share, ends, prefix: Vec::with_capacity(length), rank: 0, owned: (0, false) }
    }

    /// Candidates of the prefix walked to, descending, without the last of a whole one.
    #[inline]
    pub(crate) fn prefix(&self) -> &[Candidate] {
        &self.prefix
    }

    /// How many candidates a whole prefix has beyond those of the prefix walked to.
    #[inline]
    pub(crate) fn missing(&self) -> usize {
        self.ends.len() - self.prefix.len()
    }

    /// Takes the next step.
    #[inline(always)]
    pub(crate) fn step(&mut self) -> Step {
        let depth = self.prefix.len();
        let Some(&end) = self.ends.get(depth) else {
            // k = 1: the empty prefix is the only one.
            if self.rank == 0 && self.owns_next() {
                self.rank = 1;
                return Step::Whole(None);
            }
            return Step::End;
        };
        let missing = self.missing() - 1;
        if end <= missing {
            return if self.prefix.pop().is_some() { Step::Up } else { Step::End };
        }
        let candidate = end - 1;
        self.ends[depth] = candidate;
        if missing == 0 {
            let owned = self.owns_next();
            self.rank = self.rank.saturating_add(1);
            return if owned { Step::Whole(Some(Candidate(candidate))) } else { Step::Elsewhere };
        }
        let size = binomial_or_max(candidate, missing);
        if !self.share.meets(self.rank, size) {
            self.rank = self.rank.saturating_add(size);
            return Step::Elsewhere;
        }
        self.prefix.push(Candidate(candidate));
        self.ends[depth + 1] = candidate;
        Step::Down(Candidate(candidate))
    }

    /// Skips all prefixes that begin with the one walked to, right after a step down.
    pub(crate) fn prune(&mut self) {
        let missing = self.missing();
        if let Some(last) = self.prefix.pop() {
            self.rank = self.rank.saturating_add(binomial_or_max(last.0, missing));
        }
    }

    /// Whether the next whole prefix is in this share.
    #[inline]
    pub(crate) fn owns_next(&mut self) -> bool {
        if self.rank >= self.owned.0 {
            self.owned = (self.share.next_border(self.rank), self.share.owns(self.rank));
        }
        self.owned.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The whole prefixes of a share, but for those below a prefix that is pruned; and how
    /// often a pruned one was counted.
    fn walk(
        length: usize,
        candidates: usize,
        share: Share,
        pruned: impl Fn(&[Candidate]) -> bool,
    ) -> (Vec<Vec<Candidate>>, usize) {
        let mut prefixes = Prefixes::new(length, candidates, share);
        let (mut whole, mut counted) = (Vec::new(), 0);
        loop {
            match prefixes.step() {
                Step::Down(candidate) => {
                    assert_eq!(prefixes.prefix().last(), Some(&candidate));
                    if pruned(prefixes.prefix()) {
                        counted += usize::from(prefixes.owns_next());
                        prefixes.prune();
                    }
                }
                Step::Whole(last) => whole.push(prefixes.prefix().iter().copied().chain(last).collect()),
                Step::Elsewhere | Step::Up => {}
                Step::End => return (whole, counted),
            }
        }
    }

    proptest! {
        #[test]
        fn shares_have_every_prefix_once_in_the_order_of_ranks(
            candidates in 0usize..9, length in 0usize..5, border in 0u64..130, pruned in 0usize..9,
        ) {
            let (all, _) = walk(length, candidates, Share::everything(), |_| false);
            let expected = crate::sweep::naive::subsets(&(0..candidates).rev().map(Candidate).collect::<Vec<_>>(), length);
            prop_assert_eq!(&all, &expected);
            let shares = [Share::of(vec![0..=border]), Share::of(vec![border + 1..=u64::MAX])];
            let prune = |prefix: &[Candidate]| prefix.len() == 1 && prefix[0].0 == pruned;
            let (mut whole, mut counted) = (Vec::new(), 0);
            for share in shares {
                let (of_share, counted_by_share) = walk(length, candidates, share, prune);
                whole.extend(of_share);
                counted += counted_by_share;
            }
            let left = all.into_iter().filter(|prefix| length < 2 || prefix[0].0 != pruned);
            prop_assert_eq!(whole, left.collect::<Vec<_>>());
            let below = length >= 2 && pruned < candidates && pruned + 1 >= length;
            prop_assert_eq!(counted, usize::from(below));
        }
    }
}
