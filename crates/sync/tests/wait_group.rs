//! Work that is waited for, by threads and by processes that end in every way. `unsafe`: copies of guards, and bytes taken for values.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // what the members count, not the group

mod common;

use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use common::{Fork, flag, fork, idle, kill, reap, share};
use multiproc_sync::shm_safe::ShmSafe;
use multiproc_sync::{MAX_MEMBERS, MAX_PIECES, WaitGroup, WaitGroupError};
use multiproc_testkit::{Watchdog, eventually, state_of};

fn both() -> [&'static WaitGroup; 2] {
    [Box::leak(Box::new(WaitGroup::new())), share(WaitGroup::new())]
}

/// A process that is a member until it is killed.
fn member(group: &'static WaitGroup) -> Fork {
    let before = group.members().unwrap();
    let member = fork(|| {
        let _member = group.enter().unwrap();
        idle();
    });
    eventually("it is a member", || group.members() == Ok(before + 1));
    member
}

fn died(pid: u32) -> Result<(), WaitGroupError> {
    Err(WaitGroupError::MemberDied { pid })
}

#[test]
fn nobody_goes_on_before_all_is_done() {
    let _watchdog = Watchdog::with_limit(60);
    for group in both() {
        for round in 1..=200 {
            let done = AtomicU32::new(0);
            group.add(4).unwrap();
            thread::scope(|scope| {
                for worker in 0..4 {
                    let done = &done;
                    scope.spawn(move || {
                        let member = (worker % 2 == 0).then(|| group.enter().unwrap());
                        done.fetch_add(1, SeqCst);
                        match member {
                            Some(member) => drop(member),
                            None => group.done().unwrap(),
                        }
                    });
                }
                let others = [(); 2].map(|()| scope.spawn(|| group.wait()));
                assert_eq!((group.wait(), done.load(SeqCst)), (Ok(()), 4), "in round {round}");
                assert!(others.into_iter().all(|other| other.join().unwrap().is_ok()));
            });
            assert_eq!((group.remaining(), group.members()), (Ok(0), Ok(0)));
        }
    }
}

#[test]
fn processes_wait_for_processes() {
    let _watchdog = Watchdog::with_limit(60);
    let (group, count) = (share(WaitGroup::new()), flag());
    for _ in 0..20 {
        group.add(3).unwrap();
        count.store(0, SeqCst);
        let workers = [(); 3].map(|()| {
            fork(|| {
                let _member = group.enter().unwrap();
                count.fetch_add(1, SeqCst);
            })
        });
        let waiter = fork(|| {
            group.wait().unwrap();
            assert_eq!(count.load(SeqCst), 3);
        });
        group.wait().unwrap();
        assert_eq!(count.load(SeqCst), 3);
        assert_eq!((workers.map(reap), reap(waiter)), ([0; 3], 0));
    }
}

#[test]
fn what_is_too_much_or_too_little_is_told_and_changes_nothing() {
    let _watchdog = Watchdog::with_limit(60);
    for group in both() {
        let nothing = WaitGroupError::NothingAnnounced;
        assert_eq!((group.done(), group.enter().map(drop)), (Err(nothing), Err(nothing)));
        assert_eq!((group.add(0), group.try_wait(), group.wait()), (Ok(()), Ok(()), Ok(())));
        group.add(MAX_PIECES).unwrap();
        assert_eq!(group.add(1), Err(WaitGroupError::TooManyPieces));
        assert_eq!(group.add_member().map(drop), Err(WaitGroupError::TooManyPieces));
        assert_eq!((group.remaining(), group.members()), (Ok(MAX_PIECES.into()), Ok(0)));
        group.done().unwrap();
        assert_eq!(group.add(2), Err(WaitGroupError::TooManyPieces));
        group.add(1).unwrap();
    }
    for group in both() {
        let members: Vec<_> = (0..MAX_MEMBERS).map(|_| group.add_member().unwrap()).collect();
        assert_eq!(group.add_member().map(drop), Err(WaitGroupError::TooManyMembers));
        assert_eq!(group.done(), Err(WaitGroupError::NothingAnnounced), "all pieces are members'");
        group.add(1).unwrap();
        assert_eq!(group.enter().map(drop), Err(WaitGroupError::TooManyMembers));
        group.done().unwrap();
        assert_eq!(group.remaining(), Ok(MAX_MEMBERS as u64));
        drop(members);
        assert_eq!((group.try_wait(), group.done()), (Ok(()), Err(WaitGroupError::NothingAnnounced)));
    }
}

#[test]
fn a_wait_ends_with_its_time() {
    let _watchdog = Watchdog::with_limit(60);
    for group in both() {
        let member = group.add_member().unwrap();
        let (begun, timeout) = (Instant::now(), Duration::from_millis(20));
        assert_eq!(group.wait_timeout(timeout), Err(WaitGroupError::TimedOut));
        assert!(begun.elapsed() >= timeout);
        assert_eq!(group.wait_deadline(begun), Err(WaitGroupError::TimedOut));
        assert_eq!(group.try_wait(), Err(WaitGroupError::TimedOut));
        thread::scope(|scope| {
            let waits = scope.spawn(|| group.wait_timeout(Duration::MAX));
            drop(member);
            assert_eq!(waits.join().unwrap(), Ok(()));
        });
        assert_eq!(group.wait_deadline(begun), Ok(()), "with nothing left no time is needed");
    }
}

/// Who waits is released by the end of what there was, though more is announced at once.
#[test]
fn more_that_is_announced_after_the_end_holds_nobody_back() {
    let _watchdog = Watchdog::with_limit(60);
    let group = share(WaitGroup::new());
    group.add(1).unwrap();
    let waiters = [(); 2].map(|()| fork(|| group.wait().unwrap()));
    for waiter in &waiters {
        eventually("it sleeps", || state_of(waiter.pid()) == Some('S'));
    }
    group.done().unwrap();
    group.add(1).unwrap();
    assert_eq!(waiters.map(reap), [0; 2]);
    assert_eq!(group.try_wait(), Err(WaitGroupError::TimedOut));
}

#[test]
fn a_dead_member_is_named_to_all_until_its_piece_is_taken_over() {
    let _watchdog = Watchdog::with_limit(60);
    let group = share(WaitGroup::new());
    group.add(2).unwrap();
    let victim = member(group);
    let pid = victim.pid();
    let waiters = [(); 2].map(|()| fork(|| assert_eq!(group.wait(), died(pid))));
    for waiter in &waiters {
        eventually("it sleeps", || state_of(waiter.pid()) == Some('S'));
    }
    let victim = kill(victim);
    assert_eq!(waiters.map(reap), [0; 2]);
    assert_eq!((group.try_wait(), group.wait()), (died(victim), died(victim)));
    assert_eq!((group.remaining(), group.members()), (Ok(2), Ok(1)));
    let (member, died) = group.take_over().unwrap().unwrap();
    assert_eq!((died, group.take_over().map(|none| none.is_none())), (victim, Ok(true)));
    assert_eq!(
        format!("{group:?}"),
        format!("WaitGroup {{ remaining: 2, members: [{}], .. }}", std::process::id())
    );
    assert_eq!(group.try_wait(), Err(WaitGroupError::TimedOut));
    // The other one is nobody's.
    group.done().unwrap();
    assert_eq!(group.done(), Err(WaitGroupError::NothingAnnounced));
    drop(member);
    assert_eq!(group.wait(), Ok(()));
}

#[test]
fn each_of_several_deaths_is_named() {
    let _watchdog = Watchdog::with_limit(60);
    let group = share(WaitGroup::new());
    group.add(3).unwrap();
    let mut victims = [(); 3].map(|()| member(group)).map(kill);
    let mut named = [(); 3].map(|()| match group.wait() {
        Err(WaitGroupError::MemberDied { pid }) => {
            let (member, died) = group.take_over().unwrap().unwrap();
            assert_eq!(died, pid);
            drop(member);
            pid
        }
        other => panic!("{other:?}"),
    });
    victims.sort_unstable();
    named.sort_unstable();
    assert_eq!(named, victims);
    assert_eq!((group.wait(), group.done()), (Ok(()), Err(WaitGroupError::NothingAnnounced)));
}

/// Each that waited is told of a death once, whoever takes over the piece first; who takes it over and dies is told in turn.
#[test]
fn a_death_is_told_to_all_who_waited_though_the_piece_is_taken_over_at_once() {
    let _watchdog = Watchdog::with_limit(60);
    let group = share(WaitGroup::new());
    group.add(1).unwrap();
    let victim = member(group);
    let pid = victim.pid();
    let (heir, told) = (flag(), flag());
    let waiters = [(); 3].map(|()| {
        fork(|| {
            assert_eq!(group.wait(), died(pid));
            if let Some((member, died)) = group.take_over().unwrap() {
                assert_eq!(died, pid);
                mem::forget(member);
                heir.store(std::process::id(), SeqCst);
            }
            told.fetch_add(1, SeqCst);
            eventually("all are told while the heir lives", || told.load(SeqCst) == 3);
        })
    });
    for waiter in &waiters {
        eventually("it sleeps", || state_of(waiter.pid()) == Some('S'));
    }
    kill(victim);
    assert_eq!(waiters.map(reap), [0; 3]);
    assert_eq!(group.wait(), died(heir.load(SeqCst)), "the heir has died in turn");
    drop(group.take_over().unwrap().unwrap());
    assert_eq!(group.wait(), Ok(()));
}

/// Leaked by a thread that ends, or forgotten: not done as long as the process lives.
#[test]
fn a_member_that_is_leaked_dies_with_its_process() {
    let _watchdog = Watchdog::with_limit(60);
    let (group, ready) = (share(WaitGroup::new()), flag());
    let leaks = fork(|| {
        thread::spawn(|| mem::forget(group.add_member().unwrap())).join().unwrap();
        ready.store(1, SeqCst);
        idle();
    });
    eventually("it is leaked", || ready.load(SeqCst) == 1);
    assert_eq!(group.wait_timeout(Duration::from_millis(20)), Err(WaitGroupError::TimedOut));
    let leaks = kill(leaks);
    assert_eq!(group.wait(), died(leaks));
}

/// What was announced by a process that died is waited for still: nobody knows who was to do it.
#[test]
fn pieces_that_nobody_has_entered_outlive_their_announcer() {
    let _watchdog = Watchdog::with_limit(60);
    let group = share(WaitGroup::new());
    assert_eq!(reap(fork(|| group.add(1).unwrap())), 0);
    assert_eq!(group.wait_timeout(Duration::from_millis(20)), Err(WaitGroupError::TimedOut));
    group.done().unwrap();
    assert_eq!(group.wait(), Ok(()));
}

#[test]
fn a_panic_is_the_end_of_a_members_piece() {
    let _watchdog = Watchdog::with_limit(60);
    for group in both() {
        thread::scope(|scope| {
            let panics = scope.spawn(|| {
                let _member = group.add_member().unwrap();
                panic!("at work");
            });
            panics.join().unwrap_err();
        });
        assert_eq!(group.wait(), Ok(()));
    }
}

#[test]
fn a_member_in_a_fork_is_its_parents() {
    let _watchdog = Watchdog::with_limit(60);
    let group = share(WaitGroup::new());
    let member = group.add_member().unwrap();
    let child = fork(|| {
        // SAFETY: a bitwise copy of the guard, as the fork has one; the parent's is another process's.
        drop(unsafe { std::ptr::read(&raw const member) });
        assert_eq!((group.remaining(), group.members()), (Ok(1), Ok(1)));
        drop(group.add_member().unwrap());
    });
    assert_eq!(reap(child), 0);
    assert_eq!(group.try_wait(), Err(WaitGroupError::TimedOut));
    drop(member);
    assert_eq!(group.try_wait(), Ok(()));
}

#[test]
fn what_was_announced_is_so_where_it_is_placed() {
    let _watchdog = Watchdog::with_limit(60);
    let group = WaitGroup::new();
    group.add(2).unwrap();
    mem::forget(group.enter().unwrap());
    let group = share(group);
    assert_eq!((group.remaining(), group.members()), (Ok(2), Ok(0)));
    (0..2).for_each(|_| assert_eq!(reap(fork(|| group.done().unwrap())), 0));
    assert_eq!(group.wait(), Ok(()));
}

/// Whatever bytes the state holds: operations on it end, and nothing panics.
#[test]
fn torn_bytes_are_a_group() {
    let _watchdog = Watchdog::with_limit(60);
    const HEAD: usize = 40; // the mutex's, which has tests of its own
    const CONDVAR: usize = 16;
    const LEAVERS: usize = 8;
    for byte in [0x00, 0x01, 0x55, 0x7f, 0x80, 0xff_u8] {
        let group = share(WaitGroup::new());
        let state = size_of::<WaitGroup>() - HEAD - CONDVAR - LEAVERS;
        let start = std::ptr::from_ref(group).cast::<u8>().cast_mut();
        // SAFETY: within the value, and nobody else uses it; numbers alone, of which every bit pattern is one.
        unsafe {
            start.add(HEAD).write_bytes(byte, state);
            start.add(HEAD + state + CONDVAR).write_bytes(byte, LEAVERS);
        }
        let _ = (group.try_wait(), group.wait_timeout(Duration::from_millis(1)), group.take_over().map(drop));
        let _ = (group.add(1), group.done(), group.enter().map(drop), group.add_member().map(drop));
        assert!(group.members().unwrap() <= MAX_MEMBERS);
        assert!(format!("{group:?}").starts_with("WaitGroup"));
    }
}

/// What it is shown to may take its time, and use the group.
#[test]
fn nobody_has_it_while_it_is_shown() {
    struct User(&'static WaitGroup);
    impl fmt::Write for User {
        fn write_str(&mut self, _: &str) -> fmt::Result {
            self.0.add(1).and_then(|()| self.0.done()).map_err(|_| fmt::Error)
        }
    }
    let _watchdog = Watchdog::with_limit(60);
    for group in both().into_iter().rev() {
        assert_eq!(fmt::write(&mut User(group), format_args!("{group:?}")), Ok(()));
    }
}

#[test]
fn it_is_shared_and_shown() {
    fn is_shared<T: Send + Sync + ShmSafe>(_: &T) {}
    static GLOBAL: WaitGroup = WaitGroup::new();
    assert_eq!(GLOBAL.try_wait(), Ok(()));
    for group in both() {
        is_shared(group);
        group.add(2).unwrap();
        let member = group.enter().unwrap();
        let own = std::process::id();
        assert_eq!(format!("{group:?}"), format!("WaitGroup {{ remaining: 2, members: [{own}], .. }}"));
        assert_eq!(format!("{member:?}"), "Member { .. }");
    }
}
