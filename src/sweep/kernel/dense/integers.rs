//! Integers of 64 bits: one answer at a time.

use super::{Class, Strip};
use crate::index::bitset::ones;
use crate::sweep::kernel::Lanes;
use crate::sweep::kernel::filter::Filter;
use crate::sweep::kernel::finish::{StripSums, finish_wide};
use crate::sweep::simd::InstructionSet;

/// Integers whose sums fit 64 bits.
#[derive(Debug)]
pub(crate) struct Integers;

impl Class for Integers {
    type Number = i64;
    type Score = i64;
    type Total = i64;

    #[inline(always)]
    fn score(number: i64) -> i64 {
        number
    }

    #[inline(always)]
    fn points(score: i64) -> i64 {
        score
    }

    #[inline(always)]
    fn total(number: i64) -> i64 {
        number
    }

    #[inline(always)]
    fn sum<I: InstructionSet>(
        instructions: I,
        strip: &Strip<'_, Self>,
        filter: &Filter,
        results: &mut Lanes,
    ) -> u32 {
        let sums = sum_one_by_one(strip);
        finish_wide(instructions, &sums, strip.lanes, strip.first, filter, results);
        0
    }
}

/// The six sums of a strip in 64 bits, an answer at a time.
fn sum_one_by_one(strip: &Strip<'_, Integers>) -> StripSums<i64> {
    let mut sums = StripSums::at(0);
    for user in strip.users {
        let slot = user.slot as usize;
        for lane in ones(u64::from(strip.rows[slot] as u32 & strip.lanes)) {
            let a = user.p + strip.scores[slot][lane];
            sums.n[lane] += 1;
            sums.a[lane] += a;
            sums.aa[lane] += a * a;
            sums.b[lane] += user.b;
            sums.bb[lane] += user.bb;
            sums.ab[lane] += a * user.b;
        }
    }
    sums
}
