//! Which columns of a table are read, and what for.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Fields, Schema};

use crate::error::{KCorrsetError, Result};
use crate::index::columns::key_type;
use crate::index::criterion::CriterionColumn;
use crate::index::input::{InputColumns, place_of};
use crate::index::layout::InputLayout;

/// Which columns of a table are read, and what for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct InputRoles {
    /// How the table holds answers.
    pub layout: InputLayout,
    /// Name of the column of an outside criterion: a value of each user, which sets are to predict in
    /// the place of the grand total.
    pub criterion: Option<String>,
    /// Names of columns whose values tell parts of the table apart, each of which is a table of its own.
    pub partition_by: Vec<String>,
}

impl<L: Into<InputLayout>> From<L> for InputRoles {
    fn from(layout: L) -> Self {
        Self { layout: layout.into(), ..Self::default() }
    }
}

impl InputRoles {
    /// The columns of a table in these roles.
    ///
    /// # Errors
    /// A column that is missing or ambiguous, or has a type that cannot play its role.
    pub(crate) fn columns(&self, fields: &Fields) -> Result<RoleColumns> {
        let criterion = self.criterion.as_deref().map(|name| {
            let place = place_of(fields, "criterion", name)?;
            CriterionColumn::try_new(place, &fields[place]).map(Arc::new)
        });
        let criterion = criterion.transpose()?;
        let partition_by = self.partition_by.iter().map(|name| {
            let place = place_of(fields, "partition_by", name)?;
            key_type("partition_by", name, fields[place].data_type())?;
            Ok(place)
        });
        let partition_by = partition_by.collect::<Result<Vec<_>>>()?;
        let of_criterion = criterion.iter().map(|column| column.place);
        let beside: Vec<usize> = of_criterion.chain(partition_by.iter().copied()).collect();
        Ok(RoleColumns { answers: self.layout.columns(fields, &beside)?, criterion, partition_by })
    }
}

/// The columns of a table in their roles.
#[derive(Debug, Clone)]
pub(crate) struct RoleColumns {
    pub(crate) answers: Arc<dyn InputColumns>,
    pub(crate) criterion: Option<Arc<CriterionColumn>>,
    /// The places of the columns that tell parts apart.
    pub(crate) partition_by: Vec<usize>,
}

impl RoleColumns {
    /// The places of the columns that are read, each once.
    pub(crate) fn places(&self) -> Vec<usize> {
        let mut places = self.places_of_parts();
        let parts = self.partition_by.iter().copied().filter(|place| !places.contains(place));
        let parts: Vec<usize> = parts.collect();
        places.extend(parts);
        places
    }

    /// The places of the columns that are read of each part, each once.
    pub(crate) fn places_of_parts(&self) -> Vec<usize> {
        let mut places = self.answers.places();
        let criterion = self.criterion.as_ref().map(|column| column.place);
        places.extend(criterion.filter(|place| !places.contains(place)));
        places
    }

    /// Checks that a batch has the columns of a schema, as far as they are read.
    ///
    /// # Errors
    /// It lacks one, or has one of another type.
    pub(crate) fn check(&self, schema: &Schema, batch: &RecordBatch) -> Result<()> {
        let (expected, got) = (schema.fields(), batch.schema_ref().fields());
        let same = |place: usize| {
            got.get(place).is_some_and(|field| field.data_type() == expected[place].data_type())
        };
        if self.places().into_iter().all(same) {
            return Ok(());
        }
        let list = |fields: &Fields| {
            let fields = fields.iter().map(|field| format!("{} {}", field.name(), field.data_type()));
            fields.collect::<Vec<_>>().join(", ")
        };
        Err(KCorrsetError::BatchSchema { expected: list(expected), got: list(got) })
    }

    /// What a question is: its type, and of what extension type it is.
    pub(crate) fn question(&self) -> Field {
        self.answers.question()
    }
}
