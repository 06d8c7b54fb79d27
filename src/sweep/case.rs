//! One case of a plan: the subsets that have certain questions and have not others.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use ethnum::I256;

use crate::compensated::Compensated;
use crate::index::Answers;
use crate::index::bitset::WORD;
use crate::index::scores::{Scores, Weighted};
use crate::sweep::Sweep;
use crate::sweep::home::Homes;
use crate::sweep::kernel::{
    All, BinaryCohort, BinaryKernel, Bounds, Bytes, Class, CompleteCohort, CompleteKernel, Covariances,
    DenseCohort, DenseKernel, Floats, Integers, Kernel, LANES, Lanes16, Lanes32, Member, Terms,
    WeightedCohort, WeightedKernel, Width,
};
use crate::sweep::pearson::{Number, Sums};
use crate::sweep::rank::binomial;
use crate::sweep::share::{Share, Workload};
use crate::sweep::simd::{InstructionSet, Instructions, Task};
use crate::sweep::walk::Walk;
use crate::sweep::wanted::Narrowing;

/// Which questions the subsets of a case must and must not have, by position.
#[derive(Debug, Clone, Default)]
pub(crate) struct Demand {
    /// Ascending, each once.
    pub(crate) fixed: Vec<usize>,
    /// Likewise.
    pub(crate) excluded: Vec<usize>,
}

/// What all cases of a plan have in common.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) answers: Arc<Answers>,
    /// How many questions a subset has.
    pub(crate) k: usize,
    /// The r and n of subsets; as long as the sweep lasts, ever fewer may be wanted.
    pub(crate) wanted: Narrowing,
    /// Whether b is the grand total less a.
    pub(crate) corrected: bool,
    pub(crate) top: Option<usize>,
    pub(crate) instructions: Instructions,
    /// Of data without gaps.
    pub(crate) covariances: Option<Arc<Covariances>>,
}

/// Subsets to be swept together; shared by all who take a part in it.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) common: Arc<Common>,
    /// Questions to choose from, and which of them are whose lanes.
    pub(crate) homes: Homes,
    /// How many of them a subset takes.
    pub(crate) choose: usize,
    /// Ids of the questions that are in every subset beside those chosen.
    pub(crate) fixed: Vec<u32>,
    root: Root,
    /// What its shares are cut from.
    workload: Mutex<Option<Workload>>,
}

/// The users who answered all fixed questions, in the form their scores need.
#[derive(Debug)]
enum Root {
    Lanes16(Arc<BinaryCohort<Terms<[i16; 2]>>>, Bounds),
    Lanes32(Arc<BinaryCohort<Terms<i32>>>, Bounds),
    Complete(Arc<CompleteCohort>, Arc<Covariances>),
    Bytes(Dense<Bytes>),
    Integers(Dense<Integers>),
    Floats(Dense<Floats>),
    Integer(Arc<WeightedCohort<i64>>, Arc<Weighted<i64>>),
    Long(Arc<WeightedCohort<i128>>, Arc<Weighted<i128>>),
    Wide(Arc<WeightedCohort<I256>>, Arc<Weighted<I256>>),
    Float(Arc<WeightedCohort<Compensated>>, Arc<Weighted<Compensated>>),
}

/// Scores of more than two values, for prefixes of two questions or more.
#[derive(Debug)]
struct Dense<C: Class> {
    root: Arc<DenseCohort<C>>,
    scores: Arc<Weighted<C::Number>>,
    /// The most users whose sums fit 32 bits.
    few: usize,
}

/// The questions that a case chooses from, and how many of them it takes: one or more. There
/// are as many candidates or, where there is no such subset, none.
fn choices(k: usize, demand: &mut Demand, questions: usize) -> (Vec<usize>, usize) {
    let Demand { fixed, excluded } = demand;
    let has = |positions: &[usize], position: &usize| positions.binary_search(position).is_ok();
    // No subset has a question and has it not.
    let contradiction = fixed.iter().any(|position| has(excluded, position));
    let Some(choose) = k.checked_sub(fixed.len()).filter(|_| !contradiction) else {
        return (Vec::new(), 1);
    };
    if choose == 0 {
        // All are fixed. Leave one of them to choose, from itself alone.
        return (fixed.pop().into_iter().collect(), 1);
    }
    let free = |position: &usize| !has(fixed, position) && !has(excluded, position);
    let candidates: Vec<usize> = (0..questions).filter(free).collect();
    // However large k is, there is nothing to choose from.
    if choose > candidates.len() { (Vec::new(), 1) } else { (candidates, choose) }
}

impl Case {
    /// How many subsets there are, of a demand on sets of k questions, or `None` for more
    /// than 64 bits can tell; and of how many questions how many are chosen.
    pub(crate) fn subsets(k: usize, demand: &Demand, questions: usize) -> (Option<u64>, usize, usize) {
        let (candidates, choose) = choices(k, &mut demand.clone(), questions);
        (binomial(candidates.len() as u64, choose as u64), candidates.len(), choose)
    }

    /// Makes the users ready who answered all fixed questions.
    pub(crate) fn new(common: &Arc<Common>, mut demand: Demand) -> Self {
        let answers = &common.answers;
        let (candidates, choose) = choices(common.k, &mut demand, answers.questions());
        let fixed = demand.fixed;
        Self {
            root: Root::new(common, &fixed, choose),
            fixed: fixed.iter().map(|&position| answers.ids[position]).collect(),
            homes: Homes::new(choose, candidates, answers.questions()),
            choose,
            workload: Mutex::default(),
            common: Arc::clone(common),
        }
    }

    /// The name of the code that will do the work.
    pub(crate) fn kernel(&self) -> &'static str {
        match self.root {
            Root::Lanes16(..) => "binary scores, 16-bit lanes",
            Root::Lanes32(..) => "binary scores, 32-bit lanes",
            Root::Complete(..) => "complete data",
            Root::Bytes(..) => "8-bit scores, 32-bit lanes",
            Root::Integers(..) => "64-bit scores",
            Root::Floats(..) => "floats, 64-bit lanes",
            Root::Integer(..) => "64-bit scores, sparse",
            Root::Long(..) => "128-bit scores, sparse",
            Root::Wide(..) => "256-bit scores, sparse",
            Root::Float(..) => "floats, sparse",
        }
    }

    /// The `index`-th of `of` shares of these subsets.
    pub(crate) fn share(self: &Arc<Self>, index: usize, of: usize) -> Box<dyn Sweep> {
        let share = self.ranks(index, of);
        match &self.root {
            Root::Lanes16(root, bounds) => self.common.instructions.run(BinaryShare::<Lanes16> {
                case: self,
                root,
                bounds: *bounds,
                share,
            }),
            Root::Lanes32(root, bounds) => self.common.instructions.run(BinaryShare::<Lanes32> {
                case: self,
                root,
                bounds: *bounds,
                share,
            }),
            Root::Complete(root, covariances) => {
                self.common.instructions.run(CompleteShare { case: self, root, covariances, share })
            }
            Root::Bytes(dense) => self.common.instructions.run(DenseShare { case: self, dense, share }),
            Root::Integers(dense) => self.common.instructions.run(DenseShare { case: self, dense, share }),
            Root::Floats(dense) => self.common.instructions.run(DenseShare { case: self, dense, share }),
            Root::Integer(root, scores) => self.walk(self.weighted(scores), root, share),
            Root::Long(root, scores) => self.walk(self.weighted(scores), root, share),
            Root::Wide(root, scores) => self.walk(self.weighted(scores), root, share),
            Root::Float(root, scores) => self.walk(self.weighted(scores), root, share),
        }
    }

    /// The prefixes of a share.
    fn ranks(&self, index: usize, of: usize) -> Share {
        let candidates = self.homes.candidates();
        let prefixes = binomial(candidates.len() as u64, self.choose as u64 - 1);
        if of == 1 || prefixes.is_none() {
            return Share::everything();
        }
        let mut workload = self.workload.lock().unwrap_or_else(PoisonError::into_inner);
        let workload = match &mut *workload {
            Some(workload) if workload.shares() == of => workload,
            other => {
                let answers = &self.common.answers;
                let users = answers.users();
                let share = |&position: &usize| answers.support[position] as f64 / users.max(1) as f64;
                let support: Vec<f64> = candidates.iter().map(share).collect();
                other.insert(Workload::new(&self.homes, self.choose - 1, &support, users, of))
            }
        };
        workload.share(index)
    }

    fn weighted<N: Number>(&self, scores: &Arc<Weighted<N>>) -> WeightedKernel<N> {
        WeightedKernel::new(Arc::clone(&self.common.answers), Arc::clone(scores))
    }

    fn walk<K: Kernel + 'static>(
        self: &Arc<Self>,
        kernel: K,
        root: &Arc<K::Cohort>,
        share: Share,
    ) -> Box<dyn Sweep> {
        Box::new(Walk::new(Arc::clone(self), kernel, Arc::clone(root), share))
    }

    /// How many questions a subset has.
    pub(crate) fn set_size(&self) -> usize {
        self.fixed.len() + self.choose
    }

    /// Bytes of the cohort that a case begins with, while it is made.
    pub(crate) fn root_memory(answers: &Answers, demand: &Demand) -> usize {
        // Before a question is chosen, users have no scores.
        let all = answers.users() * (bits_of_user(answers) + size_of::<Member<i64>>());
        // Those of one question are left until those of the next are found.
        let most = demand.fixed.iter().map(|&position| answers.support[position]).max().unwrap_or(0);
        all + demand.fixed.len().min(2) * most * widest_user(answers)
    }

    /// Bytes that each share needs at most, beside the case.
    ///
    /// The cohort of a prefix of d questions has at most as many users as the d-th
    /// most answered question.
    pub(crate) fn share_memory(&self) -> usize {
        let support = |depth: usize| match depth {
            0 => self.common.answers.users(),
            _ => self
                .homes
                .candidates()
                .get(depth - 1)
                .map_or(0, |&position| self.common.answers.support[position]),
        };
        let narrowed = self.choose.saturating_sub(2);
        let users: usize = (1..=narrowed).map(support).sum();
        let words = self.common.answers.answered.words_per_row();
        // Users of equal subtotal are filled up to a whole word, and a list has room
        // for a word more.
        let slots = users + (narrowed + 1) * (self.choose + 2) * WORD;
        let lists = 2 * (support(narrowed.saturating_sub(1)) + WORD) * size_of::<u32>();
        slots * self.root.user_bytes(&self.common.answers) + lists + words * LANES * size_of::<Sums<I256>>()
    }
}

/// One share of a sweep over scores of 0 and 1.
struct BinaryShare<'a, W: Width> {
    case: &'a Arc<Case>,
    root: &'a Arc<BinaryCohort<Terms<W::Term>>>,
    bounds: Bounds,
    share: Share,
}

impl<W: Width> Task for BinaryShare<'_, W> {
    type Output = Box<dyn Sweep>;

    fn run<I: InstructionSet>(self, instructions: I) -> Box<dyn Sweep> {
        self.case.walk(BinaryKernel::<I, W>::new(instructions, self.bounds), self.root, self.share)
    }
}

/// One share of a sweep over data without gaps.
struct CompleteShare<'a> {
    case: &'a Arc<Case>,
    root: &'a Arc<CompleteCohort>,
    covariances: &'a Arc<Covariances>,
    share: Share,
}

impl Task for CompleteShare<'_> {
    type Output = Box<dyn Sweep>;

    fn run<I: InstructionSet>(self, instructions: I) -> Box<dyn Sweep> {
        self.case.walk(CompleteKernel::new(instructions, Arc::clone(self.covariances)), self.root, self.share)
    }
}

/// One share of a sweep over other scores.
struct DenseShare<'a, C: Class> {
    case: &'a Arc<Case>,
    dense: &'a Dense<C>,
    share: Share,
}

impl<C: Class> Task for DenseShare<'_, C> {
    type Output = Box<dyn Sweep>;

    fn run<I: InstructionSet>(self, instructions: I) -> Box<dyn Sweep> {
        let Dense { root, scores, few } = self.dense;
        let answers = Arc::clone(&self.case.common.answers);
        let kernel = DenseKernel::<I, C>::new(instructions, answers, Arc::clone(scores), *few);
        self.case.walk(kernel, root, self.share)
    }
}

/// The root of such a sweep.
struct DenseRoot<'a, C: Class> {
    answers: &'a Arc<Answers>,
    scores: &'a Arc<Weighted<C::Number>>,
    fixed: &'a [usize],
    few: usize,
}

impl<C: Class> Task for DenseRoot<'_, C> {
    type Output = Dense<C>;

    fn run<I: InstructionSet>(self, instructions: I) -> Dense<C> {
        let (answers, scores) = (Arc::clone(self.answers), Arc::clone(self.scores));
        let mut kernel = DenseKernel::<I, C>::new(instructions, answers, Arc::clone(&scores), self.few);
        Dense { root: Arc::new(kernel.root(self.fixed)), scores, few: self.few }
    }
}

/// Bytes of a user's bits in a cohort: rows and columns, each of answers and of scores.
fn bits_of_user(answers: &Answers) -> usize {
    4 * size_of::<u64>() * answers.answered.words_per_row()
}

/// The same with his scores, of so many bytes each.
fn dense_user<T>(answers: &Answers, score: usize) -> usize {
    bits_of_user(answers) + size_of::<Member<T>>() + answers.answered.words_per_row() * LANES * score
}

/// Bytes of one user at most, in any cohort of these answers.
fn widest_user(answers: &Answers) -> usize {
    match &answers.scores {
        Scores::Binary(_) => bits_of_user(answers) + size_of::<Terms<i32>>(),
        Scores::Integer(scores) => {
            let narrow = scores.scores.iter().all(|&score| score <= i64::from(u8::MAX));
            dense_user::<i64>(answers, if narrow { 1 } else { size_of::<i64>() })
        }
        Scores::Long(_) => size_of::<u32>() + size_of::<i128>(),
        Scores::Wide(_) => size_of::<u32>() + size_of::<I256>(),
        Scores::Float(_) => dense_user::<f64>(answers, size_of::<f64>()),
    }
}

/// Scores are kept in rows where at least one answer of so many possible ones is there.
const LEAST_DENSITY: u128 = 10;

impl Root {
    /// Bytes of one user in the cohorts of a share.
    fn user_bytes(&self, answers: &Answers) -> usize {
        match self {
            Self::Lanes16(..) | Self::Lanes32(..) => bits_of_user(answers) + size_of::<Terms<i32>>(),
            // A cohort is some sums of each question.
            Self::Complete(..) => 0,
            Self::Bytes(_) => dense_user::<i32>(answers, size_of::<u8>()),
            Self::Integers(_) => dense_user::<i64>(answers, size_of::<i64>()),
            Self::Floats(_) => dense_user::<f64>(answers, size_of::<f64>()),
            Self::Integer(..) => size_of::<u32>() + size_of::<i64>(),
            Self::Long(..) => size_of::<u32>() + size_of::<i128>(),
            Self::Wide(..) => size_of::<u32>() + size_of::<I256>(),
            Self::Float(..) => size_of::<u32>() + size_of::<Compensated>(),
        }
    }

    fn new(common: &Common, fixed: &[usize], choose: usize) -> Self {
        let Common { answers, instructions, covariances, .. } = common;
        // Prefixes of two questions or more leave few enough users to keep a score for
        // each of them and every question, answered or not, unless few are answered: then
        // memory and time are better spent on the answers there are.
        let possible = answers.users() as u128 * answers.questions() as u128;
        let answered: usize = answers.support.iter().sum();
        let dense = choose >= 3 && answered as u128 * LEAST_DENSITY >= possible;
        let k = fixed.len() + choose;
        if let Some(covariances) = covariances {
            let mut root = CompleteCohort::empty(covariances);
            for &question in fixed {
                let mut grown = CompleteCohort::default();
                grown.grow(&root, question, covariances);
                root = grown;
            }
            return Self::Complete(Arc::new(root), Arc::clone(covariances));
        }
        match &answers.scores {
            Scores::Binary(scores) => {
                if let Some(bounds) = Bounds::of::<Lanes16>(k, scores) {
                    let all = All::<Lanes16> { answers, scores, fixed, bounds, width: PhantomData };
                    Self::Lanes16(Arc::new(instructions.run(all)), bounds)
                } else if let Some(bounds) = Bounds::of::<Lanes32>(k, scores) {
                    let all = All::<Lanes32> { answers, scores, fixed, bounds, width: PhantomData };
                    Self::Lanes32(Arc::new(instructions.run(all)), bounds)
                } else {
                    let scores = Arc::new(scores.weighted(&answers.answered));
                    Self::Integer(weighted_root(answers, &scores, fixed), scores)
                }
            }
            Scores::Integer(scores) if dense => {
                let most = scores.scores.iter().copied().max().unwrap_or(0);
                let most_b = scores.totals.iter().map(|total| total.saturating_abs()).max();
                let few = Bytes::few(most.saturating_mul(k as i64), most_b.unwrap_or(0));
                match few.filter(|_| most <= i64::from(u8::MAX)) {
                    Some(few) => Self::Bytes(instructions.run(DenseRoot { answers, scores, fixed, few })),
                    None => Self::Integers(instructions.run(DenseRoot { answers, scores, fixed, few: 0 })),
                }
            }
            Scores::Float(scores) if dense => {
                Self::Floats(instructions.run(DenseRoot { answers, scores, fixed, few: 0 }))
            }
            Scores::Integer(scores) => {
                Self::Integer(weighted_root(answers, scores, fixed), Arc::clone(scores))
            }
            Scores::Long(scores) => Self::Long(weighted_root(answers, scores, fixed), Arc::clone(scores)),
            Scores::Wide(scores) => Self::Wide(weighted_root(answers, scores, fixed), Arc::clone(scores)),
            Scores::Float(scores) => Self::Float(weighted_root(answers, scores, fixed), Arc::clone(scores)),
        }
    }
}

fn weighted_root<N: Number>(
    answers: &Answers,
    scores: &Weighted<N>,
    fixed: &[usize],
) -> Arc<WeightedCohort<N>> {
    let mut cohort = WeightedCohort::all(answers);
    for &question in fixed {
        let mut narrowed = WeightedCohort::default();
        narrowed.narrow_from(&cohort, answers, scores, question);
        cohort = narrowed;
    }
    Arc::new(cohort)
}
