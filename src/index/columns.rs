//! What the types of columns allow, and their values as numbers.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Field, Float64Type, Int64Type,
    UInt64Type,
};
use arrow::error::ArrowError;

use crate::error::{KCorrsetError, Result};
use crate::index::error::BuildError;
use crate::index::raw::RawScores;

/// Names of the input columns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ColumnNames {
    /// Who answered.
    pub user: String,
    /// What was answered.
    pub question: String,
    /// How well.
    pub score: String,
}

impl Default for ColumnNames {
    fn default() -> Self {
        Self { user: "user".into(), question: "question".into(), score: "score".into() }
    }
}

/// The type of a key's values, whatever their encoding: the value type of a
/// dictionary, the type itself otherwise.
///
/// # Errors
/// [`KCorrsetError::KeyType`] for types whose values do not identify anything:
/// floating point numbers, whose equality is not identity, and nested types.
pub fn key_type(role: &'static str, name: &str, data_type: &DataType) -> Result<DataType> {
    match data_type {
        DataType::Dictionary(_, values) => key_type(role, name, values),
        DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_)
        | DataType::Boolean
        | DataType::Date32
        | DataType::Date64
        | DataType::Timestamp(_, _)
        | DataType::Time32(_)
        | DataType::Time64(_) => Ok(data_type.clone()),
        integer if integer.is_integer() => Ok(data_type.clone()),
        decimal if decimal.is_decimal() => Ok(data_type.clone()),
        _ => Err(KCorrsetError::KeyType {
            role,
            name: name.to_string(),
            data_type: data_type.to_string(),
            remedies: Vec::new(),
        }),
    }
}

/// The type of a column's values, whatever their encoding.
pub(crate) fn value_type(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => values,
        other => other,
    }
}

/// Checks that the values of a column are numbers, or booleans, and mean what is stored.
///
/// # Errors
/// [`KCorrsetError::NumberType`] where they are of another type, and [`KCorrsetError::NumberExtensionType`]
/// where they are of an extension type.
pub fn check_numeric(role: &'static str, field: &Field) -> Result<()> {
    let (name, data_type) = (field.name().clone(), field.data_type().to_string());
    let values = value_type(field.data_type());
    if !values.is_numeric() && values != &DataType::Boolean {
        return Err(KCorrsetError::NumberType { role, name, data_type, remedies: Vec::new() });
    }
    match field.extension_type_name().map(str::to_string) {
        None => Ok(()),
        Some(extension) => {
            let remedies = Vec::new();
            Err(KCorrsetError::NumberExtensionType { role, name, extension, data_type, remedies })
        }
    }
}

/// The scores of one batch, none of which is NULL.
///
/// # Errors
/// [`KCorrsetError::ScoresTooWide`] for a decimal of more than 128 bits; arrays that
/// Arrow cannot read.
pub(crate) fn raw_scores(name: &str, column: &ArrayRef) -> Result<RawScores, BuildError> {
    fn exact<T: ArrowPrimitiveType>(column: &ArrayRef) -> RawScores
    where
        T::Native: Into<i128> + TryInto<i64>,
    {
        let scores = column.as_primitive::<T>().values();
        let narrow: Result<Vec<i64>, _> = scores.iter().map(|&score| score.try_into()).collect();
        match narrow {
            Ok(scores) => RawScores::Exact(scores),
            Err(_) => RawScores::Wide(scores.iter().map(|&score| score.into()).collect()),
        }
    }
    Ok(match column.data_type() {
        float if float.is_floating() => RawScores::Float(
            cast(column, &DataType::Float64)?.as_primitive::<Float64Type>().values().to_vec(),
        ),
        DataType::UInt64 => exact::<UInt64Type>(column),
        DataType::Decimal32(_, _) => exact::<Decimal32Type>(column),
        DataType::Decimal64(_, _) => exact::<Decimal64Type>(column),
        DataType::Decimal128(_, _) => exact::<Decimal128Type>(column),
        DataType::Decimal256(_, _) => {
            let scores = column.as_primitive::<Decimal256Type>().values().iter().map(|score| score.to_i128());
            let scores: Option<Vec<i128>> = scores.collect();
            RawScores::Wide(scores.ok_or_else(|| too_wide(name))?)
        }
        _ => {
            let scores = cast(column, &DataType::Int64)?;
            RawScores::Exact(scores.as_primitive::<Int64Type>().values().to_vec())
        }
    })
}

/// The error for exact scores of too many digits.
pub(crate) fn too_wide(name: &str) -> KCorrsetError {
    KCorrsetError::ScoresTooWide { name: name.to_string(), remedies: Vec::new() }
}

/// The values of a dictionary column; any other column as it is.
pub(crate) fn without_dictionary(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match column.data_type() {
        DataType::Dictionary(_, values) => cast(column, values),
        _ => Ok(Arc::clone(column)),
    }
}
