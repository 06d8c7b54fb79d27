//! What one query tells while it runs.

use std::ffi::CString;
use std::sync::Arc;

use datafusion::execution::SessionState;
use pyo3::exceptions::PyUserWarning;
use pyo3::prelude::*;

use crate::sweep::{SetCount, SweepProgress};
use crate::udtf::{NO_ROWS, Notices};

/// What one query tells: how far it is, and what else there is to say of it. Queries of one
/// session run side by side and within each other, so each has its own.
#[derive(Clone, Default)]
pub(super) struct Told {
    progress: Arc<SweepProgress>,
    notices: Arc<Notices>,
}

/// What is added to the notice of an input without rows.
const READ_ONCE: &str =
    "; a reader can be read once only: make another, or keep its rows, as pyarrow's read_all() does";

impl Told {
    /// The state in which a query tells it.
    pub(super) fn in_state(&self, mut state: SessionState) -> SessionState {
        state.config_mut().set_extension(Arc::clone(&self.progress));
        state.config_mut().set_extension(Arc::clone(&self.notices));
        state
    }

    /// Warns of what there is to say, and calls a watcher, if there is one, with the number of subsets
    /// done and of those expected.
    ///
    /// # Errors
    /// What the watcher raises; the warnings, where warnings are errors.
    pub(super) fn to(&self, py: Python<'_>, watcher: Option<&Py<PyAny>>) -> PyResult<()> {
        self.warn(py)?;
        let Some(watcher) = watcher else { return Ok(()) };
        let done = self.progress.done();
        match self.progress.expected() {
            SetCount::Exactly(expected) => watcher.call1(py, (done, expected)).map(drop),
            expected => watcher.call1(py, (done, expected.about())).map(drop),
        }
    }

    /// Warns of what a query has to say beside its rows.
    ///
    /// # Errors
    /// The warnings, where warnings are errors.
    pub(super) fn warn(&self, py: Python<'_>) -> PyResult<()> {
        self.notices.take().iter().try_for_each(|notice| match notice.as_str() {
            NO_ROWS => warn(py, &format!("{notice}{READ_ONCE}")),
            other => warn(py, other),
        })
    }
}

/// Warns that what is registered is empty.
///
/// # Errors
/// The warning, where warnings are errors.
pub(super) fn warn_of_empty(py: Python<'_>, name: &str) -> PyResult<()> {
    warn(py, &format!("k_corrset: table '{name}' has no rows{READ_ONCE}"))
}

/// A warning about the line that calls the function of Python that calls this library.
fn warn(py: Python<'_>, text: &str) -> PyResult<()> {
    const CALLER: i32 = 2;
    let text = CString::new(text.replace('\0', " ")).unwrap_or_default();
    PyErr::warn(py, &py.get_type::<PyUserWarning>(), &text, CALLER)
}
