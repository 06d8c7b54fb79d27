//! Sweeps shared out to workers: the rows of one process, or an error that says what happened;
//! never less.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::datasource::MemTable;
use datafusion::error::Result;
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SendableRecordBatchStream, SessionStateBuilder, TaskContext};
use datafusion::object_store::memory::InMemory;
use datafusion::object_store::{ObjectStore, ObjectStoreExt};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_distributed::{
    DistributedExt, SessionStateBuilderExt, Worker, WorkerQueryContext, WorkerResolver,
};
use datafusion_k_corrset::udtf::NamedWorkers;
use datafusion_k_corrset::{register_all, with_k_corrset};
use futures::StreamExt;
use nix::sys::signal::Signal;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use url::Url;

use crate::prompt::{k_corrset, text};
use crate::support::exam::batch;
use crate::support::processes::{Process, exam as exam_of, prompt, prompt_with, three, wait_for_work};
use crate::support::random::Random;

/// Workers within this process, each at a port of its own. They go with it.
pub(crate) struct Workers {
    urls: Vec<Url>,
    /// What they run on, all of them.
    runtime: Arc<RuntimeEnv>,
    _servers: JoinSet<()>,
}

impl Workers {
    pub(crate) async fn start(count: usize) -> Self {
        Self::start_on(count, Arc::default()).await
    }

    async fn start_on(count: usize, runtime: Arc<RuntimeEnv>) -> Self {
        let (mut urls, mut servers) = (Vec::new(), JoinSet::new());
        for _ in 0..count {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            urls.push(format!("http://{}", listener.local_addr().unwrap()).parse().unwrap());
            let session = |query: WorkerQueryContext| async { Ok(with_k_corrset(query.builder).build()) };
            let worker = Worker::from_session_builder(session).with_runtime_env(Arc::clone(&runtime));
            let worker = worker.with_version("1.2.3");
            let server = Server::builder().add_service(worker.into_worker_server());
            let connections = TcpIncoming::from(listener).with_nodelay(Some(true));
            servers.spawn(async { server.serve_with_incoming(connections).await.unwrap() });
        }
        Self { urls, runtime, _servers: servers }
    }

    /// A session that shares out to these workers.
    pub(crate) fn session(&self, config: SessionConfig) -> SessionContext {
        self.session_on(config, Arc::default(), NamedWorkers::default())
    }

    fn session_on(
        &self,
        config: SessionConfig,
        runtime: Arc<RuntimeEnv>,
        connections: NamedWorkers,
    ) -> SessionContext {
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_default_features()
            .with_distributed_worker_resolver(Urls(self.urls.clone()))
            .with_distributed_channel_resolver(connections)
            .with_distributed_planner();
        let ctx = SessionContext::new_with_state(with_k_corrset(state).build());
        register_all(&ctx).unwrap();
        ctx
    }
}

struct Urls(Vec<Url>);

impl WorkerResolver for Urls {
    fn get_urls(&self) -> Result<Vec<Url>> {
        Ok(self.0.clone())
    }
}

/// A session in one process.
fn embedded(config: SessionConfig) -> SessionContext {
    let ctx = SessionContext::new_with_config(config);
    register_all(&ctx).unwrap();
    ctx
}

fn threads(threads: usize) -> SessionConfig {
    SessionConfig::new().with_target_partitions(threads)
}

/// Some answers of 120 users to some questions.
fn exam(questions: usize) -> RecordBatch {
    let mut random = Random::new(7);
    let rows: Vec<[i64; 3]> = (0..120)
        .flat_map(|user| (0..questions as i64).map(move |question| (user, question)))
        .filter_map(|(user, question)| {
            let score = random.below(3) as i64;
            (random.share() < 0.7).then_some([user, question, score])
        })
        .collect();
    let column = |column: usize| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row[column])))
    };
    batch(column(0), column(1), column(2))
}

fn register(ctx: &SessionContext, batch: RecordBatch) {
    let third = batch.num_rows() / 3;
    let parts = [batch.slice(0, third), batch.slice(third, batch.num_rows() - third)];
    let table = MemTable::try_new(batch.schema(), parts.map(|part| vec![part]).to_vec()).unwrap();
    ctx.register_table("exam", Arc::new(table)).unwrap();
}

async fn collect(ctx: &SessionContext, sql: &str) -> Result<Vec<RecordBatch>> {
    ctx.sql(sql).await?.collect().await
}

/// A table as text, with all digits of its numbers.
fn lines(batches: &[RecordBatch]) -> Vec<String> {
    let table = arrow::util::pretty::pretty_format_batches(batches).unwrap().to_string();
    table.lines().map(str::to_string).collect()
}

async fn plan(ctx: &SessionContext, sql: &str) -> String {
    let batches = collect(ctx, &format!("EXPLAIN {sql}")).await.unwrap();
    let last = batches.last().unwrap();
    last.column(1).as_string::<i32>().value(last.num_rows() - 1).to_string()
}

/// Statements whose rows have an order, or are one, or none.
const QUERIES: [&str; 25] = [
    "SELECT * FROM k_corrset(exam, 3) ORDER BY r DESC, questions LIMIT 7",
    "SELECT r, n FROM k_corrset(exam, 3) ORDER BY r, n DESC LIMIT 9",
    "SELECT * FROM k_corrset(exam, 3, top => 20)",
    "SELECT n FROM k_corrset(exam, 3, top => 20)",
    "SELECT * FROM k_corrset(exam, 3, top => 20) WHERE n > 40 ORDER BY questions",
    "SELECT * FROM k_corrset(exam, 3, top => 20) ORDER BY questions LIMIT 3",
    "SELECT * FROM k_corrset((SELECT 1000 * question + \"user\" AS id, score, (7 * score + \"user\") % 5 AS other,
     question % 3 AS third FROM exam), 2, wide => true, user => 'id', corrected => true) ORDER BY questions",
    "SELECT * FROM k_corrset((SELECT *, \"user\" % 7 + 0.5 AS grade FROM exam), 3, criterion => 'grade', top => 9)",
    "SELECT * FROM k_corrset((SELECT *, CASE WHEN \"user\" > 9 THEN \"user\" / 7.0e0 END AS grade FROM exam), 2, criterion => 'grade')
     ORDER BY r, questions",
    "SELECT * FROM k_corrset(exam, 3, top => 9, statistics => ['alpha', 'item_rest_r', 'r_low', 'r_high', 'mean', 'sd'])",
    "SELECT questions, mean, r_low FROM k_corrset((SELECT * EXCLUDE (score), score / 7.0e0 AS score FROM exam), 3, statistics => ['r_low', 'mean'])
     ORDER BY r_low DESC, questions LIMIT 8",
    "SELECT * FROM k_corrset(exam, sets => [[1, 2, 3], [4, 5], [3, 2, 1]], statistics => 'alpha') ORDER BY questions",
    "SELECT h.questions, h.r, h.n, b.r FROM (SELECT * FROM k_corrset(exam, 3, top => 6)) AS b
     JOIN k_corrset((SELECT * FROM exam WHERE \"user\" % 2 = 0), sets => (SELECT questions FROM k_corrset(exam, 3, top => 6))) AS h
       ON h.questions = b.questions ORDER BY h.questions",
    "SELECT * FROM k_corrset((SELECT *, \"user\" % 3 AS course FROM exam), 3, partition_by => 'course', top => 2) ORDER BY course, questions",
    "SELECT course, count(*), max(r) FROM k_corrset((SELECT *, \"user\" % 3 AS course FROM exam), 2, partition_by => 'course')
     WHERE course > 0 GROUP BY course ORDER BY course",
    "SELECT count(*) FROM k_corrset(exam, 4)",
    "SELECT count(*), max(r), min(n) FROM k_corrset(exam, 4)",
    "SELECT max(r) FROM k_corrset(exam, 4)",
    "SELECT n, count(*), max(r) FROM k_corrset(exam, 2) GROUP BY n ORDER BY n",
    "SELECT * FROM k_corrset(exam, 2) WHERE r > 0.3 AND array_has(questions, 5) ORDER BY r, questions",
    "SELECT * FROM k_corrset(exam, 2, undefined => 'null', corrected => true, include => [3]) ORDER BY questions",
    "SELECT s.questions, t.r FROM k_corrset(exam, 2) AS s JOIN k_corrset(exam, 3) AS t ON s.n = t.n
     WHERE s.r > 0.4 AND t.r > 0.5 ORDER BY s.questions, t.questions LIMIT 50",
    "SELECT question, count(*) FROM (SELECT unnest(questions) AS question FROM k_corrset(exam, 2, top => 30))
     GROUP BY question ORDER BY question",
    "SELECT * FROM k_corrset((SELECT * FROM exam WHERE question < 6), 6, undefined => 'null')",
    "SELECT * FROM k_corrset((SELECT * FROM exam WHERE question < 6), 7)",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_sql_text_gives_the_same_rows_everywhere() {
    for (workers, of_each) in [(1, 2), (3, 2), (5, 1), (7, 3)] {
        let workers = Workers::start(workers).await;
        for setting in ["SET k_corrset.pushdown = true", "SET k_corrset.pushdown = false"] {
            let here = embedded(threads(2));
            let there = workers.session(threads(of_each));
            for ctx in [&here, &there] {
                register(ctx, exam(14));
                collect(ctx, setting).await.unwrap();
            }
            for sql in QUERIES {
                let expected = lines(&collect(&here, sql).await.unwrap());
                let found = collect(&there, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
                assert_eq!(lines(&found), expected, "{sql}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_without_an_order_are_all_there() {
    let workers = Workers::start(3).await;
    for of_each in [1, 2, 5] {
        let (here, there) = (embedded(threads(2)), workers.session(threads(of_each)));
        register(&here, exam(12));
        register(&there, exam(12));
        for sql in ["SELECT * FROM k_corrset(exam, 3)", "SELECT r FROM k_corrset(exam, 4)"] {
            let sorted = async |ctx| {
                let mut lines = lines(&collect(ctx, sql).await.unwrap());
                lines.sort();
                lines
            };
            assert_eq!(sorted(&there).await, sorted(&here).await, "{sql}");
        }
        let some = collect(&there, "SELECT * FROM k_corrset(exam, 3) LIMIT 20").await.unwrap();
        assert_eq!(some.iter().map(RecordBatch::num_rows).sum::<usize>(), 20);
        let distinct = "SELECT count(DISTINCT questions) FROM (SELECT * FROM k_corrset(exam, 3) LIMIT 20)";
        assert_eq!(lines(&collect(&there, distinct).await.unwrap())[3].trim_matches(['|', ' ']), "20");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plan_shows_what_workers_do() {
    let workers = Workers::start(3).await;
    let ctx = workers.session(threads(2));
    register(&ctx, exam(12));
    collect(&ctx, "SET k_corrset.kernel = 'portable'").await.unwrap();
    assert_eq!(
        plan(&ctx, "SELECT * FROM k_corrset(exam, 3) ORDER BY r DESC LIMIT 10").await,
        "\
┌───── DistributedExec
│ SortPreservingMergeExec: [r@1 DESC], fetch=10
│   [Stage 1] => NetworkCoalesceExec: output_partitions=6, input_tasks=3
└──────────────────────────────────────────────────
  ┌───── Stage 1 ── tasks=3, partitions=6
  │ SortExec: TopK(fetch=10), expr=[r@1 DESC], preserve_partitioning=[true]
  │   KCorrsetExec: k=3, predicate=DynamicFilter [ empty ], projection=[questions, r, n], kernel=portable
  │     SharedInputExec: the coordinator's index <- DataSourceExec: partitions=2, partition_sizes=[1, 1]
  └──────────────────────────────────────────────────
"
    );
    assert_eq!(
        plan(&ctx, "SELECT n FROM k_corrset(exam, 3, top => 10)").await,
        "\
┌───── DistributedExec
│ ProjectionExec: expr=[n@2 as n]
│   SortPreservingMergeExec: [r@1 DESC NULLS LAST, n@2 DESC NULLS LAST, questions@0 ASC NULLS LAST], fetch=10
│     [Stage 1] => NetworkCoalesceExec: output_partitions=3, input_tasks=3
└──────────────────────────────────────────────────
  ┌───── Stage 1 ── tasks=3, partitions=3
  │ SortExec: TopK(fetch=10), expr=[r@1 DESC NULLS LAST, n@2 DESC NULLS LAST, questions@0 ASC NULLS LAST], preserve_partitioning=[true]
  │   KCorrsetExec: k=3, top=10, kernel=portable
  │     SharedInputExec: the coordinator's index <- DataSourceExec: partitions=2, partition_sizes=[1, 1]
  └──────────────────────────────────────────────────
"
    );
    // What has nothing to do with sweeps stays as it is.
    assert!(plan(&ctx, "SELECT count(*) FROM exam").await.starts_with("ProjectionExec"));
}

/// Counts how often it is read.
#[derive(Debug)]
struct Counting {
    batch: RecordBatch,
    reads: Arc<AtomicUsize>,
}

impl PartitionStream for Counting {
    fn schema(&self) -> &arrow::datatypes::SchemaRef {
        self.batch.schema_ref()
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let batch = futures::stream::iter([Ok(self.batch.clone())]);
        Box::pin(RecordBatchStreamAdapter::new(self.batch.schema(), batch))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_input_is_read_once_for_all() {
    let workers = Workers::start(4).await;
    let ctx = workers.session(threads(2));
    let reads = Arc::new(AtomicUsize::new(0));
    let stream = Counting { batch: exam(12), reads: Arc::clone(&reads) };
    let table = StreamingTable::try_new(stream.batch.schema(), vec![Arc::new(stream)]).unwrap();
    ctx.register_table("exam", Arc::new(table)).unwrap();
    for (query, expected) in [("k_corrset(exam, 3)", 1), ("k_corrset(exam, 3, top => 5)", 2)] {
        collect(&ctx, &format!("SELECT max(r), count(*) FROM {query}")).await.unwrap();
        assert_eq!(reads.load(Ordering::SeqCst), expected);
    }
}

/// Files that all workers reach are read by all of them, if they are large enough.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_files_on_shared_storage_are_read_by_each_worker() {
    let mut table = arrow::csv::Writer::new(Vec::new());
    table.write(&exam(12)).unwrap();
    let storage: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    storage.put(&"exam.csv".into(), table.into_inner().into()).await.unwrap();
    let reach = || {
        let runtime = Arc::new(RuntimeEnv::default());
        runtime.register_object_store(&"memory://shared".parse().unwrap(), Arc::clone(&storage));
        runtime
    };
    let workers = Workers::start_on(3, reach()).await;
    let (here, there) =
        (embedded(threads(2)), workers.session_on(threads(2), reach(), NamedWorkers::default()));
    register(&here, exam(12));
    there.register_csv("exam", "memory://shared/exam.csv", Default::default()).await.unwrap();
    let small = plan(&there, QUERIES[0]).await;
    assert!(small.contains("SharedInputExec: the coordinator's index"), "{small}");
    collect(&there, "SET k_corrset.ship_below = 1000").await.unwrap();
    let large = plan(&there, QUERIES[0]).await;
    assert!(large.contains("SharedInputExec: every task reads <- "), "{large}");
    for sql in &QUERIES[..21] {
        let expected = lines(&collect(&here, sql).await.unwrap());
        assert_eq!(lines(&collect(&there, sql).await.unwrap()), expected, "{sql}");
    }
    // A worker that does not reach it says so.
    let workers = Workers::start(3).await;
    let blind = workers.session_on(threads(2), reach(), NamedWorkers::default());
    blind.register_csv("exam", "memory://shared/exam.csv", Default::default()).await.unwrap();
    collect(&blind, "SET k_corrset.ship_below = 1000").await.unwrap();
    let error = collect(&blind, QUERIES[0]).await.unwrap_err().to_string();
    assert!(error.contains("No suitable object store found for memory://shared"), "{error}");
}

/// An index of more bytes than one message may have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_of_many_messages_arrives() {
    let workers = Workers::start(2).await;
    let sql = "SELECT * FROM k_corrset((SELECT value % 40000 AS \"user\", value / 40000 AS question,
               (value * 7919) % 1000 AS score FROM generate_series(0, 1199999)), 2, top => 5)";
    let (here, there) = (embedded(threads(2)), workers.session(threads(2)));
    assert_eq!(lines(&collect(&there, sql).await.unwrap()), lines(&collect(&here, sql).await.unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_the_input_is_said() {
    let workers = Workers::start(3).await;
    let (here, there) = (embedded(threads(2)), workers.session(threads(2)));
    for sql in [
        "SELECT max(r) FROM k_corrset((SELECT 1 AS \"user\", 2 AS question, 3 AS score FROM generate_series(1, 2)), 1)",
        "SELECT * FROM k_corrset((SELECT 1 AS \"user\", 2 AS question, 'NaN'::DOUBLE AS score), 1, top => 3)",
        "SELECT * FROM k_corrset((SELECT 1 AS \"user\", 2 AS question, 3 AS score), 1, include => [77])",
    ] {
        let [here, there] = [collect(&here, sql).await, collect(&there, sql).await]
            .map(|result| result.unwrap_err().find_root().to_string());
        let said = here.rsplit("k_corrset: ").next().unwrap();
        assert!(there.contains(said), "{there} does not say: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_without_memory_is_an_error() {
    let small = RuntimeEnvBuilder::new().with_memory_pool(Arc::new(GreedyMemoryPool::new(4000)));
    let workers = Workers::start_on(3, small.build_arc().unwrap()).await;
    let ctx = workers.session(threads(2));
    register(&ctx, exam(14));
    let error = collect(&ctx, "SELECT max(r) FROM k_corrset(exam, 3)").await.unwrap_err().to_string();
    assert!(error.contains("Failed to allocate"), "{error}");
    // Others may still be on their way out.
    let deadline = Instant::now() + Duration::from_secs(60);
    while workers.runtime.memory_pool.reserved() > 0 {
        assert!(Instant::now() < deadline, "{} bytes", workers.runtime.memory_pool.reserved());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_not_there_is_an_error() {
    let mut workers = Workers::start(2).await;
    // Nobody listens at a port that has just been given back.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    workers.urls.push(format!("http://{gone}").parse().unwrap());
    let ctx = workers.session(threads(2));
    register(&ctx, exam(14));
    let error = collect(&ctx, "SELECT max(r) FROM k_corrset(exam, 3)").await.unwrap_err().to_string();
    assert!(error.contains(&gone.to_string()), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_of_another_version_is_an_error() {
    let workers = Workers::start(2).await;
    for (version, is_theirs) in [("1.2.3", true), ("1.2.4", false)] {
        let connections = NamedWorkers::default().with_version(version);
        let ctx = workers.session_on(threads(2), Arc::default(), connections);
        register(&ctx, exam(14));
        let rows = collect(&ctx, "SELECT max(r) FROM k_corrset(exam, 3)").await;
        if is_theirs {
            assert_eq!(rows.unwrap().iter().map(RecordBatch::num_rows).sum::<usize>(), 1);
            continue;
        }
        let error = rows.unwrap_err().to_string();
        assert!(workers.urls.iter().any(|url| error.contains(&format!("the worker at {url}"))), "{error}");
        let versions = "is of version '1.2.3', and the coordinator of version '1.2.4'; run the same version";
        assert!(error.contains(versions), "{error}");
    }
}

/// A sweep that takes minutes.
const LONG: &str = "SELECT avg(r) FROM k_corrset(exam, 9)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_is_dropped_ends_on_the_workers() {
    let workers = Workers::start(3).await;
    let ctx = workers.session(threads(2));
    register(&ctx, exam(60));
    let reserved = || workers.runtime.memory_pool.reserved();
    let until = async |there: bool| {
        let deadline = Instant::now() + Duration::from_secs(60);
        while (reserved() > 0) != there {
            assert!(Instant::now() < deadline, "{} bytes are reserved", reserved());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let mut stream = ctx.sql(LONG).await.unwrap().execute_stream().await.unwrap();
    let first = tokio::spawn(async move { stream.next().await.is_some() });
    until(true).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(reserved() > 0, "the sweep takes longer than that");
    first.abort();
    until(false).await;
}

/// Whatever plan reaches it, and by whatever path or link.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_has_no_files_but_those_of_its_folder() {
    let [ours, others] = [(); 2].map(|()| tempfile::TempDir::new().unwrap());
    for (folder, name) in [(&ours, "inside"), (&others, "outside")] {
        let file = std::fs::File::create(folder.path().join(format!("{name}.csv"))).unwrap();
        arrow::csv::Writer::new(file).write(&exam(12)).unwrap();
    }
    let link = |to: std::path::PathBuf, name: &str| {
        std::os::unix::fs::symlink(to, ours.path().join(name)).unwrap();
    };
    link(others.path().join("outside.csv"), "linked.csv");
    link(others.path().to_path_buf(), "folder");
    let data_path = ["--data-path", ours.path().to_str().unwrap()];
    let processes: [Process; 2] = std::array::from_fn(|_| Process::start_with(&data_path, None));
    let urls = processes.iter().map(|process| process.url.parse().unwrap()).collect();
    let workers = Workers { urls, runtime: Arc::default(), _servers: JoinSet::new() };
    let ctx = workers.session(threads(2));
    collect(&ctx, "SET distributed.file_scan_config_bytes_per_partition = 1").await.unwrap();
    for (path, is_theirs) in [
        (ours.path().join("inside.csv"), true),
        (others.path().join("outside.csv"), false),
        (ours.path().join("linked.csv"), false),
        (ours.path().join("folder/outside.csv"), false),
        (ours.path().join("../").join(others.path().file_name().unwrap()).join("outside.csv"), false),
    ] {
        let path = path.to_str().unwrap();
        ctx.register_csv("answers", path, Default::default()).await.unwrap();
        let read = collect(&ctx, "SELECT question, count(*) FROM answers GROUP BY question").await;
        ctx.deregister_table("answers").unwrap();
        match read {
            Ok(rows) => {
                assert!(is_theirs, "{path}");
                assert_eq!(rows.iter().map(RecordBatch::num_rows).sum::<usize>(), 12);
            }
            Err(error) => {
                let error = error.to_string();
                assert!(
                    !is_theirs && error.contains("this worker has no files but those in"),
                    "{path}: {error}"
                );
            }
        }
    }
}

#[test]
fn three_processes_give_the_rows_of_one() {
    let workers = three();
    for query in [
        "SELECT * FROM k_corrset(exam, 3) ORDER BY r DESC, n DESC, questions LIMIT 100",
        "SELECT * FROM k_corrset(exam, 3, top => 100)",
        "SELECT n, count(*), max(r) FROM k_corrset(exam, 3) GROUP BY n ORDER BY n",
    ] {
        let [one, three] = [&workers[..0], &workers[..]]
            .map(|workers| prompt(workers, 20, query).wait_with_output().unwrap());
        assert!(three.status.success(), "{}", text(&three.stderr));
        assert_eq!(text(&three.stdout), text(&one.stdout));
        assert!(text(&one.stdout).lines().count() > 10, "{}", text(&one.stderr));
    }
}

/// Such workers report nothing before their task has ended.
#[test]
fn workers_that_send_no_metrics_give_the_same_rows() {
    let workers = three();
    let query = "SELECT max(r), count(*) FROM k_corrset(exam, 5)";
    let alone = prompt(&[], 40, query).wait_with_output().unwrap();
    let silent = ["-c", "SET distributed.collect_metrics = false"];
    let found = prompt_with(&silent, &workers, 40, query).wait_with_output().unwrap();
    assert!(found.status.success(), "{}", text(&found.stderr));
    assert_eq!(text(&found.stdout), text(&alone.stdout));
}

#[test]
fn workers_aggregate_also_for_a_coordinator_of_one_thread() {
    let workers = three();
    let (exam, query) = (exam_of(12), "EXPLAIN SELECT avg(r) FROM k_corrset(exam, 3)");
    for threads in ["SET k_corrset.threads = 0", "SET k_corrset.threads = 1"] {
        let mut arguments = vec!["-q", "-j", "1", "-c", &exam, "-c", threads, "-c", query, "--workers"];
        arguments.extend(workers.iter().map(|worker| worker.url.as_str()));
        let plan = text(&k_corrset(&arguments).output().unwrap().stdout);
        let [coordinator, worker] = plan.split("Stage 1 ──").collect::<Vec<_>>()[..] else {
            panic!("{plan}")
        };
        assert!(coordinator.contains("mode=Final") && worker.contains("mode=Partial"), "{plan}");
    }
}

#[test]
fn a_worker_that_is_slow_is_waited_for() {
    let workers = three();
    let query = "SELECT count(*), max(r), sum(n) FROM k_corrset(exam, 7)";
    let alone = prompt(&[], 50, query).wait_with_output().unwrap();
    let query = prompt(&workers, 50, query);
    wait_for_work(&workers);
    workers[2].send(Signal::SIGSTOP);
    std::thread::sleep(Duration::from_secs(2));
    workers[2].send(Signal::SIGCONT);
    let output = query.wait_with_output().unwrap();
    assert_eq!(text(&output.stdout), text(&alone.stdout), "{}", text(&output.stderr));
    assert_eq!(text(&alone.stdout).lines().count(), 1);
}

#[tokio::test]
async fn a_plan_that_cannot_be_sent_shows_no_rows() {
    use datafusion_proto::physical_plan::{AsExecutionPlan, DefaultPhysicalExtensionCodec};
    use datafusion_proto::protobuf::PhysicalPlanNode;

    let ctx = SessionContext::new();
    register_all(&ctx).unwrap();
    let exam = "CREATE TABLE exam AS SELECT 'secret' AS \"user\", 'hidden' AS question, 3 AS score";
    ctx.sql(exam).await.unwrap().collect().await.unwrap();
    let frame = ctx.sql("SELECT * FROM k_corrset(exam, 1) ORDER BY r LIMIT 3").await.unwrap();
    let plan = frame.create_physical_plan().await.unwrap();
    // An engine without our codec.
    let sent = PhysicalPlanNode::try_from_physical_plan(plan, &DefaultPhysicalExtensionCodec {});
    let error = sent.unwrap_err().to_string();
    assert!(error.contains("KCorrsetExec"), "{error}");
    assert!(!error.contains("secret") && !error.contains("hidden"), "{error}");
}

#[test]
fn lists_are_copied_to_csv_on_workers_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sets.csv");
    let workers = [Process::start(), Process::start()];
    let sql = format!(
        "COPY (SELECT * FROM k_corrset((SELECT 'u' || u.value AS \"user\", 'q, ' || q.value AS question,
         (u.value * q.value) % 3 AS score FROM generate_series(1, 30) u CROSS JOIN generate_series(1, 9) q), 2,
         undefined => 'null')) TO '{}'",
        path.display()
    );
    let mut arguments = vec!["-q", "-c", &sql, "--workers"];
    arguments.extend(workers.iter().map(|worker| worker.url.as_str()));
    let output = k_corrset(&arguments).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let copied = std::fs::read_to_string(&path).unwrap();
    assert_eq!(copied.lines().count(), 37);
    assert!(copied.lines().skip(1).all(|line| line.starts_with("\"['q, ")), "{copied}");
}
