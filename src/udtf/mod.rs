//! `k_corrset` in DataFusion: a table function, and a method of DataFrames.
//!
//! ```text
//!  sql/    SQL                                       DataFrame
//!           │                                            │ dataframe
//!        planner    the call as it is written            │
//!           │   │ with placeholders                      │
//!           │   ▼                                        │
//!           │ deferred    a node until they are bound    │
//!           ▼   ▼                                        │
//!        arguments    expressions → k, options           │
//!           │                                            │
//!  scan/    └────────▶ provider    columns, schema ◀─────┘
//!                         │  pushdown    filters → what the sweep knows
//!                         │  aggregate_filters    where dynamic filters are right
//!  exec/                  ▼
//!                       node      the plan node
//!                         ▼
//!                      stream     the rows of a partition ◀── output             rows → batches
//!                         ▼
//!                      worker     a share, in time slices ◀── dynamic_filters    bounds that rise
//!                         ▼
//!                      prepare    index and plan of each part, once for all streams ◀── given_sets    lists → ids
//!                         ▼
//!                      reader     batches → index
//! ```
//!
//! Imports go down in this picture and never up; `request`, `asked_sets` and `options` are what is handed down,
//! `settings` what a session sets. `exec::distribution` is what an engine that runs plans in several
//! processes has to implement, and `distributed` implements it.
//!
//! What an error tells to write instead comes from `advice`, which knows the call's table, in the
//! `spelling` of the session's dialect; from a look at `text_scores`, at `duplicates`, and at names
//! that are `near`.
//!
//! # Extending DataFusion: which hook does what
//!
//! A table function that is more than a name and a few literals needs several hooks, and each
//! does something that no other can:
//!
//! | hook | what it is for | where |
//! |---|---|---|
//! | [`TableFunctionImpl`] | Works in every host, also where only functions can be registered. Is given literals, and names as columns; no subquery, no `name => value`, no `$1`. | `function` |
//! | [`RelationPlanner`] | Sees each relation of a FROM clause as the parser left it, at any depth, and may plan parts of it: subqueries, common table expressions, named arguments. Is not given the session; gets at its catalogs by way of the table function. Fills in what `SHOW FUNCTIONS` says. | `planner`, `routines` |
//! | [`UserDefinedLogicalNodeCore`] and [`AnalyzerRule`] | The node holds a place in the plan until parameters are bound in its expressions and in its input; the rule puts a table scan there before the optimizer runs. So no planner of physical plans is needed, of which a session has only one. | `deferred` |
//! | [`TableProvider`] | Is offered the filters that are there at planning, columns and limit, and says for each filter whether DataFusion has to look again. | `provider`, `pushdown` |
//! | [`ExecutionPlan`] | Is handed the filters that arise while the query runs. Partitions, metrics, EXPLAIN, memory, cancellation. | `exec` |
//! | another [`AnalyzerRule`] | Sees the whole plan before it is a physical one: here, whose filters may reach a sweep. | `aggregate_filters` |
//! | [`ConfigExtension`] | `SET` and `SHOW`. | `settings` |
//!
//! [`register_all`] registers them. In a session that has the function alone, calls with names
//! and literals work the same, but for filters that arise while the query runs.
//!
//! Four rules that cost something to learn:
//!
//! 1. *Planning is synchronous, catalogs are not.* DataFusion looks up the tables of a query
//!    before it plans, but does not see those that are arguments of a function. Blocking a
//!    thread of the runtime until the catalog has answered deadlocks a runtime of one. So a
//!    catalog is asked once; one that is not ready is waited for only where other threads go
//!    on; and where none does, an error names the form that needs no waiting, a subquery.
//! 2. *A table provider does not keep the session.* The session keeps its catalogs, these the
//!    views, and they the provider: the session would never be dropped. Whatever is needed of
//!    it comes with each call.
//! 3. *A filter is exact or it is not.* `Exact` takes the filter out of the plan, so it has to
//!    hold for every row, also for NULL, NaN and -0. Everything else is `Inexact`, and costs
//!    little: DataFusion looks at rows that mostly pass.
//! 4. *What is counted off or chosen must not be filtered before.* A node that stops after the
//!    rows of a LIMIT, or keeps the rows of `top`, takes no filter from above.
//!
//! [`TableFunctionImpl`]: datafusion::catalog::TableFunctionImpl
//! [`RelationPlanner`]: datafusion::logical_expr::planner::RelationPlanner
//! [`UserDefinedLogicalNodeCore`]: datafusion::logical_expr::UserDefinedLogicalNodeCore
//! [`AnalyzerRule`]: datafusion::optimizer::AnalyzerRule
//! [`TableProvider`]: datafusion::catalog::TableProvider
//! [`ExecutionPlan`]: datafusion::physical_plan::ExecutionPlan
//! [`ConfigExtension`]: datafusion::config::ConfigExtension

mod advice;
mod asked_sets;
mod bounded_errors;
#[cfg(feature = "distributed")]
mod distributed;
mod exec;
mod options;
mod register;
mod request;
mod scan;
mod set_sizes;
mod settings;
mod sql;
mod values;

use datafusion::error::DataFusionError;

use crate::error::KCorrsetError;
use crate::index::BuildError;

#[cfg(feature = "python")]
pub(crate) use advice::frames::{Data, Language};
#[cfg(any(feature = "cli", feature = "python"))]
pub(crate) use advice::near::near;
#[cfg(feature = "python")]
pub(crate) use advice::spelling::Spelling;
#[cfg(feature = "python")]
pub(crate) use asked_sets::sets_of_table;
#[cfg(all(feature = "cli", feature = "distributed"))]
pub(crate) use distributed::caller;
#[cfg(feature = "distributed")]
pub use distributed::{
    ClusterSecret, DistributeSweeps, Guard, KCorrsetCodec, NamedWorkers, SharedInputExec, with_k_corrset,
};
#[cfg(feature = "python")]
pub(crate) use exec::panics::{caught, panic_error};
#[cfg(feature = "python")]
pub(crate) use exec::reader::NO_ROWS;
pub use exec::{KCorrsetExec, Notices};
#[cfg(feature = "python")]
pub(crate) use options::rules::SETS;
pub use options::{KCorrsetOptions, SearchMode};
pub use register::{SessionStateBuilderKCorrset, register_all};
pub use scan::aggregate_filters::AllowDynamicFilters;
pub use scan::provider::KCorrsetTable;
pub use set_sizes::SetSizes;
pub use settings::KCorrsetSettings;
#[cfg(feature = "python")]
pub(crate) use sql::Arguments;
#[cfg(feature = "python")]
pub(crate) use sql::sets_of;
pub use sql::{KCorrsetExt, KCorrsetFunction, KCorrsetPlanner, ResolveKCorrset};

/// The function's name in SQL.
pub const NAME: &str = "k_corrset";

impl From<KCorrsetError> for DataFusionError {
    fn from(error: KCorrsetError) -> Self {
        match error {
            KCorrsetError::ArgumentCount { .. }
            | KCorrsetError::TableArgument { .. }
            | KCorrsetError::UnknownTable { .. }
            | KCorrsetError::TableNotReady { .. }
            | KCorrsetError::SubsetSizeType { .. }
            | KCorrsetError::SubsetSizeRange { .. }
            | KCorrsetError::SetsType { .. }
            | KCorrsetError::SetsOption { .. }
            | KCorrsetError::HeuristicWithoutTop
            | KCorrsetError::ExactOption { .. }
            | KCorrsetError::CorrectedCriterion { .. }
            | KCorrsetError::PartitionName { .. }
            | KCorrsetError::MissingColumn { .. }
            | KCorrsetError::NoAnswerColumns { .. }
            | KCorrsetError::NoQuestionColumns { .. }
            | KCorrsetError::WideScoreTypes { .. }
            | KCorrsetError::WideOption { .. }
            | KCorrsetError::AmbiguousColumn { .. }
            | KCorrsetError::NumberType { .. }
            | KCorrsetError::NumberExtensionType { .. }
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
            | KCorrsetError::QuestionType { .. }
            | KCorrsetError::IncludedAndExcluded { .. } => Self::Plan(error.to_string()),
            KCorrsetError::ScoreText { .. }
            | KCorrsetError::NullKey { .. }
            | KCorrsetError::ScoreNotFinite { .. }
            | KCorrsetError::ColumnNotFinite { .. }
            | KCorrsetError::InPartition { .. }
            | KCorrsetError::GivenSet { .. }
            | KCorrsetError::CriterionNotFinite { .. }
            | KCorrsetError::CriterionTwice { .. }
            | KCorrsetError::DuplicateAnswer { .. }
            | KCorrsetError::DuplicateUser { .. }
            | KCorrsetError::UnknownQuestion { .. }
            | KCorrsetError::BatchSchema { .. }
            | KCorrsetError::TooManyKeys { .. }
            | KCorrsetError::ScoresTooWide { .. }
            | KCorrsetError::ClusterSecret { .. }
            | KCorrsetError::WorkerRefused { .. }
            | KCorrsetError::WorkerVersion { .. }
            | KCorrsetError::WorkerLost { .. }
            | KCorrsetError::WorkersLost { .. }
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
