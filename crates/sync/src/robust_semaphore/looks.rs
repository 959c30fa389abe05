//! When a waiter asks whether those who have what it waits for are alive: soon at first, then with every heartbeat.
//!
//! To ask takes some system calls for each process, more than a short wait; who sleeps for milliseconds can afford it.

#[cfg(not(multiproc_loom))]
use std::time::{Duration, Instant};

#[cfg(not(multiproc_loom))]
use crate::futex::HEARTBEAT;
use crate::futex::Scope;
use crate::primitive::Deadline;

/// After which a waiter asks for the first time.
#[cfg(not(multiproc_loom))]
const SOON: Duration = Duration::from_millis(5);

/// The looks of one waiter.
#[derive(Debug)]
pub(crate) struct Looks {
    /// `None`: in private memory nobody dies alone.
    #[cfg(not(multiproc_loom))]
    next: Option<Instant>,
}

#[cfg(not(multiproc_loom))]
impl Looks {
    pub(crate) fn new(scope: Scope) -> Self {
        Self { next: (scope == Scope::Shared).then(|| Instant::now() + SOON) }
    }

    /// Until when to sleep.
    pub(crate) fn until(&self, deadline: Option<&Deadline>) -> Option<Deadline> {
        self.next.into_iter().chain(deadline.copied()).min()
    }

    /// Whether it is time for the next look, which the caller takes then.
    pub(crate) fn is_due(&mut self) -> bool {
        let now = Instant::now();
        let is_due = self.next.is_some_and(|next| next <= now);
        if is_due {
            self.next = Some(now + HEARTBEAT);
        }
        is_due
    }

    /// The look that was due is over: the next one comes a heartbeat later, however long it took.
    pub(crate) fn looked(&mut self) {
        self.next = self.next.map(|_| Instant::now() + HEARTBEAT);
    }

    pub(crate) fn is_late(deadline: Option<&Deadline>) -> bool {
        deadline.is_some_and(|deadline| *deadline <= Instant::now())
    }
}

/// In a model no time passes: a waiter asks at the end of its wait.
#[cfg(multiproc_loom)]
impl Looks {
    pub(crate) fn new(_: Scope) -> Self {
        Self {}
    }

    pub(crate) fn until(&self, deadline: Option<&Deadline>) -> Option<Deadline> {
        deadline.cloned()
    }

    pub(crate) fn is_due(&mut self) -> bool {
        false
    }

    pub(crate) fn looked(&mut self) {}

    pub(crate) fn is_late(_: Option<&Deadline>) -> bool {
        true
    }
}
