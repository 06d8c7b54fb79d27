//! The session that the command line asks for.

use std::env;
use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion::config::ConfigOptions;
#[cfg(feature = "distributed")]
use datafusion::error::DataFusionError;
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::memory_pool::{GreedyMemoryPool, TrackConsumersPool};
use datafusion::execution::object_store::{ObjectStoreRegistry, ObjectStoreUrl};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::logical_expr::ExplainFormat;
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::prompt::args::Args;
#[cfg(feature = "cloud")]
use crate::prompt::cloud::register_cloud;
#[cfg(feature = "distributed")]
use crate::prompt::cluster;
use crate::prompt::confined::ConfinedFiles;
#[cfg(feature = "distributed")]
use crate::prompt::statements::Loses;
use crate::prompt::statements::Statements;
use crate::prompt::stdin::Stdin;
use crate::prompt::stores::Stores;
use crate::register_all;
use crate::session::copy::register_copy;
use crate::session::files::register_files;
use crate::sweep::SweepProgress;
use crate::udtf::Notices;

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
    let state = SessionStateBuilder::new()
        .with_runtime_env(runtime(args)?)
        .with_default_features()
        .with_config(config);
    #[cfg(not(feature = "distributed"))]
    let loses = None;
    #[cfg(feature = "distributed")]
    let (state, loses) = if args.workers.is_empty() {
        (state, None)
    } else {
        let (state, workers) = cluster::coordinator(state, args)?;
        (state, Some(Box::new(move |error: &DataFusionError| workers.lose(error)) as Loses))
    };
    let session = SessionContext::new_with_state(state.build());
    register_files(&session)?;
    session.refresh_catalogs().await?;
    #[cfg(feature = "cloud")]
    register_cloud(&session);
    register_all(&session)?;
    register_copy(&session);
    let stdin = Stdin::new(args.reads_stdin());
    Ok(Statements { session, output: args.output(), progress, notices, stdin, loses })
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
    Ok(config)
}

/// Memory, disk, and where tables lie.
pub(crate) fn runtime(args: &Args) -> Result<Arc<RuntimeEnv>> {
    let stores = Stores::default();
    if let (Some(folder), true) = (&args.data_path, args.serve.is_some()) {
        let files = ConfinedFiles::new(folder)?;
        stores.register_store(ObjectStoreUrl::local_filesystem().as_ref(), Arc::new(files));
    }
    let mut runtime = RuntimeEnvBuilder::new().with_object_store_registry(Arc::new(stores));
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
