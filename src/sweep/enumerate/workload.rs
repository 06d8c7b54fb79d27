//! Dividing a sweep into shares of about equal work.
//!
//! ```text
//! work(prefix):  what all prefixes that begin so are estimated to take
//!
//! cut:   begin with the empty prefix; as long as one is more than a piece, put those in its
//!        place that have one candidate more; take neighbours together up to a piece; the less
//!        work is left, the smaller the next piece
//! deal:  the largest piece that is left to the share that has least work so far
//! ```
//!
//! Shares are static, so that they can be swept in different processes, of which each computes
//! the same ones: only sums, products and quotients of doubles go into them, which are the same
//! on every machine.
//!
//! A piece that begins in the midst of a subtree has to restrict all cohorts above it anew, which
//! takes a tenth of a millisecond or two; so pieces are few. Several of them even out what is
//! wrong in the estimate: that questions are answered independently of each other, and that what
//! is pruned lies where it may. Large ones first and small ones last, as in guided self-scheduling
//! (C. D. Polychronopoulos and D. J. Kuck, 1987), leave no share with much more than the others.
//!
//! What was tried and lost:
//!
//! * 256 equal pieces in each share, by number of prefixes. For 1,000 shares of all sets of four
//!   of 200 questions, each of them restricted as many cohorts as one process does in all; they
//!   took ten times as long as the whole sweep.
//! * Pieces of equal work that begin and end anywhere, with work taken for even within some
//!   thousand parts of the sweep. It is not: of the prefixes of five questions that have four in
//!   common, two in five have no lanes, and these are neighbours. Pieces were off by a fifth.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::RangeInclusive;

use crate::sweep::enumerate::Candidate;
use crate::sweep::enumerate::lane_rule::LaneRule;
use crate::sweep::enumerate::rank::binomial_or_max;
use crate::sweep::enumerate::share::Share;
use crate::sweep::simd::STRIP;

/// The work of a piece: four milliseconds, or more of a large share.
const PIECE: f64 = 4e6;

/// The most pieces of that size in a share. What the estimate says of one is off by up to a fifth,
/// and so many even it out.
const MOST_PIECES: f64 = 256.0;

/// The most pieces of that size in all shares, which take some microseconds each to find; but no
/// fewer than 32 for each.
const ALL_PIECES: f64 = 32_768.0;
const SOME_PIECES: f64 = 32.0;

/// The least work of a piece of shares that are swept in turn, which need not be even: of a sweep that takes
/// less than so much for each, some shares have nothing. To ask a worker for a share takes a millisecond.
const PIECE_IN_TURN: f64 = 2e7;

/// Unless so many subsets take less: their rows, if all are wanted, take longer than to sweep them.
const SUBSETS_IN_TURN: f64 = 131_072.0;

/// The work of the last pieces: one millisecond, or more of a large share. They are as many as
/// fill up what the others leave.
const LAST_PIECE: f64 = 1e6;

/// Towards the end a piece is a share's part of what is left, divided by this.
const PIECES_LEFT: f64 = 3.0;

/// No piece is a larger part of a share that is to be even.
const LARGEST_PART: f64 = 0.5;

/// What a strip of a prefix takes, whoever answered, in nanoseconds for scores of 0 or 1 with
/// AVX-512: mostly to compute r of its lanes. This and what follows are fitted to the times of
/// 500 shares, even and uneven, of 4 and 5 of 200 questions, and to how often each happened in
/// them. For other scores and instructions all is slower, in about the same proportion.
const STRIP_SUMMED: f64 = 57.0;

/// What each user of a prefix adds to that.
const USER_SUMMED: f64 = 0.97;

/// What it takes to list the users of a prefix. Of five prefixes two have no lanes, which takes
/// nothing.
const OPENED: f64 = 21.0;

/// What it takes to restrict a cohort, for each user left and each strip: of those that are copied,
/// and again of those that are turned around.
const USER_RESTRICTED: f64 = 1.27;

/// The most candidates whose subsets are counted as they are: which takes time for each strip.
/// The more there are, the more of the lanes lie below their prefix's least question.
const MOST_COUNTED: usize = 1024;

/// A sweep, cut into pieces and dealt out.
#[derive(Debug)]
pub(crate) struct Workload {
    /// By rank: where each piece ends, and whose it is.
    pieces: Vec<(u64, usize)>,
    shares: usize,
}

impl Workload {
    /// The work of all prefixes of `prefix_length` candidates, dealt out to `shares` shares.
    ///
    /// # Arguments
    /// `support`: for each candidate, which fraction of the users answered it; `users`: how
    /// many there are; `in_turn`: whether shares need not be even, as they are swept one after the other.
    pub(crate) fn new(
        lane_rule: &LaneRule,
        prefix_length: usize,
        support: &[f64],
        users: usize,
        shares: usize,
        in_turn: bool,
    ) -> Self {
        let mut cut = Cut { pieces: Vec::new(), left: 0.0, shares: shares as f64, sizes: [0.0; 2] };
        if prefix_length == 0 {
            cut.add(1, STRIP_SUMMED);
        } else {
            let estimate = Estimate::new(lane_rule, prefix_length, support);
            let root = Node { prefix: Vec::new(), end: support.len(), users: users as f64 };
            cut.left = estimate.children(&root).map(|child| estimate.work(&child)).sum();
            let share = cut.left / cut.shares;
            cut.sizes = if in_turn {
                let subsets = binomial_or_max(support.len(), prefix_length + 1) as f64;
                let least = PIECE_IN_TURN.min(cut.left / subsets * SUBSETS_IN_TURN);
                [least.max(share / 4.0), least.max(share)]
            } else {
                let pieces = (ALL_PIECES / cut.shares).clamp(SOME_PIECES, MOST_PIECES);
                let size = |least: f64, pieces: f64| least.max(share / pieces).min(share * LARGEST_PART);
                [size(LAST_PIECE, 4.0 * pieces), size(PIECE, pieces)]
            };
            estimate.children(&root).for_each(|child| cut.refine(&estimate, child));
        }
        let owners = deal(&cut.pieces, shares);
        let pieces = cut.pieces.iter().zip(owners).map(|(piece, owner)| (piece.end, owner)).collect();
        Self { pieces, shares }
    }

    /// How many shares there are.
    pub(crate) fn shares(&self) -> usize {
        self.shares
    }

    /// The `index`-th of the shares. Together they have every rank once.
    pub(crate) fn share(&self, index: usize) -> Share {
        let mut ranges: Vec<RangeInclusive<u64>> = Vec::new();
        let mut first = 0;
        for &(end, owner) in &self.pieces {
            let piece = first..=end - 1;
            first = end;
            if owner != index {
                continue;
            }
            match ranges.last_mut() {
                Some(last) if last.end() + 1 == *piece.start() => *last = *last.start()..=*piece.end(),
                _ => ranges.push(piece),
            }
        }
        Share::of(ranges)
    }
}

/// Neighbouring ranks that one share gets.
#[derive(Debug)]
struct Piece {
    /// The first rank beyond it.
    end: u64,
    work: f64,
}

/// Pieces being cut, by ascending ranks.
struct Cut {
    pieces: Vec<Piece>,
    /// About how much work is in none of them.
    left: f64,
    shares: f64,
    /// The work of the last pieces, and of the first.
    sizes: [f64; 2],
}

impl Cut {
    /// The most work of the next piece.
    fn most(&self) -> f64 {
        let [last, first] = self.sizes;
        (self.left / self.shares / PIECES_LEFT).clamp(last, first)
    }

    /// Adds all prefixes that begin like this one.
    fn refine(&mut self, estimate: &Estimate<'_>, node: Node) {
        let work = estimate.work(&node);
        if work > self.most() && node.prefix.len() < estimate.prefix_length {
            estimate.children(&node).for_each(|child| self.refine(estimate, child));
        } else {
            self.add(estimate.size(&node), work);
        }
    }

    /// Adds this many ranks, with this much work in all.
    fn add(&mut self, ranks: u64, work: f64) {
        let most = self.most();
        self.left -= work;
        let begin = match self.pieces.last_mut() {
            Some(last) if last.work + work <= most => {
                last.end = last.end.saturating_add(ranks);
                last.work += work;
                return;
            }
            last => last.map_or(0, |last| last.end),
        };
        self.pieces.push(Piece { end: begin.saturating_add(ranks), work });
    }
}

/// Whose each piece is. Pieces are dealt out by descending work, each to the share that has least
/// (R. L. Graham, 1969: the longest share is at most a third longer than it has to be, and with
/// many pieces that is far off).
fn deal(pieces: &[Piece], shares: usize) -> Vec<usize> {
    let mut largest_first: Vec<usize> = (0..pieces.len()).collect();
    largest_first.sort_by(|&x, &y| pieces[y].work.total_cmp(&pieces[x].work));
    // Work is not negative, so its bits are in its order. Of equals, the first share.
    let mut least_first: BinaryHeap<Reverse<(u64, usize)>> =
        (0..shares).map(|share| Reverse((0, share))).collect();
    let mut owners = vec![0; pieces.len()];
    for piece in largest_first {
        let Some(mut least) = least_first.peek_mut() else { break };
        let Reverse((work, share)) = &mut *least;
        owners[piece] = *share;
        *work = (f64::from_bits(*work) + pieces[piece].work).to_bits();
    }
    owners
}

/// Prefixes that begin with the same candidates.
struct Node {
    /// These candidates, descending.
    prefix: Vec<Candidate>,
    /// Further ones are below.
    end: usize,
    /// About how many users answered them all.
    users: f64,
}

/// What is known about the work.
///
/// Sets of j candidates below one of them are summed up all at once, each with the fraction of
/// the users who answered all of it, if questions are answered independently of each other.
struct Estimate<'a> {
    lane_rule: &'a LaneRule,
    prefix_length: usize,
    support: &'a [f64],
    /// `[j][end]`: the fractions of all sets of j candidates below `end`.
    fractions: Vec<Vec<f64>>,
    /// Those fractions, each times the strips that a cohort has when its least candidate is added:
    /// those to be turned around, up to that candidate, and those to be copied. Of these there
    /// are as many as can still have lanes: mostly, those up to the candidate before.
    strips: Vec<Vec<f64>>,
}

impl<'a> Estimate<'a> {
    fn new(lane_rule: &'a LaneRule, prefix_length: usize, support: &'a [f64]) -> Self {
        // Of sets of one candidate more than those below each candidate.
        let longer = |below: &[f64]| {
            let with = support.iter().zip(below).scan(0.0, |sum, (fraction, below)| {
                *sum += fraction * below;
                Some(*sum)
            });
            std::iter::once(0.0).chain(with).collect::<Vec<_>>()
        };
        let ends = support.len() + 1;
        let mut fractions = vec![vec![1.0; ends]];
        for length in 0..prefix_length {
            fractions.push(longer(&fractions[length]));
        }
        let least: Vec<f64> = (0..ends).map(|candidate| lane_rule.strips_up_to(candidate)).collect();
        let of_least = longer(&least);
        let mut strips = vec![vec![0.0; ends]];
        if prefix_length > 0 {
            let single = fractions[1].iter().zip(&least).zip(&of_least);
            strips
                .push(single.map(|((fractions, before), of_least)| fractions * before + of_least).collect());
        }
        for length in 1..prefix_length {
            strips.push(longer(&strips[length]));
        }
        Self { lane_rule, prefix_length, support, fractions, strips }
    }

    /// Those with one candidate more, in the order of their ranks.
    fn children(&self, node: &Node) -> impl Iterator<Item = Node> + use<'_> {
        let missing = self.prefix_length.saturating_sub(node.prefix.len() + 1);
        let (prefix, users) = (node.prefix.clone(), node.users);
        (missing..node.end).rev().map(move |candidate| {
            let prefix = prefix.iter().copied().chain([Candidate(candidate)]).collect();
            Node { prefix, end: candidate, users: users * self.support[candidate] }
        })
    }

    /// How many prefixes there are.
    fn size(&self, node: &Node) -> u64 {
        binomial_or_max(node.end, self.prefix_length - node.prefix.len())
    }

    fn work(&self, node: &Node) -> f64 {
        let missing = self.prefix_length - node.prefix.len();
        let prefixes = self.size(node) as f64;
        let own = self.lane_rule.strips_up_to(node.end) + self.lane_rule.strips_of_end(&node.prefix);
        let restricted = match missing {
            // Of a whole prefix users are only listed.
            0 => 0.0,
            _ => (1..missing).fold(own, |sum, length| sum + self.strips[length][node.end]),
        };
        // A strip takes as long where it is half full, as on average it is if it is not full.
        let lanes = match self.support.len() {
            ..=MOST_COUNTED => {
                let partly = self.lane_rule.partly_filled(&node.prefix) as f64 * (STRIP as f64 / 2.0);
                self.lane_rule.subsets(&node.prefix) as f64 + partly
            }
            _ => binomial_or_max(node.end, missing + 1) as f64,
        };
        let users = node.users * self.fractions[missing][node.end] / prefixes;
        lanes / STRIP as f64 * (STRIP_SUMMED + USER_SUMMED * users)
            + prefixes * OPENED
            + restricted * node.users * USER_RESTRICTED
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::position::Position;
    use proptest::prelude::*;

    /// A sweep of k of some candidates, which are answered by ever fewer.
    fn workload(candidates: usize, k: usize, shares: usize, in_turn: bool) -> Workload {
        let lane_rule = LaneRule::new(k, (0..candidates).map(Position).collect(), candidates);
        let support: Vec<f64> = (0..candidates).map(|candidate| 1.0 / (1.0 + candidate as f64)).collect();
        Workload::new(&lane_rule, k - 1, &support, 10_000, shares, in_turn)
    }

    proptest! {
        #[test]
        fn every_rank_is_in_one_share(
            candidates in 1usize..24, k in 1usize..5, of in 1usize..40, in_turn: bool,
            first in 0u64..2_000, size in 0u64..600,
        ) {
            let total = binomial_or_max(candidates, k - 1);
            let workload = workload(candidates, k, of, in_turn);
            prop_assert_eq!(workload.pieces.last().map_or(0, |piece| piece.0), total);
            let shares: Vec<Share> = (0..of).map(|index| workload.share(index)).collect();
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
    fn shares_are_of_few_pieces() {
        let even = [(200, 5, 2, 1000), (200, 4, 1000, 8), (1000, 5, 1000, 200)].map(|shape| (shape, false));
        for ((candidates, k, of, most), in_turn) in even.into_iter().chain([((200, 5, 192, 32), true)]) {
            let workload = workload(candidates, k, of, in_turn);
            let pieces = (0..of).map(|index| workload.share(index).pieces()).max();
            assert!(pieces.unwrap() <= most, "{pieces:?} of {k} from {candidates}");
        }
    }
}
