//! Waiting for a change of what a mutex guards. `unsafe`: what it promises as a value in shared memory.
#![allow(unsafe_code)]

pub(crate) mod guard;
mod timed;
mod waiting;

use std::sync::atomic::Ordering::Relaxed;

pub use self::guard::{ConditionView, WaitGuard};
pub use self::timed::WaitTimeoutResult;
use crate::futex::{Futex, Scope};
use crate::planted::{Bug, planted};
use crate::primitive::AtomicU32;
use crate::shm_safe::{Layout, PlaceError, Placement, ShmSafe};
use crate::{LockResult, Pace};

/// Somebody may wait awake, and looks at the word.
const SPINNERS: u32 = 1;
/// Somebody may sleep.
const SLEEPERS: u32 = 2;
/// Somebody may wait.
const WAITERS: u32 = SPINNERS | SLEEPERS;
/// One more in the sequence, the bits below as they are.
const NOTIFICATION: u32 = 4;
/// Clears SLEEPERS, which must be set, and carries it over into the sequence.
const LAST_NOTIFICATION: u32 = SLEEPERS;
const EVERYBODY: u32 = u32::MAX;

const PRIVATE: u32 = 0;
const PLACED: u32 = 1;

/// A condition variable: gives a [`Mutex`](crate::Mutex) or a [`ReentrantMutex`](crate::ReentrantMutex) back, waits for a notification, and
/// takes it again.
///
/// ```
/// use multiproc_sync::{Condvar, LockError, Mutex};
///
/// let (queue, filled) = (Mutex::new(Vec::new()), Condvar::new());
/// let taken = std::thread::scope(|scope| {
///     scope.spawn(|| {
///         queue.lock().unwrap().push("letter");
///         filled.notify_one();
///     });
///     let mut queue = filled.wait_while(queue.lock()?, |queue| queue.is_empty())?;
///     Ok::<_, LockError<_>>(queue.pop())
/// });
/// assert_eq!(taken.unwrap(), Some("letter"));
/// ```
///
/// Of a [`ReentrantMutex`](crate::ReentrantMutex) every level is given back, and taken again: however deep the thread is, others get the
/// lock.
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
/// use multiproc_sync::{Condvar, ReentrantMutex, ReentrantMutexGuard};
///
/// let (ready, changed) = (ReentrantMutex::new(AtomicBool::new(false)), Condvar::new());
/// std::thread::scope(|scope| {
///     let _outer = ready.lock().unwrap();
///     scope.spawn(|| {
///         ready.lock().unwrap().store(true, Relaxed);
///         changed.notify_one();
///     });
///     let inner = changed.wait_while(ready.lock().unwrap(), |ready| !ready.load(Relaxed)).unwrap();
///     assert_eq!(ReentrantMutexGuard::depth(&inner), 2);
/// });
/// ```
///
/// As the mutex, it lies on a stack, in a `static`, or in shared memory, beside the mutex whose data are waited for. `Shared` of the
/// crate `multiproc-shm` puts it there.
///
/// # The word
///
/// ```text
///   31                                  2     1          0
///  ┌─────────────────────────────────────┬──────────┬──────────┐
///  │ sequence: one more a notification   │ SLEEPERS │ SPINNERS │
///  └─────────────────────────────────────┴──────────┴──────────┘
///   wait        SPINNERS set and the sequence read, while the mutex is held; awake as long as the Pace says, then
///               SPINNERS becomes SLEEPERS, and asleep, both only as long as the sequence has not changed
///   notify      only SPINNERS: cleared, and + 4, which all of them see
///               SLEEPERS: + 4, and so many are woken; fewer sleep: as notify_all
///   notify_all  SLEEPERS: + 2, which clears it and goes on into the sequence, and all are woken
/// ```
///
/// With sleepers, change and wake-up are one system call: a kill comes before both or after both. Without, the change is the
/// wake-up. Beside the word lie the mode, private or placed, and the waiters' common [`Pace`]; 16 bytes in all.
///
/// # Ordering and fairness
///
/// The mutex orders: what is changed under it before a notification is seen by who is woken. Whoever changes the condition does so
/// with the mutex held; the notification may come with it or after it. The kernel wakes the longest sleeper first, but whoever
/// still spins goes on too, and anybody may take the mutex before those who were woken.
///
/// # A wait may end without a notification
///
/// [`wait`](Self::wait) may return at any time, and in shared memory or with an [interrupt hook](crate::interrupt) or an alarm does so once a
/// second: always look at the condition again, or let
/// [`wait_while`](Self::wait_while) do it.
///
/// # What happens to it
///
/// | event | then |
/// |---|---|
/// | a thread panics with the mutex | who waits gets [`Poisoned`](crate::LockError::Poisoned) with the guard |
/// | a process dies with the mutex | who waits gets [`OwnerDied`](crate::LockError::OwnerDied) with the guard, once woken |
/// | a sleeper is killed | it is missed by nobody |
/// | one that was woken is killed | its notification is gone; the others look again within a second |
/// | one that has changed the data is killed before it notifies | the same |
/// | the [hook](crate::interrupt) of a signal ends the wait for the mutex, or panics in it | its notification goes to another |
/// | the mutex is [abandoned](crate::MutexGuard::abandon) | who is woken gets [`Abandoned`](crate::LockError::Abandoned), and wakes the next |
/// | `fork` with a guard of a robust mutex | to wait with it in the child is [`NotHeld`](crate::LockError::NotHeld) |
/// | a wait with an outer guard of a [`ReentrantMutex`](crate::ReentrantMutex) ends without a guard | the outer guard holds the lock again first; its page tells of the one exception |
/// | guards of two mutexes | allowed: use [`notify_all`](Self::notify_all), as the one woken may be the other's |
/// | moved, dropped | while nobody waits, as any value: a wait borrows it |
///
/// Nothing has to be recovered: every word is a state that it can go on from.
///
/// # Cost
///
/// A notification where nobody waits is one load. Where those who wait are still awake it is one compare-exchange. With sleepers
/// it is one system call, two if fewer sleep than are to be woken. A waiter spins first, see [`Pace`].
///
/// # Sources
///
/// The sequence in a futex is well known from C libraries and the standard library. The bit in the same word, and the single system
/// call, are this project's.
#[doc(alias = "threading.Condition")]
#[doc(alias = "multiprocessing.Condition")]
#[repr(C)]
#[derive(Debug)]
pub struct Condvar {
    word: Futex,
    mode: AtomicU32,
    pace: Pace,
    reserved: AtomicU32,
}

impl Condvar {
    /// A condition variable for the threads of this process.
    #[cfg(not(multiproc_loom))]
    pub const fn new() -> Self {
        Self {
            word: Futex::new(0),
            mode: AtomicU32::new(PRIVATE),
            pace: Pace::new(),
            reserved: AtomicU32::new(0),
        }
    }

    /// A condition variable for the threads of this process.
    #[cfg(multiproc_loom)]
    pub fn new() -> Self {
        Self {
            word: Futex::new(0),
            mode: AtomicU32::new(PRIVATE),
            pace: Pace::new(),
            reserved: AtomicU32::new(0),
        }
    }

    /// Gives the mutex back and waits for a notification, then for the mutex. May return without a notification.
    ///
    /// # Errors
    ///
    /// Those of [`Mutex::lock`](crate::Mutex::lock), from taking the mutex again: [`Poisoned`](crate::LockError::Poisoned) and
    /// [`OwnerDied`](crate::LockError::OwnerDied) have the guard. [`Interrupted`](crate::LockError::Interrupted) if a signal ended either wait,
    /// or an [alarm](crate::interrupt::Alarm) that for a notification;
    /// then, as with every error without a guard, the mutex is not held, but by outer guards of a
    /// [`ReentrantMutex`](crate::ReentrantMutex#waiting). [`NotHeld`](crate::LockError::NotHeld) for a guard that a fork has brought along, or that
    /// another wait has lost.
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn wait<G: WaitGuard>(&self, guard: G) -> LockResult<G> {
        match self.wait_until(guard, None) {
            Ok((guard, _)) => Ok(guard),
            Err(error) => Err(error.map(|(guard, _)| guard)),
        }
    }

    /// Waits as long as `condition` holds. Looks at it before the first wait, too. It is given `&mut T` by the guard of a
    /// [`Mutex`](crate::Mutex), `&T` by that of a [`ReentrantMutex`](crate::ReentrantMutex).
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait), at once: with a guard inside the error, `condition` has not been looked at since.
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn wait_while<G: WaitGuard>(
        &self,
        mut guard: G,
        mut condition: impl FnMut(<G as ConditionView<'_>>::View) -> bool,
    ) -> LockResult<G> {
        while condition(guard.view()) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// Wakes one that waits, if any does. Of those that wait awake, for some microseconds, all may go on.
    #[inline]
    pub fn notify_one(&self) {
        self.notify(1);
    }

    /// Wakes so many that wait, or all if they are fewer. Of those that wait awake, for some microseconds, all may go on.
    #[inline]
    pub fn notify(&self, n: u32) {
        // Relaxed: the bits were set under the mutex, under which the condition was changed before this.
        if self.word.load(Relaxed) & WAITERS != 0 {
            self.notify_waiters(n);
        }
    }

    /// Wakes all that wait.
    #[inline]
    pub fn notify_all(&self) {
        self.notify(EVERYBODY);
    }

    #[cold]
    #[inline(never)]
    fn notify_waiters(&self, n: u32) {
        match n {
            0 => {}
            _ if self.only_spinners_go_on() => {}
            EVERYBODY => self.wake_all(),
            _ => self.wake(n),
        }
    }

    /// Notifies those who wait, if all of them are awake; `false`: somebody may sleep.
    fn only_spinners_go_on(&self) -> bool {
        let mut seen = self.word.load(Relaxed);
        while seen & SLEEPERS == 0 {
            // Others have notified all there were.
            if seen & SPINNERS == 0 || planted(Bug::SpinnersIgnored) {
                return true;
            }
            let after = (seen & !SPINNERS).wrapping_add(NOTIFICATION);
            match self.word.compare_exchange(seen, after, Relaxed, Relaxed) {
                Ok(_) => return true,
                Err(newer) => seen = newer,
            }
        }
        false
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn wake(&self, n: u32) {
        if self.word.add_and_wake(NOTIFICATION, n, self.scope()) >= n {
            return;
        }
        // Nobody sleeps any more: the bit is of those who have gone, or who find the sequence changed. Somebody who has come
        // since relies on it too, and is woken with the rest.
        if planted(Bug::SleepersBitStale) {
            self.word.fetch_add(LAST_NOTIFICATION, Relaxed);
        } else {
            self.wake_all();
        }
    }

    /// Two that do this at once set the bit again: one needless call later.
    #[cold]
    #[inline(never)]
    pub(crate) fn wake_all(&self) {
        let count = if planted(Bug::AllWakesOne) { 1 } else { EVERYBODY };
        self.word.add_and_wake(LAST_NOTIFICATION, count, self.scope());
    }

    fn scope(&self) -> Scope {
        if self.mode.load(Relaxed) == PRIVATE { Scope::Private } else { Scope::Shared }
    }
}

impl Default for Condvar {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: `repr(C)` of words; every bit pattern is a sequence, two bits and a mode. A wrong one costs wake-ups: for a heartbeat, or
// with the mode of a private one, which nobody writes once it is placed, between processes for good. Not `ShmPlain`: it is slept on
// at its address.
unsafe impl ShmSafe for Condvar {
    const LAYOUT: Layout = Layout::named("multiproc_sync::Condvar/1");
    const NEEDS_PLACEMENT: bool = true;

    fn place(&mut self, _: &Placement) -> Result<(), PlaceError> {
        *self = Self::new();
        self.mode.store(PLACED, Relaxed);
        Ok(())
    }
}

#[cfg(all(test, not(multiproc_loom)))]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Mutex;

    const _: () = assert!(size_of::<Condvar>() == 16);

    /// After a waiter that has given up, one notification asks the kernel, the next does not.
    #[test]
    fn the_bit_of_a_waiter_that_gave_up_is_dropped() {
        for notify in [Condvar::notify_one, Condvar::notify_all, |condvar: &Condvar| condvar.notify(7)] {
            let (mutex, condvar) = (Mutex::new(()), Condvar::new());
            assert_eq!(condvar.word.load(Relaxed), 0);
            drop(condvar.wait_timeout(mutex.lock().unwrap(), Duration::ZERO).unwrap());
            assert_eq!(condvar.word.load(Relaxed) & WAITERS, SLEEPERS);
            notify(&condvar);
            let after = condvar.word.load(Relaxed);
            assert_eq!(after & WAITERS, 0);
            notify(&condvar);
            assert_eq!(condvar.word.load(Relaxed), after);
        }
    }

    #[test]
    fn the_sequence_may_run_over() {
        let (mutex, condvar) = (Mutex::new(()), Condvar::new());
        for waiters in [SPINNERS, SLEEPERS] {
            condvar.word.store(!WAITERS | waiters, Relaxed);
            condvar.notify_all();
            assert_eq!(condvar.word.load(Relaxed), 0);
        }
        let (_guard, result) = condvar.wait_timeout(mutex.lock().unwrap(), Duration::ZERO).unwrap();
        assert!(result.timed_out());
    }
}
