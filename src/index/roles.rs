//! Which columns of a table are read, and what for.

use std::sync::Arc;

use arrow::datatypes::{Field, Fields};

use crate::error::Result;
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
}

impl<L: Into<InputLayout>> From<L> for InputRoles {
    fn from(layout: L) -> Self {
        Self { layout: layout.into(), criterion: None }
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
        let beside: Vec<usize> = criterion.iter().map(|column| column.place).collect();
        Ok(RoleColumns { answers: self.layout.columns(fields, &beside)?, criterion })
    }
}

/// The columns of a table in their roles.
#[derive(Debug, Clone)]
pub(crate) struct RoleColumns {
    pub(crate) answers: Arc<dyn InputColumns>,
    pub(crate) criterion: Option<Arc<CriterionColumn>>,
}

impl RoleColumns {
    /// The places of the columns that are read, each once.
    pub(crate) fn places(&self) -> Vec<usize> {
        let mut places = self.answers.places();
        let beside = self.criterion.iter().map(|column| column.place);
        places.extend(beside.filter(|place| !self.answers.places().contains(place)));
        places
    }

    /// What a question is: its type, and of what extension type it is.
    pub(crate) fn question(&self) -> Field {
        self.answers.question()
    }
}
