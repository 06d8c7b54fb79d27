//! What a session is made of, to compare before and after.
//!
//! `tests/datafusion-suite`, a package of its own, compiles this file too.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::execution::SessionState;

/// Where something lies, which tells it from anything that is merely like it.
pub(crate) fn place<T: ?Sized>(thing: &Arc<T>) -> usize {
    Arc::as_ptr(thing).cast::<()>() as usize
}

/// Everything of a session that can be seen, but for what is ours.
pub(crate) fn parts(state: &SessionState) -> BTreeMap<String, String> {
    let mut parts = BTreeMap::new();
    let mut part = |kind: &str, name: &str, value: String| {
        let ours = format!("{name}{value}").contains("k_corrset") || value.contains("KCorrset");
        if !ours {
            assert_eq!(parts.insert(format!("{kind} {name}"), value), None, "{kind} {name} twice");
        }
    };
    for (name, function) in state.scalar_functions() {
        part("scalar function", name, place(function).to_string());
    }
    for (name, function) in state.aggregate_functions() {
        part("aggregate function", name, place(function).to_string());
    }
    for (name, function) in state.window_functions() {
        part("window function", name, place(function).to_string());
    }
    for (name, function) in state.higher_order_functions() {
        part("higher-order function", name, place(function).to_string());
    }
    for (name, function) in state.table_functions() {
        part("table function", name, place(function).to_string());
    }
    for (name, factory) in state.table_factories() {
        part("table factory", name, place(factory).to_string());
    }
    for ending in ["csv", "json", "parquet", "arrow", "avro"] {
        let format = state.get_file_format_factory(ending).map(|factory| place(&factory).to_string());
        part("file format", ending, format.unwrap_or_default());
    }
    let rules = state.optimizers().iter().map(|rule| rule.name().to_string());
    rules.enumerate().for_each(|(number, name)| part("optimizer rule", &number.to_string(), name));
    let rules = state.physical_optimizers().iter().map(|rule| rule.name().to_string());
    rules.enumerate().for_each(|(number, name)| part("physical rule", &number.to_string(), name));
    let rules = state.analyzer().rules.iter().map(|rule| rule.name().to_string());
    rules.enumerate().for_each(|(number, name)| part("analyzer rule", &number.to_string(), name));
    for (number, planner) in state.expr_planners().iter().enumerate() {
        part("expression planner", &number.to_string(), format!("{planner:?}"));
    }
    for entry in state.config_options().entries() {
        part("setting", &entry.key, format!("{:?}", entry.value));
    }
    for entry in state.default_table_options().entries() {
        part("table option", &entry.key, format!("{:?}", entry.value));
    }
    part("", "query planner", place(state.query_planner()).to_string());
    part("", "runtime", place(state.runtime_env()).to_string());
    part("", "serializers", place(state.serializer_registry()).to_string());
    part("", "session", state.session_id().to_string());
    for name in state.catalog_list().catalog_names() {
        let catalog = state.catalog_list().catalog(&name).map(|catalog| place(&catalog).to_string());
        part("catalog", &name, catalog.unwrap_or_default());
    }
    parts
}
