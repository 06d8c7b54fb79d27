//! How a table holds answers: one a row, or one a cell.

use std::sync::Arc;

use arrow::datatypes::Fields;

use crate::error::Result;
use crate::index::columns::ColumnNames;
use crate::index::input::InputColumns;
use crate::index::long::LongColumns;
use crate::index::wide::WideColumns;

/// How a table holds answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum InputLayout {
    /// Each row is an answer: columns say who gave it, to what, and how well.
    Long(ColumnNames),
    /// Each row is a user, and each column a question, whose values are the scores.
    Wide {
        /// Name of the one column that is no question, but says who answered; without, each
        /// row is a user of its own.
        user: Option<String>,
    },
}

impl Default for InputLayout {
    fn default() -> Self {
        Self::Long(ColumnNames::default())
    }
}

impl From<ColumnNames> for InputLayout {
    fn from(names: ColumnNames) -> Self {
        Self::Long(names)
    }
}

impl InputLayout {
    /// The columns of a table in this layout, of which those at some places are beside the answers.
    ///
    /// # Errors
    /// A column that is missing or ambiguous, or has a type that cannot play its role.
    pub(crate) fn columns(&self, fields: &Fields, beside: &[usize]) -> Result<Arc<dyn InputColumns>> {
        Ok(match self {
            Self::Long(names) => Arc::new(LongColumns::try_new(fields, names)?),
            Self::Wide { user } => Arc::new(WideColumns::try_new(fields, user.as_deref(), beside)?),
        })
    }
}
