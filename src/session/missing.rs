//! Names that are no table, in the FROM clauses of a session that reads files: what they should
//! have been.

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::logical_expr::planner::{RelationPlanner, RelationPlannerContext, RelationPlanning};
use datafusion::sql::sqlparser::ast::{Ident, ObjectName, ObjectNamePart, TableAlias, TableFactor};

use crate::session::endings::is_of_a_file;
use crate::session::failure::FileError;
use crate::session::paths::{is_path, is_there, not_found};
use crate::session::this_session::ThisSession;

/// Says of a name that is no table why it is none: a path that leads nowhere; a path or a name that
/// should have been in quotes. It plans nothing itself.
#[derive(Debug)]
pub(super) struct MissingTables(pub(super) Arc<ThisSession>);

/// The alias of a relation that this planner asks the others about.
const ASKED: &str = "__missing_tables_asked";

impl RelationPlanner for MissingTables {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        if let TableFactor::Table { name, alias, args: None, .. } = &relation
            && alias.as_ref().is_none_or(|alias| alias.name.value != ASKED)
            && let Some(error) = self.suspicion(name, context)?
        {
            // It may be a table, or a common table expression, all the same.
            let mut asked = relation.clone();
            if let TableFactor::Table { alias, .. } = &mut asked {
                let name = Ident::with_quote('"', ASKED);
                *alias = Some(TableAlias { explicit: true, name, columns: Vec::new(), at: None });
            }
            if context.plan(asked).is_err() {
                return Err(error().into());
            }
        }
        Ok(RelationPlanning::Original(Box::new(relation)))
    }
}

impl MissingTables {
    /// Why a name is none of a table, if it is none.
    fn suspicion<'a>(
        &self,
        name: &'a ObjectName,
        context: &dyn RelationPlannerContext,
    ) -> Result<Option<Box<dyn FnOnce() -> FileError + 'a>>> {
        let parts: Vec<&Ident> = name
            .0
            .iter()
            .filter_map(|part| match part {
                ObjectNamePart::Identifier(part) => Some(part),
                ObjectNamePart::Function(_) => None,
            })
            .collect();
        let quoted = parts.iter().any(|part| part.quote_style.is_some());
        match parts[..] {
            [path] if quoted && is_path(&path.value) && !is_there(&path.value) => {
                Ok(Some(Box::new(|| not_found(&path.value))))
            }
            [one] if !quoted => {
                let (name, folded) = (one.value.clone(), context.normalize_ident(one.clone()));
                let is_table = folded != name && self.0.state()?.tables().contains(&name);
                Ok(is_table.then(|| Box::new(|| FileError::UnquotedName { name, folded }) as _))
            }
            [_, .., last] if !quoted && is_of_a_file(&format!(".{}", last.value)) => {
                let path: Vec<&str> = parts.iter().map(|part| part.value.as_str()).collect();
                let path = path.join(".");
                let name = context.object_name_to_table_reference(name.clone())?.to_string();
                Ok(Some(Box::new(|| FileError::UnquotedPath { name, path })))
            }
            _ => Ok(None),
        }
    }
}
