//! The connection to one worker, whose errors name it.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use datafusion::arrow::array::RecordBatch;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion_distributed::grpc::{BoxCloneSyncChannel, create_worker_client};
use datafusion_distributed::{
    CoordinatorToWorkerMsg, ExecuteTaskRequest, GetWorkerInfoRequest, GetWorkerInfoResponse, SetPlanRequest,
    WorkerChannel, WorkerToCoordinatorMsg,
};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use http::HeaderMap;
use tonic::Code;
use url::Url;

use crate::error::{KCorrsetError, with_sources};

/// When workers were lost.
#[derive(Default)]
pub(super) struct Losses(Mutex<HashMap<Url, Instant>>);

impl Losses {
    pub(super) fn lose(&self, url: &Url) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(url.clone(), Instant::now());
    }

    /// When a worker was lost, if it was.
    #[cfg(feature = "cli")]
    pub(super) fn when(&self, url: &Url) -> Option<Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(url).copied()
    }
}

/// The connection to one worker.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) channel: BoxCloneSyncChannel,
    pub(super) url: Url,
    /// Which version it has to be of.
    pub(super) version: Option<String>,
    pub(super) lost: Arc<Losses>,
}

impl Connection {
    /// Puts the name into errors of the connection.
    fn naming(&self) -> impl Fn(DataFusionError) -> DataFusionError + Send + use<> {
        let (url, lost) = (self.url.clone(), Arc::clone(&self.lost));
        move |error| match &error {
            DataFusionError::External(cause) => match cause.downcast_ref::<tonic::Status>() {
                Some(status) => {
                    let error = of_status(url.as_str(), status);
                    if let KCorrsetError::WorkerLost { .. } = &error {
                        lost.lose(&url);
                    }
                    error.into()
                }
                None => error,
            },
            _ => error,
        }
    }

    /// Its address.
    pub(super) fn name(&self) -> &str {
        self.url.as_str()
    }

    /// The engine's own connection.
    fn client(&self) -> Box<dyn WorkerChannel> {
        create_worker_client(self.channel.clone())
    }

    /// Sees to it that the worker is of the version that it has to be of.
    pub(super) async fn check_version(&mut self) -> Result<()> {
        let Some(ours) = self.version.clone() else { return Ok(()) };
        let theirs = self.info(GetWorkerInfoRequest {}).await?.version;
        if theirs == ours {
            return Ok(());
        }
        Err(KCorrsetError::WorkerVersion { worker: self.url.to_string(), theirs, ours }.into())
    }

    /// What a worker says of itself.
    pub(super) async fn info(&mut self, request: GetWorkerInfoRequest) -> Result<GetWorkerInfoResponse> {
        self.client().get_worker_info(request).await.map_err(self.naming())
    }

    /// Brings a worker its plan.
    pub(super) async fn bring(
        &mut self,
        headers: HeaderMap,
        request: SetPlanRequest,
        messages: BoxStream<'static, CoordinatorToWorkerMsg>,
        metrics: ExecutionPlanMetricsSet,
        context: &Arc<TaskContext>,
    ) -> Result<Answers> {
        self.check_version().await?;
        let naming = self.naming();
        let answers = self.client().coordinator_channel(headers, request, messages, metrics, context).await;
        Ok(answers.map_err(&naming)?.map_err(naming).boxed())
    }

    /// Why a worker has ended its task that is there, and was not told to.
    pub(super) fn not_read(&self) -> KCorrsetError {
        let message = "it ended its task early, as what it was sent did not arrive, or was more in one message than \
                       it takes; start it with a larger --max-message";
        KCorrsetError::WorkerRefused { worker: self.url.to_string(), message: message.to_string() }
    }

    /// The rows of partitions of a plan that the worker has or will have.
    pub(super) async fn rows(
        &mut self,
        headers: HeaderMap,
        request: ExecuteTaskRequest,
        metrics: ExecutionPlanMetricsSet,
        context: &Arc<TaskContext>,
    ) -> Result<Vec<BoxStream<'static, Result<RecordBatch>>>> {
        let streams = self.client().execute_task(headers, request, metrics, context).await;
        let streams = streams.map_err(self.naming())?;
        Ok(streams.into_iter().map(|batches| batches.map_err(self.naming()).boxed()).collect())
    }
}

/// What a worker says of its task.
pub(super) type Answers = BoxStream<'static, Result<WorkerToCoordinatorMsg>>;

/// What a connection says, as an error that names the worker.
fn of_status(worker: &str, status: &tonic::Status) -> KCorrsetError {
    let (worker, message) = (worker.to_string(), status.message().to_string());
    match status.code() {
        Code::Unauthenticated | Code::ResourceExhausted => {
            return KCorrsetError::WorkerRefused { worker, message };
        }
        Code::OutOfRange => {
            let message = format!("{message}; start it with a larger --max-message");
            return KCorrsetError::WorkerRefused { worker, message };
        }
        _ => {}
    }
    // "transport error" says nothing by itself.
    let message = match status.source() {
        Some(source) => format!("{message}: {}", with_sources(source)),
        None => message,
    };
    KCorrsetError::WorkerLost { worker, message }
}
