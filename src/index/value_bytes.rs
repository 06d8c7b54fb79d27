//! Values as bytes, one after the other.

use std::sync::Arc;

use arrow::array::{ArrayData, ArrayRef, BooleanArray, GenericByteArray, make_array};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowNativeType, BinaryType, ByteArrayType, DataType, LargeBinaryType, LargeUtf8Type, Utf8Type,
};
use arrow::error::ArrowError;

use crate::index::column_bytes::width;

/// Values by id, as their bytes.
#[derive(Debug, Default)]
pub(crate) struct ValueBytes {
    bytes: Vec<u8>,
    len: usize,
    places: Places,
}

/// Where values begin and end.
#[derive(Debug)]
enum Places {
    /// All have as many bytes, as numbers and UUIDs do: no table has to be asked.
    Equal(usize),
    /// Where each ends.
    Ends(Vec<usize>),
}

impl Default for Places {
    fn default() -> Self {
        Self::Equal(0)
    }
}

impl ValueBytes {
    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The bytes of a value.
    #[inline]
    pub(crate) fn of(&self, id: u32) -> &[u8] {
        let id = id as usize;
        match &self.places {
            Places::Equal(length) => &self.bytes[id * length..][..*length],
            Places::Ends(ends) => {
                let start = if id == 0 { 0 } else { ends[id - 1] };
                &self.bytes[start..ends[id]]
            }
        }
    }

    /// Loads a value's first byte and its last, which may lie in two cache lines. A loop of nothing but
    /// these waits for many values at once.
    #[inline]
    pub(crate) fn touch(&self, id: u32) -> u8 {
        let bytes = self.of(id);
        bytes.first().copied().unwrap_or(0) ^ bytes.last().copied().unwrap_or(0)
    }

    /// Adds a value.
    pub(crate) fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        match &mut self.places {
            Places::Equal(length) if self.len == 0 => *length = value.len(),
            Places::Equal(length) if *length == value.len() => {}
            Places::Equal(length) => {
                let ends = (1..=self.len).map(|number| number * *length);
                self.places = Places::Ends(ends.chain([self.bytes.len()]).collect());
            }
            Places::Ends(ends) => ends.push(self.bytes.len()),
        }
        self.len += 1;
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        let ends = match &self.places {
            Places::Equal(_) => 0,
            Places::Ends(ends) => ends.capacity() * size_of::<usize>(),
        };
        self.bytes.capacity() + ends
    }

    /// Some of the values as an array of the type that they are of.
    ///
    /// # Errors
    /// More bytes than the type's offsets can count.
    pub(crate) fn array(
        &self,
        data_type: &DataType,
        ids: impl ExactSizeIterator<Item = u32> + Clone,
    ) -> Result<ArrayRef, ArrowError> {
        Ok(match data_type {
            DataType::Utf8 => Arc::new(self.strings::<Utf8Type>(ids)?),
            DataType::LargeUtf8 => Arc::new(self.strings::<LargeUtf8Type>(ids)?),
            DataType::Binary => Arc::new(self.strings::<BinaryType>(ids)?),
            DataType::LargeBinary => Arc::new(self.strings::<LargeBinaryType>(ids)?),
            DataType::Utf8View => cast(&self.strings::<LargeUtf8Type>(ids)?, data_type)?,
            DataType::BinaryView => cast(&self.strings::<LargeBinaryType>(ids)?, data_type)?,
            DataType::Boolean => {
                Arc::new(BooleanArray::from(ids.map(|id| self.of(id) == [1]).collect::<Vec<_>>()))
            }
            _ => {
                let len = ids.len();
                let mut bytes = Vec::with_capacity(len * width(data_type));
                ids.for_each(|id| bytes.extend_from_slice(self.of(id)));
                let data = ArrayData::builder(data_type.clone()).len(len).add_buffer(Buffer::from_vec(bytes));
                make_array(data.align_buffers(true).build()?)
            }
        })
    }

    fn strings<T: ByteArrayType>(
        &self,
        ids: impl Iterator<Item = u32> + Clone,
    ) -> Result<GenericByteArray<T>, ArrowError> {
        let mut end = 0;
        let mut offsets = vec![T::Offset::default()];
        for id in ids.clone() {
            end += self.of(id).len();
            offsets.push(T::Offset::from_usize(end).ok_or(ArrowError::OffsetOverflowError(end))?);
        }
        let mut bytes = Vec::with_capacity(end);
        ids.for_each(|id| bytes.extend_from_slice(self.of(id)));
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        GenericByteArray::try_new(offsets, Buffer::from_vec(bytes), None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{
        Array, BinaryViewArray, Decimal128Array, FixedSizeBinaryArray, Int16Array, LargeStringArray,
        StringArray, StringViewArray, TimestampMicrosecondArray,
    };

    use crate::index::column_bytes::{ColumnBytes, WithBytes, with_bytes};

    struct All;

    impl WithBytes for All {
        type Output = ValueBytes;

        fn with(self, column: &impl ColumnBytes) -> ValueBytes {
            let mut values = ValueBytes::default();
            (0..column.len()).for_each(|row| values.push(column.of(row)));
            values
        }
    }

    #[test]
    fn an_array_of_every_type_comes_back_in_any_order() {
        let words = ["pear", "figs", "", "a name of more than twelve letters"];
        let binary =
            FixedSizeBinaryArray::try_from_iter(["pear", "figs", "plum", "kiwi"].into_iter()).unwrap();
        let decimals =
            Decimal128Array::from(vec![1, -5, 7, 1 << 80]).with_precision_and_scale(30, 2).unwrap();
        let columns: [ArrayRef; 9] = [
            Arc::new(StringArray::from(words.to_vec())),
            Arc::new(LargeStringArray::from(words.to_vec())),
            Arc::new(StringViewArray::from(words.to_vec())),
            Arc::new(BinaryViewArray::from_iter_values(words)),
            Arc::new(BooleanArray::from(vec![true, false, false, true])),
            Arc::new(binary),
            Arc::new(Int16Array::from(vec![3, -2, 0, 7])),
            Arc::new(TimestampMicrosecondArray::from(vec![3, -2, 0, 7]).with_timezone("+01:00")),
            Arc::new(decimals),
        ];
        for column in columns {
            // A slice has an offset.
            for column in [Arc::clone(&column), column.slice(1, 3)] {
                let values = with_bytes(&column, All);
                assert_eq!(values.len(), column.len());
                let ids = 0..column.len() as u32;
                assert_eq!(&values.array(column.data_type(), ids.clone()).unwrap(), &column);
                let back = values.array(column.data_type(), ids.rev()).unwrap();
                for row in 0..column.len() {
                    assert_eq!(&back.slice(column.len() - 1 - row, 1), &column.slice(row, 1));
                }
            }
        }
    }

    #[test]
    fn values_of_one_length_need_no_table() {
        let mut values = ValueBytes::default();
        ["pear", "figs"].iter().for_each(|value| values.push(value.as_bytes()));
        assert_eq!(values.bytes(), values.bytes.capacity());
        ["plums", "", "kiwi"].iter().for_each(|value| values.push(value.as_bytes()));
        assert!(values.bytes() > values.bytes.capacity());
        let all: Vec<&[u8]> = (0..5).map(|id| values.of(id)).collect();
        assert_eq!(all, ["pear", "figs", "plums", "", "kiwi"].map(str::as_bytes));
    }
}
