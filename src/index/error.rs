//! Why there is no index.

use arrow::error::ArrowError;

use crate::error::KCorrsetError;
use crate::interest;

/// Why an index could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The data break a rule of this function.
    #[error(transparent)]
    Input(#[from] KCorrsetError),
    /// Arrow could not read an array.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}

/// Why building an index ended before there was one.
pub(crate) type Ended = interest::Ended<BuildError>;

impl From<BuildError> for Ended {
    fn from(error: BuildError) -> Self {
        Self::Failed(error)
    }
}

impl From<KCorrsetError> for Ended {
    fn from(error: KCorrsetError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<ArrowError> for Ended {
    fn from(error: ArrowError) -> Self {
        Self::Failed(error.into())
    }
}
