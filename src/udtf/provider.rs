//! The table that a call stands for: its schema, its input, its scan.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Column, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableType};
use datafusion::physical_plan::ExecutionPlan;

use crate::error::KCorrsetError;
use crate::index::{ColumnNames, check_score_type, key_type};
use crate::sweep::Undefined;
use crate::udtf::exec::KCorrsetExec;
use crate::udtf::function::option_names;
use crate::udtf::options::KCorrsetOptions;
use crate::udtf::settings::KCorrsetSettings;

/// What a call asks for, checked against the types of its table.
#[derive(Debug)]
pub(crate) struct KCorrsetRequest {
    pub(crate) k: usize,
    pub(crate) options: KCorrsetOptions,
}

/// The result of `k_corrset` as a table: `questions`, `r`, `n`.
#[derive(Debug)]
pub struct KCorrsetTable {
    /// The three columns of the table that the call names.
    input: LogicalPlan,
    request: Arc<KCorrsetRequest>,
    schema: SchemaRef,
}

impl KCorrsetTable {
    /// The sets of k questions of a relation that has (user, question, score).
    ///
    /// # Errors
    /// k is 0; a column that is missing or ambiguous, or whose type cannot play its role;
    /// a question to include or exclude that cannot be of the question column's type.
    pub fn try_new(input: LogicalPlan, k: usize, mut options: KCorrsetOptions) -> Result<Self> {
        if k == 0 {
            return Err(KCorrsetError::SubsetSizeRange { got: k.to_string() }.into());
        }
        let [user, question, score] = find_columns(&input, &options.columns)?;
        key_type("user", user.1.name(), user.1.data_type())?;
        check_score_type(score.1.name(), score.1.data_type())?;
        let question_type = key_type("question", question.1.name(), question.1.data_type())?;
        cast_questions(&mut options, &question_type)?;

        // One column may play two roles; a projection names it once.
        let mut columns = Vec::with_capacity(3);
        for (column, _) in [user, question, score] {
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        let input =
            LogicalPlanBuilder::from(input).project(columns.into_iter().map(Expr::Column))?.build()?;
        let schema = Arc::new(Schema::new(vec![
            Field::new(
                "questions",
                DataType::List(Arc::new(Field::new_list_field(question_type, true))),
                false,
            ),
            Field::new("r", DataType::Float64, options.undefined == Undefined::Null),
            Field::new("n", DataType::Int64, false),
        ]));
        Ok(Self { input, request: Arc::new(KCorrsetRequest { k, options }), schema })
    }
}

type FoundColumn = (Column, Arc<Field>);

/// The user, question and score columns of a relation.
fn find_columns(input: &LogicalPlan, names: &ColumnNames) -> Result<[FoundColumn; 3], KCorrsetError> {
    let fields = input.schema();
    let find = |role, name: &str| {
        let mut found = fields.iter().filter(|(_, field)| field.name() == name);
        match (found.next(), found.next()) {
            (Some((qualifier, field)), None) => {
                Ok((Column::new(qualifier.cloned(), field.name()), Arc::clone(field)))
            }
            (Some(_), Some(_)) => Err(KCorrsetError::AmbiguousColumn { role, name: name.to_string() }),
            (None, _) => Err(KCorrsetError::MissingColumn {
                role,
                name: name.to_string(),
                columns: fields.fields().iter().map(|field| field.name().clone()).collect(),
            }),
        }
    };
    Ok([find("user", &names.user)?, find("question", &names.question)?, find("score", &names.score)?])
}

/// Turns the questions that options name into values of the question column's type.
fn cast_questions(options: &mut KCorrsetOptions, question_type: &DataType) -> Result<(), KCorrsetError> {
    let lists = [("include", &mut options.include), ("exclude", &mut options.exclude)];
    for (name, questions) in lists {
        for question in questions {
            // There and back: a cast that rounds would find another question.
            let cast = question.cast_to(question_type).ok();
            let same =
                |cast: &ScalarValue| cast.cast_to(&question.data_type()).is_ok_and(|back| back == *question);
            *question = cast.filter(same).ok_or_else(|| KCorrsetError::OptionValue {
                name: name.to_string(),
                expected: "a list of questions, of the type of the question column",
                got: question.to_string(),
                valid: option_names(),
            })?;
        }
    }
    match options.include.iter().find(|question| options.exclude.contains(question)) {
        Some(both) => Err(KCorrsetError::IncludedAndExcluded { question: both.to_string() }),
        None => Ok(()),
    }
}

#[async_trait]
impl TableProvider for KCorrsetTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    /// # Projection
    /// Columns that are not asked for are not built.
    ///
    /// # Filters
    /// None is taken over; DataFusion filters the rows.
    ///
    /// # Limit
    /// The sweep stops after so many rows.
    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = session.create_physical_plan(&self.input).await?;
        let partitions = session.config().target_partitions();
        let instructions = KCorrsetSettings::instructions(session.config_options())?;
        let exec = KCorrsetExec::try_new(
            input,
            Arc::clone(&self.request),
            Arc::clone(&self.schema),
            projection.cloned(),
            limit,
            partitions,
            instructions,
        )?;
        Ok(Arc::new(exec))
    }
}
