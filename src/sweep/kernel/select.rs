//! Which kernel sums a class of scores.

use std::sync::Arc;

use ethnum::I256;

use crate::index::Answers;
use crate::index::scores::{Binary, Scores, Weighted};
use crate::sweep::kernel::Kernel;
use crate::sweep::kernel::binary::{self, BinaryKernel, ChunkBounds, Lanes16, Lanes32, Terms, Width};
use crate::sweep::kernel::cohort::Cohort;
use crate::sweep::kernel::complete::{CompleteCohort, CompleteKernel, Covariances};
use crate::sweep::kernel::dense::{
    self, Class, DenseKernel, bytes::Bytes, floats::Floats, integers::Integers,
};
use crate::sweep::kernel::sparse::{SparseCohort, SparseKernel};
use crate::sweep::pearson::Number;
use crate::sweep::position::Position;
use crate::sweep::simd::Instructions;
use crate::sweep::walk::{Root, ScoreKernel};

/// Scores are kept in rows where at least one possible answer in this many was given.
const LEAST_DENSITY: u128 = 10;

/// What all branches of a plan choose their kernels from.
#[derive(Debug)]
pub(crate) struct Kernels {
    answers: Arc<Answers>,
    instructions: Instructions,
    /// Of data without gaps.
    covariances: Option<Arc<Covariances>>,
}

impl Kernels {
    /// Kernels for subsets of k questions.
    pub(crate) fn new(answers: &Arc<Answers>, k: usize, instructions: Instructions) -> Self {
        let covariances = Covariances::of(answers, k.min(answers.questions())).map(Arc::new);
        Self { answers: Arc::clone(answers), instructions, covariances }
    }

    pub(crate) fn instructions(&self) -> Instructions {
        self.instructions
    }

    /// The covariances of data without gaps, if doubles hold them.
    pub(crate) fn covariances(&self) -> Option<Arc<Covariances>> {
        self.covariances.clone()
    }

    /// Bytes that the kernels of all branches share.
    pub(crate) fn memory(answers: &Answers) -> usize {
        Covariances::bytes(answers)
    }

    /// Makes the users ready who answered all fixed questions, for subsets of these and of
    /// `choose` questions more.
    pub(crate) fn select(&self, fixed: &[Position], choose: usize) -> Box<dyn ScoreKernel> {
        let k = fixed.len() + choose;
        if let Some(covariances) = &self.covariances {
            let kernel = CompleteKernel::new(self.instructions, Arc::clone(covariances));
            return self.root("complete data", kernel, CompleteCohort::empty(covariances), fixed);
        }
        match &self.answers.scores {
            Scores::Binary(scores) => {
                if let Some(bounds) = ChunkBounds::of::<Lanes16>(k, scores) {
                    self.binary::<Lanes16>("binary scores, 16-bit lanes", scores, bounds, fixed)
                } else if let Some(bounds) = ChunkBounds::of::<Lanes32>(k, scores) {
                    self.binary::<Lanes32>("binary scores, 32-bit lanes", scores, bounds, fixed)
                } else {
                    let scores = Arc::new(scores.weighted(&self.answers.answered));
                    self.sparse("64-bit scores, sparse", &scores, fixed)
                }
            }
            Scores::Integer(scores) if self.dense(choose) => match Bytes::few_of(scores, k) {
                Some(few) => self.rows::<Bytes>("8-bit scores, 32-bit lanes", scores, few, fixed),
                None => self.rows::<Integers>("64-bit scores", scores, 0, fixed),
            },
            Scores::Float(scores) if self.dense(choose) => {
                self.rows::<Floats>("floats, 64-bit lanes", scores, 0, fixed)
            }
            Scores::Integer(scores) => self.sparse("64-bit scores, sparse", scores, fixed),
            Scores::Long(scores) => self.sparse("128-bit scores, sparse", scores, fixed),
            Scores::Wide(scores) => self.sparse("256-bit scores, sparse", scores, fixed),
            Scores::Float(scores) => self.sparse("floats, sparse", scores, fixed),
        }
    }

    /// Whether scores are kept in rows, answered or not.
    ///
    /// Prefixes of two questions or more leave few enough users to keep a score for
    /// each of them and every question, unless few are answered: then memory and time
    /// are better spent on the answers there are.
    fn dense(&self, choose: usize) -> bool {
        let possible = self.answers.users() as u128 * self.answers.questions() as u128;
        let answered: usize = self.answers.support.iter().sum();
        choose >= 3 && answered as u128 * LEAST_DENSITY >= possible
    }

    fn binary<W: Width>(
        &self,
        name: &'static str,
        scores: &Binary,
        bounds: ChunkBounds,
        fixed: &[Position],
    ) -> Box<dyn ScoreKernel> {
        let all = binary::all_users::<W>(self.instructions, &self.answers, scores, bounds);
        self.root(name, BinaryKernel::<W>::new(self.instructions, bounds), all, fixed)
    }

    fn rows<C: Class>(
        &self,
        name: &'static str,
        scores: &Arc<Weighted<C::Number>>,
        few: usize,
        fixed: &[Position],
    ) -> Box<dyn ScoreKernel> {
        let (answers, scores) = (Arc::clone(&self.answers), Arc::clone(scores));
        let kernel = DenseKernel::<C>::new(self.instructions, answers, scores, few);
        let all = kernel.all_users();
        self.root(name, kernel, all, fixed)
    }

    fn sparse<N: Number>(
        &self,
        name: &'static str,
        scores: &Arc<Weighted<N>>,
        fixed: &[Position],
    ) -> Box<dyn ScoreKernel> {
        let kernel = SparseKernel::new(Arc::clone(&self.answers), Arc::clone(scores));
        self.root(name, kernel, SparseCohort::all(&self.answers), fixed)
    }

    fn root<K: Kernel>(
        &self,
        name: &'static str,
        kernel: K,
        all: K::Cohort,
        fixed: &[Position],
    ) -> Box<dyn ScoreKernel> {
        Box::new(Root::new(name, kernel, all, fixed, self.answers.questions()))
    }
}

/// Bytes of one user before a question is chosen.
pub(crate) fn unscored_user_bytes(answers: &Answers) -> usize {
    Cohort::<dense::CohortUser<i64>>::user_bytes(answers)
}

/// Bytes of one user at most, in any cohort of these answers.
pub(crate) fn most_user_bytes(answers: &Answers) -> usize {
    match &answers.scores {
        Scores::Binary(_) => Cohort::<Terms<i32>>::user_bytes(answers),
        Scores::Integer(scores) if Bytes::hold(scores) => dense::user_bytes::<i64>(answers, size_of::<u8>()),
        Scores::Integer(_) => DenseKernel::<Integers>::user_bytes(answers),
        Scores::Long(_) => SparseKernel::<i128>::user_bytes(answers),
        Scores::Wide(_) => SparseKernel::<I256>::user_bytes(answers),
        Scores::Float(_) => DenseKernel::<Floats>::user_bytes(answers),
    }
}
