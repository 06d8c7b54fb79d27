//! The users of a prefix, by their slots in a cohort: what unchecked loads rely on.

use std::ops::Range;

use crate::index::bitset::WORD;
use crate::sweep::simd::InstructionSet;

/// Some users of a cohort, by their slots, in groups of equal subtotal.
///
/// Every slot is below the list's bound: [`extend`](Self::extend) alone adds slots, and
/// asserts it. Whoever has asserted that the bound is no more than the length of a slice
/// may read the slice at any of them without a further check.
#[derive(Debug, Clone, Default)]
pub(crate) struct UserList {
    /// The slots; what lies behind the users' is anything.
    slots: Vec<u32>,
    users: usize,
    /// Every user's slot is below.
    bound: usize,
    /// For each subtotal, on the prefix and one question more, where its users end.
    ends: Vec<usize>,
}

impl UserList {
    /// How many users there are.
    #[inline]
    pub(crate) fn users(&self) -> usize {
        self.users
    }

    /// Every slot is below.
    #[inline(always)]
    pub(crate) fn bound(&self) -> usize {
        self.bound
    }

    /// The users' slots, by ascending subtotal.
    #[inline]
    pub(crate) fn slots(&self) -> &[u32] {
        &self.slots[..self.users]
    }

    /// The places of the users of each subtotal, by ascending subtotal from 0.
    #[inline]
    pub(crate) fn groups(&self) -> impl Iterator<Item = Range<usize>> {
        let mut start = 0;
        self.ends.iter().map(move |&end| std::mem::replace(&mut start, end)..end)
    }

    /// Forgets all users. Those to come have slots below the bound.
    #[inline(always)]
    pub(crate) fn clear(&mut self, bound: usize) {
        // Slots are written 64 at a time, whatever their number.
        self.slots.resize(bound + WORD, 0);
        self.bound = bound;
        self.ends.clear();
        self.users = 0;
    }

    /// Adds users of some blocks of 64 slots: those whose bits are set.
    #[inline(always)]
    pub(crate) fn extend<I: InstructionSet>(
        &mut self,
        instructions: I,
        blocks: Range<usize>,
        users: impl Fn(usize) -> u64,
    ) {
        assert!(
            blocks.end * WORD <= self.bound,
            "slots up to {} are not below {}",
            blocks.end * WORD,
            self.bound
        );
        // Copies, as slots might lie where the compiler has to think these fields do.
        let (slots, mut end) = (&mut *self.slots, self.users);
        for block in blocks {
            let users = users(block);
            let to = slots[end..].first_chunk_mut().expect("room for 64 more");
            instructions.positions(users, (block * WORD) as u32, to);
            end += users.count_ones() as usize;
        }
        self.users = end;
    }

    /// Ends the group of one subtotal.
    #[inline(always)]
    pub(crate) fn end_group(&mut self) {
        self.ends.push(self.users);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::simd::{Instructions, Task};

    struct Extend<'a>(&'a mut UserList, Range<usize>, u64);

    impl Task for Extend<'_> {
        type Output = ();

        #[inline(always)]
        fn run<I: InstructionSet>(self, instructions: I) {
            self.0.extend(instructions, self.1, |_| self.2);
            self.0.end_group();
        }
    }

    #[test]
    fn groups_are_what_was_added_between_their_ends() {
        for instructions in Instructions::available() {
            let mut list = UserList::default();
            list.clear(3 * WORD);
            instructions.run(Extend(&mut list, 0..2, 0b101));
            instructions.run(Extend(&mut list, 2..2, u64::MAX));
            instructions.run(Extend(&mut list, 2..3, 1 << 63));
            let groups: Vec<&[u32]> = list.groups().map(|group| &list.slots()[group]).collect();
            assert_eq!(groups, [[0, 2, 64, 66].as_slice(), &[], &[191]]);
            assert!(list.slots().iter().all(|&slot| (slot as usize) < list.bound()));
        }
    }

    #[test]
    #[should_panic(expected = "slots up to 128 are not below 64")]
    fn no_slot_reaches_the_bound() {
        let mut list = UserList::default();
        list.clear(WORD);
        Instructions::best().run(Extend(&mut list, 0..2, 1));
    }
}
