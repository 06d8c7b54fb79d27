//! What a sweep comes to: subsets with their r and n, or the best of them.

pub(crate) mod buffer;
pub(crate) mod sink;
pub(crate) mod top;
