//! Which kernel sums a class of scores.

use std::sync::{Arc, OnceLock};

use ethnum::I256;

use crate::compensated::Compensated;
use crate::index::Answers;
use crate::index::scores::{Binary, Scores, Weighted};
use crate::interest::{Interest, Unwanted};
use crate::sweep::kernel::Kernel;
use crate::sweep::kernel::binary::{self, BinaryKernel, ChunkBounds, Lanes16, Lanes32, Terms, Width};
use crate::sweep::kernel::cohort::Cohort;
use crate::sweep::kernel::complete::{self, Lookup};
use crate::sweep::kernel::dense::{
    self, Class, DenseKernel,
    bytes::Bytes,
    floats::Floats,
    integers::Integers,
    rounded::{Rounded, RoundedKernel},
};
use crate::sweep::kernel::differences::{DifferenceKernel, Differences};
use crate::sweep::kernel::sparse::{SparseCohort, SparseKernel};
use crate::sweep::pearson::Number;
use crate::sweep::position::Position;
use crate::sweep::simd::Instructions;
use crate::sweep::walk::{Root, ScoreKernel};

/// Scores are kept in rows where at least one possible answer in this many was given.
const LEAST_DENSITY: u128 = 10;

/// What all branches of a plan choose their kernels from.
#[derive(Debug)]
pub(crate) struct Kernels {
    answers: Arc<Answers>,
    instructions: Instructions,
    /// Of data without gaps.
    complete: Option<Arc<dyn Lookup>>,
    /// Of data with few gaps, if they pay for sets of this size; made when first asked for.
    k: usize,
    differences: OnceLock<Option<Arc<Differences>>>,
    /// Of floats, likewise.
    rounded: OnceLock<Option<Rounded>>,
}

impl Kernels {
    /// Kernels for subsets of k questions.
    ///
    /// # Errors
    /// Nobody waits for them any longer.
    pub(crate) fn new(
        answers: &Arc<Answers>,
        k: usize,
        instructions: Instructions,
        interest: Interest<'_>,
    ) -> Result<Self, Unwanted> {
        let k = k.min(answers.questions());
        let complete = complete::complete(answers, k, instructions, interest)?;
        let (differences, rounded) = (OnceLock::new(), OnceLock::new());
        Ok(Self { answers: Arc::clone(answers), instructions, complete, k, differences, rounded })
    }

    /// Kernels that sum over users, whatever is missing.
    pub(crate) fn without_tables(answers: &Arc<Answers>, instructions: Instructions) -> Self {
        let answers = Arc::clone(answers);
        Self { answers, instructions, complete: None, k: 0, differences: None.into(), rounded: None.into() }
    }

    pub(crate) fn instructions(&self) -> Instructions {
        self.instructions
    }

    /// The covariances of data without gaps.
    pub(crate) fn complete(&self) -> Option<Arc<dyn Lookup>> {
        self.complete.clone()
    }

    /// What changes with a question more, if that takes less than to sum all who answered.
    ///
    /// It is made on all threads of a pool. The first branch asks for it while a plan is made, so that
    /// none of the shares, which run on the same threads, can come to wait for it.
    ///
    /// # Errors
    /// Nobody waits for it any longer.
    fn differences(&self, interest: Interest<'_>) -> Result<Option<&Arc<Differences>>, Unwanted> {
        let made = made_once(&self.differences, || {
            if !Differences::pay(&self.answers, self.k) {
                return Ok(None);
            }
            Ok(Differences::of(&self.answers, self.k, self.instructions, interest)?.map(Arc::new))
        })?;
        Ok(made.as_ref())
    }

    /// Bytes that the kernels of all branches share, for subsets of up to k questions.
    pub(crate) fn memory(answers: &Answers, k: usize, seeks: bool) -> usize {
        match complete::bytes(answers) {
            0 if answers.are_floats() && seeks && dense(answers, k) => Rounded::bytes(answers),
            0 if Differences::pay(answers, k) => Differences::bytes(answers),
            bytes => bytes,
        }
    }

    /// Makes the users ready who answered all fixed questions, for subsets of these and of
    /// `choose` questions more.
    ///
    /// # Arguments
    /// `seeks`: whether few subsets are wanted, as [`SweepRequest::seeks`](crate::sweep::SweepRequest) tells.
    ///
    /// # Errors
    /// Nobody waits for them any longer.
    pub(crate) fn select(
        &self,
        fixed: &[Position],
        choose: usize,
        seeks: bool,
        interest: Interest<'_>,
    ) -> Result<Box<dyn ScoreKernel>, Unwanted> {
        if let Some(complete) = &self.complete {
            return Ok(Arc::clone(complete).root(self.instructions, fixed));
        }
        if choose >= 3
            && let Some(differences) = self.differences(interest)?
        {
            let kernel = DifferenceKernel::new(self.instructions, Arc::clone(differences));
            let empty = kernel.empty();
            return Ok(self.root("few gaps", kernel, empty, fixed));
        }
        if let Scores::Float(scores) = &self.answers.scores
            && seeks
            && dense(&self.answers, choose)
            && let Some(kernel) = self.rounded(scores, fixed.len() + choose, interest)?
        {
            let all = kernel.all_users();
            return Ok(self.root("floats, first in bytes", kernel, all, fixed));
        }
        Ok(self.by_users(fixed, choose))
    }

    /// The kernel that looks at floats in steps first, if they have some.
    ///
    /// # Errors
    /// Nobody waits for it.
    fn rounded(
        &self,
        scores: &Arc<Weighted<Compensated>>,
        k: usize,
        interest: Interest<'_>,
    ) -> Result<Option<RoundedKernel>, Unwanted> {
        let rounded = made_once(&self.rounded, || Rounded::of(scores, interest))?;
        Ok(rounded.as_ref().and_then(|rounded| {
            let (answers, scores) = (Arc::clone(&self.answers), Arc::clone(scores));
            RoundedKernel::new(self.instructions, answers, scores, rounded, k)
        }))
    }

    /// The kernel that sums over the users who answered.
    fn by_users(&self, fixed: &[Position], choose: usize) -> Box<dyn ScoreKernel> {
        let k = fixed.len() + choose;
        match &self.answers.scores {
            Scores::Binary(scores) => {
                if let Some(bounds) = ChunkBounds::of::<Lanes16>(k, scores) {
                    self.binary::<Lanes16>("binary scores, 16-bit lanes", scores, bounds, fixed)
                } else if let Some(bounds) = ChunkBounds::of::<Lanes32>(k, scores) {
                    self.binary::<Lanes32>("binary scores, 32-bit lanes", scores, bounds, fixed)
                } else {
                    let scores = Arc::new(scores.weighted(&self.answers.answered));
                    self.sparse("64-bit scores, sparse", &scores, fixed)
                }
            }
            Scores::Integer(scores) if dense(&self.answers, choose) => match Bytes::few_of(scores, k) {
                Some(few) => self.rows::<Bytes>("8-bit scores, 32-bit lanes", scores, few, fixed),
                None => self.rows::<Integers>("64-bit scores", scores, 0, fixed),
            },
            Scores::Float(scores) if dense(&self.answers, choose) => {
                self.rows::<Floats>("floats, 64-bit lanes", scores, 0, fixed)
            }
            Scores::Integer(scores) => self.sparse("64-bit scores, sparse", scores, fixed),
            Scores::Long(scores) => self.sparse("128-bit scores, sparse", scores, fixed),
            Scores::Wide(scores) => self.sparse("256-bit scores, sparse", scores, fixed),
            Scores::Float(scores) => self.sparse("floats, sparse", scores, fixed),
        }
    }

    fn binary<W: Width>(
        &self,
        name: &'static str,
        scores: &Binary,
        bounds: ChunkBounds,
        fixed: &[Position],
    ) -> Box<dyn ScoreKernel> {
        let all = binary::all_users::<W>(self.instructions, &self.answers, scores, bounds);
        self.root(name, BinaryKernel::<W>::new(self.instructions, bounds), all, fixed)
    }

    fn rows<C: Class>(
        &self,
        name: &'static str,
        scores: &Arc<Weighted<C::Number>>,
        few: usize,
        fixed: &[Position],
    ) -> Box<dyn ScoreKernel> {
        let (answers, scores) = (Arc::clone(&self.answers), Arc::clone(scores));
        let kernel = DenseKernel::<C>::new(self.instructions, answers, scores, few);
        let all = kernel.all_users();
        self.root(name, kernel, all, fixed)
    }

    fn sparse<N: Number>(
        &self,
        name: &'static str,
        scores: &Arc<Weighted<N>>,
        fixed: &[Position],
    ) -> Box<dyn ScoreKernel> {
        let kernel = SparseKernel::new(Arc::clone(&self.answers), Arc::clone(scores));
        self.root(name, kernel, SparseCohort::all(&self.answers), fixed)
    }

    fn root<K: Kernel>(
        &self,
        name: &'static str,
        kernel: K,
        all: K::Cohort,
        fixed: &[Position],
    ) -> Box<dyn ScoreKernel> {
        Box::new(Root::new(name, kernel, all, fixed, self.answers.questions()))
    }
}

/// What is made when it is first asked for, and kept if somebody waits until it is there.
fn made_once<T>(kept: &OnceLock<T>, make: impl FnOnce() -> Result<T, Unwanted>) -> Result<&T, Unwanted> {
    if let Some(made) = kept.get() {
        return Ok(made);
    }
    let made = make()?;
    Ok(kept.get_or_init(|| made))
}

/// Whether scores are kept in rows, answered or not.
///
/// Prefixes of two questions or more leave few enough users to keep a score for
/// each of them and every question, unless few are answered: then memory and time
/// are better spent on the answers there are.
fn dense(answers: &Answers, choose: usize) -> bool {
    let possible = answers.users() as u128 * answers.questions() as u128;
    let answered: usize = answers.support.iter().sum();
    choose >= 3 && answered as u128 * LEAST_DENSITY >= possible
}

/// Bytes of one user before a question is chosen.
pub(crate) fn unscored_user_bytes(answers: &Answers) -> usize {
    Cohort::<dense::CohortUser<i64>>::user_bytes(answers)
}

/// Bytes of one user at most, in any cohort of these answers.
pub(crate) fn most_user_bytes(answers: &Answers) -> usize {
    match &answers.scores {
        Scores::Binary(_) => Cohort::<Terms<i32>>::user_bytes(answers),
        Scores::Integer(scores) if Bytes::hold(scores) => dense::user_bytes::<i64>(answers, size_of::<u8>()),
        Scores::Integer(_) => DenseKernel::<Integers>::user_bytes(answers),
        Scores::Long(_) => SparseKernel::<i128>::user_bytes(answers),
        Scores::Wide(_) => SparseKernel::<I256>::user_bytes(answers),
        Scores::Float(_) => DenseKernel::<Floats>::user_bytes(answers),
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use proptest::prelude::*;
    use proptest::sample::Index;

    use crate::compensated::Compensated;
    use crate::index::bitset::BitMatrix;
    use crate::index::unit::Unit;
    use crate::interest::Ended;
    use crate::sweep::bounds::Bounds;
    use crate::sweep::plan::SweepPlan;
    use crate::sweep::request::{SweepRequest, Undefined};
    use crate::sweep::rows::buffer::{Columns, RowBuffer};
    use crate::sweep::task::Budget;

    /// Answers of tables with so many users, of which a part like this is there; at times, as often as
    /// `broad` says, with strips of lanes that are empty but for questions of few.
    fn few_gaps(
        users: Range<usize>,
        density: impl Strategy<Value = f64>,
        broad: f64,
    ) -> impl Strategy<Value = Arc<Answers>> {
        let levels = prop_oneof![3 => Just(2i64), 1 => Just(6), 1 => Just(256)];
        (users, 3usize..10, density, levels, proptest::bool::weighted(broad)).prop_flat_map(
            |(users, questions, density, levels, broad)| {
                let questions = if broad { questions + 60 } else { questions };
                let answer = (0..levels, 0.0f64..1.0);
                proptest::collection::vec(answer, users * questions).prop_map(move |table| {
                    let few = |question: usize| broad && !question.is_multiple_of(12);
                    let score = |(place, (score, luck)): (usize, (i64, f64))| {
                        (luck < if few(place % questions) { 0.02 } else { density }).then_some(score)
                    };
                    let scores: Vec<Option<i64>> = table.into_iter().enumerate().map(score).collect();
                    Arc::new(answers(&scores.chunks(questions).collect::<Vec<_>>(), levels))
                })
            },
        )
    }

    /// The answers of a table, a row for each user.
    fn answers(table: &[&[Option<i64>]], levels: i64) -> Answers {
        let questions = table[0].len();
        let support_of = |question: usize| table.iter().filter(|row| row[question].is_some()).count();
        let mut ids: Vec<u32> = (0..questions as u32).collect();
        ids.sort_by_key(|&id| (std::cmp::Reverse(support_of(id as usize)), id));
        let (mut answered, mut correct) =
            (BitMatrix::new(table.len(), questions), BitMatrix::new(table.len(), questions));
        let mut weighted = Weighted { offsets: vec![0], scores: Vec::new(), totals: Vec::new() };
        for (user, row) in table.iter().enumerate() {
            for (position, &id) in ids.iter().enumerate() {
                let Some(score) = row[id as usize] else { continue };
                answered.set(user, position);
                weighted.scores.push(score);
                if score == 1 {
                    correct.set(user, position);
                }
            }
            weighted.offsets.push(weighted.scores.len());
            weighted.totals.push(row.iter().flatten().sum());
        }
        let scores = if levels == 2 {
            let totals = weighted.totals.iter().map(|&total| total as i16).collect();
            Scores::Binary(Binary { correct, totals })
        } else {
            Scores::Integer(Arc::new(weighted))
        };
        let support = ids.iter().map(|&id| support_of(id as usize)).collect();
        Answers { answered, scores, unit: Unit::Exact { lowest: 0, divisor: 1, digits: 0 }, ids, support }
    }

    /// The questions' ids, the bits of r, n.
    type Rows = Vec<(Vec<u32>, u64, i64)>;

    /// The kernel's name, and all rows.
    fn rows(kernels: Kernels, request: &SweepRequest) -> (&'static str, Rows) {
        let answers = Arc::clone(&kernels.answers);
        let plan = Arc::new(
            SweepPlan::with_kernels(answers, Arc::new(kernels), request, Interest::LASTING).unwrap(),
        );
        let mut buffer = RowBuffer::new(Columns::ALL);
        let stop = std::sync::atomic::AtomicBool::new(false);
        for index in 0..2 {
            let mut share = plan.share(index, 2, Columns::ALL);
            let until = std::time::Instant::now() + std::time::Duration::from_secs(600);
            while !share.advance(&mut buffer, &mut Budget::new(usize::MAX, until, &stop)) {}
        }
        let questions = buffer.questions.chunks(request.k).map(<[u32]>::to_vec);
        let bits = |r: &f64| if r.is_nan() { u64::MAX } else { r.to_bits() };
        let rest = buffer.r.iter().map(bits).zip(buffer.n.iter().copied());
        let mut rows: Rows = questions.zip(rest).map(|(questions, (r, n))| (questions, r, n)).collect();
        rows.sort_unstable();
        (plan.kernel(), rows)
    }

    /// The same answers, with scores of another width that are so many times as large.
    fn widened<N: Copy>(
        answers: &Answers,
        times: impl Fn(i64) -> N,
        to: fn(Arc<Weighted<N>>) -> Scores,
    ) -> Arc<Answers> {
        let Scores::Integer(scores) = &answers.scores else { panic!("no integers") };
        let all = |numbers: &[i64]| numbers.iter().map(|&number| times(number)).collect();
        let widened = Weighted {
            offsets: scores.offsets.clone(),
            scores: all(&scores.scores),
            totals: all(&scores.totals),
        };
        let answered = BitMatrix::clone(&answers.answered);
        Arc::new(Answers {
            answered,
            scores: to(Arc::new(widened)),
            unit: answers.unit.clone(),
            ids: answers.ids.clone(),
            support: answers.support.clone(),
        })
    }

    /// Answers without gaps, of every class of exact scores, and what is known of them.
    fn complete_data() -> impl Strategy<Value = (Arc<Answers>, &'static str)> {
        let levels = prop_oneof![Just(2i64), Just(6), Just(1 << 20)];
        (1usize..700, 3usize..10, levels, 0..3).prop_flat_map(|(users, questions, levels, width)| {
            let scores = proptest::collection::vec((0..levels).prop_map(Some), users * questions);
            scores.prop_map(move |scores| {
                let narrow = Arc::new(answers(&scores.chunks(questions).collect::<Vec<_>>(), levels));
                match (&narrow.scores, width) {
                    (Scores::Integer(_), 1) => (
                        widened(&narrow, |score| i128::from(score) << 30, Scores::Long),
                        "complete data, wide scores",
                    ),
                    (Scores::Integer(_), 2) => (
                        widened(&narrow, |score| I256::from(score) << 90, Scores::Wide),
                        "complete data, wide scores",
                    ),
                    _ if levels < 10 => (narrow, "complete data"),
                    _ => (narrow, ""),
                }
            })
        })
    }

    /// All r; or only those as far from 0 as any of these rows is, on the side of one of them.
    fn bounds_at(rows: &Rows, row: Option<Index>) -> Bounds {
        let r_of = |&(_, bits, _): &(Vec<u32>, u64, i64)| f64::from_bits(bits);
        let side = row.filter(|_| !rows.is_empty()).map_or(0.0, |row| r_of(row.get(rows)));
        let r = if side > 0.0 {
            [rows.iter().map(r_of).fold(0.0, f64::max), 1.0]
        } else if side < 0.0 {
            [-1.0, rows.iter().map(r_of).fold(0.0, f64::min)]
        } else {
            return Bounds::ALL;
        };
        Bounds { r, ..Bounds::DEFINED }
    }

    /// The same answers as floats.
    fn as_floats(answers: &Answers, float: impl Fn(i64) -> Compensated) -> Arc<Answers> {
        let Scores::Binary(scores) = &answers.scores else { return widened(answers, float, Scores::Float) };
        let integers = Answers {
            answered: answers.answered.clone(),
            scores: Scores::Integer(Arc::new(scores.weighted(&answers.answered))),
            unit: Unit::Exact { lowest: 0, divisor: 1, digits: 0 },
            ids: answers.ids.clone(),
            support: answers.support.clone(),
        };
        widened(&integers, float, Scores::Float)
    }

    /// Whether steps to one question more give the rows that users sum up to.
    fn check_differences(
        answers: &Arc<Answers>,
        k: usize,
        corrected: bool,
        all: bool,
        include: bool,
        least: i64,
        row: Option<Index>,
    ) -> Result<(), TestCaseError> {
        let questions = answers.questions();
        let k = k.min(questions);
        for instructions in Instructions::available() {
            let mut request = SweepRequest {
                k,
                corrected,
                undefined: if all { Undefined::Null } else { Undefined::Omit },
                min_users: (!all).then_some(least),
                include: if include && k > 3 { vec![questions as u32 - 1] } else { Vec::new() },
                exclude: if questions > 20 { (12..questions as u32 / 2).collect() } else { Vec::new() },
                instructions: Some(instructions),
                ..SweepRequest::default()
            };
            let of = |differences: Option<Arc<Differences>>| Kernels {
                answers: Arc::clone(answers),
                instructions,
                complete: None,
                k,
                differences: differences.into(),
                rounded: None.into(),
            };
            request.bounds = bounds_at(&rows(of(None), &request).1, row);
            let differences =
                Differences::of(answers, k, instructions, Interest::LASTING).unwrap().map(Arc::new);
            prop_assert!(differences.is_some());
            let (few, found) = rows(of(differences), &request);
            let (plain, expected) = rows(of(None), &request);
            prop_assert!(few.starts_with("few gaps"), "{}", few);
            prop_assert!(!plain.starts_with("few gaps"), "{}", plain);
            prop_assert_eq!(found, expected, "{}", instructions.name());
        }
        Ok(())
    }

    fn rounded_request() -> impl Strategy<Value = SweepRequest> {
        let top = proptest::option::of(1usize..20);
        (any::<bool>(), 0i64..20, top, any::<bool>()).prop_map(|(corrected, least, top, tightened)| {
            SweepRequest { corrected, min_users: Some(least), top, tightened, ..SweepRequest::default() }
        })
    }

    /// Whether floats rounded first give the rows that doubles alone give.
    fn check_rounded(
        answers: &Arc<Answers>,
        k: usize,
        mut request: SweepRequest,
        row: Option<Index>,
        unit: f64,
    ) -> Result<(), TestCaseError> {
        let float = |score| Compensated::from(score as f64 / unit + if score == 5 { 1e3 } else { 0.0 });
        let answers = as_floats(answers, float);
        let Scores::Float(scores) = &answers.scores else { panic!("no floats") };
        request.k = k.min(answers.questions());
        for instructions in Instructions::available() {
            request.instructions = Some(instructions);
            request.bounds = Bounds::ALL;
            let of = |rounded: Option<Rounded>| Kernels {
                answers: Arc::clone(&answers),
                instructions,
                complete: None,
                k,
                differences: None.into(),
                rounded: rounded.into(),
            };
            request.bounds = bounds_at(&rows(of(None), &request).1, row);
            let (_, found) = rows(of(Rounded::of(scores, Interest::LASTING).unwrap()), &request);
            let (doubles, expected) = rows(of(None), &request);
            prop_assert!(doubles != "floats, first in bytes");
            prop_assert_eq!(found, expected, "{}", instructions.name());
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn covariances_are_what_users_sum_up_to(
            (answers, name) in complete_data(), k in 2usize..6, corrected: bool, all: bool, least in 0i32..3, include: bool,
        ) {
            let questions = answers.questions();
            prop_assume!(k <= questions);
            for instructions in Instructions::available() {
                let request = SweepRequest {
                    k,
                    corrected,
                    undefined: if all { Undefined::Null } else { Undefined::Omit },
                    bounds: Bounds { r: [if all { -1.0 } else { f64::from(least) * 0.25 }, 1.0], ..Bounds::ALL },
                    include: if include { vec![questions as u32 - 1] } else { Vec::new() },
                    instructions: Some(instructions),
                    ..SweepRequest::default()
                };
                let of = |complete: Option<Arc<dyn Lookup>>| Kernels {
                    answers: Arc::clone(&answers), instructions, complete, k, differences: None.into(), rounded: None.into(),
                };
                let complete = complete::complete(&answers, k, instructions, Interest::LASTING).unwrap();
                prop_assert!(complete.is_some());
                let (looked_up, found) = rows(of(complete), &request);
                let (summed, expected) = rows(of(None), &request);
                prop_assert!(looked_up.starts_with("complete data") && looked_up.starts_with(name), "{}", looked_up);
                prop_assert!(!summed.starts_with("complete"), "{}", summed);
                prop_assert_eq!(found, expected, "{}", instructions.name());
            }
        }

        #[test]
        fn differences_are_what_users_sum_up_to(
            answers in few_gaps(1..90, prop_oneof![Just(1.0), 0.9f64..1.0, 0.3f64..0.9], 0.05),
            k in 3usize..6, corrected: bool, all: bool, include: bool, least in 0i64..60, row: Option<Index>,
        ) {
            check_differences(&answers, k, corrected, all, include, least, row)?;
        }

        #[test]
        fn differences_of_few_users_are_what_they_sum_up_to(
            answers in few_gaps(1..20, 0.9f64..1.0, 0.0),
            k in 3usize..6, corrected: bool, all: bool, include: bool, least in 0i64..20, row: Option<Index>,
        ) {
            check_differences(&answers, k, corrected, all, include, least, row)?;
        }

        #[test]
        fn floats_rounded_first_are_what_doubles_sum_up_to(
            answers in few_gaps(1..60, 0.2f64..1.0, 0.05), k in 3usize..6, request in rounded_request(),
            row: Option<Index>, unit in prop_oneof![Just(3.0), Just(1e-9)],
        ) {
            check_rounded(&answers, k, request, row, unit)?;
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn floats_of_many_users_are_what_doubles_sum_up_to(
            answers in few_gaps(400..700, 0.9f64..1.0, 0.0), k in 3usize..5, request in rounded_request(),
            row: Option<Index>,
        ) {
            check_rounded(&answers, k, request, row, 3.0)?;
        }
    }

    /// Where somebody goes away while tables or covariances are made, little is done after that.
    #[test]
    fn kernels_that_nobody_waits_for_are_not_made() {
        let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let (users, questions, k) = (3_000, 12, 4);
        let score =
            |user: usize, question: usize| (user * 7 + question * 5 + user / 11 * question) as i64 % 6;
        let rows = |missed: usize| -> Vec<Vec<Option<i64>>> {
            let answered = |user, question| user % 100 != 3 || question >= missed;
            let row = |user| (0..questions).map(|q| answered(user, q).then(|| score(user, q))).collect();
            (0..users).map(row).collect()
        };
        let made = |missed| answers(&rows(missed).iter().map(Vec::as_slice).collect::<Vec<_>>(), 6);
        let complete = made(0);
        let third = |score| Compensated::from(score as f64 / 3.0);
        for (answers, name) in [
            (Arc::new(made(2)), "few gaps"),
            (widened(&complete, |score| I256::from(score) << 90, Scores::Wide), "complete data, wide scores"),
            (widened(&complete, third, Scores::Float), "complete data, floats"),
            (widened(&made(2), third, Scores::Float), "floats, first in bytes"),
            (Arc::new(complete), "complete data"),
        ] {
            let looks = AtomicUsize::new(0);
            let planned_if = |most: usize| {
                looks.store(0, Ordering::Relaxed);
                let waits = || looks.fetch_add(1, Ordering::Relaxed) < most;
                let request = SweepRequest { k, tightened: true, ..SweepRequest::default() };
                one_thread.install(|| {
                    let interest = Interest::while_(&waits);
                    let kernels = Kernels::new(&answers, k, request.instructions(), interest)?;
                    SweepPlan::with_kernels(Arc::clone(&answers), Arc::new(kernels), &request, interest)
                })
            };
            assert_eq!(planned_if(usize::MAX).unwrap().kernel(), name);
            let all = looks.load(Ordering::Relaxed);
            assert!(all > users / 512, "{name}: {all} looks");
            for most in 0..all {
                assert!(matches!(planned_if(most), Err(Ended::Unwanted)), "{name}: {most} of {all}");
                assert_eq!(looks.load(Ordering::Relaxed), most + 1, "{name}: of {all}");
            }
        }
    }
}
