//! The check that nothing is left behind.

use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::family::Mark;
use crate::holdings::Holdings;
use crate::own_threads::Membership;
use crate::process::kill;
use crate::sys;
use crate::until::{LIMIT, holds_within};
use crate::watchdog;

/// One leak check at a time in a process: what one test opens, another would take for its own leak.
static TURN: Mutex<()> = Mutex::new(());

/// What there was before a test, to be compared with what there is after it.
///
/// It looks at the processes that descend from this one (with zombies, and with those whose parents are gone), the
/// open descriptors and the threads of this process, the entries of `/dev/shm`, and the files in every
/// [`TempDir`](crate::TempDir).
///
/// Tests that check wait for each other. Tests that do not check would disturb those that do, so all tests of the
/// binary must: **leak checks live in a test binary of their own**, and the snapshot is a test's first line (after a
/// [`Watchdog`](crate::Watchdog), whose thread does not count, and whose time stands still while the test waits for its turn). Entries of
/// `/dev/shm` that other programs make would be taken for leaks as well: the binary has its own, by [`own_shm!`](crate::own_shm!).
///
/// What a library starts once and keeps (a supervisor thread, a descriptor) is no leak: start it in the warm-up of
/// [`after`](Self::after).
///
/// # Panics
///
/// Dropped without a [`check`](Self::check) it panics, unless the test panics already: it would have shown nothing.
///
/// # Examples
///
/// ```
/// use multiproc_testkit::Leaks;
///
/// let leaks = Leaks::snapshot();
/// let child = std::process::Command::new("true").spawn()?;
/// child.wait_with_output()?;
/// leaks.check();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct Leaks {
    before: Holdings,
    checked: bool,
    _turn: MutexGuard<'static, ()>,
}

impl Leaks {
    /// Waits for the turn of this test, and notes what there is.
    pub fn snapshot() -> Self {
        Self::after(|| {})
    }

    /// Waits for the turn of this test, runs `warm_up`, and notes what there is then.
    pub fn after(warm_up: impl FnOnce()) -> Self {
        let waiting = (Membership::of_this_thread(), watchdog::Pause::of_this_thread());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        drop(waiting);
        let mark = mark();
        warm_up();
        Self { before: Holdings::now(mark), checked: false, _turn: turn }
    }

    /// Waits until everything that came since the snapshot is gone.
    ///
    /// # Panics
    ///
    /// If some of it is still there after [`LIMIT`], with a list. Processes on the list are killed.
    #[track_caller]
    pub fn check(self) {
        self.check_within(LIMIT);
    }

    /// As [`check`](Self::check), with a limit of your own.
    ///
    /// # Panics
    ///
    /// As [`check`](Self::check).
    #[track_caller]
    pub fn check_within(mut self, limit: Duration) {
        self.checked = true;
        let mut left = Holdings::default();
        let clean = holds_within(limit, || {
            left = Holdings::now(mark()).since(&self.before);
            left.is_empty()
        });
        if clean {
            return;
        }
        for pid in left.pids() {
            // One that has ended needs no signal.
            let _ = kill(pid, Signal::SIGKILL);
        }
        let mut list = String::new();
        for line in left.lines() {
            let _ = write!(list, "\n  + {line}");
        }
        panic!("left behind, still there after {limit:?}:{list}");
    }
}

impl Drop for Leaks {
    fn drop(&mut self) {
        assert!(
            self.checked || thread::panicking(),
            "`Leaks::check` was not called: this test has shown no absence"
        );
    }
}

/// The mark of this process, in its environment from the first call on.
fn mark() -> &'static Mark {
    static MARK: OnceLock<Mark> = OnceLock::new();
    MARK.get_or_init(|| {
        let mark = Mark::new("LEAKS");
        sys::set_variable(mark.variable(), "1");
        mark
    })
}
