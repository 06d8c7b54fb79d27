//! From SQL to rows: random tables in random types, split and shuffled at random, through random
//! sessions and options, against the definition, and against the self-join that a user of
//! DataFusion would write with its own `corr`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_k_corrset::register_all;
use datafusion_k_corrset::sweep::{Instructions, SweepRequest, Undefined};
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::support::exam::{Answers, SMALL, any_table, batch, names_of};
use crate::support::{config, exam, oracle};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// A row of the result.
type Answer = (Vec<String>, Option<f64>, i64);

/// How the session is set.
#[derive(Debug, Clone)]
struct Settings {
    partitions: usize,
    batch_size: usize,
    threads: usize,
    kernel: &'static str,
    pushdown: bool,
}

fn any_settings() -> impl Strategy<Value = Settings> {
    let batch_size = prop_oneof![1usize..4, 5usize..100, Just(8192)];
    let kernels: Vec<&str> =
        ["best"].into_iter().chain(Instructions::available().into_iter().map(Instructions::name)).collect();
    (1usize..6, batch_size, 0usize..4, proptest::sample::select(kernels), any::<bool>()).prop_map(
        |(partitions, batch_size, threads, kernel, pushdown)| Settings {
            partitions,
            batch_size,
            threads,
            kernel,
            pushdown,
        },
    )
}

/// How a table is laid out: the types of its columns, and how many rows a batch has and how many
/// batches a partition.
#[derive(Debug, Clone)]
struct Layout {
    names: [DataType; 2],
    score: DataType,
    /// Whether scores that are floats are small enough to be summed as such, and not as decimals.
    small: bool,
    rows: usize,
    batches: usize,
}

fn any_layout() -> impl Strategy<Value = Layout> {
    let dictionary = DataType::Dictionary(Box::new(DataType::Int16), Box::new(DataType::Utf8));
    let name = move || {
        let types = vec![DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View, dictionary.clone()];
        proptest::sample::select(types)
    };
    // A type that the scores do not fit into is left for Int64.
    let scores = [
        DataType::Boolean,
        DataType::Int8,
        DataType::UInt16,
        DataType::Int32,
        DataType::Int64,
        DataType::Int64,
        DataType::Decimal128(38, 3),
        DataType::Float64,
    ];
    let score = (proptest::sample::select(scores.to_vec()), any::<bool>());
    (name(), name(), score, 1usize..60, 1usize..4).prop_map(
        |(user, question, (score, small), rows, batches)| Layout {
            names: [user, question],
            score,
            small,
            rows,
            batches,
        },
    )
}

/// The call's options.
#[derive(Debug, Clone)]
struct Options {
    named: bool,
    min_users: Option<i64>,
    top: Option<usize>,
    include: BTreeSet<usize>,
    exclude: BTreeSet<usize>,
    corrected: bool,
    null: bool,
}

fn any_options() -> impl Strategy<Value = Options> {
    let some = || proptest::collection::btree_set(0usize..8, 0..3);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let numbers = (proptest::option::of(0i64..15), proptest::option::weighted(0.3, 0usize..50));
    (flags, numbers, some(), some()).prop_map(
        |((named, corrected, null), (min_users, top), include, exclude)| Options {
            named,
            min_users,
            top,
            include,
            exclude,
            corrected,
            null,
        },
    )
}

impl Options {
    /// The options for questions of these names: none in and out, and none unknown.
    fn fit(&mut self, names: &BTreeSet<String>) {
        let known = |id: &usize| names.contains(&format!("q{id}"));
        self.include.retain(known);
        self.exclude.retain(|id| known(id) && !self.include.contains(id));
    }

    fn call(&self, k: usize) -> String {
        let list = |ids: &BTreeSet<usize>| {
            let names: Vec<String> = ids.iter().map(|id| format!("'q{id}'")).collect();
            (!names.is_empty()).then(|| format!("[{}]", names.join(", ")))
        };
        let options = [
            ("min_users", self.min_users.map(|n| n.to_string())),
            ("top", self.top.map(|n| n.to_string())),
            ("include", list(&self.include)),
            ("exclude", list(&self.exclude)),
            ("corrected", self.corrected.then(|| "true".to_string())),
            ("undefined", self.null.then(|| "'null'".to_string())),
        ];
        let options = options.into_iter().filter_map(|(name, value)| Some((name, value?)));
        if self.named {
            let options = options.map(|(name, value)| format!(", {name} => {value}"));
            format!("k_corrset(exam, {k}{})", options.collect::<String>())
        } else {
            let options: Vec<String> = options.map(|(name, value)| format!("'{name}': {value}")).collect();
            let struct_literal = format!(", {{{}}}", options.join(", "));
            let last = if options.is_empty() { "" } else { &struct_literal };
            format!("k_corrset('exam', {k}{last})")
        }
    }

    /// What the definition says of the rows, in the order of `top`.
    fn defined(&self, rows: &Answers<i64>, k: usize) -> Vec<Answer> {
        let names = names_of(rows);
        let id = |question: &usize| names.binary_search(&format!("q{question}")).unwrap() as u32;
        let request = SweepRequest {
            k,
            include: self.include.iter().map(id).collect(),
            exclude: self.exclude.iter().map(id).collect(),
            min_users: self.min_users,
            corrected: self.corrected,
            undefined: if self.null { Undefined::Null } else { Undefined::Omit },
            ..SweepRequest::default()
        };
        let answers = exam::defined(rows, &request).into_iter();
        let mut answers: Vec<Answer> = answers.map(|(subset, (r, n))| (subset, r, n)).collect();
        answers.sort_by(best_first);
        answers.truncate(self.top.unwrap_or(usize::MAX));
        answers
    }
}

fn best_first(x: &Answer, y: &Answer) -> std::cmp::Ordering {
    oracle::best_first((&x.0, x.1, x.2), (&y.0, y.1, y.2))
}

/// A session in one process.
fn embedded(config: SessionConfig) -> SessionContext {
    let ctx = SessionContext::new_with_config(config);
    register_all(&ctx).unwrap();
    ctx
}

/// A session with the rows as the table `exam`; and whether its scores are summed as floats.
async fn session(
    open: &dyn Fn(SessionConfig) -> SessionContext,
    rows: &Answers<i64>,
    layout: &Layout,
    settings: &Settings,
) -> (SessionContext, bool) {
    let texts = |column: &dyn Fn(&(String, String, i64)) -> String, data_type: &DataType| {
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(column)));
        cast(&texts, data_type).unwrap()
    };
    let [users, questions] = &layout.names;
    let integers: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.2)));
    let bits = layout.score != DataType::Boolean || rows.iter().all(|row| (0..2).contains(&row.2));
    let floats = layout.score == DataType::Float64 && layout.small;
    let scores = if floats {
        Some(Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.2 as f64 * SMALL))) as _)
    } else {
        cast(&integers, &layout.score).ok().filter(|scores| bits && scores.null_count() == 0)
    };
    let whole = batch(
        texts(&|row| row.0.clone(), users),
        texts(&|row| row.1.clone(), questions),
        scores.unwrap_or(integers),
    );
    let batches: Vec<_> = (0..whole.num_rows())
        .step_by(layout.rows)
        .map(|at| whole.slice(at, layout.rows.min(whole.num_rows() - at)))
        .collect();
    let partitions = batches.chunks(layout.batches).map(<[_]>::to_vec).collect();
    let config =
        SessionConfig::new().with_target_partitions(settings.partitions).with_batch_size(settings.batch_size);
    let ctx = open(config);
    ctx.register_table("exam", Arc::new(MemTable::try_new(whole.schema(), partitions).unwrap())).unwrap();
    for (setting, value) in [
        ("threads", settings.threads.to_string()),
        ("kernel", settings.kernel.to_string()),
        ("pushdown", settings.pushdown.to_string()),
    ] {
        let set = format!("SET k_corrset.{setting} = '{value}'");
        ctx.sql(&set).await.unwrap().collect().await.unwrap();
    }
    (ctx, floats)
}

/// The rows of a query whose columns are some questions, r and n.
async fn answers(ctx: &SessionContext, sql: &str) -> Vec<Answer> {
    let batches = async { ctx.sql(sql).await?.collect().await }.await;
    let batches = batches.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let mut answers = Vec::new();
    for batch in batches {
        let (r, n) =
            (batch.column(1).as_primitive::<Float64Type>(), batch.column(2).as_primitive::<Int64Type>());
        for row in 0..batch.num_rows() {
            let questions = cast(&batch.column(0).as_list::<i32>().value(row), &DataType::Utf8).unwrap();
            let questions: Vec<String> =
                questions.as_string::<i32>().iter().map(|name| name.unwrap().to_string()).collect();
            assert!(questions.is_sorted(), "{sql}: {questions:?}");
            answers.push((questions, r.is_valid(row).then(|| r.value(row)), n.value(row)));
        }
    }
    answers
}

/// Whether the rows are the same: to the bit, or where scores are summed as floats to rounding.
fn same(found: &[Answer], expected: &[Answer], floats: bool) -> bool {
    let r = |found: Option<f64>, expected: Option<f64>| match (found, expected) {
        (Some(found), Some(expected)) if floats => (found - expected).abs() < 1e-12,
        _ => found.map(f64::to_bits) == expected.map(f64::to_bits),
    };
    found.len() == expected.len()
        && found.iter().zip(expected).all(|(x, y)| x.0 == y.0 && x.2 == y.2 && r(x.1, y.1))
}

fn some_rows() -> impl Strategy<Value = Answers<i64>> {
    any_table().prop_flat_map(|rows| Just(rows).prop_shuffle())
}

proptest! {
    #![proptest_config(config(600))]

    #[test]
    fn sql_answers_by_the_definition(
        rows in some_rows(), k in 1usize..6, options in any_options(),
        layout in any_layout(), settings in any_settings(), ordered in any::<bool>(), limit in 0usize..20,
    ) {
        let mut options = options;
        options.fit(&rows.iter().map(|row| row.1.clone()).collect());
        let (call, mut expected) = (options.call(k), options.defined(&rows, k));
        let (mut found, floats) = RUNTIME.block_on(async {
            let (ctx, floats) = session(&embedded, &rows, &layout, &settings).await;
            let order = format!(" ORDER BY r DESC NULLS LAST, n DESC, questions LIMIT {limit}");
            let sql = format!("SELECT * FROM {call}{}", if ordered { &order } else { "" });
            (answers(&ctx, &sql).await, floats)
        });
        if floats && (ordered || options.top.is_some()) {
            // What ties in exact numbers need not tie in floats; so only the r are compared,
            // and n and questions as those of some row.
            let all = Options { top: None, ..options.clone() }.defined(&rows, k);
            if ordered {
                expected.truncate(limit);
            }
            if !ordered {
                found.sort_by(best_first);
            }
            prop_assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                let defined = all.iter().find(|row| row.0 == found.0);
                prop_assert!(defined.is_some_and(|row| same(std::slice::from_ref(found), std::slice::from_ref(row), true)), "{:?}", found);
                let r = |row: &Answer| row.1.unwrap_or(-2.0);
                prop_assert!((r(found) - r(expected)).abs() < 1e-12, "{:?} {:?}", found, expected);
            }
        } else {
            if ordered { expected.truncate(limit) } else { found.sort_by(best_first) }
            if floats {
                found.sort_by(|x, y| x.0.cmp(&y.0));
                expected.sort_by(|x, y| x.0.cmp(&y.0));
            }
            prop_assert!(same(&found, &expected, floats), "{}: {:?}, not {:?}", call, found, expected);
        }
    }
}

#[cfg(all(feature = "cli", feature = "distributed", unix))]
proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn a_cluster_answers_as_one_process(
        rows in some_rows(), k in 1usize..6, options in any_options(), layout in any_layout(),
        settings in any_settings(), workers in 1usize..4, limit in proptest::option::of(0usize..20),
    ) {
        let mut options = options;
        options.fit(&rows.iter().map(|row| row.1.clone()).collect());
        let limit = limit.map(|limit| format!(" LIMIT {limit}")).unwrap_or_default();
        let sql = format!("SELECT * FROM {} ORDER BY r DESC NULLS LAST, n DESC, questions{limit}", options.call(k));
        let (here, there) = RUNTIME.block_on(async {
            let workers = crate::distributed::Workers::start(workers).await;
            let (here, _) = session(&embedded, &rows, &layout, &settings).await;
            let (there, _) = session(&|config| workers.session(config), &rows, &layout, &settings).await;
            (answers(&here, &sql).await, answers(&there, &sql).await)
        });
        prop_assert!(same(&there, &here, false), "{}: {:?}, not {:?}", sql, there, here);
    }
}

/// The query a user of DataFusion would write without the function.
fn self_join(k: usize, corrected: bool) -> String {
    let each =
        |text: &dyn Fn(usize) -> String, between: &str| (1..=k).map(text).collect::<Vec<_>>().join(between);
    let questions = each(&|i| format!("t{i}.question"), ", ");
    let subtotal = each(&|i| format!("t{i}.score"), " + ");
    let joins: String = (2..=k)
        .map(|i| {
            let before = i - 1;
            format!(" JOIN exam t{i} ON t{i}.\"user\" = t1.\"user\" AND t{before}.question < t{i}.question")
        })
        .collect();
    let total = if corrected { format!("b - ({subtotal})") } else { "b".to_string() };
    format!(
        "SELECT make_array({questions}), corr({subtotal}, {total}), count(*) FROM exam t1{joins}
         JOIN (SELECT \"user\", sum(score) AS b FROM exam GROUP BY \"user\") totals
         ON totals.\"user\" = t1.\"user\" GROUP BY {questions}"
    )
}

proptest! {
    #![proptest_config(config(40))]

    #[test]
    fn a_self_join_with_corr_says_the_same(
        rows in some_rows(), k in 1usize..4, corrected in any::<bool>(),
        layout in any_layout(), settings in any_settings(),
    ) {
        // `corr` itself loses digits of larger numbers than these.
        let rows: Answers<i64> = rows.into_iter().map(|(user, question, score)| (user, question, score % 4096)).collect();
        let layout = Layout { score: DataType::Float64, ..layout };
        // In batches of one row, joins of the session's own take gigabytes.
        let settings = Settings { batch_size: settings.batch_size.max(64), ..settings };
        let call = format!("SELECT * FROM k_corrset(exam, {k}, undefined => 'null', min_users => 1, corrected => {corrected})");
        let (found, joined) = RUNTIME.block_on(async {
            let (ctx, _) = session(&embedded, &rows, &layout, &settings).await;
            (answers(&ctx, &call).await, answers(&ctx, &self_join(k, corrected)).await)
        });
        let joined: BTreeMap<Vec<String>, (Option<f64>, i64)> =
            joined.into_iter().map(|(questions, r, n)| (questions, (r, n))).collect();
        prop_assert_eq!(found.len(), joined.len());
        for (questions, r, n) in found {
            let (joined_r, joined_n) = joined[&questions];
            prop_assert_eq!(n, joined_n, "{:?}", questions);
            // Where there is no variance, the rounding of `corr` may find one.
            if let Some(r) = r {
                prop_assert!((r - joined_r.unwrap()).abs() < 1e-9, "{:?}: {} {:?}", questions, r, joined_r);
            }
        }
    }
}
