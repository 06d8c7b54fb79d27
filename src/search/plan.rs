//! How requests are answered, which differ in the size of their sets.

use std::sync::Arc;

use crate::error::{KCorrsetError, Result};
use crate::index::Answers;
use crate::interest::{Ended, Interest, awaited, wanted};
use crate::search::choice::Choice;
use crate::search::ground::Ground;
use crate::search::method::{Method, Outlook, Part};
use crate::search::moments::Moments;
use crate::sweep::kernel::select::Kernels;
use crate::sweep::rows::buffer::Columns;
use crate::sweep::sequence::Sequence;
use crate::sweep::{Bounds, Row, SetCount, Sweep, SweepRequest, best_rows};

/// Sweeps and searches, ready to start; shared by all who take a part in them.
#[derive(Debug)]
pub struct Plan {
    /// Of one size after the other; one at least.
    choices: Vec<Choice>,
    top: Option<usize>,
    part: Part,
}

impl Plan {
    /// Plans what requests ask for, one after the other. There is one at least, and they differ in k
    /// alone.
    ///
    /// # Errors
    /// Those of [`SweepPlan::try_new`](crate::sweep::SweepPlan::try_new), where sets have to be swept.
    pub fn try_new(
        answers: Arc<Answers>,
        requests: &[SweepRequest],
        method: Method,
        outlook: Outlook,
        part: Part,
    ) -> Result<Self> {
        awaited(|interest| Self::made(answers, requests, method, outlook, part, interest))
    }

    /// Plans it for as long as somebody waits for it, which any thread may ask every few milliseconds;
    /// `None` if nobody does any more.
    ///
    /// # Errors
    /// Those of [`try_new`](Self::try_new).
    pub(crate) fn try_new_while(
        answers: Arc<Answers>,
        requests: &[SweepRequest],
        method: Method,
        outlook: Outlook,
        part: Part,
        waits: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<Self>> {
        wanted(Self::made(answers, requests, method, outlook, part, Interest::while_(waits)))
    }

    fn made(
        answers: Arc<Answers>,
        requests: &[SweepRequest],
        method: Method,
        outlook: Outlook,
        part: Part,
        interest: Interest<'_>,
    ) -> Result<Self, Ended<KCorrsetError>> {
        let first = requests.first().cloned().unwrap_or_default();
        let k = largest_of_tables(&answers, requests);
        let ground = Arc::new(Ground::new(answers, k, first.instructions(), interest)?);
        let mut choices: Vec<Choice> = Vec::new();
        for request in requests {
            let neighbour = match choices.last() {
                Some(Choice::Search(plan)) => Some(Arc::clone(&plan.search)),
                _ => None,
            };
            choices.push(Choice::try_new(&ground, request, method, outlook, neighbour, part, interest)?);
        }
        Ok(Self { choices, top: first.top, part })
    }

    /// How many subsets there are.
    pub fn subsets(&self) -> SetCount {
        self.choices.iter().map(Choice::subsets).sum()
    }

    /// Tightens the bounds on r and n, for all who work on this plan. Rows that came before stay.
    pub fn tighten(&self, bounds: Bounds) {
        self.choices.iter().for_each(|choice| choice.tighten(bounds));
    }

    /// The names of the code that will do the work.
    pub fn kernel(&self) -> String {
        let mut names: Vec<&str> = self.choices.iter().map(Choice::kernel).collect();
        names.sort_unstable();
        names.dedup();
        names.join("; ")
    }

    /// How many shares can be worked on at the same time: at most this many.
    pub fn shares(&self, most: usize) -> usize {
        self.choices.iter().map(|choice| choice.shares(most)).max().unwrap_or(1)
    }

    /// The `index`-th of `of` shares of all processes; together they list every subset that is wanted
    /// once.
    pub fn share(self: &Arc<Self>, index: usize, of: usize, columns: Columns) -> Box<dyn Sweep> {
        if let [choice @ (Choice::Sweep(_) | Choice::Search(_))] = &self.choices[..] {
            return choice.share(index, of, columns);
        }
        let plan = Arc::clone(self);
        let mut places = 0..self.choices.len();
        Box::new(Sequence::new(move || {
            let mut choices = places.by_ref().map(|place| &plan.choices[place]);
            // Some sets cannot be shared out among so many.
            let mine = |choice: &&Choice| {
                let here = plan.part.index == 0 || !matches!(choice, Choice::Heuristic(_));
                here && index < choice.shares(of)
            };
            let choice = choices.find(mine)?;
            Some(choice.share(index, choice.shares(of), columns))
        }))
    }

    /// Whether all sets are swept.
    pub fn is_swept(&self) -> bool {
        self.choices.iter().all(|choice| matches!(choice, Choice::Sweep(_)))
    }

    /// How many questions a subset has, at most.
    pub fn set_size(&self) -> usize {
        self.choices.iter().map(Choice::set_size).max().unwrap_or(0)
    }

    /// What the progress of all shares comes to: subsets or, of a heuristic, exchanges.
    pub fn expected(&self) -> SetCount {
        let of_choice = |choice: &Choice| match choice {
            Choice::Heuristic(search) => SetCount::Exactly(search.looks()),
            other => other.subsets(),
        };
        self.choices.iter().map(of_choice).sum()
    }

    /// How many seconds all shares together sweep, about: 0 where nothing is swept.
    pub fn sweep_seconds(&self) -> f64 {
        self.choices.iter().map(Choice::sweep_seconds).sum()
    }

    /// The highest r that a search for the best sets has found, and one that no set is above; of the
    /// size that is worked on.
    pub fn best(&self) -> Option<[f64; 2]> {
        self.choices.iter().rev().find_map(|choice| match choice {
            Choice::Search(plan) => plan.search.best(),
            _ => None,
        })
    }

    /// The largest r that a set of this size can have, as far as that is proven once all shares are at
    /// their end; `None` where rows are not those of a heuristic.
    pub fn bound(&self, k: usize) -> Option<f64> {
        self.choices.iter().find_map(|choice| match choice {
            Choice::Heuristic(search) if search.set_size() == k => Some(search.bound()),
            _ => None,
        })
    }

    /// How many of the best subsets of each size are wanted, if not all.
    pub fn top(&self) -> Option<usize> {
        self.top
    }

    /// The best rows of each size among those of all shares, the smallest sets first.
    pub fn best_rows(&self, mut shares: Vec<Row>) -> Vec<Row> {
        let Some(size) = self.top else { return shares };
        let questions = |row: &Row| row.questions.len();
        shares.sort_unstable_by_key(questions);
        // Rows may be many, and are not copied.
        let mut of_sizes = Vec::new();
        while let Some(most) = shares.last().map(questions) {
            let others = shares.partition_point(|row| questions(row) < most);
            let largest = if others == 0 { std::mem::take(&mut shares) } else { shares.split_off(others) };
            of_sizes.push(largest);
        }
        of_sizes.into_iter().rev().flat_map(|rows| best_rows(size, rows)).collect()
    }

    /// Bytes of the best subsets that one of `shares` shares keeps, and of its part while those
    /// of all shares are merged.
    pub fn top_memory(&self, shares: usize) -> usize {
        let of_sizes = self.choices.iter().map(|choice| choice.top_memory(shares));
        of_sizes.fold(0, usize::saturating_add)
    }

    /// Bytes of what a plan over these answers keeps.
    pub fn memory_of(
        answers: &Answers,
        requests: &[SweepRequest],
        method: Method,
        outlook: Outlook,
    ) -> usize {
        let of_sizes = || requests.iter().map(|request| Choice::memory_of(answers, request, method, outlook));
        let kept: usize = of_sizes().map(|[kept, _]| kept).sum();
        // One share may have come to the next size while another is in the last one.
        let at_work = of_sizes().map(|[_, at_work]| at_work).max().unwrap_or(0);
        let moments = if at_work > 0 { Moments::bytes(answers.questions()) } else { 0 };
        let seeks = requests.iter().any(SweepRequest::seeks);
        let tables = largest_of_tables(answers, requests).map_or(0, |k| Kernels::memory(answers, k, seeks));
        kept + moments + at_work * requests.len().min(2) + tables
    }

    /// Bytes that each share needs at most, beside the plan.
    pub fn share_memory(&self) -> usize {
        self.choices.iter().map(Choice::share_memory).max().unwrap_or(0)
    }
}

/// The most questions of the sets for which tables over all users are made; `None` where all sets are given, and take
/// less by themselves.
fn largest_of_tables(answers: &Answers, requests: &[SweepRequest]) -> Option<usize> {
    let given: Option<Vec<&Vec<Vec<u32>>>> = requests.iter().map(|request| request.given.as_ref()).collect();
    let few = |given: Vec<&Vec<Vec<u32>>>| {
        let looks: usize = given.into_iter().flatten().map(Vec::len).sum();
        // Covariances take as many products for each user as there are pairs of questions. Those of floats have
        // other roundings than sums, and a set has the r that a sweep gives it.
        !answers.are_floats() && looks < answers.questions().saturating_mul(answers.questions())
    };
    let by_users = given.is_some_and(|given| !answers.are_complete() || few(given));
    (!by_users).then(|| requests.iter().map(|request| request.k).max().unwrap_or(1).max(1))
}
