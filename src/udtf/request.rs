//! What is asked for: of the function by a call, of its plan node by a query, and of a stream by its
//! place among others.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Fields, Schema, SchemaRef};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_expr::PhysicalExpr;

use crate::index::{ColumnNames, InputLayout, InputRoles};
use crate::search::Method;
use crate::udtf::options::KCorrsetOptions;
use crate::udtf::options::rules::given;
use crate::udtf::set_sizes::SetSizes;
use crate::udtf::settings::SweepSettings;

/// What a call asks for, checked against the types of its table.
#[derive(Debug)]
pub(crate) struct KCorrsetRequest {
    /// The sizes of the sets, of which all are asked for; else sets are given.
    pub(crate) sizes: Option<SetSizes>,
    /// What the columns of the table are.
    pub(crate) roles: InputRoles,
    pub(crate) options: KCorrsetOptions,
    /// The type of the questions in the result.
    pub(crate) question_type: DataType,
    /// The columns of the result.
    pub(crate) schema: SchemaRef,
    pub(crate) table: CalledTable,
}

impl KCorrsetRequest {
    /// What is asked for, in the order of the arguments; options only where they are not the
    /// default.
    pub(crate) fn describe(&self) -> Vec<String> {
        let sets = self.sizes.as_ref().map_or_else(|| "sets=given".to_string(), |sizes| format!("k={sizes}"));
        let mut parts = vec![sets];
        let mut part = |name: &str, value: Option<String>| {
            parts.extend(value.map(|value| format!("{name}={value}")));
        };
        match &self.roles.layout {
            InputLayout::Long(ColumnNames { user, question, score }) => {
                let usual = ColumnNames::default();
                let named = |name: &String, usual: &String| (name != usual).then(|| name.clone());
                part("user", named(user, &usual.user));
                part("question", named(question, &usual.question));
                part("score", named(score, &usual.score));
            }
            InputLayout::Wide { user } => {
                part("wide", Some("true".to_string()));
                part("user", user.clone());
            }
        }
        part("criterion", self.roles.criterion.clone());
        let partition_by = &self.roles.partition_by;
        part("partition_by", (!partition_by.is_empty()).then(|| format!("[{}]", partition_by.join(", "))));
        for (name, value) in given(&self.options) {
            part(name, Some(value.to_string()));
        }
        parts
    }
}

/// The table of a call, for errors to speak of.
#[derive(Clone)]
pub(crate) struct CalledTable {
    /// As it stands behind FROM.
    pub(crate) text: String,
    /// With all of its columns; not known to a worker.
    pub(crate) plan: Option<LogicalPlan>,
}

impl CalledTable {
    /// The columns of the table; where it is not known here, those of what is read of it.
    pub(crate) fn fields<'a>(&'a self, read: &'a Schema) -> &'a Fields {
        self.plan.as_ref().map_or(&read.fields, |plan| plan.schema().fields())
    }
}

/// Without the plan, which may have rows in it.
impl fmt::Debug for CalledTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What is asked of a plan node.
#[derive(Debug, Clone)]
pub(crate) struct KCorrsetScan {
    pub(crate) request: Arc<KCorrsetRequest>,
    /// The columns handed out, if not all.
    pub(crate) projection: Option<Vec<usize>>,
    /// What rows have to be like, as far as the sweep can tell: filters of the query, over all three
    /// columns.
    pub(crate) filters: Vec<Arc<dyn PhysicalExpr>>,
    /// Filters that arise while the query runs, over the columns handed out.
    pub(crate) dynamic_filters: Vec<Arc<dyn PhysicalExpr>>,
    /// Rows after which every partition may stop.
    pub(crate) fetch: Option<usize>,
    /// Whether more of these may come: not where rows are counted off or chosen
    /// before they are filtered, nor where nobody has seen that they are right.
    pub(crate) takes_filters: bool,
    /// About how many of the sets of the highest r are read, if a sort or an aggregate reads these
    /// first.
    pub(crate) best: Option<usize>,
    /// The pieces that the sweep is cut into, where workers of a cluster take one after the other.
    pub(crate) pieces: Option<Pieces>,
    pub(crate) settings: SweepSettings,
}

impl KCorrsetScan {
    /// How sets are found.
    pub(crate) fn method(&self) -> Method {
        self.request.options.heuristic().map_or(self.settings.method, Method::Heuristic)
    }

    /// The filters of the query, and then those that arise while it runs.
    pub(crate) fn all_filters(&self) -> impl Iterator<Item = &Arc<dyn PhysicalExpr>> {
        self.filters.iter().chain(&self.dynamic_filters)
    }

    /// What is asked for when the plan runs for the first time, or once more without a reset.
    ///
    /// Filters that arose in the first run still have its last bounds, and nobody says when they
    /// begin anew: from then on they are not listened to.
    pub(crate) fn of_run(&self, run: usize) -> Cow<'_, Self> {
        if run == 0 { Cow::Borrowed(self) } else { Cow::Owned(self.without_dynamic_filters()) }
    }

    pub(crate) fn without_dynamic_filters(&self) -> Self {
        Self { dynamic_filters: Vec::new(), ..self.clone() }
    }
}

/// Which partition of which task: what tells whose share of the sweep a stream has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PartitionId {
    /// Which partition, of how many, of this process.
    pub(crate) partition: usize,
    pub(crate) partitions: usize,
    /// Which task, of how many, on as many workers of a cluster.
    pub(crate) task: usize,
    pub(crate) tasks: usize,
}

/// The pieces that the sweep of a task is cut into, where workers share pieces out while they run: each
/// is a partition of the plan node, and swept by one thread.
///
/// A search is not cut, as those who search tell each other what they have found. The first of the
/// pieces of a task has all of its search, and the others nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pieces {
    /// How many a task has.
    pub(crate) of_task: usize,
    /// The tasks whose pieces the node has: its own alone, or all of them, one task's after the other's.
    pub(crate) tasks: usize,
}

impl Pieces {
    /// How many partitions the node has: its pieces, and where they are those of all tasks one without rows,
    /// for a worker to be asked for without having to do anything.
    pub(crate) fn partitions(self) -> usize {
        self.nothing() + usize::from(self.tasks > 1)
    }

    /// The partition without rows.
    pub(crate) fn nothing(self) -> usize {
        self.of_task * self.tasks
    }

    /// What a partition is, in a node of this task of so many.
    pub(crate) fn partition(self, partition: usize, task: usize, tasks: usize) -> PartitionId {
        let task = if self.tasks > 1 { partition / self.of_task } else { task };
        PartitionId { partition: partition % self.of_task, partitions: self.of_task, task, tasks }
    }
}
