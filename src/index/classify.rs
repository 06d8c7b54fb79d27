//! Answers as they came → bits, scores and grand totals by user.
//!
//! Everything is done block by block of users, on all threads of the pool: a block's part of what is
//! written stays in the cache, in whatever order the answers came. Users are in the order of appearance.

use std::ops::AddAssign;
use std::sync::Arc;

use ethnum::I256;
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, IntoParallelRefIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

use crate::compensated::Compensated;
use crate::index::bitset::{BitMatrix, BitRows, columns, rank};
use crate::index::blocks::{AnswerBlocks, BLOCK};
use crate::index::criterion::CriterionValues;
use crate::index::decimal::DecimalUnit;
use crate::index::raw::{RawAnswers, RawScores, float};
use crate::index::scores::{Binary, Scores, Weighted, offsets};
use crate::index::spread::Spread;
use crate::index::unit::Unit;
use crate::interest::{Interest, Unwanted, filled};

/// All answers as they came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AllAnswers<'a> {
    pub(crate) blocks: &'a AnswerBlocks,
    /// How far the scores spread that are exact as they came.
    pub(crate) spread: Spread,
    /// The unit in which scores that are floats are whole; `None` where they are no floats,
    /// or are no decimals.
    pub(crate) decimals: Option<DecimalUnit>,
    /// The digits after the point of exact scores as they came.
    pub(crate) digits: i32,
    /// What takes the place of grand totals, if anything does.
    pub(crate) criterion: Option<&'a CriterionValues>,
}

impl AllAnswers<'_> {
    /// Whether the scores are summed as floats.
    pub(crate) fn are_floats(&self) -> bool {
        let of_criterion = matches!(self.criterion, Some(CriterionValues::Float(_)));
        of_criterion || self.blocks.are_floats() && self.decimals.is_none()
    }

    /// A score of a list, where scores are exact.
    #[inline]
    fn exact(&self, list: &RawAnswers, place: usize) -> i128 {
        match &list.scores {
            RawScores::Exact(scores) => scores[place].into(),
            RawScores::Wide(scores) => scores[place],
            RawScores::Float(scores) => self.decimals.map_or(0, |unit| unit.units(scores[place]).into()),
        }
    }

    /// The digits after the point of what scores are summed as.
    fn digits(&self) -> i32 {
        match self.decimals {
            Some(_) if self.are_floats() => 0,
            Some(unit) => unit.digits() as i32,
            None => self.digits,
        }
    }

    /// How far exact scores spread.
    fn spread(&self) -> Spread {
        let Some(unit) = self.decimals else { return self.spread };
        let of_list = |mut spread: Spread, list: &RawAnswers| {
            if let RawScores::Float(scores) = &list.scores {
                spread.add(scores.iter().map(|&score| unit.units(score)));
            }
            spread
        };
        let of_block = |lists: &Vec<RawAnswers>| lists.iter().fold(Spread::default(), of_list);
        self.blocks.blocks().par_iter().map(of_block).reduce(Spread::default, Spread::merged)
    }
}

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

/// Bytes that [`classify`] takes at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClassifyMemory {
    /// Those of the scores and grand totals.
    pub(crate) scores: usize,
    /// Those that it gives back.
    pub(crate) working: usize,
}

impl ClassifyMemory {
    /// The bytes for answers, given how many users and questions there are, beside the answers and the
    /// bits of who answered what.
    pub(crate) fn of(answers: AllAnswers<'_>, users: usize, questions: usize) -> Self {
        let number = answers.blocks.len();
        let offsets = users * size_of::<usize>();
        if answers.are_floats() {
            // Every score twice, once by user and once by question; totals, and their values.
            let compensated = size_of::<Compensated>();
            let scores = (number + users) * compensated + offsets;
            return Self { scores, working: (number + users) * size_of::<f64>() };
        }
        let spread = answers.spread();
        // Whatever users answered, their totals are no wider.
        let subtotals = spread.widest() * I256::from(questions as u64);
        let totals = match answers.criterion {
            Some(CriterionValues::Exact(_, spread)) => spread.widest(),
            _ => subtotals,
        };
        let scores = if spread.span() <= I256::ONE && totals <= I256::from(i16::MAX) {
            BitMatrix::bytes(users, questions) + users * size_of::<i16>()
        } else {
            let widest = subtotals.max(totals);
            let sums = widest.checked_mul(widest).and_then(|sums| sums.checked_mul(I256::from(users as u64)));
            let number_bytes = match sums {
                Some(sums) if sums <= I256::from(i64::MAX) => size_of::<i64>(),
                Some(sums) if sums <= I256::from(i128::MAX) => size_of::<i128>(),
                _ => size_of::<I256>(),
            };
            (number + users) * number_bytes + offsets
        };
        let total = if totals <= I256::from(i64::MAX) { size_of::<i64>() } else { size_of::<I256>() };
        Self { scores, working: users * total }
    }
}

/// Answers as they came, and the same as bits.
struct Answered<'a> {
    rows: &'a BitMatrix,
    positions: &'a [u32],
    answers: AllAnswers<'a>,
    interest: Interest<'a>,
}

/// A number that grand totals are summed in.
trait Total: Copy + Ord + AddAssign + Send + Sync + Into<I256> {
    const ZERO: Self;

    /// A score that is known to fit.
    fn of(score: i128) -> Self;
}

impl Total for i64 {
    const ZERO: Self = 0;

    #[inline]
    fn of(score: i128) -> Self {
        score as i64
    }
}

impl Total for I256 {
    const ZERO: Self = I256::ZERO;

    #[inline]
    fn of(score: i128) -> Self {
        I256::from(score)
    }
}

impl Answered<'_> {
    fn exact(&self) -> Result<Option<Classified>, Unwanted> {
        let spread = self.answers.spread();
        let (lowest, divisor, digits) = (spread.scaled_lowest(), spread.divisor(), self.answers.digits());
        let scores = self.exact_numbers(spread)?;
        Ok(scores.map(|scores| (scores, Unit::Exact { lowest, divisor, digits })))
    }

    fn exact_numbers(&self, spread: Spread) -> Result<Option<Scores>, Unwanted> {
        self.interest.check()?;
        if let Some(CriterionValues::Exact(values, own)) = self.answers.criterion {
            // Who has none answered nothing, and is not to widen the others.
            let of_user = |value: &Option<i128>| value.map_or(own.scaled_lowest(), |value| own.scaled(value));
            return if own.widest() <= I256::from(i64::MAX) {
                self.exact_of(spread, &values.iter().map(|value| i64::of(of_user(value))).collect::<Vec<_>>())
            } else {
                self.exact_of(
                    spread,
                    &values.iter().map(|value| I256::of(of_user(value))).collect::<Vec<_>>(),
                )
            };
        }
        let largest = spread.widest() * I256::from(self.rows.columns() as u64);
        if largest <= I256::from(i64::MAX) {
            self.exact_of(spread, &self.totals::<i64>(spread)?)
        } else {
            self.exact_of(spread, &self.totals::<I256>(spread)?)
        }
    }

    /// The grand total of each user.
    fn totals<T: Total>(&self, spread: Spread) -> Result<Vec<T>, Unwanted> {
        let mut totals = vec![T::ZERO; self.rows.rows()];
        let blocks = self.answers.blocks.blocks().par_iter();
        totals.par_chunks_mut(BLOCK).zip(blocks).try_for_each(|(totals, lists)| {
            self.each(lists, |list, place, user, _| {
                totals[user % BLOCK] += T::of(spread.scaled(self.answers.exact(list, place)));
            })
        })?;
        Ok(totals)
    }

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

    fn exact_of<T: Total>(&self, spread: Spread, totals: &[T]) -> Result<Option<Scores>, Unwanted> {
        let (lowest, span) = (spread.scaled_lowest(), spread.span());
        // Half-way between the extremes: no other constant makes the largest smaller.
        let least = totals.iter().copied().min().unwrap_or(T::ZERO).into();
        let most = totals.iter().copied().max().unwrap_or(T::ZERO).into();
        let centre: I256 = least + (most - least) / 2;
        let totals = || totals.iter().map(|&total| total.into() - centre);
        let widest_total = (most - centre).max(centre - least);

        let questions = self.rows.columns();
        if span <= I256::ONE && widest_total <= I256::from(i16::MAX) {
            let totals = totals().map(|total| total.as_i16()).collect();
            return Ok(Some(Scores::Binary(Binary { correct: self.correct(spread)?, totals })));
        }

        // a is at most the span on every question; so n, Σa, Σa², Σb, Σb² and Σab are
        // all at most users · widest².
        let users = I256::from(self.rows.rows().max(1) as u64);
        let sums = || {
            let widest_subtotal = span.checked_mul(I256::from(questions as u64))?;
            let widest = widest_total.max(widest_subtotal);
            widest.checked_mul(widest)?.checked_mul(users)
        };
        let Some(sums) = sums() else { return Ok(None) };
        let offsets = offsets(self.rows);
        let number = |score| spread.scaled(score) - lowest;
        // Scores less the lowest are below the span, which fits where the sums do.
        if sums <= I256::from(i64::MAX) {
            let scores = self.placed_exact(&offsets, 0, |score| number(score) as i64)?;
            let totals = totals().map(|total| total.as_i64()).collect();
            return Ok(Some(Scores::Integer(Arc::new(Weighted { scores, totals, offsets }))));
        }
        if sums <= I256::from(i128::MAX) {
            let scores = self.placed_exact(&offsets, 0, number)?;
            let totals = totals().map(|total| total.as_i128()).collect();
            return Ok(Some(Scores::Long(Arc::new(Weighted { scores, totals, offsets }))));
        }
        // n · Σab - Σa · Σb and its like are at most twice users · sums, and so is what
        // `corrected` makes of them up to another factor of four.
        if sums.checked_mul(users).and_then(|sums| sums.checked_mul(I256::from(8))).is_none() {
            return Ok(None);
        }
        let number = |score| I256::from(spread.scaled(score)) - I256::from(lowest);
        let scores = self.placed_exact(&offsets, I256::ZERO, number)?;
        Ok(Some(Scores::Wide(Arc::new(Weighted { scores, totals: totals().collect(), offsets }))))
    }

    /// The answers with the higher of two scores.
    fn correct(&self, spread: Spread) -> Result<BitMatrix, Unwanted> {
        let mut correct = BitMatrix::new(self.rows.rows(), self.rows.columns());
        let blocks = self.answers.blocks.blocks().par_iter();
        correct.par_blocks_mut(BLOCK).zip(blocks).try_for_each(|(mut rows, lists)| {
            self.each(lists, |list, place, user, question| {
                if self.answers.exact(list, place) != spread.lowest {
                    rows.set(user % BLOCK, self.positions[question] as usize);
                }
            })
        })?;
        Ok(correct)
    }

    /// Exact scores by user and position.
    fn placed_exact<N: Copy + Send>(
        &self,
        offsets: &[usize],
        zero: N,
        number: impl Fn(i128) -> N + Sync,
    ) -> Result<Vec<N>, Unwanted> {
        self.placed(offsets, zero, |list, place| number(self.answers.exact(list, place)))
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

    /// A score as a double, scaled down.
    fn float(list: &RawAnswers, place: usize, exponent: i32) -> Compensated {
        scaled_down(list.scores.float(place), exponent)
    }

    /// Scores are scaled by one power of two, so that no square of a sum overflows;
    /// then each question is shifted by its median, and the grand totals by theirs. The
    /// median is near the bulk of the data, where a mean would follow the outliers.
    /// What the shift rounds off is kept beside it, so data of 1e9 + small values lose
    /// nothing. Then they are scaled again, so that the largest is between 1 and 2, and
    /// brought on a grid.
    fn floats(&self) -> Result<(Weighted<Compensated>, Unit), Unwanted> {
        let blocks = self.answers.blocks.blocks();
        let largest = |lists: &Vec<RawAnswers>| {
            lists.iter().try_fold(0.0, |largest: f64, list| {
                self.interest.check()?;
                let sizes = (0..list.len()).map(|place| list.scores.float(place)[0].abs());
                Ok(sizes.fold(largest, f64::max))
            })
        };
        let larger = |x: f64, y: f64| Ok(x.max(y));
        let exponent = exponent(blocks.par_iter().map(largest).try_reduce(|| 0.0, larger)?);
        let offsets = offsets(self.rows);
        let number = |list: &RawAnswers, place: usize| Self::float(list, place, exponent);
        let mut scores = self.placed(&offsets, Compensated::default(), number)?;
        let centres = self.centres(exponent)?;

        // By user and position, so that sums run in a fixed order.
        let total = |(user, range): (usize, &[usize])| {
            self.interest.check_at(user)?;
            let of_user = scores[range[0]..range[1]].iter().copied();
            Ok(of_user.fold(Compensated::default(), Compensated::plus))
        };
        let totals = offsets.par_windows(2).enumerate().map(total).collect::<Result<Vec<_>, Unwanted>>();
        let mut totals = totals?;
        self.interest.check()?;
        let centre = median(totals.iter().map(|total| total.value()).collect());
        totals.iter_mut().for_each(|total| total.add(-centre));
        self.interest.check()?;

        by_block(&mut scores, &offsets).into_par_iter().try_for_each(|(first, scores)| {
            self.interest.check()?;
            let end = self.rows.rows().min(first + BLOCK);
            let positions = (first..end).flat_map(|user| columns(self.rows.row(user)));
            scores.iter_mut().zip(positions).for_each(|(score, position)| score.add(-centres[position]));
            Ok(())
        })?;
        let largest = |scores: &[Compensated]| {
            self.interest.check()?;
            Ok(scores.iter().fold(0.0, |largest: f64, score| largest.max(score.value().abs())))
        };
        let largest = scores.par_chunks(PART).map(largest).try_reduce(|| 0.0, larger)?;
        let up = 2f64.powi((-self::exponent(largest)).clamp(-2, MOST_SCALED_UP));
        scores.par_chunks_mut(PART).try_for_each(|scores| {
            self.interest.check()?;
            scores.iter_mut().for_each(|score| *score = score.times_power(up).on_grid(GRID));
            Ok(())
        })?;
        match self.answers.criterion {
            None => totals.iter_mut().for_each(|total| *total = total.times_power(up).rounded()),
            Some(values) => totals = self.outside_totals(values)?,
        }
        let unit = Unit::Float { up, exponent, centres, digits: self.answers.digits() };
        Ok((Weighted { offsets, scores, totals }, unit))
    }

    /// The values of a criterion: scaled, shifted by their median and scaled again, as scores are, but
    /// with powers of two of their own.
    fn outside_totals(&self, values: &CriterionValues) -> Result<Vec<Compensated>, Unwanted> {
        let values: Vec<Option<[f64; 2]>> = match values {
            CriterionValues::Exact(values, _) => values.iter().map(|value| value.map(float)).collect(),
            CriterionValues::Float(values) => {
                values.iter().map(|value| value.map(|value| [value, 0.0])).collect()
            }
        };
        self.interest.check()?;
        let largest = values.iter().flatten().fold(0.0, |largest: f64, value| largest.max(value[0].abs()));
        let exponent = exponent(largest);
        let centre = median(values.iter().flatten().map(|value| scale_down(value[0], exponent)).collect());
        self.interest.check()?;
        let total = |value: &Option<[f64; 2]>| {
            // Who has none answered nothing.
            let mut total = value.map_or(centre.into(), |value| scaled_down(value, exponent));
            total.add(-centre);
            total
        };
        let totals: Vec<Compensated> = values.iter().map(total).collect();
        let largest = totals.iter().fold(0.0, |largest: f64, total| largest.max(total.value().abs()));
        let up = 2f64.powi((-self::exponent(largest)).clamp(-2, MOST_SCALED_UP));
        Ok(totals.into_iter().map(|total| total.times_power(up).rounded()).collect())
    }

    /// For each position, the median of the scaled scores.
    fn centres(&self, exponent: i32) -> Result<Vec<f64>, Unwanted> {
        let mut sizes = vec![0; self.rows.columns()];
        for list in self.answers.blocks.lists() {
            self.interest.check()?;
            list.questions.iter().for_each(|&id| sizes[self.positions[id as usize] as usize] += 1);
        }
        let mut by_question: Vec<Vec<f64>> = sizes.into_iter().map(Vec::with_capacity).collect();
        for list in self.answers.blocks.lists() {
            self.interest.check()?;
            for (place, &question) in list.questions.iter().enumerate() {
                let score = Self::float(list, place, exponent).value();
                by_question[self.positions[question as usize] as usize].push(score);
            }
        }
        let centre = |scores| {
            self.interest.check()?;
            Ok(median(scores))
        };
        by_question.into_par_iter().map(centre).collect()
    }
}

/// Scores that a thread goes through between two looks.
const PART: usize = 1 << 16;

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

/// The leading parts of floating point scores are multiples of this and below 2 in size.
/// So sums of up to 16 of them are exact, and the same whatever is added first: a filter
/// that fixes a question changes the order, but no bit of r.
const GRID: f64 = 1.0 / (1u64 << 48) as f64;

/// The most that scores are scaled up, as a power of two. Those that are smaller yet are
/// summed with all their digits anyway, and grand totals stay below 2¹²⁷ or so.
const MOST_SCALED_UP: i32 = 60;

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

/// A double and what is left beside it, divided by `2^exponent`.
fn scaled_down([value, rest]: [f64; 2], exponent: i32) -> Compensated {
    let mut number = Compensated::from(scale_down(value, exponent));
    number.add(scale_down(rest, exponent));
    number
}

/// `value / 2^exponent`: exact unless the result is below the smallest normal number.
fn scale_down(value: f64, exponent: i32) -> f64 {
    // Exponents lie in -1022..=1023; so does half of their negative, twice.
    let first = -exponent / 2;
    let second = -exponent - first;
    let power = |e: i32| f64::from_bits(((1023 + e) as u64) << 52);
    value * power(first) * power(second)
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
