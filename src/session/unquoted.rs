//! Names that should have been in quotes, in the FROM clauses of a session that reads files.

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::logical_expr::planner::{RelationPlanner, RelationPlannerContext, RelationPlanning};
use datafusion::sql::sqlparser::ast::{Ident, ObjectName, ObjectNamePart, TableFactor};

use crate::session::endings::is_of_a_file;
use crate::session::failure::FileError;
use crate::session::this_session::ThisSession;

/// Says of a name that is no table, but would be a file or a table in quotes, that it should have
/// been in quotes. It plans nothing itself.
#[derive(Debug)]
pub(super) struct UnquotedNames(pub(super) Arc<ThisSession>);

impl RelationPlanner for UnquotedNames {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let TableFactor::Table { name, args: None, .. } = &relation else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let parts = unquoted(name);
        match &parts[..] {
            [one] if one.chars().any(char::is_uppercase) => self.check_name(one, &relation, context)?,
            [_, .., last] if is_of_a_file(&format!(".{last}")) => {
                let reference = context.object_name_to_table_reference(name.clone())?;
                if context.context_provider().get_table_source(reference.clone()).is_err() {
                    return Err(FileError::UnquotedPath {
                        name: reference.to_string(),
                        path: parts.join("."),
                    }
                    .into());
                }
            }
            _ => {}
        }
        Ok(RelationPlanning::Original(Box::new(relation)))
    }
}

impl UnquotedNames {
    /// Checks a name with capital letters in it, of which SQL makes small ones.
    fn check_name(
        &self,
        name: &str,
        relation: &TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<()> {
        let folded = context.normalize_ident(Ident::new(name));
        if folded == name || !self.0.state()?.tables().iter().any(|table| table == name) {
            return Ok(());
        }
        // It may be a common table expression, too; in quotes it does not come here again.
        let mut quoted = relation.clone();
        if let TableFactor::Table { name, .. } = &mut quoted {
            *name = ObjectName::from(vec![Ident::with_quote('"', folded.as_str())]);
        }
        match context.plan(quoted) {
            Ok(_) => Ok(()),
            Err(_) => Err(FileError::UnquotedName { name: name.to_string(), folded }.into()),
        }
    }
}

/// The parts of a name as they were written; none, if any is in quotes.
fn unquoted(name: &ObjectName) -> Vec<&str> {
    let part = |part| match part {
        &ObjectNamePart::Identifier(Ident { ref value, quote_style: None, .. }) => Some(value.as_str()),
        _ => None,
    };
    name.0.iter().map(part).collect::<Option<_>>().unwrap_or_default()
}
