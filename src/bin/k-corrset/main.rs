//! `k-corrset`: a DataFusion SQL prompt with the table function `k_corrset(table, k)`.
//!
//! All of it is in the library: what a program uses of DataFusion is compiled into it once more.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Faster than the system's where many threads allocate.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    datafusion_k_corrset::prompt::main()
}
