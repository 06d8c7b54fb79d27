//! The formats, each over arrow's writer of it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use crate::session::nested_text::text_batch;
use clap::ValueEnum;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::csv::{Writer as CsvWriter, WriterBuilder as CsvBuilder};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::json::writer::{JsonArray, LineDelimited};
use datafusion::arrow::json::{Writer as JsonWriter, WriterBuilder as JsonBuilder};
use datafusion::error::Result;

use crate::prompt::output::table::Table;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table drawn with lines, of the first rows
    #[value(alias = "automatic")]
    Table,
    /// Comma-separated values, with a header; lists as text
    Csv,
    /// Like CSV, separated by tabs
    Tsv,
    /// One array of objects
    Json,
    /// An object a line
    #[value(alias = "ndjson")]
    NdJson,
}

/// Rows that become bytes.
#[derive(Debug)]
pub(crate) struct Rows {
    bytes: Bytes,
    writer: Writer,
}

#[derive(Debug)]
enum Writer {
    Csv(Box<CsvWriter<Bytes>>),
    Json(Box<JsonWriter<Bytes, JsonArray>>),
    NdJson(Box<JsonWriter<Bytes, LineDelimited>>),
    Table(Box<Table>),
    /// What has no columns has nothing to show.
    Nothing,
}

impl Rows {
    /// Rows of a schema; a table shows them as `table` has it.
    ///
    /// # Errors
    /// Arrow cannot write the header.
    pub(crate) fn new(format: Format, schema: &SchemaRef, table: impl FnOnce() -> Table) -> Result<Self> {
        let bytes = Bytes::default();
        let out = bytes.clone();
        let csv =
            |delimiter| Writer::Csv(Box::new(CsvBuilder::new().with_delimiter(delimiter).build(out.clone())));
        // A key of every column in every row, also where it is NULL.
        let json = || JsonBuilder::new().with_explicit_nulls(true);
        let writer = match format {
            _ if schema.fields().is_empty() => Writer::Nothing,
            Format::Csv => csv(b','),
            Format::Tsv => csv(b'\t'),
            Format::Json => Writer::Json(Box::new(json().build(out.clone()))),
            Format::NdJson => Writer::NdJson(Box::new(json().build(out.clone()))),
            Format::Table => Writer::Table(Box::new(table())),
        };
        let mut rows = Self { bytes, writer };
        // A result without rows has a header all the same.
        if let Writer::Csv(_) = rows.writer {
            rows.push(&RecordBatch::new_empty(Arc::clone(schema)))?;
        }
        Ok(rows)
    }

    /// Takes a batch; `false` if no further one will be shown or counted.
    pub(super) fn push(&mut self, batch: &RecordBatch) -> Result<bool> {
        match &mut self.writer {
            Writer::Csv(writer) => writer.write(&text_batch(batch)?)?,
            Writer::Json(writer) => writer.write(batch)?,
            Writer::NdJson(writer) => writer.write(batch)?,
            Writer::Table(table) => return table.push(batch),
            Writer::Nothing => {}
        }
        Ok(true)
    }

    /// Makes bytes of what is left at the end.
    pub(super) fn finish(&mut self) -> Result<()> {
        match &mut self.writer {
            Writer::Json(writer) => {
                writer.finish()?;
                self.bytes.clone().write_all(b"\n")?;
            }
            Writer::NdJson(writer) => writer.finish()?,
            Writer::Table(table) => write!(self.bytes.clone(), "{}", table.drawn()?)?,
            Writer::Csv(_) | Writer::Nothing => {}
        }
        Ok(())
    }

    /// The bytes made by now.
    pub(super) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.bytes.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Bytes between arrow's writers, which keep what they write to, and standard output. What
/// cannot be written there is so never taken for what cannot be formatted.
#[derive(Debug, Clone, Default)]
struct Bytes(Arc<Mutex<Vec<u8>>>);

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
