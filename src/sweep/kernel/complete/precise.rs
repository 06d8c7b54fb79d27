//! The kernel where doubles do not hold the moments: they tell which subsets may pass, and of these
//! the moments are added up again, as integers of 128 or 256 bits.

use std::sync::Arc;

use super::covariances::{Covariances, Prefix, Sums};
use super::look::{Look, Margin};
use super::lookup::Lookup;
use crate::compensated::Compensated;
use crate::index::Answers;
use crate::index::bitset::ones;
use crate::index::scores::Weighted;
use crate::sweep::kernel::filter::Filter;
use crate::sweep::kernel::{Ends, Kernel, LANES, Lanes};
use crate::sweep::pearson::exact::{Exact, correlation, rounded};
use crate::sweep::pearson::{Correlation, Number};
use crate::sweep::position::Position;
use crate::sweep::simd::Instructions;
use crate::sweep::walk::{Root, ScoreKernel};

/// Covariances with all their digits, and as doubles.
#[derive(Debug)]
pub(super) struct Precise<N: Exact> {
    name: &'static str,
    exact: Covariances<N::Product>,
    rough: Covariances<f64>,
    /// How far the moments of the rough ones can be from those of the exact.
    margin: Margin,
    /// Where scores are floats, and so the exact ones are not quite.
    floats: Option<Floats>,
}

/// Floats, and the moments that have enough digits.
#[derive(Debug)]
pub(super) struct Floats {
    pub(super) scores: Arc<Weighted<Compensated>>,
    /// A variance of a below this is computed from the users instead.
    pub(super) least_var_a: f64,
    /// Likewise, of b; and of b less a.
    pub(super) least_var_b: [f64; 2],
}

impl<N: Exact> Precise<N> {
    /// For sets of up to k questions. Sums of up to 4k² covariances have to fit.
    pub(super) fn new(
        name: &'static str,
        exact: Covariances<N::Product>,
        k: usize,
        floats: Option<Floats>,
    ) -> Self {
        let rough = exact.map(N::round);
        let largest = |entries: &[f64]| entries.iter().fold(0f64, |largest, entry| largest.max(entry.abs()));
        // By Cauchy and Schwarz no covariance passes the largest variance v. An entry is off by
        // 2⁻⁵³·v; a gain is a sum of k of twice these, each addition off by 2⁻⁵³·2k·v at most, and
        // var_a one of k gains, each addition off by 2⁻⁵³·k²·v: 2⁻⁵³·(k² + 2k³ + k³)·v, and the
        // covariance is a sum of k. The margins are several times that.
        let k = k as f64;
        let margin = Margin {
            covariance: k * k * 2f64.powi(-49) * largest(&rough.totals),
            var_a: k * k * k * 2f64.powi(-49) * largest(&rough.of_questions),
        };
        Self { name, exact, rough, margin, floats }
    }

    /// r from the moments of a set.
    fn of_moments(
        &self,
        moments: [N::Product; 3],
        corrected: bool,
        set: impl Fn() -> Vec<Position>,
    ) -> Correlation {
        let Some(floats) = &self.floats else { return correlation::<N>(moments, corrected) };
        let [_, var_a, var_b] = rounded::<N>(moments, corrected);
        if var_a >= floats.least_var_a && var_b >= floats.least_var_b[usize::from(corrected)] {
            correlation::<N>(moments, corrected)
        } else {
            floats.correlate_carefully(set(), corrected)
        }
    }
}

impl Floats {
    /// r of a set from its users.
    fn correlate_carefully(&self, mut set: Vec<Position>, corrected: bool) -> Correlation {
        // In one order, whichever way the set was found.
        set.sort_unstable();
        let subtotal = |user: usize| {
            let scores = self.scores.of(user);
            set.iter().rev().fold(Compensated::default(), |sum, question| sum.plus(scores[question.0]))
        };
        let totals = self.scores.totals.iter().enumerate();
        let pairs: Vec<_> = totals.map(|(user, &total)| (subtotal(user), total)).collect();
        Compensated::correlate_carefully(&pairs, corrected)
    }
}

impl<N: Exact> Lookup for Precise<N> {
    fn correlation(&self, set: &[Position], corrected: bool) -> Correlation {
        self.of_moments(self.exact.of_set(set), corrected, || set.to_vec())
    }

    fn root(self: Arc<Self>, instructions: Instructions, fixed: &[Position]) -> Box<dyn ScoreKernel> {
        let (name, questions) = (self.name, self.rough.of_questions.len());
        let (exact, rough) = (Prefix::empty(&self.exact), Prefix::empty(&self.rough));
        let empty = PrecisePrefix { questions: Vec::new(), exact, rough };
        let kernel = PreciseKernel {
            instructions,
            covariances: self,
            question: None,
            exact: Sums::default(),
            rough: Sums::default(),
        };
        Box::new(Root::new(name, kernel, empty, fixed, questions))
    }
}

/// A prefix twice.
#[derive(Debug, Default)]
struct PrecisePrefix<T> {
    questions: Vec<Position>,
    exact: Prefix<T>,
    rough: Prefix<f64>,
}

/// Looks the moments of subsets up, twice where they may pass.
#[derive(Debug)]
struct PreciseKernel<N: Exact> {
    instructions: Instructions,
    covariances: Arc<Precise<N>>,
    /// The question that ends the open prefix, and its sums.
    question: Option<Position>,
    exact: Sums<N::Product>,
    rough: Sums<f64>,
}

impl<N: Exact> Clone for PreciseKernel<N> {
    fn clone(&self) -> Self {
        Self { covariances: Arc::clone(&self.covariances), ..*self }
    }
}

impl<N: Exact> Kernel for PreciseKernel<N> {
    type Cohort = PrecisePrefix<N::Product>;

    /// A cohort is some sums of each question.
    fn user_bytes(_answers: &Answers) -> usize {
        0
    }

    fn users(cohort: &Self::Cohort) -> usize {
        cohort.rough.users
    }

    fn restrict(
        &mut self,
        cohort: &Self::Cohort,
        question: Position,
        _: Ends,
        restricted: &mut Self::Cohort,
    ) {
        restricted.exact.grow(&cohort.exact, question, &self.covariances.exact);
        restricted.rough.grow(&cohort.rough, question, &self.covariances.rough);
        restricted.questions.clone_from(&cohort.questions);
        restricted.questions.push(question);
    }

    fn open(&mut self, cohort: &Self::Cohort, question: Option<Position>) -> usize {
        self.question = question;
        self.exact = cohort.exact.with(question, &self.covariances.exact);
        self.rough = cohort.rough.with(question, &self.covariances.rough);
        cohort.rough.users
    }

    fn lanes(
        &mut self,
        cohort: &Self::Cohort,
        word: usize,
        lanes: u64,
        filter: &Filter,
        results: &mut Lanes,
    ) {
        results.clear();
        let users = cohort.rough.users as i64;
        if !filter.counts(users) {
            return;
        }
        let Precise { exact, rough, margin, .. } = &*self.covariances;
        let open = (self.question, self.rough);
        let look = Look::new(rough, &cohort.rough, open, (word, lanes), *margin, filter);
        for lane in ones(self.instructions.run(&look)) {
            let last = Position(word * LANES + lane);
            let Sums { covariance, var_a } = cohort.exact.lane(self.exact, self.question, last, exact);
            let set = || cohort.questions.iter().copied().chain(self.question).chain([last]).collect();
            let moments = [covariance, var_a, exact.of_totals];
            let r = self.covariances.of_moments(moments, filter.corrected, set);
            results.record(lane, users, r.defined(), filter);
        }
    }
}
