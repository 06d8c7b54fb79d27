//! `df.k_corrset(5)`: the function as a method of DataFrames.

use datafusion::error::Result;
use datafusion::prelude::DataFrame;

use crate::udtf::asked_sets::{AskedSets, sets_of_table};
use crate::udtf::options::KCorrsetOptions;
use crate::udtf::scan::provider::{KCorrsetTable, scan};
use crate::udtf::set_sizes::SetSizes;

/// Question sets of a [`DataFrame`] that has the columns user, question and score, or is
/// [wide](KCorrsetOptions::wide).
///
/// ```
/// use datafusion::prelude::*;
/// use datafusion_k_corrset::{KCorrsetExt, KCorrsetOptions};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> datafusion::error::Result<()> {
/// let exam = dataframe!(
///     "user" => ["ann", "ann", "bob", "bob", "cyd", "cyd"],
///     "question" => ["q1", "q2", "q1", "q2", "q1", "q2"],
///     "score" => [3, 2, 1, 2, 4, 1],
/// )?;
/// let singles = exam.k_corrset_with(1, KCorrsetOptions::new().min_users(3))?;
/// let above = singles.filter(col("r").gt(lit(0.5)))?;
/// datafusion::assert_batches_eq!(
///     [
///         "+-----------+-------------------+---+",
///         "| questions | r                 | n |",
///         "+-----------+-------------------+---+",
///         "| [q1]      | 0.944911182523068 | 3 |",
///         "+-----------+-------------------+---+",
///     ],
///     &above.collect().await?
/// );
/// # Ok(())
/// # }
/// ```
pub trait KCorrsetExt: Sized {
    /// The subsets of k questions with their r and n, under the default options. k may be several:
    /// `[5, 10]` or `1..=30`.
    ///
    /// # Errors
    /// k is 0 or none, or the columns are not there or not of a usable type.
    fn k_corrset(self, k: impl Into<SetSizes>) -> Result<DataFrame> {
        self.k_corrset_with(k, KCorrsetOptions::default())
    }

    /// The subsets of k questions with their r and n.
    ///
    /// # Errors
    /// k is 0 or none, or the options do not fit the columns there are.
    fn k_corrset_with(self, k: impl Into<SetSizes>, options: KCorrsetOptions) -> Result<DataFrame>;

    /// Given sets, of any sizes, with their r and n: the lists of questions that `sets` has as its only
    /// column of lists, or in the one named `questions`. Each set is looked at once.
    ///
    /// # Errors
    /// `sets` has no such column, or the options do not fit the columns there are.
    fn k_corrset_sets(self, sets: DataFrame, options: KCorrsetOptions) -> Result<DataFrame>;
}

impl KCorrsetExt for DataFrame {
    fn k_corrset_with(self, k: impl Into<SetSizes>, options: KCorrsetOptions) -> Result<DataFrame> {
        sets_of(self, AskedSets::OfSizes(k.into()), options)
    }

    fn k_corrset_sets(self, sets: DataFrame, options: KCorrsetOptions) -> Result<DataFrame> {
        let (state, table) = sets.into_parts();
        sets_of(self, AskedSets::Given(sets_of_table(table, None, state.config_options())?), options)
    }
}

/// The sets of a table that are asked for.
pub(crate) fn sets_of(table: DataFrame, sets: AskedSets, options: KCorrsetOptions) -> Result<DataFrame> {
    options.check()?;
    let (state, input) = table.into_parts();
    let table = KCorrsetTable::of_call(input, None, sets, options, state.config_options())?;
    Ok(DataFrame::new(state, scan(table)?))
}
