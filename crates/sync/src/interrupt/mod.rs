//! What ends the wait of a thread besides what it waits for: a signal, by the program's hook, and an alarm of the thread's own.
//!
//! # Signals
//!
//! A signal whose handler runs in a sleeping thread wakes it. By default it sleeps again, as with std. A program that has to
//! serve Ctrl-C meanwhile, as the interpreters of other languages do, installs a hook that looks at what the handler has
//! noted. It is asked when a signal has ended a sleep, before each sleep, and once a second: so one that came to a thread between two
//! sleeps is served within a second. It ends the wait with [`WaitError::Interrupted`](crate::WaitError::Interrupted), or
//! [`LockError::Interrupted`](crate::LockError::Interrupted) for a lock.
//!
//! ```
//! use std::ops::ControlFlow;
//! use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
//! use multiproc_sync::interrupt;
//!
//! static CTRL_C: AtomicBool = AtomicBool::new(false); // which a handler of SIGINT sets
//! interrupt::install(|| match CTRL_C.swap(false, Relaxed) {
//!     true => ControlFlow::Break(()),
//!     false => ControlFlow::Continue(()),
//! })?;
//! # Ok::<(), interrupt::AlreadyInstalled>(())
//! ```
//!
//! # Alarms
//!
//! One thread ends the waits of another by that one's [`Alarm`]. As long as it is raised, each wait of the thread that would have to
//! sleep ends as an interrupted one, in the same state as after a signal; so does one that sleeps already.
//!
//! | waits that an alarm ends | and those it does not |
//! |---|---|
//! | [`Condvar`](crate::Condvar), [`Event`](crate::Event), [`Latch`](crate::Latch), [`Barrier`](crate::Barrier), [`WaitGroup`](crate::WaitGroup), [`Doorbell`](crate::Doorbell) | [`Mutex`](crate::Mutex), [`ReentrantMutex`](crate::ReentrantMutex), [`RwLock`](crate::RwLock) |
//! | [`Semaphore`](crate::Semaphore), [`BoundedSemaphore`](crate::BoundedSemaphore), [`RobustSemaphore`](crate::RobustSemaphore), and [`Lock`](crate::Lock), which is made as they are | the mutex that is taken again at the end of a condition variable's wait |
//! | [`Once`](crate::Once), [`OnceLock`](crate::OnceLock): for it to be done, and for another's initialiser | waits inside [`masked`] and inside the hook |
//!
//! A thread that is to end must still be able to put in order what it shares with others: so a mutex is had, however
//! the alarm stands. For the rest there is [`masked`].
//!
//! What is there without a sleep is taken all the same: a permit that is free, an event that is set, a barrier at which one comes last.
//! One wait ends within a second only: that of a [`Once`](crate::Once)'s next initialiser for the end of the process of a dead one.

mod alarm;
#[cfg(not(multiproc_loom))]
mod hook;
mod mask;

pub use self::alarm::Alarm;
pub(crate) use self::alarm::{as_event, fall_asleep, would_end_event};
#[cfg(not(multiproc_loom))]
pub(crate) use self::alarm::{ends_wait, has_alarm};
#[cfg(not(multiproc_loom))]
pub(crate) use self::hook::is_installed;
#[cfg(not(multiproc_loom))]
pub use self::hook::{AlreadyInstalled, Hook, install};
pub use self::mask::masked;

/// Whether a wait goes on, for all that the hook and the thread's alarm say. One inside the hook does: it is no wait that the hook could
/// be asked about. In a fork that the hook has made none does: what its caller has noted of itself is true of the parent's thread.
#[cfg(not(multiproc_loom))] // no signals come in a model, and an alarm is seen before each sleep
pub(crate) fn goes_on() -> bool {
    !ends_wait() && self::hook::goes_on()
}

/// Whether something could end an event's wait of the calling thread: a hook is installed, or the thread has asked for its alarm, and the waits
/// are not [masked]. Else a wait that knows of neither, the kernel's or another library's, is as good.
///
/// ```
/// use multiproc_sync::interrupt::{self, Alarm, masked};
///
/// assert!(!interrupt::is_possible());
/// let _alarm = Alarm::of_this_thread();
/// assert!(interrupt::is_possible());
/// assert!(!masked(interrupt::is_possible));
/// ```
#[cfg(not(multiproc_loom))]
pub fn is_possible() -> bool {
    has_alarm() || (is_installed() && !mask::is_masked())
}
