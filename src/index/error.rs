//! Why there is no index.

use arrow::error::ArrowError;

use crate::error::KCorrsetError;
use crate::index::interest::Unwanted;

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
#[derive(Debug)]
pub(crate) enum Ended {
    /// Nobody waits for it.
    Unwanted,
    /// It cannot be built.
    Failed(BuildError),
}

impl From<Unwanted> for Ended {
    fn from(Unwanted: Unwanted) -> Self {
        Self::Unwanted
    }
}

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
