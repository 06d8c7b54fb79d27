//! What a score belongs to: a user and a question, each known by a number.

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use crate::error::{KCorrsetError, Result};
use crate::index::columns::{key_type, without_dictionary};
use crate::index::dictionary::Interner;

/// The distinct values of one role, and their numbers.
#[derive(Debug)]
pub(crate) struct Key {
    role: &'static str,
    /// Name of the column.
    name: String,
    pub(crate) interner: Interner,
    nulls: usize,
}

impl Key {
    /// A key whose values are those of a column of this name and type.
    pub(crate) fn try_new(role: &'static str, name: &str, data_type: &DataType) -> Result<Self> {
        let values = key_type(role, name, data_type)?;
        let interner = Interner::new(&values).map_err(|_| KCorrsetError::KeyType {
            role,
            name: name.to_string(),
            data_type: data_type.to_string(),
            remedies: Vec::new(),
        })?;
        Ok(Self { role, name: name.to_string(), interner, nulls: 0 })
    }

    /// An empty key for other batches of the same table.
    pub(crate) fn sibling(&self) -> Self {
        Self { role: self.role, name: self.name.clone(), interner: self.interner.sibling(), nulls: 0 }
    }

    /// Takes over the values of a sibling; returns the id here of each id there.
    pub(crate) fn absorb(&mut self, sibling: &Self) -> Vec<u32> {
        self.nulls += sibling.nulls;
        self.interner.absorb(&sibling.interner)
    }

    /// The ids of a batch's values.
    pub(crate) fn push(&mut self, column: &ArrayRef) -> Result<Vec<u32>, ArrowError> {
        let column = without_dictionary(column)?;
        self.nulls += column.logical_null_count();
        self.interner.intern(&column)
    }

    /// Whether the values can be told apart.
    ///
    /// # Errors
    /// Rows without a value, more values than there are ids.
    pub(crate) fn check(&self) -> Result<()> {
        let Self { role, nulls, .. } = *self;
        if nulls > 0 {
            let name = self.name.clone();
            return Err(KCorrsetError::NullKey { role, name, rows: nulls, remedies: Vec::new() });
        }
        count_of(role, self.interner.len()).map(|_| ())
    }
}

/// The number of distinct values of a role.
///
/// # Errors
/// There are more than ids can count.
fn count_of(role: &'static str, number: usize) -> Result<usize> {
    if number > u32::MAX as usize {
        Err(KCorrsetError::TooManyKeys { role, limit: u64::from(u32::MAX) })
    } else {
        Ok(number)
    }
}

/// Who answered.
#[derive(Debug)]
pub(crate) enum Users {
    /// A column names them.
    Named {
        /// Its place in a batch.
        column: usize,
        /// Its values.
        key: Box<Key>,
    },
    /// Each row is a user, known by nothing but the answers; how many rows there are.
    Rows(usize),
}

impl Users {
    /// No users yet, whom the column of this name and type will name.
    pub(crate) fn named(column: usize, name: &str, data_type: &DataType) -> Result<Self> {
        Ok(Self::Named { column, key: Box::new(Key::try_new("user", name, data_type)?) })
    }

    /// No users yet, for other batches of the same table.
    pub(crate) fn sibling(&self) -> Self {
        match self {
            Self::Named { column, key } => Self::Named { column: *column, key: Box::new(key.sibling()) },
            Self::Rows(_) => Self::Rows(0),
        }
    }

    /// The ids of the users of a batch's rows.
    pub(crate) fn push(&mut self, batch: &RecordBatch) -> Result<Vec<u32>, ArrowError> {
        match self {
            Self::Named { column, key } => key.push(batch.column(*column)),
            Self::Rows(rows) => Ok(numbered(rows, batch.num_rows())),
        }
    }

    /// Takes over the users of a sibling; returns the id here of each id there.
    pub(crate) fn absorb(&mut self, sibling: &Self) -> Vec<u32> {
        match (self, sibling) {
            (Self::Named { key, .. }, Self::Named { key: sibling, .. }) => key.absorb(sibling),
            (Self::Rows(rows), sibling) => numbered(rows, sibling.len()),
            // Siblings know users in the same way.
            (Self::Named { .. }, Self::Rows(_)) => Vec::new(),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Named { key, .. } => key.interner.len(),
            Self::Rows(rows) => *rows,
        }
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Named { key, .. } => key.interner.bytes(),
            Self::Rows(_) => 0,
        }
    }

    /// Whether users can be told apart.
    ///
    /// # Errors
    /// Rows without a user, more users than there are ids.
    pub(crate) fn check(&self) -> Result<()> {
        match self {
            Self::Named { key, .. } => key.check(),
            Self::Rows(rows) => count_of("user", *rows).map(|_| ()),
        }
    }

    /// For each id, the user's place in the index: by their names, or as the rows came.
    pub(crate) fn ranks(&self) -> Vec<u32> {
        match self {
            Self::Named { key, .. } => key.interner.ranks(),
            Self::Rows(rows) => (0..*rows as u32).collect(),
        }
    }

    /// The text of a user's name; `None` of one without.
    pub(crate) fn text(&self, id: u32) -> Result<Option<String>, ArrowError> {
        match self {
            Self::Named { key, .. } => key.interner.text(id).map(Some),
            Self::Rows(_) => Ok(None),
        }
    }
}

/// Ids for some more rows. Past `u32::MAX` they wrap: the caller checks.
fn numbered(rows: &mut usize, more: usize) -> Vec<u32> {
    let first = *rows;
    *rows += more;
    (first..*rows).map(|row| row as u32).collect()
}
