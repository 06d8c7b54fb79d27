//! `partition_by`: each part of a table is a table of its own.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_k_corrset::{KCorrsetExt, KCorrsetOptions, register_all};
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::support::config;
use crate::support::exam::{any_table, float_batch, integer_batch, small_floats};
use crate::support::random::Random;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

fn session(threads: usize, batch_size: usize) -> SessionContext {
    let config = SessionConfig::new().with_target_partitions(threads).with_batch_size(batch_size);
    let ctx = SessionContext::new_with_config(config);
    register_all(&ctx).unwrap();
    ctx
}

/// Rows of a query, in order and with all digits.
async fn rows(ctx: &SessionContext, sql: &str) -> Vec<String> {
    let frame = ctx.sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let batches = frame.collect().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let options = arrow::util::display::FormatOptions::default().with_null("NULL");
    let text =
        arrow::util::pretty::pretty_format_batches_with_options(&batches, &options).unwrap().to_string();
    let mut lines: Vec<String> =
        text.lines().skip(3).filter(|line| line.starts_with('|')).map(str::to_string).collect();
    lines.sort();
    // Columns are as wide as their widest cell.
    lines.iter().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

async fn error(ctx: &SessionContext, sql: &str) -> String {
    match ctx.sql(sql).await {
        Ok(frame) => frame.collect().await.unwrap_err().to_string(),
        Err(error) => error.to_string(),
    }
}

proptest! {
    #![proptest_config(config(150))]

    /// The rows are those of a call on each part, to the bit.
    #[test]
    fn each_part_is_as_if_alone(
        exam in any_table(), seed: u64, courses in 1usize..5, by_user: bool, k in 1usize..4, threads in 1usize..4,
        size in 1usize..60, floats: bool, options in proptest::sample::subsequence(vec![
            "top => 3", "min_users => 3", "corrected => true", "undefined => 'null'", "statistics => ['alpha', 'mean', 'r_high']",
        ], 0..4),
    ) {
        RUNTIME.block_on(async {
            let mut random = Random::new(seed);
            let batch = if floats { float_batch(&small_floats(&exam)) } else { integer_batch(&exam) };
            // One of them is NULL.
            let course = |place: usize| (place + 1 < courses).then(|| format!("c{place}"));
            let of_row = |row: &(String, String, i64), random: &mut Random| match by_user {
                true => row.0.bytes().map(usize::from).sum::<usize>() % courses,
                false => random.below(courses),
            };
            let column: StringArray = exam.iter().map(|row| course(of_row(row, &mut random))).collect();
            let columns = ["user", "question", "score"].into_iter().zip(batch.columns().iter().cloned());
            let columns = columns.chain([("course", Arc::new(column) as ArrayRef)]);
            let batch =
                RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap();
            let pieces: Vec<RecordBatch> = (0..batch.num_rows())
                .step_by(size)
                .map(|first| batch.slice(first, size.min(batch.num_rows() - first)))
                .collect();
            let mut partitions = vec![Vec::new(); 3];
            pieces.into_iter().enumerate().for_each(|(number, piece)| partitions[number % 3].push(piece));
            let ctx = session(threads, size);
            let table = MemTable::try_new(batch.schema(), partitions).unwrap();
            ctx.register_table("exam", Arc::new(table)).unwrap();
            let options: String = options.iter().map(|option| format!(", {option}")).collect();
            let parts = (0..courses).map(|place| {
                let (name, is) = match course(place) {
                    Some(name) => (format!("'{name}'"), format!("= '{name}'")),
                    None => ("NULL".to_string(), "IS NULL".to_string()),
                };
                format!("SELECT {name} AS course, * FROM k_corrset((SELECT * FROM exam WHERE course {is}), {k}{options})")
            });
            let expected = rows(&ctx, &parts.collect::<Vec<_>>().join(" UNION ALL ")).await;
            let all = format!("SELECT * FROM k_corrset(exam, {k}, partition_by => 'course'{options})");
            assert_eq!(rows(&ctx, &all).await, expected);
        });
    }
}

/// An exam of three courses in two years, of which one has other questions, and a few users no course.
async fn exam() -> SessionContext {
    let ctx = session(2, 8192);
    for sql in [
        "CREATE TABLE exam AS SELECT u AS \"user\", 'q' || q AS question, (u * q + u / 5) % 4 AS score,
           CASE u % 4 WHEN 0 THEN 'art' WHEN 1 THEN 'law' WHEN 2 THEN 'math' END AS course, DATE '2025-01-01' + CAST(u / 4 % 2 * 365 AS INT) AS term,
           (u * 37) % 11 AS grade
         FROM (SELECT value AS u FROM generate_series(1, 160)) CROSS JOIN (SELECT value AS q FROM generate_series(1, 7))
         WHERE (u * 31 + q * 17) % 7 > 0 AND (u % 4 <> 1 OR q > 2)",
        "CREATE TABLE sheet AS SELECT value AS id, value % 3 AS class, value * 7 % 5 AS a, value * 11 % 4 AS b, value * value % 7 AS c
         FROM generate_series(1, 90)",
    ] {
        ctx.sql(sql).await.unwrap().collect().await.unwrap();
    }
    ctx
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_are_told_apart_by_whatever_tells_them() {
    let ctx = exam().await;
    let part = |columns: &str, condition: &str, options: &str| {
        format!("SELECT {columns}, * FROM k_corrset((SELECT * FROM exam WHERE {condition}), 2{options})")
    };
    let mut parts = Vec::new();
    for course in ["'art'", "'law'", "'math'", "NULL"] {
        for term in ["DATE '2025-01-01'", "DATE '2026-01-01'"] {
            let is = if course == "NULL" { "IS NULL".to_string() } else { format!("= {course}") };
            let condition = format!("course {is} AND term = {term}");
            parts.push(part(
                &format!("{course} AS course, {term} AS term"),
                &condition,
                ", criterion => 'grade', top => 2",
            ));
        }
    }
    let expected = rows(&ctx, &parts.join(" UNION ALL ")).await;
    assert_eq!(expected.len(), 16);
    for call in [
        "k_corrset(exam, 2, partition_by => ['course', 'term'], criterion => 'grade', top => 2)",
        "k_corrset('exam', 2, {'partition_by': ['course', 'term'], 'criterion': 'grade', 'top': 2})",
        "k_corrset((SELECT * EXCLUDE (course), arrow_cast(course, 'Dictionary(Int8, Utf8)') AS course FROM exam), 2,
           partition_by => ['course', 'term'], criterion => 'grade', top => 2)",
    ] {
        assert_eq!(rows(&ctx, &format!("SELECT * FROM {call}")).await, expected, "{call}");
        let some = format!("SELECT course, term, n FROM {call} WHERE course = 'law'");
        assert_eq!(rows(&ctx, &some).await.len(), 4, "{call}");
    }
    let options = KCorrsetOptions::new().partition_by(["course", "term"]).criterion("grade").top(2);
    let frame = ctx.table("exam").await.unwrap().k_corrset_with(2, options).unwrap();
    let names: Vec<String> = frame.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["course", "term", "questions", "r", "n"]);
    assert_eq!(frame.count().await.unwrap(), 16);
    // Each row a user, and each class a table.
    let wide = "SELECT * FROM k_corrset(sheet, 2, wide => true, user => 'id', partition_by => 'class')";
    let classes = (0..3).map(|class| {
        format!("SELECT {class} AS class, * FROM k_corrset((SELECT * EXCLUDE (class) FROM sheet WHERE class = {class}), 2, wide => true, user => 'id')")
    });
    let expected = rows(&ctx, &classes.collect::<Vec<_>>().join(" UNION ALL ")).await;
    assert_eq!(expected.len(), 9);
    assert_eq!(rows(&ctx, wide).await, expected);
    assert!(
        rows(&ctx, "SELECT * FROM k_corrset((SELECT * FROM exam WHERE false), 2, partition_by => 'course')")
            .await
            .is_empty()
    );
}

/// Conditions on the columns of parts are on the input, also where the best of each part are chosen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_reach_the_parts() {
    let ctx = exam().await;
    for options in ["", ", top => 3", ", undefined => 'null'"] {
        let call = format!("k_corrset(exam, 3, partition_by => 'course'{options})");
        for query in [
            format!("SELECT * FROM {call} WHERE course = 'law'"),
            format!("SELECT * FROM {call} WHERE course IN ('law', 'math') AND r > 0.3"),
            format!("SELECT * FROM {call} WHERE course IS NULL AND n > 20"),
            format!("SELECT * FROM {call} WHERE course IS NULL OR r > 0.5"),
            format!("SELECT * FROM {call} WHERE course <> 'art' AND array_has(questions, 'q3')"),
            format!("SELECT * FROM {call} ORDER BY r DESC, course, questions LIMIT 5"),
            format!(
                "SELECT course, questions FROM {call} WHERE course > 'b' ORDER BY course DESC, r DESC, questions LIMIT 4"
            ),
            format!("SELECT course, max(r), count(*) FROM {call} GROUP BY course"),
            format!("SELECT max(r) FROM {call} WHERE course = 'math'"),
            format!("SELECT count(*) FROM {call}"),
            format!("SELECT DISTINCT course FROM {call}"),
            format!(
                "SELECT a.course, a.questions, a.r, b.r FROM {call} a JOIN {call} b ON a.questions = b.questions AND a.course < b.course"
            ),
        ] {
            ctx.sql("SET k_corrset.pushdown = true").await.unwrap();
            let with = rows(&ctx, &query).await;
            ctx.sql("SET k_corrset.pushdown = false").await.unwrap();
            assert_eq!(with, rows(&ctx, &query).await, "{query}");
        }
    }
    ctx.sql("SET k_corrset.pushdown = true").await.unwrap();
    let sql = "EXPLAIN SELECT * FROM k_corrset(exam, 3, partition_by => 'course', top => 3) WHERE course = 'law' AND r > 0.1";
    let plan = ctx.sql(sql).await.unwrap().to_string().await.unwrap();
    let place = |text: &str| plan.find(text).unwrap_or_else(|| panic!("no {text} in {plan}"));
    assert!(
        place("FilterExec: r@2 > 0.1") < place("KCorrsetExec: k=3, partition_by=[course], top=3"),
        "{plan}"
    );
    assert!(place("KCorrsetExec: k=3") < place("FilterExec: course@3 = law"), "{plan}");
    let limit = rows(&ctx, "SELECT course FROM k_corrset(exam, 3, partition_by => 'course') LIMIT 7").await;
    assert_eq!(limit.len(), 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_of_one_part_need_not_be_those_of_another() {
    let ctx = exam().await;
    // Nobody in law was asked q1 and q2.
    for (argument, of_parts) in [
        (
            "2, include => 'q1'",
            ["'art'", "'math'", "NULL"].map(|course| (course, "2, include => 'q1'")).to_vec(),
        ),
        (
            "2, exclude => ['q1', 'q7']",
            vec![
                ("'art'", "2, exclude => ['q1', 'q7']"),
                ("'law'", "2, exclude => 'q7'"),
                ("'math'", "2, exclude => ['q1', 'q7']"),
                ("NULL", "2, exclude => ['q1', 'q7']"),
            ],
        ),
        (
            "sets => [['q1', 'q3'], ['q4', 'q5'], ['q3']]",
            vec![
                ("'art'", "sets => [['q1', 'q3'], ['q4', 'q5'], ['q3']]"),
                ("'law'", "sets => [['q4', 'q5'], ['q3']]"),
                ("'math'", "sets => [['q1', 'q3'], ['q4', 'q5'], ['q3']]"),
                ("NULL", "sets => [['q1', 'q3'], ['q4', 'q5'], ['q3']]"),
            ],
        ),
        ("6", ["'art'", "'math'", "NULL"].map(|course| (course, "6")).to_vec()),
    ] {
        let part = |(course, argument): (&str, &str)| {
            let is = if course == "NULL" { "IS NULL".to_string() } else { format!("= {course}") };
            format!(
                "SELECT {course} AS course, * FROM k_corrset((SELECT * FROM exam WHERE course {is}), {argument})"
            )
        };
        let expected =
            rows(&ctx, &of_parts.into_iter().map(part).collect::<Vec<_>>().join(" UNION ALL ")).await;
        assert!(!expected.is_empty());
        let sql = format!("SELECT * FROM k_corrset(exam, {argument}, partition_by => 'course')");
        assert_eq!(rows(&ctx, &sql).await, expected, "{argument}");
    }
    let unknown =
        error(&ctx, "SELECT * FROM k_corrset(exam, 2, include => 'q9', partition_by => 'course')").await;
    assert!(unknown.contains("option 'include' names question 'q9', which no row has"), "{unknown}");
    let unknown =
        error(&ctx, "SELECT * FROM k_corrset(exam, sets => [['q3', 'q9']], partition_by => 'course')").await;
    assert!(unknown.contains("option 'sets' names question 'q9', which no row has"), "{unknown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_names_its_part() {
    let ctx = exam().await;
    let twice = "(SELECT * FROM exam UNION ALL SELECT * FROM exam WHERE course = 'math' AND \"user\" = 2 AND question = 'q1')";
    let text =
        error(&ctx, &format!("SELECT * FROM k_corrset({twice}, 2, partition_by => ['course', 'term'])"))
            .await;
    assert!(
        text.contains("k_corrset: where course = math and term = 2025-01-01, user '2' has more than one score on question 'q1', the only such pair; their scores agree"),
        "{text}"
    );
    // What it says to write keeps the columns, and gives the right answer.
    let line = text.lines().find(|line| line.trim_start().starts_with("(SELECT DISTINCT")).unwrap().trim();
    let mended =
        rows(&ctx, &format!("SELECT * FROM k_corrset({line}, 2, partition_by => ['course', 'term'])")).await;
    assert_eq!(
        mended,
        rows(&ctx, "SELECT * FROM k_corrset(exam, 2, partition_by => ['course', 'term'])").await
    );
    // A user may sit two courses, and is two users then.
    let both = "(SELECT * FROM exam UNION ALL SELECT \"user\", question, score, 'more', term, grade FROM exam WHERE course = 'art')";
    let rows_of_both =
        rows(&ctx, &format!("SELECT course, n FROM k_corrset({both}, 2, partition_by => 'course')")).await;
    assert!(rows_of_both.iter().any(|row| row.contains("more")), "{rows_of_both:?}");
    // Of several faulty parts, the first by its values.
    let faulty = "(SELECT column1 AS part, column2 AS \"user\", column3 AS question, column4 AS score FROM (VALUES ('b', 1, 1, 1), ('b', 1, 1, 0), ('a', 1, 1, 1), ('a', 1, 1, 0), ('c', 1, 1, 1)))";
    let text = error(&ctx, &format!("SELECT * FROM k_corrset({faulty}, 1, partition_by => 'part')")).await;
    assert!(text.contains("k_corrset: where part = a, user '1' has more than one score"), "{text}");
    let no_user =
        "(SELECT * EXCLUDE (\"user\"), CASE WHEN course IS NOT NULL THEN \"user\" END AS \"user\" FROM exam)";
    let text = error(&ctx, &format!("SELECT * FROM k_corrset({no_user}, 2, partition_by => 'course')")).await;
    assert!(
        text.contains("k_corrset: where course = NULL, ") && text.contains("row(s) have no user"),
        "{text}"
    );
    for (table, columns, expected) in [
        ("exam", "'cours'", "the table has no partition_by column 'cours'"),
        (
            "(SELECT *, score AS n FROM exam)",
            "'n'",
            "the partition_by column 'n' has the name of a column of the result",
        ),
        (
            "(SELECT *, score / 2.0e0 AS half FROM exam)",
            "'half'",
            "the partition_by column 'half' must be a string, integer",
        ),
        (
            "exam",
            "['course', 'course']",
            "option 'partition_by' must be the name of a column, or a list of different ones",
        ),
        ("exam", "7", "option 'partition_by' must be the name of a column"),
    ] {
        let text =
            error(&ctx, &format!("SELECT * FROM k_corrset({table}, 2, partition_by => {columns})")).await;
        assert!(text.contains(expected), "{text}");
    }
}

/// Many parts in rows that come mixed, and more parts than there are threads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_parts_have_their_best() {
    let ctx = session(2, 1000);
    let sql = "CREATE TABLE exam AS SELECT row_number() OVER (ORDER BY value * 48271 % 65537) % 300 AS course, value / 300 % 20 AS \"user\", value / 6000 AS question,
               value * 7919 % 11 % 3 AS score FROM generate_series(0, 35999)";
    ctx.sql(sql).await.unwrap().collect().await.unwrap();
    let distinct = "(SELECT course, \"user\", question, min(score) AS score FROM exam GROUP BY course, \"user\", question)";
    let all = format!(
        "SELECT course, questions, r, n FROM k_corrset({distinct}, 2, partition_by => 'course', top => 1)"
    );
    let found = rows(&ctx, &all).await;
    let courses = rows(
        &ctx,
        &format!("SELECT DISTINCT course FROM k_corrset({distinct}, 2, partition_by => 'course')"),
    )
    .await;
    assert_eq!(found.len(), courses.len());
    assert!(found.len() > 250, "{}", found.len());
    for course in [0, 7, 150, 299] {
        let alone = format!(
            "SELECT {course} AS course, * FROM k_corrset((SELECT * FROM {distinct} WHERE course = {course}), 2, top => 1)"
        );
        let alone = rows(&ctx, &alone).await;
        assert!(alone.iter().all(|row| found.contains(row)), "{alone:?}");
    }
    // Rows that come part by part go to their parts as they are.
    let mut found = Vec::new();
    for (table, order) in [("mixed", "question, \"user\""), ("part_by_part", "course")] {
        let sql = format!(
            "CREATE TABLE {table} AS SELECT course % 6 AS course, course * 100 + \"user\" AS \"user\", question, score FROM {distinct} ORDER BY {order}"
        );
        ctx.sql(&sql).await.unwrap().collect().await.unwrap();
        found.push(
            rows(&ctx, &format!("SELECT * FROM k_corrset({table}, 2, partition_by => 'course')")).await,
        );
    }
    assert_eq!(found[0].len(), 6 * 15);
    assert_eq!(found[0], found[1]);
    let plan = ctx.sql(&format!("EXPLAIN ANALYZE {all}")).await.unwrap().to_string().await.unwrap();
    assert!(plan.contains("partitions=300"), "{plan}");
}
