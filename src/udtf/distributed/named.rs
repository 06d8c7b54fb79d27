//! Connections to workers: errors that name the worker, and pieces of a sweep for whoever has time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion_distributed::grpc::BoxCloneSyncChannel;
use datafusion_distributed::{
    ChannelResolver, CoordinatorToWorkerMsg, ExecuteTaskRequest, GetWorkerInfoRequest, GetWorkerInfoResponse,
    LocalWorkerContext, SetPlanRequest, WorkerChannel,
};
use futures::stream::BoxStream;
use http::HeaderMap;
use tonic::transport::{ClientTlsConfig, Endpoint};
use url::Url;

use crate::error::{KCorrsetError, with_sources};
use crate::udtf::distributed::connection::{Answers, Connection, Losses};
use crate::udtf::distributed::secret::ClusterSecret;
use crate::udtf::distributed::stages::{Stages, TaskOf};

/// Connections to workers, each made when it is first needed and kept for the session.
///
/// The loss of one is an error that says which worker was lost, where the engine's own says that a pipe
/// broke. Errors that a worker reports pass through as they are.
///
/// Where the setting `k_corrset.pieces` is more than 1, sweeps whose rows go straight to the coordinator
/// are cut into pieces: each worker takes the next when it has done one, and what a worker was at that is
/// lost others do again. The query is lost with the last worker, with a piece at which three were lost or of
/// which there is something else to say, with a worker that ends its task while it is there, or
/// if rows of a piece have been handed on before it was whole, which happens only where the rows of all
/// pieces that are not read yet come to 256 MiB.
#[derive(Clone)]
pub struct NamedWorkers {
    secret: Option<ClusterSecret>,
    tls: Option<ClientTlsConfig>,
    version: Option<String>,
    timeout: Duration,
    // Those of all copies.
    channels: Arc<Mutex<HashMap<Url, BoxCloneSyncChannel>>>,
    lost: Arc<Losses>,
    stages: Arc<Stages>,
}

impl Default for NamedWorkers {
    fn default() -> Self {
        Self {
            secret: None,
            tls: None,
            version: None,
            timeout: Self::TIMEOUT,
            channels: Arc::default(),
            lost: Arc::default(),
            stages: Arc::default(),
        }
    }
}

impl std::fmt::Debug for NamedWorkers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NamedWorkers").finish_non_exhaustive()
    }
}

impl NamedWorkers {
    /// How long a worker may be silent, if nothing else is said.
    pub const TIMEOUT: Duration = Duration::from_secs(60);

    /// Workers that let in who knows this secret: their servers have [`ClusterSecret::layer`].
    pub fn with_secret(self, secret: ClusterSecret) -> Self {
        Self { secret: Some(secret), ..self }
    }

    /// Which certificates to believe of workers whose addresses begin with `https`, and which to show
    /// them.
    pub fn with_tls(self, tls: ClientTlsConfig) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// Only workers that say that they are of this version
    /// ([`Worker::with_version`](datafusion_distributed::Worker::with_version)): a plan is sent in a form
    /// that other versions may read in another way.
    pub fn with_version(self, version: impl Into<String>) -> Self {
        Self { version: Some(version.into()), ..self }
    }

    /// How long a worker may be silent before it is lost, at least a second; [`TIMEOUT`](Self::TIMEOUT)
    /// if nothing is said.
    /// One that is busy is not silent: it is asked whether it is there, and answers at once.
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout: timeout.max(Duration::from_secs(1)), ..self }
    }

    /// Takes a worker for lost.
    #[cfg(feature = "cli")]
    pub(crate) fn lose(&self, url: &Url) {
        self.lost.lose(url);
    }

    /// Whether a worker was lost in a time that has just passed.
    #[cfg(feature = "cli")]
    pub(crate) fn was_lost(&self, url: &Url, in_the_last: Duration) -> bool {
        self.lost.when(url).is_some_and(|when| when.elapsed() < in_the_last)
    }

    /// The connection to a worker.
    fn channel(&self, url: &Url) -> Result<BoxCloneSyncChannel> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = channels.get(url) {
            return Ok(channel.clone());
        }
        let refused = |error: tonic::transport::Error| KCorrsetError::WorkerLost {
            worker: url.to_string(),
            message: with_sources(&error),
        };
        let mut endpoint = Endpoint::from_shared(url.to_string()).map_err(refused)?;
        // Asked after half of the time, it has the other half to answer.
        endpoint = endpoint
            .connect_timeout(self.timeout)
            .http2_keep_alive_interval(self.timeout / 2)
            .keep_alive_timeout(self.timeout / 2)
            .keep_alive_while_idle(true);
        if url.scheme() == "https" {
            endpoint = endpoint.tls_config(self.tls.clone().unwrap_or_default()).map_err(refused)?;
        }
        let channel = BoxCloneSyncChannel::new(endpoint.connect_lazy());
        let channel = match &self.secret {
            Some(secret) => secret.told(channel),
            None => channel,
        };
        channels.insert(url.clone(), channel.clone());
        Ok(channel)
    }
}

#[async_trait]
impl ChannelResolver for NamedWorkers {
    async fn get_worker_client_for_url(&self, url: &Url) -> Result<Box<dyn WorkerChannel>> {
        let connection = Connection {
            channel: self.channel(url)?,
            url: url.clone(),
            version: self.version.clone(),
            lost: Arc::clone(&self.lost),
        };
        Ok(Box::new(NamedWorker { connection, stages: Arc::clone(&self.stages) }))
    }
}

/// The connection to one worker, and the stages that it may have a part in.
struct NamedWorker {
    connection: Connection,
    stages: Arc<Stages>,
}

/// Whether this process is a worker, too. The rows of a stage are then asked for by whoever needs them,
/// and none of it by others.
fn is_worker(context: &TaskContext) -> bool {
    context.session_config().get_extension::<LocalWorkerContext>().is_some()
}

#[async_trait]
impl WorkerChannel for NamedWorker {
    async fn coordinator_channel(
        &mut self,
        headers: HeaderMap,
        mut request: SetPlanRequest,
        messages: BoxStream<'static, CoordinatorToWorkerMsg>,
        metrics: ExecutionPlanMetricsSet,
        context: &Arc<TaskContext>,
    ) -> Result<Answers> {
        if is_worker(context) {
            return self.connection.bring(headers, request, messages, metrics, context).await;
        }
        let stage = self.stages.cut(&mut request, context.session_config())?;
        let (task, worker) = (TaskOf::of(&request), self.connection.clone());
        let brought = self.connection.bring(headers, request, messages, metrics, context);
        self.stages.take_part(stage, task, worker, brought).await
    }

    async fn execute_task(
        &mut self,
        headers: HeaderMap,
        request: ExecuteTaskRequest,
        metrics: ExecutionPlanMetricsSet,
        context: &Arc<TaskContext>,
    ) -> Result<Vec<BoxStream<'static, Result<RecordBatch>>>> {
        if !is_worker(context)
            && let Some(pieces) = &*self.stages.find(request.task_key).await?
        {
            return Ok(pieces.rows_of(headers, &request, metrics, context));
        }
        // Here, too: it may come before the plan, and would wait for it.
        self.connection.check_version().await?;
        self.connection.rows(headers, request, metrics, context).await
    }

    async fn get_worker_info(&mut self, request: GetWorkerInfoRequest) -> Result<GetWorkerInfoResponse> {
        self.connection.info(request).await
    }
}
