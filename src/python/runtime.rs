//! The threads of this process that queries run on, shared by all sessions.
//!
//! They begin with the first query and end with the interpreter. In between a thread of Python
//! may give up waiting for them at any time, so nothing here is owned by a session: to drop a
//! runtime is to wait for its threads, and these may be waiting for Python.
//!
//! * A forked child has the memory of these threads and not the threads: it is told so.
//! * Before CPython 3.14 a thread that comes back to an interpreter which is about to end is ended
//!   by unwinding its stack, which aborts the process wherever that stack is not Python's alone.
//!   So [`shut_down`], which the interpreter calls before it ends, ends queries and waits a moment
//!   for whoever is in the midst of a batch.

use std::mem;
use std::ops::Deref;
use std::process;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::sweep::pool_threads;

/// The one runtime. Only threads that are attached to the interpreter lock it, and never for
/// longer than they are, so a fork finds it unlocked.
static RUNTIME: Mutex<State> = Mutex::new(State::Unused);

enum State {
    Unused,
    /// Begun by the process of this id.
    Running(u32, Runtime),
    /// The interpreter is about to end.
    Ended,
}

/// How long a thread without work is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(1);

/// Threads that may wait for others' code at the same time. Those that have been given up may
/// still sleep in there, and must not keep new ones from beginning.
const BLOCKING_THREADS: usize = 1 << 14;

/// The stack of a thread: code of Python runs there, which expects that of a main thread.
const STACK: usize = 8 << 20;

/// How long the interpreter's end is put off for others' code to come back.
const GRACE: Duration = Duration::from_secs(5);

/// What the end of threads without work takes at most.
const IDLE: Duration = Duration::from_millis(5);

/// How long it is put off for batches in hand to be taken in and dropped.
const PUSH: Duration = Duration::from_millis(200);

/// What a forked child is told.
pub(super) const FORKED: &str = "k_corrset: this process was forked from one that had used k_corrset, and \
    the threads of that do not exist here; start processes with multiprocessing.get_context('spawn') or \
    'forkserver', or use k_corrset in the children alone";

const ENDED: &str = "k_corrset: the interpreter is about to end; run queries before";

fn state() -> MutexGuard<'static, State> {
    // A panic while it is locked leaves it as it was.
    RUNTIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The runtime, which begins with the first call.
///
/// # Errors
/// `RuntimeError` in a child that was forked after that, and once the interpreter is about to
/// end; `OSError` where the operating system refuses another thread.
pub(super) fn handle(py: Python<'_>) -> PyResult<Handle> {
    check(py)?;
    shut_down_first(py)?;
    let mut state = state();
    match &*state {
        State::Running(_, runtime) => Ok(runtime.handle().clone()),
        State::Unused | State::Ended => {
            let runtime = Builder::new_multi_thread()
                .enable_all()
                .thread_name("k_corrset")
                .thread_keep_alive(KEEP_ALIVE)
                .max_blocking_threads(BLOCKING_THREADS)
                .thread_stack_size(STACK)
                .build()?;
            let handle = runtime.handle().clone();
            *state = State::Running(process::id(), runtime);
            Ok(handle)
        }
    }
}

/// Has the interpreter's end begin with [`shut_down`]. It calls last what was registered first, and
/// whoever makes data may have registered what takes them away.
fn shut_down_first(py: Python<'_>) -> PyResult<()> {
    let atexit = py.import("atexit")?;
    let shut_down = py.import("k_corrset._native")?.getattr("shut_down")?;
    atexit.call_method1("unregister", (&shut_down,))?;
    atexit.call_method1("register", (shut_down,)).map(drop)
}

/// Whether [`handle`] would give one, without beginning it: a child that is forked before then has
/// one of its own.
///
/// # Errors
/// As of [`handle`].
pub(super) fn check(_: Python<'_>) -> PyResult<()> {
    match &*state() {
        State::Running(process, _) if *process != process::id() => Err(PyRuntimeError::new_err(FORKED)),
        State::Ended => Err(PyRuntimeError::new_err(ENDED)),
        State::Running(..) | State::Unused => Ok(()),
    }
}

/// Whether the interpreter is about to end.
pub(super) fn has_ended() -> bool {
    matches!(*state(), State::Ended)
}

/// Ends all queries, and waits a moment for the threads that run others' code for them.
#[pyfunction]
pub(super) fn shut_down(py: Python<'_>) {
    let State::Running(process, runtime) = mem::replace(&mut *state(), State::Ended) else { return };
    if process != process::id() {
        // There is nobody to be waited for.
        return mem::forget(runtime);
    }
    py.detach(|| {
        let begun = Instant::now();
        runtime.shutdown_timeout(GRACE);
        if begun.elapsed() > IDLE {
            // Whoever had to be waited for may have threads of their own, which end later.
            thread::sleep(PUSH);
        }
        // A batch is taken in within milliseconds. A host's sweep goes on, without Python.
        let until = Instant::now() + PUSH;
        while pool_threads() > 0 && Instant::now() < until {
            thread::sleep(Duration::from_millis(1));
        }
    });
}

/// Something that may hold what others lent, and whose drop may therefore take its time or need
/// Python: it is dropped on a thread for which nobody waits.
pub(super) struct DroppedElsewhere<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> DroppedElsewhere<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Some(value))
    }
}

impl<T: Send + 'static> Deref for DroppedElsewhere<T> {
    type Target = T;

    fn deref(&self) -> &T {
        let Some(value) = &self.0 else { unreachable!("it is there until it is dropped") };
        value
    }
}

impl<T: Send + 'static> Drop for DroppedElsewhere<T> {
    fn drop(&mut self) {
        let value = self.0.take();
        let handle = match &*state() {
            // Then nothing has run that could have lent it anything.
            State::Unused => return,
            State::Running(process, runtime) if *process == process::id() => Some(runtime.handle().clone()),
            State::Running(..) | State::Ended => None,
        };
        match handle {
            Some(handle) => drop(handle.spawn_blocking(|| drop(value))),
            None => mem::forget(value),
        }
    }
}
