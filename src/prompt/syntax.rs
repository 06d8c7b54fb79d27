//! The syntax of SQL's statements, for `\h`.

use std::fmt::Write;

/// Statements, with their syntax in short.
const STATEMENTS: [(&str, &str); 12] = [
    (
        "COPY",
        "COPY { table | (query) } TO 'file'\n    [STORED AS { CSV | JSON | PARQUET }] [PARTITIONED BY (column, …)] \
         [OPTIONS ('name' 'value', …)]",
    ),
    (
        "CREATE EXTERNAL TABLE",
        "CREATE [OR REPLACE] EXTERNAL TABLE [IF NOT EXISTS] name [(column type, …)]\n    \
         STORED AS { CSV | JSON | PARQUET } [PARTITIONED BY (column, …)] [WITH ORDER (column, …)]\n    \
         [OPTIONS ('name' 'value', …)] LOCATION 'path'",
    ),
    ("CREATE TABLE", "CREATE [OR REPLACE] TABLE [IF NOT EXISTS] name { (column type, …) | AS query }"),
    ("CREATE VIEW", "CREATE [OR REPLACE] VIEW name AS query"),
    ("DESCRIBE", "DESCRIBE { table | query }"),
    ("DROP", "DROP { TABLE | VIEW } [IF EXISTS] name"),
    ("EXPLAIN", "EXPLAIN [ANALYZE] [VERBOSE] [FORMAT { INDENT | TREE | PGJSON | GRAPHVIZ }] statement"),
    ("INSERT", "INSERT INTO table [(column, …)] { VALUES (value, …), … | query }"),
    ("PREPARE", "PREPARE name [(type, …)] AS statement\nEXECUTE name [(value, …)]\nDEALLOCATE name"),
    (
        "SELECT",
        "[WITH name AS (query), …]\nSELECT [DISTINCT [ON (expression, …)]] { * | expression [AS name] }, …\n\
         FROM   { table | 'file' | (query) | k_corrset(table, k [, option => value, …]) } [[AS] name]\n       \
         [[INNER | LEFT | RIGHT | FULL | CROSS] JOIN … { ON condition | USING (column, …) }]\n\
         WHERE  condition\nGROUP  BY { ALL | expression, … }\nHAVING condition\n\
         { UNION | INTERSECT | EXCEPT } [ALL] query\n\
         ORDER  BY expression [ASC | DESC] [NULLS { FIRST | LAST }], …\nLIMIT  number OFFSET number",
    ),
    ("SET", "SET name = value\nRESET name"),
    ("SHOW", "SHOW { ALL | TABLES | FUNCTIONS | COLUMNS FROM table | name }"),
];

/// Where all is told.
const REFERENCE: &str = "https://datafusion.apache.org/user-guide/sql/";

/// The names of all statements.
pub(crate) fn list() -> String {
    let mut text = String::from("\\h STATEMENT describes one of\n");
    for (name, _) in STATEMENTS {
        let _ = writeln!(text, "  {name}");
    }
    text + REFERENCE
}

/// The syntax of the statements whose names begin with some words, in any letter case.
pub(crate) fn describe(words: &str) -> Option<String> {
    let words = words.to_uppercase();
    let named =
        |name: &str| name.strip_prefix(&words).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    let found: Vec<&str> = STATEMENTS.iter().filter(|(name, _)| named(name)).map(|(_, text)| *text).collect();
    (!found.is_empty()).then(|| format!("{}\n{REFERENCE}", found.join("\n\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_found_by_its_first_words() {
        assert!(describe("insert").unwrap().starts_with("INSERT INTO table"));
        assert!(describe("create table").unwrap().starts_with("CREATE [OR REPLACE] TABLE"));
        assert_eq!(describe("Create").unwrap().matches("CREATE [OR REPLACE]").count(), 3);
        assert_eq!(describe("CREATE TAB"), None);
        assert_eq!(describe("frobnicate"), None);
        assert!(STATEMENTS.is_sorted());
        assert!(STATEMENTS.iter().all(|(name, _)| list().contains(name)));
    }
}
