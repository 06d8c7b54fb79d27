//! Many processes: workers that serve, and a coordinator that shares out.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::session::copy::with_copy;
use crate::udtf::{KCorrsetSettings, NamedWorkers};
use crate::with_k_corrset;
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion_distributed::{
    DistributedExt, SessionStateBuilderExt, Worker, WorkerQueryContext, WorkerResolver,
};
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use url::Url;

use crate::prompt::output::say;

/// Serves as a worker until the process is told to stop.
///
/// # Errors
/// The address is taken, or not this machine's.
pub(crate) async fn serve(address: SocketAddr, runtime: Arc<RuntimeEnv>) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(address).await.map_err(|error| format!("{address}: {error}"))?;
    say(format_args!("http://{}", listener.local_addr()?));
    let session = |query: WorkerQueryContext| async { Ok(with_copy(with_k_corrset(query.builder)).build()) };
    let worker = Worker::from_session_builder(session).with_runtime_env(runtime);
    let server = Server::builder().add_service(worker.into_worker_server());
    // Without, a reply of a few bytes may wait for 40 ms.
    let connections = TcpIncoming::from(listener).with_nodelay(Some(true));
    Ok(server.serve_with_incoming(connections).await?)
}

/// Makes a session share out its sweeps, and as far as it can nothing else: workers do not know
/// the object stores that a prompt finds by their URLs, nor files of this machine.
///
/// # Errors
/// The engine refuses a setting.
pub(crate) fn coordinator(state: SessionStateBuilder, workers: Vec<Url>) -> Result<SessionStateBuilder> {
    let state = state
        .with_distributed_worker_resolver(Workers(workers))
        .with_distributed_channel_resolver(NamedWorkers::default())
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
