//! An outside criterion in the place of the grand total.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::prelude::{SessionConfig, SessionContext, col, lit};
use datafusion_k_corrset::index::{AnswerIndex, IndexBuilder, InputLayout, InputRoles};
use datafusion_k_corrset::sweep::naive;
use datafusion_k_corrset::sweep::{Instructions, SweepRequest, Undefined};
use datafusion_k_corrset::{KCorrsetExt, KCorrsetOptions, register_all};
use proptest::prelude::*;

use crate::support::config;
use crate::support::drive::{Named, bits, by_name, sweep};
use crate::support::exam::{Answers, SMALL, answers, any_table, integer_batch, names_of};
use crate::support::random::Random;

/// A value of each user, or none.
type Values = BTreeMap<String, Option<i64>>;

/// A value of each user of a table, by a rule that knows a random number; some have none.
fn values(rows: &Answers<i64>, seed: u64, missing: f64, value: impl Fn(u64) -> i64) -> Values {
    let mut random = Random::new(seed);
    let users: std::collections::BTreeSet<&String> = rows.iter().map(|row| &row.0).collect();
    let mut value = |user: &String| {
        let value = value(random.next() >> 20);
        (user.clone(), (random.share() >= missing).then_some(value))
    };
    users.into_iter().map(&mut value).collect()
}

/// A batch of answers with their users' values of a criterion.
fn with_values(rows: &[(String, String, i64)], values: ArrayRef) -> RecordBatch {
    let batch = integer_batch(rows);
    let columns = batch.schema_ref().fields().iter().map(|field| field.name().as_str());
    let columns = columns.zip(batch.columns().iter().cloned()).chain([("grade", values)]);
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
}

/// The values of the users of rows, as integers.
fn integers(rows: &[(String, String, i64)], values: &Values) -> ArrayRef {
    Arc::new(rows.iter().map(|row| values[&row.0]).collect::<Int64Array>())
}

fn roles() -> InputRoles {
    InputRoles { criterion: Some("grade".to_string()), ..InputRoles::default() }
}

/// The index of batches that are read as if they came from two partitions.
fn index(batches: &[RecordBatch], roles: InputRoles) -> AnswerIndex {
    let mut builder = IndexBuilder::try_new(&batches[0].schema(), roles).unwrap();
    let mut sibling = builder.sibling();
    for (number, batch) in batches.iter().enumerate() {
        [&mut builder, &mut sibling][number % 2].push(batch).unwrap();
    }
    builder.merge(sibling);
    builder.finish().unwrap()
}

/// What the definition says, of all sets that a question has rows for.
fn defined(rows: &Answers<i64>, values: &Values, request: &SweepRequest) -> Named {
    let wide: Vec<(String, String, i128)> = rows
        .iter()
        .map(|(user, question, score)| (user.clone(), question.clone(), i128::from(*score)))
        .collect();
    let values =
        values.iter().filter_map(|(user, value)| Some((user.clone(), i128::from((*value)?)))).collect();
    let sets = naive::with_criterion(&wide, request.k, &values).into_iter();
    let sets = sets.map(|(subset, (r, n))| (subset, (r, n as i64)));
    let wanted = |r: Option<f64>| r.is_some() || request.undefined == Undefined::Null;
    sets.filter(|(_, (r, n))| wanted(*r) && *n >= request.min_users.unwrap_or(0)).collect()
}

/// Rules of values that make criteria of every class of exact numbers.
fn any_value() -> impl Strategy<Value = fn(u64) -> i64> {
    let rules: Vec<fn(u64) -> i64> = vec![
        |random| random as i64 % 2,
        |random| random as i64 % 7 - 3,
        |random| (random as i64 % 200 - 100) * 1000,
        |random| random as i32 as i64,
        |random| (random << 22) as i64 >> 17,
    ];
    proptest::sample::select(rules)
}

fn any_request() -> impl Strategy<Value = SweepRequest> {
    let instructions = proptest::option::of(proptest::sample::select(Instructions::available()));
    (1usize..6, proptest::option::of(0i64..9), any::<bool>(), instructions).prop_map(
        |(k, min_users, null, instructions)| SweepRequest {
            k,
            min_users,
            undefined: if null { Undefined::Null } else { Undefined::Omit },
            instructions,
            ..SweepRequest::default()
        },
    )
}

/// Tables of every density, scores of every class, and such of few gaps.
fn tables() -> impl Strategy<Value = Answers<i64>> {
    prop_oneof![
        2 => any_table(),
        1 => answers(30..70, 3..9, 0..3i64).prop_filter("some", |rows| !rows.is_empty()),
    ]
}

proptest! {
    #![proptest_config(config(1000))]

    #[test]
    fn b_is_the_value_of_the_user(
        rows in tables(), value in any_value(), seed: u64, missing in prop_oneof![Just(0.0), 0.0f64..0.5],
        request in any_request(), shares in 1usize..4, size in 1usize..60,
    ) {
        let values = values(&rows, seed, missing, value);
        let batches: Vec<RecordBatch> =
            rows.chunks(size).map(|rows| with_values(rows, integers(rows, &values))).collect();
        let index = index(&batches, roles());
        let found = by_name(&index, &sweep(&index, &request, shares, 64));
        prop_assert_eq!(bits(&found), bits(&defined(&rows, &values, &request)));
    }

    #[test]
    fn grand_totals_for_a_criterion_change_nothing(
        rows in any_table(), request in any_request(), decimals: bool,
    ) {
        let mut totals = Values::new();
        for (user, _, score) in &rows {
            *totals.entry(user.clone()).or_insert(Some(0)).as_mut().unwrap() += score;
        }
        let of_rows = rows.iter().map(|row| totals[&row.0]);
        let column: ArrayRef = if decimals {
            let column: Decimal128Array = of_rows.map(|total| total.map(i128::from)).collect();
            Arc::new(column.with_precision_and_scale(38, 4).unwrap())
        } else {
            Arc::new(of_rows.collect::<Int64Array>())
        };
        let own = index(&[integer_batch(&rows)], InputRoles::default());
        let given = index(&[with_values(&rows, column)], roles());
        let [own, given] = [own, given].map(|index| by_name(&index, &sweep(&index, &request, 2, 64)));
        prop_assert_eq!(own.keys().collect::<Vec<_>>(), given.keys().collect::<Vec<_>>());
        for ((own_r, own_n), (given_r, given_n)) in own.values().zip(given.values()) {
            prop_assert_eq!(own_n, given_n);
            prop_assert_eq!(own_r.is_some(), given_r.is_some());
            // Totals may have a larger unit than scores.
            prop_assert!((own_r.unwrap_or(0.0) - given_r.unwrap_or(0.0)).abs() < 1e-15);
        }
    }

    #[test]
    fn floats_for_a_criterion_are_the_integers_that_they_are(
        rows in tables(), value in any_value(), seed: u64, request in any_request(), size in 1usize..60,
    ) {
        let values = values(&rows, seed, 0.1, value);
        let floats = |rows: &[(String, String, i64)], unit: f64| -> ArrayRef {
            let float = |row: &(String, String, i64)| values[&row.0].map(|value| value as f64 * unit);
            Arc::new(rows.iter().map(float).collect::<Float64Array>())
        };
        let of = |unit: f64| {
            let batches: Vec<RecordBatch> =
                rows.chunks(size).map(|rows| with_values(rows, floats(rows, unit))).collect();
            index(&batches, roles())
        };
        let expected = defined(&rows, &values, &request);
        // Whole numbers are decimals of no digits, and exact.
        let exact = of(1.0);
        prop_assert_ne!(exact.answers().score_class(), "float");
        let found = by_name(&exact, &sweep(&exact, &request, 1, 64));
        prop_assert_eq!(bits(&found), bits(&expected));
        let floats = of(SMALL);
        let found = by_name(&floats, &sweep(&floats, &request, 1, 64));
        prop_assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        for ((r, n), (expected_r, expected_n)) in found.values().zip(expected.values()) {
            prop_assert_eq!(n, expected_n);
            prop_assert_eq!(r.is_some(), expected_r.is_some());
            prop_assert!((r.unwrap_or(0.0) - expected_r.unwrap_or(0.0)).abs() < 1e-12);
        }
    }

    #[test]
    fn a_wide_table_has_the_same_answers(
        rows in any_table(), value in any_value(), seed: u64, request in any_request(), place in 0usize..9,
    ) {
        let values = values(&rows, seed, 0.2, value);
        let long = index(&[with_values(&rows, integers(&rows, &values))], roles());
        let names = names_of(&rows);
        let scores: BTreeMap<(&str, &str), i64> =
            rows.iter().map(|(user, question, score)| ((&**user, &**question), *score)).collect();
        let question = |name: &String| -> (String, ArrayRef) {
            let scores = values.keys().map(|user| scores.get(&(user, name)).copied());
            (name.clone(), Arc::new(scores.collect::<Int64Array>()))
        };
        let mut columns: Vec<(String, ArrayRef)> = names.iter().map(question).collect();
        let grades = values.values().copied().collect::<Int64Array>();
        columns.insert(place.min(columns.len()), ("grade".to_string(), Arc::new(grades)));
        columns.push(("user".to_string(), Arc::new(StringArray::from_iter_values(values.keys()))));
        let columns = columns.into_iter().map(|(name, column)| (name, column, true));
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        let layout = InputLayout::Wide { user: Some("user".to_string()) };
        let wide = index(&[batch], InputRoles { layout, ..roles() });
        let [long, wide] = [long, wide].map(|index| by_name(&index, &sweep(&index, &request, 2, 64)));
        prop_assert_eq!(bits(&long), bits(&wide));
    }
}

/// A table of users, questions and a few gaps or none, whose users have a grade.
async fn session(gaps: bool) -> SessionContext {
    let ctx = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    register_all(&ctx).unwrap();
    let gaps = if gaps { "WHERE (u * 31 + q * 17) % 97 > 1" } else { "" };
    let sql = format!(
        "CREATE TABLE exam AS SELECT *, CAST((u * 37 + u / 3 * 11) % 19 AS DOUBLE) / 7 AS odd, (u * 37) % 11 - 4 AS grade FROM
         (SELECT u, u AS \"user\", q AS question, (u * q + u / 5 + q / 3) % 3 AS score
          FROM (SELECT value AS u FROM generate_series(1, 150)) CROSS JOIN (SELECT value AS q FROM generate_series(1, 14)) {gaps})"
    );
    ctx.sql(&sql).await.unwrap().collect().await.unwrap();
    ctx
}

async fn rows(ctx: &SessionContext, sql: &str) -> String {
    let batches = ctx.sql(sql).await.unwrap().collect().await.unwrap();
    arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string()
}

#[tokio::test]
async fn the_search_finds_what_the_sweep_finds() {
    for (gaps, grade) in [(false, "grade"), (false, "odd"), (true, "grade"), (true, "odd")] {
        let ctx = session(gaps).await;
        let best = format!(
            "SELECT questions, round(r, 12) AS r, n FROM k_corrset(exam, [3, 6], criterion => '{grade}') ORDER BY 2 DESC, questions LIMIT 7"
        );
        let top = format!(
            "SELECT questions, round(r, 12) AS r, n FROM k_corrset(exam, [3, 6], criterion => '{grade}', top => 20) ORDER BY 2 DESC, questions LIMIT 7"
        );
        ctx.sql("SET k_corrset.search = 'sweep'").await.unwrap();
        let swept = [rows(&ctx, &best).await, rows(&ctx, &top).await];
        assert_eq!(swept[0], swept[1]);
        let method = if gaps { "auto" } else { "tree" };
        ctx.sql(&format!("SET k_corrset.search = '{method}'")).await.unwrap();
        assert_eq!(rows(&ctx, &best).await, swept[0], "{grade}, gaps: {gaps}");
        assert_eq!(rows(&ctx, &top).await, swept[0], "{grade}, gaps: {gaps}");
    }
}

#[tokio::test]
async fn who_has_no_value_is_as_if_not_there() {
    for gaps in [false, true] {
        let ctx = session(gaps).await;
        let some = "CREATE VIEW some AS SELECT \"user\", question, score, CASE WHEN \"user\" % 3 > 0 THEN grade END AS grade FROM exam";
        ctx.sql(some).await.unwrap();
        let of = |table: &str| {
            format!(
                "SELECT * FROM k_corrset({table}, 3, criterion => 'grade', undefined => 'null') ORDER BY questions"
            )
        };
        let [left_out, not_there] =
            [of("some"), of("(SELECT * FROM exam WHERE \"user\" % 3 > 0)")].map(|sql| (ctx.clone(), sql));
        assert_eq!(rows(&left_out.0, &left_out.1).await, rows(&not_there.0, &not_there.1).await);
        // Data without gaps stay so.
        let plan = rows(&ctx, &format!("EXPLAIN ANALYZE {}", of("some"))).await;
        assert_eq!(plan.contains("complete data"), !gaps, "{plan}");
    }
}

/// The column that has them is the one to blame.
#[tokio::test]
async fn values_of_too_many_digits_are_those_of_the_criterion() {
    let ctx = session(false).await;
    let far = "(SELECT *, CAST(CASE WHEN u % 2 = 0 THEN -1 ELSE 1 END * 9e37 AS DECIMAL(38, 0)) - u AS far FROM exam)";
    let query = format!("SELECT * FROM k_corrset({far}, 2, criterion => 'far')");
    let error = ctx.sql(&query).await.unwrap().collect().await.unwrap_err().to_string();
    assert!(error.contains("'far'") && error.contains("digits"), "{error}");
}

#[tokio::test]
async fn frames_have_it_and_plans_show_it() {
    let ctx = session(true).await;
    let options = KCorrsetOptions::new().criterion("grade").top(5);
    let frame = ctx.table("exam").await.unwrap().k_corrset_with(3, options).unwrap();
    let plan = frame.clone().explain(false, false).unwrap().to_string().await.unwrap();
    assert!(plan.contains("k=3, criterion=grade, top=5"), "{plan}");
    let found = frame.filter(col("n").gt(lit(1))).unwrap().sort_by(vec![col("questions")]).unwrap();
    let found = found.to_string().await.unwrap();
    let sql = "SELECT * FROM k_corrset('exam', 3, {'criterion': 'grade', 'top': 5}) ORDER BY questions";
    assert_eq!(found, rows(&ctx, sql).await);
    // The bound is one of the criterion, too.
    let sql = "SELECT min(r_bound) >= max(r) FROM k_corrset(exam, 4, criterion => 'grade', search => 'heuristic', top => 3)";
    assert!(rows(&ctx, sql).await.contains("true"));
}
