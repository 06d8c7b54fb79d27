//! Data flows one way: SQL → provider → exec → index → sweep → batches, and each
//! layer knows only what it must.

use std::path::Path;

use crate::support::source::sources;

/// The code of a file, without comments.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(number, line)| (number + 1, line));
    lines.map(|(number, line)| (number, line.split("//").next().unwrap()))
}

fn assert_absent(below: &str, words: &[&str], but_for: impl Fn(&Path) -> bool) {
    for (path, text) in sources(below) {
        if but_for(&path) {
            continue;
        }
        for (number, line) in code(&text) {
            for word in words {
                assert!(!line.contains(word), "{}:{number} knows {word}: {line}", path.display());
            }
        }
    }
}

#[test]
fn the_sweep_knows_neither_arrow_nor_datafusion() {
    assert_absent("sweep", &["arrow::", "datafusion", "RecordBatch", "tokio", "crate::udtf"], |_| false);
}

#[test]
fn the_search_knows_the_sweep_and_the_sweep_no_search() {
    assert_absent("search", &["arrow::", "datafusion", "RecordBatch", "tokio", "crate::udtf"], |_| false);
    assert_absent("sweep", &["crate::search"], |_| false);
}

#[test]
fn the_sweep_uses_only_the_part_of_the_index_that_has_no_names() {
    assert_absent("sweep", &["AnswerIndex", "IndexBuilder", "ColumnNames"], |_| false);
}

#[test]
fn the_index_knows_neither_sql_nor_the_sweep() {
    assert_absent("index", &["datafusion", "tokio", "crate::udtf", "crate::sweep"], |_| false);
}

#[test]
fn only_its_own_layer_knows_python() {
    assert_absent("", &["pyo3", "crate::python"], |path| path.to_string_lossy().contains("src/python"));
}

#[test]
fn unsafe_code_is_in_the_kernels_and_their_instructions_alone() {
    let allowed = |path: &Path| {
        let path = path.to_string_lossy();
        path.contains("sweep/kernel") || path.contains("sweep/simd")
    };
    assert_absent("", &["unsafe {", "unsafe fn", "unsafe impl"], allowed);
}

#[test]
fn the_library_never_prints_and_names_no_failure_away() {
    let program = |path: &Path| path.to_string_lossy().contains("src/prompt");
    // The macros by name: these words are what is looked for, nothing left to do.
    assert_absent("", &["println!", "eprintln!", "print!(", "dbg!(", "todo!(", "unimplemented!("], program);
}
