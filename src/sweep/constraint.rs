//! What a request asks of questions: which of them sets must and must not have.

use crate::index::Answers;
use crate::sweep::count::SetCount;
use crate::sweep::position::Position;
use crate::sweep::quota::BranchQuota;
use crate::sweep::request::SweepRequest;

/// Which questions the subsets of a branch must and must not have, by position.
#[derive(Debug, Clone, Default)]
pub(crate) struct Constraint {
    /// Ascending, each once.
    pub(crate) fixed: Vec<Position>,
    /// Likewise.
    pub(crate) excluded: Vec<Position>,
    /// How many of some questions there are beside the fixed ones, once [`choices`](Self::choices)
    /// were told; until then, with these.
    pub(crate) quotas: Vec<BranchQuota>,
}

impl Constraint {
    /// The branches of a request; together they have every set once.
    pub(crate) fn all_of(answers: &Answers, request: &SweepRequest) -> Vec<Self> {
        let position_of = answers.positions();
        let positions = |ids: &[u32]| sorted(ids.iter().map(|&id| Position(position_of[id as usize])));
        let quotas = request
            .quotas
            .iter()
            .map(|quota| BranchQuota::new(positions(&quota.questions), quota, answers.questions()));
        let constraint = Constraint {
            fixed: positions(&request.include),
            excluded: positions(&request.exclude),
            quotas: quotas.collect(),
        };
        let any = positions(&request.any);
        if any.is_empty() || any.iter().any(|position| constraint.fixed.contains(position)) {
            return vec![constraint];
        }
        let with = |&position: &Position| {
            let without = any.iter().copied().filter(|&other| other < position);
            Constraint {
                fixed: sorted(constraint.fixed.iter().copied().chain([position])),
                excluded: sorted(constraint.excluded.iter().copied().chain(without)),
                quotas: constraint.quotas.clone(),
            }
        };
        any.iter().map(with).collect()
    }

    /// Whether a set, given by ascending positions, has what it must have and nothing that it must not.
    pub(crate) fn allows(&self, set: &[Position]) -> bool {
        let has = |position: &Position| set.binary_search(position).is_ok();
        self.fixed.iter().all(has)
            && !self.excluded.iter().any(has)
            && self.quotas.iter().all(|quota| quota.may_be_met(set.iter().copied(), 0))
    }

    /// How many subsets of k questions there are, and how many questions they are chosen from.
    pub(crate) fn subsets(&self, k: usize, questions: usize) -> (SetCount, usize) {
        let (candidates, choose) = self.clone().choices(k, questions);
        (SetCount::of(candidates.len() as u64, choose as u64), candidates.len())
    }

    /// The questions that a branch chooses from, and how many of them it takes: one or more. There
    /// are as many candidates or, where there is no such subset, none.
    pub(crate) fn choices(&mut self, k: usize, questions: usize) -> (Vec<Position>, usize) {
        let Self { fixed, excluded, quotas } = self;
        let has = |positions: &[Position], position: &Position| positions.binary_search(position).is_ok();
        // No subset has a question and has it not.
        let contradiction = fixed.iter().any(|position| has(excluded, position));
        let Some(choose) = k.checked_sub(fixed.len()).filter(|_| !contradiction) else {
            return (Vec::new(), 1);
        };
        // All are fixed: leave one of them to choose, from itself alone.
        let last = if choose == 0 { fixed.pop() } else { None };
        let beside: Option<Vec<BranchQuota>> = quotas.drain(..).map(|quota| quota.beside(fixed)).collect();
        let Some(beside) = beside else { return (Vec::new(), 1) };
        *quotas = beside;
        if choose == 0 {
            return (last.into_iter().collect(), 1);
        }
        let free = |position: &Position| !has(fixed, position) && !has(excluded, position);
        let candidates: Vec<Position> = (0..questions).map(Position).filter(free).collect();
        // However large k is, there is nothing to choose from.
        if choose > candidates.len() { (Vec::new(), 1) } else { (candidates, choose) }
    }
}

fn sorted(positions: impl Iterator<Item = Position>) -> Vec<Position> {
    let mut positions: Vec<Position> = positions.collect();
    positions.sort_unstable();
    positions.dedup();
    positions
}
