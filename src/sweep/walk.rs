//! The walk over all prefixes, depth first, in a form that can be interrupted.
//!
//! ```text
//! walk(prefix, cohort, end):                  prefix has d of the k questions
//!     for c in end-1 down to k-d-1:           leave enough below for the rest
//!         skip unless some subset of prefix+c is in my share
//!         if d = k-2:  open prefix+c; hand out its lanes, all y < c
//!         else:        narrow the cohort by c
//!                      skip if too few users are left
//!                      walk(prefix + c, narrowed cohort, c)
//! ```
//!
//! **n can only shrink as a set grows**, so a cohort of fewer than `min_users`
//! ends its whole subtree (the rule of Apriori: R. Agrawal and R. Srikant, 1994).
//!
//! Recursion is spelled out as a stack of levels, because a sweep must stop
//! between any two blocks of lanes: when a batch is full, when its time slice is
//! over, when nobody wants the rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::index::bitset::{WORD, below, ones};
use crate::sweep::Sweep;
use crate::sweep::found::{Found, Row};
use crate::sweep::kernel::{Kernel, LANES, Lanes};
use crate::sweep::plan::SweepPlan;
use crate::sweep::rank::{Share, binomial_or_max};
use crate::sweep::top::Top;

/// When a sweep should pause.
#[derive(Debug)]
pub struct Pace<'a> {
    /// Rows that are enough for now. A block of 64 subsets is not cut in two, so
    /// up to 63 more may come.
    pub rows: usize,
    /// The time at which to pause.
    pub until: Instant,
    /// Set when nobody wants the rest.
    pub stop: &'a AtomicBool,
    effort: usize,
}

/// Users × words of lanes between two looks at the clock: about a millisecond.
const EFFORT_BETWEEN_LOOKS: usize = 1 << 15;

/// What a step takes that has no users to sum.
const LEAST_EFFORT: usize = 8;

impl<'a> Pace<'a> {
    /// A pace of so many rows, up to a point in time, unless stopped before.
    pub fn new(rows: usize, until: Instant, stop: &'a AtomicBool) -> Self {
        Self { rows, until, stop, effort: 0 }
    }

    /// Counts a step of the walk; now and then looks whether that is enough for now.
    fn spend(&mut self, effort: usize) -> bool {
        self.effort += effort + LEAST_EFFORT;
        if self.effort < EFFORT_BETWEEN_LOOKS {
            return false;
        }
        self.effort = 0;
        self.stop.load(Ordering::Relaxed) || Instant::now() >= self.until
    }
}

/// What a share has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Subsets dealt with, pruned ones included.
    pub done: u64,
    /// Subsets never summed, because their prefix had too few users.
    pub pruned: u64,
}

/// One share of a sweep.
pub(crate) struct Walk<K: Kernel> {
    plan: Arc<SweepPlan>,
    share: Share,
    kernel: K,
    root: Arc<K::Cohort>,
    /// Cohorts of the prefixes of 1, 2, … k-2 questions.
    cohorts: Vec<K::Cohort>,
    /// For each prefix length, which candidates are still to be tried: those below.
    ends: Vec<usize>,
    /// Candidates of the prefix walked to; less than k-1 of them unless a prefix is open.
    prefix: Vec<usize>,
    /// The next word of lanes, and the words there are, while a prefix is open.
    open: Option<Open>,
    /// Rank of the next subset.
    rank: u64,
    lanes: Lanes,
    /// Ids of the open prefix's questions, ascending; empty until asked for.
    ids: Vec<u32>,
    top: Option<Top>,
    tally: Tally,
    finished: bool,
}

/// A last prefix whose lanes are being handed out.
#[derive(Debug)]
struct Open {
    /// The candidate that ends the prefix; `None` where the prefix is empty.
    last: Option<usize>,
    /// Lanes are the candidates at positions below.
    end: usize,
    word: usize,
}

/// What one step of the walk came to.
enum Step {
    /// Work worth so much effort.
    Worked(usize),
    Finished,
}

impl<K: Kernel> Walk<K> {
    pub(crate) fn new(plan: Arc<SweepPlan>, kernel: K, root: Arc<K::Cohort>, share: Share) -> Self {
        let prefix_length = plan.choose - 1;
        let mut ends = vec![0; prefix_length];
        if let Some(first) = ends.first_mut() {
            *first = plan.candidates.len();
        }
        Self {
            cohorts: (1..prefix_length).map(|_| K::Cohort::default()).collect(),
            ends,
            prefix: Vec::with_capacity(prefix_length),
            open: None,
            rank: 0,
            lanes: Lanes::new(),
            ids: Vec::new(),
            top: plan.top.map(Top::new),
            tally: Tally::default(),
            finished: plan.candidates.is_empty(),
            plan,
            share,
            kernel,
            root,
        }
    }

    /// One step: a candidate tried, or a block of lanes handed out.
    fn step(&mut self, found: &mut Found) -> Step {
        if self.open.is_some() {
            return self.hand_out(found);
        }
        let depth = self.prefix.len();
        let Some(end) = self.ends.get(depth).copied() else {
            // k = 1: the empty prefix is the only one, and the first share's.
            return match self.rank == 0 && self.share.owns(0) {
                true => self.open_last(None),
                false => Step::Finished,
            };
        };
        let missing = self.plan.choose - depth - 1;
        if end <= missing {
            return match self.prefix.pop() {
                Some(_) => Step::Worked(0),
                None => Step::Finished,
            };
        }
        let candidate = end - 1;
        self.ends[depth] = candidate;
        let size = match missing {
            // By far the most steps are these.
            1 => candidate as u64,
            _ => binomial_or_max(candidate, missing),
        };
        if !self.share.meets(self.rank, size) {
            self.rank = self.rank.saturating_add(size);
            return Step::Worked(0);
        }
        if missing > 1 {
            return self.descend(candidate, size);
        }
        match self.share.owns(self.rank) {
            true => self.open_last(Some(candidate)),
            false => {
                self.rank = self.rank.saturating_add(size);
                Step::Worked(0)
            }
        }
    }

    /// Adds a candidate to the prefix, unless that leaves too few users.
    fn descend(&mut self, candidate: usize, size: u64) -> Step {
        let depth = self.prefix.len();
        let mut narrowed = std::mem::take(&mut self.cohorts[depth]);
        let cohort = cohort_of(&*self.root, &self.cohorts, depth);
        let effort = K::users(cohort);
        self.kernel.narrow(cohort, self.plan.candidates[candidate], &mut narrowed);
        let users = K::users(&narrowed);
        self.cohorts[depth] = narrowed;
        if self.too_few(users) {
            // All shares that meet the subtree prune it; one of them counts it.
            if self.share.owns(self.rank) {
                self.prune(size);
            }
            self.rank = self.rank.saturating_add(size);
        } else {
            self.prefix.push(candidate);
            self.ends[depth + 1] = candidate;
        }
        Step::Worked(effort)
    }

    fn too_few(&self, users: usize) -> bool {
        (users as i64) < self.plan.screen.min_users
    }

    fn prune(&mut self, size: u64) {
        self.tally.pruned = self.tally.pruned.saturating_add(size);
        self.tally.done = self.tally.done.saturating_add(size);
    }

    /// Opens the last prefix: the one walked to and a candidate.
    fn open_last(&mut self, candidate: Option<usize>) -> Step {
        let candidates = &self.plan.candidates;
        let (question, size, end) = match candidate {
            None => (None, candidates.len(), self.plan.answers.questions()),
            Some(candidate) => (Some(candidates[candidate]), candidate, candidates[candidate]),
        };
        let cohort = cohort_of(&*self.root, &self.cohorts, self.prefix.len());
        let users = self.kernel.open(cohort, question);
        let size = size as u64;
        self.rank = self.rank.saturating_add(size);
        if self.too_few(users) {
            self.prune(size);
        } else {
            self.tally.done = self.tally.done.saturating_add(size);
            self.ids.clear();
            self.open = Some(Open { last: candidate, end, word: 0 });
        }
        Step::Worked(users)
    }

    /// Hands out the next block of lanes of the open prefix.
    fn hand_out(&mut self, found: &mut Found) -> Step {
        let Some(open) = &mut self.open else { return Step::Worked(0) };
        let word = open.word;
        let lanes = self.plan.candidate_bits[word] & below(open.end - word * WORD);
        let mut screen = self.plan.screen;
        if self.top.is_some() {
            screen.floor = self.plan.bar.get();
        }
        let cohort = cohort_of(&*self.root, &self.cohorts, self.prefix.len());
        self.kernel.lanes(cohort, word, lanes, &screen, &mut self.lanes);
        if self.lanes.kept != 0 && self.ids.is_empty() {
            let prefix = self.prefix.iter().chain(&open.last);
            self.ids.extend(prefix.map(|&place| self.plan.answers.ids[self.plan.candidates[place]]));
            self.ids.extend(&self.plan.fixed);
            self.ids.sort_unstable();
        }
        for lane in ones(self.lanes.kept) {
            let last = self.plan.answers.ids[word * WORD + lane];
            let r = (self.lanes.defined >> lane & 1 == 1).then_some(self.lanes.r[lane]);
            let n = self.lanes.n[lane];
            match &mut self.top {
                None => found.push(&self.ids, last, r, n),
                Some(top) => {
                    top.push(Row::of(&self.ids, last, r, n));
                    if let Some(bar) = top.bar() {
                        self.plan.bar.raise(bar);
                    }
                }
            }
        }
        open.word += 1;
        if open.word * WORD >= open.end {
            self.open = None;
        }
        Step::Worked(LANES + self.lanes.effort)
    }
}

/// The users left after a prefix of so many questions.
fn cohort_of<'a, C>(root: &'a C, cohorts: &'a [C], prefix: usize) -> &'a C {
    match prefix.checked_sub(1) {
        None => root,
        Some(depth) => &cohorts[depth],
    }
}

impl<K: Kernel> Sweep for Walk<K> {
    fn advance(&mut self, found: &mut Found, pace: &mut Pace<'_>) -> bool {
        while !self.finished && found.rows < pace.rows {
            match self.step(found) {
                Step::Finished => self.finished = true,
                Step::Worked(effort) => {
                    if pace.spend(effort) {
                        break;
                    }
                }
            }
        }
        self.finished
    }

    fn tally(&self) -> Tally {
        self.tally
    }

    fn take_top(&mut self) -> Vec<Row> {
        self.top.take().map(|top| top.into_rows().collect()).unwrap_or_default()
    }
}
