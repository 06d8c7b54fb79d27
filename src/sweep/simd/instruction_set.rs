//! What the kernels ask of a processor.

use std::fmt::Debug;

use super::lane_by_lane::{Arithmetic, Bits};
use super::plain;
use crate::index::bitset::WORD;

/// Work that is compiled for an instruction set.
pub(crate) trait Task {
    type Output;

    /// To be marked `#[inline(always)]`.
    fn run<I: InstructionSet>(self, instructions: I) -> Self::Output;
}

/// A processor of a certain kind. Its value is the proof that this one is of the kind.
pub(crate) trait Processor: Copy + Debug + Send + Sync + 'static {
    /// The name, in settings and in plans.
    const NAME: &'static str;

    /// The proof, if there is one.
    fn detect() -> Option<Self>;

    /// Runs a task with all its code compiled for such processors.
    fn run<T: Task>(self, task: T) -> T::Output
    where
        Self: InstructionSet;
}

/// How far a product in single precision of two integers can be off, at most, of itself: three
/// roundings of 2⁻²⁴, and some to spare.
pub(super) const OFF: f32 = 1.0 / (1 << 21) as f32;

/// Lanes in a strip: subsets whose sums are formed together.
pub(crate) const STRIP: usize = 32;

/// A user's row of bytes, and their b, no more than 127 in size, in each of as many.
pub(crate) type ByteRow<'a> = (&'a [u8; STRIP], &'a [i8; STRIP]);

/// The most pairs of users whose rows are bytes: a byte counts in each half up to 15.
pub(crate) const BYTE_PAIRS: usize = 15;

/// An instruction set. What has a body here is plain Rust; a set that does better has its own.
pub(crate) trait InstructionSet: Processor {
    /// A strip of lanes of 16 bits.
    type Lanes16: Strip<Lane = i16>;
    /// A strip of lanes of 32 bits.
    type Lanes32: Strip<Lane = i32>;
    /// Two numbers of 16 bits in each of 32 lanes.
    type Pairs: Copy;
    /// 8 lanes of double precision.
    type Doubles: Doubles;

    /// All lanes at one value, which comes twice: words of 32 bits are what processors
    /// spread from memory without another step.
    fn lanes16(self, value: [i16; 2]) -> Self::Lanes16;

    /// All lanes at one value.
    fn lanes32(self, value: i32) -> Self::Lanes32;

    fn load_bytes(self, bytes: &[u8; STRIP]) -> Self::Lanes16;

    fn load_lanes32(self, lanes: &[i32; STRIP]) -> Self::Lanes32;

    fn pairs(self, first: Self::Lanes16, second: Self::Lanes16) -> Self::Pairs;

    /// All lanes at one pair.
    fn pair(self, both: [i16; 2]) -> Self::Pairs;

    /// Adds x·y of the first and x·y of the second numbers. Processors multiply and add
    /// pairs in one instruction or two; but they leave the lanes in an order of their own.
    fn add_products(self, sums: Self::Lanes32, x: Self::Pairs, y: Self::Pairs) -> Self::Lanes32;

    /// Puts sums of products back into the order of the lanes.
    #[inline(always)]
    fn in_order(self, sums: Self::Lanes32) -> Self::Lanes32 {
        sums
    }

    /// A row of answers as a byte for each lane, in an order and a form of its own, for
    /// [`sum_bytes`](Self::sum_bytes). `None` where bits serve as well.
    #[inline(always)]
    fn bytes(self, _row: u64) -> Option<[u8; STRIP]> {
        None
    }

    /// The sums n, Σs, Σb, Σsb and Σb² over some pairs of users and, if their number is odd, one more; in
    /// all over at most twice [`BYTE_PAIRS`]. Right where |Σsb| is below 2¹¹ and Σb² below 2¹⁶. `None`
    /// where there are no bytes.
    #[inline(always)]
    fn sum_bytes<'a>(
        self,
        _pairs: impl Iterator<Item = [ByteRow<'a>; 2]>,
        _odd: Option<ByteRow<'a>>,
    ) -> Option<[Self::Lanes16; 5]> {
        None
    }

    /// The sum n alone, over at most 255 users.
    #[inline(always)]
    fn count_bytes<'a>(self, _rows: impl Iterator<Item = &'a [u8; STRIP]>) -> Option<Self::Lanes16> {
        None
    }

    /// All lanes at one value.
    fn doubles(self, value: f64) -> Self::Doubles;

    fn load_doubles(self, doubles: &[f64; 8]) -> Self::Doubles;

    /// The lanes of `x` that are at least those of `y`, as bits.
    fn at_least(self, x: Self::Doubles, y: Self::Doubles) -> u32;

    /// x / √y, kept within [-1, 1] against the last rounding; or NaN.
    fn ratio(self, x: Self::Doubles, y: Self::Doubles) -> Self::Doubles;

    /// Writes `base` plus the position of each set bit to `positions`, ascending.
    /// What lies behind the last of them is overwritten with anything.
    #[inline(always)]
    fn positions(self, word: u64, base: u32, positions: &mut [u32; WORD]) {
        plain::positions(word, base, positions);
    }

    /// Writes the values whose bits are set to the front of `to`, in order. What lies
    /// behind the last of them is overwritten with anything.
    #[inline(always)]
    fn compress(self, values: &[f64; WORD], wanted: u64, to: &mut [f64; WORD]) {
        plain::compress(values, wanted, to);
    }

    /// Bit `c` of word `r` becomes bit `r` of word `c`.
    #[inline(always)]
    fn transpose(self, rows: &[u64; WORD], columns: &mut [u64; WORD]) {
        *columns = *rows;
        plain::transpose(columns);
    }
}

/// 32 lanes of integers.
pub(crate) trait Strip: Arithmetic<STRIP> + Bits {
    /// Which lanes of a strip.
    type Mask: Copy;

    /// The lanes whose bits are set in the lower half of a row, and those whose bits are
    /// set in the higher.
    fn masks(self, row: u64) -> [Self::Mask; 2];

    /// Adds `value` to some lanes.
    fn add_where(self, lanes: Self::Mask, value: Self) -> Self;

    /// Whether any lane has a bit of `mask` set.
    fn any(self, mask: Self) -> bool;

    /// A first look at the sums n, Σa, Σa², Σb, Σb², Σab of 32 subsets: whether any may have
    /// an n of at least `least`, and a covariance above 0 whose square is at least
    /// `floor` times the variances. In single precision, so some 2⁻²¹ below the floor may count as
    /// above; none above it counts as below.
    ///
    /// Where this is not worth code of its own, any subset may be: the second look is as good.
    #[inline(always)]
    fn any_above(_sums: [Self; 6], _least: Self::Lane, _floor: f32) -> bool {
        true
    }
}

/// 8 lanes of double precision.
pub(crate) trait Doubles: Arithmetic<8, Lane = f64> {
    /// Those lanes whose bits are set, lowest first; the others are zero.
    fn only(self, lanes: u32) -> Self;

    /// Adds `value` to the lanes whose bits are set.
    #[inline(always)]
    fn add_where(self, lanes: u32, value: Self) -> Self {
        self.add(value.only(lanes))
    }
}

/// The bits of the lower half of a row, and of the higher.
#[inline(always)]
pub(super) fn halves(row: u64) -> [u32; 2] {
    [row as u32, (row >> STRIP) as u32]
}
