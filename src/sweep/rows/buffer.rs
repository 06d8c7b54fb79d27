//! Rows of a sweep: subsets with their r and n.

use crate::index::bitset::ones;
use crate::sweep::kernel::{LANES, Lanes};
use crate::sweep::simd::{InstructionSet, Instructions, Task};

/// One subset.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Ids of its questions, ascending.
    pub questions: Vec<u32>,
    /// Pearson's r, or `None` where it is undefined.
    pub r: Option<f64>,
    /// How many users answered all of its questions.
    pub n: i64,
}

impl Row {
    /// The subset of the questions `prefix` (ascending ids) and `last`.
    pub(crate) fn of(prefix: &[u32], last: u32, r: Option<f64>, n: i64) -> Self {
        let mut questions = Vec::with_capacity(prefix.len() + 1);
        extend_with_subset(&mut questions, prefix, last);
        Self { questions, r, n }
    }
}

/// Appends the ids of `prefix`, which ascend, with `last` in its place among them.
fn extend_with_subset(questions: &mut Vec<u32>, prefix: &[u32], last: u32) {
    let (lower, higher) = prefix.split_at(prefix.partition_point(|&id| id < last));
    questions.extend_from_slice(lower);
    questions.push(last);
    questions.extend_from_slice(higher);
}

/// The columns asked for; others are not built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Columns {
    /// The questions of each subset.
    pub questions: bool,
    /// Their r.
    pub r: bool,
    /// Their n.
    pub n: bool,
}

impl Columns {
    /// All three.
    pub const ALL: Self = Self { questions: true, r: true, n: true };

    /// None.
    pub const NONE: Self = Self { questions: false, r: false, n: false };

    /// Those that either has.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { questions: self.questions || other.questions, r: self.r || other.r, n: self.n || other.n }
    }
}

/// Subsets in columns. A column that was not asked for stays empty.
#[derive(Debug, Clone)]
pub struct RowBuffer {
    columns: Columns,
    /// How many subsets.
    pub rows: usize,
    /// Ids of the questions, ascending within a subset, k after k.
    pub questions: Vec<u32>,
    /// One r for each subset, NaN where it is undefined; no other r is NaN.
    pub r: Vec<f64>,
    /// One n for each subset.
    pub n: Vec<i64>,
}

impl RowBuffer {
    /// An empty buffer.
    pub fn new(columns: Columns) -> Self {
        Self { columns, rows: 0, questions: Vec::new(), r: Vec::new(), n: Vec::new() }
    }

    /// An empty buffer with room for this many subsets of k questions.
    pub fn with_capacity(columns: Columns, rows: usize, k: usize) -> Self {
        let room = |wanted, values| if wanted { values } else { 0 };
        Self {
            columns,
            rows: 0,
            questions: Vec::with_capacity(room(columns.questions, rows.saturating_mul(k))),
            r: Vec::with_capacity(room(columns.r, rows.saturating_add(LANES))),
            n: Vec::with_capacity(room(columns.n, rows.saturating_add(LANES))),
        }
    }

    /// Adds the subset of the questions `prefix` (ascending ids) and `last`.
    pub(crate) fn push(&mut self, prefix: &[u32], last: u32, r: Option<f64>, n: i64) {
        self.rows += 1;
        if self.columns.questions {
            extend_with_subset(&mut self.questions, prefix, last);
        }
        if self.columns.r {
            self.r.push(r.unwrap_or(f64::NAN));
        }
        if self.columns.n {
            self.n.push(n);
        }
    }

    /// Adds the subsets that were kept of a word of lanes: `prefix` (ascending ids) with
    /// each of some last questions, given by lane.
    pub(crate) fn push_lanes(
        &mut self,
        instructions: Instructions,
        prefix: &[u32],
        lasts: &[u32],
        lanes: &Lanes,
    ) {
        let Lanes { kept, r, n, .. } = lanes;
        self.rows += kept.count_ones() as usize;
        if self.columns.questions {
            for lane in ones(*kept) {
                extend_with_subset(&mut self.questions, prefix, lasts[lane]);
            }
        }
        if self.columns.r {
            instructions.run(Append { to: &mut self.r, wanted: *kept, values: r });
        }
        if self.columns.n {
            self.n.extend(ones(*kept).map(|lane| n[lane]));
        }
    }

    /// Adds a whole row.
    pub fn push_row(&mut self, row: &Row) {
        let (&last, prefix) = row.questions.split_last().expect("a subset has a question");
        self.push(prefix, last, row.r, row.n);
    }
}

/// Appends the doubles whose bits are set.
struct Append<'a> {
    to: &'a mut Vec<f64>,
    wanted: u64,
    values: &'a [f64; LANES],
}

impl Task for Append<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: InstructionSet>(self, instructions: I) {
        let mut values = [0.0; LANES];
        instructions.compress(self.values, self.wanted, &mut values);
        self.to.extend_from_slice(&values[..self.wanted.count_ones() as usize]);
    }
}
