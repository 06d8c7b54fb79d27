//! Everything a reader may copy runs: the scripts in `sql/` and the README's examples.

use std::path::{Path, PathBuf};

use arrow::util::display::FormatOptions;
use arrow::util::pretty::pretty_format_batches_with_options;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::DFParser;
use datafusion_k_corrset::register_all;

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A session like that of the prompt, where there is one.
fn session() -> SessionContext {
    let ctx = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    #[cfg(feature = "cli")]
    {
        datafusion_k_corrset::session::files::register_files(&ctx).unwrap();
        datafusion_k_corrset::session::copy::register_copy(&ctx);
    }
    #[cfg(not(feature = "cli"))]
    let ctx = ctx.enable_url_table();
    register_all(&ctx).unwrap();
    ctx
}

/// Runs the statements of a script one by one; returns what its queries show.
async fn run(script: &str, name: &str) -> Vec<String> {
    // Paths in scripts start at the top folder, where cargo runs tests.
    let ctx = session();
    let mut shown = Vec::new();
    for statement in DFParser::parse_sql(script).unwrap_or_else(|error| panic!("{name}: {error}")) {
        let text = statement.to_string();
        let plan = ctx.state().statement_to_plan(statement).await;
        let plan = plan.unwrap_or_else(|error| panic!("{name}: {text}: {error}"));
        // These return how many rows they wrote.
        let writes = matches!(plan, LogicalPlan::Copy(_) | LogicalPlan::Dml(_));
        let frame = ctx.execute_logical_plan(plan).await;
        let frame = frame.unwrap_or_else(|error| panic!("{name}: {text}: {error}"));
        let batches = frame.collect().await.unwrap_or_else(|error| panic!("{name}: {text}: {error}"));
        let rows: usize = batches.iter().map(|batch| batch.num_rows()).sum();
        let options = FormatOptions::default().with_null("NULL");
        if rows > 0 && !writes {
            shown.push(pretty_format_batches_with_options(&batches, &options).unwrap().to_string());
        }
    }
    shown
}

fn scripts() -> Vec<PathBuf> {
    let files = std::fs::read_dir(top().join("sql")).unwrap().map(|entry| entry.unwrap().path());
    let mut scripts: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "sql")).collect();
    // Only the prompt's kind of session tells an array of JSON by looking.
    scripts.retain(|path| cfg!(feature = "cli") || !path.ends_with("json.sql"));
    scripts.sort();
    scripts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_script_runs() {
    let scripts = scripts();
    assert!(scripts.len() >= 10, "{scripts:?}");
    for script in scripts {
        let text = std::fs::read_to_string(&script).unwrap();
        let name = script.display();
        let shown = run(&text, &name.to_string()).await;
        // What its queries return is below them, as comments; in some only what the last returns.
        let comments = text.lines().filter_map(|line| line.strip_prefix("-- "));
        let expected: Vec<&str> = comments.filter(|line| line.starts_with(['+', '|'])).collect();
        let expected = expected.join("\n");
        let last = shown.last().unwrap_or_else(|| panic!("{name}: returns nothing"));
        assert!(
            expected == *last || expected == shown.join("\n"),
            "{name} shows what is left, and not what is right\n{expected}\n{}",
            shown.join("\n")
        );
    }
}

/// The fenced blocks of the README that are marked as a language.
fn blocks(language: &str) -> Vec<String> {
    let readme = std::fs::read_to_string(top().join("README.md")).unwrap();
    let fence = format!("```{language}\n");
    let after = readme.split(&fence).skip(1);
    after.map(|block| block.split("```").next().unwrap().to_string()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sql_example_of_the_readme_runs() {
    let tables = "
        CREATE VIEW scores AS
        SELECT 'u' || u.value AS \"user\", 'q' || q.value AS question, CAST((u.value * q.value + u.value) % 5 < 2 AS INT) AS score
        FROM generate_series(1, 90) u CROSS JOIN generate_series(1, 20) q WHERE (u.value + q.value * u.value) % 6 > 0;
        CREATE VIEW quiz AS SELECT \"user\" AS student, question AS item, score AS points FROM scores;
        COPY scores TO 'target/readme/scores.parquet' STORED AS PARQUET;
        COPY (SELECT '[' || question || ', q0]' AS questions FROM scores) TO 'target/readme/best.csv' STORED AS CSV;
    ";
    let examples = blocks("sql");
    assert!(examples.len() >= 3, "{examples:?}");
    for example in examples {
        let example = example.replace("'scores.parquet'", "'target/readme/scores.parquet'");
        let example = example.replace("'best.csv'", "'target/readme/best.csv'");
        let shown = run(&format!("{tables}{example}"), "README.md").await;
        assert!(!shown.is_empty(), "returns nothing: {example}");
    }
}

#[cfg(feature = "cli")]
#[test]
fn the_readme_shows_what_the_quickstart_prints() {
    let printed = std::process::Command::new(env!("CARGO_BIN_EXE_k-corrset"))
        .current_dir(top())
        .args(["-q", "-f", "sql/quickstart.sql"])
        .output()
        .unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    let shown = blocks("text").into_iter().find(|block| block.contains("| questions "));
    let shown = shown.expect("the README shows an answer");
    assert!(printed.contains(shown.trim()), "the quickstart prints\n{printed}\nthe README says\n{shown}");
}

/// The README's ten lines in a crate of their own, with the dependencies that it names and no
/// others.
#[test]
#[ignore = "checks DataFusion once more, which takes some minutes"]
fn the_readme_s_application_compiles_in_a_new_crate() {
    let dependencies = blocks("toml").into_iter().find(|block| block.starts_with("[dependencies]")).unwrap();
    let program = blocks("rust").into_iter().find(|block| block.contains("fn main")).unwrap();
    let folder = top().join("target/readme-crate");
    std::fs::create_dir_all(folder.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"application\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n{dependencies}\n\
         [patch.crates-io]\ndatafusion-k-corrset = {{ path = {:?} }}\n\n[workspace]\n",
        top().display().to_string()
    );
    std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    std::fs::write(folder.join("src/main.rs"), program).unwrap();
    // The versions that are tested here.
    std::fs::copy(top().join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let checked = std::process::Command::new(env!("CARGO"))
        .args(["check", "--quiet"])
        .current_dir(&folder)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        // Without its features the library has nothing that nobody uses, either.
        .env("RUSTFLAGS", "-D warnings")
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}
