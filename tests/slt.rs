//! SQL tested in SQL: every file below `tests/slt`, each in a session of its own.
//!
//! `UPDATE_SLT=1 cargo test slt` writes what the statements return into the files.

use std::path::{Path, PathBuf};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::error::DataFusionError;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_k_corrset::register_all;
use datafusion_k_corrset::sweep::Instructions;
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, Runner};

/// A session as sqllogictest sees it.
struct Session(SessionContext);

impl Session {
    fn new() -> Self {
        let ctx = SessionContext::new_with_config(config());
        register_all(&ctx).unwrap();
        Self(ctx)
    }
}

/// Batches of 7 rows: every query crosses the borders of batches.
fn config() -> SessionConfig {
    SessionConfig::new().with_target_partitions(3).with_batch_size(7).with_information_schema(true)
}

#[async_trait::async_trait]
impl AsyncDB for Session {
    type Error = DataFusionError;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, DataFusionError> {
        let frame = self.0.sql(sql).await?;
        let types: Vec<DefaultColumnType> =
            frame.schema().fields().iter().map(|field| column_type(field.data_type())).collect();
        let batches = frame.collect().await?;
        if types.is_empty() {
            Ok(DBOutput::StatementComplete(0))
        } else {
            Ok(DBOutput::Rows { types, rows: batches.iter().flat_map(cells).collect() })
        }
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        "datafusion"
    }
}

fn column_type(data_type: &DataType) -> DefaultColumnType {
    match data_type {
        integer if integer.is_integer() => DefaultColumnType::Integer,
        float if float.is_floating() => DefaultColumnType::FloatingPoint,
        string if string.is_string() => DefaultColumnType::Text,
        _ => DefaultColumnType::Any,
    }
}

fn cells(batch: &RecordBatch) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL");
    let columns: Vec<ArrayFormatter<'_>> =
        batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
    let row = |row| columns.iter().map(|column| column.value(row).to_string()).collect();
    (0..batch.num_rows()).flat_map(|number| lines(row(number))).collect()
}

/// A row as it is, unless its last cell has several lines, as plans do: then a row
/// for each, whose indentation the runner cannot take for a column's end.
fn lines(mut row: Vec<String>) -> Vec<Vec<String>> {
    match row.pop() {
        Some(cell) if cell.contains('\n') => {
            let line = |line: &str| {
                let text = line.trim_start();
                vec![format!("{}{text}", "-".repeat(line.len() - text.len()))]
            };
            std::iter::once(row).chain(cell.trim_end().lines().map(line)).collect()
        }
        last => {
            row.extend(last);
            vec![row]
        }
    }
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_file_holds() {
    let files = files();
    assert!(!files.is_empty());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for set in Instructions::available() {
            // Every processor has the last resort, and the next one may have nothing more.
            let plan = format!("kernel={}", set.name());
            assert!(
                set.name() == "portable" || !text.contains(&plan),
                "{}: not every processor shows {plan}; SET k_corrset.kernel = 'portable'",
                file.display()
            );
        }
        let mut runner = Runner::new(|| async { Ok(Session::new()) });
        let result = match std::env::var_os("UPDATE_SLT") {
            None => runner.run_file_async(&file).await.map_err(|error| error.display(false).to_string()),
            Some(_) => runner
                .update_test_file(
                    &file,
                    "\t",
                    sqllogictest::default_validator,
                    sqllogictest::default_normalizer,
                    sqllogictest::default_column_validator,
                )
                .await
                .map_err(|error| error.to_string()),
        };
        if let Err(error) = result {
            panic!("{}: {error}", file.display());
        }
    }
}

/// On a cluster plans are others, but rows are the same.
#[cfg(all(feature = "cli", feature = "distributed", unix))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_file_holds_on_three_workers() {
    let workers = crate::distributed::Workers::start(3).await;
    for file in files() {
        let records = sqllogictest::parse_file::<DefaultColumnType>(&file).unwrap();
        let is_of_rows = |record: &sqllogictest::Record<DefaultColumnType>| match record {
            sqllogictest::Record::Query { sql, .. } => !sql.starts_with("EXPLAIN"),
            _ => true,
        };
        let mut runner = Runner::new(|| async { Ok(Session(workers.session(config()))) });
        runner.add_label("cluster");
        let rows = runner.run_multi_async(records.into_iter().filter(is_of_rows)).await;
        rows.unwrap_or_else(|error| panic!("{}: {}", file.display(), error.display(false)));
    }
}
