//! Never wrong, never lost, never stuck: inputs that fail in every way, memory that ends at every
//! point, streams that are dropped at any moment, sizes at both ends.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Float64Type, Int64Type, SchemaRef};
use arrow::util::pretty::pretty_format_batches;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_k_corrset::{KCorrsetError, register_all};
use futures::{Stream, StreamExt};

use crate::support::cases;
use crate::support::exam::batch;
use crate::support::random::Random;

/// Some batches of an exam, by their numbers.
fn exam(number: usize) -> RecordBatch {
    let rows = || (0..60i64).map(move |row| (row % 20, row / 20 + 3 * number as i64));
    let users: ArrayRef = Arc::new(Int64Array::from_iter_values(rows().map(|(user, _)| user)));
    let questions = rows().map(|(_, question)| format!("q{question:02}"));
    let scores = rows().map(|(user, question)| (user * question + user / 3) % 2);
    batch(
        users,
        Arc::new(StringArray::from_iter_values(questions)),
        Arc::new(Int64Array::from_iter_values(scores)),
    )
}

/// What becomes of an input.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Ends,
    Fails,
    Panics,
    NeverEnds,
    ChangesType,
    LosesAColumn,
}

/// An input of some batches and a fate after these.
#[derive(Clone)]
struct Source {
    batches: usize,
    fate: Fate,
    /// Streams that are alive.
    alive: Arc<AtomicUsize>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} batches, then {:?}", self.batches, self.fate)
    }
}

impl PartitionStream for Source {
    fn schema(&self) -> &SchemaRef {
        static SCHEMA: std::sync::OnceLock<SchemaRef> = std::sync::OnceLock::new();
        SCHEMA.get_or_init(|| exam(0).schema())
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        self.alive.fetch_add(1, Ordering::SeqCst);
        Box::pin(SourceStream { source: self.clone(), next: 0 })
    }
}

struct SourceStream {
    source: Source,
    next: usize,
}

impl Drop for SourceStream {
    fn drop(&mut self) {
        self.source.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Stream for SourceStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let number = self.next;
        self.next += 1;
        if number < self.source.batches {
            return Poll::Ready(Some(Ok(exam(number))));
        }
        let last = exam(number);
        Poll::Ready(match self.source.fate {
            Fate::Ends => None,
            Fate::Fails => Some(Err(DataFusionError::Execution("the disk is gone".into()))),
            Fate::Panics => panic!("the reader is broken"),
            Fate::NeverEnds => return Poll::Pending,
            Fate::ChangesType if number == self.source.batches => {
                let scores: ArrayRef = Arc::new(StringArray::from(vec!["1"; last.num_rows()]));
                Some(Ok(batch(Arc::clone(last.column(0)), Arc::clone(last.column(1)), scores)))
            }
            Fate::LosesAColumn if number == self.source.batches => Some(Ok(last.project(&[0, 2]).unwrap())),
            Fate::ChangesType | Fate::LosesAColumn => None,
        })
    }
}

impl RecordBatchStream for SourceStream {
    fn schema(&self) -> SchemaRef {
        Arc::clone(PartitionStream::schema(&self.source))
    }
}

/// A session with a table `exam` that is read from such sources.
fn session_over(sources: &[Source]) -> SessionContext {
    session_with_memory(usize::MAX, sources)
}

/// Such a session with a memory limit in bytes.
fn session_with_memory(limit: usize, sources: &[Source]) -> SessionContext {
    // Nothing between the sources and the function.
    let config = SessionConfig::new().with_target_partitions(2).with_round_robin_repartition(false);
    let runtime = RuntimeEnvBuilder::new().with_memory_limit(limit, 1.0).build_arc().unwrap();
    let ctx = SessionContext::new_with_config_rt(config, runtime);
    register_all(&ctx).unwrap();
    let partitions = sources.iter().map(|source| Arc::new(source.clone()) as Arc<dyn PartitionStream>);
    let table = StreamingTable::try_new(exam(0).schema(), partitions.collect()).unwrap();
    ctx.register_table("exam", Arc::new(table)).unwrap();
    ctx
}

async fn answer(ctx: &SessionContext, sql: &str) -> Result<String> {
    let batches = ctx.sql(sql).await?.collect().await?;
    Ok(pretty_format_batches(&batches)?.to_string())
}

/// Waits until all workers have noticed that nobody wants them any more: their memory goes with
/// them.
async fn nothing_is_reserved(ctx: &SessionContext) {
    let pool = &ctx.runtime_env().memory_pool;
    for _ in 0..2000 {
        if pool.reserved() == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{} bytes are still reserved", pool.reserved());
}

const ALL: &str = "SELECT * FROM k_corrset(exam, 2, undefined => 'null') ORDER BY questions";

/// A source without rows beside one with a fate, or alone.
fn with_and_without_another(source: &Source) -> [Vec<Source>; 2] {
    let nothing = Source { batches: 0, fate: Fate::Ends, ..source.clone() };
    [vec![source.clone()], vec![nothing, source.clone()]]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_input_may_fail_at_every_batch() {
    let alive = Arc::new(AtomicUsize::new(0));
    for fate in [Fate::Fails, Fate::Panics, Fate::ChangesType, Fate::LosesAColumn] {
        for batches in 0..6 {
            let source = Source { batches, fate, alive: Arc::clone(&alive) };
            for sources in with_and_without_another(&source) {
                let ctx = session_over(&sources);
                let error = answer(&ctx, ALL).await.expect_err(&format!("{source:?}")).to_string();
                let expected = match fate {
                    Fate::Fails => "the disk is gone",
                    Fate::Panics => "the reader is broken",
                    Fate::ChangesType => {
                        "a batch of the input has the columns user Int64, question Utf8, score Utf8"
                    }
                    // DataFusion's own projection is the first to miss it.
                    _ => "Schema error: project index 2 out of bounds",
                };
                assert!(error.contains(expected), "{source:?}: {error}");
                nothing_is_reserved(&ctx).await;
            }
        }
    }
    // The tasks of partitions that had not failed end soon.
    for _ in 0..1000 {
        if alive.load(Ordering::SeqCst) == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{alive:?} streams are still there");
}

#[tokio::test]
async fn an_input_that_ends_early_is_a_smaller_input() {
    let alive = Arc::new(AtomicUsize::new(0));
    for batches in 0..5 {
        let ctx = session_over(&[Source { batches, fate: Fate::Ends, alive: Arc::clone(&alive) }]);
        let questions = 3 * batches;
        let sql = "SELECT count(*) FROM k_corrset(exam, 2, undefined => 'null')";
        let counted = ctx.sql(sql).await.unwrap().collect().await.unwrap();
        let counted = counted[0].column(0).as_primitive::<Int64Type>().value(0);
        assert_eq!(counted as usize, questions * questions.saturating_sub(1) / 2);
    }
}

#[tokio::test]
async fn an_input_that_never_ends_can_be_given_up() {
    let alive = Arc::new(AtomicUsize::new(0));
    for batches in [0, 3] {
        let source = Source { batches, fate: Fate::NeverEnds, alive: Arc::clone(&alive) };
        for sources in with_and_without_another(&source) {
            let ctx = session_over(&sources);
            let waited = tokio::time::timeout(Duration::from_millis(30), answer(&ctx, ALL)).await;
            assert!(waited.is_err(), "{waited:?}");
            while alive.load(Ordering::SeqCst) > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            nothing_is_reserved(&ctx).await;
        }
    }
}

#[tokio::test]
async fn memory_may_end_anywhere() {
    let queries = [
        ALL,
        "SELECT * FROM k_corrset(exam, 3, top => 5)",
        "SELECT * FROM k_corrset(exam, 3) WHERE array_has_any(questions, ['q01', 'q04']) ORDER BY questions",
        "SELECT avg(r) FROM k_corrset(exam, 3, include => 'q02')",
    ];
    let alive = Arc::new(AtomicUsize::new(0));
    let source = Source { batches: 4, fate: Fate::Ends, alive };
    for sql in queries {
        let expected = answer(&session_over(std::slice::from_ref(&source)), sql).await.unwrap();
        let (mut failed, mut went_well) = (0, 0);
        let mut limit = 0;
        while went_well < 20 {
            let ctx = session_with_memory(limit, std::slice::from_ref(&source));
            match answer(&ctx, sql).await {
                Ok(answer) => {
                    assert_eq!(answer, expected, "with {limit} bytes");
                    went_well += 1;
                }
                Err(error) => {
                    let root = error.find_root();
                    assert!(matches!(root, DataFusionError::ResourcesExhausted(_)), "{limit} bytes: {error}");
                    failed += 1;
                }
            }
            nothing_is_reserved(&ctx).await;
            limit += 1 + limit / 40;
        }
        assert!(failed > 100, "{sql}: {failed} limits were too small");
    }
}

#[tokio::test]
async fn an_input_without_end_is_read_until_memory_ends() {
    let source = Source { batches: usize::MAX, fate: Fate::Ends, alive: Arc::new(AtomicUsize::new(0)) };
    for sources in with_and_without_another(&source) {
        let ctx = session_with_memory(1 << 20, &sources);
        let answer = tokio::time::timeout(Duration::from_secs(60), answer(&ctx, ALL));
        let error = answer.await.expect("an end").unwrap_err();
        assert!(matches!(error.find_root(), DataFusionError::ResourcesExhausted(_)), "{error}");
        nothing_is_reserved(&ctx).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_may_be_broken_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let ctx = session_over(&[Source { batches: 3, fate: Fate::Ends, alive: Arc::new(AtomicUsize::new(0)) }]);
    let ctx = ctx.enable_url_table();
    let mut random = Random::new(5);
    for format in ["parquet", "csv", "json"] {
        let whole = folder.path().join(format!("whole.{format}"));
        let copy = format!("COPY exam TO '{}' STORED AS {format}", whole.display());
        ctx.sql(&copy).await.unwrap().collect().await.unwrap();
        let bytes = std::fs::read(&whole).unwrap();
        let expected = answer(&ctx, &ALL.replace("exam", &format!("'{}'", whole.display()))).await.unwrap();
        let (mut wrong, mut right) = (0, 0);
        for case in 0..120 {
            let mut broken = bytes.clone();
            match case % 3 {
                0 => broken.truncate(random.below(bytes.len())),
                1 => broken[random.below(bytes.len())] ^= 1 << random.below(8),
                _ => {
                    let from = random.below(bytes.len());
                    let to = bytes.len().min(from + random.below(64));
                    broken[from..to].fill(random.next() as u8);
                }
            }
            let file = folder.path().join(format!("{case}.{format}"));
            std::fs::write(&file, broken).unwrap();
            let sql = ALL.replace("exam", &format!("'{}'", file.display()));
            let task = tokio::spawn({
                let ctx = ctx.clone();
                async move { answer(&ctx, &sql).await }
            });
            match task.await.unwrap_or_else(|error| panic!("{format}, case {case}: {error}")) {
                Ok(answer) if answer == expected => right += 1,
                // A number may have become another one, an answer may be missing.
                Ok(_) | Err(_) => wrong += 1,
            }
        }
        assert!(wrong > 40, "{format}: {right} were right and {wrong} were not");
    }
}

#[tokio::test]
async fn arrays_may_begin_anywhere_and_hold_nulls() {
    // A slice of a slice, with offsets that are not at zero, and dictionaries that hold NULL.
    let ctx = SessionContext::new();
    register_all(&ctx).unwrap();
    let whole = exam(0);
    let rows = whole.num_rows();
    let pieces: Vec<RecordBatch> = (0..rows).step_by(7).map(|at| whole.slice(at, 7.min(rows - at))).collect();
    let pieces = pieces.iter().flat_map(|piece| {
        let half = piece.num_rows() / 2;
        [piece.slice(0, half), piece.slice(half, 0), piece.slice(half, piece.num_rows() - half)]
    });
    let pieces: Vec<RecordBatch> = pieces.collect();
    let table = datafusion::datasource::MemTable::try_new(whole.schema(), vec![pieces]).unwrap();
    ctx.register_table("pieces", Arc::new(table)).unwrap();
    ctx.register_batch("exam", whole.clone()).unwrap();
    let expected = answer(&ctx, ALL).await.unwrap();
    assert_eq!(answer(&ctx, &ALL.replace("exam", "pieces")).await.unwrap(), expected);

    // A NULL that the keys point to, and one that they do not.
    let names = StringArray::from(vec![None, Some("q00"), Some("q01"), Some("q02"), None]);
    let keys = whole.column(1).as_string::<i32>().iter().map(|name| match name.unwrap() {
        "q00" => Some(1i32),
        "q01" => Some(2),
        _ => Some(3),
    });
    let keys: arrow::array::Int32Array = keys.collect();
    let questions = arrow::array::DictionaryArray::try_new(keys, Arc::new(names.clone())).unwrap();
    let encoded = batch(Arc::clone(whole.column(0)), Arc::new(questions), Arc::clone(whole.column(2)));
    ctx.register_batch("encoded", encoded).unwrap();
    assert_eq!(answer(&ctx, &ALL.replace("exam", "encoded")).await.unwrap(), expected);

    let keys = arrow::array::Int32Array::from_iter_values((0..rows as i32).map(|row| row % 5));
    let questions = arrow::array::DictionaryArray::try_new(keys, Arc::new(names)).unwrap();
    assert!(questions.logical_nulls().is_some());
    let nulls = batch(Arc::clone(whole.column(0)), Arc::new(questions), Arc::clone(whole.column(2)));
    ctx.register_batch("nulls", nulls).unwrap();
    let error = answer(&ctx, &ALL.replace("exam", "nulls")).await.unwrap_err();
    let DataFusionError::External(error) = error.find_root() else { panic!("{error}") };
    let error = error.downcast_ref::<KCorrsetError>().unwrap();
    assert!(matches!(error, KCorrsetError::NullKey { .. }), "{error}");
}

/// Drops a query at a random moment, some times.
async fn drop_queries(times: u32) {
    let ctx = session_over(&[]);
    let sources: Vec<RecordBatch> = (0..5).map(exam).collect();
    let schema = sources[0].schema();
    let table = datafusion::datasource::MemTable::try_new(schema, vec![sources]).unwrap();
    ctx.register_table("much", Arc::new(table)).unwrap();
    let mut random = Random::new(times.into());
    for _ in 0..times {
        let sql = match random.below(4) {
            0 => "SELECT * FROM k_corrset(much, 7)",
            1 => "SELECT * FROM k_corrset(much, 6, top => 20)",
            2 => "SELECT max(r) FROM k_corrset(much, 7, undefined => 'null')",
            _ => "SELECT * FROM k_corrset(much, 7) ORDER BY r DESC LIMIT 3",
        };
        let mut stream = ctx.sql(sql).await.unwrap().execute_stream().await.unwrap();
        let moment = Duration::from_micros(random.next() % 3000);
        let _ = tokio::time::timeout(moment, async {
            while let Some(batch) = stream.next().await {
                batch.unwrap();
            }
        })
        .await;
    }
    nothing_is_reserved(&ctx).await;
    let left = answer(&ctx, "SELECT count(*) FROM k_corrset(much, 2, undefined => 'null')").await.unwrap();
    assert!(left.contains("105"), "the session is still of use: {left}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_may_be_dropped_at_any_moment() {
    drop_queries(cases(300)).await;
}

#[tokio::test(flavor = "current_thread")]
async fn streams_may_be_dropped_at_any_moment_on_one_thread() {
    drop_queries(cases(300)).await;
}

#[tokio::test]
async fn sizes_at_both_ends() {
    let ctx = SessionContext::new();
    register_all(&ctx).unwrap();
    let rows = async |sql: &str| answer(&ctx, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    for sql in [
        "CREATE TABLE nothing (\"user\" INT, question INT, score INT)",
        "CREATE TABLE single AS SELECT 1 AS \"user\", 'q' AS question, 5 AS score",
        "CREATE TABLE one_user AS SELECT 1 AS \"user\", value AS question, value % 3 AS score FROM generate_series(1, 20)",
        "CREATE TABLE one_question AS SELECT value AS \"user\", 1 AS question, value % 3 AS score FROM generate_series(1, 20)",
        "CREATE TABLE wide AS SELECT value % 7 AS \"user\", value / 3 AS question, value % 2 AS score
         FROM generate_series(0, 299999)",
        "CREATE TABLE long AS SELECT value AS \"user\", value % 3 AS question, value % 5 AS score
         FROM generate_series(1, 2000000)",
        "CREATE TABLE square AS SELECT u.value AS \"user\", q.value AS question, (u.value * q.value + u.value) % 3 AS score
         FROM generate_series(1, 12) u CROSS JOIN generate_series(1, 30) q",
    ] {
        rows(sql).await;
    }
    let count = async |call: &str| {
        let sql = format!("SELECT count(*), count(r) FROM k_corrset({call})");
        let batches = ctx.sql(&sql).await.unwrap().collect().await.unwrap();
        let value = |column: usize| batches[0].column(column).as_primitive::<Int64Type>().value(0);
        (value(0), value(1))
    };
    for k in [1, 2, 20, 1_000_000] {
        assert_eq!(count(&format!("nothing, {k}")).await, (0, 0));
    }
    assert_eq!(count("nothing, 9223372036854775807").await, (0, 0));
    assert_eq!(count("single, 1").await, (0, 0));
    assert_eq!(count("single, 1, undefined => 'null'").await, (1, 0));
    assert_eq!(count("single, 2, undefined => 'null'").await, (0, 0));
    assert_eq!(count("one_user, 3, undefined => 'null'").await, (1140, 0));
    assert_eq!(count("one_question, 1").await, (1, 1));
    assert_eq!(count("square, 30").await, (1, 1), "all of the questions");
    assert_eq!(count("square, 29, undefined => 'null'").await.0, 30);
    assert_eq!(count("square, 6, include => [1, 2, 3, 4]").await.0, 325);
    // 100,000 questions, of which each user answered a part.
    assert_eq!(count("wide, 1, undefined => 'null'").await.0, 100_000);
    let some = rows("SELECT * FROM k_corrset(wide, 2, undefined => 'null') LIMIT 5").await;
    assert_eq!(some.lines().count(), 5 + 4);
    let one = rows("SELECT * FROM k_corrset(long, 1) ORDER BY questions").await;
    assert_eq!(one.lines().count(), 3 + 4, "{one}");
    // 30,045,015 subsets, and far more than 64 bits can count.
    let some = rows("SELECT * FROM k_corrset(square, 20) LIMIT 5").await;
    assert_eq!(some.lines().count(), 5 + 4);
    let some = rows("SELECT * FROM k_corrset(wide, 40, undefined => 'null') LIMIT 5").await;
    assert_eq!(some.lines().count(), 5 + 4);
    // Far more than 2^64, and some between 2^63 and 2^64.
    rows(
        "CREATE TABLE some AS SELECT u.value AS \"user\", q.value AS question, u.value * q.value % 3 AS score
          FROM generate_series(1, 3) u CROSS JOIN generate_series(1, 67) q WHERE u.value + q.value > 2",
    )
    .await;
    for call in ["wide, 40", "some, 33"] {
        // It would take longer than anybody lives, and can be left at any time.
        let sql = format!("SELECT max(r) FROM k_corrset({call})");
        let answer = tokio::time::timeout(Duration::from_millis(300), answer(&ctx, &sql)).await;
        assert!(answer.is_err(), "{call}: {answer:?}");
    }
}

#[tokio::test]
#[ignore = "takes minutes and some GiB"]
async fn ten_million_users_and_five_billion_subsets() {
    let ctx = SessionContext::new();
    register_all(&ctx).unwrap();
    let collect = async |sql: &str| ctx.sql(sql).await.unwrap().collect().await.unwrap();
    let tables = [
        "CREATE TABLE many AS
         SELECT u.value AS \"user\", q.value AS question, (u.value * q.value + u.value % 7) % 5 AS score
         FROM generate_series(1, 10000000) u CROSS JOIN generate_series(1, 4) q WHERE (u.value + q.value) % 5 > 0",
        "CREATE TABLE wide AS
         SELECT value % 7 AS \"user\", value / 3 AS question, value % 2 AS score FROM generate_series(0, 299999)",
    ];
    for table in tables {
        collect(table).await;
    }
    let of_query = collect("SELECT r, n FROM k_corrset(many, 1) ORDER BY questions").await;
    let of_corr = collect(
        "WITH totals AS (SELECT \"user\", sum(score) AS total FROM many GROUP BY \"user\")
         SELECT corr(score, total), count(*) FROM many JOIN totals USING (\"user\") GROUP BY question ORDER BY question",
    )
    .await;
    assert_eq!(of_query[0].num_rows(), 4);
    for question in 0..4 {
        let r = |batch: &RecordBatch| batch.column(0).as_primitive::<Float64Type>().value(question);
        let n = |batch: &RecordBatch| batch.column(1).as_primitive::<Int64Type>().value(question);
        assert_eq!(n(&of_query[0]), n(&of_corr[0]));
        assert!((r(&of_query[0]) - r(&of_corr[0])).abs() < 1e-12);
    }
    // Every user is counted in each pair of the questions they answered.
    let pairs = collect("SELECT count(*), sum(n) FROM k_corrset(wide, 2, undefined => 'null')").await;
    let users = "SELECT sum(answers * (answers - 1) / 2) FROM
                 (SELECT count(*) AS answers FROM wide GROUP BY \"user\")";
    let by_user = collect(users).await;
    let value =
        |batch: &RecordBatch, column: usize| batch.column(column).as_primitive::<Int64Type>().value(0);
    assert_eq!(value(&pairs[0], 0), 100_000 * 99_999 / 2);
    assert_eq!(value(&pairs[0], 1), value(&by_user[0], 0));
}

#[tokio::test]
async fn names_may_be_long() {
    let ctx = SessionContext::new();
    register_all(&ctx).unwrap();
    let names: Vec<String> = ["a", "b", "c"].iter().map(|letter| letter.repeat(1 << 20)).collect();
    let rows = || (0..30).map(|row| (row % 10, &names[row / 10]));
    let users: ArrayRef = Arc::new(Int64Array::from_iter_values(rows().map(|(user, _)| user as i64)));
    let questions: ArrayRef = Arc::new(StringArray::from_iter_values(rows().map(|(_, name)| name)));
    let scores = rows().map(|(user, name)| (user as i64 * 7 + name.as_bytes()[0] as i64 * user as i64) % 4);
    let scores: ArrayRef = Arc::new(Int64Array::from_iter_values(scores));
    ctx.register_batch("exam", batch(users, questions, scores)).unwrap();
    let sql = "SELECT character_length(questions[2]), left(questions[2], 1) AS last FROM k_corrset(exam, 2)
               ORDER BY questions";
    let found = answer(&ctx, sql).await.unwrap();
    let rows: Vec<&str> = found.lines().filter(|line| line.contains("| 1048576 ")).collect();
    let last: Vec<char> =
        rows.iter().filter_map(|row| row.trim_end_matches(['|', ' ']).chars().last()).collect();
    assert_eq!(last, ['b', 'c', 'c'], "{found}");
}
