//! How a query runs: partitions, back-pressure, the end of streams, memory, DataFrames.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema};
use arrow::util::pretty::pretty_format_batches;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, collect};
use datafusion::prelude::{SessionConfig, SessionContext, col, lit};
use datafusion_k_corrset::sweep::{SetCount, SweepProgress, Undefined};
use datafusion_k_corrset::udtf::Notices;
use datafusion_k_corrset::{KCorrsetError, KCorrsetExt, KCorrsetOptions, register_all};
use futures::StreamExt;

/// A session with a table `exam`, of a number of questions; half of 200 users answered each.
async fn session(config: SessionConfig, questions: u32) -> SessionContext {
    let ctx = SessionContext::new_with_config(config);
    prepare(&ctx, questions).await;
    ctx
}

async fn prepare(ctx: &SessionContext, questions: u32) {
    register_all(ctx).unwrap();
    let table = format!(
        "CREATE TABLE exam AS SELECT 'u' || u.value AS \"user\", 'q' || lpad(CAST(q.value AS VARCHAR), 3, '0') AS question,
         CAST((u.value * 7 + q.value * u.value * 3 + q.value) % 5 < 2 AS INT) AS score
         FROM generate_series(1, 200) u CROSS JOIN generate_series(1, {questions}) q
         WHERE (u.value * 11 + q.value * 13 + u.value * q.value) % 1009 % 7 < 4"
    );
    ctx.sql(&table).await.unwrap().collect().await.unwrap();
}

async fn rows(ctx: &SessionContext, sql: &str) -> String {
    let batches = ctx.sql(sql).await.unwrap().collect().await.unwrap();
    pretty_format_batches(&batches).unwrap().to_string()
}

async fn plan(ctx: &SessionContext, sql: &str) -> Arc<dyn ExecutionPlan> {
    ctx.sql(sql).await.unwrap().create_physical_plan().await.unwrap()
}

#[tokio::test]
async fn partitions_and_batch_sizes_change_nothing() {
    let query = "SELECT * FROM k_corrset(exam, 3) ORDER BY questions";
    let top = "SELECT * FROM k_corrset(exam, 3, {'top': 57})";
    let plain = session(SessionConfig::new().with_target_partitions(1), 20).await;
    let (expected, expected_top) = (rows(&plain, query).await, rows(&plain, top).await);
    for (partitions, batch_size) in [(1, 1), (2, 8192), (3, 7), (8, 100), (64, 1000)] {
        let config = SessionConfig::new().with_target_partitions(partitions).with_batch_size(batch_size);
        let ctx = session(config, 20).await;
        assert_eq!(rows(&ctx, query).await, expected, "{partitions} partitions, batches of {batch_size}");
        assert_eq!(rows(&ctx, top).await, expected_top, "{partitions} partitions, batches of {batch_size}");
        let stream =
            ctx.sql("SELECT * FROM k_corrset(exam, 3)").await.unwrap().execute_stream().await.unwrap();
        let sizes: Vec<usize> = stream.map(|batch| batch.unwrap().num_rows()).collect().await;
        assert!(sizes.iter().all(|&size| (1..=batch_size).contains(&size)), "{sizes:?}");
    }
}

#[tokio::test]
async fn a_table_without_partitions_has_no_rows() {
    let column = |name, data_type| Field::new(name, data_type, true);
    for score in [DataType::Int64, DataType::Utf8] {
        let names = ["user", "question"].map(|name| column(name, DataType::Utf8));
        let schema = Schema::new([&names[..], &[column("score", score)]].concat());
        let ctx = SessionContext::new();
        register_all(&ctx).unwrap();
        let table = StreamingTable::try_new(Arc::new(schema), Vec::new()).unwrap();
        ctx.register_table("exam", Arc::new(table)).unwrap();
        let found = rows(&ctx, "SELECT count(*) AS sets FROM k_corrset(exam, 2)").await;
        assert!(found.contains("| 0    |"), "{found}");
    }
}

#[tokio::test]
async fn partitions_may_be_read_one_after_the_other() {
    let ctx = session(SessionConfig::new().with_target_partitions(4).with_batch_size(64), 20).await;
    let plan = plan(&ctx, "SELECT * FROM k_corrset(exam, 3, {'undefined': 'null'})").await;
    let partitions = plan.output_partitioning().partition_count();
    assert_eq!(partitions, 4);
    let mut streams: Vec<_> =
        (0..partitions).map(|partition| plan.execute(partition, ctx.task_ctx()).unwrap()).collect();
    let mut rows = Vec::new();
    // The first is read to its end while the others have been started by a single batch.
    for stream in streams.iter_mut().rev() {
        rows.push(stream.next().await.unwrap().unwrap().num_rows());
    }
    for mut stream in streams {
        while let Some(batch) = stream.next().await {
            rows.push(batch.unwrap().num_rows());
        }
    }
    assert_eq!(rows.iter().sum::<usize>(), 1140);
}

#[tokio::test]
async fn a_plan_that_is_reset_starts_anew() {
    let ctx = session(SessionConfig::new().with_target_partitions(2), 8).await;
    let plan = plan(&ctx, "SELECT * FROM k_corrset(exam, 2, {'undefined': 'null'})").await;
    let count = |batches: Vec<RecordBatch>| batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    assert_eq!(count(collect(Arc::clone(&plan), ctx.task_ctx()).await.unwrap()), 28);
    let again = Arc::clone(&plan).reset_state().unwrap();
    assert_eq!(count(collect(again, ctx.task_ctx()).await.unwrap()), 28);
}

#[tokio::test]
async fn a_plan_that_is_reset_forgets_the_bounds_of_its_last_run() {
    let ctx = session(SessionConfig::new().with_target_partitions(1), 12).await;
    let plan = plan(&ctx, "SELECT * FROM k_corrset(exam, 2) ORDER BY r DESC LIMIT 3").await;
    let run = async |plan: &Arc<dyn ExecutionPlan>| {
        let batches = collect(Arc::clone(plan), ctx.task_ctx()).await.unwrap();
        pretty_format_batches(&batches).unwrap().to_string()
    };
    let first = run(&plan).await;
    assert_eq!(first.lines().count(), 3 + 4);
    let again = reset_plan_states(Arc::clone(&plan)).unwrap();
    assert_eq!(run(&again).await, first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_runs_again_without_a_reset_keeps_no_bound() {
    let ctx = session(SessionConfig::new().with_target_partitions(2), 12).await;
    for query in ["SELECT max(r) FROM k_corrset(exam, 2)", "SELECT min(r), max(r) FROM k_corrset(exam, 3)"] {
        let plan = plan(&ctx, query).await;
        let run = async || {
            let batches = collect(Arc::clone(&plan), ctx.task_ctx()).await.unwrap();
            pretty_format_batches(&batches).unwrap().to_string()
        };
        let first = run().await;
        assert!(first.contains("0."), "{first}");
        for _ in 0..3 {
            assert_eq!(run().await, first, "{query}");
        }
    }
    // A run of which only one partition was ever read, and then one of all.
    let plan = plan(&ctx, "SELECT questions FROM k_corrset(exam, 2, undefined => 'null')").await;
    assert_eq!(plan.output_partitioning().partition_count(), 2);
    let rows = async |partition| {
        let batches = plan.execute(partition, ctx.task_ctx()).unwrap().map(|batch| batch.unwrap().num_rows());
        batches.collect::<Vec<usize>>().await.into_iter().sum::<usize>()
    };
    let one = rows(0).await;
    assert_eq!((rows(0).await, one + rows(1).await), (one, 66));
}

/// Waits until the counter has not moved for a while.
async fn at_rest(progress: &SweepProgress) -> u64 {
    let begun = Instant::now();
    loop {
        let before = progress.done();
        tokio::time::sleep(Duration::from_millis(300)).await;
        if progress.done() == before {
            return before;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "the sweep goes on and on");
    }
}

#[tokio::test]
async fn a_consumer_that_does_not_read_holds_the_sweep_up() {
    let progress = Arc::new(SweepProgress::default());
    let config = SessionConfig::new()
        .with_target_partitions(2)
        .with_batch_size(1000)
        .with_extension(Arc::clone(&progress));
    let ctx = session(config, 60).await;
    let frame = ctx.sql("SELECT * FROM k_corrset(exam, 6, {'undefined': 'null'})").await.unwrap();
    let mut stream = frame.execute_stream().await.unwrap();
    stream.next().await.unwrap().unwrap();
    let done = at_rest(&progress).await;
    assert_eq!(progress.expected(), SetCount::Exactly(50_063_860));
    assert!(done < 100_000, "{done} subsets for one batch read");
    // It goes on where it stood.
    for _ in 0..100 {
        stream.next().await.unwrap().unwrap();
    }
    assert!(at_rest(&progress).await > done);
}

#[tokio::test]
async fn a_sweep_without_end_says_so_at_its_start() {
    let notices = Arc::new(Notices::default());
    let config = SessionConfig::new().with_target_partitions(2).with_extension(Arc::clone(&notices));
    let ctx = session(config, 120).await;
    let said = async |sql: &str| {
        let mut stream = ctx.sql(sql).await.unwrap().execute_stream().await.unwrap();
        // What it has to say comes before its rows, of which there are none for ages.
        let mut said = Vec::new();
        for _ in 0..2000 {
            let row = tokio::time::timeout(Duration::from_millis(5), stream.next()).await;
            said = notices.take();
            if row.is_ok() || !said.is_empty() {
                break;
            }
        }
        said
    };
    let endless = said("SELECT max(r) FROM k_corrset(exam, 40)").await;
    let [notice] = &endless[..] else { panic!("{endless:?}") };
    let begins =
        "k_corrset: to sweep 1.15e32 sets takes about 9e15 years unless most of them have too few users";
    assert!(notice.starts_with(begins), "{notice}");
    for way_out in ["exclude => [...]", "min_users => 30", "top => 10, search => 'heuristic'"] {
        assert!(notice.contains(way_out), "{notice}");
    }
    for ends in [
        "SELECT max(r) FROM k_corrset(exam, 2)",
        "SELECT * FROM k_corrset(exam, 40) LIMIT 3",
        "SELECT max(r) FROM k_corrset(exam, 40, top => 1, search => 'heuristic', min_users => 100)",
    ] {
        assert_eq!(said(ends).await, Vec::<String>::new(), "{ends}");
    }
}

#[tokio::test]
async fn a_dropped_stream_stops_the_sweep() {
    for flags in ["", ", {'top': 5}"] {
        let progress = Arc::new(SweepProgress::default());
        let config = SessionConfig::new().with_target_partitions(2).with_extension(Arc::clone(&progress));
        let ctx = session(config, 120).await;
        // More than anyone can wait for; the second hands out nothing before its end.
        let frame = ctx.sql(&format!("SELECT max(r) FROM k_corrset(exam, 9{flags})")).await.unwrap();
        let mut stream = frame.execute_stream().await.unwrap();
        let begun = Instant::now();
        while progress.done() == 0 {
            let poll = tokio::time::timeout(Duration::from_millis(5), stream.next()).await;
            assert!(poll.is_err(), "no result yet");
            assert!(begun.elapsed() < Duration::from_secs(60), "the sweep does not begin");
        }
        drop(stream);
        let done = at_rest(&progress).await;
        assert!((done as f64) < progress.expected().about(), "{done}");
        assert_eq!(ctx.runtime_env().memory_pool.reserved(), 0);
    }
}

#[tokio::test]
async fn an_error_of_the_input_is_the_error_of_the_query() {
    let ctx = session(SessionConfig::new().with_target_partitions(3), 5).await;
    ctx.sql("CREATE VIEW bad AS SELECT \"user\", question, score / (score - 1) AS score FROM exam")
        .await
        .unwrap();
    let error = ctx.sql("SELECT * FROM k_corrset(bad, 2)").await.unwrap().collect().await.unwrap_err();
    assert!(error.to_string().contains("Divide by zero"), "{error}");
}

#[tokio::test]
async fn errors_of_the_data_can_be_told_apart() {
    let ctx = session(SessionConfig::new(), 5).await;
    ctx.sql("CREATE VIEW twice AS SELECT * FROM exam UNION ALL SELECT * FROM exam").await.unwrap();
    let error = ctx.sql("SELECT * FROM k_corrset(twice, 2)").await.unwrap().collect().await.unwrap_err();
    let DataFusionError::External(cause) = error.find_root() else { panic!("{error}") };
    let cause = cause.downcast_ref::<KCorrsetError>();
    assert!(matches!(cause, Some(KCorrsetError::DuplicateAnswer { .. })), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_queries_share_the_threads() {
    let ctx = session(SessionConfig::new().with_target_partitions(2), 20).await;
    let expected = rows(&ctx, "SELECT count(*), max(r) FROM k_corrset(exam, 4)").await;
    let query = || rows(&ctx, "SELECT count(*), max(r) FROM k_corrset(exam, 4)");
    let found = futures::future::join_all((0..20).map(|_| query())).await;
    assert!(found.iter().all(|found| *found == expected));
}

#[tokio::test]
async fn the_session_ends_with_its_last_handle() {
    let ctx = session(SessionConfig::new(), 5).await;
    rows(&ctx, "SELECT * FROM k_corrset(exam, 2)").await;
    let state = Arc::downgrade(&ctx.state_ref());
    drop(ctx);
    assert!(state.upgrade().is_none(), "something keeps the session");
}

#[tokio::test]
async fn metrics_tell_what_was_done() {
    let ctx = session(SessionConfig::new().with_target_partitions(2), 20).await;
    let plan = plan(&ctx, "SELECT * FROM k_corrset(exam, 4, {'min_users': 35})").await;
    let batches = collect(Arc::clone(&plan), ctx.task_ctx()).await.unwrap();
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let mut node = plan;
    while node.name() != "KCorrsetExec" {
        node = Arc::clone(node.children()[0]);
    }
    let metrics = node.metrics().unwrap();
    let sum = |name: &str| metrics.sum_by_name(name).map(|value| value.as_usize());
    let users = ctx.sql("SELECT DISTINCT \"user\" FROM exam").await.unwrap().count().await.unwrap();
    assert_eq!(sum("users"), Some(users));
    assert_eq!(sum("questions"), Some(20));
    assert_eq!(sum("subsets_total"), Some(4845));
    assert_eq!(sum("subsets_emitted"), Some(rows));
    assert_eq!(metrics.output_rows(), Some(rows));
    let pruned = sum("subsets_pruned").unwrap();
    assert!(pruned > 0 && pruned + rows <= 4845, "{pruned} pruned, {rows} emitted");
    assert!(sum("index_time").unwrap() > 0);
    assert!(sum("sweep_time").unwrap() > 0);
}

#[tokio::test]
async fn a_data_frame_has_the_function_as_a_method() {
    let ctx = session(SessionConfig::new(), 12).await;
    let exam = || async { ctx.table("exam").await.unwrap() };
    let frame = exam().await.k_corrset(2).unwrap().sort(vec![col("questions").sort(true, true)]).unwrap();
    let by_method = pretty_format_batches(&frame.collect().await.unwrap()).unwrap().to_string();
    assert_eq!(by_method, rows(&ctx, "SELECT * FROM k_corrset(exam, 2) ORDER BY questions").await);

    let options = KCorrsetOptions::new()
        .user("who")
        .question("question")
        .score("score")
        .min_users(20)
        .top(5)
        .include(["q003"])
        .exclude(["q001", "q002"])
        .corrected(true)
        .undefined(Undefined::Omit);
    let renamed = exam().await.with_column_renamed("user", "who").unwrap();
    let frame = renamed.k_corrset_with(3, options).unwrap();
    let by_method = pretty_format_batches(&frame.collect().await.unwrap()).unwrap().to_string();
    let by_sql = "SELECT * FROM k_corrset(exam, 3, {'min_users': 20, 'top': 5, 'include': ['q003'],
                  'exclude': ['q001', 'q002'], 'corrected': true})";
    assert_eq!(by_method, rows(&ctx, by_sql).await);

    let error = exam().await.k_corrset(0).unwrap_err();
    assert_eq!(error.to_string(), "Error during planning: k_corrset: k must be 1 or more; got 0");
    let filtered = exam().await.k_corrset(1).unwrap().filter(col("r").gt(lit(0.2))).unwrap();
    let batches = filtered.select(vec![col("r"), col("n")]).unwrap().collect().await.unwrap();
    for batch in batches {
        assert!(batch.column(0).as_primitive::<Float64Type>().values().iter().all(|&r| r > 0.2));
        assert!(batch.column(1).as_primitive::<Int64Type>().values().iter().all(|&n| n >= 2));
    }
}

/// The sweep of a plan with nothing else that has two inputs.
fn sweep_of(plan: &Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    let mut node = plan;
    while node.name() != "KCorrsetExec" {
        node = node.children()[0];
    }
    Arc::clone(node)
}

/// The metric of the plan's sweep, after the query.
async fn metric(ctx: &SessionContext, sql: &str, name: &str) -> usize {
    let plan = plan(ctx, sql).await;
    collect(Arc::clone(&plan), ctx.task_ctx()).await.unwrap();
    sweep_of(&plan).metrics().unwrap().sum_by_name(name).unwrap().as_usize()
}

#[tokio::test]
async fn what_the_query_says_reaches_the_sweep() {
    let config = SessionConfig::new().with_target_partitions(2).with_batch_size(32);
    let ctx = session(config, 20).await;
    let emitted = async |sql: &str| metric(&ctx, sql, "subsets_emitted").await;
    let all = emitted("SELECT r FROM k_corrset(exam, 5)").await;
    assert!(all > 15_000, "{all}");
    for sql in [
        "SELECT * FROM k_corrset(exam, 5) ORDER BY r DESC LIMIT 5",
        "SELECT * FROM k_corrset(exam, 5) ORDER BY r LIMIT 5",
        "SELECT * FROM k_corrset(exam, 5) ORDER BY n DESC, r LIMIT 5",
        "SELECT max(r) FROM k_corrset(exam, 5)",
        "SELECT min(r) FROM k_corrset(exam, 5)",
        "SELECT * FROM k_corrset(exam, 5) LIMIT 64",
    ] {
        let some = emitted(sql).await;
        assert!(some * 4 < all, "{sql}: {some} of {all}");
    }
    let exactly =
        "SELECT r FROM k_corrset(exam, 4) WHERE n >= 40 AND r > 0.3 AND NOT array_has(questions, 'q003')";
    let found: usize = ctx.sql(exactly).await.unwrap().count().await.unwrap();
    assert!(found > 0);
    assert_eq!(emitted(exactly).await, found);
    assert_eq!(metric(&ctx, exactly, "subsets_total").await, 3876, "C(19, 4)");
    let with = "SELECT r FROM k_corrset(exam, 4) WHERE array_has(questions, 'q003')";
    assert_eq!(metric(&ctx, with, "subsets_total").await, 969, "C(19, 3)");
    let any = "SELECT r FROM k_corrset(exam, 4) WHERE array_has_any(questions, ['q003', 'q005', 'x'])";
    assert_eq!(metric(&ctx, any, "subsets_total").await, 4845 - 3060, "C(20, 4) - C(18, 4)");
}

#[tokio::test]
async fn a_limit_ends_the_sweep_itself() {
    let ctx = session(SessionConfig::new().with_target_partitions(1), 120).await;
    let limited = plan(&ctx, "SELECT * FROM k_corrset(exam, 9) LIMIT 3").await;
    // Without the node above it that counts rows, too.
    let rows = collect(sweep_of(&limited), ctx.task_ctx());
    let rows = tokio::time::timeout(Duration::from_secs(60), rows).await.expect("an end").unwrap();
    assert_eq!(rows.iter().map(RecordBatch::num_rows).sum::<usize>(), 3);
}

#[tokio::test]
async fn what_cannot_be_swept_can_be_counted() {
    let ctx = session(SessionConfig::new().with_batch_size(1 << 20), 34).await;
    let counted = rows(&ctx, "SELECT count(*) AS sets FROM k_corrset(exam, 17, undefined => 'null')").await;
    assert!(counted.contains("2333606220"), "C(34, 17), not {counted}");
}

#[tokio::test]
async fn parameters_are_bound_from_rust() {
    let ctx = session(SessionConfig::new(), 8).await;
    let sql = "SELECT * FROM k_corrset((SELECT * FROM exam WHERE question <> $one), $two, include => $three, min_users => $n)
               WHERE n > $four ORDER BY questions";
    let named = ctx.sql(sql);
    let values = vec![
        ("one", ScalarValue::from("q001")),
        ("two", ScalarValue::from(3i64)),
        ("three", ScalarValue::from("q002")),
        ("four", ScalarValue::from(10i64)),
        ("n", ScalarValue::from(20i64)),
    ];
    let bound = named.await.unwrap().with_param_values(values).unwrap();
    let bound = pretty_format_batches(&bound.collect().await.unwrap()).unwrap().to_string();
    let written = "SELECT * FROM k_corrset((SELECT * FROM exam WHERE question <> 'q001'), 3, include => 'q002', min_users => 20)
                   WHERE n > 10 ORDER BY questions";
    assert_eq!(bound, rows(&ctx, written).await);
    let by_number = ctx.sql("SELECT count(*) FROM k_corrset(exam, $1)").await.unwrap();
    let by_number = by_number.with_param_values(vec![ScalarValue::from(8i32)]).unwrap();
    assert_eq!(by_number.collect().await.unwrap()[0].column(0).as_primitive::<Int64Type>().value(0), 1);
}

#[tokio::test]
async fn explain_analyze_shows_what_was_done() {
    let ctx = session(SessionConfig::new().with_target_partitions(2), 12).await;
    let sql = "EXPLAIN ANALYZE SELECT * FROM k_corrset(exam, 3, min_users => 5) WHERE r < 0.9 ORDER BY r DESC LIMIT 3";
    let text = rows(&ctx, sql).await;
    let node = text.lines().find(|line| line.contains("KCorrsetExec")).unwrap();
    for part in [
        "k=3, min_users=5, predicate=r@1 < 0.9 AND DynamicFilter [ r@1 IS NULL OR r@1 > ",
        " (binary scores, 16-bit lanes), metrics=[",
        "users=",
        "questions=12",
        "subsets_total=220",
        "subsets_pruned=",
        "subsets_emitted=",
        "index_time=",
        "sweep_time=",
    ] {
        assert!(node.contains(part), "{part} is not in {node}");
    }
    let text = rows(&ctx, "EXPLAIN FORMAT graphviz SELECT * FROM k_corrset(exam, 3) WHERE r < 0.9").await;
    assert!(text.contains("TableScan: k_corrset(k=3) "), "{text}");
    assert!(text.contains("full_filters=[k_corrset(k=3).r < Float64(0.9)]"), "{text}");
}
