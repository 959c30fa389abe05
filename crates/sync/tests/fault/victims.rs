//! What a victim does, from its beginning to its end.

use std::time::Duration;

use multiproc_sync::{LockError, MutexGuard};
use multiproc_testkit::fault::Part;

use super::shared::{Shared, change};

/// Takes the lock, changes the pair, gives it back.
pub(super) fn owner(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    if let Ok(mut guard) = shared.mutex.lock() {
        change(&mut guard);
    }
    part.over();
}

/// The same, but it has the lock at its beginning, so that others can be asleep in it.
pub(super) fn holding_owner(shared: &'static Shared, part: &Part) {
    let mut guard = shared.mutex.lock().expect("the first owner");
    part.begin();
    change(&mut guard);
    drop(guard);
    part.over();
}

/// The same, and it has taken and released another lock since.
pub(super) fn owner_of_another(shared: &'static Shared, part: &Part) {
    let mut guard = shared.mutex.lock().expect("the first owner");
    shared.attach();
    part.begin();
    change(&mut guard);
    drop(guard);
    part.over();
}

/// Waits for the lock for a time that passes before it gets it: step by step, before it would sleep.
pub(super) fn impatient(shared: &'static Shared, part: &Part) {
    in_vain(Duration::from_millis(1), shared, part);
}

/// The same, for a time in which even step by step it comes to its sleep, from which the time wakes it.
pub(super) fn woken_by_time(shared: &'static Shared, part: &Part) {
    in_vain(Duration::from_millis(150), shared, part);
}

fn in_vain(time: Duration, shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    let got = shared.mutex.lock_timeout(time);
    part.over();
    assert!(matches!(got, Err(LockError::TimedOut)), "another has the lock all the time");
}

/// Waits for the lock with a deadline that is far away.
pub(super) fn patient(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    if let Ok(mut guard) = shared.mutex.lock_timeout(Duration::from_secs(60)) {
        change(&mut guard);
    }
    part.over();
}

/// Takes over from a dead owner, mends, gives back.
pub(super) fn recoverer(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    if let Err(LockError::OwnerDied(mut guard)) = shared.mutex.lock() {
        guard[1] = guard[0];
        MutexGuard::mark_consistent(&mut guard);
    }
    part.over();
}

/// Locks for the first time in its life, which makes it known to the family.
pub(super) fn attacher(shared: &'static Shared, part: &Part) {
    part.begin();
    if let Ok(mut guard) = shared.mutex.lock() {
        change(&mut guard);
    }
    part.over();
}

/// Gives the lock up for good.
pub(super) fn abandoner(shared: &'static Shared, part: &Part) {
    let guard = shared.mutex.lock().expect("the first owner");
    part.begin();
    MutexGuard::abandon(guard);
    part.over();
}
