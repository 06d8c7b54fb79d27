//! What all sizes of sets have in common: the answers, and what is computed from them once.

use std::sync::{Arc, OnceLock};

use crate::index::Answers;
use crate::interest::{Interest, Unwanted};
use crate::search::moments::Moments;
use crate::sweep::kernel::select::Kernels;
use crate::sweep::simd::Instructions;
use crate::sweep::single::Singles;

/// Answers, and what sweeps and searches among them compute from.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) answers: Arc<Answers>,
    pub(crate) instructions: Instructions,
    /// For sets of any of the sizes.
    pub(crate) kernels: Arc<Kernels>,
    pub(crate) singles: Singles,
    moments: OnceLock<Moments>,
}

impl Ground {
    /// For sets of at most k questions, or for such as are summed by themselves.
    ///
    /// # Errors
    /// Nobody waits for it any longer.
    pub(crate) fn new(
        answers: Arc<Answers>,
        k: Option<usize>,
        instructions: Instructions,
        interest: Interest<'_>,
    ) -> Result<Self, Unwanted> {
        let kernels = Arc::new(match k {
            Some(k) => Kernels::new(&answers, k, instructions, interest)?,
            None => Kernels::without_tables(&answers, instructions),
        });
        let singles = Singles::new(Arc::clone(&answers), kernels.complete(), instructions);
        Ok(Self { answers, instructions, kernels, singles, moments: OnceLock::new() })
    }

    /// The moments of answers without gaps.
    pub(crate) fn moments(&self) -> &Moments {
        self.moments.get_or_init(|| Moments::of(&self.answers, self.instructions))
    }
}
