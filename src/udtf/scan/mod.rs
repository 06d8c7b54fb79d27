//! The table that a call stands for, and which filters of a query reach into it.

pub(crate) mod aggregate_filters;
pub(crate) mod provider;
pub(crate) mod pushdown;
