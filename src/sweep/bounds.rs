//! Bounds on r and n: which subsets are wanted, and which a prefix can reach.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::sweep::interval::{FEWEST_OF_INTERVAL, interval, least_r};

/// A box: the subsets whose r and whose n lie between two bounds, and r's interval above one.
///
/// Boxes are closed under *and*. The *or* of two is the least box around both, which may
/// hold more than either; [`or`](Self::or) says whether it does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The least and the greatest defined r.
    pub r: [f64; 2],
    /// Whether an undefined r will do.
    pub undefined: bool,
    /// The least and the greatest n.
    pub n: [i64; 2],
    /// The least lower end of r's 95 % interval, where there is an interval: of four users at least.
    pub r_low: f64,
}

impl Default for Bounds {
    /// Every subset.
    fn default() -> Self {
        Self::ALL
    }
}

impl Bounds {
    /// Every subset.
    pub const ALL: Self = Self { undefined: true, ..Self::DEFINED };

    /// Every subset with a defined r.
    pub const DEFINED: Self =
        Self { r: [f64::NEG_INFINITY, f64::INFINITY], undefined: false, n: [i64::MIN, i64::MAX], r_low: ANY };

    /// Every subset without one.
    pub const UNDEFINED: Self = Self { r: NONE_DEFINED, undefined: true, n: Self::ALL.n, r_low: ANY };

    /// No subset.
    pub const NONE: Self = Self { r: NONE_DEFINED, undefined: false, n: [i64::MAX, i64::MIN], r_low: ANY };

    /// The bounds that subsets of a prefix keep which `users` users answered.
    #[inline(always)]
    pub(crate) const fn of_users(users: usize) -> Self {
        Self { n: [0, users as i64], ..Self::ALL }
    }

    /// Whether a subset of this r and n is in it.
    #[inline(always)]
    pub(crate) fn has(self, r: Option<f64>, n: i64) -> bool {
        let within = r.map_or(self.undefined, |r| self.r[0] <= r && r <= self.r[1]);
        within && self.n[0] <= n && n <= self.n[1] && self.has_interval(r, n)
    }

    /// Whether an r over n users has no interval, or one that begins high enough.
    #[inline(always)]
    pub(crate) fn has_interval(self, r: Option<f64>, n: i64) -> bool {
        let ends = || r.and_then(|r| interval(r, n));
        self.r_low == ANY || ends().is_none_or(|[low, _]| self.r_low <= low)
    }

    /// These bounds for subsets of at most so many users: their r has to be larger than that of more, for an
    /// interval that begins as high.
    #[must_use]
    #[inline(always)]
    pub(crate) fn over(self, users: i64) -> Self {
        if self.r_low == ANY || self.n[0] < FEWEST_OF_INTERVAL {
            return self;
        }
        Self { r: [self.r[0].max(least_r(self.r_low, users)), self.r[1]], ..self }
    }

    /// Whether a subset can be in both boxes.
    #[inline(always)]
    pub(crate) fn meets(self, other: Self) -> bool {
        let boxes = [self, other];
        let n = boxes.iter().all(|x| boxes.iter().all(|y| x.n[0] <= y.n[1]));
        // A bound that is not a number is none.
        let apart = boxes.iter().any(|x| boxes.iter().any(|y| x.r[0] > y.r[1]));
        n && (!apart || self.undefined && other.undefined)
    }

    /// Those in both boxes.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let both = Self {
            r: [self.r[0].max(other.r[0]), self.r[1].min(other.r[1])],
            undefined: self.undefined && other.undefined,
            n: [self.n[0].max(other.n[0]), self.n[1].min(other.n[1])],
            r_low: self.r_low.max(other.r_low),
        };
        if both.is_empty() { Self::NONE } else { both }
    }

    /// Those in either box, and as few others as a box allows; also whether there are no
    /// others.
    #[must_use]
    pub fn or(self, other: Self) -> (Self, bool) {
        // The least box around nothing and another is the other, as `NONE` is written.
        let (x, y) = (self.normal(), other.normal());
        let hull = Self {
            r: [x.r[0].min(y.r[0]), x.r[1].max(y.r[1])],
            undefined: x.undefined || y.undefined,
            n: [x.n[0].min(y.n[0]), x.n[1].max(y.n[1])],
            r_low: x.r_low.min(y.r_low),
        };
        // Nothing is between two boxes if one holds the other, or if they differ in one
        // direction only and meet there.
        let same_r = x.r == y.r && x.undefined == y.undefined;
        let r_meets = x.r[0] <= y.r[1] && y.r[0] <= x.r[1] || x.r == NONE_DEFINED || y.r == NONE_DEFINED;
        let n_meets = x.n[0] <= y.n[1].saturating_add(1) && y.n[0] <= x.n[1].saturating_add(1);
        let one_side = same_r && n_meets || x.n == y.n && r_meets;
        let exact = hull == x || hull == y || one_side && x.r_low == y.r_low;
        (hull, exact)
    }

    /// Whether no subset can be in it.
    pub fn is_empty(self) -> bool {
        self.n[0] > self.n[1] || self.r[0] > self.r[1] && !self.undefined
    }

    /// This box, with all empty ones written alike.
    fn normal(self) -> Self {
        match (self.is_empty(), self.r[0] > self.r[1]) {
            (true, _) => Self::NONE,
            (false, true) => Self { r: NONE_DEFINED, ..self },
            (false, false) => self,
        }
    }
}

/// Any interval begins as high.
const ANY: f64 = f64::NEG_INFINITY;

const NONE_DEFINED: [f64; 2] = [f64::INFINITY, f64::NEG_INFINITY];

/// A box that only ever gets smaller, shared by all who sweep one plan.
#[derive(Debug)]
pub(crate) struct SharedBounds {
    /// How often it got smaller: who has seen that many changes has the box.
    changes: AtomicU64,
    bounds: Mutex<Bounds>,
    /// How many users a subset can have.
    users: i64,
}

impl SharedBounds {
    /// Bounds on subsets of at most so many users.
    pub(crate) fn new(bounds: Bounds, users: usize) -> Self {
        let users = users as i64;
        Self { changes: AtomicU64::new(0), bounds: Mutex::new(bounds.over(users)), users }
    }

    /// How often it got smaller. Who looks too early keeps some more subsets for a while.
    #[inline(always)]
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    pub(crate) fn get(&self) -> Bounds {
        *self.bounds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves only what is in another box too.
    pub(crate) fn tighten(&self, other: Bounds) {
        let mut bounds = self.bounds.lock().unwrap_or_else(PoisonError::into_inner);
        let both = bounds.and(other).over(self.users);
        if both != *bounds {
            *bounds = both;
            self.changes.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bounds on a small grid, so that boxes touch, meet and miss one another.
    fn boxes() -> impl Strategy<Value = Bounds> {
        let r = || (-3i32..4).prop_map(|r| f64::from(r) / 2.0);
        ((r(), r()), any::<bool>(), (0i64..5, 0i64..5)).prop_map(|((low, high), undefined, (least, most))| {
            Bounds { r: [low, high], undefined, n: [least, most], ..Bounds::ALL }
        })
    }

    /// Subsets that lie on all corners, on all edges and between them.
    fn subsets() -> impl Iterator<Item = (Option<f64>, i64)> {
        let r = (-8..9).map(|r| Some(f64::from(r) / 4.0)).chain([None]);
        r.flat_map(|r| (-1..6).map(move |n| (r, n)))
    }

    /// The extremes of r and n of some subsets, and whether an r is undefined.
    fn reach(of: impl Fn((Option<f64>, i64)) -> bool) -> ([f64; 2], bool, [i64; 2]) {
        let none = (NONE_DEFINED, false, Bounds::NONE.n);
        subsets().filter(|&subset| of(subset)).fold(
            none,
            |([low, high], undefined, [least, most]), (r, n)| {
                let r_or = |other| r.unwrap_or(other);
                let reached = [r_or(low).min(low), r_or(high).max(high)];
                (reached, undefined || r.is_none(), [least.min(n), most.max(n)])
            },
        )
    }

    proptest! {
        #[test]
        fn and_holds_what_both_hold(x in boxes(), y in boxes()) {
            for (r, n) in subsets() {
                prop_assert_eq!(x.and(y).has(r, n), x.has(r, n) && y.has(r, n), "{:?} {}", r, n);
            }
            prop_assert_eq!(x.and(x).is_empty(), x.is_empty());
            prop_assert_eq!(x.meets(y), !x.and(y).is_empty());
        }

        #[test]
        fn or_loses_nothing_and_knows_what_it_adds(x in boxes(), y in boxes()) {
            let (hull, exact) = x.or(y);
            let either = |(r, n): (Option<f64>, i64)| x.has(r, n) || y.has(r, n);
            let in_hull = |(r, n): (Option<f64>, i64)| hull.has(r, n);
            prop_assert!(subsets().all(|subset| in_hull(subset) || !either(subset)));
            prop_assert_eq!(exact, subsets().all(|subset| in_hull(subset) == either(subset)));
            // It is the least box: as far as they reach, and no farther.
            prop_assert_eq!(reach(in_hull), reach(either));
        }
    }

    proptest! {
        #[test]
        fn over_at_most_so_many_users_nothing_is_lost(low in -1.0f64..1.0, r in -1.0f64..1.0, n in 0i64..60, more in 0i64..60) {
            let bounds = Bounds { r_low: low, ..Bounds::DEFINED };
            prop_assert_eq!(bounds.over(n + more), bounds);
            let bounds = Bounds { n: [4, i64::MAX], ..bounds };
            prop_assert_eq!(bounds.over(n + more).has(Some(r), n), bounds.has(Some(r), n));
            let end = |r| interval(r, n).map(|[low, _]| low);
            prop_assert_eq!(bounds.has(Some(r), n), n >= 4 && end(r).unwrap() >= low);
            // A floor that is reached is one.
            let other = Bounds { r_low: end(r).unwrap_or(-1.0), ..bounds };
            prop_assert_eq!(other.over(n).has(Some(r), n), n >= 4);
            prop_assert!(other.and(bounds).has(Some(r), n) == (other.has(Some(r), n) && bounds.has(Some(r), n)));
            let (hull, _) = other.or(bounds);
            prop_assert!(hull.has(Some(r), n) || !other.has(Some(r), n) && !bounds.has(Some(r), n));
        }
    }

    #[test]
    fn shared_bounds_never_widen_and_count_their_changes() {
        let shared = SharedBounds::new(Bounds::ALL, 9);
        let at_least = |r| Bounds { r: [r, f64::INFINITY], ..Bounds::DEFINED };
        for (to, changes, expected) in [(-0.5, 1, -0.5), (-0.7, 1, -0.5), (0.25, 2, 0.25), (0.0, 2, 0.25)] {
            shared.tighten(at_least(to));
            assert_eq!((shared.changes(), shared.get()), (changes, at_least(expected)));
        }
    }
}
