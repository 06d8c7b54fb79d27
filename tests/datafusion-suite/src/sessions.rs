//! All parts of fresh sessions before and after the function is registered.

use std::path::Path;

use datafusion_k_corrset::register_all;
use datafusion_sqllogictest::TestContext;

use crate::session_parts::parts;

/// Fresh sessions of each kind, as what goes wrong may go wrong by chance.
const SESSIONS: usize = 100;

/// The suite makes plain sessions for files, and sessions with Spark's functions and dialect for
/// those below `spark`.
const KINDS: [(&str, &str); 2] = [("plain", "select.slt"), ("Spark's", "spark/select.slt")];

/// Compares functions, rules, settings, planners and all else that a session shows, by what they
/// are and by where they lie, before and after.
///
/// # Panics
/// Something is not what it was.
pub async fn stay_as_they_are() {
    for (kind, file) in KINDS {
        let mut compared = 0;
        for _ in 0..SESSIONS {
            let context = TestContext::try_new_for_test_file(Path::new(file)).await;
            let context = context.expect("these files need no feature");
            let ctx = context.session_ctx();
            let before = parts(&ctx.state());
            for times in ["once", "twice"] {
                register_all(ctx).expect("it has no errors");
                let after = parts(&ctx.state());
                for (part, value) in &before {
                    assert_eq!(
                        after.get(part),
                        Some(value),
                        "{part} of a session, {kind}, registered {times}"
                    );
                }
                assert_eq!(after, before, "parts of a session, {kind}, registered {times}");
            }
            compared = before.len();
        }
        println!("{SESSIONS} sessions, {kind}: none of their {compared} parts has changed");
    }
}
