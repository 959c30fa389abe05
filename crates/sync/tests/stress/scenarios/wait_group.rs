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
    /// Does the pieces of the dead that are known; gives whether there were any.
    fn do_for_the_dead(&self) -> bool {
        let mut has_done = false;
        while let Some((member, pid)) = self.0.take_over().expect("it can be reached") {
            assert!(!is_running(pid), "the member that is said to be dead runs");
            drop(member);
            has_done = true;
        }
        has_done
    }

    /// All pieces are announced with a name: none is ever nobody's.
    fn assert_orphanless(&self) {
        assert_eq!(self.0.done(), Err(WaitGroupError::NothingAnnounced), "a piece is nobody's");
    }
}

impl Scenario for Group {
    fn operate(&self, seat: &mut Seat<'_>) {
        let waited = seat.inside(|random| {
            let member = self.0.add_member().expect("there are places for all");
            random.work();
            drop(member);
            self.0.wait()
        });
        match waited {
            Ok(()) => {}
            Err(WaitGroupError::MemberDied { pid }) => {
                assert!(!is_running(pid), "the member that is said to be dead runs");
                if self.do_for_the_dead() {
                    seat.recovered();
                }
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn bury(&self, _place: usize) -> bool {
        self.assert_orphanless();
        false
    }

    fn check(&self, _operations: u64, _kills: u64) {
        // All are dead now: the pieces of the last are found by who looks.
        self.do_for_the_dead();
        self.assert_orphanless();
        assert_eq!((self.0.remaining(), self.0.members()), (Ok(0), Ok(0)));
    }
}
