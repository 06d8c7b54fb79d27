//! A large batch → small ones.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};

/// A batch in slices of so many rows, the last perhaps of fewer, which share its memory.
///
/// Whoever reads a slice of a column that is a dictionary may read all of the dictionary: so slices have no fewer rows than
/// any dictionary has values.
pub(crate) fn slices(batch: RecordBatch, rows: usize) -> impl Iterator<Item = RecordBatch> {
    let values = |column: &ArrayRef| column.as_any_dictionary_opt().map_or(0, |column| column.values().len());
    let (all, rows) = (batch.num_rows(), batch.columns().iter().map(values).fold(rows.max(1), usize::max));
    (0..all).step_by(rows).map(move |first| batch.slice(first, rows.min(all - first)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use datafusion::arrow::array::{DictionaryArray, Int64Array};
    use datafusion::arrow::compute::concat_batches;
    use datafusion::arrow::datatypes::Int32Type;

    fn rows_of(slices: &[RecordBatch]) -> Vec<usize> {
        slices.iter().map(RecordBatch::num_rows).collect()
    }

    #[test]
    fn slices_have_all_rows_in_their_order() {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..20));
        let batch = RecordBatch::try_from_iter([("number", numbers)]).unwrap();
        for (rows, expected) in [(8, &[8, 8, 4][..]), (10, &[10, 10]), (20, &[20]), (21, &[20])] {
            let slices: Vec<RecordBatch> = slices(batch.clone(), rows).collect();
            assert_eq!(rows_of(&slices), expected);
            assert_eq!(concat_batches(batch.schema_ref(), &slices).unwrap(), batch);
        }
        assert_eq!(slices(batch.slice(0, 0), 8).count(), 0);
    }

    #[test]
    fn a_slice_is_no_smaller_than_a_dictionary() {
        let words = ["a", "b", "c", "d", "e"].into_iter().cycle().take(18);
        let words: ArrayRef = Arc::new(words.collect::<DictionaryArray<Int32Type>>());
        let batch = RecordBatch::try_from_iter([("word", words)]).unwrap();
        assert_eq!(rows_of(&slices(batch.clone(), 2).collect::<Vec<_>>()), [5, 5, 5, 3]);
        assert_eq!(rows_of(&slices(batch, 10).collect::<Vec<_>>()), [10, 8]);
    }
}
