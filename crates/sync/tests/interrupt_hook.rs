//! A hook for interrupted waits that locks another robust lock, or panics: the wait in which it was called stays robust. `unsafe`: a
//! handler, ptrace.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // flags beside the lock, not the lock

mod common;

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use common::{flag, fork, idle, kill, reap, share};
use multiproc_sync::{Mutex, interrupt, registry};
use multiproc_testkit::{Watchdog, eventually, state_of};

extern "C" fn handler(_: i32) {}

/// What the hook locks and counts: set in the fork that installs it.
static OTHER: OnceLock<&'static Mutex<u64>> = OnceLock::new();
static CALLS: OnceLock<&'static AtomicU32> = OnceLock::new();

fn locks_another() -> ControlFlow<()> {
    *OTHER.get().unwrap().lock().unwrap() += 1;
    CALLS.get().unwrap().fetch_add(1, SeqCst);
    ControlFlow::Continue(())
}

fn locks_none() -> ControlFlow<()> {
    CALLS.get().unwrap().fetch_add(1, SeqCst);
    ControlFlow::Continue(())
}

fn panics() -> ControlFlow<()> {
    panic!("in the hook")
}

fn handle() {
    // SAFETY: the structure is complete, the handler does nothing.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        assert_eq!(libc::sigaction(libc::SIGUSR1, &raw const action, ptr::null_mut()), 0);
    }
}

fn sleeps_in_futex(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/syscall")).is_ok_and(|text| text.starts_with("202 "))
}

/// A waiter whose wait was interrupted once is killed right after it has taken the word; whether the lock can be had then.
fn can_be_had_after(hook: interrupt::Hook) -> bool {
    let mutex = share(Mutex::new(0_u64));
    let (other, calls) = (share(Mutex::new(0_u64)), flag());
    handle();
    let guard = mutex.lock().unwrap();
    let fork = fork(|| {
        OTHER.set(other).unwrap();
        CALLS.set(calls).unwrap();
        interrupt::install(hook).unwrap();
        let _guard = mutex.lock();
        idle();
    });
    let child = fork.pid().cast_signed();
    eventually("it sleeps", || sleeps_in_futex(child));
    // SAFETY: signals to, and tracing of, a child that has not been waited for; the word is the mutex's first.
    unsafe {
        // A signal between two heartbeats interrupts no sleep.
        eventually("the hook was called", || {
            libc::kill(child, libc::SIGUSR1);
            calls.load(SeqCst) > 0
        });
        eventually("it sleeps again", || sleeps_in_futex(child));
        assert_eq!(libc::ptrace(libc::PTRACE_SEIZE, child, 0, 0), 0);
        assert_eq!(libc::ptrace(libc::PTRACE_INTERRUPT, child, 0, 0), 0);
        let mut status = 0;
        assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
        drop(guard);
        let word = ptr::from_ref(mutex).cast::<AtomicU32>();
        for _ in 0..100_000 {
            if (*word).load(SeqCst) & 0x3fff_ffff == fork.pid() {
                break;
            }
            assert_eq!(libc::ptrace(libc::PTRACE_SINGLESTEP, child, 0, 0), 0);
            assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
            assert!(libc::WIFSTOPPED(status));
        }
        assert_eq!((*word).load(SeqCst) & 0x3fff_ffff, fork.pid(), "it has taken the word");
    }
    kill(fork);
    let told = mutex.lock_timeout(Duration::from_secs(4)).map(drop);
    told.is_ok()
}

#[test]
fn a_hook_that_locks_nothing_leaves_the_wait_robust() {
    let _watchdog = Watchdog::with_limit(60);
    assert!(can_be_had_after(locks_none));
}

#[test]
fn a_hook_that_locks_leaves_the_wait_robust() {
    let _watchdog = Watchdog::with_limit(60);
    assert!(can_be_had_after(locks_another));
}

#[test]
fn a_hook_that_panics_leaves_nothing_held() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = share(Mutex::new(0_u64));
    handle();
    let guard = mutex.lock().unwrap();
    let fork = fork(|| {
        interrupt::install(panics).unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| drop(mutex.lock()))).is_err());
        let start = ptr::from_ref(mutex) as usize;
        assert!(!registry::holds_within(&(start..start + size_of::<Mutex<u64>>())), "it holds nothing");
    });
    let child = fork.pid().cast_signed();
    eventually("it sleeps", || sleeps_in_futex(child));
    eventually("it has ended", || {
        // SAFETY: a child that has not been waited for.
        unsafe { libc::kill(child, libc::SIGUSR1) };
        state_of(fork.pid()) == Some('Z')
    });
    assert_eq!(reap(fork), 0);
    drop(guard);
}
