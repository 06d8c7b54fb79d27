//! Floats that are rounded first: who answered is summed in bytes, and in doubles only where r may be wanted.
//!
//! ```text
//! for each strip:   sum scores in steps of a 255th of their range, as bytes, and totals in 2550ths of theirs
//!     for each lane of which r, whatever rounding took, can reach what is wanted:
//!         look up and sum, in doubles and user by user, who answered it
//! ```
//!
//! Doubles are eight times as wide as bytes, and it is copying them from cohort to cohort that takes the time.
//! Those of a strip are summed as [`Floats`] sums them, those of one subset as
//! [`pearson::correlate`] does, in the same order: the same bits. Where most subsets are wanted, this takes up to half as
//! long again as doubles alone: so it is for those who seek few
//! ([`SweepRequest::seeks`](crate::sweep::SweepRequest)).
//!
//! **The bound.** With s = constant + step·(t + e) and |e| ≤ ½, a subtotal of k scores is that of the t, A, and an
//! error of at most k/2; and so the grand totals, with ½. Let variables be centred, as vectors over n users, and ‖x‖
//! their length. By the triangle inequality and Cauchy and Schwarz
//!
//! ```text
//! ⟨a, b⟩ ≤ ⟨A, B⟩ + ‖A‖·√n/2 + ‖B‖·k√n/2 + kn/4
//! ‖a‖ ≥ ‖A‖ - k√n/2     ‖b‖ ≥ ‖B‖ - √n/2     r = ⟨a, b⟩ / ‖a‖‖b‖
//! ```
//!
//! in steps; and in sums, where n‖A‖² = nΣA² - (ΣA)² and n⟨A, B⟩ = nΣAB - ΣA·ΣB, all of it n times as large.

use std::sync::Arc;

use super::bytes::{Bytes, sum_pairs};
use super::doubles::{Doubles, Source};
use super::floats::Floats;
use super::{DenseCohort, DenseKernel, Strip, Sum, user_bytes};
use crate::compensated::Compensated;
use crate::index::Answers;
use crate::index::bitset::ones;
use crate::index::scores::Weighted;
use crate::interest::{Interest, Unwanted};
use crate::sweep::kernel::filter::Filter;
use crate::sweep::kernel::finish::{StripSums, bits};
use crate::sweep::kernel::{Ends, Kernel, LANES, Lanes};
use crate::sweep::pearson;
use crate::sweep::position::Position;
use crate::sweep::simd::{InstructionSet, Instructions, STRIP, Task, each};

/// Steps of the scores' range, and of half of the grand totals': five of the former are the latter.
const STEPS: f64 = u8::MAX as f64;
const HALF_STEPS: f64 = 1275.0;

/// How much of a step may be lost otherwise: what a double rounds off.
const LOST: f64 = 1e-3;

/// Errors of half a step are larger by so much for that, and for the roundings of the bounds.
const MORE: f64 = 1.0 + 3.0 * LOST;

/// So many scores are looked at before it is asked whether anybody still waits.
const AT_ONCE: usize = 1 << 12;

/// Scores and grand totals of floats, in steps.
#[derive(Debug)]
pub(crate) struct Rounded(Arc<Weighted<i64>>);

impl Rounded {
    /// The scores in steps; `None` if these are so small that doubles have no digits left for them, or if scores or
    /// grand totals are all the same.
    ///
    /// # Errors
    /// Nobody waits for them any longer.
    pub(crate) fn of(
        scores: &Weighted<Compensated>,
        interest: Interest<'_>,
    ) -> Result<Option<Self>, Unwanted> {
        let of_scores = Steps::of(&scores.scores, STEPS, 0.0, interest)?;
        let of_totals = Steps::of(&scores.totals, 2.0 * HALF_STEPS, HALF_STEPS, interest)?;
        let (Some(of_scores), Some(of_totals)) = (of_scores, of_totals) else { return Ok(None) };
        let mut rounded = Vec::with_capacity(scores.scores.len());
        for chunk in scores.scores.chunks(AT_ONCE) {
            interest.check()?;
            rounded.extend(chunk.iter().map(|score| of_scores.steps(score)));
        }
        let totals = scores.totals.iter().map(|total| of_totals.steps(total)).collect();
        Ok(Some(Self(Arc::new(Weighted { offsets: scores.offsets.clone(), scores: rounded, totals }))))
    }

    /// Bytes of the scores in steps.
    pub(crate) fn bytes(answers: &Answers) -> usize {
        let scores: usize = answers.support.iter().sum();
        (scores + 2 * answers.users() + 1) * size_of::<i64>()
    }
}

/// How numbers are rounded.
#[derive(Debug, Clone, Copy)]
struct Steps {
    least: f64,
    step: f64,
    /// How many steps below 0 the least is.
    first: f64,
}

impl Steps {
    fn of(
        numbers: &[Compensated],
        steps: f64,
        first: f64,
        interest: Interest<'_>,
    ) -> Result<Option<Self>, Unwanted> {
        // And the largest of what is left of a number beside its leading double.
        let (mut least, mut most, mut rest) = (f64::MAX, f64::MIN, 0f64);
        for chunk in numbers.chunks(AT_ONCE) {
            interest.check()?;
            for [leading, behind] in chunk.iter().map(|number| number.parts()) {
                (least, most, rest) = (least.min(leading), most.max(leading), rest.max(behind.abs()));
            }
        }
        let step = (most - least) / steps;
        // Also what is lost when the least is taken off another.
        let lost = rest + least.abs().max(most.abs()) * 8.0 * f64::EPSILON;
        Ok((step.is_finite() && lost < step * LOST).then_some(Self { least, step, first }))
    }

    fn steps(self, number: &Compensated) -> i64 {
        ((number.leading() - self.least) / self.step - self.first).round() as i64
    }
}

/// Sums lanes of subsets whose scores are floats, where few are wanted.
#[derive(Debug, Clone)]
pub(crate) struct RoundedKernel {
    rounded: DenseKernel<Bytes>,
    scores: Arc<Weighted<Compensated>>,
    doubles: Doubles,
    /// How many questions a subset has.
    k: usize,
}

impl RoundedKernel {
    /// For subsets of k questions; `None` where sums of steps would not fit.
    pub(crate) fn new(
        instructions: Instructions,
        answers: Arc<Answers>,
        scores: Arc<Weighted<Compensated>>,
        Rounded(rounded): &Rounded,
        k: usize,
    ) -> Option<Self> {
        let few = Bytes::few_of(rounded, k)?;
        let rounded = DenseKernel::new(instructions, answers, Arc::clone(rounded), few);
        Some(Self { rounded, scores, doubles: Doubles::default(), k })
    }

    /// All users, before any question is chosen.
    pub(crate) fn all_users(&self) -> DenseCohort<Bytes> {
        self.rounded.all_users()
    }
}

impl Kernel for RoundedKernel {
    type Cohort = DenseCohort<Bytes>;

    fn user_bytes(answers: &Answers) -> usize {
        user_bytes::<i32>(answers, size_of::<u8>()) + Doubles::user_bytes(answers)
    }

    fn users(cohort: &DenseCohort<Bytes>) -> usize {
        DenseKernel::<Bytes>::users(cohort)
    }

    fn restrict(
        &mut self,
        cohort: &DenseCohort<Bytes>,
        question: Position,
        ends: Ends,
        restricted: &mut DenseCohort<Bytes>,
    ) {
        self.doubles.forget_cohort();
        self.rounded.restrict(cohort, question, ends, restricted);
    }

    #[inline]
    fn users_with(&self, cohort: &DenseCohort<Bytes>, question: Position) -> usize {
        self.rounded.users_with(cohort, question)
    }

    fn open(&mut self, cohort: &DenseCohort<Bytes>, question: Option<Position>) -> usize {
        self.doubles.forget_prefix();
        self.rounded.open(cohort, question)
    }

    fn lanes(
        &mut self,
        cohort: &DenseCohort<Bytes>,
        word: usize,
        lanes: u64,
        filter: &Filter,
        results: &mut Lanes,
    ) {
        results.clear();
        let Self { rounded, scores, doubles, k } = self;
        let instructions = rounded.instructions;
        for strip in rounded.strips(cohort, word, lanes) {
            let first = strip.first;
            let number = (word * LANES + first) / STRIP;
            let mut lanes = strip.lanes;
            if !doubles.suffice(number) {
                lanes = instructions.run(MayPass { strip: &strip, k: *k, filter });
                doubles.looked_at(number, lanes != 0);
            }
            if lanes == 0 {
                continue;
            }
            let most_scores = lanes.count_ones() as usize * strip.users.len() * *k;
            if doubles.pay(cohort, number, most_scores) {
                let source = Source { answers: &rounded.answers, scores };
                let open = strip.users.iter().map(|user| user.slot);
                let (scores, users) = doubles.strip(source, cohort, rounded.question, open, number);
                let strip = Strip { rows: strip.rows, scores, users, few: 0, lanes, first };
                // Those of which rounding may have eaten r are left.
                lanes = instructions.run(Sum::<Floats> { strip, filter, results });
            }
            for lane in ones(lanes.into()) {
                let pairs = rounded.pairs(scores, cohort, Position(word * LANES + first + lane));
                results.cost += pairs.len();
                let n = pairs.len() as i64;
                if filter.counts(n) {
                    let r = pearson::correlate(&pairs, filter.corrected).defined();
                    results.record(first + lane, n, r, filter);
                }
            }
        }
    }
}

/// The lanes of a strip of rounded scores that may pass the filter.
struct MayPass<'a> {
    strip: &'a Strip<'a, Bytes>,
    k: usize,
    filter: &'a Filter,
}

impl Task for MayPass<'_> {
    type Output = u32;

    #[inline(always)]
    fn run<I: InstructionSet>(self, instructions: I) -> u32 {
        let Self { strip, k, filter } = self;
        if filter.first_look().is_none() {
            return strip.lanes;
        }
        let mut sums = StripSums::<f64>::at(0.0);
        for users in strip.users.chunks(strip.few) {
            sums.add(&sum_pairs(instructions, strip, users));
        }
        may_pass(&sums, k, strip.lanes, filter)
    }
}

/// Which of `lanes`, a set of bits, may pass the filter, given the sums of rounded scores.
#[inline(always)]
fn may_pass(sums: &StripSums<f64>, k: usize, lanes: u32, filter: &Filter) -> u32 {
    let Some((sign, least_square)) = filter.first_look() else { return lanes };
    let floor = f64::from(least_square).sqrt();
    let [least_n, most_n] = filter.bounds.n;
    let (least_n, most_n) = (least_n as f64, most_n as f64);
    let k = k as f64;
    let may_pass: [i64; STRIP] = each(|lane| {
        let (n, a, b) = (sums.n[lane], sums.a[lane], sums.b[lane]);
        let (aa, bb, ab) = (sums.aa[lane], sums.bb[lane], sums.ab[lane]);
        let (length_a, length_b) = ((n * aa - a * a).sqrt(), (n * bb - b * b).sqrt());
        let covariance = sign * (n * ab - a * b);
        let (off_a, off_b) = (0.5 * k * n * MORE, 0.5 * n * MORE);
        let most = covariance + (length_a * off_b + length_b * off_a + off_a * off_b) * MORE;
        let (least_a, least_b) = (length_a - off_a, length_b - off_b);
        let less = most < floor * (least_a * least_b);
        let known = (least_a > 0.0) & (least_b > 0.0);
        i64::from(!(less & known) & (least_n <= n) & (n <= most_n))
    });
    lanes & bits(|lane| may_pass[lane] != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::bounds::Bounds;
    use proptest::prelude::*;

    fn filter(r: [f64; 2]) -> Filter {
        Filter { bounds: Bounds { r, ..Bounds::DEFINED }, corrected: false }
    }

    /// Scores of k questions, and a grand total: that of these and something else.
    fn users(k: usize, noise: f64) -> impl Strategy<Value = Vec<(Vec<f64>, f64)>> {
        let user = (prop::collection::vec(-1.0..1.0, k), -1.0..1.0);
        let of_user = move |(scores, other): (Vec<f64>, f64)| {
            let total = scores.iter().sum::<f64>() + noise * other;
            (scores, total)
        };
        prop::collection::vec(user.prop_map(of_user), 2..60)
    }

    fn rounded(users: &[(Vec<f64>, f64)]) -> Option<Weighted<i64>> {
        let scores = users.iter().flat_map(|(scores, _)| scores).map(|&score| score.into()).collect();
        let totals = users.iter().map(|&(_, total)| total.into()).collect();
        let weighted = Weighted { offsets: Vec::new(), scores, totals };
        let Rounded(rounded) = Rounded::of(&weighted, Interest::LASTING).unwrap()?;
        Some(Arc::into_inner(rounded).unwrap())
    }

    fn sums_of(rounded: &Weighted<i64>, k: usize, lane: usize) -> StripSums<f64> {
        let mut sums = StripSums::at(0.0);
        for (scores, &b) in rounded.scores.chunks(k).zip(&rounded.totals) {
            let (a, b) = (scores.iter().sum::<i64>() as f64, b as f64);
            sums.n[lane] += 1.0;
            sums.a[lane] += a;
            sums.aa[lane] += a * a;
            sums.b[lane] += b;
            sums.bb[lane] += b * b;
            sums.ab[lane] += a * b;
        }
        sums
    }

    fn r_of(users: &[(Vec<f64>, f64)]) -> f64 {
        let pairs = users
            .iter()
            .map(|(scores, total)| (Compensated::from(scores.iter().sum::<f64>()), (*total).into()));
        pearson::correlate(&pairs.collect::<Vec<_>>(), false).defined().unwrap_or(0.0)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn what_may_pass_unrounded_is_told(
            users in (1usize..6, 0.0..20.0).prop_flat_map(|(k, noise)| users(k, noise)), lane in 0..STRIP,
        ) {
            let (k, r) = (users[0].0.len(), r_of(&users));
            let Some(rounded) = rounded(&users) else { return Ok(()) };
            let sums = sums_of(&rounded, k, lane);
            let lanes = 1 << lane;
            if r > 0.0 {
                prop_assert_eq!(may_pass(&sums, k, lanes, &filter([r, 1.0])), lanes);
            } else if r < 0.0 {
                prop_assert_eq!(may_pass(&sums, k, lanes, &filter([-1.0, r])), lanes);
            }
            prop_assert_eq!(may_pass(&sums, k, 0, &filter([r.abs().max(0.1), 1.0])), 0);
        }
    }

    #[test]
    fn rounded_scores_are_near_enough_to_rule_lanes_out() {
        // Totals follow the scores, and something else as much.
        let number = |user: usize, times: usize| (user * times % 101) as f64 / 101.0;
        let users: Vec<_> = (0..100)
            .map(|user| {
                let scores = vec![number(user, 7), number(user, 13), number(user, 29)];
                let total = scores.iter().sum::<f64>() + 2.0 * number(user, 43);
                (scores, total)
            })
            .collect();
        let (r, sums) = (r_of(&users), sums_of(&rounded(&users).unwrap(), 3, 5));
        assert!(r > 0.3 && r < 0.9, "{r}");
        for (times, expected) in [(0.9, true), (1.0, true), (1.1, false)] {
            assert_eq!(
                may_pass(&sums, 3, 1 << 5, &filter([r * times, 1.0])) != 0,
                expected,
                "{times} of {r}"
            );
        }
    }

    #[test]
    fn scores_without_digits_to_spare_are_not_rounded() {
        let of = |scores: [f64; 3]| {
            rounded(&[(vec![scores[0]], 1.0), (vec![scores[1]], 2.0), (vec![scores[2]], 4.0)]).is_some()
        };
        assert!(of([0.0, 0.1, 1.0]) && of([1e9, 1e9 + 1.0, 1e9 + 2.0]) && of([1e-300, 2e-300, 0.0]));
        // What is left of these beside a grid is no less than their differences.
        let on_grid = |score: f64| Compensated::from(score * 2f64.powi(-46)).on_grid(2f64.powi(-48));
        let (scores, totals) = ([0.1, 1.0, 3.0].map(on_grid), [1.0, 2.0, 4.0].map(Compensated::from));
        let weighted = Weighted { offsets: Vec::new(), scores: scores.to_vec(), totals: totals.to_vec() };
        assert!(Rounded::of(&weighted, Interest::LASTING).unwrap().is_none());
        assert!(!of([1e16, 1e16 + 2.0, 1e16 + 4.0]) && !of([1.0; 3]) && !of([-1e308, 1e308, 1.7e308]));
    }
}
