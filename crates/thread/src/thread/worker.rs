//! Types that carry their own fields into a thread.

/// What a thread runs, with fields of its own: a class that derives from Python's `Thread`.
///
/// Who has started it reaches the fields through its own `Arc` while the thread runs.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// use multiproc_thread::{Thread, Worker};
///
/// struct Counter {
///     upto: u32,
///     at: AtomicU32,
/// }
///
/// impl Worker for Counter {
///     type Output = &'static str;
///
///     fn run(&self) -> Self::Output {
///         (1..=self.upto).for_each(|n| self.at.store(n, Relaxed));
///         "counted"
///     }
/// }
///
/// let counter = Arc::new(Counter { upto: 1000, at: AtomicU32::new(0) });
/// let thread = Thread::spawn_worker(counter.clone())?;
/// assert!(counter.at.load(Relaxed) <= 1000); // it may be at any number
/// assert_eq!(thread.join().unwrap(), "counted");
/// assert_eq!(counter.at.load(Relaxed), 1000);
/// # Ok::<(), multiproc_thread::StartError>(())
/// ```
#[doc(alias = "Runnable")]
pub trait Worker: Send + Sync + 'static {
    /// What joining its thread gives.
    type Output: Send + 'static;

    /// Does the work. Several threads may run the same worker.
    fn run(&self) -> Self::Output;

    /// The name of its thread. `None`: `Thread-N (Type)`.
    fn name(&self) -> Option<String> {
        None
    }
}
