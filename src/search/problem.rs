//! Of which questions how many are to be chosen, given those that are in every set.

use crate::search::matrix::Matrix;
use crate::search::moments::{Moments, ROUNDING};
use crate::sweep::position::Position;
use crate::sweep::quota::BranchQuota;

/// Sets of `choose` candidates beside some fixed questions, as a problem on the candidates alone.
///
/// With the fixed questions F, a set F ∪ S has v = v(F) + 2 Σ g + v(S) where g is what a candidate
/// shares with F, and c = c(F) + c(S). As every S has m candidates, constants and linear terms
/// spread over its pairs: `V' = V + (g1' + 1g')/m + v(F)/m²` and `c' = c + c(F)/m` give v = x'V'x and
/// c = c'x for the 0/1 vector x of S, without a rest.
#[derive(Debug)]
pub(crate) struct Problem {
    /// Where the candidates stand, ascending.
    pub(crate) candidates: Vec<Position>,
    /// How many of them a set has: one or more, and at most all.
    pub(crate) choose: usize,
    /// V'
    pub(crate) variances: Matrix,
    /// c'
    pub(crate) covariances: Vec<f64>,
    /// How far each entry of both can be from what it stands for.
    pub(crate) error: f64,
    /// For each candidate the one before it that has the same scores and counts for the same quotas,
    /// if there is one.
    pub(crate) twin: Vec<Option<usize>>,
    /// What sets have to meet.
    pub(crate) quotas: Vec<CandidateQuota>,
}

/// From `least` to `most` of some candidates are in each set.
#[derive(Debug)]
pub(crate) struct CandidateQuota {
    /// For each candidate, whether it is one of them.
    pub(crate) members: Vec<bool>,
    pub(crate) least: usize,
    pub(crate) most: usize,
}

impl CandidateQuota {
    /// By how much a set misses it.
    pub(crate) fn missed_by(&self, count: usize) -> usize {
        self.least.saturating_sub(count) + count.saturating_sub(self.most)
    }

    pub(crate) fn count(&self, set: &[usize]) -> usize {
        set.iter().filter(|&&candidate| self.members[candidate]).count()
    }
}

impl Problem {
    pub(crate) fn new(
        moments: &Moments,
        fixed: &[Position],
        candidates: Vec<Position>,
        choose: usize,
        quotas: &[BranchQuota],
    ) -> Self {
        let m = choose as f64;
        let shared: Vec<f64> = candidates
            .iter()
            .map(|&candidate| fixed.iter().map(|&question| moments.of_questions(candidate, question)).sum())
            .collect();
        let of_fixed: f64 =
            fixed.iter().flat_map(|&x| fixed.iter().map(move |&y| moments.of_questions(x, y))).sum();
        let with_fixed: f64 = fixed.iter().map(|&question| moments.with_totals(question)).sum();
        let variances = Matrix::from_fn(candidates.len(), |x, y| {
            let own = moments.of_questions(candidates[x], candidates[y]);
            own + (shared[x] + shared[y]) / m + of_fixed / (m * m)
        });
        let covariances: Vec<f64> =
            candidates.iter().map(|&candidate| moments.with_totals(candidate) + with_fixed / m).collect();
        let spread = (1.0 + fixed.len() as f64 / m).powi(2);
        let terms = (fixed.len() * fixed.len() + 8) as f64;
        let error = moments.error * spread + terms * ROUNDING * spread * variances.largest();
        let of_candidates = |quota: &BranchQuota| CandidateQuota {
            members: candidates.iter().map(|&candidate| quota.has(candidate)).collect(),
            least: quota.least,
            most: quota.most,
        };
        let quotas: Vec<CandidateQuota> = quotas.iter().map(of_candidates).collect();
        let twin = twins(&variances, &covariances, &quotas);
        Self { candidates, choose, variances, covariances, error, twin, quotas }
    }

    /// By how much a set misses its quotas.
    pub(crate) fn misses_by(&self, set: &[usize]) -> usize {
        misses_by(&self.quotas, set)
    }

    /// The first candidate of the same scores.
    pub(crate) fn first_of(&self, mut candidate: usize) -> usize {
        while let Some(twin) = self.twin[candidate] {
            candidate = twin;
        }
        candidate
    }

    pub(crate) fn has_twins(&self) -> bool {
        self.twin.iter().any(Option::is_some)
    }

    /// The variance of a set such as good ones are: of the candidates of the highest r.
    pub(crate) fn variance_of_strongest(&self) -> f64 {
        let [_, variance] = self.moments_of(&self.strongest()[..self.choose]);
        variance.max(f64::MIN_POSITIVE)
    }

    /// All candidates, those of the highest r first.
    pub(crate) fn strongest(&self) -> Vec<usize> {
        let own = |x: &usize| self.covariances[*x] / self.variances.row(*x)[*x].max(f64::MIN_POSITIVE).sqrt();
        let mut order: Vec<usize> = (0..self.size()).collect();
        order.sort_by(|x, y| own(y).total_cmp(&own(x)));
        order
    }

    pub(crate) fn size(&self) -> usize {
        self.candidates.len()
    }

    /// c and v of a set, the candidates of which ascend.
    pub(crate) fn moments_of(&self, set: &[usize]) -> [f64; 2] {
        let covariance = set.iter().map(|&x| self.covariances[x]).sum();
        let variance = set.iter().map(|&x| sum_of(self.variances.row(x), set)).sum();
        [covariance, variance]
    }
}

/// By how much a set misses some quotas.
pub(crate) fn misses_by(quotas: &[CandidateQuota], set: &[usize]) -> usize {
    quotas.iter().map(|quota| quota.missed_by(quota.count(set))).sum()
}

/// Where a set of candidates stands, beside fixed questions: ascending.
pub(crate) fn positions_of(
    candidates: &[Position],
    fixed: &[Position],
    set: impl IntoIterator<Item = usize>,
) -> Vec<Position> {
    let chosen = set.into_iter().map(|candidate| candidates[candidate]);
    let mut positions: Vec<Position> = chosen.chain(fixed.iter().copied()).collect();
    positions.sort_unstable();
    positions
}

/// The sum of some entries of a row.
pub(crate) fn sum_of(row: &[f64], entries: &[usize]) -> f64 {
    entries.iter().map(|&entry| row[entry]).sum()
}

/// Candidates with the same scores: one may stand for the other in any set.
fn twins(variances: &Matrix, covariances: &[f64], quotas: &[CandidateQuota]) -> Vec<Option<usize>> {
    let same = |x: usize, y: usize| {
        covariances[x] == covariances[y]
            && variances.row(x)[x] == variances.row(y)[y]
            && variances.row(x) == variances.row(y)
            && quotas.iter().all(|quota| quota.members[x] == quota.members[y])
    };
    (0..covariances.len()).map(|x| (0..x).rev().find(|&y| same(x, y))).collect()
}
