//! A look at all of a file of separated values: how it is written, and what is in its columns.
//!
//! The look is at the whole file, since a type, an encoding and the place where a file may be cut
//! are only right if they are right for the last line, too. It costs a fraction of what reading the
//! values costs.

use std::ops::ControlFlow;

use csv_core::{ReadRecordResult, Reader};
use datafusion::arrow::datatypes::DataType;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::error::Result;
use datafusion::object_store::{ObjectMeta, ObjectStore};
use encoding_rs::{Encoding, UTF_8};

use crate::session::column::{ColumnValues, Written};
use crate::session::encoding::{Detector, ENOUGH, Transcoder, first_guess, first_utf8};
use crate::session::failure::FileError;
use crate::session::pour::{Consumer, pour};
use crate::session::sniff::{Dialect, Header, Sniffed, names, numbered, sniff};

/// What a look at a file of separated values has shown.
#[derive(Debug, Clone)]
pub(super) struct Looked {
    pub(super) encoding: &'static Encoding,
    pub(super) sniffed: Sniffed,
    /// The first record, as names.
    pub(super) first: Vec<String>,
    /// The columns of all records but the first, and those of the first.
    columns: Vec<ColumnValues>,
    first_values: Vec<ColumnValues>,
    /// How many records there are, with a header.
    pub(super) records: u64,
    /// Whether lines with # in front are no records.
    pub(super) comments: bool,
    /// Whether a line's end may not be a record's, so that the file cannot be cut.
    pub(super) newlines: bool,
}

impl Looked {
    /// Names, types, and how values are written.
    pub(super) fn columns(&self) -> Vec<(String, DataType, Written)> {
        let comma = self.sniffed.dialect.delimiter != b',';
        let names = match &self.sniffed.header {
            Header::First => numbered(self.first.clone()),
            Header::Names(names) => names.clone(),
        };
        let columns =
            self.columns.iter().zip(&self.first_values).map(|(rest, first)| match self.sniffed.header {
                Header::First => rest.data_type(comma),
                Header::Names(_) => rest.clone().with(first).data_type(comma),
            });
        names
            .into_iter()
            .zip(columns)
            .map(|(name, (data_type, written))| (name, data_type, written))
            .collect()
    }

    /// Whether there is nothing but a header.
    pub(super) fn has_rows(&self) -> bool {
        self.records > u64::from(self.sniffed.header == Header::First)
    }
}

/// Looks at a file; none if there is nothing in it.
///
/// # Arguments
/// `path` and `ending`: of the file.
///
/// # Errors
/// The file cannot be read, is of several encodings, or has a record of another width.
pub(super) async fn look(
    store: &dyn ObjectStore,
    file: &ObjectMeta,
    compression: FileCompressionType,
    path: &str,
    ending: &str,
) -> Result<Option<Looked>> {
    let attempt = async |encoding| {
        let looking = Looking::new(encoding, ending.to_string());
        pour(store, &file.location, compression, looking).await
    };
    let mut looking = attempt(None).await?;
    looking.end();
    if looking.malformed && looking.encoding() == UTF_8 && !looking.foreign {
        let detecting = pour(store, &file.location, compression, Detecting(Detector::new())).await?;
        looking = attempt(Some(detecting.0.guess())).await?;
        looking.end();
    }
    let encoding = looking.encoding();
    if looking.malformed {
        let line = looking.line();
        return Err(
            FileError::MixedEncoding { path: path.to_string(), encoding: encoding.name(), line }.into()
        );
    }
    let Stage::Records(records) = looking.stage else { return Ok(None) };
    records.finish(encoding, path).map_err(Into::into)
}

/// Finds the encoding.
struct Detecting(Detector);

impl Consumer for Detecting {
    fn take(&mut self, bytes: &[u8]) -> ControlFlow<()> {
        self.0.feed(bytes);
        ControlFlow::Continue(())
    }
}

/// How many bytes of a text are sniffed at.
const SAMPLE: usize = 1 << 18;

/// A look that is under way.
struct Looking {
    ending: String,
    /// None until enough has come to tell the encoding.
    transcoder: Option<Transcoder>,
    /// Bytes whose encoding is not known yet.
    start: Vec<u8>,
    /// Text that nobody has looked at yet.
    text: Vec<u8>,
    stage: Stage,
    malformed: bool,
    /// Whether there are characters that a text in another encoding would not have.
    foreign: bool,
}

enum Stage {
    /// More text has to come to tell how it is written.
    Sniffing,
    Records(Box<Records>),
}

impl Consumer for Looking {
    fn take(&mut self, bytes: &[u8]) -> ControlFlow<()> {
        if self.transcoder.is_none() {
            self.start.extend_from_slice(bytes);
            if self.start.len() < ENOUGH {
                return ControlFlow::Continue(());
            }
            self.guess();
            let start = std::mem::take(&mut self.start);
            return self.append(&start, false);
        }
        self.append(bytes, false)
    }
}

impl Looking {
    fn new(encoding: Option<&'static Encoding>, ending: String) -> Self {
        Self {
            ending,
            transcoder: encoding.map(Transcoder::new),
            start: Vec::new(),
            text: Vec::new(),
            stage: Stage::Sniffing,
            malformed: false,
            foreign: false,
        }
    }

    fn encoding(&self) -> &'static Encoding {
        self.transcoder.as_ref().map_or(UTF_8, Transcoder::encoding)
    }

    fn guess(&mut self) {
        let encoding = first_guess(&self.start);
        // Who writes a mark means it.
        self.foreign = encoding == UTF_8 && Encoding::for_bom(&self.start).is_some();
        self.transcoder = Some(Transcoder::new(encoding));
    }

    /// Takes no more bytes.
    fn end(&mut self) {
        if self.transcoder.is_none() {
            self.guess();
        }
        let start = std::mem::take(&mut self.start);
        if !self.malformed {
            let _ = self.append(&start, true);
        }
    }

    fn append(&mut self, bytes: &[u8], last: bool) -> ControlFlow<()> {
        let Some(transcoder) = &mut self.transcoder else { return ControlFlow::Continue(()) };
        let legacy = transcoder.encoding().is_single_byte();
        let begin = self.text.len();
        let Ok(()) = transcoder.append(bytes, last, &mut self.text) else {
            self.foreign |= !self.text[begin..].is_ascii();
            return self.stop();
        };
        if legacy && let Some(at) = first_utf8(bytes) {
            // Only its lines are counted.
            self.text.truncate(begin);
            self.text.extend_from_slice(&bytes[..at]);
            return self.stop();
        }
        self.foreign |= !legacy && !self.foreign && !self.text[begin..].is_ascii();
        if let Stage::Sniffing = self.stage {
            if self.text.len() < SAMPLE && !last {
                return ControlFlow::Continue(());
            }
            if self.text.trim_ascii().is_empty() {
                return ControlFlow::Continue(());
            }
            let sample = &self.text[..floor(&self.text, SAMPLE)];
            let whole = last && sample.len() == self.text.len();
            let sniffed = sniff(sample, whole, &self.ending);
            let skip = sniffed.skip;
            let lines = count(&self.text[..skip]);
            self.stage = Stage::Records(Box::new(Records::new(sniffed, lines)));
            self.text.drain(..skip);
        }
        let Stage::Records(records) = &mut self.stage else { return ControlFlow::Continue(()) };
        records.feed(&self.text);
        self.text.clear();
        if last {
            records.end();
        }
        match records.ragged {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    }

    /// Ends at bytes that are no text.
    fn stop(&mut self) -> ControlFlow<()> {
        self.malformed = true;
        ControlFlow::Break(())
    }

    /// The line that was come to.
    fn line(&self) -> u64 {
        let before = match &self.stage {
            Stage::Sniffing => 1,
            Stage::Records(records) => records.lines + records.reader.line(),
        };
        before + count(&self.text)
    }
}

/// The end of a sample of a text that ends with a line, if it can.
fn floor(text: &[u8], most: usize) -> usize {
    if text.len() <= most {
        return text.len();
    }
    text[..most].iter().rposition(|byte| *byte == b'\n').map_or(most, |end| end + 1)
}

fn count(text: &[u8]) -> u64 {
    text.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// The records of a text, as Arrow's reader will find them.
struct Records {
    sniffed: Sniffed,
    reader: Reader,
    output: Vec<u8>,
    written: usize,
    ends: Vec<usize>,
    fields: usize,
    /// Where the values of a record begin and end.
    places: Vec<(usize, usize)>,
    first: Vec<String>,
    first_values: Vec<ColumnValues>,
    columns: Vec<ColumnValues>,
    records: u64,
    /// Lines before the first that the reader has seen.
    lines: u64,
    /// Whether values have line ends in them.
    newlines: bool,
    /// Whether there are carriage returns alone.
    returns: bool,
    after_return: bool,
    /// Whether a line with # in front is a record, and the first that is none.
    marked: bool,
    comment: Option<Ragged>,
    ragged: Option<Ragged>,
}

/// A record of another width.
#[derive(Debug, Clone, Copy)]
struct Ragged {
    line: u64,
    width: usize,
}

impl Records {
    fn new(sniffed: Sniffed, lines: u64) -> Self {
        Self {
            reader: sniffed.dialect.reader(),
            output: vec![0; 1 << 12],
            written: 0,
            ends: vec![0; sniffed.width + 2],
            fields: 0,
            places: Vec::new(),
            first: Vec::new(),
            first_values: vec![ColumnValues::default(); sniffed.width],
            columns: vec![ColumnValues::default(); sniffed.width],
            records: 0,
            lines,
            newlines: false,
            returns: false,
            after_return: false,
            marked: false,
            comment: None,
            ragged: None,
            sniffed,
        }
    }

    fn feed(&mut self, mut text: &[u8]) {
        self.look_for_returns(text);
        while !text.is_empty() && self.ragged.is_none() {
            let (lines, rest) = text.split_at(self.simple(text));
            self.read_lines(lines);
            text = if rest.is_empty() { rest } else { &rest[self.read(rest)..] };
        }
    }

    /// Reads the last record, which nothing may end.
    fn end(&mut self) {
        self.returns |= self.after_return;
        let mut records = self.records + 1;
        while self.ragged.is_none() && records != self.records {
            records = self.records;
            self.read(b"");
        }
    }

    /// A carriage return alone ends a record, too, but not where files are cut.
    fn look_for_returns(&mut self, text: &[u8]) {
        if self.returns || text.is_empty() {
            return;
        }
        self.returns |= self.after_return && text[0] != b'\n';
        self.after_return = text.ends_with(b"\r");
        let mut returns = memchr::memchr_iter(b'\r', &text[..text.len() - 1]);
        self.returns |= returns.any(|place| text[place + 1] != b'\n');
    }

    /// How much of a text is lines of which each is a record, with separators that separate.
    fn simple(&self, text: &[u8]) -> usize {
        let Dialect { quote, escape, .. } = self.sniffed.dialect;
        let begins = self.written == 0 && self.fields == 0;
        if !begins || self.returns || escape.is_some() {
            return 0;
        }
        let end = memchr::memchr(quote, text).unwrap_or(text.len());
        memchr::memrchr(b'\n', &text[..end]).map_or(0, |end| end + 1)
    }

    /// Reads such lines, much faster than a reader that looks for quotes.
    fn read_lines(&mut self, mut text: &[u8]) {
        let mut places = std::mem::take(&mut self.places);
        while let (Some(end), None) = (memchr::memchr(b'\n', text), self.ragged) {
            let line = text[..end].strip_suffix(b"\r").unwrap_or(&text[..end]);
            if !line.is_empty() {
                let mut start = 0;
                places.clear();
                for place in memchr::memchr_iter(self.sniffed.dialect.delimiter, line) {
                    places.push((start, place));
                    start = place + 1;
                }
                places.push((start, line.len()));
                self.record(line, &places, self.lines + self.reader.line());
            }
            self.lines += 1;
            text = &text[end + 1..];
        }
        self.places = places;
    }

    /// Reads to the end of a record, or as far as there is room; says how many bytes.
    fn read(&mut self, text: &[u8]) -> usize {
        let (result, read, written, fields) =
            self.reader.read_record(text, &mut self.output[self.written..], &mut self.ends[self.fields..]);
        self.written += written;
        self.fields += fields;
        match result {
            ReadRecordResult::OutputFull => self.output.resize(self.output.len() * 2, 0),
            ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
            ReadRecordResult::Record => self.read_record(text[..read].ends_with(b"\n")),
            ReadRecordResult::InputEmpty | ReadRecordResult::End => {}
        }
        read
    }

    /// What the reader has read, with the end of its line or up to there.
    fn read_record(&mut self, is_next: bool) {
        let (fields, written) = (self.fields, self.written);
        (self.fields, self.written) = (0, 0);
        let line = self.lines + self.reader.line() - u64::from(is_next);
        let mut places = std::mem::take(&mut self.places);
        let output = std::mem::take(&mut self.output);
        places.clear();
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        places.extend(starts.zip(self.ends.iter().copied()).take(fields));
        self.newlines |= memchr::memchr2(b'\n', b'\r', &output[..written]).is_some();
        self.record(&output[..written], &places, line);
        (self.places, self.output) = (places, output);
    }

    /// A record of values that lie at some places of some bytes.
    fn record(&mut self, bytes: &[u8], places: &[(usize, usize)], line: u64) {
        let marked = bytes.first() == Some(&b'#') && self.records > 0;
        if places.len() != self.columns.len() {
            let ragged = Ragged { line, width: places.len() };
            if marked {
                _ = self.comment.get_or_insert(ragged)
            } else {
                self.ragged = Some(ragged)
            }
            return;
        }
        self.marked |= marked;
        let columns = if self.records == 0 { &mut self.first_values } else { &mut self.columns };
        for (column, (start, end)) in columns.iter_mut().zip(places) {
            column.see(&bytes[*start..*end]);
        }
        if self.records == 0 {
            let values: Vec<Vec<u8>> =
                places.iter().map(|(start, end)| bytes[*start..*end].to_vec()).collect();
            self.first = names(&values);
        }
        self.records += 1;
    }

    fn finish(self, encoding: &'static Encoding, path: &str) -> Result<Option<Looked>, FileError> {
        let comment = self.comment.filter(|_| self.marked);
        if let Some(ragged) = self.ragged.or(comment) {
            let Dialect { delimiter, quote, .. } = self.sniffed.dialect;
            return Err(FileError::Ragged {
                path: path.to_string(),
                line: ragged.line,
                expected: self.columns.len(),
                got: ragged.width,
                delimiter: delimiter as char,
                quote: quote as char,
            });
        }
        if self.records == 0 {
            return Ok(None);
        }
        Ok(Some(Looked {
            encoding,
            first: self.first,
            columns: self.columns,
            first_values: self.first_values,
            records: self.records,
            comments: self.comment.is_some(),
            newlines: self.newlines || self.returns,
            sniffed: self.sniffed,
        }))
    }
}
