//! A state that others wait for.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// A state, and who waits until it is such that they can go on.
#[derive(Default)]
pub(super) struct Watched<T> {
    state: Mutex<T>,
    changed: Notify,
}

impl<T> Watched<T> {
    pub(super) fn new(state: T) -> Self {
        Self { state: Mutex::new(state), changed: Notify::new() }
    }

    /// The state, for whoever changes nothing that others wait for.
    pub(super) fn look(&self) -> MutexGuard<'_, T> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state; all who wait look at it again.
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let changed = change(&mut self.look());
        self.changed.notify_waiters();
        changed
    }

    /// Waits until the state is such that there is something to tell of it.
    pub(super) async fn until<R>(&self, mut told: impl FnMut(&mut T) -> Option<R>) -> R {
        loop {
            // From here on, no change is missed.
            let changed = self.changed.notified();
            if let Some(what) = told(&mut self.look()) {
                return what;
            }
            changed.await;
        }
    }
}
