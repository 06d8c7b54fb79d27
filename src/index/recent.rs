//! Values that lie in the same place have the same id.
//!
//! A column of views that was read from a dictionary, as those of a Parquet file are, has views of the
//! dictionary's values: a value that comes again is the same bytes at the same address. So each value of a
//! dictionary is hashed and compared once a batch.

use crate::index::id_table::NONE;

/// Ids of values by the addresses of their bytes, while a column is borrowed.
#[derive(Debug)]
pub(crate) struct Recent {
    /// Address, length and id. A value has one place, and puts out who had it before.
    entries: Vec<(usize, u32, u32)>,
    /// Whether it is of use.
    useful: bool,
}

/// As many as a question's column has values, mostly; in the first-level cache.
const ENTRIES: usize = 1 << 10;

impl Recent {
    /// No values yet.
    pub(crate) fn new() -> Self {
        Self { entries: Vec::new(), useful: true }
    }

    /// The id of a value; [`NONE`] where it is not known.
    #[inline]
    pub(crate) fn id(&self, value: &[u8]) -> u32 {
        let (address, length, id) = self.entries.get(place(value)).copied().unwrap_or((0, 0, NONE));
        if address == value.as_ptr() as usize && length as usize == value.len() { id } else { NONE }
    }

    /// Keeps the id of a value.
    #[inline]
    pub(crate) fn add(&mut self, value: &[u8], id: u32) {
        // The bytes of all empty values may be anywhere.
        if !self.useful || value.is_empty() {
            return;
        }
        if self.entries.is_empty() {
            self.entries.resize(ENTRIES, (0, 0, NONE));
        }
        if let Ok(length) = u32::try_from(value.len()) {
            self.entries[place(value)] = (value.as_ptr() as usize, length, id);
        }
    }

    /// Looks how many of some values were not known. Where most were not, each has a place of its own.
    pub(crate) fn judge(&mut self, unknown: usize, of: usize) {
        if !self.entries.is_empty() && unknown * 4 > of * 3 {
            self.useful = false;
            self.entries.clear();
        }
    }
}

/// The place of a value.
#[inline]
fn place(value: &[u8]) -> usize {
    // The upper bits of the product depend on all of the address.
    let mixed = (value.as_ptr() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> (u64::BITS - ENTRIES.trailing_zeros())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_bytes_in_the_same_place_are_known() {
        let bytes = *b"pearpear";
        let mut recent = Recent::new();
        assert_eq!(recent.id(&bytes[..4]), NONE);
        recent.add(&bytes[..4], 7);
        assert_eq!(recent.id(&bytes[..4]), 7);
        assert_eq!(recent.id(&bytes[..3]), NONE);
        assert_eq!(recent.id(&bytes[4..]), NONE);
        recent.judge(3, 4);
        assert_eq!(recent.id(&bytes[..4]), 7);
        recent.judge(4, 4);
        recent.add(&bytes[..4], 7);
        assert_eq!(recent.id(&bytes[..4]), NONE);
    }
}
