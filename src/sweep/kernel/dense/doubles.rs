//! The scores of a cohort of bytes as doubles, looked up where bytes do not tell enough.
//!
//! For a subset here and there, who answered it is looked up user by user. Once that has taken as long as to look up
//! a strip of the whole cohort, this is done, and the strip's subsets are summed together from then on: so either way
//! looking up takes no more than twice as long as it would have with foresight. And where bytes mostly leave r open,
//! they are not looked at any more.

use super::floats::Floats;
use super::{Adder, Class, CohortUser, DenseCohort, score_bytes};
use crate::compensated::Compensated;
use crate::index::Answers;
use crate::index::bitset::{ones, rank};
use crate::index::scores::{UserScores as _, Weighted};
use crate::sweep::position::Position;
use crate::sweep::simd::STRIP;

/// A strip of a user takes as long to look up as so many scores one by one.
const SCORES_OF_STRIP: usize = 8;

/// What has been looked up of the cohort that prefixes are opened from.
#[derive(Debug, Clone, Default)]
pub(super) struct Doubles {
    /// By slot; none until a strip is looked up.
    members: Vec<CohortUser<f64>>,
    strips: Vec<OfStrip>,
    /// What the users of the open prefix add; none until asked for.
    adders: Vec<Adder<f64>>,
}

#[derive(Debug, Clone, Default)]
struct OfStrip {
    /// How often its bytes were looked at.
    looks: usize,
    /// How often they left r open.
    left_open: usize,
    /// How many scores have been looked up user by user.
    one_by_one: usize,
    /// By slot; none until the strip is looked up.
    scores: Vec<[f64; STRIP]>,
}

/// Where scores are looked up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) answers: &'a Answers,
    pub(super) scores: &'a Weighted<Compensated>,
}

impl Doubles {
    /// Bytes of a user in a cohort.
    pub(super) fn user_bytes(answers: &Answers) -> usize {
        size_of::<CohortUser<f64>>() + size_of::<Adder<f64>>() + score_bytes(answers, size_of::<f64>())
    }

    /// Prefixes are opened from another cohort.
    pub(super) fn forget_cohort(&mut self) {
        self.forget_prefix();
        self.members.clear();
        for strip in &mut self.strips {
            (strip.looks, strip.left_open, strip.one_by_one) = (0, 0, 0);
            strip.scores.clear();
        }
    }

    /// Another prefix is opened.
    pub(super) fn forget_prefix(&mut self) {
        self.adders.clear();
    }

    /// Whether bytes of a strip need not be looked at: it is looked up, and they left r open more often than not.
    pub(super) fn suffice(&mut self, strip: usize) -> bool {
        let of_strip = self.of(strip);
        !of_strip.scores.is_empty() && 2 * of_strip.left_open > of_strip.looks
    }

    /// Bytes of a strip were looked at, and left r open or did not.
    pub(super) fn looked_at(&mut self, strip: usize, left_open: bool) {
        let of_strip = self.of(strip);
        of_strip.looks += 1;
        of_strip.left_open += usize::from(left_open);
    }

    /// Whether it pays to look a strip up as a whole, before so many scores of it are looked up user by user; or
    /// whether that has been done.
    pub(super) fn pay<C: Class>(&mut self, cohort: &DenseCohort<C>, strip: usize, scores: usize) -> bool {
        let of_strip = self.of(strip);
        of_strip.one_by_one += scores;
        !of_strip.scores.is_empty() || of_strip.one_by_one > cohort.members.users() * SCORES_OF_STRIP
    }

    fn of(&mut self, strip: usize) -> &mut OfStrip {
        if self.strips.len() <= strip {
            self.strips.resize_with(strip + 1, OfStrip::default);
        }
        &mut self.strips[strip]
    }

    /// The scores of a strip, by slot, and what the users of a prefix that ends with `question` add.
    ///
    /// # Arguments
    /// `open`: their slots.
    pub(super) fn strip<C: Class>(
        &mut self,
        source: Source<'_>,
        cohort: &DenseCohort<C>,
        question: Position,
        open: impl Iterator<Item = u32>,
        strip: usize,
    ) -> (&[[f64; STRIP]], &[Adder<f64>]) {
        self.look_up(source, cohort, strip);
        if self.adders.is_empty() {
            self.look_up(source, cohort, question.strip());
            let scores = &self.strips[question.strip()].scores;
            self.adders.extend(open.map(|slot| {
                let score = scores[slot as usize][question.lane()];
                Adder::of::<Floats>(slot, self.members[slot as usize], score)
            }));
        }
        (&self.strips[strip].scores, &self.adders)
    }

    /// Looks a strip up, unless that has been done.
    fn look_up<C: Class>(&mut self, source: Source<'_>, cohort: &DenseCohort<C>, strip: usize) {
        let Source { answers, scores } = source;
        let members = &cohort.members.terms()[..cohort.members.users()];
        if self.members.is_empty() {
            self.members.extend(members.iter().map(|&CohortUser { user, .. }| {
                let place = user as usize;
                let of_prefix = cohort.prefix.iter().map(|question| {
                    let score = scores.score(&answers.answered, place, question.0);
                    Floats::points(Floats::score(score))
                });
                // From 0 on, as it grows from cohort to cohort; a sum of an iterator may begin with -0.
                let subtotal = of_prefix.fold(0.0, |subtotal, points| subtotal + points);
                CohortUser { user, subtotal, total: Floats::total(scores.total(place)) }
            }));
        }
        let to = &mut self.of(strip).scores;
        if !to.is_empty() {
            return;
        }
        to.resize(members.len(), [0.0; STRIP]);
        for ((of_user, member), &row) in to.iter_mut().zip(members).zip(cohort.members.strip(strip)) {
            let user = member.user as usize;
            let before = rank(answers.answered.row(user), strip * STRIP);
            for (lane, &score) in ones(u64::from(row as u32)).zip(&scores.of(user)[before..]) {
                of_user[lane] = Floats::score(score);
            }
        }
    }
}
