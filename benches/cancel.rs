//! From the drop of a stream to the last worker at rest.
//!
//! `cargo bench --bench cancel` drops queries at random moments, while they index, while they prepare tables
//! of sums, and while they sweep, and prints how long the workers went on and the memory stayed reserved.

mod exam;

use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_k_corrset::register_all;
use datafusion_k_corrset::sweep::pool;
use futures::StreamExt;
use tokio::runtime::{Builder, Runtime};

use exam::{LARGE, Shape, answers, batch};

/// Of which little is missing, and nothing: sums over all users are prepared.
const FEW_GAPS: Shape = Shape { users: 30_000, answers: 29_700, ..LARGE };
const COMPLETE_FLOATS: Shape =
    Shape { users: 30_000, questions: 100, answers: 30_000, levels: 100, float: true, left_out: 0 };

const THREADS: usize = 2;

/// Drops of each query in each runtime.
const DROPS: u64 = 60;

fn session(tables: [(&str, Shape); 3]) -> SessionContext {
    let ctx = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(THREADS));
    register_all(&ctx).unwrap();
    tables.into_iter().for_each(|(name, shape)| register(&ctx, name, shape));
    ctx
}

fn register(ctx: &SessionContext, name: &str, shape: Shape) {
    let rows = answers(shape);
    let batches: Vec<_> = rows.chunks(8192).map(|rows| batch(&rows.to_vec(), shape.float)).collect();
    let half = batches.len() / 2;
    let partitions = vec![batches[..half].to_vec(), batches[half..].to_vec()];
    let table = MemTable::try_new(batches[0].schema(), partitions).unwrap();
    ctx.register_table(name, Arc::new(table)).unwrap();
}

/// Runs a query for a while and drops it; how long it took to be gone.
async fn drop_after(ctx: &SessionContext, sql: &str, moment: Duration) -> Duration {
    let mut stream = ctx.sql(sql).await.unwrap().execute_stream().await.unwrap();
    let until = tokio::time::Instant::now() + moment;
    while let Ok(batch) = tokio::time::timeout_at(until, stream.next()).await {
        batch.expect("the query takes longer than this").unwrap();
    }
    let dropped = Instant::now();
    drop(stream);
    // Every thread takes part in this when it has nothing else to do.
    tokio::task::spawn_blocking(|| pool(THREADS).unwrap().broadcast(|_| ())).await.unwrap();
    while ctx.runtime_env().memory_pool.reserved() > 0 {
        tokio::time::sleep(Duration::from_micros(100)).await;
    }
    dropped.elapsed()
}

fn main() {
    let ctx = session([("scores", LARGE), ("few_gaps", FEW_GAPS), ("complete", COMPLETE_FLOATS)]);
    // Kept, so that the threads outlive the queries.
    let threads = pool(THREADS).unwrap();
    let runtimes: [(&str, Runtime); 2] = [
        ("of many threads", Builder::new_multi_thread().enable_all().build().unwrap()),
        ("of one thread", Builder::new_current_thread().enable_all().build().unwrap()),
    ];
    let mut moments = 88_172_645_463_325_252u64;
    let mut all = Vec::new();
    println!("{:>10} {:>10} {:>10}  of {DROPS}", "median", "p99", "most");
    for (name, runtime) in &runtimes {
        for (sql, most) in [
            ("SELECT * FROM k_corrset(scores, 5)", 1500),
            ("SELECT * FROM k_corrset(scores, 5, top => 10)", 1500),
            ("SELECT avg(r) FROM k_corrset(scores, 4, min_users => 100)", 400),
            ("SELECT * FROM k_corrset(scores, 5) ORDER BY r LIMIT 3", 1500),
            ("SELECT * FROM k_corrset(few_gaps, 5)", 2500),
            ("SELECT * FROM k_corrset(complete, 5)", 1000),
        ] {
            let mut times: Vec<Duration> = (0..DROPS)
                .map(|_| {
                    moments = moments.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let moment = Duration::from_millis((moments >> 33) % most);
                    runtime.block_on(drop_after(&ctx, sql, moment))
                })
                .collect();
            times.sort_unstable();
            report(&times, &format!("{sql}, in a runtime {name}"));
            all.extend(times);
        }
    }
    all.sort_unstable();
    report(&all, &format!("all {}", all.len()));
    let p99 = all[all.len() * 99 / 100];
    assert!(p99 < Duration::from_millis(100), "p99 is {p99:?}");
    // The session is of use after all this.
    let count = "SELECT count(*) FROM k_corrset(scores, 3, undefined => 'null')";
    let batches = runtimes[0].1.block_on(async { ctx.sql(count).await.unwrap().collect().await.unwrap() });
    assert_eq!(batches[0].column(0).as_primitive::<Int64Type>().value(0), 1_313_400);
    drop(threads);
}

fn report(sorted: &[Duration], what: &str) {
    let at = |share: usize| sorted[(sorted.len() * share / 100).min(sorted.len() - 1)].as_secs_f64() * 1e3;
    println!("{:>7.2} ms {:>7.2} ms {:>7.2} ms  {what}", at(50), at(99), at(100));
}
