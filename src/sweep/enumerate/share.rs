//! One share of a sweep: which prefixes are in it, by their ranks.

use std::ops::RangeInclusive;

/// One of several parts of a sweep: ranges of the ranks of prefixes.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    /// Ascending; no two of them meet.
    ranges: Vec<RangeInclusive<u64>>,
}

impl Share {
    /// The share of some ranges, which ascend and do not meet.
    pub(crate) fn of(ranges: Vec<RangeInclusive<u64>>) -> Self {
        Self { ranges }
    }

    /// Of how many ranges it is.
    #[cfg(test)]
    pub(crate) fn pieces(&self) -> usize {
        self.ranges.len()
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_numbered_is_one_share() {
        let share = Share::everything();
        for rank in [0, 1, u64::MAX - 1, u64::MAX] {
            assert!(share.owns(rank) && share.meets(rank, u64::MAX));
        }
    }
}
