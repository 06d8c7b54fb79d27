//! `df.k_corrset(5)`: the function as a method of DataFrames.

use std::sync::Arc;

use datafusion::datasource::provider_as_source;
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::prelude::DataFrame;

use crate::udtf::NAME;
use crate::udtf::options::KCorrsetOptions;
use crate::udtf::provider::KCorrsetTable;

/// Question sets of a [`DataFrame`] that has the columns user, question and score, or is
/// [wide](KCorrsetOptions::wide).
pub trait KCorrsetExt: Sized {
    /// The subsets of k questions with their r and n, under the default options.
    ///
    /// # Errors
    /// k is 0, or the columns are not there or not of a usable type.
    fn k_corrset(self, k: usize) -> Result<DataFrame> {
        self.k_corrset_with(k, KCorrsetOptions::default())
    }

    /// The subsets of k questions with their r and n.
    ///
    /// # Errors
    /// k is 0, or the options do not fit the columns there are.
    fn k_corrset_with(self, k: usize, options: KCorrsetOptions) -> Result<DataFrame>;
}

impl KCorrsetExt for DataFrame {
    fn k_corrset_with(self, k: usize, options: KCorrsetOptions) -> Result<DataFrame> {
        let (state, input) = self.into_parts();
        let table = KCorrsetTable::try_new(input, k, options)?;
        let table = Arc::new(table.with_settings_of(state.config_options()));
        let plan = LogicalPlanBuilder::scan(NAME, provider_as_source(table), None)?.build()?;
        Ok(DataFrame::new(state, plan))
    }
}
