//! What a plan node reads.

use std::sync::Arc;

use datafusion::common::internal_err;
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;

/// What a plan node reads.
#[derive(Debug, Clone)]
pub(crate) struct Inputs {
    /// The table of answers.
    pub(crate) answers: Arc<dyn ExecutionPlan>,
    /// The sets, a list of questions in each row, where they are given.
    pub(crate) sets: Option<Arc<dyn ExecutionPlan>>,
}

impl Inputs {
    /// All of them, in a fixed order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<dyn ExecutionPlan>> {
        std::iter::once(&self.answers).chain(&self.sets)
    }

    /// The inputs that stand in this order.
    ///
    /// # Errors
    /// They are not as many.
    pub(crate) fn of(inputs: &[Arc<dyn ExecutionPlan>], given: bool) -> Result<Self> {
        match inputs {
            [answers] if !given => Ok(Self { answers: Arc::clone(answers), sets: None }),
            [answers, sets] if given => {
                Ok(Self { answers: Arc::clone(answers), sets: Some(Arc::clone(sets)) })
            }
            other => internal_err!(
                "KCorrsetExec reads a table, and sets where they are given; got {}",
                other.len()
            ),
        }
    }
}
