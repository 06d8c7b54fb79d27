//! A call that waits for the values of its placeholders.
//!
//! `PREPARE p(INT) AS SELECT ... FROM k_corrset(scores, $1)` is planned before `$1` has a
//! value, and a table function called then could not be called again. So the call is
//! parked in the plan as a node of its own. Whoever binds parameters replaces them in the
//! node's expressions and in its input, which may have some too; and when the query is
//! run, a rule of the analyzer puts the scan in the node's place, before any rule of the
//! optimizer looks for scans to push filters, columns and limits into. No planner of
//! physical plans has to know the node.
//!
//! ```text
//! PREPARE                          EXECUTE p(3)                 analyzer
//! KCorrset: k=$1                   KCorrset: k=3                TableScan: k_corrset
//!   TableScan: scores       ──▶      TableScan: scores    ──▶
//! ```

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{DFSchema, DFSchemaRef};
use datafusion::config::ConfigOptions;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNodeCore};
use datafusion::optimizer::AnalyzerRule;

use crate::error::KCorrsetError;
use crate::udtf::NAME;
use crate::udtf::advice::spelling::Spelling;
use crate::udtf::asked_sets::AskedSets;
use crate::udtf::scan::provider::{KCorrsetTable, scan};
use crate::udtf::set_sizes::SetSizes;
use crate::udtf::sql::arguments::Arguments;

/// Parks a call on a relation that the query calls by this name.
///
/// # Errors
/// Those of the call as far as they can be told: the columns, the options known so far.
pub(crate) fn park(
    input: LogicalPlan,
    text: Option<String>,
    sets: Option<LogicalPlan>,
    arguments: Arguments,
    config: &ConfigOptions,
) -> Result<LogicalPlan> {
    // Whatever comes, the result has the columns that it has for k = 1.
    let options = arguments.options_so_far()?;
    let one = AskedSets::OfSizes(SetSizes::from(1));
    let table = KCorrsetTable::of_call(input.clone(), text.clone(), one, options, config)?;
    let schema =
        DFSchema::try_from_qualified_schema(NAME, &datafusion::catalog::TableProvider::schema(&table))?;
    let arguments = arguments.with_placeholder_types(table.question_type())?;
    let node = ParkedCall { input, sets, text, arguments, schema: Arc::new(schema) };
    Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
}

/// A call with a placeholder in it.
#[derive(Debug, PartialEq, Eq)]
struct ParkedCall {
    input: LogicalPlan,
    /// The sets, if a table has them.
    sets: Option<LogicalPlan>,
    /// The table as the call has it, if it is no mere name.
    text: Option<String>,
    arguments: Arguments,
    schema: DFSchemaRef,
}

impl Hash for ParkedCall {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.input, &self.sets, &self.arguments).hash(state);
    }
}

impl PartialOrd for ParkedCall {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let order = self.input.partial_cmp(&other.input)?.then(self.arguments.partial_cmp(&other.arguments)?);
        (order.is_ne() || self == other).then_some(order)
    }
}

impl UserDefinedLogicalNodeCore for ParkedCall {
    fn name(&self) -> &str {
        "KCorrset"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        std::iter::once(&self.input).chain(&self.sets).collect()
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        self.arguments.expressions().cloned().collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let k = self.arguments.k.as_ref().map(|k| format!("k={k}"));
        write!(f, "KCorrset: {}", k.as_deref().unwrap_or("sets=given"))?;
        self.arguments.options.iter().try_for_each(|(name, value)| write!(f, ", {name}={value}"))
    }

    fn with_exprs_and_inputs(&self, expressions: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        let other = || DataFusionError::Internal("KCorrset has its table, and sets, for inputs".into());
        let sets = self.sets.as_ref().and_then(|_| inputs.pop());
        Ok(Self {
            input: inputs.pop().filter(|_| inputs.is_empty()).ok_or_else(other)?,
            sets,
            text: self.text.clone(),
            arguments: self.arguments.with_expressions(expressions),
            schema: Arc::clone(&self.schema),
        })
    }
}

/// The analyzer's rule that turns parked calls into scans.
#[derive(Debug)]
pub struct ResolveKCorrset;

impl AnalyzerRule for ResolveKCorrset {
    fn name(&self) -> &str {
        "resolve_k_corrset"
    }

    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        let mut any = false;
        plan.apply_with_subqueries(|plan| {
            any |= parked(plan).is_some();
            Ok(if any { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })?;
        if !any {
            return Ok(plan);
        }
        // With its value, a placeholder may have given the questions another type.
        let spelling = Spelling::of(config);
        let resolve = |plan: LogicalPlan| match parked(&plan) {
            Some(call) => {
                Ok(Transformed::yes(resolve(call, config).map_err(|error| spelling.of_options(error))?))
            }
            None => Ok(Transformed::yes(plan.recompute_schema()?)),
        };
        Ok(plan.transform_up_with_subqueries(resolve)?.data)
    }
}

fn parked(plan: &LogicalPlan) -> Option<&ParkedCall> {
    match plan {
        LogicalPlan::Extension(Extension { node }) => node.as_any().downcast_ref(),
        _ => None,
    }
}

fn resolve(call: &ParkedCall, config: &ConfigOptions) -> Result<LogicalPlan> {
    let arguments = call.arguments.clone().simplified(config)?;
    if let Some(placeholder) = arguments.placeholder() {
        return Err(KCorrsetError::Unbound { placeholder }.into());
    }
    let (sets, options) = arguments.typed(call.sets.clone())?;
    scan(KCorrsetTable::of_call(call.input.clone(), call.text.clone(), sets, options, config)?)
}
