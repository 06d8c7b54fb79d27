//! What tests share: exams, what the definition says of them, a sweep without SQL, and
//! the source itself.

pub(crate) mod drive;
pub(crate) mod exam;
pub(crate) mod oracle;
#[cfg(all(feature = "cli", feature = "distributed", target_os = "linux"))]
pub(crate) mod processes;
pub(crate) mod random;
pub(crate) mod source;

use proptest::test_runner::{Config, FileFailurePersistence};

/// How many random cases to try: `usual`, unless the environment variable `PROPTEST_CASES`
/// says otherwise. `PROPTEST_RNG_SEED` repeats a run of property tests.
pub(crate) fn cases(usual: u32) -> u32 {
    let number = std::env::var("PROPTEST_CASES").ok().and_then(|number| number.parse().ok());
    number.unwrap_or(usual)
}

/// Property tests that try [`cases`] random cases, and first those that once failed, which are
/// kept beside the test.
pub(crate) fn config(usual: u32) -> Config {
    let beside = FileFailurePersistence::WithSource("regressions");
    Config { failure_persistence: Some(Box::new(beside)), ..Config::with_cases(cases(usual)) }
}
