//! The definition, said as plainly as code can; the oracle of tests and benches.
//!
//! Nothing here is fast and nothing is shared with the sweep, not even the
//! formula: what the two agree on, two ways of writing it agree on.

use std::collections::{BTreeMap, BTreeSet};

/// What the definition says of one subset: r, unless undefined, and n.
pub type Answer = (Option<f64>, usize);

/// Every k-subset of the questions, with r and n, from exact scores.
///
/// Rows are (user, question, score). Scores are taken in units of their greatest
/// common divisor, as documented for the function. `corrected` takes a out of b.
///
/// ```
/// use datafusion_k_corrset::sweep::naive::k_corrset;
///
/// let rows = [("ann", "q1", 1), ("ann", "q2", 0), ("bob", "q1", 0), ("bob", "q2", 0)];
/// let answers = k_corrset(&rows, 1, false);
/// assert_eq!(answers[&vec!["q1"]], (Some(1.0), 2));
/// assert_eq!(answers[&vec!["q2"]], (None, 2));
/// ```
pub fn k_corrset<U: Ord, Q: Ord + Clone>(
    rows: &[(U, Q, i128)],
    k: usize,
    corrected: bool,
) -> BTreeMap<Vec<Q>, Answer> {
    sets(rows, k, unit(rows.iter().map(|row| &row.2)), |_, total, a| {
        Some(if corrected { total - a } else { total })
    })
}

/// Every k-subset of the questions, with r and n, where b is a value of each user's own; users without one
/// are left out. Values are taken in units of their greatest common divisor.
pub fn with_criterion<U: Ord, Q: Ord + Clone>(
    rows: &[(U, Q, i128)],
    k: usize,
    criterion: &BTreeMap<U, i128>,
) -> BTreeMap<Vec<Q>, Answer> {
    let unit = unit(criterion.values());
    // Who is left out has no part in the unit of scores either.
    let of_scores = self::unit(rows.iter().filter(|row| criterion.contains_key(&row.0)).map(|row| &row.2));
    sets(rows, k, of_scores, |user, _, _| criterion.get(user).map(|value| value / unit))
}

/// What divides all of some numbers.
fn unit<'a>(numbers: impl Iterator<Item = &'a i128>) -> i128 {
    numbers.fold(0, |unit, number| greatest_common_divisor(unit, number.abs())).max(1)
}

/// Scores are divided by a unit, and `b` is that of a user, given by name, grand total and a; users without are left
/// out.
fn sets<U: Ord, Q: Ord + Clone>(
    rows: &[(U, Q, i128)],
    k: usize,
    unit: i128,
    b: impl Fn(&U, i128, i128) -> Option<i128>,
) -> BTreeMap<Vec<Q>, Answer> {
    let mut scores: BTreeMap<&U, BTreeMap<&Q, i128>> = BTreeMap::new();
    for (user, question, score) in rows {
        scores.entry(user).or_default().insert(question, score / unit);
    }
    let questions: BTreeSet<&Q> = rows.iter().map(|row| &row.1).collect();
    let questions: Vec<&Q> = questions.into_iter().collect();
    let mut answers = BTreeMap::new();
    for subset in subsets(&questions, k) {
        let mut pairs = Vec::new();
        for (user, of_user) in &scores {
            let on_subset: Option<Vec<i128>> =
                subset.iter().map(|question| of_user.get(question).copied()).collect();
            if let Some(on_subset) = on_subset {
                let a: i128 = on_subset.iter().sum();
                let total: i128 = of_user.values().sum();
                pairs.extend(b(user, total, a).map(|b| (a, b)));
            }
        }
        let subset: Vec<Q> = subset.into_iter().cloned().collect();
        answers.insert(subset, (correlation(&pairs), pairs.len()));
    }
    answers
}

/// Pearson's correlation of integers, rounded only at its end.
pub fn correlation(pairs: &[(i128, i128)]) -> Option<f64> {
    let n = pairs.len() as i128;
    let sum = |of: fn(&(i128, i128)) -> i128| pairs.iter().map(of).sum::<i128>();
    let (a, b) = (sum(|pair| pair.0), sum(|pair| pair.1));
    let covariance = n * sum(|pair| pair.0 * pair.1) - a * b;
    let variance_a = n * sum(|pair| pair.0 * pair.0) - a * a;
    let variance_b = n * sum(|pair| pair.1 * pair.1) - b * b;
    let defined = variance_a > 0 && variance_b > 0;
    defined.then(|| (covariance as f64 / (variance_a as f64 * variance_b as f64).sqrt()).clamp(-1.0, 1.0))
}

/// All ways to take k of the items, in their order.
pub fn subsets<T: Clone>(items: &[T], k: usize) -> Vec<Vec<T>> {
    match (k, items) {
        (0, _) => vec![vec![]],
        (_, []) => vec![],
        (_, [first, rest @ ..]) => {
            let mut with: Vec<Vec<T>> = subsets(rest, k - 1);
            with.iter_mut().for_each(|subset| subset.insert(0, first.clone()));
            with.extend(subsets(rest, k));
            with
        }
    }
}

fn greatest_common_divisor(x: i128, y: i128) -> i128 {
    if y == 0 { x } else { greatest_common_divisor(y, x % y) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subsets_are_counted_by_the_binomials() {
        for n in 0..8 {
            let items: Vec<usize> = (0..n).collect();
            for k in 0..=n + 1 {
                let all: BTreeSet<Vec<usize>> = subsets(&items, k).into_iter().collect();
                assert_eq!(Some(all.len() as u64), crate::sweep::binomial(n as u64, k as u64), "{k} of {n}");
                assert!(all.iter().all(|subset| subset.is_sorted() && subset.len() == k));
            }
        }
    }

    #[test]
    fn a_correlation_known_by_hand() {
        // Deviations from the means: a -1 0 1, b -4/3 -1/3 5/3; r = 3 / √(2 · 14/3).
        let r = correlation(&[(0, 1), (1, 2), (2, 4)]).unwrap();
        assert!((r - 3.0 / (28.0f64 / 3.0).sqrt()).abs() < 1e-15);
    }
}
