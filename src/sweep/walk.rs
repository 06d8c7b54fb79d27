//! The walk over all prefixes, depth first, in a form that can be interrupted.
//!
//! ```text
//! walk(prefix, cohort, end):                  prefix has d of the k questions
//!     for c in end-1 down to k-d-2:           leave enough below for the prefix
//!         skip unless some prefix that begins with prefix+c is in my share
//!         if d = k-2:  open prefix+c; hand out its lanes
//!         else:        restrict the cohort to c
//!                      skip if no wanted subset can be reached
//!                      walk(prefix + c, restricted cohort, c)
//! ```
//!
//! Which questions are the lanes of a prefix is told in `home`.
//!
//! A subtree ends where what is wanted and what its kernel can reach do not meet.
//!
//! Recursion is spelled out as a stack of levels, because a sweep must stop
//! between any two blocks of lanes: when a batch is full, when its time slice is
//! over, when nobody wants the rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::index::Answers;
use crate::index::bitset::{WORD, ones};
use crate::sweep::Sweep;
use crate::sweep::found::{Found, Row};
use crate::sweep::home::PrefixLanes;
use crate::sweep::kernel::{Ends, Kernel, LANES, Lanes, ScoreKernel, Screen};
use crate::sweep::rank::binomial_or_max;
use crate::sweep::share::Share;
use crate::sweep::simd::STRIP;
use crate::sweep::subsets::Subsets;
use crate::sweep::top::Top;
use crate::sweep::wanted::Wanted;

/// When a sweep should pause.
#[derive(Debug)]
pub struct Pace<'a> {
    /// At most so many rows for now; or 64, as a block of so many subsets is not cut in
    /// two.
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
///
/// Over all shares, `done` comes to the number of subsets. Only where the least n rises
/// while they run, as a sort by n makes it do, a subtree that one share walks may be
/// pruned by another, which then counts it for both or for neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Subsets dealt with, pruned ones included.
    pub done: u64,
    /// Subsets never summed, because of their prefix none could be wanted.
    pub pruned: u64,
}

/// A kernel, and the users who answered all questions that are in every subset.
#[derive(Debug)]
pub(crate) struct Root<K: Kernel> {
    name: &'static str,
    kernel: K,
    cohort: Arc<K::Cohort>,
}

impl<K: Kernel> Root<K> {
    /// Of all users those who answered the fixed questions, of so many.
    pub(crate) fn new(
        name: &'static str,
        mut kernel: K,
        all: K::Cohort,
        fixed: &[usize],
        questions: usize,
    ) -> Self {
        let mut cohort = all;
        for &question in fixed {
            let mut restricted = K::Cohort::default();
            let ends = Ends { prefixes: questions, lanes: questions };
            kernel.restrict(&cohort, question, ends, &mut restricted);
            cohort = restricted;
        }
        Self { name, kernel, cohort: Arc::new(cohort) }
    }
}

impl<K: Kernel> ScoreKernel for Root<K> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn user_bytes(&self, answers: &Answers) -> usize {
        K::user_bytes(answers)
    }

    fn walk(&self, subsets: &Arc<Subsets>, share: Share) -> Box<dyn Sweep> {
        let cohort = Arc::clone(&self.cohort);
        Box::new(Walk::new(Arc::clone(subsets), self.kernel.clone(), cohort, share))
    }
}

/// One share of a sweep.
struct Walk<K: Kernel> {
    subsets: Arc<Subsets>,
    share: Share,
    kernel: K,
    root: Arc<K::Cohort>,
    /// Cohorts of the prefixes of 1, 2, … k-2 questions.
    cohorts: Vec<K::Cohort>,
    /// For each prefix length, which candidates are still to be tried: those below.
    ends: Vec<usize>,
    /// Candidates of the prefix walked to: less than k-1.
    prefix: Vec<usize>,
    /// The prefix whose lanes are being handed out: the one walked to and one more.
    open: Option<Open>,
    /// Rank of the next prefix of k-1 questions.
    rank: u64,
    /// Up to which rank it is known whether prefixes are in the share, and whether.
    owned: (u64, bool),
    /// The lanes of prefixes that add a candidate of this strip to the one walked to.
    lanes_of: Option<usize>,
    prefix_lanes: PrefixLanes,
    /// The same of the open prefix, a word each.
    words: Vec<u64>,
    lanes: Lanes,
    /// Ids of the open prefix's questions, ascending; empty until asked for.
    ids: Vec<u32>,
    top: Option<Top>,
    screen: Screen,
    /// Changes of what is wanted that have been seen.
    changes: u64,
    tally: Tally,
    finished: bool,
}

/// A prefix whose lanes are being handed out.
#[derive(Debug, Clone, Copy)]
struct Open {
    /// The candidate that ends it; `None` where it is empty.
    last: Option<usize>,
    /// The next word of lanes.
    word: usize,
}

/// What one step of the walk came to.
enum Step {
    /// Work worth so much effort.
    Worked(usize),
    Finished,
}

impl<K: Kernel> Walk<K> {
    fn new(subsets: Arc<Subsets>, kernel: K, root: Arc<K::Cohort>, share: Share) -> Self {
        let prefix_length = subsets.choose - 1;
        let candidates = subsets.homes.candidates().len();
        let mut ends = vec![0; prefix_length];
        if let Some(first) = ends.first_mut() {
            *first = candidates;
        }
        Self {
            cohorts: (1..prefix_length).map(|_| K::Cohort::default()).collect(),
            ends,
            prefix: Vec::with_capacity(prefix_length),
            open: None,
            rank: 0,
            owned: (0, false),
            lanes_of: None,
            prefix_lanes: PrefixLanes::default(),
            words: Vec::new(),
            lanes: Lanes::new(),
            ids: Vec::new(),
            top: subsets.shared.top.map(Top::new),
            tally: Tally::default(),
            finished: candidates < subsets.choose,
            screen: Screen { wanted: subsets.shared.wanted.get(), corrected: subsets.shared.corrected },
            changes: 0,
            subsets,
            share,
            kernel,
            root,
        }
    }

    /// Takes over what is wanted, if that has changed.
    #[inline]
    fn look_at_wanted(&mut self) {
        let changes = self.subsets.shared.wanted.changes();
        if self.changes != changes {
            self.changes = changes;
            self.screen.wanted = self.subsets.shared.wanted.get();
        }
    }

    /// One step: a candidate tried, or a block of lanes handed out.
    fn step(&mut self, found: &mut Found) -> Step {
        self.look_at_wanted();
        if let Some(open) = self.open {
            return self.hand_out(open, found);
        }
        let depth = self.prefix.len();
        let Some(end) = self.ends.get(depth).copied() else {
            // k = 1: the empty prefix is the only one.
            return match self.rank == 0 && self.owns() {
                true => self.open_last(None),
                false => Step::Finished,
            };
        };
        let missing = self.ends.len() - depth - 1;
        if end <= missing {
            self.lanes_of = None;
            return match self.prefix.pop() {
                Some(_) => Step::Worked(0),
                None => Step::Finished,
            };
        }
        let candidate = end - 1;
        self.ends[depth] = candidate;
        if missing == 0 {
            return match self.owns() {
                true => self.open_last(Some(candidate)),
                false => {
                    self.rank += 1;
                    Step::Worked(0)
                }
            };
        }
        let size = binomial_or_max(candidate, missing);
        match self.share.meets(self.rank, size) {
            true => self.descend(candidate, size),
            false => {
                self.rank = self.rank.saturating_add(size);
                Step::Worked(0)
            }
        }
    }

    /// Whether the next prefix is in this share.
    fn owns(&mut self) -> bool {
        if self.rank >= self.owned.0 {
            self.owned = (self.share.next_border(self.rank), self.share.owns(self.rank));
        }
        self.owned.1
    }

    /// Adds a candidate to the prefix, unless no subset of it can be wanted.
    fn descend(&mut self, candidate: usize, size: u64) -> Step {
        let depth = self.prefix.len();
        let mut restricted = std::mem::take(&mut self.cohorts[depth]);
        let cohort = cohort_of(&*self.root, &self.cohorts, depth);
        let effort = K::users(cohort);
        self.prefix.push(candidate);
        let end = self.subsets.homes.end(&self.prefix);
        let question = self.subsets.homes.candidates()[candidate];
        self.kernel.restrict(cohort, question, Ends { prefixes: question, lanes: end }, &mut restricted);
        let reach = self.kernel.reach(&restricted, self.ends.len() - depth);
        self.cohorts[depth] = restricted;
        if !self.screen.wanted.meets(reach) {
            // All shares that meet the subtree prune it; one of them counts it.
            if self.owns() {
                self.prune(self.subsets.homes.subsets(&self.prefix));
            }
            self.rank = self.rank.saturating_add(size);
            self.prefix.pop();
        } else {
            self.ends[depth + 1] = candidate;
        }
        Step::Worked(effort)
    }

    fn prune(&mut self, size: u64) {
        self.tally.pruned = self.tally.pruned.saturating_add(size);
        self.tally.done = self.tally.done.saturating_add(size);
    }

    /// Opens a prefix of k-1 questions: the one walked to and a candidate.
    fn open_last(&mut self, candidate: Option<usize>) -> Step {
        self.rank = self.rank.saturating_add(1);
        let homes = &self.subsets.homes;
        let question = candidate.map(|candidate| homes.candidates()[candidate]);
        let strip = question.map(|question| question / STRIP);
        if self.lanes_of.is_none() || self.lanes_of != strip {
            homes.lanes(&self.prefix, strip, &mut self.prefix_lanes);
            self.lanes_of = strip;
        }
        if !self.prefix_lanes.any() {
            return Step::Worked(0);
        }
        self.words.clear();
        self.words.extend(homes.words(&self.prefix_lanes, question));
        let lanes = self.words.iter().map(|word| u64::from(word.count_ones())).sum();
        let cohort = cohort_of(&*self.root, &self.cohorts, self.prefix.len());
        let users = self.kernel.open(cohort, question);
        if !self.screen.wanted.meets(Wanted::of_users(users)) {
            self.prune(lanes);
        } else {
            self.tally.done = self.tally.done.saturating_add(lanes);
            self.ids.clear();
            self.open = Some(Open { last: candidate, word: 0 });
        }
        Step::Worked(users)
    }

    /// Hands out a block of lanes of the open prefix.
    fn hand_out(&mut self, open: Open, found: &mut Found) -> Step {
        let Some(word) = (open.word..self.words.len()).find(|&word| self.words[word] != 0) else {
            self.open = None;
            return Step::Worked(0);
        };
        self.open = Some(Open { word: word + 1, ..open });
        let screen = self.screen;
        let cohort = cohort_of(&*self.root, &self.cohorts, self.prefix.len());
        self.kernel.lanes(cohort, word, self.words[word], &screen, &mut self.lanes);
        if self.lanes.kept != 0 && self.ids.is_empty() {
            let prefix = self.prefix.iter().chain(&open.last);
            let candidates = self.subsets.homes.candidates();
            self.ids.extend(prefix.map(|&place| self.subsets.shared.answers.ids[candidates[place]]));
            self.ids.extend(&self.subsets.fixed);
            self.ids.sort_unstable();
        }
        let lasts = &self.subsets.shared.answers.ids[word * WORD..];
        match &mut self.top {
            None => found.push_lanes(self.subsets.shared.instructions, &self.ids, lasts, &self.lanes),
            Some(top) => {
                for lane in ones(self.lanes.kept) {
                    let r = Some(self.lanes.r[lane]).filter(|r| !r.is_nan());
                    top.push(Row::of(&self.ids, lasts[lane], r, self.lanes.n[lane]));
                }
                if self.lanes.kept != 0 {
                    self.subsets.shared.wanted.narrow(top.wanted());
                }
            }
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
        let enough = pace.rows.saturating_sub(LANES - 1).max(1);
        while !self.finished && found.rows < enough {
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
