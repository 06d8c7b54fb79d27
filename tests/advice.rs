//! Errors whose advice works: what a text says to write is taken from the text, written, and gives
//! the right answer.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::config::Dialect;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_k_corrset::error::{LONGEST_TEXT, REMEDY_INDENT};
use datafusion_k_corrset::register_all;

/// A call of the function, in pieces.
#[derive(Debug, Clone)]
struct Call {
    table: String,
    k: usize,
    options: Vec<(String, String)>,
    /// What stands behind the call.
    tail: String,
}

impl Call {
    fn new(table: &str, options: &[(&str, &str)]) -> Self {
        let pair = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        Self { table: table.into(), k: 1, options: options.iter().map(pair).collect(), tail: String::new() }
    }

    /// The call in SQL. `=` is read in every dialect.
    fn sql(&self) -> String {
        let options = self.options.iter().map(|(name, value)| format!(", {name} = {value}"));
        let options: String = options.collect();
        let Self { table, tail, .. } = self;
        let given = self.options.iter().any(|(name, _)| name == "sets");
        let k = if given { "NULL".to_string() } else { self.k.to_string() };
        format!("SELECT questions, round(r, 9), n FROM k_corrset({table}, {k}{options}) {tail}")
    }

    /// The call with a remedy.
    fn with(&self, Remedy { place, sql }: &Remedy) -> Self {
        let mut call = self.clone();
        match place {
            Place::Table => call.table = sql.clone(),
            Place::Option => {
                let (name, value) = sql.split_once(" => ").or_else(|| sql.split_once(" = ")).unwrap();
                call.options.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
                call.options.push((name.to_string(), value.to_string()));
            }
            Place::Where => {
                let option = if sql.starts_with("WHERE NOT") { "exclude" } else { "include" };
                call.options.retain(|(other, _)| other != option);
                call.tail = sql.clone();
            }
            Place::Statement => {}
        }
        call
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    Table,
    Option,
    Where,
    Statement,
}

#[derive(Debug, Clone)]
struct Remedy {
    place: Place,
    sql: String,
}

/// The SQL in a text, by its marks: a line of its own, indented; the line before says where it goes.
fn remedies(text: &str) -> Vec<Remedy> {
    let lines: Vec<&str> = text.lines().collect();
    let remedy = |pair: &[&str]| {
        let sql = pair[1].strip_prefix(REMEDY_INDENT)?.to_string();
        let place = match pair[0] {
            before if before.ends_with("in the place of the table") => Place::Table,
            before if before.ends_with("as an argument") => Place::Option,
            before if before.ends_with("behind the call") => Place::Where,
            // Named in the line before as well.
            before if before.ends_with('?') => Place::Option,
            before if before.ends_with("write") => Place::Statement,
            before => panic!("nobody knows where the SQL goes behind: {before}"),
        };
        Some(Remedy { place, sql })
    };
    lines.windows(2).filter_map(remedy).collect()
}

/// The rows of a query, in order.
async fn rows(ctx: &SessionContext, sql: &str) -> Result<Vec<String>, String> {
    let batches = ctx.sql(sql).await.map_err(|error| error.to_string())?.collect().await;
    let batches = batches.map_err(|error| error.to_string())?;
    let row = |batch: &RecordBatch, row| {
        let columns = batch.columns().iter();
        let cells = columns.map(|it| arrow::util::display::array_value_to_string(it, row).unwrap());
        cells.collect::<Vec<_>>().join(" ")
    };
    let mut rows: Vec<String> = batches
        .iter()
        .flat_map(|batch| (0..batch.num_rows()).map(move |number| row(batch, number)))
        .collect();
    rows.sort();
    Ok(rows)
}

/// Follows the advice of a call's error, and that of the next error, to an answer.
async fn follow(ctx: &SessionContext, call: &Call, remedy: &Remedy) -> Result<Vec<String>, String> {
    let (mut call, mut remedy) = (call.clone(), remedy.clone());
    for _ in 0..4 {
        if remedy.place == Place::Statement {
            rows(ctx, &remedy.sql).await?;
        }
        call = call.with(&remedy);
        match rows(ctx, &call.sql()).await {
            Ok(rows) => return Ok(rows),
            Err(text) => match remedies(&text).into_iter().next() {
                Some(next) => remedy = next,
                None => return Err(format!("{}\n{text}", call.sql())),
            },
        }
    }
    Err(format!("still no answer from {}", call.sql()))
}

/// One error, and what comes of its advice.
struct Case {
    /// The variant of the error.
    variant: &'static str,
    /// What the text has to say, beside SQL.
    says: &'static [&'static str],
    /// Statements before the call, in the usual dialect.
    given: &'static [&'static str],
    call: Call,
    /// For each remedy, in order: the rows that are meant, as (user, question, score), and options.
    right: &'static [(&'static str, &'static [(&'static str, &'static str)])],
}

/// Ann, Bob, Cyd and Dan answered two questions; a table of their texts.
macro_rules! texts {
    ($($value:literal),+ $(,)?) => {
        concat!("CREATE TABLE exam AS SELECT * FROM (VALUES ", texts!(@rows $($value),+), ") AS t(\"user\", question, resp)")
    };
    (@rows $a:literal, $b:literal, $c:literal, $d:literal, $e:literal, $f:literal, $g:literal, $h:literal) => {
        concat!("('ann', 'q1', '", $a, "'), ('bob', 'q1', '", $b, "'), ('cyd', 'q1', '", $c, "'), ('dan', 'q1', '", $d,
            "'), ('ann', 'q2', '", $e, "'), ('bob', 'q2', '", $f, "'), ('cyd', 'q2', '", $g, "'), ('dan', 'q2', '", $h, "')")
    };
}

/// Scores of the same people.
macro_rules! scores {
    ($a:tt, $b:tt, $c:tt, $d:tt, $e:tt, $f:tt, $g:tt, $h:tt) => {
        concat!(
            "('ann', 'q1', ",
            stringify!($a),
            "), ('bob', 'q1', ",
            stringify!($b),
            "), ('cyd', 'q1', ",
            stringify!($c),
            "), ('dan', 'q1', ",
            stringify!($d),
            "), ('ann', 'q2', ",
            stringify!($e),
            "), ('bob', 'q2', ",
            stringify!($f),
            "), ('cyd', 'q2', ",
            stringify!($g),
            "), ('dan', 'q2', ",
            stringify!($h),
            ")"
        )
    };
}

/// A table of answers, doubled in one way or another.
const TWICE: &str = "CREATE TABLE exam AS SELECT * FROM (VALUES
    ('ann', 'q1', 1, 1, 'art'), ('ann', 'q1', 0, 2, 'law'), ('bob', 'q1', 0, 1, 'art'), ('cyd', 'q1', 1, 1, 'art'),
    ('cyd', 'q1', 1, 2, 'law'), ('ann', 'q2', 3, 1, 'art'), ('bob', 'q2', 1, 1, 'art'), ('cyd', 'q2', 2, 1, 'art')
    ) AS t(\"user\", question, score, attempt, course)";

/// The best of them, or the first attempts.
const FIRST: &str = "('ann', 'q1', 1), ('bob', 'q1', 0), ('cyd', 'q1', 1), ('ann', 'q2', 3), ('bob', 'q2', 1), ('cyd', 'q2', 2)";

/// The last attempts.
const LAST: &str = "('ann', 'q1', 0), ('bob', 'q1', 0), ('cyd', 'q1', 1), ('ann', 'q2', 3), ('bob', 'q2', 1), ('cyd', 'q2', 2)";

/// Both attempts, as half a score each.
const AVERAGE: &str = "('ann', 'q1', 0.5), ('bob', 'q1', 0), ('cyd', 'q1', 1), ('ann', 'q2', 3), ('bob', 'q2', 1), ('cyd', 'q2', 2)";

/// Users by course.
const APART: &str = "('art/ann', 'q1', 1), ('law/ann', 'q1', 0), ('art/bob', 'q1', 0), ('art/cyd', 'q1', 1),
    ('law/cyd', 'q1', 1), ('art/ann', 'q2', 3), ('art/bob', 'q2', 1), ('art/cyd', 'q2', 2)";

/// A table without a fault.
const EXAM: &str =
    "CREATE TABLE exam AS SELECT * FROM (VALUES ('ann', 'q1', 1), ('bob', 'q1', 0), ('cyd', 'q1', 1),
    ('ann', 'q2', 3), ('bob', 'q2', 1), ('cyd', 'q2', 2)) AS t(\"user\", question, score)";

const WIDE: &[(&str, &str)] = &[("wide", "true")];

/// A criterion is a grand total, if another question has the rest of it.
const REST: &[(&str, &str)] = &[("exclude", "'z'")];

const RESP: &[(&str, &str)] = &[("score", "'resp'")];

fn cases() -> Vec<Case> {
    let text = |says: &'static [&'static str], given, right| Case {
        variant: "ScoreText",
        says,
        given,
        call: Call::new("exam", RESP),
        right,
    };
    let key = |says: &'static [&'static str], given, right| Case {
        variant: "KeyType",
        says,
        given,
        call: Call::new("exam", &[]),
        right,
    };
    let score = |says: &'static [&'static str], given, right| Case {
        variant: "NumberType",
        says,
        given,
        call: Call::new("exam", RESP),
        right,
    };
    let criterion = |variant, says: &'static [&'static str], given, right| Case {
        variant,
        says,
        given,
        call: Call::new("exam", &[("criterion", "'grade'")]),
        right,
    };
    let twice = |says: &'static [&'static str], table, right| Case {
        variant: "DuplicateAnswer",
        says,
        given: &[TWICE],
        call: Call::new(table, &[]),
        right,
    };
    let column = |says: &'static [&'static str], given, right| Case {
        variant: "MissingColumn",
        says,
        given,
        call: Call::new("exam", &[]),
        right,
    };
    let question = |variant, says: &'static [&'static str], given, option, right| Case {
        variant,
        says,
        given,
        call: Call::new("exam", &[option]),
        right,
    };
    let wide = |variant, says: &'static [&'static str], given, right| Case {
        variant,
        says,
        given,
        call: Call::new("exam", WIDE),
        right,
    };
    vec![
        text(
            &["its 8 values are all numbers"],
            &[texts!("1", "0", "2", "1", " 3", "1", "0", "2")],
            &[(scores!(1, 0, 2, 1, 3, 1, 0, 2), &[])],
        ),
        text(
            &["3 of its 8 values", "'NA' (2), '' (1)"],
            &[texts!("1", "NA", "2", "1", "3", "", "NA", "2.5")],
            &[(scores!(1, NULL, 2, 1, 3, NULL, NULL, 2.5), &[])],
        ),
        text(
            &["take '-', '.', 'NULL', 'NaN' for not answered"],
            &[texts!("1", "-", "2", "1", "3", ".", "NaN", "NULL")],
            &[(scores!(1, NULL, 2, 1, 3, NULL, NULL, NULL), &[])],
        ),
        text(
            &["lose the 3 that are none, as if not answered: 'x' (2), 'absent' (1)"],
            &[texts!("1", "x", "2", "1", "3", "absent", "x", "0")],
            &[(scores!(1, NULL, 2, 1, 3, NULL, NULL, 0), &[])],
        ),
        text(
            &["decimal commas"],
            &[texts!("0,5", "1", "2,25", "1", "3", "1,0", "NA", "2")],
            &[(scores!(0.5, 1, 2.25, 1, 3, 1, NULL, 2), &[])],
        ),
        text(
            &["decimal commas"],
            &[texts!("1.250,5", "900", "2.000", "1.000,25", "3", "1", "0", "2")],
            &[(scores!(1250.5, 900, 2000, 1000.25, 3, 1, 0, 2), &[])],
        ),
        text(
            &["commas between thousands"],
            &[texts!("1,250.5", "900", "2,000", "1,000,000", "3", "1", "0", "2")],
            &[(scores!(1250.5, 900, 2000, 1000000, 3, 1, 0, 2), &[])],
        ),
        // Nobody can tell, so both are said.
        text(
            &["commas between thousands", "or, to read the numbers with decimal commas"],
            &[texts!("1,250", "900", "2,000", "1,000", "3", "1", "0", "2")],
            &[
                (scores!(1250, 900, 2000, 1000, 3, 1, 0, 2), &[]),
                (scores!(1.25, 900, 2, 1, 3, 1, 0, 2), &[]),
            ],
        ),
        text(
            &["without '%', ' '"],
            &[texts!("85%", "90 %", "20%", "33.3%", "10%", "0%", "n/a", "100 %")],
            &[(scores!(85, 90, 20, 33.3, 10, 0, NULL, 100), &[])],
        ),
        text(
            &["without '$', '€'"],
            &[texts!("$1.50", "€2", "$3", "1", "$0", "1", "0", "2")],
            &[(scores!(1.5, 2, 3, 1, 0, 1, 0, 2), &[])],
        ),
        text(
            &["without 'points', 'pt'"],
            &[texts!("8 points", "1pt", "3 points", "7 points", "0 points", "1pt", "9 points", "2 points")],
            &[(scores!(8, 1, 3, 7, 0, 1, 9, 2), &[])],
        ),
        text(
            &["as fractions"],
            &[texts!("3/5", "4/5", "5/5", "1/5", "NA", "2/5", "0/5", "2/5")],
            &[(scores!(0.6, 0.8, 1, 0.2, NULL, 0.4, 0, 0.4), &[])],
        ),
        text(
            &["count 'no' as 0 and 'yes' as 1 and take 'NA' for not answered"],
            &[texts!("yes", "no", "Yes", " no", "yes", "NO ", "NA", "yes")],
            &[(scores!(1, 0, 1, 0, 1, 0, NULL, 1), &[])],
        ),
        text(
            &["count 'correct' as 1 and 'incorrect' as 0"],
            &[texts!("correct", "incorrect", "correct", "incorrect", "correct", "correct", "incorrect", "correct")],
            &[(scores!(1, 0, 1, 0, 1, 1, 0, 1), &[])],
        ),
        text(
            &["read the numbers, count 'false' as 0 and 'true' as 1 and take 'NA' for not answered"],
            &[texts!("true", "1", "0", "false", "1", "0", "NA", "true")],
            &[(scores!(1, 1, 0, 0, 1, 0, NULL, 1), &[])],
        ),
        text(
            &["give each value its points, in the place of 1, 2 and so on, and take '-' for not answered"],
            &[texts!("A", "B", "C", "F", "A", "it''s", "-", "B")],
            &[(scores!(1, 2, 3, 4, 1, 5, NULL, 2), &[])],
        ),
        // The texts are no scores, and another column is.
        Case {
            call: Call::new("exam", &[("score", "'given'")]),
            ..text(
                &["take 'is_correct' for the score"],
                &["CREATE TABLE exam AS SELECT 'u' || u.value AS \"user\", 'q' || q.value AS question,
                     'answer ' || (u.value * 7 + q.value) AS given, (u.value + q.value) % 2 AS is_correct, q.value AS day
                   FROM generate_series(1, 8) u CROSS JOIN generate_series(1, 3) q"],
                &[(
                    "('u1', 'q1', 0), ('u2', 'q1', 1), ('u3', 'q1', 0), ('u4', 'q1', 1), ('u5', 'q1', 0), ('u6', 'q1', 1), ('u7', 'q1', 0), ('u8', 'q1', 1),
                     ('u1', 'q2', 1), ('u2', 'q2', 0), ('u3', 'q2', 1), ('u4', 'q2', 0), ('u5', 'q2', 1), ('u6', 'q2', 0), ('u7', 'q2', 1), ('u8', 'q2', 0),
                     ('u1', 'q3', 0), ('u2', 'q3', 1), ('u3', 'q3', 0), ('u4', 'q3', 1), ('u5', 'q3', 0), ('u6', 'q3', 1), ('u7', 'q3', 0), ('u8', 'q3', 1)",
                    &[],
                )],
            )
        },
        // Names that need their quotes, and an encoding of texts.
        Case {
            call: Call::new("strange", &[("user", "'User Id'"), ("question", "'The \"Item\"'"), ("score", "'it''s'")]),
            ..text(
                &["take 'NA' for not answered"],
                &[
                    texts!("1", "0", "2", "NA", "3", "1", "0", "2"),
                    "CREATE VIEW strange AS SELECT \"user\" AS \"User Id\", question AS \"The \"\"Item\"\"\",
                       arrow_cast(resp, 'Dictionary(Int32, Utf8)') AS \"it's\" FROM exam",
                ],
                &[(scores!(1, 0, 2, NULL, 3, 1, 0, 2), &[])],
            )
        },
        score(
            &["not Struct", "to take a field of it"],
            &["CREATE TABLE exam AS SELECT \"user\", question, {'note': 'x', 'points': points} AS resp FROM (VALUES ('ann', 'q1', 3),
                 ('bob', 'q1', 6), ('ann', 'q2', 5), ('bob', 'q2', 0)) AS t(\"user\", question, points)"],
            &[("('ann', 'q1', 3), ('bob', 'q1', 6), ('ann', 'q2', 5), ('bob', 'q2', 0)", &[])],
        ),
        score(
            &["to count seconds"],
            &["CREATE TABLE exam AS SELECT * FROM (VALUES ('ann', 'q1', INTERVAL '3 seconds'), ('bob', 'q1', INTERVAL '1 minute'),
                 ('ann', 'q2', INTERVAL '5 seconds'), ('bob', 'q2', INTERVAL '0 seconds')) AS t(\"user\", question, resp)"],
            &[("('ann', 'q1', 3), ('bob', 'q1', 60), ('ann', 'q2', 5), ('bob', 'q2', 0)", &[])],
        ),
        score(
            &["to take its first element"],
            &["CREATE TABLE exam AS SELECT * FROM (VALUES ('ann', 'q1', [3]), ('bob', 'q1', [6]), ('ann', 'q2', [5]),
                 ('bob', 'q2', [0])) AS t(\"user\", question, resp)"],
            &[("('ann', 'q1', 3), ('bob', 'q1', 6), ('ann', 'q2', 5), ('bob', 'q2', 0)", &[])],
        ),
        score(
            &["to take its bytes for text"],
            &["CREATE TABLE exam AS SELECT \"user\", question, CAST(resp AS BYTEA) AS resp FROM (VALUES ('ann', 'q1', '3'), ('bob', 'q1', '6'),
                 ('ann', 'q2', 'NA'), ('bob', 'q2', '0')) AS t(\"user\", question, resp)"],
            &[("('ann', 'q1', 3), ('bob', 'q1', 6), ('ann', 'q2', NULL), ('bob', 'q2', 0)", &[])],
        ),
        score(
            &["take 'points' for the score"],
            &["CREATE TABLE exam AS SELECT * FROM (VALUES ('ann', 'q1', NULL, 3), ('bob', 'q1', NULL, 6), ('ann', 'q2', NULL, 5),
                 ('bob', 'q2', NULL, 0)) AS t(\"user\", question, resp, points)"],
            &[("('ann', 'q1', 3), ('bob', 'q1', 6), ('ann', 'q2', 5), ('bob', 'q2', 0)", &[])],
        ),
        key(
            &["the user column 'user'", "not Float64"],
            &["CREATE TABLE exam AS SELECT * FROM (VALUES (1.0::DOUBLE, 'q1', 3), (2.5, 'q1', 6), (1.0, 'q2', 5), (2.5, 'q2', 0)) AS t(\"user\", question, score)"],
            &[("('1.0', 'q1', 3), ('2.5', 'q1', 6), ('1.0', 'q2', 5), ('2.5', 'q2', 0)", &[])],
        ),
        key(
            &["the question column 'question'", "not List"],
            &["CREATE TABLE exam AS SELECT * FROM (VALUES ('ann', [1, 2], 3), ('bob', [1, 2], 6), ('ann', [3], 5), ('bob', [3], 0)) AS t(\"user\", question, score)"],
            &[("('ann', '[1, 2]', 3), ('bob', '[1, 2]', 6), ('ann', '[3]', 5), ('bob', '[3]', 0)", &[])],
        ),
        key(
            &["not Struct"],
            &["CREATE TABLE exam AS SELECT * FROM (VALUES ({'school': 'x', 'id': 1.0::DOUBLE}, 'q1', 3), ({'school': 'y', 'id': 1.0}, 'q1', 6),
                 ({'school': 'x', 'id': 1.0}, 'q2', 5), ({'school': 'y', 'id': 1.0}, 'q2', 0)) AS t(\"user\", question, score)"],
            &[("('x/1.0', 'q1', 3), ('y/1.0', 'q1', 6), ('x/1.0', 'q2', 5), ('y/1.0', 'q2', 0)", &[])],
        ),
        key(
            &["not Map"],
            &["CREATE TABLE exam AS SELECT * FROM (VALUES (MAP {'id': 1}, 'q1', 3), (MAP {'id': 2}, 'q1', 6),
                 (MAP {'id': 1}, 'q2', 5), (MAP {'id': 2}, 'q2', 0)) AS t(\"user\", question, score)"],
            &[("('a', 'q1', 3), ('b', 'q1', 6), ('a', 'q2', 5), ('b', 'q2', 0)", &[])],
        ),
        key(
            &["not Interval"],
            &["CREATE TABLE exam AS SELECT * FROM (VALUES ('ann', INTERVAL '1 day', 3), ('bob', INTERVAL '1 day', 6),
                 ('ann', INTERVAL '2 days', 5), ('bob', INTERVAL '2 days', 0)) AS t(\"user\", question, score)"],
            &[("('ann', '1 days', 3), ('bob', '1 days', 6), ('ann', '2 days', 5), ('bob', '2 days', 0)", &[])],
        ),
        key(
            &["not Null", "take 'item' for the question"],
            &["CREATE TABLE exam AS SELECT * FROM (VALUES ('ann', NULL, 3, 'q1'), ('bob', NULL, 6, 'q1'), ('ann', NULL, 5, 'q2'),
                 ('bob', NULL, 0, 'q2')) AS t(\"user\", question, score, item)"],
            &[("('ann', 'q1', 3), ('bob', 'q1', 6), ('ann', 'q2', 5), ('bob', 'q2', 0)", &[])],
        ),
        twice(
            &["as have 2 pairs of user and question in all", "in 1 of them the scores differ",
              "each of the columns 'attempt', 'course' tells them apart"],
            "exam",
            &[(APART, &[]), (FIRST, &[]), (LAST, &[])],
        ),
        twice(
            &["no other column tells them apart"],
            "(SELECT exam.user, question, score FROM exam)",
            &[(AVERAGE, &[]), (FIRST, &[])],
        ),
        twice(
            &["column 'course' tells them apart"],
            "(SELECT exam.user, question, score, course FROM exam)",
            &[(APART, &[])],
        ),
        twice(
            &["user 'cyd'", ", the only such pair; their scores agree; column 'attempt' tells them apart"],
            "(SELECT exam.user, question, score, attempt FROM exam WHERE NOT (exam.user = 'ann' AND attempt = 2))",
            &[(FIRST, &[]), (FIRST, &[]), (FIRST, &[])],
        ),
        // Three copies, of which two have the same attempt.
        twice(
            &["no other column tells them apart"],
            "(SELECT exam.user, question, score, attempt FROM exam UNION ALL SELECT 'ann', 'q1', 0, 2)",
            &[(
                "('ann', 'q1', 0.3333333333333333), ('bob', 'q1', 0), ('cyd', 'q1', 1), ('ann', 'q2', 3), ('bob', 'q2', 1), ('cyd', 'q2', 2)",
                &[],
            ), (FIRST, &[])],
        ),
        twice(
            &["in 1 of them the scores differ"],
            "(SELECT exam.user, question, score > 0 AS score FROM exam)",
            &[
                ("('ann', 'q1', 0.5), ('bob', 'q1', 0), ('cyd', 'q1', 1), ('ann', 'q2', 1), ('bob', 'q2', 1), ('cyd', 'q2', 1)", &[]),
                ("('ann', 'q1', 1), ('bob', 'q1', 0), ('cyd', 'q1', 1), ('ann', 'q2', 1), ('bob', 'q2', 1), ('cyd', 'q2', 1)", &[]),
            ],
        ),
        column(
            &["did you mean 'UserId'?"],
            &["CREATE TABLE exam AS SELECT * FROM (VALUES ('ann', 'q1', 3), ('bob', 'q1', 6), ('ann', 'q2', 5), ('bob', 'q2', 0)) AS t(\"UserId\", question, score)"],
            &[("('ann', 'q1', 3), ('bob', 'q1', 6), ('ann', 'q2', 5), ('bob', 'q2', 0)", &[])],
        ),
        // One error after the other, to the end.
        column(
            &["did you mean 'student_id'?"],
            &["CREATE TABLE exam AS SELECT * FROM (VALUES (1, 'ann', 'q1', 3), (2, 'bob', 'q1', 6), (3, 'ann', 'q2', 5), (4, 'bob', 'q2', 0)) AS t(nr, student_id, \"Item\", score)"],
            &[("('ann', 'q1', 3), ('bob', 'q1', 6), ('ann', 'q2', 5), ('bob', 'q2', 0)", &[])],
        ),
        Case {
            variant: "NoAnswerColumns",
            says: &["none of the columns 'user', 'question' and 'score'", "each column a question, write wide"],
            given: &["CREATE TABLE exam AS SELECT * FROM (VALUES (1, 'ann', 'q1', 3), (2, 'bob', 'q1', 6), (3, 'ann', 'q2', 5), (4, 'bob', 'q2', 0)) AS t(nr, student_id, \"Item\", points)"],
            call: Call::new("exam", &[]),
            right: &[("('ann', 'q1', 3), ('bob', 'q1', 6), ('ann', 'q2', 5), ('bob', 'q2', 0)", &[])],
        },
        Case {
            variant: "AmbiguousColumn",
            says: &["the user column 'user' is ambiguous"],
            given: &[EXAM, "CREATE TABLE other AS SELECT DISTINCT \"user\", 7 AS score FROM exam"],
            call: Call::new("(SELECT * FROM exam JOIN other ON exam.user = other.user)", &[]),
            right: &[(FIRST, &[])],
        },
        Case {
            variant: "NullKey",
            says: &["1 row(s) have no user"],
            given: &[EXAM, "CREATE VIEW gaps AS SELECT * FROM exam UNION ALL SELECT NULL, 'q1', 1 UNION ALL SELECT 'ann', NULL, 1"],
            call: Call::new("gaps", &[]),
            right: &[(FIRST, &[])],
        },
        Case {
            variant: "ScoreNotFinite",
            says: &["scores must be finite"],
            given: &[EXAM, "CREATE VIEW odd AS SELECT \"user\", question, arrow_cast(score, 'Float32') AS score FROM exam
                UNION ALL SELECT 'dan', 'q1', CAST('NaN' AS REAL) UNION ALL SELECT 'dan', 'q2', CAST('-inf' AS REAL)"],
            call: Call::new("odd", &[]),
            right: &[(FIRST, &[])],
        },
        Case {
            variant: "ScoresTooWide",
            says: &["256 bits"],
            given: &[EXAM, "CREATE VIEW broad AS SELECT \"user\", question, arrow_cast(concat(CAST(score AS VARCHAR), repeat('0', 60)), 'Decimal256(76, 0)') AS score FROM exam"],
            call: Call::new("broad", &[]),
            right: &[(FIRST, &[])],
        },
        question(
            "QuestionType",
            &["names question '001', but the question column 'question' is Int64"],
            &["CREATE TABLE exam AS SELECT * FROM (VALUES ('ann', 1, 3), ('bob', 1, 6), ('ann', 2, 5), ('bob', 2, 0), ('ann', 100, 1), ('ann', 1000, 1)) AS t(\"user\", question, score)"],
            ("include", "'001'"),
            &[
                ("('ann', 1, 3), ('bob', 1, 6), ('ann', 2, 5), ('bob', 2, 0), ('ann', 100, 1), ('ann', 1000, 1)", &[("include", "1")]),
                ("('ann', '001', 3), ('bob', '001', 6), ('ann', '002', 5), ('bob', '002', 0), ('ann', '100', 1), ('ann', '1000', 1)", &[("include", "'001'")]),
            ],
        ),
        Case {
            call: Call { k: 2, ..Call::new("exam", &[("include", "make_array('01', '02')")]) },
            ..question(
            "QuestionType",
            &["names question '01'"],
            &["CREATE TABLE exam AS SELECT * FROM (VALUES ('ann', 1, 3), ('bob', 1, 6), ('ann', 2, 5), ('bob', 2, 0)) AS t(\"user\", question, score)"],
            ("include", "make_array('01', '02')"),
            &[
                ("('ann', 1, 3), ('bob', 1, 6), ('ann', 2, 5), ('bob', 2, 0)", &[("include", "make_array(1, 2)")]),
                ("('ann', '01', 3), ('bob', '01', 6), ('ann', '02', 5), ('bob', '02', 0)", &[("include", "make_array('01', '02')")]),
            ],
        )
        },
        question("OptionValue", &["got '1'"], &[EXAM], ("min_users", "'1'"), &[(FIRST, &[("min_users", "1")])]),
        question("OptionValue", &["got 2 (Float64)"], &[EXAM], ("min_users", "2.0"), &[(FIRST, &[("min_users", "2")])]),
        question("OptionValue", &["got 'yes'"], &[EXAM], ("corrected", "'yes'"), &[(FIRST, &[("corrected", "true")])]),
        question("OptionValue", &["the name q1 without quotes"], &[EXAM], ("include", "q1"), &[(FIRST, &[("include", "'q1'")])]),
        question(
            "OptionValue",
            &["got a subquery", "the sets that have them all"],
            &[EXAM, "CREATE TABLE picked AS SELECT 'q2' AS item"],
            ("include", "(SELECT item FROM picked)"),
            &[(FIRST, &[("include", "'q2'")])],
        ),
        question(
            "OptionValue",
            &["got a subquery"],
            &[EXAM, "CREATE TABLE picked AS SELECT 'q2' AS item"],
            ("include", "(SELECT array_agg(item) FROM picked)"),
            &[(FIRST, &[("include", "'q2'")])],
        ),
        wide(
            "WideScoreTypes",
            &["'group' is Utf8; to leave the column out, if it is no question"],
            &["CREATE TABLE exam AS SELECT * FROM (VALUES ('ann', 'x', 1, 3), ('bob', 'y', 0, 1), ('cyd', 'x', 1, 2)) AS t(\"user\", \"group\", q1, q2)"],
            &[(FIRST, &[]), (FIRST, &[])],
        ),
        wide(
            "WideScoreTypes",
            &["'the \"group\"' is Utf8, 'day' is Date32, 'Student' is Utf8", "take 'Student' for the user"],
            &["CREATE TABLE exam AS SELECT * FROM (VALUES ('x', DATE '2026-01-01', 'ann', 1, 3), ('x', DATE '2026-01-01', 'bob', 0, 1),
                 ('y', DATE '2026-01-02', 'cyd', 1, 2)) AS t(\"the \"\"group\"\"\", day, \"Student\", q1, q2)"],
            &[(FIRST, &[]), (FIRST, &[]), (FIRST, &[])],
        ),
        wide(
            "WideScoreTypes",
            &["'q1' is Utf8, 'q2' is Utf8; to read text as numbers"],
            &["CREATE TABLE exam AS SELECT * FROM (VALUES ('ann', '1', '3'), ('bob', '0', '1'), ('cyd', '1', '2'), ('dan', 'NA', NULL)) AS t(\"user\", q1, q2)"],
            &[(FIRST, &[])],
        ),
        wide(
            "ColumnNotFinite",
            &["column 'q1' has the score NaN"],
            &["CREATE TABLE exam AS SELECT arrow_cast(q1, 'Float32') AS q1, arrow_cast(\"Q2\", 'Float32') AS \"Q2\" FROM (VALUES ('1', '3'), ('0', '1'),
                 ('1', '2'), ('NaN', 'inf'), (NULL, '-inf')) AS t(q1, \"Q2\")"],
            &[("('ann', 'q1', 1), ('bob', 'q1', 0), ('cyd', 'q1', 1), ('ann', 'Q2', 3), ('bob', 'Q2', 1), ('cyd', 'Q2', 2)", &[])],
        ),
        wide(
            "ScoreNotFinite",
            &["the score of user 'dan' on question 'q1' is NaN"],
            &["CREATE TABLE exam AS SELECT \"user\", CAST(q1 AS DOUBLE) AS q1, q2 FROM (VALUES ('ann', '1', 3), ('bob', '0', 1),
                 ('cyd', '1', 2), ('dan', 'NaN', NULL)) AS t(\"user\", q1, q2)"],
            &[(FIRST, &[])],
        ),
        wide(
            "DuplicateUser",
            &["user 'bob' has answered question 'q1' in more than one row", ", as has no other user; their rows agree; each row"],
            &["CREATE TABLE exam AS SELECT * FROM (VALUES ('ann', 1, 3), ('bob', 0, 1), ('cyd', 1, 2), ('bob', 0, 1)) AS t(\"user\", q1, q2)"],
            &[
                (FIRST, &[]),
                ("('ann', 'q1', 1), ('bob', 'q1', 0), ('cyd', 'q1', 1), ('dan', 'q1', 0), ('ann', 'q2', 3), ('bob', 'q2', 1), ('cyd', 'q2', 2), ('dan', 'q2', 1)", &[]),
            ],
        ),
        wide(
            "DuplicateUser",
            &[", as have 2 users in all; their rows differ; column 'wave' tells them apart"],
            &["CREATE TABLE exam AS SELECT * FROM (VALUES ('ann', 1, 1, 3), ('bob', 1, 0, 1), ('cyd', 1, 1, 2), ('bob', 2, 0, 2), ('ann', 2, 0, 3))
                 AS t(\"user\", wave, q1, q2)"],
            &[
                (FIRST, &[]),
                ("('ann', 'q1', 0), ('bob', 'q1', 0), ('cyd', 'q1', 1), ('ann', 'q2', 3), ('bob', 'q2', 2), ('cyd', 'q2', 2)", &[]),
                ("('a', 'q1', 1), ('b', 'q1', 0), ('c', 'q1', 1), ('d', 'q1', 0), ('e', 'q1', 0), ('a', 'q2', 3), ('b', 'q2', 1), ('c', 'q2', 2), ('d', 'q2', 2), ('e', 'q2', 3)", &[]),
            ],
        ),
        // Of two users only one has rows that differ.
        wide(
            "DuplicateUser",
            &[", as have 2 users in all; the rows of 1 of them differ; each row"],
            &["CREATE TABLE exam AS SELECT * FROM (VALUES ('ann', 1, 3), ('bob', 0, 1), ('bob', 0, 1), ('ann', 1, 2), ('ann', 0, 2)) AS t(\"user\", q1, q2)"],
            &[("('a', 'q1', 1), ('b', 'q1', 0), ('c', 'q1', 0), ('d', 'q1', 1), ('e', 'q1', 0), ('a', 'q2', 3), ('b', 'q2', 1), ('c', 'q2', 1), ('d', 'q2', 2), ('e', 'q2', 2)", &[])],
        ),
        Case {
            call: Call::new("exam", &[("wide", "true"), ("user", "'Pupil'")]),
            ..wide(
                "MissingColumn",
                &["did you mean 'pupil'?"],
                &["CREATE TABLE exam AS SELECT * FROM (VALUES ('ann', 1, 3), ('bob', 0, 1), ('cyd', 1, 2)) AS t(pupil, q1, q2)"],
                &[(FIRST, &[])],
            )
        },
        wide(
            "KeyType",
            &["the user column 'user'", "not Float64"],
            &["CREATE TABLE exam AS SELECT * FROM (VALUES (1.0::DOUBLE, 1, 3), (2.0, 0, 1), (2.5, 1, 2)) AS t(\"user\", q1, q2)"],
            &[(FIRST, &[])],
        ),
        wide(
            "NullKey",
            &["1 row(s) have no user"],
            &["CREATE TABLE exam AS SELECT * FROM (VALUES ('ann', 1, 3), ('bob', 0, 1), ('cyd', 1, 2), (NULL, 1, 1)) AS t(\"user\", q1, q2)"],
            &[(FIRST, &[])],
        ),
        wide(
            "ScoresTooWide",
            &["the values of 'q1' spread over so many digits"],
            &["CREATE TABLE exam AS SELECT \"user\", arrow_cast(concat(CAST(q1 AS VARCHAR), repeat('0', 60)), 'Decimal256(76, 0)') AS q1, q2
                 FROM (VALUES ('ann', 1, 3), ('bob', 0, 1), ('cyd', 1, 2)) AS t(\"user\", q1, q2)"],
            &[("('ann', 'q1', 1e60), ('bob', 'q1', 0), ('cyd', 'q1', 1e60), ('ann', 'q2', 3), ('bob', 'q2', 1), ('cyd', 'q2', 2)", &[])],
        ),
        criterion(
            "NumberType",
            &["the criterion column 'grade' must be", "not Utf8", "read text as numbers"],
            &["CREATE TABLE exam AS SELECT * FROM (VALUES ('ann', 'q1', 1, '3'), ('bob', 'q1', 0, '1'), ('cyd', 'q1', 1, '2'), ('dan', 'q1', 1, '-'))
                 AS t(\"user\", question, score, grade)"],
            &[("('ann', 'q1', 1), ('ann', 'z', 2), ('bob', 'q1', 0), ('bob', 'z', 1), ('cyd', 'q1', 1), ('cyd', 'z', 1)", REST)],
        ),
        criterion(
            "CriterionTwice",
            &["the criterion 'grade' of user 'bob' is 1.5 in one row and 2.5 in another"],
            &["CREATE TABLE exam AS SELECT * FROM (VALUES ('ann', 'q1', 1, 3.0), ('bob', 'q1', 0, 1.5), ('cyd', 'q1', 1, 2.0), ('bob', 'q2', 1, 2.5))
                 AS t(\"user\", question, score, grade)"],
            &[
                ("('ann', 'q1', 1), ('ann', 'z', 2), ('bob', 'q1', 0), ('bob', 'z', 2), ('cyd', 'q1', 1), ('cyd', 'z', 1)", REST),
                ("('ann', 'q1', 1), ('ann', 'z', 2), ('bob', 'q1', 0), ('bob', 'z', 2.5), ('cyd', 'q1', 1), ('cyd', 'z', 1)", REST),
            ],
        ),
        criterion(
            "CriterionTwice",
            &["the criterion 'grade' of user 'bob' is 1 in one row and NULL in another"],
            &["CREATE TABLE exam AS SELECT * FROM (VALUES ('ann', 'q1', 1, 3), ('bob', 'q1', 0, 1), ('cyd', 'q1', 1, 2), ('bob', 'q2', 1, NULL))
                 AS t(\"user\", question, score, grade)"],
            &[("('ann', 'q1', 1), ('ann', 'z', 2), ('bob', 'q1', 0), ('bob', 'z', 1), ('cyd', 'q1', 1), ('cyd', 'z', 1)", REST); 2],
        ),
        criterion(
            "CriterionNotFinite",
            &["the criterion 'grade' of user 'bob' is NaN"],
            &["CREATE TABLE exam AS SELECT \"user\", question, score, CAST(grade AS DOUBLE) AS grade FROM
                 (VALUES ('ann', 'q1', 1, '3'), ('bob', 'q1', 0, 'NaN'), ('cyd', 'q1', 1, '2'), ('dan', 'q1', 0, '1')) AS t(\"user\", question, score, grade)"],
            &[("('ann', 'q1', 1), ('ann', 'z', 2), ('dan', 'q1', 0), ('dan', 'z', 1), ('cyd', 'q1', 1), ('cyd', 'z', 1)", REST)],
        ),
        // What mends other faults keeps the column.
        criterion(
            "DuplicateAnswer",
            &["user 'bob' has more than one score on question 'q1'"],
            &["CREATE TABLE exam AS SELECT * FROM (VALUES ('ann', 'q1', 1, 3), ('bob', 'q1', 0, 1), ('bob', 'q1', 1, 1), ('cyd', 'q1', 2, 2))
                 AS t(\"user\", question, score, grade)"],
            &[
                ("('ann', 'q1', 1), ('ann', 'z', 2), ('bob', 'q1', 0.5), ('bob', 'z', 0.5), ('cyd', 'q1', 2), ('cyd', 'z', 0)", REST),
                ("('ann', 'q1', 1), ('ann', 'z', 2), ('bob', 'q1', 1), ('bob', 'z', 0), ('cyd', 'q1', 2), ('cyd', 'z', 0)", REST),
            ],
        ),
        Case {
            call: Call { k: 2, ..Call::new("exam", &[("sets", "given")]) },
            ..criterion(
                "SetsType",
                &["got a table of the columns 'questions' Utf8, 'r' Float64"],
                &[EXAM, "CREATE TABLE given AS SELECT '[q1, q2]' AS questions, 1.0e0 AS r"],
                &[(FIRST, &[])],
            )
        },
        Case {
            variant: "UnknownKernel",
            says: &["this processor has"],
            given: &[EXAM, "SET k_corrset.kernel = 'abacus'"],
            call: Call::new("exam", &[]),
            right: &[(FIRST, &[])],
        },
    ]
}

/// Variants whose texts have no SQL on lines of its own, each with a statement that raises it, or
/// nothing where none does; examples that they have in the line run, too.
const WITHOUT_SQL: [(&str, &str); 32] = [
    ("ArgumentCount", "SELECT * FROM k_corrset(scores)"),
    ("TableArgument", "SELECT * FROM k_corrset(7, 1)"),
    ("UnknownTable", "SELECT * FROM k_corrset(scoers, 1)"),
    ("SubsetSizeType", "SELECT * FROM k_corrset(scores, 'two')"),
    ("SubsetSizeRange", "SELECT * FROM k_corrset(scores, 0)"),
    ("SetsOption", "SELECT * FROM k_corrset(scores, 2, sets => scores)"),
    ("GivenSet", "SELECT * FROM k_corrset(scores, sets => (SELECT make_array('q1', 'q1')))"),
    ("HeuristicWithoutTop", "SELECT * FROM k_corrset(scores, 1, search => 'heuristic')"),
    ("ExactOption", "SELECT * FROM k_corrset(scores, 1, seed => 2)"),
    ("CorrectedCriterion", "SELECT * FROM k_corrset(scores, 1, corrected => true, criterion => 'score')"),
    ("PartitionName", "SELECT * FROM k_corrset((SELECT *, 'x' AS r FROM scores), 1, partition_by => 'r')"),
    // Around others, whose SQL it has.
    ("InPartition", ""),
    ("OptionsArgument", "SELECT * FROM k_corrset(scores, 1, 2)"),
    ("UnknownOption", "SELECT * FROM k_corrset(scores, 1, minusers => 2)"),
    ("OptionTwice", "SELECT * FROM k_corrset(scores, 1, top => 2, top => 3)"),
    ("Argument", "SELECT * FROM k_corrset(scores, 1, *)"),
    (
        "Correlated",
        "SELECT * FROM scores AS s, LATERAL (SELECT * FROM k_corrset((SELECT * FROM scores WHERE \"user\" = s.\"user\"), 2))",
    ),
    ("Unbound", "SELECT * FROM k_corrset(scores, $1)"),
    ("IncludedAndExcluded", "SELECT * FROM k_corrset(scores, 1, include => 'q1', exclude => 'q1')"),
    ("UnknownQuestion", "SELECT * FROM k_corrset(scores, 1, include => 'Q01')"),
    ("BatchSchema", ""),
    ("TooManyKeys", ""),
    // In tests of clusters.
    ("ClusterSecret", ""),
    ("WorkerRefused", ""),
    ("WorkerVersion", ""),
    ("WorkerLost", ""),
    ("WorkersLost", ""),
    ("Worker", ""),
    // With SQL, in tests of their own.
    ("TableNotReady", ""),
    ("Modifier", ""),
    (
        "NoQuestionColumns",
        "SELECT * FROM k_corrset((SELECT score FROM scores), 1, wide => true, user => 'score')",
    ),
    ("WideOption", "SELECT * FROM k_corrset(scores, 1, wide => true, score => 'score')"),
];

fn dialects() -> impl Iterator<Item = Dialect> {
    Dialect::metadata().iter().map(|info| info.dialect)
}

/// A session in which statements have been run, in one dialect from then on.
async fn session(given: &[&str], dialect: Dialect) -> SessionContext {
    let ctx = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    register_all(&ctx).unwrap();
    for sql in given {
        rows(&ctx, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    ctx.state_ref().write().config_mut().options_mut().sql_parser.dialect = dialect;
    ctx
}

/// The rows that a case's table should have had.
async fn right(rows_meant: &str, k: usize, options: &[(&str, &str)]) -> Vec<String> {
    let table =
        format!("CREATE TABLE meant AS SELECT * FROM (VALUES {rows_meant}) AS t(\"user\", question, score)");
    let ctx = session(&[&table], Dialect::Generic).await;
    let rows = rows(&ctx, &Call { k, ..Call::new("meant", options) }.sql()).await.unwrap();
    assert!(!rows.is_empty(), "nothing is tested by {rows_meant}");
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_error_says_to_write_gives_the_right_answer_in_every_dialect() {
    let mut wrong = Vec::new();
    for case in cases() {
        for dialect in dialects() {
            if let Err(what) = check(&case, dialect).await {
                wrong.push(format!("{} in {dialect}: {}\n{what}", case.variant, case.call.sql()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n\n"));
}

/// Raises the error of a case and follows each of its remedies.
async fn check(case: &Case, dialect: Dialect) -> Result<(), String> {
    let ctx = session(case.given, dialect).await;
    let Err(text) = rows(&ctx, &case.call.sql()).await else { return Err("no error".to_string()) };
    let unsaid: Vec<_> = case.says.iter().filter(|says| !text.contains(**says)).collect();
    let remedies = remedies(&text);
    let whole = text.contains("k_corrset: ") && text.len() <= LONGEST_TEXT;
    if !whole || !unsaid.is_empty() || remedies.len() != case.right.len() {
        return Err(format!("{} remedies; not said: {unsaid:?}; but {text}", remedies.len()));
    }
    for (remedy, (meant, options)) in remedies.iter().zip(case.right) {
        let ctx = session(case.given, dialect).await;
        let (found, right) =
            (follow(&ctx, &case.call, remedy).await?, right(meant, case.call.k, options).await);
        if found != right {
            return Err(format!("{}: {found:?} is not {right:?}", remedy.sql));
        }
    }
    Ok(())
}

#[tokio::test]
async fn errors_of_the_data_are_of_the_variants_that_are_tested() {
    for case in cases() {
        let ctx = session(case.given, Dialect::Generic).await;
        let Ok(frame) = ctx.sql(&case.call.sql()).await else { continue };
        let Err(error) = frame.collect().await else { panic!("{}", case.call.sql()) };
        let datafusion::error::DataFusionError::External(error) = error.find_root() else { continue };
        assert!(format!("{error:?}").starts_with(case.variant), "{error:?} is no {}", case.variant);
    }
}

/// The variants that `src/error/mod.rs` has.
fn variants() -> BTreeSet<String> {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/error/mod.rs")).unwrap();
    let body = text.split("pub enum KCorrsetError {").nth(1).unwrap();
    let body = body.split("\n}\n").next().unwrap();
    let variant = |line: &str| {
        let name = line.strip_prefix("    ")?;
        let end = name.find([' ', ',', '('])?;
        let is_name = name.starts_with(|letter: char| letter.is_ascii_uppercase());
        is_name.then(|| name[..end].to_string())
    };
    body.lines().filter_map(variant).collect()
}

#[test]
fn every_variant_is_tested() {
    let with_sql = cases().into_iter().map(|case| case.variant);
    let others = WITHOUT_SQL.iter().map(|(variant, _)| *variant);
    let tested: BTreeSet<String> =
        with_sql.chain(others).chain(["NumberExtensionType"]).map(str::to_string).collect();
    assert_eq!(tested, variants());
}

/// The examples in a line: calls, and options.
fn examples(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (name, call) in [("k_corrset(", ""), ("named_struct(", "k_corrset(scores, 2, ")] {
        for (start, _) in text.match_indices(name) {
            let mut depth = 0;
            let end = text[start..].find(|letter| {
                depth += match letter {
                    '(' => 1,
                    ')' => -1,
                    _ => 0,
                };
                letter == ')' && depth == 0
            });
            let example = &text[start..=start + end.unwrap_or_else(|| panic!("an open bracket in {text}"))];
            found.push(match call {
                "" => example.replace("(SELECT ...)", "(SELECT * FROM scores)"),
                call => format!("{call}{example})"),
            });
        }
    }
    found.retain(|example| example != "k_corrset(...)");
    if let Some((_, option)) = text.split_once("min_users =") {
        let number: String =
            option.chars().skip_while(|it| !it.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
        let arrow = if option.starts_with('>') { "=>" } else { "=" };
        found.push(format!("k_corrset(scores, 2, min_users {arrow} {number})"));
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn examples_in_a_text_run_in_every_dialect() {
    let given = [
        "CREATE TABLE scores AS SELECT 'u' || u.value AS \"user\", 'q' || q.value AS question, (u.value * q.value) % 3 AS score
         FROM generate_series(1, 40) u CROSS JOIN generate_series(1, 7) q",
        "CREATE SCHEMA my_schema",
        "CREATE TABLE my_schema.scores AS SELECT * FROM scores",
        "CREATE VIEW many AS SELECT \"user\", question || q.value AS question, score + (q.value * score) % 5 AS score FROM scores CROSS JOIN generate_series(1, 30) q",
    ];
    let mut run = 0;
    for dialect in dialects() {
        for (variant, sql) in WITHOUT_SQL.iter().filter(|(_, sql)| !sql.is_empty()) {
            let ctx = session(&given, dialect).await;
            // What is wrong is said in a form that the dialect reads.
            let sql = sql.replace(" => ", " = ").replace("\"user\" = s.\"user\"", "question = s.question");
            let Err(text) = rows(&ctx, &sql).await else { panic!("{variant} in {dialect}: {sql}") };
            if !text.contains("k_corrset") {
                // Refused by the parser.
                assert!(
                    ["Unbound", "OptionTwice", "IncludedAndExcluded"].contains(variant),
                    "{variant} in {dialect}: {text}"
                );
                continue;
            }
            assert!(remedies(&text).is_empty(), "{text}");
            for example in examples(text.split_once("k_corrset").map(|(_, text)| text).unwrap()) {
                let sql = format!("SELECT count(*) FROM {example}");
                rows(&ctx, &sql)
                    .await
                    .unwrap_or_else(|error| panic!("{variant} in {dialect}: {text}: {error}"));
                run += 1;
            }
        }
    }
    assert!(run > 100, "{run} examples");
}

#[tokio::test]
async fn what_stands_around_a_call_is_said_otherwise() {
    let ctx = session(&[EXAM], Dialect::Generic).await;
    let text = rows(&ctx, "SELECT * FROM k_corrset(exam, 1) TABLESAMPLE (10)").await.unwrap_err();
    let condition = text.lines().last().unwrap().trim().to_string();
    assert!(rows(&ctx, &format!("SELECT * FROM k_corrset(exam, 1) {condition}")).await.unwrap().len() <= 2);
    let text = rows(&ctx, "SELECT * FROM k_corrset(exam, 1) WITH ORDINALITY").await.unwrap_err();
    let column = text.lines().last().unwrap().trim().to_string();
    let numbered = rows(&ctx, &format!("SELECT {column}, n FROM k_corrset(exam, 1)")).await;
    assert_eq!(numbered.unwrap(), ["1 3", "2 3"]);
}

#[tokio::test]
async fn an_extension_type_over_numbers_is_cast() {
    let metadata = [("ARROW:extension:name".to_string(), "school.points".to_string())].into();
    let fields = vec![
        Field::new("user", DataType::Int64, true),
        Field::new("question", DataType::Int64, true),
        Field::new("score", DataType::Int64, true).with_metadata(metadata),
    ];
    let column = |values: Vec<i64>| Arc::new(Int64Array::from(values)) as ArrayRef;
    let columns = vec![column(vec![1, 2, 3, 1]), column(vec![1, 1, 1, 2]), column(vec![3, 6, 1, 2])];
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    let ctx = session(&[], Dialect::Generic).await;
    ctx.register_batch("exam", batch).unwrap();
    let call = Call::new("exam", &[]);
    let text = rows(&ctx, &call.sql()).await.unwrap_err();
    assert!(text.contains("the extension type 'school.points'"), "{text}");
    let [remedy] = &remedies(&text)[..] else { panic!("{text}") };
    let meant = right("(1, 1, 3), (2, 1, 6), (3, 1, 1), (1, 2, 2)", 1, &[]).await;
    assert_eq!(follow(&ctx, &call, remedy).await.unwrap(), meant);
}
