//! What a condition variable can wait with.

use std::convert::Infallible;

use crate::mutex::patience::Patience;
use crate::watch::Site;
use crate::{LockError, LockResult, Mutex, MutexGuard};

/// A guard that a [`Condvar`](crate::Condvar) can wait with: a [`MutexGuard`], or a
/// [`ReentrantMutexGuard`](crate::ReentrantMutexGuard) of data that are `Sync`.
#[diagnostic::on_unimplemented(
    message = "a condition variable cannot wait with `{Self}`",
    note = "with the guard of a `ReentrantMutex` it can if the data are `Sync`: other guards of the thread keep references to them while \
            others have the lock"
)]
pub trait WaitGuard: Release + for<'v> ConditionView<'v> {}

/// What the condition of a wait is given: `&mut T` by a [`MutexGuard`], `&T` by a
/// [`ReentrantMutexGuard`](crate::ReentrantMutexGuard).
pub trait ConditionView<'v, Bound = &'v Self> {
    /// The reference to the data.
    type View;

    #[doc(hidden)]
    fn view(&'v mut self) -> Self::View;
}

/// A guard whose lock can be let go for a while. Nobody else can name the trait, so that no other guards wait.
pub trait Release: Sized {
    type Released: TakeAgain<Guard = Self>;

    /// Whether its thread has the lock.
    fn is_held(&self) -> bool;

    /// Releases the lock, at whatever depth.
    fn release(self) -> Self::Released;
}

/// A lock that was let go. If it is dropped, by a panic, it leaves the thread what it can expect.
pub trait TakeAgain {
    type Guard;

    /// Waits for the lock.
    fn take_again(self, site: Site) -> LockResult<Self::Guard>;

    /// Does without the guard, for this reason or for a graver one.
    fn leave(self, error: LockError<Infallible>) -> LockError<Self::Guard>;
}

impl<T: ?Sized> WaitGuard for MutexGuard<'_, T> {}

impl<'v, T: ?Sized> ConditionView<'v> for MutexGuard<'_, T> {
    type View = &'v mut T;

    fn view(&'v mut self) -> &'v mut T {
        self
    }
}

impl<'a, T: ?Sized> Release for MutexGuard<'a, T> {
    type Released = &'a Mutex<T>;

    fn is_held(&self) -> bool {
        !Self::is_elsewhere(self)
    }

    fn release(self) -> &'a Mutex<T> {
        Self::mutex(&self)
    }
}

impl<'a, T: ?Sized> TakeAgain for &'a Mutex<T> {
    type Guard = MutexGuard<'a, T>;

    fn take_again(self, site: Site) -> LockResult<Self::Guard> {
        self.acquire_for(Patience::Endless.request_at(site))
    }

    fn leave(self, error: LockError<Infallible>) -> LockError<Self::Guard> {
        error.map(|never| match never {})
    }
}
