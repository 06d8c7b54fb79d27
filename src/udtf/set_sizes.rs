//! How many questions the sets have that are asked for: k, which may be several.

use std::fmt;
use std::ops::{Range, RangeInclusive};

use crate::error::KCorrsetError;

/// The sizes of the sets that are asked for.
///
/// ```
/// use datafusion_k_corrset::SetSizes;
///
/// assert_eq!(SetSizes::from(5).to_string(), "5");
/// assert_eq!(SetSizes::from([20, 5, 10, 5]).to_string(), "[5, 10, 20]");
/// assert_eq!(SetSizes::from(1..=30).to_string(), "[1, 2, 3, ..., 30]");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetSizes {
    /// Ascending, each once.
    sizes: Vec<usize>,
    /// Whether they came as a list.
    list: bool,
}

/// The most sizes that are shown one by one.
const MOST_SHOWN: usize = 8;

/// How many are shown of more.
const SHOWN: usize = 3;

impl SetSizes {
    fn list(sizes: impl IntoIterator<Item = usize>) -> Self {
        let mut sizes: Vec<usize> = sizes.into_iter().collect();
        sizes.sort_unstable();
        sizes.dedup();
        Self { sizes, list: true }
    }

    /// The sizes, ascending, each once.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = usize> + ExactSizeIterator {
        self.sizes.iter().copied()
    }

    /// # Errors
    /// There is none, or one is 0.
    pub(crate) fn check(&self) -> Result<(), KCorrsetError> {
        match self.sizes.first() {
            None => Err(KCorrsetError::SubsetSizeType { got: self.to_string() }),
            Some(0) => Err(KCorrsetError::SubsetSizeRange { got: "0".to_string() }),
            Some(_) => Ok(()),
        }
    }
}

impl From<usize> for SetSizes {
    fn from(size: usize) -> Self {
        Self { sizes: vec![size], list: false }
    }
}

impl From<Vec<usize>> for SetSizes {
    fn from(sizes: Vec<usize>) -> Self {
        Self::list(sizes)
    }
}

impl<const N: usize> From<[usize; N]> for SetSizes {
    fn from(sizes: [usize; N]) -> Self {
        Self::list(sizes)
    }
}

impl From<Range<usize>> for SetSizes {
    fn from(sizes: Range<usize>) -> Self {
        Self::list(sizes)
    }
}

impl From<RangeInclusive<usize>> for SetSizes {
    fn from(sizes: RangeInclusive<usize>) -> Self {
        Self::list(sizes)
    }
}

/// As SQL has it, but for sizes in the middle of a long list.
impl fmt::Display for SetSizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = |sizes: &[usize]| sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        match &self.sizes[..] {
            [size] if !self.list => write!(f, "{size}"),
            sizes if sizes.len() <= MOST_SHOWN => write!(f, "[{}]", texts(sizes)),
            sizes => write!(f, "[{}, ..., {}]", texts(&sizes[..SHOWN]), sizes[sizes.len() - 1]),
        }
    }
}
