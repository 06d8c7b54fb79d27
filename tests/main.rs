//! All integration tests, in one binary: DataFusion takes long to link.

mod advice;
mod circles;
mod criterion;
mod decimals;
mod dialects;
mod differential;
mod encodings;
mod execution;
mod extensions;
mod fuzz;
mod given_sets;
mod kernels;
mod laws;
mod layers;
mod numerics;
mod options;
mod partitions;
mod pushdown;
mod quotas;
mod registration;
mod reliability;
mod resolution;
mod scripts;
mod search;
mod session_parts;
mod slt;
mod statistics;
mod support;
mod wide;

#[cfg(all(feature = "cli", feature = "distributed", target_os = "linux"))]
mod access;
#[cfg(feature = "cli")]
mod delimited;
#[cfg(all(feature = "cli", feature = "distributed", target_os = "linux"))]
mod distributed;
#[cfg(all(feature = "cli", feature = "distributed", target_os = "linux"))]
mod falls;
#[cfg(feature = "cli")]
mod file_errors;
#[cfg(feature = "cli")]
mod files;
#[cfg(all(feature = "cli", feature = "distributed", target_os = "linux"))]
mod limits;
#[cfg(feature = "cli")]
mod output;
#[cfg(feature = "cli")]
mod prompt;
