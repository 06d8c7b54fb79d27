//! Values ↔ dense ids, whatever the values' type.

use std::hash::BuildHasher;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::row::{RowConverter, Rows, SortField};
use arrow::util::display::array_value_to_string;
use hashbrown::{DefaultHashBuilder, HashTable};

/// Gives every distinct value of a column a number, in the order of appearance.
///
/// Values are held in Arrow's row format, which serves three ends at once: one
/// byte string per value for hashing and comparing, the same for every type;
/// byte order that is value order; and the way back to an array of the type.
#[derive(Debug)]
pub(crate) struct Interner {
    converter: RowConverter,
    values: Rows,
    ids: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Interner {
    /// An interner for columns of one type, which must not be a dictionary.
    pub(crate) fn new(data_type: &DataType) -> Result<Self, ArrowError> {
        let converter = RowConverter::new(vec![SortField::new(data_type.clone())])?;
        Ok(Self {
            values: converter.empty_rows(0, 0),
            converter,
            ids: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
        })
    }

    /// How many distinct values there were.
    pub(crate) fn len(&self) -> usize {
        self.values.num_rows()
    }

    /// Appends the id of each value of a column. Ids past `u32::MAX` wrap: the
    /// caller checks [`len`](Self::len).
    pub(crate) fn intern(&mut self, column: &ArrayRef, to: &mut Vec<u32>) -> Result<(), ArrowError> {
        let rows = self.converter.convert_columns(std::slice::from_ref(column))?;
        let Self { values, ids, hasher, .. } = self;
        to.extend(rows.iter().map(|row| {
            let hash = hasher.hash_one(row.data());
            let known = ids.find(hash, |&id| values.row(id as usize).data() == row.data());
            match known {
                Some(&id) => id,
                None => {
                    let id = values.num_rows() as u32;
                    values.push(row);
                    ids.insert_unique(hash, id, |&id| hasher.hash_one(values.row(id as usize).data()));
                    id
                }
            }
        }));
        Ok(())
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.converter.size() + self.values.size() + self.ids.capacity() * (size_of::<u32>() + 1)
    }

    /// The text of the value that has an id.
    pub(crate) fn text(&self, id: u32) -> Result<String, ArrowError> {
        let column = self.converter.convert_rows([self.values.row(id as usize)])?;
        array_value_to_string(&column[0], 0)
    }

    /// For each id, the place of its value among the sorted values.
    pub(crate) fn ranks(&self) -> Vec<u32> {
        let mut ranks = vec![0; self.len()];
        for (rank, id) in self.sorted().into_iter().enumerate() {
            ranks[id as usize] = rank as u32;
        }
        ranks
    }

    /// The distinct values, ascending.
    pub(crate) fn into_sorted_values(self) -> Result<ArrayRef, ArrowError> {
        let sorted = self.sorted();
        let rows = sorted.into_iter().map(|id| self.values.row(id as usize));
        Ok(self.converter.convert_rows(rows)?.remove(0))
    }

    fn sorted(&self) -> Vec<u32> {
        let mut sorted: Vec<u32> = (0..self.len() as u32).collect();
        sorted.sort_unstable_by_key(|&id| self.values.row(id as usize));
        sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{StringArray, TimestampSecondArray};
    use std::sync::Arc;

    #[test]
    fn ids_count_up_and_ranks_follow_the_values() {
        let mut interner = Interner::new(&DataType::Utf8).unwrap();
        let mut ids = Vec::new();
        for batch in [vec!["pear", "fig", "pear"], vec!["apple", "fig"]] {
            interner.intern(&(Arc::new(StringArray::from(batch)) as ArrayRef), &mut ids).unwrap();
        }
        assert_eq!(ids, [0, 1, 0, 2, 1]);
        assert_eq!(interner.ranks(), [2, 1, 0]);
        assert_eq!(interner.text(2).unwrap(), "apple");
        let sorted = interner.into_sorted_values().unwrap();
        assert_eq!(&sorted, &(Arc::new(StringArray::from(vec!["apple", "fig", "pear"])) as ArrayRef));
    }

    #[test]
    fn order_is_the_order_of_the_values_not_of_their_text() {
        let column: ArrayRef = Arc::new(TimestampSecondArray::from(vec![10, -5, 9]));
        let mut interner = Interner::new(column.data_type()).unwrap();
        interner.intern(&column, &mut Vec::new()).unwrap();
        assert_eq!(interner.ranks(), [2, 0, 1]);
    }
}
