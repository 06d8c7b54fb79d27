//! How wide lanes are, and what a user adds to one.

use std::fmt::Debug;

use crate::sweep::kernel::finish::LaneSum;
use crate::sweep::simd::{ByteRow, InstructionSet, STRIP, Strip};

/// The most users of any run: their number fits the bits it has in a lane.
pub(super) const RUN: usize = (1 << COUNT_BITS) - 1;

/// Bits of a lane that count users.
pub(super) const COUNT_BITS: u32 = 6;

/// The most runs of a chunk with lanes of 16 bits.
pub(super) const RUNS: usize = 16;

/// Σb² of a run with lanes of 16 bits is below this, or the run is summed again.
pub(super) const SQUARES: i32 = 1 << 11;

/// What a user adds to a lane.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Terms<T> {
    /// 64·b + 1.
    pub(super) counted: T,
    /// b².
    pub(super) square: T,
}

/// What a user of grand total `b` adds to a lane.
#[inline(always)]
pub(super) fn to_terms<W: Width>(b: i32) -> Terms<W::Term> {
    Terms { counted: W::term(b << COUNT_BITS | 1), square: W::term(b * b) }
}

/// How wide the lanes are.
pub(crate) trait Width: Debug + Clone + Send + Sync + 'static {
    type Lane: LaneSum;
    type Strip<I: InstructionSet>: Strip<Lane = Self::Lane>;

    /// A lane's value in the form in which it is spread over all lanes.
    type Term: Copy + Debug + Default + Send + Sync;

    /// Whether [`sum_bytes`](Self::sum_bytes) has sums of this width: b is at most 127 in size then.
    const SUMS_BYTES: bool = false;

    /// The low bits of a number.
    fn term(number: i32) -> Self::Term;

    /// The number whose low bits were taken, if it fitted.
    fn number(term: Self::Term) -> i32;

    /// All lanes at one value.
    fn spread<I: InstructionSet>(instructions: I, term: Self::Term) -> Self::Strip<I>;

    /// Bits that no Σb² of a run may have set.
    fn too_large<I: InstructionSet>(instructions: I) -> Self::Strip<I>;

    /// [`InstructionSet::sum_bytes`], for lanes of this width.
    #[inline(always)]
    fn sum_bytes<'a, I: InstructionSet>(
        _instructions: I,
        _pairs: impl Iterator<Item = [ByteRow<'a>; 2]>,
        _odd: Option<ByteRow<'a>>,
    ) -> Option<[Self::Strip<I>; 5]> {
        None
    }

    /// [`InstructionSet::count_bytes`], for lanes of this width.
    #[inline(always)]
    fn count_bytes<'a, I: InstructionSet>(
        _instructions: I,
        _rows: impl Iterator<Item = &'a [u8; STRIP]>,
    ) -> Option<Self::Strip<I>> {
        None
    }

    /// The most users of a run, and of a chunk of one subtotal, for a largest a, and for
    /// the largest |b| and the mean of b²; `None` if lanes are too narrow for these.
    fn run_and_chunk(most_a: i64, most_b: i64, mean_square: i64) -> Option<(usize, usize)>;
}

/// Lanes of 16 bits.
#[derive(Debug, Clone)]
pub(crate) struct Lanes16;

impl Width for Lanes16 {
    type Lane = i16;
    type Strip<I: InstructionSet> = I::Lanes16;
    type Term = [i16; 2];

    // b² is below 2¹⁶ / 8, or no run would be long enough.
    const SUMS_BYTES: bool = true;

    #[inline(always)]
    fn term(number: i32) -> [i16; 2] {
        [number as i16; 2]
    }

    #[inline(always)]
    fn number(term: [i16; 2]) -> i32 {
        term[0].into()
    }

    #[inline(always)]
    fn spread<I: InstructionSet>(instructions: I, term: [i16; 2]) -> I::Lanes16 {
        instructions.lanes16(term)
    }

    #[inline(always)]
    fn too_large<I: InstructionSet>(instructions: I) -> I::Lanes16 {
        instructions.lanes16(Self::term(-SQUARES))
    }

    #[inline(always)]
    fn sum_bytes<'a, I: InstructionSet>(
        instructions: I,
        pairs: impl Iterator<Item = [ByteRow<'a>; 2]>,
        odd: Option<ByteRow<'a>>,
    ) -> Option<[I::Lanes16; 5]> {
        instructions.sum_bytes(pairs, odd)
    }

    #[inline(always)]
    fn count_bytes<'a, I: InstructionSet>(
        instructions: I,
        rows: impl Iterator<Item = &'a [u8; STRIP]>,
    ) -> Option<I::Lanes16> {
        instructions.count_bytes(rows)
    }

    fn run_and_chunk(most_a: i64, most_b: i64, mean_square: i64) -> Option<(usize, usize)> {
        let never_wraps = i64::from(u16::MAX) / most_b.saturating_mul(most_b).max(1);
        let rarely_full = i64::from(SQUARES) / (2 * mean_square).max(1);
        let run = never_wraps.min(rarely_full).min(RUN as i64);
        let chunk = i64::from(i16::MAX) / most_a.saturating_mul(most_a).max(1);
        let chunk = chunk.min(RUNS as i64 * run);
        // Runs and chunks of a few users are not worth it.
        (run >= 8 && chunk >= 16).then_some((run as usize, chunk as usize))
    }
}

/// Lanes of 32 bits.
#[derive(Debug, Clone)]
pub(crate) struct Lanes32;

impl Width for Lanes32 {
    type Lane = i32;
    type Strip<I: InstructionSet> = I::Lanes32;
    type Term = i32;

    #[inline(always)]
    fn term(number: i32) -> i32 {
        number
    }

    #[inline(always)]
    fn number(term: i32) -> i32 {
        term
    }

    #[inline(always)]
    fn spread<I: InstructionSet>(instructions: I, term: i32) -> I::Lanes32 {
        instructions.lanes32(term)
    }

    #[inline(always)]
    fn too_large<I: InstructionSet>(instructions: I) -> I::Lanes32 {
        instructions.lanes32(0)
    }

    fn run_and_chunk(most_a: i64, most_b: i64, _: i64) -> Option<(usize, usize)> {
        let widest = most_a.max(most_b).max(1);
        let chunk = (1 << 30) / widest.saturating_mul(widest);
        (chunk >= 16 && most_b <= 32_767).then_some((RUN, chunk as usize))
    }
}
