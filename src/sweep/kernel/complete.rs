//! Exact scores of users who all answered everything: no user is ever left out, so that
//! nothing depends on the users but the covariances of the questions.
//!
//! With `C(x, y)` = n·Σxy - Σx·Σy, which is bilinear, a subset S has
//!
//! ```text
//! covariance = Σ C(q, b)   over q in S
//! var_a       = Σ C(q, r)   over q and r in S
//! var_b       = C(b, b)
//! ```
//!
//! so that a prefix P that grows by y grows by `gain(y)` = C(y, y) + 2·Σ C(q, y) over q in
//! P. The gains of all y are kept for the prefix of k-2 questions, and a subset costs four
//! additions, whatever the number of users; and three multiplications, to see whether
//! covariance² / (var_a · var_b) reaches the floor.
//!
//! All of it is computed in doubles: they hold integers below 2⁵³ exactly, and data whose
//! moments could pass that are summed like any others. So r has the same bits.

use std::sync::Arc;

use crate::index::Answers;
use crate::index::bitset::{WORD, ones};
use crate::index::scores::Scores;
use crate::sweep::kernel::filter::Filter;
use crate::sweep::kernel::finish::block;
use crate::sweep::kernel::{Ends, Kernel, LANES, Lanes};
use crate::sweep::pearson::Correlation;
use crate::sweep::pearson::exact::correlation_of;
use crate::sweep::position::Position;
use crate::sweep::simd::{Arithmetic, InstructionSet, Instructions, Task};

/// The covariances of the questions with each other and with the grand totals, times n².
#[derive(Debug)]
pub(crate) struct Covariances {
    users: usize,
    /// `[question][question]`, twice, in rows filled up to whole words of lanes.
    questions: Vec<Vec<f64>>,
    /// Of each question with itself.
    of_questions: Vec<f64>,
    /// Of each question with the grand totals, filled up as well.
    totals: Vec<f64>,
    /// Of the grand totals with themselves.
    of_totals: f64,
}

/// The covariances of so many questions take 134 MB. Of more questions users are summed, which for pairs
/// of them is as much work.
const MOST_QUESTIONS: usize = 4096;

impl Covariances {
    /// The covariances of exact scores, for subsets of k questions; `None` if there are
    /// gaps, if scores are not exact, or if doubles may not hold the moments.
    pub(crate) fn of(answers: &Answers, k: usize) -> Option<Self> {
        let (users, questions) = (answers.users(), answers.questions());
        if Self::bytes(answers) == 0 {
            return None;
        }
        let of_user = |user: usize| -> Option<(Vec<f64>, f64)> {
            match &answers.scores {
                Scores::Binary(scores) => {
                    let row = scores.correct.row(user);
                    let score = |question: usize| (row[question / WORD] >> (question % WORD) & 1) as f64;
                    Some(((0..questions).map(score).collect(), scores.totals[user].into()))
                }
                Scores::Integer(scores) => Some((
                    scores.of(user).iter().map(|&score| score as f64).collect(),
                    scores.totals[user] as f64,
                )),
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
        let of_questions =
            products.iter().enumerate().map(|(question, products)| products[question]).collect();
        products.iter_mut().flatten().for_each(|product| *product *= 2.0);
        let of_total = |(product, sum): (&f64, &f64)| n * product - sum * sum_of_totals;
        Some(Self {
            users,
            totals: with_totals.iter().zip(&sums).map(of_total).collect(),
            questions: products,
            of_questions,
            of_totals: n * square_of_totals - sum_of_totals * sum_of_totals,
        })
    }

    /// Covariance and variances of a set with no more questions than k.
    ///
    /// Sums of a question's row are covariances with a subtotal, and so are their sums: no
    /// partial sum passes what doubles hold.
    pub(crate) fn of_set(&self, set: &[Position]) -> [f64; 3] {
        let covariance = set.iter().map(|question| self.totals[question.0]).sum();
        let with_set = |question: &Position| -> f64 {
            let row = &self.questions[question.0];
            set.iter().map(|other| row[other.0]).sum()
        };
        let twice: f64 = set.iter().map(with_set).sum();
        [covariance, twice / 2.0, self.of_totals]
    }

    /// Bytes held for some answers: none where there are gaps, or too many questions.
    pub(crate) fn bytes(answers: &Answers) -> usize {
        let questions = answers.questions();
        if !answers.are_complete() || questions > MOST_QUESTIONS {
            return 0;
        }
        (questions + 1) * questions.next_multiple_of(LANES) * size_of::<f64>()
    }
}

/// A prefix.
#[derive(Debug, Default)]
pub(crate) struct CompleteCohort {
    users: usize,
    covariance: f64,
    var_a: f64,
    /// What each question adds to `var_a`.
    gains: Vec<f64>,
}

impl CompleteCohort {
    /// The empty prefix.
    pub(crate) fn empty(covariances: &Covariances) -> Self {
        let mut gains = vec![0.0; covariances.totals.len()];
        gains[..covariances.of_questions.len()].copy_from_slice(&covariances.of_questions);
        Self { users: covariances.users, covariance: 0.0, var_a: 0.0, gains }
    }

    /// Makes `self` the prefix that is longer by one question.
    fn grow(&mut self, prefix: &Self, Position(question): Position, covariances: &Covariances) {
        self.users = prefix.users;
        self.covariance = prefix.covariance + covariances.totals[question];
        self.var_a = prefix.var_a + prefix.gains[question];
        let with_question = &covariances.questions[question];
        self.gains.clear();
        self.gains.extend(prefix.gains.iter().zip(with_question).map(|(gain, with)| gain + with));
    }
}

/// Looks the moments of subsets up, where no user left anything out.
#[derive(Debug, Clone)]
pub(crate) struct CompleteKernel {
    instructions: Instructions,
    covariances: Arc<Covariances>,
    /// The question that ends the open prefix.
    question: Option<Position>,
    covariance: f64,
    var_a: f64,
}

impl CompleteKernel {
    pub(crate) fn new(instructions: Instructions, covariances: Arc<Covariances>) -> Self {
        Self { instructions, covariances, question: None, covariance: 0.0, var_a: 0.0 }
    }
}

impl Kernel for CompleteKernel {
    type Cohort = CompleteCohort;

    /// A cohort is some sums of each question.
    fn user_bytes(_answers: &Answers) -> usize {
        0
    }

    #[inline]
    fn users(cohort: &CompleteCohort) -> usize {
        cohort.users
    }

    fn restrict(
        &mut self,
        cohort: &CompleteCohort,
        question: Position,
        _ends: Ends,
        restricted: &mut CompleteCohort,
    ) {
        restricted.grow(cohort, question, &self.covariances);
    }

    #[inline]
    fn open(&mut self, cohort: &CompleteCohort, question: Option<Position>) -> usize {
        self.question = question;
        (self.covariance, self.var_a) = match question {
            None => (cohort.covariance, cohort.var_a),
            Some(Position(question)) => {
                (cohort.covariance + self.covariances.totals[question], cohort.var_a + cohort.gains[question])
            }
        };
        cohort.users
    }

    #[inline]
    fn lanes(
        &mut self,
        cohort: &CompleteCohort,
        word: usize,
        lanes: u64,
        filter: &Filter,
        results: &mut Lanes,
    ) {
        results.clear();
        if !filter.counts(cohort.users as i64) {
            return;
        }
        let word = word * LANES..(word + 1) * LANES;
        let covariances = &*self.covariances;
        self.instructions.run(Finish {
            totals: &covariances.totals[word.clone()],
            gains: &cohort.gains[word.clone()],
            with_question: match self.question {
                Some(Position(question)) => &covariances.questions[question][word],
                None => &NO_QUESTION,
            },
            covariance: self.covariance,
            var_a: self.var_a,
            var_b: covariances.of_totals,
            users: cohort.users as i64,
            lanes,
            filter,
            results,
        });
    }
}

/// What the question that ends an empty prefix has in common with others.
const NO_QUESTION: [f64; LANES] = [0.0; LANES];

/// Hands out the lanes of a word that pass the filter.
struct Finish<'a> {
    // By lane.
    totals: &'a [f64],
    gains: &'a [f64],
    with_question: &'a [f64],
    // Of the prefix.
    covariance: f64,
    var_a: f64,
    var_b: f64,
    users: i64,
    lanes: u64,
    filter: &'a Filter,
    results: &'a mut Lanes,
}

impl Task for Finish<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: InstructionSet>(self, instructions: I) {
        let Self { totals, gains, with_question, var_b, filter, .. } = self;
        let mut promising = self.lanes;
        if let Some(threshold) = filter.threshold().filter(|_| !filter.corrected) {
            // The margin is for the rounding of these and of the root and the division.
            let floor = instructions.doubles(threshold.least_square * (1.0 - 1e-12) * var_b);
            let (sign, least) =
                (instructions.doubles(threshold.sign), instructions.doubles(f64::MIN_POSITIVE));
            let (covariance, var_a) =
                (instructions.doubles(self.covariance), instructions.doubles(self.var_a));
            let load = |lanes: &[f64], at| instructions.load_doubles(block(lanes, at));
            let mut above = 0;
            for at in (0..LANES).step_by(8) {
                let covariance = load(totals, at).add(covariance);
                let var_a = load(gains, at).add(load(with_question, at)).add(var_a);
                let squares = instructions.at_least(covariance.mul(covariance), var_a.mul(floor));
                above |= u64::from(squares & instructions.at_least(covariance.mul(sign), least)) << at;
            }
            promising &= above;
        }
        for lane in ones(promising) {
            let covariance = self.covariance + totals[lane];
            let var_a = self.var_a + gains[lane] + with_question[lane];
            let r = match correlation_of([covariance, var_a, var_b], filter.corrected) {
                Correlation::Defined(r) => Some(r),
                _ => None,
            };
            self.results.record(lane, self.users, r, filter);
        }
    }
}
