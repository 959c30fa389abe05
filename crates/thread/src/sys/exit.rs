//! What a process does last. `unsafe`: atexit(3), which keeps a function's address.
#![allow(unsafe_code)]

use std::io;

/// Has `at_exit` called by `exit`, on the thread that calls that, after this thread's own thread-locals were dropped.
pub(crate) fn call(at_exit: extern "C" fn()) -> io::Result<()> {
    // SAFETY: a function without arguments, which is there to the end of the process and does not unwind: it is `extern "C"`.
    match unsafe { libc::atexit(at_exit) } {
        0 => Ok(()),
        // The call sets no errno; it fails for lack of memory alone.
        _ => Err(io::Error::from(io::ErrorKind::OutOfMemory)),
    }
}
