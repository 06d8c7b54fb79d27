//! A share of the search: takes what is next to be done, and looks at what was found.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::search::descent::Descent;
use crate::search::exact::{ExactSearch, Kind, OwnedTree, Question, RUNS, Work};
use crate::search::expansion::Expansion;
use crate::sweep::rows::buffer::{Row, RowBuffer};
use crate::sweep::rows::top::Top;
use crate::sweep::{Budget, Progress, Sweep};

/// Nodes that are walked between two looks at the clock.
const NODES: usize = 256;

/// Part of the gap between bar and root that the bar may rise before the band begins anew.
const RISE: f64 = 0.25;

/// One share of the search.
pub(crate) struct Hand {
    search: Arc<ExactSearch>,
    /// Sets that were found and not yet looked at.
    found: VecDeque<(Question, Vec<usize>)>,
    /// The first of them, and others like it.
    expansion: Option<(Question, Expansion)>,
    /// The best rows, if only these are wanted.
    best: Option<Top>,
    /// The beginning that they belong to.
    beginning: usize,
    progress: Progress,
}

/// What to do next.
enum Next {
    Guess(usize),
    Prepare,
    Walk(Arc<OwnedTree>, Descent),
    Wait,
    Done,
}

/// What looking at a set costs, in units of the budget.
const COST_OF_SET: usize = 100;

/// And a node of the tree.
const COST_OF_NODE: usize = 5;

impl Hand {
    /// One of those who do the work. All that are needed for the result have to be advanced to
    /// their end.
    pub(crate) fn new(search: Arc<ExactSearch>) -> Self {
        Self {
            best: search.top.map(Top::new),
            search,
            found: VecDeque::new(),
            expansion: None,
            beginning: 0,
            progress: Progress::default(),
        }
    }

    /// Takes what there is to do.
    fn take(&mut self) -> Next {
        let mut stage = self.search.stage();
        if stage.beginning != self.beginning {
            // What was found since the band began will be found again.
            self.beginning = stage.beginning;
            self.found.clear();
            self.expansion = None;
            self.best = self.search.top.map(Top::new);
        }
        let idle = stage.active == 0;
        let runs = RUNS * self.search.whole.len();
        let next = match &mut stage.work {
            Work::Guess { next } if *next < runs => {
                *next += 1;
                Next::Guess(*next - 1)
            }
            Work::Walk { tree, parts } => match parts.pop() {
                Some(part) => Next::Walk(Arc::clone(tree), part),
                None if idle => Next::Prepare,
                None => {
                    self.search.idle.store(true, Relaxed);
                    Next::Wait
                }
            },
            Work::Guess { .. } | Work::Next if idle => Next::Prepare,
            Work::Guess { .. } | Work::Next | Work::Prepare => Next::Wait,
            Work::Done => Next::Done,
        };
        match next {
            Next::Prepare => {
                stage.work = Work::Prepare;
                stage.active += 1;
            }
            Next::Guess(_) | Next::Walk(..) => stage.active += 1,
            Next::Wait => {
                // The others end their turn soon, and this thread may be wanted by one of them.
                let moment = Duration::from_millis(1);
                drop(self.search.changed.wait_timeout(stage, moment));
            }
            Next::Done => {}
        }
        next
    }

    /// Lets another hand have a part of the tree.
    fn put_back(&self, part: Descent) {
        self.search.stage().put_back(part, self.beginning);
        self.search.changed.notify_all();
    }

    fn walk(
        &mut self,
        tree: &Arc<OwnedTree>,
        mut part: Descent,
        buffer: &mut RowBuffer,
        budget: &mut Budget<'_>,
    ) {
        let mut found = Vec::new();
        let finished = loop {
            let finished = part.walk(tree.as_tree(), NODES, &mut found, self.search.instructions);
            if finished || found.len() >= NODES || budget.charge(NODES * COST_OF_NODE) {
                break finished;
            }
            if self.search.idle.swap(false, Relaxed)
                && let Some(other) = part.split_off(tree.as_tree())
            {
                self.put_back(other);
            }
        };
        self.found.extend(found.into_iter().map(|set| (tree.question, set)));
        self.raise_the_bar(buffer, budget);
        let mut stage = self.search.stage();
        stage.active -= 1;
        let present = stage.beginning == self.beginning;
        if !finished {
            stage.put_back(part, self.beginning);
        }
        let bar = self.search.bounds.get().r[0];
        if let (Kind::Between([low, _]), Some(_)) = (tree.question.kind, self.search.top)
            && bar > low + RISE * tree.rise
            && present
            && stage.bars.begin_anew()
        {
            stage.beginning += 1;
            stage.questions.clear();
            stage.work = Work::Walk { tree: Arc::clone(tree), parts: Vec::new() };
        }
        drop(stage);
        self.search.changed.notify_all();
    }

    /// Where only the best are wanted, what was found raises the bar before another tree is made.
    fn raise_the_bar(&mut self, buffer: &mut RowBuffer, budget: &mut Budget<'_>) {
        if self.best.is_some() {
            self.look(buffer, budget);
        }
    }

    /// Looks at sets that were found until there are rows enough; returns whether it has looked at
    /// all.
    fn look(&mut self, buffer: &mut RowBuffer, budget: &mut Budget<'_>) -> bool {
        while buffer.rows < budget.rows {
            let Some((question, expansion)) = &mut self.expansion else {
                let Some((question, set)) = self.found.pop_front() else { return true };
                let problem = Arc::clone(&self.search.branches[question.branch].problem);
                if problem.misses_by(&set) > 0 {
                    continue;
                }
                self.expansion = Some((question, Expansion::new(&problem, &set)));
                continue;
            };
            let Some(set) = expansion.next() else {
                self.expansion = None;
                continue;
            };
            let question = *question;
            self.look_at(question, &set, buffer);
            if budget.charge(COST_OF_SET) {
                return false;
            }
        }
        false
    }

    fn look_at(&mut self, question: Question, set: &[usize], buffer: &mut RowBuffer) {
        let search = &self.search;
        let positions = search.positions(question.branch, set);
        let row = search.ground.singles.row(&positions, search.corrected);
        self.progress.done += 1;
        search.looked_at.fetch_add(1, Relaxed);
        search.found(&row);
        if !search.accepts(question, set, &row, &positions) || !search.bounds.get().has(row.r, row.n) {
            return;
        }
        match &mut self.best {
            Some(best) => {
                best.push(row);
                search.bounds.tighten(best.bounds());
            }
            None => buffer.push_row(&row),
        }
    }
}

impl Sweep for Hand {
    fn advance(&mut self, buffer: &mut RowBuffer, budget: &mut Budget<'_>) -> bool {
        loop {
            if !self.look(buffer, budget) {
                return false;
            }
            match self.take() {
                Next::Done => return true,
                Next::Wait => return false,
                Next::Guess(run) => {
                    let guesses = self.search.guess(run, budget);
                    let mut stage = self.search.stage();
                    stage.active -= 1;
                    stage.bars.guessed(guesses);
                    drop(stage);
                    self.search.changed.notify_all();
                }
                Next::Prepare => {
                    let work = self.search.prepare(budget, &mut self.found);
                    self.raise_the_bar(buffer, budget);
                    if matches!(work, Work::Done) {
                        // Sets that nobody had to look at are done with.
                        let looked_at = self.search.looked_at.load(Relaxed);
                        let subsets = self.search.subsets.exactly().unwrap_or(0);
                        self.progress.pruned = subsets.saturating_sub(looked_at);
                        self.progress.done = self.progress.done.saturating_add(self.progress.pruned);
                    }
                    let mut stage = self.search.stage();
                    stage.active -= 1;
                    stage.work = work;
                    drop(stage);
                    self.search.changed.notify_all();
                }
                Next::Walk(tree, part) => self.walk(&tree, part, buffer, budget),
            }
            if budget.is_over() {
                return false;
            }
        }
    }

    fn progress(&self) -> Progress {
        self.progress
    }

    fn take_top(&mut self) -> Vec<Row> {
        self.best.take().into_iter().flat_map(Top::into_rows).collect()
    }
}
