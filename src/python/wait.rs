//! Waiting for a query: without the interpreter's lock, so that other threads of Python go on,
//! and with an eye on Ctrl-C.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use datafusion::error::Result;
use pyo3::prelude::*;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::python::failure::exception;
use crate::sweep::SweepProgress;

/// How often Python is asked whether to go on, and told how far it is: too seldom to cost
/// anything, too often for anybody to be kept waiting.
const TICK: Duration = Duration::from_millis(50);

/// The result of a query.
///
/// # Arguments
/// `watcher`: called now and then with the number of subsets done and of those expected.
///
/// # Errors
/// Those of the query. Whatever a signal's handler or the watcher raises ends it: a future that
/// is dropped takes its streams along, and these stop their threads.
pub(super) fn wait<T: Send>(
    py: Python<'_>,
    runtime: &Runtime,
    progress: &SweepProgress,
    watcher: Option<&Py<PyAny>>,
    query: impl Future<Output = Result<T>> + Send,
) -> PyResult<T> {
    let look_up = || {
        Python::attach(|py| {
            py.check_signals()?;
            let report = |watcher: &Py<PyAny>| watcher.call1(py, (progress.done(), progress.expected()));
            watcher.map(report).transpose().map(drop)
        })
    };
    py.detach(|| {
        runtime.block_on(async {
            let mut query = pin!(query);
            loop {
                match timeout(TICK, &mut query).await {
                    Ok(result) => return result.map_err(exception),
                    Err(_) => look_up()?,
                }
            }
        })
    })
}
