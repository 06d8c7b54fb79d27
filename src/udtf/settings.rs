//! What a session can set: `SET k_corrset.kernel = 'avx2'`.

use datafusion::catalog::Session;
use datafusion::common::extensions_options;
use datafusion::config::{ConfigExtension, ConfigOptions};

use crate::error::KCorrsetError;
use crate::sweep::Instructions;

extensions_options! {
    /// Settings of a session that has registered `k_corrset`. `SHOW ALL` lists them where
    /// the session has an information schema.
    pub struct KCorrsetSettings {
        /// Which of the processor's instructions a sweep uses: `best`, or the name of one
        /// of those that it has, such as `avx512`, `avx2` or `portable`. The answers are
        /// the same bits with each.
        pub kernel: String, default = "best".to_string()

        /// How many threads sweep; 0 for as many as `datafusion.execution.target_partitions`.
        /// The answers are the same bits with any number.
        pub threads: usize, default = 0

        /// The most rows of a batch; 0 for as many as `datafusion.execution.batch_size`.
        pub batch_size: usize, default = 0

        /// Whether the sweep takes over filters of the query, and those that arise while
        /// it runs. Without, DataFusion applies them to the rows of all sets.
        pub pushdown: bool, default = true
    }
}

impl ConfigExtension for KCorrsetSettings {
    const PREFIX: &'static str = "k_corrset";
}

impl KCorrsetSettings {
    /// A session's settings, or the defaults in one that has none.
    pub(crate) fn of(options: &ConfigOptions) -> Self {
        options.extensions.get::<Self>().cloned().unwrap_or_default()
    }

    fn instructions(&self) -> Result<Instructions, KCorrsetError> {
        let name = self.kernel.as_str();
        if name.eq_ignore_ascii_case("best") {
            return Ok(Instructions::best());
        }
        let available = Instructions::available();
        let found = available.iter().find(|instructions| instructions.name().eq_ignore_ascii_case(name));
        found.copied().ok_or_else(|| KCorrsetError::UnknownKernel {
            name: name.to_string(),
            valid: available.iter().map(|instructions| instructions.name().to_string()).collect(),
        })
    }
}

/// How a plan node sweeps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SweepSettings {
    /// Threads that sweep.
    pub(crate) threads: usize,
    /// What they use of their processor.
    pub(crate) instructions: Instructions,
    /// The most rows of a batch, if not as many as in the rest of the session.
    pub(crate) batch_size: Option<usize>,
}

impl SweepSettings {
    /// What a session has set.
    ///
    /// # Errors
    /// [`KCorrsetError::UnknownKernel`] for a name that is none, or none that this
    /// processor has.
    pub(crate) fn of(session: &dyn Session) -> Result<Self, KCorrsetError> {
        let settings = KCorrsetSettings::of(session.config_options());
        let given = |number: usize| (number > 0).then_some(number);
        Ok(Self {
            threads: given(settings.threads).unwrap_or(session.config().target_partitions()),
            instructions: settings.instructions()?,
            batch_size: given(settings.batch_size),
        })
    }
}
