//! What a signal does to a thread that waits: whether it goes on.
//!
//! A signal whose handler runs in a sleeping thread wakes it. By default it sleeps again, as with std. A program that has to
//! serve Ctrl-C meanwhile, as the interpreters of other languages do, installs a hook that looks at what the handler has
//! noted, and ends the wait with [`WaitError::Interrupted`](crate::WaitError::Interrupted), or
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

use std::ops::ControlFlow;
use std::sync::OnceLock;
use std::time::Duration;

/// Decides in a waiting thread, after a handler of a signal has run in it, whether the wait goes on. Not called from the handler
/// itself: it may do what any code may.
pub type Hook = fn() -> ControlFlow<()>;

/// Another hook is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a hook for interrupted waits is installed already: a process has one")]
pub struct AlreadyInstalled;

static HOOK: OnceLock<Hook> = OnceLock::new();

/// With a hook no sleep is longer: the kernel itself goes on with an endless one after a handler that was installed with
/// SA_RESTART, and never says that a signal was there.
const LONGEST: Duration = Duration::from_secs(3600);

/// Installs the hook of this process, once and for all waits of this crate that begin later.
///
/// # Errors
///
/// [`AlreadyInstalled`]; the first one stays.
pub fn install(hook: Hook) -> Result<(), AlreadyInstalled> {
    HOOK.set(hook).map_err(|_| AlreadyInstalled)
}

/// Whether a wait that a signal interrupted goes on.
pub(crate) fn goes_on() -> bool {
    HOOK.get().is_none_or(|hook| hook().is_continue())
}

/// The longest that a sleep may be.
pub(crate) fn longest() -> Option<Duration> {
    HOOK.get().map(|_| LONGEST)
}
