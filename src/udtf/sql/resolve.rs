//! A table's name → the table, without blocking and without keeping the session.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::thread;

use datafusion::catalog::{SchemaProvider, Session, TableProvider};
use datafusion::common::TableReference;
use datafusion::error::Result;
use futures::FutureExt;
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::error::{KCorrsetError, Place, Remedy};
use crate::udtf::NAME;
use crate::udtf::advice::near::near;
use crate::udtf::advice::spelling::Spelling;

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
            let table = table.ok_or_else(|| not_ready(session, reading))??;
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

/// The result of a future that is ready, or can be waited for while others go on; `None` of any
/// other.
///
/// Planning is not asynchronous, so somebody has to stand still. It must not be a thread that the
/// future may need: not that of a runtime of one thread; and a worker has to hand its other tasks
/// on first, as all workers may be planning at the same time.
fn wait<T: Send>(future: impl Future<Output = T> + Send) -> Option<T> {
    let mut future = pin!(future);
    // Catalogs in memory answer at the first asking.
    if let Some(ready) = future.as_mut().now_or_never() {
        return Some(ready);
    }
    let runtime = Handle::try_current().ok()?;
    if runtime.runtime_flavor() != RuntimeFlavor::MultiThread {
        return None;
    }
    // A panic of the catalog stays one.
    let answer = || catch_unwind(AssertUnwindSafe(|| runtime.block_on(future)));
    if tokio::task::try_id().is_none() {
        // Who is in no task is on none of the workers, and in a `LocalSet` may not hand on.
        let driver = thread::Builder::new().name(NAME.to_string());
        let answer = thread::scope(|scope| driver.spawn_scoped(scope, answer).ok()?.join().ok())?;
        return Some(answer.unwrap_or_else(|panic| resume_unwind(panic)));
    }
    // Of a task nobody can tell whether it is on a worker or in a `LocalSet`, where tokio panics
    // when it is told to hand on.
    let answer = catch_unwind(AssertUnwindSafe(|| tokio::task::block_in_place(answer))).ok()?;
    Some(answer.unwrap_or_else(|panic| resume_unwind(panic)))
}

fn not_ready(session: &dyn Session, reading: &TableReference) -> KCorrsetError {
    let table = Spelling::of(session.config_options()).reference(reading);
    let effect = "have it looked up before".to_string();
    let remedy = Remedy { effect, place: Place::Table, sql: format!("(SELECT * FROM {table})") };
    KCorrsetError::TableNotReady { name: reading.to_string(), remedies: vec![remedy] }
}

fn unknown(session: &dyn Session, reading: &TableReference) -> KCorrsetError {
    let defaults = &session.config_options().catalog;
    let resolved = reading.clone().resolve(&defaults.default_catalog, &defaults.default_schema);
    let names = schema_of(session, reading).map(|schema| schema.table_names()).unwrap_or_default();
    let near = near(reading.table(), names.iter().map(String::as_str));
    KCorrsetError::UnknownTable { name: resolved.to_string(), near }
}
