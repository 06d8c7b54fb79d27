//! All sets that differ from one in candidates of the same scores.

use crate::search::problem::Problem;

/// The sets, each ascending; the given one first, if it has the first candidates of each kind.
#[derive(Debug)]
pub(crate) struct Expansion {
    /// Candidates that have no others like them, or come with all of these.
    alone: Vec<usize>,
    /// Candidates that are alike, and which of them are in the set, by their places.
    groups: Vec<(Vec<usize>, Vec<usize>)>,
    finished: bool,
}

impl Expansion {
    /// The sets that are like a set.
    pub(crate) fn new(problem: &Problem, set: &[usize]) -> Self {
        let mut expansion = Self { alone: Vec::new(), groups: Vec::new(), finished: false };
        let mut seen = Vec::new();
        for &candidate in set {
            let first = problem.first_of(candidate);
            if seen.contains(&first) {
                continue;
            }
            seen.push(first);
            let alike: Vec<usize> = if problem.has_twins() {
                (first..problem.size()).filter(|&other| problem.first_of(other) == first).collect()
            } else {
                vec![candidate]
            };
            let taken = set.iter().filter(|candidate| alike.contains(candidate)).count();
            if taken == alike.len() {
                expansion.alone.extend(alike);
            } else {
                expansion.groups.push((alike, (0..taken).collect()));
            }
        }
        expansion
    }
}

impl Iterator for Expansion {
    type Item = Vec<usize>;

    fn next(&mut self) -> Option<Vec<usize>> {
        if self.finished {
            return None;
        }
        let chosen = self.groups.iter().flat_map(|(alike, places)| places.iter().map(|&place| alike[place]));
        let mut set: Vec<usize> = self.alone.iter().copied().chain(chosen).collect();
        set.sort_unstable();
        // The last group that can go on does, and those behind it begin again.
        let mut groups = self.groups.iter_mut().rev();
        self.finished = !groups.any(|(alike, places)| go_on(places, alike.len()));
        Some(set)
    }
}

/// The next choice of places in lexicographic order; after the last the first, and false.
fn go_on(places: &mut [usize], of: usize) -> bool {
    let count = places.len();
    for at in (0..count).rev() {
        if places[at] < of - (count - at) {
            places[at] += 1;
            for behind in at + 1..count {
                places[behind] = places[behind - 1] + 1;
            }
            return true;
        }
    }
    places.iter_mut().enumerate().for_each(|(at, place)| *place = at);
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_all_there_once() {
        let mut places = vec![0, 1, 2];
        let mut all = vec![places.clone()];
        while go_on(&mut places, 6) {
            all.push(places.clone());
        }
        assert_eq!(all.len(), 20);
        assert!(all.is_sorted_by(|x, y| x < y));
        assert_eq!(places, [0, 1, 2]);
    }
}
