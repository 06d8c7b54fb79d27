//! What is to be swept: which subsets of which questions, over which users.

use std::marker::PhantomData;
use std::sync::Arc;

use ethnum::I256;

use crate::compensated::Compensated;
use crate::error::{KCorrsetError, Result};
use crate::index::Answers;
use crate::index::bitset::WORD;
use crate::index::scores::{Scores, Weighted};
use crate::sweep::home::Homes;
use crate::sweep::kernel::instructions::{InstructionSet, Instructions, Task};
use crate::sweep::kernel::{
    All, BinaryCohort, BinaryKernel, Bounds, Broad, Kernel, LANES, Narrow, Screen, Terms, WeightedCohort,
    WeightedKernel, Width,
};
use crate::sweep::pearson::{Number, Sums};
use crate::sweep::rank::{Share, binomial};
use crate::sweep::top::Bar;
use crate::sweep::walk::Walk;
use crate::sweep::{Row, Sweep, SweepRequest, Undefined};

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
    pub(crate) screen: Screen,
    pub(crate) top: Option<usize>,
    pub(crate) bar: Bar,
    subsets: Option<u64>,
    instructions: Instructions,
    root: Root,
}

/// The users who answered all fixed questions, in the form their scores need.
#[derive(Debug)]
enum Root {
    Narrow(Arc<BinaryCohort<Terms<[i16; 2]>>>, Bounds),
    Broad(Arc<BinaryCohort<Terms<i32>>>, Bounds),
    Integer(Arc<WeightedCohort<i64>>, Arc<Weighted<i64>>),
    Wide(Arc<WeightedCohort<I256>>, Arc<Weighted<I256>>),
    Float(Arc<WeightedCohort<Compensated>>, Arc<Weighted<Compensated>>),
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
        if let Some(missing) = request.k.checked_sub(fixed.len()) {
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

        let screen = Screen {
            // One user alone never has an r, so where that is left out, two are needed
            // whatever the request says.
            min_users: match request.undefined {
                Undefined::Omit => request.min_users.map_or(2, |users| users.max(2)),
                Undefined::Null => request.min_users.unwrap_or(0),
            },
            undefined: request.undefined == Undefined::Null,
            floor: f64::NEG_INFINITY,
            corrected: request.corrected,
        };
        let instructions = request.instructions.unwrap_or_else(Instructions::best);
        Ok(Self {
            instructions,
            root: Root::new(instructions, &answers, &fixed, fixed.len() + choose),
            fixed: fixed.iter().map(|&position| answers.ids[position]).collect(),
            homes: Homes::new(choose, candidates, answers.questions()),
            choose,
            screen,
            top: request.top,
            bar: Bar::new(),
            subsets,
            answers,
        })
    }

    /// How many subsets there are, or `None` for more than 64 bits can tell.
    pub fn subsets(&self) -> Option<u64> {
        self.subsets
    }

    /// The name of the code that will do the work.
    pub fn kernel(&self) -> String {
        match self.root {
            Root::Narrow(..) => format!("binary, 16-bit lanes, {}", self.instructions.name()),
            Root::Broad(..) => format!("binary, 32-bit lanes, {}", self.instructions.name()),
            Root::Integer(..) => "integer, portable".to_string(),
            Root::Wide(..) => "wide integer, portable".to_string(),
            Root::Float(..) => "float, portable".to_string(),
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

    /// The `index`-th of `of` shares of the sweep; together they list every subset once.
    pub fn share(self: &Arc<Self>, index: usize, of: usize) -> Box<dyn Sweep> {
        let prefixes = binomial(self.homes.candidates().len() as u64, self.choose as u64 - 1);
        let share = Share::new(index, of, prefixes);
        match &self.root {
            Root::Narrow(root, bounds) => {
                self.instructions.run(BinaryShare::<Narrow> { plan: self, root, bounds: *bounds, share })
            }
            Root::Broad(root, bounds) => {
                self.instructions.run(BinaryShare::<Broad> { plan: self, root, bounds: *bounds, share })
            }
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
        answers.users() * user_bytes(answers)
    }

    /// Bytes that each share needs at most, beside the plan.
    ///
    /// The cohort of a prefix of d questions has at most as many users as the d-th
    /// most answered question. It takes the room of the cohort that it is narrowed
    /// from.
    pub fn share_memory(&self) -> usize {
        let support = |depth: usize| match depth {
            0 => self.answers.users(),
            _ => self.homes.candidates().get(depth - 1).map_or(0, |&position| self.answers.support[position]),
        };
        let narrowed = self.choose.saturating_sub(2);
        let users: usize = (0..narrowed).map(support).sum();
        let words = self.answers.answered.words_per_row();
        // Users of equal subtotal are filled up to a whole word, and a list has room
        // for a word more.
        let slots = users + (narrowed + 1) * (self.choose + 2) * WORD;
        let lists = 2 * (support(narrowed.saturating_sub(1)) + WORD) * size_of::<u32>();
        slots * user_bytes(&self.answers) + lists + words * LANES * size_of::<Sums<I256>>()
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

/// Bytes of one user in a cohort.
fn user_bytes(answers: &Answers) -> usize {
    match &answers.scores {
        // Rows and columns, of answers and of scores.
        Scores::Binary(_) => {
            4 * size_of::<u64>() * answers.answered.words_per_row() + size_of::<Terms<i32>>()
        }
        Scores::Integer(_) => 4 + size_of::<i64>(),
        Scores::Wide(_) => 4 + size_of::<I256>(),
        Scores::Float(_) => 4 + size_of::<Compensated>(),
    }
}

impl Root {
    fn new(instructions: Instructions, answers: &Answers, fixed: &[usize], k: usize) -> Self {
        match &answers.scores {
            Scores::Binary(scores) => {
                if let Some(bounds) = Bounds::of::<Narrow>(k, scores) {
                    let all = All::<Narrow> { answers, scores, fixed, width: PhantomData };
                    Self::Narrow(Arc::new(instructions.run(all)), bounds)
                } else if let Some(bounds) = Bounds::of::<Broad>(k, scores) {
                    let all = All::<Broad> { answers, scores, fixed, width: PhantomData };
                    Self::Broad(Arc::new(instructions.run(all)), bounds)
                } else {
                    let scores = Arc::new(scores.weighted(&answers.answered));
                    Self::Integer(weighted_root(answers, &scores, fixed), scores)
                }
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
