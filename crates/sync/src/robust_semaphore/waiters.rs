//! The wait for a permit, and the wake-up.
//!
//! Who waits looks at all permits, marks those that are taken, and sleeps at the bell. Who ends a marked claim rings. The bell
//! counts the rings, and a sleeper reads it before it looks: so whoever ends a claim after the look either finds the sleeper in the
//! kernel, or has changed what that one is about to sleep on. As the mark stands in the claim itself, ending one that
//! nobody waits for is a single exchange, with no second look and no fence.
//!
//! A mark stays through claims, and is taken off by one who rang for nobody. Who has slept cannot know whether others sleep still,
//! and marks what it takes.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::Holder;
use super::looks::Looks;
use crate::claims::{Claim, Lives, MARK};
use crate::futex::{Futex, Scope};
use crate::mutex::patience::Patience;
use crate::origin::Origin;
use crate::planted::{Bug, planted};
use crate::primitive::{AtomicU32, fence};
use crate::{Pace, WaitError};

/// The semaphore's memory is reached by one process only.
const PRIVATE: u32 = 0;
/// The semaphore lies in shared memory, at its final address.
const SHARED: u32 = 1;

/// What all have in common who wait for the permits of one semaphore.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Waiters {
    /// How often somebody was to be woken.
    bell: Futex,
    mode: AtomicU32,
    /// A hint, in which any number may stand.
    pace: Pace,
}

#[cfg(not(multiproc_loom))]
const _: () = {
    use std::mem::offset_of;

    use crate::registry::inspect::layout::lock;
    assert!(offset_of!(Waiters, bell) == 0 && offset_of!(Waiters, mode) == lock::PERMITS_MODE);
};

/// A permit, and who has died with it.
pub(crate) type Taken<'a> = (&'a Claim, Option<Holder>);

impl Waiters {
    #[cfg(not(multiproc_loom))]
    pub(super) const fn new() -> Self {
        Self { bell: Futex::new(0), mode: AtomicU32::new(PRIVATE), pace: Pace::new() }
    }

    #[cfg(multiproc_loom)]
    pub(super) fn new() -> Self {
        Self { bell: Futex::new(0), mode: AtomicU32::new(PRIVATE), pace: Pace::new() }
    }

    /// Those of a semaphore that is placed.
    pub(super) fn placed() -> Self {
        let waiters = Self::new();
        waiters.mode.store(SHARED, Relaxed);
        waiters
    }

    #[inline(always)]
    pub(super) fn is_private(&self) -> bool {
        self.mode.load(Relaxed) == PRIVATE
    }

    fn scope(&self) -> Scope {
        if self.is_private() { Scope::Private } else { Scope::Shared }
    }

    /// Takes one of the permits `among` for `owner`, the `first` one if that is free.
    #[cold]
    #[inline(never)]
    pub(crate) fn wait<'a>(
        &self,
        among: &'a [Claim],
        first: usize,
        owner: u64,
        patience: Patience<'_>,
    ) -> Result<Taken<'a>, WaitError> {
        let claims = Claims { all: among, first, owner };
        if let Some(claim) = claims.take(0) {
            return Ok((claim, None));
        }
        let deadline = match patience.sleep() {
            Ok(deadline) => deadline,
            Err(error) => return claims.take_over(0).ok_or(error),
        };
        if let Some(claim) = self.pace.spin(deadline.cloned(), || claims.take(0)) {
            return Ok((claim, None));
        }
        let deadline = deadline.filter(|_| !planted(Bug::DeadlineIgnored));
        let mut looks = Looks::new(self.scope());
        let mut slept = 0;
        let origin = Origin::here();
        loop {
            // Acquire: with the Release of `end_and_wake`, so that who has heard the ring finds the claim that was ended.
            let mut ticket = self.bell.load(Acquire);
            if let Some(claim) = claims.take_or_mark(slept) {
                return Ok((claim, None));
            }
            if planted(Bug::TicketLate) {
                ticket = self.bell.load(Acquire);
            }
            let ended = self.bell.wait_for_event(ticket, self.scope(), looks.until(deadline).as_ref());
            if !origin.is_here() {
                return Err(WaitError::Interrupted); // the hook of a signal has forked, and `owner` is the parent
            }
            if !planted(Bug::OthersAsleepForgotten) {
                slept = MARK;
            }
            match ended {
                Ok(()) => {}
                Err(WaitError::TimedOut) if !Looks::is_late(deadline) => {}
                Err(error) => {
                    let free = claims.take(slept).map(|claim| (claim, None));
                    return free.or_else(|| claims.take_over(slept)).ok_or(error);
                }
            }
            if looks.is_due() {
                if let Some(taken) = claims.take_over(slept) {
                    return Ok(taken);
                }
                looks.looked();
            }
        }
    }

    /// Ends a claim that is marked, and wakes one who may sleep.
    #[cold]
    #[inline(never)]
    pub(crate) fn end_and_wake(&self, claim: &Claim, owner: u64) {
        // In damaged memory it may be anybody's.
        if !claim.end_marked(owner) || planted(Bug::SleeperNotWoken) {
            return;
        }
        // The kernel's change of the bell has no order of this language's.
        fence(Release);
        if self.bell.add_and_wake(1, 1, self.scope()) == 0 || planted(Bug::MarkTakenOff) {
            claim.unmark();
        }
    }
}

/// The permits of one semaphore, as one waiter looks at them.
#[derive(Clone, Copy)]
struct Claims<'a> {
    all: &'a [Claim],
    first: usize,
    owner: u64,
}

impl<'a> Claims<'a> {
    fn in_turn(self) -> impl Iterator<Item = &'a Claim> {
        let (before, from) = self.all.split_at(self.first.min(self.all.len()));
        from.iter().chain(before)
    }

    /// One that is free.
    fn take(self, mark: u64) -> Option<&'a Claim> {
        self.in_turn().find(|claim| claim.take_marked(self.owner, mark))
    }

    /// One that is free; else all are marked.
    fn take_or_mark(self, mark: u64) -> Option<&'a Claim> {
        let one_is_enough = planted(Bug::OneClaimMarked);
        let looked_at = self.in_turn().take(if one_is_enough { 1 } else { usize::MAX });
        { looked_at }.find(|claim| claim.take_or_mark(self.owner, mark))
    }

    /// One of a process that has ended.
    fn take_over(self, mark: u64) -> Option<Taken<'a>> {
        let mut lives = Lives::seen_by(self.owner);
        self.in_turn().find_map(|claim| {
            let dead = claim.take_over(self.owner, mark, &mut lives)?;
            Some((claim, Some(Holder::of(dead))))
        })
    }
}
