//! Workers and coordinators as processes.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::prompt::k_corrset;

/// A worker in a process of its own, which ends with the test.
pub(crate) struct Process {
    child: Child,
    pub(crate) url: String,
    log: Arc<Mutex<String>>,
}

impl Process {
    pub(crate) fn start() -> Self {
        Self::start_with(&[], None)
    }

    /// At any free port, with these arguments and perhaps a secret in its environment.
    pub(crate) fn start_with(arguments: &[&str], secret: Option<&str>) -> Self {
        let mut command = k_corrset(&["--serve", "127.0.0.1:0"]);
        command.args(arguments).envs(secret.map(|secret| ("K_CORRSET_SECRET", secret)));
        Self::serve(command)
    }

    /// What a command serves, once it has said where.
    pub(crate) fn serve(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (mut url, log) = (String::new(), Arc::<Mutex<String>>::default());
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let (lines, to) = (BufReader::new(child.stderr.take().unwrap()).lines(), Arc::clone(&log));
        std::thread::spawn(move || {
            for line in lines.map_while(std::result::Result::ok) {
                *to.lock().unwrap() += &(line + "\n");
            }
        });
        Self { child, url: url.trim_end().to_string(), log }
    }

    /// The log, once it has so many lines.
    pub(crate) fn log(&self, lines: usize) -> String {
        for _ in 0..500 {
            let log = self.log.lock().unwrap().clone();
            if log.lines().count() >= lines {
                return log;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{}", self.log.lock().unwrap());
    }

    pub(crate) fn send(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    /// How long it has worked, in ticks.
    pub(crate) fn ticks(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let after_name = status.rsplit(") ").next().unwrap();
        let fields: Vec<&str> = after_name.split(' ').collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// How many files and connections it has open.
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// Its memory, in kibibytes.
    pub(crate) fn memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// The prompt with a table and a query, on these workers or alone.
pub(crate) fn prompt(workers: &[Process], questions: usize, query: &str) -> Child {
    prompt_with(&[], workers, questions, query)
}

/// Likewise, with further arguments; statements among them come before the query.
pub(crate) fn prompt_with(further: &[&str], workers: &[Process], questions: usize, query: &str) -> Child {
    spawn(asking(further, workers, questions, query))
}

/// The same, not yet run.
pub(crate) fn asking(further: &[&str], workers: &[Process], questions: usize, query: &str) -> Command {
    let exam = exam(questions);
    let mut arguments = vec!["-q", "--format", "nd-json", "-j", "2", "-c", &exam];
    arguments.extend(further);
    arguments.extend(["-c", query]);
    if !workers.is_empty() {
        arguments.push("--workers");
        arguments.extend(workers.iter().map(|worker| worker.url.as_str()));
    }
    k_corrset(&arguments)
}

/// A statement that makes the table of these queries.
pub(crate) fn exam(questions: usize) -> String {
    format!(
        "CREATE VIEW exam AS SELECT u.value AS \"user\", 'q' || q.value AS question,
         (u.value * q.value * 31 + u.value) % 7 AS score
         FROM generate_series(1, 150) AS u CROSS JOIN generate_series(1, {questions}) AS q
         WHERE (u.value * 13 + q.value * 29) % 11 > 2"
    )
}

/// A prompt whose output is read in the end.
pub(crate) fn spawn(mut command: Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

pub(crate) fn three() -> [Process; 3] {
    std::array::from_fn(|_| Process::start())
}

/// Waits until each worker has used 40 ms of processor time. More may never come: nobody reads the rows before the end, and
/// a full pipe holds workers up.
pub(crate) fn wait_for_work(workers: &[Process]) {
    let before: Vec<u64> = workers.iter().map(Process::ticks).collect();
    until("a worker has nothing to do", || {
        workers.iter().zip(&before).all(|(worker, before)| worker.ticks() >= before + 4)
    });
}

/// Waits until no worker has anything to do.
pub(crate) fn wait_for_rest(workers: &[Process]) {
    let ticks = || workers.iter().map(Process::ticks).sum::<u64>();
    until("the workers go on", || {
        let before = ticks();
        std::thread::sleep(Duration::from_millis(500));
        ticks() <= before + 2
    });
}

/// Waits until something is so, or for a minute.
pub(crate) fn until(or: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "{or}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
