//! Columns of extension types: users are told apart by them, questions keep theirs, and scores
//! may be of none.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeBinaryArray, Int8Array, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema};
use arrow::util::pretty::pretty_format_batches;
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_k_corrset::index::{ColumnNames, IndexBuilder};
use datafusion_k_corrset::register_all;

const NAME: &str = "ARROW:extension:name";
const PARAMETERS: &str = "ARROW:extension:metadata";

/// A field's metadata.
fn metadata(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

/// Metadata of the three fields, as keys and values.
type Fields = [&'static [(&'static str, &'static str)]; 3];

const PERIOD: &[(&str, &str)] = &[(NAME, "pandas.period"), (PARAMETERS, r#"{"freq": "M"}"#)];

/// Users are UUIDs, and questions are periods.
const EXTENDED: Fields = [&[(NAME, "arrow.uuid")], PERIOD, &[("unit", "points")]];

/// A session with a table `exam` of 12 users and questions 648 to 652, in two partitions; fields
/// have the metadata given.
fn session(open: impl Fn(SessionConfig) -> SessionContext, fields: Fields) -> SessionContext {
    let [user, question, score] = fields.map(metadata);
    let cells = (0..12i64).flat_map(|user| (648..653i64).map(move |question| (user, question)));
    let cells: Vec<(i64, i64)> = cells.filter(|(user, question)| (user + question) % 4 > 0).collect();
    let uuid = |user: i64| (user as u128 * 0x0123_4567_89ab_cdef).to_be_bytes();
    let users: ArrayRef =
        Arc::new(FixedSizeBinaryArray::try_from_iter(cells.iter().map(|cell| uuid(cell.0))).unwrap());
    let questions: ArrayRef = Arc::new(Int64Array::from_iter_values(cells.iter().map(|cell| cell.1)));
    let scores = cells.iter().map(|(user, question)| ((user * 7 + question * user) % 3 % 2) as i8);
    let scores: ArrayRef = Arc::new(Int8Array::from_iter_values(scores));
    let schema = Arc::new(Schema::new(vec![
        Field::new("user", DataType::FixedSizeBinary(16), false).with_metadata(user),
        Field::new("question", DataType::Int64, false).with_metadata(question),
        Field::new("score", DataType::Int8, false).with_metadata(score),
    ]));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![users, questions, scores]).unwrap();
    let half = batch.num_rows() / 2;
    let partitions = vec![vec![batch.slice(0, half)], vec![batch.slice(half, batch.num_rows() - half)]];
    let ctx = open(SessionConfig::new().with_target_partitions(2));
    ctx.register_table("exam", Arc::new(MemTable::try_new(schema, partitions).unwrap())).unwrap();
    ctx
}

fn embedded(config: SessionConfig) -> SessionContext {
    let ctx = SessionContext::new_with_config(config);
    register_all(&ctx).unwrap();
    ctx
}

fn plain() -> SessionContext {
    session(embedded, [&[]; 3])
}

fn extended() -> SessionContext {
    session(embedded, EXTENDED)
}

/// Scores are booleans in a byte each.
fn flags() -> SessionContext {
    session(embedded, [&[], &[], &[(NAME, "arrow.bool8")]])
}

async fn rows(ctx: &SessionContext, sql: &str) -> Vec<RecordBatch> {
    let batches = async { ctx.sql(sql).await?.collect().await }.await;
    batches.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

async fn error(ctx: &SessionContext, sql: &str) -> String {
    let error = async { ctx.sql(sql).await?.collect().await }.await.unwrap_err();
    error.strip_backtrace()
}

/// Questions, r and n of each row.
fn answers(batches: &[RecordBatch]) -> Vec<(Vec<i64>, f64, i64)> {
    let of_batch = |batch: &RecordBatch| {
        let sets = batch.column(0).as_list::<i32>().clone();
        let (r, n) = (
            batch.column(1).as_primitive::<Float64Type>().clone(),
            batch.column(2).as_primitive::<Int64Type>().clone(),
        );
        (0..batch.num_rows())
            .map(move |row| {
                (sets.value(row).as_primitive::<Int64Type>().values().to_vec(), r.value(row), n.value(row))
            })
            .collect::<Vec<_>>()
    };
    batches.iter().flat_map(of_batch).collect()
}

/// The metadata of the elements of a column of lists.
fn element_metadata(data_type: &DataType) -> HashMap<String, String> {
    match data_type {
        DataType::List(element) => element.metadata().clone(),
        other => panic!("{other} is no list"),
    }
}

const QUERIES: [&str; 13] = [
    "SELECT * FROM k_corrset(exam, 2) ORDER BY questions",
    "SELECT * FROM k_corrset(exam, 2) ORDER BY r DESC, questions LIMIT 3",
    "SELECT * FROM k_corrset(exam, 3, top => 4)",
    "SELECT * FROM k_corrset(exam, 2, include => [649], exclude => [651]) ORDER BY questions",
    "SELECT * FROM k_corrset(exam, 2) WHERE array_has(questions, 650) ORDER BY questions",
    "SELECT * FROM k_corrset(exam, 2) WHERE NOT array_has(questions, 650) ORDER BY questions",
    "SELECT * FROM k_corrset(exam, 3) WHERE array_has_all(questions, [650, 652]) ORDER BY questions",
    "SELECT * FROM k_corrset(exam, 2) WHERE array_has_any(questions, [650, 652]) ORDER BY questions",
    "SELECT * FROM k_corrset(exam, 2) WHERE questions = [649, 650] ORDER BY questions",
    "SELECT * FROM k_corrset(exam, 2) WHERE questions IN ([649, 650], [650, 651]) ORDER BY questions",
    "SELECT * FROM k_corrset(exam, 2) WHERE n >= 5 AND r > 0.1 ORDER BY questions",
    "SELECT * FROM k_corrset(exam, 2) UNION ALL SELECT * FROM k_corrset(exam, 3) ORDER BY questions",
    "SELECT x.* FROM k_corrset(exam, 2) x JOIN k_corrset(exam, 2) y
     ON x.questions = y.questions ORDER BY questions",
];

#[tokio::test]
async fn questions_keep_their_extension_type() {
    let ctx = extended();
    for sql in ["SELECT * FROM k_corrset(exam, 2)", "SELECT * FROM k_corrset(exam, 3, top => 2)"] {
        let frame = ctx.sql(sql).await.unwrap();
        assert_eq!(element_metadata(frame.schema().field(0).data_type()), metadata(PERIOD), "{sql}");
        let batches = frame.collect().await.unwrap();
        assert!(batches.iter().map(RecordBatch::num_rows).sum::<usize>() > 0);
        for batch in batches {
            assert_eq!(element_metadata(batch.schema().field(0).data_type()), metadata(PERIOD), "{sql}");
            assert_eq!(element_metadata(batch.column(0).data_type()), metadata(PERIOD), "{sql}");
        }
    }
    // Of other metadata nothing is handed on.
    let ctx = session(embedded, [&[], &[("unit", "months"), (PARAMETERS, "of no type")], &[]]);
    let batches = rows(&ctx, "SELECT * FROM k_corrset(exam, 2)").await;
    assert!(element_metadata(batches[0].column(0).data_type()).is_empty());
}

#[tokio::test]
async fn queries_have_the_same_answers_whatever_the_type_is_called() {
    let (plain, extended) = (plain(), extended());
    for sql in QUERIES {
        let expected = answers(&rows(&plain, sql).await);
        assert!(!expected.is_empty(), "{sql}");
        assert_eq!(answers(&rows(&extended, sql).await), expected, "{sql}");
    }
}

#[tokio::test]
async fn filters_reach_the_sweep_whatever_the_type_is_called() {
    let (plain, extended) = (plain(), extended());
    for sql in QUERIES {
        let plan = async |ctx| {
            let batches = rows(ctx, &format!("EXPLAIN {sql}")).await;
            pretty_format_batches(&batches).unwrap().to_string()
        };
        assert_eq!(plan(&extended).await, plan(&plain).await, "{sql}");
    }
}

#[tokio::test]
async fn a_cast_makes_plain_questions_of_them() {
    // DataFusion itself loses the type of a list's elements on the way through these, and then
    // refuses what it made: the README says so, and what to write.
    let (plain, extended) = (plain(), extended());
    let sql = |questions: &str, exam: &str| {
        format!(
            "SELECT n, first_value({questions} ORDER BY r DESC, {questions}) AS questions, max({questions})
             FROM k_corrset({exam}, 2) GROUP BY n ORDER BY n"
        )
    };
    let expected = rows(&plain, &sql("questions", "exam")).await;
    let exam = "(SELECT \"user\", CAST(question AS BIGINT) AS question, score FROM exam)";
    for sql in [sql("questions", exam), sql("arrow_cast(questions, 'List(Int64)')", "exam")] {
        let found = rows(&extended, &sql).await;
        let columns = |batches: &[RecordBatch]| {
            batches.iter().map(|batch| batch.columns().to_vec()).collect::<Vec<_>>()
        };
        assert_eq!(columns(&found), columns(&expected), "{sql}");
    }
}

#[tokio::test]
async fn scores_of_an_extension_type_are_refused() {
    let ctx = flags();
    assert_eq!(
        error(&ctx, "SELECT * FROM k_corrset(exam, 2)").await,
        "Error during planning: k_corrset: the score column 'score' must be boolean, integer, floating point \
         or decimal, not of the extension type 'arrow.bool8', whose values need not be the numbers they are \
         stored as (Int8); to take these numbers for the scores, write in the place of the table\n    \
         (SELECT \"user\", \"question\", CAST(\"score\" AS DOUBLE) AS \"score\" FROM \"exam\")"
    );
    // Also by those who build an index themselves.
    let schema = Arc::clone(ctx.table("exam").await.unwrap().schema().inner());
    let refused = IndexBuilder::try_new(&schema, ColumnNames::default()).unwrap_err();
    assert!(refused.to_string().contains("'arrow.bool8'"), "{refused}");
}

#[tokio::test]
async fn a_cast_makes_plain_scores_of_them() {
    let ctx = flags();
    let expected = answers(&rows(&plain(), "SELECT * FROM k_corrset(exam, 2) ORDER BY questions").await);
    // Also one that changes nothing else.
    for cast in ["DOUBLE", "BIGINT", "TINYINT"] {
        let view = format!(
            "CREATE OR REPLACE VIEW numbers AS
             SELECT \"user\", question, CAST(score AS {cast}) AS score FROM exam"
        );
        rows(&ctx, &view).await;
        let found = rows(&ctx, "SELECT * FROM k_corrset(numbers, 2) ORDER BY questions").await;
        assert_eq!(answers(&found), expected, "{cast}");
    }
}

#[cfg(all(feature = "cli", feature = "distributed", unix))]
#[tokio::test]
async fn workers_of_a_cluster_keep_the_type_too() {
    let workers = crate::distributed::Workers::start(2).await;
    let (here, there) = (extended(), session(|config| workers.session(config), EXTENDED));
    for sql in QUERIES {
        let (here, there) = (rows(&here, sql).await, rows(&there, sql).await);
        assert_eq!(answers(&there), answers(&here), "{sql}");
        assert_eq!(there[0].schema(), here[0].schema(), "{sql}");
    }
}
