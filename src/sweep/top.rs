//! The best rows of a sweep, and the bar they set for the rest.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicU64, Ordering as Atomic};

use crate::sweep::found::Row;

/// The order of `top`: r descending, NULL last; n descending; questions ascending.
///
/// `Less` comes first. Two rows of one sweep are never equal: their questions differ.
pub(crate) fn best_first(x: &Row, y: &Row) -> Ordering {
    let r = |row: &Row| row.r.unwrap_or(f64::NEG_INFINITY);
    r(y).total_cmp(&r(x)).then(y.n.cmp(&x.n)).then_with(|| x.questions.cmp(&y.questions))
}

/// The `size` best rows met so far.
#[derive(Debug)]
pub(crate) struct Top {
    size: usize,
    /// The worst of them on top.
    rows: BinaryHeap<Ranked>,
}

/// A row, ordered so that a better one is less.
#[derive(Debug)]
struct Ranked(Row);

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        best_first(&self.0, &other.0)
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

impl Top {
    pub(crate) fn new(size: usize) -> Self {
        Self { size, rows: BinaryHeap::new() }
    }

    /// Takes a row in, and lets the worst one go if that makes too many.
    pub(crate) fn push(&mut self, row: Row) {
        if self.rows.len() < self.size {
            self.rows.push(Ranked(row));
        } else if let Some(mut worst) = self.rows.peek_mut() {
            let row = Ranked(row);
            if row < *worst {
                *worst = row;
            }
        }
    }

    /// The least r that a further row needs, once there are enough rows: a row
    /// that equals it may still win by its n or its questions.
    pub(crate) fn bar(&self) -> Option<f64> {
        match self.rows.len() < self.size {
            true => None,
            false => self.rows.peek().and_then(|worst| worst.0.r),
        }
    }

    pub(crate) fn into_rows(self) -> impl Iterator<Item = Row> {
        self.rows.into_iter().map(|ranked| ranked.0)
    }
}

/// The `size` best of the best rows of all shares, best first.
pub fn best_rows(size: usize, shares: impl IntoIterator<Item = Row>) -> Vec<Row> {
    let mut top = Top::new(size);
    shares.into_iter().for_each(|row| top.push(row));
    let mut rows: Vec<Row> = top.into_rows().collect();
    rows.sort_by(best_first);
    rows
}

/// A bar that only rises, shared by all who look for the same best rows.
#[derive(Debug)]
pub(crate) struct Bar(AtomicU64);

impl Bar {
    /// A bar that everything passes.
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(f64::NEG_INFINITY.to_bits()))
    }

    pub(crate) fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Atomic::Relaxed))
    }

    pub(crate) fn raise(&self, to: f64) {
        // Relaxed is enough: a share that still sees the old bar only keeps more rows.
        let higher = |bits: u64| (f64::from_bits(bits) < to).then(|| to.to_bits());
        let _ = self.0.fetch_update(Atomic::Relaxed, Atomic::Relaxed, higher);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let r = proptest::option::of((-4i32..5).prop_map(|quarter| f64::from(quarter) / 4.0));
        proptest::collection::vec((r, 0i64..4), 0..60).prop_map(|values| {
            let row = |(id, (r, n)): (usize, _)| Row { questions: vec![id as u32], r, n };
            values.into_iter().enumerate().map(row).collect()
        })
    }

    proptest! {
        #[test]
        fn top_is_the_head_of_the_sorted_rows(rows in rows(), size in 0usize..70) {
            let mut sorted = rows.clone();
            sorted.sort_by(best_first);
            let bar_of_all = sorted.get(size.wrapping_sub(1)).and_then(|row| row.r);
            sorted.truncate(size);
            let mut top = Top::new(size);
            rows.iter().for_each(|row| top.push(row.clone()));
            if size > 0 {
                prop_assert_eq!(top.bar(), bar_of_all);
            }
            prop_assert_eq!(best_rows(size, rows), sorted);
        }
    }

    #[test]
    fn a_bar_never_falls() {
        let bar = Bar::new();
        for (to, expected) in [(-0.5, -0.5), (-0.7, -0.5), (0.25, 0.25), (0.0, 0.25)] {
            bar.raise(to);
            assert_eq!(bar.get(), expected);
        }
    }
}
