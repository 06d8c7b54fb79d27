//! CSV and its kin by their paths, whoever wrote them: the rows are the same.

use crate::files::{folder, run};

/// User, question, score.
const EXAM: [(&str, &str, f64); 6] = [
    ("Jörg", "q1", 0.5),
    ("Jörg", "q2", 1.0),
    ("Käthe", "q1", 0.25),
    ("Käthe", "q2", 0.0),
    ("Zoë", "q1", 1.0),
    ("Zoë", "q2", 0.75),
];

fn rows(separator: &str, point: &str, end: &str) -> String {
    let row = |(user, question, score): (&str, &str, f64)| {
        let score = score.to_string().replace('.', point);
        [user, question, &score].join(separator) + end
    };
    EXAM.map(row).concat()
}

fn text(separator: &str, point: &str, end: &str) -> String {
    ["user", "question", "score"].join(separator) + end + &rows(separator, point, end)
}

fn plain() -> String {
    text(",", ".", "\n")
}

fn latin_1(text: &str) -> Vec<u8> {
    text.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect()
}

fn utf_16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

/// The lines of a table that is shown, without spaces.
fn lines(shown: &str) -> Vec<String> {
    let lines = shown.lines().filter(|line| line.starts_with('|')).skip(1);
    lines.map(|line| line.replace(' ', "").trim_matches('|').to_string()).collect()
}

async fn read(folder: &tempfile::TempDir, name: &str, select: &str) -> Result<Vec<String>, String> {
    let path = folder.path().join(name);
    run(&format!("SELECT {select} FROM '{}'", path.display())).await.map(|shown| lines(&shown))
}

/// The types of a file's columns.
async fn types(folder: &tempfile::TempDir, name: &str) -> Vec<String> {
    let described = run(&format!("DESCRIBE '{}'", folder.path().join(name).display())).await.unwrap();
    lines(&described).iter().map(|line| line.split('|').nth(1).unwrap().to_string()).collect()
}

#[tokio::test]
async fn the_same_rows_however_they_are_written() {
    let long: String = (0..40).map(|_| rows(",", ".", "\n")).collect();
    let german = text(";", ",", "\n");
    let spaced = text(", ", ".", "\n");
    let quoted = plain().replace("q1", "\"q1\"").replace("Jörg", "\"Jörg\"");
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("plain.csv", plain().into()),
        ("LETTERS.CSV", plain().into()),
        ("semicolon.csv", text(";", ".", "\n").into()),
        ("tab.tsv", text("\t", ".", "\n").into()),
        ("tab.txt", text("\t", ",", "\n").into()),
        ("bar.psv", text("|", ".", "\n").into()),
        ("space.dat", text(" ", ".", "\n").into()),
        ("comma.csv", german.clone().into()),
        ("crlf.csv", text(",", ".", "\r\n").into()),
        ("cr.csv", text(",", ".", "\r").into()),
        ("no_end.csv", plain().trim_end().into()),
        ("blank_lines.csv", format!("\n\r\n{}\n\n", plain()).into()),
        ("quoted.csv", quoted.into()),
        ("single_quoted.csv", plain().replace("q1", "'q1'").into()),
        ("sep.csv", format!("sep=;\r\n{}", text(";", ",", "\r\n")).into()),
        ("comment.csv", format!("# from the exam\n# of May, 2024\n{}", plain()).into()),
        ("remark.csv", plain().replacen("Käthe", "# now, something, else, entirely\nKäthe", 1).into()),
        ("named_by_comment.csv", format!("#{}", plain()).into()),
        ("title.csv", format!("Results of May\n{}", plain()).into()),
        ("bom.csv", format!("\u{feff}{}", plain()).into()),
        ("latin_1.csv", latin_1(&german)),
        ("utf_16_le.txt", utf_16(&format!("\u{feff}{}", text("\t", ",", "\r\n")), u16::to_le_bytes)),
        ("utf_16_be.csv", utf_16(&format!("\u{feff}{german}"), u16::to_be_bytes)),
        ("utf_16_without_a_mark.csv", utf_16(&plain(), u16::to_le_bytes)),
    ];
    let folder = folder(&files);
    let expected = read(&folder, "plain.csv", "*").await.unwrap();
    assert_eq!(expected.len(), EXAM.len());
    assert_eq!(expected[0], "Jörg|q1|0.5");
    for (name, _) in &files {
        assert_eq!(read(&folder, name, "\"user\", question, score").await.as_ref(), Ok(&expected), "{name}");
    }
    // Spaces around names and numbers are none of theirs.
    std::fs::write(folder.path().join("spaced.csv"), spaced).unwrap();
    let trimmed = "\"user\", trim(question), score";
    assert_eq!(read(&folder, "spaced.csv", trimmed).await.unwrap(), expected);
    // Sums need numbers, and every part of a file is read once.
    std::fs::write(folder.path().join("long.csv"), latin_1(&(text(",", ".", "\n") + &long))).unwrap();
    assert_eq!(read(&folder, "long.csv", "count(*), sum(score)").await.unwrap(), ["246|143.5"]);
}

#[tokio::test]
async fn compressed_text_is_text() {
    let folder = folder(&[("a.csv", latin_1(&text(";", ",", "\n")))]);
    for (compression, ending) in [("gzip", "gz"), ("zstd", "zst"), ("bzip2", "bz2"), ("xz", "xz")] {
        let written = format!(
            "COPY (SELECT * FROM '{0}/a.csv') TO '{0}/b.csv.{ending}' STORED AS CSV OPTIONS ('format.compression' '{compression}', 'format.delimiter' '|');
             COPY (SELECT * FROM '{0}/a.csv') TO '{0}/b.json.{ending}' STORED AS JSON OPTIONS ('format.compression' '{compression}');
             SELECT count(*), sum(score) FROM '{0}/b.csv.{ending}' UNION ALL SELECT count(*), sum(score) FROM '{0}/b.json.{ending}'",
            folder.path().display()
        );
        assert_eq!(lines(&run(&written).await.unwrap()), ["6|3.5", "6|3.5"], "{compression}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn columns_without_names_can_be_named() {
    let folder = folder(&[
        ("none.csv", rows(",", ".", "\n")),
        ("r.csv", "\"user\",\"question\",\"score\"\n\"1\",\"ann\",\"q1\",1\n\"2\",\"bob\",\"q1\",0\n".into()),
        ("twice.csv", "user,score,score,\nann,1,2,x\n".into()),
        ("wide.csv", "user,1,2,3\nann,1,0,1\nbob,0,0,1\n".into()),
        ("pandas.csv", ",q1,q2\n0,1,3\n1,0,1\n2,1,2\n".into()),
        ("write.table.txt", "\"q1\" \"q2\"\n\"ann\" 1 3\n\"bob\" 0 1\n\"cyd\" 1 2\n".into()),
        ("short.csv", "user,question,score\nann,q1,1\n".into()),
    ]);
    assert_eq!(read(&folder, "none.csv", "column_1, column_2, column_3").await.unwrap().len(), EXAM.len());
    assert_eq!(
        read(&folder, "r.csv", "__index_level_0__, \"user\", score").await.unwrap(),
        ["1|ann|1", "2|bob|0"]
    );
    // Row names are no question; as users they are named.
    for (name, options) in
        [("pandas.csv", ""), ("write.table.txt", ""), ("write.table.txt", ", user => '__index_level_0__'")]
    {
        let path = folder.path().join(name);
        let sql =
            format!("SELECT questions, n FROM k_corrset('{}', 1, wide => true{options})", path.display());
        assert_eq!(lines(&run(&sql).await.unwrap()), ["[q1]|3", "[q2]|3"], "{name}{options}");
    }
    assert_eq!(read(&folder, "twice.csv", "score, score_1, column_4").await.unwrap(), ["1|2|x"]);
    assert_eq!(read(&folder, "wide.csv", "\"user\", \"1\", \"3\"").await.unwrap(), ["ann|1|1", "bob|0|1"]);
    assert_eq!(read(&folder, "short.csv", "*").await.unwrap(), ["ann|q1|1"]);
    let path = folder.path().join("none.csv");
    let sets = format!(
        "SELECT questions, n FROM k_corrset('{}', 2, user => 'column_1', question => 'column_2', score => 'column_3')",
        path.display()
    );
    assert_eq!(lines(&run(&sets).await.unwrap()), ["[q1,q2]|3"]);
    let error = run(&format!("SELECT * FROM k_corrset('{}', 2)", path.display())).await.unwrap_err();
    assert!(error.contains("its columns are 'column_1', 'column_2', 'column_3'"), "{error}");
}

#[tokio::test]
async fn types_hold_for_the_last_row() {
    let rows = |last: &str| {
        let row = |number: usize| format!("{},{},1,2024-01-02\n", number / 7, number % 7);
        format!("user,question,score,day\n{}{last}\n", (0..3000).map(row).collect::<String>())
    };
    let folder = folder(&[
        ("same.csv", rows("7,7,7,2024-12-31")),
        ("text.csv", rows("12a,q7,NA,late")),
        ("point.csv", rows("7,1.5,0.5,")),
        ("zeros.csv", rows("01,007,-0,")),
        ("large.csv", rows("12345678901234567890,1,1,")),
        ("lines.jsonl", (0..3000).map(|_| "{\"score\": 1}\n").collect::<String>() + "{\"score\": 0.5}"),
    ]);
    for (name, expected) in [
        ("same.csv", ["Int64", "Int64", "Int64", "Date32"]),
        ("text.csv", ["Utf8", "Utf8", "Utf8", "Utf8"]),
        ("point.csv", ["Int64", "Float64", "Float64", "Date32"]),
        ("zeros.csv", ["Utf8", "Utf8", "Utf8", "Date32"]),
        ("large.csv", ["Utf8", "Int64", "Int64", "Date32"]),
    ] {
        assert_eq!(types(&folder, name).await, expected, "{name}");
        assert_eq!(read(&folder, name, "count(*)").await.unwrap(), ["3001"], "{name}");
        assert_eq!(read(&folder, name, "*").await.unwrap().len(), 3001, "{name}");
    }
    assert_eq!(read(&folder, "lines.jsonl", "sum(score)").await.unwrap(), ["3000.5"]);
}

#[tokio::test]
async fn two_names_never_become_one() {
    let folder = folder(&[
        ("zeros.csv", "user,question,score\n01,1,1\n1,1,0\n01,2,1\n1,2,0\n"),
        ("sections.csv", "user,question,score\n1,1.1,1\n1,1.10,0\n2,1.1,0\n2,1.10,1\n"),
        ("a/1.csv", "user,question,score\n1,q1,1\n"),
        ("a/2.csv", "user,question,score\n01,q1,1\n"),
    ]);
    assert_eq!(read(&folder, "zeros.csv", "count(DISTINCT \"user\")").await.unwrap(), ["2"]);
    assert_eq!(read(&folder, "sections.csv", "count(DISTINCT question)").await.unwrap(), ["2"]);
    assert_eq!(read(&folder, "a", "count(DISTINCT \"user\")").await.unwrap(), ["2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quoted_line_end_anywhere_is_no_end_of_a_row() {
    let row = |number: usize| format!("u{},q{},{}\n", number / 10, number % 10, number % 2);
    let rows: String = (0..1_500_000).map(row).collect();
    assert!(rows.len() > 16 << 20, "large enough to be cut");
    let odd = "\"a\nu1,q1,1\nb\",\"q,\r\n1\",1\n";
    let folder = folder(&[
        ("none.csv", format!("user,question,score\n{rows}")),
        ("late.csv", format!("user,question,score\n{rows}{odd}")),
        ("cr.csv", format!("user,question,score\n{rows}").replace('\n', "\r")),
    ]);
    assert_eq!(read(&folder, "none.csv", "count(*), sum(score)").await.unwrap(), ["1500000|750000"]);
    assert_eq!(read(&folder, "cr.csv", "count(*), sum(score)").await.unwrap(), ["1500000|750000"]);
    assert_eq!(read(&folder, "late.csv", "count(*), sum(score)").await.unwrap(), ["1500001|750001"]);
    let long = "max(length(\"user\"))";
    assert_eq!(read(&folder, "late.csv", long).await.unwrap(), ["11"]);
}

#[tokio::test]
async fn values_may_hold_whatever_separates_elsewhere() {
    let folder = folder(&[
        ("others.csv", "user,question,score\nann,a;b|c,1\nbob,a;b|d,0\n"),
        ("sentences.csv", "user,question,score\nann,\"Well, no; yes\",1\nbob,\"No, no, no\",0\n"),
        ("escaped.csv", "user,question,score\n\"a \\\"b\\\", c\",q1,1\n\"d\",q1,0\n"),
        ("words.csv", "text\nhello, world\nfoo\nbar, baz, x\n"),
        ("one.csv", "score\n1\n0\n"),
    ]);
    assert_eq!(read(&folder, "others.csv", "question, score").await.unwrap(), ["a;b|c|1", "a;b|d|0"]);
    assert_eq!(read(&folder, "sentences.csv", "length(question)").await.unwrap(), ["13", "10"]);
    assert_eq!(read(&folder, "escaped.csv", "\"user\", score").await.unwrap(), ["a\"b\",c|1", "d|0"]);
    assert_eq!(read(&folder, "words.csv", "text").await.unwrap(), ["hello,world", "foo", "bar,baz,x"]);
    assert_eq!(read(&folder, "one.csv", "score").await.unwrap(), ["1", "0"]);
}

#[tokio::test]
async fn files_of_one_folder_agree() {
    let header = "user,question,score\n";
    let mut spark = vec![
        ("none/part-0.csv", rows(",", ".", "\n").into_bytes()),
        // By itself this might be a header.
        ("none/part-1.csv", b"ann,q1,\n".to_vec()),
        ("headers/part-0.csv", plain().into_bytes()),
        ("headers/part-1.csv", header.into()),
        ("words/a.csv", b"user,question,answer\nann,q1,yes\n".to_vec()),
        ("words/b.csv", b"user,question,answer\nuser,q1,no\nann,question,no\n".to_vec()),
        ("written/a.csv", latin_1(&text(";", ",", "\n"))),
        ("written/b.csv", text(",", ".", "\n").into_bytes()),
        ("written/c.csv", text(";", ".", "\n").replace(".5", "").into_bytes()),
    ];
    for folder in ["none", "headers"] {
        for (name, bytes) in
            [("_SUCCESS", ""), (".part-0.csv.crc", "crc"), ("part-9.csv", ""), ("._part-0.csv", "?")]
        {
            spark.push((format!("{folder}/{name}").leak(), bytes.into()));
        }
    }
    let folder = folder(&spark);
    assert_eq!(read(&folder, "none", "count(column_1), sum(column_3)").await.unwrap(), ["7|3.5"]);
    assert_eq!(read(&folder, "headers", "count(*), sum(score)").await.unwrap(), ["6|3.5"]);
    assert_eq!(read(&folder, "words", "count(*)").await.unwrap(), ["3"]);
    assert_eq!(read(&folder, "written", "count(*), count(DISTINCT \"user\")").await.unwrap(), ["18|3"]);
}
