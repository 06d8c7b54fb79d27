//! Many processes: workers that serve, and a coordinator that shares out.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::error::with_sources;
use crate::session::copy::with_copy;
use crate::udtf::KCorrsetSettings;
use crate::with_k_corrset;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion_distributed::{
    DistributedExt, SessionStateBuilderExt, Worker, WorkerQueryContext, WorkerResolver,
};
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use url::Url;

use crate::prompt::access::Access;
use crate::prompt::log;
use crate::prompt::output::{complain, say};

/// How long a coordinator may be silent before its queries end.
const SILENCE: Duration = Duration::from_secs(60);

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
    access: &Access,
    runtime: Arc<RuntimeEnv>,
) -> Result<(), Box<dyn Error>> {
    log::begin();
    let secret = access.secret()?;
    let asked = access.asked(secret.as_ref(), address)?;
    // A coordinator whose cable was cut ends nothing by itself: it is asked whether it is there.
    let mut server = Server::builder()
        .http2_keepalive_interval(Some(SILENCE / 2))
        .http2_keepalive_timeout(Some(SILENCE / 2));
    let tls = access.of_worker()?;
    let (scheme, encrypted) = if tls.is_some() { ("https", "") } else { ("http", "not ") };
    if let Some(tls) = tls {
        server = server.tls_config(tls).map_err(|error| format!("--tls-cert: {}", with_sources(&error)))?;
    }
    let listener = TcpListener::bind(address).await.map_err(|error| format!("{address}: {error}"))?;
    say(format_args!("{scheme}://{}", listener.local_addr()?));
    complain(format_args!("k-corrset {VERSION}: this worker {asked}; connections are {encrypted}encrypted"));
    let session = |query: WorkerQueryContext| async { Ok(with_copy(with_k_corrset(query.builder)).build()) };
    let worker = Worker::from_session_builder(session).with_runtime_env(runtime).with_version(VERSION);
    let service = worker.into_worker_server();
    // Without, a reply of a few bytes may wait for 40 ms.
    let connections = TcpIncoming::from(listener).with_nodelay(Some(true));
    match secret {
        Some(secret) => {
            let mut server = server.layer(secret.layer());
            server.add_service(service).serve_with_incoming(connections).await?;
        }
        None => server.add_service(service).serve_with_incoming(connections).await?,
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
    workers: Vec<Url>,
    access: &Access,
    timeout: Duration,
) -> Result<SessionStateBuilder> {
    let connections = access.to(&workers).map_err(DataFusionError::Configuration)?;
    let connections = connections.with_version(VERSION).with_timeout(timeout);
    let state = state
        .with_distributed_worker_resolver(Workers(workers))
        .with_distributed_channel_resolver(connections)
        .with_distributed_planner()
        .with_distributed_file_scan_config_bytes_per_partition(usize::MAX)?;
    let mut state = with_k_corrset(state);
    let settings = KCorrsetSettings { ship_below: usize::MAX, ..KCorrsetSettings::default() };
    state.config().get_or_insert_default().options_mut().extensions.insert(settings);
    Ok(state)
}

/// The workers that the command line names.
struct Workers(Vec<Url>);

impl WorkerResolver for Workers {
    fn get_urls(&self) -> Result<Vec<Url>> {
        Ok(self.0.clone())
    }
}
