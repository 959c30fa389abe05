//! What a signal does to a thread that waits: whether it goes on.
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
//! `unsafe`: a function that is kept as an address.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::origin::Origin;
use crate::primitive::AtomicUsize;
use crate::watch::Hidden;

/// Decides in a waiting thread whether the wait goes on: after a handler of a signal has run in it, and now and then besides. Not
/// called from the handler itself: it may do what any code may, lock other locks, wait, panic, and fork. It is not asked about its own
/// waits, nor about those that go on whatever it says, as [`WaitGroup::done`](crate::WaitGroup::done).
///
/// In a fork that it makes the wait ends as an interrupted one, whatever the hook says there: it was its parent's.
pub type Hook = fn() -> ControlFlow<()>;

/// Another hook is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a hook for interrupted waits is installed already: a process has one")]
pub struct AlreadyInstalled;

/// The address of the hook; 0: none yet. No `OnceLock`: see the registry.
static HOOK: AtomicUsize = AtomicUsize::new(0);

fn hook() -> Option<Hook> {
    match HOOK.load(Acquire) {
        0 => None,
        // SAFETY: not 0, so `install` has stored the address of a function of this type.
        address => Some(unsafe { std::mem::transmute::<*const (), Hook>(address as *const ()) }),
    }
}

/// Installs the hook of this process, once and for all waits of this crate that begin later.
///
/// # Errors
///
/// [`AlreadyInstalled`]; the first one stays.
pub fn install(hook: Hook) -> Result<(), AlreadyInstalled> {
    // Release: with the Acquire of `hook`.
    match HOOK.compare_exchange(0, hook as *const () as usize, Release, Relaxed) {
        Ok(_) => Ok(()),
        Err(_) => Err(AlreadyInstalled),
    }
}

thread_local! {
    /// The thread runs the hook, or does what that is not asked about.
    static ASKING: Cell<bool> = const { Cell::new(false) };
}

/// Nobody is asked in the thread until this is dropped, also by a panic of the hook's.
struct Asking {
    before: bool,
}

impl Asking {
    fn begin() -> Self {
        Self { before: ASKING.replace(true) }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        ASKING.set(self.before);
    }
}

/// Whether a wait goes on. One inside the hook does: it is no wait that the hook could be asked about. In a fork that the hook has made
/// none does: what its caller has noted of itself is true of the parent's thread.
pub(crate) fn goes_on() -> bool {
    let Some(hook) = hook().filter(|_| !ASKING.get()) else { return true };
    let _asking = Asking::begin();
    let origin = Origin::here();
    let _hidden = Hidden::begin();
    hook().is_continue() && origin.is_here()
}

/// Waits as `wait` does, for what has to be had whatever the hook would say: it is not asked.
pub(crate) fn unasked<T>(wait: impl FnOnce() -> T) -> T {
    let _asking = Asking::begin();
    wait()
}

/// Whether there is a hook. Then no sleep lasts longer than a heartbeat, also because the kernel itself goes on with an endless one
/// after a handler that was installed with SA_RESTART, and never says that a signal was there.
pub(crate) fn is_installed() -> bool {
    HOOK.load(Relaxed) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Also where one is within the other, or panics.
    #[test]
    fn nobody_is_asked_until_the_outermost_is_over() {
        unasked(|| {
            unasked(|| assert!(ASKING.get()));
            assert!(ASKING.get());
        });
        assert!(!ASKING.get());
        std::panic::catch_unwind(|| unasked(|| std::panic::resume_unwind(Box::new("in a wait"))))
            .unwrap_err();
        assert!(!ASKING.get());
    }
}
