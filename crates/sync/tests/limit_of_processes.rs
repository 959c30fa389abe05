//! A family with as many processes as it can have, all of them alive: one more is told, and changes nothing.
#![allow(clippy::disallowed_types)] // numbers that the locks guard

mod common;
mod limited;

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use common::{flag, fork, idle, kill, reap};
use limited::Locks;
use multiproc_sync::IdentityError;
use multiproc_sync::registry::MAX_PROCESSES;
use multiproc_testkit::{Watchdog, until};

#[test]
fn one_process_more_than_a_family_can_have_is_told() {
    let _watchdog = Watchdog::with_limit(300);
    // With one thread, and no name of its own.
    let founder = fork(|| {
        let (locks, named) = (Locks::new(), flag());
        let mut members: Vec<_> = (0..MAX_PROCESSES)
            .map(|_| {
                fork(|| {
                    drop(locks.mutex.lock().unwrap());
                    named.fetch_add(1, SeqCst);
                    idle();
                })
            })
            .collect();
        until(Duration::from_secs(200), || named.load(SeqCst) as usize == MAX_PROCESSES);
        assert!(locks.refuse(IdentityError::TooManyProcesses));
        kill(members.pop().unwrap());
        locks.use_all();
    });
    assert_eq!(reap(founder), 0);
}
