//! r of any set without a look at its users.

use std::fmt::Debug;
use std::sync::Arc;

use crate::sweep::pearson::Correlation;
use crate::sweep::position::Position;
use crate::sweep::simd::Instructions;
use crate::sweep::walk::ScoreKernel;

/// What is known of answers without gaps, for sets of up to so many questions.
pub(crate) trait Lookup: Debug + Send + Sync {
    /// r of a set, with the bits that a sweep gives it.
    fn correlation(&self, set: &[Position], corrected: bool) -> Correlation;

    /// The kernel for sets that have the fixed questions.
    fn root(self: Arc<Self>, instructions: Instructions, fixed: &[Position]) -> Box<dyn ScoreKernel>;
}
