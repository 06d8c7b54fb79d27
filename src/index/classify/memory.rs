//! Bytes that classifying takes.

use ethnum::I256;

use crate::compensated::Compensated;
use crate::index::all_answers::AllAnswers;
use crate::index::bitset::BitMatrix;
use crate::index::criterion::CriterionValues;

/// Bytes that [`classify`](super::classify) takes at most.
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
