//! Where the subsets of a walk go: into rows as they come, or the best of them into a heap.

use crate::index::bitset::ones;
use crate::sweep::bounds::Bounds;
use crate::sweep::kernel::Lanes;
use crate::sweep::rows::buffer::{Row, RowBuffer};
use crate::sweep::rows::top::Top;
use crate::sweep::simd::Instructions;

/// Where the subsets of a walk go.
#[derive(Debug)]
pub(crate) enum Sink {
    /// All of them into the buffer of whoever advances the walk.
    Rows,
    /// The best of them here, until the end.
    Best(Top),
}

impl Sink {
    /// The sink for the `top` best subsets, or for all.
    pub(crate) fn new(top: Option<usize>) -> Self {
        top.map_or(Self::Rows, |size| Self::Best(Top::new(size)))
    }

    /// Takes in the subsets that were kept of a word of lanes: `prefix` (ascending ids) with
    /// each of some last questions, given by lane. Returns the bounds on further ones, if
    /// these may have tightened them.
    #[inline(always)]
    pub(crate) fn push(
        &mut self,
        instructions: Instructions,
        prefix: &[u32],
        lasts: &[u32],
        lanes: &Lanes,
        buffer: &mut RowBuffer,
    ) -> Option<Bounds> {
        let top = match self {
            Self::Rows => {
                buffer.push_lanes(instructions, prefix, lasts, lanes);
                return None;
            }
            Self::Best(top) => top,
        };
        for lane in ones(lanes.kept) {
            let r = Some(lanes.r[lane]).filter(|r| !r.is_nan());
            top.push(Row::of(prefix, lasts[lane], r, lanes.n[lane]));
        }
        (lanes.kept != 0).then(|| top.bounds())
    }

    /// The best subsets, in no order, if it is these that were kept.
    pub(crate) fn take_top(&mut self) -> Vec<Row> {
        match std::mem::replace(self, Self::Rows) {
            Self::Rows => Vec::new(),
            Self::Best(top) => top.into_rows().collect(),
        }
    }
}
