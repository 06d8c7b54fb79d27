//! The source that tests of the architecture read.

use std::path::{Path, PathBuf};

/// The Rust files below a folder of `src`, with their texts.
pub(crate) fn sources(below: &str) -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, files: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                files.push((path, text));
            }
        }
    }
    let mut files = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(below), &mut files);
    assert!(!files.is_empty(), "{below} has no sources");
    files
}
