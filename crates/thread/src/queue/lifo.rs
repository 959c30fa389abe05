//! `LifoQueue`: last in, first out.

use std::fmt;
use std::time::{Duration, Instant};

use super::account::TaskDoneError;
use super::error::{GetError, PutError, UnfinishedError};
use super::iter::{Get, Iter, TryIter};
use super::locked::Locked;
use super::methods::methods;
use super::shell::{Shell, Shutdown};
use super::store::Store;

/// A stack between threads: the item that was put last comes out first. Otherwise as [`Queue`](crate::Queue).
///
/// ```
/// use multiproc_thread::LifoQueue;
///
/// let stack = LifoQueue::unbounded();
/// (1..=3).for_each(|n| stack.put(n).unwrap());
/// assert_eq!(stack.try_iter().collect::<Vec<_>>(), [3, 2, 1]);
/// ```
///
/// # Cost
///
/// A lock, and a move to or from the end of a vector. Nothing of the user's runs with the lock held.
#[doc(alias = "queue.LifoQueue")]
#[doc(alias = "stack")]
pub struct LifoQueue<T> {
    shell: Shell<Locked<Vec<T>>>,
}

impl<T> LifoQueue<T> {
    /// A stack for at most `capacity` items.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0.
    pub fn bounded(capacity: usize) -> Self {
        assert!(
            capacity > 0,
            "a queue for no item would keep everybody waiting: use `unbounded`, or a bound of 1"
        );
        Self { shell: Shell::new(Locked::new(Some(capacity))) }
    }

    /// A stack for as many items as memory has room for.
    pub fn unbounded() -> Self {
        Self { shell: Shell::new(Locked::new(None)) }
    }

    #[inline(always)]
    fn wrap(&self, item: T) -> T {
        item
    }

    #[inline(always)]
    fn unwrap(item: T) -> T {
        item
    }

    methods!();
}

impl<T> Get for LifoQueue<T> {
    type Item = T;

    fn next(&self) -> Result<T, GetError> {
        self.get()
    }

    fn try_next(&self) -> Result<T, GetError> {
        self.try_get()
    }
}

impl<'a, T> IntoIterator for &'a LifoQueue<T> {
    type Item = T;
    type IntoIter = Iter<'a, LifoQueue<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// An unbounded one.
impl<T> Default for LifoQueue<T> {
    fn default() -> Self {
        Self::unbounded()
    }
}

impl<T> fmt::Debug for LifoQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shell.show(f, "LifoQueue")
    }
}
