//! A pair of numbers behind a mutex: equal whenever the lock is free, and mended by whoever is told that its owner died.
//! `unsafe`: shared memory.
#![allow(unsafe_code)]

use multiproc_sync::{LockError, Mutex, MutexGuard};

use crate::family;
use crate::scenario::{Scenario, Seat};

#[repr(C)]
struct Pair {
    halves: Mutex<[u64; 2]>,
    mends: bool,
}

pub(super) fn share(mends: bool) -> &'static dyn Scenario {
    let pair = Pair { halves: Mutex::new([0; 2]), mends };
    // SAFETY: words, numbers and a flag may be zero.
    unsafe { family::share(pair, |pair, placement| family::place(&mut pair.halves, placement)) }
}

impl Pair {
    /// The guard, and whether a death was told.
    fn lock(&self) -> (MutexGuard<'_, [u64; 2]>, bool) {
        match self.halves.lock() {
            Ok(halves) => {
                assert_eq!(halves[0], halves[1], "torn, and nobody said so");
                (halves, false)
            }
            Err(LockError::OwnerDied(mut halves)) => {
                if self.mends {
                    halves[1] = halves[0];
                }
                MutexGuard::mark_consistent(&mut halves);
                (halves, true)
            }
            Err(error) => panic!("not locked: {error}"),
        }
    }
}

impl Scenario for Pair {
    fn operate(&self, seat: &mut Seat<'_>) {
        let mended = seat.inside(|random| {
            let (mut halves, mended) = self.lock();
            for half in &mut *halves {
                *std::hint::black_box(half) += 1;
                random.work();
            }
            mended
        });
        if mended {
            seat.recovered();
        }
    }

    fn check(&self, operations: u64, kills: u64) {
        let count = self.lock().0[0];
        assert!(
            (operations..=operations + kills).contains(&count),
            "{operations} operations have made {count}"
        );
    }
}
