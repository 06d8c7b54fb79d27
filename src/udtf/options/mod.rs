//! The options of a call, typed.

pub(crate) mod rules;

use datafusion::arrow::datatypes::Fields;
use datafusion::common::ScalarValue;

use crate::error::KCorrsetError;
use crate::index::{ColumnNames, InputLayout, InputRoles};
use crate::search::Effort;
use crate::sweep::interval::FEWEST_OF_INTERVAL;
use crate::sweep::{Statistic, Undefined};

/// How `k_corrset` reads its table and what it returns; every option has a default.
///
/// ```
/// use datafusion_k_corrset::KCorrsetOptions;
///
/// let options = KCorrsetOptions::new()
///     .user("student")
///     .question("item")
///     .min_users(30)
///     .top(100)
///     .include(["q17"]);
/// # let _ = options;
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KCorrsetOptions {
    pub(crate) input: InputOptions,
    pub(crate) min_users: Option<i64>,
    pub(crate) top: Option<usize>,
    pub(crate) include: Vec<ScalarValue>,
    pub(crate) exclude: Vec<ScalarValue>,
    pub(crate) corrected: bool,
    pub(crate) undefined: Undefined,
    pub(crate) statistics: Vec<Statistic>,
    pub(crate) search: SearchMode,
    pub(crate) effort: Option<usize>,
    pub(crate) seed: Option<u64>,
}

/// What is known of rows that are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SearchMode {
    /// They are those that were asked for, all of them and no others.
    #[default]
    Exact,
    /// They are the best that local search found, and a column `r_bound` tells what r no set is above.
    Heuristic,
}

/// How the table is read, as far as it was said.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct InputOptions {
    pub(crate) user: Option<String>,
    pub(crate) question: Option<String>,
    pub(crate) score: Option<String>,
    pub(crate) wide: bool,
    pub(crate) criterion: Option<String>,
    pub(crate) partition_by: Vec<String>,
}

impl InputOptions {
    /// What the columns of a table are, if they have these names.
    ///
    /// # Errors
    /// Options that exclude each other.
    pub(crate) fn roles(&self, fields: &Fields) -> Result<InputRoles, KCorrsetError> {
        let Self { criterion, partition_by, .. } = self.clone();
        Ok(InputRoles { layout: self.layout(fields)?, criterion, partition_by })
    }

    fn layout(&self, fields: &Fields) -> Result<InputLayout, KCorrsetError> {
        let usual = ColumnNames::default();
        let Self { user, question, score, wide, .. } = self.clone();
        if !wide {
            return Ok(InputLayout::Long(ColumnNames {
                user: user.unwrap_or(usual.user),
                question: question.unwrap_or(usual.question),
                score: score.unwrap_or(usual.score),
            }));
        }
        for (option, value) in [("question", question), ("score", score)] {
            if value.is_some() {
                return Err(KCorrsetError::WideOption { option });
            }
        }
        let usual_user = || fields.iter().any(|field| field.name() == &usual.user).then_some(usual.user);
        Ok(InputLayout::Wide { user: user.or_else(usual_user) })
    }
}

impl KCorrsetOptions {
    /// The defaults: columns `user`, `question` and `score`; every subset of two or
    /// more users with a defined r.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether each row is a user and each column a question, instead of each row an answer. A
    /// column `user`, or the one that [`user`](Self::user) names, is no question; where there is
    /// none, each row is a user of its own. NULL is not answered.
    pub fn wide(mut self, wide: bool) -> Self {
        self.input.wide = wide;
        self
    }

    /// Name of the column that says who answered.
    pub fn user(mut self, name: impl Into<String>) -> Self {
        self.input.user = Some(name.into());
        self
    }

    /// Name of the column that says what was answered.
    pub fn question(mut self, name: impl Into<String>) -> Self {
        self.input.question = Some(name.into());
        self
    }

    /// Name of the column that says how well.
    pub fn score(mut self, name: impl Into<String>) -> Self {
        self.input.score = Some(name.into());
        self
    }

    /// Name of a column of an outside criterion, in the place of the grand total: b is its value, which
    /// is the same in all rows of a user. Users for whom it is NULL are left out.
    pub fn criterion(mut self, name: impl Into<String>) -> Self {
        self.input.criterion = Some(name.into());
        self
    }

    /// Names of columns whose values tell partitions apart, such as courses: each is a table of its own, with grand
    /// totals of its own, and [`top`](Self::top) holds within it. The columns stand first in the result; NULL is a
    /// value.
    pub fn partition_by<C: Into<String>>(mut self, columns: impl IntoIterator<Item = C>) -> Self {
        self.input.partition_by = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Keeps subsets that at least this many users answered.
    pub fn min_users(mut self, users: u32) -> Self {
        self.min_users = Some(i64::from(users));
        self
    }

    /// Keeps only the best subsets, at most this many of each size: highest r first, then highest n,
    /// then the questions in ascending order.
    pub fn top(mut self, rows: usize) -> Self {
        self.top = Some(rows);
        self
    }

    /// Questions that every subset must contain. Grand totals stay over all questions.
    pub fn include<Q: Into<ScalarValue>>(mut self, questions: impl IntoIterator<Item = Q>) -> Self {
        self.include = questions.into_iter().map(Into::into).collect();
        self
    }

    /// Questions that no subset may contain. Grand totals stay over all questions.
    pub fn exclude<Q: Into<ScalarValue>>(mut self, questions: impl IntoIterator<Item = Q>) -> Self {
        self.exclude = questions.into_iter().map(Into::into).collect();
        self
    }

    /// Correlates with the grand total less the subset's own scores (the corrected
    /// item-total, or item-rest, correlation), which takes out their overlap.
    pub fn corrected(mut self, corrected: bool) -> Self {
        self.corrected = corrected;
        self
    }

    /// What happens to subsets that have no defined r.
    pub fn undefined(mut self, undefined: Undefined) -> Self {
        self.undefined = undefined;
        self
    }

    /// Further columns that tell of each set in the result, in this order.
    ///
    /// With an end of r's interval, sets of fewer than four users are left out, as they have none; unless
    /// [`min_users`](Self::min_users) or [`undefined`](Self::undefined) asks for them.
    pub fn statistics(mut self, statistics: impl IntoIterator<Item = Statistic>) -> Self {
        self.statistics = statistics.into_iter().collect();
        self
    }

    /// Whether rows are exactly those that were asked for, or the best that local search finds where
    /// there are too many sets to know: then with [`top`](Self::top), and with a column `r_bound`.
    pub fn search(mut self, mode: SearchMode) -> Self {
        self.search = mode;
        self
    }

    /// How long local search goes on, 1 by default: about a second or two, and in proportion.
    pub fn effort(mut self, effort: usize) -> Self {
        self.effort = Some(effort);
        self
    }

    /// What chooses the sets that local search begins with, 0 by default. The same seed and effort have
    /// the same rows.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The least n of a set that was asked for, if any was.
    pub(crate) fn least_users(&self) -> Option<i64> {
        let has_interval = self.statistics.iter().any(|statistic| statistic.is_of_interval());
        // What is undefined must not be in the way of the best, as NULL is the first when it is sorted.
        let of_interval = (has_interval && self.undefined == Undefined::Omit).then_some(FEWEST_OF_INTERVAL);
        self.min_users.or(of_interval)
    }

    /// The effort of a heuristic, if it is one.
    pub(crate) fn heuristic(&self) -> Option<Effort> {
        let usual = Effort::default();
        let effort =
            || Effort { effort: self.effort.unwrap_or(usual.effort), seed: self.seed.unwrap_or(usual.seed) };
        (self.search == SearchMode::Heuristic).then(effort)
    }

    /// # Errors
    /// Options that do not go together.
    pub(crate) fn check(&self) -> Result<(), KCorrsetError> {
        let corrected = match self.corrected {
            true => Some("corrected => true"),
            false => self.statistics.contains(&Statistic::ItemRestR).then_some("the statistic 'item_rest_r'"),
        };
        if let Some(option) = corrected.filter(|_| self.input.criterion.is_some()) {
            return Err(KCorrsetError::CorrectedCriterion { option });
        }
        match self.search {
            SearchMode::Heuristic if self.top.is_none() => Err(KCorrsetError::HeuristicWithoutTop),
            SearchMode::Exact if self.effort.is_some() => {
                Err(KCorrsetError::ExactOption { option: "effort" })
            }
            SearchMode::Exact if self.seed.is_some() => Err(KCorrsetError::ExactOption { option: "seed" }),
            _ => Ok(()),
        }
    }
}
