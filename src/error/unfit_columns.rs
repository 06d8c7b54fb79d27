//! Columns of a wide table that are no scores, and what to write instead.

use std::fmt;

use super::text::{identifier, long_hint, short_to};

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
    /// The columns that are scores.
    pub scores: Vec<String>,
    /// The table as SQL writes it.
    pub table: String,
    /// Whether there are columns `question` and `score`.
    pub looks_long: bool,
}

/// How many columns are shown with their types.
const SHOWN: usize = 3;

/// The most bytes of a name that is shown.
const LONGEST_NAME: usize = 60;

/// The most bytes of a list in a query that is to be copied, and of one that is the less likely.
const LONGEST_LIST: usize = 500;
const LONGEST_SECOND_LIST: usize = 300;

/// The most bytes of the table's name in a query.
const LONGEST_TABLE: usize = 100;

impl UnfitColumns {
    fn table(&self) -> &str {
        if self.table.len() <= LONGEST_TABLE { &self.table } else { "..." }
    }

    /// The table without these columns, in the shorter of two ways.
    fn left_out(&self) -> String {
        let list = |names: &mut dyn Iterator<Item = &String>| {
            whole_list(names.map(|name| quoted(name)), LONGEST_LIST)
        };
        let table = self.table();
        if let Some(columns) = list(&mut self.names.iter()) {
            return format!("(SELECT * EXCLUDE ({columns}) FROM {table})");
        }
        match list(&mut self.user.iter().chain(&self.scores)) {
            Some(columns) => format!("(SELECT {columns} FROM {table})"),
            None => format!("(SELECT {}, ... FROM {table})", quoted(&self.scores[0])),
        }
    }

    /// The table with numbers in the place of text.
    fn as_numbers(&self) -> Option<String> {
        let cast = |name: &String| {
            let column = quoted(name);
            format!("TRY_CAST({column} AS DOUBLE) AS {column}")
        };
        let columns = match whole_list(self.texts.iter().map(cast), LONGEST_SECOND_LIST) {
            Some(columns) => columns,
            None => {
                let column = identifier(&short_to(self.texts.first()?, LONGEST_NAME));
                format!("TRY_CAST({column} AS DOUBLE) AS {column}, ...")
            }
        };
        (!self.texts.is_empty()).then(|| format!("(SELECT * REPLACE ({columns}) FROM {})", self.table()))
    }
}

impl fmt::Display for UnfitColumns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = self.names.iter().zip(&self.types).take(SHOWN).map(|(name, data_type)| {
            format!("'{}' is {}", short_to(name, LONGEST_NAME), short_to(data_type, LONGEST_NAME))
        });
        f.write_str(&typed.collect::<Vec<_>>().join(", "))?;
        if let more @ 1.. = self.names.len().saturating_sub(SHOWN) {
            write!(f, ", and {more} more are not")?;
        }
        if !self.scores.is_empty() {
            write!(f, "; if they are no questions, write {} in the place of the table", self.left_out())?;
        }
        if let (None, Some(text)) = (&self.user, self.texts.first()) {
            let name = short_to(text, LONGEST_NAME).replace('\'', "''");
            write!(f, "; if '{name}' names the users, write user => '{name}'")?;
        }
        if let Some(numbers) = self.as_numbers() {
            write!(f, "; if their text is numbers, write {numbers}, which has NULL for what is none")?;
        }
        f.write_str(long_hint(self.looks_long))
    }
}

/// A name as SQL writes it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A list of all of them, unless there are none or it has more than so many bytes.
fn whole_list(items: impl Iterator<Item = String>, longest: usize) -> Option<String> {
    let mut list = String::new();
    for item in items {
        if !list.is_empty() {
            list.push_str(", ");
        }
        list.push_str(&item);
        if list.len() > longest {
            return None;
        }
    }
    (!list.is_empty()).then_some(list)
}
