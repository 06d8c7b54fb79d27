//! What the prompt prints: all of it, in every format, wherever it goes.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{ChildStdout, Output, Stdio};

use crate::prompt::{k_corrset, text};

const FORMATS: [&str; 4] = ["csv", "tsv", "json", "nd-json"];

/// Rows of many batches, of different sizes.
const MANY: &str = "SELECT value, repeat('x', 150) AS text FROM generate_series(1, 114000)";

/// All 9,880 sets of three of forty questions.
const SETS: &str = "SELECT questions, r, n FROM k_corrset(
    (SELECT 'u' || u.value AS \"user\", 'q, ' || q.value AS question, (u.value * q.value) % 3 AS score
     FROM generate_series(1, 90) u CROSS JOIN generate_series(1, 40) q), 3, undefined => 'null')";

fn run(arguments: &[&str]) -> Output {
    k_corrset(arguments).stdin(Stdio::null()).output().unwrap()
}

/// How many rows are in an output.
fn rows(format: &str, output: &str) -> usize {
    match format {
        // A header.
        "csv" | "tsv" => output.lines().count() - 1,
        "nd-json" => output.lines().filter(|line| line.starts_with('{') && line.ends_with('}')).count(),
        _ => serde_json_rows(output),
    }
}

/// The objects of an array, of which none has another in it.
fn serde_json_rows(output: &str) -> usize {
    let array = output.strip_suffix("]\n").and_then(|array| array.strip_prefix('['));
    let array = array.unwrap_or_else(|| panic!("no array: {}", &output[..output.len().min(200)]));
    array.matches('{').count()
}

#[test]
fn every_format_but_a_table_has_all_rows() {
    for format in FORMATS {
        for threads in ["1", "4"] {
            for quiet in [&["-q"][..], &[]] {
                for (sql, expected) in [(MANY, 114_000), (SETS, 9_880)] {
                    let options = ["--format", format, "-j", threads, "-c", sql];
                    let output = run(&[quiet, &options].concat());
                    assert!(output.status.success(), "{}", text(&output.stderr));
                    assert_eq!(text(&output.stderr), "");
                    assert_eq!(
                        rows(format, &text(&output.stdout)),
                        expected,
                        "{format} {threads} {quiet:?} {sql}"
                    );
                }
            }
        }
    }
}

/// As the README has it.
#[test]
fn sets_as_text_are_lists_again() {
    let folder = tempfile::tempdir().unwrap();
    let sets = SETS.replace("'q, '", "'q'");
    let printed = run(&["-q", "--format", "csv", "-c", &sets]);
    std::fs::write(folder.path().join("printed.csv"), &printed.stdout).unwrap();
    let copied = folder.path().join("copied.csv");
    let copied = format!("COPY ({sets}) TO '{}'", copied.display());
    assert!(run(&["-q", "-c", &copied]).status.success());
    let listed = format!(
        "WITH sets AS ({sets}) SELECT question, count(*) FROM (SELECT unnest(questions) AS question FROM sets) GROUP BY question ORDER BY question"
    );
    let listed = text(&run(&["-q", "--format", "csv", "-c", &listed]).stdout);
    assert_eq!(listed.lines().count(), 41, "{listed}");
    for file in ["printed.csv", "copied.csv"] {
        let read = format!(
            "SELECT question, count(*) FROM (SELECT unnest(string_to_array(btrim(questions, '[]'), ', ')) AS question \
             FROM '{}') GROUP BY question ORDER BY question",
            folder.path().join(file).display()
        );
        let read = run(&["-q", "--format", "csv", "-c", &read]);
        assert_eq!(text(&read.stdout), listed, "{file}: {}", text(&read.stderr));
    }
}

#[test]
fn from_files_and_standard_input_too() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("sets.sql");
    std::fs::write(&script, format!("{SETS};\n{SETS};\n")).unwrap();
    for format in FORMATS {
        let arguments = ["-q", "--format", format];
        let from_file = run(&[&arguments[..], &["-f", script.to_str().unwrap()]].concat());
        let from_stdin = k_corrset(&arguments).stdin(File::open(&script).unwrap()).output().unwrap();
        for output in [from_file, from_stdin] {
            let output = text(&output.stdout);
            let found = match format {
                "json" => output.split_inclusive("]\n").map(serde_json_rows).sum(),
                "nd-json" => rows(format, &output),
                _ => output.lines().count() - 2,
            };
            assert_eq!(found, 2 * 9_880, "{format}");
        }
    }
    let into_file = folder.path().join("out.csv");
    let status = k_corrset(&["-q", "--format", "csv", "-c", SETS])
        .stdout(File::create(&into_file).unwrap())
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(std::fs::read_to_string(into_file).unwrap().lines().count(), 9_881);
}

#[cfg(unix)]
#[test]
fn at_a_terminal_too() {
    for (format, expected) in [("nd-json", 9_880), ("csv", 9_881)] {
        let command = k_corrset(&["--format", format, "-c", SETS]);
        let mut terminal = rexpect::session::spawn_command(command, Some(60_000)).unwrap();
        let shown = terminal.exp_eof().unwrap();
        assert_eq!(shown.lines().count(), expected, "{format}");
    }
}

#[test]
fn a_table_says_what_it_leaves_out() {
    for quiet in [&["-q"][..], &[]] {
        let output = run(&[quiet, &["-c", SETS]].concat());
        let table = text(&output.stdout);
        assert_eq!(table.lines().filter(|line| line.starts_with("| [")).count(), 40);
        assert!(table.contains("The first 40 of 9880 rows; --maxrows inf shows all"), "{table}");
    }
    let all = text(&run(&["-q", "--maxrows", "inf", "-c", SETS]).stdout);
    assert_eq!(all.lines().filter(|line| line.starts_with("| [")).count(), 9_880);
    assert!(!all.contains("The first"));
    let five = text(&run(&["-q", "--maxrows", "5", "-c", "SELECT * FROM generate_series(1, 5)"]).stdout);
    assert!(!five.contains("The first"), "{five}");
    // What tells of the session is shown whole.
    assert!(text(&run(&["-q", "-c", "SHOW ALL"]).stdout).lines().count() > 100);
}

#[test]
fn a_row_of_a_table_is_one_line_and_cannot_be_misread() {
    let sql =
        "SELECT ['relaxed', 'tense, tense'] AS questions, 'a\nb' AS note, ['x\ny', NULL, 'NULL'] AS more";
    let lines = text(&run(&["-q", "-c", sql]).stdout);
    let row = "| [relaxed, 'tense, tense'] | a\\nb | ['x\\ny', NULL, 'NULL'] |";
    assert!(lines.lines().any(|line| line == row), "{lines}");
    // A plan has many lines.
    let plan = text(
        &run(&["-q", "-c", "EXPLAIN FORMAT INDENT SELECT * FROM generate_series(1, 3) WHERE value > 1"])
            .stdout,
    );
    assert!(plan.lines().count() > 6 && !plan.contains("\\n"), "{plan}");
}

#[test]
fn lists_are_text_in_csv() {
    let sql = "SELECT ['q1', 'q2, \"b\"'] AS questions, {'a': [1, NULL]} AS s, NULL AS r, 2 AS n";
    let csv = text(&run(&["-q", "--format", "csv", "-c", sql]).stdout);
    assert_eq!(csv, "questions,s,r,n\n\"[q1, 'q2, \"\"b\"\"']\",\"{'a': [1, NULL]}\",,2\n");
    let tsv = text(&run(&["-q", "--format", "tsv", "-c", "SELECT ['q1', 'q2'] AS questions, 2 AS n"]).stdout);
    assert_eq!(tsv, "questions\tn\n[q1, q2]\t2\n");
    let folder = tempfile::tempdir().unwrap();
    for (name, how) in [("sets.csv", ""), ("sets.txt", "STORED AS CSV")] {
        let path = folder.path().join(name);
        let sql = format!("COPY ({SETS}) TO '{}' {how}", path.display());
        let output = run(&["-q", "-c", &sql]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let copied = std::fs::read_to_string(&path).unwrap();
        assert_eq!(copied.lines().count(), 9_881, "{name}");
        assert!(copied.starts_with("questions,r,n\n\"['q, "), "{}", &copied[..60]);
    }
    // Where a format has lists, they stay lists.
    let path = folder.path().join("sets.parquet");
    let sql = format!(
        "COPY ({SETS}) TO '{0}'; SELECT count(*) AS sets FROM '{0}' WHERE cardinality(questions) = 3",
        path.display()
    );
    assert!(text(&run(&["-q", "-c", &sql]).stdout).contains("| 9880 |"));
}

#[test]
fn no_rows_are_a_header_or_an_empty_array() {
    for (format, expected) in [("csv", "a,b\n"), ("tsv", "a\tb\n"), ("json", "[]\n"), ("nd-json", "")] {
        let output = run(&["--format", format, "-c", "SELECT 1 AS a, ['x'] AS b WHERE false"]);
        assert_eq!(text(&output.stdout), expected, "{format}");
    }
    let nothing = run(&[
        "--format",
        "csv",
        "-c",
        "CREATE TABLE t AS SELECT 1 AS a; SET datafusion.execution.batch_size = 10",
    ]);
    assert_eq!(text(&nothing.stdout), "", "statements without columns");
}

#[test]
fn null_is_a_key_of_its_own_in_json() {
    let output = run(&["-q", "--format", "nd-json", "-c", "SELECT ['q1'] AS questions, NULL AS r, 1 AS n"]);
    assert_eq!(text(&output.stdout), "{\"questions\":[\"q1\"],\"r\":null,\"n\":1}\n");
}

/// The first line of a program's output, after which nobody reads any more.
fn first_line(stdout: ChildStdout) -> String {
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    line
}

#[cfg(unix)]
#[test]
fn whoever_reads_may_go() {
    for format in FORMATS {
        let mut child = k_corrset(&["--format", format, "-c", MANY, "-c", MANY])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        assert!(!first_line(child.stdout.take().unwrap()).is_empty());
        let mut complaint = String::new();
        child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
        assert_eq!(complaint, "", "{format}");
        assert_eq!(child.wait().unwrap().code(), Some(141), "{format}");
    }
    // With standard error in the same pipe, also where what is written there is an error.
    for sql in [MANY, "SELECT 1 AS a; SELECT nothing"] {
        let (reader, writer) = std::io::pipe().unwrap();
        let mut command = k_corrset(&["-q", "--format", "csv", "-c", sql]);
        let mut child =
            command.stdin(Stdio::null()).stdout(writer.try_clone().unwrap()).stderr(writer).spawn().unwrap();
        drop(command);
        drop(reader);
        let code = child.wait().unwrap().code();
        assert!(matches!(code, Some(1 | 141)), "{sql}: {code:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_of_one_line() {
    for format in ["csv", "json", "table"] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = k_corrset(&["-q", "--format", format, "-c", MANY])
            .stdin(Stdio::null())
            .stdout(full)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{format}");
        let complaint = text(&output.stderr);
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
        assert!(
            complaint.contains("standard output cannot be written: No space left on device"),
            "{complaint}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_reader_that_takes_its_time_holds_the_rows_up() {
    // Some gigabytes, of which the program never holds more than a few batches.
    let sql = "SELECT value, repeat('x', 2000) AS text FROM generate_series(1, 2000000)";
    let mut child = k_corrset(&["-q", "--format", "nd-json", "-c", sql])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("{\"value\":1,"));
    std::thread::sleep(std::time::Duration::from_secs(2));
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kilobytes: usize = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kilobytes < 400_000, "{kilobytes} kB");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn errors_are_short_and_show_no_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("exam.json");
    let mut file = File::create(&path).unwrap();
    let row = |user: usize| format!("{{\"user\": \"secret{user}\", \"question\": \"q1\", \"score\": 1}}");
    // Rows as objects, and one that is an array.
    let rows: Vec<String> = (0..10_000).map(row).collect();
    write!(file, "{}\n[\"secret\", {}]\n", row(0), rows.join(", ")).unwrap();
    let wide = (0..5_000).map(|column| format!("1 AS column_number_{column}")).collect::<Vec<_>>().join(", ");
    for sql in [
        format!("SELECT * FROM k_corrset('{}', 1)", path.display()),
        format!("SELECT * FROM '{}'", path.display()),
        format!("SELECT * FROM k_corrset((SELECT {wide}), 1)"),
        format!("SELECT nothing FROM (SELECT {wide})"),
    ] {
        let output = run(&["-q", "-c", &sql]);
        assert_eq!(output.status.code(), Some(1));
        let complaint = text(&output.stderr);
        assert!(complaint.len() <= 2_100, "{} bytes: {}", complaint.len(), &complaint[..200]);
        assert!(!complaint.contains("secret"), "{complaint}");
    }
}

#[test]
fn an_input_without_rows_is_remarked_on() {
    let none = "SELECT * FROM k_corrset((SELECT 1 AS \"user\", 2 AS question, 3 AS score WHERE false), 1)";
    for quiet in [&["-q"][..], &[]] {
        let output = run(&[quiet, &["--format", "csv", "-c", none, "-c", "SELECT 1 AS a"]].concat());
        assert!(output.status.success());
        assert_eq!(text(&output.stdout), "questions,r,n\na\n1\n");
        let remark = text(&output.stderr);
        assert!(remark.contains("no row") && remark.lines().count() == 1, "{remark}");
    }
    let some = text(
        &run(&[
            "-q",
            "-c",
            "SELECT count(*) FROM k_corrset((SELECT 1 AS \"user\", 2 AS question, 3 AS score), 1)",
        ])
        .stderr,
    );
    assert_eq!(some, "");
}

#[test]
fn a_column_that_seems_to_name_the_users_is_remarked_on() {
    let survey =
        "SELECT value + 1000 AS \"Id\", value % 2 AS a, value % 3 AS b, value * 1.5 AS c, value > 4 AS d";
    let remark = |rows: usize, options: &str| {
        let sql = format!(
            "SELECT count(*) FROM k_corrset(({survey} FROM range({rows})), 2, wide => true{options})"
        );
        text(&run(&["-q", "-c", &sql]).stderr)
    };
    let told = remark(10, "");
    assert!(told.starts_with("k_corrset: column \"Id\" is taken for a question"), "{told}");
    assert!(told.contains("write user => 'Id'") && told.lines().count() == 1, "{told}");
    // Scores of few users may well be all different.
    assert_eq!(remark(9, ""), "");
    assert_eq!(remark(10, ", user => 'Id'"), "");
}
