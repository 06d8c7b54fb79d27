//! Hashes → ids, in a table that can be looked at ahead of time.
//!
//! A slot holds an id and 32 bits of the hash, so a look-up that finds another value there
//! seldom has to fetch that value to see that it is another. A slot's place follows from the same bits: the
//! table grows without hashing anything again, and front to back.

/// The ids of values by their hashes.
#[derive(Debug)]
pub(crate) struct IdTable {
    /// A power of two of them; a value is in the first one free from its home on.
    slots: Vec<u64>,
    /// How many slots are taken.
    len: usize,
}

/// Instead of an id, where there is none.
pub(crate) const NONE: u32 = u32::MAX;

/// A slot that nobody has taken. It looks like the largest id, which is never given.
const EMPTY: u64 = u64::MAX;

/// Slots of the smallest table.
const FEWEST_SLOTS: usize = 16;

/// The part of a hash that a table keeps.
#[inline]
pub(crate) fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

impl IdTable {
    /// A table without ids.
    pub(crate) fn new() -> Self {
        Self { slots: vec![EMPTY; FEWEST_SLOTS], len: 0 }
    }

    /// The slot where the search for a tag begins.
    #[inline]
    fn home(&self, tag: u32) -> usize {
        let bits = self.slots.len().trailing_zeros();
        ((u64::from(tag) << 32) >> (u64::BITS - bits)) as usize
    }

    /// Loads the slot where the search for a tag begins. A loop of nothing but these waits for many slots
    /// at once, and the searches that follow find theirs in the cache.
    #[inline]
    pub(crate) fn touch(&self, tag: u32) -> u64 {
        self.slots[self.home(tag)]
    }

    /// The first id that has a tag and of which `is_it` says that it is the one.
    #[inline]
    pub(crate) fn find(&self, tag: u32, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let mut place = self.home(tag);
        loop {
            let slot = self.slots[place & mask];
            if slot == EMPTY {
                return None;
            }
            if (slot >> 32) as u32 == tag && is_it(slot as u32) {
                return Some(slot as u32);
            }
            place += 1;
        }
    }

    /// Adds the id of a value that is not in the table.
    pub(crate) fn insert(&mut self, tag: u32, id: u32) {
        // At five eighths a value is found in the first or second slot, mostly.
        if (self.len + 1) * 8 > self.slots.len() * 5 {
            self.grow();
        }
        self.len += 1;
        self.put(u64::from(tag) << 32 | u64::from(id));
    }

    fn put(&mut self, slot: u64) {
        let mask = self.slots.len() - 1;
        let mut place = self.home((slot >> 32) as u32);
        while self.slots[place & mask] != EMPTY {
            place += 1;
        }
        self.slots[place & mask] = slot;
    }

    fn grow(&mut self) {
        let twice = vec![EMPTY; self.slots.len() * 2];
        let slots = std::mem::replace(&mut self.slots, twice);
        slots.into_iter().filter(|&slot| slot != EMPTY).for_each(|slot| self.put(slot));
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_is_found_by_its_tag_and_no_other() {
        // Few tags for many ids, at both ends, so that searches are long and go round the end.
        let tag_of = |id: u32| if id.is_multiple_of(3) { u32::MAX - id / 60 } else { id / 40 };
        let mut table = IdTable::new();
        for id in 0..3000 {
            assert_eq!(table.find(tag_of(id), |other| other == id), None);
            table.insert(tag_of(id), id);
        }
        for id in 0..3000 {
            assert_eq!(table.find(tag_of(id), |other| other == id), Some(id));
            table.find(tag_of(id), |other| {
                assert_eq!(tag_of(other), tag_of(id));
                false
            });
        }
        assert_eq!(table.find(1 << 20, |_| true), None);
        assert_eq!(table.bytes(), 8192 * 8);
    }
}
