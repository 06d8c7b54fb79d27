//! The command line, and the SQL that it names.

use std::fs;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
#[cfg(feature = "distributed")]
use std::time::Duration;

use clap::Parser;
use url::Url;

use crate::prompt::access::Access;
use crate::prompt::builds::of_cluster;
use crate::prompt::output::{Format, MaxRows, OutputOptions};
use crate::prompt::stdin::is_stdin;
#[cfg(feature = "distributed")]
use crate::udtf::NamedWorkers;

/// What the help ends with.
const EXAMPLES: &str = "Examples:
  k-corrset
  k-corrset -c \"SELECT * FROM k_corrset('scores.parquet', 5) ORDER BY r DESC LIMIT 10\"
  k-corrset -q --format csv -f best.sql > best.csv
  k-corrset --serve 127.0.0.1:7001
  k-corrset --workers http://127.0.0.1:7001 http://127.0.0.1:7002 -f best.sql";

/// A SQL prompt with the table function k_corrset(table, k).
///
/// The prompt is interactive unless -c or -f is given or SQL is piped in; then the
/// statements run in order, and the first that fails ends the program with an error.
#[derive(Debug, Parser)]
#[command(name = "k-corrset", version, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Run these statements, then exit
    #[arg(short, long, value_name = "SQL", num_args = 1.., value_parser = statements)]
    command: Vec<String>,

    /// Run the statements of these files, then exit; files come before commands
    #[arg(short, long, value_name = "FILE", num_args = 1.., value_parser = readable)]
    file: Vec<PathBuf>,

    /// Run the statements of these files before all else
    #[arg(short, long, value_name = "FILE", num_args = 1.., value_parser = readable)]
    rc: Vec<PathBuf>,

    /// Print results in this format
    #[arg(long, value_enum, ignore_case = true, default_value_t = Format::Table)]
    format: Format,

    /// Print only the results: no banner, no timing, no progress
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// Rows that a table shows, at most: a number, or inf. Other formats have all
    #[arg(long, value_name = "ROWS", default_value = "40")]
    maxrows: MaxRows,

    /// Highlight SQL while it is typed
    #[arg(long)]
    pub(crate) color: bool,

    /// Queries may take so much memory, such as 2g; unlimited by default
    #[arg(short, long, value_name = "SIZE", value_parser = bytes)]
    pub(crate) memory_limit: Option<u64>,

    /// Queries may take so much temporary disk space, such as 10g; 100g by default
    #[arg(short, long, value_name = "SIZE", value_parser = bytes)]
    pub(crate) disk_limit: Option<u64>,

    /// Rows in a batch; DataFusion's own choice by default
    #[arg(short, long, value_name = "ROWS", value_parser = positive)]
    pub(crate) batch_size: Option<usize>,

    /// Threads that work on a query; all cores by default
    #[arg(short = 'j', long, value_name = "N", value_parser = positive)]
    pub(crate) threads: Option<usize>,

    /// Directory that the paths in SQL start from; the current one by default. A worker has no other
    /// files
    #[arg(short = 'p', long, value_name = "DIR", value_parser = directory)]
    pub(crate) data_path: Option<PathBuf>,

    /// Share out sweeps to these workers of a cluster
    #[arg(long, value_name = "URL", num_args = 1.., group = "cluster", value_parser = of_cluster::<Url>)]
    pub(crate) workers: Vec<Url>,

    /// Seconds that a worker may be silent before it is lost, and a coordinator before its queries
    /// end, 60 by default; a busy one is not silent
    #[arg(long, value_name = "SECONDS", requires = "cluster", value_parser = positive)]
    worker_timeout: Option<usize>,

    /// Be a worker of a cluster at this address, until told to stop; with port 0 at any
    /// free one
    #[arg(long, value_name = "ADDRESS", group = "cluster", value_parser = of_cluster::<SocketAddr>, conflicts_with_all = ["command", "file", "rc"])]
    pub(crate) serve: Option<SocketAddr>,

    /// Queries that this worker has at once; more are refused. One with joins may count twice
    #[arg(long, value_name = "N", requires = "serve", value_parser = positive)]
    pub(crate) max_queries: Option<usize>,

    /// Messages that this worker takes may be so large, 1g by default
    #[arg(long, value_name = "SIZE", requires = "serve", value_parser = bytes)]
    pub(crate) max_message: Option<u64>,

    #[command(flatten)]
    pub(crate) access: Access,
}

/// Statements to run in order.
#[derive(Debug)]
pub(crate) struct Script {
    /// The file they were read from, if they were.
    pub(crate) path: Option<PathBuf>,
    /// The statements, separated by semicolons.
    pub(crate) sql: String,
}

impl Args {
    /// Whether statements are typed at a prompt.
    pub(crate) fn is_interactive(&self) -> bool {
        self.names_no_sql() && io::stdin().is_terminal()
    }

    /// Whether statements come from standard input, which then has no room for data.
    pub(crate) fn reads_stdin(&self) -> bool {
        let is_stdin = |path: &PathBuf| path.to_str().is_some_and(is_stdin);
        self.names_no_sql() || self.rc.iter().chain(&self.file).any(is_stdin)
    }

    /// Whether someone is there to watch the progress of a sweep, and wants to.
    pub(crate) fn shows_progress(&self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    /// How long the others of a cluster may be silent.
    #[cfg(feature = "distributed")]
    pub(crate) fn worker_timeout(&self) -> Duration {
        self.worker_timeout.map_or(NamedWorkers::TIMEOUT, |seconds| Duration::from_secs(seconds as u64))
    }

    /// How results are shown.
    pub(crate) fn output(&self) -> OutputOptions {
        OutputOptions { format: self.format, max_rows: self.maxrows, quiet: self.quiet }
    }

    /// All that is to run before the prompt, or instead of it.
    ///
    /// # Errors
    /// A file, or standard input, cannot be read or is not UTF-8.
    pub(crate) fn scripts(&self) -> Result<Vec<Script>, String> {
        let files = self.rc.iter().chain(&self.file).map(|path| Script::read(path));
        let mut scripts = files.collect::<Result<Vec<_>, _>>()?;
        scripts.extend(self.command.iter().map(|sql| Script { path: None, sql: sql.clone() }));
        if self.names_no_sql() && !self.is_interactive() {
            let sql = io::read_to_string(io::stdin()).map_err(|error| format!("standard input: {error}"))?;
            scripts.push(Script { path: None, sql: without_shebang(sql) });
        }
        Ok(scripts)
    }

    /// Whether statements have to come from standard input.
    fn names_no_sql(&self) -> bool {
        self.command.is_empty() && self.file.is_empty()
    }
}

impl Script {
    /// The statements of a file.
    fn read(path: &Path) -> Result<Self, String> {
        let sql = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self { path: Some(path.to_path_buf()), sql: without_shebang(sql) })
    }
}

/// Empties a first line `#!…`, which is no SQL. The line itself stays, so that
/// errors name the lines that an editor shows.
fn without_shebang(sql: String) -> String {
    if !sql.starts_with("#!") {
        return sql;
    }
    sql.find('\n').map(|end| sql[end..].to_string()).unwrap_or_default()
}

/// The value of `--command`.
fn statements(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("there is no statement in it") } else { Ok(text.to_string()) }
}

/// The value of `--file` and `--rc`: pipes will do, directories will not.
fn readable(text: &str) -> Result<PathBuf, String> {
    match fs::metadata(text) {
        Ok(found) if found.is_dir() => Err("it is a directory, not a file of SQL".to_string()),
        Ok(_) => Ok(text.into()),
        Err(error) => Err(error.to_string()),
    }
}

/// The value of `--data-path`.
fn directory(text: &str) -> Result<PathBuf, String> {
    match fs::metadata(text) {
        Ok(found) if found.is_dir() => Ok(text.into()),
        Ok(_) => Err("it is not a directory".to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// The value of `--batch-size` and `--threads`.
fn positive(text: &str) -> Result<usize, &'static str> {
    match text.parse::<usize>() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("a whole number of 1 or more is wanted"),
    }
}

/// The value of `--memory-limit` and `--disk-limit`; units are powers of 1024.
fn bytes(text: &str) -> Result<u64, &'static str> {
    const WANTED: &str = "a whole number with or without a unit (k, m, g, t) is wanted, such as 512m or 2g";
    let unit_starts = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_starts);
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1 << 10,
        "m" | "mb" => 1 << 20,
        "g" | "gb" => 1 << 30,
        "t" | "tb" => 1 << 40,
        _ => return Err(WANTED),
    };
    let number: u64 = number.parse().map_err(|_| WANTED)?;
    number.checked_mul(factor).ok_or("that is more than can be counted")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
        let args = Args::try_parse_from(["k-corrset", "-c", "SELECT 1", "-c", "SELECT 2", "-j", "3", "-m2g"]);
        let args = args.unwrap();
        assert_eq!(args.command, ["SELECT 1", "SELECT 2"]);
        assert_eq!((args.threads, args.memory_limit), (Some(3), Some(2 << 30)));
        assert!(!args.is_interactive() && !args.reads_stdin());
        assert!(Args::try_parse_from(["k-corrset", "--threads", "0"]).is_err());
        assert!(Args::try_parse_from(["k-corrset", "--serve", "127.0.0.1:0", "-c", "SELECT 1"]).is_err());
        assert!(Args::try_parse_from(["k-corrset", "--workers", "nobody"]).is_err());
        assert!(Args::try_parse_from(["k-corrset", "--file", "no/such/file.sql"]).is_err());
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("5"), Ok(5));
        assert_eq!(bytes("4kb"), Ok(4 << 10));
        assert_eq!(bytes("20M"), Ok(20 << 20));
        assert_eq!(bytes("3t"), Ok(3 << 40));
        for wrong in ["", "g", "-1", "1.5g", "12k12k", "2 g", "2x", "99999999999t"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_shebang_is_no_sql() {
        assert_eq!(without_shebang("#!/usr/bin/k-corrset -f\nSELECT 1".to_string()), "\nSELECT 1");
        assert_eq!(without_shebang("#!/usr/bin/k-corrset -f".to_string()), "");
        assert_eq!(without_shebang("SELECT 1;\n#!".to_string()), "SELECT 1;\n#!");
    }
}
