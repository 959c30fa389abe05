//! The wait of the one who has the head of the lock for those who read, and how it is woken.
//!
//! One at a time waits here. It marks the claims that it waits for, and sleeps at the bell; who ends a marked claim rings. It reads
//! the bell before it looks: so whoever ends a claim after the look either finds it in the kernel, or has changed what it is about to
//! sleep on.

use std::sync::atomic::Ordering::{Acquire, Release};

use super::door::Door;
use super::slot::Slot;
use crate::WaitError;
use crate::mutex::patience::Patience;
use crate::mutex::robust::Refusal;
use crate::origin::Origin;
use crate::planted::{Bug, planted};
use crate::primitive::fence;
use crate::robust_semaphore::looks::Looks;
use crate::watch::Waiting;

/// What to do about claims that are in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Look,
    /// Mark them: a sleep comes next.
    Mark,
    /// Take those away whose processes have ended.
    Bury,
}

impl Door {
    /// Waits until `look` finds something, for the one who has the head.
    pub(super) fn at_bell<R>(
        &self,
        patience: Patience<'_>,
        mut waiting: Waiting,
        mut look: impl FnMut(Way) -> Result<Option<R>, Refusal>,
    ) -> Result<R, Refusal> {
        if let Some(found) = look(Way::Look)? {
            return Ok(found);
        }
        let deadline = match patience.sleep() {
            Ok(deadline) => deadline,
            Err(error) => return look(Way::Bury)?.ok_or(error.into()),
        };
        if let Some(found) = self.pace.spin(deadline.cloned(), || look(Way::Look).transpose()) {
            return found;
        }
        let deadline = deadline.filter(|_| !planted(Bug::DeadlineIgnored));
        let mut looks = Looks::new(self.scope());
        let origin = Origin::here();
        loop {
            // Acquire: with the Release of `end_and_ring`, so that who has heard the ring finds the claim that was ended.
            let mut ticket = self.bell.load(Acquire);
            if let Some(found) = look(Way::Mark)? {
                return Ok(found);
            }
            if planted(Bug::TicketLate) {
                ticket = self.bell.load(Acquire);
            }
            waiting.look()?;
            let until = waiting.until(looks.until(deadline));
            let ended = self.bell.wait(ticket, self.scope(), until.as_ref());
            if !origin.is_here() {
                return Err(WaitError::Interrupted.into()); // the hook of a signal has forked, and the head is the parent's
            }
            match ended {
                Ok(()) => {}
                Err(WaitError::TimedOut) if !Looks::is_late(deadline) => {}
                Err(error) => return look(Way::Bury)?.ok_or(error.into()),
            }
            if looks.is_due() {
                if let Some(found) = look(Way::Bury)? {
                    return Ok(found);
                }
                looks.looked();
            }
        }
    }

    /// Takes a guard off a slot, and ends its claim with the last.
    #[cold]
    #[inline(never)]
    pub(super) fn leave_slowly(&self, slot: &Slot, name: u64) {
        if slot.is_left() {
            self.end_claim(slot, name);
        }
    }

    /// Ends a claim; if somebody may sleep until then, it is woken.
    pub(super) fn end_claim(&self, slot: &Slot, name: u64) {
        if slot.claim.end(name) || planted(Bug::ReaderSlotLost) {
            return;
        }
        // In damaged memory it may be anybody's.
        if !slot.claim.end_marked(name) || planted(Bug::SleeperNotWoken) {
            return;
        }
        // The kernel's change of the bell has no order of this language's.
        fence(Release);
        if self.bell.add_and_wake(1, 1, self.scope()) == 0 {
            slot.claim.unmark();
        }
    }
}
