//! Rows of bits: three masked additions a user, as a count shares a lane with a sum.

use super::run::{Rows, RunSums};
use super::width::{COUNT_BITS, RUN, Terms, Width};
use crate::sweep::simd::{Bits, InstructionSet, Strip};

/// Strips of rows of bits, and what each user adds.
#[derive(Debug)]
pub(super) struct BitRows<'a, W: Width, const N: usize> {
    pub(super) rows: [&'a [u64]; N],
    pub(super) terms: &'a [Terms<W::Term>],
}

impl<W: Width, const N: usize> Clone for BitRows<'_, W, N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W: Width, const N: usize> Copy for BitRows<'_, W, N> {}

impl<'a, W: Width, const N: usize> BitRows<'a, W, N> {
    /// One of the strips.
    #[inline(always)]
    pub(super) fn strip(self, strip: usize) -> BitRows<'a, W, 1> {
        BitRows { rows: [self.rows[strip]], terms: self.terms }
    }
}

impl<W: Width, const N: usize> Rows<W, N> for BitRows<'_, W, N> {
    #[inline(always)]
    fn assert_bound(self, bound: usize) {
        assert!(bound <= self.terms.len(), "slots below {bound} of {}", self.terms.len());
        for rows in self.rows {
            assert!(bound <= rows.len(), "slots below {bound} of {}", rows.len());
        }
    }

    #[inline(always)]
    unsafe fn run<I: InstructionSet>(self, instructions: I, slots: &[u32]) -> [RunSums<W::Strip<I>>; N] {
        let Self { rows, terms } = self;
        let zero = W::spread(instructions, W::term(0));
        let counts = W::spread(instructions, W::term(RUN as i32));
        let mut sums = [[zero; 3]; N];
        for &slot in slots {
            let slot = slot as usize;
            debug_assert!(slot < terms.len(), "slot {slot} of {}", terms.len());
            // SAFETY: the slot is below a bound that was asserted to be at most the number of terms.
            let term = unsafe { terms.get_unchecked(slot) };
            let counted = W::spread(instructions, term.counted);
            let square = W::spread(instructions, term.square);
            for strip in 0..N {
                debug_assert!(slot < rows[strip].len(), "slot {slot} of {}", rows[strip].len());
                // SAFETY: likewise, at most the number of rows.
                let row = unsafe { *rows[strip].get_unchecked(slot) };
                let [answered, correct] = zero.masks(row);
                let [totals, products, squares] = sums[strip];
                sums[strip] = [
                    totals.add_where(answered, counted),
                    products.add_where(correct, counted),
                    squares.add_where(answered, square),
                ];
            }
        }
        let none = RunSums { n: zero, s: zero, totals: zero, products: zero, squares: zero };
        let mut of_run = [none; N];
        for strip in 0..N {
            let [totals, products, squares] = sums[strip];
            of_run[strip] = RunSums {
                n: totals.and(counts),
                s: products.and(counts),
                totals: totals.shift_right_signed::<COUNT_BITS>(),
                products: products.shift_right_signed::<COUNT_BITS>(),
                squares,
            };
        }
        of_run
    }

    #[inline(always)]
    unsafe fn count<I: InstructionSet>(self, instructions: I, slots: &[u32]) -> [W::Strip<I>; N] {
        let zero = W::spread(instructions, W::term(0));
        let one = W::spread(instructions, W::term(1));
        let mut n = [zero; N];
        for &slot in slots {
            for (n, rows) in n.iter_mut().zip(self.rows) {
                debug_assert!((slot as usize) < rows.len(), "slot {slot} of {}", rows.len());
                // SAFETY: the slot is below a bound that was asserted to be at most the number of rows.
                let row = unsafe { *rows.get_unchecked(slot as usize) };
                let [answered, _] = zero.masks(row);
                *n = n.add_where(answered, one);
            }
        }
        n
    }
}
