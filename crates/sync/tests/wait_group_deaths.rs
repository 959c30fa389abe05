//! Who is told of a member's death where another cannot see it, and of which of several. `unsafe`: a process that is stopped.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // flags beside the group, not the group

mod common;

use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::Duration;

use common::unseen::{kill_only, limit_descriptors};
use common::{Fork, flag, fork, idle, kill, reap, share};
use multiproc_sync::{WaitGroup, WaitGroupError};
use multiproc_testkit::{Watchdog, eventually, holds_within, state_of};

/// A process that is a member until it is killed.
fn member(group: &'static WaitGroup) -> Fork {
    let before = group.members().unwrap();
    let member = fork(|| {
        let _member = group.add_member().unwrap();
        idle();
    });
    eventually("it is a member", || group.members() == Ok(before + 1));
    member
}

fn died(pid: u32) -> Result<(), WaitGroupError> {
    Err(WaitGroupError::MemberDied { pid })
}

/// A process that is told of this death, or of an end, as `wait` says it.
fn waits(group: &'static WaitGroup, descriptors: u64, told: Result<(), WaitGroupError>) -> Fork {
    let ready = flag();
    let waits = fork(|| {
        group.members().unwrap(); // it has its name while there are descriptors
        limit_descriptors(descriptors);
        ready.store(1, SeqCst);
        assert_eq!(group.wait(), told);
    });
    eventually("it sleeps", || ready.load(SeqCst) == 1 && state_of(waits.pid()) == Some('S'));
    waits
}

/// Of those who wait one looks for all, but not one that has no descriptor to look with.
#[test]
fn one_that_sees_nothing_keeps_nobody_from_seeing() {
    let _watchdog = Watchdog::with_limit(60);
    let group = share(WaitGroup::new());
    let victim = member(group);
    let sees = waits(group, u64::MAX, died(victim.pid()));
    thread::sleep(Duration::from_millis(500)); // their heartbeats are to alternate for long
    let sees_nothing = waits(group, 0, died(victim.pid()));
    kill_only(&victim);
    let are_told = || [&sees, &sees_nothing].iter().all(|waits| state_of(waits.pid()) == Some('Z'));
    assert!(holds_within(Duration::from_secs(20), are_told), "nobody is told");
    assert_eq!([reap(sees), reap(sees_nothing)], [0; 2]);
    kill(victim);
}

fn send(fork: &Fork, signal: i32) {
    // SAFETY: a child that has not been waited for.
    assert_eq!(unsafe { libc::kill(fork.pid().cast_signed(), signal) }, 0);
}

/// What a wait has missed while its process was stopped: that members have died, though their pieces are others', and the number of the
/// last.
#[test]
fn who_slept_through_several_deaths_is_told_of_the_last() {
    let _watchdog = Watchdog::with_limit(60);
    let group = share(WaitGroup::new());
    let victims = [(); 2].map(|()| member(group));
    let waits = waits(group, u64::MAX, died(victims[1].pid()));
    eventually("it is stopped without the mutex", || {
        send(&waits, libc::SIGSTOP);
        eventually("it is stopped", || state_of(waits.pid()) == Some('T'));
        let is_locked = format!("{group:?}").contains("locked");
        if is_locked {
            send(&waits, libc::SIGCONT);
        }
        !is_locked
    });
    let taken = victims.map(|victim| {
        let victim = kill(victim);
        let (member, pid) = group.take_over().unwrap().unwrap();
        assert_eq!(pid, victim);
        member
    });
    send(&waits, libc::SIGCONT);
    assert_eq!(reap(waits), 0);
    drop(taken);
    assert_eq!(group.wait(), Ok(()));
}
