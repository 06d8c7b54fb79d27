//! Scores that are columns of several types.
//!
//! In the long layout scores are one column, of one type. In the wide layout they have the type
//! that such a column would need to hold them all, so that both layouts of the same data have the
//! same answers, to the bit:
//!
//! | columns | scores |
//! |---|---|
//! | booleans, integers, decimals | exact, as decimals of the most digits after the point |
//! | floating point numbers alone | of the widest of their types |
//! | floating point numbers beside others | all as doubles, as `CAST(… AS DOUBLE)` has them |

use arrow::array::{Array, ArrayRef};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use crate::index::columns::{raw_scores, too_wide};
use crate::index::decimal::DecimalScan;
use crate::index::error::BuildError;
use crate::index::raw::RawScores;

/// What scores are taken for whose columns may be of several types.
#[derive(Debug, PartialEq)]
pub(crate) enum CommonType {
    /// Integers, in units of that many digits after the point.
    Exact { scale: i32 },
    /// Floating point numbers of that type.
    Float(DataType),
}

impl CommonType {
    /// The type that holds the scores of columns of these types, none of which is a dictionary.
    pub(crate) fn of(types: &[DataType]) -> Self {
        let floats = types.iter().filter(|data_type| data_type.is_floating());
        let others = types.iter().any(|data_type| !data_type.is_floating() && !data_type.is_null());
        match floats.max_by_key(|float| float.primitive_width()) {
            Some(_) if others => Self::Float(DataType::Float64),
            Some(widest) => Self::Float(widest.clone()),
            None => Self::Exact { scale: types.iter().map(scale).max().unwrap_or(0) },
        }
    }

    /// No scores yet, with room for as many as `room`.
    pub(crate) fn no_scores(&self, room: usize) -> RawScores {
        match self {
            Self::Exact { .. } => RawScores::Exact(Vec::with_capacity(room)),
            Self::Float(_) => RawScores::Float(Vec::with_capacity(room)),
        }
    }

    /// Whether scores stand for decimals, if they are floats.
    pub(crate) fn decimals(&self) -> Option<DecimalScan> {
        match self {
            Self::Exact { .. } => None,
            Self::Float(data_type) => DecimalScan::of(data_type),
        }
    }

    /// The digits after the point of exact scores.
    pub(crate) fn digits(&self) -> i32 {
        match self {
            // Of nothing but NULL any would do.
            Self::Exact { scale } if *scale > i32::from(i8::MIN) => *scale,
            _ => 0,
        }
    }

    /// The scores of the column of this name, none of which is NULL.
    ///
    /// # Errors
    /// A score of more than 128 bits; an array that Arrow cannot read.
    pub(crate) fn scores(&self, name: &str, column: &ArrayRef) -> Result<RawScores, BuildError> {
        match self {
            Self::Float(data_type) => raw_scores(name, &cast(column, data_type)?),
            Self::Exact { scale } => {
                let digits = scale.abs_diff(self::scale(column.data_type()));
                let scores = raw_scores(name, column)?.times_power_of_ten(digits);
                scores.ok_or_else(|| too_wide(name).into())
            }
        }
    }
}

/// Digits after the point; those of a column of which any would do are the fewest.
pub(crate) fn scale(data_type: &DataType) -> i32 {
    match data_type {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => i32::from(*scale),
        DataType::Null => i32::from(i8::MIN),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_type_holds_all_scores() {
        use DataType::{Boolean, Decimal64, Decimal128, Float16, Float32, Float64, Int8, Null, UInt64};
        let exact = |scale| CommonType::Exact { scale };
        assert_eq!(CommonType::of(&[Boolean, Int8, UInt64]), exact(0));
        assert_eq!(CommonType::of(&[Int8, Decimal64(9, 2), Null, Decimal128(20, 5)]), exact(5));
        assert_eq!(CommonType::of(&[Int8, Decimal64(9, -2)]), exact(0));
        assert_eq!(CommonType::of(&[Null, Decimal64(9, -2)]), exact(-2));
        assert_eq!(CommonType::of(&[Float32, Null, Float16]), CommonType::Float(Float32));
        assert_eq!(CommonType::of(&[Float16, Boolean]), CommonType::Float(Float64));
        assert_eq!(CommonType::of(&[Float32, Float64]), CommonType::Float(Float64));
    }
}
