//! What threads of the crate take on or lay down for the kernel. `unsafe`: libc's sets of CPUs and signals.
#![allow(unsafe_code)]

use std::io;
use std::mem::{MaybeUninit, size_of};

/// The CPUs that a thread may use.
#[derive(Clone, Copy)]
pub(crate) struct Affinity(libc::cpu_set_t);

impl std::fmt::Debug for Affinity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // SAFETY: reads the set, which is initialised.
        write!(f, "Affinity({} CPUs)", unsafe { libc::CPU_COUNT(&self.0) })
    }
}

impl Affinity {
    /// Of the calling thread; `None` where the machine has more CPUs than a set holds.
    pub(crate) fn of_this_thread() -> Option<Self> {
        let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
        // SAFETY: the kernel writes at most the size of the set.
        let result = unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), set.as_mut_ptr()) };
        // SAFETY: all-zero is a valid set, and the call has filled it.
        (result == 0).then(|| Self(unsafe { set.assume_init() }))
    }

    /// Moves the calling thread, and with it the children it makes, to these CPUs.
    pub(crate) fn take_on(&self) {
        // SAFETY: the set is initialised and lives across the call. It fails if none of its CPUs is allowed any more:
        // then the thread stays where it is.
        unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &self.0) };
    }
}

impl PartialEq for Affinity {
    fn eq(&self, other: &Self) -> bool {
        // SAFETY: reads both sets, which are initialised.
        unsafe { libc::CPU_EQUAL(&self.0, &other.0) }
    }
}

/// Leaves every signal to the threads of the program: one that it waits for with `sigwait`, blocked in all its own
/// threads, would otherwise find this thread and do its default.
pub(crate) fn block_all_signals() {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the first call fills the set, the second reads it and changes this thread's mask alone.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), std::ptr::null_mut());
    }
}

/// Has the keyboard's interrupt do nothing in this process. A handler, not `SIG_IGN`, which programs that a task
/// starts would inherit.
pub(crate) fn let_interrupts_pass() -> io::Result<()> {
    extern "C" fn nothing(_: libc::c_int) {}
    // SAFETY: all-zero is a valid sigaction; the handler does nothing, which is allowed at any moment; interrupted
    // system calls are restarted.
    let result = unsafe {
        let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as usize;
        action.sa_flags = libc::SA_RESTART;
        libc::sigaction(libc::SIGINT, &action, std::ptr::null_mut())
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
