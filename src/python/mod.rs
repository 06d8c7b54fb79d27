//! The native half of the Python package `k_corrset`; the other half, with the documentation
//! that Python shows, lies beside it in `k_corrset/`.
//!
//! ```text
//!   data ──▶ input      an object that speaks Arrow ──▶ rows   read by a thread of their own
//!              │        or what is at a path, which is the name of a table
//!   options ─▶ value    Python's values as those of SQL: one check, the same errors
//!              ▼
//!            session    a SessionContext that has k_corrset
//!              │  wait  until it is done, without the interpreter's lock; Ctrl-C, progress
//!              │  told  what one query tells meanwhile: progress, notices
//!              ▼
//!            batches    the result, which speaks Arrow's C stream interface
//!            stream     the same while it is made
//!
//!            plugin     the same for a table in a session of the package `datafusion`
//!            runtime    the threads of all of them, from the first query to the interpreter's end
//!            failure    errors as exceptions
//! ```
//!
//! Whoever makes the data may need Python for it, and so may whoever takes them back. So no thread
//! waits for another, and nothing whose drop may wait is dropped, while it holds the interpreter's
//! lock: queries run on the runtime, and who does not want them any more leaves them there.

mod batches;
mod failure;
mod input;
mod plugin;
mod rows;
mod runtime;
mod session;
mod stream;
mod told;
mod value;
mod wait;

use pyo3::prelude::*;

/// What Python's half imports.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::batches::Batches;
    #[pymodule_export]
    use super::plugin::HostSets;
    #[pymodule_export]
    use super::runtime::shut_down;
    #[pymodule_export]
    use super::session::Session;
    #[pymodule_export]
    use super::stream::BatchStream;
    use pyo3::panic::PanicException;
    use pyo3::prelude::*;
    use pyo3::types::PyMapping;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        // What pyo3 makes at its first use and keeps: types, and the names of a class's attributes. It
        // lets other threads run meanwhile, and a child that one of these forks would wait for ever for
        // it to be done. Here nobody else uses this module.
        let py = module.py();
        py.get_type::<PanicException>();
        let class = py.get_type::<PyMapping>();
        class.module()?;
        class.name()?;
        class.qualname()?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
