//! Good sets, soon: iterated local search.
//!
//! ```text
//! run(seed):  set = random
//!             repeat: exchange the pair of questions, one in and one out, that raises r most
//!             until no exchange does
//!             kick: exchange 2 to 4 questions at random; climb again; keep what is no worse
//!             until so many kicks in a row were for nothing
//!             and take in the neighbours of all sets that are among the best, again and again
//! ```
//!
//! Runs depend on their seeds alone, so they can be shared out among threads in any way. An exchange is
//! looked at in two additions and two multiplications, from what each question shares with the set
//! (H. R. Lourenço, O. C. Martin and T. Stützle, *Iterated Local Search*, 2003). Tried and lost: beam
//! search of width 100 with exchanges at its end missed the best set in 16 of 117 cases.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use crate::search::problem::{Problem, sum_of};
use crate::search::random::Random;
use crate::sweep::simd::{InstructionSet, Instructions, Task};

/// Kicks in a row that came to nothing, after which a run ends.
const MOST_FAILURES: usize = 200;

/// Exchanges that a run looks at, at most.
const MOST_LOOKS: usize = 6_000_000;

/// The best sets met, up to a number of them, in approximate order.
#[derive(Debug)]
pub(crate) struct Guesses {
    size: usize,
    sets: BTreeSet<Guess>,
    /// Those whose neighbours have not been looked at.
    pending: Vec<Vec<usize>>,
}

#[derive(Debug, PartialEq)]
struct Guess {
    value: f64,
    set: Vec<usize>,
}

impl Eq for Guess {}

impl Ord for Guess {
    fn cmp(&self, other: &Self) -> Ordering {
        other.value.total_cmp(&self.value).then_with(|| self.set.cmp(&other.set))
    }
}

impl PartialOrd for Guess {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Guesses {
    pub(crate) fn new(size: usize) -> Self {
        Self { size, sets: BTreeSet::new(), pending: Vec::new() }
    }

    /// What a further set has to be worth.
    fn least(&self) -> f64 {
        match self.sets.last() {
            Some(last) if self.sets.len() >= self.size => last.value,
            _ => f64::NEG_INFINITY,
        }
    }

    /// Takes in a set, the candidates of which ascend.
    fn push(&mut self, value: f64, set: Vec<usize>) {
        if value > self.least() {
            if self.sets.insert(Guess { value, set: set.clone() }) {
                self.pending.push(set);
            }
            if self.sets.len() > self.size {
                self.sets.pop_last();
            }
        }
    }

    /// The sets, each ascending, the best first.
    pub(crate) fn into_sets(self) -> impl Iterator<Item = Vec<usize>> {
        self.sets.into_iter().map(|guess| guess.set)
    }
}

/// One run of the search.
pub(crate) fn run(
    problem: &Problem,
    corrected: bool,
    seed: u64,
    guesses: &mut Guesses,
    instructions: Instructions,
    stop: impl Fn() -> bool,
) {
    let (size, choose) = (problem.size(), problem.choose);
    let mut random = Random::new(seed);
    let mut climb = Climb::new(problem, corrected);
    let mut best = random_set(problem, &mut random);
    climb.climb(&mut best, guesses, instructions);
    let mut value = climb.value;
    let mut failures = 0;
    while failures < MOST_FAILURES && climb.looks < MOST_LOOKS && choose < size && !stop() {
        let mut set = best.clone();
        for _ in 0..(2 + random.below(3)).min(choose).min(size - choose) {
            let place = random.below(choose);
            let question = loop {
                let question = random.below(size);
                if !set.contains(&question) {
                    break question;
                }
            };
            set[place] = question;
        }
        climb.climb(&mut set, guesses, instructions);
        failures = if climb.value > value { 0 } else { failures + 1 };
        if climb.value >= value {
            (value, best) = (climb.value, set);
        }
    }
    // The second best set and those after it are mostly an exchange away from one that is better.
    while let Some(set) = guesses.pending.pop().filter(|_| guesses.size > 1 && !stop()) {
        climb.neighbours(&set, guesses);
    }
}

/// Any of the sets, all equally likely.
pub(crate) fn random_set(problem: &Problem, random: &mut Random) -> Vec<usize> {
    let mut order: Vec<usize> = (0..problem.size()).collect();
    for place in 0..problem.choose {
        order.swap(place, place + random.below(problem.size() - place));
    }
    order.truncate(problem.choose);
    order
}

/// r of a set of some covariance and variance, about.
pub(crate) fn correlation(corrected: bool, [covariance, variance]: [f64; 2]) -> f64 {
    let [above, below] = fraction(corrected, covariance, variance);
    let square = if below > LEAST_VARIANCE { above / below } else { f64::NAN };
    square.abs().sqrt().copysign(square)
}

/// r·|r| as a fraction.
#[inline(always)]
fn fraction(corrected: bool, covariance: f64, variance: f64) -> [f64; 2] {
    if corrected {
        let rest = covariance - variance;
        [rest * rest.abs(), variance * (1.0 - 2.0 * covariance + variance)]
    } else {
        [covariance * covariance.abs(), variance]
    }
}

/// Climbing from set to set.
struct Climb<'a> {
    problem: &'a Problem,
    corrected: bool,
    /// r·|r| of the set climbed to, which has the order of r.
    value: f64,
    /// Exchanges looked at.
    looks: usize,
    /// What a candidate shares with the set, twice, and its own variance.
    gains: Vec<f64>,
    /// For each candidate which quotas count it, by a number for each way there is.
    kind: Vec<usize>,
    /// A candidate of each kind.
    examples: Vec<usize>,
    /// For each kind that leaves the set, the covariance that a candidate adds which comes for it; minus
    /// infinity where it may not.
    adds: Vec<Vec<f64>>,
}

/// An exchange: the place of the question that leaves, and the one that comes.
#[derive(Debug, Clone, Copy)]
struct Exchange {
    place: usize,
    question: usize,
}

/// A variance that is no larger, in units of that of the grand totals, may be none.
const LEAST_VARIANCE: f64 = 1e-12;

impl<'a> Climb<'a> {
    fn new(problem: &'a Problem, corrected: bool) -> Self {
        let same =
            |x: usize, y: usize| problem.quotas.iter().all(|quota| quota.members[x] == quota.members[y]);
        let (mut kind, mut examples) = (Vec::new(), Vec::new());
        for candidate in 0..problem.size() {
            let known = examples.iter().position(|&example| same(example, candidate));
            kind.push(known.unwrap_or(examples.len()));
            if known.is_none() {
                examples.push(candidate);
            }
        }
        let adds = vec![Vec::new(); examples.len()];
        Self { problem, corrected, value: 0.0, looks: 0, gains: Vec::new(), kind, examples, adds }
    }

    fn climb(&mut self, set: &mut [usize], guesses: &mut Guesses, instructions: Instructions) {
        let mut before = None;
        loop {
            let [covariance, variance] = self.look_from(set);
            let [above, below] = fraction(self.corrected, covariance, variance);
            let met = self.problem.misses_by(set) == 0;
            let counts = met && below > LEAST_VARIANCE;
            self.value = if counts { above / below } else { f64::NEG_INFINITY };
            // What an exchange was to gain may have been rounding, and sets would be exchanged for ever.
            // One that comes nearer to the quotas always does.
            if met && before.is_some_and(|before| self.value <= before) {
                break;
            }
            before = met.then_some(self.value);
            let best = |climb: &Self, least: f64| {
                instructions.run(Best { climb, set, moments: [covariance, variance], least })
            };
            let least = (self.value + 1e-13).max(-2.0);
            self.looks += set.len() * (self.problem.size() - set.len());
            match best(self, least) {
                Some(Exchange { place, question }) => set[place] = question,
                None => break,
            }
        }
        if self.value > f64::NEG_INFINITY {
            self.push(set, guesses);
        }
    }

    /// Takes in a set. Its value is computed anew, as it depends on the way to it by some roundings, and
    /// no set should be there twice.
    fn push(&self, set: &[usize], guesses: &mut Guesses) {
        let mut set = set.to_vec();
        set.sort_unstable();
        let [covariance, variance] = self.problem.moments_of(&set);
        let [above, below] = fraction(self.corrected, covariance, variance);
        guesses.push(above / below, set);
    }

    /// Takes in the sets next to a set.
    fn neighbours(&mut self, set: &[usize], guesses: &mut Guesses) {
        let [covariance, variance] = self.look_from(set);
        let mut neighbour = set.to_vec();
        for (place, &leaves) in set.iter().enumerate() {
            for comes in 0..self.problem.size() {
                let [above, below] = self.exchanged([covariance, variance], leaves, comes);
                let value = above / below;
                if below > LEAST_VARIANCE && value > guesses.least() && value.is_finite() {
                    neighbour[place] = comes;
                    self.push(&neighbour, guesses);
                }
            }
            neighbour[place] = leaves;
        }
    }

    /// Makes gains and additions those from a set; returns its covariance and variance.
    fn look_from(&mut self, set: &[usize]) -> [f64; 2] {
        let Problem { variances, covariances, .. } = self.problem;
        self.gains.clear();
        self.gains.resize(self.problem.size(), 0.0);
        for &question in set {
            self.gains.iter_mut().zip(variances.row(question)).for_each(|(gain, with)| *gain += with);
        }
        let moments = [set.iter().map(|&question| covariances[question]).sum(), sum_of(&self.gains, set)];
        self.gains.iter_mut().zip(variances.diagonal()).for_each(|(gain, own)| *gain = 2.0 * *gain + own);
        self.allow(set);
        moments
    }

    /// Allows the exchanges that leave all quotas met or, where they are not, come nearest to that.
    fn allow(&mut self, set: &[usize]) {
        let Problem { covariances, quotas, .. } = self.problem;
        let counts: Vec<usize> = quotas.iter().map(|quota| quota.count(set)).collect();
        let present = self.problem.misses_by(set);
        let missed = |leaves: usize, comes: usize| -> usize {
            let after = quotas.iter().zip(&counts).map(|(quota, count)| {
                let count = count + usize::from(quota.members[comes]);
                quota.missed_by(count.saturating_sub(usize::from(quota.members[leaves])))
            });
            after.sum()
        };
        let kinds = 0..self.examples.len();
        let leaving: Vec<bool> =
            kinds.clone().map(|kind| set.iter().any(|&candidate| self.kind[candidate] == kind)).collect();
        let missed: Vec<Vec<usize>> = kinds
            .clone()
            .map(|leaves| self.examples.iter().map(|&comes| missed(self.examples[leaves], comes)).collect())
            .collect();
        let outside = |candidate: &usize| !set.contains(candidate);
        let coming: Vec<usize> = kinds
            .clone()
            .filter(|&kind| {
                (0..self.kind.len()).filter(outside).any(|candidate| self.kind[candidate] == kind)
            })
            .collect();
        let nearest = kinds
            .clone()
            .filter(|&kind| leaving[kind])
            .flat_map(|kind| coming.iter().map(|&comes| &missed[kind][comes]).collect::<Vec<_>>())
            .min();
        // As long as some are missed, each exchange has to miss fewer, or there would be no end.
        let most = if present == 0 { Some(0) } else { nearest.copied().filter(|&nearest| nearest < present) };
        for kind in kinds {
            let may = |comes: usize| Some(missed[kind][self.kind[comes]]) <= most;
            let add = |(comes, &add)| if may(comes) { add } else { f64::NEG_INFINITY };
            self.adds[kind] = covariances.iter().enumerate().map(add).collect();
            set.iter().for_each(|&question| self.adds[kind][question] = f64::NEG_INFINITY);
        }
    }

    /// r·|r| as a fraction after an exchange; not a number, or below all, where the question that comes
    /// is in the set.
    #[inline(always)]
    fn exchanged(&self, [covariance, variance]: [f64; 2], leaves: usize, comes: usize) -> [f64; 2] {
        let row = self.problem.variances.row(leaves);
        // Its gain counts its own variance once and what it shares with the set, itself included, twice.
        let without = variance - self.gains[leaves] + 2.0 * row[leaves];
        let covariance = covariance - self.problem.covariances[leaves] + self.adds[self.kind[leaves]][comes];
        fraction(self.corrected, covariance, without + self.gains[comes] - 2.0 * row[comes])
    }
}

/// The best exchange that is worth more than `least`.
struct Best<'a> {
    climb: &'a Climb<'a>,
    set: &'a [usize],
    moments: [f64; 2],
    least: f64,
}

/// Exchanges that are looked at together.
const BLOCK: usize = 16;

impl Task for Best<'_> {
    type Output = Option<Exchange>;

    #[inline(always)]
    fn run<I: InstructionSet>(self, _: I) -> Option<Exchange> {
        let Self { climb, set, moments, mut least } = self;
        let size = climb.problem.size();
        let mut best = None;
        for (place, &leaves) in set.iter().enumerate() {
            for start in (0..size).step_by(BLOCK) {
                let block = start..(start + BLOCK).min(size);
                let mut any = false;
                for comes in block.clone() {
                    let [above, below] = climb.exchanged(moments, leaves, comes);
                    any |= above > least * below;
                }
                if !any {
                    continue;
                }
                for comes in block {
                    let [above, below] = climb.exchanged(moments, leaves, comes);
                    if below > LEAST_VARIANCE && above > least * below {
                        let value = above / below;
                        if value > least {
                            least = value;
                            best = Some(Exchange { place, question: comes });
                        }
                    }
                }
            }
        }
        best
    }
}
