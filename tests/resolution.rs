//! Which table a name means, and that finding it blocks nobody.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider};
use datafusion::datasource::TableProvider;
use datafusion::error::{DataFusionError, Result};
use datafusion::prelude::SessionContext;
use datafusion_k_corrset::register_all;

/// A catalog that has to be waited for, as one on the network.
#[derive(Debug)]
struct Remote(MemorySchemaProvider);

#[async_trait]
impl SchemaProvider for Remote {
    fn table_names(&self) -> Vec<String> {
        self.0.table_names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        self.0.table(name).await
    }

    fn table_exist(&self, name: &str) -> bool {
        self.0.table_exist(name)
    }
}

async fn run(ctx: &SessionContext, sql: &str) -> Result<usize> {
    let batches = ctx.sql(sql).await?.collect().await?;
    Ok(batches.iter().map(|batch| batch.num_rows()).sum())
}

/// A session in which `exam` can be had under several names.
async fn session() -> SessionContext {
    let ctx = SessionContext::new();
    register_all(&ctx).unwrap();
    for sql in [
        "CREATE TABLE exam AS VALUES ('ann', 'q1', 1), ('ann', 'q2', 0), ('bob', 'q1', 0), ('bob', 'q2', 0)",
        "CREATE TABLE named AS SELECT column1 AS \"user\", column2 AS question, column3 AS score FROM exam",
        "CREATE VIEW seen AS SELECT * FROM named",
        "CREATE TABLE \"Mixed.Case\" AS SELECT * FROM named",
        "CREATE SCHEMA school",
        "CREATE TABLE school.exam AS SELECT * FROM named",
        "CREATE DATABASE archive",
        "CREATE SCHEMA archive.old",
        "CREATE VIEW archive.old.exam AS SELECT * FROM named",
    ] {
        run(&ctx, sql).await.unwrap();
    }
    let remote = MemorySchemaProvider::new();
    remote.register_table("exam".into(), ctx.table_provider("named").await.unwrap()).unwrap();
    let catalog = MemoryCatalogProvider::new();
    // A catalog in memory takes any schema.
    catalog.register_schema("schema", Arc::new(Remote(remote))).unwrap();
    ctx.register_catalog("remote", Arc::new(catalog));
    ctx
}

#[tokio::test]
async fn a_table_has_every_name_that_sql_gives_it() {
    let ctx = session().await;
    for name in [
        "named",
        "NAMED",
        "seen",
        "\"named\"",
        "'named'",
        "'NAMED'",
        "\"Mixed.Case\"",
        "'Mixed.Case'",
        "'\"Mixed.Case\"'",
        "public.named",
        "'public.named'",
        "datafusion.public.named",
        "'datafusion.public.named'",
        "school.exam",
        "'school.exam'",
        "archive.old.exam",
        "'archive.old.exam'",
    ] {
        let rows = run(&ctx, &format!("SELECT * FROM k_corrset({name}, 1)")).await;
        assert_eq!(rows.map_err(|error| error.to_string()), Ok(1), "{name}");
    }
}

#[tokio::test]
async fn external_tables_are_tables() {
    let ctx = session().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("exam.parquet");
    let file = file.to_str().unwrap();
    run(&ctx, &format!("COPY named TO '{file}' STORED AS PARQUET")).await.unwrap();
    run(&ctx, &format!("CREATE EXTERNAL TABLE exported STORED AS PARQUET LOCATION '{file}'")).await.unwrap();
    assert_eq!(run(&ctx, "SELECT * FROM k_corrset(exported, 1)").await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_path_is_a_table_where_the_host_says_so() {
    let ctx = session().await.enable_url_table();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("exam.parquet");
    let file = file.to_str().unwrap();
    run(&ctx, &format!("COPY named TO '{file}' STORED AS PARQUET")).await.unwrap();
    assert_eq!(run(&ctx, &format!("SELECT * FROM k_corrset('{file}', 1)")).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_catalog_is_waited_for_where_another_thread_can_go_on() {
    let ctx = session().await;
    assert_eq!(run(&ctx, "SELECT * FROM k_corrset(remote.schema.exam, 1)").await.unwrap(), 1);
}

#[tokio::test(flavor = "current_thread")]
async fn a_catalog_is_not_waited_for_on_the_only_thread() {
    let ctx = session().await;
    let error = run(&ctx, "SELECT * FROM k_corrset(remote.schema.exam, 1)").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Error during planning: k_corrset: the catalog of table 'remote.schema.exam' answers \
         asynchronously, and a current-thread runtime or a task of a LocalSet cannot wait for it while \
         planning; to have it looked up before, write in the place of the table\n    \
         (SELECT * FROM \"remote\".\"schema\".\"exam\")"
    );
    for sql in [
        "SELECT * FROM k_corrset((SELECT * FROM remote.schema.exam), 1)",
        "WITH t AS (SELECT * FROM remote.schema.exam) SELECT * FROM k_corrset(t, 1)",
        // A table that the query names elsewhere has been looked up too.
        "SELECT * FROM k_corrset(remote.schema.exam, 1) WHERE EXISTS (SELECT 1 FROM remote.schema.exam)",
    ] {
        assert_eq!(run(&ctx, sql).await.map_err(|error| error.to_string()), Ok(1), "{sql}");
    }
    run(&ctx, "CREATE VIEW v AS SELECT * FROM remote.schema.exam").await.unwrap();
    assert_eq!(run(&ctx, "SELECT * FROM k_corrset(v, 1)").await.unwrap(), 1);
}

#[test]
fn without_any_runtime_memory_tables_still_work() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ctx = runtime.block_on(session());
    // Planning by an executor that knows nothing of tokio.
    let frame = futures::executor::block_on(ctx.sql("SELECT * FROM k_corrset(named, 1)")).unwrap();
    let batches = runtime.block_on(frame.collect()).unwrap();
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 1);
}

/// One question, asked from wherever an application may ask.
async fn sets_of_a_remote_table() -> Result<usize, String> {
    let ctx = session().await;
    run(&ctx, "SELECT * FROM k_corrset(remote.schema.exam, 1)").await.map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_catalog_is_waited_for_in_a_local_set_and_no_task_of_one_panics() {
    let local = tokio::task::LocalSet::new();
    assert_eq!(local.run_until(sets_of_a_remote_table()).await, Ok(1));
    let of_a_task = local.run_until(async { tokio::task::spawn_local(sets_of_a_remote_table()).await });
    let error = of_a_task.await.unwrap().unwrap_err();
    assert!(error.contains("a task of a LocalSet cannot wait for it"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_catalog_is_waited_for_on_every_worker() {
    // As many at once as there are workers, and more.
    let tasks: Vec<_> = (0..8).map(|_| tokio::spawn(sets_of_a_remote_table())).collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), Ok(1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_catalog_is_waited_for_on_the_one_worker() {
    assert_eq!(tokio::spawn(sets_of_a_remote_table()).await.unwrap(), Ok(1));
}
