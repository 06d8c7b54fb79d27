//! How the sets of one size are found: by a sweep of all of them, by a search among them, or by a
//! heuristic.

use std::sync::Arc;

use crate::error::KCorrsetError;
use crate::index::Answers;
use crate::interest::{Ended, Interest};
use crate::search::descent::Descent;
use crate::search::exact::ExactSearch;
use crate::search::ground::Ground;
use crate::search::hand::Hand;
use crate::search::heuristic::{CHAINS, Climber, HeuristicSearch};
use crate::search::levels::Levels;
use crate::search::method::{Method, Outlook, Part};
use crate::search::moments::Moments;
use crate::sweep::constraint::Constraint;
use crate::sweep::rows::buffer::Columns;
use crate::sweep::{Bounds, Row, SetCount, Sweep, SweepPlan, SweepRequest};

/// A sweep or a search for the sets of one size.
#[derive(Debug)]
pub(crate) enum Choice {
    /// Of all sets.
    Sweep(Arc<SweepPlan>),
    /// Of the sets of the highest r, until no lower ones are wanted.
    Search(Searched),
    /// Of good sets.
    Heuristic(Arc<HeuristicSearch>),
}

/// A search, and what plans tell of themselves.
#[derive(Debug)]
pub(crate) struct Searched {
    pub(crate) search: Arc<ExactSearch>,
    k: usize,
    candidates: usize,
}

impl Choice {
    /// Chooses for a request.
    ///
    /// # Arguments
    /// `neighbour`: a search for sets of another size; `part`: what of a search is for this process.
    ///
    /// # Errors
    /// Those of [`SweepPlan::try_new`], where the sets have to be swept; and nobody waits any longer.
    pub(crate) fn try_new(
        ground: &Arc<Ground>,
        request: &SweepRequest,
        method: Method,
        outlook: Outlook,
        neighbour: Option<Arc<ExactSearch>>,
        part: Part,
        interest: Interest<'_>,
    ) -> Result<Self, Ended<KCorrsetError>> {
        let answers = &ground.answers;
        // A heuristic knows no quotas, and nothing of sets that have any of some questions.
        if let Method::Heuristic(effort) = method
            && request.quotas.is_empty()
            && request.any.is_empty()
            && request.given.is_none()
        {
            request.check(answers.questions())?;
            let search = HeuristicSearch::new(Arc::clone(ground), request, effort);
            return Ok(Self::Heuristic(Arc::new(search)));
        }
        if let Some(expected) = searchable(answers, request, method, outlook) {
            request.check(answers.questions())?;
            let sets = Sets::of(answers, request);
            let subsets = sets.number();
            if method == Method::Tree || sets.sweep_seconds(answers) > sets.search_seconds() {
                let search = ExactSearch::new(Arc::clone(ground), request, expected, neighbour, part);
                let few = || expected > 0 || !search.would_find_many();
                if method == Method::Tree || subsets.exactly().is_none() || few() {
                    let (k, candidates) = (request.k, sets.candidates);
                    return Ok(Self::Search(Searched { search: Arc::new(search), k, candidates }));
                }
            }
        }
        let (answers, kernels) = (Arc::clone(answers), Arc::clone(&ground.kernels));
        Ok(Self::Sweep(Arc::new(SweepPlan::with_kernels(answers, kernels, request, interest)?)))
    }

    /// How many subsets there are.
    pub(crate) fn subsets(&self) -> SetCount {
        match self {
            Self::Sweep(plan) => plan.subsets(),
            Self::Search(plan) => plan.search.subsets,
            Self::Heuristic(search) => search.subsets(),
        }
    }

    /// Tightens the bounds on r and n, for all who work on this plan.
    pub(crate) fn tighten(&self, bounds: Bounds) {
        match self {
            Self::Sweep(plan) => plan.tighten(bounds),
            Self::Search(plan) => plan.search.bounds.tighten(bounds),
            // Rows of `top` are chosen before they are filtered.
            Self::Heuristic(_) => {}
        }
    }

    /// The name of the code that will do the work.
    pub(crate) fn kernel(&self) -> &'static str {
        match self {
            Self::Sweep(plan) => plan.kernel(),
            Self::Search(_) => "complete data, tree search",
            Self::Heuristic(search) => search.kernel(),
        }
    }

    /// How many shares can be worked on at the same time: at most this many.
    pub(crate) fn shares(&self, most: usize) -> usize {
        match self {
            Self::Sweep(plan) => plan.shares(most),
            Self::Search(_) => most.max(1),
            Self::Heuristic(_) => most.clamp(1, CHAINS),
        }
    }

    /// The `index`-th of `of` shares; together they list every subset that is wanted once.
    pub(crate) fn share(&self, index: usize, of: usize, columns: Columns) -> Box<dyn Sweep> {
        match self {
            Self::Sweep(plan) => plan.share(index, of, columns),
            Self::Search(plan) => Box::new(Hand::new(Arc::clone(&plan.search))),
            Self::Heuristic(search) => Box::new(Climber::new(Arc::clone(search))),
        }
    }

    /// How many seconds a sweep takes of one thread, about.
    pub(crate) fn sweep_seconds(&self) -> f64 {
        match self {
            Self::Sweep(plan) => plan.subsets().about() * SWEPT,
            Self::Search(_) | Self::Heuristic(_) => 0.0,
        }
    }

    /// How many questions a subset has.
    pub(crate) fn set_size(&self) -> usize {
        match self {
            Self::Sweep(plan) => plan.set_size(),
            Self::Search(plan) => plan.k,
            Self::Heuristic(search) => search.set_size(),
        }
    }

    /// Bytes of the best subsets that one of `shares` shares keeps, and of its part while those
    /// of all shares are merged.
    pub(crate) fn top_memory(&self, shares: usize) -> usize {
        match self {
            Self::Sweep(plan) => plan.top_memory(shares),
            Self::Search(plan) => {
                let questions = plan.k * size_of::<u32>();
                let rows = plan.search.top.unwrap_or(0);
                rows.saturating_mul(2 * size_of::<Row>() + questions.next_multiple_of(16))
            }
            Self::Heuristic(search) => search.top_memory(),
        }
    }

    /// Bytes that a choice for a request keeps, and those that are needed as long as it is worked on.
    pub(crate) fn memory_of(
        answers: &Answers,
        request: &SweepRequest,
        method: Method,
        outlook: Outlook,
    ) -> [usize; 2] {
        if let (Method::Heuristic(_), None) = (method, &request.given) {
            return [HeuristicSearch::memory_of(answers, request), 0];
        }
        let sweep = SweepPlan::memory_of(answers, request);
        if searchable(answers, request, method, outlook).is_none() {
            return [sweep, 0];
        }
        let questions = answers.questions();
        let at_work = Moments::bytes(questions) + Levels::bytes(questions);
        [sweep + Moments::bytes(questions), at_work + Descent::bytes_of_parts(questions)]
    }

    /// Bytes that each share needs at most, beside the plan.
    pub(crate) fn share_memory(&self) -> usize {
        match self {
            Self::Sweep(plan) => plan.share_memory(),
            Self::Search(plan) => Descent::bytes(plan.candidates) + Moments::bytes(plan.candidates),
            Self::Heuristic(search) => search.share_memory(),
        }
    }
}

/// About how many rows a search would be for, 0 for all within bounds; `None` where a search could not
/// leave any set out.
fn searchable(answers: &Answers, request: &SweepRequest, method: Method, outlook: Outlook) -> Option<usize> {
    let few = answers.questions() <= MOST_QUESTIONS;
    let all = request.given.is_none();
    if method == Method::Sweep || !answers.are_complete() || request.k == 0 || !few || !all {
        return None;
    }
    let bounds = request.all_bounds();
    if request.top.is_some() {
        return request.top.filter(|&top| top <= MOST_BEST || method == Method::Tree);
    }
    let above = bounds.r[0] > 0.0 && !bounds.undefined;
    outlook.best.or_else(|| above.then_some(0))
}

/// Seconds that a sweep takes for a set, where it is fast.
const SWEPT: f64 = 5e-9;

/// The roots of so many questions take half a minute each, and their trees do not end.
const MOST_QUESTIONS: usize = 2000;

/// More of the best sets than this are as well swept.
const MOST_BEST: usize = 100_000;

/// The sets of a request, about.
struct Sets {
    of_branches: Vec<SetCount>,
    /// Questions that the largest branch chooses from.
    candidates: usize,
}

impl Sets {
    fn of(answers: &Answers, request: &SweepRequest) -> Self {
        let mut sets = Self { of_branches: Vec::new(), candidates: 0 };
        for constraint in Constraint::all_of(answers, request) {
            let (of_branch, candidates) = constraint.subsets(request.k, answers.questions());
            sets.of_branches.push(of_branch);
            sets.candidates = sets.candidates.max(candidates);
        }
        sets
    }

    fn number(&self) -> SetCount {
        self.of_branches.iter().copied().sum()
    }

    /// What a sweep takes of one thread.
    fn sweep_seconds(&self, answers: &Answers) -> f64 {
        // Of small exact scores a set is looked up; else users are summed.
        let of_set = if answers.have_small_sums() { 1.5e-9 } else { 2e-9 * answers.users() as f64 / 10.0 };
        self.number().about() * of_set
    }

    /// What a search takes of one thread, about: the guess, and a root and a tree for each branch.
    fn search_seconds(&self) -> f64 {
        let questions = self.candidates as f64 / 100.0;
        self.of_branches.len() as f64 * (0.05 + 0.05 * questions * questions + 0.02 * questions.powi(3))
    }
}
