//! Workers that fall while a query runs: the others do their pieces, or it begins again on these, or it is an error
//! that names one. No row is missing, and none is there twice.

use std::fs;
use std::process::{Child, Command, Output};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::prompt::{k_corrset, text};
use crate::support::processes::{
    Process, asking, exam, prompt, prompt_with, spawn, three, wait_for_rest, wait_for_work,
};
use crate::support::random::Random;

/// Takes some seconds, and has one row, in the end.
const QUERY: &str = "SELECT count(*), max(r), sum(n) FROM k_corrset(exam, 7)";

/// Its rows go from workers to workers, so it is not cut into pieces.
const GROUPED: &str = "SELECT n, count(*), max(r) FROM k_corrset(exam, 7) GROUP BY n ORDER BY n";

/// A worker that is silent for two seconds is lost.
const SOON: [&str; 2] = ["--worker-timeout", "2"];

fn alone(query: &str) -> String {
    let alone = prompt(&[], 50, query).wait_with_output().unwrap();
    assert!(!alone.stdout.is_empty(), "{}", text(&alone.stderr));
    text(&alone.stdout)
}

/// Sees to it that a query that lost a worker has all rows, and says what happened.
fn check_done_without(query: Child, expected: &str, lost: &Process, how: &str) {
    let output = query.wait_with_output().unwrap();
    let errors = text(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(text(&output.stdout), expected);
    assert!(errors.contains(&format!("k_corrset: lost the worker at {}/", lost.url)), "{errors}");
    assert!(errors.contains(how), "{errors}");
}

/// What is said where the others go on, and where they begin anew.
const GOES_ON: &str = "); the others do its pieces";
const BEGINS_AGAIN: &str = "; the query begins again without it";

/// The error of a query that has to fail, without a row.
fn error(query: Child) -> String {
    let output = query.wait_with_output().unwrap();
    assert!(!output.status.success());
    assert_eq!(text(&output.stdout), "");
    text(&output.stderr)
}

#[test]
fn a_worker_that_is_killed_is_done_without() {
    for (query, how) in [(QUERY, GOES_ON), (GROUPED, BEGINS_AGAIN)] {
        let workers = three();
        let running = prompt(&workers, 50, query);
        wait_for_work(&workers);
        workers[1].send(Signal::SIGKILL);
        check_done_without(running, &alone(query), &workers[1], how);
    }
}

#[test]
fn at_a_terminal_pieces_are_told_by_worker_and_a_loss_above_them() {
    let workers = three();
    let exam = exam(60);
    let query = "SELECT avg(r) FROM k_corrset(exam, 7)";
    let mut arguments = vec!["-j", "2", "-c", &exam, "-c", query, "--workers"];
    arguments.extend(workers.iter().map(|worker| worker.url.as_str()));
    let mut prompt = rexpect::session::spawn_command(k_corrset(&arguments), Some(60_000)).unwrap();
    prompt.exp_string("/48 pieces: ").unwrap();
    let address = workers[1].url.trim_start_matches("http://");
    prompt.exp_string(&format!(" by {address}")).unwrap();
    workers[1].send(Signal::SIGKILL);
    prompt.exp_string(&format!("k_corrset: lost the worker at {}/", workers[1].url)).unwrap();
    prompt.exp_string("/48 pieces: ").unwrap();
    prompt.send_control('c').unwrap();
    prompt.exp_eof().unwrap();
}

#[test]
fn a_worker_that_was_killed_before_is_done_without() {
    let workers = three();
    workers[1].send(Signal::SIGKILL);
    let running = prompt(&workers, 20, "SELECT count(*), max(r), sum(n) FROM k_corrset(exam, 5)");
    let expected = prompt(&[], 20, "SELECT count(*), max(r), sum(n) FROM k_corrset(exam, 5)");
    let expected = text(&expected.wait_with_output().unwrap().stdout);
    check_done_without(running, &expected, &workers[1], GOES_ON);
}

#[test]
fn with_the_last_worker_the_query_is_lost() {
    let workers = three();
    let query = prompt(&workers, 60, "SELECT avg(r) FROM k_corrset(exam, 9)");
    wait_for_work(&workers);
    workers.iter().for_each(|worker| worker.send(Signal::SIGKILL));
    let errors = error(query);
    assert!(errors.contains("so there is no result (") && !errors.contains("begins again"), "{errors}");
}

/// Rows are many, and each is read before the query ends.
#[test]
fn all_rows_are_there_once_whoever_is_killed() {
    let lines = |output: Output| {
        assert!(output.status.success(), "{}", text(&output.stderr));
        let mut lines: Vec<String> = text(&output.stdout).lines().map(str::to_string).collect();
        lines.sort_unstable();
        lines
    };
    let query = "SELECT * FROM k_corrset(exam, 5)";
    let expected = lines(prompt(&[], 45, query).wait_with_output().unwrap());
    assert!(expected.len() > 1_000_000);
    let workers = three();
    let running = prompt(&workers, 45, query);
    wait_for_work(&workers);
    workers[2].send(Signal::SIGKILL);
    assert_eq!(lines(running.wait_with_output().unwrap()), expected);
}

/// A worker that rests most of the time does fewer pieces than the plan gives it.
#[test]
fn the_others_do_pieces_of_a_worker_that_is_slow() {
    let workers = three();
    let mut running = prompt(&workers, 50, &format!("EXPLAIN ANALYZE {QUERY}"));
    wait_for_work(&workers);
    while running.try_wait().unwrap().is_none() {
        workers[1].send(Signal::SIGSTOP);
        thread::sleep(Duration::from_millis(90));
        workers[1].send(Signal::SIGCONT);
        thread::sleep(Duration::from_millis(10));
    }
    let analyzed = text(&running.wait_with_output().unwrap().stdout);
    let moved = analyzed.split("pieces_moved=").nth(1).unwrap_or_else(|| panic!("{analyzed}"));
    let moved: String = moved.chars().take_while(char::is_ascii_digit).collect();
    assert!(moved.parse::<usize>().unwrap() > 2, "{analyzed}");
    for told in ["pieces_begun_again=0", "piece_time_max=", "piece_time_p50="] {
        assert!(analyzed.contains(told), "{analyzed}");
    }
}

/// A process that is stopped is what a machine is whose cable was cut: nothing is closed, nothing comes.
#[test]
fn a_worker_that_is_silent_is_done_without_after_a_time() {
    let workers = three();
    let query = prompt_with(&SOON, &workers, 50, QUERY);
    wait_for_work(&workers);
    workers[1].send(Signal::SIGSTOP);
    check_done_without(query, &alone(QUERY), &workers[1], GOES_ON);
    workers[1].send(Signal::SIGCONT);
}

#[test]
fn a_query_that_brings_down_three_workers_fails() {
    let workers: Vec<Process> = (0..5).map(|_| Process::start()).collect();
    let query = prompt(&workers, 60, "SELECT n, avg(r) FROM k_corrset(exam, 9) GROUP BY n");
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
    let copy = |query: &str| format!("COPY ({query}) TO '{}'", file.display());
    let workers = three();
    let query = prompt(&workers, 50, &copy(GROUPED));
    wait_for_work(&workers);
    workers[1].send(Signal::SIGKILL);
    let errors = error(query);
    assert!(errors.contains("lost the worker at") && !errors.contains("begins again"), "{errors}");
    // It goes on where it can.
    let workers = three();
    let query = prompt(&workers, 50, &copy(QUERY));
    wait_for_work(&workers);
    workers[1].send(Signal::SIGKILL);
    check_done_without(query, "{\"count\":1}\n", &workers[1], GOES_ON);
    let written = fs::read_to_string(&file).unwrap();
    let row: Vec<&str> = written.lines().nth(1).unwrap().split(',').collect();
    assert!(row.len() == 3 && row.iter().all(|number| alone(QUERY).contains(number)), "{written}");
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
        "SELECT * FROM k_corrset(exam, 6) WHERE n > 20 ORDER BY r DESC, n DESC, questions LIMIT 300",
    ];
    let expected = texts.map(alone);
    let mut random = Random::new(23);
    let mut workers = three();
    let [mut untouched, mut went_on, mut begun_again, mut failed] = [0; 4];
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
            *match errors {
                errors if errors.contains(BEGINS_AGAIN) => &mut begun_again,
                errors if errors.contains(GOES_ON) => &mut went_on,
                _ => &mut untouched,
            } += 1;
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
    println!(
        "{queries} queries: {untouched} ran through, {went_on} went on without a worker, {begun_again} began again, \
         {failed} failed"
    );
    assert_eq!(untouched + went_on + begun_again + failed, queries);
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
    check_done_without(without_one, &alone(QUERY), &workers[1], GOES_ON);
    // The other end of the cable has noticed, too.
    wait_for_rest(&workers);
    let log = workers[1].log(2);
    assert!(log.contains("a query of 192.0.2.9:"), "{log}");
}
