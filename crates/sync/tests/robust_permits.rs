//! What becomes of permits whose holders die, fork, leak them or end without dropping them. `unsafe`: a subreaper, and copies of guards.
#![allow(unsafe_code)]

mod common;

use std::cell::RefCell;
use std::mem;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::Duration;

use common::{Fork, flag, fork, idle, kill, reap, share};
use multiproc_sync::{AcquireError, RobustPermit, RobustSemaphore};
use multiproc_testkit::{Watchdog, eventually, state_of};

type Semaphore<const PERMITS: usize> = &'static RobustSemaphore<PERMITS>;

fn semaphore<const PERMITS: usize>() -> Semaphore<PERMITS> {
    share(RobustSemaphore::new())
}

/// A process that has a permit until it is killed.
fn holder<const PERMITS: usize>(semaphore: Semaphore<PERMITS>) -> Fork {
    let before = semaphore.holders().count();
    let holder = fork(|| {
        let _permit = semaphore.permit().unwrap();
        idle();
    });
    eventually("it has a permit", || semaphore.holders().count() == before + 1);
    holder
}

fn dead(permit: &RobustPermit<'_>) -> Option<u32> {
    permit.recovered_from().map(|dead| dead.pid().expect("its entry is its own still"))
}

#[test]
fn the_permit_of_the_dead_is_had_at_once_and_told_of_once() {
    let _watchdog = Watchdog::with_limit(60);
    let semaphore = semaphore::<1>();
    let victim = holder(semaphore);
    assert_eq!(semaphore.try_permit().map(drop), Err(AcquireError::TimedOut));
    assert_eq!(semaphore.holders().map(|holder| holder.pid()).collect::<Vec<_>>(), [Some(victim.pid())]);
    let victim = kill(victim);
    let permit = semaphore.try_permit().unwrap();
    assert_eq!(dead(&permit), Some(victim));
    assert_eq!(
        format!("{permit:?}"),
        format!("RobustPermit {{ recovered_from: Some(process {victim}), .. }}")
    );
    drop(permit);
    assert_eq!(dead(&semaphore.try_permit().unwrap()), None);
    assert_eq!(semaphore.available(), 1);
}

#[test]
fn who_waits_gets_the_permit_of_one_who_dies() {
    let _watchdog = Watchdog::with_limit(60);
    let semaphore = semaphore::<1>();
    let victim = holder(semaphore);
    let waits = || assert!(semaphore.permit().is_ok());
    let waiters = [(); 3].map(|()| fork(waits));
    for waiter in &waiters {
        eventually("it sleeps", || state_of(waiter.pid()) == Some('S'));
    }
    kill(victim);
    assert_eq!(waiters.map(reap), [0; 3]);
    assert_eq!(semaphore.available(), 1);
}

/// Each permit of the dead goes to one, and each death is told.
#[test]
fn each_of_many_deaths_is_told_to_one() {
    let _watchdog = Watchdog::with_limit(60);
    let semaphore = semaphore::<6>();
    let victims: Vec<_> = (0..6).map(|_| holder(semaphore)).collect();
    let mut victims: Vec<_> = victims.into_iter().map(kill).collect();
    let permits: Vec<_> = (0..6).map(|_| semaphore.permit().unwrap()).collect();
    let mut told: Vec<u32> =
        permits.iter().map(|permit| dead(permit).expect("all are of the dead")).collect();
    victims.sort_unstable();
    told.sort_unstable();
    assert_eq!(told, victims);
    assert!(semaphore.try_permit().is_err());
}

/// All permits of a process come back with its end, however many it had.
#[test]
fn all_permits_of_a_process_come_back() {
    let _watchdog = Watchdog::with_limit(60);
    let (semaphore, ready) = (semaphore::<4>(), flag());
    let victim = fork(|| {
        let threads = [(); 3].map(|()| thread::spawn(|| mem::forget(semaphore.permit().unwrap())));
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let _permit = semaphore.permit().unwrap();
        ready.store(1, SeqCst);
        idle();
    });
    eventually("it has all", || ready.load(SeqCst) == 1);
    // Its threads that left have leaked theirs: they are its own as long as it lives.
    assert_eq!(semaphore.permit_timeout(Duration::from_millis(30)).map(drop), Err(AcquireError::TimedOut));
    let victim = kill(victim);
    let permits = [(); 4].map(|()| semaphore.try_permit().unwrap());
    assert!(permits.iter().all(|permit| dead(permit) == Some(victim)));
}

#[test]
fn a_forgotten_permit_is_taken_until_its_process_ends() {
    let _watchdog = Watchdog::with_limit(60);
    let (semaphore, ready) = (semaphore::<1>(), flag());
    let victim = fork(|| {
        mem::forget(semaphore.permit().unwrap());
        assert!(semaphore.try_permit().is_err(), "by its own process, too");
        ready.store(1, SeqCst);
        idle();
    });
    eventually("it is forgotten", || ready.load(SeqCst) == 1);
    assert!(semaphore.try_permit().is_err());
    let victim = kill(victim);
    assert_eq!(dead(&semaphore.permit().unwrap()), Some(victim));
}

#[test]
fn a_process_that_exits_with_a_permit_gives_it_back() {
    let _watchdog = Watchdog::with_limit(60);
    let semaphore = semaphore::<1>();
    let ends = fork(|| mem::forget(semaphore.permit().unwrap()));
    let pid = ends.pid();
    assert_eq!(reap(ends), 0);
    assert_eq!(dead(&semaphore.permit().unwrap()), Some(pid));
}

/// Who took over from the dead dies in turn, again and again.
#[test]
fn who_takes_over_may_die_too() {
    let _watchdog = Watchdog::with_limit(60);
    let semaphore = semaphore::<1>();
    let mut before = None;
    for _ in 0..20 {
        let ends = fork(|| {
            let permit = semaphore.try_permit().unwrap();
            assert_eq!(dead(&permit), before);
            mem::forget(permit);
        });
        let pid = ends.pid();
        assert_eq!(reap(ends), 0);
        before = Some(pid);
    }
    assert_eq!(dead(&semaphore.try_permit().unwrap()), before);
}

#[test]
fn a_permit_in_a_fork_is_its_parents() {
    let _watchdog = Watchdog::with_limit(60);
    let semaphore = semaphore::<2>();
    let permit = semaphore.permit().unwrap();
    let child = fork(|| {
        // SAFETY: a bitwise copy of the guard, as the fork has one; the parent's is another process's.
        drop(unsafe { std::ptr::read(&raw const permit) });
        assert_eq!(semaphore.available(), 1, "it was the parent's");
        // What it acquires itself is its own, also beside the old guard.
        let own = semaphore.permit().unwrap();
        assert_eq!(semaphore.available(), 0);
        // SAFETY: as above.
        drop(unsafe { std::ptr::read(&raw const permit) });
        assert_eq!(semaphore.available(), 0);
        drop(own);
    });
    assert_eq!(reap(child), 0);
    assert_eq!(semaphore.available(), 1);
    drop(permit);
    assert_eq!(semaphore.available(), 2);
}

/// A fork that lives on does not keep the permit of its parent, which is dead.
#[test]
fn a_fork_that_lives_does_not_keep_its_dead_parents_permit() {
    let _watchdog = Watchdog::with_limit(60);
    // SAFETY: sets a flag of this process: the fork of a fork is its child when that is dead.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) }, 0);
    let (semaphore, number) = (semaphore::<1>(), flag());
    let parent = fork(|| {
        let _permit = semaphore.permit().unwrap();
        let child = fork(|| idle());
        number.store(child.pid(), SeqCst);
        idle();
    });
    eventually("it has forked", || number.load(SeqCst) != 0);
    let parent = kill(parent);
    let permit = semaphore.permit();
    kill(Fork::adopt(number.load(SeqCst).cast_signed()));
    assert_eq!(dead(&permit.unwrap()), Some(parent));
}

#[test]
fn killed_waiters_are_missed_by_nobody() {
    let _watchdog = Watchdog::with_limit(60);
    let semaphore = semaphore::<1>();
    let permit = semaphore.permit().unwrap();
    let waits = || drop(semaphore.permit().unwrap());
    let (victim, survivor) = (fork(waits), fork(waits));
    for waiter in [&victim, &survivor] {
        eventually("it sleeps", || state_of(waiter.pid()) == Some('S'));
    }
    kill(victim);
    drop(permit);
    assert_eq!(reap(survivor), 0);
    assert_eq!(semaphore.available(), 1);
}

thread_local! {
    static KEPT: RefCell<Option<RobustPermit<'static>>> = const { RefCell::new(None) };
}

#[test]
fn a_permit_in_a_thread_local_is_released_with_it() {
    let _watchdog = Watchdog::with_limit(60);
    let semaphore = semaphore::<1>();
    let keeps = thread::spawn(|| {
        KEPT.with_borrow_mut(|kept| *kept = None);
        KEPT.with_borrow_mut(|kept| *kept = Some(semaphore.permit().unwrap()));
    });
    keeps.join().unwrap();
    assert_eq!(dead(&semaphore.try_permit().unwrap()), None);
}
