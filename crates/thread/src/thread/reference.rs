//! A thread that somebody else runs: who it is, and whether it has ended.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::EndError;
use super::here;
use super::name::{self, NameError};
use super::record::{Origin, Record, ThreadIdent};
use super::roster::Roster;
use crate::CancelToken;

/// Refers to a thread, whatever it returns. Equal are those to the same thread.
///
/// ```
/// use multiproc_thread::{Thread, current};
///
/// let thread = Thread::builder().name("clerk").spawn(|| current().name())?;
/// let clerk = thread.thread().clone();
/// assert_eq!(thread.join().unwrap(), "clerk");
/// assert_eq!(clerk.name(), "clerk"); // also when it has ended
/// assert!(!clerk.is_alive());
/// # Ok::<(), multiproc_thread::StartError>(())
/// ```
///
/// It keeps nothing of the thread but what there is to know about it. In a fork of the process all threads have ended but the one
/// that forked, which is the [`main`] thread there, with a new ident.
#[derive(Clone)]
pub struct ThreadRef(pub(crate) Arc<Record>);

impl ThreadRef {
    /// Its name: `Thread-N (function)`, unless it was given another. Threads that this crate has not started have the standard
    /// library's name, or `Dummy-N`.
    #[doc(alias = "getName")]
    pub fn name(&self) -> String {
        self.0.name()
    }

    /// Gives it another name. The kernel, so `ps -T` and debuggers, keeps the first 15 bytes, and that of the main thread as
    /// the process's. The [standard library's](std::thread::Thread::name), which panic messages begin with, stays what it was at
    /// the start.
    ///
    /// ```
    /// let me = multiproc_thread::current();
    /// me.set_name("porter")?;
    /// assert_eq!(me.name(), "porter");
    /// assert!(me.set_name("por\0ter").is_err());
    /// # Ok::<(), multiproc_thread::NameError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`NameError`]: a NUL is in it.
    #[doc(alias = "setName")]
    pub fn set_name(&self, name: impl Into<String>) -> Result<(), NameError> {
        let name = name.into();
        name::check(&name)?;
        self.0.set_name(name);
        Ok(())
    }

    /// Its number, which no other thread ever has. It has one before it was started, too.
    pub fn ident(&self) -> ThreadIdent {
        self.0.ident
    }

    /// The kernel's number of it, as in `/proc` and in debuggers; another thread may have it after this one. `None` before it was
    /// started. A thread that was, but has not run yet, is waited for.
    #[doc(alias = "gettid")]
    #[doc(alias = "get_native_id")]
    pub fn native_id(&self) -> Option<u32> {
        self.0.native()
    }

    /// Whether [exits](crate::scope_main) go on without it. So they do without threads that this crate has not started, but for the
    /// main one.
    #[doc(alias = "isDaemon")]
    pub fn is_daemon(&self) -> bool {
        match self.0.origin {
            Origin::Ours { daemon } => daemon,
            Origin::Main => false,
            Origin::Foreign => true,
        }
    }

    /// Whether it was started and its function has not ended. Of threads that this crate has not started: whether they have not.
    #[doc(alias = "isAlive")]
    pub fn is_alive(&self) -> bool {
        self.0.is_alive()
    }

    /// Whether it was started, and has ended.
    pub fn is_finished(&self) -> bool {
        self.0.is_started() && !self.0.is_alive()
    }

    /// Asks it to end: cancels the token in whose scope its function runs, once and for all. Its waits end, as the
    /// [token](CancelToken) tells; one that is not started yet begins so. `false`: it has no token, as this crate has not started it.
    ///
    /// ```
    /// use multiproc_thread::{Thread, check_cancelled};
    ///
    /// let thread = Thread::spawn(|| while check_cancelled().is_ok() {})?;
    /// assert!(thread.cancel());
    /// assert!(thread.join().is_ok());
    /// # Ok::<(), multiproc_thread::StartError>(())
    /// ```
    #[doc(alias = "interrupt")]
    pub fn cancel(&self) -> bool {
        let token = self.0.token.as_ref();
        token.inspect(|token| token.cancel()).is_some()
    }

    /// The token in whose scope its function runs. `None`: this crate has not started it.
    pub fn cancel_token(&self) -> Option<CancelToken> {
        self.0.token.clone()
    }

    /// Waits until its function has returned or panicked, or it [ends the program](crate::join_at_exit). Its thread-locals may be there a moment longer: to
    /// [join](crate::Thread::join) waits for these as well.
    ///
    /// # Errors
    ///
    /// [`EndError`]: nobody has started it, it is the calling thread, or the wait was cancelled or interrupted.
    pub fn wait(&self) -> Result<(), EndError> {
        self.can_be_waited_for()?;
        Ok(self.0.ended.wait()?)
    }

    /// As [`is_finished`](Self::is_finished), told as the other waits tell it.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait); [`EndError::TimedOut`] if it is alive.
    pub fn try_wait(&self) -> Result<(), EndError> {
        self.can_be_waited_for()?;
        Ok(self.0.ended.try_wait()?)
    }

    /// As [`wait`](Self::wait), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait); [`EndError::TimedOut`] if it was alive all the time.
    pub fn wait_timeout(&self, timeout: Duration) -> Result<(), EndError> {
        self.can_be_waited_for()?;
        Ok(self.0.ended.wait_timeout(timeout)?)
    }

    /// As [`wait`](Self::wait), until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`wait_timeout`](Self::wait_timeout).
    pub fn wait_deadline(&self, deadline: Instant) -> Result<(), EndError> {
        self.can_be_waited_for()?;
        Ok(self.0.ended.wait_deadline(deadline)?)
    }

    /// Whether its end can come to the calling thread.
    pub(super) fn can_be_waited_for(&self) -> Result<(), EndError> {
        if !self.0.made_by.is_ours() {
            return Err(EndError::Forked);
        }
        if !self.0.is_started() {
            return Err(EndError::NotStarted);
        }
        if here::is(&self.0) {
            return Err(EndError::Oneself);
        }
        Ok(())
    }
}

impl PartialEq for ThreadRef {
    fn eq(&self, other: &Self) -> bool {
        self.ident() == other.ident()
    }
}

impl Eq for ThreadRef {}

impl Hash for ThreadRef {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.ident().hash(state);
    }
}

impl fmt::Debug for ThreadRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadRef")
            .field("name", &self.name())
            .field("ident", &self.ident().get())
            .field("is_alive", &self.is_alive())
            .field("is_daemon", &self.is_daemon())
            .finish_non_exhaustive()
    }
}

/// The calling thread. One that this crate has not started is met by this, and listed from then until it ends.
///
/// Also in destructors of thread-locals. A thread that this crate has not started may be done with it there already: then this is
/// a thread of the same name that has ended.
///
/// ```
/// let thread = std::thread::Builder::new().name("guest".to_owned());
/// let name = thread.spawn(|| multiproc_thread::current().name())?.join();
/// assert_eq!(name.unwrap(), "guest");
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "current_thread")]
#[doc(alias = "currentThread")]
pub fn current() -> ThreadRef {
    here::with(|record| ThreadRef(record.clone()))
}

/// The thread that the process has begun with; in a fork the one that forked.
///
/// ```
/// assert_eq!(multiproc_thread::main().name(), "main");
/// ```
#[doc(alias = "main_thread")]
pub fn main() -> ThreadRef {
    ThreadRef(Roster::here().main.clone())
}

/// How many threads [`enumerate`] would list.
///
/// ```
/// use multiproc_thread::{Thread, active_count};
///
/// let before = active_count();
/// let (wait, stop) = std::sync::mpsc::channel::<()>();
/// let thread = Thread::spawn(move || stop.recv().is_err())?;
/// assert_eq!(active_count(), before + 1);
/// drop(wait);
/// assert!(thread.join().unwrap());
/// assert_eq!(active_count(), before);
/// # Ok::<(), multiproc_thread::StartError>(())
/// ```
#[doc(alias = "activeCount")]
pub fn active_count() -> usize {
    enumerate().len()
}

/// The threads that are alive, in the order in which they were made: those that this crate has started, the main one, and those that
/// have asked for [`current`].
///
/// ```
/// assert!(multiproc_thread::enumerate().contains(&multiproc_thread::main()));
/// ```
pub fn enumerate() -> Vec<ThreadRef> {
    let listed = Roster::here().roll.list().into_iter();
    // One that is being started is in the list already.
    listed.filter(|record| record.is_alive()).map(ThreadRef).collect()
}
