//! Exact scores of users who all answered everything: no user is ever left out, so that
//! nothing depends on the users but the covariances of the questions.
//!
//! With `C(x, y)` = n·Σxy - Σx·Σy, which is bilinear, a subset S has
//!
//! ```text
//! covariance = Σ C(q, b)   over q in S
//! of_a       = Σ C(q, r)   over q and r in S
//! of_b       = C(b, b)
//! ```
//!
//! so that a prefix P that grows by y grows by `gain(y)` = C(y, y) + 2·Σ C(q, y) over q in
//! P. The gains of all y are kept for the prefix of k-2 questions, and a subset costs four
//! additions, whatever the number of users.
//!
//! All of it is computed in doubles: they hold integers below 2⁵³ exactly, and data whose
//! moments could pass that are summed like any others. So r has the same bits.

use std::sync::Arc;

use crate::index::Answers;
use crate::index::bitset::{ones, WORD};
use crate::index::scores::Scores;
use crate::sweep::kernel::instructions::{InstructionSet, Task};
use crate::sweep::kernel::{Kernel, LANES, Lanes, Screen};
use crate::sweep::pearson::{Correlation, correlation_of};

/// The covariances of the questions with each other and with the grand totals, times n².
#[derive(Debug)]
pub(crate) struct Covariances {
    users: usize,
    /// `[question][question]`, rows filled up to whole words of lanes.
    questions: Vec<Vec<f64>>,
    /// Of each question with the grand totals, filled up as well.
    totals: Vec<f64>,
    /// Of the grand totals with themselves.
    of_totals: f64,
}

impl Covariances {
    /// The covariances of exact scores, for subsets of k questions; `None` if there are
    /// gaps, if scores are not exact, or if doubles may not hold the moments.
    pub(crate) fn of(answers: &Answers, k: usize) -> Option<Self> {
        let (users, questions) = (answers.users(), answers.questions());
        if answers.support.iter().any(|&support| support < users) {
            return None;
        }
        let of_user = |user: usize| -> Option<(Vec<f64>, f64)> {
            match &answers.scores {
                Scores::Binary(scores) => {
                    let row = scores.correct.row(user);
                    let score = |question: usize| (row[question / WORD] >> (question % WORD) & 1) as f64;
                    Some(((0..questions).map(score).collect(), scores.totals[user].into()))
                }
                Scores::Integer(scores) => {
                    Some((scores.of(user).iter().map(|&score| score as f64).collect(), scores.totals[user] as f64))
                }
                _ => None,
            }
        };
        let lanes = questions.next_multiple_of(LANES);
        let (mut widest, mut sum_of_totals, mut square_of_totals) = (0f64, 0.0, 0.0);
        let mut sums = vec![0.0; lanes];
        let mut products = vec![vec![0.0; lanes]; questions];
        let mut with_totals = vec![0.0; lanes];
        for user in 0..users {
            let (scores, total) = of_user(user)?;
            let most = scores.iter().copied().fold(0.0, f64::max);
            widest = widest.max(most * k as f64).max(total.abs());
            // Scores are not negative. Four moments are added up at most, each a difference
            // of two products below n²·widest².
            if widest * widest * (users * users) as f64 * 8.0 >= 2f64.powi(53) {
                return None;
            }
            sum_of_totals += total;
            square_of_totals += total * total;
            for (question, &score) in scores.iter().enumerate() {
                sums[question] += score;
                with_totals[question] += score * total;
                let products = &mut products[question][..questions];
                products.iter_mut().zip(&scores).for_each(|(product, &other)| *product += score * other);
            }
        }
        let n = users as f64;
        for (question, products) in products.iter_mut().enumerate() {
            let sum = sums[question];
            products.iter_mut().zip(&sums).for_each(|(product, other)| *product = n * *product - sum * other);
        }
        let of_total = |(product, sum): (&f64, &f64)| n * product - sum * sum_of_totals;
        Some(Self {
            users,
            totals: with_totals.iter().zip(&sums).map(of_total).collect(),
            questions: products,
            of_totals: n * square_of_totals - sum_of_totals * sum_of_totals,
        })
    }

    /// Bytes held for so many questions.
    pub(crate) fn bytes(questions: usize) -> usize {
        (questions + 1) * questions.next_multiple_of(LANES) * size_of::<f64>()
    }
}

/// A prefix.
#[derive(Debug, Default)]
pub(crate) struct CompleteCohort {
    users: usize,
    covariance: f64,
    of_a: f64,
    /// What each question adds to `of_a`.
    gains: Vec<f64>,
}

impl CompleteCohort {
    /// The empty prefix.
    pub(crate) fn empty(covariances: &Covariances) -> Self {
        let mut gains = vec![0.0; covariances.totals.len()];
        for (question, gain) in gains.iter_mut().enumerate().take(covariances.questions.len()) {
            *gain = covariances.questions[question][question];
        }
        Self { users: covariances.users, covariance: 0.0, of_a: 0.0, gains }
    }

    /// Makes `self` the prefix that is longer by one question.
    pub(crate) fn grow(&mut self, prefix: &Self, question: usize, covariances: &Covariances) {
        self.users = prefix.users;
        self.covariance = prefix.covariance + covariances.totals[question];
        self.of_a = prefix.of_a + prefix.gains[question];
        let with_question = &covariances.questions[question];
        self.gains.clear();
        self.gains.extend(prefix.gains.iter().zip(with_question).map(|(gain, with)| gain + 2.0 * with));
    }
}

/// Looks the moments of subsets up, where no user left anything out.
#[derive(Debug)]
pub(crate) struct CompleteKernel<I> {
    instructions: I,
    covariances: Arc<Covariances>,
    /// The question that ends the open prefix.
    question: Option<usize>,
    covariance: f64,
    of_a: f64,
}

impl<I: InstructionSet> CompleteKernel<I> {
    pub(crate) fn new(instructions: I, covariances: Arc<Covariances>) -> Self {
        Self { instructions, covariances, question: None, covariance: 0.0, of_a: 0.0 }
    }
}

impl<I: InstructionSet> Kernel for CompleteKernel<I> {
    type Cohort = CompleteCohort;

    fn users(cohort: &CompleteCohort) -> usize {
        cohort.users
    }

    fn narrow(&mut self, cohort: &CompleteCohort, question: usize, _end: usize, narrowed: &mut CompleteCohort) {
        narrowed.grow(cohort, question, &self.covariances);
    }

    fn open(&mut self, cohort: &CompleteCohort, question: Option<usize>) -> usize {
        self.question = question;
        (self.covariance, self.of_a) = match question {
            None => (cohort.covariance, cohort.of_a),
            Some(question) => (
                cohort.covariance + self.covariances.totals[question],
                cohort.of_a + cohort.gains[question],
            ),
        };
        cohort.users
    }

    fn lanes(
        &mut self,
        cohort: &CompleteCohort,
        word: usize,
        lanes: u64,
        screen: &Screen,
        results: &mut Lanes,
    ) {
        results.clear();
        if (cohort.users as i64) < screen.min_users {
            return;
        }
        let at = word * LANES;
        let part = |lanes: &'_ [f64]| -> [f64; LANES] { lanes[at..at + LANES].try_into().expect("a word of lanes") };
        let mut of_a = part(&cohort.gains);
        if let Some(question) = self.question {
            let with_question = &self.covariances.questions[question][at..at + LANES];
            of_a.iter_mut().zip(with_question).for_each(|(of_a, with)| *of_a += 2.0 * with);
        }
        let moments = Moments {
            covariance: part(&self.covariances.totals),
            of_a,
            prefix: [self.covariance, self.of_a],
            of_b: self.covariances.of_totals,
        };
        let users = cohort.users as i64;
        self.instructions.run(Finish { moments, users, lanes, screen, results });
    }
}

/// The moments of a word of lanes.
struct Moments {
    /// Without the prefix's.
    covariance: [f64; LANES],
    of_a: [f64; LANES],
    /// The prefix's covariance and variance of a.
    prefix: [f64; 2],
    of_b: f64,
}

/// Hands out the lanes that pass the screen.
struct Finish<'a> {
    moments: Moments,
    users: i64,
    lanes: u64,
    screen: &'a Screen,
    results: &'a mut Lanes,
}

impl Task for Finish<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: InstructionSet>(self, _: I) {
        let Self { moments, users, lanes, screen, results } = self;
        let Moments { mut covariance, mut of_a, prefix, of_b } = moments;
        for lane in 0..LANES {
            covariance[lane] += prefix[0];
            of_a[lane] += prefix[1];
        }
        let mut promising = lanes;
        if screen.floor > 0.0 && !screen.corrected {
            // r² without a root and a division; the margin is for the rounding of both.
            let floor = screen.floor * screen.floor * (1.0 - 1e-12) * of_b;
            let mut above = 0;
            for lane in 0..LANES {
                let covariance = covariance[lane];
                let passes = (covariance > 0.0) & (covariance * covariance >= floor * of_a[lane]);
                above |= u64::from(passes) << lane;
            }
            promising &= above;
        }
        for lane in ones(promising) {
            let moments = [covariance[lane], of_a[lane], of_b];
            let r = match correlation_of(moments, screen.corrected) {
                Correlation::Defined(r) => Some(r),
                _ => None,
            };
            results.record(lane, users, r, screen);
        }
    }
}
