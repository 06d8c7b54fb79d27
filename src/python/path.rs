//! Paths as names of tables.
//!
//! DataFusion takes a path with one of `*?[` for a pattern, one with a colon for a URL and one with
//! a percent sign for encoded; a file may have any of these in its name. So what is there is
//! named by a URL, in which nothing stands for anything else.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{DynamicFileCatalog, TableProvider, UrlTableFactory};
use datafusion::datasource::dynamic_file::DynamicListTableFactory;
use datafusion::error::Result;
use datafusion::prelude::SessionContext;
use url::Url;

/// What marks a path that stands for many, or for something that is no file.
const NO_PLAIN_PATH: [&str; 4] = ["*", "?", "[", "://"];

/// The name of the table that is a file or a folder of files; that of a pattern or a URL is
/// itself. `None` where there is nothing of that path.
pub(super) fn table_name(path: &str) -> Option<String> {
    url_of(Path::new(path))
        .map(String::from)
        .or_else(|| NO_PLAIN_PATH.iter().any(|mark| path.contains(mark)).then(|| path.to_string()))
}

/// The URL of what is there.
fn url_of(path: &Path) -> Option<Url> {
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

/// Makes paths tables of a session, also in its SQL.
pub(super) fn with_paths(context: SessionContext) -> SessionContext {
    let files = Arc::new(Files::default());
    let catalogs = Arc::clone(context.state_ref().read().catalog_list());
    let catalogs = DynamicFileCatalog::new(catalogs, Arc::clone(&files) as Arc<_>);
    let id = context.session_id();
    let state = context.into_state_builder().with_session_id(id).with_catalog_list(Arc::new(catalogs));
    let context = SessionContext::new_with_state(state.build());
    files.0.session_store().with_state(context.state_weak_ref());
    context
}

/// DataFusion's tables of files, by paths.
#[derive(Debug, Default)]
struct Files(DynamicListTableFactory);

#[async_trait]
impl UrlTableFactory for Files {
    async fn try_new(&self, path: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match table_name(path) {
            Some(name) => self.0.try_new(&name).await,
            None => Ok(None),
        }
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
