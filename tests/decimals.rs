//! Floats that stand for decimals, which are summed as what they stand for.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::prelude::SessionContext;
use datafusion_k_corrset::index::AnswerIndex;
use datafusion_k_corrset::register_all;
use datafusion_k_corrset::sweep::{SweepRequest, Undefined};
use proptest::prelude::*;

use crate::support::config;
use crate::support::drive::{bits, by_name, index, sweep};
use crate::support::exam::{Answers, any_table, batch, float_batch};
use crate::support::random::Random;

type Rows = Vec<(Vec<String>, Option<u64>, i64)>;

/// Every set of k questions, with the bits of its r.
fn all(index: &AnswerIndex, k: usize, corrected: bool) -> Rows {
    let request = SweepRequest { k, corrected, undefined: Undefined::Null, ..SweepRequest::default() };
    bits(&by_name(index, &sweep(index, &request, 2, 64)))
}

fn with_scores(rows: &Answers<i64>, scores: ArrayRef) -> RecordBatch {
    let users: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.0)));
    let questions: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.1)));
    batch(users, questions, scores)
}

fn integers(rows: &Answers<i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.2)))
}

/// Scores in units of 10⁻ᵈ as doubles, read from their digits.
fn doubles(rows: &Answers<i64>, digits: i8) -> ArrayRef {
    let decimals = Decimal128Array::from_iter_values(rows.iter().map(|row| row.2.into()));
    let decimals = decimals.with_precision_and_scale(38, digits).unwrap();
    let texts = cast(&(Arc::new(decimals) as ArrayRef), &DataType::Utf8).unwrap();
    cast(&texts, &DataType::Float64).unwrap()
}

/// Users whose scores, in tenths, are different ways to come to the same total.
fn equal_totals() -> Answers<i64> {
    let scores = [[1, 2, 3], [6, 0, 0], [2, 2, 2], [3, 1, 2], [0, 1, 5], [7, -4, 3]];
    let rows = scores.iter().enumerate().flat_map(|(user, scores)| {
        let of_user = scores.iter().enumerate();
        of_user.map(move |(question, &score)| (format!("u{user}"), format!("q{question}"), score))
    });
    rows.collect()
}

#[test]
fn totals_that_are_the_same_for_all_have_no_r() {
    let rows = equal_totals();
    // As doubles they are not the same.
    let sum = |tenths: [i32; 3]| tenths.iter().map(|&score| f64::from(score) / 10.0).sum::<f64>();
    assert_ne!(sum([1, 2, 3]), sum([6, 0, 0]));
    for scores in [doubles(&rows, 1), cast(&doubles(&rows, 1), &DataType::Float32).unwrap()] {
        let index = index(&[with_scores(&rows, scores)]);
        assert!(index.floats_as_decimals());
        for k in 1..=3 {
            assert!(all(&index, k, false).iter().all(|row| row.1.is_none() && row.2 == 6), "k = {k}");
        }
        // The rest is what is missing from the total.
        let minus_one = Some((-1.0f64).to_bits());
        assert!(all(&index, 2, true).iter().all(|row| row.1 == minus_one));
    }
}

#[test]
fn a_rounding_error_is_not_a_perfect_correlation() {
    // Both users have 0.3 on both questions together, and 1.3 in all.
    let rows: Answers<i64> = [("ann", [1, 2, 10]), ("bob", [3, 0, 10])]
        .into_iter()
        .flat_map(|(user, scores)| {
            let of_user = scores.into_iter().enumerate();
            of_user.map(move |(question, score)| (user.to_string(), format!("q{question}"), score))
        })
        .collect();
    let index = index(&[with_scores(&rows, doubles(&rows, 1))]);
    assert_eq!(all(&index, 2, false).iter().filter(|row| row.1.is_some()).count(), 0);
}

#[test]
fn halves_singles_and_dictionaries_are_decimals_of_their_own_precision() {
    let mut random = Random::new(3);
    let mut rows: Answers<i64> = Vec::new();
    for user in 0..60 {
        for question in 0..6 {
            if random.below(4) > 0 {
                rows.push((format!("u{user}"), format!("q{question}"), random.below(101) as i64));
            }
        }
    }
    let expected = index(&[with_scores(&rows, integers(&rows))]);
    let dictionary = |value| DataType::Dictionary(Box::new(DataType::Int16), Box::new(value));
    for digits in [0, 1] {
        for data_type in [DataType::Float16, DataType::Float32, DataType::Float64] {
            for data_type in [data_type.clone(), dictionary(data_type)] {
                let Ok(scores) = cast(&doubles(&rows, digits), &data_type) else {
                    // Arrow makes no dictionaries of halves.
                    assert_eq!(data_type, dictionary(DataType::Float16));
                    continue;
                };
                let found = index(&[with_scores(&rows, scores)]);
                assert!(found.floats_as_decimals(), "{data_type}");
                assert_eq!(found.answers().score_class(), "integer");
                assert_eq!(all(&found, 3, false), all(&expected, 3, false), "{data_type}");
            }
        }
    }
    // What is a tenth as a single is none as a double.
    let singles = cast(&doubles(&rows, 1), &DataType::Float32).unwrap();
    let widened = index(&[with_scores(&rows, cast(&singles, &DataType::Float64).unwrap())]);
    assert_eq!(widened.answers().score_class(), "float");
}

#[test]
fn zeros_and_ones_are_binary_whatever_their_type() {
    let rows: Answers<i64> = (0..40)
        .map(|place| (format!("u{}", place / 4), format!("q{}", place % 4), place * place % 7 % 2))
        .collect();
    for scores in [vec![0.0, 1.0], vec![-0.0, 0.5], vec![-1.5, -1.0], vec![0.3, 0.1 * 4.0]] {
        let scores = Float64Array::from_iter_values(rows.iter().map(|row| scores[row.2 as usize]));
        let class = index(&[with_scores(&rows, Arc::new(scores))]).answers().score_class();
        assert!(["binary", "integer"].contains(&class), "{class}");
    }
    let floats = index(&[with_scores(&rows, cast(&integers(&rows), &DataType::Float64).unwrap())]);
    assert_eq!(floats.answers().score_class(), "binary");
    assert_eq!(all(&floats, 2, false), all(&index(&[with_scores(&rows, integers(&rows))]), 2, false));
}

#[test]
fn one_score_that_is_no_decimal_makes_all_of_them_floats() {
    let mut random = Random::new(11);
    let mut rows: Answers<f64> = Vec::new();
    for user in 0..50 {
        for question in 0..6 {
            if random.below(3) > 0 {
                rows.push((format!("u{user}"), format!("q{question}"), random.below(30) as f64 / 10.0));
            }
        }
    }
    assert!(index(&[float_batch(&rows)]).floats_as_decimals());
    let middle = rows.len() / 2;
    rows[middle].2 += 1.0 / 3.0;
    let expected = all(&index(&[float_batch(&rows)]), 2, false);
    // Floats are scaled by a power of two, which changes no bit; what is so small is no decimal.
    let small: Answers<f64> = rows
        .iter()
        .map(|(user, question, score)| (user.clone(), question.clone(), score / 2f64.powi(50)))
        .collect();
    assert_eq!(all(&index(&[float_batch(&small)]), 2, false), expected);
    // Wherever it comes: in the first batch or the last, and in any of the siblings.
    for at in [0, middle, rows.len() - 1] {
        let mut moved = rows.clone();
        moved.swap(middle, at);
        for size in [1, 7, rows.len()] {
            let batches: Vec<_> = moved.chunks(size).map(float_batch).collect();
            let index = index(&batches);
            assert_eq!(index.answers().score_class(), "float");
            assert_eq!(all(&index, 2, false), expected, "at {at}, in batches of {size}");
        }
    }
}

#[test]
fn quarters_on_a_huge_offset_are_exact() {
    let mut random = Random::new(5);
    let rows: Answers<i64> = (0..200)
        .map(|place| {
            (format!("u{}", place / 5), format!("q{}", place % 5), 4_000_000_000 + random.below(9) as i64)
        })
        .collect();
    let quarters = Float64Array::from_iter_values(rows.iter().map(|row| row.2 as f64 / 4.0));
    let (quarters, whole) =
        (index(&[with_scores(&rows, Arc::new(quarters))]), index(&[with_scores(&rows, integers(&rows))]));
    assert!(quarters.floats_as_decimals());
    for k in 1..=4 {
        assert_eq!(all(&quarters, k, false), all(&whole, k, false), "k = {k}");
    }
}

/// A table, and how many digits of its scores stand behind the point.
fn any_decimals() -> impl Strategy<Value = (Answers<i64>, i8)> {
    (any_table(), 0i8..=9).prop_map(|(mut rows, digits)| {
        rows.iter_mut().for_each(|row| row.2 %= 1_000_000_000_000_000);
        (rows, digits)
    })
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn floats_and_decimals_and_integers_are_the_same_to_the_bit(
        ((rows, shuffled), digits) in any_decimals().prop_flat_map(|(rows, digits)| {
            ((Just(rows.clone()), Just(rows).prop_shuffle()), Just(digits))
        }),
        size in 1usize..60, k in 1usize..5, corrected in any::<bool>(),
    ) {
        let decimals = Decimal128Array::from_iter_values(rows.iter().map(|row| row.2.into()));
        let decimals = Arc::new(decimals.with_precision_and_scale(38, digits).unwrap());
        let expected = index(&[with_scores(&rows, integers(&rows))]);
        let decimals = index(&[with_scores(&rows, decimals)]);
        let batches: Vec<_> = shuffled.chunks(size)
            .map(|rows| with_scores(&rows.to_vec(), doubles(&rows.to_vec(), digits)))
            .collect();
        let floats = index(&batches);
        prop_assert!(floats.floats_as_decimals());
        prop_assert_eq!(floats.answers().score_class(), expected.answers().score_class());
        let expected = all(&expected, k, corrected);
        prop_assert_eq!(&all(&decimals, k, corrected), &expected);
        prop_assert_eq!(&all(&floats, k, corrected), &expected);
    }
}

#[tokio::test]
async fn the_plan_says_that_floats_are_taken_as_decimals() {
    let ctx = SessionContext::new();
    register_all(&ctx).unwrap();
    ctx.sql("SET k_corrset.kernel = 'portable'").await.unwrap().collect().await.unwrap();
    let rows = "VALUES ('ann', 'q1', 0.1), ('ann', 'q2', 0.7), ('bob', 'q1', 0.3), ('bob', 'q2', 0.0)";
    for (score, shown) in [
        ("CAST(score AS DOUBLE)", "kernel=portable (complete data, floats as decimals)"),
        ("CAST(score AS REAL)", "kernel=portable (complete data, floats as decimals)"),
        ("CAST(score AS DOUBLE) / 3", "kernel=portable (complete data, floats)"),
        ("CAST(score AS DECIMAL(3, 1))", "kernel=portable (complete data)"),
    ] {
        let sql = format!(
            "EXPLAIN ANALYZE SELECT * FROM k_corrset((SELECT \"user\", question, {score} AS score
             FROM ({rows}) AS t(\"user\", question, score)), 1)"
        );
        let batches = ctx.sql(&sql).await.unwrap().collect().await.unwrap();
        let text = arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string();
        assert!(text.contains(shown), "{score}: {text}");
    }
}
