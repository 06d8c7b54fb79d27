//! What an engine that runs a plan in several processes has to say of a sweep.
//!
//! Nothing else here knows of such an engine: a session that belongs to one has it among its
//! extensions.

use std::fmt;
use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::execution::config::SessionConfig;
use datafusion::physical_plan::ExecutionPlan;
use futures::future::BoxFuture;

use crate::index::AnswerIndex;
use crate::udtf::exec::reader::Reader;
use crate::udtf::request::{KCorrsetRequest, PartitionId};

/// How sweeps are shared out among processes.
pub(crate) trait Distribution: fmt::Debug + Send + Sync {
    /// Which of how many tasks sweeps this input, as seen from within one of them.
    fn task_of(&self, input: &Arc<dyn ExecutionPlan>, context: &Arc<TaskContext>) -> (usize, usize);

    /// The index of an input that this process does not read itself, or not as it stands; none of any
    /// other.
    fn index_of<'a>(
        &self,
        input: &'a Arc<dyn ExecutionPlan>,
        request: &'a KCorrsetRequest,
        context: &'a Arc<TaskContext>,
        reader: &'a Reader,
    ) -> Option<BoxFuture<'a, Result<AnswerIndex>>>;

    /// The session as one whose plans are not shared out, if this one's are.
    fn in_one_task(&self, session: &dyn Session) -> Option<Arc<dyn Session>>;
}

/// The pieces that the sweep of a task is cut into, where workers share pieces out while they run: each
/// is a partition of the plan node, and swept by one thread.
///
/// A search is not cut, as those who search tell each other what they have found. The first of the
/// pieces of a task has all of its search, and the others nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "distributed"), expect(dead_code, reason = "one process has no tasks"))]
pub(crate) struct Pieces {
    /// How many a task has.
    pub(crate) of_task: usize,
    /// The tasks whose pieces the node has: its own alone, or all of them, one task's after the other's.
    pub(crate) tasks: usize,
}

impl Pieces {
    /// How many partitions the node has: its pieces, and where they are those of all tasks one without rows,
    /// for a worker to be asked for without having to do anything.
    pub(crate) fn partitions(self) -> usize {
        self.nothing() + usize::from(self.tasks > 1)
    }

    /// The partition without rows.
    pub(crate) fn nothing(self) -> usize {
        self.of_task * self.tasks
    }

    /// What a partition is, in a node of this task of so many.
    pub(crate) fn partition(self, partition: usize, task: usize, tasks: usize) -> PartitionId {
        let task = if self.tasks > 1 { partition / self.of_task } else { task };
        PartitionId { partition: partition % self.of_task, partitions: self.of_task, task, tasks }
    }
}

/// The extension of a session that belongs to a cluster.
#[derive(Debug)]
pub(crate) struct Distributed(pub(crate) Arc<dyn Distribution>);

/// How a session shares out sweeps, if it does.
pub(crate) fn distribution_of(config: &SessionConfig) -> Option<Arc<dyn Distribution>> {
    Some(Arc::clone(&config.get_extension::<Distributed>()?.0))
}
