//! Wide tables, of which each row is a user and each column a question.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Float64Array, Int64Array, NullArray,
    RecordBatch, StringArray, UInt32Array,
};
use arrow::compute::{cast, concat, take};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::util::display::array_value_to_string;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::TableReference;
use datafusion::datasource::MemTable;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_k_corrset::error::{LONGEST_TEXT, REMEDY_INDENT};
use datafusion_k_corrset::index::{AnswerIndex, ColumnNames, IndexBuilder, InputLayout};
use datafusion_k_corrset::sweep::{SweepRequest, Undefined};
use datafusion_k_corrset::{KCorrsetExt, KCorrsetOptions, register_all};
use proptest::prelude::*;

use crate::support::config;
use crate::support::drive::{by_name, sweep};
use crate::support::exam::batch;
use crate::support::random::Random;

/// Users, and for each question its name and their scores, which may be NULL.
#[derive(Debug, Clone)]
struct Exam {
    users: Vec<String>,
    questions: Vec<(String, ArrayRef)>,
}

impl Exam {
    /// Random scores of the types, in an order of columns that is not that of their names. One
    /// user in ten answers nothing.
    fn random(users: usize, types: &[DataType], density: f64, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let absent: Vec<bool> = (0..users).map(|_| random.below(10) == 0).collect();
        let mut question = |(place, data_type): (usize, &DataType)| {
            let number = (place * 7 + 3) % types.len();
            let score = |user: usize| {
                let score = score(data_type, &mut random);
                (!absent[user] && random.share() < density).then_some(score)
            };
            let scores: Vec<Option<f64>> = (0..users).map(score).collect();
            (format!("q{number}_{place}"), of_type(scores, data_type))
        };
        Self {
            users: (0..users).map(|user| format!("u{}", (user * 7919) % 1000)).collect(),
            questions: types.iter().enumerate().map(&mut question).collect(),
        }
    }

    /// The exam as a wide batch.
    fn wide(&self, named: bool) -> RecordBatch {
        let users = Arc::new(StringArray::from_iter_values(&self.users)) as ArrayRef;
        let mut columns: Vec<(&str, ArrayRef)> =
            self.questions.iter().map(|(name, scores)| (name.as_str(), Arc::clone(scores))).collect();
        if named {
            columns.insert(columns.len() / 2, ("user", users));
        }
        RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(name, column)| (name, column, true)),
        )
        .unwrap()
    }

    /// The exam as a long batch: a row for each cell, whose score has a type that holds them all.
    fn long(&self) -> RecordBatch {
        let common = common_type(self.questions.iter().map(|(_, scores)| scores.data_type()));
        // Arrow casts booleans to numbers, but not to decimals.
        let number = |scores: &ArrayRef| match scores.data_type() {
            DataType::Boolean => cast(scores, &DataType::Int8).unwrap(),
            _ => Arc::clone(scores),
        };
        let scores = self.questions.iter().map(|(_, scores)| cast(&number(scores), &common).unwrap());
        let scores: Vec<ArrayRef> = scores.collect();
        let scores = concat(&scores.iter().map(AsRef::as_ref).collect::<Vec<_>>()).unwrap();
        let users: Vec<&String> = self.questions.iter().flat_map(|_| &self.users).collect();
        let questions = self.questions.iter().flat_map(|(name, _)| self.users.iter().map(move |_| name));
        let questions: Vec<&String> = questions.collect();
        batch(
            Arc::new(StringArray::from_iter_values(users)),
            Arc::new(StringArray::from_iter_values(questions)),
            scores,
        )
    }
}

/// A score that the type holds.
fn score(data_type: &DataType, random: &mut Random) -> f64 {
    match data_type {
        DataType::Boolean | DataType::UInt8 => random.below(2) as f64,
        DataType::Dictionary(_, _) => random.below(4) as f64,
        // Tenths and thirds.
        DataType::Float64 => random.below(40) as f64 / 10.0,
        DataType::Float32 if random.below(2) == 0 => random.below(9) as f64 / 3.0,
        DataType::Float16 | DataType::Float32 => random.below(9) as f64 / 4.0,
        _ => random.below(9) as f64 - 4.0,
    }
}

fn of_type(scores: Vec<Option<f64>>, data_type: &DataType) -> ArrayRef {
    match data_type {
        DataType::Null => Arc::new(NullArray::new(scores.len())),
        DataType::Boolean => {
            Arc::new(scores.into_iter().map(|score| score.map(|score| score > 0.0)).collect::<BooleanArray>())
        }
        _ => cast(&(Arc::new(Float64Array::from(scores)) as ArrayRef), data_type).unwrap(),
    }
}

/// A type that holds the scores of all these.
fn common_type<'a>(types: impl Iterator<Item = &'a DataType>) -> DataType {
    let types: Vec<DataType> = types
        .filter(|data_type| !data_type.is_null())
        .map(|data_type| match data_type {
            DataType::Dictionary(_, values) => values.as_ref().clone(),
            other => other.clone(),
        })
        .collect();
    let floats = types.iter().filter(|data_type| data_type.is_floating()).count();
    let widest = || types.iter().max_by_key(|data_type| data_type.primitive_width());
    match floats {
        0 => {
            let scale = |data_type: &DataType| match data_type {
                DataType::Decimal32(_, scale)
                | DataType::Decimal64(_, scale)
                | DataType::Decimal128(_, scale)
                | DataType::Decimal256(_, scale) => *scale,
                _ => 0,
            };
            DataType::Decimal256(76, types.iter().map(scale).max().unwrap_or(0).max(0))
        }
        floats if floats == types.len() => widest().unwrap().clone(),
        _ => DataType::Float64,
    }
}

/// Types that one table may have side by side.
fn palettes() -> Vec<Vec<DataType>> {
    let dictionary = |values| DataType::Dictionary(Box::new(DataType::Int8), Box::new(values));
    vec![
        vec![DataType::Boolean],
        vec![DataType::UInt8, DataType::Boolean, DataType::Null],
        vec![
            DataType::Boolean,
            DataType::Int8,
            DataType::Int64,
            DataType::UInt8,
            dictionary(DataType::Int32),
        ],
        vec![DataType::Decimal128(10, 2), DataType::Int32, DataType::Decimal64(12, 5), DataType::Null],
        vec![DataType::Decimal256(60, 3), DataType::Decimal32(5, 0), DataType::Boolean],
        vec![DataType::Float64],
        vec![DataType::Float64, DataType::Int16, DataType::Boolean, DataType::Decimal128(9, 1)],
        vec![DataType::Float32],
        vec![DataType::Float32, DataType::Int64, DataType::Null],
        vec![DataType::Float16],
        vec![DataType::Float16, DataType::Float64, DataType::Float32, dictionary(DataType::Float64)],
    ]
}

fn any_exam() -> impl Strategy<Value = Exam> {
    let types = proptest::sample::select(palettes())
        .prop_flat_map(|palette| proptest::collection::vec(proptest::sample::select(palette), 1..8));
    let density = prop_oneof![Just(1.0), 0.0f64..1.0];
    (1usize..60, types, density, any::<u64>())
        .prop_map(|(users, types, density, seed)| Exam::random(users, &types, density, seed))
}

/// Rows of a batch, in that order.
fn rows(batch: &RecordBatch, places: &[u32]) -> RecordBatch {
    let places = UInt32Array::from(places.to_vec());
    let columns = batch.columns().iter().map(|column| take(column, &places, None).unwrap());
    RecordBatch::try_new(batch.schema(), columns.collect()).unwrap()
}

/// The index of a batch whose rows come in another order and in pieces, from three partitions.
fn index(batch: &RecordBatch, layout: InputLayout, random: &mut Random, size: usize) -> AnswerIndex {
    let mut places: Vec<u32> = (0..batch.num_rows() as u32).collect();
    for place in (1..places.len()).rev() {
        places.swap(place, random.below(place + 1));
    }
    let mut builder = IndexBuilder::try_new(&batch.schema(), layout).unwrap();
    let mut siblings = [builder.sibling(), builder.sibling()];
    for piece in places.chunks(size) {
        let [second, third] = &mut siblings;
        [&mut builder, second, third][random.below(3)].push(&rows(batch, piece)).unwrap();
    }
    siblings.into_iter().for_each(|sibling| builder.merge(sibling));
    builder.finish().unwrap()
}

fn named() -> InputLayout {
    InputLayout::Wide { user: Some("user".to_string()) }
}

const NAMELESS: InputLayout = InputLayout::Wide { user: None };

/// All that an index is, bit for bit.
fn parts(index: &AnswerIndex) -> (Vec<String>, String, bool) {
    let questions = index.questions();
    let questions = (0..questions.len()).map(|place| array_value_to_string(questions, place).unwrap());
    (questions.collect(), format!("{:?}", index.answers()), index.floats_as_decimals())
}

proptest! {
    #![proptest_config(config(600))]

    #[test]
    fn both_layouts_of_the_same_answers_are_one_index(exam in any_exam(), size in 1usize..40, seed in any::<u64>()) {
        let mut random = Random::new(seed);
        let long = index(&exam.long(), ColumnNames::default().into(), &mut random, 4 * size);
        let wide = index(&exam.wide(true), named(), &mut random, size);
        prop_assert_eq!(parts(&wide), parts(&long));
    }

    #[test]
    fn users_without_names_may_come_in_any_order(exam in any_exam(), sizes in (1usize..40, 1usize..40), seed in any::<u64>()) {
        let mut random = Random::new(seed);
        let [one, other] = [sizes.0, sizes.1].map(|size| {
            let index = index(&exam.wide(false), NAMELESS, &mut random, size);
            let request = SweepRequest { k: 2, undefined: Undefined::Null, ..SweepRequest::default() };
            let rows = by_name(&index, &sweep(&index, &request, 2, 64));
            rows.into_iter().map(|(set, (r, n))| (set, r.map(f64::to_bits), n)).collect::<Vec<_>>()
        });
        prop_assert_eq!(&one, &other);
        // Named users have the same answers; where sums of floats are rounded, but for that.
        let long = index(&exam.long(), ColumnNames::default().into(), &mut random, sizes.0);
        let request = SweepRequest { k: 2, undefined: Undefined::Null, ..SweepRequest::default() };
        let long = by_name(&long, &sweep(&long, &request, 1, 64));
        prop_assert_eq!(one.len(), long.len());
        for ((set, r, n), (named, (expected, users))) in one.into_iter().zip(long) {
            prop_assert_eq!((&set, n), (&named, users));
            prop_assert_eq!(r.is_some(), expected.is_some());
            let difference = r.map_or(0.0, f64::from_bits) - expected.unwrap_or(0.0);
            prop_assert!(difference.abs() < 1e-12, "{:?} is {} off", set, difference);
        }
    }
}

#[test]
fn a_user_may_have_rows_for_different_questions() {
    let halves = RecordBatch::try_from_iter([
        ("user", Arc::new(Int64Array::from(vec![1, 2, 1, 3])) as ArrayRef),
        ("a", Arc::new(Int64Array::from(vec![Some(1), Some(0), None, Some(3)]))),
        ("b", Arc::new(Int64Array::from(vec![None, Some(2), Some(4), Some(4)]))),
    ]);
    let whole = RecordBatch::try_from_iter([
        ("user", Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef),
        ("a", Arc::new(Int64Array::from(vec![1, 0, 3]))),
        ("b", Arc::new(Int64Array::from(vec![4, 2, 4]))),
    ]);
    let parts = [halves, whole].map(|batch| parts(&index(&batch.unwrap(), named(), &mut Random::new(1), 1)));
    assert_eq!(parts[0], parts[1]);
}

/// Integers of 64 bits keep all of them beside decimals, and doubles beside integers lose none
/// that the CAST to DOUBLE keeps.
#[test]
fn scores_of_several_types_are_exact() {
    let large = [i64::MAX, i64::MAX - 1, 0, 5];
    let exam = Exam {
        users: ["a", "b", "c", "d"].map(str::to_string).to_vec(),
        questions: vec![
            ("large".to_string(), Arc::new(Int64Array::from(large.to_vec()))),
            (
                "small".to_string(),
                of_type(vec![Some(0.5), Some(-1.25), None, Some(3.0)], &DataType::Decimal64(9, 2)),
            ),
        ],
    };
    let mut random = Random::new(2);
    let wide = index(&exam.wide(true), named(), &mut random, 2);
    let long = index(&exam.long(), ColumnNames::default().into(), &mut random, 3);
    assert_eq!(parts(&wide), parts(&long));
    assert_eq!(wide.answers().score_class(), "wide integer");
}

#[test]
fn digits_that_do_not_fit_are_an_error() {
    let exam = Exam {
        users: vec!["a".to_string()],
        questions: vec![
            ("large".to_string(), Arc::new(Int64Array::from(vec![i64::MAX]))),
            ("fine".to_string(), of_type(vec![None], &DataType::Decimal256(76, 40))),
        ],
    };
    let batch = exam.wide(false);
    let mut builder = IndexBuilder::try_new(&batch.schema(), NAMELESS).unwrap();
    let error = builder.push(&batch).unwrap_err().to_string();
    assert!(
        error.contains("the values of 'large' spread over so many digits that their sums do not fit"),
        "{error}"
    );
}

#[test]
fn an_index_of_pandas_without_a_name_is_no_question() {
    let batch = RecordBatch::try_from_iter([
        ("q1", Arc::new(Int64Array::from(vec![1, 0, 1])) as ArrayRef),
        ("__index_level_0__", Arc::new(Int64Array::from(vec![7, 8, 12]))),
    ]);
    let index = index(&batch.unwrap(), NAMELESS, &mut Random::new(1), 2);
    assert_eq!(index.questions().as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["q1"]);
}

#[test]
fn a_batch_of_other_columns_is_refused() {
    let exam = Exam::random(3, &[DataType::Int64, DataType::Float64], 1.0, 1);
    let other = Exam::random(3, &[DataType::Int64, DataType::Int64], 1.0, 1);
    let mut builder = IndexBuilder::try_new(&exam.wide(true).schema(), named()).unwrap();
    let error = builder.push(&other.wide(true)).unwrap_err().to_string();
    assert!(error.contains("a batch of the input has the columns"), "{error}");
}

/// A session with a table in some partitions.
fn session(name: &str, batch: &RecordBatch, partitions: usize) -> SessionContext {
    let ctx = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    register_all(&ctx).unwrap();
    register(&ctx, name, batch, partitions);
    ctx
}

fn register(ctx: &SessionContext, name: &str, batch: &RecordBatch, partitions: usize) {
    let mut parts = vec![Vec::new(); partitions];
    for (number, row) in (0..batch.num_rows()).step_by(5).enumerate() {
        parts[number % partitions].push(batch.slice(row, 5.min(batch.num_rows() - row)));
    }
    let table = MemTable::try_new(batch.schema(), parts).unwrap();
    ctx.register_table(TableReference::bare(name), Arc::new(table)).unwrap();
}

async fn lines(ctx: &SessionContext, sql: &str) -> Vec<String> {
    let batches =
        ctx.sql(sql).await.unwrap().collect().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let line = |batch: &RecordBatch, row| {
        let cells = batch.columns().iter().map(|column| match column.data_type() {
            // With all its bits.
            DataType::Float64 => format!("{:?}", column.slice(row, 1)),
            _ => array_value_to_string(column, row).unwrap(),
        });
        cells.collect::<Vec<_>>().join(" ")
    };
    batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| line(batch, row))).collect()
}

async fn error(ctx: &SessionContext, sql: &str) -> String {
    let rows = async { ctx.sql(sql).await?.collect().await };
    rows.await.expect_err(sql).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_of_both_layouts_have_the_same_rows() {
    for (seed, palette) in palettes().into_iter().enumerate() {
        let types: Vec<DataType> = palette.iter().cycle().take(7).cloned().collect();
        let exam = Exam::random(60, &types, 0.7, seed as u64);
        let ctx = session("wide", &exam.wide(true), 1 + seed % 3);
        register(&ctx, "long", &exam.long(), 2);
        let question = &exam.questions[2].0;
        for options in [
            "3",
            "2, top => 5",
            "2, undefined => 'null'",
            "3, corrected => true, min_users => 4",
            &format!("2, include => '{question}'"),
            &format!("2, exclude => ['{question}']"),
        ] {
            for rest in [
                "ORDER BY questions",
                "WHERE n > 10 ORDER BY questions",
                "ORDER BY r DESC, questions LIMIT 4",
            ] {
                let long = lines(&ctx, &format!("SELECT * FROM k_corrset(long, {options}) {rest}")).await;
                let wide = format!("SELECT * FROM k_corrset(wide, {options}, wide => true) {rest}");
                assert_eq!(lines(&ctx, &wide).await, long, "{palette:?}: {options} {rest}");
            }
        }
        let options = KCorrsetOptions::new().wide(true).user("user").top(4);
        let frame = ctx.table("wide").await.unwrap().k_corrset_with(2, options).unwrap();
        let top = frame.collect().await.unwrap().iter().map(RecordBatch::num_rows).sum::<usize>();
        assert_eq!(top, lines(&ctx, "SELECT * FROM k_corrset(long, 2, top => 4)").await.len());
    }
}

/// A table that comes as one stream, of one batch.
#[derive(Debug)]
struct OneBatch(RecordBatch);

impl PartitionStream for OneBatch {
    fn schema(&self) -> &SchemaRef {
        self.0.schema_ref()
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let batch = futures::stream::iter([Ok(self.0.clone())]);
        Box::pin(RecordBatchStreamAdapter::new(self.0.schema(), batch))
    }
}

/// A session of some threads with such a table.
fn with_one_batch(batch: &RecordBatch, threads: usize, batch_size: usize) -> SessionContext {
    let config = SessionConfig::new().with_target_partitions(threads).with_batch_size(batch_size);
    let ctx = SessionContext::new_with_config(config);
    register_all(&ctx).unwrap();
    let table = StreamingTable::try_new(batch.schema(), vec![Arc::new(OneBatch(batch.clone()))]).unwrap();
    ctx.register_table("wide", Arc::new(table)).unwrap();
    ctx
}

#[tokio::test]
async fn threads_and_slices_change_nothing_for_users_without_names() {
    for data_type in [DataType::Float32, DataType::Int64, DataType::Boolean] {
        let batch = Exam::random(400, &vec![data_type.clone(); 8], 0.8, 1).wide(false);
        for query in [
            "SELECT * FROM k_corrset(wide, 3, wide => true) ORDER BY questions",
            "SELECT * FROM k_corrset(wide, 4, wide => true, top => 5, search => 'heuristic')",
        ] {
            let expected = lines(&with_one_batch(&batch, 1, 8192), query).await;
            assert!(expected.len() >= 5);
            let reversed = rows(&batch, &(0..400).rev().collect::<Vec<u32>>());
            for (batch, threads, batch_size) in
                [(&batch, 2, 8192), (&batch, 3, 100), (&reversed, 8, 33), (&reversed, 40, 7)]
            {
                let found = lines(&with_one_batch(batch, threads, batch_size), query).await;
                assert_eq!(found, expected, "{data_type}, {threads} threads, batches of {batch_size}");
            }
        }
    }
}

#[tokio::test]
async fn which_of_several_faults_is_named_does_not_depend_on_time() {
    let error_of = async |questions: Vec<(&str, ArrayRef)>| {
        let ctx = with_one_batch(&RecordBatch::try_from_iter(questions).unwrap(), 4, 64);
        let mut errors = HashSet::new();
        for _ in 0..30 {
            errors.insert(error(&ctx, "SELECT * FROM k_corrset(wide, 2, wide => true)").await);
        }
        assert_eq!(errors.len(), 1, "{errors:?}");
        errors.into_iter().next().unwrap()
    };
    // Each slice has faults in one question, and the next in another.
    let in_slice = |user: usize, question: usize| user / 64 % 3 == question;
    let questions = |scores: &dyn Fn(usize) -> ArrayRef| {
        ["q0", "q1", "q2"].into_iter().zip([0, 1, 2].map(scores)).collect::<Vec<_>>()
    };
    let not_a_number = questions(&|question| {
        let score = |user| if in_slice(user, question) { f64::NAN } else { (user % 3) as f64 };
        Arc::new(Float64Array::from_iter_values((0..2000).map(score)))
    });
    let found = error_of(not_a_number).await;
    assert!(found.contains("q0"), "{found}");
    // Such scores are no numbers of 128 bits together with decimals of 38 digits after the point.
    let too_wide = questions(&|question| {
        let score = |user| if in_slice(user, question) { 10i128.pow(37) } else { 1 };
        let scale = if question == 2 { 30 } else { 0 };
        let scores = Decimal128Array::from_iter_values((0..2000).map(score));
        Arc::new(scores.with_precision_and_scale(38, scale).unwrap())
    });
    let found = error_of(too_wide).await;
    assert!(found.contains("q0"), "{found}");
}

/// What an error says to write, in order.
fn proposals(error: &str) -> Vec<&str> {
    error.lines().filter_map(|line| line.strip_prefix(REMEDY_INDENT)).collect()
}

fn columns(ctx: &SessionContext, name: &str, columns: Vec<(String, ArrayRef)>) {
    let fields = columns.iter().map(|(name, column)| Field::new(name, column.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let batch =
        RecordBatch::try_new(schema, columns.into_iter().map(|(_, column)| column).collect()).unwrap();
    register(ctx, name, &batch, 1);
}

#[tokio::test]
async fn columns_that_are_no_scores_are_named_in_a_query_that_works() {
    let scores = |first: i64| Arc::new(Int64Array::from(vec![first, 1, 0, 2])) as ArrayRef;
    let text = || Arc::new(StringArray::from(vec!["x", "NA", "3", "4"])) as ArrayRef;
    let ctx = session("unused", &Exam::random(1, &[DataType::Int64], 1.0, 0).wide(true), 1);
    let odd = ["Group", "a\"b", "select", "with blank", "ümlaut", "semi;colon", "it's"];
    let mut few: Vec<(String, ArrayRef)> = odd.iter().map(|name| (name.to_string(), text())).collect();
    few.push(("q1".to_string(), scores(3)));
    few.push(("Q \"2\"".to_string(), scores(5)));
    columns(&ctx, "Few", few);
    // More columns that are no scores than a text can list, and then more of both kinds.
    let many = |number: usize, name: &str, of: &dyn Fn() -> ArrayRef| -> Vec<(String, ArrayRef)> {
        (0..number).map(|place| (format!("{name}_{place}"), of())).collect()
    };
    columns(&ctx, "many", [many(500, "note", &text), many(3, "q", &|| scores(1))].concat());
    columns(&ctx, "more", [many(500, "note", &text), many(500, "q", &|| scores(1))].concat());

    for (table, name) in
        [("\"Few\"", "\"Few\""), ("many", "\"many\""), ("(SELECT * FROM many)", "(SELECT * FROM many)")]
    {
        let text = error(&ctx, &format!("SELECT * FROM k_corrset({table}, 1, wide => true)")).await;
        assert!(text.len() <= LONGEST_TEXT, "{} bytes: {text}", text.len());
        let table = proposals(&text)[0];
        assert!(table.ends_with(&format!(" FROM {name})")), "{text}");
        let rows = lines(&ctx, &format!("SELECT * FROM k_corrset({table}, 1, wide => true)")).await;
        assert_eq!(rows.len(), if name == "\"Few\"" { 2 } else { 3 }, "{text}");
    }
    let text = error(&ctx, "SELECT * FROM k_corrset(more, 1, wide => true)").await;
    assert!(text.len() <= LONGEST_TEXT, "{} bytes: {text}", text.len());
    assert!(text.contains("and 497 more are not; leave columns that are no questions out of"), "{text}");

    // Text that is numbers, some of them.
    let text =
        error(&ctx, "SELECT * FROM k_corrset((SELECT note_0, note_1 FROM many), 1, wide => true)").await;
    let [user, replaced] = proposals(&text)[..] else { panic!("nothing would be left: {text}") };
    assert_eq!(user, "user => 'note_0'");
    let sql = format!("SELECT n FROM k_corrset({replaced}, 1, wide => true, undefined => 'null')");
    assert_eq!(lines(&ctx, &sql).await, ["2", "2"]);
}

#[tokio::test]
async fn errors_of_long_names_are_short() {
    let names = |number: usize| (0..number).map(move |place| format!("{place}{}", "ü\"".repeat(2000)));
    let text = || Arc::new(StringArray::from(vec!["x"])) as ArrayRef;
    let ctx = session("unused", &Exam::random(1, &[DataType::Int64], 1.0, 0).wide(true), 1);
    columns(&ctx, "long_names", names(20).map(|name| (name, text())).collect());
    for options in ["", ", wide => true"] {
        let text = error(&ctx, &format!("SELECT * FROM k_corrset(long_names, 1{options})")).await;
        assert!(text.len() <= LONGEST_TEXT, "{} bytes: {text}", text.len());
    }
    let users = Arc::new(StringArray::from(vec!["u".repeat(3000), "u".repeat(3000)])) as ArrayRef;
    let twice = vec![
        ("u".repeat(3000), users),
        ("q".repeat(3000), Arc::new(Int64Array::from(vec![1, 1])) as ArrayRef),
    ];
    columns(&ctx, "twice", twice);
    let sql = format!("SELECT * FROM k_corrset(twice, 1, wide => true, \"user\" => '{}')", "u".repeat(3000));
    let text = error(&ctx, &sql).await;
    assert!(
        text.len() <= LONGEST_TEXT && text.contains("in more than one row"),
        "{} bytes: {text}",
        text.len()
    );
}
