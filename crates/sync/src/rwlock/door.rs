//! What readers and writers of one lock meet at: a mutex, a gate, a bell.
//!
//! The *head* is a mutex. A writer has it as long as it is inside; a reader that is kept out queues at it among the writers, and has it
//! until it is in. What a mutex does about the dead, about deadlines and signals, is done here by that.
//!
//! The *gate* tells readers without the head whether they may go in by taking a slot alone. Who has the head shuts it, and then looks at
//! the slots; who takes a slot then looks at the gate: one of the two sees the other. A gate that was left shut by a dead one is opened by
//! whoever has the head next.

use std::sync::atomic::Ordering::{Relaxed, Release, SeqCst};

use super::turn::Turn;
use crate::Pace;
use crate::futex::{Futex, Scope};
use crate::identity::{self, IdentityError, Me};
use crate::mutex::patience::Request;
use crate::mutex::robust::{self, Refusal};
use crate::mutex::{private, state};
use crate::planted::{Bug, planted};
use crate::primitive::{AtomicU32, this_thread};
use crate::robust_word::{OWNER, RobustWord};

const OPEN: u32 = 0;
/// A writer has the head.
const WRITER: u32 = 1;
/// A reader has the head, which waits for a slot.
const FULL: u32 = 2;

#[repr(C)]
#[derive(Debug)]
pub(super) struct Door {
    pub(super) head: RobustWord,
    /// [`OPEN`], [`WRITER`] or [`FULL`]; written with the head in hand.
    gate: AtomicU32,
    pub(super) turn: Turn,
    /// How often the one who has the head was to be woken.
    pub(super) bell: Futex,
    /// A hint, in which any number may stand.
    pub(super) pace: Pace,
}

#[cfg(not(multiproc_loom))]
const _: () = {
    use std::mem::offset_of;

    use crate::registry::inspect::layout::lock;
    assert!(size_of::<Door>() == 56, "on one line");
    assert!(offset_of!(Door, gate) == lock::GATE && offset_of!(Door, turn) == lock::TURN);
    assert!(offset_of!(Door, bell) == lock::BELL);
};

impl Door {
    #[cfg(not(multiproc_loom))]
    pub(super) const fn new() -> Self {
        Self {
            head: RobustWord::new(),
            gate: AtomicU32::new(OPEN),
            turn: Turn::new(),
            bell: Futex::new(0),
            pace: Pace::new(),
        }
    }

    #[cfg(multiproc_loom)]
    pub(super) fn new() -> Self {
        Self {
            head: RobustWord::new(),
            gate: AtomicU32::new(OPEN),
            turn: Turn::new(),
            bell: Futex::new(0),
            pace: Pace::new(),
        }
    }

    /// That of a lock which is placed: what was known of the data holds on, and nobody is inside.
    pub(super) fn placed(&self) -> Self {
        Self { head: self.head.placed(), ..Self::new() }
    }

    #[inline(always)]
    pub(super) fn is_private(&self) -> bool {
        self.head.is_private()
    }

    pub(super) fn scope(&self) -> Scope {
        if self.is_private() { Scope::Private } else { Scope::Shared }
    }

    /// What is known of the data.
    #[inline(always)]
    pub(super) fn state(&self) -> u32 {
        self.head.state.load(Relaxed)
    }

    /// Says something of the data, as the writer.
    pub(super) fn add_to_state(&self, bits: u32) {
        self.head.state.fetch_or(bits, Relaxed);
    }

    /// The data are whole again, says the writer.
    pub(super) fn mend_state(&self) {
        self.head.state.fetch_and(!(state::POISONED | state::INCONSISTENT), Relaxed);
    }

    /// The name of the calling thread: in its family, or in its process.
    #[inline(always)]
    pub(super) fn name(&self) -> Result<u64, IdentityError> {
        if self.is_private() {
            // Where a name in a family has the index that tells who tries which slot first.
            return Ok((this_thread() as u64) << 16);
        }
        match identity::attached() {
            Some(me) => Ok(me.owner()),
            None => attach(),
        }
    }

    /// Whether a thread with a slot is in by that.
    #[inline(always)]
    pub(super) fn is_open(&self) -> bool {
        in_one_order();
        // SeqCst: with that of `Head::shut`. As Acquire: with the Release of `open`.
        self.gate.load(SeqCst) == OPEN
    }

    /// Whether a writer, and not a reader without a slot, keeps others out.
    pub(super) fn has_writer(&self) -> bool {
        // A dead one's gate may be shut, and nobody has the head.
        self.gate.load(Relaxed) == WRITER && self.head.word.load(Relaxed) & OWNER != 0
    }

    /// Whether a reader that waits for a slot keeps others out.
    pub(super) fn is_full(&self) -> bool {
        self.gate.load(Relaxed) == FULL
    }

    /// Whether the thread with this name is the writer, or in private memory has the head.
    pub(super) fn is_at_head(&self, name: u64) -> bool {
        self.head.owner.load(Relaxed) == name
    }

    /// Takes the head for what ends inside of this call, for the thread with this name.
    #[inline]
    pub(super) fn lock_head(&self, name: u64, request: Request<'_>) -> Result<Head<'_>, Refusal> {
        let me = if self.is_private() {
            private::lock(&self.head, request)?;
            self.head.owner.store(name, Relaxed);
            None
        } else {
            Some(robust::lock_for_a_call(&self.head, request)?)
        };
        Ok(Head { door: self, me, is_shut: false })
    }

    /// Ends what [`Head::into_writer`] has begun.
    #[inline]
    pub(super) fn end_writing(&self, me: Option<Me>) {
        if me.is_some_and(Me::is_elsewhere) {
            return;
        }
        // Release: the last access to the data comes before. A death from here on finds no guard.
        self.head.owner.store(0, Release);
        self.open();
        self.unlock(me);
    }

    #[inline(always)]
    fn open(&self) {
        let order = if planted(Bug::GateOpenedUnordered) { Relaxed } else { Release };
        self.gate.store(OPEN, order);
    }

    #[inline(always)]
    fn unlock(&self, me: Option<Me>) {
        match me {
            None => {
                self.head.owner.store(0, Relaxed);
                private::unlock(&self.head);
            }
            Some(me) => robust::unlock(&self.head, me),
        }
    }
}

/// Between what one does and what it looks at then, where two do so crosswise. On a machine their accesses, all of them SeqCst, have one
/// order; the model checker knows such an order of fences only.
#[inline(always)]
fn in_one_order() {
    #[cfg(multiproc_loom)]
    if !planted(Bug::GateUnfenced) {
        crate::primitive::fence(SeqCst);
    }
}

/// The name of a thread that had none.
#[cold]
#[inline(never)]
fn attach() -> Result<u64, IdentityError> {
    Ok(identity::me()?.owner())
}

/// The head of a lock in the hands of one who gives no guard of it out yet. Dropped, also by a panic of a signal's hook, it is released
/// and the gate open.
pub(super) struct Head<'a> {
    door: &'a Door,
    me: Option<Me>,
    is_shut: bool,
}

impl Head<'_> {
    /// Keeps out who comes to write.
    #[inline(always)]
    pub(super) fn shut_for_writing(&mut self) {
        self.shut(WRITER);
    }

    /// Keeps out who comes while there is no slot.
    pub(super) fn shut_as_full(&mut self) {
        self.shut(FULL);
    }

    #[inline(always)]
    fn shut(&mut self, how: u32) {
        self.is_shut = true;
        // SeqCst: with that of `is_open`. One of the two sees what the other did.
        self.door.gate.swap(how, SeqCst);
        in_one_order();
    }

    /// Goes inside as the writer: nobody reads. From here on a guard is out.
    #[inline(always)]
    pub(super) fn into_writer(self, name: u64) -> Option<Me> {
        let me = self.me;
        if !planted(Bug::OwnerNeverStored) {
            // Release: with the Acquire of `Recovery::may_take`.
            self.door.head.owner.store(name, Release);
        }
        std::mem::forget(self);
        me
    }
}

impl Drop for Head<'_> {
    fn drop(&mut self) {
        if self.me.is_some_and(Me::is_elsewhere) {
            return;
        }
        // As whoever had the head before and died may have left it.
        let is_shut = self.is_shut || !planted(Bug::DeadGateKept);
        if is_shut && self.door.gate.load(Relaxed) != OPEN {
            self.door.open();
        }
        self.door.unlock(self.me);
    }
}
