//! What all queues have in common around the place where their items are: waiting at both ends, the shutdown, and the account.

use std::fmt;

use crossbeam_utils::CachePadded;
use multiproc_sync::primitive::Deadline;

use super::account::{Account, TaskDoneError};
use super::error::{GetError, PutError, UnfinishedError};
use super::sleepers::Sleepers;
use super::store::{Nothing, Refusal, Store, give_way};
use crate::planted::{Bug, planted};

/// How a queue is shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// What is in the queue can still be got; then there is an end.
    Drain,
    /// What is in the queue is discarded, and who waits for it to be done is released.
    #[doc(alias = "immediate")]
    Immediate,
}

/// In each direction the count of sleepers lies apart from what the other direction writes.
pub(crate) struct Shell<S> {
    store: S,
    getters: CachePadded<Sleepers>,
    putters: CachePadded<Sleepers>,
    account: CachePadded<Account>,
}

impl<S: Store> Shell<S> {
    pub(crate) fn new(store: S) -> Self {
        Self {
            store,
            getters: CachePadded::new(Sleepers::new()),
            putters: CachePadded::new(Sleepers::new()),
            account: CachePadded::new(Account::new()),
        }
    }

    pub(crate) fn store(&self) -> &S {
        &self.store
    }

    /// An item was put in.
    #[inline(always)]
    pub(super) fn has_put(&self) {
        if !planted(Bug::GetterForgotten) {
            self.getters.wake_one();
        }
    }

    /// An item was taken out.
    #[inline(always)]
    pub(super) fn has_taken(&self) {
        if !planted(Bug::PutterForgotten) {
            self.putters.wake_one();
        }
    }

    #[inline]
    pub(crate) fn try_put(&self, mut item: S::Item) -> Result<(), PutError<S::Item>> {
        loop {
            match self.store.push(item) {
                Ok(()) => {
                    self.has_put();
                    return Ok(());
                }
                Err((back, Refusal::Full)) => return Err(PutError::Full(back)),
                Err((back, Refusal::Shut)) => return Err(PutError::ShutDown(back)),
                Err((back, Refusal::Busy)) => item = back,
            }
            give_way();
        }
    }

    #[inline]
    pub(crate) fn put(&self, item: S::Item, deadline: Option<&Deadline>) -> Result<(), PutError<S::Item>> {
        match self.store.push(item) {
            Ok(()) => {
                self.has_put();
                Ok(())
            }
            Err((item, Refusal::Shut)) => Err(PutError::ShutDown(item)),
            Err((item, Refusal::Full | Refusal::Busy)) => self.put_slowly(item, deadline),
        }
    }

    #[cold]
    fn put_slowly(&self, item: S::Item, deadline: Option<&Deadline>) -> Result<(), PutError<S::Item>> {
        let mut left = Some(item);
        let look = || match self.store.push(left.take()?) {
            Ok(()) => Some(()),
            Err((item, refusal)) => {
                left = Some(item);
                (refusal == Refusal::Shut).then_some(())
            }
        };
        let waited = self.putters.wait(deadline, look, || self.store.may_have_room());
        match (left, waited) {
            (None, _) => {
                self.has_put();
                Ok(())
            }
            (Some(item), Ok(())) => Err(PutError::ShutDown(item)),
            (Some(item), Err(error)) => Err(PutError::of(error, item)),
        }
    }

    #[inline]
    pub(crate) fn try_get(&self) -> Result<S::Item, GetError> {
        loop {
            match self.store.pop() {
                Ok(item) => {
                    self.has_taken();
                    return Ok(item);
                }
                Err(Nothing::Empty) => return Err(GetError::Empty),
                Err(Nothing::Ended) => return Err(GetError::ShutDown),
                Err(Nothing::Busy) => give_way(),
            }
        }
    }

    #[inline]
    pub(crate) fn get(&self, deadline: Option<&Deadline>) -> Result<S::Item, GetError> {
        match self.store.pop() {
            Ok(item) => {
                self.has_taken();
                Ok(item)
            }
            Err(Nothing::Ended) => Err(GetError::ShutDown),
            Err(Nothing::Empty | Nothing::Busy) => self.get_slowly(deadline),
        }
    }

    #[cold]
    fn get_slowly(&self, deadline: Option<&Deadline>) -> Result<S::Item, GetError> {
        let look = || match self.store.pop() {
            Ok(item) => Some(Ok(item)),
            Err(Nothing::Ended) => Some(Err(GetError::ShutDown)),
            Err(Nothing::Empty | Nothing::Busy) => None,
        };
        let item = self.getters.wait(deadline, look, || self.store.may_have_items())??;
        self.has_taken();
        Ok(item)
    }

    pub(crate) fn task_done(&self) -> Result<(), TaskDoneError> {
        self.account.task_done(&self.store)
    }

    pub(crate) fn unfinished(&self) -> u64 {
        self.account.unfinished(&self.store)
    }

    pub(crate) fn join(&self, deadline: Option<&Deadline>) -> Result<(), UnfinishedError> {
        match self.account.join(&self.store, deadline)? {
            0 => Ok(()),
            unfinished => Err(UnfinishedError::ShutDown { unfinished }),
        }
    }

    pub(crate) fn shut_down(&self, how: Shutdown) {
        self.store.shut();
        let discarded = (how == Shutdown::Immediate).then(|| self.account.discard(&self.store));
        self.putters.close();
        self.getters.close();
        drop(discarded); // code of the user's: last
    }

    /// As the queue of this name.
    pub(crate) fn show(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        f.debug_struct(name)
            .field("len", &self.store.len())
            .field("capacity", &self.store.capacity())
            .field("unfinished", &self.unfinished())
            .field("is_shut_down", &self.store.is_shut())
            .finish()
    }
}
