//! NEON, as all 64-bit ARM processors have it.

use std::arch::aarch64::*;
use std::arch::asm;

use super::instruction_set::{self, ByteRow, InstructionSet, STRIP, Strip};
use super::lane_by_lane::{Bits, lane_by_lane};
use super::places::PLACES;
use super::processor::processor;
use crate::index::bitset::WORD;

processor! {
    /// A processor with NEON.
    Neon, named "neon", if is_aarch64_feature_detected: "neon"
}

/// One bit a lane.
const BITS: [i16; 8] = [1, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7];

impl InstructionSet for Neon {
    type Lanes16 = Lanes16;
    type Lanes32 = Lanes32;
    type Pairs = [Lanes16; 2];
    type Doubles = Doubles;

    #[inline(always)]
    fn lanes16(self, [value, _]: [i16; 2]) -> Lanes16 {
        // SAFETY: `self` proves the processor has NEON.
        Lanes16(unsafe { [vdupq_n_s16(value); 4] })
    }

    #[inline(always)]
    fn lanes32(self, value: i32) -> Lanes32 {
        // SAFETY: `self` proves the processor has NEON.
        Lanes32(unsafe { [vdupq_n_s32(value); 8] })
    }

    #[inline(always)]
    fn load_bytes(self, bytes: &[u8; STRIP]) -> Lanes16 {
        // SAFETY: `self` proves the processor has NEON; each load is of 16 of the 32 bytes.
        unsafe { widen(vld1q_u8(bytes.as_ptr()), vld1q_u8(bytes.as_ptr().add(16))) }
    }

    #[inline(always)]
    fn load_lanes32(self, lanes: &[i32; STRIP]) -> Lanes32 {
        // SAFETY: `self` proves the processor has NEON; each load is of 4 of the 32.
        let load = |at: usize| unsafe { vld1q_s32(lanes.as_ptr().add(at)) };
        Lanes32([load(0), load(4), load(8), load(12), load(16), load(20), load(24), load(28)])
    }

    #[inline(always)]
    fn pairs(self, first: Lanes16, second: Lanes16) -> [Lanes16; 2] {
        [first, second]
    }

    #[inline(always)]
    fn pair(self, [first, second]: [i16; 2]) -> [Lanes16; 2] {
        [self.lanes16([first; 2]), self.lanes16([second; 2])]
    }

    /// One instruction multiplies four lanes and adds them up.
    #[inline(always)]
    fn add_products(self, mut sums: Lanes32, x: [Lanes16; 2], y: [Lanes16; 2]) -> Lanes32 {
        for (x, y) in x.iter().zip(&y) {
            for part in 0..4 {
                let (x, y) = (x.0[part], y.0[part]);
                // SAFETY: `self` proves the processor has NEON.
                unsafe {
                    let low = &mut sums.0[2 * part];
                    *low = vmlal_s16(*low, vget_low_s16(x), vget_low_s16(y));
                    let high = &mut sums.0[2 * part + 1];
                    *high = vmlal_high_s16(*high, x, y);
                }
            }
        }
        sums
    }

    /// 16 where the question was not answered, 1 where the score was 1: b is then looked up in a table,
    /// and what lies beyond the end of one is 0.
    #[inline(always)]
    fn bytes(self, row: u64) -> Option<[u8; STRIP]> {
        // SAFETY: `self` proves the processor has NEON; each store is of 16 of the 32 bytes.
        unsafe {
            let row = vcombine_u8(vcreate_u8(row), vdup_n_u8(0));
            let bit = vreinterpretq_u8_u64(vdupq_n_u64(0x8040_2010_0804_0201));
            let mask = |first: u8| {
                let order = vcombine_u8(vdup_n_u8(first), vdup_n_u8(first + 1));
                vtstq_u8(vqtbl1q_u8(row, order), bit)
            };
            let mut bytes = [0; STRIP];
            for half in 0..2 {
                let (answered, correct) = (mask(2 * half), mask(4 + 2 * half));
                let byte = vorrq_u8(vbicq_u8(vdupq_n_u8(16), answered), vandq_u8(vdupq_n_u8(1), correct));
                vst1q_u8(bytes.as_mut_ptr().add(16 * usize::from(half)), byte);
            }
            Some(bytes)
        }
    }

    #[inline(always)]
    fn sum_bytes<'a>(
        self,
        pairs: impl Iterator<Item = [ByteRow<'a>; 2]>,
        odd: Option<ByteRow<'a>>,
    ) -> Option<[Lanes16; 5]> {
        // SAFETY: `self` proves the processor has NEON.
        unsafe {
            let mut sums = ByteSums::zero();
            for [x, y] in pairs {
                sums.add(0, x);
                sums.add(1, y);
            }
            if let Some(odd) = odd {
                sums.add(0, odd);
            }
            Some(sums.finish())
        }
    }

    #[inline(always)]
    fn count_bytes<'a>(self, rows: impl Iterator<Item = &'a [u8; STRIP]>) -> Option<Lanes16> {
        // SAFETY: `self` proves the processor has NEON; each load is of 16 of the 32 bytes.
        unsafe {
            let add = |[low, high]: [uint8x16_t; 2], row: &[u8; STRIP]| {
                let part = |n, at| {
                    vaddq_u8(
                        n,
                        vceqq_u8(vandq_u8(vld1q_u8(row.as_ptr().add(at)), vdupq_n_u8(16)), vdupq_n_u8(0)),
                    )
                };
                [part(low, 0), part(high, 16)]
            };
            // A mask is 255, or -1.
            let [low, high] = rows.fold([vdupq_n_u8(0); 2], add);
            let n = |less| vsubq_u8(vdupq_n_u8(0), less);
            Some(widen(n(low), n(high)))
        }
    }

    #[inline(always)]
    fn doubles(self, value: f64) -> Doubles {
        // SAFETY: `self` proves the processor has NEON.
        Doubles(unsafe { [vdupq_n_f64(value); 4] })
    }

    #[inline(always)]
    fn load_doubles(self, doubles: &[f64; 8]) -> Doubles {
        // SAFETY: `self` proves the processor has NEON; each load is of 2 of the 8.
        let load = |at: usize| unsafe { vld1q_f64(doubles.as_ptr().add(at)) };
        Doubles([load(0), load(2), load(4), load(6)])
    }

    /// The eight comparisons are narrowed to one vector, where each keeps its bit.
    #[inline(always)]
    fn at_least(self, x: Doubles, y: Doubles) -> u32 {
        // SAFETY: `self` proves the processor has NEON.
        unsafe {
            let at_least = |part: usize| vreinterpretq_u32_u64(vcgeq_f64(x.0[part], y.0[part]));
            let low = vreinterpretq_u16_u32(vuzp1q_u32(at_least(0), at_least(1)));
            let high = vreinterpretq_u16_u32(vuzp1q_u32(at_least(2), at_least(3)));
            let all = vreinterpretq_s16_u16(vuzp1q_u16(low, high));
            vaddvq_s16(vandq_s16(all, vld1q_s16(BITS.as_ptr()))) as u32
        }
    }

    #[inline(always)]
    fn ratio(self, x: Doubles, y: Doubles) -> Doubles {
        // SAFETY: `self` proves the processor has NEON.
        x.zip(y, |x, y| unsafe {
            let ratio = vdivq_f64(x, vsqrtq_f64(y));
            // Of a number and NaN, these give NaN.
            vminq_f64(vmaxq_f64(ratio, vdupq_n_f64(-1.0)), vdupq_n_f64(1.0))
        })
    }

    /// A table tells the places of the bits of a byte. The bits of all bytes are counted at
    /// once; a product adds each byte's count to all that come behind it.
    #[inline(always)]
    fn positions(self, word: u64, base: u32, positions: &mut [u32; WORD]) {
        // SAFETY: `self` proves the processor has NEON.
        let counts = unsafe { vget_lane_u64::<0>(vreinterpret_u64_u8(vcnt_u8(vcreate_u8(word)))) };
        // Before each byte, how many bits are set in those below.
        let before = counts.wrapping_mul(0x0101_0101_0101_0101) << 8;
        for byte in 0..8 {
            let (bits, start) = ((word >> (8 * byte)) as u8, (before >> (8 * byte)) as u8);
            // SAFETY: `self` proves the processor has NEON. The table's rows have 8 bytes; at
            // most 8 positions a byte stand before, so there is room for 8 more.
            unsafe {
                let places = vmovl_u8(vld1_u8(PLACES[usize::from(bits)].as_ptr()));
                let first = vdupq_n_u32(base + 8 * byte);
                let to = positions.as_mut_ptr().add(usize::from(start));
                vst1q_u32(to, vaddw_u16(first, vget_low_u16(places)));
                vst1q_u32(to.add(4), vaddw_high_u16(first, places));
            }
        }
    }

    /// Squares of 8 × 8 bits first, of eight rows at a time: halves of bytes change places, then
    /// their halves, then bits. Then squares of 8 × 8 bytes, of the same two bits of all rows, in
    /// the same way.
    #[inline(always)]
    fn transpose(self, rows: &[u64; WORD], columns: &mut [u64; WORD]) {
        // SAFETY: `self` proves the processor has NEON; each load and each store is of two of
        // the 64 words.
        unsafe {
            let mut squares = [[vdupq_n_u8(0); 4]; 8];
            for (index, square) in squares.iter_mut().enumerate() {
                let two = |at: usize| vld1q_u8(rows.as_ptr().add(8 * index + at).cast());
                let ([x0, x2], [x1, x3]) = (swap_halves(two(0), two(4)), swap_halves(two(2), two(6)));
                let ([x0, x1], [x2, x3]) = (swap_quarters(x0, x1), swap_quarters(x2, x3));
                *square = [swap_bits(x0), swap_bits(x1), swap_bits(x2), swap_bits(x3)];
            }
            for two in 0..4 {
                let of = |index: usize| squares[index][two];
                let ([x0, x1], [x2, x3]) = (swap_bytes(of(0), of(1)), swap_bytes(of(2), of(3)));
                let ([x4, x5], [x6, x7]) = (swap_bytes(of(4), of(5)), swap_bytes(of(6), of(7)));
                let ([x0, x2], [x1, x3]) = (swap_pairs(x0, x2), swap_pairs(x1, x3));
                let ([x4, x6], [x5, x7]) = (swap_pairs(x4, x6), swap_pairs(x5, x7));
                let ([x0, x4], [x1, x5]) = (swap_fours(x0, x4), swap_fours(x1, x5));
                let ([x2, x6], [x3, x7]) = (swap_fours(x2, x6), swap_fours(x3, x7));
                for (byte, columns_of) in [x0, x1, x2, x3, x4, x5, x6, x7].into_iter().enumerate() {
                    vst1q_u8(columns.as_mut_ptr().add(8 * byte + 2 * two).cast(), columns_of);
                }
            }
        }
    }
}

/// Sums over users whose rows are bytes.
struct ByteSums {
    /// How many users there were, in all.
    users: u8,
    /// 16 times how many did not answer, and Σs, of the first and of the second users of the pairs.
    counts: [[uint8x16_t; 2]; 2],
    /// Σb
    totals: [int16x8_t; 4],
    /// Σsb
    products: [int16x8_t; 4],
    /// Σb²
    squares: [int16x8_t; 4],
}

impl ByteSums {
    #[inline]
    #[target_feature(enable = "neon")]
    fn zero() -> Self {
        let (counts, zero) = ([[vdupq_n_u8(0); 2]; 2], [vdupq_n_s16(0); 4]);
        Self { users: 0, counts, totals: zero, products: zero, squares: zero }
    }

    #[inline]
    #[target_feature(enable = "neon")]
    fn add(&mut self, member: usize, (row, b): ByteRow<'_>) {
        self.users += 1;
        // SAFETY: each load is of 16 of 32 bytes.
        let (rows, b) =
            unsafe { ([vld1q_u8(row.as_ptr()), vld1q_u8(row.as_ptr().add(16))], vld1q_s8(b.as_ptr())) };
        // A table of nothing for a score of 0, and of b for 1.
        let of_correct = vandq_s8(b, vreinterpretq_s8_u64(vsetq_lane_u64::<0>(0xff00, vdupq_n_u64(0))));
        for (half, row) in rows.into_iter().enumerate() {
            let count = &mut self.counts[member][half];
            *count = vaddq_u8(*count, row);
            let (total, product) = (vqtbl1q_s8(b, row), vqtbl1q_s8(of_correct, row));
            let (low, high) = (2 * half, 2 * half + 1);
            self.totals[low] = vaddw_s8(self.totals[low], vget_low_s8(total));
            self.totals[high] = vaddw_high_s8(self.totals[high], total);
            self.products[low] = vaddw_s8(self.products[low], vget_low_s8(product));
            self.products[high] = vaddw_high_s8(self.products[high], product);
            self.squares[low] = vmlal_s8(self.squares[low], vget_low_s8(total), vget_low_s8(b));
            self.squares[high] = vmlal_high_s8(self.squares[high], total, b);
        }
    }

    /// n, Σs, Σb, Σsb and Σb².
    #[inline]
    #[target_feature(enable = "neon")]
    fn finish(self) -> [Lanes16; 5] {
        let Self { users, counts: [x, y], totals, products, squares } = self;
        let (low, all) = (vdupq_n_u8(15), vdupq_n_u8(users));
        let n = |half: usize| vsubq_u8(all, vsraq_n_u8::<4>(vshrq_n_u8::<4>(x[half]), y[half]));
        let s = |half: usize| vaddq_u8(vandq_u8(x[half], low), vandq_u8(y[half], low));
        [widen(n(0), n(1)), widen(s(0), s(1)), Lanes16(totals), Lanes16(products), Lanes16(squares)]
    }
}

/// Bytes as numbers of 16 bits.
#[inline]
#[target_feature(enable = "neon")]
fn widen(low: uint8x16_t, high: uint8x16_t) -> Lanes16 {
    Lanes16([
        vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(low))),
        vreinterpretq_s16_u16(vmovl_high_u8(low)),
        vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(high))),
        vreinterpretq_s16_u16(vmovl_high_u8(high)),
    ])
}

/// The higher half of each byte of `x` and the lower half of each of `y` change places.
#[inline]
#[target_feature(enable = "neon")]
fn swap_halves(x: uint8x16_t, y: uint8x16_t) -> [uint8x16_t; 2] {
    [vsliq_n_u8::<4>(x, y), vsriq_n_u8::<4>(y, x)]
}

/// Likewise with the halves of each half of a byte.
#[inline]
#[target_feature(enable = "neon")]
fn swap_quarters(x: uint8x16_t, y: uint8x16_t) -> [uint8x16_t; 2] {
    let lower = vdupq_n_u8(0x33);
    [vbslq_u8(lower, x, vshlq_n_u8::<2>(y)), vbslq_u8(lower, vshrq_n_u8::<2>(x), y)]
}

/// Likewise with the odd bits of the lower half of a vector and the even ones of the higher.
#[inline]
#[target_feature(enable = "neon")]
fn swap_bits(x: uint8x16_t) -> uint8x16_t {
    let shift = vcombine_s8(vdup_n_s8(1), vdup_n_s8(-1));
    let stay = vcombine_u8(vdup_n_u8(0x55), vdup_n_u8(0xaa));
    vbslq_u8(stay, x, vshlq_u8(vextq_u8::<8>(x, x), shift))
}

/// The odd bytes of `x` and the even ones of `y` change places.
#[inline]
#[target_feature(enable = "neon")]
fn swap_bytes(x: uint8x16_t, y: uint8x16_t) -> [uint8x16_t; 2] {
    [vtrn1q_u8(x, y), vtrn2q_u8(x, y)]
}

/// Likewise with pairs of bytes.
#[inline]
#[target_feature(enable = "neon")]
fn swap_pairs(x: uint8x16_t, y: uint8x16_t) -> [uint8x16_t; 2] {
    let (x, y) = (vreinterpretq_u16_u8(x), vreinterpretq_u16_u8(y));
    [vreinterpretq_u8_u16(vtrn1q_u16(x, y)), vreinterpretq_u8_u16(vtrn2q_u16(x, y))]
}

/// Likewise with fours of bytes.
#[inline]
#[target_feature(enable = "neon")]
fn swap_fours(x: uint8x16_t, y: uint8x16_t) -> [uint8x16_t; 2] {
    let (x, y) = (vreinterpretq_u32_u8(x), vreinterpretq_u32_u8(y));
    [vreinterpretq_u8_u32(vtrn1q_u32(x, y)), vreinterpretq_u8_u32(vtrn2q_u32(x, y))]
}

/// All ones in the lanes that have the bit, else zeros.
///
/// As assembly, for a compiler that knows a mask when it sees one makes a choice and an addition of
/// the product that is taken off: sums took 1.4 to 2 times as many cycles.
#[inline]
#[target_feature(enable = "neon")]
fn test16(x: int16x8_t, bit: int16x8_t) -> int16x8_t {
    let mask;
    // SAFETY: one instruction, on registers alone.
    unsafe {
        asm!(
            "cmtst {mask:v}.8h, {x:v}.8h, {bit:v}.8h",
            mask = lateout(vreg) mask, x = in(vreg) x, bit = in(vreg) bit,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    mask
}

/// Like [`test16`], for lanes of 32 bits.
#[inline]
#[target_feature(enable = "neon")]
fn test32(x: int32x4_t, bit: int32x4_t) -> int32x4_t {
    let mask;
    // SAFETY: one instruction, on registers alone.
    unsafe {
        asm!(
            "cmtst {mask:v}.4s, {x:v}.4s, {bit:v}.4s",
            mask = lateout(vreg) mask, x = in(vreg) x, bit = in(vreg) bit,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    mask
}

lane_by_lane! {
    /// 32 lanes of 16 bits.
    Lanes16: [i16; STRIP] in [int16x8_t; 0 1 2 3];
    add: vaddq_s16, mul: vmulq_s16, store: vst1q_s16;
    and: vandq_s16, or: vorrq_s16, shift<BITS>: |x| vshlq_s16(x, vdupq_n_s16(-(BITS as i16)));
}

// SAFETY of all blocks below: a strip or block comes out of a method of `Neon` in the end,
// and so proves that the processor has NEON.
impl Strip for Lanes16 {
    /// All ones, or all zeros.
    type Mask = [int16x8_t; 4];

    #[inline(always)]
    fn masks(self, row: u64) -> [[int16x8_t; 4]; 2] {
        // SAFETY: see above.
        unsafe {
            let row = vcreate_s16(row);
            let low = vld1q_s16(BITS.as_ptr());
            let high = vshlq_n_s16::<8>(low);
            let half = |half: int16x8_t| [test16(half, low), test16(half, high)];
            let [x0, x1] = half(vdupq_lane_s16::<0>(row));
            let [x2, x3] = half(vdupq_lane_s16::<1>(row));
            let [y0, y1] = half(vdupq_lane_s16::<2>(row));
            let [y2, y3] = half(vdupq_lane_s16::<3>(row));
            [[x0, x1, x2, x3], [y0, y1, y2, y3]]
        }
    }

    /// One instruction takes a product off: a mask of all ones is -1.
    #[inline(always)]
    fn add_where(self, lanes: [int16x8_t; 4], value: Self) -> Self {
        // SAFETY: see above.
        let less = |part: usize| unsafe { vmlsq_s16(self.0[part], lanes[part], value.0[part]) };
        Self([less(0), less(1), less(2), less(3)])
    }

    #[inline(always)]
    fn any(self, mask: Self) -> bool {
        let [x0, x1, x2, x3] = self.and(mask).0;
        // SAFETY: see above.
        unsafe {
            let any = vorrq_s16(vorrq_s16(x0, x1), vorrq_s16(x2, x3));
            vmaxvq_u16(vreinterpretq_u16_s16(any)) != 0
        }
    }

    #[inline(always)]
    fn any_above(sums: [Self; 6], least: i16, floor: f32) -> bool {
        // SAFETY: see above.
        unsafe {
            let mut above = vdupq_n_u32(0);
            for part in 0..4 {
                let [n, a, aa, b, bb, ab] = sums;
                let [n, a, aa, b, bb, ab] =
                    [n.0[part], a.0[part], aa.0[part], b.0[part], bb.0[part], ab.0[part]];
                // A covariance of 0 drops the lanes of too few users.
                let enough = vreinterpretq_s16_u16(vcgeq_s16(n, vdupq_n_s16(least)));
                let (ab, covariance_b) = (vandq_s16(ab, enough), vandq_s16(b, enough));
                let difference = |x: int16x8_t, y: int16x8_t, z: int16x8_t| {
                    let low = vmull_s16(vget_low_s16(n), vget_low_s16(x));
                    let low = vmlsl_s16(low, vget_low_s16(y), vget_low_s16(z));
                    let high = vmlsl_high_s16(vmull_high_s16(n, x), y, z);
                    [vcvtq_f32_s32(low), vcvtq_f32_s32(high)]
                };
                let covariance = difference(ab, a, covariance_b);
                let (var_a, var_b) = (difference(aa, a, a), difference(bb, b, b));
                for half in 0..2 {
                    let covariance = covariance[half];
                    let least = vmulq_f32(vdupq_n_f32(floor), vmulq_f32(var_a[half], var_b[half]));
                    let reached = vcgeq_f32(vmulq_f32(covariance, covariance), least);
                    above = vorrq_u32(above, vandq_u32(reached, vcgtzq_f32(covariance)));
                }
            }
            vmaxvq_u32(above) != 0
        }
    }
}

lane_by_lane! {
    /// 32 lanes of 32 bits.
    Lanes32: [i32; STRIP] in [int32x4_t; 0 1 2 3 4 5 6 7];
    add: vaddq_s32, mul: vmulq_s32, store: vst1q_s32;
    and: vandq_s32, or: vorrq_s32, shift<BITS>: |x| vshlq_s32(x, vdupq_n_s32(-(BITS as i32)));
}

impl Strip for Lanes32 {
    /// All ones, or all zeros.
    type Mask = [int32x4_t; 8];

    #[inline(always)]
    fn masks(self, row: u64) -> [[int32x4_t; 8]; 2] {
        // SAFETY: see above.
        unsafe {
            let row = vcreate_s8(row);
            let low = vmovl_s16(vld1_s16(BITS.as_ptr()));
            let high = vshlq_n_s32::<4>(low);
            let byte = |byte: int8x16_t| {
                let byte = vreinterpretq_s32_s8(byte);
                [test32(byte, low), test32(byte, high)]
            };
            let [x0, x1] = byte(vdupq_lane_s8::<0>(row));
            let [x2, x3] = byte(vdupq_lane_s8::<1>(row));
            let [x4, x5] = byte(vdupq_lane_s8::<2>(row));
            let [x6, x7] = byte(vdupq_lane_s8::<3>(row));
            let [y0, y1] = byte(vdupq_lane_s8::<4>(row));
            let [y2, y3] = byte(vdupq_lane_s8::<5>(row));
            let [y4, y5] = byte(vdupq_lane_s8::<6>(row));
            let [y6, y7] = byte(vdupq_lane_s8::<7>(row));
            [[x0, x1, x2, x3, x4, x5, x6, x7], [y0, y1, y2, y3, y4, y5, y6, y7]]
        }
    }

    #[inline(always)]
    fn add_where(self, lanes: [int32x4_t; 8], value: Self) -> Self {
        // SAFETY: see above.
        let less = |part: usize| unsafe { vmlsq_s32(self.0[part], lanes[part], value.0[part]) };
        Self([less(0), less(1), less(2), less(3), less(4), less(5), less(6), less(7)])
    }

    #[inline(always)]
    fn any(self, mask: Self) -> bool {
        let [x0, x1, x2, x3, x4, x5, x6, x7] = self.and(mask).0;
        // SAFETY: see above.
        unsafe {
            let low = vorrq_s32(vorrq_s32(x0, x1), vorrq_s32(x2, x3));
            let high = vorrq_s32(vorrq_s32(x4, x5), vorrq_s32(x6, x7));
            vmaxvq_u32(vreinterpretq_u32_s32(vorrq_s32(low, high))) != 0
        }
    }
}

lane_by_lane! {
    /// 8 lanes of double precision.
    Doubles: [f64; 8] in [float64x2_t; 0 1 2 3];
    add: vaddq_f64, mul: vmulq_f64, store: vst1q_f64;
}

impl instruction_set::Doubles for Doubles {
    #[inline(always)]
    fn only(self, lanes: u32) -> Self {
        // SAFETY: see above.
        unsafe {
            let lanes = vdupq_n_u64(lanes.into());
            let only = |part: usize, bits: [u64; 2]| {
                let mask = vtstq_u64(lanes, vld1q_u64(bits.as_ptr()));
                vreinterpretq_f64_u64(vandq_u64(vreinterpretq_u64_f64(self.0[part]), mask))
            };
            Self([only(0, [1, 2]), only(1, [4, 8]), only(2, [16, 32]), only(3, [64, 128])])
        }
    }
}
