//! What a caller gives as data.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::python::failure::{no_such_file, type_error, value_error};
use crate::session::files::table_name;
use crate::udtf::Data;

/// What a caller gives as data.
pub(super) enum Input {
    /// The names of the tables that are files, or folders of files; one or more.
    Paths(Vec<String>),
    /// An object that speaks Arrow.
    Rows {
        data: Py<PyAny>,
        /// Whether it has its rows still when they have been read.
        again: bool,
    },
}

impl Input {
    /// What an object of Python stands for. Its rows are not asked for here: that may take time.
    ///
    /// # Errors
    /// `TypeError` where it is neither a path nor speaks Arrow, or has columns that Arrow cannot
    /// carry; `FileNotFoundError`.
    pub(super) fn of(data: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(path) = data.extract::<PathBuf>() {
            return Ok(Self::Paths(vec![table_of(&path)?]));
        }
        let paths = data.cast::<PyList>().ok().and_then(|paths| paths.extract::<Vec<PathBuf>>().ok());
        if let Some(paths) = paths.filter(|paths| !paths.is_empty()) {
            return Ok(Self::Paths(paths.iter().map(table_of).collect::<PyResult<_>>()?));
        }
        if !data.hasattr("__arrow_c_stream__")? && !data.hasattr("__arrow_c_array__")? {
            return Err(type_error(format!(
                "k_corrset: data must be the path of a file or a list of paths, a dict of columns, a list of \
                 dicts, or a table that speaks Arrow's C stream interface, as those of pyarrow, polars, pandas \
                 and DuckDB do; got {}{}",
                data.get_type().name()?,
                if data.hasattr("ndim")? { "; pandas.DataFrame(data) makes one of an array" } else { "" }
            )));
        }
        refuse_objects(data)?;
        let again = !data.hasattr("read_next_batch")?;
        Ok(Self::Rows { data: data.clone().unbind(), again })
    }
}

/// What data are, for errors to tell what makes others of them; Python's half says it in a word.
pub(super) fn data_of(kind: &str) -> Data {
    match kind {
        "path" => Data::Path,
        "polars" => Data::Polars,
        "pandas" => Data::Pandas("data"),
        "pyarrow" => Data::Pandas("data.to_pandas()"),
        "duckdb" => Data::Pandas("data.df()"),
        "columns" => Data::Pandas("pandas.DataFrame(data)"),
        _ => Data::Pandas("pyarrow.table(data).to_pandas()"),
    }
}

/// The name of the table that a path is.
fn table_of(path: &PathBuf) -> PyResult<String> {
    let Some(text) = path.to_str() else {
        return Err(value_error(format!("k_corrset: the path {path:?} is not in UTF-8; rename it")));
    };
    table_name(text).map_err(|missing| no_such_file(format!("k_corrset: {missing}")))
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
