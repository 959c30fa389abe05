//! Processes whose end is long in coming, for whatever reason. `unsafe`: traces them, and sends them signals.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // flags beside the lock, not the lock

mod common;

use std::fs;
use std::mem;
use std::os::fd::{FromRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use common::{Fork, flag, fork, idle, kill, reap, share};
use multiproc_sync::{LockError, Mutex};
use multiproc_testkit::{Watchdog, eventually, state_of};

/// A process whose first thread holds the lock; and the number of its other thread.
fn owner_of_two_threads(mutex: &'static Mutex<u64>) -> (Fork, i32) {
    process_of_two_threads(|| mem::forget(mutex.lock().unwrap()))
}

/// A process whose first thread has run this; and the number of its other thread.
fn process_of_two_threads(first: impl FnOnce()) -> (Fork, i32) {
    let (other, held) = (flag(), flag());
    let owner = fork(|| {
        thread::spawn(|| {
            // SAFETY: no conditions.
            other.store(unsafe { libc::gettid() }.cast_unsigned(), SeqCst);
            idle();
        });
        eventually("the other thread runs", || other.load(SeqCst) != 0);
        first();
        held.store(1, SeqCst);
        idle();
    });
    eventually("the lock is held", || held.load(SeqCst) == 1);
    (owner, other.load(SeqCst).cast_signed())
}

fn send(process: &Fork, signal: i32) {
    // SAFETY: a child that has not been waited for, so that the number is its own.
    assert_eq!(unsafe { libc::kill(process.pid().cast_signed(), signal) }, 0);
}

/// A thread of a child that the calling thread traces. Dropped, it is let go.
struct Traced(i32);

impl Traced {
    fn seize(thread: i32, options: i32) -> Self {
        // SAFETY: of a thread of a child; nothing is written.
        let traced = unsafe { libc::ptrace(libc::PTRACE_SEIZE, thread, 0_usize, options as usize) };
        assert_eq!(traced, 0, "{}", std::io::Error::last_os_error());
        Self(thread)
    }

    fn wait_for(&self, what: i32) {
        // SAFETY: `None` for what is told of the thread; its end stays to be waited for.
        let found = unsafe {
            libc::waitid(
                libc::P_PID,
                self.0.cast_unsigned(),
                ptr::null_mut(),
                what | libc::WNOWAIT | libc::__WALL,
            )
        };
        assert_eq!(found, 0, "{}", std::io::Error::last_os_error());
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        // SAFETY: a thread that the calling one traces, to its end: nobody else has its number.
        unsafe {
            libc::ptrace(libc::PTRACE_DETACH, self.0, 0_usize, 0_usize);
            libc::waitpid(self.0, ptr::null_mut(), libc::__WALL);
        }
    }
}

/// A signal is no kill: nothing of it is pending by then. And the kernel does not yet call a thread ending that is held here.
#[test]
fn a_process_with_a_thread_that_is_held_at_its_end_is_waited_for() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = share(Mutex::new(0_u64));
    let (owner, other) = owner_of_two_threads(mutex);
    let traced = Traced::seize(other, libc::PTRACE_O_TRACEEXIT);
    send(&owner, libc::SIGTERM);
    traced.wait_for(libc::WSTOPPED);
    assert!(matches!(mutex.lock_timeout(Duration::from_secs(5)), Err(LockError::TimedOut)));
    drop(traced);
    assert!(matches!(mutex.lock(), Err(LockError::OwnerDied(_))));
    kill(owner);
}

/// The thread that leaked its guard left in order: while its process lives that is told, and no more once it is on its way to its end.
#[test]
fn a_process_is_waited_for_also_if_the_owner_left_before() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = share(Mutex::new(0_u64));
    let (process, other) = process_of_two_threads(|| {
        thread::scope(|scope| scope.spawn(|| mem::forget(mutex.lock().unwrap())).join().unwrap());
    });
    eventually("its owner has left", || matches!(mutex.try_lock(), Err(LockError::OwnerLeft)));
    let traced = Traced::seize(other, libc::PTRACE_O_TRACEEXIT);
    send(&process, libc::SIGTERM);
    traced.wait_for(libc::WSTOPPED);
    eventually("the first thread has ended", || state_of(process.pid()) == Some('Z'));
    let told = mutex.lock_timeout(Duration::from_secs(4));
    assert!(matches!(told, Err(LockError::TimedOut)), "{told:?}");
    drop(traced);
    // Between the tracer's hands and the kernel's note that it ends, a thread looks like any other.
    let threads = || fs::read_dir(format!("/proc/{}/task", process.pid())).unwrap().count();
    eventually("the other thread has ended", || threads() == 1);
    assert!(matches!(mutex.lock(), Err(LockError::OwnerDied(_))));
    kill(process);
}

/// Nothing of the process writes any more, though it is not over for who waits for it before the tracer has waited.
#[test]
fn a_process_whose_threads_have_ended_is_not_waited_for_till_its_tracer_knows() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = share(Mutex::new(0_u64));
    let (owner, other) = owner_of_two_threads(mutex);
    let traced = Traced::seize(other, 0);
    send(&owner, libc::SIGTERM);
    traced.wait_for(libc::WEXITED);
    assert!(matches!(mutex.lock(), Err(LockError::OwnerDied(_))));
    let threads = fs::read_dir(format!("/proc/{}/task", owner.pid())).unwrap();
    assert_eq!(threads.count(), 2, "the tracer knows");
    drop(traced);
    kill(owner);
}

/// What a socket is that takes long to close: the kernel waits until no processor looks at it any more.
fn slow_to_close() -> Option<OwnedFd> {
    const ALL_PROTOCOLS: i32 = (libc::ETH_P_ALL as u16).to_be() as i32;
    // SAFETY: three integers.
    let socket = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, ALL_PROTOCOLS) };
    // SAFETY: a descriptor that the kernel has just made.
    (socket >= 0).then(|| unsafe { OwnedFd::from_raw_fd(socket) })
}

/// As many of them as take `time` to close, or as there can be; none if they are not for this user.
fn slow_to_close_for(time: Duration) -> Vec<OwnedFd> {
    // SAFETY: an integer. In a network of its own a user may have such sockets.
    if slow_to_close().is_none() && unsafe { libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET) } != 0 {
        return Vec::new();
    }
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limit is read and written where it lies.
    unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
    }
    let some: Vec<_> = (0..8).map_while(|_| slow_to_close()).collect();
    let (begin, count) = (Instant::now(), some.len());
    drop(some);
    let each = begin.elapsed() / count.max(1) as u32;
    let many = (time.as_nanos() / each.as_nanos().max(1)).min(2000);
    (0..many).map_while(|_| slow_to_close()).collect()
}

/// The alarm comes when the memory goes, before the descriptors are closed.
#[test]
fn a_process_that_closes_descriptors_for_long_is_waited_for() {
    let _watchdog = Watchdog::with_limit(120);
    let (mutex, held) = (share(Mutex::new(0_u64)), flag());
    let owner = fork(|| {
        mem::forget(mutex.lock().unwrap());
        mem::forget(slow_to_close_for(Duration::from_secs(6)));
        held.store(1, SeqCst);
        idle();
    });
    eventually("the lock is held", || held.load(SeqCst) == 1);
    send(&owner, libc::SIGTERM);
    assert!(matches!(mutex.lock(), Err(LockError::OwnerDied(_))));
    assert_eq!(reap(owner), libc::SIGTERM);
}
