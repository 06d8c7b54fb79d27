//! Files that say themselves what their columns are: Parquet, Arrow, Avro.

use std::sync::Arc;

use datafusion::catalog::{Session, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionState;
use datafusion::object_store::{ObjectMeta, ObjectStore};
use futures::{StreamExt, TryStreamExt};

use crate::session::by_name::{Column, Groups, OneFormat, listing_table};
use crate::session::failure::FileError;
use crate::session::listing::{AT_ONCE, DataFile, Listing, unreadable};

/// The table of the files of a listing.
///
/// # Errors
/// [`FileError`]; the session does not know the format.
pub(super) async fn table_of(
    listing: Listing,
    format: &str,
    store: &Arc<dyn ObjectStore>,
    session: &dyn Session,
) -> Result<Arc<dyn TableProvider>> {
    let name = listing.format.name();
    let unknown = || FileError::NotBuiltIn {
        path: listing.files.first().map(|file| file.path.clone()).unwrap_or_default(),
        format: name,
        feature: format.to_string(),
    };
    let state = session.as_any().downcast_ref::<SessionState>();
    let factory = state.and_then(|state| state.get_file_format_factory(format)).ok_or_else(unknown)?;
    let format = factory.create(session, &Default::default())?;
    let metas: Vec<ObjectMeta> = listing.files.iter().map(|file| file.meta.clone()).collect();
    if let Ok(schema) = format.infer_schema(session, store, &metas).await {
        let files = listing.files.into_iter().map(|file| file.url).collect();
        return listing_table(files, format, schema, listing.folders);
    }
    // One of them cannot be read, or they have columns of one name and of several types.
    let schemas = listing.files.into_iter().map(|file| {
        let format = Arc::clone(&format);
        async move {
            let schema = format.infer_schema(session, store, std::slice::from_ref(&file.meta)).await;
            let schema = schema.map_err(|error| broken(&file, name, error))?;
            Ok::<_, DataFusionError>((file, schema))
        }
    });
    let schemas: Vec<_> = futures::stream::iter(schemas).buffered(AT_ONCE).try_collect().await?;
    let mut groups = Groups::new();
    for (file, schema) in schemas {
        groups.add(OneFormat::<true>(Arc::clone(&format)), Column::all_of(&schema), file.url);
    }
    groups.table(listing.folders, true)
}

fn broken(file: &DataFile, format: &str, error: DataFusionError) -> DataFusionError {
    match unreadable(&file.path, error) {
        error @ (DataFusionError::External(_) | DataFusionError::ObjectStore(_)) => error,
        other => FileError::Broken {
            path: file.path.clone(),
            format: format.to_string(),
            reason: other.strip_backtrace(),
        }
        .into(),
    }
}
