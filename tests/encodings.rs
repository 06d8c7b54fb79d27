//! Every type that users, questions and scores may have, in every encoding.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeBinaryArray, Float64Array, Int64Array, RecordBatch, StringArray,
    UInt64Array,
};
use arrow::compute::{cast, sort};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use arrow::util::display::array_value_to_string;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_k_corrset::register_all;

use crate::support::exam::batch;

const QUESTIONS: i64 = 7;

/// (user, question, score) of a small exam; scores are 0 and 1.
fn exam() -> Vec<(i64, i64, i64)> {
    let all = (0..30).flat_map(|user| (0..QUESTIONS).map(move |question| (user, question)));
    all.filter(|(user, question)| (user * 5 + question * 3 + user * question) % 4 != 0)
        .map(|(user, question)| (user, question, (user * 7 + question * user + question * question) % 3 % 2))
        .collect()
}

/// Numbers from 0 as ascending values of a type.
fn keys(numbers: &[i64], data_type: &DataType) -> ArrayRef {
    let integers: ArrayRef = Arc::new(Int64Array::from(numbers.to_vec()));
    let texts = || -> ArrayRef {
        Arc::new(StringArray::from_iter_values(numbers.iter().map(|number| format!("key {number:02}"))))
    };
    match data_type {
        DataType::FixedSizeBinary(16) => {
            let uuids = numbers.iter().map(|&number| (number as u128 * 0x0123_4567_89ab_cdef).to_be_bytes());
            Arc::new(FixedSizeBinaryArray::try_from_iter(uuids).unwrap())
        }
        DataType::Date64 => cast(&cast(&integers, &DataType::Int32).unwrap(), &DataType::Date32)
            .and_then(|dates| cast(&dates, data_type))
            .unwrap(),
        DataType::Date32 | DataType::Time32(_) => {
            cast(&cast(&integers, &DataType::Int32).unwrap(), data_type).unwrap()
        }
        DataType::Dictionary(_, values) => cast(&keys(numbers, values), data_type).unwrap(),
        text if text.is_string() => cast(&texts(), text).unwrap(),
        binary if binary.is_binary() => cast(&texts(), binary).unwrap(),
        DataType::BinaryView => cast(&texts(), data_type).unwrap(),
        other => cast(&integers, other).unwrap(),
    }
}

fn key_types() -> Vec<DataType> {
    let dictionary = |key, value| DataType::Dictionary(Box::new(key), Box::new(value));
    let mut types = vec![
        DataType::Utf8,
        DataType::LargeUtf8,
        DataType::Utf8View,
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Binary,
        DataType::LargeBinary,
        DataType::BinaryView,
        DataType::FixedSizeBinary(16),
        DataType::Date32,
        DataType::Date64,
        DataType::Time32(TimeUnit::Second),
        DataType::Time64(TimeUnit::Nanosecond),
        DataType::Decimal128(12, 2),
        dictionary(DataType::Int32, DataType::Utf8),
        dictionary(DataType::UInt8, DataType::LargeUtf8),
        dictionary(DataType::Int64, DataType::Utf8View),
        dictionary(DataType::Int16, DataType::Int64),
    ];
    for unit in [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond] {
        types.push(DataType::Timestamp(unit, None));
        types.push(DataType::Timestamp(unit, Some("+02:00".into())));
    }
    types
}

/// Every row of `SELECT * FROM k_corrset(t, 3)`: ranks of the questions, r, n.
async fn answers(table: RecordBatch) -> (DataType, Vec<(Vec<usize>, f64, i64)>) {
    let questions = sort(&without_dictionary(table.column(1)), None).unwrap();
    let texts: Vec<String> =
        (0..questions.len()).map(|place| array_value_to_string(&questions, place).unwrap()).collect();
    let mut ranked = texts.clone();
    ranked.dedup();

    let ctx = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    register_all(&ctx).unwrap();
    ctx.register_batch("t", table).unwrap();
    let batches = ctx.sql("SELECT * FROM k_corrset(t, 3)").await.unwrap().collect().await.unwrap();
    let mut rows = Vec::new();
    let mut element_type = DataType::Null;
    for batch in &batches {
        let sets = batch.column(0).as_list::<i32>();
        element_type = sets.value_type();
        for row in 0..batch.num_rows() {
            let set = sets.value(row);
            let rank = |place| {
                let text = array_value_to_string(&set, place).unwrap();
                ranked.iter().position(|known| *known == text).unwrap()
            };
            let ranks: Vec<usize> = (0..set.len()).map(rank).collect();
            assert!(ranks.is_sorted(), "{ranks:?} of {element_type}");
            rows.push((
                ranks,
                batch.column(1).as_primitive::<Float64Type>().value(row),
                batch.column(2).as_primitive::<Int64Type>().value(row),
            ));
        }
    }
    rows.sort_by(|x, y| x.0.cmp(&y.0));
    (element_type, rows)
}

fn without_dictionary(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Dictionary(_, values) => cast(array, values).unwrap(),
        _ => Arc::clone(array),
    }
}

fn columns() -> (Vec<i64>, Vec<i64>, Vec<i64>) {
    let (mut users, mut questions, mut scores) = (vec![], vec![], vec![]);
    for (user, question, score) in exam() {
        users.push(user);
        questions.push(question);
        scores.push(score);
    }
    (users, questions, scores)
}

#[tokio::test]
async fn every_key_type_gives_the_same_bits() {
    let (users, questions, scores) = columns();
    let scores: ArrayRef = Arc::new(Int64Array::from(scores));
    let numbers = keys(&questions, &DataType::Int64);
    let (_, expected) = answers(batch(keys(&users, &DataType::Int64), numbers, Arc::clone(&scores))).await;
    assert_eq!(expected.len(), 35);
    let distinct: BTreeSet<i64> = expected.iter().map(|row| row.2).collect();
    assert!(distinct.len() > 2, "sets differ in n: {distinct:?}");
    for data_type in key_types() {
        let table = batch(keys(&users, &data_type), keys(&questions, &data_type), Arc::clone(&scores));
        let (element_type, found) = answers(table).await;
        assert_eq!(found, expected, "{data_type}");
        let plain = without_dictionary(&keys(&[0], &data_type));
        assert_eq!(&element_type, plain.data_type(), "{data_type}");
    }
}

#[tokio::test]
async fn every_score_type_gives_the_same_answers() {
    let (users, questions, scores) = columns();
    let (users, questions) = (keys(&users, &DataType::Utf8), keys(&questions, &DataType::Utf8));
    let scores: ArrayRef = Arc::new(Int64Array::from(scores));
    let (_, expected) = answers(batch(Arc::clone(&users), Arc::clone(&questions), Arc::clone(&scores))).await;
    let exact = [
        DataType::Float16,
        DataType::Float32,
        DataType::Float64,
        DataType::Boolean,
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Decimal32(5, 2),
        DataType::Decimal64(12, 3),
        DataType::Decimal128(38, 10),
        DataType::Decimal256(60, 20),
        DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Int32)),
    ];
    let floats = [DataType::Float16, DataType::Float32, DataType::Float64];
    for data_type in exact {
        let scores = cast(&scores, &data_type).unwrap();
        let (_, found) = answers(batch(Arc::clone(&users), Arc::clone(&questions), scores)).await;
        assert_eq!(found, expected, "{data_type}");
    }
    // Thirds, which are summed as floats.
    let thirds = scores.as_primitive::<Int64Type>().values().iter().map(|&score| score as f64 / 3.0);
    let thirds: ArrayRef = Arc::new(Float64Array::from_iter_values(thirds));
    for data_type in floats {
        let scores = cast(&thirds, &data_type).unwrap();
        let (_, found) = answers(batch(Arc::clone(&users), Arc::clone(&questions), scores)).await;
        assert_eq!(found.len(), expected.len(), "{data_type}");
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!((&found.0, found.2), (&expected.0, expected.2), "{data_type}");
            assert!((found.1 - expected.1).abs() < 1e-14, "{data_type}: {found:?} {expected:?}");
        }
    }
}

#[tokio::test]
async fn what_only_a_wide_type_holds_is_exact() {
    let (users, questions, scores) = columns();
    let (users, questions) = (keys(&users, &DataType::Utf8), keys(&questions, &DataType::Utf8));
    let of =
        async |scores: ArrayRef| answers(batch(Arc::clone(&users), Arc::clone(&questions), scores)).await.1;
    // Quarters, in units of which they are the same numbers.
    let quarters = scores.iter().map(|&score| format!("{}", score as f64 / 4.0));
    let quarters: ArrayRef = Arc::new(StringArray::from_iter_values(quarters));
    let expected = of(Arc::new(Int64Array::from(scores.clone()))).await;
    let decimals = [
        DataType::Decimal32(5, 2),
        DataType::Decimal64(12, 3),
        DataType::Decimal128(38, 10),
        DataType::Decimal256(60, 20),
    ];
    for data_type in decimals {
        assert_eq!(of(cast(&quarters, &data_type).unwrap()).await, expected, "{data_type}");
    }
    // Beyond the signed integers; and beyond all integers of 64 bits.
    let large = UInt64Array::from_iter_values(scores.iter().map(|&score| u64::MAX - score as u64));
    let wider = cast(&(Arc::new(large.clone()) as ArrayRef), &DataType::Decimal128(38, 0)).unwrap();
    assert_eq!(of(Arc::new(large)).await, of(wider).await);
}

#[tokio::test]
async fn decimals_are_exact() {
    // 0.1 + 0.2 and 0.3 are the same sum: ann and bob tie on both questions together,
    // so that a has no variance.
    let ctx = SessionContext::new();
    register_all(&ctx).unwrap();
    let table = |score: &str| {
        format!(
            "CREATE OR REPLACE VIEW t AS SELECT \"user\", question, CAST(score AS {score}) AS score FROM (VALUES
             ('ann', 'q1', '0.1'), ('ann', 'q2', '0.2'), ('ann', 'q3', '1'),
             ('bob', 'q1', '0.3'), ('bob', 'q2', '0.0'), ('bob', 'q3', '0')) AS v(\"user\", question, score)"
        )
    };
    let query = "SELECT r FROM k_corrset(t, 2, {'include': ['q1', 'q2'], 'undefined': 'null'})";
    for data_type in ["DECIMAL(5, 2)", "DECIMAL(38, 10)", "DOUBLE", "REAL"] {
        ctx.sql(&table(data_type)).await.unwrap().collect().await.unwrap();
        let batches = ctx.sql(query).await.unwrap().collect().await.unwrap();
        let nulls: usize = batches.iter().map(|batch| batch.column(0).null_count()).sum();
        assert_eq!(nulls, 1, "{data_type}");
    }
}

#[tokio::test]
async fn sliced_and_empty_batches_are_read_right() {
    let (users, questions, scores) = columns();
    let whole = batch(
        keys(&users, &DataType::Utf8View),
        keys(&questions, &DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))),
        cast(&(Arc::new(Int64Array::from(scores)) as ArrayRef), &DataType::Boolean).unwrap(),
    );
    let (_, expected) = answers(whole.clone()).await;
    let ctx = SessionContext::new();
    register_all(&ctx).unwrap();
    let rows = whole.num_rows();
    let pieces = vec![
        whole.slice(0, 0),
        whole.slice(rows / 2, rows - rows / 2),
        whole.slice(3, 0),
        whole.slice(0, rows / 2),
    ];
    let table = datafusion::datasource::MemTable::try_new(whole.schema(), vec![pieces]).unwrap();
    ctx.register_table("t", Arc::new(table)).unwrap();
    let batches =
        ctx.sql("SELECT r FROM k_corrset(t, 3) ORDER BY questions").await.unwrap().collect().await.unwrap();
    let found: Vec<f64> = batches
        .iter()
        .flat_map(|batch| batch.column(0).as_primitive::<Float64Type>().values().to_vec())
        .collect();
    assert_eq!(found, expected.iter().map(|row| row.1).collect::<Vec<_>>());
}
