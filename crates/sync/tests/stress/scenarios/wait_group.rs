//! All places are members of a group, one piece after the other, and wait for each other. `unsafe`: shared memory.
#![allow(unsafe_code)]

use multiproc_sync::{WaitGroup, WaitGroupError};
use multiproc_testkit::is_running;

use crate::family;
use crate::scenario::{Scenario, Seat};

#[repr(C)]
struct Group(WaitGroup);

pub(super) fn share() -> &'static dyn Scenario {
    // SAFETY: words and numbers may be zero.
    unsafe {
        family::share(Group(WaitGroup::new()), |group, placement| family::place(&mut group.0, placement))
    }
}

impl Group {
    /// Finishes what the dead have left. Only their pieces are nobody's: the living announce and enter theirs at once.
    fn finish_orphans(&self) {
        while let Ok(member) = self.0.enter() {
            drop(member);
        }
    }
}

impl Scenario for Group {
    fn operate(&self, seat: &mut Seat<'_>) {
        let waited = seat.inside(|random| {
            let member = self.0.join().expect("there are places for all");
            random.work();
            drop(member);
            self.0.wait()
        });
        match waited {
            Ok(()) => {}
            Err(WaitGroupError::MemberDied { pid }) => {
                assert!(!is_running(pid), "the member that is said to be dead runs");
                self.finish_orphans();
                self.0.acknowledge().expect("it can be reached");
                self.finish_orphans();
                seat.recovered();
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Who acknowledged a death may have died before it came to the piece.
    fn bury(&self, _place: usize) -> bool {
        let _ = self.0.try_wait();
        self.finish_orphans();
        false
    }

    fn check(&self, _operations: u64, _kills: u64) {
        // All are dead now: the pieces of the last are found by who looks.
        while let Err(WaitGroupError::MemberDied { .. }) = self.0.try_wait() {
            self.finish_orphans();
            self.0.acknowledge().expect("it can be reached");
        }
        assert_eq!((self.0.remaining(), self.0.members()), (Ok(0), Ok(0)));
    }
}
