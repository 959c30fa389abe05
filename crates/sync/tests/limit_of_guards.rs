//! A reader with as many guards as it can count: one more is told, and changes nothing. `unsafe`: a slot's count that is written behind the
//! lock's back.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // a word of the lock, not the lock

mod common;

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use common::share;
use multiproc_sync::{LockError, RwLock};
use multiproc_testkit::Watchdog;

/// The most guards of one slot, as the lock counts them; to make them would take minutes.
const MOST_GUARDS: u32 = 1 << 30;

/// The count of guards in the one slot, and what one guard is in it.
fn guards_of(lock: &RwLock<u64, 1>) -> &AtomicU32 {
    const SLOT: usize = 128;
    const CLAIM: usize = 8;
    // SAFETY: the slot is the second part of 128 bytes, and the count a word after its claim, of which every value is one.
    unsafe { AtomicU32::from_ptr(std::ptr::from_ref(lock).cast::<u8>().add(SLOT + CLAIM).cast_mut().cast()) }
}

#[test]
fn one_guard_more_than_a_reader_can_count_is_told() {
    let _watchdog = Watchdog::with_limit(60);
    for lock in [Box::leak(Box::new(RwLock::with_readers(0))), share(RwLock::<u64, 1>::with_readers(0))] {
        let guard = lock.read().unwrap();
        let one = guards_of(lock).load(SeqCst);
        let second = lock.read().unwrap();
        assert_eq!(guards_of(lock).load(SeqCst), 2 * one, "it is the count");
        guards_of(lock).store((MOST_GUARDS - 1) * one, SeqCst);
        let last = lock.read().unwrap();
        assert!(matches!(lock.read(), Err(LockError::TooManyReaders)));
        assert!(matches!(lock.try_read(), Err(LockError::TooManyReaders)));
        assert_eq!((guards_of(lock).load(SeqCst), lock.readers()), (MOST_GUARDS * one, 1));
        drop(last);
        drop(lock.read().unwrap());
        guards_of(lock).store(2 * one, SeqCst);
        drop((guard, second));
        assert_eq!(lock.readers(), 0);
        assert!(lock.try_write().is_ok());
    }
}
