//! What a holder's name means when it went to another process. Alone in its program: names are given in the order of the entries.

mod common;

use std::mem;

use common::{fork, idle, kill, reap, share};
use multiproc_sync::registry::MAX_PROCESSES;
use multiproc_sync::{Mutex, RobustSemaphore};
use multiproc_testkit::Watchdog;

/// The holder's entry in the family went to another process, which lives: the permit is a dead one's all the same, though nobody knows
/// its number any more.
#[test]
fn a_name_that_went_to_another_keeps_no_permit() {
    let _watchdog = Watchdog::with_limit(120);
    let (semaphore, mutex) = (share(RobustSemaphore::<1>::new()), share(Mutex::new(0_u64)));
    drop(mutex.lock().unwrap());
    let ends = fork(|| mem::forget(semaphore.permit().unwrap()));
    assert_eq!(reap(ends), 0);
    for _ in 0..MAX_PROCESSES {
        assert_eq!(reap(fork(|| drop(mutex.lock().unwrap()))), 0);
    }
    // In an entry that was a dead process's.
    let lives = fork(|| {
        drop(mutex.lock().unwrap());
        idle();
    });
    let holder = semaphore.permit().map(|permit| permit.recovered_from());
    kill(lives);
    let holder = holder.unwrap().expect("its holder has died");
    assert_eq!((holder.pid(), holder.to_string().as_str()), (None, "a process that has ended"));
}
