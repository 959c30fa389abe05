//! A word that threads, of one process or of several, can sleep on.

#[cfg(not(multiproc_loom))]
pub(crate) use self::native::{Futex, Place};
#[cfg(multiproc_loom)]
pub(crate) use crate::primitive::model::{Futex, Place};

/// Who can reach a word, as the kernel files its sleepers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Threads of one process.
    Private,
    /// Threads of any process that maps the memory. The kernel wakes only these at a thread's death.
    Shared,
}

#[cfg(not(multiproc_loom))]
mod native {
    use std::time::{Duration, Instant};

    use super::Scope;
    use crate::WaitError;
    use crate::interrupt;
    use crate::primitive::AtomicU32;
    use crate::sys::{self, Sleep};

    /// The longest sleep on a shared word: what a chain of deaths may have swallowed costs no more than this.
    pub(crate) const HEARTBEAT: Duration = Duration::from_secs(1);

    /// The kernel takes the count as a signed number.
    const EVERYBODY: u32 = i32::MAX as u32;

    /// A word at which a thread sleeps, for one who is to wake it. The word is there as long as the thread has not left it.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Place {
        address: usize,
        scope: Scope,
    }

    impl Place {
        /// Wakes everybody who sleeps there.
        pub(crate) fn wake_all(&self) {
            sys::futex::wake_at(self.address, EVERYBODY, self.scope);
        }
    }

    /// An atomic word with the kernel's queue of sleepers.
    #[repr(transparent)]
    #[derive(Debug)]
    pub(crate) struct Futex(AtomicU32);

    impl Futex {
        pub(crate) const fn new(value: u32) -> Self {
            Self(AtomicU32::new(value))
        }

        /// Sleeps while the word is `expected`, until woken, or until `deadline`, or a heartbeat if the word is shared, or until a
        /// signal that the user's hook ends waits for. Then the caller looks at the word again. For a lock.
        ///
        /// An error says that nobody's wake-up was taken.
        pub(crate) fn wait(
            &self,
            expected: u32,
            scope: Scope,
            deadline: Option<&Instant>,
        ) -> Result<(), WaitError> {
            // A signal may have come since the caller began to wait.
            if !interrupt::goes_on() {
                return Err(WaitError::Interrupted);
            }
            match self.sleep(expected, scope, deadline) {
                Err(WaitError::Interrupted) if interrupt::goes_on() => Ok(()),
                ended => ended,
            }
        }

        /// As [`wait`](Self::wait), for what is no lock: the thread's alarm ends it, too.
        pub(crate) fn wait_for_event(
            &self,
            expected: u32,
            scope: Scope,
            deadline: Option<&Instant>,
        ) -> Result<(), WaitError> {
            interrupt::as_event(|| self.wait(expected, scope, deadline))
        }

        pub(crate) fn place(&self, scope: Scope) -> Place {
            Place { address: self.0.as_ptr().addr(), scope }
        }

        /// As [`wait`](Self::wait), but for whom the user's code must not run yet: every signal ends the sleep, and where there is a
        /// hook every heartbeat does, since a signal may have come when the thread was not asleep; an alarm that ends the wait ends the
        /// sleep, too.
        pub(crate) fn sleep(
            &self,
            expected: u32,
            scope: Scope,
            deadline: Option<&Instant>,
        ) -> Result<(), WaitError> {
            let rest = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if rest.is_some_and(|rest| rest.is_zero()) {
                // Not left to the kernel, which looks at the word first: one that changes all the time would never end the wait.
                return Err(WaitError::TimedOut);
            }
            let asleep = interrupt::fall_asleep(|| self.place(scope))?;
            let asks = interrupt::is_installed() || asleep.is_some();
            let longest = (asks || scope == Scope::Shared).then_some(HEARTBEAT);
            let is_deadline = rest.is_some_and(|rest| longest.is_none_or(|longest| rest <= longest));
            let timeout = if is_deadline { rest } else { longest };
            let slept = sys::futex::wait(&self.0, expected, scope, timeout);
            drop(asleep);
            match slept {
                Sleep::TimedOut if is_deadline => Err(WaitError::TimedOut),
                Sleep::TimedOut if asks => Err(WaitError::Interrupted),
                Sleep::Interrupted => Err(WaitError::Interrupted),
                _ => Ok(()),
            }
        }

        /// Wakes up to `count` sleepers; gives how many it found.
        pub(crate) fn wake(&self, count: u32, scope: Scope) -> u32 {
            sys::futex::wake(&self.0, count, scope)
        }

        /// Sets the word and wakes one sleeper of a shared word, in one step of the kernel's: a kill comes before both or after
        /// both. The value is 1 << 31, or less than 1 << 11.
        pub(crate) fn set_and_wake_one(&self, value: u32) -> u32 {
            sys::futex::wake_op(&self.0, sys::futex::Op::Set(value), 1, Scope::Shared)
        }

        /// Sets the word, to less than 1 << 11, and wakes all its sleepers, in one step of the kernel's.
        pub(crate) fn set_and_wake_all(&self, value: u32, scope: Scope) -> u32 {
            sys::futex::wake_op(&self.0, sys::futex::Op::Set(value), EVERYBODY, scope)
        }

        /// Sets bits of the word, below 1 << 11, and wakes all its sleepers, in one step of the kernel's.
        pub(crate) fn or_and_wake_all(&self, bits: u32, scope: Scope) -> u32 {
            sys::futex::wake_op(&self.0, sys::futex::Op::Or(bits), EVERYBODY, scope)
        }

        /// Adds one to the word and wakes all sleepers of a shared word, in one step of the kernel's.
        pub(crate) fn add_one_and_wake_all(&self) -> u32 {
            self.add_and_wake(1, EVERYBODY, Scope::Shared)
        }

        /// Adds `value`, less than 1 << 11, to the word and wakes up to `count` sleepers, in one step of the kernel's; gives how
        /// many it found.
        pub(crate) fn add_and_wake(&self, value: u32, count: u32, scope: Scope) -> u32 {
            sys::futex::wake_op(&self.0, sys::futex::Op::Add(value), count.min(EVERYBODY), scope)
        }
    }

    impl std::ops::Deref for Futex {
        type Target = AtomicU32;

        #[inline(always)]
        fn deref(&self) -> &AtomicU32 {
            &self.0
        }
    }
}
#[cfg(not(multiproc_loom))]
pub(crate) use self::native::HEARTBEAT;
