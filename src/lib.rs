//! `k_corrset(table, k)`: which set of k questions predicts overall performance
//! best, as a table function for [Apache DataFusion](https://datafusion.apache.org).
//!
//! The input has a row for each answer (user, question, score), or a row for each user and a column
//! for each question. For every set of k questions the function returns *r*, the Pearson
//! correlation between users' totals on the set and their grand totals, and *n*, the number of users
//! who answered every question in it.
//!
//! ```
//! use datafusion::prelude::*;
//! use datafusion_k_corrset::register_all;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> datafusion::error::Result<()> {
//! let ctx = SessionContext::new();
//! register_all(&ctx)?;
//! ctx.sql(
//!     "CREATE VIEW exam AS SELECT * FROM (VALUES
//!          ('ann', 'q1', 1), ('ann', 'q2', 1), ('ann', 'q3', 1),
//!          ('bob', 'q1', 0), ('bob', 'q2', 1), ('bob', 'q3', 0),
//!          ('cyd', 'q1', 1), ('cyd', 'q2', 0), ('cyd', 'q3', 1),
//!          ('dan', 'q1', 0), ('dan', 'q2', 0)
//!      ) AS t(\"user\", question, score)",
//! )
//! .await?;
//! let best = ctx.sql("SELECT * FROM k_corrset(exam, 2) ORDER BY r DESC, questions LIMIT 2").await?;
//! datafusion::assert_batches_eq!(
//!     [
//!         "+-----------+--------------------+---+",
//!         "| questions | r                  | n |",
//!         "+-----------+--------------------+---+",
//!         "| [q1, q2]  | 0.9486832980505138 | 4 |",
//!         "| [q1, q3]  | 0.8660254037844387 | 3 |",
//!         "+-----------+--------------------+---+",
//!     ],
//!     &best.collect().await?
//! );
//! # Ok(())
//! # }
//! ```
//!
//! DataFrames have it as a method: see [`KCorrsetExt`]. The SQL surface and the
//! exact semantics are in the README.
//!
//! # Options and settings
//!
//! Options of a call have names, in SQL as in Rust: `k_corrset(exam, 3, min_users => 30)` is
//! `exam.k_corrset_with(3, KCorrsetOptions::new().min_users(30))`.
//!
//! | option | in Rust | default |
//! |---|---|---|
//! | `user`, `question`, `score`: names of the input columns | [`user`](KCorrsetOptions::user), [`question`](KCorrsetOptions::question), [`score`](KCorrsetOptions::score) | `'user'`, `'question'`, `'score'` |
//! | `wide`: each row is a user and each column a question | [`wide`](KCorrsetOptions::wide) | `false` |
//! | `criterion`: name of a column that sets are to predict instead of the grand total | [`criterion`](KCorrsetOptions::criterion) | none |
//! | `partition_by`: columns of whose values each is a table of its own | [`partition_by`](KCorrsetOptions::partition_by) | one table |
//! | `min_users`: the least n of a set | [`min_users`](KCorrsetOptions::min_users) | 2; 0 with `undefined => 'null'`, else 4 with `r_low` or `r_high` |
//! | `top`: how many of the best sets | [`top`](KCorrsetOptions::top) | all |
//! | `sets`: instead of k, the sets to look at | [`k_corrset_sets`](KCorrsetExt::k_corrset_sets) | all sets of k |
//! | `include`, `exclude`: questions that every set must, or must not, contain | [`include`](KCorrsetOptions::include), [`exclude`](KCorrsetOptions::exclude) | none |
//! | `corrected`: correlate with the grand total minus the set's own scores | [`corrected`](KCorrsetOptions::corrected) | `false` |
//! | `statistics`: further columns, such as Cronbach's alpha and the interval of r | [`statistics`](KCorrsetOptions::statistics) | none |
//! | `undefined`: leave out sets without a defined r, or give them NULL | [`undefined`](KCorrsetOptions::undefined) | `'omit'` |
//! | `search`: the rows that were asked for or, with `top`, the best that local search finds, with `r_bound` | [`search`](KCorrsetOptions::search) | `'exact'` |
//! | `effort`, `seed`: how long local search goes on, and where it begins | [`effort`](KCorrsetOptions::effort), [`seed`](KCorrsetOptions::seed) | 1, 0 |
//!
//! `SET k_corrset.threads = 4` sets one of a session's settings: see [`KCorrsetSettings`]. None
//! changes an answer.
//!
//! # Map
//!
//! Data flows one way.
//!
//! ```text
//!   SQL ──▶ udtf: arguments → provider → plan node ──▶ index ──▶ sweep ──▶ batches
//!                 knows DataFusion                     knows      pure
//!                                                      Arrow      computation
//! ```
//!
//! * [`udtf`]: SQL and filters → request, plan node, streams; what extending DataFusion takes.
//! * [`index`]: batches → who answered what, as bits and exact numbers.
//! * [`search`]: the sets of the highest r, where nobody left anything out.
//! * [`sweep`]: all sets of k questions, by prefixes, on lanes; r from six sums.
//! * [`error`]: every failure a user can meet.
//! * `prompt`: the program `k-corrset`.
//! * `session`: what the prompt's and Python's sessions have beside the function.
//!
//! # Features
//!
//! * `cli` (off): the `k-corrset` prompt, in `prompt`.
//! * `avro` (off): the prompt reads Avro files.
//! * `cloud` (off): the prompt reads and writes stores of clouds, by the crate `datafusion-cli`.
//! * `distributed` (off): sweeps on the workers of a cluster, by the engine
//!   `datafusion-distributed`; see `with_k_corrset`. With `cli` the prompt is a worker or
//!   a coordinator of such a cluster.
//! * `python` (off): the native half of the Python package `k-corrset`, for maturin to build.

#![cfg_attr(docsrs, feature(doc_cfg))]
// A library never prints, and checks its input instead of assuming it.
#![warn(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod compensated;
pub mod error;
pub mod index;
mod interest;
#[cfg(feature = "cli")]
pub mod prompt;
#[cfg(feature = "python")]
mod python;
pub mod search;
#[cfg(any(feature = "cli", feature = "python"))]
pub mod session;
pub mod sweep;
pub mod udtf;

#[doc(inline)]
pub use error::KCorrsetError;
#[cfg(feature = "distributed")]
#[doc(inline)]
pub use udtf::with_k_corrset;
#[doc(inline)]
pub use udtf::{
    KCorrsetExt, KCorrsetOptions, KCorrsetSettings, SearchMode, SessionStateBuilderKCorrset, SetSizes,
    register_all,
};

/// Compiles the README's Rust examples.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
