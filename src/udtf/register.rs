//! Making `k_corrset` known to a session.
//!
//! Everything is added to what the session has, and nothing is built anew: a state that is built
//! from another loses the order in which its functions were registered, and with it which of two
//! functions has a name that both claim.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use datafusion::catalog::TableFunction;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::optimizer::AnalyzerRule;
use datafusion::prelude::SessionContext;

use crate::udtf::NAME;
use crate::udtf::scan::aggregate_filters::AllowDynamicFilters;
use crate::udtf::settings::KCorrsetSettings;
use crate::udtf::sql::{KCorrsetFunction, KCorrsetPlanner, ResolveKCorrset};

/// Makes `k_corrset` and its [settings](KCorrsetSettings) known to a session.
///
/// Nothing else of the session changes: its functions, rules, settings and prepared statements
/// stay as they are. A session that is yet to be built takes
/// [`with_k_corrset_features`](SessionStateBuilderKCorrset::with_k_corrset_features) instead.
///
/// # Arguments
/// `ctx`: the session; an existing table function of that name is replaced.
///
/// # Errors
/// None at present; the signature leaves room.
pub fn register_all(ctx: &SessionContext) -> Result<()> {
    let known = is_known(ctx.state_ref().read().table_functions());
    if known {
        log::debug!("the table function {NAME} is registered again");
    } else {
        ctx.register_relation_planner(Arc::new(KCorrsetPlanner))?;
        for rule in analyzer_rules() {
            ctx.add_analyzer_rule(rule);
        }
        add_settings(ctx.state_ref().write().config_mut().options_mut());
    }
    ctx.register_udtf(NAME, Arc::new(KCorrsetFunction));
    Ok(())
}

/// What `k_corrset` adds to DataFusion's [`SessionStateBuilder`].
pub trait SessionStateBuilderKCorrset: Sized {
    /// Makes `k_corrset` and its [settings](KCorrsetSettings) known to the session that is built.
    ///
    /// Like [`register_all`], it leaves everything else as it is. It comes after
    /// [`with_config`](SessionStateBuilder::with_config), which would replace the settings, and
    /// after whatever replaces all analyzer rules or relation planners.
    ///
    /// ```
    /// use datafusion::execution::SessionStateBuilder;
    /// use datafusion::prelude::*;
    /// use datafusion_k_corrset::SessionStateBuilderKCorrset;
    ///
    /// let state = SessionStateBuilder::new().with_default_features().with_k_corrset_features().build();
    /// let ctx = SessionContext::new_with_state(state);
    /// assert!(ctx.state().table_functions().contains_key("k_corrset"));
    /// ```
    #[must_use]
    fn with_k_corrset_features(self) -> Self;
}

impl SessionStateBuilderKCorrset for SessionStateBuilder {
    fn with_k_corrset_features(mut self) -> Self {
        let functions = self.table_functions().get_or_insert_with(HashMap::new);
        let known = is_known(functions);
        let function = TableFunction::new(NAME.to_string(), Arc::new(KCorrsetFunction));
        functions.insert(NAME.to_string(), Arc::new(function));
        if known {
            return self;
        }
        add_settings(self.config().get_or_insert_with(Default::default).options_mut());
        self.relation_planners().get_or_insert_with(Vec::new).insert(0, Arc::new(KCorrsetPlanner));
        analyzer_rules().into_iter().fold(self, Self::with_analyzer_rule)
    }
}

/// Whether these are the functions of a session that knows ours, and no other of its name.
fn is_known(functions: &HashMap<String, Arc<TableFunction>>) -> bool {
    let ours = |function: &Arc<TableFunction>| {
        let function: &dyn Any = function.function().as_ref();
        function.is::<KCorrsetFunction>()
    };
    functions.get(NAME).is_some_and(ours)
}

/// In the order in which they have to run.
fn analyzer_rules() -> [Arc<dyn AnalyzerRule + Send + Sync>; 2] {
    [Arc::new(ResolveKCorrset), Arc::new(AllowDynamicFilters)]
}

/// Adds the settings with their defaults, unless the host has set some already.
fn add_settings(options: &mut ConfigOptions) {
    if options.extensions.get::<KCorrsetSettings>().is_none() {
        options.extensions.insert(KCorrsetSettings::default());
    }
}
