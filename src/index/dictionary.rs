//! Values ↔ dense ids, whatever the values' type.

use std::hash::BuildHasher;
use std::hint::black_box;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};
use arrow::util::display::array_value_to_string;
use hashbrown::DefaultHashBuilder;

use crate::index::column_bytes::{ColumnBytes, WithBytes, width, with_bytes};
use crate::index::error::Ended;
use crate::index::id_table::{IdTable, NONE, tag};
use crate::index::recent::Recent;
use crate::index::sorting::{sorted, sorted_bytes};
use crate::index::value_bytes::ValueBytes;
use crate::interest::{Interest, Unwanted};

/// Gives every distinct value of a column a number, in the order of appearance.
///
/// Values are looked up by their own bytes, as they lie in their array, some hundreds at a time: a table of
/// many values is in no cache, and one step after the other for all of them lets the processor
/// wait for many loads at once.
#[derive(Debug)]
pub(crate) struct Interner {
    data_type: DataType,
    values: ValueBytes,
    ids: IdTable,
    /// The same in all siblings.
    hasher: DefaultHashBuilder,
}

/// Values that are looked up at a time: what their look-ups load, two or three cache lines each, stays in
/// the second-level cache.
const AHEAD: usize = 512;

impl Interner {
    /// An interner for columns of one type, which must not be a dictionary.
    pub(crate) fn new(data_type: &DataType) -> Self {
        Self::empty(data_type, DefaultHashBuilder::default())
    }

    fn empty(data_type: &DataType, hasher: DefaultHashBuilder) -> Self {
        Self { data_type: data_type.clone(), values: ValueBytes::default(), ids: IdTable::new(), hasher }
    }

    /// An empty interner, whose values this one can [`absorb`](Self::absorb).
    pub(crate) fn sibling(&self) -> Self {
        Self::empty(&self.data_type, self.hasher.clone())
    }

    /// How many distinct values there were.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// The id of each value of a column; that of a NULL is unspecified. Ids past `u32::MAX`
    /// wrap: the caller checks [`len`](Self::len).
    pub(crate) fn intern(&mut self, column: &ArrayRef) -> Vec<u32> {
        with_bytes(column, Intern(self))
    }

    /// Takes over the values of a sibling; returns the id here of each id there.
    ///
    /// # Errors
    /// Nobody waits for it.
    pub(crate) fn absorb(&mut self, sibling: &Self, interest: Interest<'_>) -> Result<Vec<u32>, Unwanted> {
        let mut ids = Vec::with_capacity(sibling.len());
        while ids.len() < sibling.len() {
            interest.check()?;
            let first = ids.len();
            let rows = first..sibling.len().min(first + ABSORBED);
            self.intern_rows(&Values { values: &sibling.values, rows }, &mut ids);
        }
        Ok(ids)
    }

    /// Adds the ids of a column's values to those of others.
    fn intern_rows(&mut self, column: &impl ColumnBytes, ids: &mut Vec<u32>) {
        let before = ids.len();
        let mut recent = Recent::new();
        let mut last: Option<&[u8]> = None;
        for first in (0..column.len()).step_by(AHEAD) {
            let end = column.len().min(first + AHEAD);
            // Rows often come sorted by one of their columns: where each run of equal values begins, and
            // its id.
            let mut runs: Vec<(u32, u32)> = Vec::with_capacity(AHEAD);
            // The runs whose ids are not known, and their values.
            let (mut unknown, mut values) = (Vec::with_capacity(AHEAD), Vec::with_capacity(AHEAD));
            for row in first..end {
                let value = column.of(row);
                if last.is_some_and(|last| std::ptr::eq(last, value) || same(last, value)) {
                    continue;
                }
                last = Some(value);
                let id = recent.id(value);
                if id == NONE {
                    unknown.push(runs.len());
                    values.push(value);
                }
                runs.push((row as u32, id));
            }
            recent.judge(unknown.len(), runs.len());
            let looked_up = self.look_up(&values);
            for ((run, value), id) in unknown.into_iter().zip(values).zip(looked_up) {
                runs[run].1 = id;
                recent.add(value, id);
            }
            // The last run of the rows before may go on.
            let mut id = ids.last().copied().unwrap_or(NONE);
            for &(row, next) in &runs {
                ids.resize(before + row as usize, id);
                id = next;
            }
            ids.resize(before + end, id);
        }
    }

    /// The ids of values, which may be new.
    fn look_up(&mut self, values: &[&[u8]]) -> Vec<u32> {
        let tags: Vec<u32> = values.iter().map(|value| tag(self.hasher.hash_one(value))).collect();
        black_box(tags.iter().fold(0, |all, &tag| all ^ self.ids.touch(tag)));
        let mut ids: Vec<u32> =
            tags.iter().map(|&tag| self.ids.find(tag, |_| true).unwrap_or(NONE)).collect();
        let touch = |id: u32| if id == NONE { 0 } else { self.values.touch(id) };
        black_box(ids.iter().fold(0, |all, &id| all ^ touch(id)));
        for ((&value, &tag), id) in values.iter().zip(&tags).zip(&mut ids) {
            if *id == NONE || !same(self.values.of(*id), value) {
                *id = self.id(tag, value);
            }
        }
        ids
    }

    /// The id of a value, which may be new.
    fn id(&mut self, tag: u32, bytes: &[u8]) -> u32 {
        if let Some(id) = self.ids.find(tag, |id| same(self.values.of(id), bytes)) {
            return id;
        }
        let id = self.len() as u32;
        self.values.push(bytes);
        self.ids.insert(tag, id);
        id
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.values.bytes() + self.ids.bytes()
    }

    /// Bytes that [`sorted`](Self::sorted) takes.
    pub(crate) fn sorted_bytes(&self) -> usize {
        let rows = if self.bytes_are_ordered() {
            0
        } else {
            // The array that rows are made of; a byte of each row that says it is no NULL, and its end.
            self.len() * (2 * width(&self.data_type) + 1 + size_of::<usize>())
        };
        rows + sorted_bytes(self.len())
    }

    /// The text of the value that has an id.
    pub(crate) fn text(&self, id: u32) -> Result<String, ArrowError> {
        array_value_to_string(&self.values.array(&self.data_type, [id].into_iter())?, 0)
    }

    /// The ids in the order of their values.
    ///
    /// # Errors
    /// Nobody waits for it.
    pub(crate) fn sorted(&self, interest: Interest<'_>) -> Result<Vec<u32>, Ended> {
        if self.bytes_are_ordered() {
            return Ok(sorted(self.len(), |id| self.values.of(id), interest)?);
        }
        let converter = RowConverter::new(vec![SortField::new(self.data_type.clone())])?;
        let rows =
            converter.convert_columns(&[self.values.array(&self.data_type, 0..self.len() as u32)?])?;
        Ok(sorted(self.len(), |id| rows.row(id as usize).data(), interest)?)
    }

    /// Whether the order of the values is that of their bytes.
    fn bytes_are_ordered(&self) -> bool {
        let data_type = &self.data_type;
        data_type.is_string() || data_type.is_binary() || data_type == &DataType::Boolean
    }

    /// Values of some ids, in their order.
    pub(crate) fn values(&self, ids: &[u32]) -> Result<ArrayRef, ArrowError> {
        self.values.array(&self.data_type, ids.iter().copied())
    }
}

/// Whether two values are the same. Numbers of eight bytes are compared without a call.
#[inline]
fn same(x: &[u8], y: &[u8]) -> bool {
    match (x.as_array::<8>(), y.as_array::<8>()) {
        (Some(x), Some(y)) => u64::from_ne_bytes(*x) == u64::from_ne_bytes(*y),
        _ => x == y,
    }
}

/// Values of a sibling that are taken over between two looks at whether anybody waits.
const ABSORBED: usize = 1 << 14;

struct Intern<'a>(&'a mut Interner);

impl WithBytes for Intern<'_> {
    type Output = Vec<u32>;

    fn with(self, column: &impl ColumnBytes) -> Vec<u32> {
        let mut ids = Vec::with_capacity(column.len());
        self.0.intern_rows(column, &mut ids);
        ids
    }
}

/// Some of the values of an interner.
struct Values<'a> {
    values: &'a ValueBytes,
    rows: std::ops::Range<usize>,
}

impl ColumnBytes for Values<'_> {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn of(&self, row: usize) -> &[u8] {
        self.values.of((self.rows.start + row) as u32)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use super::*;
    use arrow::array::{Array, StringArray, TimestampSecondArray};
    use arrow::compute::cast;

    fn strings(values: Vec<&str>) -> ArrayRef {
        Arc::new(StringArray::from(values))
    }

    #[test]
    fn ids_count_up_and_the_order_is_that_of_the_values() {
        let mut interner = Interner::new(&DataType::Utf8);
        assert_eq!(interner.intern(&strings(vec!["pear", "fig", "pear"])), [0, 1, 0]);
        assert_eq!(interner.intern(&strings(vec!["apple", "fig"])), [2, 1]);
        assert_eq!(interner.text(2).unwrap(), "apple");
        let sorted = interner.sorted(Interest::LASTING).unwrap();
        assert_eq!(sorted, [2, 1, 0]);
        assert_eq!(&interner.values(&sorted).unwrap(), &strings(vec!["apple", "fig", "pear"]));
    }

    #[test]
    fn a_siblings_values_keep_their_ids_or_get_new_ones() {
        let mut interner = Interner::new(&DataType::Utf8);
        let mut sibling = interner.sibling();
        interner.intern(&strings(vec!["pear", "fig"]));
        sibling.intern(&strings(vec!["apple", "pear", "", "fig"]));
        assert_eq!(interner.absorb(&sibling, Interest::LASTING).unwrap(), [2, 0, 3, 1]);
        let sorted = interner.sorted(Interest::LASTING).unwrap();
        assert_eq!(&interner.values(&sorted).unwrap(), &strings(vec!["", "apple", "fig", "pear"]));
    }

    #[test]
    fn order_is_the_order_of_the_values_not_of_their_text() {
        let column: ArrayRef = Arc::new(TimestampSecondArray::from(vec![10, -5, 9]));
        let mut interner = Interner::new(column.data_type());
        interner.intern(&column);
        assert_eq!(interner.sorted(Interest::LASTING).unwrap(), [1, 2, 0]);
    }

    #[test]
    fn ids_are_those_of_a_map_whatever_the_encoding_and_the_order() {
        let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        // More values than are looked up at a time, and more than there are places for addresses; runs.
        let number = |row: usize| row / (1 + row % 3) % (if row.is_multiple_of(2) { 7 } else { 3000 });
        let words: Vec<String> =
            (0..20_000).map(|row| format!("{:0>1$}", number(row), 3 + number(row) % 40)).collect();
        let mut ids = HashMap::new();
        let mut expected = Vec::new();
        for word in &words {
            let next = ids.len() as u32;
            expected.push(*ids.entry(word.as_str()).or_insert(next));
        }
        let plain: ArrayRef = Arc::new(StringArray::from_iter_values(&words));
        let packed = cast(&plain, &dictionary).unwrap();
        let views_of_dictionary = cast(&packed, &DataType::Utf8View).unwrap();
        let views = cast(&plain, &DataType::Utf8View).unwrap();
        for column in [plain, views_of_dictionary, views] {
            for batch in [1000, 7000, 20_000] {
                let mut interner = Interner::new(column.data_type());
                let found = (0..20_000)
                    .step_by(batch)
                    .flat_map(|first| interner.intern(&column.slice(first, batch.min(20_000 - first))));
                assert!(found.eq(expected.iter().copied()), "{}, {batch} at a time", column.data_type());
            }
        }
    }
}
