//! How sets are found, and what is known of those who read them.

use std::str::FromStr;

/// Whether sets are swept or searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Method {
    /// Whichever is probably faster, of those that can answer.
    #[default]
    Auto,
    /// All sets are swept.
    Sweep,
    /// Sets are searched for, wherever that can answer.
    Tree,
    /// Good sets are looked for, which are not proven to be the best.
    Heuristic(Effort),
}

/// How hard a heuristic search tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Effort {
    /// How long: 1 for a second or two.
    pub effort: usize,
    /// What chooses the sets that it begins with.
    pub seed: u64,
}

impl Default for Effort {
    fn default() -> Self {
        Self { effort: 1, seed: 0 }
    }
}

impl Method {
    /// Those that never change an answer, by name.
    pub const NAMES: [(&'static str, Self); 3] =
        [("auto", Self::Auto), ("sweep", Self::Sweep), ("tree", Self::Tree)];

    /// The name, in settings and in plans.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, method)| *method == self).map_or("heuristic", |(name, _)| name)
    }
}

impl FromStr for Method {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        let named = Self::NAMES.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        named.map(|(_, method)| *method).ok_or(())
    }
}

/// Which part of the searches is for this process, of how many. Heuristics are for the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// From 0 on.
    pub index: usize,
    /// How many there are.
    pub of: usize,
}

impl Default for Part {
    /// All of them.
    fn default() -> Self {
        Self { index: 0, of: 1 }
    }
}

/// What is known of the rows that will be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outlook {
    /// About how many of the sets of the highest r, if it is these that are read first and if whoever
    /// reads them says when no lower ones are wanted.
    pub best: Option<usize>,
    /// Whether reading ends before the last row.
    pub partial: bool,
}
