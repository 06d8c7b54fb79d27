//! How calls are spelled: in the dialect of SQL that a session parses, or in Python.

use datafusion::common::TableReference;
use datafusion::config::ConfigOptions;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::dialect::{GenericDialect, dialect_from_str};

#[cfg(feature = "python")]
use crate::error::KCorrsetError;
use crate::udtf::advice::frames::{self, Language};
use crate::udtf::settings::KCorrsetSettings;

/// Names and texts as a dialect writes them, and options as the language of calls does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spelling {
    /// That of calls.
    pub(crate) language: Language,
    /// Around names: elsewhere double quotes are around texts.
    quote: char,
    /// Whether a backslash in a text is not itself.
    backslash_escapes: bool,
    /// Whether `name => value` is read.
    arrow: bool,
    /// Whether `SELECT * REPLACE (...)` is read.
    replace: bool,
    /// The word before the columns in `SELECT * EXCLUDE (...)`, if any is read.
    exclude: Option<&'static str>,
}

impl Spelling {
    /// That of a session.
    pub(crate) fn of(config: &ConfigOptions) -> Self {
        let dialect = dialect_from_str(config.sql_parser.dialect);
        let dialect = dialect.unwrap_or_else(|| Box::new(GenericDialect));
        Self {
            language: KCorrsetSettings::of(config).language,
            quote: if dialect.is_delimited_identifier_start('"') { '"' } else { '`' },
            backslash_escapes: dialect.supports_string_literal_backslash_escape(),
            arrow: dialect.supports_named_fn_args_with_rarrow_operator(),
            replace: dialect.supports_select_wildcard_replace(),
            exclude: match () {
                () if dialect.supports_select_wildcard_exclude() => Some("EXCLUDE"),
                () if dialect.supports_select_wildcard_except() => Some("EXCEPT"),
                () => None,
            },
        }
    }

    /// The name of a column.
    pub(crate) fn name(&self, name: &str) -> String {
        let quote = self.quote;
        format!("{quote}{}{quote}", name.replace(quote, &format!("{quote}{quote}")))
    }

    /// The name of a table, of a column of a table, and so on.
    pub(crate) fn reference(&self, reference: &TableReference) -> String {
        let parts = reference.to_vec().into_iter().map(|part| self.name(&part));
        parts.collect::<Vec<_>>().join(".")
    }

    /// What SELECT is given for these columns of a table, some of them computed by expressions.
    pub(crate) fn replacing(&self, columns: &[&str], computed: &[(&str, String)]) -> String {
        let named = |(name, expression): &(&str, String)| format!("{expression} AS {}", self.name(name));
        if self.replace {
            return format!("* REPLACE ({})", joined(computed.iter().map(named)));
        }
        let column = |name: &&str| match computed.iter().find(|(computed, _)| computed == name) {
            Some(computed) => named(computed),
            None => self.name(name),
        };
        joined(columns.iter().map(column))
    }

    /// What SELECT is given for these columns of a table but some, in the shorter of two ways.
    pub(crate) fn excluding(&self, columns: &[&str], excluded: &[&str]) -> String {
        let list = |columns: &mut dyn Iterator<Item = &&str>| joined(columns.map(|name| self.name(name)));
        let rest = list(&mut columns.iter().filter(|name| !excluded.contains(name)));
        let exclude = self.exclude.map(|exclude| format!("* {exclude} ({})", list(&mut excluded.iter())));
        exclude.filter(|exclude| exclude.len() <= rest.len()).unwrap_or(rest)
    }

    /// A text.
    pub(crate) fn text(&self, text: &str) -> String {
        let text = text.replace('\'', "''");
        if self.backslash_escapes { format!("'{}'", text.replace('\\', "\\\\")) } else { format!("'{text}'") }
    }

    /// An option with its value.
    pub(crate) fn option(&self, name: &str, value: &str) -> String {
        match self.language {
            Language::Sql => format!("{name} => {value}"),
            Language::Python(_) => format!("{name}={value}"),
        }
    }

    /// The text of an option's value.
    pub(crate) fn option_text(&self, text: &str) -> String {
        match self.language {
            Language::Sql => self.text(text),
            Language::Python(_) => frames::text(text),
        }
    }

    /// A list of values, for an option.
    pub(crate) fn option_list(&self, values: &[String]) -> String {
        match self.language {
            Language::Sql => format!("make_array({})", values.join(", ")),
            Language::Python(_) => format!("[{}]", values.join(", ")),
        }
    }

    /// An error of ours whose text has options by name, as they are given in the dialect, or the language of
    /// calls.
    ///
    /// `=` is read everywhere, and the arrow is what SQL has.
    pub(crate) fn of_options(&self, error: DataFusionError) -> DataFusionError {
        match error {
            DataFusionError::Plan(text) if text.starts_with("k_corrset") => {
                DataFusionError::Plan(self.of_text(text))
            }
            other => other,
        }
    }

    /// An error of a call that is one of Python, whatever it is an error of.
    #[cfg(feature = "python")]
    pub(crate) fn of_call(&self, error: DataFusionError) -> DataFusionError {
        let text = match error.find_root() {
            DataFusionError::Plan(text) if text.starts_with("k_corrset") => text.clone(),
            DataFusionError::External(error) if error.is::<KCorrsetError>() => error.to_string(),
            _ => return error,
        };
        // Others keep their type.
        if text.contains(" => ") { DataFusionError::Plan(self.of_text(text)) } else { error }
    }

    /// A text of ours, likewise.
    pub(crate) fn of_text(&self, text: String) -> String {
        match self.language {
            Language::Sql if self.arrow => text,
            Language::Sql => text.replace(" => ", " = "),
            Language::Python(_) => {
                let literals = text.replace("=> true", "=> True").replace("=> false", "=> False");
                literals.replace(" => ", "=").replace("(SELECT questions FROM best)", "best")
            }
        }
    }
}

fn joined(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelling(dialect: &str) -> Spelling {
        let mut config = ConfigOptions::default();
        config.set("datafusion.sql_parser.dialect", dialect).unwrap();
        Spelling::of(&config)
    }

    #[test]
    fn names_and_texts_have_the_quotes_of_the_dialect() {
        assert_eq!(spelling("postgresql").name("my \"user\""), "\"my \"\"user\"\"\"");
        assert_eq!(spelling("mysql").name("my `user`"), "`my ``user```");
        assert_eq!(spelling("generic").text("it's \\N"), "'it''s \\N'");
        assert_eq!(spelling("bigquery").text("it's \\N"), "'it''s \\\\N'");
        let table = TableReference::partial("My", "scores.csv");
        assert_eq!(spelling("spark").reference(&table), "`My`.`scores.csv`");
    }

    #[test]
    fn columns_are_listed_where_a_star_cannot_do_without_some() {
        let columns = ["student", "group", "calm", "sleep"];
        let computed = [("group", "upper(\"group\")".to_string())];
        let written = |dialect| {
            let spelling = spelling(dialect);
            (spelling.replacing(&columns, &computed), spelling.excluding(&columns, &["group"]))
        };
        let star = "* REPLACE (upper(\"group\") AS \"group\")".to_string();
        assert_eq!(written("duckdb"), (star, "* EXCLUDE (\"group\")".to_string()));
        let list = "\"student\", upper(\"group\") AS \"group\", \"calm\", \"sleep\"".to_string();
        assert_eq!(written("postgresql"), (list, "\"student\", \"calm\", \"sleep\"".to_string()));
        assert_eq!(written("spark").1, "* EXCEPT (`group`)");
        // The shorter one.
        assert_eq!(spelling("duckdb").excluding(&columns, &columns[1..]), "\"student\"");
    }

    #[test]
    fn options_are_given_as_the_dialect_reads_them() {
        let error = || DataFusionError::Plan("k_corrset takes min_users => 30".to_string());
        assert!(spelling("mssql").of_options(error()).to_string().ends_with("min_users = 30"));
        assert!(spelling("mysql").of_options(error()).to_string().ends_with("min_users => 30"));
    }
}
