//! How many users lanes can sum.

use super::width::{RUNS, Width};
use crate::index::scores::Binary;

/// How many users can be summed in lanes of one width.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChunkBounds {
    /// The most users of a run.
    pub(super) run: usize,
    /// The most users of a chunk, all of one subtotal.
    pub(super) chunk: usize,
    /// The most users, of any subtotals, that surely are no more than one chunk.
    pub(super) single: usize,
    /// How many runs of a chunk can be full, as each of the k subtotals may end with one that is not.
    full_runs: usize,
    /// What is taken off every grand total, which changes no r.
    pub(super) centre: i32,
}

impl ChunkBounds {
    /// The bounds for subsets of `k` questions; `None` if lanes of this width are too
    /// narrow for them or for the grand totals.
    pub(crate) fn of<W: Width>(k: usize, scores: &Binary) -> Option<Self> {
        let totals = || scores.totals.iter().map(|&total| i64::from(total));
        let mean = totals().sum::<i64>() / (scores.totals.len() as i64).max(1);
        // Less their mean, the sum of their squares is least; less nothing, as they are
        // half-way between their extremes, the largest is.
        let (centre, (run, chunk)) = [mean, 0].into_iter().find_map(|centre| {
            let b = || totals().map(|total| total - centre);
            let most_b = b().map(i64::abs).max().unwrap_or(0);
            let mean_square = b().map(|b| b * b).sum::<i64>() / (scores.totals.len() as i64).max(1);
            let fit = W::run_and_chunk(k as i64, most_b, mean_square);
            fit.map(|fit| (centre as i32, fit))
        })?;
        let full_runs = RUNS.saturating_sub(k);
        Some(Self { run, chunk, single: chunk.min(full_runs * run), full_runs, centre })
    }

    /// The bounds where runs have at most so many users.
    #[inline(always)]
    pub(super) fn of_runs(self, most: usize) -> Self {
        let run = self.run.min(most);
        let chunk = self.chunk.min(RUNS * run);
        Self { run, chunk, single: self.single.min(self.full_runs * run), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::bitset::BitMatrix;
    use crate::sweep::kernel::binary::width::{Lanes16, Lanes32, RUN, SQUARES};

    /// Where the lanes hold what the proof at the head of `binary` says, up to the
    /// longest run and chunk of which it says so.
    fn check<W: Width>(a: i64, b: i64, mean_square: i64, holds: impl Fn(i64, i64) -> bool) {
        let told = format!("a = {a}, b = {b}, mean of b² = {mean_square}");
        match W::run_and_chunk(a, b, mean_square) {
            None => assert!(!holds(8, 16), "{told}"),
            Some((run, chunk)) => {
                let (run, chunk) = (run as i64, chunk as i64);
                assert!(run >= 8 && chunk >= 16, "{told}");
                assert!(holds(run, chunk) && !holds(run, chunk + 1), "{told}: {chunk}");
                assert!(!holds(run + 1, 16), "{told}: {run}");
            }
        }
    }

    #[test]
    fn runs_and_chunks_are_as_long_as_the_lanes_hold_and_no_longer() {
        for a in [1, 2, 5, 7, 12, 44, 45, 46, 181, 182, 300, 2_047, 8_191, 8_192, 40_000, 1 << 40] {
            for b in [0, 1, 5, 32, 33, 90, 91, 255, 256, 2_048, 8_191, 8_192, 32_767, 32_768] {
                for mean_square in [0, 1, 16, 17, 100, 128, 129, b * b / 2, b * b] {
                    check::<Lanes16>(a, b, mean_square, |run, chunk| {
                        let rarely_again = run * 2 * mean_square <= SQUARES.into() || mean_square == 0;
                        let squares = run * b * b <= u16::MAX.into() && rarely_again;
                        let moments =
                            i128::from(a) * i128::from(a) * i128::from(chunk) <= i128::from(i16::MAX);
                        run <= RUN as i64 && squares && moments && chunk <= 16 * run
                    });
                }
                check::<Lanes32>(a, b, 0, |run, chunk| {
                    let widest = i128::from(a.max(b));
                    let moments = widest * widest * i128::from(chunk) <= 1 << 30;
                    run <= RUN as i64 && moments && b <= i16::MAX.into()
                });
            }
        }
    }

    #[test]
    fn bounds_are_those_of_the_grand_totals_less_their_centre() {
        let of = |k, totals: &[i16]| {
            let scores = Binary { correct: BitMatrix::new(totals.len(), 1), totals: totals.to_vec() };
            ChunkBounds::of::<Lanes16>(k, &scores)
        };
        // Most near one end: less their mean, 9, squares are small; less nothing they are not.
        let mut totals = vec![10i16; 900];
        totals.extend([0; 100]);
        let bounds = of(3, &totals).unwrap();
        assert_eq!((bounds.run, bounds.chunk, bounds.centre), (63, 16 * 63, 9));
        assert_eq!(bounds.single, (16 - 3) * 63);
        // Half of them at either end: 12 · 9² is almost 2¹⁰.
        let totals: Vec<i16> = (0..100).map(|user| if user % 2 == 0 { 9 } else { -9 }).collect();
        let bounds = of(5, &totals).unwrap();
        assert_eq!((bounds.run, bounds.chunk, bounds.centre), (12, 12 * 16, 0));
        assert_eq!(bounds.single, (16 - 5) * 12);
        // More subtotals than runs.
        assert_eq!(of(16, &totals).unwrap().single, 0);
        // Less their mean, the largest is too large; less nothing it is not.
        let mut totals = vec![-70i16; 30_000];
        totals.extend([70; 2]);
        let bounds = of(2, &totals);
        assert!(bounds.is_none_or(|bounds| bounds.centre == 0), "{bounds:?}");
        assert!(of(2, &[9_000, -9_000]).is_none());
    }
}
