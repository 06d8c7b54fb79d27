//! What is to be swept: which subsets of which questions, over which users.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::error::{KCorrsetError, Result};
use crate::index::Answers;
use crate::sweep::case::{Case, Common, Demand};
use crate::sweep::counted::Counted;
use crate::sweep::found::{Found, Row};
use crate::sweep::kernel::Covariances;
use crate::sweep::simd::Instructions;
use crate::sweep::walk::{Pace, Tally};
use crate::sweep::wanted::{Narrowing, Wanted};
use crate::sweep::{Columns, Sweep, SweepRequest, Undefined};

/// A sweep ready to start; shared by all who take a part in it.
#[derive(Debug)]
pub struct SweepPlan {
    common: Arc<Common>,
    subsets: Option<u64>,
    /// Together they hold every subset once.
    first: Arc<Case>,
    further: Vec<FurtherCase>,
}

/// A case that is made when the first share comes to it, and forgotten when the last has
/// done it.
#[derive(Debug)]
struct FurtherCase {
    demand: Demand,
    case: Mutex<Weak<Case>>,
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
        let demands = demands(&answers, request);
        let questions = answers.questions();
        let mut subsets = Some(0u64);
        for demand in &demands {
            let (of_case, questions, k) = Case::subsets(request.k, demand, questions);
            subsets = subsets.zip(of_case).and_then(|(sum, of_case)| sum.checked_add(of_case));
            if subsets.is_none_or(|subsets| subsets > i64::MAX as u64) && !partial {
                return Err(KCorrsetError::TooManySubsets { questions, k });
            }
        }
        let mut demands = demands.into_iter();
        let first = demands.next().unwrap_or_default();
        let common = Arc::new(Common {
            k: request.k,
            wanted: Narrowing::from(wanted(request)),
            corrected: request.corrected,
            top: request.top,
            instructions: request.instructions.unwrap_or_else(Instructions::best),
            covariances: Covariances::of(&answers, request.k.min(answers.questions())).map(Arc::new),
            answers,
        });
        let first = Arc::new(Case::new(&common, first));
        let further = demands.map(|demand| FurtherCase { demand, case: Mutex::default() }).collect();
        Ok(Self { common, subsets, first, further })
    }

    /// How many subsets there are, or `None` for more than 64 bits can tell.
    pub fn subsets(&self) -> Option<u64> {
        self.subsets
    }

    /// Which r and n are wanted by now.
    pub fn wanted(&self) -> Wanted {
        self.common.wanted.get()
    }

    /// From now on only subsets with such an r and n are wanted, by all who sweep this
    /// plan. What they have found before stays found.
    pub fn narrow(&self, wanted: Wanted) {
        self.common.wanted.narrow(wanted);
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
        let users = self.common.answers.users() as i64;
        let every = Wanted { n: [0, users], ..Wanted::ALL };
        self.common.top.is_none() && self.wanted().and(every) == every
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
            false => Box::new(CaseByCase::new(Arc::clone(self), [index, of], first)),
        }
    }

    /// How many questions a subset has.
    pub fn set_size(&self) -> usize {
        self.first.set_size()
    }

    /// How many of the best subsets are wanted, if not all.
    pub fn top(&self) -> Option<usize> {
        self.common.top
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
        let roots = demands(answers, request).into_iter().take(1);
        let roots: usize = roots.map(|demand| Case::root_memory(answers, &demand)).sum();
        roots + Covariances::bytes(answers)
    }

    /// Bytes that each share needs at most, beside the plan.
    pub fn share_memory(&self) -> usize {
        let roots =
            self.further.iter().map(|further| Case::root_memory(&self.common.answers, &further.demand));
        self.first.share_memory() + roots.max().unwrap_or(0)
    }

    /// One of the cases: the first is 0.
    fn case(&self, number: usize) -> Option<Arc<Case>> {
        let Some(further) = number.checked_sub(1) else { return Some(Arc::clone(&self.first)) };
        let FurtherCase { demand, case } = self.further.get(further)?;
        // Who comes second waits, which takes as long as to make it once more.
        let mut case = case.lock().unwrap_or_else(PoisonError::into_inner);
        Some(case.upgrade().unwrap_or_else(|| {
            let made = Arc::new(Case::new(&self.common, demand.clone()));
            *case = Arc::downgrade(&made);
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

/// The cases of a request.
fn demands(answers: &Answers, request: &SweepRequest) -> Vec<Demand> {
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
    let demand = Demand { fixed: positions(&request.include), excluded: positions(&request.exclude) };
    let any = positions(&request.any);
    if any.is_empty() || any.iter().any(|position| demand.fixed.contains(position)) {
        return vec![demand];
    }
    let with = |&position: &usize| {
        let without = any.iter().copied().filter(|&other| other < position);
        Demand {
            fixed: sorted(demand.fixed.iter().copied().chain([position])),
            excluded: sorted(demand.excluded.iter().copied().chain(without)),
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

/// A share of each case, one after the other.
struct CaseByCase {
    plan: Arc<SweepPlan>,
    share: [usize; 2],
    /// The case that is being swept.
    number: usize,
    sweep: Box<dyn Sweep>,
    /// What was done before it.
    tally: Tally,
    top: Vec<Row>,
}

impl CaseByCase {
    fn new(plan: Arc<SweepPlan>, share: [usize; 2], first: Box<dyn Sweep>) -> Self {
        Self { plan, share, number: 0, sweep: first, tally: Tally::default(), top: Vec::new() }
    }
}

impl Sweep for CaseByCase {
    fn advance(&mut self, found: &mut Found, pace: &mut Pace<'_>) -> bool {
        if !self.sweep.advance(found, pace) {
            return false;
        }
        let Some(case) = self.plan.case(self.number + 1) else { return true };
        self.number += 1;
        self.tally = self.tally();
        self.top.extend(self.sweep.take_top());
        let [index, of] = self.share;
        self.sweep = case.share(index, of);
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
