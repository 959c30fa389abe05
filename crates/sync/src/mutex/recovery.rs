//! What comes of a lock whose owner the kernel called dead.
//!
//! DIED in the word is an alarm, not a proof. Another thread of the owner's process may sit in a system call that writes to
//! the guarded data, for seconds after; and a thread that has ended may have leaked its guard to a thread that lives. So
//! the lock's `owner` is looked up:
//!
//! - 0: no guard was out. The lock is taken as if it had been released.
//! - Its process has ended: nothing writes any more. The lock is taken, its data called inconsistent.
//! - The process is on its way to its end: wait for that.
//! - The thread has left in order, and its process goes on: `OwnerLeft`. The guard may be anywhere.
//! - The process goes on, and its thread ended without order: wait for the process's end, and `OwnerLeft` after three heartbeats.
//! - Nothing tells whether its process lives, or where it goes: wait as well, and say so after as long.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::findings::{Finding, Findings};
use super::patience::Patience;
use super::robust::Refusal;
use super::state::INCONSISTENT;
use crate::futex::Scope;
use crate::identity::{self, IdentityError, Me, Verdict};
use crate::planted::{Bug, planted};
use crate::primitive::fence;
use crate::robust_word::{DIED, RobustWord, WAITERS};

/// One locker's dealings with dead owners.
#[derive(Debug)]
pub(crate) struct Recovery {
    findings: Findings,
}

impl Recovery {
    pub(crate) fn new() -> Self {
        Self { findings: Findings::new() }
    }

    /// Takes the lock over, if that can be done now; `false`: look again. The word was `seen`; `slept` is the bit that a locker
    /// which has slept keeps.
    #[cold]
    pub(crate) fn attempt(
        &mut self,
        lock: &RobustWord,
        me: Me,
        seen: u32,
        slept: u32,
        patience: Patience<'_>,
    ) -> Result<bool, Refusal> {
        let ready = self.may_take(lock, seen, patience).inspect_err(|_| {
            // The alarm woke one sleeper alone. If that was this one, another has to see to the lock.
            if !planted(Bug::WakeSwallowed) {
                lock.word.wake(1, Scope::Shared);
            }
        })?;
        Ok(ready.is_some_and(|owner| recover(lock, me, seen, slept, owner)))
    }

    /// The owner whose data pass on, 0 for nobody; `None`: not yet.
    fn may_take(
        &mut self,
        lock: &RobustWord,
        seen: u32,
        patience: Patience<'_>,
    ) -> Result<Option<u64>, Refusal> {
        // With the kernel's barriers at the death that the word tells of: else an earlier owner's name may be found.
        fence(Acquire);
        // Acquire: with the Releases of `robust::unlock`, so that with 0 the owner's last access is seen, and of
        // `robust::lock`, so that with a name the word is seen as its bearer has left it.
        let owner = lock.owner.load(Acquire);
        if owner == 0 || planted(Bug::AlarmTaken) {
            return Ok(Some(owner));
        }
        if lock.word.load(Relaxed) != seen && !planted(Bug::AlarmOutlived) {
            // Another took it over since: that name is of a thread that lives, whose end is not to be waited for.
            return Ok(None);
        }
        match identity::verdict(owner) {
            Verdict::Gone => return Ok(Some(owner)),
            Verdict::Left => return Err(Refusal::OwnerLeft),
            Verdict::Alive { dying: true } => self.findings.forget(),
            Verdict::Alive { dying: false } => {
                if self.findings.have_lasted(owner, Finding::GoesOn) {
                    return Err(Refusal::OwnerLeft);
                }
            }
            Verdict::Unknown if planted(Bug::UnseenTaken) => return Ok(Some(owner)),
            Verdict::Unknown => {
                if self.findings.have_lasted(owner, Finding::Unseen) {
                    return Err(Refusal::Identity(IdentityError::OwnerUnseen));
                }
            }
        }
        identity::until_end(owner, patience.sleep()?)?;
        Ok(None)
    }
}

/// Takes the lock of a dead `owner`; `false`: it went to another meanwhile.
#[inline(never)]
pub(crate) fn recover(lock: &RobustWord, me: Me, seen: u32, slept: u32, owner: u64) -> bool {
    // Acquire: with the kernel's barriers at the owner's death.
    if lock.word.compare_exchange(seen, me.tid() | (seen & WAITERS) | slept, Acquire, Relaxed).is_err() {
        return false;
    }
    if lock.owner.load(Relaxed) != owner && !planted(Bug::VerdictKept) {
        // Another took it over and died too, since the verdict on the one before: back to the alarm. A swap, as others may set
        // WAITERS meanwhile: the model checker knows no total order of such a change and a plain store.
        lock.word.swap(DIED | WAITERS, Release);
        return false;
    }
    if owner != 0 {
        lock.state.fetch_or(INCONSISTENT, Relaxed);
    }
    true
}
