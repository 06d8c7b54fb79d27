//! Columns of a wide table that are no scores.

use std::fmt;

use crate::error::text::{long_hint, short_to};

/// Columns of a wide table that are no scores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfitColumns {
    /// Their names.
    pub names: Vec<String>,
    /// The type of each: that of Arrow, or the name of its extension type.
    pub types: Vec<String>,
    /// Those of them that are text, which numbers can be read from.
    pub texts: Vec<String>,
    /// The user column, if there is one.
    pub user: Option<String>,
    /// Whether there are columns `question` and `score`.
    pub looks_long: bool,
}

/// How many columns are shown with their types.
const SHOWN: usize = 3;

/// The most bytes of a name that is shown.
const LONGEST_NAME: usize = 60;

impl fmt::Display for UnfitColumns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = self.names.iter().zip(&self.types).take(SHOWN).map(|(name, data_type)| {
            format!("'{}' is {}", short_to(name, LONGEST_NAME), short_to(data_type, LONGEST_NAME))
        });
        f.write_str(&typed.collect::<Vec<_>>().join(", "))?;
        if let more @ 1.. = self.names.len().saturating_sub(SHOWN) {
            write!(f, ", and {more} more are not")?;
        }
        f.write_str(long_hint(self.looks_long))
    }
}
