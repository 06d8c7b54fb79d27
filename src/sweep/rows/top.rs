//! The best rows of a sweep, and what a further row needs to be one of them.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::sweep::bounds::Bounds;
use crate::sweep::rows::buffer::Row;

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

    /// What bounds a further row needs: once there are enough rows, an r of at least the
    /// worst one's. A row that equals it may still win by its n or its questions.
    pub(crate) fn bounds(&self) -> Bounds {
        if self.size == 0 {
            return Bounds::NONE;
        }
        let worst = if self.rows.len() < self.size { None } else { self.rows.peek() };
        match worst.and_then(|worst| worst.0.r) {
            Some(least) => Bounds { r: [least, f64::INFINITY], ..Bounds::DEFINED },
            None => Bounds::ALL,
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
            let worst_r = sorted.get(size.wrapping_sub(1)).and_then(|row| row.r);
            sorted.truncate(size);
            let mut top = Top::new(size);
            rows.iter().for_each(|row| top.push(row.clone()));
            let least = worst_r.unwrap_or(f64::NEG_INFINITY);
            prop_assert_eq!(top.bounds().r[0], if size == 0 { f64::INFINITY } else { least });
            prop_assert_eq!(best_rows(size, rows), sorted);
        }
    }
}
