//! Rows of bits: which questions a user answered, which of them correctly.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

/// Bits in a word.
pub(crate) const WORD: usize = u64::BITS as usize;

/// A matrix of bits, stored row after row.
///
/// Every row starts at a word of its own. Bits past the last column are zero.
#[derive(Debug, Clone)]
pub(crate) struct BitMatrix {
    rows: usize,
    columns: usize,
    words_per_row: usize,
    words: Vec<u64>,
}

impl BitMatrix {
    /// A matrix of zeros, `rows` × `columns`.
    pub(crate) fn new(rows: usize, columns: usize) -> Self {
        let words_per_row = columns.div_ceil(WORD);
        Self { rows, columns, words_per_row, words: vec![0; rows * words_per_row] }
    }

    /// A matrix of the words of its rows, one after the other; `None` if there are not as
    /// many, or a bit past the last column is set.
    #[cfg(feature = "distributed")]
    pub(crate) fn from_words(rows: usize, columns: usize, words: Vec<u64>) -> Option<Self> {
        let words_per_row = columns.div_ceil(WORD);
        let fits = words.len() == rows.checked_mul(words_per_row)?;
        let last = below(columns - words_per_row.saturating_sub(1) * WORD);
        let tidy = fits
            && (words_per_row == 0
                || words.iter().skip(words_per_row - 1).step_by(words_per_row).all(|word| word & !last == 0));
        tidy.then_some(Self { rows, columns, words_per_row, words })
    }

    /// The words of all rows, one after the other.
    #[cfg(feature = "distributed")]
    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    /// Sets a bit; returns whether it was set before.
    #[cfg(test)]
    pub(crate) fn set(&mut self, row: usize, column: usize) -> bool {
        debug_assert!(column < self.columns, "column {column} of {}", self.columns);
        let Self { words_per_row, ref mut words, .. } = *self;
        BitRows { words, words_per_row }.set(row, column)
    }

    /// The words of one row, lowest column in the lowest bit of the first.
    #[inline]
    pub(crate) fn row(&self, row: usize) -> &[u64] {
        &self.words[row * self.words_per_row..][..self.words_per_row]
    }

    /// The words of one row, to be written. Bits past the last column have to stay zero.
    pub(crate) fn row_mut(&mut self, row: usize) -> &mut [u64] {
        &mut self.words[row * self.words_per_row..][..self.words_per_row]
    }

    /// The rows in blocks of so many, one after the other, for threads to write.
    pub(crate) fn par_blocks_mut(&mut self, rows: usize) -> impl IndexedParallelIterator<Item = BitRows<'_>> {
        let Self { words_per_row, ref mut words, .. } = *self;
        let block = (rows * words_per_row).max(1);
        words.par_chunks_mut(block).map(move |words| BitRows { words, words_per_row })
    }

    /// Some rows of this matrix, in an order.
    pub(crate) fn in_order(&self, rows: &[u32]) -> Self {
        let mut words = vec![0; rows.len() * self.words_per_row];
        let into = words.par_chunks_mut(self.words_per_row.max(1));
        into.zip(rows).for_each(|(into, &row)| into.copy_from_slice(self.row(row as usize)));
        Self { rows: rows.len(), words, ..*self }
    }

    /// How many rows there are.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// How many columns a row has.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// How many words a row has.
    pub(crate) fn words_per_row(&self) -> usize {
        self.words_per_row
    }

    /// Bytes of a matrix of this shape.
    pub(crate) fn bytes(rows: usize, columns: usize) -> usize {
        rows.saturating_mul(columns.div_ceil(WORD)).saturating_mul(size_of::<u64>())
    }
}

/// Some rows of a matrix, to be written.
#[derive(Debug)]
pub(crate) struct BitRows<'a> {
    words: &'a mut [u64],
    words_per_row: usize,
}

impl BitRows<'_> {
    /// Sets a bit, in a row counted from the first of these; returns whether it was set before.
    #[inline]
    pub(crate) fn set(&mut self, row: usize, column: usize) -> bool {
        let word = &mut self.words[row * self.words_per_row + column / WORD];
        let bit = 1 << (column % WORD);
        let before = *word & bit != 0;
        *word |= bit;
        before
    }
}

/// Whether `column` is set in a row.
#[inline]
pub(crate) fn contains(row: &[u64], column: usize) -> bool {
    row[column / WORD] >> (column % WORD) & 1 == 1
}

/// How many bits are set in a row.
#[inline]
pub(crate) fn count(row: &[u64]) -> usize {
    row.iter().map(|word| word.count_ones() as usize).sum()
}

/// The columns that are set in a row, ascending.
#[inline]
pub(crate) fn columns(row: &[u64]) -> impl Iterator<Item = usize> {
    row.iter().enumerate().flat_map(|(word, &bits)| ones(bits).map(move |bit| word * WORD + bit))
}

/// How many bits below `column` are set in a row.
#[inline]
pub(crate) fn rank(row: &[u64], column: usize) -> usize {
    let (full, rest) = (column / WORD, column % WORD);
    let whole: u32 = row[..full].iter().map(|word| word.count_ones()).sum();
    let part = match rest {
        0 => 0,
        _ => (row[full] & below(rest)).count_ones(),
    };
    (whole + part) as usize
}

/// A word whose lowest `bits` bits are set; `bits` is at most 64.
#[inline]
pub(crate) fn below(bits: usize) -> u64 {
    match bits {
        WORD.. => u64::MAX,
        _ => (1 << bits) - 1,
    }
}

/// The positions of a word's set bits, ascending.
#[inline]
pub(crate) fn ones(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let position = word.trailing_zeros() as usize;
        (word != 0).then(|| {
            word &= word - 1;
            position
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_row_holds_the_columns_that_were_set(
            columns in 1usize..200,
            wanted in proptest::collection::btree_set(0usize..200, 0..60),
        ) {
            let wanted: Vec<usize> = wanted.into_iter().filter(|&c| c < columns).collect();
            let mut matrix = BitMatrix::new(3, columns);
            for &column in &wanted {
                prop_assert!(!matrix.set(1, column));
                prop_assert!(matrix.set(1, column));
            }
            let found: Vec<usize> = matrix.row(1).iter().enumerate()
                .flat_map(|(i, &word)| ones(word).map(move |bit| i * WORD + bit)).collect();
            prop_assert_eq!(&found, &wanted);
            for column in 0..columns {
                prop_assert_eq!(contains(matrix.row(1), column), wanted.contains(&column));
                prop_assert_eq!(rank(matrix.row(1), column), wanted.iter().filter(|&&c| c < column).count());
            }
            for other in [0, 2] {
                prop_assert!(matrix.row(other).iter().all(|&word| word == 0));
            }
        }
    }
}
