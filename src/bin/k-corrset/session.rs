//! The session that the command line asks for.

use std::env;
use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::memory_pool::{GreedyMemoryPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::logical_expr::ExplainFormat;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_cli::catalog::DynamicObjectStoreCatalog;
use datafusion_cli::functions::{
    ListFilesCacheFunc, MetadataCacheFunc, ParquetMetadataFunc, StatisticsCacheFunc,
};
use datafusion_cli::object_storage::StdinCarriesCommands;
use datafusion_k_corrset::register_all;
use datafusion_k_corrset::session::copy::register_copy;
use datafusion_k_corrset::session::files::register_files;
use datafusion_k_corrset::sweep::SweepProgress;
use datafusion_k_corrset::udtf::Notices;

use crate::args::Args;
use crate::cluster;
use crate::statements::Statements;

/// How many of the largest consumers an error about memory names.
const CONSUMERS_NAMED: NonZeroUsize = NonZeroUsize::new(3).unwrap();

/// A session that reads files by their paths and knows `k_corrset`, and prints what its
/// statements return.
///
/// # Errors
/// An environment variable `DATAFUSION_…` has a value that its setting cannot take.
pub(crate) async fn open(args: &Args) -> Result<Statements> {
    let notices = Arc::<Notices>::default();
    let mut config = config(args)?.with_extension(Arc::clone(&notices));
    let progress = args.shows_progress().then(Arc::<SweepProgress>::default);
    if let Some(progress) = &progress {
        config = config.with_extension(Arc::clone(progress));
    }
    let mut state = SessionStateBuilder::new()
        .with_runtime_env(runtime(args)?)
        .with_default_features()
        .with_config(config);
    if !args.workers.is_empty() {
        state = cluster::coordinator(state, args.workers.clone())?;
    }
    let session = SessionContext::new_with_state(state.build());
    register_files(&session)?;
    session.refresh_catalogs().await?;
    // Paths may lead to stores that nobody has registered.
    let catalogs = Arc::clone(session.state().catalog_list());
    session
        .register_catalog_list(Arc::new(DynamicObjectStoreCatalog::new(catalogs, session.state_weak_ref())));
    register_functions(&session)?;
    register_copy(&session);
    Ok(Statements { session, output: args.output(), progress, notices })
}

/// The settings: the command line comes first, then the environment, then what suits
/// a prompt.
fn config(args: &Args) -> Result<SessionConfig> {
    let mut options = ConfigOptions::from_env()?;
    if env::var_os("DATAFUSION_EXPLAIN_FORMAT").is_none() {
        options.explain.format = ExplainFormat::Tree;
    }
    if env::var_os("DATAFUSION_FORMAT_NULL").is_none() {
        options.format.null = "NULL".to_string();
    }
    let mut config = SessionConfig::from(options).with_information_schema(true);
    if let Some(rows) = args.batch_size {
        config = config.with_batch_size(rows);
    }
    if let Some(threads) = args.threads {
        config = config.with_target_partitions(threads);
    }
    if args.reads_stdin() {
        config = config.with_extension(Arc::new(StdinCarriesCommands));
    }
    Ok(config)
}

/// Memory and disk.
pub(crate) fn runtime(args: &Args) -> Result<Arc<RuntimeEnv>> {
    let mut runtime = RuntimeEnvBuilder::new();
    if let Some(bytes) = args.memory_limit {
        // More than can be addressed is no limit.
        let pool = GreedyMemoryPool::new(usize::try_from(bytes).unwrap_or(usize::MAX));
        runtime = runtime.with_memory_pool(Arc::new(TrackConsumersPool::new(pool, CONSUMERS_NAMED)));
    }
    if let Some(bytes) = args.disk_limit {
        runtime = runtime.with_max_temp_directory_size(bytes);
    }
    runtime.build_arc()
}

/// `k_corrset`, and the table functions that a DataFusion prompt is expected to have.
fn register_functions(session: &SessionContext) -> Result<()> {
    let caches = || Arc::clone(&session.runtime_env().cache_manager);
    session.register_udtf("parquet_metadata", Arc::new(ParquetMetadataFunc {}));
    session.register_udtf("metadata_cache", Arc::new(MetadataCacheFunc::new(caches())));
    session.register_udtf("statistics_cache", Arc::new(StatisticsCacheFunc::new(caches())));
    session.register_udtf("list_files_cache", Arc::new(ListFilesCacheFunc::new(caches())));
    register_all(session)
}
