//! What a wait does with a reentrant mutex: lets go of it at whatever depth, and takes it again at the same.

use std::convert::Infallible;
use std::mem;

use super::word::{Hold, ReentrantWord};
use super::{ReentrantMutex, ReentrantMutexGuard, without_guard};
use crate::condvar::guard::{ConditionView, Release, TakeAgain, WaitGuard};
use crate::identity::Me;
use crate::interrupt::masked;
use crate::watch::Site;
use crate::{LockError, LockResult};

/// `T: Sync`: outer guards of the thread give `&T` still, while others have the lock.
impl<T: ?Sized + Sync> WaitGuard for ReentrantMutexGuard<'_, T> {}

impl<'v, T: ?Sized> ConditionView<'v> for ReentrantMutexGuard<'_, T> {
    type View = &'v T;

    fn view(&'v mut self) -> &'v T {
        self
    }
}

impl<'a, T: ?Sized + Sync> Release for ReentrantMutexGuard<'a, T> {
    type Released = LetGo<'a, T>;

    fn is_held(&self) -> bool {
        Self::is_held(self)
    }

    fn release(self) -> LetGo<'a, T> {
        let (mutex, hold) = (self.mutex(), self.hold());
        // It counts as one of those that let go.
        mem::forget(self);
        LetGo { mutex, outer: Outer::new(&mutex.word, hold) }
    }
}

/// A mutex that its thread has let go, to take it again.
#[derive(Debug)]
pub struct LetGo<'a, T: ?Sized> {
    mutex: &'a ReentrantMutex<T>,
    outer: Outer<'a>,
}

impl<'a, T: ?Sized + Sync> TakeAgain for LetGo<'a, T> {
    type Guard = ReentrantMutexGuard<'a, T>;

    fn take_again(self, site: Site) -> LockResult<Self::Guard> {
        let Self { mutex, mut outer } = self;
        match outer.word.take_again(outer.guards + 1, site) {
            Ok((hold, level)) => {
                outer.guards = 0;
                mutex.guarded(hold, level)
            }
            Err(error) => Err(outer.left_with(error)),
        }
    }

    fn leave(self, error: LockError<Infallible>) -> LockError<Self::Guard> {
        self.outer.left_with(error)
    }
}

/// Guards that the thread has kept while it waits. However the wait ends, they hold the lock afterwards, if that can be had. In a fork that
/// a signal's hook has made they hold nothing of a lock in shared memory: it is the parent that has it again.
#[derive(Debug)]
struct Outer<'a> {
    word: &'a ReentrantWord,
    guards: u32,
    /// Whose they are, of a robust lock.
    owner: Option<Me>,
}

impl<'a> Outer<'a> {
    /// Those that are left when the lock is let go for a wait.
    fn new(word: &'a ReentrantWord, hold: Hold) -> Self {
        let guards = word.let_go(hold).saturating_sub(1);
        let owner = match hold {
            Hold::Robust(me) if guards > 0 => Some(me),
            _ => None,
        };
        owner.inspect(|me| me.note_let_go());
        Self { word, guards, owner }
    }

    /// The end of a wait that gives no guard back, for this reason or for a graver one.
    #[cold]
    fn left_with<G>(mut self, error: LockError<Infallible>) -> LockError<G> {
        let taken = match error {
            // A signal says nothing of the lock.
            LockError::Interrupted => self.hold_again(),
            _ => Ok(()),
        };
        self.guards = 0;
        without_guard(taken.err().unwrap_or(error))
    }

    fn hold_again(&mut self) -> Result<(), LockError<Infallible>> {
        match mem::take(&mut self.guards) {
            0 => Ok(()),
            _ if self.owner.is_some_and(Me::is_elsewhere) => Ok(()),
            // Whatever signals come: who has the guards relies on the lock.
            guards => masked(|| self.word.take_again(guards, Site::here())).map(drop),
        }
    }
}

/// Also after a panic of the user's hook, during the wait.
impl Drop for Outer<'_> {
    fn drop(&mut self) {
        // If it cannot be had, its guards find that out themselves.
        let _ = self.hold_again();
        if let Some(me) = self.owner {
            me.unnote_let_go();
        }
    }
}
