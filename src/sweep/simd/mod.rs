//! Which instruction sets there are, and which of them this processor has.
//!
//! The algorithms are written once, over [`InstructionSet`]. A value of such a type
//! is a proof: it exists only where [`Processor::detect`] has seen the processor
//! to have what its methods use. So the methods are safe to call, and `unsafe` stays
//! within the files of this folder.
//!
//! An algorithm that is to use an instruction set is a [`Task`]. [`Processor::run`]
//! calls it from a function that is compiled for that set; all that the task calls
//! must be inlined into it, or it would be compiled for the least processor again. So in a loop
//! that counts there are no `map` of arrays, which the compiler makes calls of, and no closures that
//! are called in several places; [`each`] and functions that are `inline(always)` are there instead.
//!
//! A further instruction set is a file here, with its `mod` and its line in
//! `instruction_sets!`.

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "intrinsics")]
mod avx2;
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "intrinsics")]
mod avx512;
mod instruction_set;
mod lane_by_lane;
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
#[allow(unsafe_code, reason = "intrinsics")]
mod neon;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod places;
mod plain;
mod portable;
mod processor;

pub(crate) use instruction_set::{
    BYTE_PAIRS, ByteRow, Doubles, InstructionSet, Processor, STRIP, Strip, Task,
};
pub(crate) use lane_by_lane::{Arithmetic, Bits, each};

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
            #[inline(always)]
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
    #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
    neon::Neon,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::bitset::{WORD, ones};
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

    /// What users of these rows and grand totals sum up to, if they come as bytes.
    struct SumBytes<'a>(&'a [(u64, i8)]);

    impl Task for SumBytes<'_> {
        type Output = Option<[[i16; STRIP]; 5]>;

        #[inline(always)]
        fn run<I: InstructionSet>(self, instructions: I) -> Self::Output {
            let bytes = |&(row, b): &(u64, i8)| Some((instructions.bytes(row)?, [b; STRIP]));
            let users: Option<Vec<_>> = self.0.iter().map(bytes).collect();
            let users = users?;
            let (pairs, odd) = users.as_chunks();
            let pairs = pairs.iter().map(|[x, y]| [(&x.0, &x.1), (&y.0, &y.1)]);
            let sums = instructions.sum_bytes(pairs, odd.first().map(|x| (&x.0, &x.1)))?;
            let stored = |sum: I::Lanes16| {
                let mut lanes = [0; STRIP];
                sum.store(&mut lanes);
                lanes
            };
            let sums = sums.map(stored);
            let counted = instructions.count_bytes(users.iter().map(|(row, _)| row));
            assert_eq!(counted.map(stored), Some(sums[0]), "counted and summed");
            Some(sums)
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

    /// All that is done with lanes.
    #[derive(Debug, Clone, Copy)]
    struct Operations {
        row: u64,
        bytes: [[u8; STRIP]; 6],
        numbers: [i16; 2],
        doubles: [[f64; 8]; 2],
    }

    impl Operations {
        #[inline(always)]
        fn of_strip<L, S>(self, x: S, y: S, told: &mut Vec<i64>)
        where
            L: Copy + Default + Into<i64>,
            S: Strip<Lane = L>,
        {
            let [low, high] = x.masks(self.row);
            let shifted = x.shift_right_signed::<6>();
            let results = [x.add(y), x.mul(y), x.and(y), x.or(y), shifted, x.add_where(low, y)];
            for strip in results.into_iter().chain([y.add_where(high, x)]) {
                let mut lanes = [L::default(); STRIP];
                strip.store(&mut lanes);
                told.extend(lanes.map(L::into));
            }
            told.push(x.any(y).into());
            told.push(x.and(y).any(x.and(y).mul(x)).into());
        }
    }

    impl Task for Operations {
        type Output = Vec<i64>;

        #[inline(always)]
        fn run<I: InstructionSet>(self, instructions: I) -> Vec<i64> {
            let Self { row, bytes, numbers: [p, q], doubles } = self;
            let mut told = Vec::new();
            let sums = bytes.map(|bytes| instructions.load_bytes(&bytes));
            let x = sums[0].mul(instructions.lanes16([p; 2]));
            let y = sums[1].add(instructions.lanes16([q; 2]));
            self.of_strip(x, y, &mut told);
            for (least, floor) in [(0, 0.5), (200, 0.1), (250, 0.0), (253, 0.01)] {
                told.push(Strip::any_above(sums, least, floor).into());
            }

            let (pairs, all) = (instructions.pairs(x, y), instructions.lanes32(q.into()));
            let squares = instructions.add_products(all, pairs, pairs);
            let products = instructions.add_products(squares, pairs, instructions.pair([p, q]));
            self.of_strip(instructions.in_order(squares), instructions.in_order(products), &mut told);

            let [x, y] = doubles.map(|doubles| instructions.load_doubles(&doubles));
            let one = instructions.doubles(1.0);
            told.push(instructions.at_least(x, y).into());
            told.push(instructions.at_least(x, one).into());
            let lanes = row as u32;
            let results =
                [x.add(y), x.mul(y), instructions.ratio(x, y), x.only(lanes), one.add_where(lanes, y)];
            for strip in results {
                let mut lanes = [0.0; 8];
                strip.store(&mut lanes);
                // One NaN is as good as another.
                told.extend(lanes.map(|lane| if lane.is_nan() { -1 } else { lane.to_bits() as i64 }));
            }
            told
        }
    }

    #[test]
    fn the_last_resort_is_always_there() {
        let names: Vec<&str> = Instructions::available().iter().map(|set| set.name()).collect();
        assert_eq!(names.last(), Some(&"portable"));
        assert_eq!(names.first(), Some(&Instructions::best().name()));
    }

    #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
    #[test]
    fn neon_is_the_best_that_arm_has() {
        assert_eq!(Instructions::best().name(), "neon");
    }

    fn doubles() -> impl Strategy<Value = f64> {
        prop_oneof![(-3i8..4).prop_map(f64::from), proptest::num::f64::ANY]
    }

    proptest! {
        #[test]
        fn lanes_are_those_of_portable_code(
            row in any::<u64>(),
            bytes in proptest::collection::vec(proptest::array::uniform32(any::<u8>()), 6),
            numbers in any::<[i16; 2]>(),
            x in proptest::collection::vec(doubles(), 8),
            y in proptest::collection::vec(doubles(), 8),
        ) {
            let doubles = [x.try_into().unwrap(), y.try_into().unwrap()];
            let operations = Operations { row, bytes: bytes.try_into().unwrap(), numbers, doubles };
            let sets = Instructions::available();
            let expected = sets.last().unwrap().run(operations);
            for instructions in sets {
                prop_assert_eq!(&instructions.run(operations), &expected, "{}", instructions.name());
            }
        }

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
        fn bytes_sum_up_to_what_bits_say(
            users in proptest::collection::vec((any::<u64>(), any::<u32>(), -40i8..=40), 0..=2 * BYTE_PAIRS),
        ) {
            // Correct answers are answers; and Σsb is below 2¹¹.
            let users: Vec<(u64, i8)> = users.into_iter().map(|(row, correct, b)| {
                (row & u64::from(u32::MAX) | (row & u64::from(correct)) << STRIP, b)
            }).collect();
            let mut expected = [[0i16; STRIP]; 5];
            for &(row, b) in &users {
                let b = i16::from(b);
                let bit = |place: usize| (row >> place & 1) as i16;
                let terms: [[i16; STRIP]; 5] = [
                    each(bit),
                    each(|lane| bit(STRIP + lane)),
                    each(|lane| bit(lane) * b),
                    each(|lane| bit(STRIP + lane) * b),
                    each(|lane| bit(lane) * b * b),
                ];
                for (sum, term) in expected.as_flattened_mut().iter_mut().zip(terms.as_flattened()) {
                    *sum = sum.wrapping_add(*term);
                }
            }
            for instructions in Instructions::available() {
                let sums = instructions.run(SumBytes(&users));
                prop_assert!(sums.is_none_or(|sums| sums == expected), "{}", instructions.name());
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
