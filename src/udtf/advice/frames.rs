//! What mends data, in Python: with the frames of pandas or polars that they are, or may become.

use std::fmt::Write;

/// The language that errors tell in what to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Language {
    /// That of the session's dialect.
    #[default]
    Sql,
    /// Python, where the data are such.
    #[cfg_attr(not(feature = "python"), allow(dead_code))]
    Python(Data),
}

/// What data are in Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "python"), allow(dead_code))]
pub(crate) enum Data {
    /// A frame of pandas, or what this expression makes one of.
    Pandas(&'static str),
    /// A frame of polars.
    Polars,
    /// The path of files, which SQL reads.
    Path,
}

/// What a remedy does to a table.
#[derive(Debug, Clone)]
pub(crate) enum Change<'a> {
    /// The values of a column become their text.
    Text(&'a str),
    /// The same, with zeros in front up to so many digits.
    Padded(&'a str, usize),
    /// The values of columns are read as numbers, and null where they are none; of texts, after these replacements.
    Numbers(Vec<&'a str>, Vec<(String, &'static str)>),
    /// Each of these values of a column becomes a number, and all others null.
    Points(&'a str, Vec<(String, usize)>),
    /// The numbers of a column become floats.
    Floats(&'a str),
    /// The numbers of a column that are NaN or infinite become null.
    Finite(&'a str),
    /// Rows are left out in which a column is null.
    Present(&'a str),
    /// Columns are left out.
    Without(Vec<&'a str>),
    /// Of rows that agree in these columns one is left, or of equal rows if there are none.
    Once(Vec<&'a str>),
    /// Of rows that agree in some columns the one is left that is first, or last, by another; which is left out.
    First { keys: Vec<&'a str>, by: &'a str, last: bool, keeps_by: bool },
    /// Rows that agree in some columns become one, with `mean` or `max` of another.
    Grouped { keys: Vec<&'a str>, column: &'a str, function: &'static str },
    /// A column becomes its `mean` or `max` over all rows of a user.
    OfUser { user: &'a str, column: &'a str, function: &'static str },
    /// A column becomes the text of itself and another.
    Joined(&'a str, &'a str),
}

impl Data {
    /// What does this to the data; `None` where nobody would write it in a line.
    ///
    /// # Arguments
    /// `sql`: the subquery that does the same.
    pub(crate) fn changed(self, change: Option<Change<'_>>, sql: &str) -> Option<String> {
        match self {
            Self::Pandas(data) => pandas(data, change?),
            Self::Polars => polars(change?),
            Self::Path => {
                let query = sql.strip_prefix('(').and_then(|sql| sql.strip_suffix(')')).unwrap_or(sql);
                Some(format!("connect().sql(\"\"\"{query} \"\"\")"))
            }
        }
    }
}

fn pandas(data: &str, change: Change<'_>) -> Option<String> {
    let assign =
        |column: &str, value: String| format!("{data}.assign(**{{{}: lambda rows: {value}}})", text(column));
    let of = |column: &str| format!("rows[{}]", text(column));
    Some(match change {
        Change::Text(column) => format!("{data}.astype({{{}: str}})", text(column)),
        Change::Padded(column, width) => {
            assign(column, format!("{}.astype(str).str.zfill({width})", of(column)))
        }
        Change::Numbers(columns, replaced) => {
            let [column] = columns[..] else {
                let columns = list(&columns);
                return Some(format!(
                    "{data}.apply(lambda column: pandas.to_numeric(column, errors='coerce') if column.name in \
                     {columns} else column)"
                ));
            };
            let mut value = of(column);
            for (from, to) in replaced {
                write!(value, ".str.replace({}, {}, regex=False)", text(&from), text(to)).ok()?;
            }
            assign(column, format!("pandas.to_numeric({value}, errors='coerce')"))
        }
        Change::Points(column, points) => assign(column, format!("{}.map({})", of(column), dict(&points))),
        Change::Floats(column) => format!("{data}.astype({{{}: float}})", text(column)),
        Change::Finite(column) => assign(column, format!("{0}.where({0}.abs() < float('inf'))", of(column))),
        Change::Present(column) => format!("{data}.dropna(subset={})", list(&[column])),
        Change::Without(columns) => format!("{data}.drop(columns={})", list(&columns)),
        Change::Once(keys) if keys.is_empty() => format!("{data}.drop_duplicates()"),
        Change::Once(keys) => format!("{data}.drop_duplicates({})", list(&keys)),
        Change::First { keys, by, last, keeps_by } => {
            let keep = if last { "last" } else { "first" };
            let drop = if keeps_by { String::new() } else { format!(".drop(columns={})", list(&[by])) };
            format!("{data}.sort_values({}).drop_duplicates({}, keep='{keep}'){drop}", text(by), list(&keys))
        }
        Change::Grouped { keys, column, function } => {
            format!("{data}.groupby({}, as_index=False)[{}].{function}()", list(&keys), text(column))
        }
        Change::OfUser { user, column, function } => {
            let value = format!("rows.groupby({})[{}].transform('{function}')", text(user), text(column));
            assign(column, value)
        }
        Change::Joined(column, other) => {
            assign(column, format!("{}.astype(str) + '/' + {}.astype(str)", of(column), of(other)))
        }
    })
}

fn polars(change: Change<'_>) -> Option<String> {
    let column_of = |column: &str| format!("polars.col({})", text(column));
    let with = |value: String| format!("data.with_columns({value})");
    Some(match change {
        Change::Text(column) => format!("data.cast({{{}: polars.String}})", text(column)),
        Change::Padded(column, width) => {
            with(format!("{}.cast(polars.String).str.zfill({width})", column_of(column)))
        }
        Change::Numbers(columns, replaced) => {
            let mut value = format!("polars.col({})", list(&columns));
            for (from, to) in replaced {
                write!(value, ".str.replace_all({}, {}, literal=True)", text(&from), text(to)).ok()?;
            }
            with(format!("{value}.cast(polars.Float64, strict=False)"))
        }
        Change::Points(column, points) => {
            with(format!("{}.replace_strict({}, default=None)", column_of(column), dict(&points)))
        }
        Change::Floats(column) => format!("data.cast({{{}: polars.Float64}})", text(column)),
        Change::Finite(column) => with(format!("polars.when({0}.is_finite()).then({0})", column_of(column))),
        Change::Present(column) => format!("data.drop_nulls({})", list(&[column])),
        Change::Without(columns) => format!("data.drop({})", list(&columns)),
        Change::Once(keys) if keys.is_empty() => "data.unique()".to_string(),
        Change::Once(keys) => format!("data.unique({})", list(&keys)),
        Change::First { keys, by, last, keeps_by } => {
            let keep = if last { "last" } else { "first" };
            let drop = if keeps_by { String::new() } else { format!(".drop({})", text(by)) };
            format!(
                "data.sort({}).unique({}, keep='{keep}', maintain_order=True){drop}",
                text(by),
                list(&keys)
            )
        }
        Change::Grouped { keys, column, function } => {
            format!("data.group_by({}).agg({}.{function}())", list(&keys), column_of(column))
        }
        Change::OfUser { user, column, function } => {
            with(format!("{}.{function}().over({})", column_of(column), text(user)))
        }
        Change::Joined(column, other) => {
            let both = list(&[column, other]);
            with(format!("polars.concat_str({both}, separator='/').alias({})", text(column)))
        }
    })
}

/// A text in Python.
pub(super) fn text(text: &str) -> String {
    let mut written = String::from("'");
    for character in text.chars() {
        match character {
            '\'' | '\\' => written.extend(['\\', character]),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            other => written.push(other),
        }
    }
    written.push('\'');
    written
}

fn list(texts: &[&str]) -> String {
    let texts: Vec<String> = texts.iter().map(|it| text(it)).collect();
    format!("[{}]", texts.join(", "))
}

fn dict(points: &[(String, usize)]) -> String {
    let points: Vec<String> = points.iter().map(|(it, points)| format!("{}: {points}", text(it))).collect();
    format!("{{{}}}", points.join(", "))
}
