//! A flag to wait for. `unsafe`: what it promises as a value in shared memory.
#![allow(unsafe_code)]

use std::fmt;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::awaited::Awaited;
use crate::futex::{Futex, Scope};
use crate::planted::{Bug, planted};
use crate::primitive::{AtomicU32, Deadline, fence};
use crate::shm_safe::{Layout, PlaceError, Placement, ShmSafe};
use crate::{Pace, WaitError};

/// Somebody may sleep: in a word that is not set, who sets it has to wake.
const SLEEPERS: u32 = 1;
/// The event is set.
const SET: u32 = 2;
/// How often it was cleared stands above the two bits.
const CLEARED: u32 = 2;

/// The event's memory is reached by one process only.
const PRIVATE: u32 = 0;
/// The event lies in shared memory, at its final address.
const SHARED: u32 = 1;

/// A flag that is set and cleared, and that any number of threads or processes can wait for.
///
/// ```
/// use multiproc_sync::Event;
///
/// static READY: Event = Event::new();
/// std::thread::scope(|scope| {
///     let waiters = [(); 3].map(|()| scope.spawn(|| READY.wait()));
///     READY.set();
///     assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap().is_ok()));
/// });
/// assert!(READY.is_set());
/// ```
///
/// Who waits while somebody calls `set(); clear();` has got what it waited for, however late it wakes up: an event counts
/// how often it was cleared. Between processes it lies in a segment, as `Shared<Event>` of the crate `multiproc-shm`.
///
/// # The word
///
/// ```text
///  31                                  2     1        0
/// ┌─────────────────────────────────────┬─────┬──────────┐
/// │ how often it was cleared            │ SET │ SLEEPERS │
/// └─────────────────────────────────────┴─────┴──────────┘
///   n 0 0    clear, nobody sleeps              set() ─► n 1 0
///   n 0 1    clear, somebody may sleep         set() ─► n 1 1, and all are woken, by one system call
///   n 1 x    set, nobody sleeps                clear() ─► n+1 0 0
/// ```
///
/// # Ordering and fairness
///
/// Setting happens before each wait that it ends, and before the `clear` that takes it back, also if the event was set already. So
/// "wait, clear, look for work" misses no work that was there before `set`. All who wait are released at once, in no order.
///
/// # What happens to it
///
/// | event | effect |
/// |---|---|
/// | who sets it is killed | it is set and everybody woken, or nothing has happened: there is no instruction between |
/// | who clears it is killed | it is set or clear |
/// | a waiter is killed, or gives up | nobody misses it; the next `set` may cost a system call in vain |
/// | `fork` while somebody waits | private: the child has a copy of its own; shared: one more process that has it |
/// | a panic | nothing: there is no guard and no poison |
/// | moved, dropped | as any value; nobody borrows it then |
///
/// A waiter that sleeps through 2^30 times `set(); clear();` takes the last for the first, and waits on.
///
/// # Cost
///
/// [`is_set`](Self::is_set) is one load. Setting and clearing are one atomic operation each, without a system call if nobody
/// sleeps. A waiter spins first (see [`Pace`]), then sleeps; in shared memory for a second at most, then it looks again.
/// 12 bytes.
///
/// [`set`](Self::set), [`clear`](Self::clear) and [`is_set`](Self::is_set) may be called in a signal handler.
///
/// # What does not compile
///
/// No event lies in what a lock in shared memory guards: a guard's `&mut` could put a private one in its place.
///
/// ```compile_fail,E0277
/// use multiproc_sync::{Event, Mutex, shm_safe::ShmSafe};
/// fn place<T: ShmSafe>(_: T) {}
/// place(Mutex::new(Event::new()));
/// ```
///
/// # Sources
///
/// The semantics are those of Python's `threading.Event`; unlike `multiprocessing.Event` a wait does not look at the flag
/// anew after it was released.
#[doc(alias = "threading.Event")]
#[doc(alias = "multiprocessing.Event")]
#[repr(C)]
pub struct Event {
    word: Futex,
    mode: AtomicU32,
    /// Of all that wait here: hints, so that it may be common to them.
    pace: Pace,
}

/// How an event was when somebody began to wait for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun(u32);

impl Event {
    /// An event that is not set.
    #[cfg(not(multiproc_loom))]
    pub const fn new() -> Self {
        Self { word: Futex::new(0), mode: AtomicU32::new(PRIVATE), pace: Pace::new() }
    }

    /// An event that is not set.
    #[cfg(multiproc_loom)]
    pub fn new() -> Self {
        Self { word: Futex::new(0), mode: AtomicU32::new(PRIVATE), pace: Pace::new() }
    }

    /// Whether it is set. What was done before it was set is seen.
    #[inline(always)]
    pub fn is_set(&self) -> bool {
        // Acquire: with the Release of `set`.
        self.word.load(Acquire) & SET != 0
    }

    /// Sets it: everybody who waits is released, and nobody waits until it is cleared.
    #[inline]
    pub fn set(&self) {
        let mut seen = self.word.load(Relaxed);
        while seen & (SET | SLEEPERS) != SLEEPERS {
            if planted(Bug::SetOnlyLooks) && seen & SET != 0 {
                return;
            }
            // Also where it is set already: the `clear` that takes that one back must see what was done before this one.
            // Release: with the Acquires of those who wait, and of `clear`.
            let order = if planted(Bug::SetUnordered) { Relaxed } else { Release };
            match self.word.compare_exchange(seen, seen | SET, order, Relaxed) {
                Ok(_) => return,
                Err(other) => seen = other,
            }
        }
        self.wake();
    }

    /// Sets it for those who may sleep: whatever the word has become meanwhile, it is set then.
    #[cold]
    #[inline(never)]
    pub(crate) fn wake(&self) {
        // The kernel's change of the word has no order of this language's: everything before it is published here.
        if !planted(Bug::SetUnordered) {
            fence(Release);
        }
        if planted(Bug::SetThenWake) {
            self.word.fetch_or(SET, Relaxed);
            self.word.wake(i32::MAX as u32, self.scope());
        } else if planted(Bug::OneReleased) {
            self.word.fetch_or(SET, Relaxed);
            self.word.wake(1, self.scope());
        } else {
            self.word.or_and_wake_all(SET, self.scope());
        }
    }

    /// Clears it: who comes from now on waits. Those who wait since before it was set are released all the same.
    #[inline]
    pub fn clear(&self) {
        let mut seen = self.word.load(Relaxed);
        while seen & SET != 0 {
            // Nobody sleeps while it is set. Acquire: with the Release of `set`. As an exchange it goes on what that has
            // released, so that a waiter that sees only this has the same order.
            let next = (seen | SET | SLEEPERS).wrapping_add(1);
            match self.word.compare_exchange(seen, next, Acquire, Relaxed) {
                Ok(_) => return,
                Err(other) => seen = other,
            }
        }
    }

    /// Waits until it is set, if it is not.
    ///
    /// # Errors
    ///
    /// [`WaitError::Interrupted`] only: a signal came, and the [hook](crate::interrupt) ended the wait, or the thread's alarm did.
    #[inline]
    pub fn wait(&self) -> Result<(), WaitError> {
        self.wait_since(self.begin(), None)
    }

    /// As [`is_set`](Self::is_set), told as the other waits tell it.
    ///
    /// # Errors
    ///
    /// [`WaitError::TimedOut`] if it is not set.
    #[inline]
    pub fn try_wait(&self) -> Result<(), WaitError> {
        if self.is_set() { Ok(()) } else { Err(WaitError::TimedOut) }
    }

    /// Waits until it is set, for at most `timeout`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use multiproc_sync::{Event, WaitError};
    ///
    /// let event = Event::new();
    /// assert_eq!(event.wait_timeout(Duration::from_millis(1)), Err(WaitError::TimedOut));
    /// event.set();
    /// assert_eq!(event.wait_timeout(Duration::ZERO), Ok(()));
    /// ```
    ///
    /// # Errors
    ///
    /// [`WaitError`]; [`TimedOut`](WaitError::TimedOut) if it was clear all the time.
    #[cfg(not(multiproc_loom))]
    pub fn wait_timeout(&self, timeout: std::time::Duration) -> Result<(), WaitError> {
        match std::time::Instant::now().checked_add(timeout) {
            Some(deadline) => self.wait_deadline(deadline),
            None => self.wait(), // longer than a clock can say
        }
    }

    /// Waits until it is set, or until `deadline`.
    ///
    /// # Errors
    ///
    /// [`WaitError`]; [`TimedOut`](WaitError::TimedOut) if it was clear all the time.
    pub fn wait_deadline(&self, deadline: Deadline) -> Result<(), WaitError> {
        self.wait_since(self.begin(), Some(deadline))
    }

    /// The first look of a wait: what is set later ends it.
    #[inline]
    pub(crate) fn begin(&self) -> Begun {
        // Acquire: with the Release of `set`.
        Begun(self.word.load(Acquire))
    }

    /// Waits until it is, or was, set since the wait was begun.
    #[inline]
    pub(crate) fn wait_since(&self, begun: Begun, deadline: Option<Deadline>) -> Result<(), WaitError> {
        if begun.is_over(begun.0) { Ok(()) } else { self.wait_slowly(begun, deadline) }
    }

    #[cold]
    fn wait_slowly(&self, begun: Begun, deadline: Option<Deadline>) -> Result<(), WaitError> {
        let Self { word, pace, .. } = self;
        let awaited = Awaited { word, scope: self.scope(), pace, sleepers: SLEEPERS };
        awaited.wait(deadline, |now| begun.is_over(now))
    }

    fn scope(&self) -> Scope {
        if self.mode.load(Relaxed) == PRIVATE { Scope::Private } else { Scope::Shared }
    }
}

impl Begun {
    /// Whether the event was set since, if its word is `now` this.
    fn is_over(self, now: u32) -> bool {
        let cleared_since = (now ^ self.0) >> CLEARED != 0;
        now & SET != 0 || (cleared_since && !planted(Bug::ClearedForgotten))
    }
}

impl Default for Event {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("is_set", &self.is_set()).finish_non_exhaustive()
    }
}

// SAFETY: `repr(C)`, numbers alone; every bit pattern is a state. A wrong one costs wake-ups: for a heartbeat, or with the mode of a private
// one, which nobody writes once it is placed, between processes for good. It is not `ShmPlain`: moved out and replaced, it would be private where processes share it.
unsafe impl ShmSafe for Event {
    const LAYOUT: Layout = Layout::named("multiproc_sync::Event/1");
    const NEEDS_PLACEMENT: bool = true;

    fn place(&mut self, _: &Placement) -> Result<(), PlaceError> {
        // Nobody waits for what nobody else can reach: a bit that says so is of one that gave up.
        let seen = self.word.load(Relaxed);
        self.word = Futex::new(seen & !SLEEPERS);
        self.mode.store(SHARED, Relaxed);
        Ok(())
    }
}

#[cfg(not(multiproc_loom))]
const _: () = assert!(size_of::<Event>() == 12);
