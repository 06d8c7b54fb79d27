//! The bytes of a file, decompressed, from its beginning to its end.

use std::io::Read;
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::error::{DataFusionError, Result};
use datafusion::object_store::path::Path;
use datafusion::object_store::{GetResultPayload, ObjectStore, ObjectStoreExt};
use futures::{StreamExt, TryStreamExt};
use tokio::task::spawn_blocking;

/// Takes the bytes of a file as they come.
pub(super) trait Consumer: Send + 'static {
    /// Takes the next bytes, and says whether it wants more.
    fn take(&mut self, bytes: &[u8]) -> ControlFlow<()>;
}

/// How many bytes are read at a time.
const PART: usize = 1 << 20;

/// Pours a file into a consumer, away from the threads of the runtime where it is a local one.
///
/// # Errors
/// The file cannot be read or decompressed.
pub(super) async fn pour<C: Consumer>(
    store: &dyn ObjectStore,
    location: &Path,
    compression: FileCompressionType,
    mut consumer: C,
) -> Result<C> {
    let got = store.get(location).await?;
    match got.payload {
        GetResultPayload::File(file, _) => {
            // Who has asked may be gone before the end of a long file.
            let asked = Arc::new(());
            let asking = Arc::downgrade(&asked);
            let poured = spawn_blocking(move || {
                let mut bytes = compression.convert_read(file)?;
                let mut part = vec![0; PART];
                while asking.strong_count() > 0 {
                    let read = bytes.read(&mut part)?;
                    if read == 0 || consumer.take(&part[..read]).is_break() {
                        break;
                    }
                }
                Ok(consumer)
            });
            let poured = poured.await.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)));
            drop(asked);
            poured?
        }
        GetResultPayload::Stream(parts) => {
            let parts = parts.map_err(DataFusionError::from).boxed();
            let mut parts = compression.convert_stream(parts)?;
            while let Some(part) = parts.try_next().await? {
                if consumer.take(&part).is_break() {
                    break;
                }
            }
            Ok(consumer)
        }
    }
}
