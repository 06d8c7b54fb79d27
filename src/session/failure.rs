//! Why a path is no table, one variant each.

use std::fmt;

use datafusion::error::DataFusionError;

use crate::error::{did_you_mean, quoted_list, short};

/// Why a path is no table.
///
/// Inside DataFusion it arrives as `DataFusionError::External` around this type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// Nothing is there.
    #[error(
        "there is no '{name}' in the folder {folder}{}",
        did_you_mean(near),
        name = short(name),
        folder = short(folder)
    )]
    NotFound {
        /// The first name of the path that leads nowhere.
        name: String,
        /// The folder that was looked into.
        folder: String,
        /// Names in that folder that are spelled alike.
        near: Vec<String>,
    },

    /// A pattern that nothing matches.
    #[error(
        "no file matches '{pattern}'; * stands for any characters of one name, ** for any folders, ? for one \
         character; names that begin with . or _ are passed over",
        pattern = short(pattern)
    )]
    NoMatch {
        /// The pattern.
        pattern: String,
    },

    /// A folder in which there is nothing to read.
    #[error(
        "the folder '{path}' has no data files{}; files of data end in {ENDINGS_READ}",
        passed_over(ignored),
        path = short(path)
    )]
    NoData {
        /// The folder.
        path: String,
        /// What is in it all the same.
        ignored: Vec<String>,
    },

    /// An ending that tells no format that can be read.
    #[error(
        "'{path}' {}; {}; by its path a file is read that ends in {ENDINGS_READ}",
        unknown_ending(ending),
        declaring(path, ending),
        path = short(path)
    )]
    UnknownEnding {
        /// The file.
        path: String,
        /// Its ending, empty if it has none.
        ending: String,
    },

    /// A format of another program.
    #[error(
        "'{path}' is {kind}, which is not read here; {advice}",
        path = short(path)
    )]
    OtherProgram {
        /// The file.
        path: String,
        /// What files of that ending are.
        kind: &'static str,
        /// How its rows get into a file that can be read.
        advice: &'static str,
    },

    /// A folder with files of several formats.
    #[error(
        "'{path}' has files that end in {}; a table is of one kind: choose one, as in {}",
        and_list(endings),
        or_list(choices),
        path = short(path)
    )]
    MixedEndings {
        /// The folder or pattern.
        path: String,
        /// The endings.
        endings: Vec<String>,
        /// A pattern for each of the endings.
        choices: Vec<String>,
    },

    /// Folders of the form name=value, of which some files lie in others than the rest.
    #[error(
        "the files in '{path}' lie in folders of different kinds: {first} and {other}; \
         folders named name=value are columns, so every file must lie in the same ones",
        path = short(path),
        first = short(first),
        other = short(other)
    )]
    MixedFolders {
        /// The folder.
        path: String,
        /// A file.
        first: String,
        /// A file with other folders.
        other: String,
    },

    /// Not one byte, or nothing but blank lines.
    #[error("'{path}' is empty: it has neither a header nor rows", path = short(path))]
    Empty {
        /// The file, folder or pattern.
        path: String,
    },

    /// The system does not let it be read.
    #[error("'{path}' may not be read: permission denied; see what `ls -l` says of it", path = short(path))]
    PermissionDenied {
        /// The file or folder.
        path: String,
    },

    /// A format that DataFusion reads, and this build of it does not.
    #[error(
        "'{path}' is {format}, which is not built in here; write it as Parquet, or build with the feature '{feature}'",
        path = short(path)
    )]
    NotBuiltIn {
        /// The file.
        path: String,
        /// Avro, for instance.
        format: &'static str,
        /// What brings it.
        feature: String,
    },

    /// A file that is not what its ending says, or is cut off.
    #[error(
        "'{path}' is no {format} that can be read ({reason}); it is damaged, not completely copied, or something else",
        path = short(path),
        reason = short(reason)
    )]
    Broken {
        /// The file.
        path: String,
        /// Parquet, JSON and so on.
        format: String,
        /// What the reader says.
        reason: String,
    },

    /// Bytes that are not of the encoding that the rest of a file is of.
    #[error(
        "'{path}' is text in {encoding} up to line {line}, which is not; mend that line, or {}",
        converting(encoding, path),
        path = short(path)
    )]
    MixedEncoding {
        /// The file.
        path: String,
        /// The encoding up to there.
        encoding: &'static str,
        /// The first line with others.
        line: u64,
    },

    /// JSON in an encoding that JSON is not written in.
    #[error(
        "'{path}' is JSON, but no text in UTF-8; convert it with iconv -f ISO-8859-1 -t UTF-8 '{path}' > utf8.json, \
         where ISO-8859-1 is what it was written in",
        path = short(path)
    )]
    JsonEncoding {
        /// The file.
        path: String,
    },

    /// A row with more or fewer values than the first.
    #[error(
        "'{path}' has {got} value(s) in line {line}, and {expected} in the first; values are taken to be \
         separated by {} and enclosed in {quote} where they have such in them; mend that line{}",
        separator(*delimiter),
        truncating(path, *delimiter, got < expected),
        path = short(path)
    )]
    Ragged {
        /// The file.
        path: String,
        /// The line, counted from 1.
        line: u64,
        /// How many values the others have.
        expected: usize,
        /// How many it has.
        got: usize,
        /// What separates values.
        delimiter: char,
        /// What they may be enclosed in.
        quote: char,
    },

    /// A path that SQL took for names.
    #[error("there is no table {name}; the path of a file is text in single quotes: '{path}'", path = short(path), name = short(name))]
    UnquotedPath {
        /// What SQL took it for.
        name: String,
        /// The path.
        path: String,
    },

    /// A name in which letters have become small.
    #[error(
        "there is no table {folded}, but there is \"{name}\"; names are lower case unless they are in double \
         quotes: write \"{name}\"",
        name = short(name),
        folded = short(folded)
    )]
    UnquotedName {
        /// The table's name.
        name: String,
        /// The name in small letters.
        folded: String,
    },
}

/// Endings of files that are read by their paths.
const ENDINGS_READ: &str = ".csv, .tsv, .txt, .dat, .json, .jsonl, .ndjson, .parquet, .arrow or .avro, and text also in .gz, .bz2, .xz or .zst";

impl From<FileError> for DataFusionError {
    fn from(error: FileError) -> Self {
        Self::External(Box::new(error))
    }
}

fn unknown_ending(ending: &str) -> impl fmt::Display {
    match ending {
        "" => "has no ending that tells its format".to_string(),
        ending => format!("ends in .{}, which tells no format", short(ending)),
    }
}

#[cfg(feature = "python")]
impl FileError {
    /// The text where the path was one of Python's: what it tells to write is no SQL.
    pub(crate) fn in_python(&self) -> String {
        match self {
            Self::UnknownEnding { path, ending } => {
                let path = short(path);
                let reading = read_by(ending, || {
                    format!("if you know what is in it, give what reads it, as in pandas.read_csv('{path}')")
                });
                format!(
                    "'{path}' {}; {reading}; by its path a file is read that ends in {ENDINGS_READ}",
                    unknown_ending(ending)
                )
            }
            Self::Ragged { path, line, expected, got, .. } => format!(
                "'{}' has {got} value(s) in line {line}, and {expected} in the first; mend that line",
                short(path)
            ),
            other => other.to_string(),
        }
    }
}

/// How a file is read all the same.
fn declaring(path: &str, ending: &str) -> impl fmt::Display {
    let path = short(path);
    read_by(ending, || {
        format!(
            "if you know what is in it, write CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{path}', \
             or STORED AS JSON, or AS PARQUET"
        )
    })
}

/// How a file of some ending is read: that of packed ones after it tells what is in it.
fn read_by(ending: &str, otherwise: impl FnOnce() -> String) -> String {
    match ending.rsplit('.').next() {
        Some("gz" | "gzip" | "bz2" | "bzip2" | "xz" | "zst" | "zstd") if ending.contains('.') => {
            "unpack it first".to_string()
        }
        Some("gz" | "gzip" | "bz2" | "bzip2" | "xz" | "zst" | "zstd") => {
            format!("rename it after what is in it, as in 'scores.csv.{ending}' or 'scores.json.{ending}'")
        }
        _ => otherwise(),
    }
}

fn passed_over(ignored: &[String]) -> impl fmt::Display {
    if ignored.is_empty() {
        " (it is empty)".to_string()
    } else {
        format!(" (passed over: {})", quoted_list(ignored))
    }
}

fn and_list(endings: &[String]) -> impl fmt::Display {
    let endings: Vec<String> = endings.iter().map(|ending| format!(".{}", short(ending))).collect();
    endings.join(" and ")
}

fn or_list(choices: &[String]) -> impl fmt::Display {
    let choices: Vec<String> = choices.iter().map(|choice| format!("'{}'", short(choice))).collect();
    choices.join(" or ")
}

/// How a text of two encodings becomes one of one.
fn converting(encoding: &str, path: &str) -> impl fmt::Display {
    let path = short(path);
    match encoding {
        "UTF-8" => format!("drop what is not UTF-8: iconv -c -f UTF-8 -t UTF-8 '{path}' > utf8.csv"),
        _ => format!("take it as it is: iconv -f {} -t UTF-8 '{path}' > utf8.csv", iconv_name(encoding)),
    }
}

fn separator(delimiter: char) -> impl fmt::Display {
    match delimiter {
        '\t' => "tabs".to_string(),
        ' ' => "spaces".to_string(),
        other => other.to_string(),
    }
}

/// How values that are missing at the ends of lines are made NULL.
fn truncating(path: &str, delimiter: char, is_short: bool) -> impl fmt::Display {
    if is_short {
        format!(
            ", or let what is missing be NULL: CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{}' OPTIONS \
             ('format.delimiter' '{delimiter}', 'format.has_header' 'true', 'format.truncated_rows' 'true')",
            short(path)
        )
    } else {
        String::new()
    }
}

/// What `iconv` calls an encoding.
fn iconv_name(encoding: &str) -> impl fmt::Display {
    match encoding {
        "windows-1252" => "ISO-8859-1".to_string(),
        other => other.to_uppercase(),
    }
}
