//! Scores of more than two values: the six sums of a strip, one user after the other.
//!
//! A cohort keeps, beside the rows of bits, each user's scores of a strip as 32 numbers
//! in a row, 0 where there was no answer. Prefixes leave few users, so that is little;
//! and it makes plain loops over lanes of all sums, which the compiler turns into
//! vector instructions:
//!
//! ```text
//! for each user, with subtotal p on the prefix and grand total b:
//!     for each lane:   a = answered ? p + s : 0
//!         Σa += a   Σa² += a·a   Σab += a·b
//!         where answered:   n += 1   Σb += b   Σb² += b²
//! ```
//!
//! How they are added up is told in the file of each class: [`bytes`], [`integers`] and
//! [`floats`]; and in [`rounded`] when floats are.

pub(crate) mod bytes;
mod doubles;
pub(crate) mod floats;
pub(crate) mod integers;
pub(crate) mod rounded;

use std::fmt::Debug;
use std::ops::{Add, Mul};
use std::sync::Arc;

use crate::index::bitset::{columns, contains, ones};
use crate::index::{Answers, scores::UserScores as _, scores::Weighted};
use crate::sweep::kernel::cohort::{All, Cohort, Count, List, Restrict};
use crate::sweep::kernel::filter::Filter;
use crate::sweep::kernel::finish::block;
use crate::sweep::kernel::list::UserList;
use crate::sweep::kernel::{Ends, Kernel, LANES, Lanes};
use crate::sweep::pearson::Number;
use crate::sweep::position::Position;
use crate::sweep::simd::{InstructionSet, Instructions, STRIP, Task};

/// How scores are kept and summed.
pub(crate) trait Class: Debug + Send + Sync + 'static {
    /// What the index keeps.
    type Number: Number;
    /// What a cohort keeps.
    type Score: Copy + Default + Debug + Send + Sync;
    /// What subtotals and grand totals are added up as.
    type Total: Copy + Default + Debug + Send + Sync + Add<Output = Self::Total> + Mul<Output = Self::Total>;

    /// A score as a cohort keeps it.
    fn score(number: Self::Number) -> Self::Score;

    /// A score as it is added to a subtotal.
    fn points(score: Self::Score) -> Self::Total;

    /// A subtotal or grand total, but for what a double rounds off.
    fn total(number: Self::Number) -> Self::Total;

    /// Where n and Σb share a lane: what a user of this grand total adds to it.
    #[inline(always)]
    fn counted(total: Self::Total) -> Self::Total {
        total
    }

    /// Sums a strip and keeps what passes the filter. Returns the lanes whose r
    /// rounding may have eaten.
    fn sum<I: InstructionSet>(
        instructions: I,
        strip: &Strip<'_, Self>,
        filter: &Filter,
        results: &mut Lanes,
    ) -> u32;
}

/// A user in a cohort.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CohortUser<T> {
    user: u32,
    /// On the prefix.
    subtotal: T,
    /// The grand total.
    total: T,
}

/// The users who answered all questions of a prefix, with their scores.
#[derive(Debug)]
pub(crate) struct DenseCohort<C: Class> {
    members: Cohort<CohortUser<C::Total>>,
    /// `[strip][slot]`; empty before any question is chosen.
    scores: Vec<[C::Score; STRIP]>,
    /// The questions of the prefix.
    prefix: Vec<Position>,
}

impl<C: Class> Default for DenseCohort<C> {
    fn default() -> Self {
        Self { members: Cohort::default(), scores: Vec::new(), prefix: Vec::new() }
    }
}

impl<C: Class> DenseCohort<C> {
    fn strip(&self, strip: usize) -> &[[C::Score; STRIP]] {
        let slots = self.members.terms().len();
        &self.scores[strip * slots..][..slots]
    }
}

/// What one user of the open prefix adds.
#[derive(Debug, Clone, Copy)]
struct Adder<T> {
    slot: u32,
    /// The user's subtotal on the open prefix.
    p: T,
    /// The user's grand total.
    b: T,
    /// Its square.
    bb: T,
    /// Where n and Σb share a lane: what the user adds to it.
    counted: T,
}

impl<T: Copy + Add<Output = T> + Mul<Output = T>> Adder<T> {
    /// Of a user of a cohort, with a score on the question that ends the open prefix.
    #[inline(always)]
    fn of<C: Class<Total = T>>(slot: u32, member: CohortUser<T>, score: C::Score) -> Self {
        let CohortUser { subtotal, total, .. } = member;
        Self { slot, p: subtotal + C::points(score), b: total, bb: total * total, counted: C::counted(total) }
    }
}

/// A strip of lanes to be summed over the users of the open prefix.
#[derive(Debug)]
pub(crate) struct Strip<'a, C: Class + ?Sized> {
    rows: &'a [u64],
    scores: &'a [[C::Score; STRIP]],
    users: &'a [Adder<C::Total>],
    /// The most users whose sums fit 32 bits.
    few: usize,
    lanes: u32,
    first: usize,
}

impl<C: Class + ?Sized> Strip<'_, C> {
    /// Which of a block of lanes, from `first` on, a user answered, and the user's scores.
    #[inline(always)]
    fn of<const LANES: usize>(&self, user: &Adder<C::Total>, first: usize) -> (u32, &[C::Score; LANES]) {
        let slot = user.slot as usize;
        ((self.rows[slot] >> first) as u32, block(&self.scores[slot], first))
    }
}

/// Sums lanes of subsets whose scores are numbers.
#[derive(Debug)]
pub(crate) struct DenseKernel<C: Class> {
    instructions: Instructions,
    answers: Arc<Answers>,
    scores: Arc<Weighted<C::Number>>,
    /// The most users whose sums fit 32 bits.
    few: usize,
    /// The users left when a cohort is restricted.
    left: UserList,
    /// The users of the open prefix.
    list: UserList,
    users: Vec<Adder<C::Total>>,
    /// The question that ends the open prefix.
    question: Position,
}

impl<C: Class> Clone for DenseKernel<C> {
    fn clone(&self) -> Self {
        Self {
            answers: Arc::clone(&self.answers),
            scores: Arc::clone(&self.scores),
            left: self.left.clone(),
            list: self.list.clone(),
            users: self.users.clone(),
            ..*self
        }
    }
}

impl<C: Class> DenseKernel<C> {
    pub(crate) fn new(
        instructions: Instructions,
        answers: Arc<Answers>,
        scores: Arc<Weighted<C::Number>>,
        few: usize,
    ) -> Self {
        Self {
            instructions,
            answers,
            scores,
            few,
            left: UserList::default(),
            list: UserList::default(),
            users: Vec::new(),
            question: Position(0),
        }
    }

    /// All users, before any question is chosen.
    pub(crate) fn all_users(&self) -> DenseCohort<C> {
        let term = |user: usize| CohortUser {
            user: user as u32,
            subtotal: C::Total::default(),
            total: C::total(self.scores.totals[user]),
        };
        let members = self.instructions.run(All { answers: &self.answers, correct: None, term });
        DenseCohort { members, scores: Vec::new(), prefix: Vec::new() }
    }

    /// a and b of every user of the open prefix who answered one more question, in the
    /// order of the users and with all digits that `scores` has.
    fn pairs<N: Number>(&self, scores: &Weighted<N>, cohort: &DenseCohort<C>, last: Position) -> Vec<(N, N)> {
        let users = self.users.iter().map(|user| cohort.members.terms()[user.slot as usize].user as usize);
        let users = users.filter(|&user| contains(self.answers.answered.row(user), last.0));
        let questions = || cohort.prefix.iter().copied().chain([self.question, last]);
        let subtotal = |user: usize| {
            let scores = questions().map(|question| scores.score(&self.answers.answered, user, question.0));
            scores.fold(N::default(), N::plus)
        };
        users.map(|user| (subtotal(user), scores.total(user))).collect()
    }

    /// The strips of a word that have lanes.
    fn strips<'a>(
        &'a self,
        cohort: &'a DenseCohort<C>,
        word: usize,
        lanes: u64,
    ) -> impl Iterator<Item = Strip<'a, C>> {
        [0, STRIP].into_iter().filter(move |first| (lanes >> first) as u32 != 0).map(move |first| {
            let strip = (word * LANES + first) / STRIP;
            let (rows, scores) = (cohort.members.strip(strip), cohort.strip(strip));
            let (users, lanes) = (&self.users, (lanes >> first) as u32);
            Strip { rows, scores, users, few: self.few, lanes, first }
        })
    }
}

impl<C: Class> Kernel for DenseKernel<C> {
    type Cohort = DenseCohort<C>;

    fn user_bytes(answers: &Answers) -> usize {
        user_bytes::<C::Total>(answers, size_of::<C::Score>())
    }

    fn users(cohort: &DenseCohort<C>) -> usize {
        cohort.members.users()
    }

    fn restrict(
        &mut self,
        cohort: &DenseCohort<C>,
        question: Position,
        ends: Ends,
        restricted: &mut DenseCohort<C>,
    ) {
        self.instructions.run(Restrict {
            cohort: &cohort.members,
            question,
            ends,
            list: &mut self.left,
            restricted: &mut restricted.members,
        });
        restricted.prefix.clone_from(&cohort.prefix);
        restricted.prefix.push(question);
        let list = self.left.slots();
        let members = &mut restricted.members.terms_mut()[..list.len()];
        if cohort.scores.is_empty() {
            for member in &mut *members {
                let score = self.scores.score(&self.answers.answered, member.user as usize, question.0);
                let score = C::score(score);
                member.subtotal = member.subtotal + C::points(score);
            }
        } else {
            let scores = cohort.strip(question.strip());
            for (member, &slot) in members.iter_mut().zip(list) {
                let score = scores[slot as usize][question.lane()];
                member.subtotal = member.subtotal + C::points(score);
            }
        }
        let slots = restricted.members.terms().len();
        let strips = restricted.members.strips();
        restricted.scores.resize(strips * slots, [C::Score::default(); STRIP]);
        if !cohort.scores.is_empty() {
            for (strip, to) in restricted.scores.chunks_exact_mut(slots.max(1)).enumerate() {
                self.instructions.run(Take { from: cohort.strip(strip), list, to });
            }
            return;
        }
        for (slot, member) in restricted.members.terms()[..list.len()].iter().enumerate() {
            for strip in 0..strips {
                restricted.scores[strip * slots + slot] = [C::Score::default(); STRIP];
            }
            let user = member.user as usize;
            let answered = columns(self.answers.answered.row(user)).map(Position);
            for (question, &score) in answered.zip(self.scores.of(user)) {
                if question.strip() < strips {
                    restricted.scores[question.strip() * slots + slot][question.lane()] = C::score(score);
                }
            }
        }
    }

    #[inline]
    fn users_with(&self, cohort: &DenseCohort<C>, question: Position) -> usize {
        self.instructions.run(Count { cohort: &cohort.members, question })
    }

    fn open(&mut self, cohort: &DenseCohort<C>, question: Option<Position>) -> usize {
        self.instructions.run(List { cohort: &cohort.members, question, list: &mut self.list });
        self.question = question.expect("a prefix of two questions or more");
        let scores = cohort.strip(self.question.strip());
        let members = cohort.members.terms();
        self.users.clear();
        self.users.extend(self.list.slots().iter().map(|&slot| {
            let score = scores[slot as usize][self.question.lane()];
            Adder::of::<C>(slot, members[slot as usize], score)
        }));
        self.users.len()
    }

    fn lanes(
        &mut self,
        cohort: &DenseCohort<C>,
        word: usize,
        lanes: u64,
        filter: &Filter,
        results: &mut Lanes,
    ) {
        results.clear();
        for strip in self.strips(cohort, word, lanes) {
            let first = strip.first;
            let doubtful = self.instructions.run(Sum::<C> { strip, filter, results });
            for lane in ones(doubtful.into()) {
                let pairs = self.pairs(&self.scores, cohort, Position(word * LANES + first + lane));
                results.cost += self.users.len();
                let r = C::Number::correlate_carefully(&pairs, filter.corrected).defined();
                results.record(first + lane, pairs.len() as i64, r, filter);
            }
        }
    }
}

/// Takes the scores of listed slots.
struct Take<'a, S> {
    from: &'a [[S; STRIP]],
    list: &'a [u32],
    to: &'a mut [[S; STRIP]],
}

impl<S: Copy> Task for Take<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run<I: InstructionSet>(self, _: I) {
        for (to, &slot) in self.to.iter_mut().zip(self.list) {
            *to = self.from[slot as usize];
        }
    }
}

/// [`Class::sum`], compiled for an instruction set.
struct Sum<'a, C: Class> {
    strip: Strip<'a, C>,
    filter: &'a Filter,
    results: &'a mut Lanes,
}

impl<C: Class> Task for Sum<'_, C> {
    type Output = u32;

    #[inline(always)]
    fn run<I: InstructionSet>(self, instructions: I) -> u32 {
        C::sum(instructions, &self.strip, self.filter, self.results)
    }
}

/// Bytes of a user in a cohort, with totals of type `T` and scores of `score` bytes.
pub(crate) fn user_bytes<T: Copy + Default>(answers: &Answers, score: usize) -> usize {
    Cohort::<CohortUser<T>>::user_bytes(answers) + score_bytes(answers, score)
}

/// Bytes of a user's scores in a cohort, of `score` bytes each.
fn score_bytes(answers: &Answers, score: usize) -> usize {
    answers.answered.words_per_row() * LANES * score
}
