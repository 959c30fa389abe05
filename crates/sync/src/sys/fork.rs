//! libc's hook for forks. `unsafe`: its registration.
#![allow(unsafe_code)]

/// Has `in_child` called in every fork of this process, by the thread that forked. A bare system call is not seen.
pub(crate) fn on_fork(in_child: extern "C" fn()) {
    // SAFETY: the handler only stores to atomics and to cells of its own thread, which a fork of a process with threads
    // may do. The call fails for lack of memory alone; then forks are not told apart, as if nobody had asked.
    unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
}
