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
//! part of the tree. Where no part is left for a hand, another gives away a part of its own. A hand
//! that pauses puts its part back, for a hand may be paused for ever while others go on: its rows wait
//! for a reader who reads another partition first. What a hand has found and not yet handed out is its
//! own.
//!
//! **Sizes.** The first guess begins with the best set that a search for sets of another size has met.
//!
//! **Best sets.** Where only the best are wanted, each hand keeps the best it found, and the worst of
//! these raises the bar for all, as in a sweep. If it rises far above the low end of the band, guesses
//! were poor, and the band begins anew with the higher one.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::search::assignment;
use crate::search::bars::Bars;
use crate::search::chords;
use crate::search::descent::{Descent, PARTS, Tree};
use crate::search::form::Form;
use crate::search::ground::Ground;
use crate::search::levels::Levels;
use crate::search::local::covariance::{CovarianceLandscape, correlation};
use crate::search::local::guesses::Guesses;
use crate::search::local::{Chain, Length, random_set};
use crate::search::method::Part;
use crate::search::parts;
use crate::search::problem::{Problem, positions_of};
use crate::search::quotas::OrderedQuotas;
use crate::search::random::Random;
use crate::search::root::Root;
use crate::sweep::bounds::SharedBounds;
use crate::sweep::constraint::Constraint;
use crate::sweep::position::Position;
use crate::sweep::rows::buffer::Row;
use crate::sweep::simd::Instructions;
use crate::sweep::{Bounds, Budget, SetCount, SweepRequest};

/// Runs of the local search for each branch.
pub(crate) const RUNS: usize = 8;

/// How long each of them is.
const LENGTH: Length = Length { looks: 6_000_000, restarts: 0 };

/// Sets that are looked at to see whether many are within bounds: to find and score one takes about as
/// long as to sweep so many.
const PROBES: usize = 1000;

/// A tree that probably has more nodes is one that the other tree is tried before.
const FEW_NODES: f64 = 50_000.0;

/// A tree that probably has more is walked in steps.
const MANY_NODES: f64 = 5e6;

/// A step is no shorter, in r.
const NEAR: f64 = 1e-5;

/// How many candidates the other tree may look at for each that stands behind a node of this one. It is
/// slower, and for nothing where it does not come to its end. But estimates are mostly too low, so it
/// may at least take a tenth of a second.
const PRICE: f64 = 0.02;
const LEAST_WORK: f64 = 2e7;
const MOST_WORK: usize = 1_000_000_000;

/// What is tried for τ of quotas, one after the other, on top of what was best before.
const QUOTA_WEIGHTS: [f64; 3] = [0.2, 1.0, 5.0];

/// A search ready to start; shared by all who take a part in it.
#[derive(Debug)]
pub(crate) struct ExactSearch {
    pub(crate) ground: Arc<Ground>,
    pub(crate) instructions: Instructions,
    pub(crate) corrected: bool,
    pub(crate) top: Option<usize>,
    /// How many of the best sets are probably wanted.
    expected: usize,
    pub(crate) subsets: SetCount,
    pub(crate) bounds: SharedBounds,
    /// Those that are searched, and those that the first guess is made in.
    pub(crate) branches: Vec<Branch>,
    pub(crate) whole: Vec<Branch>,
    /// A search for sets of another size.
    neighbour: Option<Arc<ExactSearch>>,
    pub(crate) looked_at: AtomicU64,
    /// The highest r that was found, and one that no set is above, as bits: those of numbers from 0 on
    /// have their order.
    best: AtomicU64,
    bound: AtomicU64,
    /// Whether a hand has nothing to do while others walk.
    pub(crate) idle: AtomicBool,
    stage: Mutex<Stage>,
    pub(crate) changed: Condvar,
}

/// The sets of one constraint.
#[derive(Debug, Clone)]
pub(crate) struct Branch {
    fixed: Vec<Position>,
    pub(crate) problem: Arc<Problem>,
}

impl Branch {
    /// The sets of a constraint, if there are any.
    fn of(ground: &Ground, k: usize, mut constraint: Constraint) -> Option<Self> {
        let (candidates, choose) = constraint.choices(k, ground.answers.questions());
        let Constraint { fixed, quotas, .. } = constraint;
        let problem =
            || Arc::new(Problem::new(ground.moments(), &fixed, candidates.clone(), choose, &quotas));
        (!candidates.is_empty()).then(|| Self { problem: problem(), fixed: fixed.clone() })
    }

    /// A set, by ascending positions.
    fn positions(&self, set: &[usize]) -> Vec<Position> {
        positions_of(&self.problem.candidates, &self.fixed, set.iter().copied())
    }
}

/// What there is to do.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) work: Work,
    /// Hands at work in it.
    pub(crate) active: usize,
    pub(crate) bars: Bars,
    /// What is left of the band, after the present tree.
    pub(crate) questions: VecDeque<Question>,
    /// How often bands have begun anew.
    pub(crate) beginning: usize,
}

#[derive(Debug)]
pub(crate) enum Work {
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
    pub(crate) fn put_back(&mut self, part: Descent, beginning: usize) {
        if let Work::Walk { parts, .. } = &mut self.work
            && self.beginning == beginning
        {
            parts.push(part);
        }
    }
}

/// Which sets of a branch are looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Question {
    pub(crate) branch: usize,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
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
pub(crate) struct OwnedTree {
    pub(crate) question: Question,
    form: Form,
    levels: Levels,
    quotas: OrderedQuotas,
    /// The r at which the root's bound would be reached, about: how far the bar is from it.
    pub(crate) rise: f64,
    /// How many nodes it has, about.
    nodes: f64,
}

impl ExactSearch {
    /// The search for what a request asks for, in answers without gaps.
    ///
    /// # Arguments
    /// `expected`: how many of the sets of the highest r will be read, about; `neighbour`: a search for
    /// sets of another size; `part`: what is searched, after the first guess.
    pub(crate) fn new(
        ground: Arc<Ground>,
        request: &SweepRequest,
        expected: usize,
        neighbour: Option<Arc<ExactSearch>>,
        part: Part,
    ) -> Self {
        let answers = &ground.answers;
        let (mut whole, mut branches, mut subsets) = (Vec::new(), Vec::new(), SetCount::NONE);
        for constraint in Constraint::all_of(answers, request) {
            let Some(branch) = Branch::of(&ground, request.k, constraint.clone()) else { continue };
            if part.of == 1 {
                branches.push(branch.clone());
                subsets = subsets + constraint.subsets(request.k, answers.questions()).0;
            } else {
                for part in parts::of_part(&constraint, &branch.problem, part) {
                    subsets = subsets + part.subsets(request.k, answers.questions()).0;
                    branches.extend(Branch::of(&ground, request.k, part));
                }
            }
            whole.push(branch);
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
            instructions: request.instructions(),
            corrected: request.corrected,
            top: request.top,
            expected: request.top.unwrap_or(expected),
            subsets,
            bounds: SharedBounds::new(bounds, ground.answers.users()),
            branches,
            whole,
            neighbour,
            looked_at: AtomicU64::new(0),
            best: AtomicU64::new(0),
            bound: AtomicU64::new(1f64.to_bits()),
            idle: AtomicBool::new(false),
            stage: Mutex::new(stage),
            changed: Condvar::new(),
            ground,
        }
    }

    /// Whether so many sets are within bounds that to look at each takes longer than to sweep all: of
    /// some at random one is.
    pub(crate) fn would_find_many(&self) -> bool {
        let mut random = Random::new(0);
        let [least, most] = self.bounds.get().r;
        let mut probe = |Branch { problem, .. }: &Branch| {
            let set = random_set(problem.size(), problem.choose, &[], &mut random);
            let r = correlation(self.corrected, problem.moments_of(&set));
            least <= r && r <= most
        };
        self.whole.iter().cycle().take(PROBES).any(&mut probe)
    }

    pub(crate) fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A set of a branch, by ascending positions.
    pub(crate) fn positions(&self, branch: usize, set: &[usize]) -> Vec<Position> {
        self.branches[branch].positions(set)
    }

    /// Leaves only sets that are no worse than as many as are wanted, which were met.
    fn tighten_by(&self, bars: &Bars) {
        if let Some(least) = self.top.and_then(|top| bars.guessed_r(top)) {
            self.bounds.tighten(Bounds { r: [least, f64::INFINITY], ..Bounds::DEFINED });
        }
    }

    /// The highest r that was found, and one that no set is above; `None` before the first guess.
    pub(crate) fn best(&self) -> Option<[f64; 2]> {
        let [best, bound] = [&self.best, &self.bound].map(|bits| f64::from_bits(bits.load(Relaxed)));
        (best > 0.0).then_some([best, bound.max(best)])
    }

    /// Takes note of a set that was found.
    pub(crate) fn found(&self, row: &Row) {
        self.best.fetch_max(row.r.unwrap_or(0.0).max(0.0).to_bits(), Relaxed);
    }

    /// The best set that the first guess has met, if it has come to an end.
    fn best_guess(&self) -> Option<Vec<Position>> {
        let stage = self.stage();
        let best = stage.bars.best_guess()?;
        let ids = &self.ground.answers.ids;
        let position = |id: &u32| ids.iter().position(|other| other == id).map(Position);
        best.questions.iter().map(position).collect()
    }

    /// One run of the local search: the best rows that it meets.
    pub(crate) fn guess(&self, run: usize, budget: &Budget<'_>) -> Vec<Row> {
        let branch = run / RUNS;
        let mut guesses = Guesses::new(self.expected.clamp(1, MOST_GUESSES));
        let stop = || budget.is_stopped();
        let Branch { problem, .. } = &self.whole[branch];
        let mut random = Random::new(run as u64);
        let known =
            self.neighbour.as_ref().filter(|_| run.is_multiple_of(RUNS)).and_then(|other| other.best_guess());
        let known = known.unwrap_or_default();
        let near: Vec<usize> =
            (0..problem.size()).filter(|&candidate| known.contains(&problem.candidates[candidate])).collect();
        let start = random_set(problem.size(), problem.choose, &near, &mut random);
        let landscape = CovarianceLandscape::new(Arc::clone(problem), self.corrected, self.instructions);
        let mut chain = Chain::new(Box::new(landscape), start, random, LENGTH);
        while !stop() && !chain.step(&mut guesses, &stop) {}
        let row =
            |set: Vec<usize>| self.ground.singles.row(&self.whole[branch].positions(&set), self.corrected);
        let rows: Vec<Row> = guesses.into_sets().map(row).filter(|row| row.r.is_some()).collect();
        rows.iter().for_each(|row| self.found(row));
        rows
    }

    /// The next tree, or sets that were found without one.
    pub(crate) fn prepare(&self, budget: &Budget<'_>, found: &mut VecDeque<(Question, Vec<usize>)>) -> Work {
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
            // All sets of more are found.
            if let (Kind::Between([_, high]) | Kind::Chord { r: [_, high], .. }, 1) =
                (question.kind, self.branches.len())
            {
                self.bound.fetch_min(high.max(0.0).to_bits(), Relaxed);
            }
            if let Some(tree) = self.tree(question, MOST_WORK, budget, found) {
                if let Some(steps) = tree.steps() {
                    let mut stage = self.stage();
                    steps
                        .into_iter()
                        .for_each(|kind| stage.questions.push_front(Question { kind, ..question }));
                    continue;
                }
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
        let begins = bars.begin();
        if begins && self.branches.len() != self.whole.len() {
            self.tighten_by(bars);
        }
        if begins && bounds.undefined {
            let rest = self.corrected.then_some(Kind::ConstantRest);
            return of_all(&[Kind::ConstantSubtotal].into_iter().chain(rest).collect::<Vec<_>>());
        }
        let [low, high] = bars.next(bounds.r)?;
        if low <= 0.0 {
            return of_all(&[Kind::Below(high)]);
        }
        Some(self.between([low, high]).collect())
    }

    /// The questions for all sets of an r from the first to below the second number, both above 0.
    fn between(&self, r: [f64; 2]) -> impl Iterator<Item = Question> {
        self.branches.iter().enumerate().map(move |(branch, of_branch)| {
            let kind = if self.corrected {
                Kind::Chord { r, variance: chords::whole(r[0], &of_branch.problem) }
            } else {
                Kind::Between(r)
            };
            Question { branch, kind }
        })
    }

    /// Makes all sets between two r those that are asked for.
    pub(crate) fn ask_for(&self, r: [f64; 2]) {
        self.stage().questions = self.between(r).collect();
    }

    /// The next question, if there is one left.
    pub(crate) fn next_question(&self) -> Option<Question> {
        self.stage().questions.pop_front()
    }

    /// Leaves the questions that are left.
    pub(crate) fn ask_nothing(&self) {
        self.stage().questions.clear();
    }

    /// The tree of a question; `None` where its root tells that there are no such sets.
    pub(crate) fn tree(
        &self,
        question: Question,
        most_work: usize,
        budget: &Budget<'_>,
        found: &mut VecDeque<(Question, Vec<usize>)>,
    ) -> Option<OwnedTree> {
        let problem = &*self.branches[question.branch].problem;
        // r of a set is off by some roundings, or what the sweep allows of floats.
        let off = if self.ground.answers.are_floats() { 1e-11 } else { 8.0 * f64::EPSILON };
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
            return Some(OwnedTree {
                question,
                form,
                levels,
                quotas,
                rise: f64::INFINITY,
                nodes: f64::INFINITY,
            });
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
        let work = (nodes * problem.size() as f64 * PRICE).clamp(LEAST_WORK, most_work as f64);
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
        Some(OwnedTree { question, form, levels, quotas, rise: rise.max(1e-9), nodes })
    }

    /// Whether a set that was found is one of those that are looked for.
    pub(crate) fn accepts(
        &self,
        question: Question,
        set: &[usize],
        row: &Row,
        positions: &[Position],
    ) -> bool {
        let within = |[low, high]: [f64; 2]| row.r.is_some_and(|r| low <= r && r < high);
        // There are two ways for an r to be undefined, which have trees of their own.
        let constant_subtotal = || !self.corrected || self.ground.singles.row(positions, false).r.is_none();
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
    pub(crate) fn as_tree(&self) -> Tree<'_> {
        Tree { form: &self.form, levels: &self.levels, quotas: &self.quotas }
    }

    /// A long walk in two steps, the last first: the upper half of what is between the bar and the r of
    /// the root takes a small part of the nodes, and then it is known that nothing is there.
    fn steps(&self) -> Option<[Kind; 2]> {
        let Kind::Between([low, high]) = self.question.kind else { return None };
        let middle = low + self.rise / 2.0;
        let worth_it = self.nodes > MANY_NODES && self.rise > NEAR && middle + NEAR < high;
        worth_it.then_some([Kind::Between([low, middle]), Kind::Between([middle, high])])
    }
}
