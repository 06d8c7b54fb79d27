//! Scores and grand totals, in the narrowest arithmetic that is still right.

use std::sync::Arc;

use ethnum::I256;

use crate::compensated::Compensated;
use crate::index::bitset::{BitMatrix, columns, count, ones, rank};
use crate::index::decimal::DecimalUnit;

/// The scores of a batch as its rows brought them.
#[derive(Debug)]
pub(crate) enum RawScores {
    /// Booleans, integers, and decimals without their point.
    Exact(Vec<i64>),
    /// Integers of which one does not fit 64 bits.
    Wide(Vec<i128>),
    /// Finite floating point numbers.
    Float(Vec<f64>),
}

impl RawScores {
    fn bytes(&self) -> usize {
        match self {
            Self::Exact(scores) => scores.capacity() * size_of::<i64>(),
            Self::Wide(scores) => scores.capacity() * size_of::<i128>(),
            Self::Float(scores) => scores.capacity() * size_of::<f64>(),
        }
    }

    /// Exact scores in the narrowest form.
    pub(crate) fn exact(scores: Vec<i128>) -> Self {
        let narrow: Result<Vec<i64>, _> = scores.iter().map(|&score| score.try_into()).collect();
        narrow.map_or(Self::Wide(scores), Self::Exact)
    }

    /// Exact scores in a unit that is smaller by that many powers of ten; `None` where one does
    /// not fit 128 bits. Floats stay as they are.
    pub(crate) fn times_power_of_ten(self, digits: u32) -> Option<Self> {
        let scores: Vec<i128> = match self {
            Self::Exact(scores) if digits > 0 => scores.into_iter().map(Into::into).collect(),
            Self::Wide(scores) if digits > 0 => scores,
            unchanged => return Some(unchanged),
        };
        let factor = 10i128.checked_pow(digits);
        let times = |score: i128| if score == 0 { Some(0) } else { score.checked_mul(factor?) };
        scores.into_iter().map(times).collect::<Option<_>>().map(Self::exact)
    }

    /// Adds the scores of other answers of the same table.
    pub(crate) fn append(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::Exact(scores), Self::Exact(others)) => scores.extend(others),
            (Self::Float(scores), Self::Float(others)) => scores.extend(others),
            (Self::Wide(scores), Self::Wide(others)) => scores.extend(others),
            (Self::Wide(scores), Self::Exact(others)) => scores.extend(others.into_iter().map(i128::from)),
            (Self::Exact(scores), Self::Wide(others)) => {
                *self = Self::Wide(scores.iter().copied().map(i128::from).chain(others).collect());
            }
            // Scores of one table are all floats, or none is.
            (Self::Float(_), _) | (_, Self::Float(_)) => {}
        }
    }
}

/// The answers of a batch: who answered what, and how well. Keys are numbers.
#[derive(Debug)]
pub(crate) struct RawAnswers {
    pub(crate) users: Vec<u32>,
    pub(crate) questions: Vec<u32>,
    pub(crate) scores: RawScores,
}

impl RawAnswers {
    pub(crate) fn len(&self) -> usize {
        self.users.len()
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        (self.users.capacity() + self.questions.capacity()) * size_of::<u32>() + self.scores.bytes()
    }

    /// User and question of each answer.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (usize, usize)> {
        self.users.iter().zip(&self.questions).map(|(&user, &question)| (user as usize, question as usize))
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
    /// Exact scores whose sums fit 128 bits.
    Long(Arc<Weighted<i128>>),
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
            Self::Long(_) => "long integer",
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
            Self::Long(scores) => weighted(scores),
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
    /// These scores as numbers.
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

    /// These scores with the users in another order.
    pub(crate) fn in_order(&self, users: &[usize]) -> Self {
        let mut ordered = Self {
            offsets: Vec::with_capacity(self.offsets.len()),
            scores: Vec::with_capacity(self.scores.len()),
            totals: users.iter().map(|&user| self.totals[user]).collect(),
        };
        ordered.offsets.push(0);
        for &user in users {
            ordered.scores.extend_from_slice(self.of(user));
            ordered.offsets.push(ordered.scores.len());
        }
        ordered
    }
}

/// All answers in the order in which they came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AllAnswers<'a> {
    pub(crate) batches: &'a [RawAnswers],
    /// The unit in which scores that are floats are whole; `None` where they are no floats,
    /// or are summed as such.
    pub(crate) decimals: Option<DecimalUnit>,
}

impl AllAnswers<'_> {
    /// Whether the scores are summed as floats.
    pub(crate) fn are_floats(&self) -> bool {
        let first = self.batches.first().map(|batch| &batch.scores);
        matches!(first, Some(RawScores::Float(_))) && self.decimals.is_none()
    }

    /// Hands out user, question and score of each answer, where scores are exact.
    #[inline]
    fn each_exact(&self, mut each: impl FnMut(usize, usize, i128)) {
        for batch in self.batches {
            let answers = batch.keys();
            match &batch.scores {
                RawScores::Exact(scores) => {
                    answers.zip(scores).for_each(|((user, question), &score)| {
                        each(user, question, score.into());
                    });
                }
                RawScores::Wide(scores) => {
                    answers.zip(scores).for_each(|((user, question), &score)| each(user, question, score));
                }
                RawScores::Float(scores) => {
                    let Some(unit) = self.decimals else { continue };
                    answers.zip(scores).for_each(|((user, question), &score)| {
                        each(user, question, unit.units(score).into());
                    });
                }
            }
        }
    }
}

/// Sorts answers, whose questions are positions, into the rows of `answered`, and picks
/// the class of their scores. `None` where the sums of exact scores could pass 256 bits.
pub(crate) fn classify(answered: &BitMatrix, answers: AllAnswers<'_>) -> Option<Scores> {
    let answers = Answered { rows: answered, answers };
    if answers.answers.are_floats() {
        Some(Scores::Float(Arc::new(float(&answers))))
    } else {
        exact(&answers)
    }
}

/// Answers in the order in which they came, and the same as bits.
struct Answered<'a> {
    rows: &'a BitMatrix,
    answers: AllAnswers<'a>,
}

impl Answered<'_> {
    /// User, position and score of each answer.
    fn floats(&self) -> impl Iterator<Item = (usize, usize, f64)> {
        self.answers.batches.iter().flat_map(|batch| {
            let scores = match &batch.scores {
                RawScores::Float(scores) => &scores[..],
                _ => &[],
            };
            batch.keys().zip(scores).map(|((user, position), &score)| (user, position, score))
        })
    }

    /// The place of an answer behind the offsets.
    fn place(&self, offsets: &[usize], user: usize, position: usize) -> usize {
        offsets[user] + rank(self.rows.row(user), position)
    }
}

/// Where each user's scores start, in the order of users and positions; at the end, how
/// many there are.
pub(crate) fn offsets(answered: &BitMatrix) -> Vec<usize> {
    let mut offsets = vec![0];
    for user in 0..answered.rows() {
        offsets.push(offsets[user] + count(answered.row(user)));
    }
    offsets
}

/// How far exact scores spread.
struct Spread {
    /// Their greatest common divisor.
    divisor: i128,
    /// Divided by that.
    lowest: i128,
    highest: i128,
}

impl Spread {
    fn of(answers: AllAnswers<'_>) -> Self {
        let (mut divisor, mut lowest, mut highest) = (0, i128::MAX, i128::MIN);
        answers.each_exact(|_, _, score| {
            if divisor != 1 {
                divisor = gcd(divisor, score.unsigned_abs());
            }
            lowest = lowest.min(score);
            highest = highest.max(score);
        });
        // Only where every score is i128::MIN does the divisor not fit; they are all equal then.
        let divisor = i128::try_from(divisor).unwrap_or(i128::MIN);
        let mut spread = Self { divisor, lowest: 0, highest: 0 };
        if lowest <= highest {
            (spread.lowest, spread.highest) = (spread.scaled(lowest), spread.scaled(highest));
        }
        spread
    }

    fn scaled(&self, score: i128) -> i128 {
        if self.divisor == 0 || self.divisor == 1 { score } else { score / self.divisor }
    }

    fn span(&self) -> I256 {
        I256::from(self.highest) - I256::from(self.lowest)
    }
}

/// Bytes that [`classify`] takes at most for answers, given how many users and questions there are,
/// beside the answers and the bits of who answered what.
pub(crate) fn classify_memory(answers: AllAnswers<'_>, users: usize, questions: usize) -> usize {
    let number: usize = answers.batches.iter().map(RawAnswers::len).sum();
    let offsets = users * size_of::<usize>();
    if answers.are_floats() {
        // Every score twice, once by user and once by question; totals, and their values.
        let twice = size_of::<Compensated>() + size_of::<f64>();
        return number * twice + users * twice + offsets;
    }
    let spread = Spread::of(answers);
    // Whatever users answered, totals are no wider.
    let widest = spread.span().max(I256::from(spread.highest)).max(-I256::from(spread.lowest));
    let totals = widest * I256::from(questions as u64);
    let scores = if spread.span() <= I256::ONE && totals <= I256::from(i16::MAX) {
        BitMatrix::bytes(users, questions) + users * size_of::<i16>()
    } else {
        let sums = totals.checked_mul(totals).and_then(|sums| sums.checked_mul(I256::from(users as u64)));
        let number_bytes = match sums {
            Some(sums) if sums <= I256::from(i64::MAX) => size_of::<i64>(),
            Some(sums) if sums <= I256::from(i128::MAX) => size_of::<i128>(),
            _ => size_of::<I256>(),
        };
        (number + users) * number_bytes + offsets
    };
    scores + users * size_of::<I256>()
}

fn exact(answers: &Answered<'_>) -> Option<Scores> {
    let spread = Spread::of(answers.answers);
    let scaled = |score: i128| spread.scaled(score);
    let (lowest, span) = (spread.lowest, spread.span());

    let mut totals = vec![I256::ZERO; answers.rows.rows()];
    answers.answers.each_exact(|user, _, score| totals[user] += I256::from(scaled(score)));
    // Half-way between the extremes: no other constant makes the largest smaller.
    let least = totals.iter().copied().min().unwrap_or(I256::ZERO);
    let most = totals.iter().copied().max().unwrap_or(I256::ZERO);
    let centre = least + (most - least) / 2;
    totals.iter_mut().for_each(|total| *total -= centre);
    let widest_total = (most - centre).max(centre - least);

    let questions = answers.rows.columns();
    if span <= I256::ONE && widest_total <= I256::from(i16::MAX) {
        let mut correct = BitMatrix::new(totals.len(), questions);
        answers.answers.each_exact(|user, position, score| {
            if scaled(score) != lowest {
                correct.set(user, position);
            }
        });
        let totals = totals.iter().map(|total| total.as_i16()).collect();
        return Some(Scores::Binary(Binary { correct, totals }));
    }

    // a is at most the span on every question; so n, Σa, Σa², Σb, Σb² and Σab are
    // all at most users · widest².
    let users = I256::from(totals.len().max(1) as u64);
    let widest_subtotal = span.checked_mul(I256::from(questions as u64))?;
    let widest = widest_total.max(widest_subtotal);
    let sums = widest.checked_mul(widest)?.checked_mul(users)?;
    let offsets = offsets(answers.rows);
    let answered = offsets.last().copied().unwrap_or(0);
    // Scores less the lowest are below the span, which fits where the sums do.
    if sums <= I256::from(i64::MAX) {
        let mut scores = vec![0; answered];
        answers.answers.each_exact(|user, position, score| {
            scores[answers.place(&offsets, user, position)] = (scaled(score) - lowest) as i64;
        });
        let totals = totals.iter().map(|total| total.as_i64()).collect();
        return Some(Scores::Integer(Arc::new(Weighted { scores, totals, offsets })));
    }
    if sums <= I256::from(i128::MAX) {
        let mut scores = vec![0; answered];
        answers.answers.each_exact(|user, position, score| {
            scores[answers.place(&offsets, user, position)] = scaled(score) - lowest;
        });
        let totals = totals.iter().map(|total| total.as_i128()).collect();
        return Some(Scores::Long(Arc::new(Weighted { scores, totals, offsets })));
    }
    // n · Σab - Σa · Σb and its like are at most twice users · sums, and so is what
    // `corrected` makes of them up to another factor of four.
    sums.checked_mul(users)?.checked_mul(I256::from(8))?;
    let mut scores = vec![I256::ZERO; answered];
    answers.answers.each_exact(|user, position, score| {
        scores[answers.place(&offsets, user, position)] = I256::from(scaled(score)) - I256::from(lowest);
    });
    Some(Scores::Wide(Arc::new(Weighted { scores, totals, offsets })))
}

/// The leading parts of floating point scores are multiples of this and below 2 in size.
/// So sums of up to 16 of them are exact, and the same whatever is added first: a filter
/// that fixes a question changes the order, but no bit of r.
const GRID: f64 = 1.0 / (1u64 << 48) as f64;

/// The most that scores are scaled up, as a power of two. Those that are smaller yet are
/// summed with all their digits anyway, and grand totals stay below 2¹²⁷ or so.
const MOST_SCALED_UP: i32 = 60;

/// Scores are scaled by one power of two, so that no square of a sum overflows;
/// then each question is shifted by its median, and the grand totals by theirs. The
/// median is near the bulk of the data, where a mean would follow the outliers.
/// What the shift rounds off is kept beside it, so data of 1e9 + small values lose
/// nothing. Then they are scaled again, so that the largest is between 1 and 2, and
/// brought on a grid.
fn float(answers: &Answered<'_>) -> Weighted<Compensated> {
    let largest = answers.floats().fold(0.0, |largest: f64, (_, _, score)| largest.max(score.abs()));
    let exponent = exponent(largest);
    let offsets = offsets(answers.rows);
    let mut scores = vec![Compensated::default(); offsets.last().copied().unwrap_or(0)];
    let mut sizes = vec![0; answers.rows.columns()];
    answers.floats().for_each(|(_, position, _)| sizes[position] += 1);
    let mut by_question: Vec<Vec<f64>> = sizes.into_iter().map(Vec::with_capacity).collect();
    for (user, position, score) in answers.floats() {
        let score = scale_down(score, exponent);
        by_question[position].push(score);
        scores[answers.place(&offsets, user, position)] = score.into();
    }
    let centres: Vec<f64> = by_question.into_iter().map(median).collect();

    // By user and position, so that sums run in a fixed order.
    let total = |range: &[usize]| {
        scores[range[0]..range[1]].iter().copied().fold(Compensated::default(), Compensated::plus)
    };
    let mut totals: Vec<Compensated> = offsets.windows(2).map(total).collect();
    let centre = median(totals.iter().map(|total| total.value()).collect());
    totals.iter_mut().for_each(|total| total.add(-centre));

    for (user, range) in offsets.windows(2).enumerate() {
        let positions = columns(answers.rows.row(user));
        let scores = &mut scores[range[0]..range[1]];
        scores.iter_mut().zip(positions).for_each(|(score, position)| score.add(-centres[position]));
    }
    let largest = scores.iter().fold(0.0, |largest: f64, score| largest.max(score.value().abs()));
    let up = 2f64.powi((-self::exponent(largest)).clamp(-2, MOST_SCALED_UP));
    scores.iter_mut().for_each(|score| *score = score.times_power(up).on_grid(GRID));
    totals.iter_mut().for_each(|total| *total = total.times_power(up).rounded());
    Weighted { offsets, scores, totals }
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
        let answers = RawAnswers {
            users: all().map(|(user, _)| user as u32).collect(),
            questions: all().map(|(_, question)| question as u32).collect(),
            scores: scores(&mut all()),
        };
        classify(&answered, AllAnswers { batches: &[answers], decimals: None })
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
        let classified = classify_by(2, 3, |answers| {
            RawScores::Float(answers.map(|(user, _)| 1e9 + user as f64 * 2f64.powi(-20)).collect())
        });
        let Some(Scores::Float(float)) = classified else { panic!("not a float class") };
        // The largest deviation there is counts 1.
        assert_eq!(float.totals[1].minus(float.totals[0]), 3.0);
        assert_eq!(float.of(1), [Compensated::from(1.0); 3]);
    }
}
