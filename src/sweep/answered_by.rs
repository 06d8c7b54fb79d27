//! Who answered each question: the bits of the index, turned round.

use crate::index::Answers;
use crate::index::bitset::{BitMatrix, WORD, ones};
use crate::sweep::position::Position;
use crate::sweep::simd::{InstructionSet, Instructions, Task};

/// For each position, the users who answered the question.
#[derive(Debug)]
pub(crate) struct AnsweredBy(BitMatrix);

impl AnsweredBy {
    /// The users of all positions.
    pub(crate) fn new(answers: &Answers, instructions: Instructions) -> Self {
        Self(instructions.run(TurnRound(&answers.answered)))
    }

    /// The users who answered all questions of a set, in their order.
    pub(crate) fn users(&self, set: &[Position]) -> Vec<u32> {
        let Some((first, others)) = set.split_first() else { return Vec::new() };
        let others: Vec<&[u64]> = others.iter().map(|position| self.0.row(position.0)).collect();
        let mut users = Vec::new();
        for (word, &bits) in self.0.row(first.0).iter().enumerate() {
            let all = others.iter().fold(bits, |all, other| all & other[word]);
            users.extend(ones(all).map(|bit| (word * WORD + bit) as u32));
        }
        users
    }

    /// Bytes held for so many users and questions.
    pub(crate) fn bytes(users: usize, questions: usize) -> usize {
        BitMatrix::bytes(questions, users)
    }
}

/// Makes rows of columns, in squares of 64 × 64 bits.
struct TurnRound<'a>(&'a BitMatrix);

impl Task for TurnRound<'_> {
    type Output = BitMatrix;

    #[inline(always)]
    fn run<I: InstructionSet>(self, instructions: I) -> BitMatrix {
        let Self(from) = self;
        let mut to = BitMatrix::new(from.columns(), from.rows());
        for first in (0..from.rows()).step_by(WORD) {
            for word in 0..from.words_per_row() {
                let (mut rows, mut columns) = ([0; WORD], [0; WORD]);
                for (row, user) in rows.iter_mut().zip(first..from.rows()) {
                    *row = from.row(user)[word];
                }
                instructions.transpose(&rows, &mut columns);
                for (column, bits) in (word * WORD..from.columns()).zip(columns) {
                    to.row_mut(column)[first / WORD] = bits;
                }
            }
        }
        to
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::bitset::contains;

    #[test]
    fn rows_become_columns() {
        for (users, questions) in [(1, 1), (64, 64), (65, 3), (3, 130), (200, 70)] {
            let mut answered = BitMatrix::new(users, questions);
            let has = |user: usize, question: usize| (user * 7 + question * 13) % 5 < 2;
            for user in 0..users {
                for question in (0..questions).filter(|&question| has(user, question)) {
                    answered.set(user, question);
                }
            }
            for instructions in Instructions::available() {
                let by = AnsweredBy(instructions.run(TurnRound(&answered)));
                for question in 0..questions {
                    let users_of = by.users(&[Position(question)]);
                    assert!((0..users).all(|user| has(user, question) == users_of.contains(&(user as u32))));
                    assert!((0..users).all(|user| contains(by.0.row(question), user) == has(user, question)));
                }
                let both = by.users(&[Position(0), Position(questions - 1)]);
                let all = (0..users as u32)
                    .filter(|&user| has(user as usize, 0) && has(user as usize, questions - 1));
                assert_eq!(both, all.collect::<Vec<_>>());
            }
        }
    }
}
