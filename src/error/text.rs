//! The texts of errors: how long they are, how names and lists are shown in them, and how SQL is.

#[cfg(feature = "distributed")]
use std::error::Error;
use std::fmt;

use crate::error::remedy::{Place, Remedy};

/// The most bytes of an error's text.
pub const LONGEST_TEXT: usize = 2048;

/// What begins where a text goes on with data: rows of JSON, tables and batches as Rust's `Debug`
/// shows them, and Arrow's rows of CSV.
const DUMPS: [&str; 7] = [
    "Array [",
    "Object {",
    "RecordBatch {",
    "PrimitiveArray<",
    "StringArray
",
    "MemTable {",
    "Row data:",
];

/// The text of an error of whatever layer, without data, and of at most [`LONGEST_TEXT`] bytes.
///
/// DataFusion and Arrow put into some errors what they were reading: all of a JSON file, all
/// columns of a table, all rows of a table in memory.
pub fn bounded(mut text: String) -> String {
    const CUT: &str = "…";
    if let Some(dump) = DUMPS.iter().filter_map(|dump| text.find(dump)).min() {
        text.truncate(dump);
        text.push_str(CUT);
    }
    if text.len() > LONGEST_TEXT {
        text.truncate(text.floor_char_boundary(LONGEST_TEXT - CUT.len()));
        text.push_str(CUT);
    }
    text
}

/// The most bytes of one name or value in a text.
const LONGEST_VALUE: usize = 200;

/// An error, and what lies behind it, each once.
#[cfg(feature = "distributed")]
pub(crate) fn with_sources(error: &dyn Error) -> String {
    let (mut text, mut source) = (error.to_string(), error.source());
    while let Some(error) = source {
        let behind = error.to_string();
        if !text.contains(&behind) {
            text = format!("{text}: {behind}");
        }
        source = error.source();
    }
    text
}

/// A name or value, of which only the beginning is shown if it is long.
pub(crate) fn short(value: &str) -> impl fmt::Display {
    short_to(value, LONGEST_VALUE)
}

/// A name or value, of which only the beginning is shown if it has more than `longest` bytes.
pub(crate) fn short_to(value: &str, longest: usize) -> String {
    if value.len() > longest {
        format!("{}… ({} bytes)", &value[..value.floor_char_boundary(longest)], value.len())
    } else {
        value.to_string()
    }
}

/// What SQL in a message is indented by; nothing else is.
pub const REMEDY_INDENT: &str = "    ";

/// The most bytes of SQL in a text.
const LONGEST_SQL: usize = 1000;

/// Each remedy: what it does, where it goes, and on a line of its own its SQL. Only whole ones.
pub(crate) fn advice(remedies: &[Remedy]) -> impl fmt::Display {
    let mut text = String::new();
    let mut bytes = 0;
    for Remedy { effect, place, sql } in remedies {
        bytes += effect.len() + sql.len();
        if bytes > LONGEST_SQL {
            break;
        }
        let (before, after) = if text.is_empty() { ("; to", " write") } else { ("\nor, to", "") };
        let place = match place {
            Place::Statement => String::new(),
            place => format!(" {place}"),
        };
        text.push_str(&format!("{before} {effect},{after}{place}\n{REMEDY_INDENT}{sql}"));
    }
    text
}

/// The SQL that mends something, or what is to be said where there is none, or none that is short
/// enough.
pub(crate) fn advice_or(remedies: &[Remedy], otherwise: &str) -> String {
    let advice = advice(remedies).to_string();
    if advice.is_empty() { otherwise.to_string() } else { advice }
}

/// The SQL of remedies that are told of already, each on a line of its own.
pub(crate) fn lines(remedies: &[Remedy]) -> impl fmt::Display {
    let lines = remedies.iter().filter(|remedy| remedy.sql.len() <= LONGEST_VALUE);
    lines.map(|remedy| format!("\n{REMEDY_INDENT}{}", remedy.sql)).collect::<String>()
}

/// The most bytes of all names of a list.
const LONGEST_LIST: usize = 700;

/// `'a', 'b', 'c'`, and how many more there are if there are many.
pub(crate) fn quoted_list(names: &[String]) -> impl fmt::Display {
    let mut list = String::new();
    for (number, name) in names.iter().enumerate() {
        let name = format!("'{}'", short(name));
        if list.len() + name.len() > LONGEST_LIST {
            return format!("{list} and {} more", names.len() - number);
        }
        if number > 0 {
            list.push_str(", ");
        }
        list.push_str(&name);
    }
    list
}

/// `; some are 'a', 'b'`, or nothing where there are none.
pub(crate) fn examples(known: &[String]) -> impl fmt::Display {
    if known.is_empty() {
        String::new()
    } else {
        format!("; some of those there are: {}", quoted_list(known))
    }
}

/// `; did you mean 'a' or 'b'?`, or nothing where nothing is near.
pub(crate) fn did_you_mean(near: &[String]) -> impl fmt::Display {
    let quoted: Vec<String> = near.iter().map(|name| format!("'{}'", short(name))).collect();
    if quoted.is_empty() { String::new() } else { format!("; did you mean {}?", quoted.join(" or ")) }
}

/// What to do about a table that may not be wide.
pub(crate) fn long_hint(looks_long: bool) -> &'static str {
    if looks_long {
        "; if each row is one answer, to what is in column 'question', leave the option 'wide' out"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_where_data_begin_or_it_is_long() {
        let text = |text: &str| bounded(text.to_string());
        assert_eq!(text("k must be 1 or more; got [1, 2]"), "k must be 1 or more; got [1, 2]");
        assert_eq!(
            text("Expected JSON record to be an object, found Array [Object {\"user\": String(\"ann\")}]"),
            "Expected JSON record to be an object, found …"
        );
        assert_eq!(text("Plan: MemTable { batches: [RecordBatch { schema"), "Plan: …");
        let long = bounded("ü".repeat(2000));
        assert!(long.len() <= LONGEST_TEXT && long.len() > LONGEST_TEXT - 8 && long.ends_with('…'));
    }
}
