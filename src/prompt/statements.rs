//! Statements are run, and their rows printed as they come.

use std::io::{self, IsTerminal};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use datafusion::common::plan_err;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::listing::ListingTableUrl;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{CreateExternalTable, DdlStatement, LogicalPlan};
use datafusion::physical_plan::execution_plan::EmissionType;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, execute_stream};
use datafusion::prelude::{DataFrame, SessionContext};
use futures::StreamExt;
use futures::stream::Peekable;

use crate::prompt::builds::built_without;
#[cfg(feature = "cloud")]
use crate::prompt::cloud::register_store;
use crate::prompt::output::{
    Format, MaxRows, Output, OutputOptions, Rows, Table, complain, error_text, put, summary,
};
use crate::prompt::progress::Watch;
use crate::prompt::stdin::{Stdin, is_stdin};
use crate::session::statements::parse;
use crate::sweep::SweepProgress;
use crate::udtf::Notices;

/// A session and how it prints what its statements return.
pub(crate) struct Statements {
    pub(crate) session: SessionContext,
    pub(crate) output: OutputOptions,
    /// What the sweeps report, where somebody watches.
    pub(crate) progress: Option<Arc<SweepProgress>>,
    /// What a statement has to say beside its rows.
    pub(crate) notices: Arc<Notices>,
    /// What may be the data of a table.
    pub(crate) stdin: Stdin,
    /// Of a cluster, what its workers have lost.
    pub(crate) loses: Option<Loses>,
}

/// Whether an error is the loss of a worker, and enough others are left for the query to begin again on.
pub(crate) type Loses = Box<dyn Fn(&DataFusionError) -> bool + Send + Sync>;

/// How many workers a query may lose. It may be the query that brings them down.
const MOST_LOST: usize = 3;

impl Statements {
    /// Runs statements in order, up to the first that fails.
    ///
    /// # Errors
    /// Those of the statements; [`Unwritten`](crate::prompt::output::Unwritten).
    pub(crate) async fn run(&self, sql: &str) -> Result<()> {
        let ran = self.run_all(sql).await;
        self.notices.take().iter().for_each(complain);
        ran
    }

    async fn run_all(&self, sql: &str) -> Result<()> {
        // Of statements with a mistake none is run.
        for statement in parse(&self.session, sql)? {
            let plan = self.session.state().statement_to_plan(statement).await?;
            self.run_plan(self.with_places(plan).await?).await?;
        }
        Ok(())
    }

    /// A plan whose tables lie where the session can find them.
    async fn with_places(&self, mut plan: LogicalPlan) -> Result<LogicalPlan> {
        if let LogicalPlan::Ddl(DdlStatement::CreateExternalTable(table)) = &mut plan {
            self.place_table(table).await?;
        }
        if let LogicalPlan::Copy(copy) = &plan {
            #[cfg(feature = "cloud")]
            register_store(&self.session, &copy.output_url, &copy.options, &copy.file_type.get_ext()).await?;
            self.find_store(&copy.output_url)?;
        }
        Ok(plan)
    }

    async fn place_table(&self, table: &mut CreateExternalTable) -> Result<()> {
        if table.file_type.eq_ignore_ascii_case("AVRO") && cfg!(not(feature = "avro")) {
            return plan_err!("{}", built_without("Avro", "avro"));
        }
        for location in &mut table.locations {
            if is_stdin(location) {
                *location = self.stdin.file(&self.session, &table.file_type).await?;
            }
            #[cfg(feature = "cloud")]
            register_store(&self.session, location, &table.options, &table.file_type).await?;
            self.find_store(location)?;
        }
        Ok(())
    }

    /// That a store is missing is told before it is told that its options are unknown.
    fn find_store(&self, location: &str) -> Result<()> {
        let location = ListingTableUrl::parse(location)?;
        self.session.runtime_env().object_store(location).map(|_| ())
    }

    async fn run_plan(&self, plan: LogicalPlan) -> Result<()> {
        let begun = Instant::now();
        let shows = Shows::of(&plan)?;
        // Rows that come to a terminal as they are made leave no room for a bar.
        let table = self.output.format == Format::Table;
        let watched = self.progress.as_ref().filter(|_| table || !io::stdout().is_terminal());
        let watch = Watch::start(watched.map(Arc::clone), Arc::clone(&self.notices));

        let only_reads = !writes(&plan)?;
        let frame = self.session.execute_logical_plan(plan).await?;
        let context = Arc::new(frame.task_ctx());
        let plan = frame.clone().create_physical_plan().await?;
        let endless = plan.boundedness().is_unbounded();
        if endless && plan.pipeline_behavior() == EmissionType::Final {
            return plan_err!("the rows of this query come after the last of its input, which never ends");
        }
        let schema = plan.schema();
        let table = || Table {
            schema: Arc::clone(&schema),
            max_rows: if shows == Shows::Some { self.output.max_rows } else { MaxRows::Unlimited },
            multiline: shows == Shows::Plan,
            endless,
            begun: (!self.output.quiet).then_some(begun),
            options: context.session_config().options().format.clone(),
            reservation: MemoryConsumer::new("rows to be shown").register(context.memory_pool()),
            shown: Vec::new(),
            rows: 0,
        };
        let mut output = Output::new(Rows::new(self.output.format, &schema, table)?);
        let mut batches = self.begin(plan, only_reads.then_some(frame), &context).await?;
        while let Some(batch) = batches.next().await {
            if !output.write(&batch?)? {
                break;
            }
            // Ctrl-C is noticed between two batches, however fast they come.
            tokio::task::yield_now().await;
        }
        // The bar is gone before anything else is on the screen.
        drop(watch);
        output.finish()?;
        if schema.fields().is_empty() && self.output.format == Format::Table && !self.output.quiet {
            put(summary(0, Some(begun)).as_bytes())?;
        }
        Ok(())
    }

    /// The rows of a plan, once there is one, or an error.
    ///
    /// A query that loses a worker of a cluster begins again on the others, if `again` says what: no row of it has
    /// been shown, so that none is shown twice.
    async fn begin(
        &self,
        mut plan: Arc<dyn ExecutionPlan>,
        again: Option<DataFrame>,
        context: &Arc<TaskContext>,
    ) -> Result<Peekable<SendableRecordBatchStream>> {
        let mut lost = 0;
        loop {
            let mut batches = execute_stream(plan, Arc::clone(context))?.peekable();
            let Some(Err(error)) = Pin::new(&mut batches).peek().await else { return Ok(batches) };
            let Some(again) = &again else { return Ok(batches) };
            lost += 1;
            if lost == MOST_LOST || !self.loses.as_ref().is_some_and(|loses| loses(error)) {
                return Ok(batches);
            }
            complain(format_args!("k-corrset: {}; the query begins again without it", error_text(error)));
            plan = again.clone().create_physical_plan().await?;
        }
    }
}

/// Whether a statement writes anything.
fn writes(plan: &LogicalPlan) -> Result<bool> {
    plan.exists(|node| Ok(matches!(node, LogicalPlan::Copy(_) | LogicalPlan::Dml(_))))
}

/// What a table shows of a statement's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shows {
    /// As many as there is room for.
    Some,
    /// All, as these tell of the session, and are few.
    All,
    /// All, on as many lines as a plan takes.
    Plan,
}

impl Shows {
    fn of(plan: &LogicalPlan) -> Result<Self> {
        if let LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) = plan {
            return Ok(Self::Plan);
        }
        if let LogicalPlan::DescribeTable(_) = plan {
            return Ok(Self::All);
        }
        let (mut tables, mut of_schema) = (0, 0);
        plan.apply(|node| {
            if let LogicalPlan::TableScan(scan) = node {
                tables += 1;
                of_schema += usize::from(scan.table_name.schema() == Some("information_schema"));
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(if tables > 0 && tables == of_schema { Self::All } else { Self::Some })
    }
}
