//! Waiting for a query: without the interpreter's lock, so that other threads of Python go on,
//! and with an eye on Ctrl-C.
//!
//! The query runs on the [`runtime`] and the thread that wants its result only
//! listens. So what Python calls meanwhile, a signal's handler or a watcher, may itself wait for
//! a query; and whoever stops listening leaves at once.

use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use datafusion::error::Result;
use futures::FutureExt;
use pyo3::prelude::*;
use tokio::task::JoinHandle;

use crate::python::failure::{exception, lost};
use crate::python::runtime::{self, DroppedElsewhere};
use crate::udtf::panic_error;

/// How often Python is asked whether to go on, and told how far it is: too seldom to cost
/// anything, too often for anybody to be kept waiting.
const TICK: Duration = Duration::from_millis(50);

/// The result of a query.
///
/// # Arguments
/// `look_up`: called now and then, and may end it by an exception.
///
/// # Errors
/// Those of the query, as exceptions, and whatever `look_up` or a signal's handler raises. Nothing
/// is waited for after these.
pub(super) fn wait<T: Send + 'static>(
    py: Python<'_>,
    look_up: impl Fn(Python<'_>) -> PyResult<()>,
    query: impl Future<Output = Result<T>> + Send + 'static,
) -> PyResult<T> {
    let (sender, result) = sync_channel(1);
    let query = AssertUnwindSafe(query).catch_unwind();
    // An early end leaves the rest to the runtime.
    let _query = spawn(py, async move {
        let result = query.await.unwrap_or_else(|panic| Err(panic_error(&*panic)));
        // Nobody listens after an early end.
        drop(sender.send(result));
    })?;
    let mut result = DroppedElsewhere::new(result);
    loop {
        let heard;
        (heard, result) = py.detach(move || (result.recv_timeout(TICK), result));
        match heard {
            Ok(result) => return result.map_err(exception),
            Err(RecvTimeoutError::Timeout) => {
                py.check_signals()?;
                look_up(py)?;
            }
            // This is a daemon thread, then, and those do not outlive the interpreter.
            Err(RecvTimeoutError::Disconnected) if runtime::has_ended() => py.detach(|| {
                loop {
                    thread::park();
                }
            }),
            Err(RecvTimeoutError::Disconnected) => return Err(exception(lost())),
        }
    }
}

/// Has something done on the runtime, for as long as the task is there.
///
/// # Errors
/// Those of [`runtime::handle`].
pub(super) fn spawn(py: Python<'_>, done: impl Future<Output = ()> + Send + 'static) -> PyResult<Task> {
    Ok(Task(runtime::handle(py)?.spawn(done)))
}

/// A task that ends where nobody wants it any more, at the next place where it waits.
pub(super) struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
