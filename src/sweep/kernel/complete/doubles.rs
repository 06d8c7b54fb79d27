//! The kernel where doubles hold every moment exactly: integers below 2⁵³.

use std::sync::Arc;

use super::covariances::{Covariances, Prefix, Sums};
use super::look::{Look, Margin};
use super::lookup::Lookup;
use crate::index::Answers;
use crate::index::bitset::ones;
use crate::sweep::kernel::filter::Filter;
use crate::sweep::kernel::{Ends, Kernel, Lanes};
use crate::sweep::pearson::Correlation;
use crate::sweep::pearson::exact::correlation_of;
use crate::sweep::position::Position;
use crate::sweep::simd::{InstructionSet, Instructions, Task};
use crate::sweep::walk::{Root, ScoreKernel};

impl Lookup for Covariances<f64> {
    fn correlation(&self, set: &[Position], corrected: bool) -> Correlation {
        correlation_of(self.of_set(set), corrected)
    }

    fn root(self: Arc<Self>, instructions: Instructions, fixed: &[Position]) -> Box<dyn ScoreKernel> {
        let (empty, questions) = (Prefix::empty(&self), self.of_questions.len());
        let kernel = DoublesKernel { instructions, covariances: self, question: None, open: Sums::default() };
        Box::new(Root::new("complete data", kernel, empty, fixed, questions))
    }
}

/// Looks the moments of subsets up.
#[derive(Debug, Clone)]
struct DoublesKernel {
    instructions: Instructions,
    covariances: Arc<Covariances<f64>>,
    /// The question that ends the open prefix, and its sums.
    question: Option<Position>,
    open: Sums<f64>,
}

impl Kernel for DoublesKernel {
    type Cohort = Prefix<f64>;

    /// A cohort is some sums of each question.
    fn user_bytes(_answers: &Answers) -> usize {
        0
    }

    #[inline]
    fn users(cohort: &Prefix<f64>) -> usize {
        cohort.users
    }

    fn restrict(
        &mut self,
        cohort: &Prefix<f64>,
        question: Position,
        _ends: Ends,
        restricted: &mut Prefix<f64>,
    ) {
        restricted.grow(cohort, question, &self.covariances);
    }

    #[inline]
    fn open(&mut self, cohort: &Prefix<f64>, question: Option<Position>) -> usize {
        (self.question, self.open) = (question, cohort.with(question, &self.covariances));
        cohort.users
    }

    #[inline]
    fn lanes(&mut self, cohort: &Prefix<f64>, word: usize, lanes: u64, filter: &Filter, results: &mut Lanes) {
        results.clear();
        let users = cohort.users as i64;
        if !filter.counts(users) {
            return;
        }
        let (open, lanes) = ((self.question, self.open), (word, lanes));
        let look = Look::new(&self.covariances, cohort, open, lanes, Margin::default(), filter);
        self.instructions.run(Finish { look, users, filter, results });
    }
}

/// Hands out the lanes of a word that pass the filter.
struct Finish<'a> {
    look: Look<'a>,
    users: i64,
    filter: &'a Filter,
    results: &'a mut Lanes,
}

impl Task for Finish<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: InstructionSet>(self, instructions: I) {
        for lane in ones((&self.look).run(instructions)) {
            let r = correlation_of(self.look.moments(lane), self.filter.corrected).defined();
            self.results.record(lane, self.users, r, self.filter);
        }
    }
}
