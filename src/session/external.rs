//! The tables of `CREATE EXTERNAL TABLE`: DataFusion's own, of which no file is cut that cannot be,
//! and whose files are joined by the names of their columns.

use std::sync::Arc;

use datafusion::catalog::{Session, TableProvider, TableProviderFactory};
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::listing::{ListingTable, ListingTableUrl};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::CreateExternalTable;
use datafusion::object_store::ObjectMeta;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryFutureExt, TryStreamExt};

use crate::session::by_name::{Column, Groups, OneFormat};
use crate::session::json;
use crate::session::listing::{AT_ONCE, url_of};
use crate::session::whole_files::WholeFiles;

/// Makes tables of files as another factory does, and mends them.
#[derive(Debug)]
pub(super) struct ExternalTables(pub(super) Arc<dyn TableProviderFactory>);

impl TableProviderFactory for ExternalTables {
    // No `async`: see `KCorrsetTable::scan`.
    fn create<'factory, 'session, 'command, 'table>(
        &'factory self,
        session: &'session dyn Session,
        command: &'command CreateExternalTable,
    ) -> BoxFuture<'table, Result<Arc<dyn TableProvider>>>
    where
        'factory: 'table,
        'session: 'table,
        'command: 'table,
        Self: 'table,
    {
        let has_columns = !command.schema.fields().is_empty();
        let table = self.0.create(session, command);
        table.and_then(move |table| mended(table, has_columns, session)).boxed()
    }
}

/// The table, by the names of its files' columns where these differ.
async fn mended(
    table: Arc<dyn TableProvider>,
    has_columns: bool,
    session: &dyn Session,
) -> Result<Arc<dyn TableProvider>> {
    let Some(files) = table.downcast_ref::<ListingTable>() else { return Ok(table) };
    if json::is_array(files.options()) {
        return Ok(Arc::new(WholeFiles(table)));
    }
    if !files.options().format.is::<CsvFormat>() {
        return Ok(table);
    }
    let groups = groups_of(files, session).await?;
    // What may be written to stays what it is.
    if groups.len() < 2 {
        return Ok(table);
    }
    let declared = has_columns || !files.options().table_partition_cols.is_empty();
    match groups.differ().filter(|_| declared) {
        Some(error) => Err(error),
        None => groups.table(None, true),
    }
}

/// The files of a table, those with the same columns together. Files without a line have neither
/// columns nor rows.
async fn groups_of(table: &ListingTable, session: &dyn Session) -> Result<Groups<OneFormat<false>>> {
    let options = table.options();
    let mut groups = Groups::new();
    for path in table.table_paths() {
        let store = session.runtime_env().object_store(path)?;
        let files = path.list_all_files(session, store.as_ref(), &options.file_extension).await?;
        let looked_into = files.map(|file| {
            let store = &store;
            async move {
                let file: ObjectMeta = file?;
                let schema = options.format.infer_schema(session, store, std::slice::from_ref(&file)).await?;
                Ok::<_, DataFusionError>((schema, url_of(path, &file.location)))
            }
        });
        let looked_into: Vec<(_, ListingTableUrl)> = looked_into.buffered(AT_ONCE).try_collect().await?;
        for (schema, file) in looked_into {
            let columns = Column::all_of(&schema);
            if !columns.is_empty() {
                groups.add(OneFormat(Arc::clone(&options.format)), columns, file);
            }
        }
    }
    Ok(groups)
}
