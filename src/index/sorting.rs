//! Sorting many values, for as long as anybody waits for the order.

use std::cmp::Ordering;

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

use crate::interest::{Interest, Unwanted};

/// Values that are sorted, or merged, between two looks at whether anybody waits: a millisecond or two.
pub(crate) const RUN: usize = 1 << 14;

/// A key, by which most are told apart, and the number that it is of.
type Item = (u64, u32);

/// The numbers below `len` in the order of the bytes that `of` gives for them, and those of equal ones
/// ascending.
///
/// # Errors
/// Nobody waits for it.
pub(crate) fn sorted<'a>(
    len: usize,
    of: impl Fn(u32) -> &'a [u8] + Sync,
    interest: Interest<'_>,
) -> Result<Vec<u32>, Unwanted> {
    let common = common_prefix(len, &of, interest)?;
    let first_bytes = |id: u32| {
        let mut first = [0; 8];
        let rest = &of(id)[common..];
        let some = rest.len().min(8);
        first[..some].copy_from_slice(&rest[..some]);
        u64::from_be_bytes(first)
    };
    // Shorter values were filled up with zeros, which others may have.
    sorted_by((0..len as u32).collect(), RUN, first_bytes, |x, y| of(x).cmp(of(y)), interest)
}

/// Numbers in the order of their keys, those of one key in the order that `order` says, and equal ones ascending.
///
/// Runs are sorted on their own and then merged two by two: unlike a sort of the whole, both can
/// be left halfway.
///
/// # Arguments
/// `run`: how many are sorted between two looks at whether anybody waits; [`RUN`] where keys and order take little.
///
/// # Errors
/// Nobody waits for it.
pub(crate) fn sorted_by(
    numbers: Vec<u32>,
    run: usize,
    key: impl Fn(u32) -> u64 + Sync,
    order: impl Fn(u32, u32) -> Ordering + Sync,
    interest: Interest<'_>,
) -> Result<Vec<u32>, Unwanted> {
    let order = |x: &Item, y: &Item| x.0.cmp(&y.0).then_with(|| order(x.1, y.1)).then(x.1.cmp(&y.1));
    let mut items: Vec<Item> = numbers.into_iter().map(|number| (0, number)).collect();
    items.par_chunks_mut(run).try_for_each(|run| {
        interest.check()?;
        run.iter_mut().for_each(|(first, number)| *first = key(*number));
        run.sort_unstable_by(order);
        Ok(())
    })?;
    let len = items.len();
    let mut other = vec![Item::default(); if len > run { len } else { 0 }];
    let mut sorted = run;
    while sorted < len {
        items.par_chunks(2 * sorted).zip(other.par_chunks_mut(2 * sorted)).try_for_each(|(two, into)| {
            let (x, y) = two.split_at(sorted.min(two.len()));
            merge(x, y, into, run, order, interest)
        })?;
        std::mem::swap(&mut items, &mut other);
        sorted *= 2;
    }
    Ok(items.into_iter().map(|(_, number)| number).collect())
}

/// Bytes that [`sorted`] and [`sorted_by`] take for so many values, at most.
pub(crate) fn sorted_bytes(len: usize) -> usize {
    len * (2 * size_of::<Item>() + size_of::<u32>())
}

/// How many bytes all values begin with in common.
fn common_prefix<'a>(
    len: usize,
    of: &(impl Fn(u32) -> &'a [u8] + Sync),
    interest: Interest<'_>,
) -> Result<usize, Unwanted> {
    if len == 0 {
        return Ok(0);
    }
    let first = of(0);
    let mut common = first.len();
    for id in 1..len as u32 {
        if (id as usize).is_multiple_of(RUN) {
            interest.check()?;
        }
        let value = of(id);
        common = common.min(value.len());
        if value[..common] != first[..common] {
            common = value.iter().zip(first).take_while(|(x, y)| x == y).count();
        }
        if common == 0 {
            break;
        }
    }
    Ok(common)
}

/// Merges two sorted runs.
fn merge<'a>(
    mut x: &'a [Item],
    mut y: &'a [Item],
    into: &mut [Item],
    run: usize,
    order: impl Fn(&Item, &Item) -> Ordering,
    interest: Interest<'_>,
) -> Result<(), Unwanted> {
    for part in into.chunks_mut(run) {
        interest.check()?;
        for place in part {
            let from_x = match (x.first(), y.first()) {
                (Some(x), Some(y)) => order(x, y).is_lt(),
                (Some(_), None) => true,
                (None, _) => false,
            };
            let run = if from_x { &mut x } else { &mut y };
            if let Some((first, rest)) = run.split_first() {
                (*place, *run) = (*first, rest);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Values of few letters, zeros among them, behind a common beginning; every third is short.
    fn values(len: usize, common: &[u8]) -> Vec<Vec<u8>> {
        let value = |number: usize| {
            let mixed = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
            let letters =
                mixed.iter().map(|byte| byte % 3).take(if number.is_multiple_of(3) { 2 } else { 8 });
            let tail = number.is_multiple_of(5).then_some(number as u8);
            common.iter().copied().chain(letters).chain(tail).collect()
        };
        (0..len).map(value).collect()
    }

    #[test]
    fn the_order_is_that_of_the_bytes() {
        for len in [0, 1, 2, RUN - 1, RUN, RUN + 1, 3 * RUN + 5] {
            for common in [&b""[..], b"u", b"user-0000000000"] {
                let values = values(len, common);
                let found = sorted(len, |id| &values[id as usize], Interest::LASTING).unwrap();
                let mut expected: Vec<u32> = (0..len as u32).collect();
                expected.sort_by_key(|&id| &values[id as usize]);
                assert!(found == expected, "{len} values behind {common:?}");
            }
        }
    }

    #[test]
    fn whoever_goes_away_leaves_the_rest_unsorted() {
        let values = values(5 * RUN, b"");
        let looks = AtomicUsize::new(0);
        let sorted_if = |most: usize| {
            looks.store(0, Ordering::Relaxed);
            let waits = || looks.fetch_add(1, Ordering::Relaxed) < most;
            let threads = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
            threads.install(|| sorted(values.len(), |id| &values[id as usize], Interest::while_(&waits)))
        };
        assert!(sorted_if(usize::MAX).is_ok());
        let all = looks.load(Ordering::Relaxed);
        // Five runs sorted, and merged in three rounds.
        assert!(all >= 20, "{all} looks");
        for most in 0..all {
            assert_eq!(sorted_if(most), Err(Unwanted));
            assert_eq!(looks.load(Ordering::Relaxed), most + 1, "no look after the last");
        }
    }
}
