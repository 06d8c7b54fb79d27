//! Which columns of a table are read, and what for.

use std::sync::Arc;

use arrow::datatypes::{Field, Fields};

use crate::error::Result;
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
        let mut places = self.answers.places();
        let criterion = self.criterion.iter().map(|column| column.place);
        for place in criterion.chain(self.partition_by.iter().copied()) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places
    }

    /// What a question is: its type, and of what extension type it is.
    pub(crate) fn question(&self) -> Field {
        self.answers.question()
    }
}
