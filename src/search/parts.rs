//! Parts of a search, for processes that do not know of each other.
//!
//! The candidates of the highest r are decided in advance: each way to take or leave them makes a branch
//! of its own, and these are dealt out. So every set is in one branch, and nobody has to be told what
//! others found. What all can know is the first guess, which depends on nothing but the data: each makes
//! all of it, as the best sets of most branches are far below the best of all.

use crate::search::method::Part;
use crate::search::problem::Problem;
use crate::sweep::constraint::Constraint;
use crate::sweep::position::Position;

/// Branches for each part: some are done soon.
const BRANCHES: usize = 4;

/// The branches of a part, of the sets of a constraint and its problem.
pub(crate) fn of_part(constraint: &Constraint, problem: &Problem, part: Part) -> Vec<Constraint> {
    let decided = (BRANCHES * part.of).next_power_of_two().ilog2() as usize;
    // Where all questions of a set are given, one of these is the only candidate.
    let free = |candidate: &Position| !constraint.fixed.contains(candidate);
    let strongest = problem.strongest().into_iter().map(|place| problem.candidates[place]);
    let strongest: Vec<Position> = strongest.filter(free).take(decided).collect();
    let branch = |ways: usize| {
        let mut branch = constraint.clone();
        for (place, &candidate) in strongest.iter().enumerate() {
            let taken = ways >> place & 1 == 1;
            if taken { branch.fixed.push(candidate) } else { branch.excluded.push(candidate) }
        }
        branch.fixed.sort_unstable();
        branch.excluded.sort_unstable();
        branch
    };
    (0..1 << strongest.len()).filter(|ways| ways % part.of == part.index).map(branch).collect()
}
