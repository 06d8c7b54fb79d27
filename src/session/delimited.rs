//! CSV and its kin as tables, whatever separates their values and whoever wrote them.
//!
//! What can be read as it is, DataFusion reads, in ranges that are read side by side. Files in other
//! encodings, and those with something before the first record, are [recoded](Recoding) on the way.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::config::CsvOptions;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::error::{DataFusionError, Result};
use datafusion::object_store::ObjectStore;
use futures::{StreamExt, TryStreamExt};

use crate::session::by_name::{Column, Groups, Reading};
use crate::session::failure::FileError;
use crate::session::listing::{AT_ONCE, DataFile, Listing, unreadable};
use crate::session::look::{Looked, look};
use crate::session::recoded::Recoding;
use crate::session::sniff::{Dialect, Header, numbered};

/// The table of the files of a listing.
///
/// # Errors
/// [`FileError`]; files cannot be joined.
pub(super) async fn table_of(
    path: &str,
    listing: Listing,
    store: &dyn ObjectStore,
) -> Result<Arc<dyn TableProvider>> {
    let looks = listing.files.into_iter().map(|file| async move {
        let looked = look(store, &file.meta, file.ending.compression, &file.path, &file.ending.text).await;
        let looked = looked.map_err(|error| broken(&file, error))?;
        Ok::<_, DataFusionError>(looked.map(|looked| (file, looked)))
    });
    let looked: Vec<_> = futures::stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
    let mut looked: Vec<(DataFile, Looked)> = looked.into_iter().flatten().collect();
    if looked.is_empty() {
        return Err(FileError::Empty { path: path.to_string() }.into());
    }
    agree_on_headers(&mut looked);
    let has_rows = looked.iter().any(|(_, looked)| looked.has_rows());
    let mut groups = Groups::new();
    for (file, looked) in looked {
        let columns = looked.columns().into_iter();
        let columns = columns.map(|(name, data_type, written)| Column { name, data_type, written });
        groups.add(CsvReading::of(&file, &looked), columns.collect(), file.url);
    }
    groups.table(listing.folders, has_rows)
}

/// An error that names the file, of whatever the reader says.
fn broken(file: &DataFile, error: DataFusionError) -> DataFusionError {
    let error = unreadable(&file.path, error);
    match error {
        DataFusionError::IoError(error) => FileError::Broken {
            path: file.path.clone(),
            format: format!("file of .{}", file.ending.text),
            reason: error.to_string(),
        }
        .into(),
        other => other,
    }
}

/// Lets files of which there is no telling if they have a header be as the others.
///
/// Where the first records of several files are the same, they are headers; else what a file of
/// as many columns shows for sure holds for the rest.
fn agree_on_headers(looked: &mut [(DataFile, Looked)]) {
    let is_first = |looked: &Looked| looked.sniffed.header == Header::First;
    let sure: Vec<(usize, bool)> = looked
        .iter()
        .filter(|(_, looked)| !looked.sniffed.unsure)
        .map(|(_, looked)| (looked.sniffed.width, is_first(looked)))
        .collect();
    let firsts: Vec<Vec<String>> = looked.iter().map(|(_, looked)| sorted(&looked.first)).collect();
    for (number, (_, looked)) in looked.iter_mut().enumerate() {
        if !looked.sniffed.unsure {
            continue;
        }
        let alike = firsts.iter().filter(|first| **first == firsts[number]).count();
        let other = sure.iter().find(|(width, _)| *width == looked.sniffed.width);
        let header = match other {
            _ if alike > 1 => true,
            Some((_, header)) => *header,
            None => continue,
        };
        looked.sniffed.header = if header {
            Header::First
        } else {
            Header::Names(numbered(vec![String::new(); looked.sniffed.width]))
        };
    }
}

fn sorted(names: &[String]) -> Vec<String> {
    let mut names = names.to_vec();
    names.sort();
    names
}

/// How a file of separated values is read.
#[derive(Debug, Clone, PartialEq)]
struct CsvReading {
    dialect: Dialect,
    has_header: bool,
    comments: bool,
    newlines: bool,
    recoding: Recoding,
}

impl CsvReading {
    fn of(file: &DataFile, looked: &Looked) -> Self {
        Self {
            dialect: looked.sniffed.dialect,
            has_header: looked.sniffed.header == Header::First,
            comments: looked.comments,
            newlines: looked.newlines,
            recoding: Recoding {
                compression: file.ending.compression,
                encoding: looked.encoding,
                skip: looked.sniffed.skip,
            },
        }
    }
}

impl Reading for CsvReading {
    const BY_NAME: bool = false;

    fn with(&self, other: &Self) -> Option<Self> {
        let newlines = self.newlines || other.newlines;
        let (one, two) = (Self { newlines, ..self.clone() }, Self { newlines, ..other.clone() });
        (one == two).then_some(one)
    }

    fn format(&self) -> Arc<dyn FileFormat> {
        let Dialect { delimiter, quote, escape } = self.dialect;
        self.recoding.of(|compression| {
            CsvFormat::default().with_options(CsvOptions {
                has_header: Some(self.has_header),
                delimiter,
                quote,
                escape,
                comment: self.comments.then_some(b'#'),
                newlines_in_values: Some(self.newlines),
                compression: *compression.get_variant(),
                ..CsvOptions::default()
            })
        })
    }

    fn is_whole(&self) -> bool {
        !self.recoding.is_plain()
    }
}
