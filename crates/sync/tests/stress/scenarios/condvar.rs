//! A turn behind a mutex, waited for with a condition variable. `unsafe`: shared memory.
#![allow(unsafe_code)]

use multiproc_sync::{Condvar, LockError, LockResult, Mutex, MutexGuard};

use crate::board::PLACES;
use crate::family;
use crate::scenario::{Scenario, Seat};

#[repr(C)]
struct HandOff {
    /// How many turns there have been; a number, which is whole at any time.
    turn: Mutex<u64>,
    changed: Condvar,
}

pub(super) fn share() -> &'static dyn Scenario {
    let hand_off = HandOff { turn: Mutex::new(0), changed: Condvar::new() };
    // SAFETY: words and a number may be zero.
    unsafe {
        family::share(hand_off, |hand_off, placement| {
            family::place(&mut hand_off.turn, placement);
            family::place(&mut hand_off.changed, placement);
        })
    }
}

/// The guard, and whether a death was told.
fn whole(result: LockResult<MutexGuard<'_, u64>>) -> (MutexGuard<'_, u64>, bool) {
    match result {
        Ok(guard) => (guard, false),
        Err(LockError::OwnerDied(mut guard)) => {
            MutexGuard::mark_consistent(&mut guard);
            (guard, true)
        }
        Err(error) => panic!("not locked: {error}"),
    }
}

impl Scenario for HandOff {
    fn operate(&self, seat: &mut Seat<'_>) {
        let place = seat.place as u64;
        let mended = seat.inside(|random| {
            let (mut turn, mut mended) = whole(self.turn.lock());
            while *turn % PLACES as u64 != place {
                let (again, told) = whole(self.changed.wait(turn));
                turn = again;
                mended |= told;
            }
            random.work();
            *turn += 1;
            drop(turn);
            self.changed.notify_all();
            mended
        });
        if mended {
            seat.recovered();
        }
    }

    fn check(&self, operations: u64, kills: u64) {
        let turns = *whole(self.turn.lock()).0;
        assert!(
            (operations..=operations + kills).contains(&turns),
            "{operations} operations in {turns} turns"
        );
    }
}
