//! Extension types: what a column's values are, beside how they are stored.
//!
//! Arrow names them in a field's metadata: `arrow.uuid` over 16 bytes, `pandas.period` over
//! a number of months. Whatever they mean, equal values are stored alike, so users and
//! questions may be of any. Questions are handed on, so the result keeps their type. Scores
//! are summed, and what the sum of stored values means nobody can tell.

use std::collections::HashMap;

use arrow::datatypes::Field;

/// The keys of a field's metadata that say of what extension type it is begin with this.
const EXTENSION_KEYS: &str = "ARROW:extension:";

/// The part of a field's metadata that says of what extension type it is; empty for a field
/// of a plain type.
pub fn extension_metadata(field: &Field) -> HashMap<String, String> {
    if field.extension_type_name().is_none() {
        return HashMap::new();
    }
    let metadata = field.metadata().iter().filter(|(key, _)| key.starts_with(EXTENSION_KEYS));
    metadata.map(|(key, value)| (key.clone(), value.clone())).collect()
}
