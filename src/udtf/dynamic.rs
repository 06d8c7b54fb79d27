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
//! all workers, before each block of lanes:   SweepPlan::narrow ◀─────────┘
//! ```
//!
//! So a bound that the sort finds in the rows of one worker holds for all of them a few
//! milliseconds later, and sets of questions below it are never made into rows.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::physical_expr::{DynamicFilterTracker, DynamicFilterTracking, PhysicalExpr};

use crate::sweep::Wanted;
use crate::udtf::pushdown::Selection;

/// The filters that one worker watches.
pub(crate) struct DynamicFilters {
    filters: Vec<Arc<dyn PhysicalExpr>>,
    trackers: Vec<DynamicFilterTracker>,
    question: DataType,
    /// Whether they have been read at all.
    read: bool,
}

impl DynamicFilters {
    /// Those among some predicates that can still change.
    pub(crate) fn among(predicates: &[Arc<dyn PhysicalExpr>], question: &DataType) -> Self {
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
    pub(crate) fn news(&mut self) -> Option<Wanted> {
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
