//! What an instruction set does that has no better way.

use crate::index::bitset::{WORD, ones};

/// Writes `base` plus the position of each set bit to `positions`, ascending.
#[inline(always)]
pub(super) fn positions(word: u64, base: u32, positions: &mut [u32; WORD]) {
    for (position, bit) in positions.iter_mut().zip(ones(word)) {
        *position = base + bit as u32;
    }
}

/// Writes the values whose bits are set to the front of `to`. Every value is written;
/// those not wanted are overwritten by the next, so that no branch has to guess which.
#[inline(always)]
pub(super) fn compress<T: Copy>(values: &[T; WORD], wanted: u64, to: &mut [T; WORD]) {
    let mut kept = 0;
    for (lane, &value) in values.iter().enumerate() {
        to[kept % WORD] = value;
        kept += (wanted >> lane & 1) as usize;
    }
}

/// Transposes a 64 × 64 matrix: bit `c` of word `r` becomes bit `r` of word `c`.
///
/// Swaps the off-diagonal quarters of ever smaller squares, as in H. S. Warren,
/// Hacker's Delight, 7-3: six rounds of 32 swaps, whatever the matrix holds.
#[inline(always)]
pub(super) fn transpose(square: &mut [u64; WORD]) {
    let mut half = WORD / 2;
    let mut mask = u64::MAX >> half;
    while half > 0 {
        for top in (0..WORD).step_by(2 * half) {
            let (upper, lower) = square[top..top + 2 * half].split_at_mut(half);
            for row in 0..half {
                let swapped = (upper[row] >> half ^ lower[row]) & mask;
                lower[row] ^= swapped;
                upper[row] ^= swapped << half;
            }
        }
        half /= 2;
        mask ^= mask << half;
    }
}
