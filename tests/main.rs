//! All integration tests, in one binary: DataFusion takes long to link.

mod encodings;
mod execution;
mod laws;
mod layers;
mod resolution;
mod scripts;
mod slt;
mod support;

#[cfg(feature = "cli")]
mod prompt;
