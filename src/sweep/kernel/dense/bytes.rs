//! Integers of one byte: pairs of users, multiplied and added in one instruction or two.
//!
//! Sums are of 32 bits, n and Σb in one lane, over as many users at a time as surely fit.
//! Processors multiply numbers of 16 bits in pairs and add the two products, so users are
//! taken in pairs too.

use super::{Adder, Class, Strip};
use crate::index::scores::Weighted;
use crate::sweep::kernel::Lanes;
use crate::sweep::kernel::filter::Filter;
use crate::sweep::kernel::finish::{StripSums, finish, finish_wide};
use crate::sweep::simd::{Arithmetic, InstructionSet, STRIP, Strip as _};

/// Integers of 0 to 255, with small grand totals.
#[derive(Debug)]
pub(crate) struct Bytes;

/// Bits that count users in a lane with Σb.
const COUNT_BITS: u32 = 8;

impl Bytes {
    /// Whether each score fits a byte.
    pub(crate) fn hold(scores: &Weighted<i64>) -> bool {
        scores.scores.iter().all(|&score| score <= i64::from(u8::MAX))
    }

    /// The most users whose sums fit 32 bits, for subsets of k questions; `None` if a score
    /// does not fit a byte, or if that is not worth it.
    pub(crate) fn few_of(scores: &Weighted<i64>, k: usize) -> Option<usize> {
        let most = scores.scores.iter().copied().max().unwrap_or(0);
        let most_b = scores.totals.iter().map(|total| total.saturating_abs()).max();
        let few = Self::few(most.saturating_mul(k as i64), most_b.unwrap_or(0));
        few.filter(|_| Self::hold(scores))
    }

    /// The most users whose sums fit 32 bits, for a largest a and a largest |b|; `None`
    /// if that is not worth it.
    ///
    /// So few users times such a sum fit 39 bits, so that nothing overflows later.
    fn few(most_a: i64, most_b: i64) -> Option<usize> {
        let widest = most_a.max(most_b).max(1);
        if widest > i64::from(i16::MAX) {
            return None;
        }
        let squares = i64::from(i32::MAX) / widest.saturating_mul(widest);
        // As many as may be counted, of |b| below 2¹⁵, fit beside their count: 2⁸ · 2⁸ · 2¹⁵.
        let few = squares.min((1 << COUNT_BITS) - 1);
        (few >= 16).then_some(few as usize)
    }
}

impl Class for Bytes {
    type Number = i64;
    type Score = u8;
    type Total = i32;

    #[inline(always)]
    fn score(number: i64) -> u8 {
        number as u8
    }

    #[inline(always)]
    fn points(score: u8) -> i32 {
        score.into()
    }

    #[inline(always)]
    fn total(number: i64) -> i32 {
        number as i32
    }

    #[inline(always)]
    fn counted(total: i32) -> i32 {
        total << COUNT_BITS | 1
    }

    #[inline(always)]
    fn sum<I: InstructionSet>(
        instructions: I,
        strip: &Strip<'_, Self>,
        filter: &Filter,
        results: &mut Lanes,
    ) -> u32 {
        if strip.users.len() <= strip.few {
            let sums = sum_pairs(instructions, strip, strip.users);
            finish(instructions, &sums, strip.lanes, strip.first, filter, results);
        } else {
            let mut sums = StripSums::<i64>::at(0);
            let chunks = strip.users.chunks(strip.few);
            chunks.for_each(|users| sums.add(&sum_pairs(instructions, strip, users)));
            finish_wide(instructions, &sums, strip.lanes, strip.first, filter, results);
        }
        0
    }
}

/// The six sums of a strip of bytes over users whose sums fit 32 bits, two users at a
/// time.
#[inline(always)]
pub(super) fn sum_pairs<I: InstructionSet>(
    instructions: I,
    strip: &Strip<'_, Bytes>,
    users: &[Adder<i32>],
) -> StripSums<i32> {
    let [mut a, mut aa, mut ab, mut counted, mut bb] = [instructions.lanes32(0); 5];
    let (nobody, one) = (instructions.lanes16([0; 2]), instructions.pair([1; 2]));
    for pair in users.chunks(2) {
        let (mut x, mut b) = ([nobody; 2], [0; 2]);
        for (member, user) in pair.iter().enumerate() {
            let slot = user.slot as usize;
            let row = strip.rows[slot];
            let ([answered, _], [answered_broad, _]) = (nobody.masks(row), bb.masks(row));
            let subtotal = instructions.lanes16([user.p as i16; 2]);
            x[member] = instructions.load_bytes(&strip.scores[slot]).add_where(answered, subtotal);
            b[member] = user.b as i16;
            counted = counted.add_where(answered_broad, instructions.lanes32(user.counted));
            bb = bb.add_where(answered_broad, instructions.lanes32(user.bb));
        }
        let x = instructions.pairs(x[0], x[1]);
        a = instructions.add_products(a, x, one);
        aa = instructions.add_products(aa, x, x);
        ab = instructions.add_products(ab, x, instructions.pair(b));
    }
    let mut sums = StripSums::at(0);
    instructions.in_order(a).store(&mut sums.a);
    instructions.in_order(aa).store(&mut sums.aa);
    instructions.in_order(ab).store(&mut sums.ab);
    counted.store(&mut sums.b);
    bb.store(&mut sums.bb);
    for lane in 0..STRIP {
        sums.n[lane] = sums.b[lane] & ((1 << COUNT_BITS) - 1);
        sums.b[lane] >>= COUNT_BITS;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_few_users_as_32_bits_hold() {
        for most_a in [1, 2, 255, 765, 2_902, 2_903, 11_585, 11_586, 32_767, 32_768, i64::MAX] {
            for most_b in [0, 1, 2_901, 11_585, 11_586, 32_767, 32_768] {
                let widest = i128::from(most_a.max(most_b));
                let hold = |users: i128| {
                    let counted = users * (widest << COUNT_BITS | 1) <= i128::from(i32::MAX);
                    users * widest * widest <= i128::from(i32::MAX) && counted && users < 1 << COUNT_BITS
                };
                match Bytes::few(most_a, most_b) {
                    None => assert!(!hold(16), "{most_a}, {most_b}"),
                    Some(few) => assert!(few >= 16 && hold(few as i128) && !hold(few as i128 + 1)),
                }
            }
        }
    }
}
