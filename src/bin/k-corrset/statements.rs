//! Statements are run, and their rows printed as they come.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use datafusion::common::plan_err;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SessionState, TaskContext};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::execution_plan::EmissionType;
use datafusion::physical_plan::{ExecutionPlanProperties, execute_stream};
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion_cli::cli_context::CliSessionContext;
use datafusion_cli::exec::exec_from_commands;
use datafusion_cli::object_storage::instrumented::InstrumentedObjectStoreRegistry;
use datafusion_cli::print_format::PrintFormat;
use datafusion_cli::print_options::{MaxRows as CliMaxRows, PrintOptions};
use datafusion_k_corrset::sweep::SweepProgress;
use datafusion_k_corrset::udtf::Notices;
use futures::StreamExt;
use object_store::ObjectStore;
use url::Url;

use crate::output::{Format, MaxRows, Output, OutputOptions, Rows, Table, complain, put, summary};
use crate::progress::Watch;

/// A session and how it prints what its statements return.
///
/// DataFusion's prompt takes a statement apart, sees to the object stores that it names, and
/// hands over the plan. There its own way of running would keep a number of rows and drop the
/// rest, in any format; so here the plan is run and printed, and what goes back is empty.
pub(crate) struct Statements {
    pub(crate) session: SessionContext,
    pub(crate) output: OutputOptions,
    /// What the sweeps report, where somebody watches.
    pub(crate) progress: Option<Arc<SweepProgress>>,
    /// What a statement has to say beside its rows.
    pub(crate) notices: Arc<Notices>,
}

impl Statements {
    /// Runs statements in order, up to the first that fails.
    ///
    /// # Errors
    /// Those of the statements; [`Unwritten`](crate::output::Unwritten).
    pub(crate) async fn run(&self, sql: String) -> Result<()> {
        let nothing = PrintOptions {
            format: PrintFormat::NdJson,
            quiet: true,
            maxrows: CliMaxRows::Unlimited,
            color: false,
            instrumented_registry: Arc::new(InstrumentedObjectStoreRegistry::new()),
        };
        let ran = exec_from_commands(self, vec![sql], &nothing).await;
        self.notices.take().iter().for_each(complain);
        ran
    }

    async fn run_plan(&self, plan: LogicalPlan) -> Result<()> {
        let begun = Instant::now();
        let shows = Shows::of(&plan)?;
        // Rows that come to a terminal as they are made leave no room for a bar.
        let table = self.output.format == Format::Table;
        let watched = self.progress.as_ref().filter(|_| table || !io::stdout().is_terminal());
        let watch = watched.map(|progress| Watch::start(Arc::clone(progress)));

        let frame = self.session.execute_logical_plan(plan).await?;
        let context = frame.task_ctx();
        let plan = frame.create_physical_plan().await?;
        let endless = plan.boundedness().is_unbounded();
        if endless && plan.pipeline_behavior() == EmissionType::Final {
            return plan_err!("the rows of this query come after the last of its input, which never ends");
        }
        let schema = plan.schema();
        let context = Arc::new(context);
        let mut batches = execute_stream(plan, Arc::clone(&context))?;
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

#[async_trait]
impl CliSessionContext for Statements {
    fn task_ctx(&self) -> Arc<TaskContext> {
        self.session.task_ctx()
    }

    fn session_state(&self) -> SessionState {
        self.session.state()
    }

    fn register_object_store(&self, url: &Url, store: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        self.session.register_object_store(url, store)
    }

    fn register_table_options_extension_from_scheme(&self, scheme: &str) {
        self.session.register_table_options_extension_from_scheme(scheme);
    }

    async fn execute_logical_plan(&self, plan: LogicalPlan) -> Result<DataFrame, DataFusionError> {
        self.run_plan(plan).await?;
        Ok(DataFrame::new(self.session.state(), LogicalPlanBuilder::empty(false).build()?))
    }
}
