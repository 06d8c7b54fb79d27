//! The tests of the kernels, the laws and the search, on whatever processor this is.

#[path = "../kernels.rs"]
mod kernels;
#[path = "../laws.rs"]
mod laws;
#[path = "../numerics.rs"]
mod numerics;
#[path = "../quotas.rs"]
mod quotas;
#[path = "../search.rs"]
mod search;
#[path = "../support/mod.rs"]
mod support;
