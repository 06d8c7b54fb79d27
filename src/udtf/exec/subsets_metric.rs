//! The number of subsets as a metric, where no counter holds it.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datafusion::physical_plan::metrics::{CustomMetricValue, MetricValue};

use crate::sweep::SetCount;

/// What EXPLAIN ANALYZE shows as `subsets_total`.
pub(crate) fn subsets_metric(subsets: SetCount) -> MetricValue {
    MetricValue::Custom { name: "subsets_total".into(), value: Arc::new(Subsets(Mutex::new(subsets))) }
}

#[derive(Debug)]
struct Subsets(Mutex<SetCount>);

impl Subsets {
    fn count(&self) -> MutexGuard<'_, SetCount> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Subsets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.count().fmt(f)
    }
}

impl CustomMetricValue for Subsets {
    fn new_empty(&self) -> Arc<dyn CustomMetricValue> {
        Arc::new(Self(Mutex::new(SetCount::NONE)))
    }

    fn aggregate(&self, other: Arc<dyn CustomMetricValue>) {
        if let Some(other) = other.as_any().downcast_ref::<Self>() {
            let other = *other.count();
            let mut count = self.count();
            *count = *count + other;
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_usize(&self) -> usize {
        self.count().about() as usize
    }

    fn is_eq(&self, other: &Arc<dyn CustomMetricValue>) -> bool {
        other.as_any().downcast_ref::<Self>().is_some_and(|other| *other.count() == *self.count())
    }
}
