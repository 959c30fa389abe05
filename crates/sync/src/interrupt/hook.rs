//! The hook that is asked about signals. `unsafe`: a function that is kept as an address.
#![allow(unsafe_code)]

use std::ops::ControlFlow;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::mask::{Masked, is_masked};
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

/// Whether a wait goes on, for all that the hook says.
pub(super) fn goes_on() -> bool {
    let Some(hook) = hook().filter(|_| !is_masked()) else { return true };
    let _masked = Masked::begin();
    let origin = Origin::here();
    let _hidden = Hidden::begin();
    hook().is_continue() && origin.is_here()
}

/// Whether there is a hook. Then no sleep lasts longer than a heartbeat, also because the kernel itself goes on with an endless one
/// after a handler that was installed with SA_RESTART, and never says that a signal was there.
pub(crate) fn is_installed() -> bool {
    HOOK.load(Relaxed) != 0
}
