//! The error for a question that an argument names and no row has.

use datafusion::arrow::util::display::array_value_to_string;
use datafusion::common::ScalarValue;

use crate::error::KCorrsetError;
use crate::index::AnswerIndex;
use crate::udtf::advice::near::near_questions;

/// The most questions among which near ones are looked for.
const MOST_QUESTIONS: usize = 20_000;

/// Questions that are told where none is near.
const EXAMPLES: usize = 5;

/// The error, with questions that are near, or some that there are.
pub(crate) fn unknown_question(
    option: &'static str,
    question: &ScalarValue,
    index: &AnswerIndex,
) -> KCorrsetError {
    let questions = index.questions();
    let text = |place| array_value_to_string(questions, place).ok();
    let names: Vec<String> = (0..questions.len().min(MOST_QUESTIONS)).filter_map(text).collect();
    let question = question.to_string();
    let near = near_questions(&question, names.iter().map(String::as_str));
    let known = if near.is_empty() { names.into_iter().take(EXAMPLES).collect() } else { Vec::new() };
    KCorrsetError::UnknownQuestion { option, question, near, known }
}
