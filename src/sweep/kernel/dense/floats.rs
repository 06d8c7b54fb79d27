//! Floating point numbers, in doubles.
//!
//! They are summed in the order of the users and without fused operations, so that every
//! processor gives the same bits: a lane without an answer may add a zero, which changes no
//! sum, as none is -0.

use super::{Class, Strip};
use crate::compensated::Compensated;
use crate::sweep::kernel::Lanes;
use crate::sweep::kernel::filter::Filter;
use crate::sweep::kernel::finish::{StripSums, block_mut, finish_floats};
use crate::sweep::simd::{Arithmetic, Doubles as _, InstructionSet, STRIP};

/// Floating point numbers.
#[derive(Debug)]
pub(crate) struct Floats;

impl Class for Floats {
    type Number = Compensated;
    type Score = f64;
    type Total = f64;

    #[inline(always)]
    fn score(number: Compensated) -> f64 {
        number.leading()
    }

    #[inline(always)]
    fn points(score: f64) -> f64 {
        score
    }

    #[inline(always)]
    fn total(number: Compensated) -> f64 {
        number.leading()
    }

    #[inline(always)]
    fn sum<I: InstructionSet>(
        instructions: I,
        strip: &Strip<'_, Self>,
        filter: &Filter,
        results: &mut Lanes,
    ) -> u32 {
        let mut sums = StripSums::at(0.0);
        let one = instructions.doubles(1.0);
        for first in (0..STRIP).step_by(8) {
            let [mut n, mut a, mut aa, mut b, mut bb, mut ab] = [instructions.doubles(0.0); 6];
            for user in strip.users {
                let (answered, scores) = strip.of(user, first);
                let x = instructions.load_doubles(scores).add(instructions.doubles(user.p)).only(answered);
                let of_user = instructions.doubles(user.b);
                a = a.add(x);
                aa = aa.add(x.mul(x));
                ab = ab.add(x.mul(of_user));
                n = n.add_where(answered, one);
                b = b.add_where(answered, of_user);
                bb = bb.add_where(answered, instructions.doubles(user.bb));
            }
            n.store(block_mut(&mut sums.n, first));
            a.store(block_mut(&mut sums.a, first));
            aa.store(block_mut(&mut sums.aa, first));
            b.store(block_mut(&mut sums.b, first));
            bb.store(block_mut(&mut sums.bb, first));
            ab.store(block_mut(&mut sums.ab, first));
        }
        finish_floats(&sums, strip.lanes, strip.first, filter, results)
    }
}
