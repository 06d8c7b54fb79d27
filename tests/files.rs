//! Files by their paths, in sessions of the prompt's kind.

use std::path::Path;

use arrow::util::pretty::pretty_format_batches;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_k_corrset::register_all;
use datafusion_k_corrset::session::files::register_files;

fn session() -> SessionContext {
    let ctx = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    register_files(&ctx).unwrap();
    register_all(&ctx).unwrap();
    ctx
}

/// The rows of the last statement; or its error.
pub(crate) async fn run(sql: &str) -> Result<String, String> {
    let ctx = session();
    let mut shown = String::new();
    for statement in sql.split(';') {
        let frame = ctx.sql(statement).await.map_err(|error| error.to_string())?;
        let batches = frame.collect().await.map_err(|error| error.to_string())?;
        shown = pretty_format_batches(&batches).unwrap().to_string();
    }
    Ok(shown)
}

const ANN: &str = "user,question,score\nann,q1,1\nann,q2,0\n";
const BOB: &str = "question,score,user\nq1,0,bob\nq2,1,bob\n";

pub(crate) fn folder(files: &[(&str, impl AsRef<[u8]>)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

async fn all_of(path: &Path, order: &str) -> String {
    run(&format!("SELECT * FROM '{}' ORDER BY {order}", path.display())).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn columns_of_files_are_joined_by_name() {
    let folder = folder(&[("a.csv", ANN), ("b.csv", BOB)]);
    let expected = "\
+------+----------+-------+
| user | question | score |
+------+----------+-------+
| ann  | q1       | 1     |
| ann  | q2       | 0     |
| bob  | q1       | 0     |
| bob  | q2       | 1     |
+------+----------+-------+";
    assert_eq!(all_of(folder.path(), "1, 2").await, expected);
    assert_eq!(all_of(&folder.path().join("*.csv"), "1, 2").await, expected);
    let external = "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{}/'; SELECT * FROM t ORDER BY 1, 2";
    let external = external.replace("{}", folder.path().to_str().unwrap());
    assert_eq!(run(&external).await.unwrap(), expected);
    let sets = format!(
        "SELECT questions, n FROM k_corrset('{}', 1, undefined => 'null') ORDER BY 1",
        folder.path().display()
    );
    let sets = run(&sets).await.unwrap();
    assert!(sets.contains("| [q1]      | 2 |") && sets.contains("| [q2]      | 2 |"), "{sets}");
}

#[tokio::test]
async fn a_column_that_a_file_lacks_is_null_and_types_widen() {
    let folder = folder(&[
        ("a.csv", ANN),
        ("b.csv", "score,user,question,note\n0.5,cyd,q1,late\n"),
        ("c.csv", "user,question,score\n7,q1,0.25\n"),
        ("empty.csv", ""),
    ]);
    let expected = "\
+------+----------+-------+------+
| user | question | score | note |
+------+----------+-------+------+
| 7    | q1       | 0.25  |      |
| ann  | q1       | 1.0   |      |
| ann  | q2       | 0.0   |      |
| cyd  | q1       | 0.5   | late |
+------+----------+-------+------+";
    assert_eq!(all_of(folder.path(), "1, 2").await, expected);
}

#[tokio::test]
async fn what_cannot_be_joined_is_refused_by_name() {
    let folder =
        folder(&[("a.csv", ANN), ("b.csv", BOB), ("of/year=1/a.csv", ANN), ("of/year=2/b.csv", BOB)]);
    let declared = "CREATE EXTERNAL TABLE t (x VARCHAR, y VARCHAR, z INT) STORED AS CSV LOCATION '{}/a.csv'; SELECT x FROM t ORDER BY 1";
    let path = folder.path().to_str().unwrap();
    assert!(
        run(&declared.replace("{}", path)).await.unwrap().contains("ann"),
        "one file is as it is declared"
    );
    for sql in [declared.replace("{}/a.csv", &format!("{path}/")), format!("SELECT * FROM '{path}/of/'")] {
        let error = run(&sql).await.unwrap_err();
        assert!(error.contains("a.csv has user, question, score, and"), "{error}");
        assert!(error.contains("b.csv has question, score, user"), "{error}");
    }
}

#[tokio::test]
async fn a_path_is_a_file_before_it_is_a_pattern() {
    let other = "user,question,score\nwrong,q1,1\n";
    let folder =
        folder(&[("exam1.csv", other), ("exam2.csv", other), ("100% #1.csv", ANN), ("dir[1]/x.csv", ANN)]);
    let count = async |name: &str| {
        let sql = format!("SELECT count(*) AS rows FROM '{}'", folder.path().join(name).display());
        run(&sql).await.map(|shown| shown.lines().nth(3).unwrap().trim_matches(['|', ' ']).to_string())
    };
    assert_eq!(count("exam[1].csv").await.unwrap(), "1", "a pattern");
    assert_eq!(count("exam*.csv").await.unwrap(), "2", "a pattern");
    for name in ["exam[1].csv", "exam*.csv", "exam?.csv"] {
        std::fs::write(folder.path().join(name), ANN).unwrap();
        assert_eq!(count(name).await.unwrap(), "2", "{name}, a file");
    }
    assert_eq!(count("100% #1.csv").await.unwrap(), "2");
    assert_eq!(count("dir[1]").await.unwrap(), "2");
    // And the same from where it lies, which a path need not begin at.
    let users = format!("SELECT DISTINCT \"user\" FROM '{}'", folder.path().join("exam[1].csv").display());
    assert!(run(&users).await.unwrap().contains("ann"));
    assert!(count("none.csv").await.unwrap_err().contains("there is no 'none.csv'"));
}

#[tokio::test]
async fn parquet_and_json_are_read_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for (ending, format) in [("parquet", "PARQUET"), ("json", "JSON")] {
        let part = |number: usize| folder.path().join(ending).join(format!("{number}.{ending}"));
        let sql = format!(
            "COPY (SELECT 'ann' AS \"user\", 'q1' AS question, 1 AS score) TO '{}' STORED AS {format};
             COPY (SELECT 'q2' AS question, 0 AS score, 'bob' AS \"user\") TO '{}' STORED AS {format};
             SELECT \"user\", question, score FROM '{}' ORDER BY 1",
            part(1).display(),
            part(2).display(),
            folder.path().join(ending).display()
        );
        let rows = run(&sql).await.unwrap();
        assert!(rows.contains("| ann  | q1       | 1     |\n| bob  | q2       | 0     |"), "{rows}");
    }
}

const EXAM: [(&str, &str, i64); 5] =
    [("ann", "q1", 1), ("ann", "q2", 0), ("bob", "q1", 0), ("bob", "q2", 1), ("cyd", "q1", 1)];

fn objects() -> Vec<String> {
    let object = |(user, question, score): (&str, &str, i64)| {
        format!("{{\"user\": \"{user}\", \"question\": \"{question}\", \"score\": {score}}}")
    };
    EXAM.map(object).to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn json_is_an_array_or_lines_whatever_its_ending() {
    let array = format!("\n [{}]\n", objects().join(",\n"));
    let lines = objects().join("\n");
    let bom = format!("\u{feff}[{}]", objects().join(","));
    let folder = folder(&[
        ("array.json", array.clone()),
        ("lines.json", lines.clone()),
        ("bom.json", bom),
        ("lines.jsonl", lines.clone()),
        ("lines.ndjson", lines.clone()),
        ("some.jsonl/a.jsonl", lines.clone()),
        ("some/a.jsonl", objects()[..2].join("\n")),
        ("some/b.jsonl", objects()[2..].join("\n")),
        ("empty/0.json", String::new()),
        ("empty/1.json", array.clone()),
    ]);
    for name in [
        "array.json",
        "lines.json",
        "lines.jsonl",
        "lines.ndjson",
        "some",
        "some/*.jsonl",
        "some.jsonl",
        "bom.json",
    ] {
        let rows = all_of(&folder.path().join(name), "2, 3, 1").await;
        assert_eq!(rows.lines().count(), 5 + 4, "{name}: {rows}");
        let sets = "SELECT questions, n FROM k_corrset('{}', 1, undefined => 'null') ORDER BY n DESC";
        let sets = run(&sets.replace("{}", folder.path().join(name).to_str().unwrap())).await.unwrap();
        assert!(sets.contains("| [q1]      | 3 |\n| [q2]      | 2 |"), "{name}: {sets}");
    }
    let external = "CREATE EXTERNAL TABLE t STORED AS JSON OPTIONS ('format.newline_delimited' 'false') LOCATION '{}/array.json'; SELECT * FROM t";
    let rows = run(&external.replace("{}", folder.path().to_str().unwrap())).await.unwrap();
    assert_eq!(rows.lines().count(), 5 + 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_array_of_json_is_not_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.json");
    let row = |number: usize| {
        format!(
            "{{\"user\":\"{:0200}\",\"question\":\"q{}\",\"score\":{}}}",
            number / 10,
            number % 10,
            number % 3 % 2
        )
    };
    let rows: Vec<String> = (0..100_000).map(row).collect();
    std::fs::write(&path, format!("[{}]", rows.join(",\n"))).unwrap();
    assert!(std::fs::metadata(&path).unwrap().len() > 20 << 20);
    let path = path.display();
    for sql in [
        format!("SELECT count(*) AS rows FROM '{path}'"),
        format!(
            "CREATE EXTERNAL TABLE t STORED AS JSON OPTIONS ('format.newline_delimited' 'false') LOCATION '{path}';
             SELECT count(*) AS rows FROM t"
        ),
    ] {
        assert!(run(&sql).await.unwrap().contains("| 100000 |"), "{sql}");
    }
    let sql =
        format!("SELECT count(*) AS sets, max(n) AS n FROM k_corrset('{path}', 2, undefined => 'null')");
    assert!(run(&sql).await.unwrap().contains("| 45   | 10000 |"));
}

#[tokio::test]
async fn folders_patterns_and_columns_that_are_folders() {
    let row = |user: &str| format!("user,question,score\n{user},q1,1\n");
    let folder = folder(&[
        ("nest/a/x.csv", row("ann")),
        ("nest/b/c/y.CSV", row("bob")),
        ("nest/_temporary/z.csv", row("nobody")),
        ("nest/.DS_Store", row("nobody")),
        ("nest/notes.md", row("nobody")),
        ("by/year=2023/a.csv", row("ann")),
        (
            "by/year=2024/b.csv",
            "question,user,score\nq1,\"bob\n\",1\n"
                .replace("question,user", "user,question")
                .replace("q1,\"bob\n\"", "\"bob\n\",q1"),
        ),
        ("by/year=2024/._b.csv", row("nobody")),
        ("by/_SUCCESS", String::new()),
    ]);
    let count = async |name: &str, select: &str| {
        let sql = format!("SELECT {select} FROM '{}'", folder.path().join(name).display());
        run(&sql).await.map(|shown| shown.lines().nth(3).unwrap().replace(' ', ""))
    };
    for (name, expected) in [
        ("nest", "|2|"),
        ("nest/", "|2|"),
        ("nest/a", "|1|"),
        ("nest/*/*.csv", "|1|"),
        ("nest/**/*.[cC][sS][vV]", "|2|"),
        ("nest/_temporary/*.csv", "|1|"),
        ("by/year=2024", "|1|"),
        ("by/*/*.csv", "|2|"),
    ] {
        assert_eq!(count(name, "count(*)").await.as_deref(), Ok(expected), "{name}");
    }
    assert_eq!(
        count("by", "count(*), count(DISTINCT \"user\"), max(year)").await.as_deref(),
        Ok("|2|2|2024|")
    );
    // A pattern leaves folders out, and not their columns.
    for (pattern, expected) in [
        ("by/year=*/*.csv", "|2|2|2023|2024|"),
        ("by/*/[a-z]*.csv", "|2|2|2023|2024|"),
        ("by/**/*.csv", "|2|2|2023|2024|"),
        ("by/year=202[0-3]/*.csv", "|1|1|2023|2023|"),
        ("by/*/b.csv", "|1|1|2024|2024|"),
    ] {
        let select = "count(*), count(DISTINCT \"user\"), min(year), max(year)";
        assert_eq!(count(pattern, select).await.as_deref(), Ok(expected), "{pattern}");
    }
    let filtered =
        format!("SELECT \"user\", year FROM '{}' WHERE year = '2023'", folder.path().join("by").display());
    assert!(run(&filtered).await.unwrap().contains("| ann  | 2023 |"));
}

#[tokio::test]
async fn a_directory_of_spark_is_its_parts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("exam.parquet");
    let path = path.display();
    let written = format!(
        "COPY (SELECT 'ann' AS \"user\", 'q1' AS question, 1 AS score) TO '{path}/part-00000.snappy.parquet' STORED AS PARQUET;
         COPY (SELECT 0.5 AS score, 'bob' AS \"user\", 'q1' AS question) TO '{path}/part-00001.snappy.parquet' STORED AS PARQUET;
         COPY (SELECT 'cyd' AS \"user\", 'q2' AS question, 1 AS score) TO '{path}/day=1/part-00001.snappy.parquet' STORED AS PARQUET;
         SELECT 1"
    );
    run(&written).await.unwrap();
    let at = |name: &str| folder.path().join("exam.parquet").join(name);
    std::fs::rename(at("day=1"), folder.path().join("by_day.parquet")).unwrap();
    let _ = std::fs::create_dir(folder.path().join("days"));
    std::fs::rename(folder.path().join("by_day.parquet"), folder.path().join("days/day=1")).unwrap();
    for name in [
        "_SUCCESS",
        "_metadata",
        "_common_metadata",
        "_committed_1",
        ".part-00000.snappy.parquet.crc",
        "part-00002.parquet",
        ".DS_Store",
    ] {
        std::fs::write(at(name), if name.starts_with("part") { "" } else { "?" }).unwrap();
    }
    for end in ["", "/"] {
        let rows = run(&format!("SELECT \"user\", score FROM '{path}{end}' ORDER BY 1")).await.unwrap();
        assert!(
            rows.contains("| ann  | 1.0   |") && rows.contains("| bob  | 0.5   |"),
            "types widen: {rows}"
        );
    }
    let by_day = run(&format!("SELECT \"user\", day FROM '{}/days'", folder.path().display())).await.unwrap();
    assert!(by_day.contains("| cyd  | 1   |"), "{by_day}");
}

#[tokio::test]
async fn json_in_utf_16_and_of_both_kinds_is_read() {
    let array = format!("\u{feff}[{}]", objects()[..2].join(","));
    let utf_16: Vec<u8> = array.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let folder = folder(&[("a.json", utf_16), ("b.json", objects()[2..].join("\n").into_bytes())]);
    assert_eq!(all_of(folder.path(), "1, 2, 3").await.lines().count(), 5 + 4);
}
