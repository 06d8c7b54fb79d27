//! The users who answered all questions of a prefix, where scores are 0 and 1: a
//! conditional database, in rows to be summed and columns to be listed.
//!
//! ```text
//! list(question):    for each subtotal p:
//!                        users of group p   who answered it wrong    ─┐ subtotal p
//!                        users of group p-1 who answered it right    ─┘ on prefix + question
//! restrict(question): copy the rows of those on the list, then turn squares of
//!                    64 users × 32 questions around, to have the columns too
//! ```
//!
//! A user has a *slot*. Users of equal subtotal stand together, each group begins
//! at a whole word of slots, and empty slots fill it up. So a group's users who
//! answered a question are some words of that question's column, and lists come
//! out grouped by subtotal without being sorted.

use std::ops::Range;

use crate::index::Answers;
use crate::index::bitset::{BitMatrix, WORD, below};
use crate::sweep::kernel::Ends;
use crate::sweep::kernel::list::UserList;
use crate::sweep::position::Position;
use crate::sweep::simd::{InstructionSet, STRIP, Task};

/// The users who answered all questions of a prefix, and for each of them what they add to
/// the sums, of type `T`.
#[derive(Debug)]
pub(crate) struct Cohort<T> {
    /// Users of equal subtotal; a group's place is its subtotal.
    groups: Vec<Group>,
    users: usize,
    slots: usize,
    strips: usize,
    /// `[strip][slot]`: answers to 32 questions, those scored 1 in the higher half.
    rows: Vec<u64>,
    /// `[strip][block of 64 slots]`: the same turned around, a word a question; for the
    /// lowest strips.
    columns: Vec<[u64; WORD]>,
    /// By slot.
    terms: Vec<T>,
}

impl<T> Default for Cohort<T> {
    fn default() -> Self {
        Self {
            groups: Vec::new(),
            users: 0,
            slots: 0,
            strips: 0,
            rows: Vec::new(),
            columns: Vec::new(),
            terms: Vec::new(),
        }
    }
}

/// Users of equal subtotal, in a row of slots that begins at a word's first.
#[derive(Debug, Clone, Copy)]
struct Group {
    slot: usize,
    users: usize,
}

impl Group {
    #[inline]
    fn blocks(self) -> Range<usize> {
        self.slot / WORD..(self.slot + self.users).div_ceil(WORD)
    }
}

impl<T: Copy + Default> Cohort<T> {
    /// Bytes of a user: a row and a column of bits, each of answers and of scores, and the terms.
    pub(crate) fn user_bytes(answers: &Answers) -> usize {
        4 * size_of::<u64>() * answers.answered.words_per_row() + size_of::<T>()
    }

    /// How many users there are.
    #[inline]
    pub(crate) fn users(&self) -> usize {
        self.users
    }

    /// The rows of one strip, by slot: the lower half of a row tells which of 32
    /// questions the user answered, the higher which of them they scored 1 on.
    #[inline]
    pub(crate) fn strip(&self, strip: usize) -> &[u64] {
        &self.rows[strip * self.slots..][..self.slots]
    }

    /// How many strips there are, from the lowest on.
    #[inline]
    pub(crate) fn strips(&self) -> usize {
        self.strips
    }

    /// What the users add to the sums, by slot.
    #[inline]
    pub(crate) fn terms(&self) -> &[T] {
        &self.terms
    }

    #[inline]
    pub(crate) fn terms_mut(&mut self) -> &mut [T] {
        &mut self.terms
    }

    /// The columns of a question's strip, a block of 64 slots each.
    #[inline(always)]
    fn columns(&self, question: Position) -> &[[u64; WORD]] {
        let blocks = self.slots / WORD;
        &self.columns[question.strip() * blocks..][..blocks]
    }

    /// Gives groups of these sizes their slots, with room for the lowest strips.
    fn lay_out(&mut self, sizes: impl IntoIterator<Item = usize>, strips: usize) {
        self.groups.clear();
        self.slots = 0;
        for users in sizes {
            self.groups.push(Group { slot: self.slots, users });
            self.slots += users.next_multiple_of(WORD);
        }
        self.rows.resize(strips * self.slots, 0);
        self.strips = strips;
        self.terms.resize(self.slots, T::default());
        for group in &self.groups {
            let (end, next) = (group.slot + group.users, (group.slot + group.users).next_multiple_of(WORD));
            for strip in 0..strips {
                self.rows[strip * self.slots..][end..next].fill(0);
            }
        }
    }

    /// Lists the users who answered `question`, or all of them.
    #[inline(always)]
    pub(crate) fn list<I: InstructionSet>(
        &self,
        instructions: I,
        question: Option<Position>,
        list: &mut UserList,
    ) {
        list.clear(self.slots);
        let Some(question) = question else {
            for group in &self.groups {
                let end = group.slot + group.users;
                list.extend(instructions, group.blocks(), |block| below((end - block * WORD).min(WORD)));
                list.end_group();
            }
            return;
        };
        let columns = self.columns(question);
        let (answered, correct) = (question.lane(), STRIP + question.lane());
        for subtotal in 0..=self.groups.len() {
            if let Some(group) = self.groups.get(subtotal) {
                let wrong = |block: usize| columns[block][answered] & !columns[block][correct];
                list.extend(instructions, group.blocks(), wrong);
            }
            if let Some(group) = subtotal.checked_sub(1).map(|below| self.groups[below]) {
                list.extend(instructions, group.blocks(), |block| columns[block][correct]);
            }
            list.end_group();
        }
    }
}

/// All users as a cohort, before any question is chosen.
pub(crate) struct All<'a, F> {
    pub(crate) answers: &'a Answers,
    /// Which answers are scored 1. Without these, all users have a subtotal of 0 for ever.
    pub(crate) correct: Option<&'a BitMatrix>,
    /// What a user adds to the sums, by the user's number.
    pub(crate) term: F,
}

impl<T: Copy + Default, F: Fn(usize) -> T> Task for All<'_, F> {
    type Output = Cohort<T>;

    #[inline(always)]
    fn run<I: InstructionSet>(self, instructions: I) -> Cohort<T> {
        let Self { answers, correct, term } = self;
        let mut cohort = Cohort { users: answers.users(), ..Cohort::default() };
        cohort.lay_out([answers.users()], answers.questions().div_ceil(STRIP));
        let slots = cohort.slots;
        let none = vec![0; answers.answered.words_per_row()];
        for user in 0..cohort.users {
            let correct = correct.map_or(&*none, |correct| correct.row(user));
            let rows = answers.answered.row(user).iter().zip(correct);
            let strips = rows.flat_map(|(&answered, &correct)| {
                let low = u64::from(answered as u32) | correct << STRIP;
                [low, answered >> STRIP | correct >> STRIP << STRIP]
            });
            for (strip, row) in strips.take(cohort.strips).enumerate() {
                cohort.rows[strip * slots + user] = row;
            }
            cohort.terms[user] = term(user);
        }
        let strips = cohort.strips;
        Turn { cohort: &mut cohort, strips }.run(instructions);
        cohort
    }
}

/// Counts the users of a cohort who answered a question.
pub(crate) struct Count<'a, T> {
    pub(crate) cohort: &'a Cohort<T>,
    pub(crate) question: Position,
}

impl<T: Copy + Default> Task for Count<'_, T> {
    type Output = usize;

    #[inline(always)]
    fn run<I: InstructionSet>(self, _instructions: I) -> usize {
        let columns = self.cohort.columns(self.question);
        columns.iter().map(|column| column[self.question.lane()].count_ones() as usize).sum()
    }
}

/// Lists the users of a cohort who answered a question, or all of them.
pub(crate) struct List<'a, T> {
    pub(crate) cohort: &'a Cohort<T>,
    pub(crate) question: Option<Position>,
    pub(crate) list: &'a mut UserList,
}

impl<T: Copy + Default> Task for List<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: InstructionSet>(self, instructions: I) {
        self.cohort.list(instructions, self.question, self.list);
    }
}

/// Makes `restricted` the users of `cohort` who answered `question`, with rows and columns of
/// as many of the lowest strips as are needed up to the ends.
pub(crate) struct Restrict<'a, T> {
    pub(crate) cohort: &'a Cohort<T>,
    pub(crate) question: Position,
    pub(crate) ends: Ends,
    pub(crate) list: &'a mut UserList,
    pub(crate) restricted: &'a mut Cohort<T>,
}

impl<T: Copy + Default> Task for Restrict<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: InstructionSet>(self, instructions: I) {
        let Self { cohort, question, ends, list, restricted } = self;
        cohort.list(instructions, Some(question), list);
        restricted.users = list.users();
        let strips = ends.lanes.max(ends.prefixes).div_ceil(STRIP);
        restricted.lay_out(list.groups().map(|group| group.len()), strips);
        for (group, from) in restricted.groups.iter().zip(list.groups()) {
            let terms = &mut restricted.terms[group.slot..][..group.users];
            gather(&cohort.terms, list, from.clone(), terms);
            for strip in 0..strips {
                let rows = cohort.strip(strip);
                let to = &mut restricted.rows[strip * restricted.slots + group.slot..][..group.users];
                gather(rows, list, from.clone(), to);
            }
        }
        Turn { cohort: restricted, strips: ends.prefixes.div_ceil(STRIP) }.run(instructions);
    }
}

/// Copies what is at the slots of some users of a list.
#[inline(always)]
fn gather<T: Copy>(from: &[T], list: &UserList, users: Range<usize>, to: &mut [T]) {
    assert!(list.bound() <= from.len(), "slots below {} of {}", list.bound(), from.len());
    let slots = &list.slots()[users];
    let to = &mut to[..slots.len()];
    for user in 0..slots.len() {
        let slot = slots[user];
        debug_assert!((slot as usize) < from.len(), "slot {slot} of {}", from.len());
        // Volatile, for else the compiler makes gather instructions of this loop, and
        // these take longer than loads one by one.
        // SAFETY: the slot is below the list's bound, which was asserted to be at most the
        // number of items.
        to[user] = unsafe { std::ptr::from_ref(from.get_unchecked(slot as usize)).read_volatile() };
    }
}

/// Fills a cohort's columns from its rows, for the lowest strips.
struct Turn<'a, T> {
    cohort: &'a mut Cohort<T>,
    strips: usize,
}

impl<T: Copy + Default> Task for Turn<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: InstructionSet>(self, instructions: I) {
        let blocks = self.strips * self.cohort.slots / WORD;
        self.cohort.columns.resize(blocks, [0; WORD]);
        let rows = self.cohort.rows.as_chunks().0;
        for (rows, columns) in rows.iter().zip(&mut self.cohort.columns) {
            instructions.transpose(rows, columns);
        }
    }
}
