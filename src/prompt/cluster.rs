//! Many processes: workers that serve, and a coordinator that shares out.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{KCorrsetError, with_sources};
use crate::session::copy::with_copy;
use crate::udtf::{KCorrsetSettings, NamedWorkers};
use crate::with_k_corrset;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion_distributed::{
    ChannelResolver, DistributedExt, SessionStateBuilderExt, Worker, WorkerQueryContext, WorkerResolver,
};
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use url::Url;

use crate::prompt::args::Args;
use crate::prompt::log;
use crate::prompt::output::{complain, say};
use crate::prompt::queries::Queries;

/// Bytes of a message to a worker, if nothing else is said. An index comes in parts of a mebibyte, of which the
/// engine puts up to 256 into a message.
const MESSAGE: u64 = 1 << 30;

/// Pieces of what each thread of a worker has to sweep, if nothing else is set.
const PIECES: usize = 8;

/// What coordinator and workers have to agree on: a plan is sent in the form of a version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Serves as a worker until the process is told to stop.
///
/// Prints the address, and on standard error what else a stranger should know of it.
///
/// # Errors
/// The address is taken, not this machine's, or open to strangers; or a file of a secret, a certificate
/// or a key cannot be used.
pub(crate) async fn serve(
    address: SocketAddr,
    args: &Args,
    runtime: Arc<RuntimeEnv>,
) -> Result<(), Box<dyn Error>> {
    log::begin();
    let (access, silence) = (&args.access, args.worker_timeout());
    let secret = access.secret()?;
    let asked = access.asked(secret.as_ref(), address)?;
    // A coordinator whose cable was cut ends nothing by itself: it is asked whether it is there.
    let mut server = Server::builder()
        .http2_keepalive_interval(Some(silence / 2))
        .http2_keepalive_timeout(Some(silence / 2));
    let tls = access.of_worker()?;
    let others = access.to_others(secret.clone())?.with_version(VERSION).with_timeout(silence);
    let others: Arc<dyn ChannelResolver + Send + Sync> = Arc::new(others);
    let (scheme, encrypted) = if tls.is_some() { ("https", "") } else { ("http", "not ") };
    if let Some(tls) = tls {
        server = server.tls_config(tls).map_err(|error| format!("--tls-cert: {}", with_sources(&error)))?;
    }
    let listener = TcpListener::bind(address).await.map_err(|error| format!("{address}: {error}"))?;
    say(format_args!("{scheme}://{}", listener.local_addr()?));
    complain(format_args!("k-corrset {VERSION}: this worker {asked}; connections are {encrypted}encrypted"));
    let session = move |query: WorkerQueryContext| {
        let builder = query.builder.with_distributed_channel_resolver(Arc::clone(&others));
        async { Ok(with_copy(with_k_corrset(builder)).build()) }
    };
    let worker = Worker::from_session_builder(session).with_runtime_env(runtime).with_version(VERSION);
    let largest = usize::try_from(args.max_message.unwrap_or(MESSAGE)).unwrap_or(usize::MAX);
    let service = worker.into_worker_server().max_decoding_message_size(largest);
    // Without, a reply of a few bytes may wait for 40 ms.
    let connections = TcpIncoming::from(listener).with_nodelay(Some(true));
    let queries = Queries::new(args.max_queries);
    match secret {
        Some(secret) => {
            // Strangers are not counted.
            let mut server = server.layer(secret.layer()).layer(queries);
            server.add_service(service).serve_with_incoming(connections).await?;
        }
        None => server.layer(queries).add_service(service).serve_with_incoming(connections).await?,
    }
    Ok(())
}

/// Makes a session share out its sweeps, and as far as it can nothing else: workers do not know
/// the object stores that a prompt finds by their URLs, nor files of this machine.
///
/// # Errors
/// The engine refuses a setting; or a file of a secret, a certificate or a key cannot be used.
pub(crate) fn coordinator(
    state: SessionStateBuilder,
    args: &Args,
) -> Result<(SessionStateBuilder, Arc<Workers>)> {
    let connections = args.access.to(&args.workers).map_err(DataFusionError::Configuration)?;
    let connections = connections.with_version(VERSION).with_timeout(args.worker_timeout());
    let workers = Arc::new(Workers { urls: args.workers.clone(), connections: connections.clone() });
    let state = state
        .with_distributed_worker_resolver(Left(Arc::clone(&workers)))
        .with_distributed_channel_resolver(connections)
        .with_distributed_planner()
        .with_distributed_file_scan_config_bytes_per_partition(usize::MAX)?;
    let mut state = with_k_corrset(state);
    let settings = KCorrsetSettings { ship_below: usize::MAX, pieces: PIECES, ..KCorrsetSettings::default() };
    let options = state.config().get_or_insert_default().options_mut();
    options.extensions.insert(settings);
    // With one, what aggregates rows does it at once, where all of them are.
    options.execution.target_partitions = options.execution.target_partitions.max(2);
    Ok((state, workers))
}

/// The workers that the command line names.
pub(crate) struct Workers {
    urls: Vec<Url>,
    connections: NamedWorkers,
}

/// How long queries do without a worker that was lost.
const DO_WITHOUT: Duration = Duration::from_secs(60);

impl Workers {
    /// Those that were not lost in the last while, if there are enough: with one alone the engine shares
    /// nothing out.
    fn left(&self) -> Option<Vec<Url>> {
        let was_lost = |url: &&Url| self.connections.was_lost(url, DO_WITHOUT);
        let left: Vec<Url> = self.urls.iter().filter(|url| !was_lost(url)).cloned().collect();
        (left.len() > 1).then_some(left)
    }

    /// Does without the worker whose loss is this error, if it was one of these, and enough others are left.
    /// Whether it does.
    pub(crate) fn lose(&self, error: &DataFusionError) -> bool {
        // It may have been another worker that lost it, whose error comes as a text.
        let error = error.to_string();
        let Some(url) = self.urls.iter().find(|url| error.contains(&said_of(url))) else { return false };
        self.connections.lose(url);
        self.left().is_some()
    }
}

/// How an error begins that says that a worker was lost.
fn said_of(url: &Url) -> String {
    let lost = KCorrsetError::WorkerLost { worker: url.to_string(), message: String::new() }.to_string();
    lost.split_inclusive(url.as_str()).next().unwrap_or_default().to_string() + " "
}

/// The workers that are left, or all of them if these are too few.
struct Left(Arc<Workers>);

impl WorkerResolver for Left {
    fn get_urls(&self) -> Result<Vec<Url>> {
        Ok(self.0.left().unwrap_or_else(|| self.0.urls.clone()))
    }
}
