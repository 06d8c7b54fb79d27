//! What is to be swept: which subsets of which questions, over which users.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::error::{KCorrsetError, Result};
use crate::index::Answers;
use crate::sweep::bounds::{Bounds, SharedBounds};
use crate::sweep::branch::Branch;
use crate::sweep::constraint::Constraint;
use crate::sweep::counted::Counted;
use crate::sweep::kernel::select::Kernels;
use crate::sweep::request::SweepRequest;
use crate::sweep::rows::buffer::{Columns, Row, RowBuffer};
use crate::sweep::simd::Instructions;
use crate::sweep::subsets::Shared;
use crate::sweep::task::{Budget, Progress, Sweep};

/// A sweep ready to start; shared by all who take a part in it.
#[derive(Debug)]
pub struct SweepPlan {
    shared: Arc<Shared>,
    kernels: Kernels,
    subsets: Option<u64>,
    /// Whether subsets have to meet quotas.
    quotas: bool,
    /// Together they hold every subset once.
    first: Arc<Branch>,
    further: Vec<FurtherBranch>,
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
    /// [`KCorrsetError::TooManySubsets`] if there are more than 2^63 of them,
    /// unless `partial`: the caller will stop before the end. A request for sets of no
    /// questions, or with an id that no question has.
    pub fn try_new(answers: Arc<Answers>, request: &SweepRequest, partial: bool) -> Result<Self> {
        request.check(answers.questions())?;
        let constraints = Constraint::all_of(&answers, request);
        let questions = answers.questions();
        let mut subsets = Some(0u64);
        for constraint in &constraints {
            let (of_branch, questions, k) = constraint.subsets(request.k, questions);
            subsets = subsets.zip(of_branch).and_then(|(sum, of_branch)| sum.checked_add(of_branch));
            if subsets.is_none_or(|subsets| subsets > i64::MAX as u64) && !partial {
                return Err(KCorrsetError::TooManySubsets { questions, k });
            }
        }
        let mut constraints = constraints.into_iter();
        let first = constraints.next().unwrap_or_default();
        let instructions = request.instructions.unwrap_or_else(Instructions::best);
        let kernels = Kernels::new(&answers, request.k, instructions);
        let shared = Arc::new(Shared {
            k: request.k,
            bounds: SharedBounds::from(request.all_bounds()),
            corrected: request.corrected,
            top: request.top,
            instructions,
            answers,
        });
        let first = Arc::new(Branch::new(&shared, &kernels, first));
        let further =
            constraints.map(|constraint| FurtherBranch { constraint, branch: Mutex::default() }).collect();
        Ok(Self { shared, kernels, subsets, quotas: !request.quotas.is_empty(), first, further })
    }

    /// How many subsets there are, or `None` for more than 64 bits can tell.
    pub fn subsets(&self) -> Option<u64> {
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
        self.first.kernel()
    }

    /// How many shares can be worked on at the same time: at most this many.
    pub fn shares(&self, most: usize) -> usize {
        match self.subsets {
            // Without ranks there is no telling whose a prefix is.
            None => 1,
            Some(_) => most.max(1),
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
            return Box::new(Counted::new(self.subsets.unwrap_or(u64::MAX), index, of));
        }
        let first = self.first.share(index, of);
        if self.further.is_empty() {
            return first;
        }
        Box::new(BranchByBranch::new(Arc::clone(self), [index, of], first))
    }

    /// How many questions a subset has.
    pub fn set_size(&self) -> usize {
        self.first.set_size()
    }

    /// How many of the best subsets are wanted, if not all.
    pub fn top(&self) -> Option<usize> {
        self.shared.top
    }

    /// Bytes of the best subsets that one of `shares` shares keeps, and of its part while those
    /// of all shares are merged.
    pub fn top_memory(&self, shares: usize) -> usize {
        let subsets = self.subsets.map_or(usize::MAX, |subsets| subsets as usize);
        // Shares are even in work, and less so in subsets; but what one has more, another has less.
        let share = subsets / shares.max(1);
        let share = share.saturating_add(share / 8 + 1000).min(subsets);
        let rows = self.top().unwrap_or(0).min(share).saturating_mul(1 + self.further.len());
        let questions = self.set_size() * size_of::<u32>();
        rows.saturating_mul(2 * size_of::<Row>() + questions.next_multiple_of(16))
    }

    /// Bytes of what a plan over these answers keeps.
    pub fn memory_of(answers: &Answers, request: &SweepRequest) -> usize {
        let roots = Constraint::all_of(answers, request).into_iter().take(1);
        let roots: usize = roots.map(|constraint| Branch::root_memory(answers, &constraint)).sum();
        roots + Kernels::memory(answers)
    }

    /// Bytes that each share needs at most, beside the plan.
    pub fn share_memory(&self) -> usize {
        let roots =
            self.further.iter().map(|further| Branch::root_memory(&self.shared.answers, &further.constraint));
        self.first.share_memory() + roots.max().unwrap_or(0)
    }

    /// One of the branches: the first is 0.
    fn branch(&self, number: usize) -> Option<Arc<Branch>> {
        let Some(further) = number.checked_sub(1) else { return Some(Arc::clone(&self.first)) };
        let FurtherBranch { constraint, branch } = self.further.get(further)?;
        // Who comes second waits, which takes as long as to make it once more.
        let mut branch = branch.lock().unwrap_or_else(PoisonError::into_inner);
        Some(branch.upgrade().unwrap_or_else(|| {
            let made = Arc::new(Branch::new(&self.shared, &self.kernels, constraint.clone()));
            *branch = Arc::downgrade(&made);
            made
        }))
    }
}

/// A share of each branch, one after the other.
struct BranchByBranch {
    plan: Arc<SweepPlan>,
    share: [usize; 2],
    /// The branch that is being swept.
    number: usize,
    /// It itself, unless it is the first: as long as it is held, other shares find it made.
    branch: Option<Arc<Branch>>,
    sweep: Box<dyn Sweep>,
    /// What was done before it.
    progress: Progress,
    top: Vec<Row>,
}

impl BranchByBranch {
    fn new(plan: Arc<SweepPlan>, share: [usize; 2], first: Box<dyn Sweep>) -> Self {
        Self {
            plan,
            share,
            number: 0,
            branch: None,
            sweep: first,
            progress: Progress::default(),
            top: Vec::new(),
        }
    }
}

impl Sweep for BranchByBranch {
    fn advance(&mut self, buffer: &mut RowBuffer, budget: &mut Budget<'_>) -> bool {
        if !self.sweep.advance(buffer, budget) {
            return false;
        }
        let Some(branch) = self.plan.branch(self.number + 1) else { return true };
        self.number += 1;
        self.progress = self.progress();
        self.top.extend(self.sweep.take_top());
        let [index, of] = self.share;
        self.sweep = branch.share(index, of);
        self.branch = Some(branch);
        false
    }

    fn progress(&self) -> Progress {
        let now = self.sweep.progress();
        Progress {
            done: self.progress.done.saturating_add(now.done),
            pruned: self.progress.pruned.saturating_add(now.pruned),
        }
    }

    fn take_top(&mut self) -> Vec<Row> {
        let mut top = std::mem::take(&mut self.top);
        top.extend(self.sweep.take_top());
        top
    }
}
