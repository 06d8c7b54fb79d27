//! Answers as they came → scores and grand totals by user.
//!
//! Everything is done block by block of users, on all threads of the pool: a block's part of what is
//! written stays in the cache, in whatever order the answers came. Users are in the order of appearance.

mod exact;
mod floats;
mod memory;

use std::sync::Arc;

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, IntoParallelRefIterator, ParallelIterator};

pub(crate) use memory::ClassifyMemory;

use crate::index::all_answers::AllAnswers;
use crate::index::bitset::{BitMatrix, rank};
use crate::index::blocks::BLOCK;
use crate::index::raw::RawAnswers;
use crate::index::scores::Scores;
use crate::index::unit::Unit;
use crate::interest::{Interest, Unwanted, filled};

/// Scores and grand totals as numbers, and what these stand for.
pub(crate) type Classified = (Scores, Unit);

/// Picks the class of the scores of answers, and sorts them into the rows of `answered`. `positions` are
/// those of the questions, by number. `None` where the sums of exact scores could pass 256 bits.
///
/// # Errors
/// Nobody waits for it.
pub(crate) fn classify(
    answered: &BitMatrix,
    positions: &[u32],
    answers: AllAnswers<'_>,
    interest: Interest<'_>,
) -> Result<Option<Classified>, Unwanted> {
    let answers = Answered { rows: answered, positions, answers, interest };
    if answers.answers.are_floats() {
        let (scores, unit) = answers.floats()?;
        Ok(Some((Scores::Float(Arc::new(scores)), unit)))
    } else {
        answers.exact()
    }
}

/// Answers as they came, and the same as bits.
struct Answered<'a> {
    rows: &'a BitMatrix,
    positions: &'a [u32],
    answers: AllAnswers<'a>,
    interest: Interest<'a>,
}

impl Answered<'_> {
    /// Does something with each answer of a block: its list and its place there, its user, its question.
    #[inline]
    fn each(
        &self,
        lists: &[RawAnswers],
        mut each: impl FnMut(&RawAnswers, usize, usize, usize),
    ) -> Result<(), Unwanted> {
        for list in lists {
            self.interest.check()?;
            for (place, (user, question)) in list.keys().enumerate() {
                each(list, place, user, question);
            }
        }
        Ok(())
    }

    /// Scores by user and position; `number` is that of an answer, given by its list and its place there.
    fn placed<N: Copy + Send>(
        &self,
        offsets: &[usize],
        zero: N,
        number: impl Fn(&RawAnswers, usize) -> N + Sync,
    ) -> Result<Vec<N>, Unwanted> {
        let mut scores = filled(zero, offsets.last().copied().unwrap_or(0), self.interest)?;
        let blocks = self.answers.blocks.blocks().par_iter();
        by_block(&mut scores, offsets).into_par_iter().zip(blocks).try_for_each(
            |((first, scores), lists)| {
                self.each(lists, |list, place, user, question| {
                    let position = self.positions[question] as usize;
                    let start = offsets[user] - offsets[first];
                    scores[start + rank(self.rows.row(user), position)] = number(list, place);
                })
            },
        )?;
        Ok(scores)
    }
}

/// Scores by user cut where blocks of users begin; each with its first user.
fn by_block<'a, N>(mut scores: &'a mut [N], offsets: &[usize]) -> Vec<(usize, &'a mut [N])> {
    let users = offsets.len() - 1;
    let mut parts = Vec::with_capacity(users.div_ceil(BLOCK));
    for first in (0..users).step_by(BLOCK) {
        let end = users.min(first + BLOCK);
        let (part, rest) = scores.split_at_mut(offsets[end] - offsets[first]);
        parts.push((first, part));
        scores = rest;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compensated::Compensated;
    use crate::index::blocks::AnswerBlocks;
    use crate::index::raw::RawScores;
    use crate::index::spread::Spread;

    /// One user per row of `scores`, who answered every question.
    fn classify_complete(scores: &[&[i128]]) -> Option<Scores> {
        classify_by(scores.len(), scores[0].len(), |answers| {
            RawScores::Wide(answers.map(|(user, position)| scores[user][position]).collect())
        })
    }

    /// Every user answered every question.
    fn classify_by(
        users: usize,
        questions: usize,
        scores: impl Fn(&mut dyn Iterator<Item = (usize, usize)>) -> RawScores,
    ) -> Option<Scores> {
        let mut answered = BitMatrix::new(users, questions);
        let all = || (0..users).flat_map(|user| (0..questions).map(move |question| (user, question)));
        all().for_each(|(user, question)| assert!(!answered.set(user, question)));
        let raw = RawAnswers {
            users: all().map(|(user, _)| user as u32).collect(),
            questions: all().map(|(_, question)| question as u32).collect(),
            scores: scores(&mut all()),
        };
        let (mut blocks, mut spread) = (AnswerBlocks::default(), Spread::default());
        blocks.push(&raw);
        spread.push(&raw.scores);
        let positions: Vec<u32> = (0..questions as u32).collect();
        let answers = AllAnswers { blocks: &blocks, spread, decimals: None, digits: 0, criterion: None };
        let classified = classify(&answered, &positions, answers, Interest::LASTING).unwrap();
        classified.map(|(scores, _)| scores)
    }

    #[test]
    fn the_class_is_the_narrowest_that_holds_the_sums() {
        let class = |scores: &[&[i128]]| classify_complete(scores).map(|scores| scores.class());
        assert_eq!(class(&[&[0, 1], &[1, 1]]), Some("binary"));
        assert_eq!(class(&[&[3, 4], &[4, 4]]), Some("binary"));
        assert_eq!(class(&[&[0, 250], &[250, 0]]), Some("binary"));
        assert_eq!(class(&[&[7, 7], &[7, 7]]), Some("binary"));
        assert_eq!(class(&[&[0, 2], &[3, 0]]), Some("integer"));
        assert_eq!(class(&[&[-1, 1], &[0, 1]]), Some("integer"));
        assert_eq!(class(&[&[0, 1 << 40], &[1 << 39, 1]]), Some("long integer"));
        let large = i128::from(i64::MAX);
        assert_eq!(class(&[&[0, large], &[large - 1, 1]]), Some("wide integer"));
        assert_eq!(class(&[&[i128::MIN, i128::MIN]]), Some("binary"));
        assert_eq!(class(&[&[i128::MAX, 0], &[i128::MIN, 1]]), None);
    }

    #[test]
    fn a_large_offset_leaves_the_small_digits_of_a_total() {
        let classified = classify_by(2, 3, |answers| {
            RawScores::Float(answers.map(|(user, _)| 1e9 + user as f64 * 2f64.powi(-20)).collect())
        });
        let Some(Scores::Float(float)) = classified else { panic!("not a float class") };
        // The largest deviation there is counts 1.
        assert_eq!(float.totals[1].minus(float.totals[0]), 3.0);
        assert_eq!(float.of(1), [Compensated::from(1.0); 3]);
    }
}
