//! Bytes → a few statements around a call of the function, most of them nearly right. Whatever
//! they are, they end, with rows or with an error, and leave nothing behind.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use arbitrary::{Result, Unstructured};
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::array::{AsArray, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use datafusion::error::DataFusionError;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionState;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_k_corrset::{KCorrsetError, register_all};
use tokio::runtime::Runtime;

/// More than any of these small queries takes, on the slowest of machines.
const STUCK: Duration = Duration::from_secs(60);

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap());

/// A session with tables of all sorts.
static STATE: LazyLock<SessionState> = LazyLock::new(|| {
    let runtime = RuntimeEnvBuilder::new().with_memory_limit(64 << 20, 1.0).build_arc().unwrap();
    let config =
        SessionConfig::new().with_target_partitions(2).with_batch_size(7).with_information_schema(true);
    let ctx = SessionContext::new_with_config_rt(config, runtime);
    register_all(&ctx).unwrap();
    for (name, questions, scores) in [
        ("exam", DataType::Utf8, DataType::Int64),
        ("flags", DataType::Int32, DataType::Boolean),
        ("floats", DataType::Utf8View, DataType::Float64),
        ("money", DataType::Date32, DataType::Decimal128(20, 2)),
        ("texts", DataType::Binary, DataType::Utf8),
        ("complete", DataType::LargeUtf8, DataType::UInt8),
        ("nothing", DataType::Utf8, DataType::Int64),
        ("twice", DataType::Utf8, DataType::Int64),
    ] {
        let mut cells: Vec<(i64, i64)> = (0..72).map(|cell| (cell / 6, cell % 6)).collect();
        match name {
            "nothing" => cells.clear(),
            "twice" => cells.push((3, 3)),
            "complete" => {}
            _ => cells.retain(|(user, question)| (user * 5 + question * 3 + user * question) % 4 != 0),
        }
        let score =
            |&(user, question): &(i64, i64)| (user * 7 + question * user + question * question) % 3 % 2;
        let integers: ArrayRef = Arc::new(Int64Array::from_iter_values(cells.iter().map(score)));
        let names: ArrayRef = match &questions {
            DataType::Int32 | DataType::Date32 => {
                let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(cells.iter().map(|cell| cell.1)));
                cast(&ids, &DataType::Int32).unwrap()
            }
            _ => Arc::new(StringArray::from_iter_values(cells.iter().map(|cell| format!("q{}", cell.1)))),
        };
        let columns: [(&str, ArrayRef); 3] = [
            ("user", Arc::new(Int64Array::from_iter_values(cells.iter().map(|cell| cell.0)))),
            ("question", cast(&names, &questions).unwrap()),
            (
                "score",
                match scores {
                    DataType::Float64 => {
                        let shares = cells.iter().map(|cell| 1e9 + score(cell) as f64 / 3.0);
                        Arc::new(Float64Array::from_iter_values(shares))
                    }
                    _ => cast(&integers, &scores).unwrap(),
                },
            ),
        ];
        ctx.register_batch(name, RecordBatch::try_from_iter(columns).unwrap()).unwrap();
    }
    ctx.state()
});

/// Writes SQL as the bytes say.
struct Writer<'a, 'b>(&'a mut Unstructured<'b>);

const TABLES: [&str; 8] = ["exam", "flags", "floats", "money", "texts", "complete", "nothing", "twice"];

impl Writer<'_, '_> {
    fn chance(&mut self, of: u8) -> Result<bool> {
        Ok(self.0.int_in_range(1..=of)? == of)
    }

    fn pick<'t>(&mut self, texts: &[&'t str]) -> Result<&'t str> {
        self.0.choose(texts).copied()
    }

    fn list(&mut self, most: usize, item: impl Fn(&mut Self) -> Result<String>) -> Result<String> {
        let items: Result<Vec<String>> = (0..self.0.int_in_range(0..=most)?).map(|_| item(self)).collect();
        Ok(items?.join(", "))
    }

    fn integer(&mut self) -> Result<String> {
        Ok(match self.0.int_in_range(0..=9)? {
            0 => self.0.arbitrary::<i64>()?.to_string(),
            1 => self.0.arbitrary::<i128>()?.to_string(),
            2 => self
                .pick(&[
                    "-1",
                    "NULL",
                    "$1",
                    "$name",
                    "2 + 1",
                    "abs(-2)",
                    "CAST('3' AS INT)",
                    "1 / 0",
                    "- - 2",
                ])?
                .to_string(),
            _ => self.0.int_in_range(0..=7)?.to_string(),
        })
    }

    fn number(&mut self) -> Result<String> {
        Ok(match self.0.int_in_range(0..=3)? {
            0 => self.integer()?,
            1 => format!("{:?}", self.0.arbitrary::<f64>()?)
                .replace("inf", "'inf'::double")
                .replace("NaN", "'NaN'::double"),
            _ => self
                .pick(&["0.5", "-0.0", "1.0", "-1", "0", "NULL", "1e308", "0.3333333333333333", "$1"])?
                .to_string(),
        })
    }

    fn question(&mut self) -> Result<String> {
        Ok(self
            .pick(&[
                "'q0'",
                "'q1'",
                "'q3'",
                "'q5'",
                "'q9'",
                "0",
                "2",
                "5",
                "DATE '1970-01-03'",
                "''",
                "NULL",
                "X'7131'",
                "$1",
                "true",
            ])?
            .to_string())
    }

    /// Any literal, or nearly one.
    fn value(&mut self, depth: usize) -> Result<String> {
        Ok(match self.0.int_in_range(0..=11)? {
            0..=1 => self.integer()?,
            2 => self.number()?,
            3..=4 => self.question()?,
            5..=6 if depth > 0 => format!("[{}]", self.list(4, |this| this.value(depth - 1))?),
            7 if depth > 0 => {
                format!("{{'a': {}, 'top': {}}}", self.value(depth - 1)?, self.value(depth - 1)?)
            }
            8 => self
                .pick(&["true", "false", "'null'", "'omit'", "'NULL'", "'user'", "'question'", "'score'"])?
                .to_string(),
            9 => self.call_of_function(depth)?,
            _ => self
                .pick(&[
                    "now()",
                    "random()",
                    "score",
                    "\"user\"",
                    "exam.score",
                    "INTERVAL '1 day'",
                    "DATE '2020-01-01'",
                    "CAST(NULL AS INT)",
                    "arrow_cast(3, 'UInt8')",
                    "arrow_cast('q1', 'Dictionary(Int8, Utf8)')",
                    "1.5",
                    "make_array()",
                    "(SELECT 2)",
                    "(SELECT max(score) FROM exam)",
                    "array_agg(1)",
                    "[['q1']]",
                    "*",
                    "DEFAULT",
                ])?
                .to_string(),
        })
    }

    fn call_of_function(&mut self, depth: usize) -> Result<String> {
        if depth == 0 {
            return Ok("1".to_string());
        }
        let value = self.value(depth - 1)?;
        Ok(match self.0.int_in_range(0..=3)? {
            0 => format!("coalesce({value}, 2)"),
            1 => format!("({value})"),
            2 => format!("CASE WHEN {value} THEN 2 ELSE 3 END"),
            _ => format!("k_corrset(exam, {value})"),
        })
    }

    fn option(&mut self) -> Result<String> {
        let name = self.pick(&[
            "min_users",
            "top",
            "include",
            "exclude",
            "corrected",
            "undefined",
            "user",
            "question",
            "score",
            "TOP",
            "\"top\"",
            "nonsense",
            "k",
            "table",
        ])?;
        let value = match (name, self.chance(4)?) {
            (_, true) => self.value(2)?,
            ("min_users" | "top", _) => self.integer()?,
            ("include" | "exclude", _) if self.chance(2)? => self.question()?,
            ("include" | "exclude", _) => format!("[{}]", self.list(3, Self::question)?),
            ("corrected", _) => self.pick(&["true", "false"])?.to_string(),
            ("undefined", _) => self.pick(&["'null'", "'omit'"])?.to_string(),
            ("user" | "question" | "score", _) => {
                self.pick(&["'user'", "'question'", "'score'", "'USER'", "'nothing'"])?.to_string()
            }
            _ => self.value(1)?,
        };
        Ok(format!("{name}\u{0}{value}"))
    }

    /// Options by name, or as the third argument.
    fn options(&mut self) -> Result<String> {
        let options: Result<Vec<String>> = (0..self.0.int_in_range(0..=3)?).map(|_| self.option()).collect();
        let options = options?;
        let named = |(name, value): (&str, &str)| format!(", {name} => {value}");
        let in_struct = |(name, value): (&str, &str)| format!("'{}': {value}", name.replace('"', ""));
        let parts = options.iter().filter_map(|option| option.split_once('\u{0}'));
        Ok(match self.0.int_in_range(0..=7)? {
            0..=4 => parts.map(named).collect(),
            5..=6 => format!(", {{{}}}", parts.map(in_struct).collect::<Vec<_>>().join(", ")),
            _ => format!(", {}", self.value(2)?),
        })
    }

    fn table(&mut self, depth: usize) -> Result<String> {
        let name = self.pick(&TABLES)?;
        Ok(match self.0.int_in_range(0..=11)? {
            0..=4 => name.to_string(),
            5 => format!("'{name}'"),
            6 => format!("public.\"{name}\""),
            7 => format!("datafusion.public.{name}"),
            8 => format!("'datafusion.public.{name}'"),
            9 if depth > 0 => format!("({})", self.query(depth - 1)?),
            10 => format!(
                "(SELECT * FROM {name} WHERE {})",
                self.pick(&["score < 2", "question <> 'q3'", "\"user\" > 4", "false", "NULL"])?
            ),
            _ => self
                .pick(&[
                    "nowhere",
                    "'no.such.table.here'",
                    "a.b.c.d",
                    "''",
                    "NULL",
                    "1",
                    "exam e",
                    "LATERAL exam",
                    "VALUES (1)",
                    "$1",
                    "both",
                ])?
                .to_string(),
        })
    }

    fn call(&mut self, depth: usize) -> Result<String> {
        let name = if self.chance(12)? {
            self.pick(&["K_CORRSET", "\"k_corrset\"", "\"K_corrset\"", "public.k_corrset", "k_corrse"])?
        } else {
            "k_corrset"
        };
        let table = self.table(depth)?;
        let k = if self.chance(8)? { self.value(2)? } else { self.integer()? };
        let options = self.options()?;
        Ok(match self.0.int_in_range(0..=15)? {
            0 => format!("{name}({table})"),
            1 => format!("{name}()"),
            2 => format!("{name}({k}, {table}{options})"),
            3 => format!("{name}(table => {table}, k => {k}{options})"),
            4 => format!("LATERAL {name}({table}, {k}{options})"),
            5 => format!("TABLE({name}({table}, {k}{options}))"),
            _ => format!("{name}({table}, {k}{options})"),
        })
    }

    fn predicate(&mut self, depth: usize) -> Result<String> {
        if depth > 0 && !self.chance(3)? {
            let (x, y) = (self.predicate(depth - 1)?, self.predicate(depth - 1)?);
            return Ok(match self.0.int_in_range(0..=3)? {
                0 => format!("NOT ({x})"),
                1 => format!("({x} OR {y})"),
                _ => format!("{x} AND {y}"),
            });
        }
        let compare =
            self.pick(&["<", "<=", ">", ">=", "=", "<>", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"])?;
        Ok(match self.0.int_in_range(0..=9)? {
            0..=1 => format!("r {compare} {}", self.number()?),
            2..=3 => format!("n {compare} {}", self.integer()?),
            4 => format!("{} {compare} {}", self.value(1)?, self.pick(&["r", "n", "questions"])?),
            5 => format!("{}array_has(questions, {})", self.pick(&["", "NOT "])?, self.value(1)?),
            6 => format!(
                "{}(questions, [{}])",
                self.pick(&["array_has_all", "array_has_any"])?,
                self.list(4, Self::question)?
            ),
            7 => format!("r {}BETWEEN {} AND {}", self.pick(&["", "NOT "])?, self.number()?, self.number()?),
            8 => format!("n IN ({})", self.list(4, Self::integer)?),
            _ => self
                .pick(&[
                    "r IS NULL",
                    "r + n > 1",
                    "n % 0 = 1",
                    "true",
                    "NULL",
                    "questions[1] = 'q1'",
                    "cardinality(questions) > 2",
                    "n > (SELECT min(n) FROM k_corrset(exam, 2))",
                    "EXISTS (SELECT 1 FROM exam WHERE score = n)",
                ])?
                .to_string(),
        })
    }

    fn query(&mut self, depth: usize) -> Result<String> {
        let call = self.call(depth)?;
        let relation = match self.0.int_in_range(0..=9)? {
            0..=5 => call,
            6 => format!("{call} AS s(a, r, n)"),
            7 => format!("{call} AS x JOIN exam ON x.n = exam.score + 5"),
            8 if depth > 0 => format!("{call} AS x CROSS JOIN {} AS y", self.call(depth - 1)?),
            _ if depth > 0 => format!("({}) AS inside", self.query(depth - 1)?),
            _ => call,
        };
        let columns = match self.0.int_in_range(0..=5)? {
            0..=2 => "*",
            _ => self.pick(&[
                "r",
                "n",
                "count(*)",
                "max(r), min(n)",
                "avg(r)",
                "questions, n",
                "max(questions)",
                "nonsense",
                "r AS n, n AS r",
                "questions AS question, r AS score, n AS \"user\"",
                "count(r), n",
                "row_number() OVER (ORDER BY r), r",
                "DISTINCT n",
            ])?,
        };
        let mut sql = format!("SELECT {columns} FROM {relation}");
        if self.chance(2)? {
            sql += &format!(" WHERE {}", self.predicate(2)?);
        }
        if self.chance(2)? {
            sql += " ORDER BY ";
            sql += self.pick(&[
                "r DESC",
                "r",
                "r DESC NULLS LAST, n",
                "n DESC, r",
                "questions",
                "abs(r)",
                "1",
                "random()",
                "questions DESC, n",
            ])?;
        }
        if self.chance(2)? {
            sql += &format!(" LIMIT {}", self.integer()?);
        }
        if self.chance(12)? {
            sql += &format!(" OFFSET {}", self.integer()?);
        }
        Ok(sql)
    }

    fn statement(&mut self) -> Result<String> {
        let query = self.query(2)?;
        let mut sql = match self.0.int_in_range(0..=15)? {
            0 => format!("EXPLAIN {query}"),
            1 => format!("EXPLAIN ANALYZE VERBOSE {query}"),
            2..=3 => format!(
                "SET k_corrset.{} = {}",
                self.pick(&["kernel", "threads", "batch_size", "pushdown", "nonsense"])?,
                self.pick(&[
                    "0",
                    "1",
                    "3",
                    "'portable'",
                    "'best'",
                    "'avx2'",
                    "true",
                    "false",
                    "-1",
                    "'x'",
                    "100000"
                ])?
            ),
            4 => format!("PREPARE p AS {query}"),
            5 => format!("EXECUTE p({})", self.list(3, |this| this.value(1))?),
            6 => format!("WITH both AS (SELECT * FROM exam) {query}"),
            7 => format!(
                "WITH RECURSIVE both AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM both, ({query}) WHERE i < 3) SELECT count(*) FROM both"
            ),
            8 => format!("{query} UNION ALL {}", self.query(1)?),
            _ => query,
        };
        if self.chance(6)? {
            let token = self.pick(&[
                "(",
                ")",
                ",",
                "'",
                "\"",
                "=>",
                "NULL",
                "*",
                ".",
                "[",
                "}",
                "--",
                "k_corrset",
                "\u{fffd}",
                "SELECT",
                "$2",
                "0x",
            ])?;
            let place = self.0.int_in_range(0..=sql.len())?;
            let place = (place..=sql.len()).find(|&place| sql.is_char_boundary(place)).unwrap_or_default();
            sql.insert_str(place, token);
        }
        Ok(sql)
    }
}

/// Says what was being done when something panicked.
struct Told<'a>(&'a str);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in the statement: {}", self.0);
        }
    }
}

fn check(result: datafusion::error::Result<Vec<RecordBatch>>) {
    match result {
        Ok(batches) => {
            for batch in batches {
                for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
                    if field.name() == "r" && column.data_type() == &DataType::Float64 {
                        let mut r = column.as_primitive::<Float64Type>().iter().flatten();
                        assert!(r.all(|r| (-1.0..=1.0).contains(&r)), "r is within [-1, 1]");
                    }
                }
            }
        }
        Err(error) => {
            let text = error.to_string();
            if let DataFusionError::External(cause) = error.find_root() {
                let ours = cause.downcast_ref::<KCorrsetError>();
                assert!(!matches!(ours, Some(KCorrsetError::Worker { .. })), "{text}");
            }
            assert!(!text.contains("panicked"), "{text}");
        }
    }
}

/// Runs what the bytes are made into.
///
/// # Panics
/// The function, or DataFusion with it, did something it must not do.
#[allow(unreachable_pub, reason = "public in the fuzz crate")]
pub fn run(data: &[u8]) {
    let mut bytes = Unstructured::new(data);
    let ctx = SessionContext::new_with_state(STATE.clone());
    for _ in 0..3 {
        let Ok(sql) = Writer(&mut bytes).statement() else { return };
        let told = Told(&sql);
        RUNTIME.block_on(async {
            let result = async { ctx.sql(&sql).await?.collect().await };
            check(tokio::time::timeout(STUCK, result).await.expect("the statement ends"));
            // Workers of a query that has failed end when they notice.
            let pool = &ctx.runtime_env().memory_pool;
            let mut waits = 0;
            while pool.reserved() > 0 {
                assert!(waits < 10_000, "{} bytes are still reserved", pool.reserved());
                waits += 1;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        drop(told);
        if bytes.is_empty() {
            return;
        }
    }
}
