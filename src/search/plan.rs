//! How a request is answered: by a sweep of all sets, or by a search among them.

use std::str::FromStr;
use std::sync::Arc;

use crate::error::Result;
use crate::index::Answers;
use crate::search::descent::Descent;
use crate::search::exact::ExactSearch;
use crate::search::levels::Levels;
use crate::search::moments::Moments;
use crate::sweep::constraint::Constraint;
use crate::sweep::rows::buffer::Columns;
use crate::sweep::{Bounds, Row, Sweep, SweepPlan, SweepRequest};

/// Whether sets are swept or searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Method {
    /// Whichever is probably faster, of those that can answer.
    #[default]
    Auto,
    /// All sets are swept.
    Sweep,
    /// Sets are searched for, wherever that can answer.
    Tree,
}

impl Method {
    /// All of them, by name.
    pub const NAMES: [(&'static str, Self); 3] =
        [("auto", Self::Auto), ("sweep", Self::Sweep), ("tree", Self::Tree)];

    /// The name, in settings and in plans.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, method)| *method == self).map_or("auto", |(name, _)| name)
    }
}

impl FromStr for Method {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        let named = Self::NAMES.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        named.map(|(_, method)| *method).ok_or(())
    }
}

/// What is known of the rows that will be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outlook {
    /// About how many of the sets of the highest r, if it is these that are read first and if whoever
    /// reads them says when no lower ones are wanted.
    pub best: Option<usize>,
    /// Whether reading ends before the last row.
    pub partial: bool,
}

/// A sweep or a search, ready to start; shared by all who take a part in it.
#[derive(Debug)]
pub enum Plan {
    /// Of all sets.
    Sweep(Arc<SweepPlan>),
    /// Of the sets of the highest r, until no lower ones are wanted.
    Search(Searched),
}

/// A search, and what plans tell of themselves.
#[derive(Debug)]
pub struct Searched {
    search: Arc<ExactSearch>,
    subsets: Option<u64>,
    k: usize,
    candidates: usize,
}

impl Plan {
    /// Plans what a request asks for.
    ///
    /// # Errors
    /// Those of [`SweepPlan::try_new`], where the sets have to be swept.
    pub fn try_new(
        answers: Arc<Answers>,
        request: &SweepRequest,
        method: Method,
        outlook: Outlook,
    ) -> Result<Self> {
        if let Some(expected) = searchable(&answers, request, method, outlook) {
            request.check(answers.questions())?;
            let sets = Sets::of(&answers, request);
            let subsets = sets.number();
            if method == Method::Tree || sets.sweep_seconds(&answers) > sets.search_seconds() {
                let all = subsets.unwrap_or(u64::MAX);
                let search = ExactSearch::new(Arc::clone(&answers), request, expected, all);
                let few = || expected > 0 || !search.would_find_many();
                if method == Method::Tree || subsets.is_none() || few() {
                    let (k, candidates) = (request.k, sets.candidates);
                    return Ok(Self::Search(Searched { search: Arc::new(search), subsets, k, candidates }));
                }
            }
        }
        Ok(Self::Sweep(Arc::new(SweepPlan::try_new(answers, request, outlook.partial)?)))
    }

    /// How many subsets there are, or `None` for more than 64 bits can tell.
    pub fn subsets(&self) -> Option<u64> {
        match self {
            Self::Sweep(plan) => plan.subsets(),
            Self::Search(plan) => plan.subsets,
        }
    }

    /// Tightens the bounds on r and n, for all who work on this plan. Rows that came before stay.
    pub fn tighten(&self, bounds: Bounds) {
        match self {
            Self::Sweep(plan) => plan.tighten(bounds),
            Self::Search(plan) => plan.search.bounds().tighten(bounds),
        }
    }

    /// The name of the code that will do the work.
    pub fn kernel(&self) -> &'static str {
        match self {
            Self::Sweep(plan) => plan.kernel(),
            Self::Search(_) => "complete data, tree search",
        }
    }

    /// Whether whoever makes this plan has to work on all of it, as it is not for others to know what
    /// was done.
    pub fn is_one_search(&self) -> bool {
        matches!(self, Self::Search(_))
    }

    /// How many shares can be worked on at the same time: at most this many.
    pub fn shares(&self, most: usize) -> usize {
        match self {
            Self::Sweep(plan) => plan.shares(most),
            Self::Search(_) => most.max(1),
        }
    }

    /// The `index`-th of `of` shares; together they list every subset that is wanted once.
    pub fn share(&self, index: usize, of: usize, columns: Columns) -> Box<dyn Sweep> {
        match self {
            Self::Sweep(plan) => plan.share(index, of, columns),
            Self::Search(plan) => plan.search.hand(),
        }
    }

    /// How many questions a subset has.
    pub fn set_size(&self) -> usize {
        match self {
            Self::Sweep(plan) => plan.set_size(),
            Self::Search(plan) => plan.k,
        }
    }

    /// How many of the best subsets are wanted, if not all.
    pub fn top(&self) -> Option<usize> {
        match self {
            Self::Sweep(plan) => plan.top(),
            Self::Search(plan) => plan.search.top(),
        }
    }

    /// Bytes of the best subsets that one of `shares` shares keeps, and of its part while those
    /// of all shares are merged.
    pub fn top_memory(&self, shares: usize) -> usize {
        match self {
            Self::Sweep(plan) => plan.top_memory(shares),
            Self::Search(plan) => {
                let questions = plan.k * size_of::<u32>();
                let rows = self.top().unwrap_or(0);
                rows.saturating_mul(2 * size_of::<Row>() + questions.next_multiple_of(16))
            }
        }
    }

    /// Bytes of what a plan over these answers keeps.
    pub fn memory_of(answers: &Answers, request: &SweepRequest, method: Method, outlook: Outlook) -> usize {
        let sweep = SweepPlan::memory_of(answers, request);
        if searchable(answers, request, method, outlook).is_none() {
            return sweep;
        }
        let questions = answers.questions();
        sweep + 3 * Moments::bytes(questions) + Levels::bytes(questions) + Descent::bytes_of_parts(questions)
    }

    /// Bytes that each share needs at most, beside the plan.
    pub fn share_memory(&self) -> usize {
        match self {
            Self::Sweep(plan) => plan.share_memory(),
            Self::Search(plan) => Descent::bytes(plan.candidates) + Moments::bytes(plan.candidates),
        }
    }
}

/// About how many rows a search would be for, 0 for all within bounds; `None` where a search could not
/// leave any set out.
fn searchable(answers: &Answers, request: &SweepRequest, method: Method, outlook: Outlook) -> Option<usize> {
    if method == Method::Sweep || !answers.are_complete() || request.k == 0 {
        return None;
    }
    let bounds = request.all_bounds();
    if request.top.is_some() {
        return request.top.filter(|&top| top <= MOST_BEST || method == Method::Tree);
    }
    let above = bounds.r[0] > 0.0 && !bounds.undefined;
    outlook.best.or_else(|| above.then_some(0))
}

/// More of the best sets than this are as well swept.
const MOST_BEST: usize = 100_000;

/// The sets of a request, about.
struct Sets {
    of_branches: Vec<Option<u64>>,
    /// Questions that the largest branch chooses from.
    candidates: usize,
}

impl Sets {
    fn of(answers: &Answers, request: &SweepRequest) -> Self {
        let mut sets = Self { of_branches: Vec::new(), candidates: 0 };
        for constraint in Constraint::all_of(answers, request) {
            let (of_branch, candidates, _) = constraint.subsets(request.k, answers.questions());
            sets.of_branches.push(of_branch);
            sets.candidates = sets.candidates.max(candidates);
        }
        sets
    }

    fn number(&self) -> Option<u64> {
        self.of_branches.iter().try_fold(0u64, |sum, of_branch| sum.checked_add((*of_branch)?))
    }

    /// What a sweep takes of one thread.
    fn sweep_seconds(&self, answers: &Answers) -> f64 {
        // Of small exact scores a set is looked up; else users are summed.
        let of_set = if answers.have_small_sums() { 1.5e-9 } else { 2e-9 * answers.users() as f64 / 10.0 };
        self.number().map_or(f64::INFINITY, |sets| sets as f64 * of_set)
    }

    /// What a search takes of one thread, about: the guess, and a root and a tree for each branch.
    fn search_seconds(&self) -> f64 {
        let questions = self.candidates as f64 / 100.0;
        self.of_branches.len() as f64 * (0.05 + 0.05 * questions * questions + 0.02 * questions.powi(3))
    }
}
