//! Whether anybody still waits.

use std::fmt;

use crate::error::KCorrsetError;

/// Says whether anybody still waits for what is being built.
///
/// Whoever builds looks every few milliseconds.
#[derive(Clone, Copy)]
pub(crate) struct Interest<'a>(&'a (dyn Fn() -> bool + Sync));

/// Items of which a look is taken at the first: of some microseconds each.
const EVERY: usize = 1 << 9;

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

    /// Looks before the first item of many, and every so often after it.
    ///
    /// # Errors
    /// Nobody waits.
    #[inline]
    pub(crate) fn check_at(self, item: usize) -> Result<(), Unwanted> {
        if item.is_multiple_of(EVERY) { self.check() } else { Ok(()) }
    }
}

impl fmt::Debug for Interest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interest")
    }
}

/// Nobody waits any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unwanted;

/// Why building something ended before it was there.
#[derive(Debug)]
pub(crate) enum Ended<E> {
    /// Nobody waits for it.
    Unwanted,
    /// It cannot be built.
    Failed(E),
}

impl<E> From<Unwanted> for Ended<E> {
    fn from(Unwanted: Unwanted) -> Self {
        Self::Unwanted
    }
}

impl From<KCorrsetError> for Ended<KCorrsetError> {
    fn from(error: KCorrsetError) -> Self {
        Self::Failed(error)
    }
}

/// What was built, or why it cannot be; `None` if nobody waited for it.
pub(crate) fn wanted<T, E>(built: Result<T, Ended<E>>) -> Result<Option<T>, E> {
    match built {
        Ok(built) => Ok(Some(built)),
        Err(Ended::Unwanted) => Ok(None),
        Err(Ended::Failed(error)) => Err(error),
    }
}

/// Builds something while somebody waits, to the end.
pub(crate) fn awaited<T, E>(build: impl FnOnce(Interest<'_>) -> Result<T, Ended<E>>) -> Result<T, E> {
    Ok(wanted(build(Interest::LASTING))?.expect("somebody waits"))
}

/// Builds something that cannot fail, while somebody waits to the end.
pub(crate) fn lasting<T>(build: impl FnOnce(Interest<'_>) -> Result<T, Unwanted>) -> T {
    build(Interest::LASTING).expect("somebody waits")
}

/// Copies of a value that are made between two looks, in bytes.
const FILLED: usize = 1 << 20;

/// So many copies of a value.
///
/// The system finds room for them as they are written, which takes long for many.
///
/// # Errors
/// Nobody waits for them.
pub(crate) fn filled<T: Clone>(value: T, len: usize, interest: Interest<'_>) -> Result<Vec<T>, Unwanted> {
    let mut copies = Vec::with_capacity(len);
    while copies.len() < len {
        interest.check()?;
        copies.resize(len.min(copies.len() + FILLED / size_of::<T>().max(1)), value.clone());
    }
    Ok(copies)
}
