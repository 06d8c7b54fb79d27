//! Files of JSON: an object a line, or one array of objects, told apart by looking.

use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::datasource::file_format::json::JsonFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTableUrl};
use datafusion::error::Result;
use datafusion::object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use futures::TryStreamExt;

/// Endings of files of JSON.
const ENDINGS: [&str; 3] = ["json", "jsonl", "ndjson"];

/// How files at a place are read, if they are of JSON; none if they are of something else, or
/// compressed. All of them are read as the first that has anything in it.
///
/// # Errors
/// The files cannot be listed or read.
pub(super) async fn options_of(
    place: &ListingTableUrl,
    session: &dyn Session,
) -> Result<Option<ListingOptions>> {
    let store = session.runtime_env().object_store(place)?;
    let mut files = place.list_all_files(session, store.as_ref(), "").await?;
    let mut options = None;
    while let Some(file) = files.try_next().await? {
        let ending = file.location.extension().map(str::to_lowercase);
        let Some(ending) = ending.filter(|ending| ENDINGS.contains(&ending.as_str())) else {
            return Ok(None);
        };
        let first = first_character(&file, store.as_ref()).await?;
        let format = JsonFormat::default().with_newline_delimited(first != Some(b'['));
        options = Some(ListingOptions::new(Arc::new(format)).with_file_extension(format!(".{ending}")));
        if first.is_some() {
            break;
        }
    }
    Ok(options)
}

/// Whether files are one array each, which cannot be read in parts.
pub(super) fn is_array(options: &ListingOptions) -> bool {
    options.format.downcast_ref::<JsonFormat>().is_some_and(|format| !format.is_newline_delimited())
}

/// How many bytes are looked at.
const LOOK: u64 = 4096;

/// The first byte of a file that is neither white space nor part of a byte order mark; none if
/// there is no such among the first.
async fn first_character(file: &ObjectMeta, store: &dyn ObjectStore) -> Result<Option<u8>> {
    if file.size == 0 {
        return Ok(None);
    }
    let bytes = store.get_range(&file.location, 0..file.size.min(LOOK)).await?;
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    Ok(text.iter().copied().find(|byte| !byte.is_ascii_whitespace()))
}
