//! An option is everywhere where people look for it.

use datafusion::prelude::SessionContext;
use datafusion_k_corrset::register_all;

/// The names that the error for an unknown option lists.
async fn options() -> Vec<String> {
    let ctx = SessionContext::new();
    register_all(&ctx).unwrap();
    ctx.sql("CREATE TABLE exam AS SELECT 1 AS \"user\", 2 AS question, 3 AS score").await.unwrap();
    let unknown = ctx.sql("SELECT * FROM k_corrset(exam, 1, nothing => 1)").await.unwrap_err().to_string();
    let list = unknown.split("the options are ").nth(1).unwrap();
    let names = list.split(';').next().unwrap().split(", ");
    names.map(|name| name.trim_matches('\'').to_string()).collect()
}

#[tokio::test]
async fn every_option_is_in_the_readme_the_documentation_and_python() {
    let read = |path: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        std::fs::read_to_string(path).unwrap()
    };
    let [readme, library, python] =
        ["README.md", "src/lib.rs", "src/python/k_corrset/_function.py"].map(read);
    let below = |text: &str, header: &str, end: &str| {
        text.split(header).nth(1).unwrap().split(end).next().unwrap().to_string()
    };
    let table = below(&readme, "| option | meaning | default |", "\n\n");
    let documented = below(&library, "//! | option | in Rust | default |", "//!\n");
    let signature = python.split("def k_corrset(").nth(1).unwrap().split(") ->").next().unwrap();
    let options = options().await;
    assert!(options.len() >= 10, "{options:?}");
    for option in &options {
        let names =
            |line: &str| line.split('|').nth(1).is_some_and(|name| name.contains(&format!("`{option}`")));
        assert!(table.lines().any(names), "the README's table lacks {option}");
        let link = match option.as_str() {
            // Of DataFrames these are a DataFrame.
            "sets" => "(KCorrsetExt::k_corrset_sets)".to_string(),
            option => format!("(KCorrsetOptions::{option})"),
        };
        assert!(documented.contains(&link), "the library's front page lacks {option}");
        let argument = |line: &str| line.trim().starts_with(&format!("{option}:"));
        assert!(signature.lines().any(argument), "Python's k_corrset lacks {option}");
    }
}
