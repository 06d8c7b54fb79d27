//! Scores of any size: the sums of each lane, one answer at a time.
//!
//! A user's scores lie one behind the other in the order of his bits, so walking
//! his row of bits upwards walks his scores. Exact scores end in one computation
//! of r; where floats may have lost digits, the users are visited again one by one.

use std::sync::Arc;

use crate::index::bitset::{WORD, contains, ones, rank};
use crate::index::{Answers, scores::Weighted};
use crate::sweep::kernel::transpose::transpose;
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
    spread: WeightedCohort<N>,
    /// Columns of bits, `[question][user of the spread cohort]`.
    answered_by: Vec<u64>,
    left: WeightedCohort<N>,
    /// The sums, a subset each.
    sums: Vec<Sums<N::Sum>>,
}

impl<N: Number> WeightedKernel<N> {
    pub(crate) fn new(answers: Arc<Answers>, scores: Arc<Weighted<N>>) -> Self {
        Self {
            answers,
            scores,
            spread: WeightedCohort::default(),
            answered_by: Vec::new(),
            left: WeightedCohort::default(),
            sums: Vec::new(),
        }
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

    fn narrow(&self, cohort: &WeightedCohort<N>, question: usize, narrowed: &mut WeightedCohort<N>) {
        narrowed.narrow_from(cohort, &self.answers, &self.scores, question);
    }

    fn spread(&mut self, cohort: &WeightedCohort<N>, end: usize) {
        self.spread.users.clone_from(&cohort.users);
        self.spread.subtotals.clone_from(&cohort.subtotals);
        let blocks = cohort.users.len().div_ceil(WORD);
        let words = end.div_ceil(WORD);
        self.answered_by.resize(words * WORD * blocks, 0);
        for (block, users) in cohort.users.chunks(WORD).enumerate() {
            for word in 0..words {
                let mut square = [0; WORD];
                for (row, &user) in square.iter_mut().zip(users) {
                    *row = self.answers.answered.row(user as usize)[word];
                }
                transpose(&mut square);
                for (bit, &column) in square.iter().enumerate() {
                    self.answered_by[(word * WORD + bit) * blocks + block] = column;
                }
            }
        }
    }

    fn open(&mut self, question: Option<usize>) -> usize {
        let Some(question) = question else {
            self.left.users.clone_from(&self.spread.users);
            self.left.subtotals.clone_from(&self.spread.subtotals);
            return self.left.users.len();
        };
        let scores = &*self.scores;
        let blocks = self.spread.users.len().div_ceil(WORD);
        self.left.users.clear();
        self.left.subtotals.clear();
        for (block, &users) in self.answered_by[question * blocks..][..blocks].iter().enumerate() {
            for bit in ones(users) {
                let place = block * WORD + bit;
                let user = self.spread.users[place];
                let row = self.answers.answered.row(user as usize);
                let score = scores.of(user as usize)[rank(row, question)];
                self.left.users.push(user);
                self.left.subtotals.push(self.spread.subtotals[place].plus(score));
            }
        }
        self.left.users.len()
    }

    fn sum(&mut self, end: usize) {
        let words = end.div_ceil(WORD);
        self.sums.clear();
        self.sums.resize(words * LANES, Sums::default());
        let scores = &*self.scores;
        for (&user, &subtotal) in self.left.users.iter().zip(&self.left.subtotals) {
            let user = user as usize;
            let total = scores.totals[user];
            let mut scores = scores.of(user).iter();
            let row = &self.answers.answered.row(user)[..words];
            for (sums, &word) in self.sums.chunks_exact_mut(LANES).zip(row) {
                for (lane, &score) in ones(word).zip(&mut scores) {
                    N::accumulate(&mut sums[lane], subtotal.plus(score), total);
                }
            }
        }
    }

    fn lanes(&self, word: usize, lanes: u64, screen: &Screen, results: &mut Lanes) {
        results.clear();
        for lane in ones(lanes) {
            let question = word * WORD + lane;
            let sums = &self.sums[question];
            if sums.n < screen.min_users {
                continue;
            }
            let mut correlation = N::correlate(sums, screen.corrected);
            if correlation == Correlation::Doubtful {
                correlation = N::correlate_carefully(&self.pairs(question), screen.corrected);
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
