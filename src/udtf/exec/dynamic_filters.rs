//! Filters that say more and more while the query runs.
//!
//! `ORDER BY r DESC LIMIT 10` makes the sort above keep ten rows and publish what a
//! further row needs, `r > t`, ever higher; `max(r)` does the same with one row, and a
//! join with what its other side has. Such a filter is an expression whose value changes:
//!
//! ```text
//! SortExec ── update(r > 0.81) ──▶ DynamicFilterPhysicalExpr
//!                                        │ changed()?  an atomic load
//!                                        ▼
//! worker, before each batch:       current() ──▶ pushdown::read ──▶ bounds on r and n
//!                                                                        │
//! all workers, before each block of lanes:   SweepPlan::tighten ◀─────────┘
//! ```
//!
//! So a bound that the sort finds in the rows of one worker holds for all of them a few
//! milliseconds later, and sets of questions below it are never made into rows. Of
//! 2,535,650,040 sets some thousands are.
//!
//! # How a plan node takes part
//!
//! 1. *Take it.* In the phase `Post` of the filter pushdown,
//!    `handle_child_pushdown_result` is given the filters from above. The node keeps them and
//!    answers "no" for each: their owner goes on applying them, and need not, for a sort or an
//!    aggregate does not look at the answer.
//! 2. *Show it.* `apply_expressions` has to visit them. An aggregate or a join looks there
//!    whether anybody uses its filter, and publishes nothing if nobody does.
//! 3. *Refuse it where it would come too early*: below a limit that was absorbed, and below
//!    `top`.
//! 4. *Read it, instead of evaluating it.* Evaluating takes rows, which are what should not be
//!    made. The filter of `ORDER BY r DESC, n` is `r IS NULL OR r > t OR r = t AND n < m`; all
//!    that is read out of it is a box, `r >= t`, and whatever cannot be read is a box around
//!    everything. A box that is too large costs time, never rows.
//! 5. *Only ever narrow.* Filters only let less through as time passes. So it does not matter
//!    who reads which version when, and a bound needs no other care than an atomic counter.
//! 6. *Look often, and cheaply.* The tracker's `changed()` is one load; the expression is read
//!    only after it said so.
//! 7. *Hand out early.* The sort cannot publish before it has its ten rows, and every partition
//!    has a sort of its own. A first batch of thousands of rows would come late, but a report is
//!    sent after 20 ms at most, whatever is in it.
//! 8. *Forget it on reset.* A plan that runs again gets new filters, and those of the last run
//!    would hide its rows: `reset_state` drops them.
//!
//! What is published can be wrong: see `aggregate_filters` for those of several aggregates.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::physical_expr::{DynamicFilterTracker, DynamicFilterTracking, PhysicalExpr};

use crate::sweep::Bounds;
use crate::udtf::scan::pushdown::Selection;

/// The filters that one worker watches.
pub(crate) struct DynamicFilters {
    filters: Vec<Arc<dyn PhysicalExpr>>,
    trackers: Vec<DynamicFilterTracker>,
    question: DataType,
    /// Whether they have been read at all.
    read: bool,
}

impl DynamicFilters {
    /// Those among some filters that can still change.
    pub(crate) fn new(predicates: &[Arc<dyn PhysicalExpr>], question: &DataType) -> Self {
        let mut this =
            Self { filters: Vec::new(), trackers: Vec::new(), question: question.clone(), read: false };
        for predicate in predicates {
            if let DynamicFilterTracking::Watching(tracker) = DynamicFilterTracking::classify(predicate) {
                this.filters.push(Arc::clone(predicate));
                this.trackers.push(tracker);
            }
        }
        this
    }

    /// What is wanted by now, if that may have changed since it was last asked for.
    pub(crate) fn changed_bounds(&mut self) -> Option<Bounds> {
        let mut changed = !std::mem::replace(&mut self.read, true);
        // All of them, as asking one marks its change as seen.
        for tracker in &mut self.trackers {
            changed |= tracker.changed();
        }
        let news = changed && !self.filters.is_empty();
        news.then(|| Selection::of_all(&self.filters, &self.question).wanted)
    }
}

impl fmt::Debug for DynamicFilters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.filters).finish()
    }
}
