//! AVX2, as processors have it since 2013 (Haswell) and 2015 (Excavator).

use std::arch::x86_64::*;

use super::instruction_set::{self, ByteRow, InstructionSet, OFF, STRIP, Strip, halves};
use super::lane_by_lane::{Arithmetic, Bits, lane_by_lane};
use super::places::PLACES;
use super::processor::processor;
use crate::index::bitset::WORD;

processor! {
    /// A processor with AVX2, BMI1, BMI2 and POPCNT.
    Avx2, named "avx2", if is_x86_feature_detected: "avx2", "bmi1", "bmi2", "popcnt"
}

impl InstructionSet for Avx2 {
    type Lanes16 = Lanes16;
    type Lanes32 = Lanes32;
    type Pairs = Pairs;
    type Doubles = Doubles;

    #[inline(always)]
    fn lanes16(self, value: [i16; 2]) -> Lanes16 {
        // SAFETY: `self` proves the processor has AVX2.
        Lanes16(unsafe { [_mm256_set1_epi32(i32::from(value[1]) << 16 | i32::from(value[0] as u16)); 2] })
    }

    #[inline(always)]
    fn lanes32(self, value: i32) -> Lanes32 {
        // SAFETY: `self` proves the processor has AVX2.
        Lanes32(unsafe { [_mm256_set1_epi32(value); 4] })
    }

    #[inline(always)]
    fn load_bytes(self, bytes: &[u8; STRIP]) -> Lanes16 {
        // SAFETY: `self` proves the processor has AVX2; each load is of 16 of the 32 bytes.
        unsafe {
            let low = bytes.as_ptr();
            let load = |at: usize| _mm256_cvtepu8_epi16(_mm_loadu_si128(low.add(at).cast()));
            Lanes16([load(0), load(16)])
        }
    }

    #[inline(always)]
    fn load_lanes32(self, lanes: &[i32; STRIP]) -> Lanes32 {
        let load = |part: usize| {
            let part: &[i32; 8] = lanes[8 * part..].first_chunk().expect("a quarter");
            // SAFETY: `self` proves the processor has AVX2; there are 32 bytes.
            unsafe { _mm256_loadu_si256(part.as_ptr().cast()) }
        };
        Lanes32([load(0), load(1), load(2), load(3)])
    }

    #[inline(always)]
    fn pairs(self, first: Lanes16, second: Lanes16) -> Pairs {
        let ([x0, x1], [y0, y1]) = (first.0, second.0);
        // SAFETY: `self` proves the processor has AVX2.
        unsafe {
            Pairs([
                _mm256_unpacklo_epi16(x0, y0),
                _mm256_unpackhi_epi16(x0, y0),
                _mm256_unpacklo_epi16(x1, y1),
                _mm256_unpackhi_epi16(x1, y1),
            ])
        }
    }

    #[inline(always)]
    fn pair(self, both: [i16; 2]) -> Pairs {
        Pairs([self.lanes16(both).0[0]; 4])
    }

    #[inline(always)]
    fn add_products(self, sums: Lanes32, x: Pairs, y: Pairs) -> Lanes32 {
        let products = Lanes32(x.0).zip(Lanes32(y.0), |x, y| {
            // SAFETY: `self` proves the processor has AVX2.
            unsafe { _mm256_madd_epi16(x, y) }
        });
        sums.add(products)
    }

    #[inline(always)]
    fn in_order(self, sums: Lanes32) -> Lanes32 {
        let [x0, x1, x2, x3] = sums.0;
        // Halves of two come in turns.
        // SAFETY: `self` proves the processor has AVX2.
        unsafe {
            Lanes32([
                _mm256_permute2x128_si256::<0x20>(x0, x1),
                _mm256_permute2x128_si256::<0x31>(x0, x1),
                _mm256_permute2x128_si256::<0x20>(x2, x3),
                _mm256_permute2x128_si256::<0x31>(x2, x3),
            ])
        }
    }

    /// 1 where the question was answered, and 16 more where the score was 1.
    ///
    /// Quarters of the lanes are at 0, 2, 1, 3: pairs of such rows, taken apart into what is low and
    /// what is high in each half, have all lanes in order.
    #[inline(always)]
    fn bytes(self, row: u64) -> Option<[u8; STRIP]> {
        // SAFETY: `self` proves the processor has AVX2; 32 bytes are stored to an array of as many.
        unsafe {
            let row = _mm256_set1_epi64x(row as i64);
            let bit = _mm256_set1_epi64x(0x8040_2010_0804_0201_u64 as i64);
            let only = |first: i64, value: i8| {
                let byte = |byte: i64| (first + byte) * 0x0101_0101_0101_0101;
                let order = _mm256_setr_epi64x(byte(0), byte(2), byte(1), byte(3));
                let spread = _mm256_shuffle_epi8(row, order);
                let mask = _mm256_cmpeq_epi8(_mm256_and_si256(spread, bit), bit);
                _mm256_and_si256(mask, _mm256_set1_epi8(value))
            };
            let (answered, correct) = (only(0, 1), only(4, 16));
            let mut bytes = [0; STRIP];
            _mm256_storeu_si256(bytes.as_mut_ptr().cast(), _mm256_or_si256(answered, correct));
            Some(bytes)
        }
    }

    #[inline(always)]
    fn sum_bytes<'a>(
        self,
        pairs: impl Iterator<Item = [ByteRow<'a>; 2]>,
        odd: Option<ByteRow<'a>>,
    ) -> Option<[Lanes16; 5]> {
        // SAFETY: `self` proves the processor has AVX2.
        unsafe {
            let mut sums = ByteSums::zero();
            for pair in pairs {
                sums.add(pair);
            }
            if let Some(odd) = odd {
                sums.add([odd, (&[0; STRIP], &[0; STRIP])]);
            }
            Some(sums.finish())
        }
    }

    #[inline(always)]
    fn count_bytes<'a>(self, rows: impl Iterator<Item = &'a [u8; STRIP]>) -> Option<Lanes16> {
        // SAFETY: `self` proves the processor has AVX2; each load is of 32 bytes.
        unsafe {
            let (zero, one) = (_mm256_setzero_si256(), _mm256_set1_epi8(1));
            let add = |n, row: &[u8; STRIP]| {
                let row = _mm256_loadu_si256(row.as_ptr().cast());
                _mm256_add_epi8(n, _mm256_and_si256(row, one))
            };
            let n = rows.fold(zero, add);
            Some(Lanes16([_mm256_unpacklo_epi8(n, zero), _mm256_unpackhi_epi8(n, zero)]))
        }
    }

    #[inline(always)]
    fn doubles(self, value: f64) -> Doubles {
        // SAFETY: `self` proves the processor has AVX2.
        Doubles(unsafe { [_mm256_set1_pd(value); 2] })
    }

    #[inline(always)]
    fn load_doubles(self, doubles: &[f64; 8]) -> Doubles {
        // SAFETY: `self` proves the processor has AVX2; each load is of 4 of the 8.
        unsafe {
            let low = doubles.as_ptr();
            Doubles([_mm256_loadu_pd(low), _mm256_loadu_pd(low.add(4))])
        }
    }

    #[inline(always)]
    fn at_least(self, x: Doubles, y: Doubles) -> u32 {
        // SAFETY: `self` proves the processor has AVX2.
        let at_least = |part: usize| unsafe {
            _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_GE_OQ>(x.0[part], y.0[part])) as u32
        };
        at_least(0) | at_least(1) << 4
    }

    #[inline(always)]
    fn ratio(self, x: Doubles, y: Doubles) -> Doubles {
        // SAFETY: `self` proves the processor has AVX2.
        let ratio = |part: usize| unsafe {
            let ratio = _mm256_div_pd(x.0[part], _mm256_sqrt_pd(y.0[part]));
            // Of a number and NaN, these give the second.
            let ratio = _mm256_max_pd(_mm256_set1_pd(-1.0), ratio);
            _mm256_min_pd(_mm256_set1_pd(1.0), ratio)
        };
        Doubles([ratio(0), ratio(1)])
    }

    /// A table tells the places of the bits of a byte.
    #[inline(always)]
    fn positions(self, word: u64, base: u32, positions: &mut [u32; WORD]) {
        let mut end = 0;
        // SAFETY: `self` proves the processor has AVX2. The table's rows have 8 bytes; at most 8 positions
        // a byte stand before, so there is room for 8 more.
        unsafe {
            let mut first = _mm256_set1_epi32(base as i32);
            for byte in word.to_le_bytes() {
                let places = _mm_loadl_epi64(PLACES[usize::from(byte)].as_ptr().cast());
                let places = _mm256_add_epi32(first, _mm256_cvtepu8_epi32(places));
                _mm256_storeu_si256(positions.as_mut_ptr().add(end).cast(), places);
                first = _mm256_add_epi32(first, _mm256_set1_epi32(8));
                end += byte.count_ones() as usize;
            }
        }
    }
}

/// Sums over pairs of users whose rows are bytes.
///
/// The bytes of two users stand next to each other, so that one instruction multiplies each by
/// its user's number and adds the two: by b, it makes Σb + 16·Σsb of rows as they are, and Σb of
/// their lowest bits.
struct ByteSums {
    /// n, and 16·Σs, of the first and of the second users of the pairs.
    counts: [__m256i; 2],
    /// Σb + 16·Σsb
    both: [__m256i; 2],
    /// Σb
    totals: [__m256i; 2],
    /// Σb²
    squares: [__m256i; 2],
}

impl ByteSums {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn zero() -> Self {
        let zero = [_mm256_setzero_si256(); 2];
        Self { counts: zero, both: zero, totals: zero, squares: zero }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn add(&mut self, [(x, b), (y, c)]: [ByteRow<'_>; 2]) {
        // SAFETY: each load is of 32 bytes.
        let [x, y, b, c] = unsafe {
            [
                _mm256_loadu_si256(x.as_ptr().cast()),
                _mm256_loadu_si256(y.as_ptr().cast()),
                _mm256_loadu_si256(b.as_ptr().cast()),
                _mm256_loadu_si256(c.as_ptr().cast()),
            ]
        };
        // All bytes of b are one number. It comes from memory as often as it is needed, as compilers
        // make of a number that is to be spread more instructions than a load.
        let b = _mm256_unpacklo_epi8(b, c);
        let size = _mm256_abs_epi8(b);
        let rows = [_mm256_unpacklo_epi8(x, y), _mm256_unpackhi_epi8(x, y)];
        for (half, row) in rows.into_iter().enumerate() {
            self.counts[half] = _mm256_add_epi8(self.counts[half], row);
            self.both[half] = _mm256_add_epi16(self.both[half], _mm256_maddubs_epi16(row, b));
            let answered = _mm256_and_si256(row, _mm256_set1_epi8(1));
            self.totals[half] = _mm256_add_epi16(self.totals[half], _mm256_maddubs_epi16(answered, b));
            let sizes = _mm256_sign_epi8(size, row);
            self.squares[half] = _mm256_add_epi16(self.squares[half], _mm256_maddubs_epi16(sizes, size));
        }
    }

    /// n, Σs, Σb, Σsb and Σb².
    #[inline]
    #[target_feature(enable = "avx2")]
    fn finish(self) -> [Lanes16; 5] {
        let Self { counts, both, totals, squares } = self;
        let of_pairs = |counts: __m256i| {
            let low = _mm256_and_si256(counts, _mm256_set1_epi8(15));
            _mm256_maddubs_epi16(low, _mm256_set1_epi8(1))
        };
        let correct = |half: usize| of_pairs(_mm256_srli_epi16::<4>(counts[half]));
        let products = |half: usize| _mm256_srai_epi16::<4>(_mm256_sub_epi16(both[half], totals[half]));
        [
            Lanes16([of_pairs(counts[0]), of_pairs(counts[1])]),
            Lanes16([correct(0), correct(1)]),
            Lanes16(totals),
            Lanes16([products(0), products(1)]),
            Lanes16(squares),
        ]
    }
}

lane_by_lane! {
    /// 32 lanes of 16 bits.
    Lanes16: [i16; STRIP] in [__m256i; 0 1];
    add: _mm256_add_epi16, mul: _mm256_mullo_epi16, store: _mm256_storeu_si256;
    and: _mm256_and_si256, or: _mm256_or_si256,
    shift<BITS>: |x| _mm256_sra_epi16(x, _mm_cvtsi32_si128(BITS as i32));
}

// SAFETY of all blocks below: a strip or block comes out of a method of `Avx2` in the
// end, and so proves that the processor has AVX2.
impl Strip for Lanes16 {
    /// All ones, or all zeros.
    type Mask = [__m256i; 2];

    /// The row is spread over a vector at once; from there each quarter's two bytes go to
    /// all lanes, and every lane looks at its bit.
    #[inline(always)]
    fn masks(self, row: u64) -> [[__m256i; 2]; 2] {
        // SAFETY: see above.
        unsafe {
            let row = _mm256_set1_epi64x(row as i64);
            let bit = _mm256_setr_epi16(
                1,
                1 << 1,
                1 << 2,
                1 << 3,
                1 << 4,
                1 << 5,
                1 << 6,
                1 << 7,
                1 << 8,
                1 << 9,
                1 << 10,
                1 << 11,
                1 << 12,
                1 << 13,
                1 << 14,
                i16::MIN,
            );
            let quarter = |quarter: i16| {
                let bytes = _mm256_set1_epi16(0x100 + 0x202 * quarter);
                _mm256_cmpeq_epi16(_mm256_and_si256(_mm256_shuffle_epi8(row, bytes), bit), bit)
            };
            [[quarter(0), quarter(1)], [quarter(2), quarter(3)]]
        }
    }

    #[inline(always)]
    fn add_where(self, lanes: [__m256i; 2], value: Self) -> Self {
        // SAFETY: see above.
        self.add(value.zip(Self(lanes), |x, y| unsafe { _mm256_and_si256(x, y) }))
    }

    #[inline(always)]
    fn any(self, mask: Self) -> bool {
        // SAFETY: see above.
        unsafe {
            let both = _mm256_or_si256(self.and(mask).0[0], self.and(mask).0[1]);
            _mm256_testz_si256(both, both) == 0
        }
    }

    #[inline(always)]
    fn any_above(sums: [Self; 6], least: i16, floor: f32) -> bool {
        let mut any = false;
        for part in 0..2 {
            let [n, a, aa, b, bb, ab] = sums;
            let [n, a, aa, b, bb, ab] = [n.0[part], a.0[part], aa.0[part], b.0[part], bb.0[part], ab.0[part]];
            // SAFETY: see above.
            unsafe {
                // A covariance of 0 drops the lanes of too few users.
                let few = _mm256_cmpgt_epi16(_mm256_set1_epi16(least), n);
                let zero = _mm256_setzero_si256();
                let minus_a = _mm256_sub_epi16(zero, a);
                let minus_b = _mm256_sub_epi16(zero, b);
                let ab = _mm256_andnot_si256(few, ab);
                let covariance_b = _mm256_andnot_si256(few, minus_b);
                any |= any_above(
                    floor,
                    [_mm256_unpacklo_epi16(n, a), _mm256_unpacklo_epi16(n, b)],
                    _mm256_unpacklo_epi16(ab, covariance_b),
                    [_mm256_unpacklo_epi16(aa, minus_a), _mm256_unpacklo_epi16(bb, minus_b)],
                );
                any |= any_above(
                    floor,
                    [_mm256_unpackhi_epi16(n, a), _mm256_unpackhi_epi16(n, b)],
                    _mm256_unpackhi_epi16(ab, covariance_b),
                    [_mm256_unpackhi_epi16(aa, minus_a), _mm256_unpackhi_epi16(bb, minus_b)],
                );
            }
        }
        any
    }
}

/// Whether any of 8 subsets is above the floor, given their sums as pairs: (n, Σa) and
/// (n, Σb); (Σab, -Σb); (Σa², -Σa) and (Σb², -Σb).
#[inline]
#[target_feature(enable = "avx2")]
fn any_above(floor: f32, [na, nb]: [__m256i; 2], ab: __m256i, [aa, bb]: [__m256i; 2]) -> bool {
    // One instruction makes n·x - y·z of the pairs (n, y) and (x, -z).
    let covariance = _mm256_cvtepi32_ps(_mm256_madd_epi16(na, ab));
    let var_a = _mm256_cvtepi32_ps(_mm256_madd_epi16(na, aa));
    let var_b = _mm256_cvtepi32_ps(_mm256_madd_epi16(nb, bb));
    let least = _mm256_mul_ps(_mm256_set1_ps(floor), _mm256_mul_ps(var_a, var_b));
    let above = _mm256_cmp_ps::<_CMP_GE_OQ>(_mm256_mul_ps(covariance, covariance), least);
    let positive = _mm256_cmp_ps::<_CMP_GT_OQ>(covariance, _mm256_setzero_ps());
    _mm256_movemask_ps(_mm256_and_ps(above, positive)) != 0
}

/// Whether any of 8 subsets of at least so many users may be above the floor, given their sums: products
/// are off by less than 2⁻²² of them, and that is taken off the variances and added to the covariance.
#[inline]
#[target_feature(enable = "avx2")]
fn any_above_floats(floor: f32, least: __m256i, [n, a, aa, b, bb, ab]: [__m256i; 6]) -> bool {
    let few = _mm256_castsi256_ps(_mm256_cmpgt_epi32(least, n));
    let [n, a, aa] = [_mm256_cvtepi32_ps(n), _mm256_cvtepi32_ps(a), _mm256_cvtepi32_ps(aa)];
    let [b, bb, ab] = [_mm256_cvtepi32_ps(b), _mm256_cvtepi32_ps(bb), _mm256_cvtepi32_ps(ab)];
    let (off, less) = (_mm256_set1_ps(OFF), _mm256_set1_ps(1.0 - OFF));
    let variance = |sum: __m256, squares: __m256| {
        let squares = _mm256_mul_ps(_mm256_mul_ps(n, less), squares);
        let square = _mm256_mul_ps(sum, sum);
        let variance = _mm256_sub_ps(squares, _mm256_add_ps(square, _mm256_mul_ps(square, off)));
        _mm256_max_ps(variance, _mm256_setzero_ps())
    };
    let (products, product) = (_mm256_mul_ps(n, ab), _mm256_mul_ps(a, b));
    let minus = _mm256_set1_ps(-0.0);
    let size = _mm256_add_ps(_mm256_andnot_ps(minus, products), _mm256_andnot_ps(minus, product));
    let covariance = _mm256_add_ps(_mm256_sub_ps(products, product), _mm256_mul_ps(size, off));
    let least = _mm256_mul_ps(_mm256_set1_ps(floor), _mm256_mul_ps(variance(a, aa), variance(b, bb)));
    let above = _mm256_cmp_ps::<_CMP_GE_OQ>(_mm256_mul_ps(covariance, covariance), least);
    let positive = _mm256_cmp_ps::<_CMP_GT_OQ>(covariance, _mm256_setzero_ps());
    _mm256_movemask_ps(_mm256_andnot_ps(few, _mm256_and_ps(above, positive))) != 0
}

lane_by_lane! {
    /// 32 lanes of 32 bits.
    Lanes32: [i32; STRIP] in [__m256i; 0 1 2 3];
    add: _mm256_add_epi32, mul: _mm256_mullo_epi32, store: _mm256_storeu_si256;
    and: _mm256_and_si256, or: _mm256_or_si256,
    shift<BITS>: |x| _mm256_sra_epi32(x, _mm_cvtsi32_si128(BITS as i32));
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
            let bit = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
            let only = |value: __m256i, lanes: u32| {
                let bits = _mm256_and_si256(_mm256_set1_epi32(lanes as i32), bit);
                _mm256_and_si256(value, _mm256_cmpeq_epi32(bits, bit))
            };
            let [x0, x1, x2, x3] = value.0;
            self.add(Self([
                only(x0, lanes),
                only(x1, lanes >> 8),
                only(x2, lanes >> 16),
                only(x3, lanes >> 24),
            ]))
        }
    }

    #[inline(always)]
    fn any(self, mask: Self) -> bool {
        let [x, y, z, w] = self.and(mask).0;
        // SAFETY: see above.
        unsafe {
            let all = _mm256_or_si256(_mm256_or_si256(x, y), _mm256_or_si256(z, w));
            _mm256_testz_si256(all, all) == 0
        }
    }

    #[inline(always)]
    fn any_above(sums: [Self; 6], least: i32, floor: f32) -> bool {
        let [n, a, aa, b, bb, ab] = sums;
        let mut any = false;
        for part in 0..4 {
            let sums = [n.0[part], a.0[part], aa.0[part], b.0[part], bb.0[part], ab.0[part]];
            // SAFETY: see above.
            any |= unsafe { any_above_floats(floor, _mm256_set1_epi32(least), sums) };
        }
        any
    }
}

/// Two numbers of 16 bits in each of 32 lanes: those of each quarter's lower half, and of
/// its higher, for 16 lanes and for the others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pairs([__m256i; 4]);

lane_by_lane! {
    /// 8 lanes of double precision.
    Doubles: [f64; 8] in [__m256d; 0 1];
    add: _mm256_add_pd, mul: _mm256_mul_pd, store: _mm256_storeu_pd;
}

impl instruction_set::Doubles for Doubles {
    #[inline(always)]
    fn only(self, lanes: u32) -> Self {
        // SAFETY: see above.
        unsafe {
            let bit = _mm256_setr_epi64x(1, 2, 4, 8);
            let mask = |lanes: u32| {
                let bits = _mm256_and_si256(_mm256_set1_epi64x(lanes.into()), bit);
                _mm256_castsi256_pd(_mm256_cmpeq_epi64(bits, bit))
            };
            let [x0, x1] = self.0;
            Self([_mm256_and_pd(x0, mask(lanes)), _mm256_and_pd(x1, mask(lanes >> 4))])
        }
    }
}
