//! Errors that name the worker.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion_distributed::grpc::DefaultChannelResolver;
use datafusion_distributed::{
    ChannelResolver, CoordinatorToWorkerMsg, ExecuteTaskRequest, GetWorkerInfoRequest, GetWorkerInfoResponse,
    SetPlanRequest, WorkerChannel, WorkerToCoordinatorMsg,
};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use http::HeaderMap;
use url::Url;

use crate::error::KCorrsetError;

/// Connections whose loss is an error that says which worker was lost; the engine's own says
/// that a pipe broke.
///
/// Errors that a worker reports pass through as they are.
#[derive(Default)]
pub struct NamedWorkers {
    connections: DefaultChannelResolver,
}

impl std::fmt::Debug for NamedWorkers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NamedWorkers").finish_non_exhaustive()
    }
}

#[async_trait]
impl ChannelResolver for NamedWorkers {
    async fn get_worker_client_for_url(&self, url: &Url) -> Result<Box<dyn WorkerChannel>> {
        let channel = self.connections.get_worker_client_for_url(url).await?;
        Ok(Box::new(NamedWorker { channel, name: url.to_string() }))
    }
}

/// The connection to one worker.
struct NamedWorker {
    channel: Box<dyn WorkerChannel>,
    name: String,
}

impl NamedWorker {
    /// Puts the name into errors of the connection.
    fn naming(&self) -> impl Fn(DataFusionError) -> DataFusionError + Send + use<> {
        let worker = self.name.clone();
        move |error| match &error {
            DataFusionError::External(cause) => match cause.downcast_ref::<tonic::Status>() {
                Some(status) => {
                    let message = status.message().to_string();
                    KCorrsetError::WorkerLost { worker: worker.clone(), message }.into()
                }
                None => error,
            },
            _ => error,
        }
    }
}

#[async_trait]
impl WorkerChannel for NamedWorker {
    async fn coordinator_channel(
        &mut self,
        headers: HeaderMap,
        request: SetPlanRequest,
        messages: BoxStream<'static, CoordinatorToWorkerMsg>,
        metrics: ExecutionPlanMetricsSet,
        context: &Arc<TaskContext>,
    ) -> Result<BoxStream<'static, Result<WorkerToCoordinatorMsg>>> {
        let naming = self.naming();
        let answers = self.channel.coordinator_channel(headers, request, messages, metrics, context).await;
        Ok(answers.map_err(&naming)?.map_err(naming).boxed())
    }

    async fn execute_task(
        &mut self,
        headers: HeaderMap,
        request: ExecuteTaskRequest,
        metrics: ExecutionPlanMetricsSet,
        context: &Arc<TaskContext>,
    ) -> Result<Vec<BoxStream<'static, Result<RecordBatch>>>> {
        let streams = self.channel.execute_task(headers, request, metrics, context).await;
        let streams = streams.map_err(self.naming())?;
        Ok(streams.into_iter().map(|batches| batches.map_err(self.naming()).boxed()).collect())
    }

    async fn get_worker_info(&mut self, request: GetWorkerInfoRequest) -> Result<GetWorkerInfoResponse> {
        self.channel.get_worker_info(request).await.map_err(self.naming())
    }
}
