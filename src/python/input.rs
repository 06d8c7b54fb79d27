//! What a caller gives as data.

use std::path::PathBuf;

use pyo3::prelude::*;

use crate::python::failure::{no_such_file, type_error, value_error};
use crate::session::files::table_name;

/// What a caller gives as data.
pub(super) enum Input {
    /// The name of the table that is a file, or a folder of files.
    Path(String),
    /// An object that speaks Arrow.
    Rows(Py<PyAny>),
}

impl Input {
    /// What an object of Python stands for. Its rows are not asked for here: that may take time.
    ///
    /// # Errors
    /// `TypeError` where it is neither a path nor speaks Arrow, or has columns that Arrow cannot
    /// carry; `FileNotFoundError`.
    pub(super) fn of(data: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(path) = data.extract::<PathBuf>() {
            let Some(text) = path.to_str() else {
                return Err(value_error(format!("k_corrset: the path {path:?} is not in UTF-8; rename it")));
            };
            let table = table_name(text).map(Self::Path);
            return table.map_err(|missing| no_such_file(format!("k_corrset: {missing}")));
        }
        if !data.hasattr("__arrow_c_stream__")? && !data.hasattr("__arrow_c_array__")? {
            return Err(type_error(format!(
                "k_corrset: data must be the path of a file, or a table that speaks Arrow's C stream \
                 interface, as those of pyarrow, polars, pandas and DuckDB do; got {}; \
                 pyarrow.table({{...}}) makes one of lists",
                data.get_type().name()?
            )));
        }
        refuse_objects(data)?;
        Ok(Self::Rows(data.clone().unbind()))
    }
}

/// Refuses a column of polars that holds objects of Python: polars exports their addresses, as
/// bytes like any others.
fn refuse_objects(data: &Bound<'_, PyAny>) -> PyResult<()> {
    let module = data.get_type().module()?;
    if module.to_str()?.split('.').next() != Some("polars") || !data.hasattr("schema")? {
        return Ok(());
    }
    for column in data.getattr("schema")?.call_method0("items")?.try_iter()? {
        let (name, data_type): (String, Bound<'_, PyAny>) = column?.extract()?;
        if data_type.str()?.to_str()? == "Object" {
            return Err(type_error(format!(
                "k_corrset: column '{name}' holds objects of Python, of which Arrow would get the addresses; \
                 cast it, as in data.with_columns(polars.col({name:?}).map_elements(str, polars.String)), or \
                 drop it"
            )));
        }
    }
    Ok(())
}
