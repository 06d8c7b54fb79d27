//! Scores that are text: what they look like, and the SQL that makes numbers of them.
//!
//! Text is never taken for numbers unasked, for a slip would become a score that is missing. So a
//! call on text fails, but only when it is executed and its values have been looked at: then the
//! error can say what they are and how these very values are read.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, FieldRef, Fields};
use datafusion::arrow::error::ArrowError;

use crate::error::{KCorrsetError, Remedy};
use crate::index::{ColumnNames, InputLayout};
use crate::udtf::advice::Advice;
use crate::udtf::advice::frames::Change;
use crate::udtf::advice::spelling::Spelling;

/// Distinct values that are no plain numbers, up to which each is counted.
const MOST_VALUES: usize = 10_000;

/// Bytes up to which a value can be of a kind that is known here.
const LONGEST_VALUE: usize = 64;

/// Values up to which each is named in SQL.
const MOST_NAMED: usize = 20;

/// What stands where no score is, in lower case.
const MISSING: [&str; 31] = [
    "",
    "-",
    "--",
    "---",
    ".",
    "..",
    "...",
    "?",
    "*",
    "#n/a",
    "#na",
    "\\n",
    "blank",
    "inf",
    "-inf",
    "infinity",
    "-infinity",
    "missing",
    "n.a.",
    "n/a",
    "na",
    "nan",
    "nil",
    "no answer",
    "none",
    "not answered",
    "null",
    "omitted",
    "skipped",
    "undefined",
    "void",
];

/// Words that mean 1, and those that mean 0, in lower case.
const WORDS: [(&[&str], &[&str]); 6] = [
    (&["true", "t"], &["false", "f"]),
    (&["yes", "y"], &["no", "n"]),
    (&["correct", "right"], &["incorrect", "wrong"]),
    (&["pass", "passed"], &["fail", "failed"]),
    (&["richtig", "ja", "wahr"], &["falsch", "nein"]),
    (&["oui", "vrai", "si", "sí"], &["non", "faux"]),
];

/// What may stand in a number for people, and not in SQL.
const ORNAMENTS: [char; 11] = ['%', '$', '€', '£', '¥', ' ', '\u{a0}', '\u{202f}', '\'', '’', '_'];

/// Whether a type is text in any encoding.
pub(crate) fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_text(values),
        other => other.is_string(),
    }
}

/// The columns of a table with numbers in the place of scores that are text: what these are can
/// only be seen when the rows are read.
pub(crate) fn without_text(fields: &Fields, layout: &InputLayout) -> Fields {
    let InputLayout::Long(ColumnNames { user, question, score }) = layout else { return fields.clone() };
    let is_score = |field: &FieldRef| field.name() == score && score != user && score != question;
    let without = |field: &FieldRef| {
        if is_score(field) && is_text(field.data_type()) {
            Arc::new(field.as_ref().clone().with_data_type(DataType::Float64))
        } else {
            Arc::clone(field)
        }
    };
    fields.iter().map(without).collect()
}

/// The values of a text column, counted.
#[derive(Debug, Default)]
pub(crate) struct TextScores {
    /// Values that are not NULL.
    values: usize,
    /// Those that SQL reads as numbers as they stand.
    plain: usize,
    /// Of these, the ones without a point or an exponent.
    plain_integers: usize,
    /// Of these, the ones whose point cannot be a separator of thousands.
    plain_points: usize,
    /// How often each other value occurs.
    others: BTreeMap<String, usize>,
    /// Others that are not in that list.
    further: usize,
    /// Whether they are encoded by a dictionary.
    dictionary: bool,
}

impl TextScores {
    /// Takes in the values of one batch.
    pub(crate) fn push(&mut self, column: &ArrayRef) -> Result<(), ArrowError> {
        self.dictionary |= matches!(column.data_type(), DataType::Dictionary(..));
        let column = cast(column, &DataType::LargeUtf8)?;
        for value in column.as_string::<i64>().iter().flatten() {
            self.values += 1;
            if is_number(value.trim()) {
                self.plain += 1;
                self.plain_integers += usize::from(value.trim().parse::<i64>().is_ok());
                self.plain_points += usize::from(value.contains('.') && !is_grouped(value.trim(), '.'));
            } else if let Some(count) = self.others.get_mut(value) {
                *count += 1;
            } else if value.len() <= LONGEST_VALUE && self.others.len() < MOST_VALUES {
                self.others.insert(value.to_string(), 1);
            } else {
                self.further += 1;
            }
        }
        Ok(())
    }

    /// Whether there is no value at all: then there is nothing that would not be a number.
    pub(crate) fn is_empty(&self) -> bool {
        self.values == 0
    }

    /// The error that says what the values are, and what reads them.
    pub(crate) fn error(&self, column: &str, advice: &Advice<'_>) -> KCorrsetError {
        KCorrsetError::ScoreText {
            name: column.to_string(),
            found: self.found(),
            remedies: self.remedies(column, advice),
        }
    }

    fn found(&self) -> String {
        let Self { values, plain, .. } = *self;
        match values - plain {
            0 => format!("its {values} values are all numbers"),
            others => {
                let list = listed(self.others.iter().map(|(value, count)| (value.as_str(), *count)));
                format!("{others} of its {values} values are no numbers as they stand: {list}")
            }
        }
    }

    fn remedies(&self, column: &str, advice: &Advice<'_>) -> Vec<Remedy> {
        let missing: Vec<&str> = self.others.keys().map(String::as_str).filter(|it| is_missing(it)).collect();
        let rest: Vec<(&str, usize)> =
            self.others.iter().map(|(value, count)| (value.as_str(), *count)).collect();
        let rest: Vec<(&str, usize)> = rest.into_iter().filter(|(value, _)| !is_missing(value)).collect();
        let name = advice.name(column);
        // A cast would fail for entries of a dictionary that no value has.
        let value = if self.dictionary { format!("CAST({name} AS VARCHAR)") } else { name };
        let computed = |(effect, sql), change| advice.computed(effect, column, Some(sql), change);
        if let Some(fractions) = self.fractions(&rest, &value, &missing, &advice.spelling) {
            return computed(fractions, None);
        }
        let read: Vec<Numerals> = Numerals::of(&rest, self.plain_points);
        let is_read = |numerals: &Numerals| {
            self.plain > 0 || rest.is_empty() || rest.iter().any(|(value, _)| numerals.read(value))
        };
        if read.iter().any(is_read) {
            let number = |numerals| self.number(numerals, &rest, &value, &missing, &advice.spelling);
            // Words among numbers take more than a line of Python.
            let words = |numerals: &Numerals| {
                let lost = rest.iter().filter(|(text, _)| !numerals.read(text)).copied();
                let lost: Vec<_> = lost.collect();
                !lost.is_empty() && known_words(&lost).is_some()
            };
            let change = |numerals: &Numerals| {
                (!words(numerals)).then(|| Change::Numbers(vec![column], numerals.replaced()))
            };
            return read.iter().flat_map(|numerals| computed(number(numerals), change(numerals))).collect();
        }
        if let Some(words) = words(&rest, &value, &missing, &advice.spelling) {
            let points = known_words(&rest).into_iter().flatten().collect::<BTreeMap<_, _>>();
            let points = rest.iter().filter_map(|(text, _)| {
                Some((text.to_string(), *points.get(text.trim().to_lowercase().as_str())?))
            });
            return computed(words, Some(Change::Points(column, points.collect())));
        }
        let mut remedies: Vec<Remedy> = advice.other_score().into_iter().collect();
        if rest.len() <= MOST_NAMED && self.further == 0 {
            let points = rest.iter().zip(1..).map(|((text, _), points)| (*text, points));
            let sql = format!("CASE {value} {} END", when(points, &advice.spelling));
            let mut effects = vec!["give each value its points, in the place of 1, 2 and so on,".to_string()];
            effects.extend(not_answered(&missing));
            let points = rest.iter().zip(1..).map(|((text, _), points)| (text.to_string(), points));
            let change = Change::Points(column, points.collect());
            remedies.extend(computed((joined(&effects), sql), Some(change)));
        }
        remedies
    }

    /// Reads values as numbers, where some are or can be made so.
    fn number(
        &self,
        numerals: &Numerals,
        rest: &[(&str, usize)],
        value: &str,
        missing: &[&str],
        spelling: &Spelling,
    ) -> (String, String) {
        let (read, lost): (Vec<_>, Vec<_>) = rest.iter().copied().partition(|(text, _)| numerals.read(text));
        let integer = |text: &str| numerals.plain(text).trim().parse::<i64>().is_ok();
        let integers = self.plain == self.plain_integers && read.iter().all(|(text, _)| integer(text));
        let data_type = if integers { "BIGINT" } else { "DOUBLE" };
        let known = known_words(&lost);
        let loses = known.is_none() && !lost.is_empty() || self.further > 0;
        let cast = if loses { "TRY_CAST" } else { "CAST" };
        let plain = numerals.sql(without(value, missing, spelling), spelling);
        let mut sql = format!("{cast}({plain} AS {data_type})");
        let mut effects = vec![format!("read the numbers{}", numerals.described())];
        if let Some(known) = known.filter(|_| !lost.is_empty()) {
            let words: Vec<&str> = lost.iter().map(|(text, _)| *text).collect();
            sql = format!(
                "CASE {} {} ELSE {sql} END",
                folded(value, &words),
                when(known.iter().copied(), spelling)
            );
            effects.push(count_as(&known));
        }
        effects.extend(not_answered(missing));
        if loses {
            let count = lost.iter().map(|(_, count)| count).sum::<usize>() + self.further;
            let list = listed(lost.iter().copied());
            let separator = if lost.is_empty() { "" } else { ": " };
            effects.push(format!("lose the {count} that are none, as if not answered{separator}{list}"));
        }
        (joined(&effects), sql)
    }

    /// Reads values such as `3/5`.
    fn fractions(
        &self,
        rest: &[(&str, usize)],
        value: &str,
        missing: &[&str],
        spelling: &Spelling,
    ) -> Option<(String, String)> {
        let is_fraction = |text: &str| {
            text.split_once('/').is_some_and(|(x, y)| is_number(x.trim()) && is_number(y.trim()))
        };
        if self.plain + self.further > 0 || rest.is_empty() || !rest.iter().all(|(text, _)| is_fraction(text))
        {
            return None;
        }
        let value = without(value, missing, spelling);
        let part = |part| format!("CAST(split_part({value}, '/', {part}) AS DOUBLE)");
        let mut effects = vec!["read them as fractions".to_string()];
        effects.extend(not_answered(missing));
        Some((joined(&effects), format!("{} / {}", part(1), part(2))))
    }
}

/// How numbers are written that SQL does not read as they stand.
#[derive(Debug, Clone, Default, PartialEq)]
struct Numerals {
    /// What is left out: units and marks.
    ornaments: Vec<String>,
    comma: Option<Comma>,
    /// Whether points separate thousands.
    grouped_by_points: bool,
}

/// What a comma is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Comma {
    Thousands,
    Decimal,
}

impl Numerals {
    /// How these values are written: in one way, or in either of two.
    ///
    /// `points` says how many plain numbers have a point that is a decimal point.
    fn of(values: &[(&str, usize)], points: usize) -> Vec<Self> {
        let units = units(values);
        let bare = |text: &str| without_units(text, &units).replace(ORNAMENTS, "");
        let is_decimal = |bare: &str| {
            bare.split_once(',').is_some_and(|(whole, part)| {
                let digits = |text: &str| text.chars().all(|it| it.is_ascii_digit());
                let whole = whole.trim_start_matches(['+', '-']);
                !part.is_empty() && digits(part) && (digits(whole) || is_grouped(whole, '.'))
            })
        };
        let is_thousands = |bare: &str| {
            let (whole, part) = bare.split_once('.').unwrap_or((bare, ""));
            is_grouped(whole.trim_start_matches(['+', '-']), ',')
                && part.chars().all(|it| it.is_ascii_digit())
        };
        let (mut thousands, mut decimal, mut decided) = (0, 0, points > 0);
        let mut numerals = Self { ornaments: units.clone(), ..Self::default() };
        for (text, count) in values {
            let bare = bare(text);
            let (grouped, fraction) = (is_thousands(&bare), is_decimal(&bare));
            if !grouped && !fraction && !is_number(&bare) {
                continue;
            }
            let number = without_units(text, &units);
            let found = ORNAMENTS.iter().filter(|it| number.trim().contains(**it)).map(char::to_string);
            let new: Vec<String> = found.filter(|it| !numerals.ornaments.contains(it)).collect();
            numerals.ornaments.extend(new);
            thousands += if grouped { *count } else { 0 };
            decimal += if fraction { *count } else { 0 };
            decided |= bare.contains('.');
            numerals.grouped_by_points |= fraction && bare.contains('.');
        }
        numerals.grouped_by_points &= points == 0 && decimal > thousands;
        let with = |comma| Self { comma: Some(comma), ..numerals.clone() };
        match (thousands, decimal) {
            (0, 0) => vec![numerals],
            _ if thousands == decimal && !decided => vec![with(Comma::Thousands), with(Comma::Decimal)],
            _ if thousands >= decimal => vec![with(Comma::Thousands)],
            _ => vec![with(Comma::Decimal)],
        }
    }

    /// A value as SQL reads it.
    fn plain(&self, text: &str) -> String {
        let text = without_units(text, &self.ornaments);
        let text = if self.grouped_by_points { text.replace('.', "") } else { text };
        match self.comma {
            None => text,
            Some(Comma::Thousands) => text.replace(',', ""),
            Some(Comma::Decimal) => text.replace(',', "."),
        }
    }

    fn read(&self, text: &str) -> bool {
        is_number(self.plain(text).trim())
    }

    /// What has to be replaced, and by what, for a text to be a number.
    fn replaced(&self) -> Vec<(String, &'static str)> {
        let ornaments = self.ornaments.iter().cloned();
        let points = self.grouped_by_points.then(|| ".".to_string());
        let comma = self.comma.map(|comma| match comma {
            Comma::Thousands => (",".to_string(), ""),
            Comma::Decimal => (",".to_string(), "."),
        });
        ornaments.chain(points).map(|nothing| (nothing, "")).chain(comma).collect()
    }

    /// SQL that makes a number of a text.
    fn sql(&self, value: String, spelling: &Spelling) -> String {
        self.replaced().iter().fold(value, |value, (from, to)| {
            format!("replace({value}, {}, {})", spelling.text(from), spelling.text(to))
        })
    }

    /// What is done to the numbers, behind "read the numbers".
    fn described(&self) -> String {
        let mut described = String::new();
        let marks: Vec<String> = self.ornaments.iter().map(|ornament| format!("'{ornament}'")).collect();
        if !marks.is_empty() {
            described.push_str(&format!(" without {}", marks.join(", ")));
        }
        match self.comma {
            None => {}
            Some(Comma::Thousands) => described.push_str(" with commas between thousands"),
            Some(Comma::Decimal) => described.push_str(" with decimal commas"),
        }
        described
    }
}

/// The most different units, such as "pts"; of more, the letters likely belong to the values.
const MOST_UNITS: usize = 2;

/// What is written behind numbers, such as "pts".
fn units(values: &[(&str, usize)]) -> Vec<String> {
    let unit = |text: &str| {
        let text = text.trim();
        let unit = text.trim_start_matches(|it: char| !it.is_alphabetic());
        let number = text.strip_suffix(unit)?.replace(ORNAMENTS, "");
        let digits = number.chars().any(|it| it.is_ascii_digit());
        let is_unit = !unit.is_empty() && unit.chars().all(char::is_alphabetic);
        let is_number = number.chars().all(|it| it.is_ascii_digit() || matches!(it, '+' | '-' | '.' | ','));
        (is_unit && digits && is_number).then(|| unit.to_string())
    };
    let mut units: Vec<String> = values.iter().filter_map(|(text, _)| unit(text)).collect();
    // The longest first: "pts" before "pt".
    units.sort_by(|x, y| y.len().cmp(&x.len()).then_with(|| x.cmp(y)));
    units.dedup();
    if units.len() > MOST_UNITS { Vec::new() } else { units }
}

fn without_units(text: &str, units: &[String]) -> String {
    units.iter().fold(text.to_string(), |text, unit| text.replace(unit, ""))
}

/// Whether SQL reads a text as a finite number.
fn is_number(text: &str) -> bool {
    let digits = |it: char| it.is_ascii_digit() || matches!(it, '+' | '-' | '.' | 'e' | 'E');
    text.chars().all(digits) && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Whether a text is a number whose thousands are separated, as in `1,250`.
fn is_grouped(text: &str, separator: char) -> bool {
    let digits = |group: &str| group.chars().all(|it| it.is_ascii_digit());
    let mut groups = text.split(separator);
    let first = groups.next().unwrap_or_default();
    let mut further = groups.peekable();
    let begins = (1..=3).contains(&first.len()) && digits(first) && !first.starts_with('0');
    begins && further.peek().is_some() && further.all(|group| group.len() == 3 && digits(group))
}

fn is_missing(text: &str) -> bool {
    MISSING.contains(&text.trim().to_lowercase().as_str())
}

/// The words among the values, in lower case, with what each counts; nothing if a value is none.
fn known_words(values: &[(&str, usize)]) -> Option<Vec<(&'static str, usize)>> {
    let mut known = Vec::new();
    for (text, _) in values {
        let text = text.trim().to_lowercase();
        let of = |words: &[&'static str]| words.iter().find(|word| **word == text).copied();
        let word =
            WORDS.iter().find_map(|(one, zero)| of(one).map(|it| (it, 1)).or(of(zero).map(|it| (it, 0))))?;
        if !known.contains(&word) {
            known.push(word);
        }
    }
    Some(known)
}

/// Reads words, where all values are some.
fn words(
    values: &[(&str, usize)],
    value: &str,
    missing: &[&str],
    spelling: &Spelling,
) -> Option<(String, String)> {
    let known = known_words(values)?;
    let texts: Vec<&str> = values.iter().map(|(text, _)| *text).collect();
    let mut effects = vec![count_as(&known)];
    effects.extend(not_answered(missing));
    let sql = format!("CASE {} {} END", folded(value, &texts), when(known.into_iter(), spelling));
    Some((joined(&effects), sql))
}

/// A value in lower case and without blanks around it, as far as some of these values need it.
fn folded(value: &str, texts: &[&str]) -> String {
    let blanks = texts.iter().any(|text| text.trim() != *text);
    let trimmed = if blanks { format!("btrim({value})") } else { value.to_string() };
    if texts.iter().any(|text| text.to_lowercase() != *text) { format!("lower({trimmed})") } else { trimmed }
}

/// `WHEN 'yes' THEN 1 WHEN 'no' THEN 0`
fn when<'a>(points: impl Iterator<Item = (&'a str, usize)>, spelling: &Spelling) -> String {
    let case = |(text, points)| format!("WHEN {} THEN {points}", spelling.text(text));
    points.map(case).collect::<Vec<_>>().join(" ")
}

/// A value, and NULL for those that stand for none.
fn without(value: &str, missing: &[&str], spelling: &Spelling) -> String {
    match missing {
        [] => value.to_string(),
        [only] => format!("NULLIF({value}, {})", spelling.text(only)),
        several => {
            let list: Vec<String> = several.iter().map(|text| spelling.text(text)).collect();
            format!("CASE WHEN {value} NOT IN ({}) THEN {value} END", list.join(", "))
        }
    }
}

fn count_as(words: &[(&str, usize)]) -> String {
    let words: Vec<String> = words.iter().map(|(word, points)| format!("'{word}' as {points}")).collect();
    format!("count {}", words.join(" and "))
}

fn not_answered(missing: &[&str]) -> Option<String> {
    let list: Vec<String> = missing.iter().map(|text| format!("'{text}'")).collect();
    (!list.is_empty()).then(|| format!("take {} for not answered", list.join(", ")))
}

/// `a, b and c`
fn joined(parts: &[String]) -> String {
    match parts {
        [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        parts => parts.join(""),
    }
}

/// Values with how often each occurs, the most frequent first, and how many more there are.
fn listed<'a>(values: impl Iterator<Item = (&'a str, usize)>) -> String {
    const MOST_LISTED: usize = 5;
    let mut values: Vec<(&str, usize)> = values.collect();
    values.sort_by(|x, y| y.1.cmp(&x.1).then_with(|| x.0.cmp(y.0)));
    let shown = values.iter().take(MOST_LISTED).map(|(value, count)| format!("'{value}' ({count})"));
    let mut list = shown.collect::<Vec<_>>().join(", ");
    if values.len() > MOST_LISTED {
        list.push_str(&format!(" and {} more kinds", values.len() - MOST_LISTED));
    }
    list
}
