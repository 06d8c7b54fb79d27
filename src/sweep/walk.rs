//! The walk over the prefixes of a share: cohorts for them, and a kernel for their lanes.
//!
//! ```text
//! down:    restrict the cohort to one question more;
//!          prune if bounds and reach do not meet
//! whole:   open the prefix: which lanes it has, and which users
//!          for each block of lanes: sums → r → sink
//! up:      the cohort of one question less is still there
//! ```
//!
//! `prefixes` tells which way, `lane_rule` which questions are the lanes of a prefix.

use std::fmt::Debug;
use std::sync::Arc;

use crate::index::Answers;
use crate::index::bitset::WORD;
use crate::sweep::bounds::Bounds;
use crate::sweep::enumerate::Candidate;
use crate::sweep::enumerate::lane_rule::PrefixLanes;
use crate::sweep::enumerate::prefixes::{Prefixes, Step};
use crate::sweep::enumerate::share::Share;
use crate::sweep::kernel::filter::Filter;
use crate::sweep::kernel::{Ends, Kernel, LANES, Lanes};
use crate::sweep::position::Position;
use crate::sweep::rows::buffer::{Row, RowBuffer};
use crate::sweep::rows::sink::Sink;
use crate::sweep::subsets::Subsets;
use crate::sweep::task::{Budget, Progress, Sweep};

/// A kernel that is ready for the subsets of one branch, whatever its class of scores.
pub(crate) trait ScoreKernel: Debug + Send + Sync {
    /// The name of the code that will do the work.
    fn name(&self) -> &'static str;

    /// Bytes of one user in the cohorts of a share.
    fn user_bytes(&self, answers: &Answers) -> usize;

    /// One share of the subsets, ready to be swept.
    fn walk(&self, subsets: &Arc<Subsets>, share: Share) -> Box<dyn Sweep>;
}

/// A kernel, and the users who answered all questions that are in every subset.
#[derive(Debug)]
pub(crate) struct Root<K: Kernel> {
    name: &'static str,
    kernel: K,
    cohort: Arc<K::Cohort>,
}

impl<K: Kernel> Root<K> {
    /// Of all users those who answered the fixed ones of `questions` questions.
    pub(crate) fn new(
        name: &'static str,
        mut kernel: K,
        all: K::Cohort,
        fixed: &[Position],
        questions: usize,
    ) -> Self {
        let mut cohort = all;
        for &question in fixed {
            let mut restricted = K::Cohort::default();
            let ends = Ends { prefixes: questions, lanes: questions, opened: false };
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
    prefixes: Prefixes,
    kernel: K,
    root: Arc<K::Cohort>,
    /// Cohorts of the prefixes of 1, 2, … k-2 questions.
    cohorts: Vec<K::Cohort>,
    /// The lanes of prefixes that add a candidate of this strip to the one walked to.
    lanes_of: Option<usize>,
    prefix_lanes: PrefixLanes,
    /// The lanes of the open prefix, a word each; and the next word to be summed. Where none is
    /// left, no prefix is open.
    words: Vec<u64>,
    word: usize,
    /// The candidate that ends the open prefix; `None` where that is empty.
    last: Option<Candidate>,
    /// How many users the open prefix has, at most.
    users: i64,
    lanes: Lanes,
    /// Ids of the open prefix's questions, ascending; empty until asked for.
    ids: Vec<u32>,
    sink: Sink,
    filter: Filter,
    /// Changes of the shared bounds that have been seen.
    changes: u64,
    progress: Progress,
    finished: bool,
}

impl<K: Kernel> Walk<K> {
    fn new(subsets: Arc<Subsets>, kernel: K, root: Arc<K::Cohort>, share: Share) -> Self {
        let length = subsets.choose - 1;
        let candidates = subsets.lane_rule.candidates().len();
        Self {
            prefixes: Prefixes::new(length, candidates, share),
            cohorts: (1..length).map(|_| K::Cohort::default()).collect(),
            lanes_of: None,
            prefix_lanes: PrefixLanes::default(),
            words: Vec::new(),
            word: 0,
            last: None,
            users: 0,
            lanes: Lanes::new(),
            ids: Vec::new(),
            sink: Sink::new(subsets.shared.top),
            filter: Filter { bounds: subsets.shared.bounds.get(), corrected: subsets.shared.corrected },
            changes: 0,
            progress: Progress::default(),
            finished: candidates < subsets.choose,
            subsets,
            kernel,
            root,
        }
    }

    /// Takes over the shared bounds, if they have changed.
    #[inline]
    fn look_at_bounds(&mut self) {
        let changes = self.subsets.shared.bounds.changes();
        if self.changes != changes {
            self.changes = changes;
            self.filter.bounds = self.subsets.shared.bounds.get();
        }
    }

    /// One step: a candidate tried, or a block of lanes summed. Returns what it cost.
    fn step(&mut self, buffer: &mut RowBuffer) -> usize {
        self.look_at_bounds();
        if self.word < self.words.len() {
            return self.emit_block(buffer);
        }
        match self.prefixes.step() {
            Step::Down(candidate) => self.descend(candidate),
            Step::Whole(last) => self.open(last),
            Step::Elsewhere => 0,
            Step::Up => {
                self.lanes_of = None;
                0
            }
            Step::End => {
                self.finished = true;
                0
            }
        }
    }

    /// Makes the cohort of the prefix, which has grown by a candidate; prunes the prefix if
    /// no subset of it can be within the bounds.
    fn descend(&mut self, candidate: Candidate) -> usize {
        let depth = self.prefixes.prefix().len() - 1;
        let mut restricted = std::mem::take(&mut self.cohorts[depth]);
        let cohort = cohort_of(&*self.root, &self.cohorts, depth);
        let cost = K::users(cohort);
        let question = self.subsets.lane_rule.position(candidate);
        let ends = Ends {
            prefixes: question.0,
            lanes: self.subsets.lane_rule.end(self.prefixes.prefix()),
            opened: depth + 1 == self.cohorts.len(),
        };
        self.kernel.restrict(cohort, question, ends, &mut restricted);
        // The lane is missing too.
        let reach = self.kernel.reach(&restricted, self.prefixes.missing() + 1);
        self.cohorts[depth] = restricted;
        if !self.filter.bounds.meets(reach) || !self.quotas_may_be_met() {
            // All shares that meet the prefixes below prune them; one of them counts them.
            if self.prefixes.owns_next() {
                self.prune(self.subsets.lane_rule.subsets(self.prefixes.prefix()));
            }
            self.prefixes.prune();
        }
        cost
    }

    /// Whether quotas leave any subset of the prefix walked to.
    fn quotas_may_be_met(&self) -> bool {
        let Subsets { lane_rule, quotas, .. } = &*self.subsets;
        let prefix = || self.prefixes.prefix().iter().map(|&candidate| lane_rule.position(candidate));
        quotas.iter().all(|quota| quota.may_be_met(prefix(), self.prefixes.missing() + 1))
    }

    /// Counts subsets that are never summed.
    fn prune(&mut self, subsets: u64) {
        self.progress.pruned = self.progress.pruned.saturating_add(subsets);
        self.progress.done = self.progress.done.saturating_add(subsets);
    }

    /// Opens a whole prefix: the one walked to and a candidate.
    fn open(&mut self, last: Option<Candidate>) -> usize {
        let lane_rule = &self.subsets.lane_rule;
        let question = last.map(|candidate| lane_rule.position(candidate));
        let strip = question.map(Position::strip);
        if self.lanes_of.is_none() || self.lanes_of != strip {
            lane_rule.lanes(self.prefixes.prefix(), strip, &mut self.prefix_lanes);
            self.lanes_of = strip;
        }
        if !self.prefix_lanes.any() {
            return 0;
        }
        (self.word, self.last) = (0, last);
        self.words.clear();
        self.words.extend(lane_rule.words(&self.prefix_lanes, question));
        let count = |words: &[u64]| words.iter().map(|word| u64::from(word.count_ones())).sum::<u64>();
        let mut lanes = count(&self.words);
        if !self.subsets.quotas.is_empty() {
            let prefix = || self.prefixes.prefix().iter().map(|&candidate| lane_rule.position(candidate));
            for quota in &self.subsets.quotas {
                quota.restrict(prefix().chain(question), &mut self.words);
            }
            let left = count(&self.words);
            self.prune(lanes - left);
            lanes = left;
            if lanes == 0 {
                self.words.clear();
                return 0;
            }
        }
        let cohort = cohort_of(&*self.root, &self.cohorts, self.prefixes.prefix().len());
        let few = |users| !self.filter.bounds.meets(Bounds::of_users(users));
        let mut users =
            question.map_or(K::users(cohort), |question| self.kernel.users_with(cohort, question));
        if !few(users) {
            users = self.kernel.open(cohort, question);
        }
        self.users = users as i64;
        if !few(users) {
            self.progress.done = self.progress.done.saturating_add(lanes);
            self.ids.clear();
        } else {
            self.words.clear();
            self.prune(lanes);
        }
        users
    }

    /// Sums a block of lanes of the open prefix.
    #[inline]
    fn emit_block(&mut self, buffer: &mut RowBuffer) -> usize {
        let Some(word) = (self.word..self.words.len()).find(|&word| self.words[word] != 0) else {
            self.word = self.words.len();
            return 0;
        };
        self.word = word + 1;
        let filter = Filter { bounds: self.filter.bounds.over(self.users), ..self.filter };
        let cohort = cohort_of(&*self.root, &self.cohorts, self.prefixes.prefix().len());
        self.kernel.lanes(cohort, word, self.words[word], &filter, &mut self.lanes);
        self.lanes.keep_intervals(&filter.bounds);
        let Subsets { shared, lane_rule, fixed, .. } = &*self.subsets;
        if self.lanes.kept != 0 && self.ids.is_empty() {
            let prefix = self.prefixes.prefix().iter().chain(&self.last);
            self.ids.extend(prefix.map(|&candidate| shared.answers.ids[lane_rule.position(candidate).0]));
            self.ids.extend(fixed);
            self.ids.sort_unstable();
        }
        let lasts = &shared.answers.ids[word * WORD..];
        if let Some(bounds) = self.sink.push(shared.instructions, &self.ids, lasts, &self.lanes, buffer) {
            shared.bounds.tighten(bounds);
        }
        LANES + self.lanes.cost
    }
}

/// The users left after a prefix of this length.
fn cohort_of<'a, C>(root: &'a C, cohorts: &'a [C], prefix: usize) -> &'a C {
    match prefix.checked_sub(1) {
        None => root,
        Some(depth) => &cohorts[depth],
    }
}

impl<K: Kernel> Sweep for Walk<K> {
    fn advance(&mut self, buffer: &mut RowBuffer, budget: &mut Budget<'_>) -> bool {
        let enough = budget.rows.saturating_sub(LANES - 1).max(1);
        while !self.finished && buffer.rows < enough {
            let cost = self.step(buffer);
            if budget.charge(cost) {
                break;
            }
        }
        self.finished
    }

    fn progress(&self) -> Progress {
        self.progress
    }

    fn take_top(&mut self) -> Vec<Row> {
        self.sink.take_top()
    }
}
