//! A text of several statements.

use std::collections::VecDeque;

use datafusion::common::plan_datafusion_err;
use datafusion::error::Result;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::dialect::dialect_from_str;

use crate::session::unquoted::with_quotes;

/// The statements of a text in a session's dialect, without those that are empty.
///
/// # Errors
/// It is no SQL of that dialect; then none of the statements is run.
pub(crate) fn parse(session: &SessionContext, sql: &str) -> Result<VecDeque<Statement>> {
    let config = session.copied_config();
    let options = &config.options().sql_parser;
    let dialect = dialect_from_str(options.dialect)
        .ok_or_else(|| plan_datafusion_err!("there is no parser of the dialect {}", options.dialect))?;
    let parser = DFParserBuilder::new(sql).with_dialect(&*dialect);
    let parser = parser.with_recursion_limit(options.recursion_limit.get());
    let statements = parser.build().and_then(|mut parser| parser.parse_statements());
    statements.map_err(|error| with_quotes(error, sql, config.options()))
}
