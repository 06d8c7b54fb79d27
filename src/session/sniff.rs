//! How a text of separated values is written, by its first lines.
//!
//! The separator is the one that cuts lines into the same number of values, and leaves values that
//! make sense: the measure of van den Burg, Nazábal and Sutton, *Wrangling messy CSV files by
//! detecting row and type patterns* (2019), with their pattern score by the most frequent number of
//! values. A header is a first line whose values are not of their columns' types; in a text of
//! words alone, one whose words do not come again in their columns.

use arrow::datatypes::DataType;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use crate::session::column::ColumnValues;

/// How values are separated and enclosed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    pub(super) quote: u8,
    pub(super) escape: Option<u8>,
}

impl Dialect {
    /// A reader of records, of the kind that Arrow reads them with.
    pub(super) fn reader(&self) -> Reader {
        ReaderBuilder::new().delimiter(self.delimiter).quote(self.quote).escape(self.escape).build()
    }
}

/// What names the columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Header {
    /// The first record.
    First,
    /// Something else, or nothing: these are the names, and all records are rows.
    Names(Vec<String>),
}

/// What the beginning of a text shows.
#[derive(Debug, Clone)]
pub(super) struct Sniffed {
    pub(super) dialect: Dialect,
    /// How many bytes are before the first record: a line `sep=;`, comments, a title.
    pub(super) skip: usize,
    pub(super) header: Header,
    /// Whether there is no telling if the first record is a header. It is as `header` says then,
    /// unless other files of the same columns show otherwise.
    pub(super) unsure: bool,
    /// How many values a record has.
    pub(super) width: usize,
}

/// What may separate values, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// What separates nothing in a text.
const NO_DELIMITER: u8 = 0x1f;

/// Endings whose files are also separated by single spaces, as R writes them.
const SPACED: [&str; 2] = ["txt", "dat"];

/// How many records are looked at.
const RECORDS: usize = 2000;

/// Finds out how a text is written.
///
/// # Arguments
/// `text`: its beginning, in UTF-8; `whole`: whether it is all of it; `ending`: of the file's name.
pub(super) fn sniff(text: &[u8], whole: bool, ending: &str) -> Sniffed {
    let (said, mut skip) = match separator_line(text) {
        Some((delimiter, length)) => (Some(delimiter), length),
        None => (None, 0),
    };
    let comments = comment_lines(&text[skip..]);
    let (comments, text) = text[skip..].split_at(comments);
    skip += comments.len();

    let quote = quote_of(text);
    let escape = escape_of(text, quote);
    let dialect = |delimiter| Dialect { delimiter, quote, escape };
    let delimiter = said.unwrap_or_else(|| delimiter_of(text, whole, ending, dialect));
    let dialect = dialect(delimiter);
    let mut records = records_of(text, whole, dialect);

    // A title above the header.
    if let Some(title) = title(&records) {
        skip += title;
        records.remove(0);
    }
    let first = records.first().map(|record| record.values.clone()).unwrap_or_default();
    let width = records.get(1).map_or(first.len(), |record| record.values.len());
    let alike = records.iter().skip(1).all(|record| record.values.len() == width);

    let mut sniffed = Sniffed { dialect, skip, header: Header::First, unsure: false, width: first.len() };
    if alike && first.len() + 1 == width && (first.len() > 1 || has_row_names(&records)) {
        // R names the columns, and not the names of its rows; others end rows with a separator.
        let ends_empty = records.iter().skip(1).all(|record| record.values[width - 1].is_empty());
        let at = if ends_empty { width - 1 } else { 0 };
        let mut names = names(&first);
        names.insert(at, String::new());
        return Sniffed {
            skip: skip + records[0].end,
            header: Header::Names(numbered(names)),
            width,
            ..sniffed
        };
    }
    let (is_first, unsure) = is_header(&records);
    sniffed.unsure = unsure;
    // Comments of as many values as the records have: the last may be the header, and all may be rows.
    let mut marked = records_of(comments, true, dialect);
    marked.retain(|record| record.values.len() == width && width > 1);
    if let Some(header) = marked.pop().filter(|_| !is_first || unsure) {
        let lines = comments.split(|byte| matches!(byte, b'\n' | b'\r')).filter(|line| !line.is_empty());
        let alike = lines.count() == marked.len() + 1;
        let values = header.values.clone();
        records.insert(0, header);
        if is_header(&records) == (true, false) {
            let mut names = names(&values);
            names[0] = names[0].trim_start_matches('#').trim().to_string();
            sniffed.header = Header::Names(numbered(names));
            sniffed.unsure = false;
            return sniffed;
        }
        if alike && !is_first {
            sniffed.skip -= comments.len();
        }
    }
    if !is_first {
        sniffed.header = Header::Names(numbered(vec![String::new(); width]));
    }
    sniffed
}

/// The names of a header: without spaces around them.
pub(super) fn names(header: &[Vec<u8>]) -> Vec<String> {
    header.iter().map(|name| String::from_utf8_lossy(name).trim().to_string()).collect()
}

/// The name of the one column that has none, before others that have: pandas and R write their row
/// names there, and pandas gives them this name where a name has to be, as in Parquet.
const ROW_NAMES: &str = "__index_level_0__";

/// Names that can be written, and that differ: `column_2` for the second if it has none, `score_1`
/// for another `score`.
pub(super) fn numbered(names: Vec<String>) -> Vec<String> {
    let mut all: Vec<String> = Vec::with_capacity(names.len());
    let has_row_names = names.len() > 1 && names.iter().position(String::is_empty) == Some(0);
    let has_row_names = has_row_names && !names[1..].iter().any(String::is_empty);
    for (number, name) in names.iter().enumerate() {
        let name = match name.as_str() {
            "" if has_row_names => ROW_NAMES.to_string(),
            "" => format!("column_{}", number + 1),
            name => name.to_string(),
        };
        let mut free = name.clone();
        let mut count = 0;
        while all.contains(&free) || (count > 0 && names.contains(&free)) {
            count += 1;
            free = format!("{name}_{count}");
        }
        all.push(free);
    }
    all
}

/// Values of one record, and where its line ends.
struct Record {
    values: Vec<Vec<u8>>,
    end: usize,
}

/// The first records of a text. The last may be cut off, unless the text is whole.
fn records_of(text: &[u8], whole: bool, dialect: Dialect) -> Vec<Record> {
    let mut reader = dialect.reader();
    let mut records = Vec::new();
    let (mut output, mut ends) = (vec![0; text.len() + 1], vec![0; text.len() + 2]);
    let (mut read, mut written, mut fields) = (0, 0, 0);
    while records.len() < RECORDS {
        if read == text.len() && !whole {
            break;
        }
        let (result, bytes, out, values) =
            reader.read_record(&text[read..], &mut output[written..], &mut ends[fields..]);
        read += bytes;
        written += out;
        fields += values;
        match result {
            ReadRecordResult::Record => {
                let starts = std::iter::once(&0).chain(&ends[..fields]);
                let values = starts.zip(&ends[..fields]).map(|(start, end)| output[*start..*end].to_vec());
                records.push(Record { values: values.collect(), end: read });
                (written, fields) = (0, 0);
            }
            ReadRecordResult::InputEmpty if whole => {}
            _ => break,
        }
    }
    records
}

/// The separator that a first line `sep=;` tells Excel, and the length of that line.
fn separator_line(text: &[u8]) -> Option<(u8, usize)> {
    let line = first_line(text);
    let content = &text[..line];
    let content = content.strip_suffix(b"\n").unwrap_or(content);
    let content = content.strip_suffix(b"\r").unwrap_or(content);
    let content = content.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(content);
    match content {
        [s, e, p, b'=', delimiter] if [s, e, p].map(u8::to_ascii_lowercase) == *b"sep" => {
            Some((*delimiter, line))
        }
        _ => None,
    }
}

/// The length of the first line with what ends it.
fn first_line(text: &[u8]) -> usize {
    match text.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        Some(end) if text[end..].starts_with(b"\r\n") => end + 2,
        Some(end) => end + 1,
        None => text.len(),
    }
}

/// The length of the blank lines and lines with # in front at the beginning; none, if there are
/// only blank ones, or nothing else.
fn comment_lines(text: &[u8]) -> usize {
    let (mut read, mut comments) = (0, 0);
    while read < text.len() {
        let line = first_line(&text[read..]);
        match text[read..read + line].trim_ascii_start().first() {
            Some(b'#') => {
                read += line;
                comments = read;
            }
            None => read += line,
            Some(_) => return comments,
        }
    }
    0
}

/// The quote: single quotes, if values begin and end with them, and none with double ones.
fn quote_of(text: &[u8]) -> u8 {
    let around = |quote: u8| {
        let is_edge = |byte: u8| DELIMITERS.contains(&byte) || matches!(byte, b'\n' | b'\r');
        let opens = text.windows(2).filter(|two| is_edge(two[0]) && two[1] == quote).count()
            + usize::from(text.first() == Some(&quote));
        let closes = text.windows(2).filter(|two| two[0] == quote && is_edge(two[1])).count()
            + usize::from(text.last() == Some(&quote));
        opens.min(closes)
    };
    if around(b'"') == 0 && around(b'\'') > 1 { b'\'' } else { b'"' }
}

/// A backslash, if quotes within values have one in front, as Spark writes them.
fn escape_of(text: &[u8], quote: u8) -> Option<u8> {
    let ends = |byte: u8| DELIMITERS.contains(&byte) || matches!(byte, b'\n' | b'\r');
    let escaped = |three: &[u8]| three[0] == b'\\' && three[1] == quote && !ends(three[2]);
    text.windows(3).any(escaped).then_some(b'\\')
}

/// The separator with the best measure. Where none cuts a line, that of the ending.
fn delimiter_of(text: &[u8], whole: bool, ending: &str, dialect: impl Fn(u8) -> Dialect) -> u8 {
    let usual = match ending.split('.').next() {
        Some("tsv" | "tab") => b'\t',
        Some("psv") => b'|',
        _ => b',',
    };
    let spaced = ending.split('.').next().is_some_and(|ending| SPACED.contains(&ending));
    let measure = |delimiter| {
        let records = records_of(text, whole, dialect(delimiter));
        pattern_score(&records) * value_score(&records, delimiter)
    };
    let (mut best, mut most) = (usual, measure(usual));
    for delimiter in DELIMITERS {
        let score = measure(delimiter);
        if score > most {
            (best, most) = (delimiter, score);
        }
    }
    let cuts = |delimiter| {
        let records = records_of(text, whole, dialect(delimiter));
        records.iter().any(|record| record.values.len() > 1)
    };
    if most == 0.0 && cuts(best) {
        // A column of words, some with a separator in them.
        return DELIMITERS.into_iter().chain([NO_DELIMITER]).find(|other| !cuts(*other)).unwrap_or(best);
    }
    if most == 0.0 && spaced {
        let records = records_of(text, whole, dialect(b' '));
        let width = records.last().map_or(0, |record| record.values.len());
        let header = records.first().map_or(0, |record| record.values.len());
        let alike = records.iter().skip(1).all(|record| record.values.len() == width);
        if alike && records.len() > 1 && width > 1 && (header == width || header + 1 == width) {
            return b' ';
        }
    }
    best
}

/// How many records have the most frequent number of values, and how many values that is; 0 for
/// one value. A first line of one value, with several in the others, is a column of words.
fn pattern_score(records: &[Record]) -> f64 {
    let lone = records.first().is_some_and(|first| first.values.len() == 1);
    if lone && title(records).is_none() && !has_row_names(records) {
        return 0.0;
    }
    let mut counts: Vec<(usize, usize)> = Vec::new();
    for record in records {
        match counts.iter_mut().find(|(width, _)| *width == record.values.len()) {
            Some((_, count)) => *count += 1,
            None => counts.push((record.values.len(), 1)),
        }
    }
    let most = counts.iter().max_by_key(|(width, count)| (*count, *width));
    let Some((width, count)) = most else { return 0.0 };
    let same = *count as f64 / records.len() as f64;
    same * same * (*width as f64 - 1.0) / *width as f64
}

/// The share of values that make sense: that have no other separator in them but a decimal comma,
/// or a comma of a sentence.
fn value_score(records: &[Record], delimiter: u8) -> f64 {
    let (mut sound, mut all) = (0, 0);
    for value in records.iter().flat_map(|record| &record.values) {
        let odd = |(place, byte): (usize, &u8)| {
            let separates = DELIMITERS.contains(byte) && *byte != delimiter;
            separates && value.get(place + 1).is_none_or(|next| *next != b' ')
        };
        all += 1;
        sound += usize::from(!value.iter().enumerate().any(odd) || is_decimal_comma(value));
    }
    if all == 0 { 0.0 } else { f64::from(sound as u32) / f64::from(all as u32) }
}

fn is_decimal_comma(value: &[u8]) -> bool {
    let mut values = ColumnValues::default();
    values.see(value);
    values.data_type(true).0 == DataType::Float64 && value.contains(&b',')
}

/// How long a title above the header is: one value, above records of several that have a header.
fn title(records: &[Record]) -> Option<usize> {
    let [title, header, ..] = records else { return None };
    let width = header.values.len();
    let rest = &records[1..];
    let alike = width > 1 && rest.iter().all(|record| record.values.len() == width);
    let is_title = title.values.len() == 1 && alike && rest.len() > 1;
    (is_title && is_header(rest) == (true, false)).then_some(title.end)
}

/// Whether the first of two values of each record counts them: names that R gives rows.
fn has_row_names(records: &[Record]) -> bool {
    let counts =
        |(number, record): (usize, &Record)| record.values[0] == (number + 1).to_string().into_bytes();
    records.len() > 2 && records.iter().skip(1).enumerate().all(counts)
}

/// Whether the first record is a header, and whether there is no telling.
fn is_header(records: &[Record]) -> (bool, bool) {
    let [first, rest @ ..] = records else { return (false, true) };
    let (mut named, mut typed) = (0, 0);
    let (mut words, mut again) = (0, 0);
    for (column, name) in first.values.iter().enumerate() {
        let values = || rest.iter().filter_map(|record| record.values.get(column));
        let mut all = ColumnValues::default();
        values().for_each(|value| all.see(value.trim_ascii()));
        let mut own = ColumnValues::default();
        own.see(name.trim_ascii());
        match (own.is_text(), all.is_text() || all.is_empty()) {
            (true, false) => named += usize::from(!is_missing(name)),
            (false, false) => typed += usize::from(!own.is_empty()),
            (false, true) if rest.is_empty() => typed += usize::from(!own.is_empty()),
            _ => {
                words += usize::from(!name.is_empty());
                again += usize::from(!name.is_empty() && values().any(|value| value == name));
            }
        }
    }
    let counted = typed > 0
        && is_counted(first)
        && rest.iter().filter(|record| is_counted(record)).count() * 10 <= rest.len();
    match (named, typed) {
        (0, 0) => (again == 0 || again * 2 < words, true),
        (0, _) => (counted, false),
        _ => (true, false),
    }
}

/// Whether a value stands for none.
fn is_missing(value: &[u8]) -> bool {
    const MISSING: [&str; 8] = ["na", "n/a", "null", "none", "nan", "-", ".", "?"];
    let value = String::from_utf8_lossy(value).trim().to_lowercase();
    value.is_empty() || MISSING.contains(&value.as_str())
}

/// Whether the numbers of a record count questions: three or more, each one more than the last.
fn is_counted(record: &Record) -> bool {
    let numbers =
        record.values.iter().filter_map(|value| std::str::from_utf8(value).ok()?.trim().parse().ok());
    let numbers: Vec<i64> = numbers.collect();
    numbers.len() > 2 && numbers.windows(2).all(|two| two[0].checked_add(1) == Some(two[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exam(separator: &str, header: bool) -> String {
        let mut lines = Vec::new();
        if header {
            lines.push(["user", "question", "score"].join(separator));
        }
        for (user, question) in (0..30).flat_map(|user| (0..4).map(move |question| (user, question))) {
            let score = (user * question + user) % 2;
            lines.push([format!("u{user}"), format!("q{question}"), score.to_string()].join(separator));
        }
        lines.join("\n") + "\n"
    }

    #[test]
    fn separators_and_headers_are_found() {
        let first = |text: &str, ending: &str| {
            let sniffed = sniff(text.as_bytes(), true, ending);
            let header = sniffed.header == Header::First;
            (sniffed.dialect.delimiter as char, header, sniffed.width)
        };
        for (text, ending, delimiter, header, width) in [
            (exam(",", true), "csv", ',', true, 3),
            (exam(";", true), "csv", ';', true, 3),
            (exam("\t", true), "csv", '\t', true, 3),
            (exam("|", true), "csv", '|', true, 3),
            (exam(",", false), "csv", ',', false, 3),
            (exam("\t", false), "tsv", '\t', false, 3),
            (exam(" ", true), "txt", ' ', true, 3),
            (exam(",", true).replace('\n', "\r\n"), "csv", ',', true, 3),
            (exam(",", true).replace('\n', "\r"), "csv", ',', true, 3),
            (format!("\n\n{}\n\n", exam(";", true)), "csv", ';', true, 3),
            ("user;question;score\nann;q1;0,5\nbob;q1;1,0\n".into(), "csv", ';', true, 3),
            ("ann;q1;0,5\nbob;q1;1,0\ncyd;q2;0,25\n".into(), "csv", ';', false, 3),
            ("user;score\nann;0,5\nbob;0,7\n".into(), "csv", ';', true, 2),
            ("ann;0,5\nbob;0,7\n".into(), "csv", ';', false, 2),
            ("score\n1\n0\n1\n".into(), "csv", ',', true, 1),
            ("text\nhello, world\nfoo\nbar, baz, x\n".into(), "csv", ';', true, 1),
            ("text\nhello, world\nfoo, bar\n".into(), "csv", ';', true, 1),
            ("text\nhello, world\nfoo\nbar, baz\n".into(), "csv", ';', true, 1),
            ("user,question,score\nann,a;b|c,1\nbob,a;b|d,0\n".into(), "csv", ',', true, 3),
            ("user,question,score\nann,\"a\nb\",1\nbob,\"a;\nb\",0\n".into(), "csv", ',', true, 3),
            (
                "user,question,score\nann,\"Well, no; yes\",1\nbob,\"No, no, no\",0\n".into(),
                "csv",
                ',',
                true,
                3,
            ),
            ("user\ttext\tscore\nann\tHello, you\t1\nbob\tWell, no, not\t0\n".into(), "tsv", '\t', true, 3),
            ("user,question,answer\nann,q1,yes\nann,q2,no\nbob,q1,no\n".into(), "csv", ',', true, 3),
            ("ann,q1,yes\nann,q2,no\nbob,q1,no\nbob,q2,yes\n".into(), "csv", ',', false, 3),
            ("user,1,2,3,4\nann,1,0,1,1\nbob,0,0,1,0\ncyd,1,1,1,0\n".into(), "csv", ',', true, 5),
            ("user,question,score\nann,q1,1\n".into(), "csv", ',', true, 3),
            ("user,question,score\n".into(), "csv", ',', true, 3),
            ("user,question,score".into(), "csv", ',', true, 3),
            ("ann,q1,1".into(), "csv", ',', false, 3),
            (",user,question,score\n0,ann,q1,1\n1,bob,q1,0\n".into(), "csv", ',', true, 4),
            ("user,when,score\nann,2024-01-02,1\nbob,2024-01-03,0\n".into(), "csv", ',', true, 3),
            ("user,question,score\nann,q1,NA\nbob,q1,1\nbob,q2,0\n".into(), "csv", ',', true, 3),
            ("ann,q1,NA\nbob,q1,1\nbob,q2,0\nbob,q3,0\n".into(), "csv", ',', false, 3),
            ("'user','question','score'\n'ann','q,1',1\n'bob','q1',0\n".into(), "csv", ',', true, 3),
        ] {
            assert_eq!(first(&text, ending), (delimiter, header, width), "{text:?}");
        }
    }

    #[test]
    fn what_is_before_the_header_is_skipped() {
        for (before, separator) in [
            ("sep=;\n", ";"),
            ("sep=;\r\n", ";"),
            ("\"SEP=|\"\n", "|"),
            ("sep=\t\r\n", "\t"),
            ("# exported\n# on Monday, late\n", ","),
            ("#\n", ","),
            ("Results of the exam\n", ","),
        ] {
            let text = format!("{before}{}", exam(separator, true));
            let sniffed = sniff(text.as_bytes(), true, "csv");
            assert_eq!(sniffed.skip, before.len(), "{before:?}");
            assert_eq!(sniffed.dialect.delimiter, separator.as_bytes()[0], "{before:?}");
            assert_eq!(sniffed.header, Header::First, "{before:?}");
        }
    }

    #[test]
    fn names_come_from_other_places_than_the_first_record() {
        let names = |text: &str| match sniff(text.as_bytes(), true, "csv").header {
            Header::Names(names) => names,
            Header::First => Vec::new(),
        };
        assert_eq!(names("#user\tquestion\tscore\nann\tq1\t1\nbob\tq1\t0\n"), ["user", "question", "score"]);
        assert_eq!(names("#1,q1,1\n#2,q1,0\nann,q1,1\n"), ["column_1", "column_2", "column_3"]);
        assert_eq!(sniff(b"#1,q1,1\n#2,q1,0\nann,q1,1\n", true, "csv").skip, 0, "no comments, but rows");
        assert_eq!(sniff(b"#user,question,score\n#1,q1,1\n#2,q1,0\n", true, "csv").width, 3);
        assert_eq!(
            names("\"user\",\"question\",\"score\"\n\"1\",\"ann\",\"q1\",1\n\"2\",\"bob\",\"q1\",0\n"),
            ["__index_level_0__", "user", "question", "score"]
        );
        assert_eq!(
            names("user,question,score\nann,q1,1,\nbob,q1,0,\n"),
            ["user", "question", "score", "column_4"]
        );
        assert_eq!(names("ann,q1,1\nbob,q1,0\n"), ["column_1", "column_2", "column_3"]);
        let numbered = numbered(["score", "", "score", "score_1"].map(String::from).to_vec());
        assert_eq!(numbered, ["score", "column_2", "score_2", "score_1"]);
    }
}
