//! How a writer comes by the lock, and how it becomes a reader.

use super::bell::Way;
use super::door::{Door, Head};
use super::slot::{Slot, Slots};
use crate::WaitError;
use crate::claims::Lives;
use crate::identity::{self, Me, Verdict};
use crate::interrupt::masked;
use crate::mutex::patience::{Patience, Request};
use crate::mutex::robust::Refusal;
use crate::planted::{Bug, planted};
use crate::watch::{self, Access, Waiting};

impl Door {
    /// Takes the lock to write; gives who has taken a robust one.
    #[inline]
    pub(super) fn write(&self, slots: Slots<'_>, request: Request<'_>) -> Result<Option<Me>, Refusal> {
        let mut head = match self.turn.is_on() {
            false => self.lock_head(slots.name, Patience::None.request_at(request.site)),
            true => Err(WaitError::TimedOut.into()),
        };
        if matches!(head, Err(Refusal::Wait(WaitError::TimedOut))) {
            head = self.queue_to_write(slots, request);
        }
        let mut head = head?;
        if planted(Bug::WriterStarves) {
            // Shuts the gate only when it has seen nobody read.
            self.drain(slots, request)?;
        }
        head.shut_for_writing();
        self.drain(slots, request)?;
        Ok(head.into_writer(slots.name))
    }

    /// Waits for the head, unless what is waited for waits for this thread.
    #[cold]
    #[inline(never)]
    fn queue_to_write(&self, slots: Slots<'_>, request: Request<'_>) -> Result<Head<'_>, Refusal> {
        watch::waits(&self.head);
        let reads = slots.own().is_some() && !planted(Bug::OwnSlotUnseen);
        if reads || self.is_at_head(slots.name) {
            return Err(self.own_lock(request));
        }
        if let Ok(deadline) = request.patience.sleep()
            && self.turn.is_on()
        {
            let mut waiting = Waiting::begin(&self.head, Access::Exclusive, request);
            self.turn.wait(self.scope(), deadline, &|| self.has_writer(), &mut waiting)?;
        }
        self.lock_head(slots.name, request)
    }

    /// The calling thread would wait for itself.
    #[cold]
    fn own_lock(&self, request: Request<'_>) -> Refusal {
        Refusal::Deadlock(watch::self_lock(&self.head, Access::Exclusive, request.site))
    }

    /// Waits until nobody reads, for who has the head and has shut the gate.
    #[inline]
    fn drain(&self, slots: Slots<'_>, request: Request<'_>) -> Result<(), Refusal> {
        match slots.all.iter().position(|slot| !slot.claim.is_free()) {
            None => Ok(()),
            Some(first) => self.wait_for_readers(slots.name, &slots.all[first..], request),
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn wait_for_readers(
        &self,
        name: u64,
        slots: &[Slot],
        request: Request<'_>,
    ) -> Result<(), Refusal> {
        // Before it waits for anybody else, who may wait for this thread.
        if slots.iter().any(|slot| slot.is_of(name)) && !planted(Bug::OwnSlotUnseen) {
            return Err(self.own_lock(request));
        }
        watch::waits(&self.head);
        let mut rest = slots;
        let waiting = Waiting::begin(&self.head, Access::Read, request);
        let drained = self.at_bell(request.patience, waiting, |way| {
            while let [slot, others @ ..] = rest {
                if is_in_the_way(slot, name, way)? {
                    return Ok(None);
                }
                // Nobody who takes it from now on gets in.
                rest = others;
            }
            Ok(Some(()))
        });
        slots.iter().for_each(|slot| slot.claim.unmark());
        drained
    }

    /// A slot for the writer, which goes on as a reader; any, for no use, in a fork that is not the writer.
    #[cold]
    #[inline(never)]
    pub(super) fn slot_of_writer<'a>(&self, slots: Slots<'a>, me: Option<Me>) -> &'a Slot {
        loop {
            if me.is_some_and(Me::is_elsewhere) {
                return &slots.all[0];
            }
            if let Some(slot) = slots.take() {
                return slot;
            }
            // Those who have them find the gate shut, and give them back. No signal ends this, and nobody is asked.
            if let Ok(slot) = masked(|| self.wait_for_slot(slots, Patience::Endless)) {
                return slot;
            }
        }
    }
}

/// Whether somebody reads in this slot, who is not the thread with this name.
fn is_in_the_way(slot: &Slot, name: u64, way: Way) -> Result<bool, Refusal> {
    match way {
        Way::Look => Ok(!slot.claim.is_free()),
        Way::Mark => Ok(slot.claim.mark()),
        Way::Bury if slot.claim.is_free() => Ok(false),
        Way::Bury => {
            if slot.claim.free_if_gone(&mut Lives::seen_by(name)) {
                return Ok(false);
            }
            match slot.claim.owner() {
                Some(owner) if has_left(owner) => Err(Refusal::OwnerLeft),
                Some(_) => Ok(true),
                None => Ok(!slot.claim.is_free()),
            }
        }
    }
}

/// Whether the thread has ended in order, and its process goes on. Memory is looked at first: most readers are at work.
fn has_left(owner: u64) -> bool {
    identity::has_left(owner) && identity::verdict(owner) == Verdict::Left && !planted(Bug::LeftReaderAwaited)
}
