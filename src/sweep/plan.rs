//! What is to be swept: which subsets of which questions, over which users.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::error::{KCorrsetError, Result};
use crate::index::Answers;
use crate::sweep::branch::{Branch, Constraint};
use crate::sweep::counted::Counted;
use crate::sweep::found::{Found, Row};
use crate::sweep::kernel::select::Kernels;
use crate::sweep::simd::Instructions;
use crate::sweep::subsets::Shared;
use crate::sweep::walk::{Pace, Tally};
use crate::sweep::wanted::{Narrowing, Wanted};
use crate::sweep::{Columns, Sweep, SweepRequest, Undefined};

/// A sweep ready to start; shared by all who take a part in it.
#[derive(Debug)]
pub struct SweepPlan {
    shared: Arc<Shared>,
    kernels: Kernels,
    subsets: Option<u64>,
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
        check(request, answers.questions())?;
        let constraints = constraints(&answers, request);
        let questions = answers.questions();
        let mut subsets = Some(0u64);
        for constraint in &constraints {
            let (of_branch, questions, k) = Branch::subsets(request.k, constraint, questions);
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
            wanted: Narrowing::from(wanted(request)),
            corrected: request.corrected,
            top: request.top,
            instructions,
            answers,
        });
        let first = Arc::new(Branch::new(&shared, &kernels, first));
        let further =
            constraints.map(|constraint| FurtherBranch { constraint, branch: Mutex::default() }).collect();
        Ok(Self { shared, kernels, subsets, first, further })
    }

    /// How many subsets there are, or `None` for more than 64 bits can tell.
    pub fn subsets(&self) -> Option<u64> {
        self.subsets
    }

    /// Which r and n are wanted by now.
    pub fn wanted(&self) -> Wanted {
        self.shared.wanted.get()
    }

    /// From now on only subsets with such an r and n are wanted, by all who sweep this
    /// plan. What they have found before stays found.
    pub fn narrow(&self, wanted: Wanted) {
        self.shared.wanted.narrow(wanted);
    }

    /// The name of the code that will do the work.
    pub fn kernel(&self) -> &'static str {
        self.first.kernel()
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
        let users = self.shared.answers.users() as i64;
        let every = Wanted { n: [0, users], ..Wanted::ALL };
        self.shared.top.is_none() && self.wanted().and(every) == every
    }

    /// The `index`-th of `of` shares of the sweep; together they list every subset once.
    /// Where no column is asked for and nothing is dropped, they only count.
    pub fn share(self: &Arc<Self>, index: usize, of: usize, columns: Columns) -> Box<dyn Sweep> {
        if columns == Columns::NONE && self.drops_nothing() {
            return Box::new(Counted::new(self.subsets.unwrap_or(u64::MAX), index, of));
        }
        let first = self.first.share(index, of);
        match self.further.is_empty() {
            true => first,
            false => Box::new(BranchByBranch::new(Arc::clone(self), [index, of], first)),
        }
    }

    /// How many questions a subset has.
    pub fn set_size(&self) -> usize {
        self.first.set_size()
    }

    /// How many of the best subsets are wanted, if not all.
    pub fn top(&self) -> Option<usize> {
        self.shared.top
    }

    /// Bytes of the best subsets that one of so many shares keeps, and of the same while those
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
        let roots = constraints(answers, request).into_iter().take(1);
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

/// Whether there can be such a request for so many questions.
fn check(request: &SweepRequest, questions: usize) -> Result<()> {
    if request.k == 0 {
        return Err(KCorrsetError::SubsetSizeRange { got: "0".to_string() });
    }
    let lists = [("include", &request.include), ("exclude", &request.exclude), ("any", &request.any)];
    for (option, ids) in lists {
        if let Some(id) = ids.iter().find(|&&id| id as usize >= questions) {
            return Err(KCorrsetError::UnknownQuestion { option, question: id.to_string() });
        }
    }
    Ok(())
}

/// The r and n that a request wants.
fn wanted(request: &SweepRequest) -> Wanted {
    let min_users = request.min_users.unwrap_or(i64::MIN);
    let mut wanted = request.wanted.and(Wanted { n: [min_users, i64::MAX], ..Wanted::ALL });
    if request.undefined == Undefined::Omit {
        wanted.undefined = false;
    }
    if request.top == Some(0) {
        wanted = Wanted::NONE;
    }
    match wanted.undefined {
        true => wanted,
        // One user alone never has an r.
        false => wanted.and(Wanted { n: [2, i64::MAX], ..Wanted::DEFINED }),
    }
}

/// The branches of a request.
fn constraints(answers: &Answers, request: &SweepRequest) -> Vec<Constraint> {
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
    let constraint = Constraint { fixed: positions(&request.include), excluded: positions(&request.exclude) };
    let any = positions(&request.any);
    if any.is_empty() || any.iter().any(|position| constraint.fixed.contains(position)) {
        return vec![constraint];
    }
    let with = |&position: &usize| {
        let without = any.iter().copied().filter(|&other| other < position);
        Constraint {
            fixed: sorted(constraint.fixed.iter().copied().chain([position])),
            excluded: sorted(constraint.excluded.iter().copied().chain(without)),
        }
    };
    any.iter().map(with).collect()
}

fn sorted(positions: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut positions: Vec<usize> = positions.collect();
    positions.sort_unstable();
    positions.dedup();
    positions
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
    tally: Tally,
    top: Vec<Row>,
}

impl BranchByBranch {
    fn new(plan: Arc<SweepPlan>, share: [usize; 2], first: Box<dyn Sweep>) -> Self {
        Self { plan, share, number: 0, branch: None, sweep: first, tally: Tally::default(), top: Vec::new() }
    }
}

impl Sweep for BranchByBranch {
    fn advance(&mut self, found: &mut Found, pace: &mut Pace<'_>) -> bool {
        if !self.sweep.advance(found, pace) {
            return false;
        }
        let Some(branch) = self.plan.branch(self.number + 1) else { return true };
        self.number += 1;
        self.tally = self.tally();
        self.top.extend(self.sweep.take_top());
        let [index, of] = self.share;
        self.sweep = branch.share(index, of);
        self.branch = Some(branch);
        false
    }

    fn tally(&self) -> Tally {
        let now = self.sweep.tally();
        Tally {
            done: self.tally.done.saturating_add(now.done),
            pruned: self.tally.pruned.saturating_add(now.pruned),
        }
    }

    fn take_top(&mut self) -> Vec<Row> {
        let mut top = std::mem::take(&mut self.top);
        top.extend(self.sweep.take_top());
        top
    }
}
