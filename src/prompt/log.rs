//! The log of a worker, on standard error.

use log::{LevelFilter, Log, Metadata, Record};

use crate::prompt::output::complain;

/// Writes what this crate says from `info` on, and others from `warn` on.
struct StandardError;

impl Log for StandardError {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let ours = metadata.target().starts_with(env!("CARGO_CRATE_NAME"));
        metadata.level() <= if ours { LevelFilter::Info } else { LevelFilter::Warn }
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            complain(format_args!("{} {}", record.level(), record.args()));
        }
    }

    fn flush(&self) {}
}

/// Begins to write the log.
pub(crate) fn begin() {
    // Whoever has set another logger before wants that one.
    if log::set_logger(&StandardError).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}
