//! Models of the semaphore whose permits come back from the dead.

use std::cell::Cell;
use std::sync::Arc;

use super::visits::Visits;
use crate::primitive::Deadline;
use crate::primitive::model::{End, Family, Process, check, check_deaths, die, shared, step, thread};
use crate::{AcquireError, RobustPermit, RobustSemaphore};

/// One permit, and what is done with it.
struct Room {
    semaphore: RobustSemaphore<1>,
    visits: Visits,
}

fn private() -> Arc<Room> {
    Arc::new(Room { semaphore: RobustSemaphore::new(), visits: Visits::new() })
}

/// As [`Room`], whose semaphore lies in shared memory.
struct SharedRoom {
    semaphore: Arc<RobustSemaphore<1>>,
    visits: Visits,
}

fn robust() -> Arc<SharedRoom> {
    Arc::new(SharedRoom { semaphore: shared(RobustSemaphore::new()), visits: Visits::new() })
}

impl SharedRoom {
    /// Is inside once; gives whether it was told of a death.
    fn enter(&self, permit: &RobustPermit<'_>) -> bool {
        self.visits.visit();
        permit.recovered_from().is_some()
    }

    /// Goes in and out.
    fn visit(&self) -> bool {
        self.enter(&self.semaphore.permit().expect("there is no deadline"))
    }

    /// Goes in and out if that is possible at once.
    fn try_visit(&self) -> Option<bool> {
        self.semaphore.try_permit().ok().map(|permit| self.enter(&permit))
    }

    /// Goes in and out, at the latest when `deadline` has passed, at which everybody else has left or is dead.
    fn visit_until(&self, deadline: Deadline) -> bool {
        let permit = self.semaphore.permit_deadline(deadline);
        self.enter(&permit.expect("a permit was lost with its holder"))
    }

    /// The permit is there, and nobody has died with it.
    fn assert_usable(&self, process: &Process) {
        process.run(|| {
            assert_eq!(self.try_visit(), Some(false), "the permit was left in disorder");
            assert_eq!(self.semaphore.available(), 1);
        });
    }
}

/// The data behind the permit are one thread's at a time, and what it wrote is seen by the next.
#[test]
fn three_take_one_permit() {
    check(|| {
        let room = private();
        let others = [(); 2].map(|()| {
            let room = room.clone();
            thread::spawn(move || {
                let _permit = room.semaphore.permit().unwrap();
                room.visits.visit();
            })
        });
        let permit = room.semaphore.permit().unwrap();
        room.visits.visit();
        drop(permit);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!((room.visits.count(), room.semaphore.available()), (3, 1));
    });
}

/// Who waits for one of two gets whichever comes first.
#[test]
fn one_waits_for_either_of_two() {
    check(|| {
        for released in 0..2 {
            let semaphore = Arc::new(RobustSemaphore::<2>::new());
            let mut permits = [(); 2].map(|()| Some(semaphore.permit().unwrap()));
            let theirs = semaphore.clone();
            let waiter = thread::spawn(move || drop(theirs.permit().unwrap()));
            drop(permits[released].take());
            waiter.join().unwrap();
            drop(permits);
            assert_eq!(semaphore.available(), 2);
        }
    });
}

/// Two sleep, and the permit goes from hand to hand.
#[test]
fn two_sleep() {
    check(|| {
        let room = private();
        let permit = room.semaphore.permit().unwrap();
        let others = [(); 2].map(|()| {
            let room = room.clone();
            thread::spawn(move || drop(room.semaphore.permit().unwrap()))
        });
        drop(permit);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(room.semaphore.available(), 1);
    });
}

/// Somebody has rung for nobody, and was overtaken before taking the mark off: the permit was used, two have gone to sleep. Who is woken
/// does not leave the other asleep.
#[test]
fn a_mark_taken_off_late_strands_nobody() {
    check(|| {
        let room = private();
        let permit = room.semaphore.permit().unwrap();
        let theirs = room.clone();
        let late = thread::spawn(move || theirs.semaphore.take_mark_off_late());
        let others = [(); 2].map(|()| {
            let room = room.clone();
            thread::spawn(move || drop(room.semaphore.permit().unwrap()))
        });
        drop(permit);
        others.into_iter().for_each(|other| other.join().unwrap());
        late.join().unwrap();
        assert_eq!(room.semaphore.available(), 1);
    });
}

/// Who only tries takes a permit that is there, and nothing else.
#[test]
fn one_tries() {
    check(|| {
        let room = private();
        let theirs = room.clone();
        let keep = |room: &Room| match room.semaphore.try_permit() {
            Ok(permit) => {
                std::mem::forget(permit);
                1
            }
            Err(error) => {
                assert_eq!(error, AcquireError::TimedOut);
                0
            }
        };
        let other = thread::spawn(move || keep(&theirs));
        let taken = keep(&room) + other.join().unwrap();
        assert_eq!(taken, 1, "a permit was taken by so many");
        assert_eq!(room.semaphore.available(), 0);
    });
}

/// A waiter gives up at its deadline while another waits on: the permit is for one of them, and not lost between them.
#[test]
fn one_gives_up() {
    check(|| {
        let (room, deadline) = (private(), Deadline::new());
        let permit = room.semaphore.permit().unwrap();
        let (theirs, until) = (room.clone(), deadline.clone());
        let late = thread::spawn(move || drop(theirs.semaphore.permit_deadline(until)));
        let theirs = room.clone();
        let patient = thread::spawn(move || drop(theirs.semaphore.permit().unwrap()));
        let clock = thread::spawn(move || deadline.pass());
        drop(permit);
        [late, patient, clock].into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(room.semaphore.available(), 1);
    });
}

/// With no permit to come, a deadline ends the wait.
#[test]
fn one_waits_in_vain() {
    check(|| {
        let (room, deadline) = (private(), Deadline::new());
        let permit = room.semaphore.permit().unwrap();
        let (theirs, until) = (room.clone(), deadline.clone());
        let late = thread::spawn(move || theirs.semaphore.permit_deadline(until).map(drop));
        deadline.pass();
        assert_eq!(late.join().unwrap(), Err(AcquireError::TimedOut));
        drop(permit);
    });
}

/// A holder dies at each of its steps: who waits gets the permit, and no more are told of a death than died.
#[test]
fn holder_killed() {
    check_deaths(|k| {
        let (family, room, deadline) = (Family::new(), robust(), Deadline::new());
        let (process, theirs, until) = (family.process(), room.clone(), deadline.clone());
        let victim = thread::spawn(move || {
            let end = process.run_killed_at(k, || theirs.visit());
            deadline.pass();
            end
        });
        let survivor = family.process();
        let told = survivor.run(|| room.visit_until(until));
        let end = victim.join().unwrap();
        assert!(!told || end == End::Killed, "told of a death that nobody died");
        // A death that came later is told now.
        survivor.run(|| room.try_visit().expect("a permit was lost with its holder"));
        room.assert_usable(&survivor);
    });
}

/// A holder dies at each of its steps, and another thread of its process works on until the process has ended: by then nobody else
/// is inside.
#[test]
fn sibling_works_until_the_end() {
    check_deaths(|k| {
        let (family, room) = (Family::new(), robust());
        let (process, theirs) = (family.process(), room.clone());
        let victim = thread::spawn(move || {
            let inside = Cell::new(false);
            let body = || {
                let permit = theirs.semaphore.permit().unwrap();
                inside.set(true);
                step();
                // From here on the release may have begun.
                inside.set(false);
                drop(permit);
            };
            let works = || {
                if inside.get() {
                    theirs.visits.visit();
                }
            };
            process.run_killed_within(k, body, works);
        });
        let survivor = family.process();
        survivor.run(|| room.try_visit());
        victim.join().unwrap();
        survivor.run(|| room.try_visit().expect("a permit was lost with its holder"));
    });
}

/// One of two that wait dies at each of its steps, also with the wake-up that it was given, and with the permit.
#[test]
fn waiter_killed() {
    check_deaths(|k| {
        let (family, room, deadline) = (Family::new(), robust(), Deadline::new());
        let holder = family.process();
        holder.run(|| {
            let permit = room.semaphore.permit().unwrap();
            let (process, theirs) = (family.process(), room.clone());
            let over = deadline.clone();
            let victim = thread::spawn(move || {
                let end = process.run_killed_at(k, || theirs.visit());
                over.pass();
                end
            });
            let theirs = room.clone();
            // Its deadline may pass before the holder has released: then it waits on.
            let other = family.process().spawn(move || {
                let permit = theirs.semaphore.permit_deadline(deadline);
                permit.is_ok_and(|permit| theirs.enter(&permit))
            });
            drop(permit);
            let told = other.join();
            let end = victim.join().unwrap();
            assert!(!told || end == End::Killed, "told of a death that nobody died");
            room.try_visit().expect("a permit was lost with its holder");
        });
        room.assert_usable(&holder);
    });
}

/// A process dies with the permit.
fn die_inside(family: &Family, room: &SharedRoom) {
    let end = family.process().run_killed_at(usize::MAX, || {
        let _permit = room.semaphore.permit().unwrap();
        die();
    });
    assert_eq!(end, End::Killed::<()>);
}

/// One sleeps for the permit of a dead process, and another takes that over and releases it: this wakes the sleeper, which nothing else does.
#[test]
fn one_sleeps_while_another_takes_over() {
    check(|| {
        let (family, room) = (Family::new(), robust());
        die_inside(&family, &room);
        let theirs = room.clone();
        let sleeper = family.process().spawn(move || theirs.visit());
        family.process().run(|| room.try_visit());
        sleeper.join();
        room.assert_usable(&family.process());
    });
}

/// Two sleep, and the one that was woken dies at each of its steps; another one goes in and out, which wakes the second.
#[test]
fn woken_killed_beside_a_barger() {
    check_deaths(|k| {
        let (family, room) = (Family::new(), robust());
        let holder = family.process();
        holder.run(|| {
            let permit = room.semaphore.permit().unwrap();
            let (process, theirs) = (family.process(), room.clone());
            let victim = thread::spawn(move || process.run_killed_at(k, || theirs.visit()));
            let theirs = room.clone();
            let other = family.process().spawn(move || theirs.visit());
            drop(permit);
            victim.join().unwrap();
            // Takes over what the victim may have had.
            room.try_visit();
            other.join();
        });
        room.assert_usable(&holder);
    });
}

/// Two find the permit of a dead process: one of them takes it over.
#[test]
fn two_take_over() {
    check(|| {
        let (family, room) = (Family::new(), robust());
        die_inside(&family, &room);
        let theirs = room.clone();
        let other = family.process().spawn(move || theirs.try_visit());
        let ours = family.process().run(|| room.try_visit());
        let told = [ours, other.join()].into_iter().filter(|told| *told == Some(true)).count();
        assert_eq!(told, 1, "a death is told to one");
        room.assert_usable(&family.process());
    });
}

/// One of two that take over from the dead dies in turn, at each of its steps.
#[test]
fn recoverer_killed() {
    check_deaths(|k| {
        let (family, room) = (Family::new(), robust());
        die_inside(&family, &room);
        let (process, theirs) = (family.process(), room.clone());
        let victim = thread::spawn(move || process.run_killed_at(k, || theirs.try_visit()));
        let survivor = family.process();
        let first = survivor.run(|| room.try_visit());
        let end = victim.join().unwrap();
        let second = survivor.run(|| room.try_visit().expect("a permit was lost with its holder"));
        let victims = matches!(end, End::InOrder(Some(true)));
        let told = [first == Some(true), second, victims].into_iter().filter(|told| *told).count();
        // A victim that was told, and died after it had released, tells nobody.
        let foretold = if end == End::Killed { 0..=2 } else { 1..=1 };
        assert!(foretold.contains(&told), "so many were told of a death: {told}");
        room.assert_usable(&survivor);
    });
}
