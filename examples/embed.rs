//! The function in an application's own session: one line.
//!
//! `cargo run --release --features cli --example embed`

use datafusion::prelude::*;
use datafusion_k_corrset::register_all;

#[tokio::main]
async fn main() -> datafusion::error::Result<()> {
    let ctx = SessionContext::new();
    register_all(&ctx)?;
    ctx.register_csv("quiz", "sql/data/quiz.csv", CsvReadOptions::new()).await?;
    ctx.sql(
        "SELECT questions, r, n
         FROM   k_corrset(quiz, 2, user => 'student', question => 'item', score => 'points')
         ORDER  BY r DESC, questions
         LIMIT  5",
    )
    .await?
    .show()
    .await
}
