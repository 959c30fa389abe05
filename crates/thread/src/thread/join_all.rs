//! Several threads, all joined.

use super::error::JoinError;
use super::handle::Thread;

/// Joins all of these threads, one after the other, and gives their results in the same order. One that has panicked keeps nobody from
/// being joined.
///
/// ```
/// use multiproc_thread::{Thread, join_all};
///
/// let threads: Vec<_> = (1..=3).map(|n| Thread::spawn(move || n * n)).collect::<Result<_, _>>()?;
/// let squares: Vec<u32> = join_all(threads).into_iter().collect::<Result<_, _>>()?;
/// assert_eq!(squares, [1, 4, 9]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn join_all<T>(threads: impl IntoIterator<Item = Thread<T>>) -> Vec<Result<T, JoinError>> {
    threads.into_iter().map(Thread::join).collect()
}
