//! What a session can set: `SET k_corrset.instructions = 'avx2'`.

use datafusion::common::extensions_options;
use datafusion::config::{ConfigExtension, ConfigOptions};

use crate::error::KCorrsetError;
use crate::sweep::Instructions;

extensions_options! {
    /// Settings of a session that has registered `k_corrset`.
    pub struct KCorrsetSettings {
        /// Which of the processor's instructions a sweep uses: `best`, or the name of one
        /// of those that it has, such as `avx512`, `avx2` or `portable`. The answers are
        /// the same bits with each.
        pub instructions: String, default = "best".to_string()
    }
}

impl ConfigExtension for KCorrsetSettings {
    const PREFIX: &'static str = "k_corrset";
}

impl KCorrsetSettings {
    /// The instructions to use in a session; the best where nothing is set.
    ///
    /// # Errors
    /// [`KCorrsetError::UnknownInstructions`] for a name that is none, or none that this
    /// processor has.
    pub(crate) fn instructions(options: &ConfigOptions) -> Result<Instructions, KCorrsetError> {
        let Some(settings) = options.extensions.get::<Self>() else { return Ok(Instructions::best()) };
        let name = settings.instructions.as_str();
        if name.eq_ignore_ascii_case("best") {
            return Ok(Instructions::best());
        }
        let available = Instructions::available();
        let found = available.iter().find(|instructions| instructions.name().eq_ignore_ascii_case(name));
        found.copied().ok_or_else(|| KCorrsetError::UnknownInstructions {
            name: name.to_string(),
            valid: available.iter().map(|instructions| instructions.name().to_string()).collect(),
        })
    }
}
