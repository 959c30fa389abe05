//! The end of the program, which waits for its threads.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};

use multiproc_sync::primitive::AtomicU32;

use crate::sys;
use crate::thread::here;
use crate::thread::roster::Roster;

/// Runs `f`, then waits for all threads of this crate that are no [daemons](crate::Builder::daemon), also those that are begun
/// meanwhile, to their very end. After a panic of `f` as well, which then goes on.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// use multiproc_thread::{StartError, Thread, scope_main};
///
/// static DONE: AtomicU32 = AtomicU32::new(0);
///
/// fn main() -> Result<(), StartError> {
///     scope_main(|| -> Result<(), StartError> {
///         for _ in 0..3 {
///             Thread::spawn(|| Thread::spawn(|| DONE.fetch_add(1, Relaxed)).map(drop))?;
///         }
///         Ok(())
///     })?;
///     assert_eq!(DONE.load(Relaxed), 3);
///     Ok(())
/// }
/// ```
///
/// Without it a Rust program ends when `main` returns, whatever its threads are at. It is meant for `main`. In a thread that is
/// waited for itself it does not wait for that one, nor for others that wait here. It does not see `process::exit`, as
/// [`join_at_exit`] does.
///
/// The main thread has not ended while it waits here: a thread that waits for it is waited for without end, as is one that never ends, and neither cancellation nor a signal's hook ends the wait: have it be a daemon.
pub fn scope_main<R>(f: impl FnOnce() -> R) -> R {
    // Unwind safety: the panic goes on.
    let result = panic::catch_unwind(AssertUnwindSafe(f));
    Roster::here().roll.wait_until_empty(here::is_held());
    result.unwrap_or_else(|payload| panic::resume_unwind(payload))
}

/// From now on this process waits at its exit for all threads that are no daemons, as [`scope_main`] does: when `main` returns, and when
/// some thread calls `std::process::exit`, which does not wait for itself. Again, it does nothing.
///
/// The thread that exits counts as ended, [`main`](crate::main) that has returned, too: so a thread may work until that
/// [is alive](crate::ThreadRef::is_alive) no longer, or wait for it. To join one that exits is [`JoinError::Exited`](crate::JoinError::Exited).
///
/// ```
/// use multiproc_thread::{Thread, join_at_exit};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     join_at_exit()?;
///     Thread::spawn(|| println!("printed, though nobody joins"))?;
///     Ok(())
/// }
/// ```
///
/// A process that is killed, aborts or calls `_exit` waits for nobody, nor does a fork of this one, unless it calls this, too. C's functions for the
/// exit that were registered earlier run when the threads have ended, later ones before.
///
/// While a process exits, another thread of it that calls `std::process::exit` as well never comes back from that, so that it would be
/// waited for for ever: threads that end the program from several places are to be daemons.
///
/// # Errors
///
/// The system has no memory left to keep a function in.
pub fn join_at_exit() -> io::Result<()> {
    /// C keeps the function, also in forks.
    static KEPT: AtomicU32 = AtomicU32::new(0);
    if KEPT.compare_exchange(0, 1, AcqRel, Acquire).is_ok()
        && let Err(error) = sys::exit::call(at_exit)
    {
        KEPT.store(0, Release);
        return Err(error);
    }
    Roster::here().join_at_exit.store(1, Release);
    Ok(())
}

/// On the thread that exits, whose thread-locals are gone. In a fork the roster is another one.
extern "C" fn at_exit() {
    let roster = Roster::here();
    if roster.join_at_exit.load(Acquire) != 0 {
        here::exit();
        roster.roll.wait_until_empty(here::is_held());
    }
}
