//! What instruction sets do lane by lane.

/// Lanes of numbers. Integers wrap around, doubles are rounded after every step.
pub(crate) trait Arithmetic<const LANES: usize>: Copy {
    /// A number.
    type Lane: Copy;

    fn add(self, other: Self) -> Self;

    fn mul(self, other: Self) -> Self;

    fn store(self, lanes: &mut [Self::Lane; LANES]);
}

/// Lanes of bits.
pub(crate) trait Bits: Copy {
    fn and(self, other: Self) -> Self;

    fn or(self, other: Self) -> Self;

    /// Shifts in the sign.
    fn shift_right_signed<const BITS: u32>(self) -> Self;
}

/// An array of what `of` says of each lane.
///
/// `std::array::from_fn` and `map` are made of functions that may stay calls, in a codegen
/// unit of their own and compiled for the least processor: sweeps took 1.3 to 1.8 times as
/// long with several units and no link-time optimisation.
#[inline(always)]
pub(crate) fn each<T: Copy + Default, const LANES: usize>(of: impl Fn(usize) -> T) -> [T; LANES] {
    let mut lanes = [T::default(); LANES];
    for (lane, value) in lanes.iter_mut().enumerate() {
        *value = of(lane);
    }
    lanes
}

/// Lanes in some vectors of a processor, given by its intrinsics, with their [`Arithmetic`]
/// and, where given, [`Bits`].
///
/// # Safety
/// Values come out of methods of the instruction set alone, which proves that the processor
/// has the intrinsics.
macro_rules! lane_by_lane {
    (
        $(#[$doc:meta])*
        $name:ident: [$lane:ty; $lanes:expr] in [$vector:ty; $($part:literal)+];
        add: $add:expr, mul: $mul:expr, store: $store:expr
        $(; and: $and:expr, or: $or:expr, shift<$bits:ident>: $shift:expr)? $(;)?
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub(crate) struct $name([$vector; [$($part),+].len()]);

        impl $name {
            #[inline(always)]
            fn zip(self, other: Self, of: impl Fn($vector, $vector) -> $vector) -> Self {
                Self([$(of(self.0[$part], other.0[$part])),+])
            }
        }

        impl $crate::sweep::simd::Arithmetic<{ $lanes }> for $name {
            type Lane = $lane;

            #[inline(always)]
            fn add(self, other: Self) -> Self {
                // SAFETY: `self` comes from a processor that has it.
                self.zip(other, |x, y| unsafe { $add(x, y) })
            }

            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                // SAFETY: `self` comes from a processor that has it.
                self.zip(other, |x, y| unsafe { $mul(x, y) })
            }

            #[inline(always)]
            fn store(self, lanes: &mut [$lane; $lanes]) {
                const { assert!(size_of::<Self>() == size_of::<[$lane; $lanes]>()) };
                // SAFETY: `self` comes from a processor that has it. The vectors are together
                // as large as the array, as was just asserted, and each is stored at its place.
                unsafe {
                    let vectors = lanes.as_mut_ptr().cast::<$vector>();
                    $($store(vectors.add($part).cast(), self.0[$part]);)+
                }
            }
        }

        $(
            impl $crate::sweep::simd::Bits for $name {
                #[inline(always)]
                fn and(self, other: Self) -> Self {
                    // SAFETY: `self` comes from a processor that has it.
                    self.zip(other, |x, y| unsafe { $and(x, y) })
                }

                #[inline(always)]
                fn or(self, other: Self) -> Self {
                    // SAFETY: `self` comes from a processor that has it.
                    self.zip(other, |x, y| unsafe { $or(x, y) })
                }

                #[inline(always)]
                fn shift_right_signed<const $bits: u32>(self) -> Self {
                    // SAFETY: `self` comes from a processor that has it.
                    self.zip(self, |x, _| unsafe { $shift(x) })
                }
            }
        )?
    };
}
pub(super) use lane_by_lane;
