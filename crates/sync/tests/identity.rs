//! Who can hold locks in shared memory, and how often their names can be had. `unsafe`: a filter of system calls.
#![allow(unsafe_code)]

mod common;

use std::thread;

use common::{fork, reap, share};
use multiproc_sync::registry::{MAX_PROCESSES, MAX_THREADS};
use multiproc_sync::{AcquireError, IdentityError, LockError, Mutex, RobustSemaphore};
use multiproc_testkit::Watchdog;

#[test]
fn names_of_threads_that_left_are_used_again() {
    let _watchdog = Watchdog::with_limit(120);
    let mutex = share(Mutex::new(0_u64));
    for _ in 0..MAX_THREADS + 100 {
        thread::spawn(|| *mutex.lock().unwrap() += 1).join().unwrap();
    }
    assert_eq!(*mutex.lock().unwrap(), (MAX_THREADS + 100) as u64);
}

#[test]
fn names_of_processes_that_ended_are_used_again() {
    let _watchdog = Watchdog::with_limit(120);
    let mutex = share(Mutex::new(0_u64));
    for _ in 0..MAX_PROCESSES + 100 {
        assert_eq!(reap(fork(|| *mutex.lock().unwrap() += 1)), 0);
    }
    assert_eq!(*mutex.lock().unwrap(), (MAX_PROCESSES + 100) as u64);
}

/// As under an emulator, or a kernel without robust futexes.
#[test]
fn without_a_robust_list_locks_are_refused() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, semaphore) = (share(Mutex::new(0_u64)), share(RobustSemaphore::<1>::new()));
    let child = fork(|| {
        forbid(libc::SYS_get_robust_list);
        assert!(matches!(mutex.lock(), Err(LockError::Identity(IdentityError::NoRobustList))));
        assert!(!mutex.is_locked());
        let refused = AcquireError::Identity(IdentityError::NoRobustList);
        assert_eq!(semaphore.acquire().map(drop), Err(refused));
        assert_eq!(semaphore.available(), 1);
    });
    assert_eq!(reap(child), 0);
}

/// Has the kernel answer ENOSYS to one system call, in this process.
fn forbid(call: i64) {
    let instruction = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let filter = [
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0), // the call's number
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, call as u32),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
    // SAFETY: the filter outlives the calls, which copy it.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program), 0);
    }
}
