//! Every failure a user can meet, one variant each.
//!
//! A message says what was expected, what was got and what to write instead. It is short, and
//! shows no more of the data than the value that it is about: messages end in logs, notebooks and
//! other people's screens.

mod unfit_columns;

use std::fmt;

pub use unfit_columns::UnfitColumns;

/// A result whose error is a [`KCorrsetError`].
pub type Result<T, E = KCorrsetError> = std::result::Result<T, E>;

/// Why a call of `k_corrset` has no answer.
///
/// Inside DataFusion, errors of the call itself (its arguments, the columns of
/// the table) arrive as `DataFusionError::Plan`. Errors of the data arrive as
/// `DataFusionError::External` around this type, so that an application can
/// find it with `downcast_ref`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KCorrsetError {
    /// No table, no k, or more than a struct of options behind them.
    #[error(
        "k_corrset takes a table, k, and then options, \
         as in k_corrset(scores, 5, min_users => 30); got {got} argument(s)"
    )]
    ArgumentCount {
        /// How many there were.
        got: usize,
    },

    /// The first argument is no table.
    #[error(
        "k_corrset: the first argument must be a table, as in k_corrset(scores, 5), \
         k_corrset('my_schema.scores', 5) or k_corrset((SELECT ...), 5); got {got}",
        got = short(got)
    )]
    TableArgument {
        /// The expression found instead.
        got: String,
    },

    /// No such table.
    #[error("k_corrset: table '{name}' not found{}", did_you_mean(near), name = short(name))]
    UnknownTable {
        /// The name as it was resolved.
        name: String,
        /// Names of tables that are spelled alike.
        near: Vec<String>,
    },

    /// The table's catalog has to be waited for, where waiting would block.
    #[error(
        "k_corrset: the catalog of table '{name}' answers asynchronously, and a current-thread \
         runtime or a task of a LocalSet cannot wait for it while planning; write k_corrset((SELECT * FROM {name}), ...), \
         whose tables are looked up before",
        name = short(name)
    )]
    TableNotReady {
        /// The name as it was written.
        name: String,
    },

    /// k is not an integer.
    #[error(
        "k_corrset: k, the second argument, must be an integer of 1 or more, \
         as in k_corrset(scores, 5); got {got}",
        got = short(got)
    )]
    SubsetSizeType {
        /// The expression or value found instead.
        got: String,
    },

    /// k is an integer, but less than 1.
    #[error("k_corrset: k must be 1 or more; got {got}", got = short(got))]
    SubsetSizeRange {
        /// The value.
        got: String,
    },

    /// The table lacks one of the three columns.
    #[error(
        "k_corrset: the table has no {role} column '{name}'; its columns are {}; \
         name the one to use with {role} => '...'",
        quoted_list(columns),
        name = short(name)
    )]
    MissingColumn {
        /// `user`, `question` or `score`.
        role: &'static str,
        /// The name looked for.
        name: String,
        /// The names there are.
        columns: Vec<String>,
    },

    /// The table has neither a question nor a score column of the usual name.
    #[error(
        "k_corrset: the table has none of the columns {}; its columns are {}; if each row is an answer, \
         name those that say who answered what and how well, as in {}; if each row is a user and each \
         column a question, write wide => true{}",
        match user { Some(_) => "'question' and 'score'", None => "'user', 'question' and 'score'" },
        quoted_list(columns),
        renamed(user.as_deref(), columns),
        match user { Some(_) => "", None => ", and user => '...' if one column names the users" },
    )]
    NoAnswerColumns {
        /// The user column, if it is there.
        user: Option<String>,
        /// The names there are.
        columns: Vec<String>,
    },

    /// A wide table without a question.
    #[error(
        "k_corrset: with wide => true each column but the user's is a question, and the table has {}; \
         leave out wide => true if each row is an answer",
        match user {
            Some(user) => format!("no other column than '{}'", short(user)),
            None => "no column".to_string(),
        }
    )]
    NoQuestionColumns {
        /// The user column, if there is one.
        user: Option<String>,
    },

    /// Columns of a wide table that are no scores.
    #[error(
        "k_corrset: with wide => true each column but the user's is a question, whose values must be \
         boolean, integer, floating point or decimal; {0}"
    )]
    WideScoreTypes(Box<UnfitColumns>),

    /// An option that has no meaning for wide tables.
    #[error(
        "k_corrset: option '{option}' has no meaning with wide => true, where the names of columns are the \
         questions and their values the scores; leave out one of the two, and leave columns that are no \
         questions out of the table, as in k_corrset((SELECT * EXCLUDE (...) FROM ...), 5, wide => true)"
    )]
    WideOption {
        /// `question` or `score`.
        option: &'static str,
    },

    /// More than one column has the wanted name.
    #[error(
        "k_corrset: the {role} column '{name}' is ambiguous, \
         more than one column has that name; rename one with AS",
        name = short(name)
    )]
    AmbiguousColumn {
        /// `user`, `question` or `score`.
        role: &'static str,
        /// The name looked for.
        name: String,
    },

    /// The score column is not numeric.
    #[error(
        "k_corrset: the score column '{name}' must be boolean, integer, floating point or decimal, \
         not {data_type}; write CAST(\"{name}\" AS DOUBLE) or CAST(\"{name}\" AS BIGINT) in a view",
        name = short(name),
        data_type = short(data_type)
    )]
    ScoreType {
        /// The column.
        name: String,
        /// Its Arrow type.
        data_type: String,
    },

    /// The score column has an extension type, so what is stored need not be what is meant.
    #[error(
        "k_corrset: the score column '{name}' must be boolean, integer, floating point or decimal, \
         not of the extension type '{extension}', whose values need not be the numbers they are stored as \
         ({data_type}); if they are, write CAST(\"{name}\" AS DOUBLE) or CAST(\"{name}\" AS BIGINT) in a view",
        name = short(name),
        extension = short(extension),
        data_type = short(data_type)
    )]
    ScoreExtensionType {
        /// The column.
        name: String,
        /// The name of its type.
        extension: String,
        /// The Arrow type of what is stored.
        data_type: String,
    },

    /// The user or question column has a type whose values do not identify anything.
    #[error(
        "k_corrset: the {role} column '{name}' must be a string, integer, boolean, decimal, binary, \
         date or timestamp, not {data_type}; write CAST(\"{name}\" AS VARCHAR) in a view",
        name = short(name),
        data_type = short(data_type)
    )]
    KeyType {
        /// `user` or `question`.
        role: &'static str,
        /// The column.
        name: String,
        /// Its Arrow type.
        data_type: String,
    },

    /// The third argument is not a struct literal.
    #[error(
        "k_corrset: options are given by name, as in min_users => 30, or as a struct in third place, \
         as in {{'min_users': 30, 'top': 100}}; got {got}",
        got = short(got)
    )]
    OptionsArgument {
        /// The expression found instead.
        got: String,
    },

    /// An option that does not exist.
    #[error(
        "k_corrset: unknown option '{name}'; the options are {}",
        quoted_list(valid),
        name = short(name)
    )]
    UnknownOption {
        /// The name found.
        name: String,
        /// The names there are.
        valid: Vec<String>,
    },

    /// An argument given more than once.
    #[error("k_corrset: '{name}' is given more than once", name = short(name))]
    OptionTwice {
        /// The argument.
        name: String,
    },

    /// An argument that is neither an expression nor `name => value`.
    #[error(
        "k_corrset: an argument is an expression, or an option as in min_users => 30; got {got}",
        got = short(got)
    )]
    Argument {
        /// What was found.
        got: String,
    },

    /// Something around the call that it does not understand.
    #[error(
        "k_corrset: {modifier} has no meaning for k_corrset(...); \
         write it of the input, as in k_corrset((SELECT ...), 5), or of a query around the call"
    )]
    Modifier {
        /// What was found.
        modifier: &'static str,
    },

    /// A subquery argument with columns of the query around the call.
    #[error(
        "k_corrset: the subquery may not use columns of the query around it; \
         every call is one table, the same for all rows"
    )]
    Correlated,

    /// A prepared statement run without a value.
    #[error("k_corrset: {placeholder} has no value; EXECUTE the statement with one, or bind it")]
    Unbound {
        /// `$1`, or `$name`.
        placeholder: String,
    },

    /// The setting names instructions that there are not.
    #[error(
        "k_corrset: unknown kernel '{name}'; this processor has {}; write \
         SET k_corrset.kernel = 'best' for the best of them",
        quoted_list(valid),
        name = short(name)
    )]
    UnknownKernel {
        /// The name found.
        name: String,
        /// The names there are.
        valid: Vec<String>,
    },

    /// An option with a value of the wrong type or range.
    #[error(
        "k_corrset: option '{name}' must be {expected}; got {got}; the options are {}",
        quoted_list(valid),
        name = short(name),
        got = short(got)
    )]
    OptionValue {
        /// The option.
        name: String,
        /// What it takes.
        expected: &'static str,
        /// The value found.
        got: String,
        /// The names of all options.
        valid: Vec<String>,
    },

    /// A question that is to be in every subset and in none.
    #[error(
        "k_corrset: question '{question}' is in both 'include' and 'exclude'; remove it from one",
        question = short(question)
    )]
    IncludedAndExcluded {
        /// The question.
        question: String,
    },

    /// Rows without a user or without a question.
    #[error(
        "k_corrset: {rows} row(s) have no {role} (column '{name}' is NULL); \
         filter them with WHERE \"{name}\" IS NOT NULL in a view",
        name = short(name)
    )]
    NullKey {
        /// `user` or `question`.
        role: &'static str,
        /// The column.
        name: String,
        /// How many rows.
        rows: usize,
    },

    /// A score that is NaN or infinite.
    #[error(
        "k_corrset: the score of user '{user}' on question '{question}' is {value}; scores must be \
         finite; write NULL for a question that was not answered",
        user = short(user),
        question = short(question),
        value = short(value)
    )]
    ScoreNotFinite {
        /// The user.
        user: String,
        /// The question.
        question: String,
        /// `NaN`, `inf` or `-inf`.
        value: String,
    },

    /// A score that is NaN or infinite, of a user who has no name.
    #[error(
        "k_corrset: column {name} has the score {value}; scores must be finite; write NULL for a question \
         that was not answered, as in SELECT * REPLACE (NULLIF({name}, '{value}') AS {name}) FROM ...",
        name = identifier(name),
        value = short(value)
    )]
    ColumnNotFinite {
        /// The column.
        name: String,
        /// `NaN`, `inf` or `-inf`.
        value: String,
    },

    /// Two rows of a wide table in which one user has answered one question.
    #[error(
        "k_corrset: user '{user}' has answered question '{question}' in more than one row; with \
         wide => true each row is a user; keep one row of each, as in SELECT DISTINCT ON ({column}) * \
         FROM ..., or, if each row is a user of its own, leave the column out, as in \
         k_corrset((SELECT * EXCLUDE ({column}) FROM ...), 5, wide => true){}",
        long_hint(*looks_long),
        user = short(user),
        question = short(question),
        column = identifier(user_column)
    )]
    DuplicateUser {
        /// The user.
        user: String,
        /// The question.
        question: String,
        /// Name of the user column.
        user_column: String,
        /// Whether there are columns `question` and `score`.
        looks_long: bool,
    },

    /// Two scores for one question and one user.
    #[error(
        "k_corrset: user '{user}' has more than one score on question '{question}'; make one of them \
         first, as in SELECT \"{user_column}\", \"{question_column}\", max(\"{score_column}\") AS \
         \"{score_column}\" FROM ... GROUP BY \"{user_column}\", \"{question_column}\"",
        user = short(user),
        question = short(question),
        user_column = short(user_column),
        question_column = short(question_column),
        score_column = short(score_column)
    )]
    DuplicateAnswer {
        /// The user.
        user: String,
        /// The question.
        question: String,
        /// Name of the user column.
        user_column: String,
        /// Name of the question column.
        question_column: String,
        /// Name of the score column.
        score_column: String,
    },

    /// An option names a question that no row has.
    #[error(
        "k_corrset: option '{option}' names question '{question}', which no row has",
        question = short(question)
    )]
    UnknownQuestion {
        /// `include`, `exclude`, or the sweep's own `any`.
        option: &'static str,
        /// The name.
        question: String,
    },

    /// The enumeration would not end.
    #[error(
        "k_corrset: {k} of {questions} questions make more than 2^63 subsets; \
         use a smaller k, 'include' or 'exclude' questions, or add a LIMIT"
    )]
    TooManySubsets {
        /// How many questions there are to choose from.
        questions: usize,
        /// How many are chosen.
        k: usize,
    },

    /// A batch whose columns are not those of its table.
    #[error(
        "k_corrset: a batch of the input has the columns {got}; expected those of its table, {expected}",
        got = short(got),
        expected = short(expected)
    )]
    BatchSchema {
        /// The columns of the table, with their types.
        expected: String,
        /// The columns of the batch.
        got: String,
    },

    /// More distinct values than an id can count.
    #[error("k_corrset: more than {limit} distinct values in the {role} column")]
    TooManyKeys {
        /// `user` or `question`.
        role: &'static str,
        /// The largest number there may be.
        limit: u64,
    },

    /// Exact scores whose sums do not fit 256 bits.
    #[error(
        "k_corrset: the scores spread over so many digits that their sums do not fit 256 bits; \
         write CAST(\"{name}\" AS DOUBLE) in a view",
        name = short(name)
    )]
    ScoresTooWide {
        /// The score column.
        name: String,
    },

    /// The connection to a worker of a cluster ended before it had sent its rows.
    #[error(
        "k_corrset: lost the worker at {worker} before it had sent all its rows, so there is no result \
         ({message}); see whether it still runs, and run the query again",
        worker = short(worker),
        message = short(message)
    )]
    WorkerLost {
        /// Its address.
        worker: String,
        /// What the network says.
        message: String,
    },

    /// A bug in this crate, caught before it could take the process along.
    #[error(
        "k_corrset: internal error in a sweep worker: {message}; please report this",
        message = short(message)
    )]
    Worker {
        /// The text of the panic.
        message: String,
    },
}

impl KCorrsetError {
    /// The same with the table's name in the queries that the text proposes.
    pub(crate) fn with_table(mut self, name: &str) -> Self {
        if let Self::WideScoreTypes(columns) = &mut self {
            columns.table = name.to_string();
        }
        self
    }
}

/// The most bytes of an error's text.
pub const LONGEST_TEXT: usize = 2048;

/// What begins where a text goes on with data: rows of JSON, tables and batches as Rust's `Debug`
/// shows them, and Arrow's rows of CSV.
const DUMPS: [&str; 7] = [
    "Array [",
    "Object {",
    "RecordBatch {",
    "PrimitiveArray<",
    "StringArray
",
    "MemTable {",
    "Row data:",
];

/// The text of an error of whatever layer, without data, and of at most [`LONGEST_TEXT`] bytes.
///
/// DataFusion and Arrow put into some errors what they were reading: all of a JSON file, all
/// columns of a table, all rows of a table in memory.
pub fn bounded(mut text: String) -> String {
    const CUT: &str = "…";
    if let Some(dump) = DUMPS.iter().filter_map(|dump| text.find(dump)).min() {
        text.truncate(dump);
        text.push_str(CUT);
    }
    if text.len() > LONGEST_TEXT {
        text.truncate(text.floor_char_boundary(LONGEST_TEXT - CUT.len()));
        text.push_str(CUT);
    }
    text
}

/// The most bytes of one name or value in a text.
const LONGEST_VALUE: usize = 200;

/// A name or value, of which only the beginning is shown if it is long.
pub(crate) fn short(value: &str) -> impl fmt::Display {
    short_to(value, LONGEST_VALUE)
}

/// A name or value, of which only the beginning is shown if it has more than so many bytes.
fn short_to(value: &str, longest: usize) -> String {
    match value.len() > longest {
        true => format!("{}… ({} bytes)", &value[..value.floor_char_boundary(longest)], value.len()),
        false => value.to_string(),
    }
}

/// The most bytes of all names of a list.
const LONGEST_LIST: usize = 800;

/// `'a', 'b', 'c'`, and how many more there are if there are many.
pub(crate) fn quoted_list(names: &[String]) -> impl fmt::Display {
    let mut list = String::new();
    for (number, name) in names.iter().enumerate() {
        let name = format!("'{}'", short(name));
        if list.len() + name.len() > LONGEST_LIST {
            return format!("{list} and {} more", names.len() - number);
        }
        if number > 0 {
            list.push_str(", ");
        }
        list.push_str(&name);
    }
    list
}

/// `; did you mean 'a' or 'b'?`, or nothing where nothing is near.
pub(crate) fn did_you_mean(near: &[String]) -> impl fmt::Display {
    let quoted: Vec<String> = near.iter().map(|name| format!("'{}'", short(name))).collect();
    match quoted.is_empty() {
        true => String::new(),
        false => format!("; did you mean {}?", quoted.join(" or ")),
    }
}

/// A name as SQL writes it, whatever is in it; of one that is long only the beginning.
fn identifier(name: &str) -> String {
    format!("\"{}\"", short(name).to_string().replace('"', "\"\""))
}

/// The columns that are to play the three roles: those whose names have the role's in them.
fn renamed(user: Option<&str>, columns: &[String]) -> String {
    let option = |role: &&str| {
        let like = columns.iter().find(|name| name.to_lowercase().contains(role));
        let like = like.map_or("...".to_string(), |name| short(name).to_string().replace('\'', "''"));
        format!("{role} => '{like}'")
    };
    let roles = ["user", "question", "score"];
    let missing = if user.is_some() { &roles[1..] } else { &roles[..] };
    missing.iter().map(option).collect::<Vec<_>>().join(", ")
}

/// What to do about a table that may not be wide.
fn long_hint(looks_long: bool) -> &'static str {
    match looks_long {
        true => "; if each row is one answer, to what is in column 'question', leave out wide => true",
        false => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_where_data_begin_or_it_is_long() {
        let text = |text: &str| bounded(text.to_string());
        assert_eq!(text("k must be 1 or more; got [1, 2]"), "k must be 1 or more; got [1, 2]");
        assert_eq!(
            text("Expected JSON record to be an object, found Array [Object {\"user\": String(\"ann\")}]"),
            "Expected JSON record to be an object, found …"
        );
        assert_eq!(text("Plan: MemTable { batches: [RecordBatch { schema"), "Plan: …");
        let long = bounded("ü".repeat(2000));
        assert!(long.len() <= LONGEST_TEXT && long.len() > LONGEST_TEXT - 8 && long.ends_with('…'));
    }

    #[test]
    fn names_and_lists_are_short() {
        let columns: Vec<String> = (0..5000).map(|number| format!("column_{number:04}")).collect();
        let error = KCorrsetError::MissingColumn { role: "user", name: "u".repeat(1 << 20), columns };
        let text = error.to_string();
        assert!(text.len() <= LONGEST_TEXT, "{} bytes", text.len());
        assert!(text.contains("'column_0000', 'column_0001'") && text.contains(" more; name the one to use"));
        assert!(text.contains("… (1048576 bytes)"));
        let all = KCorrsetError::DuplicateAnswer {
            user: "ü".repeat(5000),
            question: "q".repeat(5000),
            user_column: "c".repeat(5000),
            question_column: "d".repeat(5000),
            score_column: "s".repeat(5000),
        };
        assert!(all.to_string().len() <= LONGEST_TEXT, "{} bytes", all.to_string().len());
        assert!(all.to_string().ends_with("\""), "the advice is whole");
    }
}
