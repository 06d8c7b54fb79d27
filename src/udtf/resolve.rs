//! A table's name → the table, without blocking and without keeping the session.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use datafusion::catalog::{SchemaProvider, Session, TableProvider};
use datafusion::common::TableReference;
use datafusion::common::utils::datafusion_strsim::normalized_levenshtein;
use datafusion::error::Result;
use futures::FutureExt;
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::error::KCorrsetError;

/// A table as the caller named it.
#[derive(Debug, Clone)]
pub(crate) enum TableName {
    /// A name that the SQL parser took apart.
    Parsed(TableReference),
    /// A string: a name with or without dots, or something that the catalog
    /// understands as a whole, such as a path.
    Text(String),
}

impl TableName {
    /// What the name may mean, the likeliest first.
    fn readings(&self) -> Vec<TableReference> {
        match self {
            Self::Parsed(reference) => vec![reference.clone()],
            Self::Text(text) => {
                let (parsed, whole) = (TableReference::parse_str(text), TableReference::bare(text.as_str()));
                if parsed == whole { vec![whole] } else { vec![parsed, whole] }
            }
        }
    }
}

/// Finds a table in the session's catalogs.
///
/// # Errors
/// No such table; or its catalog has to be waited for, on a runtime of one thread
/// where waiting would block the very thread that the catalog may need.
pub(crate) fn resolve(
    session: &dyn Session,
    name: &TableName,
) -> Result<(TableReference, Arc<dyn TableProvider>)> {
    let readings = name.readings();
    for reading in &readings {
        if let Some(schema) = schema_of(session, reading) {
            let table = wait(schema.table(reading.table()));
            let table = table.ok_or_else(|| KCorrsetError::TableNotReady { name: reading.to_string() })??;
            if let Some(table) = table {
                return Ok((reading.clone(), table));
            }
        }
    }
    Err(unknown(session, &readings[0]).into())
}

fn schema_of(session: &dyn Session, reading: &TableReference) -> Option<Arc<dyn SchemaProvider>> {
    let defaults = &session.config_options().catalog;
    let resolved = reading.clone().resolve(&defaults.default_catalog, &defaults.default_schema);
    session.catalog_list().catalog(&resolved.catalog)?.schema(&resolved.schema)
}

/// The result of a future that is ready, or can be waited for without blocking a
/// runtime; `None` of any other.
fn wait<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    // Catalogs in memory answer at the first asking.
    if let Some(ready) = future.as_mut().now_or_never() {
        return Some(ready);
    }
    let handle = Handle::try_current().ok()?;
    match handle.runtime_flavor() {
        // The other workers go on, and this one is replaced meanwhile.
        RuntimeFlavor::MultiThread => Some(tokio::task::block_in_place(|| handle.block_on(future))),
        _ => None,
    }
}

/// Names are near from this likeness on; the scale ends at 1, which is equality.
const NEAR: f64 = 0.5;

fn unknown(session: &dyn Session, reading: &TableReference) -> KCorrsetError {
    let defaults = &session.config_options().catalog;
    let resolved = reading.clone().resolve(&defaults.default_catalog, &defaults.default_schema);
    let names = schema_of(session, reading).map(|schema| schema.table_names()).unwrap_or_default();
    let likeness = |name: &str| normalized_levenshtein(&name.to_lowercase(), &reading.table().to_lowercase());
    let mut near: Vec<String> = names.into_iter().filter(|name| likeness(name) >= NEAR).collect();
    near.sort_by(|x, y| likeness(y).total_cmp(&likeness(x)).then_with(|| x.cmp(y)));
    near.truncate(3);
    KCorrsetError::UnknownTable { name: resolved.to_string(), near }
}
