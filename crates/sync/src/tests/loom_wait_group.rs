//! Models of the group whose work is waited for.

use std::sync::Arc;

use super::visits::Visits;
use crate::primitive::Deadline;
use crate::primitive::model::{End, Family, Process, check, check_deaths, die_at, shared, thread};
use crate::{WaitGroup, WaitGroupError};

fn private(pieces: u32) -> Arc<WaitGroup> {
    let group = WaitGroup::new();
    group.add(pieces).unwrap();
    Arc::new(group)
}

fn spawn<T: 'static>(
    group: &Arc<WaitGroup>,
    body: impl FnOnce(&WaitGroup) -> T + 'static,
) -> thread::JoinHandle<T> {
    let group = group.clone();
    thread::spawn(move || body(&group))
}

/// What was done before the piece was is seen by who waited.
#[test]
fn one_waits_for_one() {
    check(|| {
        let work = Arc::new((private(1), Visits::new()));
        let theirs = work.clone();
        let other = thread::spawn(move || {
            let member = theirs.0.enter().unwrap();
            theirs.1.visit();
            drop(member);
        });
        work.0.wait().unwrap();
        assert_eq!(work.1.count(), 1);
        other.join().unwrap();
    });
}

/// Two finish a piece each: who waits goes on after both.
#[test]
fn one_waits_for_two() {
    check(|| {
        let group = private(2);
        let others = [(); 2].map(|()| spawn(&group, |group| group.done().unwrap()));
        group.wait().unwrap();
        assert_eq!(group.remaining(), Ok(0));
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

/// The last piece releases all who wait.
#[test]
fn two_wait() {
    check(|| {
        let group = private(1);
        let waiters = [(); 2].map(|()| spawn(&group, |group| group.wait().unwrap()));
        group.done().unwrap();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    });
}

/// More is announced before who waited has looked again: it goes on all the same.
#[test]
fn emptied_and_filled_again() {
    check(|| {
        let group = private(1);
        let wait = group.wait_from_here();
        let waits = spawn(&group, |group| wait(group).unwrap());
        group.done().unwrap();
        group.add(1).unwrap();
        waits.join().unwrap();
        assert_eq!(group.try_wait(), Err(WaitGroupError::TimedOut));
    });
}

/// Two say that the only piece is done, while a third one enters it: it is one's.
#[test]
fn done_too_often() {
    check(|| {
        let group = private(1);
        let other = spawn(&group, |group| group.done().is_ok());
        let third = spawn(&group, |group| group.enter().is_ok());
        let ours = group.done().is_ok();
        let accepted = [ours, other.join().unwrap(), third.join().unwrap()];
        assert_eq!(accepted.iter().filter(|was| **was).count(), 1, "a piece was done by so many");
        assert_eq!(group.wait(), Ok(()));
    });
}

/// Who waits gives up, before the last piece is done or after.
#[test]
fn one_gives_up() {
    check(|| {
        let (group, deadline) = (private(1), Deadline::new());
        let until = deadline.clone();
        let waits = spawn(&group, |group| group.wait_deadline(until));
        deadline.pass();
        let waited = waits.join().unwrap();
        assert_eq!(waited, Err(WaitGroupError::TimedOut));
        group.done().unwrap();
        assert_eq!(group.wait(), Ok(()));
    });
}

/// Whatever was left by a death, the group can be used.
fn assert_usable(process: &Process, group: &WaitGroup) {
    process.run(|| {
        while let Some((member, _)) = group.take_over().unwrap() {
            drop(member);
        }
        (0..group.remaining().unwrap()).for_each(|_| group.done().unwrap());
        assert_eq!((group.members(), group.try_wait()), (Ok(0), Ok(())));
        drop(group.add_member().unwrap());
        assert_eq!(group.wait(), Ok(()));
    });
}

/// Who enters and is done dies at each of its steps, while another waits: that is told of the end, or of the death, or the piece is
/// nobody's.
#[test]
fn member_killed() {
    check_deaths(|k| {
        let (family, group, deadline) = (Family::new(), shared(WaitGroup::new()), Deadline::new());
        let survivor = family.process();
        survivor.run(|| group.add(1).unwrap());
        let (process, theirs, until) = (family.process(), group.clone(), deadline.clone());
        let victim = thread::spawn(move || {
            let end = process.run_killed_at(k, || drop(theirs.enter().unwrap()));
            deadline.pass();
            end
        });
        let waited = survivor.run(|| group.wait_deadline(until));
        let end = victim.join().unwrap();
        let members = survivor.run(|| group.members().unwrap());
        match (waited, end) {
            (Ok(()), _) | (Err(WaitGroupError::MemberDied { pid: 2 }), End::Killed) => {}
            (Err(WaitGroupError::TimedOut), End::Killed) => {
                assert_eq!(members, 0, "a dead member was not named");
            }
            other => panic!("no such end: {other:?}"),
        }
        assert_usable(&survivor, &group);
    });
}

/// A member dies at each step of being done: its piece is done once, or its death is told.
#[test]
fn member_killed_when_done() {
    check_deaths(|k| {
        let (family, group) = (Family::new(), shared(WaitGroup::new()));
        let survivor = family.process();
        survivor.run(|| group.add(2).unwrap());
        let end = family.process().run_killed_at(usize::MAX, || {
            let member = group.enter().unwrap();
            die_at(k);
            drop(member);
        });
        let tried = survivor.run(|| group.try_wait());
        let (left, members) = survivor.run(|| (group.remaining().unwrap(), group.members().unwrap()));
        assert_ne!(tried, Ok(()), "a piece was counted twice");
        match (tried, end) {
            (Err(WaitGroupError::TimedOut), _) => {
                assert_eq!(members, 0, "a dead member was not named");
                assert_eq!(left, 1, "a piece was not counted");
            }
            (Err(WaitGroupError::MemberDied { pid: 2 }), End::Killed) => {
                assert_eq!((left, members), (2, 1), "a dead member's piece was lost");
            }
            other => panic!("no such end: {other:?}"),
        }
        assert_usable(&survivor, &group);
    });
}

/// Who finds a dead member dies at each of its steps: the next one finds it, too.
#[test]
fn finder_killed() {
    check_deaths(|k| {
        let (family, group) = (Family::new(), shared(WaitGroup::new()));
        let end = family.process().run_killed_at(usize::MAX, || {
            let _member = group.add_member().unwrap();
            crate::primitive::model::die();
        });
        assert_eq!(end, End::Killed::<()>);
        family.process().run_killed_at(k, || group.try_wait());
        let survivor = family.process();
        let waited = survivor.run(|| group.try_wait());
        assert_eq!(waited, Err(WaitGroupError::MemberDied { pid: 1 }), "a dead member was not named");
        assert_usable(&survivor, &group);
    });
}

/// A member that dies with its piece.
fn die_as_member(family: &Family, group: &WaitGroup) {
    let end = family.process().run_killed_at(usize::MAX, || {
        let _member = group.add_member().unwrap();
        crate::primitive::model::die();
    });
    assert_eq!(end, End::Killed::<()>);
}

/// Who announces a piece of its own dies at each step: it is not announced, or has its name.
#[test]
fn joiner_killed() {
    check_deaths(|k| {
        let (family, group) = (Family::new(), shared(WaitGroup::new()));
        family.process().run_killed_at(k, || drop(group.add_member().unwrap()));
        let survivor = family.process();
        let (waited, left) = survivor.run(|| (group.try_wait(), group.remaining().unwrap()));
        match waited {
            Ok(()) => assert_eq!(left, 0),
            Err(WaitGroupError::MemberDied { pid: 1 }) => assert_eq!(left, 1),
            other => panic!("a piece was nobody's: {other:?}"),
        }
        assert_usable(&survivor, &group);
    });
}

/// Who takes over a dead one's piece dies at each step: the piece always has a name.
#[test]
fn heir_killed() {
    check_deaths(|k| {
        let (family, group) = (Family::new(), shared(WaitGroup::new()));
        die_as_member(&family, &group);
        let end = family.process().run_killed_at(k, || {
            let (member, died) = group.take_over().unwrap().expect("a dead member was not named");
            assert_eq!(died, 1);
            drop(member);
        });
        let survivor = family.process();
        let waited = survivor.run(|| group.try_wait());
        let left = survivor.run(|| group.remaining().unwrap());
        match waited {
            Ok(()) => assert_eq!(left, 0),
            Err(WaitGroupError::MemberDied { pid: 1 | 2 }) if matches!(end, End::Killed) => {
                assert_eq!(left, 1);
            }
            other => panic!("a piece was nobody's: {other:?}"),
        }
        assert_usable(&survivor, &group);
    });
}

/// A death is told to who waited before, though another has taken over the piece since.
#[test]
fn taken_over_before_all_were_told() {
    check(|| {
        let (family, group) = (Family::new(), shared(WaitGroup::new()));
        die_as_member(&family, &group);
        family.process().run(|| {
            let wait = group.wait_from_here();
            assert_eq!(group.try_wait(), Err(WaitGroupError::MemberDied { pid: 1 }));
            let (member, _) = group.take_over().unwrap().unwrap();
            assert_eq!(group.try_wait(), Err(WaitGroupError::TimedOut));
            assert_eq!(wait(&group), Err(WaitGroupError::MemberDied { pid: 1 }));
            drop(member);
            assert_eq!(group.wait(), Ok(()));
        });
    });
}

/// A member is done that could not lock the group: who locks it finishes the piece, and sees what was done.
#[test]
fn left_without_the_mutex() {
    check(|| {
        let work = Arc::new((private(0), Visits::new()));
        let theirs = work.clone();
        let other = thread::spawn(move || {
            let member = theirs.0.add_member().unwrap();
            theirs.1.visit();
            member.leave_unlocked();
        });
        other.join().unwrap();
        assert_eq!(work.0.try_wait(), Ok(()), "a leaver's piece was not finished");
        assert_eq!((work.1.count(), work.0.members()), (1, Ok(0)));
    });
}

/// Who finishes such a piece dies at each step: it is finished once.
#[test]
fn finisher_of_anothers_piece_killed() {
    check_deaths(|k| {
        let (family, group) = (Family::new(), shared(WaitGroup::new()));
        let survivor = family.process();
        survivor.run(|| {
            group.add(1).unwrap();
            group.add_member().unwrap().leave_unlocked();
        });
        family.process().run_killed_at(k, || group.try_wait());
        let left = survivor.run(|| (group.remaining(), group.members()));
        assert_eq!(left, (Ok(1), Ok(0)), "a piece was counted twice");
        assert_usable(&survivor, &group);
    });
}
