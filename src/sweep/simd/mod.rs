//! What the kernels ask of a processor, and which processors can give it.
//!
//! The algorithms are written once, over [`InstructionSet`]. A value of such a type
//! is a proof: it exists only where [`Processor::detect`] has seen the processor
//! to have what its methods use. So the methods are safe to call, and `unsafe` stays
//! within the files of this folder.
//!
//! An algorithm that is to use an instruction set is a [`Task`]. [`Processor::run`]
//! calls it from a function that is compiled for that set; all that the task calls
//! must be inlined into it, or it would be compiled for the least processor again.
//!
//! A further instruction set is a file here, with its `mod` and its line in
//! [`instruction_sets!`].

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "intrinsics")]
mod avx2;
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "intrinsics")]
mod avx512;
mod lane_by_lane;
mod portable;
mod processor;

use crate::index::bitset::WORD;
pub(crate) use lane_by_lane::{Arithmetic, Bits};
pub(crate) use processor::Processor;

/// The instruction sets, the best first; the last is one that all processors have.
macro_rules! instruction_sets {
    ($($(#[$cfg:meta])? $file:ident::$name:ident),+ $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Detected {
            $($(#[$cfg])? $name($file::$name)),+
        }

        impl Instructions {
            /// All that this processor has, the best first, and one that all processors have
            /// last.
            pub fn available() -> Vec<Self> {
                let sets = [$($(#[$cfg])? $file::$name::detect().map(Detected::$name)),+];
                sets.into_iter().flatten().map(Self).collect()
            }

            /// The name, in settings and in plans.
            pub fn name(self) -> &'static str {
                match self.0 {
                    $($(#[$cfg])? Detected::$name(_) => $file::$name::NAME),+
                }
            }

            /// Runs a task with all its code compiled for this instruction set.
            pub(crate) fn run<T: Task>(self, task: T) -> T::Output {
                match self.0 {
                    $($(#[$cfg])? Detected::$name(processor) => processor.run(task)),+
                }
            }
        }
    };
}

instruction_sets! {
    #[cfg(target_arch = "x86_64")]
    avx512::Avx512,
    #[cfg(target_arch = "x86_64")]
    avx2::Avx2,
    portable::Portable,
}

/// An instruction set that this processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instructions(Detected);

impl Instructions {
    /// The best that this processor has.
    pub fn best() -> Self {
        Self::available()[0]
    }
}

/// Work that is compiled for an instruction set.
pub(crate) trait Task {
    type Output;

    /// To be marked `#[inline(always)]`.
    fn run<I: InstructionSet>(self, instructions: I) -> Self::Output;
}

/// Lanes in a strip: subsets whose sums are formed together.
pub(crate) const STRIP: usize = 32;

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
        portable::positions(word, base, positions);
    }

    /// Writes the values whose bits are set to the front of `to`, in order. What lies
    /// behind the last of them is overwritten with anything.
    #[inline(always)]
    fn compress(self, values: &[f64; WORD], wanted: u64, to: &mut [f64; WORD]) {
        portable::compress(values, wanted, to);
    }

    /// Bit `c` of word `r` becomes bit `r` of word `c`.
    #[inline(always)]
    fn transpose(self, rows: &[u64; WORD], columns: &mut [u64; WORD]) {
        *columns = *rows;
        portable::transpose(columns);
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

    /// A first look at the sums n, Σa, Σa², Σb, Σb², Σab of 32 subsets: whether any has
    /// an n of at least `least`, and a covariance above 0 whose square is at least
    /// `floor` times the variances. The moments are rounded to single precision; so the
    /// answer is wrong only within some 2⁻²¹ of the floor.
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
fn halves(row: u64) -> [u32; 2] {
    [row as u32, (row >> STRIP) as u32]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::bitset::ones;
    use proptest::prelude::*;

    struct Transpose([u64; WORD]);

    impl Task for Transpose {
        type Output = [u64; WORD];

        #[inline(always)]
        fn run<I: InstructionSet>(self, instructions: I) -> [u64; WORD] {
            let mut columns = [0; WORD];
            instructions.transpose(&self.0, &mut columns);
            columns
        }
    }

    struct Positions(u64);

    impl Task for Positions {
        type Output = Vec<u32>;

        #[inline(always)]
        fn run<I: InstructionSet>(self, instructions: I) -> Vec<u32> {
            let mut positions = [0; WORD];
            instructions.positions(self.0, 1000, &mut positions);
            positions[..self.0.count_ones() as usize].to_vec()
        }
    }

    struct Compress<'a>(&'a [f64; WORD], u64);

    impl Task for Compress<'_> {
        type Output = Vec<f64>;

        #[inline(always)]
        fn run<I: InstructionSet>(self, instructions: I) -> Vec<f64> {
            let mut to = [-1.0; WORD];
            instructions.compress(self.0, self.1, &mut to);
            to[..self.1.count_ones() as usize].to_vec()
        }
    }

    #[test]
    fn the_last_resort_is_always_there() {
        let names: Vec<&str> = Instructions::available().iter().map(|set| set.name()).collect();
        assert_eq!(names.last(), Some(&"portable"));
        assert_eq!(names.first(), Some(&Instructions::best().name()));
    }

    proptest! {
        #[test]
        fn every_bit_goes_to_its_place(rows in proptest::collection::vec(any::<u64>(), WORD)) {
            let rows: [u64; WORD] = rows.try_into().unwrap();
            for instructions in Instructions::available() {
                let columns = instructions.run(Transpose(rows));
                for (r, row) in rows.iter().enumerate() {
                    for (c, column) in columns.iter().enumerate() {
                        prop_assert_eq!(row >> c & 1, column >> r & 1, "{}: {}, {}", instructions.name(), r, c);
                    }
                }
            }
        }

        #[test]
        fn only_wanted_values_are_kept(wanted in prop_oneof![any::<u64>(), Just(0), Just(u64::MAX)]) {
            let values = std::array::from_fn(|lane| lane as f64);
            for instructions in Instructions::available() {
                let expected: Vec<f64> = ones(wanted).map(|lane| lane as f64).collect();
                prop_assert_eq!(instructions.run(Compress(&values, wanted)), expected, "{}", instructions.name());
            }
        }

        #[test]
        fn positions_are_those_of_the_set_bits(word in prop_oneof![any::<u64>(), Just(0), Just(u64::MAX)]) {
            for instructions in Instructions::available() {
                let expected: Vec<u32> = ones(word).map(|bit| 1000 + bit as u32).collect();
                prop_assert_eq!(instructions.run(Positions(word)), expected, "{}", instructions.name());
            }
        }
    }
}
