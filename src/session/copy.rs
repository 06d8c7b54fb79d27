//! `COPY … TO 'x.csv'` of lists, structs and maps: as text.
//!
//! DataFusion's writer of CSV refuses a nested column, after it has written the header. So a rule
//! of the analyzer puts a projection below each COPY to a format that has no nested values.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::dml::CopyTo;
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlan, LogicalPlanBuilder, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::prelude::SessionContext;

use crate::session::nested_text::{is_nested, to_text};

/// Makes `COPY … TO 'x.csv'` of a session write nested columns as text.
pub fn register_copy(ctx: &SessionContext) {
    ctx.add_analyzer_rule(Arc::new(CopyNestedAsText));
}

/// Makes a worker's session know the function that the rule puts into plans, some of which run
/// there.
pub fn with_copy(mut worker: SessionStateBuilder) -> SessionStateBuilder {
    worker.scalar_functions().get_or_insert_default().push(Arc::new(nested_text_function()));
    worker
}

/// Endings of formats that have no nested values.
const FLAT: [&str; 2] = ["csv", "tsv"];

/// The analyzer's rule that makes nested columns text where they are copied to CSV.
#[derive(Debug)]
struct CopyNestedAsText;

impl AnalyzerRule for CopyNestedAsText {
    fn name(&self) -> &str {
        "copy_nested_as_text"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let flatten = |node: LogicalPlan| match node {
            LogicalPlan::Copy(copy) if is_flat(&copy) && has_nested(&copy.input) => {
                let input = Arc::new(as_text(&copy.input)?);
                Ok(Transformed::yes(LogicalPlan::Copy(CopyTo { input, ..copy })))
            }
            other => Ok(Transformed::no(other)),
        };
        Ok(plan.transform_down(flatten)?.data)
    }
}

fn is_flat(copy: &CopyTo) -> bool {
    let ending = copy.file_type.get_ext();
    FLAT.iter().any(|flat| ending.trim_start_matches('.').eq_ignore_ascii_case(flat))
}

fn has_nested(plan: &LogicalPlan) -> bool {
    plan.schema().fields().iter().any(|field| is_nested(field.data_type()))
}

fn as_text(plan: &LogicalPlan) -> Result<LogicalPlan> {
    let text = Arc::new(nested_text_function());
    let columns = plan.schema().columns().into_iter().zip(plan.schema().fields());
    let columns = columns.map(|(column, field)| {
        if is_nested(field.data_type()) {
            text.call(vec![Expr::Column(column)]).alias(field.name())
        } else {
            Expr::Column(column)
        }
    });
    LogicalPlanBuilder::from(plan.clone()).project(columns.collect::<Vec<_>>())?.build()
}

/// The function that the rule puts into plans; it is not for SQL.
fn nested_text_function() -> ScalarUDF {
    ScalarUDF::from(NestedText { signature: Signature::any(1, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct NestedText {
    signature: Signature,
}

impl ScalarUDFImpl for NestedText {
    fn name(&self) -> &str {
        "__nested_text"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        Ok(ColumnarValue::Array(Arc::new(to_text(&arrays[0])?)))
    }
}
