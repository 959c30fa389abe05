//! Locks of every kind of ours and of libc's in one thread's list, linked and taken out in many orders: the kernel follows it at the
//! thread's death, whatever went before.
#![allow(clippy::disallowed_types)] // numbers that the locks guard

mod common;
mod theirs;

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use common::{flag, fork, idle, kill, share};
use multiproc_sync::{
    LockError, Mutex, MutexGuard, ReentrantMutex, ReentrantMutexGuard, RwLock, RwLockReadGuard,
    RwLockWriteGuard,
};
use multiproc_testkit::{Watchdog, eventually};
use theirs::{TheirGuard, Theirs};

type Number = ReentrantMutex<AtomicU64>;

#[derive(Clone, Copy)]
enum Lock {
    Mutex(&'static Mutex<u64>),
    /// With two levels.
    Reentrant(&'static Number),
    Written(&'static RwLock<u64, 2>),
    Read(&'static RwLock<u64, 2>),
    Theirs(&'static Theirs),
}

/// What its holder keeps of a lock.
#[expect(dead_code, reason = "they are dropped")]
enum Held {
    Mutex(MutexGuard<'static, u64>),
    Reentrant([ReentrantMutexGuard<'static, AtomicU64>; 2]),
    Written(RwLockWriteGuard<'static, u64>),
    Read(RwLockReadGuard<'static, u64>),
    Theirs(TheirGuard<'static>),
}

impl Lock {
    /// Of a lock whose owner has not died.
    fn lock(self) -> Held {
        match self {
            Self::Mutex(lock) => Held::Mutex(lock.lock().unwrap()),
            Self::Reentrant(lock) => Held::Reentrant([(); 2].map(|()| lock.lock().unwrap())),
            Self::Written(lock) => Held::Written(lock.write().unwrap()),
            Self::Read(lock) => Held::Read(lock.read().unwrap()),
            Self::Theirs(lock) => Held::Theirs(lock.lock()),
        }
    }

    /// What is told of a dead owner, whose lock is mended: `true`, it had the lock. Nobody is told of a reader.
    fn recovered(self) -> bool {
        match self {
            Self::Mutex(lock) => match lock.try_lock() {
                Err(LockError::OwnerDied(mut guard)) => {
                    MutexGuard::mark_consistent(&mut guard);
                    true
                }
                other => other.map(|_| false).expect("its owner's process has ended"),
            },
            Self::Reentrant(lock) => match lock.try_lock() {
                Err(LockError::OwnerDied(mut guard)) => {
                    assert_eq!(ReentrantMutexGuard::depth(&guard), 1);
                    ReentrantMutexGuard::mark_consistent(&mut guard);
                    true
                }
                other => other.map(|_| false).expect("its owner's process has ended"),
            },
            Self::Written(lock) => match lock.try_write() {
                Err(LockError::OwnerDied(mut guard)) => {
                    RwLockWriteGuard::mark_consistent(&mut guard);
                    true
                }
                other => other.map(|_| false).expect("its owner's process has ended"),
            },
            Self::Read(lock) => {
                let had_it = lock.readers() == 1;
                drop(lock.try_write().expect("its reader's process has ended"));
                assert_eq!(lock.readers(), 0);
                had_it
            }
            Self::Theirs(lock) => lock.recover().expect("its owner has ended"),
        }
    }
}

/// Two of each kind.
fn locks() -> Vec<Lock> {
    let (plain, inheriting) = (Theirs::several(2), Theirs::inheriting(2));
    let pair = |number: usize| {
        [
            Lock::Mutex(share(Mutex::new(0))),
            Lock::Theirs(&plain[number]),
            Lock::Reentrant(share(ReentrantMutex::new(AtomicU64::new(0)))),
            Lock::Theirs(&inheriting[number]),
            Lock::Written(share(RwLock::with_readers(0))),
            Lock::Read(share(RwLock::with_readers(0))),
        ]
    };
    [pair(0), pair(1)].concat()
}

/// The same numbers in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn order(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<_> = (0..count).collect();
        (1..count).for_each(|place| order.swap(place, self.below(place + 1)));
        order
    }
}

/// Locks that a thread holds, in the order in which it took them.
struct Holding<'a> {
    locks: &'a [Lock],
    held: Vec<(usize, Held)>,
}

impl<'a> Holding<'a> {
    fn all(locks: &'a [Lock], order: Vec<usize>) -> Self {
        let held = order.into_iter().map(|which| (which, locks[which].lock())).collect();
        Self { locks, held }
    }

    /// Releases the one at a place, and takes it again; in between another one is released too, and taken before it.
    fn relink(&mut self, place: usize, other: usize) {
        let (which, guard) = self.held.remove(place);
        drop(guard);
        let (between, guard) = self.held.remove(other % self.held.len());
        drop(guard);
        [between, which].into_iter().for_each(|which| self.held.push((which, self.locks[which].lock())));
    }

    /// The first, the last, one in the middle, any.
    fn relink_in_each_way(&mut self, random: &mut Random) {
        let most = self.held.len() - 1;
        for place in [0, most, most / 2, random.below(most + 1)] {
            self.relink(place, random.below(most));
        }
    }
}

#[test]
fn at_a_death_all_that_is_held_is_marked_and_nothing_else() {
    const ROUNDS: u64 = 60;
    let _watchdog = Watchdog::with_limit(120);
    let (locks, ready) = (locks(), flag());
    for round in 0..ROUNDS {
        let mut random = Random(round);
        // All of them in most rounds.
        let released = random.order(locks.len())[..(round as usize % 6).saturating_sub(2)].to_vec();
        ready.store(0, SeqCst);
        let owner = fork(|| {
            let mut holding = Holding::all(&locks, random.order(locks.len()));
            (0..10).for_each(|_| holding.relink_in_each_way(&mut random));
            holding.held.retain(|(which, _)| !released.contains(which));
            ready.store(1, SeqCst);
            idle();
        });
        eventually("the locks are held", || ready.load(SeqCst) == 1);
        kill(owner);
        for (which, lock) in locks.iter().enumerate() {
            assert_eq!(lock.recovered(), !released.contains(&which), "round {round}, lock {which}");
        }
        // Three laps of use, in which nobody dies.
        let mut holding = Holding::all(&locks, random.order(locks.len()));
        (0..3).for_each(|_| holding.relink_in_each_way(&mut random));
        drop(holding);
        assert!(locks.iter().all(|lock| !lock.recovered()), "round {round}");
    }
}
