//! What the ending of a file's name says of its format.

use std::str::FromStr;

use datafusion::datasource::file_format::file_compression_type::FileCompressionType;

/// What is in a file, as its ending tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Text, a row a line, its values separated: CSV and its kin.
    Delimited,
    Json,
    /// A format of which DataFusion's factory has this name.
    Native(&'static str),
}

impl Format {
    /// Its name in an error.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Delimited => "CSV",
            Self::Json => "JSON",
            Self::Native("parquet") => "Parquet",
            Self::Native("arrow") => "Arrow",
            Self::Native("avro") => "Avro",
            Self::Native(other) => other,
        }
    }
}

/// The ending of a file's name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ending {
    /// In small letters, without the first dot: `csv`, `json.gz`; empty if there is none.
    pub(super) text: String,
    /// None where nobody knows it.
    pub(super) format: Option<Format>,
    pub(super) compression: FileCompressionType,
}

const FORMATS: [(&str, Format); 15] = [
    ("csv", Format::Delimited),
    ("tsv", Format::Delimited),
    ("tab", Format::Delimited),
    ("psv", Format::Delimited),
    ("txt", Format::Delimited),
    ("dat", Format::Delimited),
    ("json", Format::Json),
    ("jsonl", Format::Json),
    ("ndjson", Format::Json),
    ("parquet", Format::Native("parquet")),
    ("parq", Format::Native("parquet")),
    ("pq", Format::Native("parquet")),
    ("arrow", Format::Native("arrow")),
    ("feather", Format::Native("arrow")),
    ("avro", Format::Native("avro")),
];

const EXPORT: &str = "export it as CSV or Parquet";
const UNPACK: &str = "unpack it first";

/// Formats of other programs: ending, what it is, what to do.
const OTHERS: [(&str, &str, &str); 25] = [
    ("xlsx", "a workbook of Excel", "save the sheet as CSV (UTF-8), or export it as Parquet"),
    ("xls", "a workbook of Excel", "save the sheet as CSV (UTF-8), or export it as Parquet"),
    ("xlsm", "a workbook of Excel", "save the sheet as CSV (UTF-8), or export it as Parquet"),
    ("xlsb", "a workbook of Excel", "save the sheet as CSV (UTF-8), or export it as Parquet"),
    ("ods", "a spreadsheet of LibreOffice", "save the sheet as CSV"),
    ("numbers", "a spreadsheet of Numbers", EXPORT),
    (
        "sav",
        "data of SPSS",
        "export it as CSV, or write pyreadstat.read_sav(path)[0].to_parquet(...) in Python",
    ),
    (
        "zsav",
        "data of SPSS",
        "export it as CSV, or write pyreadstat.read_sav(path)[0].to_parquet(...) in Python",
    ),
    ("por", "data of SPSS", EXPORT),
    ("dta", "data of Stata", "export it as CSV, or write pandas.read_stata(path).to_parquet(...) in Python"),
    ("rds", "data of R", "write write.csv(readRDS(path), 'x.csv', row.names = FALSE) in R"),
    ("rda", "data of R", "load it in R and write write.csv(x, 'x.csv', row.names = FALSE)"),
    ("rdata", "data of R", "load it in R and write write.csv(x, 'x.csv', row.names = FALSE)"),
    ("sas7bdat", "data of SAS", "export it as CSV, or write pandas.read_sas(path).to_parquet(...) in Python"),
    ("xpt", "data of SAS", "export it as CSV, or write pandas.read_sas(path).to_parquet(...) in Python"),
    ("pkl", "a pickle of Python", "load it in pandas and write to_parquet(...)"),
    ("pickle", "a pickle of Python", "load it in pandas and write to_parquet(...)"),
    ("h5", "an HDF5 file", EXPORT),
    ("hdf5", "an HDF5 file", EXPORT),
    ("orc", "an ORC file", EXPORT),
    ("db", "a database", EXPORT),
    ("sqlite", "a database of SQLite", EXPORT),
    ("duckdb", "a database of DuckDB", "write COPY scores TO 'scores.parquet' there"),
    ("zip", "an archive", UNPACK),
    ("tar", "an archive", UNPACK),
];

/// What the ending of a name says.
pub(super) fn ending_of(name: &str) -> Ending {
    let name = name.to_lowercase();
    let name = name.rsplit('/').next().unwrap_or_default();
    let (stem, last) = split(name);
    let compression = FileCompressionType::from_str(last).ok().filter(|_| !last.is_empty());
    match compression {
        Some(compression) if compression.is_compressed() => {
            let inner = split(stem).1;
            let format = format_of(inner).filter(|format| !matches!(format, Format::Native(_)));
            let text = if inner.is_empty() { last.to_string() } else { format!("{inner}.{last}") };
            Ending { text, format, compression }
        }
        _ => Ending {
            text: last.to_string(),
            format: format_of(last),
            compression: FileCompressionType::UNCOMPRESSED,
        },
    }
}

/// The kind of another program's file, and what to do with it.
pub(super) fn other_program(ending: &str) -> Option<(&'static str, &'static str)> {
    let last = split(ending).1;
    let last = if last.is_empty() { ending } else { last };
    OTHERS.iter().find(|(other, _, _)| *other == last).map(|(_, kind, advice)| (*kind, *advice))
}

/// Whether a name ends like a file's.
pub(super) fn is_of_a_file(name: &str) -> bool {
    let ending = ending_of(name);
    ending.format.is_some() || ending.compression.is_compressed() || other_program(&ending.text).is_some()
}

fn format_of(ending: &str) -> Option<Format> {
    FORMATS.iter().find(|(known, _)| *known == ending).map(|(_, format)| *format)
}

/// What is before the last dot, and behind it; nothing behind, if there is no dot.
fn split(name: &str) -> (&str, &str) {
    name.rsplit_once('.').unwrap_or((name, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_tell_the_format_in_any_letters() {
        for (name, text, format) in [
            ("a/b.CSV", "csv", Some(Format::Delimited)),
            ("part-0.c000.csv.gz", "csv.gz", Some(Format::Delimited)),
            ("x.Jsonl.zst", "jsonl.zst", Some(Format::Json)),
            ("part-0.snappy.parquet", "parquet", Some(Format::Native("parquet"))),
            ("x.parquet.gz", "parquet.gz", None),
            ("x.gz", "gz", None),
            ("part-00000", "", None),
            ("x.docx", "docx", None),
            ("x.", "", None),
        ] {
            let ending = ending_of(name);
            assert_eq!((ending.text.as_str(), ending.format), (text, format), "{name}");
        }
        assert!(is_of_a_file("scores.xlsx") && is_of_a_file("x.gz") && !is_of_a_file("Mixed.Case"));
    }
}
