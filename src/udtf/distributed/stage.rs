//! Which worker does which piece of a sweep.
//!
//! ```text
//! each worker, at a few pieces at a time:
//!     take   the next of its own pieces; else the last of the task that has most left; none that
//!            the others would have done before it
//!     do     ask the worker for the piece's rows
//!     whole  hand them on
//!     lost   put the piece back, in front; the worker takes no more; a piece that has brought down
//!            three workers ends the query, and so does the loss of the last worker
//!     wrong  end the query
//!     left   a worker that has ended its task takes no more; if it is there, end the query
//! ```
//!
//! A worker has one plan, whose node has the pieces of all tasks as its partitions: so it can do any of
//! them with the index that it has, and nothing is sent when a piece moves. The plan's pieces are of
//! equal work, as far as can be told before; so it is the workers' pace that tells who does how many.
//! That of a worker which is slow shows in the time of its first pieces, and towards the end it is left
//! out: whoever takes the last piece is waited for.
//!
//! More tasks than workers, each sent to whoever has time, would be another way; but every task is a plan
//! of its own, with an index and tables of its own, which take longer to make than a piece takes.

use std::collections::VecDeque;
use std::future::ready;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::execution::config::SessionConfig;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion_distributed::{DistributedConfig, ExecuteTaskRequest, TaskKey};
use futures::StreamExt;
use futures::future::{Either, join_all, select};
use futures::stream::BoxStream;
use http::HeaderMap;

use crate::error::{KCorrsetError, bounded};
use crate::sweep::SweepProgress;
use crate::udtf::distributed::connection::Connection;
use crate::udtf::distributed::piece::{Call, Piece, Reading, shared};
use crate::udtf::distributed::watched::Watched;
use crate::udtf::exec::Notices;
use crate::udtf::exec::node::KCorrsetExec;
use crate::udtf::request::Pieces;

/// A piece that so many workers were lost at is not given to another.
const MOST_BROUGHT_DOWN: usize = 3;

/// How long a worker may wait for whoever reads its rows before it begins another piece: for one of which
/// rows are wanted first.
const PATIENCE: Duration = Duration::from_millis(100);

/// A worker forgets a plan that nobody has asked for anything in ten minutes.
const REMIND: Duration = Duration::from_secs(240);

/// How the sweep of a stage is cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    pieces: Pieces,
    /// Pieces that a worker does at a time: one for each thread, and one that is there when a thread has
    /// done its own.
    at_a_time: usize,
}

/// A task's plan as one that can do the pieces of all tasks, and how it is cut, if it is.
pub(super) fn any_piece(
    plan: &Arc<dyn ExecutionPlan>,
    tasks: usize,
) -> Result<(Arc<dyn ExecutionPlan>, Option<Cut>)> {
    let mut cut = None;
    let cut_node = |node: Arc<dyn ExecutionPlan>| {
        let Some(sweep) = node.downcast_ref::<KCorrsetExec>() else { return Ok(Transformed::no(node)) };
        let Some(own) = sweep.scan().pieces.filter(|_| tasks > 1) else { return Ok(Transformed::no(node)) };
        let pieces = Pieces { of_task: own.of_task, tasks };
        cut = Some(Cut { pieces, at_a_time: sweep.scan().settings.threads + 1 });
        let any: Arc<dyn ExecutionPlan> = Arc::new(sweep.with_pieces(pieces)?);
        Ok(Transformed::yes(any))
    };
    let plan = Arc::clone(plan).transform_up(cut_node)?.data;
    Ok((plan, cut))
}

/// A stage whose sweep is cut into pieces.
pub(super) struct Stage {
    key: TaskKey,
    cut: Cut,
    /// Whether workers have something to say of their tasks until these end: the metrics.
    pub(super) says_when_it_ends: bool,
    /// Bytes of rows that are kept.
    held: Arc<AtomicUsize>,
    progress: Option<Arc<SweepProgress>>,
    notices: Option<Arc<Notices>>,
    state: Watched<State>,
}

struct State {
    /// Pieces that nobody is at, of each task.
    waiting: Vec<VecDeque<Piece>>,
    /// By task.
    workers: Vec<Standing>,
    /// Tasks whose pieces are not known yet.
    unknown: usize,
    /// Pieces that are not whole.
    unfinished: usize,
    /// How rows were asked for, once they were.
    call: Option<Arc<Call>>,
    /// Why there is no result.
    failed: Option<Arc<DataFusionError>>,
}

/// How a worker stands.
#[derive(Debug, Clone, Copy, Default)]
struct Standing {
    place: Place,
    /// Pieces that it has done, and how long each took, all added up.
    pieces: u32,
    time: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    /// It has no plan yet.
    #[default]
    Comes,
    Works,
    /// It has ended its task.
    Left,
    Lost,
}

impl Standing {
    /// Seconds that a piece takes it, once that is known.
    fn pace(&self) -> Option<f64> {
        (self.pieces > 0).then(|| self.time.as_secs_f64() / f64::from(self.pieces))
    }
}

impl State {
    /// The next piece for a worker, which may be `None`.
    fn take(&mut self, task: usize, at_a_time: usize) -> Option<Piece> {
        if !self.is_in_time(task, at_a_time) {
            return None;
        }
        self.waiting[task].pop_front().or_else(|| {
            let fullest = self.waiting.iter_mut().max_by_key(|waiting| waiting.len())?;
            fullest.pop_back()
        })
    }

    /// Whether a worker would have done a piece before the others had done all that are waiting.
    fn is_in_time(&self, task: usize, at_a_time: usize) -> bool {
        let others = self.workers.iter().enumerate().filter(|&(other, _)| other != task);
        let at_work = others.filter(|(_, other)| other.place == Place::Works);
        let paces: Vec<f64> = at_work.filter_map(|(_, other)| other.pace()).collect();
        let (Some(own), Some(&fastest)) =
            (self.workers[task].pace(), paces.iter().min_by(|x, y| x.total_cmp(y)))
        else {
            return true;
        };
        let waiting: usize = self.waiting.iter().map(VecDeque::len).sum();
        let per_second: f64 = paces.iter().map(|pace| at_a_time as f64 / pace).sum();
        own <= waiting as f64 / per_second + fastest
    }

    /// Whether all pieces are whole.
    fn is_over(&self) -> bool {
        self.unknown == 0 && self.unfinished == 0
    }

    /// Ends all pieces that nobody is at with an error, and those that are yet to come.
    fn fail(&mut self, error: &Arc<DataFusionError>) {
        self.failed.get_or_insert_with(|| Arc::clone(error));
        for piece in self.waiting.iter_mut().flat_map(std::mem::take) {
            piece.end(Err(shared(error)));
            self.unfinished -= 1;
        }
    }
}

impl Stage {
    pub(super) fn new(key: TaskKey, cut: Cut, session: &SessionConfig) -> Self {
        let tasks = cut.pieces.tasks;
        let state = State {
            waiting: (0..tasks).map(|_| VecDeque::new()).collect(),
            workers: vec![Standing::default(); tasks],
            unknown: tasks,
            unfinished: 0,
            call: None,
            failed: None,
        };
        let engine = session.options().extensions.get::<DistributedConfig>();
        Self {
            key,
            cut,
            says_when_it_ends: engine.is_none_or(|engine| engine.collect_metrics),
            held: Arc::default(),
            progress: session.get_extension(),
            notices: session.get_extension(),
            state: Watched::new(state),
        }
    }

    /// The rows of each of the pieces that are asked for.
    pub(super) fn rows_of(
        &self,
        headers: HeaderMap,
        request: &ExecuteTaskRequest,
        metrics: ExecutionPlanMetricsSet,
        context: &Arc<TaskContext>,
    ) -> Vec<BoxStream<'static, Result<RecordBatch>>> {
        let task = request.task_key.task_number;
        let call = Arc::new(Call::new(headers, metrics, context, Arc::clone(&self.held)));
        let asked_for = request.target_partition_start..request.target_partition_end;
        let first = task * self.cut.pieces.of_task;
        let pieces = asked_for.map(|number| Piece::new(task, first + number, Arc::clone(&call)));
        let (pieces, rows): (VecDeque<Piece>, Vec<_>) = pieces.unzip();
        self.progress.iter().for_each(|progress| progress.expect_pieces(pieces.len()));
        self.state.change(|state| {
            state.unknown = state.unknown.saturating_sub(1);
            state.unfinished += pieces.len();
            state.call.get_or_insert(call);
            state.waiting[task].extend(pieces);
            if let Some(error) = state.failed.clone() {
                state.fail(&error);
            }
        });
        rows
    }

    /// A worker has its plan.
    pub(super) fn begin(&self, task: usize) {
        self.state.change(|state| {
            let place = &mut state.workers[task].place;
            if *place == Place::Comes {
                *place = Place::Works;
            }
        });
    }

    /// A worker has ended its task, and does no more pieces than those it is at. Whether that has yet to be
    /// explained: the query goes on, and the worker is not known to be lost.
    pub(super) fn leave(&self, task: usize) -> bool {
        self.state.change(|state| {
            let place = &mut state.workers[task].place;
            if *place == Place::Lost {
                return false;
            }
            *place = Place::Left;
            state.failed.is_none() && !state.is_over()
        })
    }

    /// A worker is lost, and the query goes on without it if there is another.
    pub(super) fn lose(&self, task: usize, error: DataFusionError) {
        self.state.change(|state| {
            let before = std::mem::replace(&mut state.workers[task].place, Place::Lost);
            if let Some(failed) = state.failed.clone() {
                // What has been put back meanwhile.
                state.fail(&failed);
            } else if state.workers.iter().all(|worker| worker.place == Place::Lost) {
                state.fail(&Arc::new(error));
            } else if let (Some(Lost { worker, message }), true) = (lost(&error), before != Place::Lost) {
                let text =
                    format!("k_corrset: lost the worker at {worker} ({message}); the others do its pieces");
                Notices::tell(self.notices.as_deref(), &bounded(text));
            }
        });
    }

    /// The query cannot be done: why is what all who wait for rows are told.
    pub(super) fn fail(&self, error: &Arc<DataFusionError>) {
        self.state.change(|state| state.fail(error));
    }

    /// Why there will be no result, if that is so.
    pub(super) fn failure(&self) -> Option<Arc<DataFusionError>> {
        self.state.look().failed.clone()
    }

    /// Waits until it is known that there is no result.
    async fn failed(&self) -> Arc<DataFusionError> {
        self.state.until(|state| state.failed.clone()).await
    }

    /// Waits until nobody needs another worker.
    pub(super) async fn over(&self) {
        self.state.until(|state| state.is_over().then_some(())).await;
    }

    /// Waits until nothing more is to be done.
    pub(super) async fn ended(&self) {
        self.state.until(|state| (state.is_over() || state.failed.is_some()).then_some(())).await;
    }

    /// Has a worker do pieces as long as there are some.
    pub(super) async fn work(stage: Arc<Option<Self>>, task: usize, worker: Connection) {
        let Some(stage) = &*stage else { return };
        let at_a_time = (0..stage.cut.at_a_time).map(|_| stage.one_after_the_other(task, worker.clone()));
        let reminded = stage.remind(task, worker.clone());
        select(Box::pin(join_all(at_a_time)), Box::pin(reminded)).await;
    }

    async fn one_after_the_other(&self, task: usize, mut worker: Connection) {
        let task_key = TaskKey { task_number: task, ..self.key };
        while let Some(mut piece) = self.next(task).await {
            let begun = Instant::now();
            let rows = match select(pin!(piece.run(&mut worker, task_key)), pin!(self.failed())).await {
                Either::Left((rows, _)) => rows,
                Either::Right((error, _)) => Some(Err(shared(&error))),
            };
            let reading = match rows {
                Some(Ok(mut rows)) => {
                    if piece.task != task {
                        piece.call.moved.add(1);
                    }
                    let reading = rows.reading();
                    let took = begun.elapsed();
                    piece.call.median.add_duration(took);
                    piece.call.longest.add_duration(took);
                    self.whole(task, took);
                    self.progress.iter().for_each(|progress| progress.piece_done(worker.name()));
                    piece.end(Ok(rows));
                    reading
                }
                Some(Err(error)) => match lost(&error) {
                    Some(worker) => return self.put_back(task, piece, worker, error),
                    None => return self.give_up(piece, error),
                },
                None => {
                    self.nothing_more_of_it();
                    None
                }
            };
            if let Some(reading) = reading {
                self.read(task, reading).await;
            }
        }
    }

    /// The next piece for a worker, as soon as it has its plan; `None` if it does no more.
    async fn next(&self, task: usize) -> Option<Piece> {
        let next = |state: &mut State| match state.workers[task].place {
            _ if state.failed.is_some() => Some(None),
            Place::Comes => None,
            Place::Left | Place::Lost => Some(None),
            Place::Works => state.take(task, self.cut.at_a_time).map(Some),
        };
        self.state.until(next).await
    }

    fn whole(&self, task: usize, took: Duration) {
        self.state.change(|state| {
            let worker = &mut state.workers[task];
            (worker.pieces, worker.time) = (worker.pieces + 1, worker.time + took);
            state.unfinished -= 1;
        });
    }

    fn nothing_more_of_it(&self) {
        self.state.change(|state| state.unfinished -= 1);
    }

    /// Ends the query, as a piece cannot be done: all who wait for rows are told why.
    fn give_up(&self, piece: Piece, error: DataFusionError) {
        let error = Arc::new(error);
        self.nothing_more_of_it();
        self.fail(&error);
        piece.end(Err(shared(&error)));
    }

    /// Has another worker do a piece whose worker was lost.
    fn put_back(&self, task: usize, mut piece: Piece, worker: Lost, error: DataFusionError) {
        piece.brought_down += 1;
        if piece.brought_down == MOST_BROUGHT_DOWN {
            let Lost { worker: last, message } = worker;
            let workers = MOST_BROUGHT_DOWN;
            self.give_up(piece, KCorrsetError::WorkersLost { workers, last, message }.into());
        } else {
            piece.call.begun_again.add(1);
            let of_task = piece.task;
            self.state.change(|state| state.waiting[of_task].push_front(piece));
        }
        self.lose(task, error);
    }

    /// Waits until the rest of a piece is read, if that does not keep others waiting and its worker is to do more.
    async fn read(&self, task: usize, mut reading: Reading) {
        while tokio::time::timeout(PATIENCE, &mut reading.over).await.is_err() {
            let state = self.state.look();
            let does_more = state.failed.is_none() && state.workers[task].place == Place::Works;
            let waits = state.waiting.iter().any(|waiting| !waiting.is_empty());
            if !does_more || waits && !reading.is_worker_asked() {
                return;
            }
        }
    }

    /// Asks a worker now and then for what is nothing, lest it forgets its plan during a long piece.
    async fn remind(&self, task: usize, mut worker: Connection) {
        let task_key = TaskKey { task_number: task, ..self.key };
        loop {
            tokio::time::sleep(REMIND).await;
            let call = self.state.until(|state| state.call.clone()).await;
            let nothing = call.ask(&mut worker, task_key, self.cut.pieces.nothing()).await;
            // What is wrong shows in the pieces.
            if let Ok(nothing) = nothing {
                nothing.for_each(|_| ready(())).await;
            }
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let undone = self.state.look().unfinished;
        self.progress.iter().for_each(|progress| progress.abandon_pieces(undone));
    }
}

/// A worker that was lost, and what the network says of it.
pub(super) struct Lost {
    worker: String,
    message: String,
}

/// Which worker was lost, if an error says so.
pub(super) fn lost(error: &DataFusionError) -> Option<Lost> {
    let DataFusionError::External(error) = error else { return None };
    match error.downcast_ref()? {
        KCorrsetError::WorkerLost { worker, message } => {
            Some(Lost { worker: worker.clone(), message: message.clone() })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::common::exec_datafusion_err;
    use datafusion::prelude::SessionContext;
    use datafusion_distributed::ProducerHead;

    fn loss(worker: usize) -> DataFusionError {
        let worker = format!("http://10.0.0.{worker}:7001/");
        KCorrsetError::WorkerLost { worker, message: "connection reset".to_string() }.into()
    }

    /// A stage of tasks of four pieces each, and the rows of the first task's pieces.
    fn stage(tasks: usize) -> (Stage, Vec<BoxStream<'static, Result<RecordBatch>>>) {
        let session = SessionContext::new();
        let key: TaskKey = TaskKey { query_id: Default::default(), stage_id: 1, task_number: 0 };
        let cut = Cut { pieces: Pieces { of_task: 4, tasks }, at_a_time: 2 };
        let stage = Stage::new(key, cut, session.task_ctx().session_config());
        (0..tasks).for_each(|task| stage.begin(task));
        let request = ExecuteTaskRequest {
            task_key: key,
            target_partition_start: 0,
            target_partition_end: 4,
            producer_head: ProducerHead::None,
        };
        let rows = stage.rows_of(HeaderMap::new(), &request, Default::default(), &session.task_ctx());
        (stage, rows)
    }

    fn lose_at_its_piece(stage: &Stage, task: usize) {
        let piece = stage.state.look().take(task, 2).unwrap();
        let error = loss(task);
        stage.put_back(task, piece, lost(&error).unwrap(), error);
    }

    #[tokio::test]
    async fn a_piece_that_brings_down_three_workers_ends_the_query() {
        let (stage, mut rows) = stage(5);
        // Those of the second and third worker are taken from the end, where the first's was put back in front.
        lose_at_its_piece(&stage, 0);
        let all: Vec<Piece> = stage.state.look().waiting[0].drain(1..).collect();
        lose_at_its_piece(&stage, 1);
        lose_at_its_piece(&stage, 2);
        let error = rows[0].next().await.unwrap().unwrap_err().to_string();
        assert!(
            error.contains(
                "k_corrset: 3 workers were lost one after the other, all of them at the same piece of the sweep, so it \
                 may be the piece that ends them; the last was the one at http://10.0.0.2:7001/ (connection reset); see \
                 in their logs why they ended"
            ),
            "{error}"
        );
        assert_eq!(all.len(), 3);
        assert!(stage.state.look().failed.is_some());
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_piece_is_told_though_all_workers_have_ended() {
        let (stage, rows) = stage(2);
        let pieces = [0, 1].map(|task| stage.state.look().take(task, 2).unwrap());
        assert!((0..2).all(|task| stage.leave(task)) && stage.state.look().failed.is_none());
        for (task, piece) in pieces.into_iter().enumerate() {
            stage.give_up(piece, exec_datafusion_err!("no index for {task}"));
            stage.lose(task, exec_datafusion_err!("it has ended"));
        }
        for mut rows in rows {
            let error = rows.next().await.unwrap().unwrap_err().to_string();
            assert!(error.contains("no index for"), "{error}");
        }
    }

    #[tokio::test]
    async fn the_loss_of_the_last_worker_ends_the_query() {
        let (stage, rows) = stage(2);
        stage.lose(0, loss(0));
        assert!(stage.state.look().failed.is_none());
        lose_at_its_piece(&stage, 1);
        for mut rows in rows {
            let error = rows.next().await.unwrap().unwrap_err().to_string();
            assert!(error.contains("lost the worker at http://10.0.0.1:7001/ before it had sent"), "{error}");
        }
        stage.state.look().unknown = 0;
        stage.over().await;
    }

    #[test]
    fn a_slow_worker_takes_none_of_the_last_pieces() {
        let (stage, _rows) = stage(3);
        let mut state = stage.state.look();
        // Nobody's pace is known.
        assert!((0..3).all(|task| state.is_in_time(task, 2)));
        for (task, seconds) in [(0, 1.0), (1, 8.0), (2, 1.0)] {
            let worker = &mut state.workers[task];
            (worker.pieces, worker.time) = (2, Duration::from_secs_f64(2.0 * seconds));
        }
        // The two others do four pieces a second, so they have done these four in two seconds.
        assert_eq!([0, 1, 2].map(|task| state.is_in_time(task, 2)), [true, false, true]);
        state.workers[2].place = Place::Lost;
        state.workers[0].time = Duration::from_secs(16);
        assert_eq!([0, 1].map(|task| state.is_in_time(task, 2)), [true, true]);
    }
}
