//! The part of `datafusion-k-corrset` that knows neither SQL nor DataFusion.
//!
//! It compiles in a minute, and so for processors that this one is not.

#[path = "../../../src/compensated.rs"]
mod compensated;
#[path = "../../../src/error/mod.rs"]
pub mod error;
#[path = "../../../src/index/mod.rs"]
pub mod index;
#[path = "../../../src/interest.rs"]
mod interest;
#[path = "../../../src/search/mod.rs"]
pub mod search;
#[path = "../../../src/sweep/mod.rs"]
pub mod sweep;
