//! A pair of equal numbers that is changed by who has the only permit. Who gets that from a dead one mends the pair. `unsafe`: shared
//! memory.
#![allow(clippy::disallowed_types)] // numbers beside the permit, not the permit
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use multiproc_sync::RobustSemaphore;

use crate::family;
use crate::scenario::{Scenario, Seat};

#[repr(C)]
struct Pair {
    permit: RobustSemaphore<1>,
    numbers: [AtomicU64; 2],
}

pub(super) fn share() -> &'static dyn Scenario {
    let pair = Pair { permit: RobustSemaphore::new(), numbers: [const { AtomicU64::new(0) }; 2] };
    // SAFETY: words and numbers may be zero.
    unsafe { family::share(pair, |pair, placement| family::place(&mut pair.permit, placement)) }
}

impl Pair {
    fn numbers(&self) -> [u64; 2] {
        self.numbers.each_ref().map(|number| number.load(Relaxed))
    }
}

impl Scenario for Pair {
    fn operate(&self, seat: &mut Seat<'_>) {
        let is_recovered = seat.inside(|random| {
            let permit = self.permit.permit().expect("no signal has a hook");
            let [first, second] = self.numbers();
            if permit.recovered_from().is_some() {
                // It may have died between the two.
                assert!(
                    first == second || first == second + 1,
                    "{first} and {second}: two at a time were here"
                );
                self.numbers[1].store(first, Relaxed);
            } else {
                assert_eq!(first, second, "nobody has died with the permit");
            }
            self.numbers[0].store(first + 1, Relaxed);
            random.work();
            self.numbers[1].store(first + 1, Relaxed);
            permit.recovered_from().is_some()
        });
        if is_recovered {
            seat.recovered();
        }
    }

    fn check(&self, operations: u64, kills: u64) {
        let first = self.numbers()[0];
        assert!(
            (operations..=operations + kills).contains(&first),
            "{operations} operations have counted {first}"
        );
    }
}
