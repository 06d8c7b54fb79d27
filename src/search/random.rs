//! Numbers at random, the same for the same seed: SplitMix64.

/// A generator (G. L. Steele, D. Lea and C. H. Flood, *Fast splittable pseudorandom number
/// generators*, 2014).
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One of many for a seed.
    pub(crate) fn of(seed: u64, number: u64) -> Self {
        // Seeds of their own distance would give numbers of each other.
        Self(Self(seed).next() ^ Self(!number).next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }
}
