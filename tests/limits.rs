//! What a worker holds out, and how much it takes: strangers who say nothing or nonsense, too many queries, who
//! reads slowly or goes away. It goes on, and holds nothing afterwards.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Output;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::prompt::text;
use crate::support::processes::{Process, prompt, prompt_with, three, until, wait_for_rest, wait_for_work};
use crate::support::random::Random;

/// Has a row for each of some sets.
const QUERY: &str = "SELECT * FROM k_corrset(exam, 3) ORDER BY r DESC, questions LIMIT 20";

/// Takes longer than any test.
const LONG: &str = "SELECT avg(r) FROM k_corrset(exam, 9)";

/// Two workers with these arguments: with one alone no query is shared out.
fn two(arguments: &[&str]) -> [Process; 2] {
    std::array::from_fn(|_| Process::start_with(arguments, None))
}

fn alone(query: &str) -> String {
    rows(&prompt(&[], 20, query).wait_with_output().unwrap())
}

fn rows(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Sees to it that workers have all rows of a query.
fn check_work(workers: &[Process]) {
    assert_eq!(rows(&prompt(workers, 20, QUERY).wait_with_output().unwrap()), alone(QUERY));
}

fn connection(worker: &Process) -> TcpStream {
    TcpStream::connect(worker.url.split_once("://").unwrap().1).unwrap()
}

/// Waits until workers have no more open than this, each.
fn wait_for_descriptors(workers: &[Process], before: &[usize]) {
    until("connections stay open", || {
        workers.iter().zip(before).all(|(worker, before)| worker.descriptors() <= *before)
    });
}

/// How much workers have open when nobody is there, once they have run a query.
fn at_rest(workers: &[Process]) -> Vec<usize> {
    check_work(workers);
    wait_for_rest(workers);
    workers.iter().map(Process::descriptors).collect()
}

#[test]
fn who_connects_and_says_nothing_is_in_nobodys_way() {
    let workers = two(&["--worker-timeout", "2"]);
    let before = at_rest(&workers);
    let silent: Vec<TcpStream> = (0..500).map(|_| connection(&workers[0])).collect();
    until("they are not let in", || workers[0].descriptors() >= before[0] + 500);
    check_work(&workers);
    drop(silent);
    wait_for_descriptors(&workers, &before);
}

#[test]
fn noise_is_in_nobodys_way() {
    let workers = two(&["--worker-timeout", "2"]);
    let before = at_rest(&workers);
    let mut random = Random::new(7);
    for preface in [&b""[..], b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut noise = preface.to_vec();
        noise.extend((0..200_000).map(|_| random.next() as u8));
        let mut connection = connection(&workers[0]);
        // It hangs up before it has heard all.
        let _ = connection.write_all(&noise);
        let _ = connection.set_read_timeout(Some(Duration::from_secs(10)));
        let _ = connection.read_to_end(&mut Vec::new());
    }
    check_work(&workers);
    wait_for_descriptors(&workers, &before);
}

#[test]
fn no_more_queries_are_taken_than_are_allowed() {
    let workers = two(&["--max-queries", "1"]);
    let mut first = prompt(&workers, 60, LONG);
    wait_for_work(&workers);
    let second = prompt(&workers, 20, QUERY).wait_with_output().unwrap();
    assert!(!second.status.success() && second.stdout.is_empty());
    let errors = text(&second.stderr);
    let refused = "refused the query: it has as many as it takes at once (1); wait for one to end, or start it with a \
                   larger --max-queries";
    assert!(errors.contains(refused), "{errors}");
    first.kill().unwrap();
    first.wait().unwrap();
    wait_for_rest(&workers);
    check_work(&workers);
    let log = workers[0].log(3) + &workers[1].log(3);
    assert!(log.contains("WARN k_corrset: refused a query of 127.0.0.1:"), "{log}");
    assert!(
        log.contains("INFO k_corrset: a query of 127.0.0.1:") && log.contains(" s; 0 others run"),
        "{log}"
    );
}

#[test]
fn a_message_that_is_too_large_is_refused() {
    // The index, which comes after the plan.
    let workers = two(&["--max-message", "20k"]);
    let output = prompt(&workers, 200, "SELECT max(r) FROM k_corrset(exam, 2)").wait_with_output().unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
    let errors = text(&output.stderr);
    // The worker's words, or what is known of it when it has ended its task before.
    let of_worker =
        "the index did not arrive: the coordinator has ended, or sent more in one message than this worker";
    let of_its_end =
        "it ended its task early, as what it was sent did not arrive, or was more in one message than it";
    assert!(errors.contains(of_worker) || errors.contains(of_its_end), "{errors}");
    assert!(errors.contains("with a larger --max-message"), "{errors}");
}

/// Who is busy with what it has read is not silent; and what it has not read yet fills no memory.
#[test]
fn who_reads_slowly_gets_all_rows() {
    let workers = two(&["--worker-timeout", "2"]);
    let query = "SELECT * FROM k_corrset(exam, 5)";
    let expected = alone(query).lines().count();
    let before = at_rest(&workers);
    let mut slow = prompt_with(&["--worker-timeout", "2"], &workers, 20, query);
    let mut stdout = slow.stdout.take().unwrap();
    let (mut rows, mut bytes) = (0, [0; 1 << 16]);
    let until = Instant::now() + Duration::from_secs(5);
    while let Ok(count @ 1..) = stdout.read(&mut bytes) {
        rows += bytes[..count].iter().filter(|&&byte| byte == b'\n').count();
        if Instant::now() < until {
            thread::sleep(Duration::from_millis(500));
        }
    }
    let output = slow.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(rows, expected);
    assert!(workers.iter().all(|worker| worker.memory() < 1 << 19), "{}", workers[0].memory());
    wait_for_descriptors(&workers, &before);
}

/// At whatever moment.
#[test]
fn coordinators_that_are_killed_leave_nothing() {
    let workers = three();
    let before = at_rest(&workers);
    let mut random = Random::new(3);
    for _ in 0..12 {
        let mut query = prompt(&workers, 60, LONG);
        thread::sleep(Duration::from_millis(random.below(700) as u64));
        query.kill().unwrap();
        query.wait().unwrap();
    }
    wait_for_rest(&workers);
    wait_for_descriptors(&workers, &before);
    check_work(&workers);
    let held = || workers.iter().map(Process::memory).max().unwrap();
    assert!(held() < 1 << 19, "{} KiB", held());
}

/// One whose cable was cut, which closes nothing.
#[test]
fn a_coordinator_that_is_silent_is_given_up() {
    let workers = [(); 3].map(|()| Process::start_with(&["--worker-timeout", "2"], None));
    let before = at_rest(&workers);
    let mut query = prompt(&workers, 60, LONG);
    wait_for_work(&workers);
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(query.id() as i32), Signal::SIGSTOP).unwrap();
    wait_for_rest(&workers);
    wait_for_descriptors(&workers, &before);
    query.kill().unwrap();
    query.wait().unwrap();
    check_work(&workers);
}
