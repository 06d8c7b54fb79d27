//! The exact search: all sets of an r that is asked for, the highest first, without looking at the others.
//!
//! ```text
//! guess    local search, run by run: good sets, and what r they have
//! undefined, if asked for: the sets without a defined r
//! bands    t₁ = the r of a good set; all sets of r in [t₁, ∞)
//!          t₂ < t₁;                  all sets of r in [t₂, t₁)
//!          ... until whoever reads the rows wants none that is lower
//! ```
//!
//! A band has for each branch of the request a problem, a form, a root and, where that leaves anything,
//! a tree. Its low end comes from the guesses, so that a band has about as many sets as are asked for;
//! it is exact whatever the guesses were, as the tree leaves out nothing at or above it.
//!
//! **Shares.** All hands take their work from one stage: a run of the guess, the making of a tree, a
//! part of the tree. Where no part is left for a hand, another gives away a part of its own. A hand that pauses puts its part back, for a hand may be paused for ever while
//! others go on: its rows wait for a reader who reads another partition first. What a hand has found
//! and not yet handed out is its own.
//!
//! **Best sets.** Where only the best are wanted, each hand keeps the best it found, and the worst of
//! these raises the bar for all, as in a sweep. If it rises far above the low end of the band, guesses
//! were poor, and the band begins anew with the higher one.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::index::Answers;
use crate::search::assignment;
use crate::search::bars::Bars;
use crate::search::chords;
use crate::search::descent::{Descent, PARTS, Tree};
use crate::search::expansion::Expansion;
use crate::search::form::Form;
use crate::search::guess::{self, Guesses};
use crate::search::levels::Levels;
use crate::search::moments::Moments;
use crate::search::problem::Problem;
use crate::search::quotas::OrderedQuotas;
use crate::search::random::Random;
use crate::search::root::Root;
use crate::sweep::bounds::SharedBounds;
use crate::sweep::constraint::Constraint;
use crate::sweep::position::Position;
use crate::sweep::rows::buffer::{Row, RowBuffer};
use crate::sweep::rows::top::Top;
use crate::sweep::simd::Instructions;
use crate::sweep::single::Singles;
use crate::sweep::{Bounds, Budget, Progress, Sweep, SweepRequest};

/// Runs of the local search for each branch.
const RUNS: usize = 8;

/// Sets that are looked at to see whether many are within bounds: to find and score one takes about as
/// long as to sweep so many.
const PROBES: usize = 1000;

/// Nodes that are walked between two looks at the clock.
const NODES: usize = 256;

/// A tree that probably has more nodes is one that the other tree is tried before.
const FEW_NODES: f64 = 50_000.0;

/// How many candidates the other tree may look at for each that stands behind a node of this one. It is
/// slower, and for nothing where it does not come to its end. But estimates are mostly too low, so it
/// may at least take a tenth of a second.
const PRICE: f64 = 0.02;
const LEAST_WORK: f64 = 2e7;
const MOST_WORK: f64 = 1e9;

/// What is tried for τ of quotas, one after the other, on top of what was best before.
const QUOTA_WEIGHTS: [f64; 3] = [0.2, 1.0, 5.0];

/// Part of the gap between bar and root that the bar may rise before the band begins anew.
const RISE: f64 = 0.25;

/// A search ready to start; shared by all who take a part in it.
#[derive(Debug)]
pub(crate) struct ExactSearch {
    /// Whether r is of floating point scores.
    floats: bool,
    instructions: Instructions,
    corrected: bool,
    top: Option<usize>,
    /// How many of the best sets are probably wanted.
    expected: usize,
    /// How many sets there are, as far as numbers go.
    subsets: u64,
    bounds: SharedBounds,
    branches: Vec<Branch>,
    singles: Singles,
    looked_at: AtomicU64,
    /// Whether a hand has nothing to do while others walk.
    idle: AtomicBool,
    stage: Mutex<Stage>,
    changed: Condvar,
}

/// The sets of one constraint.
#[derive(Debug)]
struct Branch {
    fixed: Vec<Position>,
    problem: Arc<Problem>,
}

/// What there is to do.
#[derive(Debug)]
struct Stage {
    work: Work,
    /// Hands at work in it.
    active: usize,
    bars: Bars,
    /// What is left of the band, after the present tree.
    questions: VecDeque<Question>,
    /// How often bands have begun anew.
    beginning: usize,
}

#[derive(Debug)]
enum Work {
    /// The next run of the local search.
    Guess {
        next: usize,
    },
    /// A hand makes the next tree.
    Prepare,
    /// The next tree is to be made.
    Next,
    Walk {
        tree: Arc<OwnedTree>,
        parts: Vec<Descent>,
    },
    Done,
}

impl Stage {
    /// Takes back a part of the tree, unless the band has begun anew since.
    fn put_back(&mut self, part: Descent, beginning: usize) {
        if let Work::Walk { parts, .. } = &mut self.work
            && self.beginning == beginning
        {
            parts.push(part);
        }
    }
}

/// Which sets of a branch are looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Question {
    branch: usize,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// Sets on which users' totals do not vary.
    ConstantSubtotal,
    /// Others, without which they do not.
    ConstantRest,
    /// Sets of an r from the first to below the second number, both above 0.
    Between([f64; 2]),
    /// Such sets of a variance from the first to below the second number, where r is corrected.
    Chord { r: [f64; 2], variance: [f64; 2] },
    /// Sets of an r below a number.
    Below(f64),
}

/// One tree, with what it needs.
#[derive(Debug)]
struct OwnedTree {
    question: Question,
    form: Form,
    levels: Levels,
    quotas: OrderedQuotas,
    /// The r at which the root's bound would be reached, about: how far the bar is from it.
    rise: f64,
}

impl ExactSearch {
    /// The search for what a request asks for, in answers without gaps.
    ///
    /// # Arguments
    /// `expected`: how many of the sets of the highest r will be read, about.
    pub(crate) fn new(answers: Arc<Answers>, request: &SweepRequest, expected: usize, subsets: u64) -> Self {
        let instructions = request.instructions.unwrap_or_else(Instructions::best);
        let moments = Moments::of(&answers, instructions);
        let mut branches = Vec::new();
        for mut constraint in Constraint::all_of(&answers, request) {
            let (candidates, choose) = constraint.choices(request.k, answers.questions());
            if !candidates.is_empty() {
                let problem = Arc::new(Problem::new(
                    &moments,
                    &constraint.fixed,
                    candidates,
                    choose,
                    &constraint.quotas,
                ));
                branches.push(Branch { fixed: constraint.fixed, problem });
            }
        }
        let mut bounds = request.all_bounds();
        let users = answers.users() as i64;
        if users < bounds.n[0] || users > bounds.n[1] {
            bounds = Bounds::NONE;
        }
        let stage = Stage {
            work: Work::Guess { next: 0 },
            active: 0,
            bars: Bars::new(request.top.unwrap_or(expected)),
            questions: VecDeque::new(),
            beginning: 0,
        };
        Self {
            floats: answers.are_floats(),
            instructions,
            corrected: request.corrected,
            top: request.top,
            expected: request.top.unwrap_or(expected),
            subsets,
            bounds: SharedBounds::from(bounds),
            branches,
            singles: Singles::new(answers, request.k.max(1)),
            looked_at: AtomicU64::new(0),
            idle: AtomicBool::new(false),
            stage: Mutex::new(stage),
            changed: Condvar::new(),
        }
    }

    /// Whether so many sets are within bounds that to look at each takes longer than to sweep all: of
    /// some at random one is.
    pub(crate) fn would_find_many(&self) -> bool {
        let mut random = Random::new(0);
        let [least, most] = self.bounds.get().r;
        let mut probe = |Branch { problem, .. }: &Branch| {
            let set = guess::random_set(problem, &mut random);
            let r = guess::correlation(self.corrected, problem.moments_of(&set));
            least <= r && r <= most
        };
        self.branches.iter().cycle().take(PROBES).any(&mut probe)
    }

    pub(crate) fn bounds(&self) -> &SharedBounds {
        &self.bounds
    }

    pub(crate) fn top(&self) -> Option<usize> {
        self.top
    }

    /// One of those who do the work. All that are needed for the result have to be advanced to
    /// their end.
    pub(crate) fn hand(self: &Arc<Self>) -> Box<dyn Sweep> {
        Box::new(Hand {
            search: Arc::clone(self),
            found: VecDeque::new(),
            expansion: None,
            best: self.top.map(Top::new),
            beginning: 0,
            progress: Progress::default(),
        })
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A set of a branch, by ascending positions.
    fn positions(&self, branch: usize, set: &[usize]) -> Vec<Position> {
        let Branch { fixed, problem } = &self.branches[branch];
        let mut positions: Vec<Position> =
            set.iter().map(|&candidate| problem.candidates[candidate]).chain(fixed.iter().copied()).collect();
        positions.sort_unstable();
        positions
    }

    /// One run of the local search: the best rows that it meets.
    fn guess(&self, run: usize, budget: &Budget<'_>) -> Vec<Row> {
        let branch = run / RUNS;
        let mut guesses = Guesses::new(self.expected.clamp(1, MOST_GUESSES));
        let stop = || budget.is_stopped();
        let problem = &self.branches[branch].problem;
        guess::run(problem, self.corrected, run as u64, &mut guesses, self.instructions, stop);
        let row = |set: Vec<usize>| self.singles.row(&self.positions(branch, &set), self.corrected);
        guesses.into_sets().map(row).filter(|row| row.r.is_some()).collect()
    }

    /// The next tree, or sets that were found without one.
    fn prepare(&self, budget: &Budget<'_>, found: &mut VecDeque<(Question, Vec<usize>)>) -> Work {
        loop {
            let question = {
                let mut stage = self.stage();
                match stage.questions.pop_front() {
                    Some(question) => question,
                    None => {
                        let bounds = self.bounds.get();
                        match self.next_band(&mut stage.bars, bounds) {
                            Some(questions) => stage.questions.extend(questions),
                            None => return Work::Done,
                        }
                        continue;
                    }
                }
            };
            if budget.is_stopped() {
                return Work::Done;
            }
            if let Some(tree) = self.tree(question, budget, found) {
                let problem = &self.branches[question.branch].problem;
                let whole = Descent::new(tree.as_tree(), problem.choose);
                let tree = Arc::new(tree);
                let parts = whole.split(tree.as_tree(), PARTS, self.instructions);
                if !parts.is_empty() {
                    return Work::Walk { tree, parts };
                }
            }
            if !found.is_empty() {
                return Work::Next;
            }
        }
    }

    /// The questions of the next band; `None` where no row is wanted any more.
    fn next_band(&self, bars: &mut Bars, bounds: Bounds) -> Option<Vec<Question>> {
        let of_all = |kinds: &[Kind]| {
            let branches = 0..self.branches.len();
            let questions =
                branches.flat_map(|branch| kinds.iter().map(move |&kind| Question { branch, kind }));
            Some(questions.collect::<Vec<_>>())
        };
        if bounds.is_empty() {
            return None;
        }
        if bars.begin() && bounds.undefined {
            let rest = self.corrected.then_some(Kind::ConstantRest);
            return of_all(&[Kind::ConstantSubtotal].into_iter().chain(rest).collect::<Vec<_>>());
        }
        let [low, high] = bars.next(bounds.r)?;
        if low <= 0.0 {
            return of_all(&[Kind::Below(high)]);
        }
        if self.corrected {
            let chord = |(branch, of_branch): (usize, &Branch)| {
                let variance = chords::whole(low, &of_branch.problem);
                Question { branch, kind: Kind::Chord { r: [low, high], variance } }
            };
            return Some(self.branches.iter().enumerate().map(chord).collect());
        }
        of_all(&[Kind::Between([low, high])])
    }

    /// The tree of a question; `None` where its root tells that there are no such sets.
    fn tree(
        &self,
        question: Question,
        budget: &Budget<'_>,
        found: &mut VecDeque<(Question, Vec<usize>)>,
    ) -> Option<OwnedTree> {
        let problem = &*self.branches[question.branch].problem;
        // r of a set is off by some roundings, or what the sweep allows of floats.
        let off = if self.floats { 1e-11 } else { 8.0 * f64::EPSILON };
        let mut form = match question.kind {
            Kind::ConstantSubtotal | Kind::Below(_) => Form::constant_subtotal(problem),
            Kind::ConstantRest => Form::constant_rest(problem),
            Kind::Between([low, _]) => Form::at_least(problem, low * (1.0 - off)),
            Kind::Chord { r: [low, _], variance } => {
                let [alpha, beta] = chords::line(low * (1.0 - off), variance);
                Form::above_line(problem, alpha, beta)
            }
        };
        if matches!(question.kind, Kind::Below(_)) {
            form.error = f64::INFINITY;
            let levels = Levels::unbounded(problem.size(), &problem.twin);
            let quotas = OrderedQuotas::new(problem, &levels.order);
            return Some(OwnedTree { question, form, levels, quotas, rise: f64::INFINITY });
        }
        let root_of = |form: &Form| {
            let enough = 2.0 * form.error;
            Root::of(&form.matrix, problem.choose, enough, self.instructions, || budget.is_stopped())
        };
        let mut root = root_of(&form);
        if !problem.quotas.is_empty() && root.bound <= 0.0 {
            for weight in QUOTA_WEIGHTS {
                let weighed = form.with_quotas(problem, weight);
                let other = root_of(&weighed);
                if other.bound > root.bound {
                    (form, root) = (weighed, other);
                }
            }
        }
        if let Kind::Chord { r, variance } = question.kind
            && root.bound <= 0.0
            && let Some(halves) = chords::halves(r[0], variance, root.bound, &form)
        {
            let mut stage = self.stage();
            for variance in halves {
                stage.questions.push_front(Question { kind: Kind::Chord { r, variance }, ..question });
            }
            return None;
        }
        // The root's own bound is not made with so much care.
        let levels = Levels::new(&form, &root, problem.choose, &problem.twin, self.instructions);
        let levels = levels.unwrap_or_else(|| Levels::unbounded(problem.size(), &problem.twin));
        if levels.cap < 0.0 {
            return None;
        }
        let quotas = OrderedQuotas::new(problem, &levels.order);
        let tree = Tree { form: &form, levels: &levels, quotas: &quotas };
        let nodes = Descent::estimate(tree, problem.choose, self.instructions);
        let work = (nodes * problem.size() as f64 * PRICE).clamp(LEAST_WORK, MOST_WORK);
        if nodes > FEW_NODES
            && let Some(sets) =
                assignment::sets(&form, problem, work as usize, self.instructions, || budget.is_stopped())
        {
            found.extend(sets.into_iter().map(|set| (question, set)));
            return None;
        }
        let rise = match question.kind {
            // At a bar t' the form is larger by (t'² - t²)v.
            Kind::Between([low, _]) => {
                let variance = problem.variance_of_strongest() * form.scale;
                (low * low - root.bound.min(0.0) / variance).sqrt() - low
            }
            _ => f64::INFINITY,
        };
        Some(OwnedTree { question, form, levels, quotas, rise: rise.max(1e-9) })
    }

    /// Whether a set that was found is one of those that are looked for.
    fn accepts(&self, question: Question, set: &[usize], row: &Row, positions: &[Position]) -> bool {
        let within = |[low, high]: [f64; 2]| row.r.is_some_and(|r| low <= r && r < high);
        // There are two ways for an r to be undefined, which have trees of their own.
        let constant_subtotal = || !self.corrected || self.singles.row(positions, false).r.is_none();
        match question.kind {
            Kind::ConstantSubtotal => row.r.is_none() && constant_subtotal(),
            Kind::ConstantRest => row.r.is_none() && !constant_subtotal(),
            Kind::Between(r) => within(r),
            Kind::Chord { r, variance: [low, high] } => {
                let [_, variance] = self.branches[question.branch].problem.moments_of(set);
                within(r) && low <= variance && variance < high
            }
            Kind::Below(high) => row.r.is_some_and(|r| r < high),
        }
    }
}

/// Guesses that one run keeps at most.
const MOST_GUESSES: usize = 2000;

impl OwnedTree {
    fn as_tree(&self) -> Tree<'_> {
        Tree { form: &self.form, levels: &self.levels, quotas: &self.quotas }
    }
}

/// One share of the search.
struct Hand {
    search: Arc<ExactSearch>,
    /// Sets that were found and not yet looked at.
    found: VecDeque<(Question, Vec<usize>)>,
    /// The first of them, and others like it.
    expansion: Option<(Question, Expansion)>,
    /// The best rows, if only these are wanted.
    best: Option<Top>,
    /// The beginning that they belong to.
    beginning: usize,
    progress: Progress,
}

/// What to do next.
enum Next {
    Guess(usize),
    Prepare,
    Walk(Arc<OwnedTree>, Descent),
    Wait,
    Done,
}

/// What looking at a set costs, in units of the budget.
const COST_OF_SET: usize = 100;

/// And a node of the tree.
const COST_OF_NODE: usize = 5;

impl Hand {
    /// Takes what there is to do.
    fn take(&mut self) -> Next {
        let mut stage = self.search.stage();
        if stage.beginning != self.beginning {
            // What was found since the band began will be found again.
            self.beginning = stage.beginning;
            self.found.clear();
            self.expansion = None;
            self.best = self.search.top.map(Top::new);
        }
        let idle = stage.active == 0;
        let runs = RUNS * self.search.branches.len();
        let next = match &mut stage.work {
            Work::Guess { next } if *next < runs => {
                *next += 1;
                Next::Guess(*next - 1)
            }
            Work::Walk { tree, parts } => match parts.pop() {
                Some(part) => Next::Walk(Arc::clone(tree), part),
                None if idle => Next::Prepare,
                None => {
                    self.search.idle.store(true, Relaxed);
                    Next::Wait
                }
            },
            Work::Guess { .. } | Work::Next if idle => Next::Prepare,
            Work::Guess { .. } | Work::Next | Work::Prepare => Next::Wait,
            Work::Done => Next::Done,
        };
        match next {
            Next::Prepare => {
                stage.work = Work::Prepare;
                stage.active += 1;
            }
            Next::Guess(_) | Next::Walk(..) => stage.active += 1,
            Next::Wait => {
                // The others end their turn soon, and this thread may be wanted by one of them.
                let moment = Duration::from_millis(1);
                drop(self.search.changed.wait_timeout(stage, moment));
            }
            Next::Done => {}
        }
        next
    }

    /// Lets another hand have a part of the tree.
    fn put_back(&self, part: Descent) {
        self.search.stage().put_back(part, self.beginning);
        self.search.changed.notify_all();
    }

    fn walk(
        &mut self,
        tree: &Arc<OwnedTree>,
        mut part: Descent,
        buffer: &mut RowBuffer,
        budget: &mut Budget<'_>,
    ) {
        let mut found = Vec::new();
        let finished = loop {
            let finished = part.walk(tree.as_tree(), NODES, &mut found, self.search.instructions);
            if finished || found.len() >= NODES || budget.charge(NODES * COST_OF_NODE) {
                break finished;
            }
            if self.search.idle.swap(false, Relaxed)
                && let Some(other) = part.split_off(tree.as_tree())
            {
                self.put_back(other);
            }
        };
        self.found.extend(found.into_iter().map(|set| (tree.question, set)));
        self.raise_the_bar(buffer, budget);
        let mut stage = self.search.stage();
        stage.active -= 1;
        let present = stage.beginning == self.beginning;
        if !finished {
            stage.put_back(part, self.beginning);
        }
        let bar = self.search.bounds.get().r[0];
        if let (Kind::Between([low, _]), Some(_)) = (tree.question.kind, self.search.top)
            && bar > low + RISE * tree.rise
            && present
            && stage.bars.begin_anew()
        {
            stage.beginning += 1;
            stage.questions.clear();
            stage.work = Work::Walk { tree: Arc::clone(tree), parts: Vec::new() };
        }
        drop(stage);
        self.search.changed.notify_all();
    }

    /// Where only the best are wanted, what was found raises the bar before another tree is made.
    fn raise_the_bar(&mut self, buffer: &mut RowBuffer, budget: &mut Budget<'_>) {
        if self.best.is_some() {
            self.look(buffer, budget);
        }
    }

    /// Looks at sets that were found until there are rows enough; returns whether it has looked at
    /// all.
    fn look(&mut self, buffer: &mut RowBuffer, budget: &mut Budget<'_>) -> bool {
        while buffer.rows < budget.rows {
            let Some((question, expansion)) = &mut self.expansion else {
                let Some((question, set)) = self.found.pop_front() else { return true };
                let problem = Arc::clone(&self.search.branches[question.branch].problem);
                if problem.misses_by(&set) > 0 {
                    continue;
                }
                self.expansion = Some((question, Expansion::new(&problem, &set)));
                continue;
            };
            let Some(set) = expansion.next() else {
                self.expansion = None;
                continue;
            };
            let question = *question;
            self.look_at(question, &set, buffer);
            if budget.charge(COST_OF_SET) {
                return false;
            }
        }
        false
    }

    fn look_at(&mut self, question: Question, set: &[usize], buffer: &mut RowBuffer) {
        let search = &self.search;
        let positions = search.positions(question.branch, set);
        let row = search.singles.row(&positions, search.corrected);
        self.progress.done += 1;
        search.looked_at.fetch_add(1, Relaxed);
        if !search.accepts(question, set, &row, &positions) || !search.bounds.get().has(row.r, row.n) {
            return;
        }
        match &mut self.best {
            Some(best) => {
                best.push(row);
                search.bounds.tighten(best.bounds());
            }
            None => buffer.push_row(&row),
        }
    }
}

impl Sweep for Hand {
    fn advance(&mut self, buffer: &mut RowBuffer, budget: &mut Budget<'_>) -> bool {
        loop {
            if !self.look(buffer, budget) {
                return false;
            }
            match self.take() {
                Next::Done => return true,
                Next::Wait => return false,
                Next::Guess(run) => {
                    let guesses = self.search.guess(run, budget);
                    let mut stage = self.search.stage();
                    stage.active -= 1;
                    stage.bars.guessed(guesses);
                    drop(stage);
                    self.search.changed.notify_all();
                }
                Next::Prepare => {
                    let work = self.search.prepare(budget, &mut self.found);
                    self.raise_the_bar(buffer, budget);
                    if matches!(work, Work::Done) {
                        // Sets that nobody had to look at are done with.
                        let looked_at = self.search.looked_at.load(Relaxed);
                        self.progress.pruned = self.search.subsets.saturating_sub(looked_at);
                        self.progress.done = self.progress.done.saturating_add(self.progress.pruned);
                    }
                    let mut stage = self.search.stage();
                    stage.active -= 1;
                    stage.work = work;
                    drop(stage);
                    self.search.changed.notify_all();
                }
                Next::Walk(tree, part) => self.walk(&tree, part, buffer, budget),
            }
            if budget.is_over() {
                return false;
            }
        }
    }

    fn progress(&self) -> Progress {
        self.progress
    }

    fn take_top(&mut self) -> Vec<Row> {
        self.best.take().into_iter().flat_map(Top::into_rows).collect()
    }
}
