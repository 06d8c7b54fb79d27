//! Exchanges where nobody left anything out: what a set is worth follows from covariances.
//!
//! An exchange is looked at in two additions and two multiplications, from what each question shares
//! with the set.

use crate::search::local::Landscape;
use crate::search::local::guesses::Guesses;
use crate::search::local::rows::Rows;
use crate::search::problem::{misses_by, sum_of};
use crate::sweep::simd::{InstructionSet, Instructions, Task};

/// r of a set of some covariance and variance, about.
pub(crate) fn correlation(corrected: bool, moments: [f64; 2]) -> f64 {
    let [above, below] = fraction(corrected, moments);
    let square = if below > LEAST_VARIANCE { above / below } else { f64::NAN };
    square.abs().sqrt().copysign(square)
}

/// r·|r| as a fraction.
#[inline(always)]
fn fraction(corrected: bool, [covariance, variance]: [f64; 2]) -> [f64; 2] {
    if corrected {
        let rest = covariance - variance;
        [rest * rest.abs(), variance * (1.0 - 2.0 * covariance + variance)]
    } else {
        [covariance * covariance.abs(), variance]
    }
}

/// Sets of candidates, by their covariances.
#[derive(Debug)]
pub(crate) struct CovarianceLandscape<R> {
    rows: R,
    corrected: bool,
    instructions: Instructions,
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

impl<R: Rows> CovarianceLandscape<R> {
    pub(crate) fn new(rows: R, corrected: bool, instructions: Instructions) -> Self {
        let quotas = rows.quotas();
        let same = |x: usize, y: usize| quotas.iter().all(|quota| quota.members[x] == quota.members[y]);
        let (mut kind, mut examples) = (Vec::new(), Vec::new());
        for candidate in 0..rows.covariances().len() {
            let known = examples.iter().position(|&example| same(example, candidate));
            kind.push(known.unwrap_or(examples.len()));
            if known.is_none() {
                examples.push(candidate);
            }
        }
        let adds = vec![Vec::new(); examples.len()];
        let gains = Vec::new();
        Self { rows, corrected, instructions, looks: 0, gains, kind, examples, adds }
    }

    /// Takes in a set. Its value is computed anew, as it depends on the way to it by some roundings, and
    /// no set should be there twice.
    fn push(&mut self, set: &[usize], guesses: &mut Guesses) {
        let mut set = set.to_vec();
        set.sort_unstable();
        self.rows.need(&set);
        let covariance = set.iter().map(|&x| self.rows.covariances()[x]).sum();
        let variance = set.iter().map(|&x| sum_of(self.rows.row(x), &set)).sum();
        let [above, below] = fraction(self.corrected, [covariance, variance]);
        guesses.push(above / below, set);
    }

    /// Makes gains and additions those from a set; returns its covariance and variance.
    fn look_from(&mut self, set: &[usize]) -> [f64; 2] {
        self.rows.need(set);
        let Self { rows, gains, .. } = self;
        gains.clear();
        gains.resize(rows.covariances().len(), 0.0);
        for &question in set {
            gains.iter_mut().zip(rows.row(question)).for_each(|(gain, with)| *gain += with);
        }
        let covariance = set.iter().map(|&question| rows.covariances()[question]).sum();
        let variance = sum_of(gains, set);
        gains.iter_mut().enumerate().for_each(|(at, gain)| *gain = 2.0 * *gain + rows.own(at));
        self.allow(set);
        [covariance, variance]
    }

    /// Allows the exchanges that leave all quotas met or, where they are not, come nearest to that.
    fn allow(&mut self, set: &[usize]) {
        let quotas = self.rows.quotas();
        let counts: Vec<usize> = quotas.iter().map(|quota| quota.count(set)).collect();
        let present = misses_by(quotas, set);
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
            self.adds[kind] = self.rows.covariances().iter().enumerate().map(add).collect();
            set.iter().for_each(|&question| self.adds[kind][question] = f64::NEG_INFINITY);
        }
    }

    /// r·|r| as a fraction after an exchange, by the row of the question that leaves; not a number, or
    /// below all, where the question that comes is in the set.
    #[inline(always)]
    fn exchanged(
        &self,
        [covariance, variance]: [f64; 2],
        leaves: usize,
        row: &[f64],
        comes: usize,
    ) -> [f64; 2] {
        // Its gain counts its own variance once and what it shares with the set, itself included, twice.
        let without = variance - self.gains[leaves] + 2.0 * row[leaves];
        let covariance = covariance - self.rows.covariances()[leaves] + self.adds[self.kind[leaves]][comes];
        fraction(self.corrected, [covariance, without + self.gains[comes] - 2.0 * row[comes]])
    }
}

impl<R: Rows> Landscape for CovarianceLandscape<R> {
    fn size(&self) -> usize {
        self.kind.len()
    }

    fn choose(&self) -> usize {
        self.rows.choose()
    }

    fn climb(&mut self, set: &mut [usize], guesses: &mut Guesses, stop: &dyn Fn() -> bool) -> f64 {
        // r·|r|, which has the order of r.
        let mut value = f64::NEG_INFINITY;
        let mut before = None;
        while !stop() {
            let moments = self.look_from(set);
            let [above, below] = fraction(self.corrected, moments);
            let met = misses_by(self.rows.quotas(), set) == 0;
            let counts = met && below > LEAST_VARIANCE;
            value = if counts { above / below } else { f64::NEG_INFINITY };
            // What an exchange was to gain may have been rounding, and sets would be exchanged for ever.
            // One that comes nearer to the quotas always does.
            if met && before.is_some_and(|before| value <= before) {
                break;
            }
            before = met.then_some(value);
            let least = (value + 1e-13).max(-2.0);
            self.looks += STEP + set.len() * (self.size() - set.len());
            match self.instructions.run(Best { climb: self, set, moments, least }) {
                Some(Exchange { place, question }) => set[place] = question,
                None => break,
            }
        }
        if value > f64::NEG_INFINITY {
            self.push(set, guesses);
        }
        value
    }

    fn neighbours(&mut self, set: &[usize], guesses: &mut Guesses) {
        let moments = self.look_from(set);
        self.looks += STEP + set.len() * (self.size() - set.len());
        let (least, most) = (guesses.least().max(-2.0), guesses.size());
        let better = self.instructions.run(BestFew { climb: self, set, moments, least, most });
        let mut neighbour = set.to_vec();
        for Exchange { place, question } in better {
            neighbour[place] = question;
            self.push(&neighbour, guesses);
            neighbour[place] = set[place];
        }
    }

    fn looks(&self) -> usize {
        self.looks
    }
}

/// The best exchange that is worth more than `least`.
struct Best<'a, R> {
    climb: &'a CovarianceLandscape<R>,
    set: &'a [usize],
    moments: [f64; 2],
    least: f64,
}

/// The best exchanges that are.
struct BestFew<'a, R> {
    climb: &'a CovarianceLandscape<R>,
    set: &'a [usize],
    moments: [f64; 2],
    least: f64,
    /// How many of them.
    most: usize,
}

/// Exchanges that could be looked at in the time that a step takes beside.
const STEP: usize = 500;

/// Exchanges that are looked at together.
const BLOCK: usize = 16;

impl<R: Rows> CovarianceLandscape<R> {
    /// Tells of all exchanges that are worth more than `least`, which may rise, what they are worth.
    #[inline(always)]
    fn better(
        &self,
        set: &[usize],
        moments: [f64; 2],
        mut least: f64,
        mut tell: impl FnMut(Exchange, f64) -> f64,
    ) {
        let size = self.kind.len();
        for (place, &leaves) in set.iter().enumerate() {
            let row = self.rows.row(leaves);
            for start in (0..size).step_by(BLOCK) {
                let block = start..(start + BLOCK).min(size);
                let mut any = false;
                for comes in block.clone() {
                    let [above, below] = self.exchanged(moments, leaves, row, comes);
                    any |= above > least * below;
                }
                if !any {
                    continue;
                }
                for question in block {
                    let [above, below] = self.exchanged(moments, leaves, row, question);
                    let value = above / below;
                    if below > LEAST_VARIANCE && value > least {
                        least = tell(Exchange { place, question }, value);
                    }
                }
            }
        }
    }
}

impl<R: Rows> Task for Best<'_, R> {
    type Output = Option<Exchange>;

    #[inline(always)]
    fn run<I: InstructionSet>(self, _: I) -> Option<Exchange> {
        let mut best = None;
        self.climb.better(self.set, self.moments, self.least, |exchange, value| {
            best = Some(exchange);
            value
        });
        best
    }
}

impl<R: Rows> Task for BestFew<'_, R> {
    type Output = Vec<Exchange>;

    #[inline(always)]
    fn run<I: InstructionSet>(self, _: I) -> Vec<Exchange> {
        let Self { climb, set, moments, mut least, most } = self;
        let mut few: Vec<(f64, Exchange)> = Vec::new();
        climb.better(set, moments, least, |exchange, value| {
            few.push((value, exchange));
            if few.len() >= 2 * most {
                let (_, last, _) = few.select_nth_unstable_by(most - 1, |x, y| y.0.total_cmp(&x.0));
                least = last.0;
                few.truncate(most);
            }
            least
        });
        few.into_iter().map(|(_, exchange)| exchange).collect()
    }
}
