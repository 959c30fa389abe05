//! `CancelToken`: a request to end, which is heard in waits.

#[cfg(not(multiproc_loom))]
use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
#[cfg(not(multiproc_loom))]
use std::time::Duration;

use multiproc_sync::interrupt::Alarm;
use multiproc_sync::primitive::Deadline;

use super::error::{Cancelled, WaitError};
#[cfg(not(multiproc_loom))]
use super::here::{self, Here};
use super::node::Node;
#[cfg(not(multiproc_loom))]
use crate::thread::with_own_token;

/// A request to end, for all who work on behalf of something. Clones are the same token; whoever has one may cancel it, once and for all.
///
/// It is heard in three ways: by a [question](Self::check), by a [wait](Self::wait) for it, and inside its [scope](Self::scope) by every
/// wait for something else that this family of crates knows, but for those for locks: [`sleep`](crate::sleep), queues, events,
/// semaphores, conditions, barriers, joins. Those end with `Cancelled` where the error is this crate's, with `Interrupted` where it is that of
/// `multiproc-sync`. Waits for processes and for what pools of them do go on. [`masked`](multiproc_sync::interrupt::masked) is for what has to be waited for all the same.
///
/// ```
/// use multiproc_sync::{Semaphore, WaitError};
/// use multiproc_thread::CancelToken;
///
/// let (request, permits) = (CancelToken::new(), Semaphore::new(0));
/// std::thread::scope(|scope| {
///     let worker = scope.spawn(|| request.scope(|| permits.acquire()));
///     request.cancel();
///     assert_eq!(worker.join().unwrap(), Err(WaitError::Interrupted));
/// });
/// ```
///
/// # Children
///
/// A [child](Self::child) is cancelled with its parent, also where the one in between is dropped, and may be cancelled alone.
///
/// # What happens to it
///
/// | event | then |
/// |---|---|
/// | it is dropped, the last clone too | nothing: who is in its scope goes on |
/// | a thread ends in its scope, by a panic | it has left |
/// | two cancel it | when either has returned it is cancelled, and so is all below it |
/// | a scope inside a scope | waits end if either token is cancelled |
/// | a thread that hears of it goes on | each further wait ends at once, until it has left the scope |
/// | `fork` | in the child the token says for ever what it said then, and ends no waits; make one there |
///
/// # Cost
///
/// To ask is a load. To enter a scope and leave it, some hundred nanoseconds. A cancellation takes microseconds for each thread in
/// a scope that sleeps; one that gets no core at that moment may sleep for a second more. Not to be used in a signal handler.
#[derive(Clone)]
pub struct CancelToken(Arc<Node>);

impl CancelToken {
    /// One that is nobody's child.
    pub fn new() -> Self {
        Self(Node::root())
    }

    /// That of the innermost scope in which the calling thread is.
    #[cfg(not(multiproc_loom))]
    pub fn current() -> Option<Self> {
        here::current()
    }

    /// One that is cancelled when this one is, or is already.
    ///
    /// ```
    /// let request = multiproc_thread::CancelToken::new();
    /// let [first, second] = [(); 2].map(|()| request.child());
    /// first.cancel();
    /// assert!(!request.is_cancelled() && !second.is_cancelled());
    /// request.cancel();
    /// assert!(second.is_cancelled() && request.child().is_cancelled());
    /// ```
    #[must_use]
    pub fn child(&self) -> Self {
        Self(self.0.child())
    }

    /// Cancels it, and all its children. Nothing, if it was.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// Whether it was cancelled. What was done before that is seen.
    #[inline]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled().is_set()
    }

    /// As [`is_cancelled`](Self::is_cancelled), for `?`. Of all tokens in whose scopes the thread is
    /// [`check_cancelled`](crate::check_cancelled) asks.
    ///
    /// # Errors
    ///
    /// [`Cancelled`].
    #[inline]
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }

    /// Waits until it is cancelled.
    ///
    /// # Errors
    ///
    /// [`WaitError::Cancelled`] if another token is, in whose scope the thread waits; [`WaitError::Interrupted`].
    pub fn wait(&self) -> Result<(), WaitError> {
        Ok(self.0.cancelled().wait()?)
    }

    /// As [`is_cancelled`](Self::is_cancelled), told as the other waits tell it.
    ///
    /// # Errors
    ///
    /// [`WaitError::TimedOut`] if it is not cancelled.
    pub fn try_wait(&self) -> Result<(), WaitError> {
        if self.is_cancelled() { Ok(()) } else { Err(WaitError::TimedOut) }
    }

    /// As [`wait`](Self::wait), for at most `timeout`: a pause in work that may be cancelled.
    ///
    /// ```
    /// use std::time::Duration;
    /// use multiproc_thread::{CancelToken, WaitError};
    ///
    /// let request = CancelToken::new();
    /// assert_eq!(request.wait_timeout(Duration::from_millis(1)), Err(WaitError::TimedOut));
    /// ```
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait); [`WaitError::TimedOut`] if it was not cancelled within the time.
    #[cfg(not(multiproc_loom))]
    pub fn wait_timeout(&self, timeout: Duration) -> Result<(), WaitError> {
        Ok(self.0.cancelled().wait_timeout(timeout)?)
    }

    /// As [`wait`](Self::wait), until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`wait_timeout`](Self::wait_timeout).
    pub fn wait_deadline(&self, deadline: Deadline) -> Result<(), WaitError> {
        Ok(self.0.cancelled().wait_deadline(deadline)?)
    }

    /// Runs `body`, in which a cancellation of this token ends the calling thread's waits, beside those of outer scopes.
    ///
    /// It is for the calling thread only: threads that it starts meanwhile have tokens of their own.
    pub fn scope<R>(&self, body: impl FnOnce() -> R) -> R {
        #[cfg(not(multiproc_loom))]
        let _here = Here::begin(self);
        let _inside = Inside { node: &self.0, number: self.0.enter(Alarm::of_this_thread()) };
        body()
    }

    /// As [`scope`](Self::scope), in the thread whose own token this is, by whose record it is found. What tells the thread of a
    /// cancellation comes into being when it first has to wait: most threads never do.
    #[cfg(not(multiproc_loom))]
    pub(crate) fn scope_of_thread<R>(&self, body: impl FnOnce() -> R) -> R {
        let enter = || {
            NUMBER.set(with_own_token(|token| token.0.enter(Alarm::of_this_thread())).flatten());
        };
        let _inside = InsideOwn(&self.0);
        Alarm::on_demand(enter, body)
    }
}

#[cfg(not(multiproc_loom))]
thread_local! {
    /// Of the thread's own scope in its own token, once it is known there.
    static NUMBER: Cell<Option<usize>> = const { Cell::new(None) };
}

/// The thread is in the scope of its own token, until this is dropped.
#[cfg(not(multiproc_loom))]
struct InsideOwn<'a>(&'a Node);

#[cfg(not(multiproc_loom))]
impl Drop for InsideOwn<'_> {
    fn drop(&mut self) {
        drop(Inside { node: self.0, number: NUMBER.take() });
    }
}

/// The thread is in the scope, until this is dropped, also by a panic.
struct Inside<'a> {
    node: &'a Node,
    number: Option<usize>,
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.node.leave(number);
        }
    }
}

impl Default for CancelToken {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken").field("is_cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}
