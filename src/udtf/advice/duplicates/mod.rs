//! Users with more than one score on a question: how many there are, whether the scores agree, and
//! which column of the table tells them apart.
//!
//! The index finds the first, and what mends it depends on all of them. So the table is read once
//! more, by queries over what the call was given: they are bounded in memory and can be cancelled,
//! as any query. A table that cannot be read twice, or not here, leaves the error as it is.

mod answers;
mod table;
mod users;

use datafusion::error::Result;
use datafusion::execution::TaskContext;

use crate::error::KCorrsetError;
use crate::index::InputLayout;
use crate::udtf::advice::Advice;
use crate::udtf::advice::duplicates::answers::DoubledAnswers;
use crate::udtf::advice::duplicates::users::DoubledUsers;
use crate::udtf::request::KCorrsetRequest;

/// An error of a call; if it is that of the first user with more than one score on a question, with
/// what is to be known of all of them.
pub(crate) async fn diagnosed(
    error: KCorrsetError,
    request: &KCorrsetRequest,
    advice: &Advice<'_>,
    context: &TaskContext,
) -> KCorrsetError {
    let table = request.table.plan.as_ref();
    match (error, &request.roles.layout) {
        (KCorrsetError::DuplicateAnswer { user, question, .. }, InputLayout::Long(columns)) => {
            let doubled = known(answers::look(table, columns, &request.roles.partition_by, context).await);
            let found = doubled.as_ref().map(DoubledAnswers::found).unwrap_or_default();
            let remedies = answers::remedies(doubled.as_ref(), columns, advice);
            KCorrsetError::DuplicateAnswer { user, question, found, remedies }
        }
        (
            KCorrsetError::DuplicateUser { user, question, looks_long, .. },
            InputLayout::Wide { user: Some(column) },
        ) => {
            let doubled = known(users::look(table, column, &request.roles.partition_by, context).await);
            let found = doubled.as_ref().map(DoubledUsers::found).unwrap_or_default();
            let remedies = users::remedies(doubled.as_ref(), column, advice);
            KCorrsetError::DuplicateUser { user, question, looks_long, found, remedies }
        }
        (error, _) => error,
    }
}

/// What a look has found.
fn known<T>(found: Result<Option<T>>) -> Option<T> {
    found.unwrap_or_else(|error| {
        log::debug!("k_corrset: nothing more is known of doubled scores: {error}");
        None
    })
}
