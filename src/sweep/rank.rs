//! Counting subsets, and giving every share its fair part of them.
//!
//! The sweep lists the prefixes, sets of k-1 of m candidates, as descending sequences,
//! those that start with the highest candidate first:
//!
//! ```text
//! C(4, 2):  (3 2) (3 1) (3 0) (2 1) (2 0) (1 0)
//! rank:       0     1     2     3     4     5
//! ```
//!
//! All those that begin with the same candidates `.. > c`, and lack `r` more, are
//! C(c, r) neighbours in this list (choose the rest among the `c` candidates
//! below). So a walk that adds up these numbers knows the rank of every prefix
//! it meets, and whether to descend, without unranking anything.

/// C(n, k), or `None` where it does not fit 64 bits.
///
/// ```
/// # use datafusion_k_corrset::sweep::binomial;
/// assert_eq!(binomial(200, 5), Some(2_535_650_040));
/// assert_eq!(binomial(100, 50), None);
/// ```
pub fn binomial(n: u64, k: u64) -> Option<u64> {
    if k > n {
        return Some(0);
    }
    // C(n, i+1) = C(n, i) · (n-i) / (i+1), which divides evenly. Up to the middle
    // of the row the values only grow, so one that does not fit ends the matter;
    // and as each is at least twice the one before while 3i < n, that is soon.
    let mut value: u64 = 1;
    for i in 0..k.min(n - k) {
        let next = u128::from(value) * u128::from(n - i) / u128::from(i + 1);
        value = u64::try_from(next).ok()?;
    }
    Some(value)
}

/// C(n, k), or `u64::MAX` where it does not fit.
pub(crate) fn binomial_or_max(n: usize, k: usize) -> u64 {
    binomial(n as u64, k as u64).unwrap_or(u64::MAX)
}

/// One of several equal parts of a sweep: every `of`-th chunk of ranks.
///
/// Shares are static, so that they can be swept in different processes, and
/// strided, because neighbouring prefixes cost about the same and distant ones
/// do not (rare questions come first).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    index: u64,
    of: u64,
    chunk: u64,
}

/// Chunks in each share: enough that the last ones to end are small.
const CHUNKS_PER_SHARE: u64 = 256;

impl Share {
    /// The `index`-th of `of` shares of `total` prefixes. A total that is not known
    /// to fit 64 bits cannot be shared out; the first share takes all of it.
    pub(crate) fn new(index: usize, of: usize, total: Option<u64>) -> Self {
        let (index, of) = (index as u64, of as u64);
        let chunk = match total {
            Some(total) => (total / (of * CHUNKS_PER_SHARE)).max(1),
            None => u64::MAX,
        };
        Self { index, of, chunk }
    }

    /// Whether what begins at this rank is in this share. Every prefix is in exactly one.
    pub(crate) fn owns(&self, first: u64) -> bool {
        first / self.chunk % self.of == self.index
    }

    /// The first rank after `rank` of which [`owns`](Self::owns) may say otherwise.
    pub(crate) fn next_chunk(&self, rank: u64) -> u64 {
        (rank / self.chunk + 1).saturating_mul(self.chunk)
    }

    /// Whether any of the ranks `first..first + size` is in this share.
    pub(crate) fn meets(&self, first: u64, size: u64) -> bool {
        let Some(beyond) = size.checked_sub(1) else { return false };
        let first_chunk = first / self.chunk;
        let chunks_after = first.saturating_add(beyond) / self.chunk - first_chunk;
        let until_mine = (self.index + self.of - first_chunk % self.of) % self.of;
        until_mine <= chunks_after
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn binomials_satisfy_pascal() {
        for n in 0..70u64 {
            assert_eq!(binomial(n, 0), Some(1));
            assert_eq!(binomial(n, n + 1), Some(0));
            for k in 1..=n {
                let sum = binomial(n, k).and_then(|x| x.checked_add(binomial(n, k - 1)?));
                assert_eq!(binomial(n + 1, k), sum, "C({}, {k})", n + 1);
            }
        }
    }

    #[test]
    fn large_binomials_are_exact_or_absent() {
        assert_eq!(binomial(100_000, 2), Some(4_999_950_000));
        assert_eq!(binomial(100_000, 99_999), Some(100_000));
        assert_eq!(binomial(67, 33), Some(14_226_520_737_620_288_370));
        assert_eq!(binomial(68, 34), None);
        assert_eq!(binomial(u64::MAX, 1), Some(u64::MAX));
        assert_eq!(binomial(u64::MAX, 2), None);
    }

    proptest! {
        #[test]
        fn every_rank_is_in_one_share(total in 1u64..5_000, of in 1usize..9, first in 0u64..5_000, size in 0u64..600) {
            let shares: Vec<Share> = (0..of).map(|index| Share::new(index, of, Some(total))).collect();
            prop_assert_eq!(shares.iter().filter(|share| share.owns(first)).count(), 1);
            for share in &shares {
                let some = (first..first + size).any(|rank| share.owns(rank));
                prop_assert_eq!(share.meets(first, size), some);
            }
        }
    }

    #[test]
    fn shares_of_a_large_total_are_equal_within_a_percent() {
        let total = 2_535_650_040u64;
        for of in [2, 7, 64] {
            let mut sizes = vec![0u64; of];
            let chunk = Share::new(0, of, Some(total)).chunk;
            for first in (0..total).step_by(chunk as usize) {
                let owner = (0..of).find(|&index| Share::new(index, of, Some(total)).owns(first)).unwrap();
                sizes[owner] += chunk.min(total - first);
            }
            let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
            assert!((most - least) * 100 <= *most, "{of} shares: {least}..{most}");
        }
    }
}
