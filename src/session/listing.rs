//! Which files a path stands for, and of what format they are.

use datafusion::datasource::listing::ListingTableUrl;
use datafusion::error::{DataFusionError, Result};
use datafusion::object_store::path::Path;
use datafusion::object_store::{Error as StoreError, ObjectMeta, ObjectStore, ObjectStoreExt};
use futures::TryStreamExt;
use glob::{MatchOptions, Pattern};
use url::Url;

use crate::session::endings::{Ending, Format, ending_of, other_program};
use crate::session::failure::FileError;
use crate::session::paths::{not_found, shown};

/// How many files are looked into at the same time.
pub(super) const AT_ONCE: usize = 16;

/// The files that a path stands for.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) format: Format,
    /// With something in each of them, in the order of their names.
    pub(super) files: Vec<DataFile>,
    /// Names of columns whose values are in names of folders, as in `year=2024/exam.csv`, and the
    /// folder in which these lie. Of a pattern's files, which need not be all, each has its values.
    pub(super) folders: Option<(ListingTableUrl, Vec<String>)>,
}

impl Listing {
    /// The files of each folder that a pattern has found, with the columns that the folder is.
    pub(super) fn by_folder(self) -> Vec<(FolderColumns, Self)> {
        let mut parts: Vec<(FolderColumns, Self)> = Vec::new();
        // Files are in the order of their places, so those of a folder are side by side.
        for file in self.files {
            match parts.last_mut() {
                Some((columns, part)) if *columns == file.columns => part.files.push(file),
                _ => parts.push((
                    file.columns.clone(),
                    Self { format: self.format, files: vec![file], folders: self.folders.clone() },
                )),
            }
        }
        parts
    }
}

/// Names of columns and their values, as folders have them.
pub(super) type FolderColumns = Vec<(String, String)>;

/// A file with data in it.
#[derive(Debug, Clone)]
pub(super) struct DataFile {
    pub(super) meta: ObjectMeta,
    pub(super) ending: Ending,
    pub(super) url: ListingTableUrl,
    /// As a user would write it.
    pub(super) path: String,
    /// The columns that folders found by a pattern are.
    pub(super) columns: FolderColumns,
}

/// Lists the files of a path.
///
/// # Arguments
/// `path`: as it was written, for errors; `url`: where it leads.
///
/// # Errors
/// [`FileError`], or what the store says.
pub(super) async fn list(path: &str, url: &ListingTableUrl, store: &dyn ObjectStore) -> Result<Listing> {
    let path = shown(path);
    let place = Place { path: &path, url };
    if !url.is_collection() && url.get_glob().is_none() {
        match store.head(url.prefix()).await {
            Ok(meta) => return place.one(meta),
            // In a bucket there are no folders but names that begin alike.
            Err(StoreError::NotFound { .. }) if url.scheme() != "file" => {}
            Err(StoreError::NotFound { .. }) => return Err(not_found(&path).into()),
            Err(error) => return Err(unreadable(&path, error.into())),
        }
    }
    let files = store.list(Some(url.prefix())).try_collect().await;
    place.many(files.map_err(|error| unreadable(&path, error.into()))?)
}

/// An error of a store or a reader, told of a file; one that tells of a file already stays.
pub(super) fn unreadable(path: &str, error: DataFusionError) -> DataFusionError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(error) = cause {
        let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        if kind == Some(std::io::ErrorKind::PermissionDenied) {
            return FileError::PermissionDenied { path: path.to_string() }.into();
        }
        cause = error.source();
    }
    error
}

/// A path, and where it leads.
struct Place<'a> {
    path: &'a str,
    url: &'a ListingTableUrl,
}

impl Place<'_> {
    /// A file that was named.
    fn one(&self, meta: ObjectMeta) -> Result<Listing> {
        let file = self.file(meta, true);
        let format = known(&file)?;
        if file.meta.size == 0 {
            return Err(FileError::Empty { path: self.path.to_string() }.into());
        }
        Ok(Listing { format, files: vec![file], folders: None })
    }

    /// Those of a folder or pattern.
    fn many(&self, metas: Vec<ObjectMeta>) -> Result<Listing> {
        let (mut files, mut ignored) = (Vec::new(), Vec::new());
        for meta in metas {
            let Some(name) = self.relative(&meta.location) else { continue };
            if !self.matches(&name) {
                continue;
            }
            let file = self.file(meta, false);
            if is_hidden(&name, self.url.get_glob().as_ref()) || file.ending.format.is_none() {
                ignored.push((name, file))
            } else {
                files.push(file)
            }
        }
        files.sort_by(|one, other| one.meta.location.cmp(&other.meta.location));
        let Some(first) = files.first() else { return Err(self.nothing(ignored).into()) };
        let (format, ending) = (known(first)?, first.ending.text.clone());
        if files.iter().any(|file| file.ending.text != ending) {
            return Err(self.mixed(&files).into());
        }
        if files.iter().all(|file| file.meta.size == 0) {
            return Err(FileError::Empty { path: self.path.to_string() }.into());
        }
        // Writers on many machines leave a file without a byte where they had no rows.
        files.retain(|file| file.meta.size > 0);
        let folders = self.folders(&files)?;
        let folders = match self.url.get_glob() {
            None => folders,
            Some(_) => {
                for file in files.iter_mut().filter(|_| folders.is_some()) {
                    file.columns = self.columns(file);
                }
                None
            }
        };
        Ok(Listing { format, files, folders })
    }

    fn file(&self, meta: ObjectMeta, named: bool) -> DataFile {
        let ending = ending_of(meta.location.as_ref());
        let url = url_of(self.url, &meta.location);
        let path = if named { self.path.to_string() } else { shown(url.as_str()) };
        DataFile { meta, ending, url, path, columns: Vec::new() }
    }

    /// What of a file's place is below the folder.
    fn relative(&self, location: &Path) -> Option<String> {
        Some(self.url.strip_prefix(location)?.collect::<Vec<_>>().join("/"))
    }

    fn matches(&self, name: &str) -> bool {
        let options = MatchOptions { require_literal_separator: true, ..MatchOptions::default() };
        self.url.get_glob().as_ref().is_none_or(|pattern| pattern.matches_with(name, options))
    }

    /// Why there is nothing to read.
    fn nothing(&self, mut ignored: Vec<(String, DataFile)>) -> FileError {
        let path = self.path.to_string();
        if self.url.get_glob().is_some() {
            let unknown = ignored.iter().find(|(name, _)| !is_hidden(name, None));
            return unknown
                .and_then(|(_, file)| known(file).err())
                .unwrap_or(FileError::NoMatch { pattern: path });
        }
        ignored.sort_by(|(one, _), (other, _)| one.cmp(other));
        FileError::NoData { path, ignored: ignored.into_iter().map(|(name, _)| name).collect() }
    }

    fn mixed(&self, files: &[DataFile]) -> FileError {
        let mut endings: Vec<String> = files.iter().map(|file| file.ending.text.clone()).collect();
        endings.sort();
        endings.dedup();
        let folder = match self.url.get_glob() {
            Some(_) => self.path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/")),
            None => format!("{}/", self.path.trim_end_matches('/')),
        };
        let nested = |ending: &String| {
            let below = files.iter().filter(|file| file.ending.text == *ending);
            let below = below.filter_map(|file| self.relative(&file.meta.location));
            below.into_iter().any(|name| name.contains('/'))
        };
        let choices = endings.iter().map(|ending| {
            let folders = if self.url.get_glob().is_none() && nested(ending) { "**/" } else { "" };
            format!("{folder}{folders}*.{ending}")
        });
        FileError::MixedEndings { path: self.path.to_string(), choices: choices.collect(), endings }
    }

    /// The columns that a file's folders are.
    fn columns(&self, file: &DataFile) -> FolderColumns {
        let name = self.relative(&file.meta.location).unwrap_or_default();
        // The file's own name may have the sign in it.
        let folders = name.rsplit_once('/').map_or("", |(folders, _)| folders);
        let column = |folder: &str| {
            let (name, value) = folder.split_once('=')?;
            Some((name.to_string(), value.to_string()))
        };
        folders.split('/').filter_map(column).collect()
    }

    /// The columns that folders are.
    fn folders(&self, files: &[DataFile]) -> Result<Option<(ListingTableUrl, Vec<String>)>, FileError> {
        let names = |file: &DataFile| {
            let columns = self.columns(file);
            let name = self.relative(&file.meta.location).unwrap_or_default();
            let others = name.matches('/').count() - columns.len();
            if columns.is_empty() || others == 0 {
                columns.into_iter().map(|(name, _)| name).collect()
            } else {
                vec![name]
            }
        };
        let Some(first) = files.first() else { return Ok(None) };
        let columns = names(first);
        if let Some(other) = files.iter().find(|file| names(file) != columns) {
            return Err(FileError::MixedFolders {
                path: self.path.to_string(),
                first: first.path.clone(),
                other: other.path.clone(),
            });
        }
        if columns.is_empty() {
            return Ok(None);
        }
        // The table lists the folder again.
        let pattern = format!("[!._]*.{}", in_any_letters(&first.ending.text));
        let folder = self.url.clone().with_glob(&pattern);
        Ok(folder.ok().map(|folder| (folder, columns)))
    }
}

/// A pattern for an ending in small and large letters.
fn in_any_letters(ending: &str) -> String {
    let letter = |letter: char| {
        if letter.is_ascii_alphabetic() {
            format!("[{letter}{}]", letter.to_ascii_uppercase())
        } else {
            letter.to_string()
        }
    };
    ending.chars().map(letter).collect()
}

/// The format of a file.
fn known(file: &DataFile) -> Result<Format, FileError> {
    let path = || file.path.clone();
    match (file.ending.format, other_program(&file.ending.text)) {
        (Some(format), _) => Ok(format),
        (None, Some((kind, advice))) => Err(FileError::OtherProgram { path: path(), kind, advice }),
        (None, None) => Err(FileError::UnknownEnding { path: path(), ending: file.ending.text.clone() }),
    }
}

/// Whether a file is passed over: what systems and writers leave beside the data begins with . or _,
/// or lies in a folder that does, unless a pattern names it so.
fn is_hidden(name: &str, pattern: Option<&Pattern>) -> bool {
    let names_it = |mark: char| {
        pattern.is_some_and(|pattern| pattern.as_str().split('/').any(|part| part.starts_with(mark)))
    };
    name.split('/').any(|part| {
        (part.starts_with('.') && !names_it('.'))
            || (part.starts_with('_') && !part.contains('=') && !names_it('_'))
    })
}

/// The URL of a file in the store of another.
pub(super) fn url_of(other: &ListingTableUrl, location: &Path) -> ListingTableUrl {
    let mut url: Url = other.get_url().clone();
    // Of what a location may have, only this sign is left as it is.
    url.set_path(&location.as_ref().replace('%', "%25"));
    ListingTableUrl::try_new(url, None).unwrap_or_else(|_| other.clone())
}
