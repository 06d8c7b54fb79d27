//! Rows of bits into columns of bits.

use crate::index::bitset::WORD;

/// Transposes a 64 × 64 matrix: bit `c` of word `r` becomes bit `r` of word `c`.
///
/// Swaps the off-diagonal quarters of ever smaller squares, as in H. S. Warren,
/// Hacker's Delight, 7-3: six rounds of 32 swaps, whatever the matrix holds.
pub(super) fn transpose(square: &mut [u64; WORD]) {
    let mut half = WORD / 2;
    let mut mask = u64::MAX >> half;
    while half > 0 {
        for top in (0..WORD).step_by(2 * half) {
            let (upper, lower) = square[top..top + 2 * half].split_at_mut(half);
            for (upper, lower) in upper.iter_mut().zip(lower) {
                let swapped = (*upper >> half ^ *lower) & mask;
                *lower ^= swapped;
                *upper ^= swapped << half;
            }
        }
        half /= 2;
        mask ^= mask << half;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_bit_goes_to_its_place(rows in proptest::collection::vec(any::<u64>(), WORD)) {
            let rows: [u64; WORD] = rows.try_into().unwrap();
            let mut columns = rows;
            transpose(&mut columns);
            for (r, row) in rows.iter().enumerate() {
                for (c, column) in columns.iter().enumerate() {
                    prop_assert_eq!(row >> c & 1, column >> r & 1, "row {}, column {}", r, c);
                }
            }
        }
    }
}
