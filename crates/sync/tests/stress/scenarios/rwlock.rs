//! A pair of equal numbers that some read and some change, all at once; whoever is told that a writer died mends it. `unsafe`: shared
//! memory.
#![allow(unsafe_code)]

use multiproc_sync::{LockError, RwLock, RwLockWriteGuard};

use crate::family;
use crate::scenario::{Scenario, Seat};

/// With fewer slots than there are workers: some wait for one.
type Pair = RwLock<[u64; 2], 2>;

pub(super) fn share() -> &'static dyn Scenario {
    // SAFETY: words and numbers may be zero.
    unsafe { family::share(Pair::with_readers([0; 2]), family::place) }
}

/// The guard, and whether a death was told.
fn write(pair: &Pair) -> (RwLockWriteGuard<'_, [u64; 2]>, bool) {
    match pair.write() {
        Ok(halves) => {
            assert_eq!(halves[0], halves[1], "torn, and nobody said so");
            (halves, false)
        }
        Err(LockError::OwnerDied(mut halves)) => {
            halves[1] = halves[0];
            RwLockWriteGuard::mark_consistent(&mut halves);
            (halves, true)
        }
        Err(error) => panic!("not to be written: {error}"),
    }
}

impl Scenario for Pair {
    fn operate(&self, seat: &mut Seat<'_>) {
        let mended = seat.inside(|random| {
            if random.one_in(2) {
                let (first, second) = match (self.read(), self.read()) {
                    (Ok(first), Ok(second)) => (first, second),
                    (Ok(_) | Err(LockError::OwnerDied(_)), Ok(_) | Err(LockError::OwnerDied(_))) => {
                        return false;
                    }
                    (Err(error), _) | (_, Err(error)) => panic!("not to be read: {error}"),
                };
                let before = *first;
                assert_eq!(before[0], before[1], "torn, and nobody said so");
                random.work();
                drop(first);
                assert_eq!(*second, before, "somebody wrote beside a reader");
                return false;
            }
            let (mut halves, mended) = write(self);
            for half in &mut *halves {
                *std::hint::black_box(half) += 1;
                random.work();
            }
            if random.one_in(4) {
                let written = *halves;
                let halves = RwLockWriteGuard::downgrade(halves);
                random.work();
                assert_eq!(*halves, written, "somebody wrote beside a reader");
            }
            mended
        });
        if mended {
            seat.recovered();
        }
    }

    fn check(&self, operations: u64, kills: u64) {
        let count = write(self).0[0];
        assert!(count <= operations + kills, "{operations} operations have made {count}");
    }
}
