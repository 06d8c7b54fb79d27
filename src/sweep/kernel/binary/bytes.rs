//! A cohort whose rows are bytes, too, where an instruction set sums these faster than bits.
//!
//! A prefix is opened with every question that may follow, and each time a part of the cohort's users
//! is summed: so bits are turned into bytes once for the many times that they are summed. They take
//! four times the memory, and only the innermost cohort has them.

use super::run::{Rows, RunSums};
use super::width::{COUNT_BITS, Terms, Width};
use crate::sweep::kernel::cohort::Cohort;
use crate::sweep::simd::{Arithmetic, InstructionSet, STRIP, Task, each};

/// Rows as bytes; none where bits serve as well.
#[derive(Debug, Default)]
pub(super) struct Bytes {
    slots: usize,
    /// `[strip][slot]`
    rows: Vec<[u8; STRIP]>,
    /// By slot: b, as often as a row has lanes.
    totals: Vec<[i8; STRIP]>,
}

impl Bytes {
    /// Bytes of a user whose row has so many strips.
    pub(super) fn user_bytes(strips: usize) -> usize {
        (strips + 1) * STRIP
    }

    /// The rows of some strips, from the given one on, if there are any.
    #[inline(always)]
    pub(super) fn strips<const N: usize>(&self, first: usize) -> Option<ByteRows<'_, N>> {
        if self.rows.is_empty() {
            return None;
        }
        let rows = each(|strip| &self.rows[(first + strip) * self.slots..][..self.slots]);
        Some(ByteRows { rows, totals: &self.totals })
    }
}

/// Strips of rows of bytes, and b of each user.
#[derive(Debug, Clone, Copy)]
pub(super) struct ByteRows<'a, const N: usize> {
    rows: [&'a [[u8; STRIP]]; N],
    totals: &'a [[i8; STRIP]],
}

impl<'a, const N: usize> ByteRows<'a, N> {
    /// One of the strips.
    #[inline(always)]
    pub(super) fn strip(self, strip: usize) -> ByteRows<'a, 1> {
        ByteRows { rows: [self.rows[strip]], totals: self.totals }
    }
}

impl<W: Width, const N: usize> Rows<W, N> for ByteRows<'_, N> {
    #[inline(always)]
    fn assert_bound(self, bound: usize) {
        assert!(bound <= self.totals.len(), "slots below {bound} of {}", self.totals.len());
        for rows in self.rows {
            assert!(bound <= rows.len(), "slots below {bound} of {}", rows.len());
        }
    }

    #[inline(always)]
    unsafe fn run<I: InstructionSet>(self, instructions: I, slots: &[u32]) -> [RunSums<W::Strip<I>>; N] {
        let Self { rows, totals } = self;
        let zero = W::spread(instructions, W::term(0));
        let mut of_run = [RunSums { n: zero, s: zero, totals: zero, products: zero, squares: zero }; N];
        for strip in 0..N {
            let user = |slot: u32| {
                let slot = slot as usize;
                debug_assert!(
                    slot < totals.len() && slot < rows[strip].len(),
                    "slot {slot} of {}",
                    totals.len()
                );
                // SAFETY: the slot is below a bound that was asserted to be at most the number of
                // totals and of rows.
                unsafe { (rows[strip].get_unchecked(slot), totals.get_unchecked(slot)) }
            };
            let (pairs, odd) = slots.as_chunks();
            let pairs = pairs.iter().map(|&[x, y]| [user(x), user(y)]);
            if let Some(sums) = W::sum_bytes(instructions, pairs, odd.first().map(|&x| user(x))) {
                let [n, s, totals, products, squares] = sums;
                of_run[strip] = RunSums { n, s, totals, products, squares };
            }
        }
        of_run
    }

    #[inline(always)]
    unsafe fn count<I: InstructionSet>(self, instructions: I, slots: &[u32]) -> [W::Strip<I>; N] {
        let mut n = [W::spread(instructions, W::term(0)); N];
        for (n, rows) in n.iter_mut().zip(self.rows) {
            let row = |&slot: &u32| {
                debug_assert!((slot as usize) < rows.len(), "slot {slot} of {}", rows.len());
                // SAFETY: the slot is below a bound that was asserted to be at most the number of rows.
                unsafe { rows.get_unchecked(slot as usize) }
            };
            for slots in slots.chunks(usize::from(u8::MAX)) {
                if let Some(counted) = W::count_bytes(instructions, slots.iter().map(row)) {
                    *n = n.add(counted);
                }
            }
        }
        n
    }
}

/// The row of who answered nothing.
const NOBODY: [u8; STRIP] = [0; STRIP];

/// Writes a cohort's rows of the lowest strips as bytes, if an instruction set has them.
pub(super) struct ToBytes<'a, W: Width> {
    pub(super) members: &'a Cohort<Terms<W::Term>>,
    pub(super) strips: usize,
    pub(super) bytes: &'a mut Bytes,
}

impl<W: Width> Task for ToBytes<'_, W> {
    type Output = ();

    #[inline(always)]
    fn run<I: InstructionSet>(self, instructions: I) {
        let Self { members, strips, bytes } = self;
        if !W::SUMS_BYTES || instructions.bytes(0).is_none() {
            return;
        }
        let slots = members.terms().len();
        bytes.slots = slots;
        bytes.rows.resize(strips * slots, NOBODY);
        for strip in 0..strips {
            let to = &mut bytes.rows[strip * slots..][..slots];
            for (to, &row) in to.iter_mut().zip(members.strip(strip)) {
                *to = instructions.bytes(row).unwrap_or(NOBODY);
            }
        }
        bytes.totals.clear();
        bytes.totals.extend(
            members.terms().iter().map(|term| [(W::number(term.counted) >> COUNT_BITS) as i8; STRIP]),
        );
    }
}
