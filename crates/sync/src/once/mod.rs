//! Something that is done once. `unsafe`: what it promises as a value in shared memory.
#![allow(unsafe_code)]

mod error;
pub(crate) mod initialising;

use std::fmt;
use std::sync::atomic::Ordering::Relaxed;

pub use self::error::{OnceError, SetError, SetErrorKind};
use self::initialising::Initialising;
use crate::mutex::patience::Patience;
use crate::primitive::{AtomicUsize, Deadline};
use crate::robust_word::RobustWord;
use crate::shm_safe::{Layout, PlaceError, Placement, ShmSafe};
use crate::{Event, WaitError};

/// Runs an initialiser once, whoever comes first, among threads or among processes. One that panics or dies does not count: the
/// next caller runs its own.
///
/// ```
/// use multiproc_sync::Once;
///
/// static SET_UP: Once = Once::new();
/// let first = std::thread::spawn(|| SET_UP.call_once(|| panic!("no network")));
/// assert!(first.join().is_err() && !SET_UP.is_completed());
///
/// let mut runs = 0;
/// SET_UP.call_once(|| runs += 1)?;
/// SET_UP.call_once(|| runs += 1)?;
/// assert_eq!(runs, 1);
/// # Ok::<(), multiproc_sync::OnceError>(())
/// ```
///
/// What the initialiser makes, an [`OnceLock`](crate::OnceLock) keeps as well. Between processes it lies in a segment, as `Shared<Once>` of the
/// crate `multiproc-shm`.
///
/// # The words
///
/// ```text
///   0  lock          40 bytes  of whoever initialises, as that of a Mutex: private, or robust
///  40  done          12 bytes  an Event: set once the initialiser has returned, and never cleared
///  56  initialiser   usize     private: the thread that initialises, so that it does not wait for itself; 0: nobody
/// ```
///
/// The lock says who initialises, and what has become of it; `done` is all that a later caller reads.
///
/// # Ordering and fairness
///
/// The initialiser's return happens before each call or wait that finds it done. Who comes while another initialises waits; if
/// that one fails, one of those who wait runs its own initialiser, in no order.
///
/// # What happens to it
///
/// | event | private | in shared memory |
/// |---|---|---|
/// | the initialiser panics | the panic goes on to its caller; the next caller runs its own. There is no poison | the same |
/// | its process dies in it | with everybody who could see it | the next caller runs its own, once the *whole* process has ended: another of its threads may still be at work |
/// | its process dies right after it | | done |
/// | it calls in again | [`Deadlock`](OnceError::Deadlock) | the same |
/// | two that initialise wait for each other | they wait for ever; with the feature `deadlock` one gets [`Deadlock`](OnceError::Deadlock) | the same |
/// | its thread ends in it, by a bare system call | others wait for ever | [`OwnerLeft`](OnceError::OwnerLeft) as long as its process lives |
/// | it forks | each process goes on with a copy of its own | the parent goes on; to the child it is [`Forked`](OnceError::Forked) in the end |
/// | another thread forks meanwhile | the child waits for ever: the thread is not there | the child waits for the parent, as others do |
/// | a waiter is killed, or gives up | with everybody else | nobody misses it |
/// | moved, dropped | as any value; nobody borrows it then | cannot be: it is reached by reference only |
///
/// An initialiser that was cut short may have left traces elsewhere, in files say: the next one must cope with them.
///
/// # Cost
///
/// [`is_completed`](Self::is_completed), and each call after the first, is one load and a branch. The first takes a lock, sets an [`Event`] and
/// releases the lock. Who waits for an initialiser waits as for a [`Mutex`](crate::Mutex); who [waits](Self::wait) for it to be done, as for an
/// event. 64 bytes. Not to be used in a signal handler, but for [`is_completed`](Self::is_completed).
///
/// # What does not compile
///
/// As an [`Event`], it does not lie in what a lock in shared memory guards.
///
/// ```compile_fail,E0277
/// use multiproc_sync::{Mutex, Once, shm_safe::ShmSafe};
/// fn place<T: ShmSafe>(_: T) {}
/// place(Mutex::new(Once::new()));
/// ```
///
/// # Sources
///
/// The interface is the standard library's, but for poison. That the kernel tells of a dead initialiser is the [`Mutex`](crate::Mutex)'s doing.
#[doc(alias = "pthread_once")]
#[doc(alias = "call_once")]
#[repr(C)]
pub struct Once {
    lock: RobustWord,
    done: Event,
    initialiser: AtomicUsize,
}

impl Once {
    /// Nothing is done yet.
    #[cfg(not(multiproc_loom))]
    pub const fn new() -> Self {
        Self { lock: RobustWord::new(), done: Event::new(), initialiser: AtomicUsize::new(0) }
    }

    /// Nothing is done yet.
    #[cfg(multiproc_loom)]
    pub fn new() -> Self {
        Self { lock: RobustWord::new(), done: Event::new(), initialiser: AtomicUsize::new(0) }
    }

    /// It is done.
    pub(crate) fn completed() -> Self {
        let once = Self::new();
        once.done.set();
        once
    }

    /// Whether it is done. What the initialiser did is seen.
    #[inline(always)]
    pub fn is_completed(&self) -> bool {
        self.done.is_set()
    }

    /// Runs `initialise` if nobody has; if somebody does just now, waits for that.
    ///
    /// # Errors
    ///
    /// [`OnceError`]. In private memory [`Deadlock`](OnceError::Deadlock), if the initialiser itself calls in, and
    /// [`Interrupted`](OnceError::Interrupted), if the program has a hook for that, or the thread an alarm.
    ///
    /// # Panics
    ///
    /// With `initialise`: then the next caller runs its own.
    #[inline]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn call_once(&self, initialise: impl FnOnce()) -> Result<(), OnceError> {
        self.run(Patience::Endless, initialise)
    }

    /// As [`call_once`](Self::call_once), if nobody initialises just now.
    ///
    /// # Errors
    ///
    /// As [`call_once`](Self::call_once); [`TimedOut`](OnceError::TimedOut) if somebody does.
    ///
    /// # Panics
    ///
    /// As [`call_once`](Self::call_once).
    #[inline]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn try_call_once(&self, initialise: impl FnOnce()) -> Result<(), OnceError> {
        self.run(Patience::None, initialise)
    }

    /// As [`call_once`](Self::call_once), but waits for another's initialiser for at most `timeout`. Its own takes as long as it takes.
    ///
    /// ```
    /// use std::time::Duration;
    /// use multiproc_sync::{Once, OnceError};
    ///
    /// let once = Once::new();
    /// once.call_once(|| {
    ///     std::thread::scope(|scope| {
    ///         let late = scope.spawn(|| once.call_once_timeout(Duration::from_millis(1), || ()));
    ///         assert_eq!(late.join().unwrap(), Err(OnceError::TimedOut));
    ///     });
    /// })?;
    /// assert_eq!(once.call_once_timeout(Duration::ZERO, || unreachable!()), Ok(()));
    /// # Ok::<(), OnceError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`call_once`](Self::call_once); [`TimedOut`](OnceError::TimedOut) if the other was not through within the time.
    ///
    /// # Panics
    ///
    /// As [`call_once`](Self::call_once).
    #[cfg(not(multiproc_loom))]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn call_once_timeout(
        &self,
        timeout: std::time::Duration,
        initialise: impl FnOnce(),
    ) -> Result<(), OnceError> {
        match std::time::Instant::now().checked_add(timeout) {
            Some(deadline) => self.call_once_deadline(deadline, initialise),
            None => self.call_once(initialise), // longer than a clock can say
        }
    }

    /// As [`call_once`](Self::call_once), but waits for another's initialiser until `deadline` only.
    ///
    /// # Errors
    ///
    /// As [`call_once`](Self::call_once); [`TimedOut`](OnceError::TimedOut) if the other was not through within the time.
    ///
    /// # Panics
    ///
    /// As [`call_once`](Self::call_once).
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn call_once_deadline(&self, deadline: Deadline, initialise: impl FnOnce()) -> Result<(), OnceError> {
        self.run(Patience::Until(&deadline), initialise)
    }

    /// Waits until it is done, by whomever; also if nobody has begun, and not only for the initialiser that runs now.
    ///
    /// An initialiser that waits here for itself waits for ever.
    ///
    /// # Errors
    ///
    /// [`WaitError::Interrupted`] only: a signal came, and the [hook](crate::interrupt) ended the wait, or the thread's alarm did.
    #[inline]
    pub fn wait(&self) -> Result<(), WaitError> {
        self.done.wait()
    }

    /// As [`is_completed`](Self::is_completed), told as the other waits tell it.
    ///
    /// # Errors
    ///
    /// [`WaitError::TimedOut`] if it is not done.
    #[inline]
    pub fn try_wait(&self) -> Result<(), WaitError> {
        self.done.try_wait()
    }

    /// As [`wait`](Self::wait), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`WaitError`]; [`TimedOut`](WaitError::TimedOut) if it was not done within the time.
    #[cfg(not(multiproc_loom))]
    pub fn wait_timeout(&self, timeout: std::time::Duration) -> Result<(), WaitError> {
        self.done.wait_timeout(timeout)
    }

    /// As [`wait`](Self::wait), until `deadline`.
    ///
    /// # Errors
    ///
    /// [`WaitError`]; [`TimedOut`](WaitError::TimedOut) if it was not done within the time.
    pub fn wait_deadline(&self, deadline: Deadline) -> Result<(), WaitError> {
        self.done.wait_deadline(deadline)
    }

    #[inline(always)]
    #[cfg_attr(feature = "watch", track_caller)]
    fn run(&self, patience: Patience<'_>, initialise: impl FnOnce()) -> Result<(), OnceError> {
        if self.is_completed() { Ok(()) } else { self.run_slowly(patience, initialise) }
    }

    #[cold]
    #[cfg_attr(feature = "watch", track_caller)]
    fn run_slowly(&self, patience: Patience<'_>, initialise: impl FnOnce()) -> Result<(), OnceError> {
        if let Some(turn) = Initialising::begin(self, patience.request())? {
            initialise();
            turn.check_process()?;
            turn.complete();
        }
        Ok(())
    }
}

impl Default for Once {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").field("is_completed", &self.is_completed()).finish_non_exhaustive()
    }
}

// SAFETY: `repr(C)`; every bit pattern is a lock that can be dealt with or waited out, an event, and a number that means nothing.
// It is not `ShmPlain`: the kernel knows it by its address.
unsafe impl ShmSafe for Once {
    const LAYOUT: Layout = Layout::named("multiproc_sync::Once/1");
    const NEEDS_PLACEMENT: bool = true;

    fn place(&mut self, placement: &Placement) -> Result<(), PlaceError> {
        // Nobody initialises what nobody else can reach; what is done is done.
        self.lock = self.lock.placed();
        self.initialiser.store(0, Relaxed);
        self.done.place(placement)
    }
}

#[cfg(not(multiproc_loom))]
const _: () = assert!(size_of::<Once>() == 64);
