//! Threads of processes that are killed take locks of every kind in one order, wait long and give up: none can be in a circle, and none
//! is told so.
#![allow(clippy::disallowed_types)] // flags beside the locks, not the locks

mod common;

use std::mem;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use common::{flag, fork, idle, kill, reap, share};
use multiproc_sync::{LockError, LockResult, Mutex, ReentrantMutex, RwLock, RwLockWriteGuard};
use multiproc_testkit::{Watchdog, eventually};

const PROCESSES: usize = 3;
const THREADS: usize = 5;
const KILLS: u32 = 25;

/// Three of each, in the order in which they are taken.
struct Placed {
    mutexes: [&'static Mutex<u64>; 3],
    locks: [&'static RwLock<u64, 4>; 3],
    reentrant: [&'static ReentrantMutex<u32>; 3],
}

#[derive(Clone, Copy)]
struct Tally {
    done: &'static AtomicU32,
    told: &'static AtomicU32,
}

/// Numbers without much of an order.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

impl Tally {
    /// The guard, whatever is said of the data.
    fn taken<G>(self, result: LockResult<G>) -> Option<G> {
        match result {
            Ok(guard) | Err(LockError::OwnerDied(guard)) => Some(guard),
            Err(LockError::TimedOut | LockError::TooManyReaders) => None,
            Err(LockError::Deadlock(report)) => {
                eprintln!("{report}");
                self.told.fetch_add(1, SeqCst);
                None
            }
            Err(other) => panic!("{other}"),
        }
    }
}

/// Some work with the locks from this one on: takes a few in turn, the next while it has the ones before.
fn descend(placed: &Placed, own: &[Mutex<u64>], from: u64, dice: &mut Dice, tally: Tally) -> ControlFlow<()> {
    // So long that those who wait look, now and then.
    if dice.below(6) == 0 {
        thread::sleep(Duration::from_millis(dice.below(250)));
    }
    let rank = from + dice.below(5);
    let index = (rank % 3) as usize;
    let brief = Duration::from_millis(dice.below(150));
    let is_timed = dice.below(6) == 0;
    match rank / 3 {
        0 => {
            let lock = placed.mutexes[index];
            let guard = tally.taken(if is_timed { lock.lock_timeout(brief) } else { lock.lock() });
            *guard.ok_or(()).map_or(ControlFlow::Break(()), ControlFlow::Continue)? += 1;
            descend(placed, own, rank + 1, dice, tally)
        }
        1 => {
            let lock = placed.locks[index];
            if dice.below(2) == 0 {
                let Some(_guard) = tally.taken(if is_timed { lock.read_timeout(brief) } else { lock.read() })
                else {
                    return ControlFlow::Break(());
                };
                let _again = lock.try_read();
                return descend(placed, own, rank + 1, dice, tally);
            }
            let guard = tally.taken(if is_timed { lock.write_timeout(brief) } else { lock.write() });
            let Some(mut guard) = guard else { return ControlFlow::Break(()) };
            *guard += 1;
            if dice.below(2) == 0 {
                let _reading = RwLockWriteGuard::downgrade(guard);
                return descend(placed, own, rank + 1, dice, tally);
            }
            descend(placed, own, rank + 1, dice, tally)
        }
        2 => {
            let lock = placed.reentrant[index];
            let guard = tally.taken(if is_timed { lock.lock_timeout(brief) } else { lock.lock() });
            let Some(outer) = guard else { return ControlFlow::Break(()) };
            let _inner = tally.taken(lock.lock());
            drop(outer);
            descend(placed, own, rank + 1, dice, tally)
        }
        3 => {
            let Some(_guard) = tally.taken(own[index].lock()) else { return ControlFlow::Break(()) };
            descend(placed, own, rank + 1, dice, tally)
        }
        _ => ControlFlow::Continue(()),
    }
}

fn work(placed: &Placed, seed: u64, tally: Tally) {
    let own = [(); 3].map(|()| Mutex::new(0_u64));
    thread::scope(|scope| {
        for thread in 0..THREADS as u64 {
            let own = &own;
            scope.spawn(move || {
                let mut dice = Dice((seed * 31 + thread + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
                for turn in 0_u64.. {
                    let from = dice.below(8);
                    let _ = descend(placed, own, from, &mut dice, tally);
                    tally.done.fetch_add(1, SeqCst);
                    if turn < 8 {
                        // Somebody's lock comes to lie where this one was.
                        let lock = Box::new(Mutex::new(0));
                        mem::forget(lock.lock());
                    }
                    if dice.below(64) == 0 {
                        // A fork with copies of what others have here.
                        let seed = dice.below(1 << 40);
                        assert_eq!(
                            reap(fork(|| {
                                let fresh = [(); 3].map(|()| Mutex::new(0_u64));
                                let _ = descend(placed, &fresh, 3, &mut Dice(seed | 1), tally);
                            })),
                            0
                        );
                    }
                }
            });
        }
    });
}

#[test]
fn nobody_is_told_who_keeps_the_order() {
    let _watchdog = Watchdog::with_limit(300);
    let placed = Placed {
        mutexes: [(); 3].map(|()| share(Mutex::new(0))),
        locks: [(); 3].map(|()| share(RwLock::with_readers(0))),
        reentrant: [(); 3].map(|()| share(ReentrantMutex::new(0))),
    };
    let tally = Tally { done: flag(), told: flag() };
    let begin = |seed| {
        fork(|| {
            work(&placed, seed, tally);
            idle()
        })
    };
    let mut seeds = 1_u64..;
    let kills = std::env::var("STORM_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let mut all: [_; PROCESSES] = std::array::from_fn(|_| Some(begin(seeds.next().unwrap())));
    let mut dice = Dice(41);
    for index in (0..PROCESSES).cycle().take(kills as usize) {
        // The next one is killed after some work.
        let enough = tally.done.load(SeqCst) + 10 + dice.below(20) as u32;
        eventually("they go on", || tally.done.load(SeqCst) >= enough || tally.told.load(SeqCst) != 0);
        assert_eq!(tally.told.load(SeqCst), 0, "of {kills}");
        kill(all[index].take().unwrap());
        all[index] = Some(begin(seeds.next().unwrap()));
    }
    all.into_iter().flatten().for_each(|process| _ = kill(process));
    assert_eq!(tally.told.load(SeqCst), 0);
}
