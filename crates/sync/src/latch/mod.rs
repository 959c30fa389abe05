//! A door that opens once, when so many have counted down. `unsafe`: what it promises as a value in shared memory.
#![allow(unsafe_code)]

mod error;

use std::fmt;
use std::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release};

pub use self::error::{ArriveError, CountError};
use crate::awaited::Awaited;
use crate::futex::{Futex, Scope};
use crate::planted::{Bug, planted};
use crate::primitive::{Deadline, fence};
use crate::shm_safe::{Layout, ShmPlain, ShmSafe};
use crate::{Pace, WaitError};

/// Somebody may sleep: who opens the latch has to wake.
const SLEEPERS: u32 = 1 << 31;
/// What is left to be counted down.
const COUNT: u32 = SLEEPERS - 1;

/// Open, and nobody to be woken: never changed again.
const OPEN: u32 = 0;

/// A count that goes down to zero once, and that any number of threads or processes can wait for.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// use multiproc_sync::Latch;
///
/// static LOADED: Latch = Latch::new(3);
/// static PARTS: AtomicU32 = AtomicU32::new(0);
/// std::thread::scope(|scope| {
///     for _ in 0..3 {
///         scope.spawn(|| {
///             PARTS.fetch_add(1, Relaxed);
///             LOADED.count_down(1).unwrap();
///         });
///     }
///     LOADED.wait().unwrap();
///     assert_eq!(PARTS.load(Relaxed), 3); // what each did before it counted is seen
/// });
/// assert!(LOADED.is_open());
/// ```
///
/// Or all who count also wait, and set out together:
///
/// ```
/// use multiproc_sync::Latch;
///
/// let start = Latch::new(2);
/// std::thread::scope(|scope| {
///     scope.spawn(|| start.arrive_and_wait().unwrap());
///     start.arrive_and_wait().unwrap();
/// });
/// assert_eq!(start.remaining(), 0);
/// ```
///
/// At 0 it is open, and stays so: it is for one use. A meeting that repeats is a [`Barrier`](crate::Barrier), a door that closes again an
/// [`Event`](crate::Event). Between processes it lies in shared memory: `Shared<Latch>` of the crate `multiproc-shm`.
///
/// **Nobody is known to it by name**: for one who dies before it has counted down, all wait for ever, unless somebody counts in its
/// place. Where workers may die, use [`WaitGroup`](crate::WaitGroup), whose members have names and whose deaths end the wait, or a
/// [`Barrier`](crate::Barrier), which the death of one who waits there breaks; or wait with a deadline.
///
/// # The word
///
/// ```text
///    31         30                                  0
///  ┌──────────┬─────────────────────────────────────┐
///  │ SLEEPERS │ how many are left to count down     │
///  └──────────┴─────────────────────────────────────┘
///   0 n    closed, nobody sleeps            count_down(n) ─► 0 0
///   1 n    closed, somebody may sleep       count_down(n) ─► 1 0
///   1 0    open, and whoever did that, or sees it, ─► 0 0 and wakes all, by one system call
///   0 0    open: also in memory that nobody has written to
/// ```
///
/// Behind it lies a word by which waiters learn whether spinning helps: 8 bytes in all, the same in private and in shared memory.
///
/// # Ordering and fairness
///
/// Each count happens before the end of each wait, and before [`is_open`](Self::is_open) says so. All who wait are released at once, in
/// no order.
///
/// # What happens to it
///
/// | event | effect |
/// |---|---|
/// | a process dies before it counts down | as if it had not come yet: nobody is told. Somebody may count in its place |
/// | it is killed while it counts down | it has counted, or has not. If it has opened the latch and is killed before it wakes those who sleep, they find it open within a second, or are woken by the next who comes to wait |
/// | a waiter is killed, or gives up | nobody misses it |
/// | one that arrived gives up, or is killed | it has counted |
/// | counted too often | [`CountError`]; nothing is counted, and nobody else notices |
/// | `fork` | private: the child has a copy of its own; shared: one more process that has it. Nobody counts by being forked |
/// | a panic, a thread's end | nothing: there is no guard and no poison. What was to be counted after it is not |
/// | `mem::forget`, leaked | as any value; it owns nothing |
/// | moved, dropped | as any value; who waits borrows it |
///
/// # Cost
///
/// [`is_open`](Self::is_open) is one load, and so is a wait once it is open. To count down is one atomic exchange, and a system call
/// more for the one that opens it if somebody may sleep. A waiter spins first (see [`Pace`]), then sleeps, for a second at most
/// before it looks again.
///
/// [`count_down`](Self::count_down), [`is_open`](Self::is_open) and [`remaining`](Self::remaining) may be called in a signal handler.
///
/// # Limits
///
/// [`Latch::MAX`] at the most: a bit of the word is for those who sleep.
///
/// # Sources
///
/// `std::latch` of C++20, and Java's `CountDownLatch`, which both leave a count too many to the caller. Python has none: there, a
/// `threading.Event` and a counter do the same.
#[doc(alias = "CountDownLatch")]
#[doc(alias = "std::latch")]
#[repr(C)]
pub struct Latch {
    word: Futex,
    /// Of all that wait here: a hint, in which any number may stand.
    pace: Pace,
}

impl Latch {
    /// The most that a latch can count: 2^31 - 1.
    pub const MAX: u32 = COUNT;

    /// A latch that opens when `count` have been counted down; with 0 it is open.
    ///
    /// # Panics
    ///
    /// If these are more than [`MAX`](Self::MAX).
    #[cfg(not(multiproc_loom))]
    pub const fn new(count: u32) -> Self {
        assert!(count <= Self::MAX, "a latch counts 2^31 - 1 at the most");
        Self { word: Futex::new(count), pace: Pace::new() }
    }

    /// A latch that opens when `count` have been counted down; with 0 it is open.
    #[cfg(multiproc_loom)]
    pub fn new(count: u32) -> Self {
        Self { word: Futex::new(count), pace: Pace::new() }
    }

    /// Counts `n` down at once, all or nothing; opens the latch if nothing is left then. With 0 it does nothing.
    ///
    /// ```
    /// let latch = multiproc_sync::Latch::new(3);
    /// latch.count_down(2)?;
    /// let error = latch.count_down(2).unwrap_err();
    /// assert_eq!((error.counted, error.remaining), (2, 1));
    /// assert_eq!(latch.remaining(), 1); // it is as it was
    /// # Ok::<(), multiproc_sync::CountError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`CountError`], if fewer are left.
    #[inline]
    pub fn count_down(&self, n: u32) -> Result<(), CountError> {
        if n == 0 {
            return Ok(());
        }
        let mut seen = self.word.load(Relaxed);
        let first = seen & COUNT;
        loop {
            let remaining = if planted(Bug::OverCountUnseen) { first } else { seen & COUNT };
            if n > remaining {
                self.wake_after_a_death(seen);
                return Err(CountError { counted: n, remaining });
            }
            let after = seen.wrapping_sub(n);
            if planted(Bug::CountLost) {
                self.word.store(after, Release);
                break self.opened_if(after);
            }
            // Release: with the Acquires of those who wait or look; those of them who see only a later count have this one's too,
            // since all that follow are exchanges.
            let order = if planted(Bug::CountUnordered) { Relaxed } else { Release };
            match self.word.compare_exchange(seen, after, order, Relaxed) {
                Ok(_) => break self.opened_if(after),
                Err(now) => seen = now,
            }
        }
        Ok(())
    }

    /// Counts one down, then waits until the latch is open. To do so without waiting, count down and ask [`is_open`](Self::is_open).
    ///
    /// # Errors
    ///
    /// [`ArriveError::TooMany`], if the latch was open; [`ArriveError::Wait`] with [`WaitError::Interrupted`], if a signal or an alarm ended
    /// the wait: it has counted then.
    pub fn arrive_and_wait(&self) -> Result<(), ArriveError> {
        self.arrive(None)
    }

    /// As [`arrive_and_wait`](Self::arrive_and_wait), waiting for at most `timeout`. It has counted also when that has passed.
    ///
    /// ```
    /// use std::time::Duration;
    /// use multiproc_sync::{ArriveError, Latch, WaitError};
    ///
    /// let latch = Latch::new(2);
    /// let alone = latch.arrive_and_wait_timeout(Duration::from_millis(1));
    /// assert_eq!(alone, Err(ArriveError::Wait(WaitError::TimedOut)));
    /// assert_eq!(latch.arrive_and_wait_timeout(Duration::ZERO), Ok(()));
    /// assert!(matches!(latch.arrive_and_wait(), Err(ArriveError::TooMany(_))));
    /// ```
    ///
    /// # Errors
    ///
    /// As [`arrive_and_wait`](Self::arrive_and_wait); [`WaitError::TimedOut`] if it was closed all the time.
    #[cfg(not(multiproc_loom))]
    pub fn arrive_and_wait_timeout(&self, timeout: std::time::Duration) -> Result<(), ArriveError> {
        // None: longer than a clock can say.
        self.arrive(std::time::Instant::now().checked_add(timeout))
    }

    /// As [`arrive_and_wait_timeout`](Self::arrive_and_wait_timeout), until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`arrive_and_wait_timeout`](Self::arrive_and_wait_timeout).
    pub fn arrive_and_wait_deadline(&self, deadline: Deadline) -> Result<(), ArriveError> {
        self.arrive(Some(deadline))
    }

    /// Waits until it is open.
    ///
    /// # Errors
    ///
    /// [`WaitError::Interrupted`] only: a signal came, and the [hook](crate::interrupt) ended the wait, or the thread's alarm did.
    #[inline]
    pub fn wait(&self) -> Result<(), WaitError> {
        self.wait_until(None)
    }

    /// As [`is_open`](Self::is_open), told as the other waits tell it.
    ///
    /// # Errors
    ///
    /// [`WaitError::TimedOut`] if it is closed.
    #[inline]
    pub fn try_wait(&self) -> Result<(), WaitError> {
        if self.is_open() { Ok(()) } else { Err(WaitError::TimedOut) }
    }

    /// Waits until it is open, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`WaitError`]; [`TimedOut`](WaitError::TimedOut) if it was closed all the time.
    #[cfg(not(multiproc_loom))]
    pub fn wait_timeout(&self, timeout: std::time::Duration) -> Result<(), WaitError> {
        // None: longer than a clock can say.
        self.wait_until(std::time::Instant::now().checked_add(timeout))
    }

    /// Waits until it is open, or until `deadline`.
    ///
    /// # Errors
    ///
    /// [`WaitError`]; [`TimedOut`](WaitError::TimedOut) if it was closed all the time.
    pub fn wait_deadline(&self, deadline: Deadline) -> Result<(), WaitError> {
        self.wait_until(Some(deadline))
    }

    /// Whether all has been counted down. What was done before each count is seen then.
    #[inline(always)]
    pub fn is_open(&self) -> bool {
        self.word.load(look()) & COUNT == 0
    }

    /// How many are left to count down; it may be fewer when the caller learns of it.
    #[inline]
    pub fn remaining(&self) -> u32 {
        self.word.load(look()) & COUNT
    }

    fn arrive(&self, deadline: Option<Deadline>) -> Result<(), ArriveError> {
        self.count_down(1)?;
        Ok(self.wait_until(deadline)?)
    }

    #[inline]
    fn wait_until(&self, deadline: Option<Deadline>) -> Result<(), WaitError> {
        let seen = self.word.load(look());
        if seen & COUNT != 0 {
            return self.wait_slowly(deadline);
        }
        self.wake_after_a_death(seen);
        Ok(())
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn wait_slowly(&self, deadline: Option<Deadline>) -> Result<(), WaitError> {
        let Self { word, pace } = self;
        let awaited = Awaited { word, scope: Scope::Shared, pace, sleepers: SLEEPERS };
        awaited.wait(deadline, |word| word & COUNT == 0)
    }

    /// Wakes those who sleep, if the caller has just left this word and so opened the latch.
    #[inline(always)]
    fn opened_if(&self, after: u32) {
        if after == SLEEPERS && !planted(Bug::OpenedInSilence) {
            self.wake();
        }
    }

    /// Wakes those who sleep, if this word was found: who left it is about to do so, or has died.
    #[inline(always)]
    fn wake_after_a_death(&self, found: u32) {
        if found == SLEEPERS && !planted(Bug::OpenedInSilence) && !planted(Bug::OpenerNotReplaced) {
            self.wake();
        }
    }

    /// Takes the bit out of the word of an open latch, in which nothing else changes any more, and wakes everybody.
    #[cold]
    #[inline(never)]
    pub(crate) fn wake(&self) {
        // The kernel's change of the word has no order of this language's: what was acquired with the counts is published here.
        if !planted(Bug::OpenedUnfenced) {
            fence(AcqRel);
        }
        if planted(Bug::OneReleased) {
            self.word.store(OPEN, Relaxed);
            self.word.wake(1, Scope::Shared);
        } else {
            self.word.set_and_wake_all(OPEN, Scope::Shared);
        }
    }
}

/// With the Release of `count_down`.
#[inline(always)]
fn look() -> Ordering {
    if planted(Bug::OpenUnordered) { Relaxed } else { Acquire }
}

impl fmt::Debug for Latch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latch").field("remaining", &self.remaining()).finish_non_exhaustive()
    }
}

// SAFETY: `repr(C)`, two words; every bit pattern is a count, a bit and a hint, and a wrong bit costs a system call or a heartbeat.
unsafe impl ShmSafe for Latch {
    const LAYOUT: Layout = Layout::named("multiproc_sync::Latch/1");
}
// SAFETY: no owner, no mode, no address in a list.
unsafe impl ShmPlain for Latch {}

#[cfg(not(multiproc_loom))]
const _: () = assert!(size_of::<Latch>() == 8);
