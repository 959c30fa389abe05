//! What a thread does last. `unsafe`: pthread_key_create(3), whose destructors libc calls.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::{AcqRel, Acquire};

use crate::primitive::AtomicU32;

/// One more than libc's key; 0: none yet. No `OnceLock`: a fork in the middle of its beginning would leave the child waiting for
/// a thread that is not there.
static KEY: AtomicU32 = AtomicU32::new(0);

/// Has `at_end` called when the calling thread ends in order, after all of the language's thread-locals were dropped: who
/// asks in a destructor is heard too. Not called for the thread that ends its process. All callers give the same function.
pub(crate) fn call(at_end: extern "C" fn(*mut c_void)) {
    if let Some(key) = key(at_end) {
        // SAFETY: a key that was made and is never deleted; the value is only told from null. Fails for lack of memory
        // alone: then the end is not seen.
        unsafe { libc::pthread_setspecific(key, NonNull::<c_void>::dangling().as_ptr()) };
    }
}

/// libc's key; `None`: none is left, and this end is not seen.
fn key(at_end: extern "C" fn(*mut c_void)) -> Option<libc::pthread_key_t> {
    if let Some(known) = KEY.load(Acquire).checked_sub(1) {
        return Some(known);
    }
    let mut new = 0;
    // SAFETY: the key is a variable of ours; the destructor is a function, which is there to the end of the process.
    if unsafe { libc::pthread_key_create(&raw mut new, Some(at_end)) } != 0 {
        return None;
    }
    match KEY.compare_exchange(0, new + 1, AcqRel, Acquire) {
        Ok(_) => Some(new),
        Err(theirs) => {
            // Another thread was quicker.
            // SAFETY: a key that was just made and that no thread has a value for.
            unsafe { libc::pthread_key_delete(new) };
            Some(theirs - 1)
        }
    }
}
