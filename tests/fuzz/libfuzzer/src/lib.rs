//! What becomes of random bytes. The targets run this with libFuzzer, and the package's own
//! tests with the corpus and with bytes at random.

#[path = "../../batches.rs"]
pub mod batches;
#[path = "../../sql.rs"]
pub mod sql;

/// What the package's tests share, without what needs their crates.
#[path = "../../../support"]
#[allow(dead_code, reason = "the package's tests use the rest")]
mod support {
    pub(crate) mod drive;
    pub(crate) mod oracle;
}
