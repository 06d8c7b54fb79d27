//! The table that a call stands for: its schema, its input, its scan.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, ScalarValue, TableReference, plan_datafusion_err};
use datafusion::config::ConfigOptions;
use datafusion::datasource::provider_as_source;
use datafusion::error::Result;
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::expr_rewriter::unnormalize_col;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{
    Expr, LogicalPlan, LogicalPlanBuilder, TableProviderFilterPushDown, TableType,
};
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use datafusion::physical_plan::ExecutionPlan;
use futures::FutureExt;
use futures::future::{BoxFuture, OptionFuture, join};

use crate::error::KCorrsetError;
use crate::udtf::NAME;
use crate::udtf::advice::text_scores::without_text;
use crate::udtf::advice::{Advice, table_text};
use crate::udtf::asked_sets::AskedSets;
use crate::udtf::bounded_errors::bounded;
use crate::udtf::exec::distribution::distribution_of;
use crate::udtf::exec::inputs::Inputs;
use crate::udtf::exec::node::KCorrsetExec;
use crate::udtf::exec::output;
use crate::udtf::options::{InputOptions, KCorrsetOptions};
use crate::udtf::request::{CalledTable, KCorrsetRequest, KCorrsetScan};
use crate::udtf::scan::pushdown::{Reading, as_question, read};
use crate::udtf::set_sizes::SetSizes;
use crate::udtf::settings::{KCorrsetSettings, SweepSettings};
use crate::udtf::values::display;

/// The result of `k_corrset` as a table: `questions`, `r`, `n`.
#[derive(Debug, Clone)]
pub struct KCorrsetTable {
    /// The columns of the table that have answers.
    input: LogicalPlan,
    /// The column of the sets, if they are given.
    sets: Option<LogicalPlan>,
    request: Arc<KCorrsetRequest>,
    /// Whether filters of the query are taken over.
    pushdown: bool,
    /// Whether filters that arise while the query runs are: see `aggregate_filters`.
    listens: bool,
    /// About how many of the sets of the highest r are read first, if any.
    best: Option<usize>,
}

impl KCorrsetTable {
    /// The sets of k questions of a relation that has answers, for one k or several.
    ///
    /// # Errors
    /// k is 0, or none; a column that is missing or ambiguous, or whose type cannot play its role;
    /// options that exclude each other; a question to include or exclude that cannot be of the
    /// question column's type.
    pub fn try_new(input: LogicalPlan, k: impl Into<SetSizes>, options: KCorrsetOptions) -> Result<Self> {
        options.check()?;
        Self::of_call(input, None, AskedSets::OfSizes(k.into()), options, &ConfigOptions::default())
    }

    /// The sets of a call in a session of this configuration.
    ///
    /// # Arguments
    /// `text`: the table as the call has it, if it is no mere name.
    ///
    /// # Errors
    /// Those of [`try_new`](Self::try_new), with the SQL that mends them.
    pub(crate) fn of_call(
        input: LogicalPlan,
        text: Option<String>,
        sets: AskedSets,
        mut options: KCorrsetOptions,
        config: &ConfigOptions,
    ) -> Result<Self> {
        match &sets {
            AskedSets::OfSizes(sizes) => sizes.check()?,
            AskedSets::Given(_) if options.heuristic().is_some() => {
                return Err(KCorrsetError::SetsOption { option: "search => 'heuristic'" }.into());
            }
            AskedSets::Given(_) => {}
        }
        let fields = input.schema().fields();
        let roles = options.input.roles(fields)?;
        let text = table_text(text, &input, config);
        // What options say of the input is in the roles from here on.
        options.input = InputOptions::default();
        let advice = Advice::new(config, &text, fields, &roles);
        let columns = roles.columns(&without_text(fields, &roles.layout));
        let columns = columns.map_err(|error| advice.on_columns(error, input.schema()))?;
        let question = columns.question();
        let question_type = question.data_type().clone();
        cast_questions(&mut options, &question, &advice)?;
        let (sizes, sets) = match sets {
            AskedSets::OfSizes(sizes) => (Some(sizes), None),
            AskedSets::Given(sets) => (None, Some(sets)),
        };
        let partition_by: Vec<FieldRef> =
            columns.partition_by.iter().map(|&place| Arc::clone(&fields[place])).collect();
        if let Some(clash) = partition_by.iter().find(|field| output::is_own_column(field.name())) {
            return Err(KCorrsetError::PartitionName { name: clash.name().clone() }.into());
        }
        let table = CalledTable { plan: Some(input.clone()), text };

        let column = |place| Expr::Column(Column::from(input.schema().qualified_field(place)));
        let columns: Vec<Expr> = columns.places().into_iter().map(column).collect();
        let input = LogicalPlanBuilder::from(input).project(columns)?.build()?;
        let schema = Arc::new(output::schema(partition_by, &question, &options));
        let request = Arc::new(KCorrsetRequest { sizes, roles, options, question_type, schema, table });
        Ok(Self {
            input,
            sets,
            request,
            pushdown: KCorrsetSettings::of(config).pushdown,
            listens: false,
            best: None,
        })
    }
}

impl KCorrsetTable {
    /// This table under a session's [settings](KCorrsetSettings), as far as they concern
    /// planning.
    #[must_use]
    pub fn with_settings_of(mut self, config: &ConfigOptions) -> Self {
        self.pushdown = KCorrsetSettings::of(config).pushdown;
        self
    }
}

/// A scan of a result. Plans show the scan's name, which tells what is asked for; the columns have
/// the function's.
pub(crate) fn scan(table: KCorrsetTable) -> Result<LogicalPlan> {
    let name = TableReference::bare(format!("{NAME}({})", table.request.describe().join(", ")));
    LogicalPlanBuilder::scan(name, provider_as_source(Arc::new(table)), None)?.alias(NAME)?.build()
}

/// Turns the questions that options name into values of the question column's type.
fn cast_questions(
    options: &mut KCorrsetOptions,
    column: &Field,
    advice: &Advice<'_>,
) -> Result<(), KCorrsetError> {
    let question_type = column.data_type();
    let lists = [("include", &mut options.include), ("exclude", &mut options.exclude)];
    for (option, questions) in lists {
        let cast = |question: &ScalarValue| {
            as_question(question, question_type).ok_or_else(|| KCorrsetError::QuestionType {
                option,
                question: display(question),
                column: column.name().clone(),
                data_type: question_type.to_string(),
                remedies: advice.for_questions(option, questions, question_type),
            })
        };
        *questions = questions.iter().map(cast).collect::<Result<_, _>>()?;
    }
    match options.include.iter().find(|question| options.exclude.contains(question)) {
        Some(both) => Err(KCorrsetError::IncludedAndExcluded { question: both.to_string() }),
        None => Ok(()),
    }
}

impl KCorrsetTable {
    /// The type of the questions in the result.
    pub(crate) fn question_type(&self) -> &DataType {
        &self.request.question_type
    }

    /// Whether filters that arise while the query runs are taken over, and about how many of the sets
    /// of the highest r are read first.
    pub(crate) fn listens(&self) -> (bool, Option<usize>) {
        (self.listens, self.best)
    }

    /// This table, under what is known of those who read it.
    pub(crate) fn listening(&self, listens: bool, best: Option<usize>) -> Self {
        Self { listens, best, ..self.clone() }
    }

    /// Whether filters of the query can be taken over at all: not before `top`.
    fn takes_filters(&self) -> bool {
        self.pushdown && self.request.options.top.is_none()
    }

    /// Whether a filter tells partitions apart, and nothing else.
    fn is_of_partitions(&self, filter: &Expr) -> bool {
        let columns = filter.column_refs();
        let partition_by = &self.request.roles.partition_by;
        !columns.is_empty() && columns.iter().all(|column| partition_by.contains(&column.name))
    }

    /// The rows of the partitions that are left by those of some filters that tell partitions apart.
    fn input_of(&self, filters: &[Expr]) -> Result<LogicalPlan> {
        let schema = self.input.schema();
        let in_input = |expr: Expr| match expr {
            Expr::Column(column) => {
                let place = schema.index_of_column_by_name(None, &column.name);
                let place = place.ok_or_else(|| plan_datafusion_err!("no column {column} in the input"))?;
                Ok(Transformed::yes(Expr::Column(Column::from(schema.qualified_field(place)))))
            }
            other => Ok(Transformed::no(other)),
        };
        let of_partitions = filters.iter().filter(|filter| self.is_of_partitions(filter));
        let mut rows = LogicalPlanBuilder::from(self.input.clone());
        for filter in of_partitions {
            rows = rows.filter(filter.clone().transform(in_input)?.data)?;
        }
        rows.build()
    }

    /// What a query asks of a scan.
    fn asked_for(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<KCorrsetScan> {
        let mut settings = SweepSettings::of(session)?;
        if distribution_of(session.config()).is_some() {
            // Rows of a single partition are all aggregated where they end: by the coordinator.
            settings.threads = settings.threads.max(2);
        }
        Ok(KCorrsetScan {
            request: Arc::clone(&self.request),
            projection: projection.cloned(),
            filters: filters
                .iter()
                .filter(|filter| !self.is_of_partitions(filter))
                .map(|filter| self.predicate(filter))
                .collect::<Result<_>>()?,
            dynamic_filters: Vec::new(),
            fetch: limit,
            best: self.best,
            pieces: None,
            takes_filters: self.listens && self.takes_filters() && limit.is_none(),
            settings,
        })
    }

    /// A filter of the query as a predicate on the result's rows.
    fn predicate(&self, filter: &Expr) -> Result<Arc<dyn PhysicalExpr>> {
        let schema = DFSchema::try_from(Arc::clone(&self.request.schema))?;
        let filter = unnormalize_col(filter.clone());
        create_physical_expr(&filter, &schema, &ExecutionProps::new(), &PhysicalPlanningContext::default())
    }
}

/// Plans the input of a sweep. An engine that shares out plans must not take parts of it away:
/// whoever has this input reads all of it.
fn plan_whole<'a>(
    input: &'a LogicalPlan,
    session: &'a dyn Session,
) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
    let whole = distribution_of(session.config()).and_then(|distribution| distribution.in_one_task(session));
    match whole {
        Some(whole) => async move { whole.create_physical_plan(input).await }.boxed(),
        None => session.create_physical_plan(input),
    }
}

impl TableProvider for KCorrsetTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.request.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    /// What the sweep can tell by itself; DataFusion need not look again at what is
    /// `Exact`.
    ///
    /// The rows of `top` are chosen before any filter of the query, so with it none is
    /// taken over.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| {
            let predicate = self.predicate(filter);
            match predicate.map(|predicate| read(&predicate, &self.request.question_type)) {
                Ok(Reading { exact: true, .. }) => TableProviderFilterPushDown::Exact,
                Ok(reading) if reading != Reading::OPAQUE => TableProviderFilterPushDown::Inexact,
                _ => TableProviderFilterPushDown::Unsupported,
            }
        };
        let support = |filter: &&Expr| match filter {
            // Each partition is a table of its own, and is there or not.
            filter if self.pushdown && self.is_of_partitions(filter) => TableProviderFilterPushDown::Exact,
            filter if self.takes_filters() => support(filter),
            _ => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(support).collect())
    }

    /// # Projection
    /// Columns that are not asked for are not built.
    ///
    /// # Filters
    /// They bound r and n, and choose among the questions, before anything is swept.
    ///
    /// # Limit
    /// The sweep stops after `limit` rows.
    ///
    /// No `async`, although the trait has it: for a future that keeps expressions while it waits, the
    /// compiler takes five seconds to prove that they are `Send` (Rust 1.95).
    fn scan<'table, 'session, 'columns, 'filters, 'plan>(
        &'table self,
        session: &'session dyn Session,
        projection: Option<&'columns Vec<usize>>,
        filters: &'filters [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'plan, Result<Arc<dyn ExecutionPlan>>>
    where
        'table: 'plan,
        'session: 'plan,
        'columns: 'plan,
        'filters: 'plan,
        Self: 'plan,
    {
        let scan = self.asked_for(session, projection, filters, limit);
        let input = self.input_of(filters);
        let answers = async move { plan_whole(&input?, session).await };
        let sets = OptionFuture::from(self.sets.as_ref().map(|sets| plan_whole(sets, session)));
        let sweep = |(answers, sets): (Result<_>, Option<Result<_>>)| {
            let answers = answers.map_err(bounded)?;
            let inputs = Inputs { answers, sets: sets.transpose().map_err(bounded)? };
            Ok(Arc::new(KCorrsetExec::try_new(inputs, scan?)?) as _)
        };
        join(answers, sets).map(sweep).boxed()
    }
}
