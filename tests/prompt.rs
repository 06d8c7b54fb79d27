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
    // Hours of work for a search, as so many sets have the same r, and more for a sweep.
    prompt.send_line("SELECT max(r) FROM k_corrset(exam, 10);").unwrap();
    prompt.exp_string("found, none above").unwrap();
    prompt.send_control('c').unwrap();
    let gap = "(SELECT * FROM exam WHERE \"user\" <> 1 OR question <> 1)";
    prompt.send_line(&format!("SELECT max(r) FROM k_corrset({gap}, 20);")).unwrap();
    prompt.exp_string("k_corrset: to sweep ").unwrap();
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

/// What piped data or statements come to.
fn run_with_stdin(arguments: &[&str], stdin: &str) -> Output {
    let mut child = k_corrset(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Whoever does not want it may have ended.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

#[test]
fn statements_end_where_the_parser_says() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.sql");
    for (sql, expected) in [
        ("SELECT 'a;b' AS x; SELECT 2 AS y", "x\na;b\ny\n2\n"),
        ("SELECT 1 AS \"x;y\";", "x;y\n1\n"),
        ("SELECT 'it''s; -- no comment' AS x", "x\nit's; -- no comment\n"),
        ("SELECT 1 AS x; -- the end; of it", "x\n1\n"),
        ("SELECT 1 AS x -- the end; of it", "x\n1\n"),
        ("SELECT 1 AS x --", "x\n1\n"),
        ("-- SELECT 0;\nSELECT 1 AS x;\n-- SELECT 2;\n", "x\n1\n"),
        ("/* SELECT 0; */ SELECT /* ; */ 1 AS x", "x\n1\n"),
        (";;SELECT 1 AS x;;;SELECT 2 AS y;\n;", "x\n1\ny\n2\n"),
        ("SELECT $$a;b$$ AS x", "x\na;b\n"),
        ("SET datafusion.sql_parser.dialect = 'postgresql'; SELECT 1 AS x", "x\n1\n"),
        (";", ""),
        ("-- nothing", ""),
    ] {
        let arguments = ["-q", "--format", "csv"];
        std::fs::write(&file, sql).unwrap();
        let script = file.to_str().unwrap();
        for output in [
            run(&[&arguments[..], &[&format!("--command={sql}")]].concat()),
            run(&[&arguments[..], &["-f", script]].concat()),
            run_with_stdin(&arguments, sql),
        ] {
            assert_eq!(text(&output.stderr), "", "{sql}");
            assert_eq!(text(&output.stdout), expected, "{sql}");
        }
    }
    std::fs::write(&file, "#!/usr/bin/env k-corrset -f\nSELECT 1 AS x; SELECT 2 AS y;\n").unwrap();
    let output = run(&["-q", "--format", "csv", "-f", file.to_str().unwrap(), "-c", "SELECT 3 AS z"]);
    assert_eq!(text(&output.stdout), "x\n1\ny\n2\nz\n3\n");
}

#[test]
fn of_statements_with_a_mistake_none_is_run() {
    for (sql, expected) in [
        ("SELECT 1 AS x; SELEC 2", "Expected: an SQL statement, found: SELEC at Line: 1, Column: 16"),
        ("SELECT 1 AS x; SELECT 'open", "Unterminated string literal at Line: 1, Column: 23"),
        ("SELECT 1 AS x; /* open", "Unexpected EOF while in a multi-line comment"),
        (
            "SELECT * FROM k_corrset(My Scores, 3)",
            "if 'My Scores' is the name of a table, write it in double quotes, k_corrset(\"My Scores\", ...)",
        ),
    ] {
        let output = run(&["-q", "--format", "csv", "-c", sql]);
        assert_eq!(output.status.code(), Some(1), "{sql}");
        assert_eq!(text(&output.stdout), "", "{sql}");
        assert!(text(&output.stderr).contains(expected), "{sql}: {}", text(&output.stderr));
    }
}

/// A statement that makes standard input a table.
fn of_stdin(name: &str, format: &str, options: &str) -> String {
    format!("CREATE EXTERNAL TABLE {name} STORED AS {format} {options} LOCATION '/dev/stdin';")
}

#[test]
fn data_may_come_by_standard_input() {
    let exam = "user,question,score\nann,q1,1\nann,q2,0\nbob,q1,0\nbob,q2,1\ncyd,q1,1\ncyd,q2,1\n";
    let query = "SELECT count(*) AS rows FROM exam; SELECT questions, n FROM k_corrset(exam, 1)";
    let output = run_with_stdin(
        &["-q", "--format", "csv", "-c", &format!("{}{query}", of_stdin("exam", "csv", ""))],
        exam,
    );
    assert_eq!(text(&output.stdout), "rows\n6\nquestions,n\n[q1],3\n[q2],3\n", "{}", text(&output.stderr));

    // Read once, it can be a table twice, as different formats.
    let lines = "{\"x\":1}\n{\"x\":2}\n";
    let sql = [
        of_stdin("objects", "JSON", ""),
        of_stdin("lines", "CSV", "OPTIONS ('format.has_header' 'false', 'format.delimiter' '|')"),
        "SELECT sum(x) AS x FROM objects; SELECT count(*) AS x FROM lines".to_string(),
    ];
    let output = run_with_stdin(&["-q", "--format", "csv", "-c", &sql.join("")], lines);
    assert_eq!(text(&output.stdout), "x\n3\nx\n2\n", "{}", text(&output.stderr));
}

#[test]
fn standard_input_has_statements_or_data() {
    let sql = of_stdin("exam", "CSV", "");
    for arguments in [&["-q"][..], &["-q", "-f", "/dev/stdin"]] {
        let output = run_with_stdin(arguments, &sql);
        assert_eq!(output.status.code(), Some(1));
        let expected = "standard input has the statements, so it cannot have the data of a table, too; give \
                        the statements by -c or -f: k-corrset -f query.sql < data.csv";
        assert!(text(&output.stderr).contains(expected), "{arguments:?}: {}", text(&output.stderr));
    }
}

/// The command that an error tells to build with.
fn build_with(feature: &str) -> String {
    let features = [
        ("avro", cfg!(feature = "avro")),
        ("cloud", cfg!(feature = "cloud")),
        ("distributed", cfg!(feature = "distributed")),
    ];
    let wanted = features.iter().filter(|(name, is_there)| *is_there || *name == feature);
    let wanted: Vec<&str> = wanted.map(|(name, _)| *name).collect();
    format!("build it with `cargo build --release --features cli,{}`", wanted.join(","))
}

#[cfg(not(feature = "cloud"))]
#[test]
fn stores_of_clouds_are_a_feature() {
    for sql in [
        "SELECT * FROM 's3://bucket/exam.parquet'",
        "SELECT * FROM 's3://bucket/exam/'",
        "SELECT * FROM 'gs://bucket/exam*.csv'",
        "SELECT * FROM k_corrset('https://example.org/exam.csv', 2)",
        "CREATE EXTERNAL TABLE exam STORED AS PARQUET LOCATION 's3://bucket/exam.parquet'",
        "CREATE EXTERNAL TABLE exam STORED AS CSV OPTIONS ('aws.region' 'eu-west-1') LOCATION 's3://bucket/exam/'",
        "COPY (SELECT 1) TO 'gcs://bucket/exam.csv'",
        "COPY (SELECT 1) TO 's3://bucket/exam.csv' OPTIONS ('aws.region' 'eu-west-1')",
    ] {
        let output = run(&["-q", "-c", sql]);
        assert_eq!(output.status.code(), Some(1), "{sql}");
        let expected = format!("this k-corrset was built without cloud stores; {}", build_with("cloud"));
        assert!(text(&output.stderr).contains(&expected), "{sql}: {}", text(&output.stderr));
    }
}

#[cfg(not(feature = "distributed"))]
#[test]
fn a_cluster_is_a_feature() {
    for arguments in
        [&["--serve", "127.0.0.1:0"][..], &["--workers", "http://127.0.0.1:7001", "-c", "SELECT 1"]]
    {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let expected = format!("this k-corrset was built without clusters; {}", build_with("distributed"));
        assert!(text(&output.stderr).contains(&expected), "{arguments:?}: {}", text(&output.stderr));
    }
}

#[cfg(not(feature = "avro"))]
#[test]
fn avro_is_a_feature() {
    for sql in [
        "CREATE EXTERNAL TABLE exam STORED AS AVRO LOCATION 'exam.avro'",
        "CREATE EXTERNAL TABLE exam STORED AS avro LOCATION '/dev/stdin'",
    ] {
        let output = run(&["-q", "-c", sql]);
        assert_eq!(output.status.code(), Some(1), "{sql}");
        let expected = format!("this k-corrset was built without Avro; {}", build_with("avro"));
        assert!(text(&output.stderr).contains(&expected), "{sql}: {}", text(&output.stderr));
    }
}

/// A prompt at a terminal, in a folder.
#[cfg(unix)]
fn at_terminal(arguments: &[&str], folder: &std::path::Path) -> rexpect::session::PtySession {
    let mut command = k_corrset(arguments);
    command.current_dir(folder);
    rexpect::session::spawn_command(command, Some(60_000)).unwrap()
}

#[cfg(unix)]
#[test]
fn a_statement_may_have_many_lines() {
    let folder = tempfile::tempdir().unwrap();
    let mut prompt = at_terminal(&["-q"], folder.path());
    prompt.exp_string("> ").unwrap();
    for line in ["SELECT '1;", "2' AS two,", "   6 * 7 -- not yet;", "AS answer;"] {
        prompt.send_line(line).unwrap();
    }
    prompt.exp_string("| 1;\\n2 | 42 ").unwrap();
    // What is typed before the prompt is there again may be lost. Its hint is the last of it.
    prompt.exp_string("to quit").unwrap();
    // Nothing is no statement, and no reason to wait for more.
    prompt.send_line("").unwrap();
    prompt.exp_string("to quit").unwrap();
    prompt.send_line("SELECT 5 + 6 AS sum; SELECT 7 + 8 AS sum; -- done").unwrap();
    prompt.exp_string("| 11 ").unwrap();
    prompt.exp_string("| 15 ").unwrap();
    prompt.exp_string("to quit").unwrap();
    // A mistake is told, and the line is there to be mended.
    prompt.send_line("SELEC 9;").unwrap();
    prompt.exp_string("Expected: an SQL statement, found: SELEC").unwrap();
    prompt.send_control('c').unwrap();
    prompt.exp_string("^C").unwrap();
    prompt.exp_string("> ").unwrap();
    prompt.send_line("\\q").unwrap();
    prompt.exp_eof().unwrap();
    let history = std::fs::read_to_string(folder.path().join(".history")).unwrap();
    assert!(history.contains("SELECT 5 + 6 AS sum; SELECT 7 + 8 AS sum; -- done"), "{history}");
}

#[cfg(unix)]
#[test]
fn names_of_files_are_completed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("seventeen.csv"), "a\n17\n").unwrap();
    std::fs::write(folder.path().join("nineteen.sql"), "SELECT 19 AS b;").unwrap();
    let mut prompt = at_terminal(&["-q"], folder.path());
    for (line, expected) in [
        ("SELECT * FROM 'sev\t';", "| 17 |"),
        ("SELECT a + 1 AS a FROM 'seventeen.csv' WHERE a = (SELECT max(a) FROM 's\t');", "| 18 |"),
        ("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION 'seve\t'; SELECT a + 3 AS a FROM t;", "| 20 |"),
        ("\\i ni\t", "| 19 |"),
    ] {
        prompt.exp_string("> ").unwrap();
        prompt.send_line(line).unwrap();
        prompt.exp_string(expected).unwrap();
    }
    prompt.send_line("\\q").unwrap();
    prompt.exp_eof().unwrap();
}

#[cfg(unix)]
#[test]
fn sql_has_colours_where_they_are_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let mut prompt = at_terminal(&["-q", "--color"], folder.path());
    prompt.exp_string("> ").unwrap();
    prompt.send_line("SELECT 'six' AS word;").unwrap();
    prompt.exp_string("\u{1b}[91mSELECT\u{1b}[0m \u{1b}[92m'six'\u{1b}[0m").unwrap();
    prompt.exp_string("| six ").unwrap();
    prompt.send_line("\\q").unwrap();
    prompt.exp_eof().unwrap();
}

#[cfg(unix)]
#[test]
fn the_syntax_of_statements_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut prompt = at_terminal(&["-q"], folder.path());
    for (line, expected) in [
        ("\\h", "CREATE EXTERNAL TABLE"),
        ("\\h select", "k_corrset(table, k [, option => value"),
        ("\\h create external table", "LOCATION 'path'"),
        ("\\h cheese", "there is no help on cheese; \\h lists what there is"),
    ] {
        prompt.exp_string("> ").unwrap();
        prompt.send_line(line).unwrap();
        prompt.exp_string(expected).unwrap();
    }
    prompt.send_line("\\q").unwrap();
    prompt.exp_eof().unwrap();
}
