//! Files as tables, by their paths: `FROM 'scores.csv'`, and `CREATE EXTERNAL TABLE`.
//!
//! DataFusion reads them. What is mended is what it does silently otherwise, or not at all:
//!
//! 1. *A path is a file.* `exam[1].parquet` is a pattern only where there is no such file.
//! 2. *Columns have names.* Files of CSV are read by position, so of two files with their columns
//!    in different orders one would have its users taken for questions. Here the files of each
//!    order are a table of their own, and these are joined by the names of their columns; where a
//!    file lacks one, it is NULL. Parquet and JSON are read by name already.
//! 3. *JSON is JSON.* A file may be one array or an object a line, and end in `.json`, `.jsonl` or
//!    `.ndjson`: it is looked into. An array is not cut into ranges.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{
    DynamicFileCatalog, Session, TableProvider, TableProviderFactory, UrlTableFactory,
};
use datafusion::common::{Column, ScalarValue, plan_datafusion_err};
use datafusion::datasource::dynamic_file::DynamicListTableFactory;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableConfigExt, ListingTableUrl,
};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionState;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::type_coercion::binary::type_union_resolution;
use datafusion::logical_expr::{CreateExternalTable, Expr, LogicalPlan, LogicalPlanBuilder, cast, lit};
use datafusion::prelude::SessionContext;
use futures::{StreamExt, TryStreamExt};
use url::Url;

use crate::session::json;
use crate::session::whole_files::WholeFiles;

/// Makes paths of files tables of a session, and reads files of one table by the names of their
/// columns.
pub fn register_files(ctx: &SessionContext) {
    let files = FilesByPath(DynamicListTableFactory::default());
    files.0.session_store().with_state(ctx.state_weak_ref());
    let catalogs = Arc::clone(ctx.state().catalog_list());
    ctx.register_catalog_list(Arc::new(DynamicFileCatalog::new(catalogs, Arc::new(files))));
    let state = ctx.state_ref();
    let mut state = state.write();
    for factory in state.table_factories_mut().values_mut() {
        *factory = Arc::new(ExternalTables(Arc::clone(factory)));
    }
}

/// The tables of paths. DataFusion's own factory of them keeps the session for it.
#[derive(Debug)]
struct FilesByPath(DynamicListTableFactory);

#[async_trait]
impl UrlTableFactory for FilesByPath {
    async fn try_new(&self, path: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Ok(url) = url_of(path) else { return Ok(None) };
        let session = self.0.session_store().get_session().upgrade();
        let session =
            session.and_then(|session| session.read().as_any().downcast_ref::<SessionState>().cloned());
        let session = session.ok_or_else(|| plan_datafusion_err!("the session of '{path}' has ended"))?;
        // A URL is no misspelt name: that its store is missing has to be told.
        session.runtime_env().object_store(&url)?;
        let config = ListingTableConfig::new(url);
        let config = match json::options_of(&config.table_paths[0], &session).await {
            Ok(Some(options)) => Ok(config.with_listing_options(options)),
            _ => config.infer_options(&session).await,
        };
        // Of what has no format this is not the place to say so: it may be a misspelt table.
        let Ok(config) = config else { return Ok(None) };
        let config = config.infer_partitions_from_path(&session).await?;
        if let Some(options) = config.options.as_ref().filter(|options| options.format.is::<CsvFormat>())
            && let Some(table) = joined_by_name(&config.table_paths, options, &session).await?
        {
            return Ok(Some(table));
        }
        let table = ListingTable::try_new(config.infer_schema(&session).await?)?;
        Ok(Some(uncut(table)))
    }
}

/// A table of files, of which none is cut that cannot be.
fn uncut(table: ListingTable) -> Arc<dyn TableProvider> {
    let is_array = json::is_array(table.options());
    let table = Arc::new(table);
    if is_array { Arc::new(WholeFiles(table)) } else { table }
}

/// Where a path leads: to what is there, if there is anything, whatever is in its name.
fn url_of(path: &str) -> Result<ListingTableUrl> {
    match url_of_file(Path::new(path)) {
        Some(url) => ListingTableUrl::try_new(url, None),
        None => ListingTableUrl::parse(path),
    }
}

/// What marks a path that stands for many, or for something that is no file.
const NO_PLAIN_PATH: [&str; 4] = ["*", "?", "[", "://"];

/// The name of the table that is a file or a folder of files; that of a pattern or a URL is
/// itself. `None` where there is nothing of that path.
pub fn table_name(path: &str) -> Option<String> {
    let pattern = || NO_PLAIN_PATH.iter().any(|mark| path.contains(mark)).then(|| path.to_string());
    url_of_file(Path::new(path)).map(String::from).or_else(pattern)
}

/// The URL of what is there. In a path some characters stand for others, or for many; in a URL
/// they are encoded.
fn url_of_file(path: &Path) -> Option<Url> {
    let path = absolute(path)?;
    let url = if path.is_dir() { Url::from_directory_path(path) } else { Url::from_file_path(path) };
    url.ok()
}

/// A path without dots. The last name stays as it is: a link may have an ending that tells the
/// format, and what it leads to none.
fn absolute(path: &Path) -> Option<PathBuf> {
    let whole = path.canonicalize().ok()?;
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) if whole.is_file() => {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            Some(folder.canonicalize().ok()?.join(name))
        }
        _ => Some(whole),
    }
}

/// The tables of `CREATE EXTERNAL TABLE`.
#[derive(Debug)]
struct ExternalTables(Arc<dyn TableProviderFactory>);

#[async_trait]
impl TableProviderFactory for ExternalTables {
    async fn create(
        &self,
        session: &dyn Session,
        cmd: &CreateExternalTable,
    ) -> Result<Arc<dyn TableProvider>> {
        let table = self.0.create(session, cmd).await?;
        let Some(files) = table.downcast_ref::<ListingTable>() else { return Ok(table) };
        if json::is_array(files.options()) {
            return Ok(uncut(files.clone()));
        }
        if !files.options().format.is::<CsvFormat>() {
            return Ok(table);
        }
        let groups = groups_of(files.table_paths(), files.options(), session).await?;
        match &groups[..] {
            [first, .., other] if !cmd.schema.fields().is_empty() => Err(differ(first, other)),
            // What may be written to stays what it is.
            [] | [_] => Ok(table),
            _ => union_of(groups, files.options()),
        }
    }
}

/// How many files are looked into at the same time.
const AT_ONCE: usize = 16;

/// Files of one table that have the same columns, in the same order.
struct Alike {
    /// With types for the values of all of these files.
    fields: Vec<(String, DataType)>,
    files: Vec<ListingTableUrl>,
}

/// A table of files of CSV whose columns have the same name in all of them; none, if there are no
/// files.
///
/// # Errors
/// A file cannot be read; files have different columns and lie in folders that are columns, too.
async fn joined_by_name(
    paths: &[ListingTableUrl],
    options: &ListingOptions,
    session: &dyn Session,
) -> Result<Option<Arc<dyn TableProvider>>> {
    let groups = groups_of(paths, options, session).await?;
    match &groups[..] {
        [] => Ok(None),
        [all] => {
            let config = ListingTableConfig::new_with_multi_paths(paths.to_vec());
            let config = config.with_listing_options(options.clone()).with_schema(all.schema());
            Ok(Some(Arc::new(ListingTable::try_new(config)?)))
        }
        [first, .., other] if !options.table_partition_cols.is_empty() => Err(differ(first, other)),
        _ => union_of(groups, options).map(Some),
    }
}

/// The rows of all files; what a file has no column for is NULL.
fn union_of(groups: Vec<Alike>, options: &ListingOptions) -> Result<Arc<dyn TableProvider>> {
    let columns = columns_of_all(groups.iter().flat_map(|group| &group.fields));
    let mut parts = Vec::with_capacity(groups.len());
    for group in groups {
        let schema = group.schema();
        let config = ListingTableConfig::new_with_multi_paths(group.files);
        let config = config.with_listing_options(options.clone()).with_schema(Arc::clone(&schema));
        let files = provider_as_source(Arc::new(ListingTable::try_new(config)?));
        let select = columns.iter().map(|(name, data_type)| {
            let column = match schema.column_with_name(name) {
                Some(_) => Expr::Column(Column::from_name(name)),
                None => lit(ScalarValue::Null),
            };
            cast(column, data_type.clone()).alias(name)
        });
        let select: Vec<Expr> = select.collect();
        parts.push(LogicalPlanBuilder::scan("files", files, None)?.project(select)?.build()?);
    }
    let union = |plan: Result<LogicalPlan>, part: Result<LogicalPlan>| {
        LogicalPlanBuilder::from(plan?).union(part?)?.build()
    };
    let joined = parts.into_iter().map(Ok).reduce(union);
    let joined = joined.ok_or_else(|| plan_datafusion_err!("a table without files"))??;
    Ok(Arc::new(ViewTable::new(joined, None)))
}

/// The files of a table, those with the same columns together. Files without a line have neither
/// columns nor rows.
async fn groups_of(
    paths: &[ListingTableUrl],
    options: &ListingOptions,
    session: &dyn Session,
) -> Result<Vec<Alike>> {
    let mut groups: Vec<Alike> = Vec::new();
    for path in paths {
        let store = session.runtime_env().object_store(path)?;
        let files = path.list_all_files(session, store.as_ref(), &options.file_extension).await?;
        let looked_into = files.map(|file| {
            let store = &store;
            async move {
                let file = file?;
                let schema = options.format.infer_schema(session, store, std::slice::from_ref(&file)).await?;
                let place: ObjectStoreUrl = path.object_store();
                let mut url: Url = AsRef::<Url>::as_ref(&place).clone();
                url.set_path(file.location.as_ref());
                Ok::<_, DataFusionError>((schema, ListingTableUrl::try_new(url, None)?))
            }
        });
        let looked_into: Vec<_> = looked_into.buffered(AT_ONCE).try_collect().await?;
        for (schema, file) in looked_into {
            let fields = schema.fields().iter();
            let fields: Vec<_> =
                fields.map(|field| (field.name().clone(), field.data_type().clone())).collect();
            if fields.is_empty() {
                continue;
            }
            let alike = |group: &&mut Alike| {
                group.fields.iter().map(|(name, _)| name).eq(fields.iter().map(|(name, _)| name))
            };
            match groups.iter_mut().find(alike) {
                Some(group) => {
                    group.fields = columns_of_all(group.fields.iter().chain(&fields));
                    group.files.push(file);
                }
                None => groups.push(Alike { fields, files: vec![file] }),
            }
        }
    }
    Ok(groups)
}

impl Alike {
    fn schema(&self) -> SchemaRef {
        let fields = self.fields.iter().map(|(name, data_type)| Field::new(name, data_type.clone(), true));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.fields.iter().map(|(name, _)| name.as_str()).collect();
        names.join(", ")
    }
}

/// The error for files whose columns cannot be joined by their names.
fn differ(first: &Alike, other: &Alike) -> DataFusionError {
    plan_datafusion_err!(
        "the files of a table must have the same columns in the same order where the table's columns are \
         declared, or folders are columns; {} has {}, and {} has {}",
        first.files[0],
        first.names(),
        other.files[0],
        other.names()
    )
}

/// Columns in the order in which they are first met, each with a type for all of its values.
fn columns_of_all<'a>(fields: impl Iterator<Item = &'a (String, DataType)>) -> Vec<(String, DataType)> {
    let mut columns: Vec<(String, DataType)> = Vec::new();
    for (name, data_type) in fields {
        match columns.iter_mut().find(|(column, _)| column == name) {
            Some((_, common)) => *common = common_type(common, data_type),
            None => columns.push((name.clone(), data_type.clone())),
        }
    }
    columns
}

/// A type for the values of both; text, if there is no other.
fn common_type(first: &DataType, second: &DataType) -> DataType {
    let alike = first.is_numeric() == second.is_numeric() && first.is_temporal() == second.is_temporal();
    match (first, second) {
        (one, other) if one == other => one.clone(),
        (DataType::Null, other) | (other, DataType::Null) => other.clone(),
        (one, other) if alike => {
            type_union_resolution(&[one.clone(), other.clone()]).unwrap_or(DataType::Utf8)
        }
        _ => DataType::Utf8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_no_pattern() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a[1].csv", "b*.csv", "c?.csv", "d%20.csv", "e #.csv", "f:/g.csv"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "x\n1\n").unwrap();
            let url = Url::parse(&table_name(path.to_str().unwrap()).unwrap()).unwrap();
            assert_eq!(url.to_file_path().unwrap(), path.canonicalize().unwrap());
        }
        let pattern = folder.path().join("*.csv");
        assert_eq!(table_name(pattern.to_str().unwrap()), Some(pattern.to_str().unwrap().to_string()));
        assert_eq!(table_name(folder.path().join("none.csv").to_str().unwrap()), None);
    }
}
