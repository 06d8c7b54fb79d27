//! Scores and grand totals, in the narrowest arithmetic that is still right.

use std::sync::Arc;

use ethnum::I256;

use crate::compensated::Compensated;
use crate::index::bitset::{BitMatrix, ones, rank};

/// The scores as the rows brought them, one per answer.
#[derive(Debug)]
pub(crate) enum RawScores {
    /// Booleans, integers, and decimals without their point.
    Exact(Vec<i128>),
    /// Finite floating point numbers.
    Float(Vec<f64>),
}

impl RawScores {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Exact(scores) => scores.len(),
            Self::Float(scores) => scores.len(),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Exact(scores) => scores.capacity() * size_of::<i128>(),
            Self::Float(scores) => scores.capacity() * size_of::<f64>(),
        }
    }
}

/// Scores and grand totals by user, ready to be summed.
///
/// r does not change when a constant is added to every score of one question, or
/// to every grand total, or when all of them are divided by one number. Each
/// class uses that to keep its numbers small. Exact scores are divided by their
/// greatest common divisor first, so that neither the scale of a decimal nor the
/// points a question is worth changes a bit of r.
#[derive(Debug)]
pub(crate) enum Scores {
    /// At most two different scores, next to each other (the lower counts as 0, the
    /// other as 1), and counts of 16 bits.
    Binary(Binary),
    /// Exact scores whose sums fit 64 bits.
    Integer(Arc<Weighted<i64>>),
    /// Exact scores whose sums fit 256 bits.
    Wide(Arc<Weighted<I256>>),
    /// Floating point scores.
    Float(Arc<Weighted<Compensated>>),
}

impl Scores {
    /// The name of the class, as EXPLAIN ANALYZE and the logs show it.
    pub(crate) fn class(&self) -> &'static str {
        match self {
            Self::Binary(_) => "binary",
            Self::Integer(_) => "integer",
            Self::Wide(_) => "wide integer",
            Self::Float(_) => "float",
        }
    }

    /// Bytes held.
    pub(crate) fn memory(&self) -> usize {
        fn weighted<N>(scores: &Weighted<N>) -> usize {
            let offsets = scores.offsets.len() * size_of::<usize>();
            offsets + (scores.scores.len() + scores.totals.len()) * size_of::<N>()
        }
        match self {
            Self::Binary(scores) => {
                let rows = BitMatrix::bytes(scores.correct.rows(), scores.correct.columns());
                rows + scores.totals.len() * size_of::<i16>()
            }
            Self::Integer(scores) => weighted(scores),
            Self::Wide(scores) => weighted(scores),
            Self::Float(scores) => weighted(scores),
        }
    }
}

/// Scores of 0 and 1.
#[derive(Debug)]
pub(crate) struct Binary {
    /// For each user, the questions scored 1; a subset of those answered.
    pub(crate) correct: BitMatrix,
    /// For each user, the grand total less a constant.
    pub(crate) totals: Vec<i16>,
}

impl Binary {
    /// The same as numbers.
    pub(crate) fn weighted(&self, answered: &BitMatrix) -> Weighted<i64> {
        let mut weighted = Weighted { offsets: vec![0], scores: Vec::new(), totals: Vec::new() };
        for (user, &total) in self.totals.iter().enumerate() {
            for (&answered, &correct) in answered.row(user).iter().zip(self.correct.row(user)) {
                weighted.scores.extend(ones(answered).map(|bit| (correct >> bit & 1) as i64));
            }
            weighted.offsets.push(weighted.scores.len());
            weighted.totals.push(total.into());
        }
        weighted
    }
}

/// Scores of any size, kept for the answers there are.
#[derive(Debug)]
pub(crate) struct Weighted<N> {
    /// Where each user's scores start; one more entry than users.
    pub(crate) offsets: Vec<usize>,
    /// The scores, user after user, by question position.
    pub(crate) scores: Vec<N>,
    /// For each user, the grand total less a constant.
    pub(crate) totals: Vec<N>,
}

impl<N: Copy> Weighted<N> {
    /// A user's scores, by question position.
    pub(crate) fn of(&self, user: usize) -> &[N] {
        &self.scores[self.offsets[user]..self.offsets[user + 1]]
    }
}

/// Sorts raw scores into the rows of `answered` and picks their class.
///
/// `users` and `positions` say whose score on which question each one is. `None`
/// where the sums of exact scores could pass 256 bits.
pub(crate) fn classify(
    answered: &BitMatrix,
    users: &[u32],
    positions: &[u32],
    raw: RawScores,
) -> Option<Scores> {
    let answers = Answered { rows: answered, users, positions };
    match raw {
        RawScores::Exact(scores) => exact(&answers, scores),
        RawScores::Float(scores) => Some(Scores::Float(Arc::new(float(&answers, scores)))),
    }
}

/// Which user answered which question, one entry per score.
struct Answered<'a> {
    rows: &'a BitMatrix,
    users: &'a [u32],
    positions: &'a [u32],
}

impl Answered<'_> {
    /// Where each user's scores start, in the order of users and positions.
    fn offsets(&self) -> Vec<usize> {
        let mut offsets = vec![0; self.rows.rows() + 1];
        for &user in self.users {
            offsets[user as usize + 1] += 1;
        }
        for user in 1..offsets.len() {
            offsets[user] += offsets[user - 1];
        }
        offsets
    }

    /// Moves one value per answer to its place behind the offsets.
    fn place<T: Copy + Default>(&self, offsets: &[usize], values: impl Iterator<Item = T>) -> Vec<T> {
        let mut placed = vec![T::default(); self.users.len()];
        for ((&user, &position), value) in self.users.iter().zip(self.positions).zip(values) {
            let user = user as usize;
            placed[offsets[user] + rank(self.rows.row(user), position as usize)] = value;
        }
        placed
    }
}

fn exact(answers: &Answered<'_>, mut scores: Vec<i128>) -> Option<Scores> {
    let divisor = scores.iter().fold(0, |divisor, score| gcd(divisor, score.unsigned_abs()));
    // Only where every score is i128::MIN does the divisor not fit; they are all equal then.
    let divisor = i128::try_from(divisor).unwrap_or(i128::MIN);
    if divisor != 0 && divisor != 1 {
        scores.iter_mut().for_each(|score| *score /= divisor);
    }
    let lowest = scores.iter().copied().min().unwrap_or(0);
    let highest = scores.iter().copied().max().unwrap_or(0);
    let span = I256::from(highest) - I256::from(lowest);

    let mut totals = vec![I256::ZERO; answers.rows.rows()];
    for (&user, &score) in answers.users.iter().zip(&scores) {
        totals[user as usize] += I256::from(score);
    }
    // Half-way between the extremes: no other constant makes the largest smaller.
    let least = totals.iter().copied().min().unwrap_or(I256::ZERO);
    let most = totals.iter().copied().max().unwrap_or(I256::ZERO);
    let centre = least + (most - least) / 2;
    totals.iter_mut().for_each(|total| *total -= centre);
    let widest_total = (most - centre).max(centre - least);

    let questions = answers.rows.columns();
    let small = widest_total <= I256::from(i16::MAX) && questions <= usize::from(u16::MAX);
    if span <= I256::ONE && small {
        let mut correct = BitMatrix::new(totals.len(), questions);
        for ((&user, &position), &score) in answers.users.iter().zip(answers.positions).zip(&scores) {
            if score != lowest {
                correct.set(user as usize, position as usize);
            }
        }
        let totals = totals.iter().map(|total| total.as_i16()).collect();
        return Some(Scores::Binary(Binary { correct, totals }));
    }

    // a is at most the span on every question; so n, Σa, Σa², Σb, Σb² and Σab are
    // all at most users · widest².
    let users = I256::from(totals.len().max(1) as u64);
    let widest_subtotal = span.checked_mul(I256::from(questions as u64))?;
    let widest = widest_total.max(widest_subtotal);
    let sums = widest.checked_mul(widest)?.checked_mul(users)?;
    let offsets = answers.offsets();
    let shifted = scores.iter().map(|&score| I256::from(score) - I256::from(lowest));
    if sums <= I256::from(i64::MAX) {
        return Some(Scores::Integer(Arc::new(Weighted {
            scores: answers.place(&offsets, shifted.map(I256::as_i64)),
            totals: totals.iter().map(|total| total.as_i64()).collect(),
            offsets,
        })));
    }
    // n · Σab - Σa · Σb and its like are at most twice users · sums, and so is what
    // `corrected` makes of them up to another factor of four.
    sums.checked_mul(users)?.checked_mul(I256::from(8))?;
    Some(Scores::Wide(Arc::new(Weighted { scores: answers.place(&offsets, shifted), totals, offsets })))
}

/// Scores are scaled by one power of two, so that no square of a sum overflows;
/// then each question is shifted by its median, and the grand totals by theirs. The
/// median is near the bulk of the data, where a mean would follow the outliers.
/// What the shift rounds off is kept beside it, so data of 1e9 + small values lose
/// nothing.
fn float(answers: &Answered<'_>, mut scores: Vec<f64>) -> Weighted<Compensated> {
    let largest = scores.iter().fold(0.0, |largest: f64, score| largest.max(score.abs()));
    let exponent = exponent(largest);
    scores.iter_mut().for_each(|score| *score = scale_down(*score, exponent));

    let mut by_question = vec![Vec::new(); answers.rows.columns()];
    for (&position, &score) in answers.positions.iter().zip(&scores) {
        by_question[position as usize].push(score);
    }
    let centres: Vec<f64> = by_question.into_iter().map(median).collect();

    let offsets = answers.offsets();
    // Unshifted at first, for the grand totals; by user and position, so that their
    // sums run in a fixed order.
    let mut placed = answers.place(&offsets, scores.iter().map(|&score| Compensated::from(score)));
    let total = |range: &[usize]| {
        placed[range[0]..range[1]].iter().copied().fold(Compensated::default(), Compensated::plus)
    };
    let mut totals: Vec<Compensated> = offsets.windows(2).map(total).collect();
    let centre = median(totals.iter().map(|total| total.value()).collect());
    totals.iter_mut().for_each(|total| total.add(-centre));

    for (&user, &position) in answers.users.iter().zip(answers.positions) {
        let (user, position) = (user as usize, position as usize);
        placed[offsets[user] + rank(answers.rows.row(user), position)].add(-centres[position]);
    }
    Weighted { offsets, scores: placed, totals }
}

/// The lower median; 0 of nothing.
fn median(mut values: Vec<f64>) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = (values.len() - 1) / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// `e` such that `2^e <= |value| < 2^(e+1)`, for subnormal numbers -1022, for 0 also.
fn exponent(value: f64) -> i32 {
    let biased = (value.to_bits() >> 52 & 0x7ff) as i32;
    biased.max(1) - 1023
}

/// `value / 2^exponent`: exact unless the result is below the smallest normal number.
fn scale_down(value: f64, exponent: i32) -> f64 {
    // Exponents lie in -1022..=1023; so does half of their negative, twice.
    let first = -exponent / 2;
    let second = -exponent - first;
    let power = |e: i32| f64::from_bits(((1023 + e) as u64) << 52);
    value * power(first) * power(second)
}

fn gcd(mut x: u128, mut y: u128) -> u128 {
    while y != 0 {
        (x, y) = (y, x % y);
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One user per row of `scores`, who answered every question.
    fn classify_complete(scores: &[&[i128]]) -> Option<Scores> {
        let questions = scores[0].len();
        let mut answered = BitMatrix::new(scores.len(), questions);
        let (mut users, mut positions, mut raw) = (vec![], vec![], vec![]);
        for (user, row) in scores.iter().enumerate() {
            for (position, &score) in row.iter().enumerate() {
                answered.set(user, position);
                users.push(user as u32);
                positions.push(position as u32);
                raw.push(score);
            }
        }
        classify(&answered, &users, &positions, RawScores::Exact(raw))
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
        let large = i128::from(i64::MAX);
        assert_eq!(class(&[&[0, large], &[large - 1, 1]]), Some("wide integer"));
        assert_eq!(class(&[&[i128::MIN, i128::MIN]]), Some("binary"));
        assert_eq!(class(&[&[i128::MAX, 0], &[i128::MIN, 1]]), None);
    }

    #[test]
    fn scaling_by_a_power_of_two_is_exact() {
        for value in [1.0, -0.75, f64::MAX, f64::MIN_POSITIVE, 1e300, 123.456] {
            let scaled = scale_down(value, exponent(value));
            assert!((1.0..2.0).contains(&scaled.abs()), "{value} became {scaled}");
            assert_eq!(scaled.to_bits() << 12, value.to_bits() << 12, "the mantissa of {value}");
        }
        assert_eq!(scale_down(0.0, exponent(0.0)), 0.0);
        assert_eq!(scale_down(f64::from_bits(1), exponent(f64::from_bits(1))), 2f64.powi(-52));
    }

    #[test]
    fn a_large_offset_leaves_the_small_digits_of_a_total() {
        let mut answered = BitMatrix::new(2, 3);
        let (mut users, mut positions, mut raw) = (vec![], vec![], vec![]);
        for user in 0..2u32 {
            for position in 0..3u32 {
                answered.set(user as usize, position as usize);
                users.push(user);
                positions.push(position);
                raw.push(1e9 + f64::from(user) * 2f64.powi(-20));
            }
        }
        let Some(Scores::Float(float)) = classify(&answered, &users, &positions, RawScores::Float(raw))
        else {
            panic!("not a float class")
        };
        let step = scale_down(2f64.powi(-20), exponent(1e9));
        assert_eq!(float.totals[1].minus(float.totals[0]), 3.0 * step);
        assert_eq!(float.of(1), [Compensated::from(step); 3]);
    }
}
