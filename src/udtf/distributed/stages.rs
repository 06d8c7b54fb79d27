//! The stages of the queries that run, for who brings workers their plans and who asks for rows.
//!
//! A stage is there as soon as the plan of its first task is on its way, and goes with what its workers
//! have to say. Rows may be asked for before, as the engine does both at the same time.

use std::collections::{HashMap, VecDeque};
use std::future::ready;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use datafusion::common::exec_err;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::config::SessionConfig;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion_distributed::{
    GetWorkerInfoRequest, MaybeEncoded, SetPlanRequest, TaskKey, TaskMetrics, WorkerToCoordinatorMsg,
};
use futures::StreamExt;
use futures::future::{Either, select};
use futures::stream;
use tokio::task::JoinSet;

use crate::udtf::distributed::connection::{Answers, Connection};
use crate::udtf::distributed::piece::shared;
use crate::udtf::distributed::stage::{Stage, any_piece, lost};
use crate::udtf::distributed::watched::Watched;

/// How long a stage may be asked for before its plans are there: as long as the engine waits for them.
const PLAN_COMES: Duration = Duration::from_secs(10);

/// The stages of the queries that run.
#[derive(Default)]
pub(super) struct Stages {
    known: Watched<Known>,
}

#[derive(Default)]
struct Known {
    /// Those that are held by whoever has a part in them. `None` is a stage whose sweep is not cut.
    stages: HashMap<TaskKey, Weak<Option<Stage>>>,
    /// Those that have ended before their rows were asked for, the last few.
    failed: VecDeque<(TaskKey, Arc<DataFusionError>)>,
}

/// How many stages that have failed are remembered.
const FAILED: usize = 64;

/// A task of a stage, and how many nodes its plan has.
pub(super) struct TaskOf {
    key: TaskKey,
    nodes: usize,
}

impl TaskOf {
    pub(super) fn of(request: &SetPlanRequest) -> Self {
        let mut nodes = 0;
        if let MaybeEncoded::Decoded(plan) = &request.plan {
            // Counting does not fail.
            let _ = plan.apply(|_| {
                nodes += 1;
                Ok(TreeNodeRecursion::Continue)
            });
        }
        Self { key: request.task_key, nodes }
    }

    /// What there is to say of a task whose worker has done nothing, or is lost: no node has any metrics.
    fn nothing_done(nodes: usize) -> WorkerToCoordinatorMsg {
        WorkerToCoordinatorMsg::TaskMetrics(TaskMetrics {
            pre_order_plan_metrics: vec![MetricsSet::new(); nodes],
            task_metrics: MetricsSet::new(),
        })
    }
}

impl Stages {
    /// The stage of a task, whose plan is made one that can do the pieces of all tasks if it is cut into
    /// pieces. It is known as long as it is held.
    pub(super) fn cut(
        &self,
        request: &mut SetPlanRequest,
        session: &SessionConfig,
    ) -> Result<Arc<Option<Stage>>> {
        let mut cut = None;
        if let MaybeEncoded::Decoded(plan) = &mut request.plan {
            (*plan, cut) = any_piece(plan, request.task_count)?;
        }
        let key = stage_of(request.task_key);
        Ok(self.known.change(|Known { stages, .. }| {
            stages.retain(|_, stage| stage.strong_count() > 0);
            let stage = stages.get(&key).and_then(Weak::upgrade);
            let stage = stage.unwrap_or_else(|| Arc::new(cut.map(|cut| Stage::new(key, cut, session))));
            stages.insert(key, Arc::downgrade(&stage));
            stage
        }))
    }

    /// The stage of a task, as soon as its plan is on its way.
    ///
    /// # Errors
    /// It could not be brought; or nobody brings it.
    pub(super) async fn find(&self, task: TaskKey) -> Result<Arc<Option<Stage>>> {
        let key = stage_of(task);
        let found = self.known.until(|Known { stages, failed }| {
            let failure = || failed.iter().find(|(failed, _)| *failed == key);
            let stage = stages.get(&key).and_then(Weak::upgrade).map(Ok);
            stage.or_else(|| failure().map(|(_, error)| Err(shared(error))))
        });
        let found = tokio::time::timeout(PLAN_COMES, found).await;
        found.unwrap_or_else(|_| exec_err!("k_corrset: no worker was brought the plan of its task"))
    }

    /// Has a worker take part in a stage as soon as it has its plan: as long as what it says of its task is
    /// held.
    ///
    /// # Arguments
    /// `brought`: brings it the plan.
    ///
    /// # Errors
    /// The plan cannot be brought. If that is because the worker is lost, others do what it would have done.
    pub(super) async fn take_part(
        &self,
        stage: Arc<Option<Stage>>,
        TaskOf { key, nodes }: TaskOf,
        worker: Connection,
        brought: impl Future<Output = Result<Answers>>,
    ) -> Result<Answers> {
        let Some(pieces) = &*stage else {
            let answers = brought.await.map_err(|error| self.failed(key, error))?;
            let held = move |answer| {
                let _ = &stage;
                answer
            };
            return Ok(answers.map(held).boxed());
        };
        let task = key.task_number;
        let nothing = || stream::once(ready(Ok(TaskOf::nothing_done(nodes)))).boxed();
        let answers = match select(pin!(brought), pin!(pieces.over())).await {
            Either::Left((Ok(answers), _)) => answers,
            Either::Left((Err(error), _)) if lost(&error).is_some() => {
                pieces.lose(task, error);
                // Of the last of them, nobody holds the stage any more.
                if let Some(error) = pieces.failure() {
                    self.failed(key, shared(&error));
                }
                return Ok(nothing());
            }
            Either::Left((Err(error), _)) => {
                let error = Arc::new(error);
                pieces.fail(&error);
                return Err(self.failed(key, shared(&error)));
            }
            Either::Right(_) => return Ok(nothing()),
        };
        pieces.begin(task);
        let (mut at_work, mut asked) = (JoinSet::new(), worker.clone());
        at_work.spawn(Stage::work(Arc::clone(&stage), task, worker));
        let told = Arc::clone(&stage);
        let without_error = move |answer: Result<WorkerToCoordinatorMsg>| match (&*told, answer) {
            (Some(pieces), Err(error)) => {
                // Whoever waits for rows is told, if anybody has to be.
                if lost(&error).is_some() {
                    pieces.lose(task, error)
                } else {
                    pieces.fail(&Arc::new(error))
                }
                Ok(TaskOf::nothing_done(nodes))
            }
            (_, answer) => answer,
        };
        let no_more = async move {
            let Some(pieces) = &*stage else { return };
            if !pieces.says_when_it_ends {
                pieces.ended().await;
            }
            if pieces.leave(task) {
                // A worker that could not read what it was sent ends its task and says no more.
                match asked.info(GetWorkerInfoRequest {}).await {
                    Err(error) if lost(&error).is_some() => pieces.lose(task, error),
                    Err(error) => pieces.fail(&Arc::new(error)),
                    Ok(_) => pieces.fail(&Arc::new(asked.not_read().into())),
                }
            }
            while at_work.join_next().await.is_some() {}
        };
        let no_more = stream::once(no_more).filter_map(|()| ready(None));
        Ok(answers.map(without_error).chain(no_more).boxed())
    }

    /// Remembers that the plan of a stage could not be brought, for whoever asks for its rows.
    fn failed(&self, task: TaskKey, error: DataFusionError) -> DataFusionError {
        let error = Arc::new(error);
        self.known.change(|Known { failed, .. }| {
            failed.push_back((stage_of(task), Arc::clone(&error)));
            if failed.len() > FAILED {
                failed.pop_front();
            }
        });
        shared(&error)
    }
}

/// All tasks of a stage as one.
fn stage_of(task: TaskKey) -> TaskKey {
    TaskKey { task_number: 0, ..task }
}
