//! Robust mutexes of libc stand in the same list as ours: the kernel follows it at a death, whatever was linked and taken out
//! before, and in which order. `unsafe`: libc's mutexes.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // the cell of a mutex of libc

mod common;

use std::cell::UnsafeCell;
use std::mem;
use std::sync::atomic::Ordering::SeqCst;

use common::{flag, fork, idle, kill, map, share};
use multiproc_sync::{LockError, Mutex, MutexGuard};
use multiproc_testkit::{Watchdog, eventually};

struct Theirs(UnsafeCell<libc::pthread_mutex_t>);

impl Theirs {
    fn new() -> &'static Self {
        let theirs = map(size_of::<Self>()).cast::<Self>();
        // SAFETY: fresh memory of the right size; the attributes live through the calls.
        unsafe {
            let mut attributes = mem::zeroed();
            libc::pthread_mutexattr_init(&raw mut attributes);
            libc::pthread_mutexattr_setpshared(&raw mut attributes, libc::PTHREAD_PROCESS_SHARED);
            libc::pthread_mutexattr_setrobust(&raw mut attributes, libc::PTHREAD_MUTEX_ROBUST);
            assert_eq!(libc::pthread_mutex_init((*theirs.as_ptr()).0.get(), &raw const attributes), 0);
            theirs.as_ref()
        }
    }

    fn lock(&self) -> i32 {
        // SAFETY: an initialised mutex.
        unsafe { libc::pthread_mutex_lock(self.0.get()) }
    }

    fn unlock(&self) {
        // SAFETY: as above, held by this thread.
        assert_eq!(unsafe { libc::pthread_mutex_unlock(self.0.get()) }, 0);
    }

    fn mark_consistent(&self) {
        // SAFETY: as above, taken from a dead owner by this thread.
        assert_eq!(unsafe { libc::pthread_mutex_consistent(self.0.get()) }, 0);
    }
}

/// A lock of either kind.
enum Lock {
    Ours(&'static Mutex<u64>),
    Theirs(&'static Theirs),
}

/// What its holder keeps of it.
enum Held {
    Ours(#[expect(dead_code, reason = "is dropped")] MutexGuard<'static, u64>),
    Theirs(&'static Theirs),
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Self::Theirs(theirs) = self {
            theirs.unlock();
        }
    }
}

impl Lock {
    fn lock(&self) -> Held {
        match self {
            Self::Ours(ours) => Held::Ours(ours.lock().unwrap()),
            Self::Theirs(theirs) => {
                assert_eq!(theirs.lock(), 0);
                Held::Theirs(theirs)
            }
        }
    }

    /// Locks, mends and releases it; whether its owner had died.
    fn owner_had_died(&self) -> bool {
        match self {
            Self::Ours(ours) => match ours.lock() {
                Ok(_) => false,
                Err(LockError::OwnerDied(mut guard)) => {
                    MutexGuard::mark_consistent(&mut guard);
                    true
                }
                Err(other) => panic!("{other:?}"),
            },
            Self::Theirs(theirs) => {
                let died = match theirs.lock() {
                    0 => false,
                    libc::EOWNERDEAD => true,
                    other => panic!("error {other}"),
                };
                if died {
                    theirs.mark_consistent();
                }
                theirs.unlock();
                died
            }
        }
    }
}

const LOCKS: usize = 4;

/// The numbers below [`LOCKS`], in every order.
fn orders() -> Vec<[usize; LOCKS]> {
    let mut orders = Vec::new();
    for code in 0..LOCKS.pow(LOCKS as u32) {
        let order: [usize; LOCKS] = std::array::from_fn(|place| code / LOCKS.pow(place as u32) % LOCKS);
        if (0..LOCKS).all(|wanted| order.contains(&wanted)) {
            orders.push(order);
        }
    }
    assert_eq!(orders.len(), 24);
    orders
}

/// Takes all in one order and releases the first few of another.
fn take_and_release(
    locks: &[Lock; LOCKS],
    taken: [usize; LOCKS],
    released: &[usize],
) -> [Option<Held>; LOCKS] {
    let mut held = [const { None }; LOCKS];
    taken.iter().for_each(|&which| held[which] = Some(locks[which].lock()));
    released.iter().for_each(|&which| held[which] = None);
    held
}

#[test]
fn whatever_is_held_at_the_death_is_marked_and_nothing_else() {
    let _watchdog = Watchdog::with_limit(60);
    let ours = || Lock::Ours(share(Mutex::new(0)));
    let theirs = || Lock::Theirs(Theirs::new());
    let locks = [ours(), theirs(), ours(), theirs()];
    let progress = flag();
    for (number, taken) in orders().into_iter().enumerate() {
        for releases in 0..LOCKS {
            // Another order to release in for each order to take in.
            let released = &orders()[(number * 7 + releases * 5) % 24][..releases];
            progress.store(0, SeqCst);
            let owner = fork(|| {
                // First without a death, in every order: the list must hold whole as often as one likes.
                orders().iter().for_each(|all| drop(take_and_release(&locks, taken, all)));
                let _held = take_and_release(&locks, taken, released);
                progress.store(1, SeqCst);
                idle();
            });
            eventually("the locks are held", || progress.load(SeqCst) == 1);
            kill(owner);
            for (which, lock) in locks.iter().enumerate() {
                let was_held = !released.contains(&which);
                assert_eq!(
                    lock.owner_had_died(),
                    was_held,
                    "taken {taken:?}, released {released:?}: {which}"
                );
            }
        }
    }
}

/// What is announced for the kernel stays so while a lock is held; a lock of libc's takes its place.
#[test]
fn a_lock_is_not_forgotten_for_others_taken_and_released_since() {
    let _watchdog = Watchdog::with_limit(60);
    let [first, second] = [share(Mutex::new(0_u64)), share(Mutex::new(0_u64))];
    let theirs = Theirs::new();
    let progress = flag();
    let between: [fn(&Mutex<u64>, &Theirs); 4] = [
        |second, _| drop(second.lock().unwrap()),
        |_, theirs| {
            assert_eq!(theirs.lock(), 0);
            theirs.unlock();
        },
        |second, _| drop(second.try_lock().unwrap()),
        |second, theirs| {
            let guard = second.lock().unwrap();
            assert_eq!(theirs.lock(), 0);
            drop(guard);
            theirs.unlock();
        },
    ];
    for between in between {
        progress.store(0, SeqCst);
        let owner = fork(|| {
            let _guard = first.lock().unwrap();
            between(second, theirs);
            progress.store(1, SeqCst);
            idle();
        });
        eventually("the lock is held", || progress.load(SeqCst) == 1);
        kill(owner);
        assert!(Lock::Ours(first).owner_had_died());
        assert!(!Lock::Ours(second).owner_had_died());
        assert!(!Lock::Theirs(theirs).owner_had_died());
    }
}
