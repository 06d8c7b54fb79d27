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
use crate::udtf::request::KCorrsetRequest;

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

/// The extension of a session that belongs to a cluster.
#[derive(Debug)]
pub(crate) struct Distributed(pub(crate) Arc<dyn Distribution>);

/// How a session shares out sweeps, if it does.
pub(crate) fn distribution_of(config: &SessionConfig) -> Option<Arc<dyn Distribution>> {
    Some(Arc::clone(&config.get_extension::<Distributed>()?.0))
}
