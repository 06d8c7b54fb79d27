//! The heuristic search: good sets without proof that they are the best, of any answers and any size.
//!
//! ```text
//! chains   of local search, a fixed number of a fixed length: the best sets that each meets
//! rows     of these the best, by the r that the sweep gives them
//! bound    how large the r of any set can be at most, as far as that can be proven
//! ```
//!
//! Chains and their lengths follow from effort and seed, and lengths are told in exchanges that are looked
//! at, never in time. So the rows are the same for any number of threads. They are exact: r and n of a
//! set are those that a sweep would give. Only that no other set is better is not known, unless the
//! bound says so.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::index::Answers;
use crate::search::descent::Descent;
use crate::search::exact::ExactSearch;
use crate::search::ground::Ground;
use crate::search::levels::Levels;
use crate::search::local::covariance::CovarianceLandscape;
use crate::search::local::gaps::GapsLandscape;
use crate::search::local::guesses::Guesses;
use crate::search::local::rows::{LargeProblem, RowCache};
use crate::search::local::{Chain, Landscape, Length, random_set};
use crate::search::method::{Effort, Part};
use crate::search::moments::Moments;
use crate::search::problem::{Problem, positions_of};
use crate::search::proof::Proof;
use crate::search::random::Random;
use crate::sweep::constraint::Constraint;
use crate::sweep::extension::Extensions;
use crate::sweep::position::Position;
use crate::sweep::rows::buffer::{Row, RowBuffer};
use crate::sweep::{Bounds, Budget, Progress, SetCount, Sweep, SweepRequest, best_rows};

/// Chains of a search.
pub(crate) const CHAINS: usize = 8;

/// Exchanges that a chain looks at for each unit of effort: about a tenth of a second, and a third with
/// many questions or gaps.
const LOOKS: usize = 150_000_000;

/// How often a chain begins anew for each unit of effort, where that does not take so long.
const RESTARTS: usize = 32;

/// Sets that a chain keeps at most.
const MOST_GUESSES: usize = 10_000;

/// All covariances are kept of no more candidates than these.
const MOST_KEPT: usize = 2_000;

/// A bound is looked for among no more candidates than these: its root takes time with their cube.
const MOST_PROVABLE: usize = 300;

/// A search ready to start; shared by all who take a part in it.
#[derive(Debug)]
pub(crate) struct HeuristicSearch {
    ground: Arc<Ground>,
    effort: Effort,
    k: usize,
    top: usize,
    corrected: bool,
    bounds: Bounds,
    fixed: Vec<Position>,
    candidates: Vec<Position>,
    choose: usize,
    terrain: Terrain,
    stage: Mutex<Stage>,
    bound: OnceLock<f64>,
}

/// Where chains climb.
#[derive(Debug)]
enum Terrain {
    /// Nobody left anything out.
    Covariances(Arc<Problem>, Option<Arc<ExactSearch>>),
    /// The same, of many questions.
    Rows(Arc<LargeProblem>),
    Gaps(Extensions),
}

/// What there is to do.
#[derive(Debug, Default)]
struct Stage {
    /// Chains that have begun, and that have come to their end.
    begun: usize,
    ended: usize,
    /// Whether somebody looks for a bound.
    proving: bool,
    done: bool,
    found: Vec<Row>,
}

impl HeuristicSearch {
    /// The search for the best sets of a request.
    pub(crate) fn new(ground: Arc<Ground>, request: &SweepRequest, effort: Effort) -> Self {
        let answers = &ground.answers;
        let mut constraint = Constraint::all_of(answers, request).swap_remove(0);
        let (candidates, choose) = constraint.choices(request.k, answers.questions());
        let Constraint { fixed, excluded, .. } = constraint;
        let terrain = if !answers.are_complete() {
            let (answers, kernels) = (Arc::clone(answers), Arc::clone(&ground.kernels));
            Terrain::Gaps(Extensions::new(answers, kernels, request.k, excluded, request.corrected))
        } else if answers.questions() > MOST_KEPT || candidates.is_empty() {
            let problem = LargeProblem::new(
                Arc::clone(answers),
                &fixed,
                candidates.clone(),
                choose,
                ground.instructions,
            );
            Terrain::Rows(Arc::new(problem))
        } else {
            let provable = candidates.len() <= MOST_PROVABLE;
            let exact = provable
                .then(|| Arc::new(ExactSearch::new(Arc::clone(&ground), request, 1, None, Part::default())));
            let made = || Arc::new(Problem::new(ground.moments(), &fixed, candidates.clone(), choose, &[]));
            let of_exact = |exact: &Arc<ExactSearch>| Arc::clone(&exact.branches[0].problem);
            Terrain::Covariances(exact.as_ref().map_or_else(made, of_exact), exact)
        };
        Self {
            effort,
            k: request.k,
            top: request.top.unwrap_or(1),
            corrected: request.corrected,
            bounds: request.all_bounds(),
            fixed,
            candidates,
            choose,
            terrain,
            stage: Mutex::default(),
            bound: OnceLock::new(),
            ground,
        }
    }

    /// How many sets it is among.
    pub(crate) fn subsets(&self) -> SetCount {
        SetCount::of(self.candidates.len() as u64, self.choose as u64)
    }

    /// How many questions a set has.
    pub(crate) fn set_size(&self) -> usize {
        self.k
    }

    /// How many exchanges are looked at, about.
    pub(crate) fn looks(&self) -> u64 {
        (CHAINS as u64).saturating_mul(self.length().looks as u64)
    }

    /// The largest r that any set can have; known at the end.
    pub(crate) fn bound(&self) -> f64 {
        *self.bound.get().unwrap_or(&1.0)
    }

    /// The name of the code that does the work.
    pub(crate) fn kernel(&self) -> &'static str {
        match &self.terrain {
            Terrain::Gaps(_) => "local search, sets summed",
            _ => "complete data, local search",
        }
    }

    /// Bytes that the search keeps.
    pub(crate) fn memory_of(answers: &Answers, request: &SweepRequest) -> usize {
        let questions = answers.questions();
        let of_answers = match answers.are_complete() {
            false => 0,
            true if questions > MOST_KEPT => LargeProblem::bytes(answers),
            // The moments, the problem, and those of a proof.
            true => 5 * Moments::bytes(questions) + Levels::bytes(questions),
        };
        of_answers + CHAINS * guesses_memory(request.k, request.top.unwrap_or(1))
    }

    /// Bytes that each hand needs at most, beside that.
    pub(crate) fn share_memory(&self) -> usize {
        let of_terrain = match &self.terrain {
            Terrain::Covariances(problem, _) => Descent::bytes(problem.size()),
            Terrain::Rows(_) => RowCache::bytes(self.candidates.len(), self.choose),
            Terrain::Gaps(extensions) => extensions.memory(&self.fixed),
        };
        of_terrain + guesses_memory(self.set_size(), self.top)
    }

    /// Bytes of the best rows, and of its part while those of all hands are merged.
    pub(crate) fn top_memory(&self) -> usize {
        let row = 2 * size_of::<Row>() + (self.set_size() * size_of::<u32>()).next_multiple_of(16);
        self.top.min(CHAINS * MOST_GUESSES).saturating_mul(row)
    }

    fn length(&self) -> Length {
        let times = |of_unit: usize| of_unit.saturating_mul(self.effort.effort);
        Length { looks: times(LOOKS), restarts: times(RESTARTS) }
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn chain(&self, number: usize) -> Chain {
        let (size, choose) = (self.candidates.len(), self.choose);
        let instructions = self.ground.instructions;
        let landscape: Box<dyn Landscape> = match &self.terrain {
            Terrain::Covariances(problem, _) => {
                Box::new(CovarianceLandscape::new(Arc::clone(problem), self.corrected, instructions))
            }
            Terrain::Rows(problem) => {
                let rows = RowCache::new(Arc::clone(problem));
                Box::new(CovarianceLandscape::new(rows, self.corrected, instructions))
            }
            Terrain::Gaps(extensions) => Box::new(GapsLandscape::new(
                &self.ground.answers,
                extensions.clone(),
                self.candidates.clone(),
                self.fixed.clone(),
                choose,
                self.bounds.n,
                self.length().looks,
            )),
        };
        let mut random = Random::of(self.effort.seed, number as u64);
        let start = random_set(size, choose, &[], &mut random);
        Chain::new(landscape, start, random, self.length())
    }

    /// The row of a set of candidates.
    fn row(&self, set: &[usize]) -> Row {
        let positions = positions_of(&self.candidates, &self.fixed, set.iter().copied());
        self.ground.singles.row(&positions, self.corrected)
    }
}

/// Bytes of the sets that a chain keeps.
fn guesses_memory(k: usize, top: usize) -> usize {
    2 * top.min(MOST_GUESSES) * (k * size_of::<usize>() + 64)
}

/// One of those who do the work.
pub(crate) struct Climber {
    search: Arc<HeuristicSearch>,
    chain: Option<(Chain, Guesses)>,
    proof: Option<Proof>,
    /// The best rows, if it is this one that has them.
    best: Vec<Row>,
    /// Exchanges that chains were to look at which have ended.
    looks: usize,
}

impl Climber {
    pub(crate) fn new(search: Arc<HeuristicSearch>) -> Self {
        Self { search, chain: None, proof: None, best: Vec::new(), looks: 0 }
    }

    /// Takes what there is to do; returns whether there is anything left.
    fn take(&mut self) -> bool {
        let mut stage = self.search.stage();
        if self.search.candidates.is_empty() || self.search.bounds.is_empty() {
            stage.done = true;
        }
        if stage.done {
            return false;
        }
        if stage.begun < CHAINS {
            stage.begun += 1;
            let guesses = Guesses::new(self.search.top.clamp(1, MOST_GUESSES));
            self.chain = Some((self.search.chain(stage.begun - 1), guesses));
        } else if stage.ended == CHAINS && !stage.proving {
            stage.proving = true;
            let mut found = std::mem::take(&mut stage.found);
            found.sort_by(|x, y| x.questions.cmp(&y.questions));
            found.dedup();
            self.best = best_rows(self.search.top, found);
            let best = self.best.first().and_then(|row| row.r).unwrap_or(0.0);
            let exact = match &self.search.terrain {
                Terrain::Covariances(_, exact) => exact.clone(),
                _ => None,
            };
            self.proof =
                exact.filter(|_| best > 0.0).map(|exact| Proof::new(exact, best, self.search.effort.effort));
            if self.proof.is_none() {
                stage.done = true;
            }
        } else {
            drop(stage);
            // The others end their turn soon, and this thread may be wanted by one of them.
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }

    /// Takes in what a chain has met.
    fn end_chain(&mut self) {
        let Some((chain, guesses)) = self.chain.take() else { return };
        // It may have ended before its time.
        self.looks += chain.looks().max(self.search.length().looks);
        let rows = guesses.into_sets().map(|set| self.search.row(&set));
        let rows: Vec<Row> =
            rows.filter(|row| row.r.is_some() && self.search.bounds.has(row.r, row.n)).collect();
        let mut stage = self.search.stage();
        stage.found.extend(rows);
        stage.ended += 1;
    }

    fn end_proof(&mut self) {
        let Some(proof) = self.proof.take() else { return };
        let (bound, found) = proof.into_bound();
        let mut rows = std::mem::take(&mut self.best);
        rows.extend(found);
        self.best = best_rows(self.search.top, rows);
        self.search.bound.get_or_init(|| bound);
        self.search.stage().done = true;
    }
}

impl Sweep for Climber {
    fn advance(&mut self, _: &mut RowBuffer, budget: &mut Budget<'_>) -> bool {
        loop {
            let stop = || budget.is_stopped();
            if let Some((chain, guesses)) = &mut self.chain {
                if chain.step(guesses, &stop) {
                    self.end_chain();
                }
            } else if let Some(proof) = &mut self.proof {
                if proof.step(budget) {
                    self.end_proof();
                }
            } else if !self.take() {
                return true;
            } else if self.chain.is_none() && self.proof.is_none() {
                return false;
            }
            if budget.is_over() {
                return false;
            }
        }
    }

    fn progress(&self) -> Progress {
        let present = self.chain.as_ref().map_or(0, |(chain, _)| chain.looks());
        Progress { done: (self.looks + present) as u64, pruned: 0 }
    }

    fn take_top(&mut self) -> Vec<Row> {
        std::mem::take(&mut self.best)
    }
}
