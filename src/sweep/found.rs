//! What a sweep hands out: subsets with their r and n.

use crate::index::bitset::ones;
use crate::sweep::kernel::{LANES, Lanes};

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

/// Which columns are asked for; what is not asked for is not built.
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
}

/// Subsets in columns. A column that was not asked for stays empty.
#[derive(Debug, Clone)]
pub struct Found {
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

impl Found {
    /// Nothing found yet.
    pub fn new(columns: Columns) -> Self {
        Self { columns, rows: 0, questions: Vec::new(), r: Vec::new(), n: Vec::new() }
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
    pub(crate) fn push_lanes(&mut self, prefix: &[u32], lasts: &[u32], lanes: &Lanes) {
        let Lanes { kept, r, n, .. } = lanes;
        self.rows += kept.count_ones() as usize;
        if self.columns.questions {
            for lane in ones(*kept) {
                extend_with_subset(&mut self.questions, prefix, lasts[lane]);
            }
        }
        if self.columns.r {
            extend_where(&mut self.r, *kept, r);
        }
        if self.columns.n {
            extend_where(&mut self.n, *kept, n);
        }
    }

    /// Adds a whole row.
    pub fn push_row(&mut self, row: &Row) {
        let (&last, prefix) = row.questions.split_last().expect("a subset has a question");
        self.push(prefix, last, row.r, row.n);
    }
}

/// Appends the values whose bits are set. Every value is written; those not wanted are
/// overwritten by the next, so that no branch has to guess which.
fn extend_where<T: Copy + Default>(to: &mut Vec<T>, wanted: u64, values: &[T; LANES]) {
    let before = to.len();
    to.resize(before + LANES, T::default());
    let free = &mut to[before..];
    let mut kept = 0;
    for (lane, &value) in values.iter().enumerate() {
        free[kept] = value;
        kept += (wanted >> lane & 1) as usize;
    }
    to.truncate(before + kept);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn only_wanted_values_are_appended(wanted in prop_oneof![any::<u64>(), Just(0), Just(u64::MAX)]) {
            let values = std::array::from_fn(|lane| lane);
            let mut to = vec![99];
            extend_where(&mut to, wanted, &values);
            prop_assert!(to.into_iter().eq(std::iter::once(99).chain(ones(wanted))));
        }
    }
}
