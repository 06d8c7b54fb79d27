//! Values of Python as those of SQL.
//!
//! Arguments are checked where those of SQL are, so that both have the same errors. What is
//! done here is only to say in SQL's terms what Python has.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::logical_expr::Expr;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyFloat, PyMapping, PyString, PyType};

use crate::python::failure::{exception, type_error};
use crate::udtf::{Arguments, SETS};

/// k and options, given as pairs of a name and a value.
///
/// # Errors
/// Those that SQL has of the same arguments; `TypeError` for what is no value of SQL.
pub(super) fn arguments(k: &Bound<'_, PyAny>, options: &[(String, Bound<'_, PyAny>)]) -> PyResult<Arguments> {
    let literal = |name: &str, value| Ok::<_, PyErr>(Expr::Literal(value_of(name, value)?, None));
    let options = options.iter().map(|(name, value)| Ok((name.clone(), literal(name, value)?)));
    let arguments = Arguments::try_new(Some(literal("k", k)?), options.collect::<PyResult<_>>()?);
    arguments.map_err(|error| exception(error.into()))
}

/// The values of a query's placeholders: of a dict by name, and else by place.
///
/// # Errors
/// `TypeError` for what is no value of SQL, or neither a dict nor a list.
pub(super) fn parameters(values: &Bound<'_, PyAny>) -> PyResult<ParamValues> {
    if let Ok(named) = values.cast::<PyMapping>() {
        let value = |item: Bound<'_, PyAny>| {
            let (name, value): (String, Bound<'_, PyAny>) = item.extract()?;
            Ok((name.trim_start_matches('$').to_string(), value_of(&name, &value)?))
        };
        let values = named.items()?.try_iter()?.map(|item| value(item?)).collect::<PyResult<Vec<_>>>()?;
        return Ok(values.into());
    }
    if !is_list(values)? || values.cast::<PyString>().is_ok() {
        return Err(type_error(format!(
            "k_corrset: parameters must be a list of values for $1, $2 and so on, or a dict of values for \
             $name; got an object of type {}",
            values.get_type().name()?
        )));
    }
    let values = values.try_iter()?.zip(1..).map(|(value, place)| value_of(&format!("${place}"), &value?));
    Ok(values.collect::<PyResult<Vec<_>>>()?.into())
}

/// A scalar, or a list of them.
fn value_of(name: &str, value: &Bound<'_, PyAny>) -> PyResult<ScalarValue> {
    if let Some(scalar) = scalar(value)? {
        return Ok(scalar);
    }
    if is_list(value)? { list(name, value) } else { Err(not_a_value(name, value)) }
}

fn not_a_value(name: &str, value: &Bound<'_, PyAny>) -> PyErr {
    let type_name = value.get_type().name();
    let type_name = type_name.as_ref().map_or_else(|_| "?".into(), |name| name.to_string_lossy());
    type_error(format!(
        "k_corrset: '{name}' must be text, a number, a date or time, a UUID, or a list of these; got an \
         object of type {type_name}; of a table give one column, as in list(table['question'])"
    ))
}

/// A value of Python as one of SQL; `None` if it is no single one. Dates, times, decimals and UUIDs
/// are given by their text, which is cast to the type of the questions.
fn scalar(value: &Bound<'_, PyAny>) -> PyResult<Option<ScalarValue>> {
    if value.is_none() {
        return Ok(Some(ScalarValue::Null));
    }
    // What a class says of its values is not true of itself.
    if value.is_instance_of::<PyType>() {
        return Ok(None);
    }
    // A bool is an int to Python.
    if let Ok(value) = value.cast::<PyBool>() {
        return Ok(Some(ScalarValue::from(value.is_true())));
    }
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(Some(ScalarValue::from(text.to_str()?)));
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(Some(ScalarValue::Binary(Some(bytes.as_bytes().to_vec()))));
    }
    if let Ok(bytes) = value.cast::<PyByteArray>() {
        return Ok(Some(ScalarValue::Binary(Some(bytes.to_vec()))));
    }
    if let Ok(number) = value.cast::<PyFloat>() {
        return Ok(Some(ScalarValue::from(number.value())));
    }
    match value.get_type().module()?.to_str()?.split('.').next() {
        Some("numpy") => return scalar_of_numpy(value),
        Some("pyarrow") if value.hasattr("as_py")? => return scalar(&value.call_method0("as_py")?),
        Some("pandas") if matches!(value.get_type().name()?.to_str()?, "NAType" | "NaTType") => {
            return Ok(Some(ScalarValue::Null));
        }
        _ => {}
    }
    if value.hasattr("__index__")? && !value.hasattr("__len__")? {
        return integer(value).map(Some);
    }
    // Dates and times are written differently by ISO 8601 and by Python, and SQL reads the former.
    if value.hasattr("isoformat")? {
        return Ok(Some(moment(value.call_method0("isoformat")?.extract()?)));
    }
    let py = value.py();
    let (decimal, uuid) = (py.import("decimal")?.getattr("Decimal")?, py.import("uuid")?.getattr("UUID")?);
    if value.is_instance(&decimal)? || value.is_instance(&uuid)? {
        text(value.str()?.as_any()).map(Some)
    } else {
        Ok(None)
    }
}

/// A scalar of NumPy, or its array of no dimension.
fn scalar_of_numpy(value: &Bound<'_, PyAny>) -> PyResult<Option<ScalarValue>> {
    if !value.hasattr("dtype")? || value.getattr("ndim")?.extract::<usize>()? > 0 {
        return Ok(None);
    }
    // In Python's own terms a date of nanoseconds would be an integer.
    if value.getattr("dtype")?.getattr("kind")?.extract::<String>()? == "M" {
        let written = value.str()?;
        return match written.to_str()? {
            "NaT" => Ok(Some(ScalarValue::Null)),
            written => Ok(Some(moment(written))),
        };
    }
    let own = value.call_method0("item")?;
    if own.get_type().is(value.get_type()) { Ok(None) } else { scalar(&own) }
}

/// A date or time, as ISO 8601 writes it, without what is zero: a date has no time, and times may
/// have fewer digits.
fn moment(written: &str) -> ScalarValue {
    let short =
        if written.contains('.') { written.trim_end_matches('0').trim_end_matches('.') } else { written };
    ScalarValue::from(short.strip_suffix("T00:00:00").unwrap_or(short))
}

fn text(value: &Bound<'_, PyAny>) -> PyResult<ScalarValue> {
    Ok(ScalarValue::from(value.extract::<&str>()?))
}

/// An integer, also one of NumPy.
fn integer(value: &Bound<'_, PyAny>) -> PyResult<ScalarValue> {
    if let Ok(value) = value.extract::<i64>() {
        return Ok(ScalarValue::from(value));
    }
    // One that is too large for any column is none that an option takes.
    value.extract::<u64>().map_or_else(|_| text(value.str()?.as_any()), |value| Ok(ScalarValue::from(value)))
}

/// Methods that turn the arrays of NumPy and pandas, polars and pyarrow into lists of Python's
/// own values.
const TO_LIST: [&str; 3] = ["tolist", "to_list", "to_pylist"];

/// Whether to iterate over something is to get its values. From a table, and from whatever maps
/// names to values, one would get the names.
pub(super) fn is_list(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    // Asked of the class, as an attribute may take work.
    let class = value.get_type();
    let has_any = |names: &[&str]| {
        names.iter().try_fold(false, |any, name| Ok::<_, PyErr>(any || class.hasattr(*name)?))
    };
    let is_column = has_any(&TO_LIST)?;
    let is_table =
        has_any(&["columns", "column_names"])? || !is_column && class.hasattr("__arrow_c_stream__")?;
    Ok(class.hasattr("__iter__")? && !is_table && value.cast::<PyMapping>().is_err())
}

fn list(name: &str, value: &Bound<'_, PyAny>) -> PyResult<ScalarValue> {
    let mut elements = value.clone();
    for method in TO_LIST {
        if value.hasattr(method)? {
            elements = value.call_method0(method)?;
            break;
        }
    }
    // Only a list of sets has lists for elements.
    let element = |element: Bound<'_, PyAny>| match scalar(&element)? {
        Some(scalar) => Ok(scalar),
        None if name == SETS && is_list(&element)? => list(name, &element),
        None => Err(not_a_value(name, &element)),
    };
    let values = elements.try_iter()?.map(|value| element(value?)).collect::<PyResult<Vec<_>>>()?;
    let data_type = values.iter().map(ScalarValue::data_type).find(|data_type| !data_type.is_null());
    let data_type = data_type.unwrap_or(DataType::Null);
    let other = values.iter().find(|value| !value.is_null() && value.data_type() != data_type);
    if let Some(other) = other {
        return Err(type_error(format!(
            "k_corrset: questions must be of one type; got {data_type} and, in {other}, {}",
            other.data_type()
        )));
    }
    let typed = values
        .into_iter()
        .map(|value| if value.is_null() { ScalarValue::try_from(&data_type) } else { Ok(value) });
    let typed = typed.collect::<Result<Vec<_>, _>>().map_err(exception)?;
    Ok(ScalarValue::List(ScalarValue::new_list(&typed, &data_type, true)))
}
