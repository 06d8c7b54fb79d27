//! Rows as a table drawn with lines: the first of them, and how many there are.

use std::fmt::Write;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use crate::session::nested_text::{is_nested, to_text};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::util::pretty::pretty_format_batches_with_options;
use datafusion::config::FormatOptions;
use datafusion::error::Result;
use datafusion::execution::memory_pool::MemoryReservation;

/// How many rows of a table are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MaxRows {
    Unlimited,
    Limited(usize),
}

impl FromStr for MaxRows {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if ["inf", "infinite", "none"].iter().any(|name| text.eq_ignore_ascii_case(name)) {
            return Ok(Self::Unlimited);
        }
        text.parse().map(Self::Limited).map_err(|_| "a number of rows, or inf, is wanted")
    }
}

/// A table in the making.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) schema: SchemaRef,
    pub(crate) max_rows: MaxRows,
    /// Whether cells may have several lines, as those of a plan have.
    pub(crate) multiline: bool,
    /// Whether the rows never end, so that they cannot be counted.
    pub(crate) endless: bool,
    /// When the statement began, if its rows and seconds are told.
    pub(crate) begun: Option<Instant>,
    pub(crate) options: FormatOptions,
    /// What the rows that are kept take.
    pub(crate) reservation: MemoryReservation,
    /// The rows to be shown.
    pub(crate) shown: Vec<RecordBatch>,
    /// Those, and the rest.
    pub(crate) rows: usize,
}

impl Table {
    /// Takes a batch; `false` if no further one will be shown or counted.
    pub(super) fn push(&mut self, batch: &RecordBatch) -> Result<bool> {
        let room = match self.max_rows {
            MaxRows::Unlimited => batch.num_rows(),
            MaxRows::Limited(most) => most.saturating_sub(self.rows).min(batch.num_rows()),
        };
        self.rows += batch.num_rows();
        if room > 0 {
            let shown = batch.slice(0, room);
            self.reservation.try_grow(shown.get_array_memory_size())?;
            self.shown.push(shown);
        }
        let left_out = matches!(self.max_rows, MaxRows::Limited(most) if self.rows > most);
        Ok(!(self.endless && left_out))
    }

    /// The table, and how many rows are not in it.
    pub(super) fn drawn(&self) -> Result<String> {
        let options = (&self.options).try_into()?;
        let shown = self.shown.iter().map(|batch| self.as_text(batch)).collect::<Result<Vec<_>>>()?;
        let mut text = if shown.is_empty() {
            let none = self.as_text(&RecordBatch::new_empty(Arc::clone(&self.schema)))?;
            pretty_format_batches_with_options(&[none], &options)?.to_string()
        } else {
            pretty_format_batches_with_options(&shown, &options)?.to_string()
        };
        text.push('\n');
        if let MaxRows::Limited(most) = self.max_rows
            && most < self.rows
        {
            let all = if self.endless { "endless".to_string() } else { self.rows.to_string() };
            let _ = writeln!(
                text,
                "The first {most} of {all} rows; --maxrows inf shows all, and so does any other format."
            );
        }
        text.push_str(&summary(self.rows, self.begun));
        Ok(text)
    }

    /// A batch of which no value can be taken for another, or for two rows.
    fn as_text(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let mut columns = Vec::with_capacity(batch.num_columns());
        let mut fields = Vec::with_capacity(batch.num_columns());
        for (column, field) in batch.columns().iter().zip(batch.schema_ref().fields()) {
            let text: ArrayRef = match column.data_type() {
                nested if is_nested(nested) => Arc::new(on_one_line(&to_text(column)?)),
                text if is_text(text) && !self.multiline => {
                    Arc::new(on_one_line(cast(column, &DataType::Utf8)?.as_string()))
                }
                _ => Arc::clone(column),
            };
            fields.push(Field::new(field.name(), text.data_type().clone(), true));
            columns.push(text);
        }
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
    }
}

/// What is told of a statement when it has ended.
pub(crate) fn summary(rows: usize, begun: Option<Instant>) -> String {
    match begun {
        Some(begun) => {
            format!("{rows} row(s) fetched.\nElapsed {:.3} seconds.\n\n", begun.elapsed().as_secs_f64())
        }
        None => String::new(),
    }
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_text(values),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        _ => false,
    }
}

/// Texts with their control characters written as in source code: `\n`.
fn on_one_line(texts: &StringArray) -> StringArray {
    let on_one_line = |text: &str| {
        if text.contains(char::is_control) {
            text.chars().fold(String::with_capacity(text.len() + 8), |mut line, c| {
                if c.is_control() {
                    line.extend(c.escape_default())
                } else {
                    line.push(c)
                }
                line
            })
        } else {
            text.to_string()
        }
    };
    texts.iter().map(|text| text.map(on_one_line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_rows_or_all() {
        assert_eq!("40".parse(), Ok(MaxRows::Limited(40)));
        assert_eq!("Inf".parse(), Ok(MaxRows::Unlimited));
        for wrong in ["", "-1", "1.5", "all"] {
            assert!(wrong.parse::<MaxRows>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_text_is_one_line() {
        let texts = StringArray::from(vec![Some("a\nb\t\u{7f}ü"), None, Some("plain")]);
        let lines = on_one_line(&texts);
        assert_eq!(lines.iter().collect::<Vec<_>>(), [Some("a\\nb\\t\\u{7f}ü"), None, Some("plain")]);
    }
}
