//! Scores of 0 and 1: all arithmetic on whole words of lanes.
//!
//! A user with subtotal p on the prefix and grand total b adds to every lane y he
//! answered, with s his score on y and so a = p + s:
//!
//! ```text
//! n += 1    a += p + s    a² += p² + (2p+1)s    b += b    b² += b²    ab += pb + sb
//! ```
//!
//! Users of equal p are summed as a group. Within it only five sums are needed,
//! n, Σs, Σb, Σb² and Σsb, and none of them multiplies anything:
//!
//! 1. A lane is an integer of 16 bits, as long as that holds the sums of a run of
//!    users; then the run is added to the wide sums, times p, and a new one begins.
//! 2. A user's row of bits is turned into a mask of lanes, and the masked constants
//!    1, b, b² are added to the lanes. The loops have no branch and a fixed length,
//!    so the compiler makes vector instructions of them.
//! 3. The lists of users come from columns of bits, a word at a time, and users of
//!    equal p stand together there, so that grouping costs nothing.
//!
//! What was tried and lost is told in `benches/README.md`.

use std::ops::Range;

use crate::index::bitset::{WORD, ones};
use crate::index::{Answers, scores::Binary};
use crate::sweep::kernel::transpose::transpose;
use crate::sweep::kernel::{Kernel, LANES, Lanes, Screen};
use crate::sweep::pearson::{Correlation, Exact, Number, Sums};

/// The users who answered all of a prefix: rows of bits, one after the other.
#[derive(Debug, Default)]
pub(crate) struct BinaryCohort {
    users: usize,
    /// Words of each row; only the questions below the prefix still matter.
    words: usize,
    answered: Vec<u64>,
    correct: Vec<u64>,
    subtotals: Vec<u16>,
    totals: Vec<i16>,
}

impl BinaryCohort {
    /// All users, before any question is chosen.
    pub(crate) fn all(answers: &Answers, scores: &Binary) -> Self {
        let users = answers.users();
        let rows = 0..users;
        Self {
            users,
            words: answers.answered.words_per_row(),
            answered: rows.clone().flat_map(|user| answers.answered.row(user)).copied().collect(),
            correct: rows.flat_map(|user| scores.correct.row(user)).copied().collect(),
            subtotals: vec![0; users],
            totals: scores.totals.clone(),
        }
    }

    /// Makes `self` the users of `cohort` who answered `question`, with rows of so
    /// many words. Users who did not are overwritten by the next one: no branch
    /// has to guess who did.
    pub(crate) fn narrow_from(&mut self, cohort: &Self, question: usize, words: usize) {
        self.words = words;
        self.answered.resize(cohort.users * words, 0);
        self.correct.resize(cohort.users * words, 0);
        self.subtotals.resize(cohort.users, 0);
        self.totals.resize(cohort.users, 0);
        let (word, bit) = (question / WORD, question % WORD);
        let mut kept = 0;
        let rows = cohort.answered.chunks_exact(cohort.words).zip(cohort.correct.chunks_exact(cohort.words));
        for (user, (answered, correct)) in rows.take(cohort.users).enumerate() {
            self.answered[kept * words..][..words].copy_from_slice(&answered[..words]);
            self.correct[kept * words..][..words].copy_from_slice(&correct[..words]);
            self.subtotals[kept] = cohort.subtotals[user] + (correct[word] >> bit & 1) as u16;
            self.totals[kept] = cohort.totals[user];
            kept += (answered[word] >> bit & 1) as usize;
        }
        self.users = kept;
    }
}

/// How wide the lanes and their sums are.
pub(crate) trait Width: Send + 'static {
    /// Sums of a run of users.
    type Lane: Lane;
    /// Sums of all users.
    type Sum: Exact + From<Self::Lane> + From<u16> + Into<i64>;
}

/// Lanes of 16 bits, sums of 32.
#[derive(Debug)]
pub(crate) struct Narrow;

impl Width for Narrow {
    type Lane = i16;
    type Sum = i32;
}

/// Lanes of 32 bits, sums of 64.
#[derive(Debug)]
pub(crate) struct Broad;

impl Width for Broad {
    type Lane = i32;
    type Sum = i64;
}

/// One lane.
pub(crate) trait Lane: Copy + Default + Send {
    /// The largest sum of absolute values a lane can hold.
    const MOST: i64;

    /// Adds `value` where `hit`; the caller knows that it fits.
    fn add_if(&mut self, hit: bool, value: Self);

    /// The low bits of a value that fits.
    fn of(value: i64) -> Self;
}

impl Lane for i16 {
    const MOST: i64 = i16::MAX as i64;

    #[inline(always)]
    fn add_if(&mut self, hit: bool, value: Self) {
        *self = self.wrapping_add(if hit { value } else { 0 });
    }

    fn of(value: i64) -> Self {
        value as Self
    }
}

impl Lane for i32 {
    const MOST: i64 = i32::MAX as i64;

    #[inline(always)]
    fn add_if(&mut self, hit: bool, value: Self) {
        *self = self.wrapping_add(if hit { value } else { 0 });
    }

    fn of(value: i64) -> Self {
        value as Self
    }
}

/// The bounds that decide about the width.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The most users a subset can have.
    pub(crate) users: usize,
    /// The largest |b|.
    pub(crate) total: i64,
    /// The largest a.
    pub(crate) subtotal: i64,
}

impl Bounds {
    pub(crate) fn of(answers: &Answers, scores: &Binary, k: usize) -> Self {
        let total = scores.totals.iter().map(|total| i64::from(total.unsigned_abs())).max();
        Self { users: answers.users(), total: total.unwrap_or(0), subtotal: k as i64 }
    }

    /// Users whose sums in a lane stay within it: each adds at most 1, |b| or b².
    fn run<L: Lane>(self) -> i64 {
        L::MOST / (self.total * self.total).max(1)
    }

    /// Whether 16 bits hold runs long enough to be worth it, and 32 bits all sums.
    ///
    /// No sum passes users · widest². The moments are differences of n times such
    /// a sum, and `corrected` adds up four of them: below 2⁶³ for sums below 2³⁰,
    /// as n is one of them.
    pub(crate) fn fit_narrow(self) -> bool {
        let widest = i128::from(self.total.max(self.subtotal));
        let largest = (widest * widest).max(1) * self.users as i128;
        self.run::<i16>() >= 16 && largest < 1 << 30
    }
}

/// The sums of the subsets of one word of lanes.
#[derive(Debug, Clone)]
struct LaneSums<S> {
    n: [S; LANES],
    a: [S; LANES],
    aa: [S; LANES],
    b: [S; LANES],
    bb: [S; LANES],
    ab: [S; LANES],
}

impl<S: Exact> LaneSums<S> {
    fn zero() -> Self {
        let zero = [S::default(); LANES];
        Self { n: zero, a: zero, aa: zero, b: zero, bb: zero, ab: zero }
    }
}

/// Users of equal subtotal, in a row of slots that begins at a word's first.
#[derive(Debug, Clone)]
struct Group {
    slot: usize,
    users: usize,
}

/// Sums lanes of subsets whose scores are 0 and 1.
#[derive(Debug)]
pub(crate) struct BinaryKernel<W: Width> {
    /// Users that a lane can sum.
    run: usize,
    // The spread cohort: a slot a user, groups by ascending subtotal, each filled
    // up with empty slots to a whole word.
    groups: Vec<Group>,
    /// Rows of bits, `[word][slot]`.
    answered: Vec<u64>,
    correct: Vec<u64>,
    totals: Vec<i16>,
    slots: usize,
    /// Columns of bits, `[question][slot]`.
    answered_by: Vec<u64>,
    correct_by: Vec<u64>,
    // The open prefix.
    /// Slots of the users left, by subtotal.
    left: Vec<u32>,
    /// For each subtotal, where its users are among those left.
    left_by_subtotal: Vec<Range<usize>>,
    /// The sums, a word of lanes each.
    sums: Vec<LaneSums<W::Sum>>,
    /// One run of users, with what they add.
    runners: Vec<Runner<W::Lane>>,
}

/// What one user adds to a word of lanes.
#[derive(Debug, Clone, Copy)]
struct Runner<L> {
    answered: u64,
    correct: u64,
    b: L,
    bb: L,
}

impl<W: Width> BinaryKernel<W> {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            run: bounds.run::<W::Lane>().max(1) as usize,
            groups: Vec::new(),
            answered: Vec::new(),
            correct: Vec::new(),
            totals: Vec::new(),
            slots: 0,
            answered_by: Vec::new(),
            correct_by: Vec::new(),
            left: Vec::new(),
            left_by_subtotal: Vec::new(),
            sums: Vec::new(),
            runners: Vec::new(),
        }
    }

    /// Gives each subtotal its slots, and returns where each one's first is.
    fn lay_out(&mut self, cohort: &BinaryCohort) -> Vec<usize> {
        let highest = cohort.subtotals[..cohort.users].iter().max().map_or(0, |&most| most as usize);
        let mut sizes = vec![0; highest + 1];
        for &subtotal in &cohort.subtotals[..cohort.users] {
            sizes[subtotal as usize] += 1;
        }
        self.slots = 0;
        self.groups.clear();
        for users in sizes {
            self.groups.push(Group { slot: self.slots, users });
            self.slots += usize::next_multiple_of(users, WORD);
        }
        self.groups.iter().map(|group| group.slot).collect()
    }
}

impl<W: Width> Kernel for BinaryKernel<W> {
    type Cohort = BinaryCohort;

    fn users(cohort: &BinaryCohort) -> usize {
        cohort.users
    }

    fn narrow(&self, cohort: &BinaryCohort, question: usize, narrowed: &mut BinaryCohort) {
        narrowed.narrow_from(cohort, question, question.div_ceil(WORD));
    }

    fn spread(&mut self, cohort: &BinaryCohort, end: usize) {
        let words = end.div_ceil(WORD);
        let mut next = self.lay_out(cohort);
        let slots = self.slots;
        for rows in [&mut self.answered, &mut self.correct] {
            rows.clear();
            rows.resize(words * slots, 0);
        }
        self.totals.resize(slots, 0);
        for user in 0..cohort.users {
            let next = &mut next[cohort.subtotals[user] as usize];
            let slot = *next;
            *next += 1;
            self.totals[slot] = cohort.totals[user];
            for word in 0..words {
                self.answered[word * slots + slot] = cohort.answered[user * cohort.words + word];
                self.correct[word * slots + slot] = cohort.correct[user * cohort.words + word];
            }
        }
        let blocks = slots / WORD;
        for (rows, columns) in
            [(&self.answered, &mut self.answered_by), (&self.correct, &mut self.correct_by)]
        {
            columns.resize(words * WORD * blocks, 0);
            for word in 0..words {
                for block in 0..blocks {
                    let from = word * slots + block * WORD;
                    let mut square: [u64; WORD] = rows[from..from + WORD].try_into().expect("a whole square");
                    transpose(&mut square);
                    for (bit, &column) in square.iter().enumerate() {
                        columns[(word * WORD + bit) * blocks + block] = column;
                    }
                }
            }
        }
    }

    fn open(&mut self, question: Option<usize>) -> usize {
        self.left.clear();
        self.left_by_subtotal.clear();
        let Some(question) = question else {
            for group in &self.groups {
                let start = self.left.len();
                self.left.extend((group.slot..group.slot + group.users).map(|slot| slot as u32));
                self.left_by_subtotal.push(start..self.left.len());
            }
            return self.left.len();
        };
        let blocks = self.slots / WORD;
        let answered = &self.answered_by[question * blocks..][..blocks];
        let correct = &self.correct_by[question * blocks..][..blocks];
        let mut list = |group: &Group, scored: bool| {
            for block in group.slot / WORD..(group.slot + group.users).div_ceil(WORD) {
                let users = if scored { correct[block] } else { answered[block] & !correct[block] };
                self.left.extend(ones(users).map(|bit| (block * WORD + bit) as u32));
            }
            self.left.len()
        };
        let mut start = 0;
        for subtotal in 0..=self.groups.len() {
            let mut end = start;
            if let Some(group) = self.groups.get(subtotal) {
                end = list(group, false);
            }
            if let Some(group) = subtotal.checked_sub(1).map(|below| &self.groups[below]) {
                end = list(group, true);
            }
            self.left_by_subtotal.push(start..end);
            start = end;
        }
        start
    }

    fn sum(&mut self, end: usize) {
        let words = end.div_ceil(WORD);
        self.sums.resize(words, LaneSums::zero());
        for (word, sums) in self.sums.iter_mut().enumerate() {
            *sums = LaneSums::zero();
            let lanes = (end - word * WORD).min(LANES);
            let rows = word * self.slots..;
            let (answered, correct) = (&self.answered[rows.clone()], &self.correct[rows]);
            for (subtotal, left) in self.left_by_subtotal.iter().enumerate() {
                for run in self.left[left.clone()].chunks(self.run) {
                    self.runners.clear();
                    self.runners.extend(run.iter().map(|&slot| {
                        let slot = slot as usize;
                        let b = i64::from(self.totals[slot]);
                        Runner {
                            answered: answered[slot],
                            correct: correct[slot],
                            b: W::Lane::of(b),
                            bb: W::Lane::of(b * b),
                        }
                    }));
                    add_run::<W>(&self.runners, subtotal as u16, lanes, sums);
                }
            }
        }
    }

    fn lanes(&self, word: usize, lanes: u64, screen: &Screen, results: &mut Lanes) {
        results.clear();
        let sums = &self.sums[word];
        for lane in ones(lanes) {
            let n: i64 = sums.n[lane].into();
            if n < screen.min_users {
                continue;
            }
            let sums = Sums {
                n,
                a: sums.a[lane],
                aa: sums.aa[lane],
                b: sums.b[lane],
                bb: sums.bb[lane],
                ab: sums.ab[lane],
            };
            let r = match W::Sum::correlate(&sums, screen.corrected) {
                Correlation::Defined(r) => Some(r),
                _ => None,
            };
            results.record(lane, n, r, screen);
        }
    }
}

/// Lanes that are summed at once: five sums of so many fit the registers of every
/// machine with vectors of 128 bits.
const STRIP: usize = 16;

/// Adds users of equal subtotal to the sums of a word's first lanes, and of some
/// more: whole strips. The caller sees to it that the users are few enough for the
/// width of a lane.
fn add_run<W: Width>(run: &[Runner<W::Lane>], subtotal: u16, lanes: usize, sums: &mut LaneSums<W::Sum>) {
    let one = W::Lane::of(1);
    let p = W::Sum::from(subtotal);
    for first in (0..lanes).step_by(STRIP) {
        let zero = [W::Lane::default(); STRIP];
        let [mut n, mut s, mut b, mut bb, mut sb] = [zero; 5];
        for runner in run {
            let answered = (runner.answered >> first) as u16;
            let correct = (runner.correct >> first) as u16;
            for lane in 0..STRIP {
                let hit = answered & 1 << lane != 0;
                n[lane].add_if(hit, one);
                b[lane].add_if(hit, runner.b);
                bb[lane].add_if(hit, runner.bb);
                let scored = correct & 1 << lane != 0;
                s[lane].add_if(scored, one);
                sb[lane].add_if(scored, runner.b);
            }
        }
        for lane in 0..STRIP {
            let to = first + lane;
            let [n, s, b, bb, sb] = [n[lane], s[lane], b[lane], bb[lane], sb[lane]].map(W::Sum::from);
            sums.n[to] += n;
            sums.a[to] += p * n + s;
            sums.aa[to] += p * (p * n + s + s) + s;
            sums.b[to] += b;
            sums.bb[to] += bb;
            sums.ab[to] += p * b + sb;
        }
    }
}
