//! Whose the lock is, and how many guards of it that thread has.

use std::convert::Infallible;
use std::sync::atomic::Ordering::Relaxed;

use crate::LockError;
use crate::identity::{self, Me};
use crate::mutex::patience::{Patience, Request};
use crate::mutex::{private, refused, robust};
use crate::planted::{Bug, planted};
use crate::primitive::{this_thread, this_thread_if_numbered};
use crate::robust_word::{OWNER, RobustWord};
use crate::watch::{self, Site};

/// The most guards of one reentrant mutex that a thread can have at a time.
pub const MAX_DEPTH: u32 = u32::MAX;

/// The word of a mutex whose depth is used: the guards of the thread that has the lock, which alone reads and writes it. It means nothing
/// while nobody has the lock: who takes it begins anew, whatever a dead owner has left.
#[repr(transparent)]
#[derive(Debug)]
pub(crate) struct ReentrantWord {
    pub(super) head: RobustWord,
}

/// How a thread has the lock.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hold {
    Private,
    Robust(Me),
}

impl ReentrantWord {
    #[cfg(not(multiproc_loom))]
    pub(super) const fn new() -> Self {
        Self { head: RobustWord::new() }
    }

    #[cfg(multiproc_loom)]
    pub(super) fn new() -> Self {
        Self { head: RobustWord::new() }
    }

    #[inline(always)]
    fn is_private(&self) -> bool {
        self.head.is_private()
    }

    /// The same lock where it is placed: nobody has it.
    pub(super) fn placed(&self) -> Self {
        Self { head: self.head.placed() }
    }

    /// How the calling thread has the lock, if it has it.
    #[inline(always)]
    pub(super) fn hold(&self) -> Option<Hold> {
        let hold = if self.is_private() { Hold::Private } else { Hold::Robust(identity::attached()?) };
        self.names(hold).then_some(hold)
    }

    /// Whether the calling thread, of which a guard says that it has the lock like this, has it now.
    #[inline(always)]
    pub(super) fn is_held_by(&self, hold: Hold) -> bool {
        match hold {
            Hold::Private => self.names(hold),
            Hold::Robust(me) => self.names(hold) && me.is_here(),
        }
    }

    /// Whether this thread is the owner, which is the calling one.
    ///
    /// Relaxed, both: of its own name a thread sees what it has stored itself. Nobody else stores it, and it is never another's: the
    /// number of a private lock's owner is given once, and so is the name in its family of a robust one's. The kernel's number in the word
    /// is not: it may be a dead thread's that the kernel has not come to, as it follows no more than 2048 locks.
    #[inline(always)]
    fn names(&self, hold: Hold) -> bool {
        let (owner, here) = match hold {
            Hold::Private => (self.head.owner.load(Relaxed), this_thread_if_numbered() as u64),
            // With that bug the kernel's number is all that there is.
            Hold::Robust(me) if planted(Bug::OwnerNeverStored) => {
                (u64::from(self.head.word.load(Relaxed) & OWNER), u64::from(me.tid()))
            }
            Hold::Robust(me) => (self.head.owner.load(Relaxed), me.owner()),
        };
        owner == here || (planted(Bug::OwnerUncompared) && owner != 0)
    }

    /// Takes the lock, or takes it once more; also gives the depth at which it is then.
    #[inline(always)]
    pub(super) fn enter(&self, request: Request<'_>) -> Result<(Hold, u32), LockError<Infallible>> {
        match self.hold() {
            Some(hold) => self.enter_again(hold),
            None => match self.take(request) {
                Ok(hold) => Ok((hold, 1)),
                Err(error) => match self.kept_meanwhile(&error) {
                    Some(hold) => self.enter_again(hold),
                    None => Err(error),
                },
            },
        }
    }

    #[inline(always)]
    fn enter_again(&self, hold: Hold) -> Result<(Hold, u32), LockError<Infallible>> {
        let level = self.depth().checked_add(1).ok_or(LockError::TooDeep)?;
        self.head.depth.store(level, Relaxed);
        Ok((hold, level))
    }

    /// After a wait that has found the thread itself to have the lock: the hook of a signal has taken it meanwhile, and kept a guard.
    ///
    /// It gives no result to be passed on, which would lie in memory, and the lock's with it.
    #[cold]
    #[inline(never)]
    fn kept_meanwhile(&self, error: &LockError<Infallible>) -> Option<Hold> {
        self.hold().filter(|_| matches!(error, LockError::Deadlock(_)))
    }

    /// Takes the lock, which the calling thread does not have.
    #[inline(always)]
    fn take(&self, request: Request<'_>) -> Result<Hold, LockError<Infallible>> {
        watch::asks(&self.head);
        let hold = if self.is_private() {
            private::lock(&self.head, request).map_err(refused)?;
            self.head.owner.store(this_thread() as u64, Relaxed);
            Hold::Private
        } else {
            Hold::Robust(robust::lock(&self.head, request).map_err(refused)?)
        };
        watch::acquired(&self.head, watch::Access::Exclusive, request.site);
        if planted(Bug::DepthInherited) {
            self.head.depth.fetch_add(1, Relaxed);
        } else {
            self.head.depth.store(1, Relaxed);
        }
        Ok(hold)
    }

    /// Gives the lock back for one guard, which was taken at that `level`, if no more is to be done than to count; else `false`, and nothing
    /// is done.
    ///
    /// Most guards are dropped in turn. That the depth is the level is then something that the processor guesses: to lock again does not
    /// wait for what was stored to release before, which is half of the time.
    #[inline(always)]
    pub(super) fn leave_at_once(&self, hold: Hold, level: u32) -> bool {
        let is_held = match hold {
            // Not while the thread has let it go for a wait: the hook of a signal may drop a guard then.
            Hold::Private => self.names(hold),
            Hold::Robust(me) => me.is_here_attached() && self.names(hold),
        };
        if is_held && level > 1 && self.depth() == level && !planted(Bug::InnerReleases) {
            self.head.depth.store(level - 1, Relaxed);
            return true;
        }
        false
    }

    /// Gives the lock back for one guard of the calling thread; `true`: for the last one, which is to release it.
    pub(super) fn leave(&self) -> bool {
        let depth = self.depth();
        if depth > 1 && !planted(Bug::InnerReleases) {
            self.head.depth.store(depth - 1, Relaxed);
            return false;
        }
        true
    }

    /// Releases the lock, whatever its depth.
    #[inline(always)]
    pub(super) fn release(&self, hold: Hold) {
        if planted(Bug::DepthInherited) {
            self.head.depth.store(0, Relaxed);
        }
        match hold {
            Hold::Private => {
                if !planted(Bug::OwnerNameKept) {
                    // Before the word: after it, it could wipe out the name of the next owner.
                    self.head.owner.store(0, Relaxed);
                }
                private::unlock(&self.head);
            }
            Hold::Robust(me) => robust::unlock(&self.head, me),
        }
    }

    /// Releases the lock for a wait; gives its depth.
    pub(super) fn let_go(&self, hold: Hold) -> u32 {
        let depth = self.depth();
        if !planted(Bug::OneLevelLetGo) || self.leave() {
            self.release(hold);
        }
        depth
    }

    /// Takes the lock for so many guards that waited without it.
    #[inline(never)]
    pub(crate) fn take_again(&self, depth: u32, site: Site) -> Result<(Hold, u32), LockError<Infallible>> {
        let (hold, level) = self.enter(Patience::Endless.request_at(site))?;
        if planted(Bug::DepthDropped) {
            return Ok((hold, level));
        }
        // Added: a hook that ran meanwhile may have kept a guard of its own. No thread has so many that the sum runs over.
        let level = level.saturating_add(depth - 1);
        self.head.depth.store(level, Relaxed);
        Ok((hold, level))
    }

    /// How many guards the calling thread has, if it has the lock.
    #[inline(always)]
    pub(super) fn depth(&self) -> u32 {
        self.head.depth.load(Relaxed)
    }

    /// As if the thread that has the lock had so many guards.
    #[cfg(all(test, not(multiproc_loom)))]
    pub(super) fn set_depth(&self, depth: u32) {
        self.head.depth.store(depth, Relaxed);
    }
}
