//! Registering the function changes nothing else of a session.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::execution::{FunctionRegistry, SessionState, SessionStateBuilder};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_k_corrset::{SessionStateBuilderKCorrset, register_all};

use crate::session_parts::{parts, place};

/// Fresh sessions, as what goes wrong may go wrong by chance.
const SESSIONS: usize = 100;

/// Names that functions of DataFusion have beside their own.
const ALIASES: [&str; 6] = ["to_char", "power", "nvl", "array_element", "date_trunc", "random"];

/// A function of a host's own.
#[derive(Debug, PartialEq, Eq, Hash)]
struct HostFunction {
    name: &'static str,
    signature: Signature,
}

impl ScalarUDFImpl for HostFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(ScalarValue::from("the host's own")))
    }
}

fn host_functions() -> Vec<Arc<ScalarUDF>> {
    let function = |name| {
        let signature = Signature::variadic_any(Volatility::Immutable);
        Arc::new(ScalarUDF::from(HostFunction { name, signature }))
    };
    ALIASES.into_iter().map(function).collect()
}

/// A session whose host has put functions of its own in the place of DataFusion's, and has
/// settings, tables and prepared statements.
async fn host_session() -> SessionContext {
    let ctx = SessionContext::new_with_config(SessionConfig::new().with_information_schema(true));
    for function in host_functions() {
        ctx.state_ref().write().register_udf(function).unwrap();
    }
    for sql in [
        "SET datafusion.execution.batch_size = 123",
        "CREATE VIEW numbers AS SELECT 1 AS number",
        "PREPARE one(INT) AS SELECT $1 + 1 AS two",
    ] {
        ctx.sql(sql).await.unwrap().collect().await.unwrap();
    }
    ctx
}

async fn number(ctx: &SessionContext, sql: &str) -> String {
    let batches = ctx.sql(sql).await.unwrap().collect().await.unwrap();
    arrow::util::display::array_value_to_string(batches[0].column(0), 0).unwrap()
}

#[tokio::test]
async fn a_plain_session_stays_as_it_is() {
    for _ in 0..SESSIONS {
        let ctx = SessionContext::new();
        let before = parts(&ctx.state());
        register_all(&ctx).unwrap();
        assert_eq!(parts(&ctx.state()), before);
        register_all(&ctx).unwrap();
        assert_eq!(parts(&ctx.state()), before, "registered again");
    }
}

#[tokio::test]
async fn a_hosts_session_stays_as_it_is() {
    for _ in 0..SESSIONS {
        let ctx = host_session().await;
        let before = parts(&ctx.state());
        register_all(&ctx).unwrap();
        assert_eq!(parts(&ctx.state()), before);
        for name in ALIASES {
            assert_eq!(number(&ctx, &format!("SELECT {name}(1, 2)")).await, "the host's own", "{name}");
        }
        assert_eq!(number(&ctx, "EXECUTE one(1)").await, "2", "prepared before");
        assert_eq!(number(&ctx, "SELECT number FROM numbers").await, "1");
    }
}

#[tokio::test]
async fn every_part_that_is_ours_is_there_once() {
    let ctx = SessionContext::new();
    register_all(&ctx).unwrap();
    register_all(&ctx).unwrap();
    let with_features = |builder: SessionStateBuilder| builder.with_k_corrset_features();
    let builder = SessionStateBuilder::new().with_default_features();
    let built = SessionContext::new_with_state(with_features(with_features(builder)).build());
    register_all(&built).unwrap();
    for ctx in [ctx, built] {
        let state = ctx.state();
        let ours = |names: Vec<String>| names.iter().filter(|name| name.contains("k_corrset")).count();
        let rules = state.analyzer().rules.iter().map(|rule| rule.name().to_string()).collect();
        assert_eq!(ours(rules), 2, "analyzer rules");
        assert_eq!(state.relation_planners().len(), 1, "relation planners");
        assert_eq!(ours(state.table_functions().keys().cloned().collect()), 1, "table functions");
        let settings = state.config_options().entries();
        assert_eq!(ours(settings.into_iter().map(|entry| entry.key).collect()), 7, "settings");
        let exam = "SELECT count(*) FROM k_corrset((SELECT 1 AS \"user\", 2 AS question, 3 AS score), 1, undefined => 'null')";
        assert_eq!(number(&ctx, exam).await, "1");
    }
}

#[tokio::test]
async fn a_session_yet_to_be_built_stays_as_it_is() {
    for _ in 0..SESSIONS {
        let builder = || {
            let mut builder = SessionStateBuilder::new()
                .with_config(SessionConfig::new().with_batch_size(123))
                .with_session_id("one".to_string())
                .with_runtime_env(Arc::default())
                .with_default_features();
            // The order in which they are registered decides who has a name that two claim.
            builder.scalar_functions().get_or_insert_default().extend(host_functions());
            builder
        };
        let names = |state: &SessionState| {
            let functions = state.scalar_functions().iter();
            let mut names: Vec<_> =
                functions.map(|(name, function)| (name.clone(), function.name().to_string())).collect();
            names.sort();
            names
        };
        let (plain, ours) = (builder().build(), builder().with_k_corrset_features().build());
        assert_eq!(names(&ours), names(&plain));
        assert_eq!(ours.config().batch_size(), 123);
        for name in ALIASES {
            assert_eq!(place(&ours.udf(name).unwrap()), place(&ours.scalar_functions()[name]));
            assert!(ours.udf(name).unwrap().inner().is::<HostFunction>(), "{name}");
        }
    }
}
