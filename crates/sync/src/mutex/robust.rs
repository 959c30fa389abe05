//! The lock of a family's threads: the kernel marks its word when its owner dies.
//!
//! The word lies in the kernel's list of the owning thread, beside libc's robust mutexes. Three things are done otherwise than
//! in libc, each for a way to lose a wake-up when somebody is killed:
//!
//! - Released with sleepers, the word is set free and one of them woken in *one* system call (FUTEX_WAKE_OP). In two, a kill
//!   between them leaves a free lock and everybody asleep.
//! - A free lock keeps the bit that says that somebody may sleep. Without it, a sleeper that is killed after it was woken and
//!   before it ran takes the wake-up along if another has the lock by then: that one wakes nobody when it is done.
//! - No sleep is endless: what several deaths at once could still swallow costs a heartbeat.
//!
//! Dead owners, and when their data pass on, are [`recovery`](super::recovery)'s.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::patience::Request;
use super::recovery::Recovery;
use super::spin::{self, Spin};
use crate::WaitError;
use crate::deadlock::Report;
use crate::futex::Scope;
use crate::identity::{self, IdentityError, List, Me};
use crate::planted::{Bug, planted};
use crate::primitive::fence;
use crate::robust_word::{DIED, OWNER, RobustWord, WAITERS};
use crate::watch::{self, Access, Waiting};

/// Why a lock was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Wait(WaitError),
    /// The calling thread has it, or what it waits for waits for it.
    Deadlock(Box<Report>),
    /// Its owner's thread has ended, with a guard that was never dropped.
    OwnerLeft,
    TooManyHeld,
    Identity(IdentityError),
}

impl From<WaitError> for Refusal {
    fn from(error: WaitError) -> Self {
        Self::Wait(error)
    }
}

/// Takes the lock.
#[inline(always)]
pub(crate) fn lock(lock: &RobustWord, request: Request<'_>) -> Result<Me, Refusal> {
    let Some(me) = identity::attached() else { return lock_unattached(lock, request) };
    if !me.note(lock) {
        return Err(Refusal::TooManyHeld);
    }
    let list = me.list();
    if !planted(Bug::NeverAnnounced) {
        list.announce(lock);
    }
    // Acquire: with the Release of `unlock`, or with the kernel's own barrier if that did the release.
    if lock.word.compare_exchange(0, me.tid(), Acquire, Relaxed).is_err() {
        lock_slowly(lock, me, request)?;
    } else {
        taken(lock, me, list);
    }
    watch::taken(lock, request.site);
    Ok(me)
}

/// Takes the lock for what begins and ends inside one call: no guard is out, and a death passes it on as if it had been released. Who
/// gives a guard out after all stores its name in `owner` before.
#[inline(always)]
pub(crate) fn lock_for_a_call(lock: &RobustWord, request: Request<'_>) -> Result<Me, Refusal> {
    let me = identity::me().map_err(Refusal::Identity)?;
    if !me.note(lock) {
        return Err(Refusal::TooManyHeld);
    }
    let list = me.list();
    list.announce(lock);
    // Acquire: as in `lock`.
    if lock.word.compare_exchange(0, me.tid(), Acquire, Relaxed).is_err() {
        contended(lock, me, request)?;
        // That of a dead owner, whose data were called inconsistent. Release: with the Acquire of `Recovery::may_take`.
        lock.owner.store(0, Release);
    }
    list.link(lock);
    watch::taken(lock, request.site);
    Ok(me)
}

/// Completes the taking of a lock whose word names the calling thread.
#[inline(always)]
fn taken(lock: &RobustWord, me: Me, list: List) {
    // From here on a guard may be out: a death finds the name. Before, nobody has seen the data.
    if !planted(Bug::OwnerNeverStored) {
        // Release: with the Acquire of `Recovery::may_take`, which must then see the word taken.
        lock.owner.store(me.owner(), Release);
    }
    // Begins and ends with a barrier for the compiler: no access to the data comes before the name. What was announced stays so
    // until the release, if no other lock is announced before: the kernel looks at a lock in the list once all the same.
    list.link(lock);
}

#[cold]
#[inline(never)]
fn lock_unattached(word: &RobustWord, request: Request<'_>) -> Result<Me, Refusal> {
    identity::me().map_err(Refusal::Identity)?;
    lock(word, request)
}

#[cold]
#[inline(never)]
fn lock_slowly(word: &RobustWord, me: Me, request: Request<'_>) -> Result<(), Refusal> {
    contended(word, me, request)?;
    taken(word, me, me.list());
    Ok(())
}

/// Takes an announced and noted lock that is not free. Refused, it is neither any more.
#[cold]
#[inline(never)]
pub(crate) fn contended(lock: &RobustWord, me: Me, request: Request<'_>) -> Result<(), Refusal> {
    watch::waits(lock);
    let mut wait = Wait {
        lock,
        me,
        request,
        spin: Spin::new(spin::ROBUST),
        recovery: Recovery::new(),
        slept: 0,
        waiting: None,
    };
    loop {
        match wait.until_signal() {
            Ok(()) => return Ok(()),
            Err(Refusal::Wait(WaitError::Interrupted)) => after_signal(lock, me)?,
            Err(refusal) => {
                me.list().settle();
                me.unnote(lock);
                return Err(refusal);
            }
        }
    }
}

/// Asks the user's hook whether the wait goes on. It may lock other locks, and panic: until it is done the lock is neither announced
/// nor noted. In a fork that it makes `me` is nobody, or somebody else by then, and is left alone.
#[cfg_attr(multiproc_loom, allow(unused))] // no signals come in a model
fn after_signal(lock: &RobustWord, me: Me) -> Result<(), Refusal> {
    me.list().settle();
    me.unnote(lock);
    #[cfg(not(multiproc_loom))]
    if !crate::interrupt::goes_on() {
        return Err(WaitError::Interrupted.into());
    }
    if !me.note(lock) {
        return Err(Refusal::TooManyHeld);
    }
    me.list().announce(lock);
    Ok(())
}

/// A wait for a lock, over any number of signals.
struct Wait<'a> {
    lock: &'a RobustWord,
    me: Me,
    request: Request<'a>,
    spin: Spin,
    recovery: Recovery,
    /// Who has slept cannot know whether others sleep still, and keeps the bit.
    slept: u32,
    /// Once it sleeps.
    waiting: Option<Waiting>,
}

impl Wait<'_> {
    fn until_signal(&mut self) -> Result<(), Refusal> {
        let Self { lock, me, request, spin, recovery, slept, waiting } = self;
        loop {
            let seen = lock.word.load(Relaxed);
            if seen & OWNER == 0 {
                let ours = me.tid() | (seen & WAITERS) | *slept;
                if seen & DIED != 0 {
                    if recovery.attempt(lock, *me, seen, *slept, request.patience)? {
                        return Ok(());
                    }
                } else if lock.word.compare_exchange(seen, ours, Acquire, Relaxed).is_ok() {
                    return Ok(());
                }
                continue;
            }
            if seen & OWNER == me.tid() {
                return Err(Refusal::Deadlock(watch::self_lock(lock, Access::Exclusive, request.site)));
            }
            let deadline = request.patience.sleep()?;
            let marked = || lock.word.compare_exchange(seen, seen | WAITERS, Relaxed, Relaxed).is_ok();
            if seen & WAITERS == 0 && (spin.once() || !marked()) {
                continue;
            }
            *slept = WAITERS;
            let waiting = waiting.get_or_insert_with(|| Waiting::begin(lock, Access::Exclusive, *request));
            waiting.sleep_unasked(deadline, |until| lock.word.sleep(seen | WAITERS, Scope::Shared, until))?;
        }
    }
}

/// Releases a lock that its owner took. In a fork of the owner's process nothing is done: the lock is the other one's.
///
/// Here and in [`lock`] whatever is rare ends in a call of a cold function, with nothing left to do after it: then the way that
/// is taken saves no registers.
#[inline(always)]
pub(crate) fn unlock(lock: &RobustWord, me: Me) {
    if me.is_elsewhere() {
        return;
    }
    watch::released(lock);
    let tid = me.tid();
    if !planted(Bug::OwnerClearedLate) {
        // Release, for the compiler: the last access to the data comes before. A death from here on finds no guard.
        lock.owner.store(0, Release);
    }
    let list = me.list();
    if !planted(Bug::AnnouncedOnce) {
        list.announce_still(lock);
    }
    list.unlink(lock);
    if planted(Bug::PendingClearedEarly) {
        list.settle();
    }
    if planted(Bug::ExchangeThenWake) {
        if lock.word.swap(0, Release) & WAITERS != 0 {
            lock.word.wake(1, Scope::Shared);
        }
    } else {
        let order = if planted(Bug::RelaxedUnlock) { Relaxed } else { Release };
        if lock.word.compare_exchange(tid, 0, order, Relaxed).is_err() {
            return unlock_slowly(lock, me);
        }
    }
    released(lock, me, list);
}

/// Completes the release of a lock whose word is free.
#[inline(always)]
fn released(lock: &RobustWord, me: Me, list: List) {
    if planted(Bug::OwnerClearedLate) {
        lock.owner.store(0, Release);
    }
    list.settle();
    me.unnote(lock);
}

#[cold]
#[inline(never)]
fn unlock_slowly(lock: &RobustWord, me: Me) {
    wake(lock);
    released(lock, me, me.list());
}

/// Sets the word free for one of those that may sleep.
#[cold]
#[inline(never)]
pub(crate) fn wake(lock: &RobustWord) {
    // The kernel's store has no order of this language's: everything before it is published here.
    if !planted(Bug::RelaxedUnlock) {
        fence(Release);
    }
    if planted(Bug::WaitersForgotten) {
        lock.word.set_and_wake_one(0);
    } else if lock.word.set_and_wake_one(WAITERS) == 0 {
        // Nobody sleeps: the bit is of one that has given up. Else it stays until such a time.
        let _ = lock.word.compare_exchange(WAITERS, 0, Relaxed, Relaxed);
    }
}
