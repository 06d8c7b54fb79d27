//! What a query has to say that is no error.

use std::sync::{Mutex, PoisonError};

/// Collects remarks on a query, for whoever runs it to show.
///
/// A host that wants them puts one into the session's configuration
/// (`SessionConfig::with_extension`) or, as queries run side by side, into that of each query's
/// state, and takes them out when the query is done.
#[derive(Debug, Default)]
pub struct Notices(Mutex<Vec<String>>);

impl Notices {
    /// The remarks so far, each once, in the order in which they came; they are forgotten.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds a remark to those of a query, or to the log if nobody collects them.
    pub(crate) fn tell(notices: Option<&Self>, text: &str) {
        match notices {
            Some(notices) => notices.add(text),
            None => log::warn!("{text}"),
        }
    }

    /// Adds a remark, unless it has been made.
    pub(crate) fn add(&self, text: &str) {
        let mut texts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !texts.iter().any(|known| known == text) {
            texts.push(text.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_remark_is_made_once() {
        let notices = Notices::default();
        for text in ["one", "two", "one"] {
            notices.add(text);
        }
        assert_eq!(notices.take(), ["one", "two"]);
        assert!(notices.take().is_empty());
    }
}
