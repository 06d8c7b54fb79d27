//! Exchanges where somebody left something out: r and n of sets come from the kernels of the sweep.
//!
//! One question is taken out of a set; all candidates for its place are the lanes of the prefix that is
//! left. So r and n of as many sets as there are candidates come at once, and they are exact. Of these
//! exchanges the best is made if it is one, and then the next question is taken out, until none of a
//! set's questions is worth exchanging.
//!
//! Sets of too few users are worth less than any other, and the less the fewer users there are: so a
//! climb that begins among them finds its way out.

use crate::index::Answers;
use crate::index::scores::Scores;
use crate::search::local::Landscape;
use crate::search::local::guesses::Guesses;
use crate::search::problem::positions_of;
use crate::sweep::extension::Extensions;
use crate::sweep::position::Position;

/// Sets of candidates, by the users who answered them.
#[derive(Debug)]
pub(crate) struct GapsLandscape {
    extensions: Extensions,
    candidates: Vec<Position>,
    /// Questions of all sets, beside those chosen.
    fixed: Vec<Position>,
    choose: usize,
    /// The least and the greatest n.
    users: [i64; 2],
    /// What it costs to look at the sets that have one of their questions exchanged, in exchanges of data
    /// without gaps.
    cost: usize,
    looks: usize,
    /// No climb goes on beyond so many.
    most_looks: usize,
}

/// What a question of a user takes, in exchanges, for scores of 0 or 1: where questions are taken in one
/// after the other, and as a lane. Others take about five times as long.
const RESTRICTED: f64 = 0.03;
const SUMMED: f64 = 0.01;
const OTHER_SCORES: f64 = 5.0;

/// What it takes however few there are.
const AT_LEAST: f64 = 10_000.0;

impl GapsLandscape {
    pub(crate) fn new(
        answers: &Answers,
        extensions: Extensions,
        candidates: Vec<Position>,
        fixed: Vec<Position>,
        choose: usize,
        users: [i64; 2],
        most_looks: usize,
    ) -> Self {
        let questions = answers.questions() as f64;
        let class = if matches!(answers.scores, Scores::Binary(_)) { 1.0 } else { OTHER_SCORES };
        let of_answer = class * (RESTRICTED * (fixed.len() + choose) as f64 + SUMMED);
        let cost = AT_LEAST + answers.users() as f64 * questions * of_answer;
        Self { extensions, candidates, fixed, choose, users, cost: cost as usize, looks: 0, most_looks }
    }

    /// What a set is worth.
    fn value(&self, r: f64, n: i64) -> f64 {
        let [least, most] = self.users;
        if (least..=most).contains(&n) && !r.is_nan() { r } else { -3.0 + n as f64 / (n as f64 + 1.0) }
    }

    /// The sets that have another question, or the same, in a place; with what they are worth.
    fn exchanges(&mut self, set: &[usize], place: usize) -> Vec<(usize, f64)> {
        self.looks += self.cost;
        let others = set.iter().enumerate().filter(|&(other, _)| other != place);
        let left = positions_of(&self.candidates, &self.fixed, others.map(|(_, &question)| question));
        let rows = self.extensions.of(left);
        let comes = (0..self.candidates.len()).filter(|candidate| {
            let other = set.iter().position(|question| question == candidate);
            other.is_none_or(|other| other == place)
        });
        let values = rows.r.iter().zip(&rows.n).map(|(&r, &n)| self.value(r, n));
        comes.zip(values).collect()
    }

    /// Takes in a set that is worth something.
    fn push(set: &[usize], place: usize, comes: usize, value: f64, guesses: &mut Guesses) {
        if value >= -1.0 && value > guesses.least() {
            let mut set = set.to_vec();
            set[place] = comes;
            set.sort_unstable();
            guesses.push(value, set);
        }
    }
}

impl Landscape for GapsLandscape {
    fn size(&self) -> usize {
        self.candidates.len()
    }

    fn choose(&self) -> usize {
        self.choose
    }

    fn climb(&mut self, set: &mut [usize], guesses: &mut Guesses, stop: &dyn Fn() -> bool) -> f64 {
        let mut value = f64::NEG_INFINITY;
        let mut for_nothing = 0;
        for place in (0..set.len()).cycle() {
            for_nothing += 1;
            let exchanges = self.exchanges(set, place);
            for &(comes, worth) in &exchanges {
                Self::push(set, place, comes, worth, guesses);
            }
            let best = exchanges.into_iter().max_by(|x, y| x.1.total_cmp(&y.1).then(y.0.cmp(&x.0)));
            if let Some((comes, worth)) = best.filter(|&(_, worth)| worth > value) {
                if comes != set[place] {
                    for_nothing = 1;
                }
                (value, set[place]) = (worth, comes);
            }
            if for_nothing == set.len() || self.looks >= self.most_looks || stop() {
                break;
            }
        }
        value
    }

    fn neighbours(&mut self, set: &[usize], guesses: &mut Guesses) {
        for place in 0..set.len() {
            if self.looks >= 2 * self.most_looks {
                break;
            }
            for (comes, worth) in self.exchanges(set, place) {
                Self::push(set, place, comes, worth, guesses);
            }
        }
    }

    fn looks(&self) -> usize {
        self.looks
    }
}
