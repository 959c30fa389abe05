//! `SimpleQueue`: unbounded, without an account or a shutdown.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use super::error::GetError;
use super::iter::{Get, TryIter};
use super::locked::Locked;
use super::shell::Shell;
use super::store::Store;

/// An unbounded queue into which anybody can put at any time: it neither blocks nor fails.
///
/// Also from a `Drop`, be it of an item that somebody gets right then, or in a thread that is itself in the middle of a call to this queue's
/// methods: nothing of the user's runs while its lock is held. It has no account of what is done, and no shutdown. Items come out
/// in the order in which they went in.
///
/// ```
/// use multiproc_thread::SimpleQueue;
///
/// let queue = SimpleQueue::new();
/// std::thread::scope(|scope| {
///     scope.spawn(|| queue.put("letter"));
///     assert_eq!(queue.get(), Ok("letter"));
/// });
/// ```
///
/// Not to be used in a signal handler: it takes a lock, and memory.
#[doc(alias = "queue.SimpleQueue")]
pub struct SimpleQueue<T> {
    shell: Shell<Locked<VecDeque<T>>>,
}

impl<T> SimpleQueue<T> {
    /// A queue without items.
    pub fn new() -> Self {
        Self { shell: Shell::new(Locked::new(None)) }
    }

    /// Puts an item in.
    #[inline]
    #[doc(alias = "put_nowait")]
    pub fn put(&self, item: T) {
        // Refused by a queue that is full or shut down only, which this one never is.
        let _ = self.shell.try_put(item);
    }

    /// Takes the next item out, and waits for one if there is none.
    ///
    /// # Errors
    ///
    /// [`GetError::Cancelled`], [`GetError::Interrupted`].
    #[inline]
    pub fn get(&self) -> Result<T, GetError> {
        self.shell.get(None)
    }

    /// Takes the next item out if there is one.
    ///
    /// # Errors
    ///
    /// [`GetError::Empty`].
    #[inline]
    #[doc(alias = "get_nowait")]
    pub fn try_get(&self) -> Result<T, GetError> {
        self.shell.try_get()
    }

    /// Takes the next item out, and waits for one for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`GetError::TimedOut`], [`GetError::Cancelled`], [`GetError::Interrupted`].
    pub fn get_timeout(&self, timeout: Duration) -> Result<T, GetError> {
        match Instant::now().checked_add(timeout) {
            Some(deadline) => self.get_deadline(deadline),
            None => self.get(), // longer than a clock can say
        }
    }

    /// Takes the next item out, and waits for one until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`get_timeout`](Self::get_timeout).
    pub fn get_deadline(&self, deadline: Instant) -> Result<T, GetError> {
        self.shell.get(Some(&deadline))
    }

    /// How many items were in the queue at one moment of the call.
    #[doc(alias = "qsize")]
    pub fn len(&self) -> usize {
        self.shell.store().len()
    }

    /// Whether there was no item in the queue.
    #[doc(alias = "empty")]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes items out as long as there are some, and does not wait.
    pub fn try_iter(&self) -> TryIter<'_, Self> {
        TryIter::new(self)
    }
}

impl<T> Get for SimpleQueue<T> {
    type Item = T;

    fn next(&self) -> Result<T, GetError> {
        self.get()
    }

    fn try_next(&self) -> Result<T, GetError> {
        self.try_get()
    }
}

impl<T> Default for SimpleQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for SimpleQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimpleQueue").field("len", &self.len()).finish_non_exhaustive()
    }
}
