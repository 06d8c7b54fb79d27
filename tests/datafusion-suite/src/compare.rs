//! Holding what a session with `k_corrset` gave beside what plain sessions gave, record by record.

use crate::accepted::{Accepted, take_out};
use crate::report::{Difference, Report, Varying};
use crate::suite::{Outcome, Output};

/// Compares one file's outcomes.
///
/// A record is masked only if it differs between plain sessions, and then no more than need be: see
/// [`Kept`].
///
/// # Arguments
/// `plain`: of two plain sessions or more; `registered`: of the session with the function.
pub fn compare(file: &str, plain: &[Vec<Outcome>], registered: &[Outcome]) -> Report {
    let fails = |outcomes: &[Outcome]| outcomes.iter().any(|outcome| !outcome.holds);
    let mut report = Report {
        files: 1,
        records: registered.len(),
        fail_plain: fails(&plain[0]).then(|| file.to_string()).into_iter().collect(),
        fail_registered: fails(registered).then(|| file.to_string()).into_iter().collect(),
        ..Report::default()
    };
    for outcomes in plain {
        if places(outcomes) != places(registered) {
            report.unexpected.push(Difference {
                place: file.to_string(),
                sql: String::new(),
                plain: format!("{} records", outcomes.len()),
                registered: format!("{} records", registered.len()),
            });
            return report;
        }
    }
    for (number, registered) in registered.iter().enumerate() {
        let plain: Vec<&Outcome> = plain.iter().map(|outcomes| &outcomes[number]).collect();
        compare_record(&mut report, &plain, registered);
    }
    report
}

fn places(outcomes: &[Outcome]) -> Vec<&str> {
    outcomes.iter().map(|outcome| outcome.place.as_str()).collect()
}

fn compare_record(report: &mut Report, plain: &[&Outcome], registered: &Outcome) {
    let (outputs, accepted) = without_accepted(registered);
    let agree =
        |kept: Kept| plain.iter().all(|outcome| kept.of(&outcome.outputs) == kept.of(&plain[0].outputs));
    let kept = Kept::ALL.into_iter().find(|kept| agree(*kept)).unwrap_or(Kept::Nothing);
    if kept != Kept::Everything {
        let rarely = plain.len() > 2 && plain[0].outputs == plain[1].outputs;
        report.varying.push(Varying { place: registered.place.clone(), kept, rarely });
    }
    if kept.of(&outputs) != kept.of(&plain[0].outputs) {
        report.unexpected.push(Difference {
            place: registered.place.clone(),
            sql: registered.sql.clone(),
            plain: text(&plain[0].outputs),
            registered: text(&registered.outputs),
        });
    } else if let Some(accepted) = accepted {
        report.accepted.push((accepted, registered.place.clone()));
    }
}

/// What of a record is compared: the most in which plain sessions agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kept {
    /// All of it.
    Everything,
    /// All but the order of lines: of rows, and within an error.
    Lines,
    /// All but the order of lines and words that have a digit in them, as metrics do.
    Words,
    /// Nothing but that the record was run.
    Nothing,
}

impl Kept {
    /// The most first.
    const ALL: [Self; 4] = [Self::Everything, Self::Lines, Self::Words, Self::Nothing];

    /// This much of what a record gave.
    fn of(self, outputs: &[Output]) -> Vec<String> {
        let whole = text(outputs);
        let mut lines: Vec<String> = match self {
            Self::Everything => return vec![whole],
            Self::Lines => whole.lines().map(str::to_string).collect(),
            Self::Words => whole.lines().map(blot).collect(),
            Self::Nothing => Vec::new(),
        };
        lines.sort_unstable();
        lines
    }
}

/// What a record gave but for the rows that may be there with the function alone.
fn without_accepted(outcome: &Outcome) -> (Vec<Output>, Option<Accepted>) {
    let mut outputs = outcome.outputs.clone();
    let mut accepted = None;
    for output in &mut outputs {
        if let Output::Rows { rows, .. } = output {
            accepted = take_out(&outcome.sql, rows).or(accepted);
        }
    }
    (outputs, accepted)
}

fn text(outputs: &[Output]) -> String {
    outputs.iter().map(Output::to_string).collect::<Vec<_>>().join("\n")
}

/// Units of metrics: less of them is another unit.
const UNITS: [&str; 6] = ["B", "KB", "MB", "GB", "K", "M"];

/// Replaces every word that has a digit in it, with the unit after it.
fn blot(line: &str) -> String {
    // Names of files that are drawn by chance, as in `kVNoDBHhIDyUSWzF_0.parquet`, are one word.
    let in_word = |letter: char| letter.is_alphanumeric() || letter == '.' || letter == '_';
    let mut rest = line;
    let mut shape = String::new();
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|letter| in_word(letter) != in_word(first)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if in_word(first) && word.contains(|letter: char| letter.is_ascii_digit()) {
            shape.push('#');
        } else if shape.ends_with("# ") && UNITS.contains(&word) {
            shape.pop();
        } else {
            shape.push_str(word);
        }
        rest = after;
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(sql: &str, rows: &[&[&str]]) -> Outcome {
        let row = |row: &&[&str]| row.iter().map(|cell| cell.to_string()).collect();
        let rows = Output::Rows { types: "T".to_string(), rows: rows.iter().map(row).collect() };
        Outcome { place: "file:1".to_string(), sql: sql.to_string(), outputs: vec![rows], holds: true }
    }

    fn unexpected(plain: [Outcome; 2], registered: Outcome) -> usize {
        compare("file", &plain.map(|outcome| vec![outcome]), &[registered]).unexpected.len()
    }

    #[test]
    fn any_other_row_is_a_difference() {
        let one = || outcome("SELECT 1", &[&["1"]]);
        assert_eq!(unexpected([one(), one()], one()), 0);
        assert_eq!(unexpected([one(), one()], outcome("SELECT 1", &[&["2"]])), 1);
        assert_eq!(unexpected([one(), one()], outcome("SELECT 1", &[&["1"], &["1"]])), 1);
    }

    #[test]
    fn our_settings_are_accepted_in_lists_of_settings_alone() {
        let plain = |sql| outcome(sql, &[&["datafusion.execution.batch_size", "8192"]]);
        let ours = |sql, name| outcome(sql, &[&["datafusion.execution.batch_size", "8192"], &[name, "auto"]]);
        let compared = |sql, name| unexpected([plain(sql), plain(sql)], ours(sql, name));
        assert_eq!(compared("SHOW ALL", "k_corrset.kernel"), 0);
        assert_eq!(compared("SHOW ALL", "k_corrset.other"), 1);
        assert_eq!(compared("SELECT * FROM settings", "k_corrset.kernel"), 1);
    }

    #[test]
    fn what_varies_without_us_is_compared_but_for_its_numbers() {
        let metrics = |time| outcome("EXPLAIN ANALYZE", &[&[time]]);
        let plain = || [metrics("sort, time=1.2ms"), metrics("sort, time=900µs")];
        assert_eq!(unexpected(plain(), metrics("sort, time=3ns")), 0);
        assert_eq!(unexpected(plain(), metrics("scan, time=3ns")), 1);
        let plain = || [metrics("sort, used=800.0 B"), metrics("sort, used=1.2 KB")];
        assert_eq!(unexpected(plain(), metrics("sort, used=1.0 MB")), 0);
        assert_eq!(unexpected(plain(), metrics("sort, left=1.0 MB")), 1);
        let plain = || [metrics("file=a1_0.csv"), metrics("file=b1_0.csv")];
        assert_eq!(unexpected(plain(), metrics("file=ab_0.csv")), 0);
        let rows = |one, two| outcome("SHOW FUNCTIONS", &[&[one], &[two]]);
        let plain = || [rows("a1", "b1"), rows("b1", "a1")];
        assert_eq!(unexpected(plain(), rows("b1", "a1")), 0);
        assert_eq!(unexpected(plain(), rows("b1", "a2")), 1, "the order alone varies");
        let plain = [metrics("one"), metrics("two")];
        assert_eq!(unexpected(plain, metrics("three")), 0, "they have nothing in common");
    }
}
