//! What a run has found.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use crate::accepted::Accepted;
use crate::compare::Kept;

/// How many lines of an output are shown.
const LINES: usize = 12;

/// A record that gave something else with the function.
#[derive(Debug)]
pub struct Difference {
    /// File and line.
    pub place: String,
    /// The statement.
    pub sql: String,
    /// What the first plain session gave.
    pub plain: String,
    /// What the session with the function gave.
    pub registered: String,
}

/// A record that gave different things in plain sessions.
#[derive(Debug)]
pub struct Varying {
    /// File and line.
    pub place: String,
    /// What of it is compared all the same.
    pub kept: Kept,
    /// Not between the first two.
    pub rarely: bool,
}

/// What the comparison of some files has found.
#[derive(Debug, Default)]
pub struct Report {
    /// How many files.
    pub files: usize,
    /// How many records that give something, each of which was run in every session.
    pub records: usize,
    /// Files that do not give what they expect, in the first plain session.
    pub fail_plain: Vec<String>,
    /// Files that do not give what they expect, in the session with the function.
    pub fail_registered: Vec<String>,
    /// Records that differ in a way that is accepted.
    pub accepted: Vec<(Accepted, String)>,
    /// Records that differ between plain sessions.
    pub varying: Vec<Varying>,
    /// Records that differ otherwise. There should be none.
    pub unexpected: Vec<Difference>,
    /// How long it took.
    pub elapsed: Duration,
}

impl Report {
    /// Adds what other files have given.
    pub fn add(&mut self, other: Self) {
        self.files += other.files;
        self.records += other.records;
        self.fail_plain.extend(other.fail_plain);
        self.fail_registered.extend(other.fail_registered);
        self.accepted.extend(other.accepted);
        self.varying.extend(other.varying);
        self.unexpected.extend(other.unexpected);
    }

    /// Adds a file that could not be run.
    pub fn broken(&mut self, file: &Path, error: &str) {
        self.files += 1;
        self.unexpected.push(Difference {
            place: file.display().to_string(),
            sql: String::new(),
            plain: String::new(),
            registered: error.to_string(),
        });
    }

    /// Brings everything into the order of files.
    pub fn sort(&mut self) {
        self.fail_plain.sort_unstable();
        self.fail_registered.sort_unstable();
        self.accepted.sort_unstable();
        self.varying.sort_unstable_by(|one, other| one.place.cmp(&other.place));
        self.unexpected.sort_by(|one, other| one.place.cmp(&other.place));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.elapsed.as_secs_f64();
        writeln!(f, "{} records of {} files, in {seconds:.0} s", self.records, self.files)?;

        writeln!(
            f,
            "Files that do not give what they expect: {} in plain sessions, {} with the function",
            self.fail_plain.len(),
            self.fail_registered.len(),
        )?;
        let (with, without) = (&self.fail_registered, &self.fail_plain);
        let (both, with): (Vec<_>, Vec<_>) = with.iter().cloned().partition(|file| without.contains(file));
        let without: Vec<_> = without.iter().filter(|file| !both.contains(file)).cloned().collect();
        show(f, "  in all sessions", &both)?;
        show(f, "  in plain sessions only", &without)?;
        show(f, "  with the function only", &with)?;

        writeln!(f, "Records that differ as is accepted: {}", self.accepted.len())?;
        let mut by_reason: BTreeMap<Accepted, Vec<String>> = BTreeMap::new();
        for (reason, place) in &self.accepted {
            by_reason.entry(*reason).or_default().push(place.clone());
        }
        for (reason, places) in by_reason {
            show(f, &format!("  {reason}"), &places)?;
        }

        writeln!(f, "Records that differ between plain sessions: {}", self.varying.len())?;
        let places = |wanted: fn(&Varying) -> bool| -> Vec<String> {
            self.varying.iter().filter(|record| wanted(record)).map(|record| record.place.clone()).collect()
        };
        show(f, "  in the order of lines alone", &places(|record| record.kept == Kept::Lines))?;
        show(f, "  in numbers, compared but for these", &places(|record| record.kept == Kept::Words))?;
        show(f, "  in more, not compared", &places(|record| record.kept == Kept::Nothing))?;
        show(f, "  of all these, not between the first two", &places(|record| record.rarely))?;

        writeln!(f, "Records that differ otherwise: {}", self.unexpected.len())?;
        for difference in &self.unexpected {
            let Difference { place, sql, plain, registered } = difference;
            writeln!(f, "\n{place}\n{sql}")?;
            let from = plain.lines().zip(registered.lines()).take_while(|(one, other)| one == other).count();
            for (session, output) in [("plain", plain), ("with the function", registered)] {
                writeln!(f, "  {session}, from line {}:", from + 1)?;
                output.lines().skip(from).take(LINES).try_for_each(|line| writeln!(f, "    {line}"))?;
            }
        }
        Ok(())
    }
}

fn show(f: &mut fmt::Formatter<'_>, what: &str, places: &[String]) -> fmt::Result {
    if places.is_empty() {
        return Ok(());
    }
    writeln!(f, "{what}: {}", places.len())?;
    places.iter().try_for_each(|place| writeln!(f, "    {place}"))
}
