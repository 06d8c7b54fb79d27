//! `k-corrset`: a DataFusion SQL prompt with the table function `k_corrset(table, k)`.

mod args;
mod cluster;
mod progress;
mod session;
mod watched;

use std::env;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use datafusion::DATAFUSION_VERSION;
use datafusion_cli::exec::{exec_from_commands, exec_from_repl};
use mimalloc::MiMalloc;

use crate::args::Args;

/// Faster than the system's where many threads allocate.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Parses the command line, runs what it asks for, and reports how that went.
#[tokio::main]
async fn main() -> ExitCode {
    match run(&Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("k-corrset: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves as a worker, or runs the scripts, and then the prompt unless the scripts stand in
/// for it.
async fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    if let Some(address) = args.serve {
        return cluster::serve(address, session::runtime(args, Arc::default())?).await;
    }
    // Read first: their paths are relative to where the command was typed.
    let scripts = args.scripts()?;
    if let Some(path) = &args.data_path {
        env::set_current_dir(path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let (session, mut print) = session::open(args).await?;
    if args.is_interactive() && !args.quiet {
        println!("k-corrset {} on DataFusion {DATAFUSION_VERSION}", env!("CARGO_PKG_VERSION"));
    }
    for script in scripts {
        // Unlike datafusion-cli's way of running files, this one stops at an error.
        let ran = exec_from_commands(&session, vec![script.sql], &print).await;
        ran.map_err(|error| match script.path {
            Some(path) => format!("{}: {error}", path.display()),
            None => error.to_string(),
        })?;
    }
    if args.is_interactive() {
        exec_from_repl(&session, &mut print).await?;
    }
    Ok(())
}
