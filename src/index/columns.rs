//! The three columns: which ones they are, and what their types allow.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Float64Type, Int64Type,
    UInt64Type,
};
use arrow::error::ArrowError;

use crate::error::{KCorrsetError, Result};
use crate::index::builder::BuildError;
use crate::index::scores::RawScores;

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
        _ => Err(KCorrsetError::KeyType { role, name: name.to_string(), data_type: data_type.to_string() }),
    }
}

/// Whether scores of a type are summed exactly or in floating point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScoreKind {
    Exact,
    Float,
}

impl ScoreKind {
    fn of(data_type: &DataType) -> Option<Self> {
        match data_type {
            DataType::Dictionary(_, values) => Self::of(values),
            DataType::Boolean => Some(Self::Exact),
            exact if exact.is_integer() || exact.is_decimal() => Some(Self::Exact),
            float if float.is_floating() => Some(Self::Float),
            _ => None,
        }
    }

    pub(crate) fn empty_scores(self) -> RawScores {
        match self {
            Self::Exact => RawScores::Exact(Vec::new()),
            Self::Float => RawScores::Float(Vec::new()),
        }
    }
}

/// Checks that a column can hold scores.
///
/// # Errors
/// [`KCorrsetError::ScoreType`] where it cannot.
pub fn check_score_type(name: &str, data_type: &DataType) -> Result<()> {
    score_kind(name, data_type).map(|_| ())
}

pub(crate) fn score_kind(name: &str, data_type: &DataType) -> Result<ScoreKind> {
    ScoreKind::of(data_type)
        .ok_or_else(|| KCorrsetError::ScoreType { name: name.to_string(), data_type: data_type.to_string() })
}

/// Appends the scores of one batch, none of which is NULL.
///
/// # Errors
/// [`KCorrsetError::ScoresTooWide`] for a decimal of more than 128 bits; arrays that
/// Arrow cannot read.
pub(crate) fn append_scores(name: &str, column: &ArrayRef, to: &mut Vec<i128>) -> Result<(), BuildError> {
    fn append<T: ArrowPrimitiveType>(column: &ArrayRef, to: &mut Vec<i128>)
    where
        T::Native: Into<i128>,
    {
        to.extend(column.as_primitive::<T>().values().iter().map(|&score| score.into()));
    }
    match column.data_type() {
        DataType::UInt64 => append::<UInt64Type>(column, to),
        DataType::Decimal32(_, _) => append::<Decimal32Type>(column, to),
        DataType::Decimal64(_, _) => append::<Decimal64Type>(column, to),
        DataType::Decimal128(_, _) => append::<Decimal128Type>(column, to),
        DataType::Decimal256(_, _) => {
            let column = column.as_primitive::<Decimal256Type>();
            for score in column.iter().map(Option::unwrap_or_default) {
                let narrow = score.to_i128();
                to.push(narrow.ok_or_else(|| KCorrsetError::ScoresTooWide { name: name.to_string() })?);
            }
        }
        _ => append::<Int64Type>(&cast(column, &DataType::Int64)?, to),
    }
    Ok(())
}

/// The floating point scores of one batch, every width as doubles.
pub(crate) fn float_scores(column: &ArrayRef) -> Result<PrimitiveArray<Float64Type>, ArrowError> {
    Ok(cast(column, &DataType::Float64)?.as_primitive().clone())
}

/// The values of a dictionary column; any other column as it is.
pub(crate) fn without_dictionary(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match column.data_type() {
        DataType::Dictionary(_, values) => cast(column, values),
        _ => Ok(Arc::clone(column)),
    }
}
