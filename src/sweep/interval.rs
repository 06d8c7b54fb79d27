//! The 95 % interval of r: R. A. Fisher's, by artanh r, which is about normal with a variance of 1/(n - 3).

/// The fewest users over whom r has an interval.
pub(crate) const FEWEST_OF_INTERVAL: i64 = 4;

/// The two-sided 5 % point of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// The ends of the 95 % interval of r over n users; `None` for fewer than four.
pub(crate) fn interval(r: f64, n: i64) -> Option<[f64; 2]> {
    // tanh(artanh(r) - d) = (r - tanh d) / (1 - r · tanh d), which has no poles at ±1.
    let reach = reach(n)?;
    Some([(r - reach) / (1.0 - r * reach), (r + reach) / (1.0 + r * reach)])
}

/// An r that none with an interval from `low` up is below, over n users or fewer; -∞ where there is no interval.
pub(crate) fn least_r(low: f64, n: i64) -> f64 {
    // The lower end rises with r, and with n: over fewer users r has to be larger. What is rounded here and in the
    // interval is some 1e-16 of 1 - r².
    let floor = |reach: f64| (low + reach) / (1.0 + low * reach) - 1e-14;
    if low <= -1.0 { f64::NEG_INFINITY } else { reach(n).map_or(f64::NEG_INFINITY, floor) }
}

/// How far an interval reaches from an r of 0.
fn reach(n: i64) -> Option<f64> {
    (n >= FEWEST_OF_INTERVAL).then(|| (Z / ((n - 3) as f64).sqrt()).tanh())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_fisher_s() {
        for r in [-0.99, -0.3, 0.0, 0.2, 0.875, 0.999] {
            for n in [4, 5, 17, 1000, 60_000] {
                let d = Z / ((n - 3) as f64).sqrt();
                let [low, high] = interval(r, n).unwrap();
                assert!((low - (r.atanh() - d).tanh()).abs() < 1e-14, "{low} for r = {r}, n = {n}");
                assert!((high - (r.atanh() + d).tanh()).abs() < 1e-14, "{high} for r = {r}, n = {n}");
                let floor = least_r(low, n);
                assert!(floor <= r && r - floor < 1e-9, "{floor} for r = {r}, n = {n}");
                // Over fewer users the same r has a lower end below.
                assert!(least_r(low, n + 1) <= floor);
            }
        }
        assert_eq!(interval(1.0, 4), Some([1.0, 1.0]));
        assert_eq!(interval(-1.0, 9), Some([-1.0, -1.0]));
        assert_eq!(interval(0.5, 3), None);
        assert_eq!(least_r(0.5, 3), f64::NEG_INFINITY);
        assert_eq!(least_r(f64::NEG_INFINITY, 30), f64::NEG_INFINITY);
    }
}
