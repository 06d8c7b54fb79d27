//! Paths that are no table: every failure says which it is, and what it says to write works.

use crate::files::{folder, run};

const ANN: &str = "user,question,score\nann,q1,1\nann,q2,0\n";

fn exam() -> tempfile::TempDir {
    let (zip, utf_8) = (b"PK\x03\x04".to_vec(), format!("{ANN}Jörg,q1,1\n"));
    let latin_1: Vec<u8> = utf_8.chars().map(|character| character as u8).collect();
    let both = [latin_1.as_slice(), "Käthe,q1,1\n".as_bytes()].concat();
    let late = [utf_8.as_bytes(), &latin_1[ANN.len()..]].concat();
    let text = |text: &str| text.as_bytes().to_vec();
    folder(&[
        ("scores.csv", text(ANN)),
        ("My Scores.csv", text(ANN)),
        ("nested/deep/scores.csv", text(ANN)),
        ("scores.foo", text(ANN)),
        ("scores", text(ANN)),
        ("packed.gz", text("?")),
        ("packed.parquet.gz", text("?")),
        ("book.xlsx", zip.clone()),
        ("data.sav", zip.clone()),
        ("data.rds", zip),
        ("mixed/a.csv", text(ANN)),
        ("mixed/b.json", text("{\"user\": \"ann\"}")),
        ("mixed/c/d.csv", text(ANN)),
        ("read_me/a.csv", text(ANN)),
        ("read_me/README.txt", text("Hello.\n")),
        ("none/README.md", text("Hello.\n")),
        ("none/_SUCCESS", text("")),
        ("empty.csv", text("")),
        ("blank.csv", text("\n \n")),
        ("empty.parquet", text("")),
        ("empty/a.csv", text("")),
        ("header.csv", text("user,question,score\n")),
        ("broken.parquet", text("PAR1, it says")),
        ("broken/0.parquet", text("PAR1, it says")),
        ("broken.json", text("{\"user\": ")),
        ("numbers.json", text("[1, 2]")),
        ("latin_1.json", b"{\"user\": \"J\xf6rg\"}".to_vec()),
        ("broken.csv.gz", text("\x1f not packed")),
        ("short.csv", text("user,question,score\r\nann,\"q\r\n1\",1\r\n\r\nbob,q1\r\n")),
        ("brief.csv", text("user,question,score\nann,q1,1\nbob,q1\n")),
        ("long.csv", text("user;question;score\nann;q1;1;1\nbob;q1;1\n")),
        ("both.csv", both),
        ("late.csv", late),
        ("folders/year=1/a.csv", text(ANN)),
        ("folders/a.csv", text(ANN)),
    ])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn every_failure_says_which_it_is() {
    let folder = exam();
    std::fs::create_dir(folder.path().join("void")).unwrap();
    for (name, expected) in [
        ("scors.csv", "there is no 'scors.csv' in the folder {}; did you mean 'scores.csv'"),
        ("nestd/deep/scores.csv", "there is no 'nestd' in the folder {}; did you mean 'nested'?"),
        ("exam*.csv", "no file matches '{}/exam*.csv'"),
        ("*.sav", "'{}/data.sav' is data of SPSS"),
        ("void", "the folder '{}/void' has no data files (it is empty); files of data end in .csv, .tsv"),
        ("none", "the folder '{}/none' has no data files (passed over: 'README.md', '_SUCCESS')"),
        ("scores.foo", "'{}/scores.foo' ends in .foo, which tells no format"),
        ("scores", "'{}/scores' has no ending that tells its format"),
        ("packed.gz", "rename it after what is in it, as in 'scores.csv.gz'"),
        ("packed.parquet.gz", "unpack it first"),
        ("book.xlsx", "'{}/book.xlsx' is a workbook of Excel, which is not read here; save the sheet as CSV"),
        ("data.sav", "'{}/data.sav' is data of SPSS, which is not read here; export it as CSV"),
        ("data.rds", "write.csv(readRDS(path), 'x.csv', row.names = FALSE)"),
        (
            "mixed",
            "'{}/mixed' has files that end in .csv and .json; a table is of one kind: choose one, as in '{}/mixed/**/*.csv' or '{}/mixed/*.json'",
        ),
        ("read_me/", "has files that end in .csv and .txt"),
        ("empty.csv", "'{}/empty.csv' is empty: it has neither a header nor rows"),
        ("blank.csv", "'{}/blank.csv' is empty"),
        ("empty.parquet", "'{}/empty.parquet' is empty"),
        ("empty", "'{}/empty' is empty"),
        ("broken.parquet", "'{}/broken.parquet' is no Parquet that can be read (Parquet error"),
        ("broken", "'{}/broken/0.parquet' is no Parquet that can be read (Parquet error"),
        ("broken.json", "'{}/broken.json' is no JSON that can be read (Arrow error"),
        ("numbers.json", "'{}/numbers.json' is no JSON that can be read"),
        (
            "latin_1.json",
            "'{}/latin_1.json' is JSON, but no text in UTF-8; convert it with iconv -f ISO-8859-1 -t UTF-8",
        ),
        ("broken.csv.gz", "'{}/broken.csv.gz' is no file of .csv.gz that can be read"),
        (
            "short.csv",
            "'{}/short.csv' has 2 value(s) in line 5, and 3 in the first; values are taken to be separated by , and enclosed in \"",
        ),
        (
            "long.csv",
            "'{}/long.csv' has 4 value(s) in line 2, and 3 in the first; values are taken to be separated by ;",
        ),
        (
            "both.csv",
            "'{}/both.csv' is text in windows-1252 up to line 5, which is not; mend that line, or take it as it is: iconv -f ISO-8859-1 -t UTF-8 '{}/both.csv' > utf8.csv",
        ),
        (
            "late.csv",
            "'{}/late.csv' is text in UTF-8 up to line 5, which is not; mend that line, or drop what is not UTF-8: iconv -c -f UTF-8",
        ),
        ("folders", "the files in '{}/folders' lie in folders of different kinds"),
    ] {
        let path = format!("{}/{name}", folder.path().display());
        let expected = expected.replace("{}", folder.path().to_str().unwrap());
        for sql in [format!("SELECT * FROM '{path}'"), format!("SELECT * FROM k_corrset('{path}', 2)")] {
            let error = run(&sql).await.unwrap_err();
            assert_eq!(error.matches(&expected).count(), 1, "{sql}:\n{error}\n{expected}");
            assert!(error.len() < 2048, "{error}");
        }
    }
    let header =
        format!("SELECT count(*) AS sets FROM k_corrset('{}/header.csv', 2)", folder.path().display());
    assert!(run(&header).await.unwrap().contains("| 0    |"), "a table without rows");
}

#[tokio::test]
async fn what_errors_say_to_write_works() {
    let folder = exam();
    for (name, rows) in [("scores.foo", 2), ("scores", 2), ("brief.csv", 2), ("mixed", 2), ("scors.csv", 2)] {
        let path = format!("{}/{name}", folder.path().display());
        let error = run(&format!("SELECT * FROM '{path}'")).await.unwrap_err();
        let advice = match (error.find("CREATE EXTERNAL"), error.find("'scores.csv'")) {
            (Some(create), _) => {
                let end = error[create..].find([',', '\n']).map_or(error.len(), |end| create + end);
                let end = error[create..].rfind("'true')").map_or(end, |end| create + end + "'true')".len());
                format!("{}; SELECT * FROM t", &error[create..end])
            }
            (None, Some(_)) => format!("SELECT * FROM '{}/scores.csv'", folder.path().display()),
            _ => format!("SELECT * FROM {}", error.rsplit(" or ").next().unwrap()),
        };
        let shown = run(&advice).await.unwrap_or_else(|error| panic!("{advice}: {error}"));
        assert_eq!(shown.lines().count(), 4 + if name == "mixed" { 1 } else { rows }, "{advice}\n{shown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn names_that_should_have_been_quoted() {
    for sql in ["SELECT * FROM 'Scors.csv'", "SELECT * FROM k_corrset('Scors.csv', 2)"] {
        let error = run(sql).await.unwrap_err();
        assert!(error.contains("there is no 'Scors.csv' in the folder"), "{sql}: {error}");
    }
    for sql in ["SELECT * FROM Scores.csv", "SELECT * FROM k_corrset(Scores.csv, 2)"] {
        let error = run(sql).await.unwrap_err();
        assert!(
            error.contains("the path of a file is text in single quotes: 'Scores.csv'"),
            "{sql}: {error}"
        );
    }
    let table = "CREATE TABLE \"Scores\" AS VALUES ('ann', 'q1', 1)";
    for sql in ["SELECT * FROM Scores", "SELECT * FROM k_corrset(Scores, 2)"] {
        let error = run(&format!("{table}; {sql}")).await.unwrap_err();
        assert!(error.contains("there is no table scores, but there is \"Scores\""), "{sql}: {error}");
        run(&format!(
            "{table}; {} ",
            sql.replace("Scores", "\"Scores\"")
                .replace(", 2", ", 1, user => 'column1', question => 'column2', score => 'column3'")
        ))
        .await
        .unwrap();
    }
    // What is a table, or is yet to be one, is nothing to complain of.
    for sql in [
        "WITH Scores AS (SELECT 1 AS one) SELECT * FROM Scores",
        "WITH \"a.csv\" AS (SELECT 1 AS one) SELECT * FROM \"a.csv\"",
        "CREATE TABLE \"Scores\" AS SELECT 1; CREATE TABLE scores AS SELECT 2; SELECT * FROM Scores",
        "CREATE TABLE \"nothing.csv\" AS SELECT 1 AS one; SELECT one FROM 'nothing.csv'",
        "CREATE TABLE IF NOT EXISTS \"nothing.csv\" AS SELECT 1 AS one; SELECT one FROM \"nothing.csv\"",
        "CREATE SCHEMA exam; CREATE TABLE exam.csv AS SELECT 1 AS one; SELECT one FROM exam.csv",
        "DROP TABLE IF EXISTS \"nothing.csv\"",
    ] {
        run(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    let plain = run("SELECT * FROM scors").await.unwrap_err();
    assert!(plain.contains("table 'datafusion.public.scors' not found"), "{plain}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_an_error_of_the_data_says_to_write_names_the_file() {
    let scores = "user,question,score\nann,q1,1\nbob,q1,NA\ncyd,q1,0\nann,q2,1\ncyd,q2,0\n";
    let folder = folder(&[
        ("exam.csv", scores),
        ("my exam.csv", scores),
        ("deep.er/exam.v2.csv", scores),
        ("parts/a.csv", scores),
    ]);
    for name in ["exam.csv", "my exam.csv", "deep.er/exam.v2.csv", "parts"] {
        let path = folder.path().join(name).display().to_string();
        let error = run(&format!("SELECT * FROM k_corrset('{path}', 2)")).await.unwrap_err();
        let (_, table) = error.split_once("in the place of the table\n").unwrap_or_else(|| panic!("{error}"));
        let mended = run(&format!("SELECT questions, r, n FROM k_corrset({table}, 2)")).await.unwrap();
        assert!(mended.contains("| [q1, q2]  | 1.0 | 2 |"), "{table}\n{mended}");
    }
}

#[cfg(not(feature = "avro"))]
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_format_that_is_not_built_in_says_what_brings_it() {
    let folder = folder(&[("exam.avro", "Obj\x01")]);
    let path = folder.path().join("exam.avro").display().to_string();
    let error = run(&format!("SELECT * FROM k_corrset('{path}', 2)")).await.unwrap_err();
    let expected =
        "is Avro, which is not built in here; write it as Parquet, or build with the feature 'avro'";
    assert!(error.contains(expected), "{error}");
}
