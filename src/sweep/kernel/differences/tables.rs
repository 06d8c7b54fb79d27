//! What is known of the users who answered a question, whatever else they answered.
//!
//! Everything here is a sum over users of scores, 0 where there is none, and of grand totals b. An
//! element of a row is that of a lane y.

use rayon::prelude::*;

use super::gaps::{Gaps, MissedBoth, Weights, digits_of, scores_both_ways, with_gaps_first};
use crate::index::Answers;
use crate::index::bitset::{WORD, contains, count};
use crate::index::scores::Scores;
use crate::interest::{Interest, Unwanted, filled};
use crate::sweep::kernel::LANES;
use crate::sweep::kernel::finish::block;
use crate::sweep::position::Position;
use crate::sweep::simd::{Arithmetic, InstructionSet, Instructions, STRIP, Task, each};

/// n, Σa, Σa², Σb, Σb² and Σab of the lanes of a strip.
pub(super) type LaneSums = [[i32; STRIP]; 6];

/// The sums of a lane.
#[inline(always)]
pub(super) fn of_lane(sums: &LaneSums, lane: usize) -> [i32; 6] {
    each(|sum| sums[sum][lane])
}

/// Sums over the users who answered each question, or missed it.
#[derive(Debug)]
pub(super) struct Tables {
    users: usize,
    /// How many of them missed more than one question: they are the first.
    pub(super) with_gaps: usize,
    questions: usize,
    /// Elements of a row: questions, filled up to whole words of lanes.
    lanes: usize,
    /// By strip, over the users who answered y: n, Σs_y, Σs_y², Σb, Σb² and Σb·s_y.
    pub(super) alone: Vec<LaneSums>,
    /// A row for each question q. Over the users who answered y, less those over the users who
    /// missed q: Σs_q less Σs_y; Σs_q² + 2·s_q·s_y less Σs_y²; Σb·s_q less Σb·s_y.
    added: Vec<[[i32; STRIP]; 3]>,
    missed_products: MissedProducts,
    /// Over all users: n, Σb and Σb², and zeros for what has scores.
    pub(super) of_all: [i32; 6],
    /// For each question: Σs_q, Σs_q² and Σb·s_q.
    pub(super) of_question: [Vec<i32>; 3],
    /// `[user][lane]`: the scores, 0 where there is none.
    rows: Vec<u8>,
    /// `[question][user]`: the same.
    columns: Vec<u8>,
    /// `[user][digit][word of lanes]`: the binary digits of the scores, the lowest first.
    bits: Vec<u64>,
    /// How many digits there are.
    pub(super) digits: usize,
    /// The largest score.
    pub(super) most: i32,
    /// For each user, the grand total less a constant, which changes no r.
    totals: Vec<i32>,
    pub(super) gaps: Gaps,
}

/// The most questions: the products of so many take 287 MB, and they grow with the cube.
const MOST_QUESTIONS: usize = 400;

/// The most bytes of lists of who missed two questions.
const MOST_BYTES: usize = 256 << 20;

/// No sum of Σa², Σb² or, by Cauchy and Schwarz, Σab over any users passes this, nor does what is
/// added up to make one of them pass 2³¹.
const MOST_SUM: i64 = 1 << 28;

/// The most users, for n·Σa² and its like to be below 2⁵⁰: doubles hold the sums of four.
const MOST_USERS: usize = 1 << 22;

impl Tables {
    /// The tables for sets of up to k questions; `None` where scores or sums would not fit.
    ///
    /// # Errors
    /// Nobody waits for them any longer.
    pub(super) fn of(
        answers: &Answers,
        k: usize,
        instructions: Instructions,
        interest: Interest<'_>,
    ) -> Result<Option<Self>, Unwanted> {
        let fitting = Self::totals_and_most(answers, k);
        fitting.map(|(totals, most)| Self::make(answers, k, totals, most, instructions, interest)).transpose()
    }

    /// The grand totals less their mean, and the largest score; `None` where scores or sums would not fit.
    fn totals_and_most(answers: &Answers, k: usize) -> Option<(Vec<i32>, i32)> {
        let users = answers.users();
        if !Self::fit(answers) {
            return None;
        }
        let (totals, most): (Vec<i64>, i64) = match &answers.scores {
            Scores::Binary(scores) => (scores.totals.iter().map(|&total| total.into()).collect(), 1),
            Scores::Integer(scores) => {
                (scores.totals.clone(), scores.scores.iter().copied().max().unwrap_or(0))
            }
            Scores::Long(_) | Scores::Wide(_) | Scores::Float(_) => return None,
        };
        let centre =
            totals.iter().map(|&total| i128::from(total)).sum::<i128>() / totals.len().max(1) as i128;
        let totals: Vec<i64> = totals.iter().map(|&total| total - centre as i64).collect();
        let squares = totals.iter().try_fold(0i64, |sum, b| sum.checked_add(b.checked_mul(*b)?))?;
        let widest = most.checked_mul(k as i64)?;
        let subtotals = widest.checked_mul(widest)?.checked_mul(users as i64)?;
        if most > u8::MAX.into() || widest > i16::MAX.into() || squares.max(subtotals) > MOST_SUM {
            return None;
        }
        Some((totals.iter().map(|&total| total as i32).collect(), most as i32))
    }

    fn make(
        answers: &Answers,
        k: usize,
        totals: Vec<i32>,
        most: i32,
        instructions: Instructions,
        interest: Interest<'_>,
    ) -> Result<Self, Unwanted> {
        let (users, questions) = (answers.users(), answers.questions());
        let lanes = questions.next_multiple_of(LANES);
        let strips = lanes / STRIP;
        let digits = (i32::BITS - most.max(1).leading_zeros()) as usize;
        let (order, with_gaps) = with_gaps_first(answers);
        let totals: Vec<i32> = order.iter().map(|&user| totals[user as usize]).collect();
        let (rows, columns) = scores_both_ways(answers, &order, lanes, interest)?;
        let bits = digits_of(&rows, lanes, digits, interest)?;
        let gaps = Gaps::of(answers, &order, &totals, strips, interest)?;
        let alone = alone(answers, &order, &columns, &totals, strips, interest)?;
        // Who missed it has 0 there.
        let of_question = [1, 2, 5].map(|sum: usize| {
            (0..questions).map(|question| alone[question / STRIP][sum][question % STRIP]).collect()
        });
        let sum_b = totals.iter().sum();
        let of_all = [users as i32, 0, 0, sum_b, totals.iter().map(|b| b * b).sum(), 0];
        let mut tables = Self {
            of_all,
            users,
            with_gaps,
            questions,
            lanes,
            alone,
            added: Vec::new(),
            missed_products: MissedProducts::Bytes(Vec::new()),
            of_question,
            rows,
            columns,
            bits,
            digits,
            most,
            totals,
            gaps,
        };
        let mut added = vec![[[0; STRIP]; 3]; questions * strips];
        let mut products = filled([0; STRIP], questions * questions * strips, interest)?;
        let slabs = products.par_chunks_mut(questions * strips).zip(added.par_chunks_mut(strips));
        slabs.enumerate().try_for_each(|(question, (products, added))| {
            instructions.run(Slab { tables: &tables, question, added, products, interest })
        })?;
        (tables.added, tables.missed_products) = (added, MissedProducts::of(products, k, interest)?);
        Ok(tables)
    }

    /// Whether scores are small integers, and there are not too many questions, users and gaps.
    pub(super) fn fit(answers: &Answers) -> bool {
        answers.have_small_sums()
            && answers.questions() <= MOST_QUESTIONS
            && answers.users() <= MOST_USERS
            && Self::missed_twice(answers) <= MOST_BYTES / size_of::<MissedBoth>()
    }

    /// How often a user missed two questions.
    fn missed_twice(answers: &Answers) -> usize {
        let missed = |user: usize| answers.questions() - count(answers.answered.row(user));
        (0..answers.users()).map(|user| missed(user).pow(2)).sum()
    }

    /// Bytes of the tables.
    pub(super) fn bytes(answers: &Answers) -> usize {
        let (users, questions) = (answers.users(), answers.questions());
        let lanes = questions.next_multiple_of(LANES);
        let rows = questions * questions + 3 * questions + 6;
        rows * lanes * size_of::<i32>()
            + users * (2 * lanes + questions)
            + questions * questions * size_of::<usize>()
            + questions * lanes / STRIP * size_of::<Weights>()
            + answers.gaps() * (size_of::<u32>() + size_of::<u16>())
            + Self::missed_twice(answers) * size_of::<MissedBoth>()
    }

    /// How many users there are.
    pub(super) fn users(&self) -> usize {
        self.users
    }

    /// How many questions there are.
    pub(super) fn questions(&self) -> usize {
        self.questions
    }

    /// How many elements a row has.
    pub(super) fn lanes(&self) -> usize {
        self.lanes
    }

    /// What a question adds to Σa, to Σa² by itself, and to Σab, for a strip of lanes.
    #[inline(always)]
    pub(super) fn added(&self, Position(question): Position, strip: usize) -> &[[i32; STRIP]; 3] {
        &self.added[question * self.lanes / STRIP + strip]
    }

    /// Over those who missed a question or a lane, less what Σa² gains in the step from some questions
    /// to one more: -2·Σs_r·(s_q + s_y), r being those before.
    #[inline(always)]
    pub(super) fn less_missed_products<I: InstructionSet>(
        &self,
        instructions: I,
        before: &[Position],
        Position(question): Position,
        strip: usize,
    ) -> I::Lanes32 {
        let row =
            |&Position(before): &Position| (before * self.questions + question) * self.lanes / STRIP + strip;
        match &self.missed_products {
            MissedProducts::Bytes(rows) => {
                let mut sum = instructions.load_bytes(&[0; STRIP]);
                for before in before {
                    sum = sum.add(instructions.load_bytes(&rows[row(before)]));
                }
                let pairs = instructions.pairs(sum, instructions.load_bytes(&[0; STRIP]));
                let twice =
                    instructions.add_products(instructions.lanes32(0), pairs, instructions.pair([-2, 0]));
                instructions.in_order(twice)
            }
            MissedProducts::Integers(rows) => {
                let mut sum = instructions.lanes32(0);
                for before in before {
                    sum = sum.add(instructions.load_lanes32(&rows[row(before)]));
                }
                sum.mul(instructions.lanes32(-2))
            }
        }
    }

    /// A user's scores on a strip of lanes; 0 where there is none.
    #[inline(always)]
    pub(super) fn scores(&self, user: u32, strip: usize) -> &[u8; STRIP] {
        block(self.row(user), strip * STRIP)
    }

    /// A user's scores, by lane; 0 where there is none.
    #[inline(always)]
    fn row(&self, user: u32) -> &[u8] {
        &self.rows[user as usize * self.lanes..][..self.lanes]
    }

    /// A digit of a user's scores, by words of lanes.
    #[inline(always)]
    pub(super) fn digit(&self, user: u32, digit: usize) -> &[u64] {
        let words = self.lanes / WORD;
        &self.bits[(user as usize * self.digits + digit) * words..][..words]
    }

    /// The scores on a question, by user; 0 where there is none.
    #[inline(always)]
    pub(super) fn column(&self, Position(question): Position) -> &[u8] {
        &self.columns[question * self.users..][..self.users]
    }

    /// A user's grand total, less a constant: [`MOST_SUM`] keeps it below 2¹⁵.
    #[inline(always)]
    pub(super) fn total(&self, user: u32) -> i16 {
        self.totals[user as usize] as i16
    }

    /// Adds to the sums, for some users, their scores in a column times those in their row.
    #[inline(always)]
    fn add_products(
        &self,
        column: &[u8],
        users: impl Iterator<Item = u32>,
        sums: &mut [i32],
        interest: Interest<'_>,
    ) -> Result<(), Unwanted> {
        for (place, user) in users.enumerate() {
            interest.check_at(place)?;
            let score = i32::from(column[user as usize]);
            if score != 0 {
                for (sum, &other) in sums.iter_mut().zip(self.row(user)) {
                    *sum += score * i32::from(other);
                }
            }
        }
        Ok(())
    }
}

/// A row for each r and q: Σs_r·s_q over the users who missed y, and Σs_r·s_y over those who missed q.
#[derive(Debug)]
enum MissedProducts {
    /// In a quarter of the space, as these rows are most of what a step has to wait for.
    Bytes(Vec<[u8; STRIP]>),
    Integers(Vec<[i32; STRIP]>),
}

impl MissedProducts {
    /// For sets of up to k questions, of whose products k - 2 are added up in 16 bits.
    fn of(rows: Vec<[i32; STRIP]>, k: usize, interest: Interest<'_>) -> Result<Self, Unwanted> {
        let most = rows.as_flattened().iter().copied().max().unwrap_or(0);
        if most > u8::MAX.into() || most as usize * k > i16::MAX as usize {
            return Ok(Self::Integers(rows));
        }
        let mut bytes = filled([0; STRIP], rows.len(), interest)?;
        for (bytes, row) in bytes.iter_mut().zip(rows) {
            *bytes = row.map(|sum| sum as u8);
        }
        Ok(Self::Bytes(bytes))
    }
}

/// The sums of each question over the users who answered it.
fn alone(
    answers: &Answers,
    order: &[u32],
    columns: &[u8],
    totals: &[i32],
    strips: usize,
    interest: Interest<'_>,
) -> Result<Vec<LaneSums>, Unwanted> {
    let mut alone = vec![[[0; STRIP]; 6]; strips];
    for (question, scores) in columns.chunks_exact(totals.len().max(1)).enumerate() {
        interest.check()?;
        for (user, (&score, &b)) in scores.iter().zip(totals).enumerate() {
            if contains(answers.answered.row(order[user] as usize), question) {
                let s = i32::from(score);
                let terms = [1, s, s * s, b, b * b, b * s];
                for (sums, term) in alone[question / STRIP].iter_mut().zip(terms) {
                    sums[question % STRIP] += term;
                }
            }
        }
    }
    Ok(alone)
}

/// Makes the rows of one question: what it adds, and its products with each other one.
struct Slab<'a> {
    tables: &'a Tables,
    question: usize,
    added: &'a mut [[[i32; STRIP]; 3]],
    products: &'a mut [[i32; STRIP]],
    interest: Interest<'a>,
}

impl Task for Slab<'_> {
    type Output = Result<(), Unwanted>;

    #[inline(always)]
    fn run<I: InstructionSet>(self, _: I) -> Result<(), Unwanted> {
        let Self { tables, question, added, products, interest } = self;
        let products = products.as_flattened_mut();
        let lanes = tables.lanes();
        let column = tables.column(Position(question));
        let mut all = vec![0; lanes];
        tables.add_products(column, 0..tables.users() as u32, &mut all, interest)?;
        let [sum, _, with_b] = tables.of_question.each_ref().map(|sums| sums[question]);
        let mut of_missed = vec![0; lanes];
        for other in 0..tables.questions() {
            let who_missed = tables.gaps.of_question(Position(other));
            of_missed.fill(0);
            tables.add_products(column, who_missed.iter().copied(), &mut of_missed, interest)?;
            for (with, &product) in of_missed[..tables.questions()].iter().enumerate() {
                products[with * lanes + other] += product;
            }
            let row = &mut products[other * lanes..][..lanes];
            row.iter_mut().zip(&of_missed).for_each(|(sum, product)| *sum += product);
            let of_users =
                |of: &dyn Fn(usize) -> i32| who_missed.iter().map(|&user| of(user as usize)).sum::<i32>();
            let [a, aa, ab] = &mut added[other / STRIP];
            let lane = other % STRIP;
            a[lane] = sum - of_users(&|user| column[user].into());
            aa[lane] = tables.of_question[1][question] - of_missed[question] + 2 * all[other];
            ab[lane] = with_b - of_users(&|user| i32::from(column[user]) * tables.totals[user]);
        }
        for &user in tables.gaps.of_question(Position(question)) {
            let (row, b) = (tables.row(user), i32::from(tables.total(user)));
            for ([a, aa, ab], scores) in added.iter_mut().zip(row.as_chunks::<STRIP>().0) {
                for lane in 0..STRIP {
                    let score = i32::from(scores[lane]);
                    a[lane] -= score;
                    aa[lane] -= score * score;
                    ab[lane] -= b * score;
                }
            }
        }
        Ok(())
    }
}
