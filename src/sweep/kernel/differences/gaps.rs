//! Scores and gaps, as they are looked up: by user, by question, by digit, and by who missed what.

use crate::index::Answers;
use crate::index::bitset::{WORD, below, columns, ones};
use crate::index::scores::Scores;
use crate::interest::{Interest, Unwanted};
use crate::sweep::simd::STRIP;

/// A user.
#[derive(Debug, Clone, Copy)]
pub(super) struct User {
    pub(super) number: u32,
    /// The grand total less a constant, which changes no r.
    pub(super) total: i32,
}

/// The scores by user and lane, and by question and user.
pub(super) fn scores_both_ways(
    answers: &Answers,
    lanes: usize,
    interest: Interest<'_>,
) -> Result<(Vec<u8>, Vec<u8>), Unwanted> {
    let (users, questions) = (answers.users(), answers.questions());
    let (mut rows, mut columns) = (vec![0; users * lanes], vec![0; questions * users]);
    for (user, row) in rows.chunks_exact_mut(lanes).enumerate() {
        interest.check_at(user)?;
        write_scores(answers, user, row);
        for (question, &score) in row[..questions].iter().enumerate() {
            columns[question * users + user] = score;
        }
    }
    Ok((rows, columns))
}

/// The questions that a user missed, by words.
fn missed(answers: &Answers, user: usize) -> impl Iterator<Item = u64> {
    let questions = answers.questions();
    let words = answers.answered.row(user).iter().enumerate();
    words.map(move |(word, &answered)| !answered & below((questions - word * WORD).min(WORD)))
}

/// The planes of each user.
pub(super) fn bits_of(
    answers: &Answers,
    rows: &[u8],
    lanes: usize,
    planes: usize,
    interest: Interest<'_>,
) -> Result<Vec<u64>, Unwanted> {
    let words = lanes / WORD;
    let mut bits = vec![0; answers.users() * planes * words];
    let by_user = bits.chunks_exact_mut(planes * words).zip(rows.chunks_exact(lanes));
    for (user, (bits, scores)) in by_user.enumerate() {
        interest.check_at(user)?;
        bits.iter_mut().zip(missed(answers, user)).for_each(|(bits, missed)| *bits = missed);
        for (word, scores) in scores.chunks_exact(WORD).enumerate() {
            for digit in 0..planes - 1 {
                let of_lane = |(lane, &score): (usize, &u8)| u64::from(score >> digit & 1) << lane;
                bits[(1 + digit) * words + word] = scores.iter().enumerate().map(of_lane).sum();
            }
        }
    }
    Ok(bits)
}

/// Who missed each question, and who missed each two.
pub(super) fn who_missed(
    answers: &Answers,
    totals: &[i32],
    interest: Interest<'_>,
) -> Result<(Lists<u32>, Lists<User>), Unwanted> {
    let questions = answers.questions();
    let (mut who, mut who_both) = (vec![Vec::new(); questions], vec![Vec::new(); questions * questions]);
    for (user, &total) in totals.iter().enumerate() {
        interest.check_at(user)?;
        let words = missed(answers, user).enumerate();
        let missed: Vec<usize> =
            words.flat_map(|(word, bits)| ones(bits).map(move |bit| word * WORD + bit)).collect();
        let user = User { number: user as u32, total };
        for &question in &missed {
            who[question].push(user.number);
            missed.iter().for_each(|&other| who_both[question * questions + other].push(user));
        }
    }
    Ok((Lists::of(who), Lists::of(who_both)))
}

/// For each question and strip, a bit of each lane that somebody missed together with it.
pub(super) fn strips_with_any(who_both: &Lists<User>, questions: usize, strips: usize) -> Vec<u32> {
    let mut shared = vec![0; questions * strips];
    for question in 0..questions {
        let any = |other: &usize| !who_both.of_number(question * questions + other).is_empty();
        for other in (0..questions).filter(any) {
            shared[question * strips + other / STRIP] |= 1 << (other % STRIP);
        }
    }
    shared
}

/// Writes a user's scores by lane.
fn write_scores(answers: &Answers, user: usize, row: &mut [u8]) {
    match &answers.scores {
        Scores::Binary(binary) => {
            for (word, &correct) in binary.correct.row(user).iter().enumerate() {
                ones(correct).for_each(|bit| row[word * WORD + bit] = 1);
            }
        }
        Scores::Integer(integers) => {
            let answered = columns(answers.answered.row(user));
            answered.zip(integers.of(user)).for_each(|(question, &score)| row[question] = score as u8);
        }
        Scores::Long(_) | Scores::Wide(_) | Scores::Float(_) => {}
    }
}

/// Lists, one after the other.
#[derive(Debug)]
pub(super) struct Lists<T> {
    items: Vec<T>,
    /// Where each list ends.
    ends: Vec<usize>,
}

impl<T> Lists<T> {
    fn of(lists: Vec<Vec<T>>) -> Self {
        let (mut items, mut ends) = (Vec::new(), Vec::new());
        for list in lists {
            items.extend(list);
            ends.push(items.len());
        }
        Self { items, ends }
    }

    #[inline(always)]
    pub(super) fn of_number(&self, number: usize) -> &[T] {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.items[start..self.ends[number]]
    }
}
