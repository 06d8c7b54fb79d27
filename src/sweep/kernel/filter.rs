//! What a subset must be like to be kept.

use crate::sweep::bounds::Bounds;

/// What a subset must be like to be kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filter {
    /// Its r and n.
    pub(crate) bounds: Bounds,
    /// Whether b is the grand total less a.
    pub(crate) corrected: bool,
}

impl Filter {
    /// Whether this many users will do.
    #[inline(always)]
    pub(crate) fn counts(&self, n: i64) -> bool {
        self.bounds.n[0] <= n && n <= self.bounds.n[1]
    }

    /// Where all r within the bounds lie on one side of 0, that side and how far.
    #[inline(always)]
    pub(crate) fn threshold(&self) -> Option<Threshold> {
        let Bounds { r: [floor, ceiling], undefined, .. } = self.bounds;
        if undefined {
            None
        } else if floor > 0.0 {
            Some(Threshold { sign: 1.0, least_square: floor * floor })
        } else if ceiling < 0.0 {
            Some(Threshold { sign: -1.0, least_square: ceiling * ceiling })
        } else {
            None
        }
    }

    /// The sign of r and its least r², a little lower, where a look in single precision can rule subsets out: b
    /// has to be the grand total itself. Single precision is right to some 2⁻²¹, so nothing is lost that
    /// reaches the floor.
    #[inline(always)]
    pub(crate) fn first_look(&self) -> Option<(f64, f32)> {
        let Threshold { sign, least_square } = self.threshold().filter(|_| !self.corrected)?;
        Some((sign, (least_square * (1.0 - 1e-5)) as f32))
    }
}

/// How far r has to be from 0, and on which side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Threshold {
    /// 1, or -1 for a negative r.
    pub(crate) sign: f64,
    /// The least r².
    pub(crate) least_square: f64,
}
