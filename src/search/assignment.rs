//! A second tree, which needs no linear algebra: sums of least entries.
//!
//! ```text
//! sets(first, m lacking, q, g):            q = x'Wx of those decided, g_j = W_jj + 2 Σ W_jl over these
//!     for each j >= first:  e_j = g_j + least[first][j][m]     what j adds at least, in any such set
//!     skip if q + the m least e_j > error
//!     for j >= first, as long as m are left:  sets(j + 1, m - 1, q + g_j, g + 2 W_j)
//! ```
//!
//! where `least[first][j][m]` is the sum of the m - 1 least W_jl over l ≥ first, l ≠ j: of the pairs of a
//! set each question has m - 1, so the bound counts no pair that a set lacks (P. C. Gilmore, 1962;
//! E. L. Lawler, 1963). Candidates are in the order of their own r, so that good ones are decided first.
//!
//! It wins where few are chosen from many, and where many sets are alike: 10 of 100 questions of which
//! half are rarely right take .02 s, and the other tree more than 25. So it is tried wherever the other
//! tree has many nodes, for a part of the time that they would take.

use crate::search::form::Form;
use crate::search::matrix::Matrix;
use crate::search::problem::Problem;
use crate::search::quotas::OrderedQuotas;
use crate::sweep::simd::{InstructionSet, Instructions, Task};

/// Numbers in the table of least sums at most.
const MOST_LEAST: usize = 4_000_000;

/// All sets that may be asked for, or `None` where that takes more work: candidates looked at, of all
/// nodes.
pub(crate) fn sets(
    form: &Form,
    problem: &Problem,
    most_work: usize,
    instructions: Instructions,
    stop: impl Fn() -> bool,
) -> Option<Vec<Vec<usize>>> {
    let (size, choose) = (problem.size(), problem.choose);
    if size * size * choose > MOST_LEAST {
        return None;
    }
    let own = |x: usize| problem.covariances[x] / problem.variances.row(x)[x].max(f64::MIN_POSITIVE).sqrt();
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|&x, &y| own(y).total_cmp(&own(x)).then(x.cmp(&y)));
    let matrix = Matrix::from_fn(size, |x, y| form.matrix.row(order[x])[order[y]]);
    let mut twin = vec![None; size];
    for x in 0..size {
        let group = |candidate: usize| problem.first_of(candidate);
        twin[x] = (0..x).rev().find(|&y| group(order[y]) == group(order[x]));
    }
    let mut walk = Walk {
        error: form.error,
        choose,
        least: least(&matrix, choose),
        matrix,
        quotas: OrderedQuotas::new(problem, &order),
        twin,
        gains: vec![Vec::new(); choose + 1],
        set: Vec::new(),
        bounds: Vec::new(),
        work: 0,
        most_work,
        found: Vec::new(),
    };
    walk.gains[0] = walk.matrix.diagonal().collect();
    let complete = instructions.run(Run(&mut walk, &stop));
    let candidates = |set: &Vec<usize>| {
        let mut set: Vec<usize> = set.iter().map(|&x| order[x]).collect();
        set.sort_unstable();
        set
    };
    complete.then(|| walk.found.iter().map(candidates).collect())
}

/// `[first][candidate][m]`: the sum of the m - 1 least entries of a candidate's row from `first` on,
/// without its own; of all there are where they are fewer.
fn least(matrix: &Matrix, choose: usize) -> Vec<f64> {
    let size = matrix.size();
    let mut least = vec![0.0; size * size * choose];
    let mut entries = Vec::with_capacity(size);
    for first in 0..size {
        for candidate in first..size {
            entries.clear();
            let row = matrix.row(candidate).iter().enumerate().skip(first);
            entries.extend(row.filter(|&(other, _)| other != candidate).map(|(_, &value)| value));
            entries.sort_unstable_by(f64::total_cmp);
            let mut sum = 0.0;
            let to = &mut least[(first * size + candidate) * choose..][..choose];
            for (m, to) in to.iter_mut().enumerate() {
                *to = sum;
                sum += entries.get(m).copied().unwrap_or(0.0);
            }
        }
    }
    least
}

struct Walk {
    error: f64,
    choose: usize,
    matrix: Matrix,
    least: Vec<f64>,
    twin: Vec<Option<usize>>,
    quotas: OrderedQuotas,
    /// g, for each number of candidates decided.
    gains: Vec<Vec<f64>>,
    set: Vec<usize>,
    bounds: Vec<f64>,
    work: usize,
    most_work: usize,
    found: Vec<Vec<usize>>,
}

struct Run<'a, S>(&'a mut Walk, S);

impl<S: Fn() -> bool> Task for Run<'_, S> {
    type Output = bool;

    #[inline(always)]
    fn run<I: InstructionSet>(self, _: I) -> bool {
        let Self(walk, stop) = self;
        // By hand: what is compiled for an instruction set cannot call itself.
        let mut sums = vec![0.0];
        let mut firsts = vec![0];
        if !walk.reaches(0, 0.0) {
            return true;
        }
        while let (Some(&sum), Some(first)) = (sums.last(), firsts.last_mut()) {
            let decided = walk.set.len();
            let lacking = walk.choose - decided;
            let candidate = *first;
            if candidate + lacking > walk.matrix.size() {
                sums.pop();
                firsts.pop();
                walk.set.pop();
                continue;
            }
            *first += 1;
            if walk.twin[candidate].is_some_and(|twin| !walk.set.contains(&twin)) {
                continue;
            }
            let sum = sum + walk.gains[decided][candidate];
            if lacking == 1 {
                walk.work += 1;
                if sum <= walk.error && walk.meets_quotas_with(candidate) {
                    walk.found.push(walk.set.iter().copied().chain([candidate]).collect());
                }
                continue;
            }
            walk.decide(candidate);
            if walk.work > walk.most_work || stop() {
                return false;
            }
            if walk.reaches(candidate + 1, sum) {
                sums.push(sum);
                firsts.push(candidate + 1);
            } else {
                walk.set.pop();
            }
        }
        true
    }
}

impl Walk {
    /// Whether a set with one more candidate, and no others, meets its quotas.
    fn meets_quotas_with(&mut self, candidate: usize) -> bool {
        self.set.push(candidate);
        let meets = self.quotas.may_all_be_met(&self.set, self.matrix.size(), 0);
        self.set.pop();
        meets
    }

    /// Takes a candidate into the set.
    #[inline(always)]
    fn decide(&mut self, candidate: usize) {
        let decided = self.set.len();
        let (before, after) = self.gains.split_at_mut(decided + 1);
        let (before, after) = (&before[decided], &mut after[0]);
        after.resize(before.len(), 0.0);
        let row = self.matrix.row(candidate);
        for at in candidate + 1..before.len() {
            after[at] = before[at] + 2.0 * row[at];
        }
        self.set.push(candidate);
    }

    /// Whether a set of those decided and some from `first` on may be asked for.
    #[inline(always)]
    fn reaches(&mut self, first: usize, sum: f64) -> bool {
        let (size, decided) = (self.matrix.size(), self.set.len());
        let lacking = self.choose - decided;
        self.work += size - first;
        if size - first < lacking || !self.quotas.may_all_be_met(&self.set, first, lacking) {
            return false;
        }
        self.bounds.clear();
        let gains = &self.gains[decided];
        let least = |at: usize| self.least[(first * size + at) * self.choose + lacking - 1];
        self.bounds.extend((first..size).map(|at| gains[at] + least(at)));
        if lacking < self.bounds.len() {
            self.bounds.select_nth_unstable_by(lacking - 1, f64::total_cmp);
        }
        sum + self.bounds[..lacking].iter().sum::<f64>() <= 2.0 * self.error
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A problem whose variances are products of random numbers, and a form of random entries.
    fn problems() -> impl Strategy<Value = (Problem, Form)> {
        (2usize..9).prop_flat_map(|size| {
            let entries = proptest::collection::vec(-4i32..5, size * size);
            (entries, 1..=size).prop_map(move |(entries, choose)| {
                let entry = |x: usize, y: usize| f64::from(entries[x.min(y) * size + x.max(y)]);
                let variances = Matrix::from_fn(size, |x, y| if x == y { 9.0 } else { entry(x, y) });
                let problem = Problem {
                    candidates: (0..size).map(crate::sweep::position::Position).collect(),
                    choose,
                    covariances: (0..size).map(|x| entry(x, x)).collect(),
                    twin: vec![None; size],
                    error: 0.0,
                    quotas: Vec::new(),
                    variances,
                };
                let matrix = Matrix::from_fn(size, entry);
                (problem, Form { matrix, scale: 1.0, error: 0.25 })
            })
        })
    }

    proptest! {
        #[test]
        fn the_sets_are_those_of_a_form_that_is_not_above_the_error((problem, form) in problems()) {
            let size = problem.size();
            let of_size = (0u32..1 << size).filter(|set| set.count_ones() as usize == problem.choose);
            let all = of_size.map(|set| (0..size).filter(|&x| set >> x & 1 == 1).collect::<Vec<_>>());
            let value = |set: &Vec<usize>| -> f64 {
                set.iter().flat_map(|&x| set.iter().map(move |&y| (x, y))).map(|(x, y)| form.matrix.row(x)[y]).sum()
            };
            let expected: Vec<Vec<usize>> = all.filter(|set| value(set) <= form.error).collect();
            for instructions in Instructions::available() {
                let mut found = sets(&form, &problem, usize::MAX, instructions, || false).unwrap();
                found.sort();
                let mut expected = expected.clone();
                expected.sort();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
