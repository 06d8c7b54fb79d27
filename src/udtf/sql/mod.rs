//! The call, as SQL or a DataFrame has it.

mod arguments;
mod dataframe;
mod deferred;
mod function;
mod planner;
mod resolve;
mod routines;

#[cfg(feature = "python")]
pub(crate) use arguments::Arguments;
pub use dataframe::KCorrsetExt;
#[cfg(feature = "python")]
pub(crate) use dataframe::sets_of;
pub use deferred::ResolveKCorrset;
pub use function::KCorrsetFunction;
pub use planner::KCorrsetPlanner;
