//! Running files of the suite, and writing down what each statement gives.

use std::error::Error;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use datafusion_k_corrset::register_all;
use datafusion_sqllogictest::{
    DFColumnType, DFOutput, DFSqlLogicTestError, DataFusion, TestContext, TestFile, df_value_validator,
    setup_scratch_dir, value_normalizer,
};
use futures::{FutureExt, StreamExt};
use indicatif::ProgressBar;
use sqllogictest::{
    AsyncDB, ColumnType, Control, DBOutput, QueryExpect, Record, Runner, SortMode, parse_file,
    strict_column_validator,
};

use crate::compare::compare;
use crate::files::{Workspace, groups};
use crate::report::Report;

/// How long a statement may take. It is an error then, in whatever session.
const LIMIT: Duration = Duration::from_secs(600);

/// How often, and for how long, a file is run again in plain sessions if something differs: what
/// differs between plain sessions too, though rarely, is not the function's doing.
const RUNS_AGAIN: usize = 60;
const TIME_AGAIN: Duration = Duration::from_secs(60);

/// The kind of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// As the suite makes it.
    Plain,
    /// With the function registered.
    Registered,
}

/// What one statement has given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// A table, and the letters of its columns' types.
    Rows {
        /// One letter a column, as in the files of the suite.
        types: String,
        /// Cells as text.
        rows: Vec<Vec<String>>,
    },
    /// Nothing, as of `SET`.
    Done,
    /// The text of an error.
    Error(String),
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows { types, rows } => {
                rows.iter().try_for_each(|row| writeln!(f, "{}", row.join(" | ")))?;
                write!(f, "{} rows of {types}", rows.len())
            }
            Self::Done => f.write_str("done"),
            Self::Error(text) => write!(f, "error: {text}"),
        }
    }
}

/// What one record of a file has given.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// File and line.
    pub place: String,
    /// The statement.
    pub sql: String,
    /// Of each time that it was run: most records run once.
    pub outputs: Vec<Output>,
    /// Whether that is what the file expects.
    pub holds: bool,
}

/// DataFusion's engine for the suite, which also writes down what it answers.
struct Recorder {
    engine: DataFusion,
    outputs: Arc<Mutex<Vec<Output>>>,
    /// The folder of this run, which the files know as `WORKSPACE_ROOT`.
    root: Arc<str>,
}

impl Recorder {
    fn place(&self, text: &str) -> String {
        text.replace(&*self.root, "WORKSPACE_ROOT")
    }
}

#[async_trait]
impl AsyncDB for Recorder {
    type Error = DFSqlLogicTestError;
    type ColumnType = DFColumnType;

    async fn run(&mut self, sql: &str) -> Result<DFOutput, DFSqlLogicTestError> {
        let answer = tokio::time::timeout(LIMIT, self.engine.run(sql));
        let answer = match AssertUnwindSafe(answer).catch_unwind().await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(DFSqlLogicTestError::Other(format!("no answer within {LIMIT:?}"))),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
                Err(DFSqlLogicTestError::Other(format!("a panic: {text}")))
            }
        };
        let answer = answer.map(|answer| match answer {
            DBOutput::Rows { types, rows } => {
                let row = |row: Vec<String>| row.iter().map(|cell| self.place(cell)).collect();
                DBOutput::Rows { types, rows: rows.into_iter().map(row).collect() }
            }
            done => done,
        });
        let output = match &answer {
            Ok(DBOutput::Rows { types, rows }) => {
                Output::Rows { types: types.iter().map(ColumnType::to_char).collect(), rows: rows.clone() }
            }
            Ok(_) => Output::Done,
            Err(error) => Output::Error(self.place(&error.to_string())),
        };
        self.outputs.lock().expect("no panic while it is locked").push(output);
        answer
    }

    async fn shutdown(&mut self) {
        self.engine.shutdown().await;
    }

    fn engine_name(&self) -> &str {
        "DataFusion"
    }

    async fn sleep(duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Where a record stands, its statement, and how its rows are sorted before they are looked at.
fn describe(record: &Record<DFColumnType>) -> Option<(String, String, Option<SortMode>)> {
    let (location, sql, sort_mode) = match record {
        Record::Statement { loc, sql, .. } | Record::Let { loc, sql, .. } => (loc, sql, None),
        Record::Query { loc, sql, expected: QueryExpect::Results { sort_mode, .. }, .. } => {
            (loc, sql, *sort_mode)
        }
        Record::Query { loc, sql, .. } => (loc, sql, None),
        _ => return None,
    };
    let file = location.file().trim_start_matches("test_files/");
    Some((format!("{file}:{}", location.line()), sql.clone(), sort_mode))
}

/// Runs a file in a session of its own.
///
/// # Errors
/// The file cannot be read, or its folder not be made.
async fn run_file(file: &TestFile, kind: Kind, root: &Arc<str>) -> Result<Vec<Outcome>, String> {
    let Some(context) = TestContext::try_new_for_test_file(&file.relative_path).await else {
        return Ok(Vec::new());
    };
    if kind == Kind::Registered {
        register_all(context.session_ctx()).map_err(|error| error.to_string())?;
    }
    setup_scratch_dir(&file.relative_path).map_err(|error| error.to_string())?;
    let outputs = Arc::new(Mutex::new(Vec::new()));
    let changed_settings = Arc::new(Mutex::new(Vec::new()));
    let mut runner = Runner::new(|| async {
        let engine =
            DataFusion::new(context.session_ctx().clone(), file.relative_path.clone(), ProgressBar::hidden())
                .with_config_change_errors(Arc::clone(&changed_settings));
        Ok(Recorder { engine, outputs: Arc::clone(&outputs), root: Arc::clone(root) })
    });
    runner.add_label("Datafusion");
    runner.with_column_validator(strict_column_validator);
    runner.with_normalizer(value_normalizer);
    runner.with_validator(df_value_validator);

    let mut outcomes = Vec::new();
    let mut sort_by_default = None;
    for record in parse_file(&file.path).map_err(|error| error.to_string())? {
        match record {
            Record::Halt { .. } => break,
            Record::Control(Control::SortMode(mode)) => sort_by_default = Some(mode),
            _ => {}
        }
        let description = describe(&record);
        let holds = runner.run_async(record).await.is_ok();
        let mut outputs = std::mem::take(&mut *outputs.lock().expect("no panic while it is locked"));
        let Some((place, sql, sort_mode)) = description else { continue };
        if outputs.is_empty() {
            continue;
        }
        if sort_mode.or(sort_by_default).is_some_and(|mode| mode != SortMode::NoSort) {
            outputs.iter_mut().for_each(|output| {
                if let Output::Rows { rows, .. } = output {
                    rows.sort_unstable();
                }
            });
        }
        outcomes.push(Outcome { place, sql, outputs, holds });
    }
    runner.shutdown_async().await;
    drop(runner);
    let changed = changed_settings.lock().expect("no panic while it is locked").join("\n");
    let holds = changed.is_empty();
    outcomes.push(Outcome {
        place: format!("{}: settings at its end", file.relative_path.display()),
        sql: String::new(),
        outputs: vec![if holds { Output::Done } else { Output::Error(changed) }],
        holds,
    });
    Ok(outcomes)
}

/// Runs a file in plain sessions and in one with the function, and compares what they give.
///
/// The session with the function is between two plain ones, so what changes from one run to the
/// next is not taken for what the function has done.
async fn run_kinds(file: &TestFile, root: &Arc<str>) -> Result<Report, String> {
    let mut plain = vec![run_file(file, Kind::Plain, root).await?];
    let registered = run_file(file, Kind::Registered, root).await?;
    plain.push(run_file(file, Kind::Plain, root).await?);
    let name = file.relative_path.display().to_string();
    let mut report = compare(&name, &plain, &registered);
    let start = Instant::now();
    for _ in 0..RUNS_AGAIN {
        if report.unexpected.is_empty() || start.elapsed() > TIME_AGAIN {
            break;
        }
        plain.push(run_file(file, Kind::Plain, root).await?);
        report = compare(&name, &plain, &registered);
    }
    Ok(report)
}

/// Runs the files of the suite, two groups at a time, one after the other within a group.
pub async fn run(workspace: &Workspace, filters: &[String]) -> Result<Report, Box<dyn Error>> {
    let root: Arc<str> = workspace.root().into();
    let start = Instant::now();
    let tasks = groups(filters)?.into_iter().map(|group| {
        let root = Arc::clone(&root);
        tokio::spawn(async move {
            let mut report = Report::default();
            for file in group {
                match run_kinds(&file, &root).await {
                    Ok(of_file) => report.add(of_file),
                    Err(error) => report.broken(Path::new(&file.relative_path), &error),
                }
            }
            report
        })
    });
    let mut report = Report::default();
    let mut reports = futures::stream::iter(tasks).buffer_unordered(2);
    while let Some(of_group) = reports.next().await {
        report.add(of_group?);
        if report.files.is_multiple_of(50) {
            eprintln!("{} files, {:.0} s", report.files, start.elapsed().as_secs_f64());
        }
    }
    report.elapsed = start.elapsed();
    report.sort();
    Ok(report)
}
