//! Registering `k_corrset` leaves a session as it is, by DataFusion's own word.
//!
//! Two proofs, one after the other:
//!
//! * [`sessions`] looks at all parts of fresh sessions before and after [`register_all`], in
//!   sessions as they are and in those with Spark's functions.
//! * [`suite`] runs the SQL logic tests that DataFusion tests itself with, in sessions as they are
//!   and in sessions with the function registered, and [`compare`] holds what each statement gave
//!   in one beside what it gave in the other. What may differ is listed in [`accepted`].
//!
//! The command ends with an error if anything else differs. It takes minutes, and the build takes
//! more, so it is not part of `cargo test`:
//!
//! ```text
//! cargo run --release --manifest-path tests/datafusion-suite/Cargo.toml
//! ```
//!
//! [`register_all`]: datafusion_k_corrset::register_all

mod accepted;
mod compare;
mod files;
mod report;
#[path = "../../session_parts.rs"]
mod session_parts;
mod sessions;
mod suite;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Stack of each thread: some statements of the suite are nested deeply, and code that is compiled
/// quickly takes more of the stack.
const STACK_BYTES: usize = 32 << 20;

/// DataFusion's own SQL logic tests, with `k_corrset` registered and without.
#[derive(Debug, Parser)]
struct Options {
    /// A folder with DataFusion's test data, `testing/data` and `parquet-testing/data` in it, as
    /// in a checkout of DataFusion. The files come without; statements that read the data give the
    /// same error in all sessions then.
    #[arg(long)]
    data: Option<PathBuf>,
    /// How often to run the suite.
    #[arg(long, default_value_t = 1)]
    runs: usize,
    /// Only files whose path has one of these in it.
    filters: Vec<String>,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let options = Options::parse();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK_BYTES).build()?;
    runtime.block_on(async {
        sessions::stay_as_they_are().await;
        let workspace = files::Workspace::new(options.data.as_deref())?;
        let mut harmless = true;
        for run in 1..=options.runs {
            println!("\nRun {run} of {}", options.runs);
            let report = suite::run(&workspace, &options.filters).await?;
            print!("{report}");
            harmless &= report.unexpected.is_empty();
        }
        Ok(if harmless { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}
