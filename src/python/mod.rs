//! The native half of the Python package `k_corrset`; the other half, with the documentation
//! that Python shows, lies beside it in `k_corrset/`.
//!
//! ```text
//!   data ──▶ input      a stream of Arrow batches, or the file of a path
//!              │
//!   options ─▶ value    Python's values as those of SQL: one check, the same errors
//!              ▼
//!            session    a SessionContext that has k_corrset
//!              │  wait  until it is done, without the interpreter's lock; Ctrl-C, progress
//!              ▼
//!            table      the result, which speaks Arrow's C stream interface
//!
//!            plugin     the same for a table in a session of the package `datafusion`
//!            failure    errors as exceptions
//! ```

mod failure;
mod input;
mod plugin;
mod session;
mod table;
mod value;
mod wait;

use pyo3::prelude::*;

/// What Python's half imports.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::plugin::HostSets;
    #[pymodule_export]
    use super::session::Session;
    #[pymodule_export]
    use super::table::Table;
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
