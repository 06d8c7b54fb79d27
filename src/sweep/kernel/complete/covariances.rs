//! The covariances of questions, and the prefixes that add them up.

use std::ops::Add;

use crate::sweep::kernel::LANES;
use crate::sweep::position::Position;

/// What covariances are made of. Sums of it are exact.
pub(super) trait Moment: Copy + Default + Add<Output = Self> {}

impl<T: Copy + Default + Add<Output = T>> Moment for T {}

/// The covariances of the questions with each other and with the grand totals, all times one
/// number that r does not depend on.
#[derive(Debug)]
pub(super) struct Covariances<T> {
    pub(super) users: usize,
    /// `[question][question]`, twice, in rows filled up to whole words of lanes.
    pub(super) questions: Vec<Vec<T>>,
    /// Of each question with itself.
    pub(super) of_questions: Vec<T>,
    /// Of each question with the grand totals, filled up as well.
    pub(super) totals: Vec<T>,
    /// Of the grand totals with themselves.
    pub(super) of_totals: T,
}

impl<T: Moment> Covariances<T> {
    /// From the covariance of each two columns, of which the first is no later one: the questions,
    /// and the grand totals behind them.
    pub(super) fn new(users: usize, questions: usize, of: impl Fn(usize, usize) -> T) -> Self {
        let lanes = questions.next_multiple_of(LANES);
        let of = |x: usize, y: usize| of(x.min(y), x.max(y));
        let filled_up = |row: &dyn Fn(usize) -> T| -> Vec<T> {
            (0..lanes).map(|lane| if lane < questions { row(lane) } else { T::default() }).collect()
        };
        let twice = |question: usize, other: usize| of(question, other) + of(question, other);
        Self {
            users,
            questions: (0..questions).map(|question| filled_up(&|other| twice(question, other))).collect(),
            of_questions: (0..questions).map(|question| of(question, question)).collect(),
            totals: filled_up(&|question| of(question, questions)),
            of_totals: of(questions, questions),
        }
    }

    /// The same in another kind of number.
    pub(super) fn map<U>(&self, to: impl Fn(T) -> U) -> Covariances<U> {
        let all = |row: &Vec<T>| row.iter().map(|&entry| to(entry)).collect();
        Covariances {
            users: self.users,
            questions: self.questions.iter().map(all).collect(),
            of_questions: all(&self.of_questions),
            totals: all(&self.totals),
            of_totals: to(self.of_totals),
        }
    }

    /// Covariance and variances of a set.
    pub(super) fn of_set(&self, set: &[Position]) -> [T; 3] {
        let mut prefix = Sums::default();
        for (place, &Position(question)) in set.iter().enumerate() {
            let with_prefix = set[..place].iter().map(|other| self.questions[question][other.0]);
            let gain = with_prefix.fold(self.of_questions[question], T::add);
            prefix = prefix.plus(self.totals[question], gain);
        }
        [prefix.covariance, prefix.var_a, self.of_totals]
    }
}

/// Covariance with the grand totals, and variance, of a prefix.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums<T> {
    pub(super) covariance: T,
    pub(super) var_a: T,
}

impl<T: Moment> Sums<T> {
    fn plus(self, covariance: T, gain: T) -> Self {
        Self { covariance: self.covariance + covariance, var_a: self.var_a + gain }
    }
}

/// A prefix, and what it would gain.
#[derive(Debug, Default)]
pub(crate) struct Prefix<T> {
    pub(super) users: usize,
    pub(super) sums: Sums<T>,
    /// What each question adds to `var_a`.
    pub(super) gains: Vec<T>,
}

impl<T: Moment> Prefix<T> {
    /// The empty prefix.
    pub(super) fn empty(covariances: &Covariances<T>) -> Self {
        let mut gains = covariances.of_questions.clone();
        gains.resize(covariances.totals.len(), T::default());
        Self { users: covariances.users, sums: Sums::default(), gains }
    }

    /// Makes `self` the prefix that is longer by one question.
    pub(super) fn grow(&mut self, prefix: &Self, question: Position, covariances: &Covariances<T>) {
        self.users = prefix.users;
        self.sums = prefix.with(Some(question), covariances);
        let with_question = &covariances.questions[question.0];
        self.gains.clear();
        self.gains.extend(prefix.gains.iter().zip(with_question).map(|(&gain, &with)| gain + with));
    }

    /// The sums of the prefix and `question`, or of the prefix alone.
    #[inline]
    pub(super) fn with(&self, question: Option<Position>, covariances: &Covariances<T>) -> Sums<T> {
        match question {
            None => self.sums,
            Some(Position(question)) => self.sums.plus(covariances.totals[question], self.gains[question]),
        }
    }

    /// The sums of an open prefix, which ends in `question` and has sums `open`, and one question more.
    #[inline]
    pub(super) fn lane(
        &self,
        open: Sums<T>,
        question: Option<Position>,
        lane: Position,
        covariances: &Covariances<T>,
    ) -> Sums<T> {
        let gain = match question {
            None => self.gains[lane.0],
            Some(question) => self.gains[lane.0] + covariances.questions[question.0][lane.0],
        };
        open.plus(covariances.totals[lane.0], gain)
    }
}
