//! Counting subsets, and numbering prefixes.
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
        // Division of 64 bits takes a fraction of the time.
        value = match value.checked_mul(n - i) {
            Some(product) => product / (i + 1),
            None => u64::try_from(u128::from(value) * u128::from(n - i) / u128::from(i + 1)).ok()?,
        };
    }
    Some(value)
}

/// C(n, k), or `u64::MAX` where it does not fit.
pub(crate) fn binomial_or_max(n: usize, k: usize) -> u64 {
    binomial(n as u64, k as u64).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
