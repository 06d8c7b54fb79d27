//! What a score belongs to: a user and a question, each known by a number.

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use crate::error::{KCorrsetError, Result};
use crate::index::columns::{key_type, without_dictionary};
use crate::index::dictionary::Interner;
use crate::index::error::Ended;
use crate::index::sorting::sorted_bytes;
use crate::interest::{Interest, Unwanted};

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
        Ok(Self { role, name: name.to_string(), interner: Interner::new(&values), nulls: 0 })
    }

    /// An empty key for other batches of the same table.
    pub(crate) fn sibling(&self) -> Self {
        Self { role: self.role, name: self.name.clone(), interner: self.interner.sibling(), nulls: 0 }
    }

    /// Takes over the values of a sibling; returns the id here of each id there.
    ///
    /// # Errors
    /// Nobody waits for it.
    pub(crate) fn absorb(&mut self, sibling: &Self, interest: Interest<'_>) -> Result<Vec<u32>, Unwanted> {
        self.nulls += sibling.nulls;
        self.interner.absorb(&sibling.interner, interest)
    }

    /// The ids of a batch's values.
    pub(crate) fn push(&mut self, column: &ArrayRef) -> Result<Vec<u32>, ArrowError> {
        self.nulls += column.logical_null_count();
        Ok(self.interner.intern(&values(column)?))
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
    ///
    /// # Errors
    /// Nobody waits for it.
    pub(crate) fn absorb(&mut self, sibling: &Self, interest: Interest<'_>) -> Result<Vec<u32>, Unwanted> {
        match (self, sibling) {
            (Self::Named { key, .. }, Self::Named { key: sibling, .. }) => key.absorb(sibling, interest),
            (Self::Rows(rows), sibling) => Ok(numbered(rows, sibling.len())),
            // Siblings know users in the same way.
            (Self::Named { .. }, Self::Rows(_)) => Ok(Vec::new()),
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

    /// Bytes that [`by_name`](Self::by_name) takes at most.
    pub(crate) fn by_name_bytes(&self) -> usize {
        match self {
            Self::Named { key, .. } => key.interner.sorted_bytes(),
            Self::Rows(_) => 0,
        }
    }

    /// Bytes that it takes at most to put users without names in the order of their answers.
    pub(crate) fn by_answers_bytes(&self) -> usize {
        match self {
            Self::Named { .. } => 0,
            Self::Rows(rows) => sorted_bytes(*rows),
        }
    }

    /// The ids in the order of the users' names; `None` of users without.
    ///
    /// # Errors
    /// Nobody waits for it.
    pub(crate) fn by_name(&self, interest: Interest<'_>) -> Result<Option<Vec<u32>>, Ended> {
        match self {
            Self::Named { key, .. } => key.interner.sorted(interest).map(Some),
            Self::Rows(_) => Ok(None),
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

/// A column without a dictionary, whose values have the same bytes. Texts become views of those in the dictionary, so
/// that each is hashed once a batch and none is copied.
fn values(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match column.data_type() {
        DataType::Dictionary(_, values) if values.is_string() => cast(column, &DataType::Utf8View),
        DataType::Dictionary(_, values) if matches!(**values, DataType::Binary | DataType::LargeBinary) => {
            cast(column, &DataType::BinaryView)
        }
        _ => without_dictionary(column),
    }
}
