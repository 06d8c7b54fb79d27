//! Why there is no index.

use arrow::error::ArrowError;

use crate::error::KCorrsetError;

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
