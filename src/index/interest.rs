//! Whether anybody still waits.

use std::fmt;

/// Says whether anybody still waits for what is being built.
///
/// Whoever builds looks every few milliseconds.
#[derive(Clone, Copy)]
pub(crate) struct Interest<'a>(&'a (dyn Fn() -> bool + Sync));

/// Nobody waits any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unwanted;

impl<'a> Interest<'a> {
    /// Somebody waits, to the end.
    pub(crate) const LASTING: Interest<'static> = Interest(&|| true);

    /// Somebody waits for as long as `lasts` says so, which any thread may ask.
    pub(crate) fn while_(lasts: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self(lasts)
    }

    /// Looks.
    ///
    /// # Errors
    /// Nobody waits.
    pub(crate) fn check(self) -> Result<(), Unwanted> {
        if (self.0)() { Ok(()) } else { Err(Unwanted) }
    }
}

impl fmt::Debug for Interest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interest")
    }
}
