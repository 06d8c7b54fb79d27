//! What may differ in a session that has `k_corrset`.

use std::fmt;

/// Settings, as `SHOW ALL` lists them.
const SETTINGS: [&str; 7] = [
    "k_corrset.batch_size",
    "k_corrset.kernel",
    "k_corrset.pieces",
    "k_corrset.pushdown",
    "k_corrset.search",
    "k_corrset.ship_below",
    "k_corrset.threads",
];

/// The table function, as `SHOW FUNCTIONS` lists it.
const FUNCTIONS: [&str; 1] = ["k_corrset"];

/// Steps of planning, as EXPLAIN VERBOSE lists them.
const STEPS: [&str; 2] =
    ["logical_plan after resolve_k_corrset", "logical_plan after k_corrset_allow_dynamic_filters"];

/// What EXPLAIN VERBOSE says of a step that has changed nothing.
const UNCHANGED: &str = "SAME TEXT AS ABOVE";

/// Why rows may be there with the function and not without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Accepted {
    /// The settings `k_corrset.*`, in a list of all settings.
    Settings,
    /// The table function, in a list of all functions.
    Functions,
    /// A rule of the function that has changed nothing, in EXPLAIN VERBOSE.
    Steps,
}

impl fmt::Display for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Settings => "settings k_corrset.* in a list of all settings",
            Self::Functions => "the table function in a list of all functions",
            Self::Steps => "rules in EXPLAIN VERBOSE that have changed nothing",
        })
    }
}

/// Takes the rows that may be there with the function alone out of what a statement has given.
/// Returns why they may be, if there were any.
pub fn take_out(sql: &str, rows: &mut Vec<Vec<String>>) -> Option<Accepted> {
    let sql = sql.to_lowercase();
    let lists_settings = sql.contains("df_settings") || sql.starts_with("show all");
    let lists_functions = sql.contains("information_schema.routines") || sql.starts_with("show functions");
    let lists_steps = sql.starts_with("explain verbose");
    let reason = |row: &[String]| {
        let (name, rest) = row.split_first()?;
        let is_one_of = |names: &[&str]| names.contains(&name.as_str());
        let is_table = || rest.iter().any(|cell| cell == "TABLE");
        if lists_settings && is_one_of(&SETTINGS) {
            Some(Accepted::Settings)
        } else if lists_functions && is_one_of(&FUNCTIONS) && is_table() {
            Some(Accepted::Functions)
        } else if lists_steps && is_one_of(&STEPS) && rest == [UNCHANGED] {
            Some(Accepted::Steps)
        } else {
            None
        }
    };
    let found = rows.iter().find_map(|row| reason(row));
    rows.retain(|row| reason(row).is_none());
    found
}
