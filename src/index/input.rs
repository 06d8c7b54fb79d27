//! What a layout makes of a table's columns: users, questions and scores.

use std::fmt;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::datatypes::{Field, Fields};

use crate::error::{KCorrsetError, Result};
use crate::index::decimal::DecimalScan;
use crate::index::error::BuildError;
use crate::index::key::{Key, Users};
use crate::index::raw::RawAnswers;

/// The columns of a table in their roles.
pub(crate) trait InputColumns: fmt::Debug + Send + Sync {
    /// The places of the columns that are read, each once.
    fn places(&self) -> Vec<usize>;

    /// What a question is: its type, and of what extension type it is.
    fn question(&self) -> Field;

    /// No user yet.
    fn users(&self) -> Result<Users>;

    /// No question yet.
    fn questions(&self) -> Result<Key>;

    /// Whether scores stand for decimals, if they are floats.
    fn decimals(&self) -> Option<DecimalScan>;

    /// The digits after the point of exact scores, which are integers without it.
    fn digits(&self) -> i32;

    /// The ids of questions that may be none, but names of users that are integers.
    fn integers(&self) -> Vec<u32>;

    /// The name of a column to blame for scores of too many digits.
    fn score(&self) -> &str;

    /// The answers of a batch, whose questions become known.
    ///
    /// # Arguments
    /// `users`: that of each row; `rows`: those that count, none of which is NULL, if not all.
    ///
    /// # Errors
    /// A score of more than 128 bits, or an array that Arrow cannot read.
    fn answers(
        &self,
        batch: &RecordBatch,
        users: Vec<u32>,
        rows: Option<&BooleanArray>,
        questions: &mut Key,
    ) -> Result<RawAnswers, BuildError>;

    /// The error for a user who answered a question twice.
    fn duplicate(&self, user: String, question: String) -> KCorrsetError;
}

/// The ids of those rows; of all, if they are not given.
pub(crate) fn only(mut ids: Vec<u32>, rows: Option<&BooleanArray>) -> Vec<u32> {
    if let Some(rows) = rows {
        let mut rows = rows.values().iter();
        ids.retain(|_| rows.next() == Some(true));
    }
    ids
}

/// The place of the only column that has a name.
///
/// # Errors
/// There is none, or more than one.
pub(crate) fn place_of(fields: &Fields, role: &'static str, name: &str) -> Result<usize> {
    let mut places = fields.iter().enumerate().filter(|(_, field)| field.name() == name);
    match (places.next(), places.next()) {
        (Some((place, _)), None) => Ok(place),
        (Some(_), Some(_)) => {
            Err(KCorrsetError::AmbiguousColumn { role, name: name.to_string(), remedies: Vec::new() })
        }
        (None, _) => Err(KCorrsetError::MissingColumn {
            role,
            name: name.to_string(),
            columns: fields.iter().map(|field| field.name().clone()).collect(),
            near: Vec::new(),
            remedies: Vec::new(),
        }),
    }
}
