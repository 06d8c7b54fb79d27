//! Values ↔ dense ids, whatever the values' type.

use std::hash::BuildHasher;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, GenericByteArray, GenericByteViewArray, UInt32Array,
};
use arrow::compute::take;
use arrow::datatypes::{
    BinaryType, BinaryViewType, ByteArrayType, ByteViewType, DataType, LargeBinaryType, LargeUtf8Type,
    StringViewType, Utf8Type,
};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, Rows, SortField};
use arrow::util::display::array_value_to_string;
use hashbrown::{DefaultHashBuilder, HashTable};

/// Gives every distinct value of a column a number, in the order of appearance.
///
/// A value is looked up by its own bytes, as it lies in its array. Only a value that is
/// new is put into Arrow's row format too, whose byte order is value order for every
/// type, and from which there is a way back to an array of the type.
#[derive(Debug)]
pub(crate) struct Interner {
    converter: Arc<RowConverter>,
    /// The values by id.
    values: Rows,
    /// Their own bytes, value after value.
    bytes: Vec<u8>,
    /// Where each value's bytes end.
    ends: Vec<usize>,
    ids: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Interner {
    /// An interner for columns of one type, which must not be a dictionary.
    pub(crate) fn new(data_type: &DataType) -> Result<Self, ArrowError> {
        let converter = RowConverter::new(vec![SortField::new(data_type.clone())])?;
        Ok(Self::empty(Arc::new(converter)))
    }

    fn empty(converter: Arc<RowConverter>) -> Self {
        Self {
            values: converter.empty_rows(0, 0),
            converter,
            bytes: Vec::new(),
            ends: Vec::new(),
            ids: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
        }
    }

    /// An empty interner, whose values this one can [`absorb`](Self::absorb).
    pub(crate) fn sibling(&self) -> Self {
        Self::empty(Arc::clone(&self.converter))
    }

    /// How many distinct values there were.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The id of each value of a column; that of a NULL is any. Ids past `u32::MAX`
    /// wrap: the caller checks [`len`](Self::len).
    pub(crate) fn intern(&mut self, column: &ArrayRef) -> Result<Vec<u32>, ArrowError> {
        let mut ids = Vec::with_capacity(column.len());
        let mut new: Vec<u32> = Vec::new();
        // Rows often come sorted by one of their columns.
        let mut last: Option<u32> = None;
        for_each_bytes(column, |bytes| {
            let id = match last.filter(|&id| self.bytes_of(id) == bytes) {
                Some(id) => id,
                None => {
                    let (id, is_new) = self.id(bytes);
                    if is_new {
                        new.push(ids.len() as u32);
                    }
                    id
                }
            };
            last = Some(id);
            ids.push(id);
        });
        if !new.is_empty() {
            let new = take(column, &UInt32Array::from(new), None)?;
            self.converter.append(&mut self.values, &[new])?;
        }
        Ok(ids)
    }

    /// Takes over the values of a sibling; returns the id here of each id there.
    pub(crate) fn absorb(&mut self, sibling: &Self) -> Vec<u32> {
        let ids = 0..sibling.len() as u32;
        let absorb = |id: u32| {
            let (here, is_new) = self.id(sibling.bytes_of(id));
            if is_new {
                self.values.push(sibling.values.row(id as usize));
            }
            here
        };
        ids.map(absorb).collect()
    }

    /// The id of a value, and whether it is new.
    fn id(&mut self, bytes: &[u8]) -> (u32, bool) {
        let hash = self.hasher.hash_one(bytes);
        if let Some(&id) = self.ids.find(hash, |&id| self.bytes_of(id) == bytes) {
            return (id, false);
        }
        let id = self.len() as u32;
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
        let Self { ids, hasher, bytes, ends, .. } = self;
        ids.insert_unique(hash, id, |&id| hasher.hash_one(slice(bytes, ends, id)));
        (id, true)
    }

    fn bytes_of(&self, id: u32) -> &[u8] {
        slice(&self.bytes, &self.ends, id)
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        let ids = self.ids.capacity() * (size_of::<u32>() + 1);
        let own = self.bytes.capacity() + self.ends.capacity() * size_of::<usize>();
        self.converter.size() + self.values.size() + ids + own
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

/// The bytes of the value that has an id.
fn slice<'a>(bytes: &'a [u8], ends: &[usize], id: u32) -> &'a [u8] {
    let id = id as usize;
    let start = if id == 0 { 0 } else { ends[id - 1] };
    &bytes[start..ends[id]]
}

/// Hands out the bytes of each value of a column; values are equal exactly where these
/// are. Those of a NULL are any.
fn for_each_bytes(column: &ArrayRef, each: impl FnMut(&[u8])) {
    fn strings<T: ByteArrayType>(column: &GenericByteArray<T>, mut each: impl FnMut(&[u8])) {
        (0..column.len()).for_each(|row| each(column.value(row).as_ref()));
    }
    fn views<T: ByteViewType>(column: &GenericByteViewArray<T>, mut each: impl FnMut(&[u8])) {
        (0..column.len()).for_each(|row| match column.is_valid(row) {
            true => each(column.value(row).as_ref()),
            // Its view may point anywhere.
            false => each(&[]),
        });
    }
    fn booleans(column: &BooleanArray, mut each: impl FnMut(&[u8])) {
        (0..column.len()).for_each(|row| each(&[column.value(row).into()]));
    }
    match column.data_type() {
        DataType::Utf8 => strings(column.as_bytes::<Utf8Type>(), each),
        DataType::LargeUtf8 => strings(column.as_bytes::<LargeUtf8Type>(), each),
        DataType::Binary => strings(column.as_bytes::<BinaryType>(), each),
        DataType::LargeBinary => strings(column.as_bytes::<LargeBinaryType>(), each),
        DataType::Utf8View => views(column.as_byte_view::<StringViewType>(), each),
        DataType::BinaryView => views(column.as_byte_view::<BinaryViewType>(), each),
        DataType::Boolean => booleans(column.as_boolean(), each),
        data_type => {
            // One buffer of values of one size: integers, decimals, dates, fixed-size
            // binary.
            let width = match data_type {
                DataType::FixedSizeBinary(width) => *width as usize,
                _ => data_type.primitive_width().unwrap_or(0),
            };
            let data = column.to_data();
            let values = &data.buffers()[0][data.offset() * width..][..data.len() * width];
            match width {
                // The only value there is.
                0 => (0..data.len()).map(|_| &[][..]).for_each(each),
                _ => values.chunks_exact(width).for_each(each),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{StringArray, TimestampSecondArray};

    fn strings(values: Vec<&str>) -> ArrayRef {
        Arc::new(StringArray::from(values))
    }

    #[test]
    fn ids_count_up_and_ranks_follow_the_values() {
        let mut interner = Interner::new(&DataType::Utf8).unwrap();
        assert_eq!(interner.intern(&strings(vec!["pear", "fig", "pear"])).unwrap(), [0, 1, 0]);
        assert_eq!(interner.intern(&strings(vec!["apple", "fig"])).unwrap(), [2, 1]);
        assert_eq!(interner.ranks(), [2, 1, 0]);
        assert_eq!(interner.text(2).unwrap(), "apple");
        let sorted = interner.into_sorted_values().unwrap();
        assert_eq!(&sorted, &strings(vec!["apple", "fig", "pear"]));
    }

    #[test]
    fn a_siblings_values_keep_their_ids_or_get_new_ones() {
        let mut interner = Interner::new(&DataType::Utf8).unwrap();
        let mut sibling = interner.sibling();
        interner.intern(&strings(vec!["pear", "fig"])).unwrap();
        sibling.intern(&strings(vec!["apple", "pear", "", "fig"])).unwrap();
        assert_eq!(interner.absorb(&sibling), [2, 0, 3, 1]);
        let sorted = interner.into_sorted_values().unwrap();
        assert_eq!(&sorted, &strings(vec!["", "apple", "fig", "pear"]));
    }

    #[test]
    fn order_is_the_order_of_the_values_not_of_their_text() {
        let column: ArrayRef = Arc::new(TimestampSecondArray::from(vec![10, -5, 9]));
        let mut interner = Interner::new(column.data_type()).unwrap();
        interner.intern(&column).unwrap();
        assert_eq!(interner.ranks(), [2, 0, 1]);
    }
}
