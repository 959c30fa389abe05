//! Processes whose view of the others changes after they have a name: another clock, another /proc, another count of processes.
//! `unsafe`: namespaces, mounts, bare forks.
#![allow(unsafe_code)]

mod common;

use std::ffi::CStr;
use std::fs::{self, File};
use std::mem;
use std::os::fd::AsRawFd;
use std::ptr;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::Duration;

use common::{Fork, flag, fork, idle, kill, reap, share};
use multiproc_sync::{AcquireError, RobustSemaphore};
use multiproc_testkit::{Watchdog, eventually, state_of};

type Semaphore = &'static RobustSemaphore<1>;

/// A process that has the permit until it is killed.
fn holder(semaphore: Semaphore) -> Fork {
    let holder = fork(|| {
        let _permit = semaphore.acquire().unwrap();
        idle();
    });
    eventually("it has the permit", || semaphore.available() == 0);
    // Processes made from here on have started at another time.
    thread::sleep(Duration::from_millis(50));
    holder
}

/// A process of the family with a name: it moves, and then finds a holder that lives alive, and one that has died dead. Nothing is
/// looked at where it cannot move.
fn finds_the_living_alive_after<T>(moves: impl FnOnce(u32) -> Option<T>) {
    let _watchdog = Watchdog::with_limit(60);
    let (semaphore, own) = (share(RobustSemaphore::<1>::new()), share(RobustSemaphore::<1>::new()));
    let holder = holder(semaphore);
    let (has_moved, is_dead) = (flag(), flag());
    let pid = holder.pid();
    let seeker = fork(|| {
        let _named = own.acquire().unwrap();
        let Some(_for_as_long) = moves(pid) else { return };
        assert_eq!(semaphore.try_acquire().map(drop), Err(AcquireError::TimedOut), "its holder lives");
        has_moved.store(1, SeqCst);
        eventually("it is dead", || is_dead.load(SeqCst) == 1);
        let permit = semaphore.try_acquire().expect("its holder is dead");
        assert_eq!(permit.recovered_from().and_then(|dead| dead.pid()), Some(pid));
    });
    let seeker_ended = || state_of(seeker.pid()) == Some('Z');
    eventually("it has moved or cannot", || has_moved.load(SeqCst) == 1 || seeker_ended());
    kill(holder);
    is_dead.store(1, SeqCst);
    assert_eq!(reap(seeker), 0);
}

/// New namespaces, if this user may have them.
fn unshare(namespaces: i32) -> bool {
    // SAFETY: an integer, by a process with one thread.
    let unshared = |namespaces| unsafe { libc::unshare(namespaces) } == 0;
    unshared(namespaces) || unshared(namespaces | libc::CLONE_NEWUSER)
}

/// There processes seem to have started a day earlier.
fn enter_another_time() -> Option<()> {
    const CLONE_NEWTIME: i32 = 0x80;
    if !unshare(CLONE_NEWTIME) || fs::write("/proc/self/timens_offsets", "boottime 86400 0").is_err() {
        return None;
    }
    let time = File::open("/proc/self/ns/time_for_children").ok()?;
    // SAFETY: a descriptor that is open.
    let has_moved = unsafe { libc::setns(time.as_raw_fd(), CLONE_NEWTIME) } == 0;
    has_moved.then_some(())
}

#[test]
fn in_another_time_nobody_who_lives_is_taken_for_dead() {
    finds_the_living_alive_after(|_| enter_another_time());
}

fn mount(what: &CStr, on: &CStr, flags: libc::c_ulong) -> bool {
    // SAFETY: strings that outlive the call; no data.
    unsafe { libc::mount(what.as_ptr(), on.as_ptr(), what.as_ptr(), flags, ptr::null()) == 0 }
}

/// /proc is that of other processes from now on, with one of this number among them. They end with the first of them.
fn see_the_processes_of_another_namespace(number: u32) -> Option<Fork> {
    if !unshare(libc::CLONE_NEWPID | libc::CLONE_NEWNS)
        || !mount(c"none", c"/", libc::MS_REC | libc::MS_PRIVATE)
    {
        return None;
    }
    let ready = flag();
    let first = fork(|| {
        if mount(c"proc", c"/proc", 0) {
            fs::write("/proc/sys/kernel/ns_last_pid", (number - 1).to_string()).unwrap();
            mem::forget(fork(|| idle()));
            ready.store(1, SeqCst);
            idle();
        }
        ready.store(2, SeqCst);
    });
    eventually("it is there", || ready.load(SeqCst) != 0);
    if ready.load(SeqCst) == 2 {
        return None;
    }
    assert!(fs::exists(format!("/proc/{number}/stat")).unwrap());
    Some(first)
}

#[test]
fn where_proc_tells_of_others_nobody_who_lives_is_taken_for_dead() {
    finds_the_living_alive_after(see_the_processes_of_another_namespace);
}

/// It keeps the name that it was forked with, and the family's numbers are nobody's there.
#[test]
fn a_bare_fork_in_another_namespace_takes_nobody_for_dead() {
    let _watchdog = Watchdog::with_limit(60);
    let (semaphore, own) = (share(RobustSemaphore::<1>::new()), share(RobustSemaphore::<1>::new()));
    let holder = holder(semaphore);
    let parent = fork(|| {
        let _named = own.acquire().unwrap();
        let flags = libc::CLONE_NEWPID | libc::SIGCHLD;
        // SAFETY: as fork(2), without its handlers; the child leaves without returning.
        match unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) } {
            0 => {
                let taken = semaphore.try_acquire().is_ok();
                // SAFETY: ends the process at once.
                unsafe { libc::_exit(i32::from(taken)) }
            }
            -1 => {}
            child => assert_eq!(reap(Fork::adopt(child as i32)), 0, "its holder lives"),
        }
    });
    assert_eq!(reap(parent), 0);
    kill(holder);
}
