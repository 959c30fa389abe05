//! How a reader comes by a slot when it does not just take the first.

use std::convert::Infallible;
use std::sync::atomic::Ordering::SeqCst;

use super::bell::Way;
use super::door::Door;
use super::slot::{Slot, Slots};
use crate::LockError;
use crate::mutex::patience::{Patience, Request};
use crate::mutex::refused;
use crate::mutex::robust::Refusal;
use crate::planted::{Bug, planted};
use crate::primitive::fence;
use crate::watch::{self, Access, Waiting};

/// Why there is no slot.
pub(super) type NoSlot = LockError<Infallible>;

impl Door {
    /// A slot for a guard of the calling thread; it may have one already.
    #[cold]
    #[inline(never)]
    pub(super) fn read_slowly<'a>(&self, slots: Slots<'a>, request: Request<'_>) -> Result<&'a Slot, NoSlot> {
        // Also if a writer waits: it waits for this thread.
        if let Some(again) = own_again(slots) {
            return again;
        }
        if self.is_at_head(slots.name) {
            return Err(LockError::Deadlock(watch::self_lock(&self.head, Access::Read, request.site)));
        }
        let tries_only = matches!(request.patience, Patience::None);
        if self.is_open() {
            if let Some(slot) = self.enter(slots.take_and_be_seen(), slots.name) {
                return Ok(slot);
            }
            // Else the gate was shut meanwhile.
            if tries_only && self.is_open() {
                // A marked one too, as a dead writer leaves it; or one that was shut out just now has given back.
                let slot = slots.take().or_else(|| slots.take_over()).inspect(|_| fence(SeqCst));
                let slot = slot.ok_or(LockError::TooManyReaders)?;
                if let Some(slot) = self.enter(Some(slot), slots.name) {
                    return Ok(slot);
                }
            }
        }
        if !tries_only {
            watch::waits(&self.head);
        }
        let kept_out = (!tries_only).then(|| self.turn.join(self.scope()));
        let mut head = self.lock_head(slots.name, request).map_err(|refusal| match refusal {
            Refusal::Wait(_) if tries_only && self.is_full() => LockError::TooManyReaders,
            other => refused(other),
        })?;
        // From here on no writer comes before this reader.
        drop(kept_out);
        // The hook of a signal, which was asked meanwhile, may have come by a guard and kept it.
        if let Some(again) = own_again(slots) {
            return again;
        }
        if let Some(slot) = slots.take() {
            return Ok(slot);
        }
        // So that one who comes does not take each that gets free before this one has woken up.
        head.shut_as_full();
        self.wait_for_slot(slots, request.patience).map_err(|refusal| match refusal {
            Refusal::Wait(_) if tries_only => LockError::TooManyReaders,
            other => refused(other),
        })
    }

    /// The slot, if the gate is open; else it is given back.
    fn enter<'a>(&self, taken: Option<&'a Slot>, name: u64) -> Option<&'a Slot> {
        let slot = taken?;
        if self.is_open() {
            return Some(slot);
        }
        self.give_back(slot, name);
        None
    }

    /// Ends a claim that let nobody in, as the gate was shut.
    pub(super) fn give_back(&self, slot: &Slot, name: u64) {
        self.leave_slowly(slot, name);
    }

    /// Waits for a slot, for who has the head and has shut the gate.
    pub(super) fn wait_for_slot<'a>(
        &self,
        slots: Slots<'a>,
        patience: Patience<'_>,
    ) -> Result<&'a Slot, Refusal> {
        // Whoever leaves first ends it: nobody of them alone holds it up.
        let taken = self.at_bell(patience, Waiting::unwatched(), |way| {
            Ok(match way {
                Way::Look => slots.take(),
                Way::Mark => slots.take_or_mark(),
                Way::Bury => slots.take().or_else(|| slots.take_over()),
            })
        });
        slots.unmark();
        taken
    }
}

/// The slot that the thread has, for one guard more.
fn own_again(slots: Slots<'_>) -> Option<Result<&Slot, NoSlot>> {
    let own = slots.own().filter(|_| !planted(Bug::RecursionUnseen))?;
    Some(if own.again() { Ok(own) } else { Err(LockError::TooManyReaders) })
}
