//! Plain Rust, in loops that compilers turn into the vector instructions that
//! every processor of its kind has.

use super::instruction_set::{self, InstructionSet, Processor, STRIP, Strip, Task, halves};
use super::lane_by_lane::{Arithmetic, Bits, each};

/// Any processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Portable;

impl Processor for Portable {
    const NAME: &'static str = "portable";

    fn detect() -> Option<Self> {
        Some(Self)
    }

    #[inline]
    fn run<T: Task>(self, task: T) -> T::Output {
        task.run(self)
    }
}

impl InstructionSet for Portable {
    type Lanes16 = Lanes<i16>;
    type Lanes32 = Lanes<i32>;
    type Pairs = [Lanes<i16>; 2];
    type Doubles = Doubles;

    #[inline(always)]
    fn lanes16(self, value: [i16; 2]) -> Lanes<i16> {
        Lanes([value[0]; STRIP])
    }

    #[inline(always)]
    fn lanes32(self, value: i32) -> Lanes<i32> {
        Lanes([value; STRIP])
    }

    #[inline(always)]
    fn load_bytes(self, bytes: &[u8; STRIP]) -> Lanes<i16> {
        Lanes(each(|lane| bytes[lane].into()))
    }

    #[inline(always)]
    fn load_lanes32(self, lanes: &[i32; STRIP]) -> Lanes<i32> {
        Lanes(*lanes)
    }

    #[inline(always)]
    fn pairs(self, first: Lanes<i16>, second: Lanes<i16>) -> [Lanes<i16>; 2] {
        [first, second]
    }

    #[inline(always)]
    fn pair(self, [first, second]: [i16; 2]) -> [Lanes<i16>; 2] {
        [Lanes([first; STRIP]), Lanes([second; STRIP])]
    }

    #[inline(always)]
    fn add_products(self, sums: Lanes<i32>, x: [Lanes<i16>; 2], y: [Lanes<i16>; 2]) -> Lanes<i32> {
        let mut sums = sums.0;
        for (x, y) in x.iter().zip(&y) {
            for (sum, (&x, &y)) in sums.iter_mut().zip(x.0.iter().zip(&y.0)) {
                *sum = sum.wrapping_add(i32::from(x) * i32::from(y));
            }
        }
        Lanes(sums)
    }

    #[inline(always)]
    fn doubles(self, value: f64) -> Doubles {
        Doubles([value; 8])
    }

    #[inline(always)]
    fn load_doubles(self, doubles: &[f64; 8]) -> Doubles {
        Doubles(*doubles)
    }

    #[inline(always)]
    fn at_least(self, x: Doubles, y: Doubles) -> u32 {
        let mut bits = 0;
        for (lane, (x, y)) in x.0.iter().zip(&y.0).enumerate() {
            bits |= u32::from(x >= y) << lane;
        }
        bits
    }

    #[inline(always)]
    fn ratio(self, x: Doubles, y: Doubles) -> Doubles {
        Doubles(each(|lane| (x.0[lane] / y.0[lane].sqrt()).clamp(-1.0, 1.0)))
    }
}

/// A strip as an array.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lanes<L>([L; STRIP]);

/// All ones where the lane's bit is set, else zero: the bit becomes the sign, and the sign all bits.
///
/// With numbers of 16 bits for half a strip at a time, as processors multiply and shift these in one
/// instruction; comparisons of each lane were made one by one.
#[inline(always)]
fn masks(lanes: u32) -> [i16; STRIP] {
    each(|lane| {
        let half = (lanes >> (16 * (lane / 16))) as u16 as i16;
        half.wrapping_mul((1u16 << (15 - lane % 16)) as i16) >> 15
    })
}

macro_rules! strip {
    ($type:ty, $product:ty) => {
        impl Arithmetic<STRIP> for Lanes<$type> {
            type Lane = $type;

            #[inline(always)]
            fn add(self, other: Self) -> Self {
                Self(each(|lane| self.0[lane].wrapping_add(other.0[lane])))
            }

            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                Self(each(|lane| self.0[lane].wrapping_mul(other.0[lane])))
            }

            #[inline(always)]
            fn store(self, lanes: &mut [$type; STRIP]) {
                *lanes = self.0;
            }
        }

        impl Bits for Lanes<$type> {
            #[inline(always)]
            fn and(self, other: Self) -> Self {
                Self(each(|lane| self.0[lane] & other.0[lane]))
            }

            #[inline(always)]
            fn or(self, other: Self) -> Self {
                Self(each(|lane| self.0[lane] | other.0[lane]))
            }

            #[inline(always)]
            fn shift_right_signed<const BITS: u32>(self) -> Self {
                Self(each(|lane| self.0[lane] >> BITS))
            }
        }

        impl Strip for Lanes<$type> {
            type Mask = u32;

            #[inline(always)]
            fn masks(self, row: u64) -> [u32; 2] {
                halves(row)
            }

            #[inline(always)]
            fn add_where(self, lanes: u32, value: Self) -> Self {
                let masks = masks(lanes);
                Self(each(|lane| self.0[lane].wrapping_add(value.0[lane] & <$type>::from(masks[lane]))))
            }

            #[inline(always)]
            fn any(self, mask: Self) -> bool {
                self.and(mask).0.iter().fold(0, |any, lane| any | lane) != 0
            }

            #[inline(always)]
            fn any_above(sums: [Self; 6], least: $type, floor: f32) -> bool {
                let [n, a, aa, b, bb, ab] = sums;
                let mut any = false;
                for lane in 0..STRIP {
                    let difference = |x: $type, y: $type, z: $type| {
                        let n = <$product>::from(n.0[lane]);
                        (n * <$product>::from(x) - <$product>::from(y) * <$product>::from(z)) as f32
                    };
                    let (a, b) = (a.0[lane], b.0[lane]);
                    let covariance = difference(ab.0[lane], a, b);
                    let variances = difference(aa.0[lane], a, a) * difference(bb.0[lane], b, b);
                    let above = covariance * covariance >= floor * variances;
                    any |= above & (covariance > 0.0) & (n.0[lane] >= least);
                }
                any
            }
        }
    };
}

strip!(i16, i32);
strip!(i32, i64);

/// 8 lanes as an array.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Doubles([f64; 8]);

impl Arithmetic<8> for Doubles {
    type Lane = f64;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(each(|lane| self.0[lane] + other.0[lane]))
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(each(|lane| self.0[lane] * other.0[lane]))
    }

    #[inline(always)]
    fn store(self, lanes: &mut [f64; 8]) {
        *lanes = self.0;
    }
}

impl instruction_set::Doubles for Doubles {
    #[inline(always)]
    fn only(self, lanes: u32) -> Self {
        Self(each(|lane| {
            let mask = if u64::from(lanes) & 1 << lane != 0 { u64::MAX } else { 0 };
            f64::from_bits(self.0[lane].to_bits() & mask)
        }))
    }
}
