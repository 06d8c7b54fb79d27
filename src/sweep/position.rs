//! Where questions stand in the order of the sweep.

use crate::index::bitset::WORD;
use crate::sweep::simd::STRIP;

/// A question, by its place in the order of the sweep: the one most users answered is the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position(pub(crate) usize);

impl Position {
    /// The strip that it is in.
    #[inline(always)]
    pub(crate) fn strip(self) -> usize {
        self.0 / STRIP
    }

    /// Its lane within that strip.
    #[inline(always)]
    pub(crate) fn lane(self) -> usize {
        self.0 % STRIP
    }

    /// The word of lanes that it is in.
    #[inline(always)]
    pub(crate) fn word(self) -> usize {
        self.0 / WORD
    }

    /// Its lane within that word.
    #[inline(always)]
    pub(crate) fn bit(self) -> usize {
        self.0 % WORD
    }
}
