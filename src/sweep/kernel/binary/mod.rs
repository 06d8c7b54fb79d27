//! Scores of 0 and 1: all arithmetic on strips of 32 lanes.
//!
//! A user with subtotal p on the prefix and grand total b adds to every lane y they
//! answered, with s their score on y and so a = p + s:
//!
//! ```text
//! n += 1    a += p + s    a² += p² + (2p+1)s    b += b    b² += b²    ab += pb + sb
//! ```
//!
//! Users of equal p are summed as a group. Within it only five sums are needed,
//! n, Σs, Σb, Σb² and Σsb; and three additions form them, as a count shares a lane
//! with a sum:
//!
//! ```text
//! for each user of the group:
//!     where answered:   totals   += 64·b + 1        low 6 bits n, the others Σb
//!     where scored 1:   products += 64·b + 1        low 6 bits Σs, the others Σsb
//!     where answered:   squares  += b²
//! ```
//!
//! **Why that is right.** A run has at most 63 users, so that the counts never reach
//! into the other sum. With lanes of 16 bits, runs are so short that Σb² of one stays
//! below 2¹⁶. If it is below 2¹¹ in every lane, then by Cauchy and Schwarz
//! |Σb|² ≤ 63·Σb² for any part of the lane's users, so |Σb| < 360 and totals and
//! products fit, as every sum on the way to them is one of a part of the users. If it
//! is not, the strip is summed again with lanes of 32 bits. Runs are also so short that
//! this is rare: half of 2¹¹ is what Σb² of one is on average.
//!
//! A chunk of users, at most 16 runs and at most 32,767 / k² users, has all six sums
//! within 16 bits: n, Σa and Σa² are at most k² a user; Σb² is at most 16·2047 =
//! 32,752; |Σb| and |Σab| are at most √(n·Σb²) and √(Σa²·Σb²). Arithmetic wraps
//! around, so nothing matters but that the sums fit in the end. Then n·Σab - Σa·Σb
//! and its like are differences of two products below 2³⁰, and fit 32 bits.
//!
//! With lanes of 32 bits, 63·(64·|b| + 1) < 2³¹ for |b| ≤ 32,767; the bound of a chunk
//! keeps every sum below 2³⁰, and the differences, and what `corrected` adds up of
//! four of them, below 2⁶³.
//!
//! **Where masks cost more than additions**, as with AVX2, which makes one of bits in three
//! instructions for 16 lanes, the rows of the innermost cohort are written as [`bytes`], too: with AVX2, 1
//! where answered and 16 more where scored 1. The bytes of two users stand next to each other in a lane of 16
//! bits, and one instruction multiplies both by their users' b and adds them up:
//!
//! ```text
//! for each two users of the group, of whose bytes x the lowest bit is 1 where answered:
//!     counts  += x                   low 4 bits n, high 4 Σs, of each of the two
//!     both    += x·b                 Σb + 16·Σsb
//!     totals  += (x and 1)·b         Σb
//!     squares += (x > 0 ? |b| : 0)·|b|
//! ```
//!
//! That is 11 instructions a user and strip instead of 24. A run has at most 30 users, as a count has
//! four bits of either of two bytes; n, Σs and Σb have their own lanes; and |Σsb| ≤ √(30·2047) < 2¹¹, so that
//! 16 of it fit.
//!
//! NEON has no such instruction, but one that looks 16 bytes up in a table: its bytes are places in tables
//! of b, beyond their end where not answered. That is 19 instructions a user and strip instead of 24.
//!
//! **Why that is fast.**
//!
//! 1. One masked addition does two sums of 32 subsets.
//! 2. The six sums stay in registers over all users of a prefix, and go from there
//!    to r; nothing is stored in between but for the few subsets that may be wanted.
//! 3. The lists of users come from columns of bits, and users of equal p stand
//!    together there, so that grouping costs nothing.
//!
//! | file | what it has |
//! |---|---|
//! | `cohort` | the users of a prefix |
//! | `chunks`, `width` | how many users lanes of 16 and of 32 bits can sum |
//! | `run`, of `bits` and of `bytes` | the sums of a run of users |
//! | `sum` | the six sums of a strip, and what becomes of them |
//!
//! What was tried and lost is told in `benches/README.md`.

#[allow(unsafe_code, reason = "a check for each user and strip takes a tenth of the time")]
mod bits;
#[allow(unsafe_code, reason = "a check for each user and strip takes a tenth of the time")]
mod bytes;
mod chunks;
mod cohort;
#[allow(unsafe_code, reason = "a check for each user and strip takes a tenth of the time")]
mod run;
#[allow(unsafe_code, reason = "a check for each user and strip takes a tenth of the time")]
mod sum;
mod width;

use std::marker::PhantomData;

pub(crate) use chunks::ChunkBounds;
pub(crate) use width::{Lanes16, Lanes32, Terms, Width};

use self::bytes::{Bytes, ToBytes};
use self::cohort::BinaryCohort;
use self::sum::Block;
use self::width::to_terms;
use crate::index::{Answers, scores::Binary};
use crate::sweep::kernel::cohort::{All, Cohort, Count, List, Restrict};
use crate::sweep::kernel::filter::Filter;
use crate::sweep::kernel::list::UserList;
use crate::sweep::kernel::{Ends, Kernel, Lanes};
use crate::sweep::position::Position;
use crate::sweep::simd::{Instructions, STRIP};

/// All users as a cohort, before any question is chosen.
pub(crate) fn all_users<W: Width>(
    instructions: Instructions,
    answers: &Answers,
    scores: &Binary,
    bounds: ChunkBounds,
) -> BinaryCohort<W> {
    let term = |user: usize| to_terms::<W>(i32::from(scores.totals[user]) - bounds.centre);
    let members = instructions.run(All { answers, correct: Some(&scores.correct), term });
    BinaryCohort { members, bytes: Bytes::default() }
}

/// Sums lanes of subsets whose scores are 0 and 1.
#[derive(Debug, Clone)]
pub(crate) struct BinaryKernel<W> {
    instructions: Instructions,
    bounds: ChunkBounds,
    /// The users left when a cohort is restricted.
    left: UserList,
    /// The users of the open prefix.
    list: UserList,
    /// Whether no lane of the block summed last had enough users. The next is like it, most times.
    few: bool,
    width: PhantomData<W>,
}

impl<W: Width> BinaryKernel<W> {
    pub(crate) fn new(instructions: Instructions, bounds: ChunkBounds) -> Self {
        Self {
            instructions,
            bounds,
            left: UserList::default(),
            list: UserList::default(),
            few: false,
            width: PhantomData,
        }
    }
}

impl<W: Width> Kernel for BinaryKernel<W> {
    type Cohort = BinaryCohort<W>;

    fn user_bytes(answers: &Answers) -> usize {
        let bits = Cohort::<Terms<W::Term>>::user_bytes(answers);
        bits + Bytes::user_bytes(answers.questions().div_ceil(STRIP))
    }

    fn users(cohort: &Self::Cohort) -> usize {
        cohort.members.users()
    }

    fn restrict(
        &mut self,
        cohort: &Self::Cohort,
        question: Position,
        ends: Ends,
        restricted: &mut Self::Cohort,
    ) {
        let BinaryCohort { members, bytes } = restricted;
        let (cohort, list) = (&cohort.members, &mut self.left);
        self.instructions.run(Restrict { cohort, question, ends, list, restricted: members });
        if ends.opened {
            let strips = ends.lanes.div_ceil(STRIP);
            self.instructions.run(ToBytes::<W> { members, strips, bytes });
        }
    }

    #[inline]
    fn users_with(&self, cohort: &Self::Cohort, question: Position) -> usize {
        self.instructions.run(Count { cohort: &cohort.members, question })
    }

    fn open(&mut self, cohort: &Self::Cohort, question: Option<Position>) -> usize {
        self.instructions.run(List { cohort: &cohort.members, question, list: &mut self.list });
        self.list.users()
    }

    fn lanes(
        &mut self,
        cohort: &Self::Cohort,
        word: usize,
        lanes: u64,
        filter: &Filter,
        results: &mut Lanes,
    ) {
        results.clear();
        let (list, bounds, count_first) = (&self.list, self.bounds, self.few);
        let block = Block::<W> { cohort, list, bounds, word, lanes, filter, results, count_first };
        self.few = self.instructions.run(block);
    }
}
