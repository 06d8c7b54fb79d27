//! What each dialect of DataFusion's parser reads of a call.

use std::collections::BTreeSet;

use datafusion::config::Dialect;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_k_corrset::register_all;

/// Which dialects read a form.
enum ReadBy {
    All,
    AllBut(&'static str),
    Only(&'static str),
}

use ReadBy::{All, AllBut, Only};

/// Forms of a call.
const FORMS: [(&str, ReadBy); 31] = [
    // The table.
    ("k_corrset(exam, 1)", All),
    ("K_CORRSET(exam, 1)", All),
    ("k_corrset('exam', 1)", All),
    ("k_corrset(\"exam\", 1)", All),
    ("k_corrset(`exam`, 1)", AllBut("mssql postgresql")),
    ("k_corrset((SELECT * FROM exam), 1)", All),
    ("k_corrset(TABLE(exam), 1)", All),
    ("TABLE(k_corrset(exam, 1))", All),
    // Columns.
    ("k_corrset(exam, 1, user => 'user', question => 'question', score => 'score')", AllBut("mssql")),
    ("k_corrset(exam, 1, USER => 'user')", AllBut("mssql")),
    ("k_corrset(exam, 1, \"user\" => 'user')", AllBut("mssql")),
    ("k_corrset(exam, 1, user = 'user', question = 'question', score = 'score')", All),
    ("k_corrset(exam, 1, user := 'user')", All),
    ("k_corrset(exam, 1, user: 'user')", Only("mssql postgresql")),
    ("k_corrset(exam, 1, user => \"user\")", Only("bigquery databricks mysql spark")),
    // Other options. DuckDB's dialect takes `, top` and `, exclude` for a comma at the end.
    ("k_corrset(exam, k => 1)", AllBut("mssql")),
    ("k_corrset(exam, k = 1)", All),
    ("k_corrset(exam, 1, min_users => 2, corrected => true, undefined => 'null')", AllBut("mssql")),
    ("k_corrset(exam, 1, min_users = 2, corrected = true, undefined = 'null')", All),
    ("k_corrset(exam, 1, top => 2)", AllBut("duckdb mssql")),
    ("k_corrset(exam, 1, \"top\" => 2)", AllBut("mssql")),
    ("k_corrset(exam, 1, top = 2)", AllBut("duckdb")),
    ("k_corrset(exam, 1, exclude => 'q1')", AllBut("duckdb mssql")),
    ("k_corrset(exam, 1, \"exclude\" => 'q1')", AllBut("mssql")),
    // A struct.
    ("k_corrset(exam, 1, named_struct('user', 'user', 'top', 2, 'exclude', 'q1'))", All),
    ("k_corrset(exam, 1, {'top': 2})", Only("clickhouse duckdb generic snowflake")),
    ("k_corrset(exam, 1, struct(2 AS top))", Only("bigquery databricks generic spark")),
    // Lists.
    ("k_corrset(exam, 1, include => 'q1')", AllBut("mssql")),
    ("k_corrset(exam, 1, include = make_array('q1'))", All),
    ("k_corrset(exam, 1, include => ['q1'])", AllBut("mssql sqlite")),
    ("k_corrset(exam, 1, include => ARRAY['q1'])", AllBut("mssql sqlite")),
];

async fn session(dialect: Dialect) -> SessionContext {
    let ctx = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    register_all(&ctx).unwrap();
    let exam = "CREATE TABLE exam AS SELECT * FROM (VALUES ('ann', 'q1', 1), ('bob', 'q1', 0), ('ann', 'q2', 3), \
                ('bob', 'q2', 1)) AS t(\"user\", question, score)";
    ctx.sql(exam).await.unwrap().collect().await.unwrap();
    ctx.state_ref().write().config_mut().options_mut().sql_parser.dialect = dialect;
    ctx
}

async fn is_read(form: &str, dialect: Dialect) -> bool {
    let ctx = session(dialect).await;
    let Ok(frame) = ctx.sql(&format!("SELECT n FROM {form}")).await else { return false };
    let batches = frame.collect().await.unwrap_or_else(|error| panic!("{form} in {dialect}: {error}"));
    batches.iter().any(|batch| batch.num_rows() > 0)
}

#[tokio::test]
async fn each_form_is_read_by_the_dialects_that_have_it() {
    for (form, read_by) in FORMS {
        let mut found = BTreeSet::new();
        for info in Dialect::metadata() {
            if is_read(form, info.dialect).await {
                found.insert(info.canonical_name);
            }
        }
        let all = Dialect::metadata().iter().map(|info| info.canonical_name);
        let listed = |names: &'static str| names.split(' ').collect::<BTreeSet<_>>();
        let expected: BTreeSet<&str> = match read_by {
            All => all.collect(),
            AllBut(names) => all.filter(|name| !listed(names).contains(name)).collect(),
            Only(names) => listed(names),
        };
        assert_eq!(found, expected, "{form}");
    }
}
