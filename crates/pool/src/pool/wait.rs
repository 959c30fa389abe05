//! How threads wait for results and pass the role on. A wake that is lost here is a thread that hangs for ever.
//!
//! Generic over the pool, so that the model checker runs these very lines over a pool without processes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use multiproc_sync::primitive::blocking::MutexGuard;

use crate::pool::planted::{Bug, planted};
use crate::pool::role::{After, HandOn, Role};
use crate::pool::waiter::Waiter;

/// How long the attendant leaves the pool to its callers before it looks whether they are still there; twice as long
/// each time that they are.
const TICK: Duration = Duration::from_millis(20);

/// The longest such time.
const LONGEST_TICK: Duration = Duration::from_millis(100);

/// What the waiting logic needs to know of what the pool's lock guards.
pub(crate) trait Attended {
    fn role(&mut self) -> &mut Role;

    /// Whether any task is without an outcome.
    fn has_work(&self) -> bool;

    fn has_ended(&self) -> bool;

    /// When somebody has to drive though nothing has happened.
    fn next_wake(&self) -> Option<Instant>;
}

/// What the waiting logic needs of a pool.
pub(crate) trait Drive {
    type State: Attended;

    fn lock(&self) -> MutexGuard<'_, Self::State>;

    fn now(&self) -> Instant;

    /// One turn of the driver, the lock open meanwhile: waits for something to happen, until the deadline at most, and
    /// sees to it.
    fn turn<'a>(
        &'a self,
        state: MutexGuard<'a, Self::State>,
        deadline: Option<Instant>,
    ) -> MutexGuard<'a, Self::State>;

    /// One turn of the attendant, the lock open meanwhile: sees to what has happened and does not wait.
    fn look_in<'a>(&'a self, state: MutexGuard<'a, Self::State>) -> MutexGuard<'a, Self::State>;

    /// Waits for the bell, for an event while they are listened to, or for the deadline; then silences the bell.
    fn rest(&self, deadline: Option<Instant>);

    /// Has events wake the attendant, or not.
    fn listen(&self, on: bool);

    /// Wakes the attendant.
    fn ring(&self);

    /// Wakes the driver.
    fn kick(&self);
}

/// Waits until no more than `target` of the waiter's tasks are without an outcome; `false` at the deadline.
pub(crate) fn wait<P: Drive>(
    pool: &P,
    waiter: &Arc<Waiter>,
    target: usize,
    deadline: Option<Instant>,
    after: After,
) -> bool {
    if waiter.pending() <= target {
        return true;
    }
    let time_is_up = || deadline.is_some_and(|deadline| pool.now() >= deadline);
    let mut state = pool.lock();
    let done = loop {
        if waiter.pending() <= target {
            break true;
        }
        if time_is_up() {
            break false;
        }
        if state.role().take() {
            state.role().count_take();
            disarm(pool, &mut state);
            while waiter.pending() > target && !time_is_up() {
                state = pool.turn(state, deadline);
            }
            if planted(Bug::RoleKept) {
                return true;
            }
            state.role().give_up();
            if planted(Bug::GivenUpSilently) {
                return true;
            }
        } else {
            state.role().add_sleeper(waiter);
            if planted(Bug::SleepsUnlocked) {
                drop(state);
                state = pool.lock();
            }
            let limit = deadline.map(|deadline| deadline.saturating_duration_since(pool.now()));
            state = waiter.sleep(state, target, limit);
            state.role().remove_sleeper(waiter);
            if planted(Bug::CallKept) && waiter.pending() <= target {
                return true;
            }
            if planted(Bug::DeadlineKeepsCall) && time_is_up() {
                return false;
            }
        }
    };
    hand_on(pool, &mut state, after);
    done
}

/// Has events wake the attendant again, or calls a sleeper, if there is work and nobody drives.
pub(crate) fn hand_on<P: Drive>(pool: &P, state: &mut P::State, after: After) {
    let has_work = state.has_work();
    if state.role().hand_on(has_work, after) != HandOn::Arm {
        return;
    }
    if !planted(Bug::ArmedInNameOnly) {
        pool.listen(true);
    }
    // The attendant may rest without knowing of this time, and no event will tell.
    if state.next_wake().is_some() && !planted(Bug::WakeUntold) {
        pool.ring();
    }
}

/// Tells of a time, see [`Attended::next_wake`], that was set by a thread which does not drive: nobody waits for it yet.
pub(crate) fn rouse<P: Drive>(pool: &P, state: &mut P::State) {
    if state.role().is_held() {
        if !planted(Bug::DriverUnroused) {
            pool.kick();
        }
    } else if !planted(Bug::AttendantUnroused) {
        pool.ring();
    }
}

fn disarm<P: Drive>(pool: &P, state: &mut P::State) {
    if state.role().set_armed(false) {
        pool.listen(false);
        if !planted(Bug::DisarmedSilently) {
            pool.ring(); // from now on the attendant looks in now and then
        }
    }
}

/// The life of the attendant thread: it drives the pool while no thread waits for a result.
pub(crate) fn attend<P: Drive>(pool: &P) {
    let mut takes_seen = 0;
    let mut tick = TICK;
    loop {
        let mut state = pool.lock();
        let (ended, next_wake) = (state.has_ended(), state.next_wake());
        let (armed, driven) = (state.role().is_armed(), state.role().is_held());
        drop(state);
        if ended {
            return;
        }
        let look_in = (!armed).then(|| pool.now() + tick);
        // Who drives now waits for this time as well; if it came here too, this loop would spin until he has seen to it.
        let next_wake = next_wake.filter(|_| !driven || planted(Bug::WakeShared));
        let next_wake = next_wake.filter(|_| !planted(Bug::WakeForgotten));
        pool.rest([look_in, next_wake].into_iter().flatten().min());
        let mut state = pool.lock();
        let callers_came = std::mem::replace(&mut takes_seen, state.role().takes()) != takes_seen;
        tick = if callers_came { TICK } else { (tick * 2).min(LONGEST_TICK) };
        if state.has_ended() || !state.role().take() {
            continue;
        }
        let mut state = pool.look_in(state);
        state.role().give_up();
        // No caller for a whole tick: sleep until something happens.
        if !callers_came && state.role().set_armed(true) && !planted(Bug::AttendantDeaf) {
            pool.listen(true);
        }
        if !planted(Bug::AttendantSilent) {
            hand_on(pool, &mut state, After::Leaves);
        }
    }
}

/// Ends the pool: `end` gives every task its outcome, then nobody waits any more.
pub(crate) fn end<P: Drive, T>(pool: &P, end: impl FnOnce(&mut P::State) -> T) -> T {
    let left = end(&mut pool.lock());
    if !planted(Bug::EndWithoutKick) {
        pool.kick();
    }
    if !planted(Bug::EndWithoutRing) {
        pool.ring();
    }
    left
}
