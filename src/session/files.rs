//! Files as tables, by their paths: `FROM 'scores.csv'`.
//!
//! ```text
//! path ── paths ──▶ URL ── listing ──▶ files of one format ──▶ delimited  CSV and its kin
//!                                                              json       arrays and lines
//!                                                              native     Parquet, Arrow, Avro
//!                                                                 │
//!                                                              by_name    one table of all
//!                                                                 │
//!                                                              folder_columns
//! ```
//!
//! DataFusion reads them. What is seen to here is what it does silently otherwise, or not at all:
//!
//! 1. *A path is a file.* `exam[1].parquet` is a pattern only where there is no such file.
//! 2. *What is not data is passed over*, and every failure says which it is: see [`FileError`].
//! 3. *A file is what is in it.* How text is written, its encoding and the types of its columns are
//!    found by looking at all of it.
//! 4. *Columns have names.* Files are joined by these, in whatever order they have them.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{DynamicFileCatalog, Session, TableProvider, UrlTableFactory};
use datafusion::error::Result;
use datafusion::prelude::SessionContext;

use crate::session::endings::Format;
use crate::session::external::ExternalTables;
use crate::session::listing::list;
use crate::session::missing::MissingTables;
use crate::session::paths::{is_pattern_or_url, is_there, url_of};
use crate::session::this_session::ThisSession;
use crate::session::{delimited, folder_columns, json, native};

pub use crate::session::failure::FileError;
pub use crate::session::paths::table_name;

/// Makes paths of files tables of a session, and reads files of one table by the names of their
/// columns.
///
/// # Errors
/// The session takes no relation planners.
pub fn register_files(ctx: &SessionContext) -> Result<()> {
    let session = Arc::new(ThisSession::of(ctx));
    let catalogs = Arc::clone(ctx.state().catalog_list());
    let files = Arc::new(FilesByPath(Arc::clone(&session)));
    ctx.register_catalog_list(Arc::new(DynamicFileCatalog::new(catalogs, files)));
    ctx.register_relation_planner(Arc::new(MissingTables(session)))?;
    let state = ctx.state_ref();
    let mut state = state.write();
    for factory in state.table_factories_mut().values_mut() {
        *factory = Arc::new(ExternalTables(Arc::clone(factory)));
    }
    Ok(())
}

/// The tables of paths.
#[derive(Debug)]
struct FilesByPath(Arc<ThisSession>);

#[async_trait]
impl UrlTableFactory for FilesByPath {
    /// The table of a path; none of what may be the name of a table.
    async fn try_new(&self, path: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match self.session_for(path)? {
            None => Ok(None),
            Some(session) => table_of(path, session).await.map(Some),
        }
    }
}

impl FilesByPath {
    /// The session, unless a path may be the name of a table.
    ///
    /// It is behind its trait: the compiler takes seconds to prove that a `SessionState` is `Send`,
    /// anew for each function that has one while it waits.
    fn session_for(&self, path: &str) -> Result<Option<Arc<dyn Session>>> {
        let session = self.0.state()?.0;
        // Functions are looked for among tables, too, and so is what is yet to be created.
        let is_name = session.table_functions().contains_key(path) || !is_there(path);
        let is_path = !is_name || is_pattern_or_url(path);
        Ok(is_path.then(|| Arc::new(session) as Arc<dyn Session>))
    }
}

async fn table_of(path: &str, session: Arc<dyn Session>) -> Result<Arc<dyn TableProvider>> {
    let url = url_of(path)?;
    let store = session.runtime_env().object_store(&url)?;
    let listing = list(path, &url, store.as_ref()).await?;
    let mut parts = Vec::new();
    for (columns, listing) in listing.by_folder() {
        let table = match listing.format {
            Format::Delimited => delimited::table_of(path, listing, store.as_ref()).await?,
            Format::Json => json::table_of(path, listing, &store, &session).await?,
            Format::Native(format) => native::table_of(listing, format, &store, session.as_ref()).await?,
        };
        parts.push((columns, table));
    }
    folder_columns::joined(parts)
}
