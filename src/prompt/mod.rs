//! The program `k-corrset`: a SQL prompt of DataFusion's with the table function.
//!
//! ```text
//! args ──▶ session ──▶ statements ──▶ output
//!             │           ▲     │
//!          stores       repl   stdin
//! ```
//!
//! * `args`: the command line, and the SQL that it names.
//! * `access`: who may use a worker of a cluster, and which workers are believed; `queries`: how many it has at
//!   once.
//! * `session`: the session that the command line asks for; `stores` has the places of its tables, `confined`
//!   those of a worker.
//! * `statements`: SQL is run, and its rows go to `output` as they come.
//! * `repl`: lines are read at a terminal, by `line`, and run.

mod access;
mod args;
mod builds;
#[cfg(feature = "cloud")]
mod cloud;
#[cfg(feature = "distributed")]
mod cluster;
mod confined;
mod line;
#[cfg(feature = "distributed")]
mod log;
mod output;
mod progress;
#[cfg(feature = "distributed")]
mod queries;
mod repl;
mod session;
mod statements;
mod stdin;
mod stores;
mod syntax;

use std::env;
use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use datafusion::DATAFUSION_VERSION;

use crate::prompt::args::Args;
use crate::prompt::output::{Unwritten, complain, error_text, say};

/// The exit code where whoever read the results has gone: what a shell says of a program that
/// the signal for it has ended.
const CLOSED_PIPE: u8 = 128 + 13;

/// Parses the command line, runs what it asks for, and reports how that went.
#[tokio::main]
pub async fn main() -> ExitCode {
    let Err(error) = run(&Args::parse()).await else { return ExitCode::SUCCESS };
    match Unwritten::find(&*error) {
        Some(unwritten) if unwritten.is_closed() => return CLOSED_PIPE.into(),
        Some(unwritten) => complain(format_args!("k-corrset: {unwritten}")),
        None => complain(format_args!("k-corrset: {}", error_text(&*error))),
    }
    ExitCode::FAILURE
}

/// Serves as a worker, or runs the scripts, and then the prompt unless the scripts stand in
/// for it.
async fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    #[cfg(feature = "distributed")]
    if let Some(address) = args.serve {
        return cluster::serve(address, args, session::runtime(args)?).await;
    }
    // Read first: their paths are relative to where the command was typed.
    let scripts = args.scripts()?;
    if let Some(path) = &args.data_path {
        env::set_current_dir(path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let mut statements = session::open(args).await?;
    if args.is_interactive() && !args.quiet {
        say(format_args!("k-corrset {} on DataFusion {DATAFUSION_VERSION}", env!("CARGO_PKG_VERSION")));
    }
    for script in scripts {
        statements.run(&script.sql).await.map_err(|error| match script.path {
            Some(path) if Unwritten::find(&error).is_none() => {
                format!("{}: {}", path.display(), error_text(&error)).into()
            }
            _ => Box::<dyn Error>::from(error),
        })?;
    }
    if args.is_interactive() {
        repl::run(&mut statements, args.color).await?;
    }
    Ok(())
}
