//! Covariances of candidates: all of them, or those with the questions of a set.

use std::cmp::Reverse;
use std::sync::Arc;

use crate::index::Answers;
use crate::index::bitset::{WORD, ones};
use crate::index::scores::Scores;
use crate::search::moments::scores_of;
use crate::search::problem::{CandidateQuota, Problem};
use crate::sweep::position::Position;
use crate::sweep::simd::{InstructionSet, Instructions, Task};

/// What the exchanges of a set are computed from. Units are as in [`Problem`].
pub(crate) trait Rows: Send {
    /// How many candidates a set has.
    fn choose(&self) -> usize;

    /// Of each candidate with the grand totals.
    fn covariances(&self) -> &[f64];

    /// What sets have to meet.
    fn quotas(&self) -> &[CandidateQuota];

    /// The variance of a candidate.
    fn own(&self, candidate: usize) -> f64;

    /// Makes the rows of a set ready.
    fn need(&mut self, set: &[usize]);

    /// The covariances of a candidate of the set that was needed last with all candidates.
    fn row(&self, candidate: usize) -> &[f64];
}

impl Rows for Arc<Problem> {
    fn choose(&self) -> usize {
        self.choose
    }

    fn covariances(&self) -> &[f64] {
        &self.covariances
    }

    fn quotas(&self) -> &[CandidateQuota] {
        &self.quotas
    }

    #[inline(always)]
    fn own(&self, candidate: usize) -> f64 {
        self.variances.row(candidate)[candidate]
    }

    fn need(&mut self, _: &[usize]) {}

    #[inline(always)]
    fn row(&self, candidate: usize) -> &[f64] {
        self.variances.row(candidate)
    }
}

/// A problem of so many candidates that their covariances are not all kept: 14,000 would take 1.6 GB.
#[derive(Debug)]
pub(crate) struct LargeProblem {
    answers: Arc<Answers>,
    instructions: Instructions,
    /// For scores of 0 or 1, by position: the users who scored, a bit each.
    scored: Option<Vec<Vec<u64>>>,
    pub(crate) candidates: Vec<Position>,
    choose: usize,
    /// By position, in units of the standard deviation of the grand totals, and so is what follows.
    means: Vec<f64>,
    unit: f64,
    covariances: Vec<f64>,
    own: Vec<f64>,
    /// What each candidate shares with the fixed questions, and these among themselves.
    shared: Vec<f64>,
    of_fixed: f64,
}

impl LargeProblem {
    /// Sets of `choose` candidates beside some fixed questions, in answers without gaps.
    pub(crate) fn new(
        answers: Arc<Answers>,
        fixed: &[Position],
        candidates: Vec<Position>,
        choose: usize,
        instructions: Instructions,
    ) -> Self {
        let (users, questions) = (answers.users(), answers.questions());
        let n = users as f64;
        let mut scores = vec![0.0; questions];
        let mut means = vec![0.0; questions];
        let mut mean_total = 0.0;
        for user in 0..users {
            mean_total += scores_of(&answers, user, &mut scores) / n;
            means.iter_mut().zip(&scores).for_each(|(mean, score)| *mean += score / n);
        }
        let (mut own, mut with_totals, mut of_totals) = (vec![0.0; questions], vec![0.0; questions], 0.0);
        for user in 0..users {
            let total = scores_of(&answers, user, &mut scores) - mean_total;
            of_totals += total * total;
            for (question, score) in scores.iter().enumerate() {
                let deviation = score - means[question];
                own[question] += deviation * deviation;
                with_totals[question] += deviation * total;
            }
        }
        let unit = if of_totals > 0.0 { 1.0 / of_totals } else { 0.0 };
        let mut problem = Self {
            scored: scored(&answers),
            answers,
            instructions,
            choose,
            means,
            unit,
            covariances: Vec::new(),
            own: Vec::new(),
            shared: vec![0.0; candidates.len()],
            of_fixed: 0.0,
            candidates,
        };
        let m = choose as f64;
        let rows: Vec<Vec<f64>> = fixed.iter().map(|&question| problem.of_question(question)).collect();
        for row in &rows {
            problem.of_fixed += fixed.iter().map(|question| row[question.0]).sum::<f64>();
            let of_candidates = problem.candidates.iter().map(|candidate| row[candidate.0]);
            problem.shared.iter_mut().zip(of_candidates).for_each(|(shared, with)| *shared += with);
        }
        let with_fixed: f64 = fixed.iter().map(|question| with_totals[question.0] * unit).sum();
        let covariance = |candidate: &Position| with_totals[candidate.0] * unit + with_fixed / m;
        problem.covariances = problem.candidates.iter().map(covariance).collect();
        let (of_fixed, shared) = (problem.of_fixed, &problem.shared);
        let own = |(candidate, shared): (&Position, &f64)| {
            own[candidate.0] * unit + 2.0 * shared / m + of_fixed / (m * m)
        };
        problem.own = problem.candidates.iter().zip(shared).map(own).collect();
        problem
    }

    /// Bytes of a problem.
    pub(crate) fn bytes(answers: &Answers) -> usize {
        let scored = answers.users().div_ceil(WORD) * size_of::<u64>();
        answers.questions() * (scored + 12 * size_of::<f64>())
    }

    /// The covariances of a question with all questions, by position.
    fn of_question(&self, question: Position) -> Vec<f64> {
        let users = self.answers.users() as f64;
        if let Some(scored) = &self.scored {
            let both = self.instructions.run(InCommon { with: &scored[question.0], of: scored });
            let mean = self.means[question.0];
            let covariance = |(both, other): (u64, &f64)| (both as f64 - users * mean * other) * self.unit;
            return both.into_iter().zip(&self.means).map(covariance).collect();
        }
        let mut scores = vec![0.0; self.answers.questions()];
        let mut sums = vec![0.0; self.answers.questions()];
        for user in 0..self.answers.users() {
            scores_of(&self.answers, user, &mut scores);
            let factor = (scores[question.0] - self.means[question.0]) * self.unit;
            let deviations = scores.iter().zip(&self.means).map(|(score, mean)| score - mean);
            sums.iter_mut().zip(deviations).for_each(|(sum, deviation)| *sum += factor * deviation);
        }
        sums
    }

    fn row(&self, candidate: usize) -> Vec<f64> {
        let m = self.choose as f64;
        let of_question = self.of_question(self.candidates[candidate]);
        let constant = self.shared[candidate] / m + self.of_fixed / (m * m);
        let of_candidates = self.candidates.iter().zip(&self.shared);
        of_candidates.map(|(other, shared)| of_question[other.0] + shared / m + constant).collect()
    }
}

/// For scores of 0 or 1, by position: the users who scored.
fn scored(answers: &Answers) -> Option<Vec<Vec<u64>>> {
    let Scores::Binary(scores) = &answers.scores else { return None };
    let mut columns = vec![vec![0; answers.users().div_ceil(WORD)]; answers.questions()];
    for user in 0..answers.users() {
        for (word, &bits) in scores.correct.row(user).iter().enumerate() {
            for bit in ones(bits) {
                columns[word * WORD + bit][user / WORD] |= 1 << (user % WORD);
            }
        }
    }
    Some(columns)
}

/// How many users several questions have in common with one.
struct InCommon<'a> {
    with: &'a [u64],
    of: &'a [Vec<u64>],
}

impl Task for InCommon<'_> {
    type Output = Vec<u64>;

    #[inline(always)]
    fn run<I: InstructionSet>(self, _: I) -> Vec<u64> {
        let both = |other: &Vec<u64>| {
            self.with.iter().zip(other).map(|(x, y)| u64::from((x & y).count_ones())).sum()
        };
        self.of.iter().map(both).collect()
    }
}

/// Some of the rows of a large problem: those that were needed last, and some before.
#[derive(Debug)]
pub(crate) struct RowCache {
    problem: Arc<LargeProblem>,
    /// By candidate; empty where they are not there.
    rows: Vec<Vec<f64>>,
    /// Those that are there, and when each was needed last.
    times: Vec<(usize, u64)>,
    /// How often rows were needed.
    time: u64,
}

/// Rows that are kept for each question of a set: kicks that came to nothing are taken back.
const KEPT: usize = 3;

impl RowCache {
    pub(crate) fn new(problem: Arc<LargeProblem>) -> Self {
        let rows = vec![Vec::new(); problem.candidates.len()];
        Self { problem, rows, times: Vec::new(), time: 0 }
    }

    /// Bytes that the rows take, at most.
    pub(crate) fn bytes(candidates: usize, choose: usize) -> usize {
        (KEPT + 1) * choose * candidates * size_of::<f64>()
    }
}

impl Rows for RowCache {
    fn choose(&self) -> usize {
        self.problem.choose
    }

    fn covariances(&self) -> &[f64] {
        &self.problem.covariances
    }

    fn quotas(&self) -> &[CandidateQuota] {
        &[]
    }

    #[inline(always)]
    fn own(&self, candidate: usize) -> f64 {
        self.problem.own[candidate]
    }

    fn need(&mut self, set: &[usize]) {
        self.time += 1;
        for &candidate in set {
            if self.rows[candidate].is_empty() {
                self.rows[candidate] = self.problem.row(candidate);
                self.times.push((candidate, 0));
            }
        }
        for (candidate, time) in &mut self.times {
            if set.contains(candidate) {
                *time = self.time;
            }
        }
        if self.times.len() > (KEPT + 1) * set.len() {
            self.times.sort_unstable_by_key(|&(candidate, time)| (Reverse(time), candidate));
            for (candidate, _) in self.times.drain(2 * set.len()..) {
                self.rows[candidate] = Vec::new();
            }
        }
    }

    #[inline(always)]
    fn row(&self, candidate: usize) -> &[f64] {
        &self.rows[candidate]
    }
}
