//! The files of one folder, for a worker that is not to read others.

use std::io::ErrorKind;
use std::ops::Range;
use std::path::{self, PathBuf};
use std::{fmt, fs, io};

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::object_store::local::LocalFileSystem;
use datafusion::object_store::path::Path;
use datafusion::object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use futures::StreamExt;
use futures::stream::BoxStream;

/// The file system of this machine, of which only what is in a folder is there.
#[derive(Debug)]
pub(crate) struct ConfinedFiles {
    files: LocalFileSystem,
    /// Without links and dots.
    folder: PathBuf,
}

impl ConfinedFiles {
    /// # Errors
    /// The folder is not there.
    pub(crate) fn new(folder: &path::Path) -> io::Result<Self> {
        Ok(Self { files: LocalFileSystem::new(), folder: fs::canonicalize(folder)? })
    }

    /// Lets pass what is in the folder, wherever links lead to.
    async fn check(&self, location: &Path) -> Result<()> {
        let (file, folder) = (self.files.path_to_filesystem(location)?, self.folder.clone());
        let inside =
            tokio::task::spawn_blocking(move || real(&file).is_ok_and(|file| file.starts_with(folder)));
        if inside.await? {
            return Ok(());
        }
        let folder = self.folder.display();
        let why = format!("this worker has no files but those in {folder}, as its --data-path says");
        Err(Error::PermissionDenied { path: format!("/{location}"), source: why.into() })
    }
}

/// Where a file is, or would be.
fn real(file: &path::Path) -> io::Result<PathBuf> {
    match (fs::canonicalize(file), file.parent(), file.file_name()) {
        (Err(error), Some(parent), Some(name)) if error.kind() == ErrorKind::NotFound => {
            // What a link that leads nowhere would make is where the link leads to.
            if fs::symlink_metadata(file).is_ok() { Err(error) } else { Ok(real(parent)?.join(name)) }
        }
        (found, ..) => found,
    }
}

impl fmt::Display for ConfinedFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.files, self.folder.display())
    }
}

#[async_trait]
impl ObjectStore for ConfinedFiles {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.check(location).await?;
        self.files.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.check(location).await?;
        self.files.get_ranges(location, ranges).await
    }

    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.check(location).await?;
        self.files.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.check(location).await?;
        self.files.put_multipart_opts(location, options).await
    }

    fn delete_stream(&self, _: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        futures::stream::iter([not_for_plans("delete_stream")]).boxed()
    }

    fn list(&self, _: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        futures::stream::iter([not_for_plans("list")]).boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        not_for_plans("list_with_delimiter")
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        not_for_plans("copy_opts")
    }
}

/// What the plans of a worker do not do: they name each file that they read or write.
fn not_for_plans<T>(operation: &str) -> Result<T> {
    Err(Error::NotImplemented { operation: operation.to_string(), implementer: "ConfinedFiles".to_string() })
}
