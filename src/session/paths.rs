//! A path as somebody wrote it → where it leads.

use std::path::{Path, PathBuf};

use datafusion::datasource::listing::ListingTableUrl;
use datafusion::error::Result;
use url::Url;

use crate::session::endings::is_of_a_file;
use crate::session::failure::FileError;
use crate::udtf::near;

/// Where a path leads: to what is there, if there is anything, whatever is in its name.
pub(super) fn url_of(path: &str) -> Result<ListingTableUrl> {
    match url_of_file(&at_home(path)) {
        Some(url) => ListingTableUrl::try_new(url, None),
        None => ListingTableUrl::parse(at_home(path).to_str().unwrap_or(path)),
    }
}

/// What marks a path that stands for many.
const PATTERN: [char; 3] = ['*', '?', '['];

/// Whether a path stands for many, or for something on another machine.
pub(super) fn is_pattern_or_url(path: &str) -> bool {
    path.contains(PATTERN) || path.contains("://")
}

/// Whether a name can only be the path of one file or folder: a misspelt table is none.
pub(super) fn is_path(name: &str) -> bool {
    !is_pattern_or_url(name) && (name.contains('/') || is_of_a_file(name))
}

/// Whether something is at a path.
pub(super) fn is_there(path: &str) -> bool {
    at_home(path).exists()
}

/// The name of the table that is a file or a folder of files; that of a pattern or a URL is
/// itself.
///
/// # Errors
/// There is nothing of that path.
pub fn table_name(path: &str) -> Result<String, FileError> {
    match url_of_file(&at_home(path)) {
        Some(url) => Ok(url.into()),
        None if is_pattern_or_url(path) => Ok(path.to_string()),
        None => Err(not_found(path)),
    }
}

/// The path of a local file, as a user writes it.
pub(super) fn shown(path: &str) -> String {
    let file = Url::parse(path).ok().filter(|url| url.scheme() == "file");
    let file = file.and_then(|url| url.to_file_path().ok());
    file.map_or_else(|| path.to_string(), |file| file.display().to_string())
}

/// What is missing of a path, and what is there instead.
pub(super) fn not_found(path: &str) -> FileError {
    let shown = shown(path);
    let whole = std::path::absolute(at_home(&shown)).unwrap_or_else(|_| PathBuf::from(&shown));
    let mut missing = whole.as_path();
    while let Some(folder) = missing.parent() {
        if folder.exists() {
            break;
        }
        missing = folder;
    }
    let folder = missing.parent().unwrap_or(missing);
    let name = missing.file_name().unwrap_or(missing.as_os_str()).to_string_lossy().into_owned();
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    let near = near(&name, names.iter().map(String::as_str));
    FileError::NotFound { name, folder: folder.display().to_string(), near }
}

/// A path that begins with the home folder's sign, without it.
fn at_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
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
        assert_eq!(table_name(pattern.to_str().unwrap()).unwrap(), pattern.to_str().unwrap());
        let missing = table_name(folder.path().join("none.csv").to_str().unwrap());
        assert!(matches!(missing, Err(FileError::NotFound { name, .. }) if name == "none.csv"));
    }
}
