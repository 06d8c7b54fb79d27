//! Bytes → batches of any types and values, and a sweep over what becomes of them. Where the
//! definition applies, it is what the sweep finds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, DictionaryArray, FixedSizeBinaryArray, Float64Array, Int8Array,
    Int64Array, RecordBatch, StringArray, new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, TimeUnit};
use arrow::util::display::array_value_to_string;
use datafusion_k_corrset::index::{AnswerIndex, ColumnNames, IndexBuilder};
use datafusion_k_corrset::sweep::{Bounds, Instructions, Quota, Row, SweepPlan, SweepRequest, Undefined};

use crate::support::drive::sweep_plan;
use crate::support::oracle;

/// Types of users and questions, some of which nothing can be named by.
fn key_type(bytes: &mut Unstructured<'_>) -> Result<DataType> {
    let dictionary = |values| DataType::Dictionary(Box::new(DataType::Int8), Box::new(values));
    Ok(match bytes.int_in_range(0..=24)? {
        0..=3 => DataType::Utf8,
        4 => DataType::LargeUtf8,
        5..=6 => DataType::Utf8View,
        7 => dictionary(DataType::Utf8),
        8 => dictionary(DataType::Int64),
        9 => DataType::Binary,
        10 => DataType::LargeBinary,
        11 => DataType::BinaryView,
        12 => DataType::FixedSizeBinary(3),
        13 => DataType::Date32,
        14 => DataType::Timestamp(TimeUnit::Millisecond, Some("+01:00".into())),
        15 => DataType::Decimal128(9, 2),
        16 => DataType::UInt64,
        17 => DataType::Int8,
        18 => DataType::Boolean,
        19 => DataType::Float64,
        20 => DataType::Null,
        21 => DataType::new_list(DataType::Int64, true),
        22 => DataType::Interval(arrow::datatypes::IntervalUnit::YearMonth),
        _ => DataType::Int64,
    })
}

fn score_type(bytes: &mut Unstructured<'_>) -> Result<DataType> {
    Ok(match bytes.int_in_range(0..=20)? {
        0..=5 => DataType::Int64,
        6 => DataType::Boolean,
        7 => DataType::Int8,
        8 => DataType::UInt16,
        9 => DataType::UInt64,
        10 => DataType::Float16,
        11 => DataType::Float32,
        12..=14 => DataType::Float64,
        15 => DataType::Decimal128(38, 5),
        16 => DataType::Decimal256(70, 30),
        17 => DataType::Decimal32(4, -2),
        18 => DataType::Utf8,
        19 => DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Int64)),
        _ => DataType::Null,
    })
}

/// Small numbers as values of a type; what it cannot hold is NULL.
fn column(numbers: &[Option<i64>], data_type: &DataType) -> ArrayRef {
    let integers: ArrayRef = Arc::new(Int64Array::from(numbers.to_vec()));
    let texts = || numbers.iter().map(|number| number.map(|number| format!("{number:03}")));
    match data_type {
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
            let texts: Vec<Option<String>> = texts().collect();
            let bytes = texts.iter().map(|text| text.as_ref().map(String::as_bytes));
            cast(&(Arc::new(BinaryArray::from_iter(bytes)) as ArrayRef), data_type).unwrap()
        }
        DataType::FixedSizeBinary(3) => {
            let bytes = numbers.iter().map(|number| number.map(|number| [0, 255, number as u8]));
            Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(bytes, 3).unwrap())
        }
        // With NULL among its values, which some keys point to.
        DataType::Dictionary(_, values) => {
            let mut distinct: Vec<Option<i64>> = numbers.to_vec();
            distinct.sort_unstable();
            distinct.dedup();
            distinct.truncate(100);
            let keys = numbers.iter().map(|number| {
                let key = distinct.iter().position(|other| other == number)? as i8;
                (key % 2 == 0 || number.is_some()).then_some(key)
            });
            let keys: Int8Array = keys.collect();
            Arc::new(DictionaryArray::try_new(keys, column(&distinct, values)).unwrap())
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            cast(&(Arc::new(texts().collect::<StringArray>()) as ArrayRef), data_type).unwrap()
        }
        _ => cast(&integers, data_type).unwrap_or_else(|_| new_null_array(data_type, numbers.len())),
    }
}

fn score(bytes: &mut Unstructured<'_>, kind: u8) -> Result<i64> {
    Ok(match kind {
        0 => bytes.int_in_range(0..=1)?,
        1 => bytes.int_in_range(-3..=9)?,
        2 => bytes.int_in_range(0..=300)?,
        3 => bytes.arbitrary::<i32>()?.into(),
        _ => bytes.arbitrary()?,
    })
}

fn batches(bytes: &mut Unstructured<'_>) -> Result<Vec<RecordBatch>> {
    let types = [key_type(bytes)?, key_type(bytes)?, score_type(bytes)?];
    let (kind, raw_floats) = (bytes.int_in_range(0..=4)?, bytes.ratio(1, 4)?);
    let nulls = *bytes.choose(&[0, 0, 1, 8])?;
    let mut batches = Vec::new();
    // Pairs come in order, with some left out, so that most tables have no pair twice.
    let mut cell = 0;
    for _ in 0..bytes.int_in_range(1..=4)? {
        let mut columns: [Vec<Option<i64>>; 3] = Default::default();
        let mut floats = Vec::new();
        for _ in 0..bytes.int_in_range(0..=24)? {
            cell += match bytes.int_in_range(0..=15)? {
                15 => 0,
                step => 1 + step / 5,
            };
            let of_row = [Some(cell / 7), Some(cell % 7), Some(score(bytes, kind)?)];
            for (column, value) in columns.iter_mut().zip(of_row) {
                let null = nulls > 0 && bytes.ratio(1, 64 / nulls)?;
                column.push(value.filter(|_| !null));
            }
            if raw_floats {
                floats.push(bytes.arbitrary::<f64>()?);
            }
        }
        let types = if bytes.ratio(1, 64)? {
            [key_type(bytes)?, key_type(bytes)?, score_type(bytes)?]
        } else {
            types.clone()
        };
        let mut arrays: Vec<ArrayRef> =
            columns.iter().zip(&types).map(|(numbers, data_type)| column(numbers, data_type)).collect();
        if raw_floats && types[2] == DataType::Float64 {
            arrays[2] = Arc::new(Float64Array::from(floats));
        }
        let names = ["user", "question", if bytes.ratio(1, 64)? { "points" } else { "score" }];
        let fields = names.iter().zip(&arrays);
        let fields: Vec<Field> =
            fields.map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
        let whole = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
        // Cut, so that offsets are not at zero.
        let cut = bytes.int_in_range(0..=whole.num_rows().min(3))?;
        batches.push(whole.slice(cut, whole.num_rows() - cut));
    }
    Ok(batches)
}

fn bounds<T: Copy + for<'a> arbitrary::Arbitrary<'a>>(
    bytes: &mut Unstructured<'_>,
    all: [T; 2],
) -> Result<[T; 2]> {
    Ok(match bytes.int_in_range(0..=5)? {
        0 => [bytes.arbitrary()?, all[1]],
        1 => [all[0], bytes.arbitrary()?],
        2 => bytes.arbitrary()?,
        _ => all,
    })
}

fn request(bytes: &mut Unstructured<'_>) -> Result<SweepRequest> {
    let ids = |bytes: &mut Unstructured<'_>| -> Result<Vec<u32>> {
        (0..*bytes.choose(&[0, 0, 0, 1, 2, 3])?).map(|_| bytes.int_in_range(0..=7)).collect()
    };
    let quotas = |bytes: &mut Unstructured<'_>| -> Result<Vec<Quota>> {
        let quota = |bytes: &mut Unstructured<'_>| {
            let (least, most) = (bytes.int_in_range(0..=3)?, bytes.int_in_range(0..=3)?);
            Ok(Quota { questions: ids(bytes)?, least, most })
        };
        (0..*bytes.choose(&[0, 0, 0, 1, 2])?).map(|_| quota(bytes)).collect()
    };
    Ok(SweepRequest {
        k: bytes.int_in_range(0..=8)?,
        include: ids(bytes)?,
        exclude: ids(bytes)?,
        any: ids(bytes)?,
        quotas: quotas(bytes)?,
        given: None,
        min_users: *bytes.choose(&[None, None, Some(0), Some(2), Some(3), Some(-5), Some(i64::MAX)])?,
        top: *bytes.choose(&[None, None, None, Some(0), Some(1), Some(9), Some(usize::MAX >> 1)])?,
        corrected: bytes.arbitrary()?,
        undefined: if bytes.arbitrary()? { Undefined::Null } else { Undefined::Omit },
        bounds: Bounds {
            r: bounds(bytes, Bounds::ALL.r)?,
            undefined: bytes.ratio(3, 4)?,
            n: bounds(bytes, Bounds::ALL.n)?,
            ..Bounds::ALL
        },
        instructions: Some(*bytes.choose(&Instructions::available())?),
        in_turn: bytes.arbitrary()?,
        // Last, as what was found before is read as it was.
        tightened: bytes.arbitrary()?,
    })
}

/// What the definition says of a table of whole numbers, by the ranks of the questions.
fn defined(index: &AnswerIndex, batches: &[RecordBatch], request: &SweepRequest) -> Vec<Row> {
    let names = |values: &ArrayRef| -> Vec<String> {
        (0..values.len()).map(|row| array_value_to_string(values, row).unwrap()).collect()
    };
    let ranks: BTreeMap<String, u32> = names(index.questions()).into_iter().zip(0..).collect();
    let mut rows = Vec::new();
    for batch in batches {
        let (users, questions) = (names(batch.column(0)), names(batch.column(1)));
        let scores = batch.column(2).as_primitive::<Int64Type>();
        for (row, score) in scores.iter().enumerate() {
            // A question that nobody has a score on is a question, of which there are no answers.
            if let Some(score) = score {
                rows.push((users[row].clone(), ranks[&questions[row]], i128::from(score)));
            }
        }
    }
    let sets = oracle::defined(&rows, request, |id| id).into_iter();
    let rows = sets.map(|(questions, (r, n))| Row { questions, r, n }).collect();
    oracle::top(rows, request.top.unwrap_or(usize::MAX))
}

fn exercise(bytes: &mut Unstructured<'_>) -> Result<()> {
    let batches = batches(bytes)?;
    let (request, shares) = (request(bytes)?, bytes.int_in_range(1..=3)?);
    let pause = *bytes.choose(&[1, 2, 5, 1000])?;
    let Ok(mut builder) = IndexBuilder::try_new(&batches[0].schema(), ColumnNames::default()) else {
        return Ok(());
    };
    let mut sibling = builder.sibling();
    let mut all_well = true;
    for (number, batch) in batches.iter().enumerate() {
        let builder = if number % 2 == 0 { &mut builder } else { &mut sibling };
        all_well &= builder.push(batch).is_ok();
    }
    builder.merge(sibling);
    let Ok(index) = builder.finish() else { return Ok(()) };
    let Ok(plan) = SweepPlan::try_new(Arc::clone(index.answers()), &request) else { return Ok(()) };
    let mut found = sweep_plan(&Arc::new(plan), &request, shares, pause);
    for row in &found {
        assert!(row.r.is_none_or(|r| (-1.0..=1.0).contains(&r)), "{row:?}");
        assert!(row.n >= 0 && row.questions.len() == request.k && row.questions.is_sorted(), "{row:?}");
    }
    let subsets: BTreeSet<&Vec<u32>> = found.iter().map(|row| &row.questions).collect();
    assert_eq!(subsets.len(), found.len(), "every subset once");
    // The oracle computes with 128 bits, takes every question to be answered, and knows no
    // order of bounds that are no numbers.
    let whole = |batch: &RecordBatch| {
        let scores = batch.column(2);
        scores.as_primitive_opt::<Int64Type>().is_some_and(|scores| {
            scores.null_count() == 0 && scores.values().iter().all(|score| score.unsigned_abs() < 1 << 40)
        })
    };
    if all_well && batches.iter().all(whole) && !request.bounds.r.iter().any(|bound| bound.is_nan()) {
        let expected = defined(&index, &batches, &request);
        if request.top.is_none() {
            found = oracle::top(found, usize::MAX);
        }
        assert_eq!(found, expected, "{request:?}");
    }
    Ok(())
}

/// Runs what the bytes are made into.
///
/// # Panics
/// The index or the sweep did, or found something else than the definition.
#[allow(unreachable_pub, reason = "public in the fuzz crate")]
pub fn run(data: &[u8]) {
    // Bytes that end too soon make no case.
    let _ = exercise(&mut Unstructured::new(data));
}
