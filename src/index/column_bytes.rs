//! The bytes of a column's values, whatever its type.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, GenericByteArray, GenericByteViewArray};
use arrow::buffer::Buffer;
use arrow::datatypes::{
    BinaryType, BinaryViewType, ByteArrayType, ByteViewType, DataType, LargeBinaryType, LargeUtf8Type,
    StringViewType, Utf8Type,
};

/// The bytes of a column's values: values are equal exactly where these are. Those of a NULL are
/// unspecified.
pub(crate) trait ColumnBytes {
    /// How many values there are.
    fn len(&self) -> usize;

    /// The bytes of a row's value.
    fn of(&self, row: usize) -> &[u8];
}

/// What is done with the bytes of a column of any type.
pub(crate) trait WithBytes {
    /// What comes of it.
    type Output;

    /// Does it.
    fn with(self, column: &impl ColumnBytes) -> Self::Output;
}

/// Hands the bytes of a column, which is no dictionary, to whoever wants them.
pub(crate) fn with_bytes<W: WithBytes>(column: &ArrayRef, then: W) -> W::Output {
    match column.data_type() {
        DataType::Utf8 => then.with(column.as_bytes::<Utf8Type>()),
        DataType::LargeUtf8 => then.with(column.as_bytes::<LargeUtf8Type>()),
        DataType::Binary => then.with(column.as_bytes::<BinaryType>()),
        DataType::LargeBinary => then.with(column.as_bytes::<LargeBinaryType>()),
        DataType::Utf8View => then.with(column.as_byte_view::<StringViewType>()),
        DataType::BinaryView => then.with(column.as_byte_view::<BinaryViewType>()),
        DataType::Boolean => then.with(column.as_boolean()),
        data_type => then.with(&FixedWidth::of(column, width(data_type))),
    }
}

/// Bytes of a value, for types whose values are all of one size: integers, decimals, dates, fixed-size
/// binary.
pub(crate) fn width(data_type: &DataType) -> usize {
    match data_type {
        DataType::FixedSizeBinary(width) => *width as usize,
        _ => data_type.primitive_width().unwrap_or(0),
    }
}

impl<T: ByteArrayType> ColumnBytes for GenericByteArray<T> {
    fn len(&self) -> usize {
        Array::len(self)
    }

    #[inline]
    fn of(&self, row: usize) -> &[u8] {
        self.value(row).as_ref()
    }
}

impl<T: ByteViewType> ColumnBytes for GenericByteViewArray<T> {
    fn len(&self) -> usize {
        Array::len(self)
    }

    #[inline]
    fn of(&self, row: usize) -> &[u8] {
        // The view of a NULL may point anywhere.
        if self.is_valid(row) { self.value(row).as_ref() } else { &[] }
    }
}

impl ColumnBytes for BooleanArray {
    fn len(&self) -> usize {
        Array::len(self)
    }

    fn of(&self, row: usize) -> &[u8] {
        if self.value(row) { &[1] } else { &[0] }
    }
}

/// One buffer of values of one size.
struct FixedWidth {
    values: Buffer,
    width: usize,
    len: usize,
}

impl FixedWidth {
    fn of(column: &ArrayRef, width: usize) -> Self {
        let data = column.to_data();
        let values = data.buffers()[0].slice_with_length(data.offset() * width, data.len() * width);
        Self { values, width, len: data.len() }
    }
}

impl ColumnBytes for FixedWidth {
    fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn of(&self, row: usize) -> &[u8] {
        &self.values[row * self.width..][..self.width]
    }
}
