//! Scores of which few are missing: what changes when a question is added to a prefix, instead of
//! sums over all who answered it.
//!
//! With 99 of 100 questions answered, 96 of 100 users answered all four of a prefix, and to sum these
//! again for every prefix and lane is to sum nearly everybody. So a cohort keeps the six sums of each
//! lane, and those who *missed* something of its prefix (difference lists: M. J. Zaki and K. Gouda,
//! 2003, who find supports with them). Let s be 0 where a question was missed, P a prefix that is to
//! grow by q, p a user's subtotal on P, M those who missed something of P, and N those who missed q
//! and nothing of P. For every lane y
//!
//! ```text
//! Σ over those who answered P, q and y of f(p + s_q + s_y)
//!     = Σ over those who answered P and y of f(p + s_q + s_y)
//!     - Σ over N who answered y of f(p + s_y)                            f = 1, a, a², b, b², ab
//! ```
//!
//! The first is what the cohort has, and beside it, for Σa, Σa² and Σab, the sums of s_q, of s_q² +
//! 2·p·s_q + 2·s_q·s_y, and of b·s_q over those who answered P and y. As p is a sum over questions,
//! tables hold these over *all* who answered y; so they are had less those over M, and to take off
//! sums over all of M and give back those over who of M missed y is to look at few users. Likewise,
//! what is taken off for N are s_y, 2·p·s_y + s_y² and b·s_y over all who missed q, by tables, less
//! those over who missed q and is in M; and f(p), given back for who of N missed y.
//!
//! What is taken off is mostly the same for every lane, and needs no users at all: over M and N it is
//! what everybody sums up to, less those who answered P and q, which the cohort has, as q is a lane of
//! it. So a step to q is
//!
//! ```text
//! once:        taken = totals of P + sums over all of what q adds - the cohort's sums at lane q
//! each lane:   the cohort's sums - taken + what the tables add, for q and for q with each r in P
//!              - 2·Σs_q·s_y over M                                        counted by bits
//!              + f(p) of those of N who missed y                          by a list of who missed q and y
//!              + s_q, (2p + s_q)s_q and b·s_q of those of M who missed y  summed once for all steps from P:
//!              + s_y, (2p + s_y)s_y and b·s_y of those of M who missed q  `missed_too`
//! ```
//!
//! The sums over who missed y, which are users to be looked up for each lane, are left out where r cannot
//! reach the floor of the filter whatever they come to: `remainder`.
//!
//! With nothing missed that is what the kernel of complete data does. At one answer in a hundred
//! missed, 120 of 4,000 users are in M for a prefix of three questions, and one of them missed y.
//!
//! All sums are integers of 32 bits (`tables` says why they hold them), and r is that of the same integers
//! as any other kernel's.
//!
//! | file | what it has |
//! |---|---|
//! | `gaps` | scores, and who missed what, as they are looked up |
//! | `tables` | sums over all who answered, or missed, a question |
//! | `cohort` | a prefix: the sums of its lanes, and who missed something of it |
//! | `missed_too` | what of these those scored who missed a certain question, too |
//! | `step` | what changes with a question more: the sums of its lanes |
//! | `remainder` | whether a strip can have what is wanted, before who missed its lanes is looked at |
//! | `grow` | the cohort that comes of it |

mod cohort;
mod gaps;
mod grow;
mod missed_too;
mod remainder;
mod step;
mod tables;

use std::sync::Arc;

use self::cohort::DifferenceCohort;
use self::gaps::Weights;
use self::grow::Grow;
use self::missed_too::MissedToo;
use self::step::{Step, stored};
use self::tables::Tables;
use crate::index::Answers;
use crate::index::bitset::count;
use crate::interest::{Interest, Unwanted};
use crate::sweep::kernel::filter::Filter;
use crate::sweep::kernel::finish::{counted, finish_moments, may_pass};
use crate::sweep::kernel::{Ends, Kernel, LANES, Lanes};
use crate::sweep::pearson::exact::correct;
use crate::sweep::position::Position;
use crate::sweep::simd::{InstructionSet, Instructions, STRIP, Task, each};

/// What steps between the prefixes of some answers need to know.
#[derive(Debug)]
pub(crate) struct Differences(Tables);

/// What a set takes that is summed over users, in nanoseconds for each of them, with AVX2; half of that
/// with AVX-512, and more if scores are not 0 and 1.
const USER_SUMMED: f64 = 0.1;

/// What a step takes for each lane, and for each user who missed the lane and something of the prefix.
const STEP: f64 = 8.0;
const BOTH_MISSED: f64 = 2.0;

/// What a product of two scores takes while tables are made.
const PRODUCT: f64 = 0.2;

impl Differences {
    /// For sets of up to k questions; `None` where scores or sums would not fit.
    ///
    /// # Errors
    /// Nobody waits for them any longer.
    pub(crate) fn of(
        answers: &Answers,
        k: usize,
        instructions: Instructions,
        interest: Interest<'_>,
    ) -> Result<Option<Self>, Unwanted> {
        Ok(Tables::of(answers, k, instructions, interest)?.map(Self))
    }

    /// Whether it is less work to prepare steps and to make them, for sets of k questions, than to sum
    /// those who answered a prefix.
    pub(crate) fn pay(answers: &Answers, k: usize) -> bool {
        let (users, questions) = (answers.users() as f64, answers.questions() as f64);
        if k < 3 || answers.questions() < k {
            return false;
        }
        let (mut answered, mut both_missed) = (0.0, 0.0);
        for user in 0..answers.users() {
            let count = count(answers.answered.row(user)) as f64;
            // Of the prefixes, a user who answered so many questions answered this part.
            let of_prefixes = |i: usize| (count - i as f64).max(0.0) / (questions - i as f64);
            let part = (0..k - 1).map(of_prefixes).product::<f64>();
            answered += part;
            both_missed += (1.0 - part) * (1.0 - count / questions);
        }
        let sets = (0..k).map(|i| (questions - i as f64) / (i + 1) as f64).product::<f64>();
        let preparing = questions * questions * (users + answers.gaps() as f64) * PRODUCT;
        preparing + sets * (STEP + BOTH_MISSED * both_missed) < sets * answered * USER_SUMMED
    }

    /// Bytes held; none, if they would be too many.
    pub(crate) fn bytes(answers: &Answers) -> usize {
        if Tables::fit(answers) { Tables::bytes(answers) } else { 0 }
    }
}

/// Sums the lanes of a prefix by what changes with its last question.
#[derive(Debug, Clone)]
pub(crate) struct DifferenceKernel {
    instructions: Instructions,
    differences: Arc<Differences>,
    step: Step,
}

impl DifferenceKernel {
    pub(crate) fn new(instructions: Instructions, differences: Arc<Differences>) -> Self {
        Self { instructions, differences, step: Step::default() }
    }

    /// The empty prefix.
    pub(crate) fn empty(&self) -> DifferenceCohort {
        DifferenceCohort::empty(&self.differences.0)
    }
}

impl Kernel for DifferenceKernel {
    type Cohort = DifferenceCohort;

    fn user_bytes(answers: &Answers) -> usize {
        let lanes = answers.answered.words_per_row() * LANES;
        let missed = answers.gaps().div_ceil(answers.users().max(1));
        let users = answers.support.iter().min().map_or(1, |&users| users.max(1));
        DifferenceCohort::user_bytes(lanes, missed)
            + size_of::<u64>()
            + (MissedToo::bytes(lanes) + lanes / STRIP * size_of::<Weights>()).div_ceil(users)
    }

    #[inline]
    fn users(cohort: &DifferenceCohort) -> usize {
        cohort.totals[0] as usize
    }

    fn restrict(
        &mut self,
        cohort: &DifferenceCohort,
        question: Position,
        ends: Ends,
        restricted: &mut DifferenceCohort,
    ) {
        let Differences(tables) = &*self.differences;
        let lanes = ends.lanes.max(ends.prefixes).next_multiple_of(LANES).min(tables.lanes());
        let (step, strips) = (&mut self.step, lanes / STRIP);
        step.renew(cohort.prefix.len() + 1);
        self.instructions.run(Grow { tables, cohort, step, question, strips, grown: restricted });
    }

    fn open(&mut self, cohort: &DifferenceCohort, question: Option<Position>) -> usize {
        let Differences(tables) = &*self.differences;
        let question = question.expect("a prefix of two questions or more");
        self.instructions.run(Take { tables, cohort, question, step: &mut self.step });
        self.step.users
    }

    fn lanes(
        &mut self,
        cohort: &DifferenceCohort,
        word: usize,
        lanes: u64,
        filter: &Filter,
        results: &mut Lanes,
    ) {
        results.clear();
        let Differences(tables) = &*self.differences;
        let step = &mut self.step;
        self.instructions.run(Finish { tables, cohort, step, word, lanes, filter, results });
    }
}

/// [`Step::take`], compiled for an instruction set.
struct Take<'a> {
    tables: &'a Tables,
    cohort: &'a DifferenceCohort,
    question: Position,
    step: &'a mut Step,
}

impl Task for Take<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: InstructionSet>(self, _: I) {
        self.step.take(self.tables, self.cohort, self.question);
    }
}

/// Hands out the lanes of a word that pass the filter.
struct Finish<'a> {
    tables: &'a Tables,
    cohort: &'a DifferenceCohort,
    step: &'a mut Step,
    word: usize,
    lanes: u64,
    filter: &'a Filter,
    results: &'a mut Lanes,
}

impl Task for Finish<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: InstructionSet>(self, instructions: I) {
        let Self { tables, cohort, step, word, filter, results, .. } = self;
        for first in [0, STRIP] {
            let lanes = (self.lanes >> first) as u32;
            if lanes == 0 {
                continue;
            }
            let strip = (word * LANES + first) / STRIP;
            let mut sums = step.known(instructions, tables, cohort, strip);
            if step.gives_back(tables, cohort, strip, lanes) {
                let mut known = stored(sums);
                if !step.remainder(tables, cohort, strip).may_pass(&known, lanes, filter) {
                    continue;
                }
                step.give_back(instructions, tables, cohort, strip, lanes, &mut known);
                // By name, as the compiler would load them one number at a time.
                let load = |sum: usize| instructions.load_lanes32(&known[sum]);
                sums = [load(0), load(1), load(2), load(3), load(4), load(5)];
            }
            if !may_pass(sums, instructions.lanes32(-1), filter) {
                continue;
            }
            let sums = &stored(sums);
            let lanes = lanes & counted(&sums[0], filter);
            if lanes == 0 {
                continue;
            }
            let mut moments = [[0.0; STRIP]; 3];
            for lane in 0..STRIP {
                let [n, a, aa, b, bb, ab]: [f64; 6] = each(|sum| sums[sum][lane].into());
                let of_lane = [n * ab - a * b, n * aa - a * a, n * bb - b * b];
                [moments[0][lane], moments[1][lane], moments[2][lane]] =
                    if filter.corrected { correct(of_lane) } else { of_lane };
            }
            finish_moments(instructions, &sums[0], &moments, lanes, first, filter, results);
        }
    }
}
