//! The second phase of a handle's journey: whether the message went.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use multiproc_sync::Generation;

/// What a handle wants to know of the message it is in. One of the two methods is called, once; neither may panic. In a fork
/// of the process that encoded the message neither is: the message is its parent's.
pub trait Transfer: Send {
    /// The message was handed to the kernel: the handle is the receiver's, or nobody's if that one never takes it.
    fn commit(self: Box<Self>);

    /// The message did not go: the handle stays what it was before.
    fn roll_back(self: Box<Self>);
}

/// The transfers of one message, told when it is sent for the first time, or when this is dropped.
#[derive(Default)]
pub struct Transfers(Option<Box<Pending>>); // nearly always none, and then nothing but a pointer

struct Pending {
    made_by: Generation,
    list: Mutex<Vec<Box<dyn Transfer>>>,
}

impl Pending {
    /// Nothing panics under it.
    fn list(&self) -> MutexGuard<'_, Vec<Box<dyn Transfer>>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Vec<Box<dyn Transfer>> {
        let list = std::mem::take(&mut *self.list());
        if self.made_by.is_ours() {
            return list;
        }
        std::mem::forget(list); // dropping one might end what is the parent's
        Vec::new()
    }
}

impl Transfers {
    /// None yet.
    pub const fn new() -> Self {
        Self(None)
    }

    /// Adds those of another part of the same message.
    pub fn append(&mut self, other: Self) {
        if let Some(pending) = &other.0 {
            self.extend(pending.take());
        }
    }

    pub(super) fn extend(&mut self, more: impl IntoIterator<Item = Box<dyn Transfer>>) {
        for transfer in more {
            let none = || Box::new(Pending { made_by: Generation::now(), list: Mutex::default() });
            self.0.get_or_insert_with(none).list().push(transfer);
        }
    }

    /// The message has gone. Those who were told before are not told again: a message can be sent twice.
    pub fn commit(&self) {
        if let Some(pending) = &self.0 {
            // In the order of encoding.
            pending.take().into_iter().for_each(Transfer::commit);
        }
    }
}

impl Drop for Transfers {
    fn drop(&mut self) {
        if let Some(pending) = &self.0 {
            // Backwards, as one undoes.
            pending.take().into_iter().rev().for_each(Transfer::roll_back);
        }
    }
}

impl fmt::Debug for Transfers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pending = self.0.as_ref().map_or(0, |pending| pending.list().len());
        f.debug_struct("Transfers").field("pending", &pending).finish()
    }
}
