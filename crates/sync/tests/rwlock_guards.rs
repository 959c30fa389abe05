//! What becomes of a lock for readers and writers, and of its guards, by panics, leaks, moves, forks and damage. `unsafe`: bytes are taken
//! for values.
#![allow(unsafe_code)]

mod common;

use std::cell::RefCell;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::Duration;

use common::{flag, fork, reap, share};
use multiproc_sync::shm_safe::ShmSafe;
use multiproc_sync::{LockError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use multiproc_testkit::Watchdog;

type Pair = (u64, u64);

fn both<const READERS: usize>() -> [&'static RwLock<[u64; 2], READERS>; 2] {
    [Box::leak(Box::new(RwLock::with_readers([0; 2]))), share(RwLock::with_readers([0; 2]))]
}

#[test]
fn a_writers_panic_poisons_and_a_readers_does_not() {
    for lock in both::<2>() {
        let panics = |body: &(dyn Fn() + Sync)| {
            thread::scope(|scope| scope.spawn(body).join().unwrap_err());
        };
        panics(&|| {
            let _guard = lock.read().unwrap();
            panic!("of a reader");
        });
        assert!(!lock.is_poisoned() && lock.try_write().is_ok());
        panics(&|| {
            let _guard = lock.write().unwrap();
            panic!("of a writer");
        });
        assert!(lock.is_poisoned());
        for _ in 0..2 {
            let Err(LockError::Poisoned(guard)) = lock.read() else { panic!("readers are told") };
            drop(guard);
        }
        panics(&|| drop(lock.write_or_reset(|_| panic!("of a reset"))));
        assert!(lock.is_poisoned());
        let mut guard = lock.write().unwrap_err().into_guard().unwrap();
        RwLockWriteGuard::mark_consistent(&mut guard);
        assert!(!lock.is_poisoned());
        drop(guard);
        assert!(lock.read().is_ok());
        // Poison goes with the data also where they are only read on.
        panics(&|| {
            let _guard = lock.write().unwrap();
            panic!("again");
        });
        drop(RwLockWriteGuard::downgrade(lock.write().unwrap_err().into_guard().unwrap()));
        assert!(matches!(lock.try_read(), Err(LockError::Poisoned(_))));
        drop(lock.write_or_reset(|pair| *pair = [0; 2]).unwrap());
    }
}

#[test]
fn an_abandoned_lock_refuses_those_who_wait_and_those_who_come() {
    let _watchdog = Watchdog::with_limit(60);
    for lock in both::<2>() {
        let guard = lock.write().unwrap();
        thread::scope(|scope| {
            let readers = [(); 2].map(|()| scope.spawn(|| matches!(lock.read(), Err(LockError::Abandoned))));
            let writers = [(); 2].map(|()| scope.spawn(|| matches!(lock.write(), Err(LockError::Abandoned))));
            thread::yield_now();
            RwLockWriteGuard::abandon(guard);
            assert!(readers.into_iter().chain(writers).all(|waiter| waiter.join().unwrap()));
        });
        assert!(matches!(lock.try_read(), Err(LockError::Abandoned)));
        assert!(matches!(lock.try_write(), Err(LockError::Abandoned)));
        assert_eq!((lock.readers(), lock.has_writer()), (0, false));
    }
}

/// In private memory a forgotten guard leaves nothing behind but a lock that stays held.
#[test]
fn a_private_lock_with_forgotten_guards_is_moved_and_dropped() {
    let lock = Box::new(RwLock::new(String::from("data")));
    mem::forget(lock.read().unwrap());
    mem::forget(lock.read().unwrap());
    let moved = *lock;
    assert_eq!(moved.readers(), 1);
    thread::scope(|scope| {
        let refused = scope.spawn(|| matches!(moved.try_write(), Err(LockError::TimedOut)));
        assert!(refused.join().unwrap());
    });
    assert_eq!(moved.into_inner().unwrap(), "data");
    let lock = RwLock::new(1_u64);
    mem::forget(lock.write().unwrap());
    // Placed it is free: nobody has its guard any more.
    let shared = share(lock);
    assert_eq!(*shared.read().unwrap(), 1);
    assert!(shared.try_write().is_ok());
}

#[test]
fn a_placed_lock_knows_still_what_was_known_of_its_data() {
    let lock = RwLock::new(1_u64);
    thread::scope(|scope| {
        let dies = scope.spawn(|| {
            let _guard = lock.write().unwrap();
            panic!("before it is placed");
        });
        dies.join().unwrap_err();
    });
    assert!(matches!(share(lock).read(), Err(LockError::Poisoned(_))));
}

thread_local! {
    static KEPT: RefCell<Option<RwLockReadGuard<'static, u64>>> = const { RefCell::new(None) };
}

#[test]
fn a_guard_in_a_thread_local_is_released_with_it() {
    let _watchdog = Watchdog::with_limit(60);
    for lock in [Box::leak(Box::new(RwLock::new(0_u64))), share(RwLock::new(0))] {
        let keeps = thread::spawn(|| {
            KEPT.with_borrow_mut(|kept| *kept = None);
            KEPT.with_borrow_mut(|kept| *kept = Some(lock.read().unwrap()));
        });
        keeps.join().unwrap();
        assert!(lock.try_write().is_ok());
    }
}

#[test]
fn guards_in_a_fork_are_a_copys_or_nothing() {
    let _watchdog = Watchdog::with_limit(60);
    let [private, shared] = both::<2>();
    let (reading, writing) = (shared.read().unwrap(), share(RwLock::new(0_u64)));
    let guard = writing.write().unwrap();
    let copied = private.read().unwrap();
    let child = fork(|| {
        // SAFETY: bitwise copies of the guards, as the fork has them; the parent's are another process's.
        let (reading, guard, copied) = unsafe {
            (
                mem::ManuallyDrop::new(std::ptr::read(&raw const reading)),
                std::ptr::read(&raw const guard),
                std::ptr::read(&raw const copied),
            )
        };
        drop(mem::ManuallyDrop::into_inner(reading));
        assert_eq!(shared.readers(), 1, "it was the parent's");
        assert!(matches!(shared.try_write(), Err(LockError::TimedOut)), "the parent reads, not the child");
        drop(RwLockWriteGuard::downgrade(guard));
        assert!(writing.has_writer() && matches!(writing.try_read(), Err(LockError::TimedOut)));
        drop(copied);
        assert!(private.try_write().is_ok(), "its own copy");
    });
    assert_eq!(reap(child), 0);
    assert_eq!((shared.readers(), private.readers()), (1, 1));
    drop((reading, guard, copied));
    assert!(shared.try_write().is_ok() && writing.try_write().is_ok() && private.try_write().is_ok());
}

#[test]
fn threads_of_a_fork_have_slots_of_their_own() {
    let _watchdog = Watchdog::with_limit(60);
    let (lock, reads) = (share(RwLock::<_, 2>::with_readers(7_u64)), flag());
    let guard = lock.read().unwrap();
    let child = fork(|| {
        let own = lock.read().unwrap();
        reads.store(lock.readers() as u32, SeqCst);
        assert_eq!(*own, 7);
    });
    assert_eq!(reap(child), 0);
    assert_eq!((reads.load(SeqCst), lock.readers()), (2, 1));
    drop(guard);
}

/// Whatever bytes a damaged segment holds, operations on them end, and nothing panics.
#[test]
fn torn_bytes_are_a_lock() {
    let _watchdog = Watchdog::with_limit(120);
    common::found_family();
    type Torn = RwLock<[u64; 1], 2>;
    const WORDS: usize = size_of::<Torn>() / 8;
    let patterns =
        [0, 1, 1 << 16, 1 << 48 | 1 << 16, !0 >> 1, 1 << 63, 1 << 63 | 1, !0, 0x5555_5555_5555_5555];
    for place in (0..7).chain([16, 17, 32, 33]) {
        for pattern in patterns {
            for mode in [0, 1_u64, 2, 3, !0 >> 32].map(|mode| mode << 32) {
                let mut words = [0_u64; WORDS];
                words[0] = mode;
                words[place] |= pattern;
                let value = share([0_u64; 2 * WORDS]);
                // SAFETY: as long as the lock and aligned; every bit pattern is one: `ShmSafe`.
                let lock = unsafe {
                    let at = std::ptr::from_ref(value).cast_mut().cast::<u64>();
                    at.copy_from_nonoverlapping(words.as_ptr(), WORDS);
                    &*at.cast::<Torn>()
                };
                let soon = Duration::from_millis(2);
                let shown = format!("{lock:?} {} {}", lock.readers(), lock.has_writer());
                assert!(shown.starts_with("RwLock"), "{shown}");
                thread::scope(|scope| {
                    scope.spawn(|| drop(lock.read_timeout(soon)));
                    scope.spawn(|| drop(lock.write_timeout(soon)));
                    scope.spawn(|| drop((lock.try_read(), lock.try_write())));
                });
                if let Ok(guard) = lock.write_timeout(soon) {
                    drop(RwLockWriteGuard::downgrade(guard));
                }
            }
        }
    }
}

#[test]
fn memory_of_zeros_is_a_lock_that_is_free() {
    // SAFETY: words and a number may be zero.
    let lock: RwLock<u64, 3> = unsafe { mem::zeroed() };
    *lock.write().unwrap() = 5;
    assert_eq!(*lock.read().unwrap(), 5);
}

#[test]
fn it_is_what_the_standard_library_has() {
    fn is_shared<T: Send + Sync + ?Sized>(_: &T) {}
    fn fits<T: ShmSafe>(_: &T) -> usize {
        align_of::<T>()
    }
    static GLOBAL: RwLock<Vec<u32>> = RwLock::new(Vec::new());
    GLOBAL.write().unwrap().push(1);
    assert_eq!(*GLOBAL.read().unwrap(), [1]);
    let unsized_data: Arc<RwLock<dyn Fn() -> u32 + Send + Sync>> = Arc::new(RwLock::new(|| 7));
    is_shared(&*unsized_data);
    assert_eq!((unsized_data.read().unwrap())(), 7);
    let mut lock: RwLock<u32, 2> = RwLock::from(4);
    *lock.get_mut() += 1;
    assert_eq!(fits(&lock), 128);
    assert_eq!(format!("{lock:?}"), "RwLock { data: 5, poisoned: false, .. }");
    let guard = lock.write().unwrap();
    assert_eq!(format!("{guard} {guard:?}"), "5 5");
    thread::scope(|scope| {
        let shown = scope.spawn(|| format!("{lock:?}")).join().unwrap();
        assert_eq!(shown, "RwLock { data: <TimedOut>, poisoned: false, .. }");
    });
    let guard = RwLockWriteGuard::downgrade(guard);
    is_shared(&*guard);
    assert_eq!(format!("{guard} {guard:?} {lock:?}"), "5 5 RwLock { data: 5, poisoned: false, .. }");
    drop(guard);
    assert_eq!(lock.into_inner().unwrap(), 5);
    assert_eq!(*RwLock::<u8, 1>::default().read().unwrap(), 0);
    assert_ne!(<RwLock<u32, 1>>::LAYOUT, <RwLock<u32, 2>>::LAYOUT);
    assert_ne!(<RwLock<u32, 1>>::LAYOUT, <RwLock<i32, 1>>::LAYOUT);
    let told = LockError::<()>::TooManyReaders.to_string();
    assert!(told.contains("READERS"), "{told}");
}

#[test]
fn guards_are_dropped_in_any_order() {
    for lock in both::<4>() {
        let mut guards = [(); 3].map(|()| Some(lock.read().unwrap()));
        for place in [1, 0, 2] {
            assert_eq!(lock.readers(), 1);
            guards[place] = None;
        }
        assert_eq!(lock.readers(), 0);
        let pairs: [Pair; 2] = [(1, 2), (3, 4)];
        let locks = pairs.map(RwLock::new);
        let crossed = (locks[0].read().unwrap(), locks[1].write().unwrap());
        drop(crossed.0);
        drop(crossed.1);
        assert!(locks.iter().all(|lock| lock.try_write().is_ok()));
    }
}
