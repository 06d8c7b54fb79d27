//! The function as a method of DataFrames, with typed options; no SQL.
//!
//! `cargo run --release --features cli --example dataframe`

use datafusion::prelude::*;
use datafusion_k_corrset::{KCorrsetExt, KCorrsetOptions};

#[tokio::main]
async fn main() -> datafusion::error::Result<()> {
    let ctx = SessionContext::new();
    let quiz = ctx.read_csv("sql/data/quiz.csv", CsvReadOptions::new()).await?;
    // Passed or not, instead of points from 0 to 10.
    let passed = quiz.with_column("passed", col("points").gt_eq(lit(3)))?;

    let options = KCorrsetOptions::new()
        .user("student")
        .question("item")
        .score("passed")
        .include([40i64])
        .min_users(20)
        .corrected(true);
    let sets = passed.k_corrset_with(3, options)?;
    sets.sort(vec![col("r").sort(false, false), col("questions").sort(true, true)])?
        .limit(0, Some(5))?
        .show()
        .await
}
