//! What is to be swept: which subsets of which questions, over which users.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::error::{KCorrsetError, Result};
use crate::index::Answers;
use crate::interest::{Ended, Interest, awaited, lasting};
use crate::sweep::bounds::{Bounds, SharedBounds};
use crate::sweep::branch::Branch;
use crate::sweep::constraint::Constraint;
use crate::sweep::count::SetCount;
use crate::sweep::counted::Counted;
use crate::sweep::given::GivenSets;
use crate::sweep::kernel::select::Kernels;
use crate::sweep::request::SweepRequest;
use crate::sweep::rows::buffer::{Columns, Row};
use crate::sweep::sequence::Sequence;
use crate::sweep::single::Singles;
use crate::sweep::subsets::Shared;
use crate::sweep::task::Sweep;

/// A sweep ready to start; shared by all who take a part in it.
#[derive(Debug)]
pub struct SweepPlan {
    shared: Arc<Shared>,
    subsets: SetCount,
    /// Whether subsets have to meet quotas.
    quotas: bool,
    subsets_of: SubsetsOf,
}

/// Where the subsets come from.
#[derive(Debug)]
enum SubsetsOf {
    /// Branches, which together hold every subset once.
    Branches { kernels: Arc<Kernels>, first: Arc<Branch>, further: Vec<FurtherBranch> },
    /// Somebody who has given them.
    Given(Arc<GivenSets>),
}

/// A branch that is made when the first share comes to it, and forgotten when the last has
/// done it.
#[derive(Debug)]
struct FurtherBranch {
    constraint: Constraint,
    branch: Mutex<Weak<Branch>>,
}

impl SweepPlan {
    /// Plans the sweep of all subsets that a request asks for.
    ///
    /// # Errors
    /// A request for sets of no questions, or with an id that no question has.
    pub fn try_new(answers: Arc<Answers>, request: &SweepRequest) -> Result<Self> {
        awaited(|interest| {
            let kernels = Kernels::new(&answers, request.k, request.instructions(), interest)?;
            Self::with_kernels(answers, Arc::new(kernels), request, interest)
        })
    }

    /// Plans it with kernels for sets of k or more questions.
    pub(crate) fn with_kernels(
        answers: Arc<Answers>,
        kernels: Arc<Kernels>,
        request: &SweepRequest,
        interest: Interest<'_>,
    ) -> Result<Self, Ended<KCorrsetError>> {
        request.check(answers.questions())?;
        let quotas = !request.quotas.is_empty();
        let shared = Arc::new(Shared {
            k: request.k,
            bounds: SharedBounds::new(request.all_bounds(), answers.users()),
            corrected: request.corrected,
            top: request.top,
            seeks: request.seeks(),
            instructions: request.instructions(),
            in_turn: request.in_turn,
            answers,
        });
        if let Some(sets) = &request.given {
            let answers = Arc::clone(&shared.answers);
            let singles = Singles::new(answers, kernels.complete(), request.instructions());
            let given = Arc::new(GivenSets::new(&shared, sets, singles, request));
            let subsets = SetCount::Exactly(given.len() as u64);
            return Ok(Self { shared, subsets, quotas, subsets_of: SubsetsOf::Given(given) });
        }
        let constraints = Constraint::all_of(&shared.answers, request);
        let of_branch = |constraint: &Constraint| constraint.subsets(request.k, shared.answers.questions()).0;
        let subsets = constraints.iter().map(of_branch).sum();
        let mut constraints = constraints.into_iter();
        let first = constraints.next().unwrap_or_default();
        let first = Arc::new(Branch::new(&shared, &kernels, first, interest)?);
        let further =
            constraints.map(|constraint| FurtherBranch { constraint, branch: Mutex::default() }).collect();
        Ok(Self { shared, subsets, quotas, subsets_of: SubsetsOf::Branches { kernels, first, further } })
    }

    /// How many subsets there are.
    pub fn subsets(&self) -> SetCount {
        self.subsets
    }

    /// The bounds on r and n by now.
    pub fn bounds(&self) -> Bounds {
        self.shared.bounds.get()
    }

    /// Tightens the bounds on r and n, for all who sweep this plan. Rows that came before stay.
    pub fn tighten(&self, bounds: Bounds) {
        self.shared.bounds.tighten(bounds);
    }

    /// The name of the code that will do the work.
    pub fn kernel(&self) -> &'static str {
        match &self.subsets_of {
            SubsetsOf::Branches { first, .. } => first.kernel(),
            SubsetsOf::Given(_) => "given sets",
        }
    }

    /// How many shares can be worked on at the same time: at most this many.
    pub fn shares(&self, most: usize) -> usize {
        match self.subsets {
            // Without ranks there is no telling whose a prefix is.
            SetCount::About(_) => 1,
            SetCount::Exactly(_) => most.max(1),
        }
    }

    /// Whether every subset is wanted, whatever its r and n.
    fn drops_nothing(&self) -> bool {
        let users = self.shared.answers.users() as i64;
        let every = Bounds { n: [0, users], ..Bounds::ALL };
        self.shared.top.is_none() && !self.quotas && self.bounds().and(every) == every
    }

    /// The `index`-th of `of` shares of the sweep; together they list every subset once.
    /// Where no column is asked for and nothing is dropped, they only count.
    pub fn share(self: &Arc<Self>, index: usize, of: usize, columns: Columns) -> Box<dyn Sweep> {
        if columns == Columns::NONE && self.drops_nothing() {
            return Box::new(Counted::new(self.subsets.exactly().unwrap_or(u64::MAX), index, of));
        }
        match &self.subsets_of {
            SubsetsOf::Given(given) => return given.share(index, of),
            SubsetsOf::Branches { first, further, .. } if further.is_empty() => {
                return first.share(index, of);
            }
            SubsetsOf::Branches { .. } => {}
        }
        let plan = Arc::clone(self);
        // As long as one share holds a branch, others find it made.
        let (mut number, mut held) = (0, None);
        Box::new(Sequence::new(move || {
            let branch = held.insert(plan.branch(number)?);
            number += 1;
            Some(branch.share(index, of))
        }))
    }

    /// How many questions a subset has.
    pub fn set_size(&self) -> usize {
        match &self.subsets_of {
            SubsetsOf::Branches { first, .. } => first.set_size(),
            SubsetsOf::Given(_) => self.shared.k,
        }
    }

    /// How many of the best subsets are wanted, if not all.
    pub fn top(&self) -> Option<usize> {
        self.shared.top
    }

    /// Bytes of the best subsets that one of `shares` shares keeps, and of its part while those
    /// of all shares are merged.
    pub fn top_memory(&self, shares: usize) -> usize {
        let subsets = self.subsets.exactly().map_or(usize::MAX, |subsets| subsets as usize);
        // Shares are even in work, and less so in subsets; but what one has more, another has less.
        let share = subsets / shares.max(1);
        let share = share.saturating_add(share / 8 + 1000).min(subsets);
        let branches = match &self.subsets_of {
            SubsetsOf::Branches { further, .. } => 1 + further.len(),
            SubsetsOf::Given(_) => 1,
        };
        let rows = self.top().unwrap_or(0).min(share).saturating_mul(branches);
        let questions = self.set_size() * size_of::<u32>();
        rows.saturating_mul(2 * size_of::<Row>() + questions.next_multiple_of(16))
    }

    /// Bytes of what a plan over these answers keeps, beside its kernels.
    pub(crate) fn memory_of(answers: &Answers, request: &SweepRequest) -> usize {
        if let Some(sets) = &request.given {
            return GivenSets::bytes(sets.len(), request.k) + Singles::bytes(answers);
        }
        let roots = Constraint::all_of(answers, request).into_iter().take(1);
        roots.map(|constraint| Branch::root_memory(answers, &constraint)).sum()
    }

    /// Bytes that each share needs at most, beside the plan.
    pub fn share_memory(&self) -> usize {
        let SubsetsOf::Branches { first, further, .. } = &self.subsets_of else { return 0 };
        let root = |further: &FurtherBranch| Branch::root_memory(&self.shared.answers, &further.constraint);
        first.share_memory() + further.iter().map(root).max().unwrap_or(0)
    }

    /// One of the branches: the first is 0.
    fn branch(&self, number: usize) -> Option<Arc<Branch>> {
        let SubsetsOf::Branches { kernels, first, further } = &self.subsets_of else { return None };
        let Some(number) = number.checked_sub(1) else { return Some(Arc::clone(first)) };
        let FurtherBranch { constraint, branch } = further.get(number)?;
        // Who comes second waits, which takes as long as to make it once more.
        let mut branch = branch.lock().unwrap_or_else(PoisonError::into_inner);
        Some(branch.upgrade().unwrap_or_else(|| {
            let new =
                |interest: Interest<'_>| Branch::new(&self.shared, kernels, constraint.clone(), interest);
            let made = Arc::new(lasting(new));
            *branch = Arc::downgrade(&made);
            made
        }))
    }
}
