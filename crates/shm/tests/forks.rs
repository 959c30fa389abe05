//! Forks at odd moments: in a thread's last destructors, and with hooks of others that ask for the family. `unsafe`: libc's hooks.
#![allow(unsafe_code)]

mod common;

use std::cell::RefCell;
use std::thread;

use common::{fork, reap};
use multiproc_shm::family;
use multiproc_testkit::Watchdog;

struct Forks;

impl Drop for Forks {
    fn drop(&mut self) {
        assert_eq!(reap(fork(|| ())), 0);
    }
}

thread_local! {
    static LATE: RefCell<Option<Forks>> = const { RefCell::new(None) };
}

#[test]
fn a_destructor_of_a_thread_local_can_fork() {
    let _watchdog = Watchdog::with_limit(60);
    family::membership().unwrap();
    let ends = thread::spawn(|| {
        LATE.with_borrow_mut(|late| *late = Some(Forks));
        // What the hooks themselves might keep in a thread-local comes after, and would go first.
        assert_eq!(reap(fork(|| ())), 0);
    });
    ends.join().unwrap();
}

extern "C" fn in_the_child() {
    family::membership().unwrap().adopt().unwrap();
}

#[test]
fn a_hook_for_forks_can_ask_for_the_family() {
    let _watchdog = Watchdog::with_limit(60);
    // SAFETY: a function that is there to the end.
    unsafe { libc::pthread_atfork(None, None, Some(in_the_child)) };
    family::membership().unwrap();
    assert_eq!(reap(fork(|| ())), 0);
}
