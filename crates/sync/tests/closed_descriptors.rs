//! Threads that close descriptors which are not theirs, as libraries that make daemons do, while others open their own. `unsafe`: closes
//! descriptors by their number, and stands before the C library's poll.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // flags of the test

mod common;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use common::{Fork, flag, fork, idle, kill, reap, share};
use multiproc_sync::{AcquireError, LockError, Mutex, RobustSemaphore};
use multiproc_testkit::{Watchdog, eventually};

/// What happens to the first descriptor of each poll right before it, as by another thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
enum Blow {
    None,
    /// It is closed.
    Closed,
    /// It is closed, and its number becomes that of something which can be read.
    Replaced,
}

static BLOW: AtomicUsize = AtomicUsize::new(Blow::None as usize);
static BLOWS: AtomicUsize = AtomicUsize::new(0);

/// In place of the C library's.
///
/// # Safety
///
/// As of that.
#[unsafe(no_mangle)]
unsafe extern "C" fn poll(fds: *mut libc::pollfd, count: libc::nfds_t, millis: i32) -> i32 {
    let blow = BLOW.load(SeqCst);
    // SAFETY: as many entries as the caller says; a descriptor of its own, which is closed or replaced.
    unsafe {
        if count > 0 && blow != Blow::None as usize {
            BLOWS.fetch_add(1, SeqCst);
            libc::close((*fds).fd);
        }
        if count > 0 && blow == Blow::Replaced as usize {
            assert_eq!(libc::open(c"/dev/null".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC), (*fds).fd);
        }
        let rest =
            libc::timespec { tv_sec: (millis / 1000).into(), tv_nsec: (millis % 1000 * 1_000_000).into() };
        let timeout = if millis < 0 { std::ptr::null() } else { &raw const rest };
        libc::ppoll(fds, count, timeout, std::ptr::null())
    }
}

/// A process that has the permit until it is killed.
fn holder(semaphore: &'static RobustSemaphore<1>) -> Fork {
    let holder = fork(|| {
        let _permit = semaphore.acquire().unwrap();
        idle();
    });
    eventually("it has the permit", || semaphore.available() == 0);
    holder
}

#[test]
fn a_descriptor_that_is_lost_before_it_is_asked_makes_nobody_dead() {
    let _watchdog = Watchdog::with_limit(60);
    let (semaphore, own) = (share(RobustSemaphore::<1>::new()), share(RobustSemaphore::<1>::new()));
    let holder = holder(semaphore);
    let (looked, is_dead) = (flag(), flag());
    let seeker = fork(|| {
        let _named = own.acquire().unwrap();
        for blow in [Blow::Closed, Blow::Replaced] {
            BLOW.store(blow as usize, SeqCst);
            let before = BLOWS.load(SeqCst);
            let refused = Err(AcquireError::TimedOut);
            assert_eq!(semaphore.try_acquire().map(drop), refused, "its holder lives: {blow:?}");
            assert!(BLOWS.load(SeqCst) > before, "{blow:?}");
        }
        looked.store(1, SeqCst);
        BLOW.store(Blow::None as usize, SeqCst);
        eventually("it is dead", || is_dead.load(SeqCst) == 1);
        drop(semaphore.try_acquire().expect("its holder is dead"));
    });
    let seeker_ended = || multiproc_testkit::state_of(seeker.pid()) == Some('Z');
    eventually("it has looked", || looked.load(SeqCst) == 1 || seeker_ended());
    kill(holder);
    is_dead.store(1, SeqCst);
    assert_eq!(reap(seeker), 0);
}

/// A thread that ends with a lock whose process lives on is looked at, and waited for, in vain.
#[test]
fn a_descriptor_that_is_lost_while_an_end_is_waited_for_makes_nobody_dead() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, held) = (share(Mutex::new(0_u64)), flag());
    let owner = fork(|| {
        thread::spawn(|| {
            std::mem::forget(mutex.lock().unwrap());
            held.store(1, SeqCst);
            // SAFETY: ends the thread alone; nothing of it is joined.
            unsafe { libc::syscall(libc::SYS_exit, 0) };
        });
        idle();
    });
    eventually("the lock is held", || held.load(SeqCst) == 1);
    let lockers = [Blow::Closed, Blow::Replaced].map(|blow| {
        fork(|| {
            BLOW.store(blow as usize, SeqCst);
            assert!(matches!(mutex.lock(), Err(LockError::OwnerLeft)), "{blow:?}");
            assert!(BLOWS.load(SeqCst) > 0);
        })
    });
    lockers.into_iter().for_each(|locker| assert_eq!(reap(locker), 0));
    kill(owner);
    assert!(matches!(mutex.lock(), Err(LockError::OwnerDied(_))));
}

/// In a process that does nothing else, so that nobody's files are hurt.
#[test]
#[cfg_attr(
    debug_assertions,
    ignore = "the standard library ends a process that finds its descriptors closed"
)]
fn a_thread_that_closes_whatever_is_open_makes_nobody_dead() {
    let _watchdog = Watchdog::with_limit(60);
    let (semaphore, own) = (share(RobustSemaphore::<1>::new()), share(RobustSemaphore::<1>::new()));
    let holder = holder(semaphore);
    let seeker = fork(|| {
        let _named = own.acquire().unwrap();
        let is_over = AtomicBool::new(false);
        let taken = thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(SeqCst) {
                    // SAFETY: three integers. What the other thread loses by it are descriptors of the crate's own.
                    unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0) };
                }
            });
            let end = Instant::now() + Duration::from_secs(2);
            let taken = (0..).map_while(|_| (Instant::now() < end).then(|| semaphore.try_acquire().is_ok()));
            let taken = { taken }.any(|taken| taken);
            is_over.store(true, SeqCst);
            taken
        });
        assert!(!taken, "its holder lives");
    });
    assert_eq!(reap(seeker), 0);
    kill(holder);
    drop(semaphore.acquire().expect("its holder is dead"));
}
