//! JSON as tables: an object a line, or one array of objects, told apart by looking.

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::catalog::{Session, TableProvider};
use datafusion::config::JsonOptions;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::json::JsonFormat;
use datafusion::datasource::listing::ListingOptions;
use datafusion::error::{DataFusionError, Result};
use datafusion::object_store::ObjectStore;
use encoding_rs::Encoding;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use crate::session::by_name::{Column, Groups, Reading};
use crate::session::encoding::{ENOUGH, Transcoder, first_guess};
use crate::session::failure::FileError;
use crate::session::listing::{DataFile, Listing, unreadable};
use crate::session::pour::{Consumer, pour};
use crate::session::recoded::Recoding;

/// The table of the files of a listing.
///
/// # Errors
/// [`FileError`]; files cannot be joined.
pub(super) async fn table_of(
    path: &str,
    listing: Listing,
    store: &Arc<dyn ObjectStore>,
    session: &Arc<dyn Session>,
) -> Result<Arc<dyn TableProvider>> {
    let mut groups = Groups::new();
    for file in listing.files {
        let beginning = Beginning::default();
        let looked = pour(store.as_ref(), &file.meta.location, file.ending.compression, beginning).await;
        let looked = looked.map_err(|error| broken(&file, error))?;
        let Some((encoding, is_array)) = looked.found() else { continue };
        let recoding = Recoding { compression: file.ending.compression, encoding, skip: 0 };
        let reading = JsonReading { is_array, recoding };
        let columns = columns_of(&file, &reading, store, session).await?;
        groups.add(reading, columns, file.url);
    }
    match groups.len() {
        0 => Err(FileError::Empty { path: path.to_string() }.into()),
        _ => groups.table(listing.folders, true),
    }
}

/// Columns with types for the values of a file's first objects.
async fn columns_of(
    file: &DataFile,
    reading: &JsonReading,
    store: &Arc<dyn ObjectStore>,
    session: &Arc<dyn Session>,
) -> Result<Vec<Column>> {
    let (format, meta) = (reading.format(), file.meta.clone());
    let (store, session) = (Arc::clone(store), Arc::clone(session));
    let runtime = Handle::current();
    // DataFusion reads a local file on the thread that it is asked on.
    let inferred =
        spawn_blocking(move || runtime.block_on(format.infer_schema(session.as_ref(), &store, &[meta])));
    let inferred = inferred.await.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))?;
    let schema = inferred.map_err(|error| broken(file, error))?;
    Ok(Column::all_of(&schema))
}

fn broken(file: &DataFile, error: DataFusionError) -> DataFusionError {
    match unreadable(&file.path, error) {
        DataFusionError::ArrowError(error, _) if is_of_encoding(&error.to_string()) => {
            FileError::JsonEncoding { path: file.path.clone() }.into()
        }
        error @ (DataFusionError::ArrowError(..) | DataFusionError::IoError(_)) => FileError::Broken {
            path: file.path.clone(),
            format: "JSON".to_string(),
            reason: error.strip_backtrace(),
        }
        .into(),
        other => other,
    }
}

/// Whether a reader of JSON has met bytes that are no UTF-8.
fn is_of_encoding(text: &str) -> bool {
    ["UTF-8", "invalid unicode code point"].iter().any(|words| text.contains(words))
}

/// Whether files are one array each, which cannot be read in parts.
pub(super) fn is_array(options: &ListingOptions) -> bool {
    options.format.downcast_ref::<JsonFormat>().is_some_and(|format| !format.is_newline_delimited())
}

/// The first bytes of a file, up to one that tells what is in it.
#[derive(Debug, Default)]
struct Beginning {
    bytes: Vec<u8>,
    first: Option<u8>,
}

impl Consumer for Beginning {
    fn take(&mut self, bytes: &[u8]) -> ControlFlow<()> {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() < ENOUGH {
            return ControlFlow::Continue(());
        }
        self.first = self.first_character();
        match self.first {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    }
}

impl Beginning {
    fn first_character(&self) -> Option<u8> {
        let mut text = Vec::new();
        let mut transcoder = Transcoder::new(first_guess(&self.bytes));
        // Whatever is malformed the reader will find.
        let _ = transcoder.append(&self.bytes, false, &mut text);
        text.iter().copied().find(|byte| !byte.is_ascii_whitespace())
    }

    /// The encoding, and whether there is an array; none of a file of blanks.
    fn found(self) -> Option<(&'static Encoding, bool)> {
        let first = self.first.or_else(|| self.first_character())?;
        Some((first_guess(&self.bytes), first == b'['))
    }
}

/// How many objects of a file have a say in the types of its columns. To look at one costs several
/// times what reading it costs.
const TYPED: usize = 100_000;

/// How a file of JSON is read.
#[derive(Debug, Clone, PartialEq)]
struct JsonReading {
    is_array: bool,
    recoding: Recoding,
}

impl Reading for JsonReading {
    const BY_NAME: bool = true;

    fn with(&self, other: &Self) -> Option<Self> {
        (self == other).then(|| self.clone())
    }

    fn format(&self) -> Arc<dyn FileFormat> {
        self.recoding.of(|compression| {
            JsonFormat::default().with_options(JsonOptions {
                newline_delimited: !self.is_array,
                schema_infer_max_rec: Some(TYPED),
                compression: *compression.get_variant(),
                ..JsonOptions::default()
            })
        })
    }

    fn is_whole(&self) -> bool {
        self.is_array || !self.recoding.is_plain()
    }
}
