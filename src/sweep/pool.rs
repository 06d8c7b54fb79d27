//! The threads that sweep.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// Threads that have begun and not ended.
static THREADS: AtomicUsize = AtomicUsize::new(0);

/// How many threads there are, in all pools.
#[cfg(feature = "python")]
pub(crate) fn pool_threads() -> usize {
    THREADS.load(Ordering::Relaxed)
}

/// The process's pool of `threads` threads, shared by all sweeps of that width. The threads
/// end with the last of these sweeps.
///
/// # Errors
/// The operating system refuses another thread.
pub fn pool(threads: usize) -> Result<Arc<ThreadPool>, ThreadPoolBuildError> {
    static POOLS: LazyLock<Mutex<HashMap<usize, Weak<ThreadPool>>>> = LazyLock::new(Mutex::default);
    // A panic while the lock is held leaves a map that is still whole.
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(pool) = pools.get(&threads).and_then(Weak::upgrade) {
        return Ok(pool);
    }
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("k_corrset-{index}"))
        .start_handler(|_| _ = THREADS.fetch_add(1, Ordering::Relaxed))
        .exit_handler(|_| _ = THREADS.fetch_sub(1, Ordering::Relaxed))
        .build()?;
    let pool = Arc::new(pool);
    pools.retain(|_, pool| pool.strong_count() > 0);
    pools.insert(threads, Arc::downgrade(&pool));
    Ok(pool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pool_a_width_while_it_is_used() {
        let first = pool(3).unwrap();
        assert!(Arc::ptr_eq(&first, &pool(3).unwrap()));
        assert!(!Arc::ptr_eq(&first, &pool(2).unwrap()));
        assert!(Arc::ptr_eq(&first, &pool(3).unwrap()), "another width leaves it");
        let gone = Arc::downgrade(&first);
        drop(first);
        assert!(gone.upgrade().is_none());
    }
}
