//! Constants of SQL as values of Rust, and as errors show them.

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::common::ScalarValue;

/// An integer of any width; `None` for NULL and for anything else.
pub(crate) fn integer(value: &ScalarValue) -> Option<i128> {
    match value {
        ScalarValue::Int8(value) => value.map(Into::into),
        ScalarValue::Int16(value) => value.map(Into::into),
        ScalarValue::Int32(value) => value.map(Into::into),
        ScalarValue::Int64(value) => value.map(Into::into),
        ScalarValue::UInt8(value) => value.map(Into::into),
        ScalarValue::UInt16(value) => value.map(Into::into),
        ScalarValue::UInt32(value) => value.map(Into::into),
        ScalarValue::UInt64(value) => value.map(Into::into),
        _ => None,
    }
}

/// Text in any encoding.
pub(crate) fn text(value: &ScalarValue) -> Option<String> {
    value.try_as_str()?.map(str::to_string)
}

/// A count, of a type that holds it.
pub(crate) fn count<C: TryFrom<i128>>(value: &ScalarValue) -> Option<C> {
    integer(value).filter(|&count| count >= 0).and_then(|count| C::try_from(count).ok())
}

/// True or false.
pub(crate) fn boolean(value: &ScalarValue) -> Option<bool> {
    match value {
        ScalarValue::Boolean(value) => *value,
        _ => None,
    }
}

/// A list of values, or one value alone.
pub(crate) fn list(value: &ScalarValue) -> Option<Vec<ScalarValue>> {
    match value {
        value if value.is_null() => None,
        ScalarValue::List(_) | ScalarValue::LargeList(_) | ScalarValue::FixedSizeList(_) => elements(value),
        alone => Some(vec![alone.clone()]),
    }
}

/// The elements of a list, unless one of them is NULL, or the list.
pub(crate) fn elements(list: &ScalarValue) -> Option<Vec<ScalarValue>> {
    let elements = element_array(list)?;
    let known = elements.logical_null_count() == 0;
    let element = |place| ScalarValue::try_from_array(&elements, place).ok();
    known.then(|| (0..elements.len()).map(element).collect())?
}

/// The elements of a list, of which any may be NULL.
pub(crate) fn element_array(list: &ScalarValue) -> Option<ArrayRef> {
    match list {
        list if list.is_null() => None,
        ScalarValue::List(list) => Some(list.value(0)),
        ScalarValue::LargeList(list) => Some(list.value(0)),
        ScalarValue::FixedSizeList(list) => Some(list.value(0)),
        _ => None,
    }
}

/// A value with its type, as errors show it.
pub(crate) fn display(value: &ScalarValue) -> String {
    match value {
        ScalarValue::Null => "NULL".to_string(),
        value if value.is_null() => format!("NULL ({})", value.data_type()),
        value if value.data_type().is_string() => format!("'{value}'"),
        value => format!("{value} ({})", value.data_type()),
    }
}
