//! Signals to a fork that waits, and one that is stopped with the mutex that it waits for. `unsafe`: handlers, signals, and a mutex's
//! word that is written behind its back.
#![allow(unsafe_code)]
#![allow(dead_code)] // each test program uses some of it
#![allow(clippy::disallowed_types)] // a word of the mutex, not the mutex

use std::ops::ControlFlow;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

use multiproc_testkit::fork::{Fork, fork, idle, kill, reap};
use multiproc_testkit::{eventually, state_of};

/// A signal came that no hook has served.
static PENDING: AtomicBool = AtomicBool::new(false);

pub(crate) extern "C" fn notes(_: i32) {
    PENDING.store(true, SeqCst);
}

/// Whether a signal has come.
pub(crate) fn is_pending() -> bool {
    PENDING.load(SeqCst)
}

pub(crate) fn handle(handler: extern "C" fn(i32)) {
    // SAFETY: the structure is complete.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        assert_eq!(libc::sigaction(libc::SIGUSR1, &raw const action, ptr::null_mut()), 0);
    }
}

/// The next signal makes the hook panic.
static ARMED: AtomicBool = AtomicBool::new(true);

/// One more signal is to make the hook panic.
pub(crate) fn arm() {
    PENDING.store(false, SeqCst);
    ARMED.store(true, SeqCst);
}

/// Without a message: in a fork, another thread of the parent may have been writing one.
pub(crate) fn panics() -> ControlFlow<()> {
    if PENDING.load(SeqCst) && ARMED.swap(false, SeqCst) {
        std::panic::resume_unwind(Box::new("in the hook"));
    }
    ControlFlow::Continue(())
}

static BREAKS: AtomicBool = AtomicBool::new(true);

/// As a program's that serves one Ctrl-C.
pub(crate) fn breaks_once() -> ControlFlow<()> {
    if PENDING.load(SeqCst) && BREAKS.swap(false, SeqCst) {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(())
    }
}

/// Sends signals to the process until `is_over`.
pub(crate) fn signal_until(fork: &Fork, mut is_over: impl FnMut() -> bool) {
    eventually("the signals have an effect", || {
        // SAFETY: a child that has not been waited for.
        unsafe { libc::kill(fork.pid().cast_signed(), libc::SIGUSR1) };
        is_over()
    });
}

/// Sends signals to the process until it has ended; whether it did so well.
pub(crate) fn ends_by_signals(fork: Fork) -> bool {
    signal_until(&fork, || state_of(fork.pid()) == Some('Z'));
    reap(fork) == 0
}

/// One that is stopped with a mutex: its word says that this process has it.
pub(crate) struct Stopped {
    word: &'static AtomicU32,
    bearer: Fork,
}

impl Stopped {
    /// Of what begins with a mutex in shared memory.
    pub(crate) fn with<T>(value: &'static T) -> Self {
        // SAFETY: the word lies there for good, comes first, and is an atomic.
        let word = unsafe { &*ptr::from_ref(value).cast::<AtomicU32>() };
        let bearer = fork(|| idle());
        eventually("the mutex is free", || word.compare_exchange(0, bearer.pid(), SeqCst, SeqCst).is_ok());
        Self { word, bearer }
    }

    pub(crate) fn goes_on(self) {
        self.word.store(0, SeqCst);
        kill(self.bearer);
    }
}
