//! What a thread does last. `unsafe`: pthread_key_create(3), whose destructors libc calls.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::OnceLock;

/// libc's key; `None`: none is left, and ends are not seen.
static KEY: OnceLock<Option<libc::pthread_key_t>> = OnceLock::new();

/// Has `at_end` called when the calling thread ends in order, after all of the language's thread-locals were dropped: who
/// asks in a destructor is heard too. Not called for the thread that ends its process. All callers give the same function.
pub(crate) fn call(at_end: extern "C" fn(*mut c_void)) {
    let key = KEY.get_or_init(|| {
        let mut key = 0;
        // SAFETY: the key is a variable of ours; the destructor is a function, which is there to the end of the process.
        let made = unsafe { libc::pthread_key_create(&raw mut key, Some(at_end)) };
        (made == 0).then_some(key)
    });
    if let Some(key) = *key {
        // SAFETY: a key that was made and is never deleted; the value is only told from null. Fails for lack of memory
        // alone: then the end is not seen.
        unsafe { libc::pthread_setspecific(key, NonNull::<c_void>::dangling().as_ptr()) };
    }
}
