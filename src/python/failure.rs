//! Errors as Python's exceptions, with the same texts.

use std::error::Error;
use std::fmt;

use datafusion::config::ConfigOptions;
use datafusion::error::DataFusionError;
use pyo3::exceptions::{
    PyFileNotFoundError, PyKeyboardInterrupt, PyMemoryError, PyOSError, PyPermissionError, PyRuntimeError,
    PyTypeError, PyValueError,
};
use pyo3::prelude::*;
use pyo3::{PyErr, PyTypeInfo};

use crate::error::{KCorrsetError, bounded};
use crate::session::files::FileError;
use crate::udtf::{Language, Spelling};

/// The exception for an error: the very one where Python raised it, `MemoryError` where the
/// memory limit is reached, `OSError` where a file cannot be read, `RuntimeError` where the fault
/// is nobody's but ours, and else `ValueError`.
pub(super) fn exception(error: DataFusionError) -> PyErr {
    if let Some(raised) = raised(&error) {
        return Python::attach(|py| raised.exception.clone_ref(py));
    }
    let root = error.find_root();
    match root {
        DataFusionError::ResourcesExhausted(message) => failure::<PyMemoryError>(message),
        DataFusionError::IoError(error) => failure::<PyOSError>(error),
        DataFusionError::ObjectStore(error) => failure::<PyOSError>(error),
        DataFusionError::Internal(_) => failure::<PyRuntimeError>(root),
        DataFusionError::External(error) if error.is::<FileError>() => file_exception(error.as_ref()),
        DataFusionError::External(error) => match error.downcast_ref() {
            Some(
                KCorrsetError::Worker { .. }
                | KCorrsetError::WorkerLost { .. }
                | KCorrsetError::WorkersLost { .. },
            ) => failure::<PyRuntimeError>(error),
            _ => failure::<PyValueError>(error),
        },
        // Our own errors say themselves who speaks.
        DataFusionError::Plan(message) if message.starts_with("k_corrset") => {
            failure::<PyValueError>(message)
        }
        other if says_interrupted(other) => failure::<PyKeyboardInterrupt>(""),
        other => failure::<PyValueError>(other.strip_backtrace()),
    }
}

/// An error in the words of the language that a session's calls are made in.
pub(super) fn said(error: DataFusionError, config: &ConfigOptions) -> DataFusionError {
    let spelling = Spelling::of(config);
    if spelling.language == Language::Sql {
        return error;
    }
    let file = match error.find_root() {
        DataFusionError::External(error) => error.downcast_ref::<FileError>(),
        _ => None,
    };
    match file {
        Some(file @ (FileError::UnknownEnding { .. } | FileError::Ragged { .. })) => {
            DataFusionError::Plan(format!("k_corrset: {}", file.in_python()))
        }
        Some(_) => error,
        None => spelling.of_call(error),
    }
}

/// The exception for a path that is no table.
fn file_exception(error: &(dyn Error + Send + Sync + 'static)) -> PyErr {
    match error.downcast_ref() {
        Some(FileError::NotFound { .. } | FileError::NoMatch { .. }) => failure::<PyFileNotFoundError>(error),
        Some(FileError::PermissionDenied { .. }) => failure::<PyPermissionError>(error),
        _ => failure::<PyValueError>(error),
    }
}

/// What is wrong with the type of an argument.
pub(super) fn type_error(text: impl fmt::Display) -> PyErr {
    failure::<PyTypeError>(text)
}

/// What is wrong with the value of an argument.
pub(super) fn value_error(text: impl fmt::Display) -> PyErr {
    failure::<PyValueError>(text)
}

/// A path of nothing.
pub(super) fn no_such_file(text: impl fmt::Display) -> PyErr {
    failure::<PyFileNotFoundError>(text)
}

/// The error of a thread that ended without a word.
pub(super) fn lost() -> DataFusionError {
    KCorrsetError::Worker { message: "the query vanished".to_string() }.into()
}

/// Every text becomes an exception here.
fn failure<E: PyTypeInfo>(text: impl fmt::Display) -> PyErr {
    PyErr::new::<E, _>(bounded(text.to_string()))
}

/// An exception of Python on its way through DataFusion.
pub(super) struct Raised {
    exception: PyErr,
    /// Its text, for which nobody has to ask Python.
    text: String,
}

impl Raised {
    /// An exception as an error, out of which [`exception`] takes it again.
    pub(super) fn error(_: Python<'_>, exception: PyErr) -> DataFusionError {
        let text = exception.to_string();
        DataFusionError::External(Box::new(Self { exception, text }))
    }
}

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Raised").field(&self.text).finish()
    }
}

impl Error for Raised {}

/// The exception that an error is about, however deep it lies.
fn raised(error: &DataFusionError) -> Option<&Raised> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(raised) = error.downcast_ref() {
            return Some(raised);
        }
        cause = error.source();
    }
    None
}

/// Whether an error, of which only the text has come through, was `KeyboardInterrupt`.
fn says_interrupted(error: &DataFusionError) -> bool {
    matches!(error, DataFusionError::ArrowError(..))
        && error.to_string().lines().any(|line| line.trim() == "KeyboardInterrupt")
}
