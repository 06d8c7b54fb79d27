//! Scores of any size: the sums of each lane, one answer at a time.
//!
//! A user's scores lie one behind the other in the order of the user's bits, so walking
//! a row of bits upwards walks the scores. Exact scores end in one computation
//! of r; where floats may have lost digits, the users are visited again one by one.

use std::sync::Arc;

use crate::index::bitset::{WORD, contains, ones, rank};
use crate::index::{Answers, scores::Weighted};
use crate::sweep::kernel::filter::Filter;
use crate::sweep::kernel::{Ends, Kernel, LANES, Lanes};
use crate::sweep::pearson::{Correlation, Number, Sums};
use crate::sweep::position::Position;

/// The users who answered all of a prefix, with their subtotals on it.
#[derive(Debug, Clone)]
pub(crate) struct SparseCohort<N> {
    users: Vec<u32>,
    subtotals: Vec<N>,
}

impl<N> Default for SparseCohort<N> {
    fn default() -> Self {
        Self { users: Vec::new(), subtotals: Vec::new() }
    }
}

impl<N: Number> SparseCohort<N> {
    /// All users, before any question is chosen.
    pub(crate) fn all(answers: &Answers) -> Self {
        let users = answers.users();
        Self { users: (0..users as u32).collect(), subtotals: vec![N::default(); users] }
    }

    /// Makes `self` the users of `cohort` who answered `question`, in their order.
    fn restrict_from(
        &mut self,
        cohort: &Self,
        answers: &Answers,
        scores: &Weighted<N>,
        Position(question): Position,
    ) {
        self.users.clear();
        self.subtotals.clear();
        for (&user, &subtotal) in cohort.users.iter().zip(&cohort.subtotals) {
            let row = answers.answered.row(user as usize);
            if contains(row, question) {
                let score = scores.of(user as usize)[rank(row, question)];
                self.users.push(user);
                self.subtotals.push(subtotal.plus(score));
            }
        }
    }
}

/// Sums lanes of subsets whose scores are numbers of type `N`.
#[derive(Debug, Clone)]
pub(crate) struct SparseKernel<N: Number> {
    answers: Arc<Answers>,
    scores: Arc<Weighted<N>>,
    /// The users of the open prefix.
    left: SparseCohort<N>,
    /// The sums of a word of lanes, a subset each.
    sums: Vec<Sums<N::Sum>>,
}

impl<N: Number> SparseKernel<N> {
    pub(crate) fn new(answers: Arc<Answers>, scores: Arc<Weighted<N>>) -> Self {
        Self { answers, scores, left: SparseCohort::default(), sums: Vec::new() }
    }

    /// a and b of every user left who answered `question`, in the order of the users.
    fn pairs(&self, question: usize) -> Vec<(N, N)> {
        let scores = &*self.scores;
        let left = self.left.users.iter().zip(&self.left.subtotals);
        left.filter_map(|(&user, subtotal)| {
            let user = user as usize;
            let row = self.answers.answered.row(user);
            contains(row, question)
                .then(|| (subtotal.plus(scores.of(user)[rank(row, question)]), scores.totals[user]))
        })
        .collect()
    }
}

impl<N: Number> Kernel for SparseKernel<N> {
    type Cohort = SparseCohort<N>;

    fn user_bytes(_answers: &Answers) -> usize {
        size_of::<u32>() + size_of::<N>()
    }

    fn users(cohort: &SparseCohort<N>) -> usize {
        cohort.users.len()
    }

    fn restrict(
        &mut self,
        cohort: &SparseCohort<N>,
        question: Position,
        _ends: Ends,
        restricted: &mut SparseCohort<N>,
    ) {
        restricted.restrict_from(cohort, &self.answers, &self.scores, question);
    }

    fn open(&mut self, cohort: &SparseCohort<N>, question: Option<Position>) -> usize {
        match question {
            Some(question) => self.left.restrict_from(cohort, &self.answers, &self.scores, question),
            None => {
                self.left.users.clone_from(&cohort.users);
                self.left.subtotals.clone_from(&cohort.subtotals);
            }
        }
        self.left.users.len()
    }

    fn lanes(
        &mut self,
        _cohort: &SparseCohort<N>,
        word: usize,
        lanes: u64,
        filter: &Filter,
        results: &mut Lanes,
    ) {
        results.clear();
        self.sums.clear();
        self.sums.resize(LANES, Sums::default());
        let scores = &*self.scores;
        for (&user, &subtotal) in self.left.users.iter().zip(&self.left.subtotals) {
            let user = user as usize;
            let total = scores.totals[user];
            let row = self.answers.answered.row(user);
            let scores = &scores.of(user)[rank(row, word * WORD)..];
            for (lane, &score) in ones(row[word]).zip(scores) {
                N::accumulate(&mut self.sums[lane], subtotal.plus(score), total);
            }
        }
        for lane in ones(lanes) {
            let sums = &self.sums[lane];
            if !filter.counts(sums.n) {
                continue;
            }
            let mut correlation = N::correlate(sums, filter.corrected);
            if correlation == Correlation::Doubtful {
                correlation = N::correlate_carefully(&self.pairs(word * WORD + lane), filter.corrected);
                results.cost += self.left.users.len();
            }
            results.record(lane, sums.n, correlation.defined(), filter);
        }
    }
}
