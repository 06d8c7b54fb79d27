//! Rows in, an immutable index out. This layer knows Arrow and nothing of SQL.
//!
//! ```text
//!  RecordBatch ─┐   layout: long, wide   key, dictionary     blocks        answered, classify
//!  RecordBatch ─┼─▶ find and check    ─▶  value → id by  ─▶  answers by ─▶ bits by user,   ─▶ AnswerIndex
//!  RecordBatch ─┘   columns, widen         value             user         scores, totals
//!               └─────────────────────────── builder ───────────────────────────────────┘
//! ```
//!
//! `criterion` keeps a value of each user in the place of the grand total, and `partitions` a builder for each part of a
//! table. `roles` says which columns are read, and what for.
//!
//! Many users are in no cache, so nothing waits for one load after another: values are looked up some
//! hundreds at a time, and bits are set for some thousand users at a time.

mod all_answers;
mod answered;
mod answers;
pub(crate) mod bitset;
mod blocks;
mod builder;
mod classify;
mod column_bytes;
mod columns;
mod common_type;
mod criterion;
mod decimal;
mod dictionary;
mod error;
mod extension;
mod id_table;
mod input;
mod key;
mod layout;
mod long;
pub(crate) mod partitions;
mod raw;
mod recent;
mod roles;
pub(crate) mod scores;
mod sorting;
mod spread;
pub(crate) mod unit;
mod value_bytes;
mod wide;
#[cfg(feature = "distributed")]
mod wire;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};

use crate::interest::Interest;

pub use answers::Answers;
pub use builder::IndexBuilder;
pub use columns::{ColumnNames, check_numeric, key_type};
pub use error::BuildError;
pub use extension::extension_metadata;
pub use layout::InputLayout;
pub use roles::InputRoles;

/// Everything the sweep and its output need to know of a table, once.
#[derive(Debug, Clone)]
pub struct AnswerIndex {
    questions: ArrayRef,
    answers: Arc<Answers>,
    floats_as_decimals: bool,
    labels: Vec<String>,
}

impl AnswerIndex {
    /// The distinct questions, ascending; a question's id is its place here.
    pub fn questions(&self) -> &ArrayRef {
        &self.questions
    }

    /// The answers, without names.
    pub fn answers(&self) -> &Arc<Answers> {
        &self.answers
    }

    /// Whether the scores were floats that all stand for decimals, and are taken as those.
    pub fn floats_as_decimals(&self) -> bool {
        self.floats_as_decimals
    }

    /// Columns of integers of a wide table that are taken for questions, and may be none: everybody
    /// has a value there, and no two have the same, as with numbers that name the users.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The ids of questions, which must be of the question column's type; `None`
    /// for those that no row has.
    ///
    /// # Errors
    /// The values are of another type.
    pub fn ids(&self, values: &ArrayRef) -> Result<Vec<Option<u32>>, ArrowError> {
        let converter = RowConverter::new(vec![SortField::new(self.questions.data_type().clone())])?;
        let questions = converter.convert_columns(std::slice::from_ref(&self.questions))?;
        let values = converter.convert_columns(std::slice::from_ref(values))?;
        let ids: Vec<u32> = (0..self.questions.len() as u32).collect();
        let place = |value| ids.binary_search_by(|&id| questions.row(id as usize).cmp(&value)).ok();
        Ok(values.iter().map(|value| place(value).map(|place| ids[place])).collect())
    }

    /// Puts users in an order that follows from their answers alone, for as long as somebody waits; whether somebody does.
    pub(crate) fn order_by_answers_while(&mut self, waits: &(dyn Fn() -> bool + Sync)) -> bool {
        // Nobody else has them yet.
        let Some(answers) = Arc::get_mut(&mut self.answers) else { return true };
        let interest = Interest::while_(waits);
        let users = answers.by_answers((0..answers.users() as u32).collect(), interest);
        users.and_then(|users| answers.reorder(&users, interest)).is_ok()
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        self.questions.get_array_memory_size() + self.answers.memory()
    }

    /// Bytes of one question's value, on average.
    pub fn value_bytes(&self) -> usize {
        self.questions.get_array_memory_size() / self.questions.len().max(1)
    }
}
