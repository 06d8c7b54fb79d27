//! Files whose bytes are not as DataFusion's readers want them: in another encoding, or with
//! something before the first record.
//!
//! A format like any other, around one of DataFusion's: its readers get their files from a store
//! that makes UTF-8 of them on the way. What is in a file has no fixed places then, so it is read
//! from its beginning to its end, in constant memory.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Statistics, not_impl_err};
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::physical_plan::{FileOpener, FileScanConfig, FileScanConfigBuilder, FileSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::{DataFusionError, Result};
use datafusion::object_store::path::Path;
use datafusion::object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result as StoreResult,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::{DisplayFormatType, ExecutionPlan};
use encoding_rs::{Encoding, UTF_8};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};

use crate::session::encoding::{Malformed, Transcoder};

/// How the bytes of a file become those of its text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Recoding {
    pub(super) compression: FileCompressionType,
    pub(super) encoding: &'static Encoding,
    /// How many bytes of the text are dropped at its beginning.
    pub(super) skip: usize,
}

impl Recoding {
    /// Whether the text is as DataFusion's readers want it, once it is decompressed.
    pub(super) fn is_plain(&self) -> bool {
        self.encoding == UTF_8 && self.skip == 0
    }

    /// The format of files that are recoded, if they have to be.
    ///
    /// # Arguments
    /// `format`: of the text, in files that are compressed in a way.
    pub(super) fn of<F: FileFormat + 'static>(
        self,
        format: impl FnOnce(FileCompressionType) -> F,
    ) -> Arc<dyn FileFormat> {
        if self.is_plain() {
            Arc::new(format(self.compression))
        } else {
            Arc::new(Recoded { format: Arc::new(format(FileCompressionType::UNCOMPRESSED)), recoding: self })
        }
    }
}

/// A format of files that are recoded first.
#[derive(Debug)]
struct Recoded {
    format: Arc<dyn FileFormat>,
    recoding: Recoding,
}

#[async_trait]
impl FileFormat for Recoded {
    fn get_ext(&self) -> String {
        self.format.get_ext()
    }

    fn get_ext_with_compression(&self, compression: &FileCompressionType) -> Result<String> {
        self.format.get_ext_with_compression(compression)
    }

    fn compression_type(&self) -> Option<FileCompressionType> {
        Some(self.recoding.compression)
    }

    async fn infer_schema(
        &self,
        session: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        files: &[ObjectMeta],
    ) -> Result<SchemaRef> {
        let store = RecodingStore { store: Arc::clone(store), recoding: self.recoding };
        let store: Arc<dyn ObjectStore> = Arc::new(store);
        self.format.infer_schema(session, &store, files).await
    }

    async fn infer_stats(
        &self,
        _: &dyn Session,
        _: &Arc<dyn ObjectStore>,
        schema: SchemaRef,
        _: &ObjectMeta,
    ) -> Result<Statistics> {
        Ok(Statistics::new_unknown(&schema))
    }

    async fn create_physical_plan(
        &self,
        _: &dyn Session,
        config: FileScanConfig,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // The store decompresses.
        let config = FileScanConfigBuilder::from(config)
            .with_file_compression_type(FileCompressionType::UNCOMPRESSED)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }

    fn file_source(&self, schema: TableSchema) -> Arc<dyn FileSource> {
        Arc::new(RecodedSource { source: self.format.file_source(schema), recoding: self.recoding })
    }
}

/// A source of rows whose files are recoded first.
struct RecodedSource {
    source: Arc<dyn FileSource>,
    recoding: Recoding,
}

impl RecodedSource {
    fn over(&self, source: Arc<dyn FileSource>) -> Arc<dyn FileSource> {
        Arc::new(Self { source, recoding: self.recoding })
    }
}

impl FileSource for RecodedSource {
    fn create_file_opener(
        &self,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
        partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        let store = Arc::new(RecodingStore { store, recoding: self.recoding });
        self.source.create_file_opener(store, config, partition)
    }

    fn table_schema(&self) -> &TableSchema {
        self.source.table_schema()
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        self.over(self.source.with_batch_size(batch_size))
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        self.source.projection()
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        self.source.metrics()
    }

    fn file_type(&self) -> &str {
        self.source.file_type()
    }

    fn fmt_extra(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        self.source.fmt_extra(format, f)
    }

    fn supports_repartitioning(&self) -> bool {
        false
    }

    fn try_pushdown_projection(&self, projection: &ProjectionExprs) -> Result<Option<Arc<dyn FileSource>>> {
        let source = self.source.try_pushdown_projection(projection)?;
        Ok(source.map(|source| self.over(source)))
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.source.apply_expressions(f)
    }
}

/// A store that recodes what is got from it, and can do nothing else.
#[derive(Debug)]
struct RecodingStore {
    store: Arc<dyn ObjectStore>,
    recoding: Recoding,
}

impl fmt::Display for RecodingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.store, self.recoding.encoding.name())
    }
}

const NAME: &str = "text";

fn store_error(error: DataFusionError) -> datafusion::object_store::Error {
    match error {
        DataFusionError::ObjectStore(error) => *error,
        other => datafusion::object_store::Error::Generic { store: NAME, source: Box::new(other) },
    }
}

fn reads_only<T>() -> StoreResult<T> {
    let error = not_impl_err!("files in other encodings can only be read");
    error.map_err(store_error)
}

/// The text of the bytes of a file.
fn recoded(
    bytes: BoxStream<'static, Result<bytes::Bytes>>,
    recoding: Recoding,
    location: Path,
) -> Result<BoxStream<'static, Result<bytes::Bytes>>> {
    let bytes = recoding.compression.convert_stream(bytes)?;
    let parts = bytes.map_ok(Some).chain(futures::stream::iter([Ok(None)]));
    let state = (Transcoder::new(recoding.encoding), recoding.skip);
    let text = parts.scan(state, move |(transcoder, skip), part| {
        let text = part.and_then(|part| {
            let mut text = Vec::new();
            let decoded = transcoder.append(part.as_deref().unwrap_or_default(), part.is_none(), &mut text);
            decoded.map_err(|Malformed| {
                let encoding = recoding.encoding.name();
                DataFusionError::Execution(format!(
                    "{location} has changed: it is no longer text in {encoding}"
                ))
            })?;
            let skipped = (*skip).min(text.len());
            *skip -= skipped;
            text.drain(..skipped);
            Ok(bytes::Bytes::from(text))
        });
        futures::future::ready(Some(text))
    });
    let some = text.try_filter(|text| futures::future::ready(!text.is_empty()));
    Ok(some.boxed())
}

#[async_trait]
impl ObjectStore for RecodingStore {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> StoreResult<GetResult> {
        let got = self.store.get_opts(location, GetOptions { range: None, ..options }).await?;
        let (meta, attributes, range) = (got.meta.clone(), got.attributes.clone(), got.range.clone());
        let bytes = got.into_stream().map_err(DataFusionError::from).boxed();
        let text = recoded(bytes, self.recoding, location.clone()).map_err(store_error)?;
        let payload = GetResultPayload::Stream(text.map_err(store_error).boxed());
        Ok(GetResult { payload, meta, range, attributes })
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> StoreResult<PutResult> {
        reads_only()
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        reads_only()
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, StoreResult<Path>>,
    ) -> BoxStream<'static, StoreResult<Path>> {
        futures::stream::iter([reads_only()]).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        self.store.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> StoreResult<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> StoreResult<()> {
        reads_only()
    }
}
