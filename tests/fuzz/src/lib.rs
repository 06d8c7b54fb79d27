//! What becomes of random bytes. The targets run this with libFuzzer, and the package's own
//! tests with the corpus and with bytes at random.

pub mod batches;
pub mod sql;
