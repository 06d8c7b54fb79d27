//! Workers that fall while a query runs: it begins again on the others, or is an error that names one. No row is
//! missing, and none is there twice.

use std::fs;
use std::process::{Child, Command, Output};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::prompt::{k_corrset, text};
use crate::support::processes::{
    Process, asking, prompt, prompt_with, spawn, three, wait_for_rest, wait_for_work,
};
use crate::support::random::Random;

/// Takes some seconds, and has one row, in the end.
const QUERY: &str = "SELECT count(*), max(r), sum(n) FROM k_corrset(exam, 7)";

/// A worker that is silent for two seconds is lost.
const SOON: [&str; 2] = ["--worker-timeout", "2"];

fn alone(query: &str) -> String {
    let alone = prompt(&[], 50, query).wait_with_output().unwrap();
    assert!(!alone.stdout.is_empty(), "{}", text(&alone.stderr));
    text(&alone.stdout)
}

/// Sees to it that a query that lost a worker has all rows, and says what happened.
fn check_done_without(query: Child, lost: &Process) {
    let output = query.wait_with_output().unwrap();
    let errors = text(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(text(&output.stdout), alone(QUERY));
    assert!(errors.contains(&format!("k_corrset: lost the worker at {}/", lost.url)), "{errors}");
    assert!(errors.contains("; the query begins again without it"), "{errors}");
}

/// The error of a query that has to fail, without a row.
fn error(query: Child) -> String {
    let output = query.wait_with_output().unwrap();
    assert!(!output.status.success());
    assert_eq!(text(&output.stdout), "");
    text(&output.stderr)
}

#[test]
fn a_worker_that_is_killed_is_done_without() {
    let workers = three();
    let query = prompt(&workers, 50, QUERY);
    wait_for_work(&workers);
    workers[1].send(Signal::SIGKILL);
    check_done_without(query, &workers[1]);
}

/// A process that is stopped is what a machine is whose cable was cut: nothing is closed, nothing comes.
#[test]
fn a_worker_that_is_silent_is_done_without_after_a_time() {
    let workers = three();
    let query = prompt_with(&SOON, &workers, 50, QUERY);
    wait_for_work(&workers);
    workers[1].send(Signal::SIGSTOP);
    check_done_without(query, &workers[1]);
    workers[1].send(Signal::SIGCONT);
}

#[test]
fn a_query_that_brings_down_three_workers_fails() {
    let workers: Vec<Process> = (0..5).map(|_| Process::start()).collect();
    let query = prompt(&workers, 60, "SELECT avg(r) FROM k_corrset(exam, 9)");
    // Those that are killed have nothing to do, and the others begin anew.
    wait_for_work(&workers);
    workers[0].send(Signal::SIGKILL);
    wait_for_work(&workers[1..]);
    workers[1].send(Signal::SIGKILL);
    wait_for_work(&workers[2..]);
    workers[2].send(Signal::SIGKILL);
    let errors = error(query);
    assert_eq!(errors.matches("begins again").count(), 2, "{errors}");
    assert!(errors.contains("so there is no result ("), "{errors}");
}

#[test]
fn what_writes_does_not_begin_again() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("best.csv");
    let workers = three();
    let query = prompt(&workers, 50, &format!("COPY ({QUERY}) TO '{}'", file.display()));
    wait_for_work(&workers);
    workers[1].send(Signal::SIGKILL);
    let errors = error(query);
    assert!(errors.contains("lost the worker at") && !errors.contains("begins again"), "{errors}");
}

/// What may happen to a worker.
#[derive(Debug, Clone, Copy)]
enum Fall {
    Nothing,
    Killed,
    /// For as long as the query runs.
    Stopped,
    /// For less than it may be silent.
    Slow,
}

/// `FALLS=200` tries as many queries.
#[test]
fn whatever_falls_no_row_is_wrong() {
    let queries: usize = std::env::var("FALLS").map_or(6, |queries| queries.parse().unwrap());
    let texts = [
        QUERY,
        "SELECT * FROM k_corrset(exam, 6, top => 20)",
        "SELECT n, count(*), max(r) FROM k_corrset(exam, 6) GROUP BY n ORDER BY n",
    ];
    let expected = texts.map(alone);
    let mut random = Random::new(23);
    let mut workers = three();
    let [mut untouched, mut begun_again, mut failed] = [0; 3];
    for _ in 0..queries {
        let which = random.below(texts.len());
        let query = prompt_with(&SOON, &workers, 50, texts[which]);
        let mut stopped = Vec::new();
        let mut killed = Vec::new();
        for _ in 0..1 + random.below(2) {
            thread::sleep(Duration::from_millis(random.below(1500) as u64));
            let worker = random.below(workers.len());
            let fall = *random.one_of(&[Fall::Nothing, Fall::Killed, Fall::Stopped, Fall::Slow]);
            match fall {
                Fall::Nothing => {}
                Fall::Killed => {
                    workers[worker].send(Signal::SIGKILL);
                    killed.push(worker);
                }
                Fall::Stopped => {
                    workers[worker].send(Signal::SIGSTOP);
                    stopped.push(worker);
                }
                Fall::Slow => {
                    workers[worker].send(Signal::SIGSTOP);
                    thread::sleep(Duration::from_millis(400));
                    workers[worker].send(Signal::SIGCONT);
                }
            }
        }
        let Output { status, stdout, stderr } = query.wait_with_output().unwrap();
        let errors = text(&stderr);
        if status.success() {
            assert_eq!(text(&stdout), expected[which], "{errors}");
            *if errors.contains("begins again") { &mut begun_again } else { &mut untouched } += 1;
        } else {
            assert!(errors.contains("k_corrset: lost the worker at http://"), "{errors}");
            // Rows that had come may have been shown, and they are right.
            assert!(expected[which].starts_with(&text(&stdout)), "{}", text(&stdout));
            failed += 1;
        }
        for worker in stopped {
            workers[worker].send(Signal::SIGCONT);
        }
        for worker in killed {
            workers[worker] = Process::start();
        }
    }
    println!("{queries} queries: {untouched} ran through, {begun_again} began again, {failed} failed");
    assert_eq!(untouched + begun_again + failed, queries);
}

/// Machines of their own, with a cable to the coordinator's, where the test may make them: as root, with `ip`.
struct Network {
    /// The coordinator's, then the workers'.
    machines: Vec<String>,
}

/// Addresses that are for documentation, and nobody's.
const ADDRESS: &str = "192.0.2";

impl Network {
    fn new(workers: usize) -> Option<Self> {
        let name = |number: usize| format!("k-corrset-{}-{number}", std::process::id());
        let mut network = Self { machines: vec![name(0)] };
        if !ip(&["netns", "add", &name(0)]) {
            return None;
        }
        for number in 1..=workers {
            let (coordinator, worker) = (name(0), name(number));
            let (here, there) = (format!("to-{number}"), format!("{ADDRESS}.{}", 4 * number + 1));
            assert!(ip(&["netns", "add", &worker]));
            network.machines.push(worker.clone());
            let cable = ["link", "add", &here, "type", "veth", "peer", "name", "cable", "netns", &worker];
            assert!(ip(&[&["-n", &coordinator][..], &cable].concat()));
            let ends = [(&coordinator, here.as_str(), format!("{there}/30")), {
                (&worker, "cable", format!("{ADDRESS}.{}/30", 4 * number + 2))
            }];
            for (machine, end, address) in ends {
                assert!(ip(&["-n", machine, "address", "add", &address, "dev", end]));
                assert!(ip(&["-n", machine, "link", "set", end, "up"]));
            }
        }
        Some(network)
    }

    /// A command on a machine.
    fn run(&self, machine: usize, command: &Command) -> Command {
        let mut there = Command::new("ip");
        there.args(["netns", "exec", &self.machines[machine]]);
        there.arg(command.get_program()).args(command.get_args());
        there.current_dir(env!("CARGO_MANIFEST_DIR"));
        there
    }

    fn address(worker: usize) -> String {
        format!("{ADDRESS}.{}:7001", 4 * worker + 2)
    }

    fn cut(&self, worker: usize) {
        assert!(ip(&["-n", &self.machines[worker], "link", "set", "cable", "down"]));
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.machines.iter().for_each(|machine| _ = ip(&["netns", "delete", machine]));
    }
}

fn ip(arguments: &[&str]) -> bool {
    Command::new("ip").args(arguments).output().is_ok_and(|output| output.status.success())
}

#[test]
fn a_cable_that_is_cut_is_a_worker_that_is_done_without() {
    let Some(network) = Network::new(3) else {
        println!("not run: it takes root and the command ip to make networks");
        return;
    };
    let folder = TempDir::new().unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, "a-secret-of-some-length").unwrap();
    let secret = ["--secret", secret.to_str().unwrap()];
    let worker = |number: usize| {
        let address = Network::address(number);
        let arguments = [&["--serve", &address][..], &SOON, &secret].concat();
        Process::serve(network.run(number, &k_corrset(&arguments)))
    };
    let workers: Vec<Process> = (1..=3).map(worker).collect();
    let query = |sql: &str| {
        let further = [&SOON[..], &secret].concat();
        spawn(network.run(0, &asking(&further, &workers, 50, sql)))
    };
    let whole = query(QUERY).wait_with_output().unwrap();
    assert_eq!(text(&whole.stdout), alone(QUERY), "{}", text(&whole.stderr));

    let without_one = query(QUERY);
    wait_for_work(&workers);
    network.cut(2);
    check_done_without(without_one, &workers[1]);
    // The other end of the cable has noticed, too.
    wait_for_rest(&workers);
    let log = workers[1].log(2);
    assert!(log.contains("a query of 192.0.2.9:"), "{log}");
}
