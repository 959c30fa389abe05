//! What the scenarios ask of a semaphore with one permit, and of a lock that nobody owns.

use multiproc_sync::{BoundedSemaphore, Lock, Semaphore};

/// Lets in one at a time, and does not know whom.
pub(crate) trait Gate: Sized + 'static {
    /// For the names of scenarios.
    const NAME: &'static str;

    /// The function in which it is waited for.
    const WAIT: &'static str;

    /// The function in which sleepers are woken.
    const WAKE: &'static str;

    /// One that is free.
    fn new() -> Self;

    /// Waits, and goes in.
    fn acquire(&self);

    /// Goes in if nobody is inside.
    fn try_acquire(&self) -> bool;

    /// Lets somebody out.
    fn release(&self);

    /// Whether nobody is inside.
    fn is_free(&self) -> bool;
}

impl Gate for Semaphore {
    const NAME: &'static str = "semaphore";
    const WAIT: &'static str = "permit_wait";
    const WAKE: &'static str = "permit_wake";

    fn new() -> Self {
        Self::new(1)
    }

    fn acquire(&self) {
        self.acquire().expect("there is no deadline");
    }

    fn try_acquire(&self) -> bool {
        self.try_acquire().is_ok()
    }

    fn release(&self) {
        self.release(1).expect("there is room");
    }

    fn is_free(&self) -> bool {
        self.available() > 0
    }
}

impl Gate for BoundedSemaphore {
    const NAME: &'static str = "bounded semaphore";
    const WAIT: &'static str = "permit_wait";
    const WAKE: &'static str = "permit_wake";

    fn new() -> Self {
        Self::new(1)
    }

    fn acquire(&self) {
        self.acquire().expect("there is no deadline");
    }

    fn try_acquire(&self) -> bool {
        self.try_acquire().is_ok()
    }

    fn release(&self) {
        self.release(1).expect("somebody was inside");
    }

    fn is_free(&self) -> bool {
        self.available() > 0
    }
}

impl Gate for Lock {
    const NAME: &'static str = "lock";
    const WAIT: &'static str = "hold_wait";
    const WAKE: &'static str = "hold_wake";

    fn new() -> Self {
        Self::new()
    }

    fn acquire(&self) {
        self.acquire().expect("there is no deadline");
    }

    fn try_acquire(&self) -> bool {
        self.try_acquire().is_ok()
    }

    fn release(&self) {
        self.release().expect("somebody was inside");
    }

    fn is_free(&self) -> bool {
        !self.is_locked()
    }
}
