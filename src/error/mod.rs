//! Every failure a user can meet, one variant each.
//!
//! A message says what was expected, what was got and what to write instead. It is short, and
//! shows no more of the data than the value that it is about: messages end in logs, notebooks and
//! other people's screens.
//!
//! SQL that a message gives stands on lines of its own, indented by [`REMEDY_INDENT`], and is whole: it can be
//! copied as it stands. The variants carry it as [`Remedy`], as it depends on the data and on
//! the dialect of the session.

mod remedy;
mod text;
mod unfit_columns;

pub use remedy::{Place, Remedy};
#[cfg(feature = "distributed")]
pub(crate) use text::with_sources;
pub use text::{LONGEST_TEXT, REMEDY_INDENT, bounded};
use text::{advice, advice_or, examples, lines, long_hint};
pub(crate) use text::{did_you_mean, quoted_list, short};
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
         runtime or a task of a LocalSet cannot wait for it while planning{}",
        advice(remedies),
        name = short(name)
    )]
    TableNotReady {
        /// The name as it was written.
        name: String,
        /// The subquery, whose tables are looked up before.
        remedies: Vec<Remedy>,
    },

    /// k is neither an integer nor a list of some.
    #[error(
        "k_corrset: k, the second argument, must be an integer of 1 or more, \
         as in k_corrset(scores, 5), or a list of these, as in k_corrset(scores, make_array(5, 10)); got {got}",
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

    /// The sets are neither lists of questions nor a table that has some.
    #[error(
        "k_corrset: sets must be a table or a subquery with one column of lists of questions, as in \
         sets => (SELECT questions FROM best), or a list of lists, as in sets => [['q1', 'q2'], ['q3']]; \
         got {got}{}",
        advice(remedies),
        got = short(got)
    )]
    SetsType {
        /// What was found.
        got: String,
        /// What reads text as lists.
        remedies: Vec<Remedy>,
    },

    /// Something that has no meaning where sets are given.
    #[error(
        "k_corrset: {option} has no meaning with sets => ..., which says what the sets are; leave one of the two out"
    )]
    SetsOption {
        /// `k`, or `search => 'heuristic'`.
        option: &'static str,
    },

    /// A given set that is none.
    #[error("k_corrset: sets has {set}, {fault}; a set is a list of different questions", set = short(set))]
    GivenSet {
        /// The set.
        set: String,
        /// What is wrong with it.
        fault: &'static str,
    },

    /// A heuristic without the number of its rows.
    #[error(
        "k_corrset: search => 'heuristic' finds the best sets it can, and has to be told how many: \
         add the option 'top'"
    )]
    HeuristicWithoutTop,

    /// An option of a heuristic for a search that is none.
    #[error(
        "k_corrset: option '{option}' is one of a heuristic; add search => 'heuristic', or leave it out: \
         other rows are exact, however they are found"
    )]
    ExactOption {
        /// `effort` or `seed`.
        option: &'static str,
    },

    /// Scores are to be taken out of what they are no part of.
    #[error(
        "k_corrset: {option} takes a set's own scores out of the grand total, and with criterion => '...' \
         there is no grand total; leave one of the two out"
    )]
    CorrectedCriterion {
        /// `corrected => true`, or a statistic.
        option: &'static str,
    },

    /// A column of partitions that has the name of a column of the result.
    #[error(
        "k_corrset: the partition_by column '{name}' has the name of a column of the result; give it another \
         in the table, and write, if that is 'course', partition_by => 'course'",
        name = short(name)
    )]
    PartitionName {
        /// The name.
        name: String,
    },

    /// An error of the data of one partition.
    #[error("{}", of_partition(partition, error))]
    InPartition {
        /// The values of the partition's columns, as in `course = algebra`.
        partition: String,
        /// The error.
        error: Box<KCorrsetError>,
    },

    /// The table lacks one of the columns that are read.
    #[error(
        "k_corrset: the table has no {role} column '{name}'; its columns are {}; \
         name the one to use with {role} => '...'{}{}",
        quoted_list(columns),
        did_you_mean(near),
        lines(remedies),
        name = short(name)
    )]
    MissingColumn {
        /// `user`, `question`, `score` or `criterion`.
        role: &'static str,
        /// The name looked for.
        name: String,
        /// The names there are.
        columns: Vec<String>,
        /// Those that may be meant.
        near: Vec<String>,
        /// The option for the likeliest of them.
        remedies: Vec<Remedy>,
    },

    /// The table has neither a question nor a score column of the usual name.
    #[error(
        "k_corrset: the table has none of the columns {}; its columns are {}; if each row is a user and \
         each column a question, write wide => true{}; if each row is an answer, name those that say who \
         answered what and how well{}",
        match user { Some(_) => "'question' and 'score'", None => "'user', 'question' and 'score'" },
        quoted_list(columns),
        match user { Some(_) => "", None => ", and user => '...' if one column names the users" },
        advice_or(remedies, match user {
            Some(_) => ", as in question => '...', score => '...'",
            None => ", as in user => '...', question => '...', score => '...'",
        }),
    )]
    NoAnswerColumns {
        /// The user column, if it is there.
        user: Option<String>,
        /// The names there are.
        columns: Vec<String>,
        /// The options for columns that likely have these roles.
        remedies: Vec<Remedy>,
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
         boolean, integer, floating point or decimal; {columns}{}",
        advice_or(remedies, "; leave columns that are no questions out of the table")
    )]
    WideScoreTypes {
        /// The columns.
        columns: Box<UnfitColumns>,
        /// What leaves them out, or makes something else of them.
        remedies: Vec<Remedy>,
    },

    /// An option that has no meaning for wide tables.
    #[error(
        "k_corrset: option '{option}' has no meaning with wide => true, where the names of columns are the \
         questions and their values the scores; leave one of the two out"
    )]
    WideOption {
        /// `question` or `score`.
        option: &'static str,
    },

    /// More than one column has the wanted name.
    #[error(
        "k_corrset: the {role} column '{name}' is ambiguous, \
         more than one column has that name; list the columns that are meant, or rename one with AS{}",
        advice(remedies),
        name = short(name)
    )]
    AmbiguousColumn {
        /// `user`, `question`, `score` or `criterion`.
        role: &'static str,
        /// The name looked for.
        name: String,
        /// A subquery with one column of each name.
        remedies: Vec<Remedy>,
    },

    /// A column of numbers is not numeric.
    #[error(
        "k_corrset: the {role} column '{name}' must be boolean, integer, floating point or decimal, \
         not {data_type}{}",
        advice_or(remedies, &format!("; name another column with {role} => '...'")),
        name = short(name),
        data_type = short(data_type)
    )]
    NumberType {
        /// `score` or `criterion`.
        role: &'static str,
        /// The column.
        name: String,
        /// Its Arrow type.
        data_type: String,
        /// What makes numbers of its values, if anything does.
        remedies: Vec<Remedy>,
    },

    /// The score column is text.
    #[error(
        "k_corrset: the score column '{name}' is text; {found}{}",
        advice_or(remedies, "; name another column with score => '...'"),
        name = short(name)
    )]
    ScoreText {
        /// The column.
        name: String,
        /// How many of its values are no numbers, and which.
        found: String,
        /// What makes numbers of them.
        remedies: Vec<Remedy>,
    },

    /// A column of numbers has an extension type, so what is stored need not be what is meant.
    #[error(
        "k_corrset: the {role} column '{name}' must be boolean, integer, floating point or decimal, \
         not of the extension type '{extension}', whose values need not be the numbers they are stored as \
         ({data_type}){}",
        advice(remedies),
        name = short(name),
        extension = short(extension),
        data_type = short(data_type)
    )]
    NumberExtensionType {
        /// `score` or `criterion`.
        role: &'static str,
        /// The column.
        name: String,
        /// The name of its type.
        extension: String,
        /// The Arrow type of what is stored.
        data_type: String,
        /// What takes the stored values for the numbers.
        remedies: Vec<Remedy>,
    },

    /// The user or question column has a type whose values do not identify anything.
    #[error(
        "k_corrset: the {role} column '{name}' must be a string, integer, boolean, decimal, binary, \
         date or timestamp, not {data_type}{}",
        advice_or(remedies, &format!("; name another column with {role} => '...'")),
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
        /// What makes text of its values, if anything does.
        remedies: Vec<Remedy>,
    },

    /// The third argument is not a struct literal.
    #[error(
        "k_corrset: options are given by name, as in min_users => 30, or as a struct in third place, \
         as in named_struct('min_users', 30, 'top', 100); got {got}",
        got = short(got)
    )]
    OptionsArgument {
        /// The expression found instead.
        got: String,
    },

    /// An option that does not exist.
    #[error(
        "k_corrset: unknown option '{name}'; the options are {}{}",
        quoted_list(valid),
        did_you_mean(near),
        name = short(name)
    )]
    UnknownOption {
        /// The name found.
        name: String,
        /// Those that are spelled alike.
        near: Vec<String>,
        /// The names there are.
        valid: Vec<String>,
    },

    /// An argument given more than once.
    #[error("k_corrset: '{name}' is given more than once; leave all but one out", name = short(name))]
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
    #[error("k_corrset: {modifier} has no meaning for k_corrset(...); {instead}")]
    Modifier {
        /// What was found.
        modifier: &'static str,
        /// What to write.
        instead: &'static str,
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
        "k_corrset: unknown kernel '{name}'{}; this processor has {}{}",
        did_you_mean(near),
        quoted_list(valid),
        advice(remedies),
        name = short(name)
    )]
    UnknownKernel {
        /// The name found.
        name: String,
        /// Those that are spelled alike.
        near: Vec<String>,
        /// The names there are.
        valid: Vec<String>,
        /// The statement that takes the best of them.
        remedies: Vec<Remedy>,
    },

    /// An option with a value of the wrong type or range.
    #[error(
        "k_corrset: option '{name}' must be {expected}; got {got}; the options are {}{}",
        quoted_list(valid),
        advice(remedies),
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
        /// What says what was meant, if that can be told.
        remedies: Vec<Remedy>,
    },

    /// A question of an option that cannot be a value of the question column.
    #[error(
        "k_corrset: option '{option}' names question {question}, but the question column '{column}' \
         is {data_type}{}",
        advice_or(remedies, "; write a value of that type"),
        question = short(question),
        column = short(column),
        data_type = short(data_type)
    )]
    QuestionType {
        /// `include`, `exclude` or `sets`.
        option: &'static str,
        /// The question, in quotes if it is text.
        question: String,
        /// The question column.
        column: String,
        /// Its Arrow type.
        data_type: String,
        /// The question as the column has it, and the column as the question has it.
        remedies: Vec<Remedy>,
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
        "k_corrset: {rows} row(s) have no {role} (column '{name}' is NULL){}",
        advice(remedies),
        name = short(name)
    )]
    NullKey {
        /// `user` or `question`.
        role: &'static str,
        /// The column.
        name: String,
        /// How many rows.
        rows: usize,
        /// What leaves them out.
        remedies: Vec<Remedy>,
    },

    /// A score that is NaN or infinite.
    #[error(
        "k_corrset: the score of user '{user}' on question '{question}' is {value}; scores must be \
         finite, and NULL where a question was not answered{}",
        advice(remedies),
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
        /// What takes such scores for NULL.
        remedies: Vec<Remedy>,
    },

    /// A score that is NaN or infinite, of a user who has no name.
    #[error(
        "k_corrset: column '{name}' has the score {value}; scores must be finite, and NULL where a question \
         was not answered{}",
        advice(remedies),
        name = short(name),
        value = short(value)
    )]
    ColumnNotFinite {
        /// The column.
        name: String,
        /// `NaN`, `inf` or `-inf`.
        value: String,
        /// What takes such scores for NULL.
        remedies: Vec<Remedy>,
    },

    /// A value of a criterion that is NaN or infinite.
    #[error(
        "k_corrset: the criterion '{criterion}'{} is {value}; its values must be finite, and NULL for users to \
         leave out{}",
        match user {
            Some(user) => format!(" of user '{}'", short(user)),
            None => " of a user".to_string(),
        },
        advice(remedies),
        criterion = short(criterion),
        value = short(value)
    )]
    CriterionNotFinite {
        /// The user, if they have a name.
        user: Option<String>,
        /// The column.
        criterion: String,
        /// `NaN`, `inf` or `-inf`.
        value: String,
        /// What takes such values for NULL.
        remedies: Vec<Remedy>,
    },

    /// A user with two values of a criterion.
    #[error(
        "k_corrset: the criterion '{criterion}' of user '{user}' is {} in one row and {} in another; each \
         user must have one value in all of their rows{}",
        short(&values[0]),
        short(&values[1]),
        advice(remedies),
        criterion = short(criterion),
        user = short(user)
    )]
    CriterionTwice {
        /// The user.
        user: String,
        /// The column.
        criterion: String,
        /// Two of the user's values.
        values: [String; 2],
        /// What makes one of them.
        remedies: Vec<Remedy>,
    },

    /// Two rows of a wide table in which one user has answered one question.
    #[error(
        "k_corrset: user '{user}' has answered question '{question}' in more than one row{found}; each row \
         of a wide table is a user{}{}",
        long_hint(*looks_long),
        advice(remedies),
        user = short(user),
        question = short(question)
    )]
    DuplicateUser {
        /// The user.
        user: String,
        /// The question.
        question: String,
        /// Whether there are columns `question` and `score`.
        looks_long: bool,
        /// How many users are like that, whether their rows agree, and which column tells them
        /// apart; empty if nobody has looked.
        found: String,
        /// What leaves one row of each user, or makes several users of one.
        remedies: Vec<Remedy>,
    },

    /// Two scores for one question and one user.
    #[error(
        "k_corrset: user '{user}' has more than one score on question '{question}'{found}{}",
        advice(remedies),
        user = short(user),
        question = short(question)
    )]
    DuplicateAnswer {
        /// The user.
        user: String,
        /// The question.
        question: String,
        /// How many pairs of user and question are like that, whether their scores agree, and
        /// which column tells them apart; empty if nobody has looked.
        found: String,
        /// What leaves one score of each pair, or makes several pairs of it.
        remedies: Vec<Remedy>,
    },

    /// An option names a question that no row has.
    #[error(
        "k_corrset: option '{option}' names question '{question}', which no row has{}{}",
        did_you_mean(near),
        examples(known),
        question = short(question)
    )]
    UnknownQuestion {
        /// `include`, `exclude`, `sets`, or the sweep's own `any` and `quotas`.
        option: &'static str,
        /// The name.
        question: String,
        /// Questions that are spelled alike.
        near: Vec<String>,
        /// Some that there are, if none is near.
        known: Vec<String>,
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

    /// Exact numbers whose sums do not fit 256 bits.
    #[error(
        "k_corrset: the values of '{name}' spread over so many digits that their sums do not fit 256 bits{}",
        advice(remedies),
        name = short(name)
    )]
    ScoresTooWide {
        /// The column of scores, or of the criterion.
        name: String,
        /// What makes floating point numbers of them.
        remedies: Vec<Remedy>,
    },

    /// What was to be the secret of a cluster is none.
    #[error(
        "k_corrset: the secret of a cluster has 16 or more visible ASCII characters, on one line; got {got}; \
         write one with openssl rand -hex 32"
    )]
    ClusterSecret {
        /// What it has instead; not itself.
        got: String,
    },

    /// A worker of a cluster does not take a query: it does not know who asks, or has others enough.
    #[error(
        "k_corrset: the worker at {worker} refused the query: {message}",
        worker = short(worker),
        message = short(message)
    )]
    WorkerRefused {
        /// Its address.
        worker: String,
        /// What the worker says, and what to do.
        message: String,
    },

    /// A worker of a cluster is of another version, and may read a plan in another way.
    #[error(
        "k_corrset: the worker at {worker} is of version '{theirs}', and the coordinator of version '{ours}'; \
         run the same version on all machines",
        worker = short(worker),
        theirs = short(theirs),
        ours = short(ours)
    )]
    WorkerVersion {
        /// Its address.
        worker: String,
        /// The worker's version.
        theirs: String,
        /// The coordinator's.
        ours: String,
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

    /// Several workers of a cluster were lost, one after the other, at the same piece of a sweep.
    #[error(
        "k_corrset: {workers} workers were lost one after the other, all of them at the same piece of the \
         sweep, so it may be the piece that ends them; the last was the one at {last} ({message}); see in \
         their logs why they ended",
        last = short(last),
        message = short(message)
    )]
    WorkersLost {
        /// How many.
        workers: usize,
        /// The address of the last.
        last: String,
        /// What the network says of it.
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

/// The text of an error, with the partition that has it.
fn of_partition(partition: &str, error: &KCorrsetError) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("k_corrset: ").unwrap_or(&text);
    bounded(format!("k_corrset: where {}, {text}", short(partition)))
}

impl KCorrsetError {
    /// This error with what mends it, if it is one that SQL can mend.
    #[must_use]
    pub fn with_remedies(mut self, mended_by: Vec<Remedy>) -> Self {
        match &mut self {
            Self::TableNotReady { remedies, .. }
            | Self::MissingColumn { remedies, .. }
            | Self::NoAnswerColumns { remedies, .. }
            | Self::AmbiguousColumn { remedies, .. }
            | Self::NumberType { remedies, .. }
            | Self::ScoreText { remedies, .. }
            | Self::NumberExtensionType { remedies, .. }
            | Self::KeyType { remedies, .. }
            | Self::UnknownKernel { remedies, .. }
            | Self::SetsType { remedies, .. }
            | Self::OptionValue { remedies, .. }
            | Self::QuestionType { remedies, .. }
            | Self::NullKey { remedies, .. }
            | Self::ScoreNotFinite { remedies, .. }
            | Self::ColumnNotFinite { remedies, .. }
            | Self::WideScoreTypes { remedies, .. }
            | Self::DuplicateUser { remedies, .. }
            | Self::DuplicateAnswer { remedies, .. }
            | Self::CriterionNotFinite { remedies, .. }
            | Self::CriterionTwice { remedies, .. }
            | Self::ScoresTooWide { remedies, .. } => *remedies = mended_by,
            _ => {}
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_lists_are_short() {
        let columns: Vec<String> = (0..5000).map(|number| format!("column_{number:04}")).collect();
        let error = KCorrsetError::MissingColumn {
            role: "user",
            name: "u".repeat(1 << 20),
            near: columns[..3].to_vec(),
            columns,
            remedies: Vec::new(),
        };
        let text = error.to_string();
        assert!(text.len() <= LONGEST_TEXT, "{} bytes", text.len());
        assert!(text.contains("'column_0000', 'column_0001'") && text.contains(" more; name the one to use"));
        assert!(text.contains("… (1048576 bytes)"));
    }

    #[test]
    fn sql_is_whole_or_not_there() {
        let remedy = |bytes| Remedy {
            effect: "mend it".to_string(),
            place: Place::Table,
            sql: format!("({})", "s".repeat(bytes)),
        };
        let error = |remedies| KCorrsetError::DuplicateAnswer {
            user: "ü".repeat(5000),
            question: "q".repeat(5000),
            found: String::new(),
            remedies,
        };
        let two = error(vec![remedy(600), remedy(200), remedy(600)]).to_string();
        assert!(two.len() <= LONGEST_TEXT, "{} bytes", two.len());
        assert_eq!(two.lines().filter(|line| line.starts_with(REMEDY_INDENT)).count(), 2);
        assert!(two.ends_with("s)"));
        let none = error(vec![remedy(5000)]).to_string();
        assert!(none.ends_with("bytes)'") && none.lines().count() == 1, "{none}");
    }
}
