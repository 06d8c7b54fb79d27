//! The sweep on many machines, by the engine `datafusion-distributed`.
//!
//! The sweep splits perfectly and its input is small. So a query is planned on one machine,
//! the coordinator, as ever; each worker gets the whole index and sweeps its shares; and what
//! the query does with the rows, a sort for the ten best or an average, begins there too.
//!
//! ```text
//!   coordinator                                workers
//!
//!   SQL ─▶ plan ─▶ rule: leaves ─▶ stages ──▶  SortExec, AggregateExec ..
//!                                                 │ rows
//!   input ─▶ index ─▶ wire ──────────────────▶ KCorrsetExec, shares i, i+N, i+2N .. or pieces
//!                                                 │ index
//!                     feed, once a worker ───▶ SharedInputExec
//! ```
//!
//! 1. *One leaf.* The engine splits the leaves of a plan. A sweep's input must not be split:
//!    each worker needs all of it. So a [rule] hides the input in a leaf of its own,
//!    [`SharedInputExec`], of which every worker gets a copy; what is split is the sweep above
//!    it, by the number of the task it runs in.
//! 2. *One index a worker.* The coordinator reads the input, builds the index and streams it
//!    to the leaf on each worker, when the query runs. Large files on storage that workers
//!    reach are an exception: there each worker reads them itself.
//! 3. *One order.* Shares are what threads of one process have, too, and the answer does not
//!    depend on who swept what: it is the same, to the bit.
//! 4. *The input is one task.* A sweep's input is planned for itself, and an engine that shared
//!    that out, too, would have a plan within a plan.
//! 5. *`top` is chosen twice*: by each worker among its sets, and by a sort of DataFusion's
//!    among what is left.
//! 6. *Any piece anywhere.* Where rows go straight to the coordinator, each worker's plan has the
//!    pieces of all tasks for partitions, and [who asks](stage) decides which worker does which:
//!    one that has time, and another one if it is lost.

mod codec;
mod connection;
mod explain;
mod input;
mod named;
mod piece;
mod rule;
mod secret;
mod stage;
mod stages;
mod watched;

use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::error::Result;
use datafusion::execution::{SessionState, SessionStateBuilder, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use datafusion_distributed::{
    DesiredTaskCountEvent, DesiredTaskCountEventResponse, DistributedConfig, DistributedExt,
    DistributedTaskContext,
};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::index::AnswerIndex;
use crate::udtf::distributed::explain::ExplainStages;
use crate::udtf::exec::distribution::{Distributed, Distribution};
use crate::udtf::exec::node::KCorrsetExec;
use crate::udtf::exec::reader::Reader;
use crate::udtf::request::KCorrsetRequest;

pub use codec::KCorrsetCodec;
pub use input::SharedInputExec;
pub use named::NamedWorkers;
pub use rule::DistributeSweeps;
#[cfg(feature = "cli")]
pub(crate) use secret::caller;
pub use secret::{ClusterSecret, Guard};

/// Makes the sessions of a cluster, coordinator and workers alike, able to share out a sweep.
///
/// The coordinator's also needs what every one does that uses `datafusion-distributed`, and
/// needs it first: a resolver of workers, and its planner. And it needs
/// [`register_all`](crate::register_all).
///
/// ```
/// # use datafusion::error::Result;
/// # use datafusion::execution::SessionStateBuilder;
/// # use datafusion::prelude::*;
/// use datafusion_distributed::{
///     ChannelResolver, DistributedExt, SessionStateBuilderExt, Worker, WorkerQueryContext,
/// };
/// use datafusion_k_corrset::udtf::{ClusterSecret, NamedWorkers};
/// use datafusion_k_corrset::{register_all, with_k_corrset};
/// use std::sync::Arc;
/// # struct Workers;
/// # impl datafusion_distributed::WorkerResolver for Workers {
/// #     fn get_urls(&self) -> Result<Vec<url::Url>> { Ok(vec![]) }
/// # }
///
/// // Shared by all machines; without it, a worker runs the plans of whoever reaches it.
/// let secret = ClusterSecret::new("4f1a65a2e1d2cbd0d1a31c5f")?;
///
/// // On each worker, which may have to ask the others for rows:
/// let others: Arc<dyn ChannelResolver + Send + Sync> =
///     Arc::new(NamedWorkers::default().with_secret(secret.clone()));
/// let worker = Worker::from_session_builder(move |query: WorkerQueryContext| {
///     let builder = query.builder.with_distributed_channel_resolver(Arc::clone(&others));
///     async { Ok(with_k_corrset(builder).build()) }
/// });
/// let mut server = tonic::transport::Server::builder().layer(secret.layer());
/// let server = server.add_service(worker.into_worker_server());
///
/// // On the coordinator; `Workers` is a `WorkerResolver` that knows their addresses.
/// let state = SessionStateBuilder::new()
///     .with_default_features()
///     .with_distributed_worker_resolver(Workers)
///     .with_distributed_channel_resolver(NamedWorkers::default().with_secret(secret))
///     .with_distributed_planner();
/// let ctx = SessionContext::new_with_state(with_k_corrset(state).build());
/// register_all(&ctx)?;
/// // With `NamedWorkers`: slow workers do less, and others do what a lost one was at.
/// ctx.state_ref().write().config_mut().options_mut().set("k_corrset.pieces", "8")?;
/// # Ok::<(), datafusion::error::DataFusionError>(())
/// ```
///
/// Who embeds a worker should know:
///
/// * Who may send a plan may read every file and object store that the worker's process may, use its
///   memory and processors, and run the functions that its sessions have; not write, but by `COPY` plans
///   where a codec for them is there.
/// * [`ClusterSecret::layer`] keeps out who does not know the secret, and says which calls it refused.
///   The secret protects nothing from who can read the connection.
/// * `tonic`'s `tls_config` on the server and [`NamedWorkers::with_tls`] encrypt the connection;
///   certificates of clients, which the server's `client_ca_root` asks for, are as good as a secret.
/// * A worker believes its coordinator: it is no defence against one that means harm.
/// * What a coordinator is told by workers it believes, too: rows of a worker that means harm are wrong.
pub fn with_k_corrset(mut builder: SessionStateBuilder) -> SessionStateBuilder {
    let planner = builder.query_planner();
    if let Some(engine) = planner.take() {
        *planner = Some(Arc::new(ExplainStages { planner: engine }));
    }
    let config = builder.config().get_or_insert_with(Default::default);
    config.set_extension(Arc::new(Distributed(Arc::new(Cluster))));
    builder
        .with_physical_optimizer_rule(Arc::new(DistributeSweeps))
        .with_distributed_user_codec(KCorrsetCodec)
        .with_distributed_desired_task_count_handler(tasks)
        .with_distributed_work_unit_feed(SharedInputExec::feed)
}

/// What the engine says of sweeps.
#[derive(Debug)]
struct Cluster;

impl Distribution for Cluster {
    fn task_of(&self, input: &Arc<dyn ExecutionPlan>, context: &Arc<TaskContext>) -> (usize, usize) {
        if !input.is::<SharedInputExec>() {
            return (0, 1);
        }
        let task = DistributedTaskContext::from_ctx(context);
        (task.task_index, task.task_count.max(1))
    }

    fn index_of<'a>(
        &self,
        input: &'a Arc<dyn ExecutionPlan>,
        request: &'a KCorrsetRequest,
        context: &'a Arc<TaskContext>,
        reader: &'a Reader,
    ) -> Option<BoxFuture<'a, Result<AnswerIndex>>> {
        let shared = input.downcast_ref::<SharedInputExec>()?;
        Some(shared.index(request, context, reader).boxed())
    }

    fn in_one_task(&self, session: &dyn Session) -> Option<Arc<dyn Session>> {
        let mut state = session.as_any().downcast_ref::<SessionState>()?.clone();
        let engine = DistributedConfig::from_config_options_mut(state.config_mut().options_mut()).ok()?;
        engine.max_tasks_per_stage = 1;
        Some(Arc::new(state))
    }
}

/// How many tasks a sweep should have: as many as there are workers. One whose input is not
/// in a leaf of its own must not be split at all.
fn tasks(event: DesiredTaskCountEvent<'_>) -> Option<Result<DesiredTaskCountEventResponse>> {
    if event.plan.is::<SharedInputExec>() {
        return Some(Ok(DesiredTaskCountEventResponse::desired(usize::MAX)));
    }
    let sweep = event.plan.downcast_ref::<KCorrsetExec>()?;
    let splits = sweep.inputs().answers.is::<SharedInputExec>();
    (!splits).then(|| Ok(DesiredTaskCountEventResponse::maximum(1)))
}
