//! The users of a prefix, by bits and by bytes.

use super::bits::BitRows;
use super::bytes::Bytes;
use super::width::{Terms, Width};
use crate::sweep::kernel::cohort::Cohort;
use crate::sweep::simd::each;

/// The users who answered all questions of a prefix, with their rows as bits and, at times, as bytes.
#[derive(Debug)]
pub(crate) struct BinaryCohort<W: Width> {
    pub(super) members: Cohort<Terms<W::Term>>,
    pub(super) bytes: Bytes,
}

impl<W: Width> Default for BinaryCohort<W> {
    fn default() -> Self {
        Self { members: Cohort::default(), bytes: Bytes::default() }
    }
}

impl<W: Width> BinaryCohort<W> {
    /// Strips of rows of bits, from the given one on.
    #[inline(always)]
    pub(super) fn bits<const N: usize>(&self, first: usize) -> BitRows<'_, W, N> {
        let rows = each(|strip| self.members.strip(first + strip));
        BitRows { rows, terms: self.members.terms() }
    }
}
