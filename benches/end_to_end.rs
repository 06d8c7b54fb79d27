//! Whole SQL queries over a Parquet file with UUIDs for users and questions.
//!
//! The file is written to a temporary folder first. Every answer is compared with what
//! plain SQL has to say of the same questions.
//! `cargo bench --features cli --bench end_to_end`

mod exam;

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Float64Type, Int64Type};
use arrow::util::display::array_value_to_string;
use criterion::{Criterion, criterion_group, criterion_main};
use datafusion::dataframe::DataFrameWriteOptions;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use datafusion_k_corrset::register_all;
use exam::LARGE;
use tokio::runtime::Runtime;

/// A name as long as those of the articles' data, in no order.
fn uuid(role: u64, number: u32) -> String {
    // Steele, Lea and Flood's splitmix64.
    let mix = |mut z: u64| {
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    };
    let high = mix(role << 32 | u64::from(number));
    let low = mix(high);
    let [group2, group3, group4] = [high >> 16 & 0xffff, high & 0xffff, low >> 48];
    format!("{:08x}-{group2:04x}-{group3:04x}-{group4:04x}-{:012x}", high >> 32, low & 0xffff_ffff_ffff)
}

async fn write(path: &str) {
    let rows = exam::answers(LARGE);
    let names = |role, numbers: &mut dyn Iterator<Item = u32>| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(numbers.map(|number| uuid(role, number))))
    };
    let batch = RecordBatch::try_from_iter([
        ("user", names(1, &mut rows.iter().map(|row| row.0))),
        ("question", names(2, &mut rows.iter().map(|row| row.1))),
        ("score", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.2)))),
    ]);
    let session = SessionContext::new();
    let table = session.read_batch(batch.unwrap()).unwrap();
    table.write_parquet(path, DataFrameWriteOptions::new(), None).await.unwrap();
}

async fn run(session: &SessionContext, sql: &str) -> Vec<RecordBatch> {
    session.sql(sql).await.unwrap().collect().await.unwrap()
}

/// Checks rows of (questions, r, n) against a self-join.
async fn check(session: &SessionContext, rows: &[RecordBatch]) {
    for batch in rows {
        for row in 0..batch.num_rows() {
            let questions = batch.column(0).as_list::<i32>().value(row);
            let names = (0..questions.len())
                .map(|place| format!("'{}'", array_value_to_string(&questions, place).unwrap()));
            let names: Vec<String> = names.collect();
            let sql = format!(
                "SELECT corr(a, b), count(*) FROM \
                 (SELECT \"user\", sum(score) AS a FROM scores WHERE question IN ({}) \
                  GROUP BY \"user\" HAVING count(*) = {}) x \
                 JOIN (SELECT \"user\", sum(score) AS b FROM scores GROUP BY \"user\") y USING (\"user\")",
                names.join(", "),
                names.len()
            );
            let expected = run(session, &sql).await;
            let expected_r = expected[0].column(0).as_primitive::<Float64Type>().value(0);
            let expected_n = expected[0].column(1).as_primitive::<Int64Type>().value(0);
            let r = batch.column(1).as_primitive::<Float64Type>().value(row);
            assert!((r - expected_r).abs() < 1e-12, "{r} should be {expected_r}");
            assert_eq!(batch.column(2).as_primitive::<Int64Type>().value(row), expected_n);
        }
    }
}

fn bench(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scores.parquet");
    let path = path.to_str().unwrap();
    runtime.block_on(write(path));
    let session = SessionContext::new();
    register_all(&session).unwrap();
    let registered = session.register_parquet("scores", path, ParquetReadOptions::default());
    runtime.block_on(registered).unwrap();

    let mut group = criterion.benchmark_group("end_to_end");
    group.sample_size(10);
    let subsets = |k| datafusion_k_corrset::sweep::binomial(LARGE.questions.into(), k).unwrap() as i64;
    for (name, k) in [("index, and the sets of one question", 1), ("all sets of 3", 3), ("all sets of 4", 4)]
    {
        let sql = format!("SELECT * FROM k_corrset(scores, {k}, {{'top': 10, 'min_users': 15}})");
        let best = runtime.block_on(run(&session, &sql));
        runtime.block_on(check(&session, &best));
        group.bench_function(format!("the top 10 of {name}"), |bencher| {
            bencher.iter(|| assert_eq!(runtime.block_on(run(&session, &sql)), best));
        });
        // By DataFusion's own sort: the same rows.
        let sql = format!("SELECT * FROM k_corrset(scores, {k}) WHERE n >= 15 ORDER BY r DESC LIMIT 10");
        let r = |rows: &[RecordBatch]| -> Vec<f64> {
            rows.iter()
                .flat_map(|batch| batch.column(1).as_primitive::<Float64Type>().values().to_vec())
                .collect()
        };
        if k < 4 {
            group.bench_function(format!("ORDER BY r DESC LIMIT 10 over {name}"), |bencher| {
                bencher.iter(|| assert_eq!(r(&runtime.block_on(run(&session, &sql))), r(&best)));
            });
        }
        let sql = format!("SELECT avg(r), count(*) FROM k_corrset(scores, {k})");
        let average = runtime.block_on(run(&session, &sql));
        assert_eq!(average[0].column(1).as_primitive::<Int64Type>().value(0), subsets(k as u64));
        let value = |rows: &[RecordBatch]| rows[0].column(0).as_primitive::<Float64Type>().value(0);
        group.bench_function(format!("SELECT avg(r) over {name}"), |bencher| {
            // Partial sums of doubles come in any order.
            let same = |rows: &[RecordBatch]| (value(rows) - value(&average)).abs() < 1e-12;
            bencher.iter(|| assert!(same(&runtime.block_on(run(&session, &sql)))));
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
