//! The only layer that knows DataFusion: `k_corrset` as a table function and as a
//! method of DataFrames.
//!
//! ```text
//! function ──▶ resolve ──▶ provider ──▶ exec ──▶ prepare ──▶ stream ──▶ output
//! arguments    name →      schema,      plan     index,      workers,    batches
//! → request    table       scan         node     once        batches
//! ```

mod arguments;
mod dataframe;
mod dynamic;
mod exec;
mod function;
mod guard;
mod options;
mod output;
mod parked;
mod planner;
mod prepare;
mod provider;
mod pushdown;
mod resolve;
mod settings;
mod stream;

use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::SessionContext;

use crate::error::KCorrsetError;
use crate::index::BuildError;
use crate::udtf::function::{TABLE_NAMED, TableNamed};

pub use dataframe::KCorrsetExt;
pub use exec::KCorrsetExec;
pub use function::KCorrsetFunction;
pub use guard::SingleAggregateFilters;
pub use options::KCorrsetOptions;
pub use parked::ResolveKCorrset;
pub use planner::KCorrsetPlanner;
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
    let known = ctx.state_ref().read().table_functions().contains_key(TABLE_NAMED);
    if known {
        log::debug!("the table function {NAME} is registered again");
    }
    if !known {
        ctx.register_relation_planner(Arc::new(KCorrsetPlanner))?;
        ctx.add_analyzer_rule(Arc::new(ResolveKCorrset));
        let state = ctx.state_ref();
        let mut state = state.write();
        if state.config().options().extensions.get::<KCorrsetSettings>().is_none() {
            state.config_mut().options_mut().extensions.insert(KCorrsetSettings::default());
        }
        // There is no other way to add a rule to a session that is there already.
        let with_rule = SessionStateBuilder::new_from_existing(state.clone())
            .with_session_id(state.session_id().to_string())
            .with_physical_optimizer_rule(Arc::new(SingleAggregateFilters));
        *state = with_rule.build();
    }
    ctx.register_udtf(TABLE_NAMED, Arc::new(TableNamed));
    ctx.register_udtf(NAME, Arc::new(KCorrsetFunction));
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
            | KCorrsetError::OptionTwice { .. }
            | KCorrsetError::Argument { .. }
            | KCorrsetError::Modifier { .. }
            | KCorrsetError::Correlated
            | KCorrsetError::Unbound { .. }
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
