//! Errors of whatever lies below a call: of its input's files, tables and expressions.

use datafusion::error::DataFusionError;

use crate::error;

/// An error whose text is no longer than [`LONGEST_TEXT`](error::LONGEST_TEXT) and shows no rows.
///
/// One that is so already stays what it is, and so does one of a host's own, which it may look for.
/// Of any other the kind is kept, and the text cut.
pub(crate) fn bounded(error: DataFusionError) -> DataFusionError {
    let whole = error.to_string();
    if error::bounded(whole.clone()) == whole {
        return error;
    }
    match error.find_root() {
        DataFusionError::External(_) => error,
        DataFusionError::Plan(text) => DataFusionError::Plan(error::bounded(text.clone())),
        DataFusionError::Configuration(text) => DataFusionError::Configuration(error::bounded(text.clone())),
        DataFusionError::NotImplemented(text) => {
            DataFusionError::NotImplemented(error::bounded(text.clone()))
        }
        DataFusionError::Internal(text) => DataFusionError::Internal(error::bounded(text.clone())),
        DataFusionError::ResourcesExhausted(text) => {
            DataFusionError::ResourcesExhausted(error::bounded(text.clone()))
        }
        other => DataFusionError::Execution(error::bounded(other.strip_backtrace())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use datafusion::arrow::error::ArrowError;

    use crate::error::{KCorrsetError, LONGEST_TEXT};

    #[test]
    fn a_short_error_stays_what_it_is() {
        let error = KCorrsetError::SubsetSizeRange { got: "0".to_string() };
        let error = DataFusionError::External(Box::new(error));
        let DataFusionError::External(inner) = bounded(error) else { panic!("another kind") };
        assert!(inner.is::<KCorrsetError>());
    }

    #[test]
    fn a_long_one_keeps_its_kind_and_loses_its_rows() {
        let rows = format!("found Array [Object {{\"user\": String({:?})", "ann".repeat(10_000));
        let json = DataFusionError::from(ArrowError::JsonError(rows)).context("Error when processing file");
        let text = bounded(json).to_string();
        assert_eq!(text, "Execution error: Arrow error: Json error: found …");
        let long = bounded(DataFusionError::Plan("no field; valid fields are a, ".repeat(1_000)));
        assert!(matches!(&long, DataFusionError::Plan(text) if text.len() <= LONGEST_TEXT));
        let memory = bounded(DataFusionError::ResourcesExhausted("too much. ".repeat(1_000)));
        assert!(matches!(memory, DataFusionError::ResourcesExhausted(_)));
    }
}
