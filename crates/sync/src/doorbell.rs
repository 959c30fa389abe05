//! How one side waits for what another does, in one process or in two. `unsafe`: what it promises as a value in shared memory.
#![allow(unsafe_code)]

use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use crate::futex::{Futex, Scope};
use crate::planted::{Bug, planted};
use crate::primitive::{Deadline, fence};
use crate::shm_safe::{Layout, ShmPlain, ShmSafe};
use crate::{Pace, WaitError};

/// Somebody may sleep.
const SLEEPERS: u32 = 1;

/// A word to wait at until something has happened: who makes it happen rings, who waits looks, sleeps, and looks again.
///
/// The bell itself says nothing: what is waited for is a fact that both sides can see, a counter or a flag in the same
/// memory. Ringing where nobody sleeps costs a load and a fence. A waiter spins first (see [`Pace`]), then sleeps.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering::{Acquire, Release}};
/// use multiproc_sync::{Doorbell, Pace};
///
/// let (ready, bell) = (AtomicU32::new(0), Doorbell::new());
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         ready.store(7, Release);
///         bell.ring();
///     });
///     let look = || Some(ready.load(Acquire)).filter(|value| *value != 0);
///     assert_eq!(bell.wait(&Pace::new(), None, look), Ok(7));
/// });
/// ```
///
/// # Death
///
/// A waiter that is killed is missed by nobody. One that made it happen and is killed before it rings leaves the waiters
/// to their heartbeat: they look again within a second. Nothing has to be recovered.
#[repr(transparent)]
#[derive(Debug)]
pub struct Doorbell {
    /// [`SLEEPERS`] in bit 0, above it how often the sleepers were woken.
    word: Futex,
}

impl Doorbell {
    /// A bell at which nobody waits.
    #[cfg(not(multiproc_loom))]
    pub const fn new() -> Self {
        Self { word: Futex::new(0) }
    }

    /// A bell at which nobody waits.
    #[cfg(multiproc_loom)]
    pub fn new() -> Self {
        Self { word: Futex::new(0) }
    }

    /// Wakes everybody who waits, to look again. Comes after what they wait for.
    #[inline]
    pub fn ring(&self) {
        // With the fence of `wait`: either this sees the sleeper's bit, or the sleeper sees what happened before.
        if !planted(Bug::BellUnfenced) {
            fence(SeqCst);
        }
        if self.word.load(Relaxed) & SLEEPERS != 0 {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        // Carries the sleepers' bit over into the count. Two that ring at once set it again: one needless call later.
        self.word.add_one_and_wake_all();
    }

    /// Waits until `look` finds something.
    ///
    /// `look` is called again and again, and must not block. At the end of the wait it looks once more.
    ///
    /// # Errors
    ///
    /// [`WaitError`], if it has found nothing until the deadline, or until a signal or an alarm ended the wait.
    #[inline]
    pub fn wait<T>(
        &self,
        #[cfg_attr(multiproc_loom, allow(unused))] pace: &Pace,
        deadline: Option<Deadline>,
        mut look: impl FnMut() -> Option<T>,
    ) -> Result<T, WaitError> {
        #[cfg(not(multiproc_loom))] // in a model nobody spins, and this look is one of those below
        if let Some(found) = look().or_else(|| pace.spin(deadline, &mut look)) {
            return Ok(found);
        }
        loop {
            let mut ticket = self.announce();
            // With the fence of `ring`.
            fence(SeqCst);
            if let Some(found) = look() {
                return Ok(found);
            }
            if planted(Bug::TicketLate) {
                ticket = self.announce();
            }
            let until = deadline.as_ref().filter(|_| !planted(Bug::DeadlineIgnored));
            if let Err(error) = self.word.wait_for_event(ticket, Scope::Shared, until) {
                return look().ok_or(error);
            }
        }
    }

    /// Says that somebody may sleep; gives the word with which that is said.
    fn announce(&self) -> u32 {
        self.word.fetch_or(SLEEPERS, Relaxed) | SLEEPERS
    }
}

impl Default for Doorbell {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: a word; every bit pattern is a count and a bit, and a wrong bit costs a system call or a heartbeat.
unsafe impl ShmSafe for Doorbell {
    const LAYOUT: Layout = Layout::named("multiproc_sync::Doorbell/1");
}
// SAFETY: no owner, no address in a list.
unsafe impl ShmPlain for Doorbell {}
