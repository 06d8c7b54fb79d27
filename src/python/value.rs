//! Values of Python as those of SQL.
//!
//! Arguments are checked where those of SQL are, so that both have the same errors. What is
//! done here is only to say in SQL's terms what Python has.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyString};

use crate::python::failure::exception;
use crate::udtf::{Arguments, KCorrsetOptions};

/// k and options, given as pairs of a name and a value.
///
/// # Errors
/// Those that SQL has of the same arguments.
pub(super) fn arguments(
    k: &Bound<'_, PyAny>,
    options: &[(String, Bound<'_, PyAny>)],
) -> PyResult<(usize, KCorrsetOptions)> {
    let literal = |value: &Bound<'_, PyAny>| Ok::<_, PyErr>(Expr::Literal(scalar(value)?, None));
    let options = options.iter().map(|(name, value)| Ok((name.clone(), literal(value)?)));
    let arguments = Arguments::try_new(literal(k)?, options.collect::<PyResult<_>>()?);
    arguments.and_then(|arguments| arguments.typed()).map_err(|error| exception(error.into()))
}

/// Methods that turn the arrays of NumPy and pandas, polars and pyarrow into lists of Python's
/// own values.
const TO_LIST: [&str; 3] = ["tolist", "to_list", "to_pylist"];

/// A value of Python as one of SQL. A list is whatever can be iterated over and is neither text
/// nor bytes. Dates, times, decimals and UUIDs are given by their text, which is cast to the type
/// of the questions.
///
/// # Errors
/// `TypeError` for a list of values that have no type in common.
fn scalar(value: &Bound<'_, PyAny>) -> PyResult<ScalarValue> {
    if value.is_none() {
        return Ok(ScalarValue::Null);
    }
    // A bool is an int to Python.
    if let Ok(value) = value.cast::<PyBool>() {
        return Ok(ScalarValue::from(value.is_true()));
    }
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(ScalarValue::from(text.to_str()?));
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(ScalarValue::Binary(Some(bytes.as_bytes().to_vec())));
    }
    if let Ok(number) = value.cast::<PyFloat>() {
        return Ok(ScalarValue::from(number.value()));
    }
    if value.hasattr("__index__")? && !value.hasattr("__len__")? {
        return integer(value);
    }
    if value.hasattr("__iter__")? {
        return list(value);
    }
    // Dates and times are written differently by ISO 8601 and by Python, and SQL reads the former.
    let text = match value.hasattr("isoformat")? {
        true => value.call_method0("isoformat")?,
        false => value.str()?.into_any(),
    };
    Ok(ScalarValue::from(text.extract::<&str>()?))
}

/// An integer, also one of NumPy.
fn integer(value: &Bound<'_, PyAny>) -> PyResult<ScalarValue> {
    if let Ok(value) = value.extract::<i64>() {
        return Ok(ScalarValue::from(value));
    }
    // One that is too large for any column is none that an option takes.
    let text = || Ok(ScalarValue::from(value.str()?.to_str()?));
    value.extract::<u64>().map_or_else(|_| text(), |value| Ok(ScalarValue::from(value)))
}

fn list(value: &Bound<'_, PyAny>) -> PyResult<ScalarValue> {
    let mut elements = value.clone();
    for method in TO_LIST {
        if value.hasattr(method)? {
            elements = value.call_method0(method)?;
            break;
        }
    }
    let values = elements.try_iter()?.map(|element| scalar(&element?)).collect::<PyResult<Vec<_>>>()?;
    let data_type = values.iter().map(ScalarValue::data_type).find(|data_type| !data_type.is_null());
    let data_type = data_type.unwrap_or(DataType::Null);
    let other = values.iter().find(|value| !value.is_null() && value.data_type() != data_type);
    if let Some(other) = other {
        let message = format!(
            "k_corrset: questions must be of one type; got {data_type} and, in {other}, {}",
            other.data_type()
        );
        return Err(PyTypeError::new_err(message));
    }
    let typed = values.into_iter().map(|value| match value.is_null() {
        true => ScalarValue::try_from(&data_type),
        false => Ok(value),
    });
    let typed = typed.collect::<Result<Vec<_>, _>>().map_err(exception)?;
    Ok(ScalarValue::List(ScalarValue::new_list(&typed, &data_type, true)))
}
