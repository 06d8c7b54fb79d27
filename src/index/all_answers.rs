//! All answers of a table as they came, with what is known of their scores.

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use crate::index::blocks::AnswerBlocks;
use crate::index::criterion::CriterionValues;
use crate::index::decimal::DecimalUnit;
use crate::index::raw::{RawAnswers, RawScores};
use crate::index::spread::Spread;

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
    pub(crate) fn exact(&self, list: &RawAnswers, place: usize) -> i128 {
        match &list.scores {
            RawScores::Exact(scores) => scores[place].into(),
            RawScores::Wide(scores) => scores[place],
            RawScores::Float(scores) => self.decimals.map_or(0, |unit| unit.units(scores[place]).into()),
        }
    }

    /// The digits after the point of what scores are summed as.
    pub(crate) fn digits(&self) -> i32 {
        match self.decimals {
            Some(_) if self.are_floats() => 0,
            Some(unit) => unit.digits() as i32,
            None => self.digits,
        }
    }

    /// How far exact scores spread.
    pub(crate) fn spread(&self) -> Spread {
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
