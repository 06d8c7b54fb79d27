//! Sets that are given one by one, instead of all there are: each is summed over its users.

use std::sync::Arc;

use crate::sweep::constraint::Constraint;
use crate::sweep::position::Position;
use crate::sweep::request::SweepRequest;
use crate::sweep::rows::buffer::{Row, RowBuffer};
use crate::sweep::rows::top::Top;
use crate::sweep::single::Singles;
use crate::sweep::subsets::Shared;
use crate::sweep::task::{Budget, Progress, Sweep};

/// The given sets of a plan.
#[derive(Debug)]
pub(crate) struct GivenSets {
    shared: Arc<Shared>,
    /// Each by ascending positions.
    sets: Vec<Vec<Position>>,
    singles: Singles,
}

impl GivenSets {
    /// Those of some sets, given by ids, that a request's other wishes leave.
    pub(crate) fn new(
        shared: &Arc<Shared>,
        sets: &[Vec<u32>],
        singles: Singles,
        request: &SweepRequest,
    ) -> Self {
        let positions = shared.answers.positions();
        let constraints = Constraint::all_of(&shared.answers, request);
        let set = |ids: &Vec<u32>| {
            let mut set: Vec<Position> = ids.iter().map(|&id| Position(positions[id as usize])).collect();
            set.sort_unstable();
            set
        };
        let mut sets: Vec<Vec<Position>> = sets.iter().map(set).collect();
        sets.retain(|set| constraints.iter().any(|constraint| constraint.allows(set)));
        Self { shared: Arc::clone(shared), sets, singles }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.sets.len()
    }

    /// Bytes of so many sets of k questions.
    pub(crate) fn bytes(sets: usize, k: usize) -> usize {
        sets * (size_of::<Vec<Position>>() + k * size_of::<Position>())
    }

    /// The `index`-th of `of` shares.
    pub(crate) fn share(self: &Arc<Self>, index: usize, of: usize) -> Box<dyn Sweep> {
        let best = self.shared.top.map(Top::new);
        Box::new(GivenShare { sets: Arc::clone(self), next: index, of, best, done: 0 })
    }
}

/// Every so many of the given sets.
struct GivenShare {
    sets: Arc<GivenSets>,
    next: usize,
    of: usize,
    /// The best rows, if only these are wanted.
    best: Option<Top>,
    done: u64,
}

impl Sweep for GivenShare {
    fn advance(&mut self, buffer: &mut RowBuffer, budget: &mut Budget<'_>) -> bool {
        let GivenSets { shared, sets, singles } = &*self.sets;
        while buffer.rows < budget.rows {
            let Some(set) = sets.get(self.next) else { return true };
            self.next += self.of;
            self.done += 1;
            let row = singles.row(set, shared.corrected);
            let cost = row.n as usize;
            if shared.bounds.get().has(row.r, row.n) {
                match &mut self.best {
                    Some(best) => {
                        best.push(row);
                        shared.bounds.tighten(best.bounds());
                    }
                    None => buffer.push_row(&row),
                }
            }
            // Its users are found by a look at the bits of all.
            if budget.charge(cost + shared.answers.users() / u8::BITS as usize) {
                break;
            }
        }
        self.next >= sets.len()
    }

    fn progress(&self) -> Progress {
        Progress { done: self.done, pruned: 0 }
    }

    fn take_top(&mut self) -> Vec<Row> {
        self.best.take().into_iter().flat_map(Top::into_rows).collect()
    }
}
