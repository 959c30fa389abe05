//! Robust mutexes of libc, which stand in a thread's list beside ours. `unsafe`: libc's mutexes.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // the cell of a mutex of libc
#![allow(dead_code)] // each test program uses some of it

use std::cell::UnsafeCell;
use std::mem;

use crate::common::map;

pub(crate) struct Theirs(UnsafeCell<libc::pthread_mutex_t>);

/// The right to one that the thread has. Dropped, it is released.
pub(crate) struct TheirGuard<'a>(&'a Theirs);

impl Drop for TheirGuard<'_> {
    fn drop(&mut self) {
        // SAFETY: an initialised mutex, held by this thread.
        assert_eq!(unsafe { libc::pthread_mutex_unlock(self.0.0.get()) }, 0);
    }
}

impl Theirs {
    /// So many, shared between processes.
    pub(crate) fn several(count: usize) -> &'static [Self] {
        Self::with_protocol(count, libc::PTHREAD_PRIO_NONE)
    }

    /// Such as lend their owner the priority of those who wait. The kernel and libc mark their nodes by a bit of the address.
    pub(crate) fn inheriting(count: usize) -> &'static [Self] {
        Self::with_protocol(count, libc::PTHREAD_PRIO_INHERIT)
    }

    fn with_protocol(count: usize, protocol: i32) -> &'static [Self] {
        let all = map(count * size_of::<Self>()).cast::<Self>();
        // SAFETY: fresh memory of the right size, zeroed, which is what such a mutex may be before it is initialised; the attributes live
        // through the calls.
        unsafe {
            let all = std::slice::from_raw_parts(all.as_ptr(), count);
            let mut attributes = mem::zeroed();
            assert_eq!(libc::pthread_mutexattr_init(&raw mut attributes), 0);
            libc::pthread_mutexattr_setpshared(&raw mut attributes, libc::PTHREAD_PROCESS_SHARED);
            libc::pthread_mutexattr_setrobust(&raw mut attributes, libc::PTHREAD_MUTEX_ROBUST);
            assert_eq!(libc::pthread_mutexattr_setprotocol(&raw mut attributes, protocol), 0);
            for theirs in all {
                assert_eq!(libc::pthread_mutex_init(theirs.0.get(), &raw const attributes), 0);
            }
            libc::pthread_mutexattr_destroy(&raw mut attributes);
            all
        }
    }

    /// Of one whose owner has not died.
    pub(crate) fn lock(&self) -> TheirGuard<'_> {
        // SAFETY: an initialised mutex.
        assert_eq!(unsafe { libc::pthread_mutex_lock(self.0.get()) }, 0);
        TheirGuard(self)
    }

    /// Takes it and mends it, if that can be had at once; whether its owner had died. Else libc's error.
    pub(crate) fn recover(&self) -> Result<bool, i32> {
        // SAFETY: an initialised mutex, called consistent only by who has it from a dead owner.
        unsafe {
            let had_died = match libc::pthread_mutex_trylock(self.0.get()) {
                0 => false,
                libc::EOWNERDEAD => {
                    assert_eq!(libc::pthread_mutex_consistent(self.0.get()), 0);
                    true
                }
                error => return Err(error),
            };
            drop(TheirGuard(self));
            Ok(had_died)
        }
    }
}
