//! What the sweep takes over of a query changes no answer: random queries, each with and
//! without.
//!
//! `K_CORRSET_QUERIES=20000 cargo test --release pushdown` runs more of them.

use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringViewArray};
use datafusion::arrow::datatypes::Float64Type;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_k_corrset::register_all;
use std::sync::Arc;

use crate::support::exam::batch;
use crate::support::random::Random;

/// How many queries, unless the environment says otherwise.
const QUERIES: usize = 3_000;

/// A table, by what its scores and questions are like.
struct Table {
    name: &'static str,
    questions: usize,
    density: f64,
    score: fn(&mut Random) -> f64,
    /// Whether its questions are numbers.
    numbered: bool,
}

const TABLES: [Table; 6] = [
    Table {
        name: "binary",
        questions: 9,
        density: 0.5,
        score: |random| random.below(2) as f64,
        numbered: false,
    },
    Table {
        name: "sparse",
        questions: 36,
        density: 0.15,
        score: |random| random.below(2) as f64,
        numbered: false,
    },
    Table {
        name: "points",
        questions: 8,
        density: 0.6,
        score: |random| random.below(12) as f64,
        numbered: true,
    },
    Table {
        name: "complete",
        questions: 8,
        density: 1.0,
        score: |random| random.below(3) as f64,
        numbered: true,
    },
    Table {
        name: "floats",
        questions: 7,
        density: 0.6,
        score: |random| random.share() * 10.0 - random.share(),
        numbered: false,
    },
    Table {
        name: "equal",
        questions: 7,
        density: 0.4,
        score: |random| (random.below(9) / 7) as f64,
        numbered: false,
    },
];

impl Table {
    fn batch(&self) -> RecordBatch {
        let mut random = Random::new(self.questions as u64);
        let (mut users, mut questions, mut scores) = (Vec::new(), Vec::new(), Vec::new());
        for user in 0..40i64 {
            for question in 0..self.questions as i64 {
                if random.share() < self.density {
                    users.push(user);
                    questions.push(question);
                    scores.push((self.score)(&mut random));
                }
            }
        }
        let questions: ArrayRef = if self.numbered {
            Arc::new(Int64Array::from(questions))
        } else {
            Arc::new(StringViewArray::from_iter_values(questions.iter().map(|id| format!("q{id:02}"))))
        };
        let scores: ArrayRef = match self.name {
            "floats" => Arc::new(datafusion::arrow::array::Float64Array::from(scores)),
            _ => Arc::new(Int64Array::from_iter_values(scores.iter().map(|&score| score as i64))),
        };
        batch(Arc::new(Int64Array::from(users)), questions, scores)
    }

    /// A question in SQL; now and then one that is not there.
    fn question(&self, random: &mut Random) -> String {
        let id = random.below(self.questions + 1);
        if self.numbered { id.to_string() } else { format!("'q{id:02}'") }
    }

    fn list(&self, random: &mut Random, length: usize) -> String {
        let questions: Vec<String> = (0..length).map(|_| self.question(random)).collect();
        format!("[{}]", questions.join(", "))
    }
}

/// A session with all tables, where filters are taken over or not.
async fn session(pushdown: bool) -> SessionContext {
    let config = SessionConfig::new().with_target_partitions(3).with_batch_size(32);
    let ctx = SessionContext::new_with_config(config);
    register_all(&ctx).unwrap();
    for table in TABLES {
        ctx.register_batch(table.name, table.batch()).unwrap();
    }
    ctx.sql(&format!("SET k_corrset.pushdown = {pushdown}")).await.unwrap().collect().await.unwrap();
    ctx
}

/// Makes queries over one call.
struct Queries<'a> {
    random: Random,
    table: &'a Table,
    k: usize,
    /// r of some sets, as bounds that are met exactly.
    some_r: &'a [f64],
    /// Whether the call has the interval of r.
    told: bool,
}

impl Queries<'_> {
    fn chance(&mut self, of: usize) -> bool {
        self.random.below(of) == 0
    }

    fn pick<'a>(&mut self, texts: &[&'a str]) -> &'a str {
        texts[self.random.below(texts.len())]
    }

    fn call(&mut self) -> String {
        let mut options = Vec::new();
        if self.chance(3) {
            options.push("undefined => 'null'".to_string());
        }
        if self.chance(4) {
            options.push(format!("min_users => {}", self.random.below(12)));
        }
        if self.chance(4) {
            options.push("corrected => true".to_string());
        }
        if self.chance(8) {
            options.push(format!("top => {}", self.random.below(40)));
        }
        if self.chance(8) {
            let id = self.random.below(self.table.questions);
            let question = if self.table.numbered { id.to_string() } else { format!("'q{id:02}'") };
            options.push(format!("{} => {question}", self.pick(&["include", "exclude"])));
        }
        self.told = self.chance(3);
        if self.told {
            options.push("statistics => ['r_low', 'r_high']".to_string());
        }
        let options: String = options.into_iter().map(|option| format!(", {option}")).collect();
        format!("k_corrset({}, {}{options})", self.table.name, self.k)
    }

    fn r(&mut self) -> String {
        match self.random.below(8) {
            0 => self
                .pick(&["0.0", "-0.0", "1.0", "-1.0", "2.5", "-1e300", "'NaN'::double", "NULL"])
                .to_string(),
            1 => format!("{:?}", self.random.share() * 2.0 - 1.0),
            _ => format!("{:?}", self.random.one_of(self.some_r)),
        }
    }

    fn n(&mut self) -> String {
        match self.random.below(8) {
            0 => self.pick(&["0", "-1", "9223372036854775807", "NULL", "10.5"]).to_string(),
            _ => self.random.below(25).to_string(),
        }
    }

    fn predicate(&mut self, depth: usize) -> String {
        if depth > 0 && self.random.below(3) > 0 {
            let (x, y) = (self.predicate(depth - 1), self.predicate(depth - 1));
            return match self.random.below(5) {
                0..=1 => format!("({x} AND {y})"),
                2..=3 => format!("({x} OR {y})"),
                _ => format!("NOT ({x})"),
            };
        }
        let compare = |this: &mut Self| this.pick(&["<", "<=", ">", ">=", "=", "<>", "IS DISTINCT FROM"]);
        if self.told && self.chance(4) {
            return match self.random.below(3) {
                0 => format!("{} IS {}NULL", self.pick(&["r_low", "r_high"]), self.pick(&["", "NOT "])),
                _ => format!("{} {} {}", self.pick(&["r_low", "r_low", "r_high"]), compare(self), self.r()),
            };
        }
        match self.random.below(21) {
            0..=2 => format!("r {} {}", compare(self), self.r()),
            3 => format!("{} {} r", self.r(), compare(self)),
            4 => format!("r BETWEEN {} AND {}", self.r(), self.r()),
            5 => format!("r IS {}NULL", self.pick(&["", "NOT "])),
            6..=7 => format!("n {} {}", compare(self), self.n()),
            8 => format!("{} {} n", self.n(), compare(self)),
            9 => format!("n {}IN ({}, {}, {})", self.pick(&["", "NOT "]), self.n(), self.n(), self.n()),
            10..=11 => {
                let question = self.table.question(&mut self.random);
                format!("{}array_has(questions, {question})", self.pick(&["", "NOT "]))
            }
            12..=13 => {
                let length = self.random.below(4);
                let list = self.table.list(&mut self.random, length);
                let function = self.pick(&["array_has_all", "array_has_any"]);
                format!("{}{function}(questions, {list})", self.pick(&["", "NOT "]))
            }
            14 => {
                let list = self.table.list(&mut self.random, self.k);
                format!("questions {} {list}", self.pick(&["=", "<>", "<"]))
            }
            19 => {
                let sets: Vec<String> = (0..1 + self.random.below(5))
                    .map(|_| {
                        let length = if self.chance(6) { self.random.below(5) } else { self.k };
                        self.table.list(&mut self.random, length)
                    })
                    .collect();
                format!("questions {}IN ({})", self.pick(&["", "", "", "NOT "]), sets.join(", "))
            }
            20 => {
                let number = 2 + self.random.below(3);
                let sets = (0..number).map(|_| {
                    let length = if self.chance(4) { self.random.below(5) } else { self.k };
                    format!("array_has_all(questions, {})", self.table.list(&mut self.random, length))
                });
                format!("({})", sets.collect::<Vec<_>>().join(" OR "))
            }
            15..=17 => {
                let length = self.random.below(6);
                let list = self.table.list(&mut self.random, length);
                let length = self.pick(&["array_length", "list_length", "cardinality"]);
                let intersect = match self.random.below(3) {
                    0 => format!("array_intersect({list}, questions)"),
                    _ => format!("array_intersect(questions, {list})"),
                };
                let mut number = || ["0", "1", "2", "3", "-1", "NULL", "1.0"][self.random.below(7)];
                let (least, most) = (number(), number());
                match self.random.below(4) {
                    0 => format!("{length}({intersect}) BETWEEN {least} AND {most}"),
                    1 => format!("{least} {} {length}({intersect})", compare(self)),
                    _ => format!("{length}({intersect}) {} {most}", compare(self)),
                }
            }
            _ => self
                .pick(&["r + n > 10.2", "n % 2 = 0", "r * r > 0.25", "true", "false", "r > n"])
                .to_string(),
        }
    }

    /// A query whose rows, in any order, are determined.
    fn query(&mut self) -> String {
        let call = self.call();
        let depth = self.random.below(4);
        let condition = if depth == 0 && self.chance(2) { "true".to_string() } else { self.predicate(depth) };
        let direction = self.pick(&["", " DESC", " NULLS FIRST", " DESC NULLS LAST"]);
        let limit = self.random.below(30);
        match self.random.below(13) {
            10..=12 => {
                let other = format!(
                    "SELECT questions FROM k_corrset({}, {}, top => {})",
                    self.table.name,
                    self.k,
                    self.random.below(9)
                );
                match self.random.below(4) {
                    0 => format!("SELECT * FROM {call} WHERE {condition} AND questions IN ({other})"),
                    1 => format!(
                        "SELECT s.* FROM (SELECT * FROM {call} WHERE {condition}) AS s LEFT JOIN ({other}) AS t \
                         ON s.questions = t.questions"
                    ),
                    _ => format!(
                        "SELECT s.* FROM ({other}) AS t JOIN (SELECT * FROM {call} WHERE {condition}) AS s \
                         ON s.questions = t.questions"
                    ),
                }
            }
            0..=2 => format!("SELECT * FROM {call} WHERE {condition}"),
            3 => format!("SELECT r FROM {call} WHERE {condition} ORDER BY r{direction} LIMIT {limit}"),
            4 => format!(
                "SELECT n, r FROM {call} WHERE {condition} ORDER BY n{direction}, r DESC LIMIT {limit}"
            ),
            5 => format!(
                "SELECT * FROM {call} WHERE {condition} ORDER BY r{direction}, n DESC, questions LIMIT {limit}"
            ),
            6 => {
                let aggregate =
                    self.pick(&["max(r)", "min(r)", "max(n), min(n)", "max(r), min(n)", "count(r)"]);
                format!("SELECT {aggregate} FROM {call} WHERE {condition}")
            }
            7 => format!("SELECT count(*) FROM {call} WHERE {condition}"),
            8 => format!(
                "SELECT s.questions, s.n FROM (SELECT DISTINCT score FROM {} WHERE score < 9) AS t JOIN {call} AS s \
                 ON s.n = t.score WHERE {condition}",
                self.table.name
            ),
            _ => format!(
                "SELECT r FROM (SELECT * FROM {call} ORDER BY r{direction}, n, questions LIMIT {limit}) \
                 WHERE {condition} ORDER BY r DESC LIMIT 3"
            ),
        }
    }
}

/// The rows in the order of their texts, or the error.
async fn answer(ctx: &SessionContext, sql: &str) -> Result<Vec<String>, String> {
    let batches = async { ctx.sql(sql).await?.collect().await }.await.map_err(|error| error.to_string())?;
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in &batches {
        let columns: Vec<_> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        let row = |row| columns.iter().map(|column| format!("{} ", column.value(row))).collect::<String>();
        rows.extend((0..batch.num_rows()).map(row));
    }
    rows.sort();
    Ok(rows)
}

async fn compare(seed: usize, queries: usize) {
    let (with, without) = (session(true).await, session(false).await);
    let mut random = Random::new(seed as u64 + 1);
    for _ in 0..queries.div_ceil(25) {
        let table = random.one_of(&TABLES);
        let k = 1 + random.below(if table.questions > 9 { 3 } else { 4 });
        let all = without.sql(&format!("SELECT r FROM k_corrset({}, {k})", table.name)).await.unwrap();
        let all = all.collect().await.unwrap();
        let some_r: Vec<f64> = all
            .iter()
            .flat_map(|batch| batch.column(0).as_primitive::<Float64Type>().values().to_vec())
            .collect();
        assert!(!some_r.is_empty());
        let mut queries =
            Queries { random: Random::new(random.next()), table, k, some_r: &some_r, told: false };
        for _ in 0..25 {
            let sql = queries.query();
            assert_eq!(answer(&with, &sql).await, answer(&without, &sql).await, "{sql}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_queries_have_the_same_answers_without() {
    let queries = std::env::var("K_CORRSET_QUERIES").ok().and_then(|number| number.parse().ok());
    let queries: usize = queries.unwrap_or(QUERIES);
    let halves = (0..2).map(|seed| tokio::spawn(compare(seed, queries / 2)));
    for half in halves.collect::<Vec<_>>() {
        half.await.unwrap();
    }
}
