//! The session that something registered in it belongs to, which it must not keep alive.

use datafusion::common::plan_datafusion_err;
use datafusion::datasource::dynamic_file::DynamicListTableFactory;
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::prelude::SessionContext;

/// A session, as long as its owner keeps it. DataFusion's own factory of tables knows how.
#[derive(Debug)]
pub(super) struct ThisSession(DynamicListTableFactory);

/// What of a session is asked for.
pub(super) struct State(pub(super) SessionState);

impl ThisSession {
    pub(super) fn of(ctx: &SessionContext) -> Self {
        let session = Self(DynamicListTableFactory::default());
        session.0.session_store().with_state(ctx.state_weak_ref());
        session
    }

    /// What the session is now.
    ///
    /// # Errors
    /// It has ended.
    pub(super) fn state(&self) -> Result<State> {
        let session = self.0.session_store().get_session().upgrade();
        let state =
            session.and_then(|session| session.read().as_any().downcast_ref::<SessionState>().cloned());
        state.map(State).ok_or_else(|| plan_datafusion_err!("the session has ended"))
    }
}

impl State {
    /// Names of the tables that a bare name may mean.
    pub(super) fn tables(&self) -> Vec<String> {
        let defaults = &self.0.config_options().catalog;
        let catalog = self.0.catalog_list().catalog(&defaults.default_catalog);
        let schema = catalog.and_then(|catalog| catalog.schema(&defaults.default_schema));
        schema.map(|schema| schema.table_names()).unwrap_or_default()
    }
}
