//! Errors as Python's exceptions, with the same texts.

use datafusion::error::DataFusionError;
use pyo3::PyErr;
use pyo3::exceptions::{PyMemoryError, PyOSError, PyRuntimeError, PyValueError};

use crate::error::KCorrsetError;

/// The exception for an error: `MemoryError` where the memory limit is reached, `OSError` where
/// a file cannot be read, `RuntimeError` where the fault is nobody's but ours, and else
/// `ValueError`.
pub(super) fn exception(error: DataFusionError) -> PyErr {
    let root = error.find_root();
    match root {
        DataFusionError::ResourcesExhausted(message) => PyMemoryError::new_err(message.clone()),
        DataFusionError::IoError(error) => PyOSError::new_err(error.to_string()),
        DataFusionError::ObjectStore(error) => PyOSError::new_err(error.to_string()),
        DataFusionError::Internal(_) => PyRuntimeError::new_err(root.to_string()),
        DataFusionError::External(error) => match error.downcast_ref() {
            Some(KCorrsetError::Worker { .. } | KCorrsetError::WorkerLost { .. }) => {
                PyRuntimeError::new_err(error.to_string())
            }
            _ => PyValueError::new_err(error.to_string()),
        },
        // Our own errors say themselves who speaks.
        DataFusionError::Plan(message) if message.starts_with("k_corrset") => {
            PyValueError::new_err(message.clone())
        }
        other => PyValueError::new_err(other.strip_backtrace()),
    }
}
