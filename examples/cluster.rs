//! A query on three more processes of this machine, and how they shared the work.
//!
//! `cargo run --release --features cli,distributed --example cluster`
//!
//! Coordinator and workers are one program here, and talk over ports of the loopback device. On
//! machines of their own nothing is different but the addresses.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::SessionStateBuilder;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::*;
use datafusion_distributed::{
    DISTRIBUTED_DATAFUSION_TASK_ID_LABEL, DistributedExt, DistributedMetricsFormat, SessionStateBuilderExt,
    Worker, WorkerQueryContext, WorkerResolver, rewrite_distributed_plan_with_metrics,
};
use datafusion_k_corrset::udtf::NamedWorkers;
use datafusion_k_corrset::{register_all, with_k_corrset};
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use url::Url;

/// 400 users, 60 questions, of which each user left out some; the better the user, the more
/// likely an answer is correct.
const EXAM: &str = "CREATE VIEW exam AS
    SELECT u.value AS \"user\", 'q' || lpad(q.value, 2, '0') AS question,
           CAST((u.value * 31 + q.value * 17) % 97 < u.value / 6 + q.value / 3 AS INT) AS score
    FROM   generate_series(1, 400) AS u CROSS JOIN generate_series(1, 60) AS q
    WHERE  (u.value * 13 + q.value * 7) % 10 > 2";

const QUERY: &str = "SELECT * FROM k_corrset(exam, 6) ORDER BY r DESC, questions LIMIT 5";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("worker") => work().await,
        _ => coordinate().await,
    }
}

/// Serves, at any free port, which it prints.
async fn work() -> Result<(), Box<dyn Error>> {
    let session = |query: WorkerQueryContext| async { Ok(with_k_corrset(query.builder).build()) };
    let worker = Worker::from_session_builder(session);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    let server = Server::builder().add_service(worker.into_worker_server());
    let connections = TcpIncoming::from(listener).with_nodelay(Some(true));
    Ok(server.serve_with_incoming(connections).await?)
}

async fn coordinate() -> Result<(), Box<dyn Error>> {
    let workers = (0..3).map(|_| Process::start()).collect::<Result<Vec<_>, _>>()?;
    for worker in &workers {
        println!("a worker at {}", worker.url);
    }
    let state = SessionStateBuilder::new()
        .with_default_features()
        .with_distributed_worker_resolver(Workers(workers.iter().map(|worker| worker.url.clone()).collect()))
        .with_distributed_channel_resolver(NamedWorkers::default())
        .with_distributed_planner();
    let cluster = SessionContext::new_with_state(with_k_corrset(state).build());
    register_all(&cluster)?;
    cluster.sql(EXAM).await?;
    let plan = cluster.sql(QUERY).await?.create_physical_plan().await?;
    let begun = Instant::now();
    let shared_out =
        pretty_format_batches(&collect(Arc::clone(&plan), cluster.task_ctx()).await?)?.to_string();
    println!("\n{QUERY}\n{shared_out}\n\non three processes: {:.2} s", begun.elapsed().as_secs_f64());
    print_shares(plan).await?;

    let alone = SessionContext::new();
    register_all(&alone)?;
    alone.sql(EXAM).await?;
    let begun = Instant::now();
    let in_one = pretty_format_batches(&alone.sql(QUERY).await?.collect().await?)?.to_string();
    println!("\nin this process alone: {:.2} s", begun.elapsed().as_secs_f64());
    if in_one != shared_out {
        return Err(format!("the rows are others:\n{in_one}").into());
    }
    println!("the rows are the same, to the last bit");
    Ok(())
}

/// What each task of the sweep says of itself.
async fn print_shares(plan: Arc<dyn ExecutionPlan>) -> datafusion::error::Result<()> {
    let plan = rewrite_distributed_plan_with_metrics(plan, DistributedMetricsFormat::PerTask).await?;
    let mut tasks: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    plan.apply(|node| {
        if node.name() == "KCorrsetExec" {
            for metric in node.metrics().iter().flat_map(|metrics| metrics.iter()) {
                let mut labels = metric.labels().iter();
                let task = labels.find(|label| label.name() == DISTRIBUTED_DATAFUSION_TASK_ID_LABEL);
                let task = task.map(|label| label.value().to_string()).unwrap_or_default();
                let values = tasks.entry(task).or_default();
                *values.entry(metric.value().name().to_string()).or_default() += metric.value().as_usize();
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    println!("\n| task | of the subsets | this many | made into rows | sweeping, core-seconds |");
    println!("|---|---|---|---|---|");
    for (task, values) in tasks {
        println!(
            "| {task} | {} | {} | {} | {:.2} |",
            values["subsets_total"],
            values["subsets_done"],
            values["subsets_emitted"],
            values["sweep_time"] as f64 / 1e9
        );
    }
    Ok(())
}

/// This program once more, as a worker. It ends with the coordinator.
struct Process {
    child: Child,
    url: Url,
}

impl Process {
    fn start() -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.arg("worker").stdout(Stdio::piped()).spawn()?;
        let mut url = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut url)?;
        Ok(Self { child, url: url.trim_end().parse()? })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Who the workers are.
struct Workers(Vec<Url>);

impl WorkerResolver for Workers {
    fn get_urls(&self) -> datafusion::error::Result<Vec<Url>> {
        Ok(self.0.clone())
    }
}
