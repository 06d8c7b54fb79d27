//! What a cluster costs: the same query in one process and on three, in seconds of processors.
//!
//! `cargo bench --features cli,distributed --bench cluster` runs each in turn, and prints the medians. What
//! counts is all that the coordinator's process does, from its start to its end, and what the
//! workers do meanwhile; these have answered a query before, for a process has to get its memory
//! once. Only on Linux, which tells how long another process has worked.

#[cfg(target_os = "linux")]
mod exam;

#[cfg(target_os = "linux")]
mod on_linux {
    use std::fs::File;
    use std::io::{BufRead, BufReader};
    use std::path::Path;
    use std::process::{Child, Command, Stdio};
    use std::time::Instant;

    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeValLike;
    use nix::time::{clock_getcpuclockid, clock_gettime};
    use nix::unistd::Pid;

    use crate::exam::{LARGE, answers};

    /// Runs of each kind.
    const RUNS: usize = 5;

    const QUERIES: [(&str, &str); 4] = [
        ("best ten of 5", "SELECT * FROM k_corrset(exam, 5) ORDER BY r DESC, questions LIMIT 10"),
        ("`top` 10 of 5", "SELECT * FROM k_corrset(exam, 5, top => 10)"),
        ("average of 4", "SELECT avg(n), max(r) FROM k_corrset(exam, 4)"),
        ("best ten of 3", "SELECT * FROM k_corrset(exam, 3) ORDER BY r DESC, questions LIMIT 10"),
    ];

    fn k_corrset() -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_k-corrset"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Seconds that processes took of processors, of those that have ended.
    fn spent() -> f64 {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
        (usage.user_time() + usage.system_time()).num_microseconds() as f64 / 1e6
    }

    /// A worker that serves, until it is dropped.
    struct Worker {
        process: Child,
        url: String,
    }

    impl Worker {
        fn start() -> Self {
            let mut process = k_corrset().args(["--serve", "127.0.0.1:0"]).spawn().unwrap();
            let mut url = String::new();
            BufReader::new(process.stdout.take().unwrap()).read_line(&mut url).unwrap();
            Self { process, url: url.trim_end().to_string() }
        }

        /// Seconds that it took of processors so far.
        fn spent(&self) -> f64 {
            let clock = clock_getcpuclockid(Pid::from_raw(self.process.id() as i32)).unwrap();
            clock_gettime(clock).unwrap().num_nanoseconds() as f64 / 1e9
        }
    }

    impl Drop for Worker {
        fn drop(&mut self) {
            self.process.kill().unwrap();
            self.process.wait().unwrap();
        }
    }

    struct Run {
        rows: String,
        processors: f64,
        wall: f64,
    }

    /// A query with some workers.
    fn run(table: &Path, query: &str, workers: &[Worker]) -> Run {
        let of_workers = || workers.iter().map(Worker::spent).sum::<f64>();
        let exam = format!(
            "CREATE EXTERNAL TABLE exam (\"user\" INT, question INT, score INT) STORED AS CSV LOCATION '{}'
             OPTIONS ('format.has_header' 'true')",
            table.display()
        );
        let mut command = k_corrset();
        command.args(["-q", "--format", "nd-json", "-c", &exam, "-c", query]);
        if !workers.is_empty() {
            command.arg("--workers").args(workers.iter().map(|worker| &worker.url));
        }
        let (before, begun) = (spent() + of_workers(), Instant::now());
        let output = command.output().unwrap();
        let wall = begun.elapsed().as_secs_f64();
        let processors = spent() + of_workers() - before;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Run { rows: String::from_utf8(output.stdout).unwrap(), processors, wall }
    }

    fn median(runs: &[Run], of: impl Fn(&Run) -> f64) -> f64 {
        let mut values: Vec<f64> = runs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }

    pub(crate) fn main() {
        let folder = tempfile::tempdir().unwrap();
        let table = folder.path().join("exam.csv");
        let mut file = std::io::BufWriter::new(File::create(&table).unwrap());
        use std::io::Write;
        writeln!(file, "user,question,score").unwrap();
        for (user, question, score) in answers(LARGE) {
            writeln!(file, "{user},{question},{score}").unwrap();
        }
        drop(file);
        let workers: [Worker; 3] = std::array::from_fn(|_| Worker::start());
        run(&table, QUERIES[3].1, &workers);
        println!(
            "| query | processor-seconds of one process | of three workers and a coordinator | ratio | wall, s | wall, s |"
        );
        println!("|---|---|---|---|---|---|");
        for (name, query) in QUERIES {
            let (mut one, mut three) = (Vec::new(), Vec::new());
            for _ in 0..RUNS {
                one.push(run(&table, query, &[]));
                three.push(run(&table, query, &workers));
            }
            let expected = &one[0].rows;
            assert!(!expected.is_empty());
            assert!(one.iter().chain(&three).all(|run| run.rows == *expected));
            let [alone, shared] = [&one, &three].map(|runs| median(runs, |run| run.processors));
            println!(
                "| {name} | {alone:.2} | {shared:.2} | {:.3} | {:.2} | {:.2} |",
                shared / alone,
                median(&one, |run| run.wall),
                median(&three, |run| run.wall)
            );
        }
    }
}

fn main() {
    #[cfg(target_os = "linux")]
    on_linux::main();
}
