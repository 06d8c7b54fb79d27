//! What a query holds at its peak, beside what it reserved of the session's memory pool.
//!
//! A table, of which every row asserts that, but for a constant, no more than a tenth is held beside what is
//! reserved, and no more than a fifth reserved beside what is held: which scores of floats are looked up turns out
//! as a query runs. It is a test too: `cargo test --release --features cli` runs it.

mod exam;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use datafusion::datasource::MemTable;
use datafusion::error::Result;
use datafusion::execution::memory_pool::{MemoryPool, MemoryReservation, UnboundedMemoryPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_k_corrset::register_all;
use futures::StreamExt;
use peak_alloc::PeakAlloc;
use tokio::runtime::Runtime;

use exam::{COMPLETE, LARGE, Shape, answers, batch, wide};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// Planning, a batch on its way from every thread to every other, the threads themselves.
const CONSTANT: usize = 4 << 20;

/// A pool without a limit that knows how much was reserved at most.
#[derive(Debug, Default)]
struct Watched {
    pool: UnboundedMemoryPool,
    peak: AtomicUsize,
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes at most", self.peak.load(Ordering::SeqCst))
    }
}

impl MemoryPool for Watched {
    fn name(&self) -> &str {
        "watched"
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.pool.grow(reservation, additional);
        self.peak.fetch_max(self.pool.reserved(), Ordering::SeqCst);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.pool.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        self.grow(reservation, additional);
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.pool.reserved()
    }
}

/// Runs a query over answers of a shape; returns the bytes held and the bytes reserved at the peak.
async fn peaks(shape: Shape, sql: &str) -> (usize, usize) {
    let pool = Arc::new(Watched::default());
    let runtime = RuntimeEnvBuilder::new().with_memory_pool(Arc::clone(&pool) as _).build_arc().unwrap();
    let config = SessionConfig::new().with_target_partitions(2);
    let ctx = SessionContext::new_with_config_rt(config, runtime);
    register_all(&ctx).unwrap();
    let rows = answers(shape);
    let batches: Vec<_> = if sql.contains("wide => true") {
        let whole = wide(&rows, shape);
        let batch = |first: usize| {
            let part = whole.slice(first, 8192.min(whole.num_rows() - first));
            arrow::compute::concat_batches(&whole.schema(), &[part]).unwrap()
        };
        (0..whole.num_rows()).step_by(8192).map(batch).collect()
    } else {
        rows.chunks(8192).map(|rows| batch(&rows.to_vec(), shape.float)).collect()
    };
    drop(rows);
    let half = batches.len() / 2;
    let partitions = vec![batches[..half].to_vec(), batches[half..].to_vec()];
    let schema = batches[0].schema();
    drop(batches);
    ctx.register_table("scores", Arc::new(MemTable::try_new(schema, partitions).unwrap())).unwrap();

    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    let mut stream = ctx.sql(sql).await.unwrap().execute_stream().await.unwrap();
    let mut found = 0;
    while let Some(batch) = stream.next().await {
        found += batch.unwrap().num_rows();
    }
    assert!(found > 0, "{sql} finds nothing");
    let held = ALLOCATED.peak_usage() - before;
    drop(stream);
    // The worker that was last needs a moment to let go.
    let dropped = Instant::now();
    while pool.reserved() > 0 {
        assert!(dropped.elapsed() < Duration::from_secs(10), "{} bytes after {sql}", pool.reserved());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    (held, pool.peak.load(Ordering::SeqCst))
}

/// Doubles that are taken as decimals, made of points.
const DECIMALS: &str = "SELECT * FROM k_corrset(
    (SELECT \"user\", question, CAST(score AS DOUBLE) / 10 AS score FROM scores), 3, top => 10)";

fn main() {
    let runtime = Runtime::new().unwrap();
    let points = Shape { levels: 256, ..LARGE };
    let floats = Shape { float: true, ..points };
    let few_users = Shape { users: 2_000, questions: 2_000, answers: 300, ..LARGE };
    let mib = |bytes: usize| bytes as f64 / f64::from(1 << 20);
    println!("{:>10} {:>10} {:>6}  of", "held", "reserved", "ratio");
    let mut wrong = Vec::new();
    for (name, shape, sql) in [
        ("scores of 0 and 1", LARGE, "SELECT * FROM k_corrset(scores, 3, top => 10)"),
        ("the same, all rows", LARGE, "SELECT * FROM k_corrset(scores, 3)"),
        ("the same, a question fixed", LARGE, "SELECT * FROM k_corrset(scores, 4, include => 7)"),
        ("points of 0 to 255", points, "SELECT * FROM k_corrset(scores, 3, top => 10)"),
        ("the same, a question fixed", points, "SELECT * FROM k_corrset(scores, 4, include => 7)"),
        ("floats", floats, "SELECT * FROM k_corrset(scores, 3, top => 10)"),
        ("floats, sets of two", floats, "SELECT * FROM k_corrset(scores, 2)"),
        ("tenths as doubles", points, DECIMALS),
        ("wide", LARGE, "SELECT * FROM k_corrset(scores, 3, top => 10, wide => true)"),
        ("wide, floats", floats, "SELECT * FROM k_corrset(scores, 2, top => 10, wide => true)"),
        ("no gaps", COMPLETE, "SELECT * FROM k_corrset(scores, 3, top => 10)"),
        ("many questions", few_users, "SELECT * FROM k_corrset(scores, 2)"),
        ("the best million", LARGE, "SELECT * FROM k_corrset(scores, 3, top => 1000000)"),
    ] {
        let (held, reserved) = runtime.block_on(peaks(shape, sql));
        let ratio = held as f64 / reserved as f64;
        println!("{:>6.1} MiB {:>6.1} MiB {ratio:>6.2}  {name}", mib(held), mib(reserved));
        if held > reserved + reserved / 10 + CONSTANT || reserved > held + held / 5 + CONSTANT {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "held and reserved differ: {wrong:?}");
}
