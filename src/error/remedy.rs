//! What mends a fault, for errors to give.

use std::fmt;

/// SQL that mends a fault, or Python where the call is one of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy {
    /// What it does, after "to", as in "leave them out".
    pub effect: String,
    /// Where it goes.
    pub place: Place,
    /// The SQL or Python, on one line.
    pub sql: String,
}

/// Where the SQL of a [`Remedy`] goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// A subquery, to be the first argument of the call in the place of the table.
    Table,
    /// Data of Python, to be the first argument of the call.
    Data,
    /// A further argument of the call, or one in the place of an argument of that name.
    Option,
    /// A condition for the query around the call, and no argument.
    Where,
    /// A statement.
    Statement,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Table => "in the place of the table",
            Self::Data => "in the place of the data",
            Self::Option => "as an argument",
            Self::Where => "behind the call",
            Self::Statement => "",
        })
    }
}
