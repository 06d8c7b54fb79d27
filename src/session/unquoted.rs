//! Names with blanks that are not in quotes: the parser stops at them, and cannot know why.

use datafusion::config::ConfigOptions;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::dialect::{Dialect, dialect_from_str};
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::udtf::NAME;

/// The most bytes of a name that is repeated.
const LONGEST: usize = 100;

/// A parser's error with the name as it has to be written, if a call in the statement begins with
/// several words.
pub(crate) fn with_quotes(error: DataFusionError, sql: &str, config: &ConfigOptions) -> DataFusionError {
    let DataFusionError::SQL(parser, _) = &error else { return error };
    let dialect = dialect_from_str(config.sql_parser.dialect);
    let name = dialect.and_then(|dialect| words(sql, &*dialect));
    match name.filter(|name| name.len() <= LONGEST) {
        Some(name) => DataFusionError::Plan(format!(
            "{parser}; if '{name}' is the name of a table, write it in double quotes, {NAME}(\"{name}\", ...), \
             and if it is the path of a file, in single quotes, {NAME}('{name}', ...)"
        )),
        None => error,
    }
}

/// The words that stand where a call has its table, if there are several and nothing else.
fn words(sql: &str, dialect: &dyn Dialect) -> Option<String> {
    let tokens = Tokenizer::new(dialect, sql).tokenize().ok()?;
    let is_call = |pair: &[Token]| match pair {
        [Token::Word(word), Token::LParen] => word.value.eq_ignore_ascii_case(NAME),
        _ => false,
    };
    let call = tokens.windows(2).position(is_call)?;
    let argument: Vec<&Token> =
        tokens[call + 2..].iter().take_while(|token| **token != Token::Comma).collect();
    let is_plain = |token: &Token| match token {
        Token::Word(word) => word.quote_style.is_none(),
        Token::Whitespace(_) | Token::Number(_, _) | Token::Minus | Token::Period | Token::Div => true,
        _ => false,
    };
    let text: String = argument.iter().map(|token| token.to_string()).collect();
    let name = text.trim();
    let several = argument.iter().filter(|token| matches!(token, Token::Word(_))).count() > 1;
    (several && name.contains(' ') && argument.iter().all(|token| is_plain(token))).then(|| name.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::sql::sqlparser::dialect::GenericDialect;

    #[test]
    fn words_where_a_table_should_be_are_a_name() {
        for (sql, name) in [
            ("SELECT * FROM k_corrset(My Scores, 3)", Some("My Scores")),
            ("SELECT * FROM K_CORRSET( Spring 2024 exam , 3)", Some("Spring 2024 exam")),
            ("SELECT * FROM k_corrset(exams/May 2024.csv, 3)", Some("exams/May 2024.csv")),
            ("SELECT * FROM k_corrset(\"My Scores\", 3)", None),
            ("SELECT * FROM k_corrset('My Scores', 3)", None),
            ("SELECT * FROM k_corrset(scores, 3 3)", None),
            ("SELECT * FROM k_corrset((SELECT x y z FROM t), 3)", None),
            ("SELECT My Scores", None),
        ] {
            assert_eq!(words(sql, &GenericDialect).as_deref(), name, "{sql}");
        }
    }
}
