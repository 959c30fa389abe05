//! The company of a victim: each waits for its cue, must get through, and goes on using the lock.

use multiproc_sync::LockError;
use multiproc_testkit::fault::{Cue, Fate, Part, Peer};

use super::shared::Shared;

/// Has the lock before the victim begins, until the victim sleeps.
pub(super) const HOLDER: Peer<Shared> = Peer { name: "holder", fate: Fate::Survives, act: holder };

/// Has the lock before the victim begins, until the victim is dead.
pub(super) const KEEPER: Peer<Shared> = Peer { name: "keeper", fate: Fate::Survives, act: keeper };

/// Dies with the lock before the victim begins.
pub(super) const DEAD_OWNER: Peer<Shared> = Peer { name: "dead owner", fate: Fate::Dies, act: dead_owner };

/// Dies with the lock when the victim sleeps.
pub(super) const DYING_OWNER: Peer<Shared> = Peer { name: "dying owner", fate: Fate::Dies, act: dying_owner };

/// Falls asleep in the lock that the victim has at its beginning.
pub(super) const SLEEPER: Peer<Shared> = Peer { name: "sleeper", fate: Fate::Survives, act: sleeper };

/// Falls asleep in the lock behind the victim.
pub(super) const SECOND_SLEEPER: Peer<Shared> =
    Peer { name: "second sleeper", fate: Fate::Survives, act: second_sleeper };

/// Falls asleep in the lock when the victim is about to be killed with it.
pub(super) const LATE_SLEEPER: Peer<Shared> =
    Peer { name: "late sleeper", fate: Fate::Survives, act: late_sleeper };

/// As [`SLEEPER`], and is killed together with the victim.
pub(super) const DOOMED_SLEEPER: Peer<Shared> =
    Peer { name: "doomed sleeper", fate: Fate::Doomed, act: sleeper };

/// Takes the lock, if the victim has given it back, just before the victim is killed; gives it back when it is dead.
pub(super) const BARGER: Peer<Shared> = Peer { name: "barger", fate: Fate::Survives, act: barger };

/// Leaves the entry of a thread that has ended in order.
pub(super) const PASSER: Peer<Shared> = Peer { name: "passer", fate: Fate::Survives, act: passer };

/// Has a thread that ends in order with the lock, when the victim sleeps; the process lives on.
pub(super) const LEAVER: Peer<Shared> = Peer { name: "leaver", fate: Fate::Survives, act: leaver };

fn holder(shared: &'static Shared, part: &Part) {
    hold_until(Cue::Release, shared, part);
}

fn keeper(shared: &'static Shared, part: &Part) {
    hold_until(Cue::Killed, shared, part);
}

fn hold_until(cue: Cue, shared: &'static Shared, part: &Part) {
    part.wait(Cue::Hold);
    let guard = shared.inside(shared.mutex.lock(), part);
    part.wait(cue);
    drop(guard);
    shared.laps(part);
}

fn dead_owner(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Hold);
    let mut guard = shared.mutex.lock().expect("the first owner");
    guard[0] += 1;
    part.die();
}

fn dying_owner(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Hold);
    let mut guard = shared.mutex.lock().expect("the first owner");
    guard[0] += 1;
    part.wait(Cue::Release);
    part.die();
}

fn sleeper(shared: &'static Shared, part: &Part) {
    lock_from(Cue::Begun, shared, part);
}

fn second_sleeper(shared: &'static Shared, part: &Part) {
    lock_from(Cue::Asleep, shared, part);
}

fn late_sleeper(shared: &'static Shared, part: &Part) {
    lock_from(Cue::Stopped, shared, part);
}

fn lock_from(cue: Cue, shared: &'static Shared, part: &Part) {
    shared.attach();
    part.wait(cue);
    shared.once(part);
    shared.laps(part);
}

fn barger(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.wait(Cue::Stopped);
    let guard = match shared.mutex.try_lock() {
        Err(LockError::TimedOut) => None,
        got => shared.inside(got, part),
    };
    part.wait(Cue::Killed);
    drop(guard);
    shared.laps(part);
}

fn passer(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Hold);
    let part_of_thread = *part;
    std::thread::spawn(move || shared.once(&part_of_thread)).join().expect("it got the lock");
    shared.laps(part);
}

fn leaver(shared: &'static Shared, part: &Part) {
    let part_of_thread = *part;
    let leave = move || {
        part_of_thread.wait(Cue::Hold);
        std::mem::forget(shared.mutex.lock().expect("the first owner"));
        part_of_thread.wait(Cue::Release);
    };
    std::thread::spawn(leave).join().expect("it got the lock");
    shared.laps(part);
}
