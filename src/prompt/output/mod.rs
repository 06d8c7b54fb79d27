//! Rows on their way out: to standard output, in one of some formats, as batches come.
//!
//! ```text
//! batch ──▶ format  csv, tsv, json, nd-json: bytes   ──▶ standard output, flushed
//!             └──── table: kept, up to --maxrows ── end ──▶
//! ```
//!
//! Nothing is held but one batch and, for a table, the rows it shows. Writing blocks until
//! whoever reads has made room, and no further batch is asked for meanwhile.

mod format;
mod table;

use std::error::Error;
use std::fmt;
use std::io::{self, Write};

use datafusion::arrow::array::RecordBatch;
use datafusion::error::{DataFusionError, Result};

pub(crate) use format::{Format, Rows};
pub(crate) use table::{MaxRows, Table, summary};

use crate::error::bounded;

/// How results are shown.
#[derive(Debug, Clone)]
pub(crate) struct OutputOptions {
    pub(crate) format: Format,
    /// How many rows of a table are shown.
    pub(crate) max_rows: MaxRows,
    /// Whether nothing is shown but results.
    pub(crate) quiet: bool,
}

/// Writes to standard output at once.
///
/// # Errors
/// [`Unwritten`].
pub(crate) fn put(bytes: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(|error| Unwritten(error).into())
}

/// Writes a line to standard output for whoever sits there. Whether they are still there is no
/// matter.
pub(crate) fn say(line: impl fmt::Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Writes a line to standard error, if anybody listens.
pub(crate) fn complain(line: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// What is told of an error.
pub(crate) fn error_text(error: &(dyn Error + 'static)) -> String {
    // That an error is of the data or of a file, and not of DataFusion, it says itself.
    match error.downcast_ref() {
        Some(DataFusionError::External(error)) => bounded(error.to_string()),
        _ => bounded(error.to_string()),
    }
}

/// Standard output does not take what is written.
#[derive(Debug)]
pub(crate) struct Unwritten(io::Error);

impl Unwritten {
    /// Whether whoever read has gone, which is no failure of anybody's.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }

    /// Among the causes of an error, that nothing can be written.
    pub(crate) fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(unwritten) = error.downcast_ref() {
                return Some(unwritten);
            }
            cause = error.source();
        }
        None
    }
}

impl fmt::Display for Unwritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "standard output cannot be written: {}", self.0)
    }
}

impl Error for Unwritten {}

impl From<Unwritten> for DataFusionError {
    fn from(error: Unwritten) -> Self {
        Self::External(Box::new(error))
    }
}

/// Writes all batches of a result.
#[derive(Debug)]
pub(crate) struct Output {
    rows: Rows,
}

impl Output {
    pub(crate) fn new(rows: Rows) -> Self {
        Self { rows }
    }

    /// Takes a batch; `false` if no further one will be shown or counted.
    ///
    /// # Errors
    /// [`Unwritten`]; a value that the format cannot take; memory that does not suffice.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<bool> {
        let wants_more = self.rows.push(batch)?;
        self.flush()?;
        Ok(wants_more)
    }

    /// Writes what is left at the end.
    ///
    /// # Errors
    /// As of [`write`](Self::write).
    pub(crate) fn finish(mut self) -> Result<()> {
        self.rows.finish()?;
        self.flush()
    }

    fn flush(&self) -> Result<()> {
        let bytes = self.rows.take();
        if bytes.is_empty() { Ok(()) } else { put(&bytes) }
    }
}
