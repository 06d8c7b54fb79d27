//! Scores and gaps, as they are looked up: by user, by question, by digit, and by who missed what.

use crate::index::Answers;
use crate::index::bitset::{WORD, below, columns, count, ones};
use crate::index::scores::Scores;
use crate::interest::{Interest, Unwanted};
use crate::sweep::position::Position;
use crate::sweep::simd::STRIP;

/// A user who missed two questions.
#[derive(Debug, Clone, Copy)]
pub(super) struct MissedBoth {
    pub(super) user: u32,
    /// The grand total less a constant, which changes no r.
    pub(super) total: i16,
    /// The second question, as a lane of its strip.
    pub(super) lane: u8,
}

/// All users, first those who missed more than one question; and how many these are.
pub(super) fn with_gaps_first(answers: &Answers) -> (Vec<u32>, usize) {
    let users = 0..answers.users() as u32;
    let gaps = |user: &u32| count(answers.answered.row(*user as usize)) + 1 < answers.questions();
    let (mut order, others): (Vec<u32>, Vec<u32>) = users.partition(gaps);
    let with_gaps = order.len();
    order.extend(others);
    (order, with_gaps)
}

/// The scores by user and lane, and by question and user, of users in this order.
pub(super) fn scores_both_ways(
    answers: &Answers,
    order: &[u32],
    lanes: usize,
    interest: Interest<'_>,
) -> Result<(Vec<u8>, Vec<u8>), Unwanted> {
    let (users, questions) = (answers.users(), answers.questions());
    let (mut rows, mut columns) = (vec![0; users * lanes], vec![0; questions * users]);
    for (user, row) in rows.chunks_exact_mut(lanes).enumerate() {
        interest.check_at(user)?;
        write_scores(answers, order[user] as usize, row);
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

/// The binary digits of each user's scores.
pub(super) fn digits_of(
    rows: &[u8],
    lanes: usize,
    digits: usize,
    interest: Interest<'_>,
) -> Result<Vec<u64>, Unwanted> {
    let words = lanes / WORD;
    let mut bits = vec![0; rows.len() / WORD * digits];
    let by_user = bits.chunks_exact_mut(digits * words).zip(rows.chunks_exact(lanes));
    for (user, (bits, scores)) in by_user.enumerate() {
        interest.check_at(user)?;
        for (word, scores) in scores.chunks_exact(WORD).enumerate() {
            for digit in 0..digits {
                let of_lane = |(lane, &score): (usize, &u8)| u64::from(score >> digit & 1) << lane;
                bits[digit * words + word] = scores.iter().enumerate().map(of_lane).sum();
            }
        }
    }
    Ok(bits)
}

/// Who missed what, of users in an order of their own.
#[derive(Debug)]
pub(super) struct Gaps {
    questions: usize,
    /// Of a row of lanes.
    strips: usize,
    /// By user, the questions that they missed, ascending.
    of_user: Lists<u16>,
    /// By question, the users who missed it, ascending.
    of_question: Lists<u32>,
    /// By two questions, the users who missed both, ascending.
    of_both: Lists<MissedBoth>,
    /// `[question][strip]`: the lanes that somebody missed together with it.
    shared: Vec<u32>,
    /// `[question][strip]`: by lane, over those who missed both.
    weights: Vec<Weights>,
}

/// By lane of a strip, over some users: how many they are, and Σ|b|.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weights {
    pub(super) n: [i32; STRIP],
    pub(super) b: [i32; STRIP],
}

impl Weights {
    /// Those of nobody.
    pub(super) const NONE: Self = Self { n: [0; STRIP], b: [0; STRIP] };

    /// Adds a user with this grand total to a lane.
    #[inline(always)]
    pub(super) fn add(&mut self, lane: usize, total: i16) {
        self.n[lane] += 1;
        self.b[lane] += i32::from(total).abs();
    }
}

impl Gaps {
    pub(super) fn of(
        answers: &Answers,
        order: &[u32],
        totals: &[i32],
        strips: usize,
        interest: Interest<'_>,
    ) -> Result<Self, Unwanted> {
        let questions = answers.questions();
        let mut of_user = vec![Vec::new(); totals.len()];
        let mut of_question = vec![Vec::new(); questions];
        let mut of_both = vec![Vec::new(); questions * questions];
        let mut shared = vec![0; questions * strips];
        let mut weights = vec![Weights::NONE; questions * strips];
        for (user, &total) in totals.iter().enumerate() {
            interest.check_at(user)?;
            let words = missed(answers, order[user] as usize).enumerate();
            let missed: Vec<usize> =
                words.flat_map(|(word, bits)| ones(bits).map(move |bit| word * WORD + bit)).collect();
            for &question in &missed {
                of_question[question].push(user as u32);
                for &other in missed.iter().filter(|&&other| other != question) {
                    let lane = (other % STRIP) as u8;
                    let both = MissedBoth { user: user as u32, total: total as i16, lane };
                    of_both[question * questions + other].push(both);
                    shared[question * strips + other / STRIP] |= 1 << lane;
                    weights[question * strips + other / STRIP].add(other % STRIP, total as i16);
                }
            }
            of_user[user] = missed.into_iter().map(|question| question as u16).collect();
        }
        let (of_user, of_question) = (Lists::of(of_user), Lists::of(of_question));
        Ok(Self { questions, strips, of_user, of_question, of_both: Lists::of(of_both), shared, weights })
    }

    /// The questions that a user missed, ascending.
    #[inline(always)]
    pub(super) fn of_user(&self, user: u32) -> &[u16] {
        self.of_user.range(user as usize, user as usize)
    }

    /// The users who missed a question, ascending.
    #[inline(always)]
    pub(super) fn of_question(&self, Position(question): Position) -> &[u32] {
        self.of_question.range(question, question)
    }

    /// The users who missed a question and a lane of a strip, from the first to the last of `lanes`.
    #[inline(always)]
    pub(super) fn of_both(&self, Position(question): Position, strip: usize, lanes: u32) -> &[MissedBoth] {
        let number = |lane: u32| question * self.questions + strip * STRIP + lane as usize;
        self.of_both.range(number(lanes.trailing_zeros()), number(lanes.ilog2()))
    }

    /// The lanes of a strip that somebody missed together with a question.
    #[inline(always)]
    pub(super) fn shared(&self, Position(question): Position, strip: usize) -> u32 {
        self.shared[question * self.strips + strip]
    }

    /// Of those who missed a question and a lane of a strip.
    #[inline(always)]
    pub(super) fn weights(&self, Position(question): Position, strip: usize) -> &Weights {
        &self.weights[question * self.strips + strip]
    }
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
struct Lists<T> {
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

    /// The lists from the first to the last of these numbers, as one.
    #[inline(always)]
    fn range(&self, first: usize, last: usize) -> &[T] {
        let start = first.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.items[start..self.ends[last]]
    }
}
