//! Panics as errors.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use datafusion::error::{DataFusionError, Result};

use crate::error::KCorrsetError;

/// Runs a computation; a panic in it becomes an error.
pub(crate) fn caught<T>(compute: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(compute)).unwrap_or_else(|panic| Err(panic_error(&*panic)))
}

/// What a panic says.
pub(crate) fn panic_error(panic: &(dyn Any + Send)) -> DataFusionError {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    worker_error(text.unwrap_or("a panic without a message"))
}

/// An error that is a fault of this crate.
pub(crate) fn worker_error(message: &str) -> DataFusionError {
    KCorrsetError::Worker { message: message.to_string() }.into()
}
