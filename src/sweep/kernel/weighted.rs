//! Scores of any size: the sums of each lane, one answer at a time.
//!
//! A user's scores lie one behind the other in the order of his bits, so walking
//! his row of bits upwards walks his scores. Exact scores end in one computation
//! of r; where floats may have lost digits, the users are visited again one by one.

use std::sync::Arc;

use crate::index::bitset::{WORD, contains, ones, rank};
use crate::index::{Answers, scores::Weighted};
use crate::sweep::kernel::{Kernel, LANES, Lanes, Screen};
use crate::sweep::pearson::{Correlation, Number, Sums};

/// The users who answered all of a prefix, with their subtotals on it.
#[derive(Debug)]
pub(crate) struct WeightedCohort<N> {
    users: Vec<u32>,
    subtotals: Vec<N>,
}

impl<N> Default for WeightedCohort<N> {
    fn default() -> Self {
        Self { users: Vec::new(), subtotals: Vec::new() }
    }
}

impl<N: Number> WeightedCohort<N> {
    /// All users, before any question is chosen.
    pub(crate) fn all(answers: &Answers) -> Self {
        let users = answers.users();
        Self { users: (0..users as u32).collect(), subtotals: vec![N::default(); users] }
    }

    /// Makes `self` the users of `cohort` who answered `question`, in their order.
    pub(crate) fn narrow_from(
        &mut self,
        cohort: &Self,
        answers: &Answers,
        scores: &Weighted<N>,
        question: usize,
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
#[derive(Debug)]
pub(crate) struct WeightedKernel<N: Number> {
    answers: Arc<Answers>,
    scores: Arc<Weighted<N>>,
    /// The users of the open prefix.
    left: WeightedCohort<N>,
    /// The sums of a word of lanes, a subset each.
    sums: Vec<Sums<N::Sum>>,
}

impl<N: Number> WeightedKernel<N> {
    pub(crate) fn new(answers: Arc<Answers>, scores: Arc<Weighted<N>>) -> Self {
        Self { answers, scores, left: WeightedCohort::default(), sums: Vec::new() }
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

impl<N: Number> Kernel for WeightedKernel<N> {
    type Cohort = WeightedCohort<N>;

    fn users(cohort: &WeightedCohort<N>) -> usize {
        cohort.users.len()
    }

    fn narrow(
        &mut self,
        cohort: &WeightedCohort<N>,
        question: usize,
        _end: usize,
        narrowed: &mut WeightedCohort<N>,
    ) {
        narrowed.narrow_from(cohort, &self.answers, &self.scores, question);
    }

    fn open(&mut self, cohort: &WeightedCohort<N>, question: Option<usize>) -> usize {
        match question {
            Some(question) => self.left.narrow_from(cohort, &self.answers, &self.scores, question),
            None => {
                self.left.users.clone_from(&cohort.users);
                self.left.subtotals.clone_from(&cohort.subtotals);
            }
        }
        self.left.users.len()
    }

    fn lanes(
        &mut self,
        _cohort: &WeightedCohort<N>,
        word: usize,
        lanes: u64,
        screen: &Screen,
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
            if !screen.counts(sums.n) {
                continue;
            }
            let mut correlation = N::correlate(sums, screen.corrected);
            if correlation == Correlation::Doubtful {
                correlation = N::correlate_carefully(&self.pairs(word * WORD + lane), screen.corrected);
                results.effort += self.left.users.len();
            }
            let r = match correlation {
                Correlation::Defined(r) => Some(r),
                _ => None,
            };
            results.record(lane, sums.n, r, screen);
        }
    }
}
