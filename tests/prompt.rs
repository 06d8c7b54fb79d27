//! The `k-corrset` program, from the outside.

use std::io::Write;
use std::process::{Command, Output, Stdio};

pub(crate) fn k_corrset(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_k-corrset"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments);
    command
}

fn run(arguments: &[&str]) -> Output {
    k_corrset(arguments).stdin(Stdio::null()).output().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn commands_are_run_and_printed() {
    let output = run(&["-q", "--format", "csv", "-c", "SELECT 1 AS a; SELECT 2 AS b", "-c", "SELECT 3 AS c"]);
    assert_eq!(text(&output.stdout), "a\n1\nb\n2\nc\n3\n");
    assert_eq!(text(&output.stderr), "");
    assert!(output.status.success());
}

#[test]
fn files_are_read_by_their_path() {
    let query = "SELECT questions, n FROM k_corrset('sql/data/quiz.csv', 2, {'user': 'student', 'question': 'item', 'score': 'points', 'top': 1})";
    let output = run(&["-q", "--format", "nd-json", "-c", query]);
    assert_eq!(text(&output.stdout), "{\"questions\":[20,30],\"n\":32}\n", "{}", text(&output.stderr));
}

#[test]
fn every_format_prints_a_result() {
    for (format, expected) in [
        ("csv", "r,n\n0.5,3\n"),
        ("tsv", "r\tn\n0.5\t3\n"),
        ("json", "[{\"r\":0.5,\"n\":3}]\n"),
        ("nd-json", "{\"r\":0.5,\"n\":3}\n"),
        ("table", "+-----+---+\n| r   | n |\n+-----+---+\n| 0.5 | 3 |\n+-----+---+\n"),
    ] {
        let output = run(&["-q", "--format", format, "-c", "SELECT 0.5 AS r, 3 AS n"]);
        assert_eq!(text(&output.stdout), expected, "{format}");
    }
}

#[test]
fn a_statement_that_fails_ends_the_program_with_an_error() {
    let query = "SELECT 1; SELECT * FROM k_corrset(nowhere, 2); SELECT 2";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.sql");
    std::fs::write(&file, query).unwrap();
    for arguments in [["-c", query], ["-f", file.to_str().unwrap()]] {
        let output = run(&[&["-q"], &arguments[..]].concat());
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(
            text(&output.stderr).contains("table 'datafusion.public.nowhere' not found"),
            "{arguments:?}"
        );
        assert!(!text(&output.stdout).contains("Int64(2)"), "{arguments:?} goes on after the failure");
    }
    let output = run(&["-f", "no-such-file.sql"]);
    assert_eq!(output.status.code(), Some(2), "an argument that cannot be read");
    assert!(text(&output.stderr).contains("no-such-file.sql"));
}

#[test]
fn piped_sql_is_run() {
    for (sql, code, expected) in [("SELECT 7 AS x;\n", 0, "x\n7\n"), ("SELECT nope", 1, "")] {
        let mut child = k_corrset(&["-q", "--format", "csv"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(sql.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout), expected);
    }
}

#[test]
fn a_memory_limit_is_kept() {
    let query = "SELECT * FROM k_corrset('sql/data/quiz.csv', 2, {'user': 'student', 'question': 'item', 'score': 'points'})";
    let output = run(&["-q", "-m", "1k", "-c", query]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("Resources exhausted"), "{}", text(&output.stderr));
    let output = run(&["-m", "much", "-c", query]);
    assert_eq!(output.status.code(), Some(2), "an argument that cannot be read");
}

#[test]
fn nothing_but_errors_is_written_to_a_stderr_that_is_no_terminal() {
    let query = "SELECT max(r) AS r FROM k_corrset('sql/data/quiz.csv', 4, {'user': 'student', 'question': 'item', 'score': 'points'})";
    let output = run(&["-c", query]);
    assert!(output.status.success());
    assert_eq!(text(&output.stderr), "");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_the_query_and_not_the_prompt() {
    let minute = Some(60_000);
    let directory = tempfile::tempdir().unwrap();
    let mut command = k_corrset(&[]);
    // The prompt keeps its history where it runs.
    command.current_dir(directory.path());
    let mut prompt = rexpect::session::spawn_command(command, minute).unwrap();
    prompt.exp_string("> ").unwrap();
    let exam = "CREATE TABLE exam AS SELECT u.value AS \"user\", q.value AS question, (u.value * q.value) % 2 AS score
                FROM generate_series(1, 50) u CROSS JOIN generate_series(1, 90) q WHERE (u.value * q.value) % 7 > 0;";
    prompt.send_line(&exam.replace('\n', " ")).unwrap();
    prompt.exp_string("0 row(s) fetched").unwrap();
    // Hours of work.
    prompt.send_line("SELECT max(r) FROM k_corrset(exam, 10);").unwrap();
    prompt.exp_string("subsets/s").unwrap();
    prompt.send_control('c').unwrap();
    prompt.send_line("SELECT 6 * 7 AS answer;").unwrap();
    prompt.exp_string("| 42 ").unwrap();
    prompt.send_line("\\q").unwrap();
    prompt.exp_eof().unwrap();
}

#[cfg(unix)]
#[test]
fn the_prompt_has_commands_and_every_format() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("seven.sql"), "SELECT 3 + 4 AS seven;").unwrap();
    let mut command = k_corrset(&[]);
    command.current_dir(directory.path());
    let mut prompt = rexpect::session::spawn_command(command, Some(60_000)).unwrap();
    let mut type_and_see = |line: &str, expected: &str| {
        prompt.exp_string("> ").unwrap();
        prompt.send_line(line).unwrap();
        prompt.exp_string(expected).unwrap();
    };
    type_and_see("\\?", "describe a table");
    type_and_see("CREATE TABLE exam AS SELECT 1 AS points;", "0 row(s) fetched");
    type_and_see("\\d", "| exam ");
    type_and_see("\\d exam", "| points ");
    type_and_see("\\i seven.sql", "| 7 ");
    type_and_see("\\i no.sql", "no.sql: No such file");
    type_and_see("\\nonsense", "is no command");
    type_and_see("\\pset format xml", "the formats are table, csv, tsv, json, nd-json");
    type_and_see("\\pset format nd-json", "The format is nd-json.");
    type_and_see("SELECT nothing;", "No field named nothing");
    // All rows, also at a terminal.
    type_and_see("SELECT value FROM generate_series(1, 30000);", "{\"value\":1}\r\n");
    for value in 2..=30_000 {
        prompt.exp_string(&format!("{{\"value\":{value}}}\r\n")).unwrap();
    }
    prompt.send_line("\\q").unwrap();
    prompt.exp_eof().unwrap();
}
