//! Sets that are given, instead of all of a size.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, ListArray, RecordBatch, StringArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field};
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_k_corrset::sweep::{Statistic, Undefined};
use datafusion_k_corrset::{KCorrsetExt, KCorrsetOptions, register_all};
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::support::config;
use crate::support::exam::{any_table, float_batch, integer_batch, names_of, small_floats};
use crate::support::random::Random;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

fn session(threads: usize) -> SessionContext {
    let ctx = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(threads));
    register_all(&ctx).unwrap();
    ctx
}

/// A table in several partitions, which may be less than there are rows.
fn register(ctx: &SessionContext, name: &str, batch: &RecordBatch) {
    let half = batch.num_rows() / 2;
    let parts = [batch.slice(0, half), batch.slice(half, batch.num_rows() - half)];
    let table = MemTable::try_new(batch.schema(), parts.map(|part| vec![part]).to_vec()).unwrap();
    ctx.register_table(name, Arc::new(table)).unwrap();
}

/// A table whose one column is a list of names in each row.
fn table_of(sets: &[Vec<String>]) -> RecordBatch {
    let values = StringArray::from(sets.concat());
    let offsets = OffsetBuffer::from_lengths(sets.iter().map(Vec::len));
    let field = Arc::new(Field::new_list_field(DataType::Utf8, true));
    let lists: ArrayRef = Arc::new(ListArray::new(field, offsets, Arc::new(values), None));
    RecordBatch::try_from_iter([("set", lists)]).unwrap()
}

/// Rows of a query, in order and with all digits.
async fn rows(ctx: &SessionContext, sql: &str) -> Vec<String> {
    let frame = ctx.sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let batches = frame.collect().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    sorted(&batches)
}

fn sorted(batches: &[RecordBatch]) -> Vec<String> {
    let text = arrow::util::pretty::pretty_format_batches(batches).unwrap().to_string();
    let mut lines: Vec<String> =
        text.lines().filter(|line| line.starts_with("| [")).map(str::to_string).collect();
    lines.sort();
    // Columns are as wide as their widest cell.
    lines.iter().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

proptest! {
    #![proptest_config(config(150))]

    /// A given set has the row that a sweep gives it, to the bit; and nothing else has one.
    #[test]
    fn they_have_the_rows_that_they_have_among_all(
        exam in any_table(), seed: u64, number in 0usize..40, threads in 1usize..4, corrected: bool, null: bool,
        floats: bool, least in 0u32..6, top in proptest::option::of(0usize..5), told: bool,
    ) {
        RUNTIME.block_on(async {
            let names = names_of(&exam);
            let mut random = Random::new(seed);
            // Of any sizes, in any order, some of them twice.
            let sets: Vec<Vec<String>> = (0..number).map(|_| {
                let size = 1 + random.below(names.len().min(5));
                let mut set = BTreeSet::new();
                while set.len() < size {
                    set.insert(random.below(names.len()));
                }
                let mut set: Vec<String> = set.into_iter().map(|place| names[place].clone()).collect();
                if random.below(2) == 0 {
                    set.reverse();
                }
                set
            }).collect();
            let ctx = session(threads);
            let batch = if floats { float_batch(&small_floats(&exam)) } else { integer_batch(&exam) };
            register(&ctx, "exam", &batch);
            register(&ctx, "given", &table_of(&sets));
            let mut options = KCorrsetOptions::new().corrected(corrected).min_users(least);
            if null {
                options = options.undefined(Undefined::Null);
            }
            if told {
                options = options.statistics(Statistic::ALL.into_iter().filter(|it| *it != Statistic::RLow));
            }
            let all = ctx.table("exam").await.unwrap().k_corrset_with(1..=5, options.clone()).unwrap();
            ctx.register_table("every", all.into_view()).unwrap();
            // array_sort puts the elements in the order of the result.
            let wanted = "SELECT * FROM every WHERE questions IN (SELECT array_sort(set) FROM given)";
            let mut expected = rows(&ctx, wanted).await;
            if let Some(top) = top {
                options = options.top(top);
                let best = format!(
                    "SELECT * EXCLUDE (place) FROM (SELECT *, row_number() OVER (PARTITION BY cardinality(questions)
                     ORDER BY r DESC NULLS LAST, n DESC, questions) AS place FROM ({wanted})) WHERE place <= {top}"
                );
                expected = rows(&ctx, &best).await;
            }
            let given = ctx.table("given").await.unwrap();
            let found = ctx.table("exam").await.unwrap().k_corrset_sets(given, options).unwrap();
            let found = sorted(&found.collect().await.unwrap());
            assert_eq!(found, expected);
        });
    }
}

/// An exam of numbered questions, of which two are near in their number of users.
async fn exam() -> SessionContext {
    let ctx = session(2);
    for sql in [
        "CREATE TABLE exam AS SELECT u AS \"user\", q AS question, (u * q + u / 5) % 4 AS score
         FROM (SELECT value AS u FROM generate_series(1, 80)) CROSS JOIN (SELECT value AS q FROM generate_series(1, 9))
         WHERE (u * 31 + q * 17) % 7 > 1",
        "CREATE TABLE best AS SELECT * FROM k_corrset(exam, 3, top => 4)",
        "CREATE VIEW later AS SELECT \"user\", question, (score + \"user\") % 3 AS score FROM exam WHERE \"user\" > 30",
    ] {
        ctx.sql(sql).await.unwrap().collect().await.unwrap();
    }
    ctx
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_of_them_may_be_whatever_a_table_may_be() {
    let ctx = exam().await;
    let expected =
        rows(&ctx, "SELECT h.* FROM k_corrset(later, 3) h JOIN best ON h.questions = best.questions").await;
    assert_eq!(expected.len(), 4);
    let forms = [
        "SELECT * FROM k_corrset(later, sets => best)",
        "SELECT * FROM k_corrset(later, sets => 'best')",
        "SELECT * FROM k_corrset(later, sets => datafusion.public.best)",
        "SELECT * FROM k_corrset(later, SETS => (best))",
        "SELECT * FROM k_corrset(sets => (SELECT questions FROM best), later)",
        "SELECT * FROM k_corrset(later, sets := TABLE(best))",
        "SELECT * FROM k_corrset(later, sets => (SELECT questions FROM k_corrset(exam, 3, top => 4)))",
        "SELECT * FROM k_corrset(later, sets => (SELECT questions FROM best UNION ALL SELECT array_reverse(questions) FROM best))",
        "WITH few AS (SELECT questions AS sets FROM best) SELECT * FROM k_corrset(later, sets => few)",
        "SELECT * FROM k_corrset(later, sets => (SELECT arrow_cast(questions, 'LargeList(Int32)') FROM best))",
        "SELECT * FROM k_corrset(later, sets => (SELECT arrow_cast(questions, 'List(Utf8View)') FROM best))",
        "SELECT * FROM k_corrset(later, sets => (SELECT arrow_cast(questions, 'FixedSizeList(3, UInt8)') FROM best))",
        "SELECT * FROM k_corrset(later, sets => (SELECT arrow_cast(questions, 'List(Float64)') FROM best))",
        "SELECT * FROM k_corrset(later, NULL, sets => best)",
        "SELECT * FROM (SELECT * FROM k_corrset(later, sets => best)) AS t WHERE n > 0",
    ];
    for sql in forms {
        assert_eq!(rows(&ctx, sql).await, expected, "{sql}");
    }
    let lists = rows(&ctx, "SELECT questions FROM best").await;
    let lists: Vec<String> = lists.iter().map(|line| line.trim_matches(['|', ' ']).to_string()).collect();
    for call in [
        format!("k_corrset(later, sets => [{}])", lists.join(", ")),
        format!("k_corrset('later', {{'sets': [{}]}})", lists.join(", ")),
        format!("k_corrset('later', NULL, {{'sets': [{}], 'min_users': 2}})", lists.join(", ")),
        format!("k_corrset('later', named_struct('sets', make_array({})))", lists.join(", ")),
    ] {
        assert_eq!(rows(&ctx, &format!("SELECT * FROM {call}")).await, expected, "{call}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_may_wait_for_parameters() {
    let ctx = exam().await;
    for sql in [
        "PREPARE of_best(DOUBLE) AS SELECT * FROM k_corrset(later, sets => (SELECT questions FROM best WHERE r > $1))",
        "PREPARE of_users(BIGINT) AS SELECT * FROM k_corrset(later, sets => best, min_users => $1)",
        "PREPARE of_both(DOUBLE, BIGINT) AS
         SELECT * FROM k_corrset((SELECT * FROM exam WHERE \"user\" > $2), sets => (SELECT questions FROM best WHERE r > $1))",
    ] {
        ctx.sql(sql).await.unwrap();
    }
    let all = rows(&ctx, "SELECT * FROM k_corrset(later, sets => best)").await;
    assert_eq!(rows(&ctx, "EXECUTE of_best(-2)").await, all);
    assert!(rows(&ctx, "EXECUTE of_best(1)").await.is_empty());
    assert_eq!(rows(&ctx, "EXECUTE of_users(2)").await, all);
    assert!(rows(&ctx, "EXECUTE of_users(1000)").await.is_empty());
    let some = "SELECT * FROM k_corrset((SELECT * FROM exam WHERE \"user\" > 40), sets => best)";
    assert_eq!(rows(&ctx, "EXECUTE of_both(-1, 40)").await, rows(&ctx, some).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_reach_them_as_they_reach_all_sets() {
    let ctx = exam().await;
    ctx.sql("CREATE VIEW every AS SELECT * FROM k_corrset(exam, [2, 4])").await.unwrap();
    let table = "(SELECT questions FROM every WHERE NOT array_has(questions, 3))";
    for query in [
        "ORDER BY r DESC, questions LIMIT 5",
        "WHERE r > 0.2 AND n > 30",
        "WHERE array_has(questions, 4)",
        "WHERE array_has_any(questions, [4, 5]) AND NOT array_has(questions, 6)",
        "WHERE cardinality(array_intersect(questions, [1, 2, 5, 6])) = 2",
        "WHERE questions = [1, 2]",
    ] {
        let given = format!("SELECT * FROM k_corrset(exam, sets => {table}) {query}");
        let all =
            format!("SELECT * FROM (SELECT * FROM every WHERE NOT array_has(questions, 3)) AS t {query}");
        for pushdown in ["true", "false"] {
            ctx.sql(&format!("SET k_corrset.pushdown = {pushdown}")).await.unwrap();
            assert_eq!(rows(&ctx, &given).await, rows(&ctx, &all).await, "{query}");
        }
    }
    let numbers = "SELECT count(*), max(r), min(n), round(avg(r), 12) FROM k_corrset(exam, sets => (SELECT questions FROM every), undefined => 'null')";
    let all = "SELECT count(*), max(r), min(n), round(avg(r), 12) FROM every";
    let cells = async |sql| {
        let batches = ctx.sql(sql).await.unwrap().collect().await.unwrap();
        let text = arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string();
        text.lines().nth(3).unwrap().split_whitespace().map(str::to_string).collect::<Vec<_>>()
    };
    assert_eq!(cells(numbers).await, cells(all).await);
    let plan = ctx.sql("EXPLAIN SELECT r FROM k_corrset(exam, sets => best, top => 2)").await.unwrap();
    let plan = plan.to_string().await.unwrap();
    assert!(plan.contains("TableScan: k_corrset(sets=given, top=2)"), "{plan}");
    assert!(plan.contains("KCorrsetExec: sets=given, top=2"), "{plan}");
}

/// Options, filters and the data without gaps, whose covariances are looked up where many sets are given.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn complete_data_have_the_same_rows() {
    let ctx = session(2);
    for score in ["(u * q + u / 5 + q / 3) % 3", "(u * q + u / 5 + q / 3) % 1000003", "sin(u * q + u / 5)"] {
        let sql = format!(
            "CREATE OR REPLACE TABLE exam AS SELECT u AS \"user\", q AS question, {score} AS score
             FROM (SELECT value AS u FROM generate_series(1, 60)) CROSS JOIN (SELECT value AS q FROM generate_series(1, 9))"
        );
        ctx.sql(&sql).await.unwrap().collect().await.unwrap();
        for some in ["true", "r > 0.6"] {
            for options in ["", ", corrected => true", ", top => 3"] {
                let table = format!(
                    "CREATE OR REPLACE TABLE given AS SELECT * FROM k_corrset(exam, [3, 4]) WHERE {some}"
                );
                ctx.sql(&table).await.unwrap().collect().await.unwrap();
                let given = format!("SELECT * FROM k_corrset(exam, sets => given{options})");
                let mut expected = format!(
                    "SELECT e.* FROM k_corrset(exam, [3, 4]{}) AS e JOIN given ON given.questions = e.questions",
                    options.replace(", top => 3", "")
                );
                if options.contains("top") {
                    expected = format!(
                        "SELECT questions, r, n FROM (SELECT *, row_number() OVER (PARTITION BY cardinality(questions)
                         ORDER BY r DESC, n DESC, questions) AS place FROM ({expected})) WHERE place <= 3"
                    );
                }
                assert_eq!(rows(&ctx, &given).await, rows(&ctx, &expected).await, "{score} {some} {options}");
            }
        }
    }
}

/// Where a query says which sets it wants, the others are not summed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_query_names_is_given() {
    let ctx = exam().await;
    let some = rows(&ctx, "SELECT questions FROM k_corrset(exam, 4, top => 10)").await;
    let some: Vec<&str> = some.iter().map(|line| line.trim_matches(['|', ' '])).collect();
    let has_all: Vec<String> = some.iter().map(|set| format!("array_has_all(questions, {set})")).collect();
    let best = "(SELECT questions AS best FROM k_corrset(exam, 4, top => 10))";
    for query in [
        format!("SELECT * FROM k_corrset(later, 4) WHERE questions IN ({})", some.join(", ")),
        format!("SELECT * FROM k_corrset(later, 4) WHERE {}", has_all.join(" OR ")),
        format!("SELECT * FROM k_corrset(later, 4) WHERE n > 1 AND ({})", has_all.join(" OR ")),
        format!("SELECT * FROM k_corrset(later, [3, 4]) WHERE questions IN ({})", some.join(", ")),
        format!("SELECT * FROM k_corrset(later, 4) WHERE questions IN {best}"),
        format!("SELECT * FROM k_corrset(later, 4) AS h JOIN {best} AS t ON h.questions = t.best"),
        format!("SELECT * FROM {best} AS t JOIN k_corrset(later, 4) AS h ON h.questions = t.best"),
        format!("SELECT * FROM {best} AS t LEFT JOIN k_corrset(later, 4) AS h ON h.questions = t.best"),
    ] {
        assert_eq!(rows(&ctx, &query).await.len(), 10, "{query}");
        let plan = ctx.sql(&format!("EXPLAIN ANALYZE {query}")).await.unwrap().to_string().await.unwrap();
        let given: Vec<&str> = plan.lines().filter(|line| line.contains("(given sets)")).collect();
        assert_eq!(given.len(), 1, "{query}\n{plan}");
        assert!(given[0].contains("output_rows=10,"), "{query}\n{plan}");
    }
    // The questions of a set ascend, and each is in it once.
    for (list, k, made) in [("2, 1", 2, 1), ("1, 1", 1, 0), ("1, 1, 2", 2, 0)] {
        let query = format!("SELECT * FROM k_corrset(later, {k}) WHERE questions IN (make_array({list}))");
        assert_eq!(rows(&ctx, &query).await, Vec::<String>::new(), "{query}");
        let plan = ctx.sql(&format!("EXPLAIN ANALYZE {query}")).await.unwrap().to_string().await.unwrap();
        let sweep = plan.lines().find(|line| line.contains("KCorrsetExec")).unwrap_or_default();
        assert!(sweep.contains(&format!("output_rows={made},")), "{query}\n{plan}");
    }
    // Of sets of five that have four questions each, any may be wanted.
    let more = format!("SELECT * FROM k_corrset(later, 5) WHERE {}", has_all.join(" OR "));
    let plan = ctx.sql(&format!("EXPLAIN ANALYZE {more}")).await.unwrap().to_string().await.unwrap();
    assert!(!plan.contains("given sets"), "{plan}");
}
