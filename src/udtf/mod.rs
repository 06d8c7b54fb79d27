//! The only layer that knows DataFusion: `k_corrset` as a table function and as a
//! method of DataFrames.
//!
//! ```text
//! function ──▶ resolve ──▶ provider ──▶ exec ──▶ prepare ──▶ stream ──▶ output
//! arguments    name →      schema,      plan     index,      workers,    batches
//! → request    table       scan         node     once        batches
//! ```

mod dataframe;
mod dynamic;
mod exec;
mod function;
mod options;
mod output;
mod prepare;
mod provider;
mod pushdown;
mod resolve;
mod settings;
mod stream;

use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use datafusion::prelude::SessionContext;

use crate::error::KCorrsetError;
use crate::index::BuildError;

pub use dataframe::KCorrsetExt;
pub use exec::KCorrsetExec;
pub use function::KCorrsetFunction;
pub use options::KCorrsetOptions;
pub use provider::KCorrsetTable;
pub use settings::KCorrsetSettings;

/// The function's name in SQL.
pub const NAME: &str = "k_corrset";

/// Makes `k_corrset` and its [settings](KCorrsetSettings) known to a session.
///
/// # Arguments
/// `ctx`: the session; an existing table function of that name is replaced.
///
/// # Errors
/// None at present; the signature leaves room.
pub fn register_all(ctx: &SessionContext) -> Result<()> {
    if ctx.state_ref().read().table_functions().contains_key(NAME) {
        log::debug!("the table function {NAME} is registered again");
    }
    let state = ctx.state_ref();
    let mut state = state.write();
    let settings = &mut state.config_mut().options_mut().extensions;
    if settings.get::<KCorrsetSettings>().is_none() {
        settings.insert(KCorrsetSettings::default());
    }
    drop(state);
    ctx.register_udtf(NAME, Arc::new(KCorrsetFunction));
    // DataFusion looks table functions up by the letters as they are written.
    ctx.register_udtf(&NAME.to_uppercase(), Arc::new(KCorrsetFunction));
    Ok(())
}

impl From<KCorrsetError> for DataFusionError {
    fn from(error: KCorrsetError) -> Self {
        match error {
            KCorrsetError::ArgumentCount { .. }
            | KCorrsetError::TableArgument { .. }
            | KCorrsetError::UnknownTable { .. }
            | KCorrsetError::TableNotReady { .. }
            | KCorrsetError::SubsetSizeType { .. }
            | KCorrsetError::SubsetSizeRange { .. }
            | KCorrsetError::MissingColumn { .. }
            | KCorrsetError::AmbiguousColumn { .. }
            | KCorrsetError::ScoreType { .. }
            | KCorrsetError::KeyType { .. }
            | KCorrsetError::OptionsArgument { .. }
            | KCorrsetError::UnknownOption { .. }
            | KCorrsetError::UnknownKernel { .. }
            | KCorrsetError::OptionValue { .. }
            | KCorrsetError::IncludedAndExcluded { .. } => Self::Plan(error.to_string()),
            KCorrsetError::NullKey { .. }
            | KCorrsetError::ScoreNotFinite { .. }
            | KCorrsetError::DuplicateAnswer { .. }
            | KCorrsetError::UnknownQuestion { .. }
            | KCorrsetError::TooManySubsets { .. }
            | KCorrsetError::TooManyKeys { .. }
            | KCorrsetError::ScoresTooWide { .. }
            | KCorrsetError::Worker { .. } => Self::External(Box::new(error)),
        }
    }
}

impl From<BuildError> for DataFusionError {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Input(error) => error.into(),
            BuildError::Arrow(error) => error.into(),
        }
    }
}
