//! Answers as they came → who answered what, as bits.

use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};

use crate::index::bitset::{BitMatrix, BitRows};
use crate::index::blocks::{AnswerBlocks, BLOCK};
use crate::index::raw::RawAnswers;
use crate::interest::{Interest, Unwanted};

/// How many users answered each question.
///
/// # Errors
/// Nobody waits for it.
pub(crate) fn support(
    blocks: &AnswerBlocks,
    questions: usize,
    interest: Interest<'_>,
) -> Result<Vec<usize>, Unwanted> {
    let count = |mut support: Vec<usize>, lists: &Vec<RawAnswers>| {
        for list in lists {
            interest.check()?;
            list.questions.iter().for_each(|&question| support[question as usize] += 1);
        }
        Ok(support)
    };
    let sum = |mut here: Vec<usize>, there: Vec<usize>| {
        here.iter_mut().zip(there).for_each(|(here, there)| *here += there);
        Ok(here)
    };
    let none = || vec![0; questions];
    blocks.blocks().par_iter().try_fold(none, count).try_reduce(none, sum)
}

/// Bits by user; or the numbers of a user and a question answered twice.
pub(crate) type Bits = Result<BitMatrix, (u32, u32)>;

/// Who answered what, given the position of each question; or the numbers of a user and a question
/// that has two answers of theirs.
///
/// # Errors
/// Nobody waits for it.
pub(crate) fn answered(
    blocks: &AnswerBlocks,
    users: usize,
    positions: &[u32],
    questions: usize,
    interest: Interest<'_>,
) -> Result<Bits, Unwanted> {
    let mut answered = BitMatrix::new(users, questions);
    let fill = |(mut rows, lists): (BitRows<'_>, &Vec<RawAnswers>)| {
        for list in lists {
            interest.check()?;
            for (&user, &question) in list.users.iter().zip(&list.questions) {
                if rows.set(user as usize % BLOCK, positions[question as usize] as usize) {
                    return Ok(Some((user, question)));
                }
            }
        }
        Ok(None)
    };
    let twice: Vec<_> = answered
        .par_blocks_mut(BLOCK)
        .zip(blocks.blocks().par_iter())
        .map(fill)
        .collect::<Result<_, Unwanted>>()?;
    Ok(twice.into_iter().flatten().next().map_or(Ok(answered), Err))
}
