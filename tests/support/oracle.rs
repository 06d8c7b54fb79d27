//! What the definition says, with a request's options applied row by row.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use datafusion_k_corrset::sweep::naive::k_corrset;
use datafusion_k_corrset::sweep::{Bounds, Quota, Row, SweepRequest, Undefined};

/// r and n of all sets of a request, whatever its `top`. `question` tells which question an id
/// stands for.
pub(crate) fn defined<U: Ord, Q: Ord + Clone>(
    rows: &[(U, Q, i128)],
    request: &SweepRequest,
    question: impl Fn(u32) -> Q,
) -> BTreeMap<Vec<Q>, (Option<f64>, i64)> {
    let has = |subset: &[Q], id: &u32| subset.contains(&question(*id));
    k_corrset(rows, request.k, request.corrected)
        .into_iter()
        .map(|(subset, (r, n))| (subset, (r, n as i64)))
        .filter(|(subset, (r, n))| {
            request.include.iter().all(|id| has(subset, id))
                && !request.exclude.iter().any(|id| has(subset, id))
                && (request.any.is_empty() || request.any.iter().any(|id| has(subset, id)))
                && meets(&request.quotas, |id| has(subset, &id))
                && (r.is_some() || request.undefined == Undefined::Null)
                && *n >= request.min_users.unwrap_or(0)
                && within(&request.bounds, *r, *n)
        })
        .collect()
}

/// Whether a set meets quotas, which is asked question by question.
pub(crate) fn meets(quotas: &[Quota], has: impl Fn(u32) -> bool) -> bool {
    quotas.iter().all(|quota| {
        let some: BTreeSet<u32> = quota.questions.iter().copied().collect();
        let count = some.into_iter().filter(|&id| has(id)).count();
        quota.least <= count && count <= quota.most
    })
}

/// Whether a row is within bounds.
pub(crate) fn within(bounds: &Bounds, r: Option<f64>, n: i64) -> bool {
    let r = r.map_or(bounds.undefined, |r| bounds.r[0] <= r && r <= bounds.r[1]);
    r && bounds.n[0] <= n && n <= bounds.n[1]
}

/// The order of `top`: r, n, both descending, and questions; no r comes last.
pub(crate) fn best_first<Q: Ord>(x: (&[Q], Option<f64>, i64), y: (&[Q], Option<f64>, i64)) -> Ordering {
    let r = |r: Option<f64>| r.unwrap_or(f64::NEG_INFINITY);
    r(y.1).total_cmp(&r(x.1)).then(y.2.cmp(&x.2)).then_with(|| x.0.cmp(y.0))
}

/// What `top` leaves of rows.
pub(crate) fn top(mut rows: Vec<Row>, top: usize) -> Vec<Row> {
    rows.sort_by(|x, y| best_first((&x.questions, x.r, x.n), (&y.questions, y.r, y.n)));
    rows.truncate(top);
    rows
}
