//! Which of a subset's questions is its lane.
//!
//! A kernel sums all subsets that differ in one question side by side, a strip of 32
//! questions at a time, and a strip costs the same whether one or all of its lanes
//! are wanted. With the least question of each subset as its lane, a prefix leaves
//! the questions below its least one, and the last strip of these is half empty: for
//! 5 of 200 questions, strips have room for 1.43 times the subsets. Any rule will do
//! that gives each subset one lane, and this one fills them better, 1.08:
//!
//! > If any strip holds exactly one question of the subset, the lane is that question
//! > of the lowest such strip; otherwise it is the least question.
//!
//! Without its lane a subset is a *prefix* of k-1 questions, and the lanes of a prefix
//! are
//!
//! * all of every empty strip, as long as no strip below it holds exactly one question;
//! * in the strip of the prefix's least question, what lies below that question, if no
//!   other strip holds exactly one.
//!
//! For a subset of the first kind the lane is the only question of its strip, and no
//! strip below has only one. One of the second kind has no strip with only one: the
//! lane joined the least question's. And there is no third kind: a lane that joins
//! another strip than the least question's is neither alone in its strip nor least.

use std::sync::OnceLock;

use crate::index::bitset::{WORD, below};
use crate::sweep::enumerate::Candidate;
use crate::sweep::enumerate::rank::binomial_or_max;
use crate::sweep::position::Position;
use crate::sweep::simd::STRIP;

/// Strips in a word of lanes.
const STRIPS: usize = WORD / STRIP;

/// The questions that subsets are chosen from, by strips.
#[derive(Debug)]
pub(crate) struct LaneRule {
    /// Questions in each subset.
    k: usize,
    /// Their positions, ascending.
    candidates: Vec<Position>,
    /// These positions, as a row of bits.
    bits: Vec<u64>,
    /// How many there are in each strip.
    sizes: Vec<u64>,
    /// `[strip][j]`: how many sets of j questions from the strips below hold no strip's
    /// only question. Made when first asked for, which is when a subtree is pruned.
    without_single: OnceLock<Vec<Vec<u64>>>,
    /// `[strip][j]`: how many sets of j questions from the strips below hold the only question
    /// of the lowest of their strips, and of no other.
    lowest_single: OnceLock<Vec<Vec<u64>>>,
}

impl LaneRule {
    /// For subsets of `k` candidates, which are given by ascending positions below
    /// `questions`.
    pub(crate) fn new(k: usize, candidates: Vec<Position>, questions: usize) -> Self {
        let mut bits = vec![0; questions.div_ceil(WORD)];
        let mut sizes = vec![0; questions.div_ceil(STRIP)];
        for &position in &candidates {
            bits[position.word()] |= 1 << position.bit();
            sizes[position.strip()] += 1;
        }
        Self { k, candidates, bits, sizes, without_single: OnceLock::new(), lowest_single: OnceLock::new() }
    }

    fn without_single(&self, strip: usize, j: usize) -> u64 {
        let table = self.without_single.get_or_init(|| {
            let mut below = vec![0; self.k + 1];
            below[0] = 1;
            let mut table = vec![below];
            for &size in &self.sizes {
                let below = &table[table.len() - 1];
                let with_strip =
                    (0..=self.k).map(|j| without_single(size as usize, 0, j, |rest| below[rest]));
                let with_strip = with_strip.collect();
                table.push(with_strip);
            }
            table
        });
        table[strip][j]
    }

    fn lowest_single(&self, strip: usize, j: usize) -> u64 {
        let table = self.lowest_single.get_or_init(|| {
            let mut table = vec![vec![0; self.k + 1]];
            for &size in &self.sizes {
                let below = &table[table.len() - 1];
                let with_strip = (0..=self.k).map(|j| {
                    let alone = if j == 1 { size } else { 0 };
                    without_single(size as usize, 0, j, |rest| below[rest]).saturating_add(alone)
                });
                let with_strip = with_strip.collect();
                table.push(with_strip);
            }
            table
        });
        table[strip][j]
    }

    /// The positions of the candidates, ascending.
    pub(crate) fn candidates(&self) -> &[Position] {
        &self.candidates
    }

    /// The position of a candidate.
    #[inline]
    pub(crate) fn position(&self, candidate: Candidate) -> Position {
        self.candidates[candidate.0]
    }

    fn strip_of(&self, candidate: Candidate) -> usize {
        self.position(candidate).strip()
    }

    /// How many candidates come right before one, in its strip.
    fn room_below(&self, candidate: Candidate) -> usize {
        let strip = self.strip_of(candidate);
        (0..candidate.0).rev().take_while(|&other| self.strip_of(Candidate(other)) == strip).count()
    }

    /// The lanes of the prefixes that consist of some candidates and one more of the
    /// strip `least`, at or below the strips of all others.
    pub(crate) fn lanes(&self, others: &[Candidate], least: Option<usize>, lanes: &mut PrefixLanes) {
        let mut counts = vec![0; self.sizes.len()];
        for &other in others {
            counts[self.strip_of(other)] += 1;
        }
        if let Some(least) = least {
            counts[least] += 1;
        }
        let first_single = counts.iter().position(|&count| count == 1);
        lanes.words.clear();
        lanes.words.resize(self.bits.len(), 0);
        for strip in (0..first_single.unwrap_or(counts.len())).filter(|&strip| counts[strip] == 0) {
            let word = strip / STRIPS;
            lanes.words[word] |= self.bits[word] & below(STRIP) << (strip % STRIPS * STRIP);
        }
        lanes.below_least =
            least.is_some() && (0..counts.len()).all(|strip| counts[strip] != 1 || Some(strip) == least);
        lanes.any = lanes.below_least || lanes.words.iter().any(|&word| word != 0);
    }

    /// The lanes of the prefix whose least candidate has this position, by words.
    #[inline]
    pub(crate) fn words<'a>(
        &'a self,
        lanes: &'a PrefixLanes,
        least: Option<Position>,
    ) -> impl Iterator<Item = u64> + use<'a> {
        lanes.words.iter().enumerate().map(move |(word, &whole)| match least {
            Some(least) if lanes.below_least && least.word() == word => {
                whole | self.bits[word] & below(least.bit()) & !below(least.bit() - least.lane())
            }
            _ => whole,
        })
    }

    /// The lanes of all prefixes that begin with these candidates, descending, have
    /// positions below this one: a strip above the least candidate's that holds only
    /// one will always do so.
    pub(crate) fn end(&self, prefix: &[Candidate]) -> usize {
        let strips = prefix.chunk_by(|&x, &y| self.strip_of(x) == self.strip_of(y));
        let mut above = strips.rev().skip(1);
        let single = above.find(|strip| strip.len() == 1);
        single.map_or(self.sizes.len(), |single| self.strip_of(single[0])) * STRIP
    }

    /// How many strips of lanes lie up to the candidate of this number, its own included; all, if
    /// there is none.
    pub(crate) fn strips_up_to(&self, candidate: usize) -> f64 {
        let strip = self.candidates.get(candidate).map(|position| position.strip() + 1);
        strip.unwrap_or(self.sizes.len()) as f64
    }

    /// How many strips may have lanes of prefixes that begin with these candidates.
    pub(crate) fn strips_of_end(&self, prefix: &[Candidate]) -> f64 {
        (self.end(prefix) / STRIP) as f64
    }

    /// How many subsets have a prefix that begins with these candidates, descending.
    ///
    /// With c the least of them, t its strip, and r candidates still to choose for the
    /// prefix:
    ///
    /// * Lanes below c: r + 1 candidates below c, in any of C(c, r+1) ways, but for
    ///   those where the lane is not among them. There no strip below t holds only one,
    ///   and either strip t holds c alone, or strip t has none alone either, and a
    ///   strip above does.
    /// * Lanes above c: any candidate of an empty strip above t, if no strip above t and
    ///   below that one, nor t, nor a strip below t holds only one.
    pub(crate) fn subsets(&self, prefix: &[Candidate]) -> u64 {
        let Some(&least) = prefix.last() else {
            return binomial_or_max(self.candidates.len(), self.k);
        };
        let missing = self.k - 1 - prefix.len();
        let strip = self.strip_of(least);
        let in_strip = prefix.iter().filter(|&&other| self.strip_of(other) == strip).count();
        let room = self.room_below(least);
        // Ways to choose j candidates below c so that neither t nor a strip below it
        // holds only one.
        let none_single = |j| without_single(room, in_strip, j, |rest| self.without_single(strip, rest));
        let mut counts = vec![0; self.sizes.len()];
        prefix.iter().for_each(|&other| counts[self.strip_of(other)] += 1);
        let first_above = (strip + 1..counts.len()).find(|&above| counts[above] == 1);
        let empty = (strip + 1..first_above.unwrap_or(counts.len())).filter(|&above| counts[above] == 0);
        let lanes_above = sum(empty.map(|above| self.sizes[above]));

        let mut subsets = binomial_or_max(least.0, missing + 1);
        if in_strip == 1 {
            subsets = subsets.saturating_sub(self.without_single(strip, missing + 1));
        }
        if first_above.is_some() {
            subsets = subsets.saturating_sub(none_single(missing + 1));
        }
        subsets.saturating_add(none_single(missing).saturating_mul(lanes_above))
    }
}

impl LaneRule {
    /// How many prefixes that begin with these candidates, descending, have lanes in their least
    /// candidate's strip, of which they then fill a part: those of which no strip above holds only
    /// one.
    ///
    /// Either no strip holds only one, or that of the least does, and no other.
    pub(crate) fn partly_filled(&self, prefix: &[Candidate]) -> u64 {
        let Some(&least) = prefix.last() else { return 0 };
        let missing = self.k - 1 - prefix.len();
        let strip = self.strip_of(least);
        let mut above = prefix.chunk_by(|&x, &y| self.strip_of(x) == self.strip_of(y)).rev();
        let in_strip = above.next().map_or(0, <[_]>::len);
        if above.any(|strip| strip.len() == 1) {
            return 0;
        }
        let room = self.room_below(least);
        let none_single = without_single(room, in_strip, missing, |rest| self.without_single(strip, rest));
        let least_single = without_single(room, in_strip, missing, |rest| self.lowest_single(strip, rest));
        none_single.saturating_add(least_single).saturating_add(u64::from(missing == 0 && in_strip == 1))
    }
}

/// Ways to choose j candidates from `room` of a strip and some of the strips below it,
/// so that neither it, which holds `there` already, nor one of those holds only one.
fn without_single(room: usize, there: usize, j: usize, below: impl Fn(usize) -> u64) -> u64 {
    let of_strip = (0..=j.min(room)).filter(|&here| there + here != 1);
    sum(of_strip.map(|here| binomial_or_max(room, here).saturating_mul(below(j - here))))
}

fn sum(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0, u64::saturating_add)
}

/// The lanes of prefixes that differ in the least candidate, of one strip.
#[derive(Debug, Default)]
pub(crate) struct PrefixLanes {
    words: Vec<u64>,
    /// Whether the candidates below the least one, in its strip, are lanes too.
    below_least: bool,
    /// Whether any of these prefixes can have a lane.
    any: bool,
}

impl PrefixLanes {
    /// Whether any of these prefixes can have a lane.
    pub(crate) fn any(&self) -> bool {
        self.any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::bitset::ones;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// All prefixes of `length` candidates, descending.
    fn prefixes(candidates: usize, length: usize) -> Vec<Vec<Candidate>> {
        match length {
            0 => vec![vec![]],
            _ => prefixes(candidates, length - 1)
                .into_iter()
                .flat_map(|prefix| {
                    let end = prefix.last().map_or(candidates, |least: &Candidate| least.0);
                    (0..end).map(move |next| prefix.iter().copied().chain([Candidate(next)]).collect())
                })
                .collect(),
        }
    }

    /// The subsets of a prefix, by positions.
    fn subsets_of(lane_rule: &LaneRule, prefix: &[Candidate]) -> Vec<BTreeSet<usize>> {
        let least = prefix.last().map(|&least| lane_rule.position(least));
        let others = &prefix[..prefix.len().saturating_sub(1)];
        let mut lanes = PrefixLanes::default();
        lane_rule.lanes(others, least.map(Position::strip), &mut lanes);
        let words = lane_rule.words(&lanes, least).enumerate();
        let lanes = words.flat_map(|(word, bits)| ones(bits).map(move |bit| word * WORD + bit));
        let with = |lane| prefix.iter().map(|&other| lane_rule.position(other).0).chain([lane]).collect();
        lanes.map(with).collect()
    }

    proptest! {
        #[test]
        fn no_lane_lies_beyond_the_end(
            candidates in proptest::collection::btree_set(0usize..160, 5..12), length in 1usize..5,
        ) {
            let lane_rule = LaneRule::new(5, candidates.into_iter().map(Position).collect(), 160);
            for prefix in prefixes(lane_rule.candidates.len(), 4) {
                let end = lane_rule.end(&prefix[..length]);
                for subset in subsets_of(&lane_rule, &prefix) {
                    let prefix: Vec<usize> = prefix.iter().map(|&other| lane_rule.position(other).0).collect();
                    let lane = subset.iter().find(|position| !prefix.contains(position)).unwrap();
                    prop_assert!(*lane < end, "{} of {:?} is not below {}", lane, prefix, end);
                }
            }
        }

        #[test]
        fn every_subset_has_one_prefix_and_the_counts_are_right(
            k in 1usize..5,
            candidates in proptest::collection::btree_set(
                prop_oneof![0usize..4, 30usize..36, 60usize..68, 94usize..99, 0usize..160], 0..14),
        ) {
            let candidates: Vec<Position> = candidates.into_iter().map(Position).collect();
            let lane_rule = LaneRule::new(k, candidates.clone(), 160);
            let mut seen = BTreeSet::new();
            for prefix in prefixes(candidates.len(), k - 1) {
                for subset in subsets_of(&lane_rule, &prefix) {
                    prop_assert_eq!(subset.len(), k, "{:?} from {:?}", subset, prefix);
                    prop_assert!(seen.insert(subset.clone()), "{:?} twice", subset);
                }
            }
            prop_assert_eq!(seen.len() as u64, binomial_or_max(candidates.len(), k));
            for length in 0..k {
                for prefix in prefixes(candidates.len(), length) {
                    let longer = prefixes(candidates.len(), k - 1);
                    let counted: usize = longer.iter().filter(|longer| longer.starts_with(&prefix))
                        .map(|longer| subsets_of(&lane_rule, longer).len()).sum();
                    prop_assert_eq!(lane_rule.subsets(&prefix), counted as u64, "{:?}", prefix);
                    let partly = longer.iter().filter(|longer| longer.starts_with(&prefix) && length > 0);
                    let partly = partly.filter(|longer| {
                        let (least, others) = longer.split_last().unwrap();
                        let mut lanes = PrefixLanes::default();
                        lane_rule.lanes(others, Some(lane_rule.position(*least).strip()), &mut lanes);
                        lanes.below_least
                    });
                    prop_assert_eq!(lane_rule.partly_filled(&prefix), partly.count() as u64, "{:?}", prefix);
                }
            }
        }
    }
}
