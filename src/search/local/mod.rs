//! Good sets, soon: iterated local search.
//!
//! ```text
//! chain(seed):  set = random, or near one that is known
//!               repeat: exchange the pair of questions, one in and one out, that raises r most
//!               until no exchange does
//!               kick: exchange 2 to 4 questions at random; climb again; keep what is no worse
//!               until so many kicks in a row were for nothing; then begin anew, or end
//!               and take in the neighbours of all sets that are among the best, again and again
//! ```
//!
//! Chains depend on their seeds alone, so they can be shared out among threads in any way (H. R.
//! Lourenço, O. C. Martin and T. Stützle, *Iterated Local Search*, 2003). Tried and lost: beam search of
//! width 100 with exchanges at its end missed the best set in 16 of 117 cases.
//!
//! | file | |
//! |---|---|
//! | `guesses` | the best sets met |
//! | `covariance` | exchanges where nobody left anything out, from covariances |
//! | `rows` | these covariances: all of them, or those of the set's questions |
//! | `gaps` | exchanges where somebody did, by the kernels of the sweep |

pub(crate) mod covariance;
pub(crate) mod gaps;
pub(crate) mod guesses;
pub(crate) mod rows;

use crate::search::local::guesses::Guesses;
use crate::search::random::Random;

/// Kicks in a row that came to nothing, after which a chain is at its end, or begins anew.
const MOST_FAILURES: usize = 200;

/// Sets of some candidates, which differ in worth.
pub(crate) trait Landscape: Send {
    /// How many candidates there are.
    fn size(&self) -> usize;

    /// How many of them a set has.
    fn choose(&self) -> usize;

    /// Climbs from a set to one that no exchange betters, and takes it in; returns what it is worth.
    fn climb(&mut self, set: &mut [usize], guesses: &mut Guesses, stop: &dyn Fn() -> bool) -> f64;

    /// Takes in the sets that are an exchange away.
    fn neighbours(&mut self, set: &[usize], guesses: &mut Guesses);

    /// How many exchanges have been looked at, or could have been in the time.
    fn looks(&self) -> usize;
}

/// How long a chain is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Length {
    /// Exchanges that are looked at, about.
    pub(crate) looks: usize,
    /// How often it begins anew as long as there are looks left.
    pub(crate) restarts: usize,
}

/// One run of the search, which can be paused after every step.
pub(crate) struct Chain {
    landscape: Box<dyn Landscape>,
    random: Random,
    length: Length,
    best: Vec<usize>,
    /// What it is worth, once it was climbed to.
    value: Option<f64>,
    failures: usize,
}

impl Chain {
    /// A chain from a set on.
    pub(crate) fn new(
        landscape: Box<dyn Landscape>,
        start: Vec<usize>,
        random: Random,
        length: Length,
    ) -> Self {
        Self { landscape, random, length, best: start, value: None, failures: 0 }
    }

    /// How many exchanges have been looked at.
    pub(crate) fn looks(&self) -> usize {
        self.landscape.looks()
    }

    /// Climbs once; returns whether that was the end.
    pub(crate) fn step(&mut self, guesses: &mut Guesses, stop: &dyn Fn() -> bool) -> bool {
        let (size, choose) = (self.landscape.size(), self.landscape.choose());
        let left = self.landscape.looks() < self.length.looks && choose < size;
        match self.value {
            None => self.value = Some(self.landscape.climb(&mut self.best, guesses, stop)),
            Some(value) if left && self.failures < MOST_FAILURES => {
                let mut set = self.best.clone();
                kick(&mut set, size, &mut self.random);
                let climbed = self.landscape.climb(&mut set, guesses, stop);
                self.failures = if climbed > value { 0 } else { self.failures + 1 };
                if climbed >= value {
                    (self.value, self.best) = (Some(climbed), set);
                }
            }
            Some(_) if left && self.length.restarts > 0 => {
                self.length.restarts -= 1;
                self.best = random_set(size, choose, &[], &mut self.random);
                (self.value, self.failures) = (None, 0);
            }
            Some(_) => return self.look_around(guesses),
        }
        false
    }

    /// The second best set and those after it are mostly an exchange away from one that is better.
    fn look_around(&mut self, guesses: &mut Guesses) -> bool {
        let enough = self.landscape.looks() > self.length.looks.saturating_mul(2);
        match guesses.next_pending().filter(|_| !enough) {
            Some(set) => self.landscape.neighbours(&set, guesses),
            None => return true,
        }
        false
    }
}

/// Exchanges some questions.
fn kick(set: &mut [usize], size: usize, random: &mut Random) {
    let choose = set.len();
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
}

/// Any of the sets, all equally likely; or of those that have as many of some candidates as they can.
pub(crate) fn random_set(size: usize, choose: usize, near: &[usize], random: &mut Random) -> Vec<usize> {
    let (mut order, far): (Vec<usize>, Vec<usize>) =
        (0..size).partition(|candidate| near.contains(candidate));
    let shared = order.len();
    order.extend(far);
    for place in 0..choose {
        let end = if place < shared { shared } else { size };
        order.swap(place, place + random.below(end - place));
    }
    order.truncate(choose);
    order
}
