//! Σ x·y over users, for each two columns of numbers.
//!
//! ```text
//! for each four columns x (on all threads), for each eight columns y:
//!     for each user:   sums[x][y] += x·y      32 sums, in registers
//! ```
//!
//! Products are not fused with additions, and those of a sum are added in the order of the users:
//! every processor gives the same bits, even where they are not exact.

use rayon::prelude::*;

use crate::interest::{Interest, Unwanted};
use crate::sweep::simd::{Arithmetic, InstructionSet, Instructions, Task, each};

/// Users whose numbers are copied out at a time: of 200 columns they take 800 kB.
pub(super) const USERS: usize = 512;

/// Columns in a block.
const BLOCK: usize = 8;

/// Columns whose products with a block are added up together.
const TILE: usize = 4;

/// Numbers of some users, by column.
#[derive(Debug)]
pub(super) struct Columns {
    users: usize,
    /// `[block][user]`.
    values: Vec<[f64; BLOCK]>,
}

impl Columns {
    /// Zeros.
    pub(super) fn zeros(users: usize, columns: usize) -> Self {
        Self { users, values: vec![[0.0; BLOCK]; users * columns.div_ceil(BLOCK)] }
    }

    pub(super) fn set(&mut self, user: usize, column: usize, value: f64) {
        self.values[column / BLOCK * self.users + user][column % BLOCK] = value;
    }

    /// Makes all numbers 0 again.
    pub(super) fn clear(&mut self) {
        self.values.fill([0.0; BLOCK]);
    }

    fn block(&self, block: usize) -> &[[f64; BLOCK]] {
        &self.values[block * self.users..][..self.users]
    }
}

/// Sums of products of each two columns.
#[derive(Debug)]
pub(super) struct Products {
    blocks: usize,
    /// `[column][block]`.
    sums: Vec<[f64; BLOCK]>,
}

impl Products {
    /// Zeros.
    pub(super) fn zeros(columns: usize) -> Self {
        let blocks = columns.div_ceil(BLOCK);
        Self { blocks, sums: vec![[0.0; BLOCK]; blocks * BLOCK * blocks] }
    }

    /// The sum of the products of two columns.
    pub(super) fn of(&self, x: usize, y: usize) -> f64 {
        self.sums[x * self.blocks + y / BLOCK][y % BLOCK]
    }

    /// Makes all sums 0 again.
    pub(super) fn clear(&mut self) {
        self.sums.fill([0.0; BLOCK]);
    }

    /// Adds the products of each column of `x` with each of `y`; with `later`, only those with the same
    /// column and later ones are needed.
    ///
    /// # Errors
    /// Nobody waits for them any longer.
    pub(super) fn add(
        &mut self,
        instructions: Instructions,
        [x, y]: [&Columns; 2],
        later: bool,
        interest: Interest<'_>,
    ) -> Result<(), Unwanted> {
        let blocks = self.blocks;
        let tiles = self.sums.par_chunks_mut(TILE * blocks).enumerate();
        tiles.try_for_each(|(tile, sums)| {
            interest.check()?;
            let first = tile * TILE;
            let from = if later { first / BLOCK } else { 0 };
            for block in from..blocks {
                let tile = x.block(first / BLOCK);
                let of_tile = each::<_, TILE>(|column| sums[column * blocks + block]);
                let added = instructions.run(Tile {
                    tile,
                    first: first % BLOCK,
                    block: y.block(block),
                    sums: of_tile,
                });
                (0..TILE).for_each(|column| sums[column * blocks + block] = added[column]);
            }
            Ok(())
        })
    }
}

/// Four columns out of a block, and all of another.
struct Tile<'a> {
    tile: &'a [[f64; BLOCK]],
    first: usize,
    block: &'a [[f64; BLOCK]],
    sums: [[f64; BLOCK]; TILE],
}

impl Task for Tile<'_> {
    type Output = [[f64; BLOCK]; TILE];

    #[inline(always)]
    fn run<I: InstructionSet>(self, instructions: I) -> Self::Output {
        let mut sums = [instructions.doubles(0.0); TILE];
        for (sum, stored) in sums.iter_mut().zip(&self.sums) {
            *sum = instructions.load_doubles(stored);
        }
        for (x, y) in self.tile.iter().zip(self.block) {
            let x = &x[self.first..self.first + TILE];
            let y = instructions.load_doubles(y);
            for (sum, &x) in sums.iter_mut().zip(x) {
                *sum = sum.add(instructions.doubles(x).mul(y));
            }
        }
        let mut stored = [[0.0; BLOCK]; TILE];
        for (sum, stored) in sums.iter().zip(&mut stored) {
            sum.store(stored);
        }
        stored
    }
}
