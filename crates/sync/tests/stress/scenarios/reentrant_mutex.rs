//! A turn behind a mutex that each has at two levels, waited for with a condition variable; and twins, which are equal whenever the lock is
//! free. `unsafe`: shared memory.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // what the lock guards

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use multiproc_sync::{Condvar, LockError, LockResult, ReentrantMutex, ReentrantMutexGuard};

use crate::board::PLACES;
use crate::family;
use crate::random::Random;
use crate::scenario::{Scenario, Seat};

/// How many turns there have been, twice.
type Turns = [AtomicU64; 2];
type Guard<'a> = ReentrantMutexGuard<'a, Turns>;

#[repr(C)]
struct HandOff {
    turns: ReentrantMutex<Turns>,
    changed: Condvar,
}

pub(super) fn share() -> &'static dyn Scenario {
    let hand_off = HandOff { turns: ReentrantMutex::new(Turns::default()), changed: Condvar::new() };
    // SAFETY: words and numbers may be zero.
    unsafe {
        family::share(hand_off, |hand_off, placement| {
            family::place(&mut hand_off.turns, placement);
            family::place(&mut hand_off.changed, placement);
        })
    }
}

/// The guard, of mended twins, and whether a death was told.
fn whole(result: LockResult<Guard<'_>>) -> (Guard<'_>, bool) {
    match result {
        Ok(guard) => {
            assert_eq!(guard[0].load(Relaxed), guard[1].load(Relaxed), "torn, and nobody said so");
            (guard, false)
        }
        Err(LockError::OwnerDied(mut guard)) => {
            guard[1].store(guard[0].load(Relaxed), Relaxed);
            Guard::mark_consistent(&mut guard);
            (guard, true)
        }
        Err(error) => panic!("not locked: {error}"),
    }
}

impl HandOff {
    /// One more turn, the second half of it at another level.
    fn turn(&self, outer: &Guard<'_>, random: &mut Random) {
        outer[0].fetch_add(1, Relaxed);
        random.work();
        let inner = self.turns.lock();
        let inner = inner.expect("its own lock, whole or mended");
        assert_eq!(Guard::depth(&inner), 2, "the wait or a death left another depth");
        inner[1].fetch_add(1, Relaxed);
    }
}

impl Scenario for HandOff {
    fn operate(&self, seat: &mut Seat<'_>) {
        let place = seat.place as u64;
        let mended = seat.inside(|random| {
            let (outer, mut mended) = whole(self.turns.lock());
            let (mut inner, _) = whole(self.turns.lock());
            while inner[0].load(Relaxed) % PLACES as u64 != place {
                let (again, told) = whole(self.changed.wait(inner));
                inner = again;
                mended |= told;
            }
            drop(inner);
            self.turn(&outer, random);
            drop(outer);
            self.changed.notify_all();
            mended
        });
        if mended {
            seat.recovered();
        }
    }

    fn check(&self, operations: u64, kills: u64) {
        let turns = whole(self.turns.lock()).0[0].load(Relaxed);
        assert!(
            (operations..=operations + kills).contains(&turns),
            "{operations} operations in {turns} turns"
        );
    }
}
