//! Dividing a sweep into shares of about equal work.
//!
//! ```text
//! work(prefix):  what all prefixes that begin so are estimated to take
//!
//! knots:  begin with the empty prefix; as long as one is an eighth of a share or more,
//!         put those in its place that have one candidate more
//!         ──▶ work as a function of rank, linear between knots
//! cut:    into equal pieces of work; deal them out, there and back again:
//!         share   0 1 2 | 2 1 0 | 0 1 2 ..
//! ```
//!
//! Shares are static, so that they can be swept in different processes, of which each computes
//! the same ones: only sums, products and quotients of doubles go into them, which are the same
//! on every machine.
//!
//! A piece that begins in the midst of a subtree has to narrow all cohorts above it anew, which
//! takes a tenth of a millisecond or two; so pieces are not small. Many of them even out what is
//! wrong in the estimate: that questions are answered independently of each other, and that what
//! is pruned lies where it may. One piece a share evens out nothing, and is for shares that
//! take milliseconds.
//!
//! What was tried and lost: 256 equal pieces in each share, by number of prefixes. For 1,000
//! shares of all sets of four of 200 questions, each of them narrowed as many cohorts as one
//! process does in all; they took ten times as long as the whole sweep.

use std::ops::RangeInclusive;

use crate::sweep::home::Homes;
use crate::sweep::kernel::instructions::STRIP;
use crate::sweep::rank::binomial_or_max;

/// One of several parts of a sweep: ranges of the ranks of prefixes.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    /// Ascending; no two of them meet.
    ranges: Vec<RangeInclusive<u64>>,
}

impl Share {
    /// All of a sweep.
    pub(crate) fn everything() -> Self {
        Self { ranges: vec![0..=u64::MAX] }
    }

    /// The first range that does not end before a rank.
    fn next(&self, rank: u64) -> Option<&RangeInclusive<u64>> {
        self.ranges.get(self.ranges.partition_point(|range| *range.end() < rank))
    }

    /// Whether the prefix of this rank is in this share. Every prefix is in exactly one.
    pub(crate) fn owns(&self, rank: u64) -> bool {
        self.meets(rank, 1)
    }

    /// The first rank after `rank` of which [`owns`](Self::owns) may say otherwise.
    pub(crate) fn next_border(&self, rank: u64) -> u64 {
        match self.next(rank) {
            Some(range) if *range.start() <= rank => range.end().saturating_add(1),
            Some(range) => *range.start(),
            None => u64::MAX,
        }
    }

    /// Whether any of the ranks `first..first + size` is in this share.
    pub(crate) fn meets(&self, first: u64, size: u64) -> bool {
        let Some(beyond) = size.checked_sub(1) else { return false };
        self.next(first).is_some_and(|range| *range.start() <= first.saturating_add(beyond))
    }
}

/// The most pieces of a share.
const MOST_PIECES: f64 = 256.0;

/// The least work of a piece, if a share has more than one: about four milliseconds.
const PIECE: f64 = 1e8;

/// Parts of a share that are taken for even, if it is one piece. What is uneven in them evens out
/// over many pieces.
const KNOTS_PER_SHARE: f64 = 8.0;

/// So many parts of a sweep are estimated in a millisecond.
const FEW_KNOTS: f64 = 2048.0;

/// However many shares there are, no more parts of a sweep are looked at.
const MOST_KNOTS: f64 = 16_384.0;

/// What it takes to sum one user for one lane, in this unit of work: 1/24 ns, for scores of 0
/// or 1 with AVX-512. For other scores and instructions all is slower, in about the same
/// proportion.
const USER: f64 = 1.0;

/// What it takes to compute the r of a lane.
const SUBSET: f64 = 48.0;

/// What it takes to open a prefix.
const PREFIX: f64 = 200.0;

/// What it takes to look whether a user answered one more question, when a cohort is narrowed.
const NARROWED: f64 = 32.0;

/// The most candidates whose subsets are counted as they are: which takes time for each strip.
/// The more there are, the more of the lanes lie below their prefix's least question.
const MOST_COUNTED: usize = 1024;

/// Estimated work as a function of rank.
#[derive(Debug)]
pub(crate) struct Workload {
    /// Up to which rank there is how much work: ascending, and linear in between.
    knots: Vec<(u64, f64)>,
    /// How many shares it is fine enough for.
    shares: usize,
}

impl Workload {
    /// The work of all prefixes of so many candidates, so fine that it can be cut into so many
    /// shares.
    ///
    /// # Arguments
    /// `support`: for each candidate, which share of the users answered it; `users`: how many
    /// there are.
    pub(crate) fn new(
        homes: &Homes,
        prefix_length: usize,
        support: &[f64],
        users: usize,
        shares: usize,
    ) -> Self {
        let mut below = 0.0;
        let mean_below = support.iter().enumerate().map(|(candidate, share)| {
            let mean = if candidate == 0 { 0.0 } else { below / candidate as f64 };
            below += share;
            mean
        });
        let estimate = Estimate { homes, prefix_length, support, mean_below: mean_below.collect() };
        let mut knots = vec![(0, 0.0)];
        let candidates = support.len();
        let users = users as f64;
        let root = Node { prefix: Vec::new(), end: candidates, users, users_before: users };
        if prefix_length == 0 {
            knots.push((1, SUBSET));
            return Self { knots, shares };
        }
        let whole: f64 = estimate.children(&root).map(|child| estimate.work(&child)).sum();
        let fine = shares as f64 * KNOTS_PER_SHARE;
        let parts = fine.min(FEW_KNOTS).max(fine / pieces(whole, shares) as f64).min(MOST_KNOTS);
        let most = whole / parts;
        estimate.children(&root).for_each(|child| estimate.refine(child, most, &mut knots));
        Self { knots, shares }
    }

    /// How many shares this is fine enough for.
    pub(crate) fn shares(&self) -> usize {
        self.shares
    }

    /// The `index`-th of `of` shares. Together they have every rank once.
    pub(crate) fn share(&self, index: usize, of: usize) -> Share {
        let (_, whole) = self.last();
        let pieces = pieces(whole, of);
        let there_and_back = |piece: usize| {
            let there = piece.is_multiple_of(2);
            piece * of + if there { index } else { of - 1 - index }
        };
        let range = |piece: usize| {
            let border = |number: usize| self.rank_at(number, of * pieces);
            let (first, end) = (border(piece), border(piece + 1));
            (first < end).then(|| first..=end - 1)
        };
        Share { ranges: (0..pieces).map(there_and_back).filter_map(range).collect() }
    }

    fn last(&self) -> (u64, f64) {
        self.knots.last().copied().unwrap_or_default()
    }

    /// The rank before which there are `part` of `parts` of the work. It grows with `part`, as
    /// every operation here does.
    fn rank_at(&self, part: usize, parts: usize) -> u64 {
        let (end, whole) = self.last();
        if part >= parts {
            return end;
        }
        let wanted = whole * (part as f64 / parts as f64);
        let after = self.knots.partition_point(|&(_, work)| work <= wanted);
        let Some(&(to, work_to)) = self.knots.get(after) else { return end };
        let (from, work_from) = after.checked_sub(1).map_or((0, 0.0), |before| self.knots[before]);
        let ranks = to - from;
        let part = (wanted - work_from) / (work_to - work_from) * ranks as f64;
        from + (part as u64).min(ranks)
    }
}

/// Of how many pieces each of so many shares of some work is.
fn pieces(whole: f64, shares: usize) -> usize {
    (whole / shares as f64 / PIECE).clamp(1.0, MOST_PIECES) as usize
}

/// Prefixes that begin with the same candidates.
struct Node {
    /// These candidates, descending.
    prefix: Vec<usize>,
    /// Further ones are below.
    end: usize,
    /// About how many users answered them all.
    users: f64,
    /// The same without the last of them.
    users_before: f64,
}

/// What is known about the work.
struct Estimate<'a> {
    homes: &'a Homes,
    prefix_length: usize,
    support: &'a [f64],
    /// For each candidate, the mean support of those below.
    mean_below: Vec<f64>,
}

impl Estimate<'_> {
    /// Those with one candidate more, in the order of their ranks.
    fn children<'a>(&'a self, node: &'a Node) -> impl Iterator<Item = Node> + 'a {
        let missing = self.prefix_length.saturating_sub(node.prefix.len() + 1);
        (missing..node.end).rev().map(move |candidate| {
            let prefix = node.prefix.iter().copied().chain([candidate]).collect();
            let users = node.users * self.support[candidate];
            Node { prefix, end: candidate, users, users_before: node.users }
        })
    }

    /// How many prefixes there are.
    fn size(&self, node: &Node) -> u64 {
        binomial_or_max(node.end, self.prefix_length - node.prefix.len())
    }

    fn work(&self, node: &Node) -> f64 {
        // Users of the cohorts of prefixes of ever more questions, and of those one shorter.
        let (mut users, mut shorter) = (node.users, node.users_before);
        let mut narrowed = 0.0;
        for length in node.prefix.len()..self.prefix_length {
            let cohorts = binomial_or_max(node.end, length - node.prefix.len());
            narrowed += cohorts as f64 * shorter;
            shorter = users;
            users *= self.mean_below[node.end];
        }
        // A strip takes as long where it is half full, as on average it is if it is not full.
        let lanes = match self.support.len() {
            ..=MOST_COUNTED => {
                let partly = self.homes.partly_filled(&node.prefix) as f64 * (STRIP as f64 / 2.0);
                self.homes.subsets(&node.prefix) as f64 + partly
            }
            _ => binomial_or_max(node.end, self.prefix_length - node.prefix.len() + 1) as f64,
        };
        lanes * (SUBSET + USER * users) + self.size(node) as f64 * PREFIX + narrowed * NARROWED
    }

    /// Adds a knot after these prefixes, and as many within as it takes.
    fn refine(&self, node: Node, most: f64, knots: &mut Vec<(u64, f64)>) {
        let work = self.work(&node);
        if work > most && node.prefix.len() < self.prefix_length {
            return self.children(&node).for_each(|child| self.refine(child, most, knots));
        }
        let (rank, before) = knots.last().copied().unwrap_or_default();
        knots.push((rank.saturating_add(self.size(&node)), before + work));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A sweep of k of so many candidates, which are answered by ever fewer.
    fn workload(candidates: usize, k: usize, shares: usize) -> Workload {
        let homes = Homes::new(k, (0..candidates).collect(), candidates);
        let support: Vec<f64> = (0..candidates).map(|candidate| 1.0 / (1.0 + candidate as f64)).collect();
        Workload::new(&homes, k - 1, &support, 10_000, shares)
    }

    proptest! {
        #[test]
        fn every_rank_is_in_one_share(
            candidates in 1usize..24, k in 1usize..5, of in 1usize..40, first in 0u64..2_000, size in 0u64..600,
        ) {
            let total = binomial_or_max(candidates, k - 1);
            let workload = workload(candidates, k, of);
            prop_assert_eq!(workload.last().0, total);
            let shares: Vec<Share> = (0..of).map(|index| workload.share(index, of)).collect();
            let owners = shares.iter().filter(|share| share.owns(first)).count();
            prop_assert_eq!(owners, usize::from(first < total));
            for share in &shares {
                let some = (first..first + size).any(|rank| share.owns(rank));
                prop_assert_eq!(share.meets(first, size), some);
                let border = share.next_border(first);
                prop_assert!(border > first);
                prop_assert!((first..border.min(2_600)).all(|rank| share.owns(rank) == share.owns(first)));
            }
        }
    }

    #[test]
    fn shares_of_large_sweeps_are_contiguous_where_they_are_small() {
        for (candidates, k, of, most) in [(200, 5, 2, 256), (200, 4, 1000, 1), (1000, 5, 1000, 256)] {
            let workload = workload(candidates, k, of);
            let pieces = (0..of).map(|index| workload.share(index, of).ranges.len()).max();
            assert!(pieces.unwrap() <= most, "{pieces:?} of {k} from {candidates}");
        }
    }

    #[test]
    fn what_cannot_be_numbered_is_one_share() {
        let share = Share::everything();
        for rank in [0, 1, u64::MAX - 1, u64::MAX] {
            assert!(share.owns(rank) && share.meets(rank, u64::MAX));
        }
    }
}
