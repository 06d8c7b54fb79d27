//! AVX-512, as processors have it since 2019 (Ice Lake) and 2022 (Zen 4).

use std::arch::x86_64::*;

use super::instruction_set::{self, InstructionSet, OFF, STRIP, Strip, halves};
use super::lane_by_lane::lane_by_lane;
use super::processor::processor;
use crate::index::bitset::WORD;

processor! {
    /// A processor with AVX-512 F, BW, DQ, VL, VBMI, VBMI2, VNNI and VPOPCNTDQ, GFNI, BMI1, BMI2 and POPCNT.
    Avx512, named "avx512", if is_x86_feature_detected:
    "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512vbmi", "avx512vbmi2", "avx512vnni",
    "avx512vpopcntdq", "gfni", "bmi1", "bmi2", "popcnt"
}

impl InstructionSet for Avx512 {
    type Lanes16 = Lanes16;
    type Lanes32 = Lanes32;
    type Pairs = Pairs;
    type Doubles = Doubles;

    #[inline(always)]
    fn lanes16(self, value: [i16; 2]) -> Lanes16 {
        // SAFETY: `self` proves the processor has AVX-512 F.
        Lanes16(unsafe { [_mm512_set1_epi32(i32::from(value[1]) << 16 | i32::from(value[0] as u16))] })
    }

    #[inline(always)]
    fn lanes32(self, value: i32) -> Lanes32 {
        // SAFETY: `self` proves the processor has AVX-512 F.
        Lanes32(unsafe { [_mm512_set1_epi32(value); 2] })
    }

    #[inline(always)]
    fn load_bytes(self, bytes: &[u8; STRIP]) -> Lanes16 {
        // SAFETY: `self` proves the processor has AVX-512 BW; there are 32 bytes.
        Lanes16(unsafe { [_mm512_cvtepu8_epi16(_mm256_loadu_si256(bytes.as_ptr().cast()))] })
    }

    #[inline(always)]
    fn load_lanes32(self, lanes: &[i32; STRIP]) -> Lanes32 {
        let [low, high] = lanes.as_chunks().0 else { unreachable!("two halves") };
        let load = |half: &[i32; 16]| {
            // SAFETY: `self` proves the processor has AVX-512 F; there are 64 bytes.
            unsafe { _mm512_loadu_si512(half.as_ptr().cast()) }
        };
        Lanes32([load(low), load(high)])
    }

    #[inline(always)]
    fn pairs(self, first: Lanes16, second: Lanes16) -> Pairs {
        let ([x], [y]) = (first.0, second.0);
        // SAFETY: `self` proves the processor has AVX-512 BW.
        unsafe { Pairs([_mm512_unpacklo_epi16(x, y), _mm512_unpackhi_epi16(x, y)]) }
    }

    #[inline(always)]
    fn pair(self, both: [i16; 2]) -> Pairs {
        Pairs([self.lanes16(both).0[0]; 2])
    }

    #[inline(always)]
    fn add_products(self, sums: Lanes32, x: Pairs, y: Pairs) -> Lanes32 {
        // SAFETY: `self` proves the processor has AVX-512 VNNI.
        let add = |part: usize| unsafe { _mm512_dpwssd_epi32(sums.0[part], x.0[part], y.0[part]) };
        Lanes32([add(0), add(1)])
    }

    #[inline(always)]
    fn in_order(self, sums: Lanes32) -> Lanes32 {
        let [low, high] = sums.0;
        // Quarters of the lower and of the higher come in turns.
        // SAFETY: `self` proves the processor has AVX-512 F.
        unsafe {
            let first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
            let second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
            Lanes32([
                _mm512_permutex2var_epi64(low, first, high),
                _mm512_permutex2var_epi64(low, second, high),
            ])
        }
    }

    #[inline(always)]
    fn doubles(self, value: f64) -> Doubles {
        // SAFETY: `self` proves the processor has AVX-512 F.
        Doubles(unsafe { [_mm512_set1_pd(value)] })
    }

    #[inline(always)]
    fn load_doubles(self, doubles: &[f64; 8]) -> Doubles {
        // SAFETY: `self` proves the processor has AVX-512 F; there are 64 bytes.
        Doubles(unsafe { [_mm512_loadu_pd(doubles.as_ptr())] })
    }

    #[inline(always)]
    fn at_least(self, x: Doubles, y: Doubles) -> u32 {
        // SAFETY: `self` proves the processor has AVX-512 F.
        unsafe { _mm512_cmp_pd_mask::<_CMP_GE_OQ>(x.0[0], y.0[0]).into() }
    }

    #[inline(always)]
    fn ratio(self, x: Doubles, y: Doubles) -> Doubles {
        // SAFETY: `self` proves the processor has AVX-512 F.
        unsafe {
            let ratio = _mm512_div_pd(x.0[0], _mm512_sqrt_pd(y.0[0]));
            // Of a number and NaN, these give the second.
            let ratio = _mm512_max_pd(_mm512_set1_pd(-1.0), ratio);
            Doubles([_mm512_min_pd(_mm512_set1_pd(1.0), ratio)])
        }
    }

    /// One instruction gathers the positions of a word's bits.
    #[inline(always)]
    fn positions(self, word: u64, base: u32, positions: &mut [u32; WORD]) {
        const ALL: [u8; WORD] = {
            let mut all = [0; WORD];
            let mut bit = 0;
            while bit < WORD {
                all[bit] = bit as u8;
                bit += 1;
            }
            all
        };
        // SAFETY: `self` proves the processor has AVX-512 F, VBMI2 and VL. `ALL` has 64
        // bytes; each store writes 16 of the 64 positions.
        unsafe {
            let all = _mm512_loadu_si512(ALL.as_ptr().cast());
            let set = _mm512_maskz_compress_epi8(word, all);
            let base = _mm512_set1_epi32(base as i32);
            let count = word.count_ones();
            let start = positions.as_mut_ptr();
            let at = |part: usize| start.add(16 * part).cast();
            _mm512_storeu_si512(
                at(0),
                _mm512_add_epi32(base, _mm512_cvtepu8_epi32(_mm512_castsi512_si128(set))),
            );
            if count > 16 {
                let part = _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32::<1>(set));
                _mm512_storeu_si512(at(1), _mm512_add_epi32(base, part));
            }
            if count > 32 {
                let part = _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32::<2>(set));
                _mm512_storeu_si512(at(2), _mm512_add_epi32(base, part));
                let part = _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32::<3>(set));
                _mm512_storeu_si512(at(3), _mm512_add_epi32(base, part));
            }
        }
    }

    #[inline(always)]
    fn compress(self, values: &[f64; WORD], wanted: u64, to: &mut [f64; WORD]) {
        let mut kept = 0;
        for at in (0..WORD).step_by(8) {
            // SAFETY: `self` proves the processor has AVX-512 F. There are 8 values from
            // `at` on; at most `at` were kept, so there is room for 8 more.
            unsafe {
                let values = _mm512_loadu_pd(values.as_ptr().add(at));
                let values = _mm512_maskz_compress_pd((wanted >> at) as u8, values);
                _mm512_storeu_pd(to.as_mut_ptr().add(kept), values);
            }
            kept += (wanted >> at & 0xff).count_ones() as usize;
        }
    }

    /// Eight rows at a time: their bytes are sorted into squares of 8 × 8 bits, which
    /// one instruction transposes. The squares of the eight groups of rows are then
    /// interleaved byte by byte, so that every column's bytes come together.
    #[inline(always)]
    fn transpose(self, rows: &[u64; WORD], columns: &mut [u64; WORD]) {
        // Byte c of row r goes to byte 7 - r of square c, as the affine product counts
        // the rows of its matrix from the last byte.
        const SQUARES: [u8; WORD] = {
            let mut squares = [0; WORD];
            let mut byte = 0;
            while byte < WORD {
                let (column, row) = (byte / 8, 7 - byte % 8);
                squares[byte] = (row * 8 + column) as u8;
                byte += 1;
            }
            squares
        };
        // The interleaving below brings byte 16·l + 2·v + e of every group to lane
        // 2·l + e of vector v; so the column 8·v + 2·l + e has to be there.
        const ORDER: [u8; WORD] = {
            let mut order = [0; WORD];
            let mut byte = 0;
            while byte < WORD {
                let (l, v, e) = (byte / 16, byte % 16 / 2, byte % 2);
                order[byte] = (8 * v + 2 * l + e) as u8;
                byte += 1;
            }
            order
        };
        // SAFETY: `self` proves the processor has AVX-512 F, BW, VBMI and GFNI. The
        // constants have 64 bytes; each load and each store is of 8 of the 64 words.
        unsafe {
            let squares = _mm512_loadu_si512(SQUARES.as_ptr().cast());
            let order = _mm512_loadu_si512(ORDER.as_ptr().cast());
            let identity = _mm512_set1_epi64(0x8040_2010_0804_0201_u64 as i64);
            let mut group = [_mm512_setzero_si512(); 8];
            for (index, group) in group.iter_mut().enumerate() {
                let rows = _mm512_loadu_si512(rows.as_ptr().add(8 * index).cast());
                let rows = _mm512_permutexvar_epi8(squares, rows);
                let bits = _mm512_gf2p8affine_epi64_epi8::<0>(identity, rows);
                *group = _mm512_permutexvar_epi8(order, bits);
            }
            let [g0, g1, g2, g3, g4, g5, g6, g7] = group;
            // By the lower and the higher half of each vector's quarters.
            let bytes = [
                [
                    _mm512_unpacklo_epi8(g0, g1),
                    _mm512_unpacklo_epi8(g2, g3),
                    _mm512_unpacklo_epi8(g4, g5),
                    _mm512_unpacklo_epi8(g6, g7),
                ],
                [
                    _mm512_unpackhi_epi8(g0, g1),
                    _mm512_unpackhi_epi8(g2, g3),
                    _mm512_unpackhi_epi8(g4, g5),
                    _mm512_unpackhi_epi8(g6, g7),
                ],
            ];
            for (half, [b0, b1, b2, b3]) in bytes.into_iter().enumerate() {
                let lower = [_mm512_unpacklo_epi16(b0, b1), _mm512_unpackhi_epi16(b0, b1)];
                let upper = [_mm512_unpacklo_epi16(b2, b3), _mm512_unpackhi_epi16(b2, b3)];
                for (quarter, (low, high)) in lower.into_iter().zip(upper).enumerate() {
                    let to = columns.as_mut_ptr().add(8 * (4 * half + 2 * quarter));
                    _mm512_storeu_si512(to.cast(), _mm512_unpacklo_epi32(low, high));
                    _mm512_storeu_si512(to.add(8).cast(), _mm512_unpackhi_epi32(low, high));
                }
            }
        }
    }
}

lane_by_lane! {
    /// 32 lanes of 16 bits.
    Lanes16: [i16; STRIP] in [__m512i; 0];
    add: _mm512_add_epi16, mul: _mm512_mullo_epi16, store: _mm512_storeu_si512;
    and: _mm512_and_si512, or: _mm512_or_si512, shift<BITS>: |x| _mm512_srai_epi16::<BITS>(x);
}

// SAFETY of all blocks below: a strip or block comes out of a method of `Avx512` in
// the end, and so proves that the processor has AVX-512 F and BW.
impl Strip for Lanes16 {
    type Mask = u32;

    #[inline(always)]
    fn masks(self, row: u64) -> [u32; 2] {
        halves(row)
    }

    #[inline(always)]
    fn add_where(self, lanes: u32, value: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { [_mm512_mask_add_epi16(self.0[0], lanes, self.0[0], value.0[0])] })
    }

    #[inline(always)]
    fn any(self, mask: Self) -> bool {
        // SAFETY: see above.
        unsafe { _mm512_test_epi16_mask(self.0[0], mask.0[0]) != 0 }
    }

    #[inline(always)]
    fn any_above(sums: [Self; 6], least: i16, floor: f32) -> bool {
        let [Self([n]), Self([a]), Self([aa]), Self([b]), Self([bb]), Self([ab])] = sums;
        // SAFETY: see above.
        unsafe {
            // A covariance of 0 drops the lanes of too few users.
            let enough = _mm512_cmpge_epi16_mask(n, _mm512_set1_epi16(least));
            let zero = _mm512_setzero_si512();
            let minus_a = _mm512_sub_epi16(zero, a);
            let minus_b = _mm512_sub_epi16(zero, b);
            let ab = _mm512_maskz_mov_epi16(enough, ab);
            let covariance_b = _mm512_maskz_mov_epi16(enough, minus_b);
            let low = above(
                floor,
                [_mm512_unpacklo_epi16(n, a), _mm512_unpacklo_epi16(n, b)],
                _mm512_unpacklo_epi16(ab, covariance_b),
                [_mm512_unpacklo_epi16(aa, minus_a), _mm512_unpacklo_epi16(bb, minus_b)],
            );
            let high = above(
                floor,
                [_mm512_unpackhi_epi16(n, a), _mm512_unpackhi_epi16(n, b)],
                _mm512_unpackhi_epi16(ab, covariance_b),
                [_mm512_unpackhi_epi16(aa, minus_a), _mm512_unpackhi_epi16(bb, minus_b)],
            );
            low | high != 0
        }
    }
}

/// Which of 16 subsets are above the floor, given their sums as pairs: (n, Σa) and
/// (n, Σb); (Σab, -Σb); (Σa², -Σa) and (Σb², -Σb).
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn above(floor: f32, [na, nb]: [__m512i; 2], ab: __m512i, [aa, bb]: [__m512i; 2]) -> u16 {
    // One instruction makes n·x - y·z of the pairs (n, y) and (x, -z).
    let covariance = _mm512_cvtepi32_ps(_mm512_madd_epi16(na, ab));
    let var_a = _mm512_cvtepi32_ps(_mm512_madd_epi16(na, aa));
    let var_b = _mm512_cvtepi32_ps(_mm512_madd_epi16(nb, bb));
    let least = _mm512_mul_ps(_mm512_set1_ps(floor), _mm512_mul_ps(var_a, var_b));
    let above = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(_mm512_mul_ps(covariance, covariance), least);
    _mm512_mask_cmp_ps_mask::<_CMP_GT_OQ>(above, covariance, _mm512_setzero_ps())
}

/// Which of 16 subsets may be above the floor, given their sums: products are off by less than 2⁻²² of
/// them, and that is taken off the variances and added to the covariance.
#[inline]
#[target_feature(enable = "avx512f")]
fn above_floats(floor: f32, [n, a, aa, b, bb, ab]: [__m512i; 6]) -> u16 {
    let [n, a, aa] = [_mm512_cvtepi32_ps(n), _mm512_cvtepi32_ps(a), _mm512_cvtepi32_ps(aa)];
    let [b, bb, ab] = [_mm512_cvtepi32_ps(b), _mm512_cvtepi32_ps(bb), _mm512_cvtepi32_ps(ab)];
    let (off, less) = (_mm512_set1_ps(OFF), _mm512_set1_ps(1.0 - OFF));
    let variance = |sum: __m512, squares: __m512| {
        let squares = _mm512_mul_ps(_mm512_mul_ps(n, less), squares);
        let square = _mm512_mul_ps(sum, sum);
        let variance = _mm512_sub_ps(squares, _mm512_add_ps(square, _mm512_mul_ps(square, off)));
        _mm512_max_ps(variance, _mm512_setzero_ps())
    };
    let (products, product) = (_mm512_mul_ps(n, ab), _mm512_mul_ps(a, b));
    let size = _mm512_add_ps(_mm512_abs_ps(products), _mm512_abs_ps(product));
    let covariance = _mm512_add_ps(_mm512_sub_ps(products, product), _mm512_mul_ps(size, off));
    let least = _mm512_mul_ps(_mm512_set1_ps(floor), _mm512_mul_ps(variance(a, aa), variance(b, bb)));
    let above = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(_mm512_mul_ps(covariance, covariance), least);
    _mm512_mask_cmp_ps_mask::<_CMP_GT_OQ>(above, covariance, _mm512_setzero_ps())
}

lane_by_lane! {
    /// 32 lanes of 32 bits.
    Lanes32: [i32; STRIP] in [__m512i; 0 1];
    add: _mm512_add_epi32, mul: _mm512_mullo_epi32, store: _mm512_storeu_si512;
    and: _mm512_and_si512, or: _mm512_or_si512, shift<BITS>: |x| _mm512_srai_epi32::<BITS>(x);
}

impl Strip for Lanes32 {
    type Mask = u32;

    #[inline(always)]
    fn masks(self, row: u64) -> [u32; 2] {
        halves(row)
    }

    #[inline(always)]
    fn add_where(self, lanes: u32, value: Self) -> Self {
        // SAFETY: see above.
        unsafe {
            Self([
                _mm512_mask_add_epi32(self.0[0], lanes as u16, self.0[0], value.0[0]),
                _mm512_mask_add_epi32(self.0[1], (lanes >> 16) as u16, self.0[1], value.0[1]),
            ])
        }
    }

    #[inline(always)]
    fn any(self, mask: Self) -> bool {
        // SAFETY: see above.
        unsafe {
            _mm512_test_epi32_mask(self.0[0], mask.0[0]) | _mm512_test_epi32_mask(self.0[1], mask.0[1]) != 0
        }
    }

    #[inline(always)]
    fn any_above(sums: [Self; 6], least: i32, floor: f32) -> bool {
        let [n, a, aa, b, bb, ab] = sums;
        let mut above = 0;
        for part in 0..2 {
            let sums = [n.0[part], a.0[part], aa.0[part], b.0[part], bb.0[part], ab.0[part]];
            // SAFETY: see above.
            above |= unsafe {
                let enough = _mm512_cmpge_epi32_mask(n.0[part], _mm512_set1_epi32(least));
                enough & above_floats(floor, sums)
            };
        }
        above != 0
    }
}

/// Two numbers of 16 bits in each of 32 lanes: those of each quarter's lower half, and of
/// its higher.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pairs([__m512i; 2]);

lane_by_lane! {
    /// 8 lanes of double precision.
    Doubles: [f64; 8] in [__m512d; 0];
    add: _mm512_add_pd, mul: _mm512_mul_pd, store: _mm512_storeu_pd;
}

impl instruction_set::Doubles for Doubles {
    #[inline(always)]
    fn only(self, lanes: u32) -> Self {
        // SAFETY: see above.
        Self(unsafe { [_mm512_maskz_mov_pd(lanes as u8, self.0[0])] })
    }

    #[inline(always)]
    fn add_where(self, lanes: u32, value: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { [_mm512_mask_add_pd(self.0[0], lanes as u8, self.0[0], value.0[0])] })
    }
}
