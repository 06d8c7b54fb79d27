//! What is to be swept: which subsets of which questions, over which users.

use std::marker::PhantomData;
use std::sync::Arc;

use ethnum::I256;

use crate::compensated::Compensated;
use crate::error::{KCorrsetError, Result};
use crate::index::Answers;
use crate::index::bitset::WORD;
use crate::index::scores::{Scores, Weighted};
use crate::sweep::counted::Counted;
use crate::sweep::home::Homes;
use crate::sweep::kernel::instructions::{InstructionSet, Instructions, Task};
use crate::sweep::kernel::{
    All, BinaryCohort, BinaryKernel, Bounds, Broad, Bytes, Class, CompleteCohort, CompleteKernel,
    Covariances, DenseCohort, DenseKernel, Floats, Integers, Kernel, LANES, Member, Narrow, Terms,
    WeightedCohort, WeightedKernel, Width,
};
use crate::sweep::pearson::{Number, Sums};
use crate::sweep::rank::{Share, binomial};
use crate::sweep::walk::Walk;
use crate::sweep::wanted::{Narrowing, Wanted};
use crate::sweep::{Columns, Row, Sweep, SweepRequest, Undefined};

/// A sweep ready to start; shared by all who take a part in it.
#[derive(Debug)]
pub struct SweepPlan {
    pub(crate) answers: Arc<Answers>,
    /// Questions to choose from, and which of them are whose lanes.
    pub(crate) homes: Homes,
    /// How many of them a subset takes.
    pub(crate) choose: usize,
    /// Ids of the questions that are in every subset beside those chosen.
    pub(crate) fixed: Vec<u32>,
    /// Their r and n; as long as the sweep lasts, ever fewer may be wanted.
    pub(crate) wanted: Narrowing,
    /// Whether b is the grand total less a.
    pub(crate) corrected: bool,
    pub(crate) top: Option<usize>,
    subsets: Option<u64>,
    pub(crate) instructions: Instructions,
    root: Root,
}

/// The users who answered all fixed questions, in the form their scores need.
#[derive(Debug)]
enum Root {
    Narrow(Arc<BinaryCohort<Terms<[i16; 2]>>>, Bounds),
    Broad(Arc<BinaryCohort<Terms<i32>>>, Bounds),
    Complete(Arc<CompleteCohort>, Arc<Covariances>),
    Bytes(Dense<Bytes>),
    Integers(Dense<Integers>),
    Floats(Dense<Floats>),
    Integer(Arc<WeightedCohort<i64>>, Arc<Weighted<i64>>),
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

impl SweepPlan {
    /// Plans the sweep of all subsets that a request asks for.
    ///
    /// # Errors
    /// [`KCorrsetError::TooManySubsets`] if there are more than 2^63 of them,
    /// unless `partial`: the caller will stop before the end.
    pub fn try_new(answers: Arc<Answers>, request: &SweepRequest, partial: bool) -> Result<Self> {
        let mut position_of = vec![0; answers.questions()];
        for (position, &id) in answers.ids.iter().enumerate() {
            position_of[id as usize] = position;
        }
        let positions = |ids: &[u32]| -> Vec<usize> {
            let mut positions: Vec<usize> = ids.iter().map(|&id| position_of[id as usize]).collect();
            positions.sort_unstable();
            positions.dedup();
            positions
        };
        let mut fixed = positions(&request.include);
        let excluded = positions(&request.exclude);
        let free = |position: &usize| {
            fixed.binary_search(position).is_err() && excluded.binary_search(position).is_err()
        };
        let mut candidates: Vec<usize> = (0..answers.questions()).filter(free).collect();
        let mut subsets = Some(0);
        let mut choose = 1;
        // No subset has a question and has it not.
        let contradiction = fixed.iter().any(|position| excluded.binary_search(position).is_ok());
        if let Some(missing) = request.k.checked_sub(fixed.len()).filter(|_| !contradiction) {
            subsets = binomial(candidates.len() as u64, missing as u64);
            choose = missing;
        }
        if choose == 0 {
            // All are fixed. Leave one of them to choose, from itself alone.
            candidates = fixed.pop().into_iter().collect();
            choose = 1;
        }
        if subsets.is_none_or(|subsets| subsets > i64::MAX as u64) && !partial {
            return Err(KCorrsetError::TooManySubsets { questions: candidates.len(), k: choose });
        }
        if subsets == Some(0) {
            // However large k is, there is nothing to choose from.
            candidates.clear();
            choose = 1;
        }

        let min_users = request.min_users.unwrap_or(i64::MIN);
        let enough = Wanted { n: [min_users, i64::MAX], ..Wanted::ALL };
        let mut wanted = request.wanted.and(enough);
        if request.undefined == Undefined::Omit {
            wanted.undefined = false;
        }
        if request.top == Some(0) {
            wanted = Wanted::NONE;
        }
        if !wanted.undefined {
            // One user alone never has an r.
            wanted = wanted.and(Wanted { n: [2, i64::MAX], ..Wanted::DEFINED });
        }
        let instructions = request.instructions.unwrap_or_else(Instructions::best);
        Ok(Self {
            instructions,
            root: Root::new(instructions, &answers, &fixed, choose),
            fixed: fixed.iter().map(|&position| answers.ids[position]).collect(),
            homes: Homes::new(choose, candidates, answers.questions()),
            choose,
            wanted: Narrowing::from(wanted),
            corrected: request.corrected,
            top: request.top,
            subsets,
            answers,
        })
    }

    /// How many subsets there are, or `None` for more than 64 bits can tell.
    pub fn subsets(&self) -> Option<u64> {
        self.subsets
    }

    /// Which r and n are wanted by now.
    pub fn wanted(&self) -> Wanted {
        self.wanted.get()
    }

    /// From now on only subsets with such an r and n are wanted, by all who sweep this
    /// plan. What they have found before stays found.
    pub fn narrow(&self, wanted: Wanted) {
        self.wanted.narrow(wanted);
    }

    /// The name of the code that will do the work.
    pub fn kernel(&self) -> &'static str {
        match self.root {
            Root::Narrow(..) => "binary scores, 16-bit lanes",
            Root::Broad(..) => "binary scores, 32-bit lanes",
            Root::Complete(..) => "complete data",
            Root::Bytes(..) => "8-bit scores, 32-bit lanes",
            Root::Integers(..) => "64-bit scores",
            Root::Floats(..) => "floats, 64-bit lanes",
            Root::Integer(..) => "64-bit scores, sparse",
            Root::Wide(..) => "256-bit scores, sparse",
            Root::Float(..) => "floats, sparse",
        }
    }

    /// How many shares can be worked on at the same time, out of those wanted.
    pub fn shares(&self, wanted: usize) -> usize {
        match self.subsets {
            // Without ranks there is no telling whose a prefix is.
            None => 1,
            Some(_) => wanted.max(1),
        }
    }

    /// Whether every subset is wanted, whatever its r and n.
    fn drops_nothing(&self) -> bool {
        let users = self.answers.users() as i64;
        let every = Wanted { n: [0, users], ..Wanted::ALL };
        self.top.is_none() && self.wanted().and(every) == every
    }

    /// The `index`-th of `of` shares of the sweep; together they list every subset once.
    /// Where no column is asked for and nothing is dropped, they only count.
    pub fn share(self: &Arc<Self>, index: usize, of: usize, columns: Columns) -> Box<dyn Sweep> {
        if columns == Columns::NONE && self.drops_nothing() {
            return Box::new(Counted::new(self.subsets.unwrap_or(u64::MAX), index, of));
        }
        let prefixes = binomial(self.homes.candidates().len() as u64, self.choose as u64 - 1);
        let share = Share::new(index, of, prefixes);
        match &self.root {
            Root::Narrow(root, bounds) => {
                self.instructions.run(BinaryShare::<Narrow> { plan: self, root, bounds: *bounds, share })
            }
            Root::Broad(root, bounds) => {
                self.instructions.run(BinaryShare::<Broad> { plan: self, root, bounds: *bounds, share })
            }
            Root::Complete(root, covariances) => {
                self.instructions.run(CompleteShare { plan: self, root, covariances, share })
            }
            Root::Bytes(dense) => self.instructions.run(DenseShare { plan: self, dense, share }),
            Root::Integers(dense) => self.instructions.run(DenseShare { plan: self, dense, share }),
            Root::Floats(dense) => self.instructions.run(DenseShare { plan: self, dense, share }),
            Root::Integer(root, scores) => self.walk(self.weighted(scores), root, share),
            Root::Wide(root, scores) => self.walk(self.weighted(scores), root, share),
            Root::Float(root, scores) => self.walk(self.weighted(scores), root, share),
        }
    }

    fn weighted<N: Number>(&self, scores: &Arc<Weighted<N>>) -> WeightedKernel<N> {
        WeightedKernel::new(Arc::clone(&self.answers), Arc::clone(scores))
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
    pub fn set_size(&self) -> usize {
        self.fixed.len() + self.choose
    }

    /// How many of the best subsets are wanted, if not all.
    pub fn top(&self) -> Option<usize> {
        self.top
    }

    /// Bytes of the best subsets that a share keeps, at most.
    pub fn top_memory(&self) -> usize {
        let rows = self.top.unwrap_or(0).min(self.subsets.map_or(usize::MAX, |subsets| subsets as usize));
        rows.saturating_mul(size_of::<Row>() + self.set_size() * size_of::<u32>())
    }

    /// Bytes of the root cohort that a plan over these answers keeps.
    pub fn memory_of(answers: &Answers) -> usize {
        answers.users() * user_bytes(answers, false) + Covariances::bytes(answers.questions())
    }

    /// Bytes that each share needs at most, beside the plan.
    ///
    /// The cohort of a prefix of d questions has at most as many users as the d-th
    /// most answered question.
    pub fn share_memory(&self) -> usize {
        let support = |depth: usize| match depth {
            0 => self.answers.users(),
            _ => self.homes.candidates().get(depth - 1).map_or(0, |&position| self.answers.support[position]),
        };
        let narrowed = self.choose.saturating_sub(2);
        let users: usize = (1..=narrowed).map(support).sum();
        let words = self.answers.answered.words_per_row();
        // Users of equal subtotal are filled up to a whole word, and a list has room
        // for a word more.
        let slots = users + (narrowed + 1) * (self.choose + 2) * WORD;
        let lists = 2 * (support(narrowed.saturating_sub(1)) + WORD) * size_of::<u32>();
        slots * user_bytes(&self.answers, true) + lists + words * LANES * size_of::<Sums<I256>>()
    }
}

/// One share of a sweep over scores of 0 and 1.
struct BinaryShare<'a, W: Width> {
    plan: &'a Arc<SweepPlan>,
    root: &'a Arc<BinaryCohort<Terms<W::Term>>>,
    bounds: Bounds,
    share: Share,
}

impl<W: Width> Task for BinaryShare<'_, W> {
    type Output = Box<dyn Sweep>;

    fn run<I: InstructionSet>(self, instructions: I) -> Box<dyn Sweep> {
        self.plan.walk(BinaryKernel::<I, W>::new(instructions, self.bounds), self.root, self.share)
    }
}

/// One share of a sweep over data without gaps.
struct CompleteShare<'a> {
    plan: &'a Arc<SweepPlan>,
    root: &'a Arc<CompleteCohort>,
    covariances: &'a Arc<Covariances>,
    share: Share,
}

impl Task for CompleteShare<'_> {
    type Output = Box<dyn Sweep>;

    fn run<I: InstructionSet>(self, instructions: I) -> Box<dyn Sweep> {
        self.plan.walk(CompleteKernel::new(instructions, Arc::clone(self.covariances)), self.root, self.share)
    }
}

/// One share of a sweep over other scores.
struct DenseShare<'a, C: Class> {
    plan: &'a Arc<SweepPlan>,
    dense: &'a Dense<C>,
    share: Share,
}

impl<C: Class> Task for DenseShare<'_, C> {
    type Output = Box<dyn Sweep>;

    fn run<I: InstructionSet>(self, instructions: I) -> Box<dyn Sweep> {
        let Dense { root, scores, few } = self.dense;
        let answers = Arc::clone(&self.plan.answers);
        let kernel = DenseKernel::<I, C>::new(instructions, answers, Arc::clone(scores), *few);
        self.plan.walk(kernel, root, self.share)
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

/// Bytes of one user in a cohort; with his scores or, before any question is chosen,
/// without them.
fn user_bytes(answers: &Answers, with_scores: bool) -> usize {
    let words = answers.answered.words_per_row();
    // Rows and columns, each of answers and of scores.
    let bits = 4 * size_of::<u64>() * words;
    let dense = |score: usize| if with_scores { words * LANES * score } else { 0 };
    match &answers.scores {
        Scores::Binary(_) => bits + size_of::<Terms<i32>>(),
        Scores::Integer(_) => bits + size_of::<Member<i64>>() + dense(size_of::<i64>()),
        Scores::Wide(_) => size_of::<u32>() + size_of::<I256>(),
        Scores::Float(_) => bits + size_of::<Member<f64>>() + dense(size_of::<f64>()),
    }
}

/// Scores are kept in rows where at least one answer of so many possible ones is there.
const LEAST_DENSITY: u128 = 10;

impl Root {
    fn new(instructions: Instructions, answers: &Arc<Answers>, fixed: &[usize], choose: usize) -> Self {
        // Prefixes of two questions or more leave few enough users to keep a score for
        // each of them and every question, answered or not, unless few are answered: then
        // memory and time are better spent on the answers there are.
        let possible = answers.users() as u128 * answers.questions() as u128;
        let answered: usize = answers.support.iter().sum();
        let dense = choose >= 3 && answered as u128 * LEAST_DENSITY >= possible;
        let k = fixed.len() + choose;
        if let Some(covariances) = Covariances::of(answers, k) {
            let mut root = CompleteCohort::empty(&covariances);
            for &question in fixed {
                let mut grown = CompleteCohort::default();
                grown.grow(&root, question, &covariances);
                root = grown;
            }
            return Self::Complete(Arc::new(root), Arc::new(covariances));
        }
        match &answers.scores {
            Scores::Binary(scores) => {
                if let Some(bounds) = Bounds::of::<Narrow>(k, scores) {
                    let all = All::<Narrow> { answers, scores, fixed, bounds, width: PhantomData };
                    Self::Narrow(Arc::new(instructions.run(all)), bounds)
                } else if let Some(bounds) = Bounds::of::<Broad>(k, scores) {
                    let all = All::<Broad> { answers, scores, fixed, bounds, width: PhantomData };
                    Self::Broad(Arc::new(instructions.run(all)), bounds)
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
