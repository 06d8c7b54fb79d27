//! The interactive prompt: lines are read, statements run, and commands that begin with a
//! backslash.

use std::fs;

use clap::ValueEnum;
use datafusion::config::Dialect;
use rustyline::Editor;
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use tokio::signal;

use crate::prompt::line::LineHelper;
use crate::prompt::output::{Format, complain, error_text, say};
use crate::prompt::statements::Statements;
use crate::prompt::syntax;

/// Where the lines of earlier sessions are kept.
const HISTORY: &str = ".history";

/// What `\?` shows.
const HELP: &str = r"\d                list tables
\d NAME           describe a table
\i FILE           run the statements of a file
\h                list statements of SQL
\h STATEMENT      describe a statement of SQL
\pset format      show the format of results
\pset format NAME set it: table, csv, tsv, json, nd-json
\quiet            show whether nothing but results is shown
\quiet BOOLEAN    set it
\q                quit";

/// Reads and runs until there is nothing more to read.
///
/// # Errors
/// The terminal fails, or the history cannot be written.
pub(crate) async fn run(statements: &mut Statements, color: bool) -> rustyline::Result<()> {
    let mut lines: Editor<LineHelper, DefaultHistory> = Editor::new()?;
    lines.set_helper(Some(LineHelper::new(dialect(statements), color)));
    // There is none the first time.
    let _ = lines.load_history(HISTORY);
    loop {
        match lines.readline("> ") {
            Ok(line) => {
                lines.add_history_entry(line.trim_end())?;
                let ran = tokio::select! {
                    ran = run_line(statements, &line) => ran,
                    _ = signal::ctrl_c() => {
                        say("^C");
                        continue;
                    }
                };
                match ran {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(message) => complain(message),
                }
                if let Some(helper) = lines.helper_mut() {
                    helper.dialect = dialect(statements);
                }
            }
            Err(ReadlineError::Interrupted) => {
                say("^C");
                if let Some(helper) = lines.helper() {
                    helper.renew();
                }
            }
            Err(ReadlineError::Eof) => {
                say("\\q");
                break;
            }
            Err(error) => return Err(error),
        }
    }
    lines.save_history(HISTORY)
}

fn dialect(statements: &Statements) -> Dialect {
    statements.session.copied_config().options().sql_parser.dialect
}

/// Runs a line; `false` if it is the last.
async fn run_line(statements: &mut Statements, line: &str) -> Result<bool, String> {
    let Some(command) = line.trim_start().strip_prefix('\\') else {
        return run_sql(statements, line).await;
    };
    let words: Vec<&str> = command.split_whitespace().collect();
    match words[..] {
        ["q"] => return Ok(false),
        ["?"] => say(HELP),
        ["d"] => return run_sql(statements, "SHOW TABLES").await,
        ["d", name] => return run_sql(statements, &format!("SHOW COLUMNS FROM {name}")).await,
        ["i", file] => {
            let sql = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
            return run_sql(statements, &sql).await;
        }
        ["h"] => say(syntax::list()),
        ["h", ..] => {
            let statement = words[1..].join(" ");
            say(syntax::describe(&statement)
                .ok_or_else(|| format!("there is no help on {statement}; \\h lists what there is"))?);
        }
        ["pset"] | ["pset", "format"] => say(format!("The format is {}.", name_of(statements.output.format))),
        ["pset", "format", name] => {
            let names = || Format::value_variants().iter().map(|&format| name_of(format)).collect::<Vec<_>>();
            let unknown = |_| format!("there is no format {name}; the formats are {}", names().join(", "));
            statements.output.format = Format::from_str(name, true).map_err(unknown)?;
            say(format!("The format is {}.", name_of(statements.output.format)));
        }
        ["quiet"] => say(format!("Quiet is {}.", statements.output.quiet)),
        ["quiet", "true" | "t" | "yes" | "y" | "on"] => statements.output.quiet = true,
        ["quiet", "false" | "f" | "no" | "n" | "off"] => statements.output.quiet = false,
        _ => return Err(format!("{line} is no command; \\? lists those there are")),
    }
    Ok(true)
}

async fn run_sql(statements: &Statements, sql: &str) -> Result<bool, String> {
    statements.run(sql).await.map(|()| true).map_err(|error| error_text(&error))
}

fn name_of(format: Format) -> String {
    format.to_possible_value().map(|value| value.get_name().to_string()).unwrap_or_default()
}
