//! Lines while they are typed: when they are complete, names of files, colours.

use std::borrow::Cow;
use std::cell::Cell;

use datafusion::config::Dialect;
use datafusion::sql::parser::DFParser;
use datafusion::sql::sqlparser::dialect::{Dialect as SqlDialect, GenericDialect, dialect_from_str};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer, TokenizerError};
use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper};

use crate::prompt::output::error_text;

/// What an empty line shows until something is typed.
const HINT: &str = " \\? for help, \\q to quit";

const RED: &str = "\x1b[91m";
const GREEN: &str = "\x1b[92m";
const GRAY: &str = "\x1b[90m";
const PLAIN: &str = "\x1b[0m";

/// What helps with a line.
pub(crate) struct LineHelper {
    /// The dialect of SQL that is typed.
    pub(crate) dialect: Dialect,
    /// Whether SQL has colours.
    color: bool,
    files: FilenameCompleter,
    /// Whether nothing has been typed yet.
    is_new: Cell<bool>,
}

impl LineHelper {
    pub(crate) fn new(dialect: Dialect, color: bool) -> Self {
        Self { dialect, color, files: FilenameCompleter::new(), is_new: Cell::new(true) }
    }

    /// Shows the hint again.
    pub(crate) fn renew(&self) {
        self.is_new.set(true);
    }

    /// The words of a line, with their quotes, or what is wrong with them.
    fn tokens(&self, line: &str) -> Result<Vec<Token>, TokenizerError> {
        // Unescaped words would not be those that were typed.
        Tokenizer::new(&*self.sql_dialect(), line).with_unescape(false).tokenize()
    }

    fn sql_dialect(&self) -> Box<dyn SqlDialect> {
        dialect_from_str(self.dialect).unwrap_or_else(|| Box::new(GenericDialect {}))
    }

    /// Whether a quote is open at the end of a line.
    fn is_in_quotes(&self, line: &str) -> bool {
        self.tokens(line).is_err() && self.tokens(&format!("{line}'")).is_ok()
    }

    /// Whether a line is all that there is to run, or goes on.
    fn check(&self, line: &str) -> ValidationResult {
        let line = line.trim();
        if line.is_empty() || line.starts_with('\\') {
            return ValidationResult::Valid(None);
        }
        // In an open quote or comment there is no end.
        let Ok(tokens) = self.tokens(line) else { return ValidationResult::Incomplete };
        let last = tokens.iter().rev().find(|token| !is_blank(token));
        if last.is_some_and(|token| *token != Token::SemiColon) {
            return ValidationResult::Incomplete;
        }
        match DFParser::parse_sql_with_dialect(line, &*self.sql_dialect()) {
            Ok(_) => ValidationResult::Valid(None),
            Err(error) => ValidationResult::Invalid(Some(format!("  {}", error_text(&error)))),
        }
    }
}

/// Whether nothing runs of it: blanks and comments.
fn is_blank(token: &Token) -> bool {
    matches!(token, Token::Whitespace(_))
}

impl Helper for LineHelper {}

impl Validator for LineHelper {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        self.renew();
        Ok(self.check(context.input()))
    }
}

impl Completer for LineHelper {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        if line.starts_with("\\i ") || self.is_in_quotes(&line[..position]) {
            return self.files.complete(line, position, context);
        }
        Ok((position, Vec::new()))
    }
}

impl Hinter for LineHelper {
    type Hint = String;

    fn hint(&self, line: &str, _position: usize, _context: &Context<'_>) -> Option<String> {
        if !line.is_empty() {
            self.is_new.set(false);
        }
        self.is_new.get().then(|| HINT.to_string())
    }
}

impl Highlighter for LineHelper {
    fn highlight<'l>(&self, line: &'l str, _position: usize) -> Cow<'l, str> {
        if !self.color {
            return line.into();
        }
        match self.tokens(line) {
            // Words that come out in another spelling would be another line.
            Ok(tokens) if tokens.iter().map(Token::to_string).collect::<String>() == line => {
                tokens.iter().map(colored).collect::<String>().into()
            }
            _ => line.into(),
        }
    }

    fn highlight_char(&self, line: &str, _position: usize, _kind: CmdKind) -> bool {
        self.color && !line.is_empty()
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        format!("{GRAY}{hint}{PLAIN}").into()
    }
}

fn colored(token: &Token) -> String {
    match token {
        Token::Word(word) if word.keyword != Keyword::NoKeyword => format!("{RED}{token}{PLAIN}"),
        Token::SingleQuotedString(_) => format!("{GREEN}{token}{PLAIN}"),
        _ => token.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn helper() -> LineHelper {
        LineHelper::new(Dialect::Generic, true)
    }

    #[test]
    fn a_statement_ends_with_its_semicolon() {
        let ends = |line: &str| match helper().check(line) {
            ValidationResult::Valid(_) => "valid",
            ValidationResult::Invalid(_) => "invalid",
            ValidationResult::Incomplete => "incomplete",
            _ => "something else",
        };
        for line in [
            "SELECT 1;",
            "SELECT 1; ",
            "SELECT 1; -- one",
            "SELECT 1 /* one; */ ;",
            "SELECT 1; SELECT 2;",
            "SELECT ';';",
            "SELECT 1;;",
            "",
            "  ",
            "\\q",
            "\\i file",
            "-- nothing",
            ";",
        ] {
            assert_eq!(ends(line), "valid", "{line}");
        }
        for line in [
            "SELECT 1",
            "SELECT ';",
            "SELECT 1 -- one;",
            "SELECT 1 /* one;",
            "SELECT 1; SELECT 2",
            "SELECT \"a;",
            "SELECT 1;\nSELECT",
        ] {
            assert_eq!(ends(line), "incomplete", "{line}");
        }
        for line in ["SELEC 1;", "SELECT (1;", "SELECT 1; SELEC 2;"] {
            assert_eq!(ends(line), "invalid", "{line}");
        }
    }

    #[test]
    fn the_dialect_says_what_ends_a_quote() {
        let mut helper = helper();
        let line = "SELECT 'it\\'s;";
        assert!(matches!(helper.check(line), ValidationResult::Valid(_)));
        helper.dialect = Dialect::MySQL;
        assert!(matches!(helper.check(line), ValidationResult::Incomplete));
    }

    #[test]
    fn names_of_files_stand_in_quotes() {
        let helper = helper();
        for line in ["SELECT * FROM 'sc", "SELECT * FROM k_corrset('", "SELECT 'a', '"] {
            assert!(helper.is_in_quotes(line), "{line}");
        }
        for line in ["SELECT", "SELECT 'a'", "SELECT * FROM 'a', b", "SELECT /* '"] {
            assert!(!helper.is_in_quotes(line), "{line}");
        }
    }

    #[test]
    fn colours_change_no_letter() {
        let line = "SELECT 'it''s', \"A\" FROM t -- what";
        let colored = helper().highlight(line, 0).into_owned();
        assert!(colored.contains("\x1b[91mSELECT\x1b[0m") && colored.contains("\x1b[92m'it''s'\x1b[0m"));
        let plain = [RED, GREEN, PLAIN].iter().fold(colored, |text, color| text.replace(color, ""));
        assert_eq!(plain, line);
        for line in ["SELECT 'open", "SELECT E'\\n'"] {
            assert_eq!(helper().highlight(line, 0), line);
        }
        assert_eq!(LineHelper::new(Dialect::Generic, false).highlight(line, 0), line);
    }
}
