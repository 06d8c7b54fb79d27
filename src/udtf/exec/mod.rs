//! The plan node, and what runs when it is executed.

pub(crate) mod distribution;
mod dynamic_filters;
mod given_sets;
pub(crate) mod inputs;
pub(crate) mod node;
mod notices;
pub(crate) mod output;
pub(crate) mod panics;
mod prepare;
pub(crate) mod reader;
mod slices;
mod stream;
mod subsets_metric;
mod unknown_question;
mod worker;

pub use node::KCorrsetExec;
pub use notices::Notices;
