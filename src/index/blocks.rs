//! Answers as they came, kept apart by who gave them.

use rayon::current_num_threads;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::index::raw::{RawAnswers, RawScore, RawScores};
use crate::interest::{Interest, Unwanted};

/// Users of a block. What is written of them when the index is built stays in the second-level
/// cache, in whatever order their answers came: some 70 bytes a user at 200 questions.
pub(crate) const BLOCK: usize = 1 << 12;

/// The most answers of a list.
const LONGEST_LIST: usize = 1 << 12;

/// The most answers of a block's first list.
const FIRST_LIST: usize = 1 << 6;

/// Answers by blocks of users: the first is of the users below [`BLOCK`], and so on.
///
/// A block's answers are lists that never grow beyond the room they began with. The next has
/// twice the room, up to some pages: so less than half of all room is free, and little of it where there
/// are many answers.
#[derive(Debug, Default)]
pub(crate) struct AnswerBlocks {
    blocks: Vec<Vec<RawAnswers>>,
    len: usize,
    bytes: usize,
}

impl AnswerBlocks {
    /// How many answers there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The lists of each block.
    pub(crate) fn blocks(&self) -> &[Vec<RawAnswers>] {
        &self.blocks
    }

    /// All lists.
    pub(crate) fn lists(&self) -> impl Iterator<Item = &RawAnswers> {
        self.blocks.iter().flatten()
    }

    /// Whether scores are floats. Those of one table all are, or none is.
    pub(crate) fn are_floats(&self) -> bool {
        self.lists().next().is_some_and(|list| matches!(list.scores, RawScores::Float(_)))
    }

    /// Adds answers.
    pub(crate) fn push(&mut self, answers: &RawAnswers) {
        let RawAnswers { users, questions, scores } = answers;
        let Some(&last) = users.iter().max() else { return };
        self.make_blocks(last as usize / BLOCK + 1);
        self.len += users.len();
        match scores {
            RawScores::Exact(scores) => self.push_each(users, questions, scores),
            RawScores::Wide(scores) => self.push_each(users, questions, scores),
            RawScores::Float(scores) => self.push_each(users, questions, scores),
        }
    }

    fn push_each<N: RawScore>(&mut self, users: &[u32], questions: &[u32], scores: &[N]) {
        let rows = self.rows_by_block(users);
        let mut rest = &rows[..];
        while let Some(&row) = rest.first() {
            let lists = &mut self.blocks[users[row as usize] as usize / BLOCK];
            let block = users[row as usize] as usize / BLOCK;
            let mut of_block =
                rest.iter().take_while(|&&row| users[row as usize] as usize / BLOCK == block).count();
            while of_block > 0 {
                let room =
                    |list: &mut RawAnswers| list.len() < list.room() && N::of(&mut list.scores).is_some();
                if !lists.last_mut().is_some_and(room) {
                    let twice = lists.last().map_or(FIRST_LIST, |list| 2 * list.room());
                    let list = RawAnswers::with_room::<N>(twice.min(LONGEST_LIST));
                    self.bytes += list.bytes();
                    lists.push(list);
                }
                let Some(list) = lists.last_mut() else { break };
                let (now, later) = rest.split_at(of_block.min(list.room() - list.len()));
                list.extend(now, users, questions, scores);
                (of_block, rest) = (of_block - now.len(), later);
            }
        }
    }

    /// The rows of users by the blocks of these.
    fn rows_by_block(&self, users: &[u32]) -> Vec<u32> {
        let block = |user: u32| user as usize / BLOCK;
        if users.len() < self.blocks.len() {
            let mut rows: Vec<u32> = (0..users.len() as u32).collect();
            rows.sort_by_key(|&row| block(users[row as usize]));
            return rows;
        }
        let mut ends = vec![0u32; self.blocks.len()];
        users.iter().for_each(|&user| ends[block(user)] += 1);
        let mut sum = 0;
        ends.iter_mut().for_each(|end| sum += std::mem::replace(end, sum));
        let mut rows = vec![0; users.len()];
        for (row, &user) in users.iter().enumerate() {
            let place = &mut ends[block(user)];
            rows[*place as usize] = row as u32;
            *place += 1;
        }
        rows
    }

    fn make_blocks(&mut self, blocks: usize) {
        if self.blocks.len() < blocks {
            self.blocks.resize_with(blocks, Vec::new);
        }
    }

    /// Takes over the lists of others, whose users have the same numbers.
    pub(crate) fn append(&mut self, others: Self) {
        self.make_blocks(others.blocks.len());
        for (here, mut there) in self.blocks.iter_mut().zip(others.blocks) {
            here.append(&mut there);
        }
        self.len += others.len;
        self.bytes += others.bytes;
    }

    /// The same answers, with `users` and `questions` for the numbers that they have now.
    ///
    /// # Errors
    /// Nobody waits for it.
    pub(crate) fn renumbered(
        self,
        users: &[u32],
        questions: &[u32],
        interest: Interest<'_>,
    ) -> Result<Self, Unwanted> {
        let mut lists: Vec<RawAnswers> = self.blocks.into_iter().flatten().collect();
        let share = lists.len().div_ceil(current_num_threads()).max(1);
        let mut shares = Vec::new();
        while !lists.is_empty() {
            let rest = lists.split_off(share.min(lists.len()));
            shares.push(std::mem::replace(&mut lists, rest));
        }
        let renumbered = |lists: Vec<RawAnswers>| {
            let mut blocks = Self::default();
            for mut list in lists {
                interest.check()?;
                list.users.iter_mut().for_each(|user| *user = users[*user as usize]);
                list.questions.iter_mut().for_each(|question| *question = questions[*question as usize]);
                blocks.push(&list);
            }
            Ok(blocks)
        };
        let shares: Vec<Self> = shares.into_par_iter().map(renumbered).collect::<Result<_, _>>()?;
        let mut all = Self::default();
        shares.into_iter().for_each(|share| all.append(share));
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers of users in no order, of several blocks.
    fn answers(from: u32, to: u32) -> RawAnswers {
        let numbers = from..to;
        RawAnswers {
            users: numbers
                .clone()
                .map(|number| number.wrapping_mul(2_654_435_761) % (5 * BLOCK as u32))
                .collect(),
            questions: numbers.clone().map(|number| number % 7).collect(),
            scores: RawScores::Exact(numbers.map(i64::from).collect()),
        }
    }

    /// Score, user and question of each answer, in the order of the scores.
    fn all(blocks: &AnswerBlocks) -> Vec<(i64, usize, usize)> {
        let mut all = Vec::new();
        for (block, lists) in blocks.blocks().iter().enumerate() {
            for list in lists {
                assert!(list.len() <= list.room() && list.room() <= LONGEST_LIST);
                let RawScores::Exact(scores) = &list.scores else { panic!("other scores") };
                for ((user, question), &score) in list.keys().zip(scores) {
                    assert_eq!(user / BLOCK, block);
                    all.push((score, user, question));
                }
            }
        }
        all.sort_unstable();
        all
    }

    #[test]
    fn every_answer_is_in_the_block_of_its_user() {
        let mut blocks = AnswerBlocks::default();
        // Batches of more rows than there are blocks, and of fewer.
        for (from, to) in [(0, 40_000), (40_000, 40_003), (40_003, 40_003), (40_003, 100_000)] {
            blocks.push(&answers(from, to));
        }
        let RawAnswers { users, questions, .. } = answers(0, 100_000);
        let expected: Vec<_> = users.iter().zip(&questions).zip(0..).collect();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|((&user, &question), score)| (score, user as usize, question as usize))
            .collect();
        assert_eq!(all(&blocks), expected);
        assert_eq!(blocks.len(), 100_000);
        let bytes: usize = blocks.lists().map(RawAnswers::bytes).sum();
        assert_eq!(blocks.bytes(), bytes);
        assert!((1_600_000..2_400_000).contains(&bytes), "{bytes} bytes");
    }

    #[test]
    fn others_are_taken_over_under_other_numbers() {
        let (mut here, mut there) = (AnswerBlocks::default(), AnswerBlocks::default());
        here.push(&answers(0, 30_000));
        there.push(&answers(30_000, 50_000));
        let last = 5 * BLOCK as u32 - 1;
        let users: Vec<u32> = (0..=last).map(|user| last - user).collect();
        let questions: Vec<u32> = (0..7).map(|question| question + 1).collect();
        let expected = all(&there).into_iter();
        let expected = expected.map(|(score, user, question)| (score, last as usize - user, question + 1));
        let expected: Vec<_> = all(&here).into_iter().chain(expected).collect();
        here.append(there.renumbered(&users, &questions, Interest::LASTING).unwrap());
        assert_eq!(all(&here), expected);
        assert_eq!(here.bytes(), here.lists().map(RawAnswers::bytes).sum::<usize>());
    }
}
