//! What the clones of a token have in common, and how a cancellation comes to the threads in its scopes and to its children.
//!
//! All that has to agree happens under one lock: whether it is cancelled, whose alarms are raised for that, and who comes and goes. So
//! the alarm of a thread is raised exactly by those of its scopes whose tokens are cancelled, and a child is made either before its
//! parent's cancellation, which then finds it, or after, and is born cancelled.

use std::sync::{Arc, PoisonError, Weak};

use multiproc_sync::Event;
#[cfg(not(multiproc_loom))]
use multiproc_sync::Generation;
use multiproc_sync::interrupt::Alarm;
use multiproc_sync::primitive::blocking::{Mutex, MutexGuard};
use slab::Slab;

use crate::planted::{Bug, planted};

/// One token, however often it was cloned.
#[derive(Debug)]
pub(super) struct Node {
    /// In a fork another thread may have left it locked for good.
    #[cfg(not(multiproc_loom))]
    made_by: Generation,
    cancelled: Event,
    members: Mutex<Members>,
    /// Kept, as a cancellation comes down by way of it, whoever else has dropped it.
    parent: Option<Arc<Node>>,
}

#[derive(Debug, Default)]
struct Members {
    /// Alarms of the threads in its scopes.
    scopes: Slab<Alarm>,
    /// Also some that are gone.
    children: Vec<Weak<Node>>,
    /// So many children, and those that are gone are taken out.
    crowded: usize,
}

/// Fewer children are never looked through.
const FEW: usize = 16;

impl Node {
    fn new(parent: Option<Arc<Self>>) -> Arc<Self> {
        Arc::new(Self {
            #[cfg(not(multiproc_loom))]
            made_by: Generation::now(),
            cancelled: Event::new(),
            members: Mutex::new(Members { crowded: FEW, ..Members::default() }),
            parent,
        })
    }

    pub(super) fn root() -> Arc<Self> {
        Self::new(None)
    }

    fn lock(&self) -> MutexGuard<'_, Members> {
        // What panics with it, for lack of memory, changes nothing.
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this is the process that made it.
    fn is_ours(&self) -> bool {
        #[cfg(not(multiproc_loom))]
        return self.made_by.is_ours();
        #[cfg(multiproc_loom)] // a model has no forks
        true
    }

    pub(super) fn cancelled(&self) -> &Event {
        &self.cancelled
    }

    /// One that is cancelled with this one.
    pub(super) fn child(self: &Arc<Self>) -> Arc<Self> {
        let child = Self::new(Some(self.clone()));
        if !self.is_ours() {
            if self.cancelled.is_set() {
                child.cancelled.set();
            }
            return child;
        }
        let seen = planted(Bug::ParentSeenTooEarly).then(|| self.cancelled.is_set());
        let mut members = self.lock();
        if seen.unwrap_or_else(|| self.cancelled.is_set()) {
            drop(members);
            child.cancelled.set();
            return child;
        }
        if members.children.len() >= members.crowded {
            members.children.retain(|child| child.strong_count() > 0);
            members.crowded = FEW.max(members.children.len() * 2);
        }
        members.children.push(Arc::downgrade(&child));
        child
    }

    /// Cancels it and all below it: when this returns, all of them are, whoever has begun it.
    pub(super) fn cancel(self: &Arc<Self>) {
        let mut to_do = vec![self.clone()];
        // No recursion: a chain of children may be longer than the stack.
        while let Some(node) = to_do.pop() {
            if node.is_ours() {
                node.cancel_alone(&mut to_do);
            }
        }
    }

    /// Adds its children to those that are to be cancelled.
    fn cancel_alone(&self, to_do: &mut Vec<Arc<Self>>) {
        let members = self.lock();
        if !self.cancelled.is_set() {
            // Before the alarms: who waits for this, in a scope of it, is told that it has come.
            if !planted(Bug::ToldTooLate) {
                self.cancelled.set();
            }
            if planted(Bug::AlarmsRaisedLate) {
                let alarms: Vec<_> = members.scopes.iter().map(|(_, alarm)| alarm.clone()).collect();
                drop(members);
                return Alarm::raise_all(&alarms);
            }
            Alarm::raise_all(members.scopes.iter().map(|(_, alarm)| alarm));
            if planted(Bug::ToldTooLate) {
                self.cancelled.set();
            }
        } else if planted(Bug::ChildrenOfCancelledSkipped) {
            return;
        }
        to_do.extend(members.children.iter().filter_map(Weak::upgrade));
        // After the lock: what was upgraded may be the last that keeps a child, and with it this one.
    }

    /// A thread comes into a scope; gives the number of that.
    pub(super) fn enter(&self, alarm: Alarm) -> Option<usize> {
        if !self.is_ours() {
            return None;
        }
        let mut members = self.lock();
        if self.cancelled.is_set() && !planted(Bug::CancelledScopeUnseen) {
            alarm.raise();
        }
        Some(members.scopes.insert(alarm))
    }

    /// It leaves the scope.
    pub(super) fn leave(&self, number: usize) {
        if !self.is_ours() {
            return;
        }
        let mut members = self.lock();
        let alarm = members.scopes.try_remove(number);
        if self.cancelled.is_set()
            && let Some(alarm) = alarm
        {
            alarm.lower();
        }
    }
}

/// One after the other, where a chain of parents ends with this.
impl Drop for Node {
    fn drop(&mut self) {
        let mut above = self.parent.take();
        while let Some(node) = above {
            above = Arc::into_inner(node).and_then(|mut node| node.parent.take());
        }
    }
}
