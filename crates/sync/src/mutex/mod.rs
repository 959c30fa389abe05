//! A mutex for threads, and for processes. `unsafe`: says that the lock makes its data safe to share.
#![allow(unsafe_code)]

mod error;
mod findings;
mod guard;
pub(crate) mod patience;
pub(crate) mod private;
pub(crate) mod recovery;
pub(crate) mod robust;
mod spin;
pub(crate) mod state;

use std::fmt;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::Ordering::Relaxed;

pub use self::error::{LockError, LockResult};
use self::patience::{Patience, Request};
use self::robust::Refusal;
use self::state::{ABANDONED, INCONSISTENT, POISONED};
use crate::NameError;
use crate::identity::Me;
use crate::primitive::{Access, Deadline, UnsafeCell};
use crate::robust_word::{OWNER, RobustWord};
use crate::shm_safe::{Layout, PlaceError, Placement, ShmPlain, ShmSafe};
use crate::watch;

/// A mutex that lies on a stack, in a `static`, or in shared memory.
///
/// ```
/// use multiproc_sync::Mutex;
///
/// static HITS: Mutex<u64> = Mutex::new(0);
/// std::thread::scope(|scope| {
///     (0..4).for_each(|_| _ = scope.spawn(|| *HITS.lock().unwrap() += 1));
/// });
/// assert_eq!(*HITS.lock().unwrap(), 4);
/// ```
///
/// Between processes it lies in a segment, which makes it *robust*: `Shared<Mutex<T>>` of the crate `multiproc-shm` puts it there,
/// and goes to other processes inside a message or as an argument of a task; its page has the example.
///
/// # The word
///
/// ```text
///            31        30       29                        0
///          ┌─────────┬────────┬──────────────────────────┐      in private memory:
///  robust  │ WAITERS │ DIED   │ owner's thread number    │      0 free, 1 held, 2 held and slept on
///          └─────────┴────────┴──────────────────────────┘
///   0                       free
///   WAITERS                 free, and somebody may sleep: stays until nobody is found asleep
///   tid, tid | WAITERS      held
///   DIED, DIED | WAITERS    the kernel's alarm: the owner's thread has ended with the lock
/// ```
///
/// The word, a mode, the state of the data, the owner's name and the kernel's list node take 40 bytes; the data follow.
///
/// # Ordering and fairness
///
/// Releasing happens before the next acquiring, as with every mutex. It is not fair: who comes when the lock is free takes it,
/// though others sleep; one of those is woken at each release, so that none sleeps on while the lock is free.
///
/// # What happens to it
///
/// | event | private | robust |
/// |---|---|---|
/// | the owner panics | [`Poisoned`](LockError::Poisoned) | the same |
/// | the owner's process dies | with everybody who could see it | [`OwnerDied`](LockError::OwnerDied), once the *whole* process has ended: another of its threads may sit in a system call that writes to the data |
/// | it dies with the lock, but no guard out | | nothing: the next one gets it as if released |
/// | it dies, and nothing tells whether the whole process has ended: no descriptor is free, say | | [`Identity`](LockError::Identity) with [`OwnerUnseen`](crate::IdentityError::OwnerUnseen) after three heartbeats |
/// | the owner's thread ends, its guard leaked | held for ever | [`OwnerLeft`](LockError::OwnerLeft) as long as its process lives |
/// | `mem::forget(guard)` | held for ever | held until the thread ends; its owner gets [`Deadlock`](LockError::Deadlock); the memory stays mapped |
/// | locked twice by a thread | waits for ever; with the feature `deadlock` [`Deadlock`](LockError::Deadlock) | [`Deadlock`](LockError::Deadlock) |
/// | `fork` with a guard | the child has a copy of lock and guard | the guard in the child holds nothing: it changes nothing of the lock, and must not be used to reach the data, which the parent is at |
/// | `exec` with a guard | gone with the memory | [`OwnerLeft`](LockError::OwnerLeft) after three heartbeats, [`OwnerDied`](LockError::OwnerDied) at its end |
/// | moved, dropped while held | as any value | cannot be: it is reached by reference only |
/// | a waiter is killed | with everybody else | the others are not kept waiting |
///
/// # Cost
///
/// Private: one atomic exchange to lock and one to release, as the standard library's. Robust: two compare-exchanges and
/// ten plain stores, no system call; see docs/performance.md of the repository. A waiter spins for some microseconds, then
/// sleeps. A release with sleepers is one system call. A sleep in shared memory lasts a second at most, then the sleeper looks
/// again. A thread's first robust lock gives it a name in its family: two or three system calls, once.
///
/// A thread holds at most [`MAX_HELD`](crate::MAX_HELD) robust locks at a time. Not to be used in a signal handler.
///
/// # What does not compile
///
/// Guards stay with their thread:
///
/// ```compile_fail,E0277
/// let mutex = multiproc_sync::Mutex::new(0);
/// let guard = mutex.lock().unwrap();
/// std::thread::scope(|scope| {
///     scope.spawn(move || drop(guard));
/// });
/// ```
///
/// No lock lies in what another lock guards, in shared memory: a guard's `&mut` could move it away from where the kernel knows it.
///
/// ```compile_fail,E0277
/// use multiproc_sync::{Mutex, shm_safe::ShmSafe};
/// fn place<T: ShmSafe>(_: T) {}
/// place(Mutex::new(Mutex::new(0)));
/// ```
///
/// # Sources
///
/// Ulrich Drepper, "Futexes Are Tricky" (the private lock); the kernel's robust-futexes documentation; the single system call and
/// the lasting bit are this project's answer to wake-ups that libc's robust mutex loses.
#[doc(alias = "threading.Lock")]
#[doc(alias = "multiprocessing.Lock")]
#[repr(C)]
pub struct Mutex<T: ?Sized> {
    head: RobustWord,
    data: UnsafeCell<T>,
}

/// The right to the data of a [`Mutex`], which is released when this is dropped.
#[must_use = "the mutex is released again at once if its guard is not kept"]
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    access: Access<T>,
    /// Who has taken a robust lock; `None`: the lock is private.
    owner: Option<Me>,
    /// The thread panicked before it had the guard: then its dropping says nothing of the data.
    panicking: bool,
    /// Guards stay with their thread: its list has the lock's node.
    not_send: PhantomData<*mut ()>,
}

// SAFETY: the data go where the mutex goes.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}
// SAFETY: one guard at a time reaches the data, from whatever thread: as if they were sent there and back.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}
// Whoever finds the data after a panic with the guard is told that it is poisoned.
impl<T: ?Sized> UnwindSafe for Mutex<T> {}
impl<T: ?Sized> RefUnwindSafe for Mutex<T> {}

impl<T> Mutex<T> {
    /// A mutex for the threads of this process.
    #[cfg(not(multiproc_loom))]
    pub const fn new(value: T) -> Self {
        Self { head: RobustWord::new(), data: UnsafeCell::new(value) }
    }

    /// A mutex for the threads of this process.
    #[cfg(multiproc_loom)]
    pub fn new(value: T) -> Self {
        Self { head: RobustWord::new(), data: UnsafeCell::new(value) }
    }

    /// The data, of a mutex that nobody else has.
    ///
    /// # Errors
    ///
    /// [`Poisoned`](LockError::Poisoned), with the data, if a thread panicked while it had the guard.
    pub fn into_inner(self) -> LockResult<T> {
        let poisoned = self.is_poisoned();
        let value = self.data.into_inner();
        if poisoned { Err(LockError::Poisoned(value)) } else { Ok(value) }
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits for the lock.
    ///
    /// # Errors
    ///
    /// [`LockError`]; with [`Poisoned`](LockError::Poisoned) and [`OwnerDied`](LockError::OwnerDied) the lock is held all the same.
    #[inline]
    #[doc(alias = "acquire")]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        self.acquire(Patience::Endless)
    }

    /// Takes the lock if it is free.
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock); [`TimedOut`](LockError::TimedOut) if it is held.
    #[inline]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn try_lock(&self) -> LockResult<MutexGuard<'_, T>> {
        self.acquire(Patience::None)
    }

    /// Waits for the lock for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock); [`TimedOut`](LockError::TimedOut) if it was held all the time.
    #[cfg(not(multiproc_loom))]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn lock_timeout(&self, timeout: std::time::Duration) -> LockResult<MutexGuard<'_, T>> {
        match std::time::Instant::now().checked_add(timeout) {
            Some(deadline) => self.lock_deadline(deadline),
            None => self.lock(), // longer than a clock can say
        }
    }

    /// Waits for the lock until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock); [`TimedOut`](LockError::TimedOut) if it was held all the time.
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn lock_deadline(&self, deadline: Deadline) -> LockResult<MutexGuard<'_, T>> {
        self.acquire(Patience::Until(&deadline))
    }

    /// Waits for the lock, and calls `reset` with the data if an owner panicked or died with them: the everyday form where the
    /// data can be made anew.
    ///
    /// If `reset` panics, the lock stays poisoned.
    ///
    /// ```
    /// let cache = multiproc_sync::Mutex::new(vec![1, 2, 3]);
    /// std::thread::scope(|scope| {
    ///     let dies = scope.spawn(|| {
    ///         let _guard = cache.lock().unwrap();
    ///         panic!("with the lock held");
    ///     });
    ///     dies.join().unwrap_err();
    /// });
    /// assert!(cache.lock_or_reset(Vec::clear).unwrap().is_empty());
    /// assert!(cache.lock().is_ok());
    /// ```
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock), but for the two that hold the lock.
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn lock_or_reset(&self, reset: impl FnOnce(&mut T)) -> LockResult<MutexGuard<'_, T>> {
        match self.lock() {
            Err(LockError::Poisoned(mut guard) | LockError::OwnerDied(mut guard)) => {
                reset(&mut guard);
                MutexGuard::mark_consistent(&mut guard);
                Ok(guard)
            }
            other => other,
        }
    }

    /// The data, of a mutex that nobody else can reach.
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }

    /// Gives the lock a name, by which reports call it: those of the feature `contention`, and of [deadlocks](crate::deadlock). Without
    /// both features nothing comes of it. Several locks may have the same name. It stays when the lock is put into shared memory.
    ///
    /// ```
    /// let orders = multiproc_sync::Mutex::new(0);
    /// orders.set_name("orders")?;
    /// # Ok::<(), multiproc_sync::NameError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`NameError`]; the lock is as good as before.
    pub fn set_name(&self, name: &str) -> Result<(), NameError> {
        self.head.set_name(name)
    }

    /// Whether somebody has the lock now; it may be otherwise when the caller learns of it.
    #[doc(alias = "locked")]
    pub fn is_locked(&self) -> bool {
        self.head.word.load(Relaxed) & OWNER != 0
    }

    /// Whether a thread panicked, or a process died, with the guard, and nobody has
    /// [mended](MutexGuard::mark_consistent) the data since.
    pub fn is_poisoned(&self) -> bool {
        self.head.state.load(Relaxed) & (POISONED | INCONSISTENT) != 0
    }

    /// The data behind the lock's back, as a system call reaches them that another thread of the owner's process is in.
    #[cfg(all(test, multiproc_loom))]
    pub(crate) fn data(&self) -> &UnsafeCell<T> {
        &self.data
    }

    /// Whether it is a lock for the threads of this process.
    #[inline(always)]
    pub(crate) fn is_private(&self) -> bool {
        self.head.is_private()
    }

    #[inline(always)]
    #[cfg_attr(feature = "watch", track_caller)]
    pub(crate) fn acquire(&self, patience: Patience<'_>) -> LockResult<MutexGuard<'_, T>> {
        self.acquire_for(patience.request())
    }

    #[inline(always)]
    pub(crate) fn acquire_for(&self, request: Request<'_>) -> LockResult<MutexGuard<'_, T>> {
        watch::asks(&self.head);
        let mut owner = None;
        if self.is_private() {
            if let Err(refusal) = private::lock(&self.head, request) {
                return Err(refused(refusal));
            }
        } else {
            match robust::lock(&self.head, request) {
                Ok(taken) => owner = Some(taken),
                Err(refusal) => return Err(refused(refusal)),
            }
        }
        watch::acquired(&self.head, watch::Access::Exclusive, request.site);
        if self.head.state.load(Relaxed) == 0 { Ok(MutexGuard::new(self, owner)) } else { self.warned(owner) }
    }

    /// The result for a lock that is held, and whose state is not plain.
    #[cold]
    fn warned(&self, owner: Option<Me>) -> LockResult<MutexGuard<'_, T>> {
        let guard = MutexGuard::new(self, owner);
        match self.head.state.load(Relaxed) {
            state if state & ABANDONED != 0 => Err(LockError::Abandoned),
            state if state & INCONSISTENT != 0 => Err(LockError::OwnerDied(guard)),
            state if state & POISONED != 0 => Err(LockError::Poisoned(guard)),
            _ => Ok(guard),
        }
    }

    /// Releases the lock for a guard with this owner.
    #[inline(always)]
    fn unlock(&self, owner: Option<Me>) {
        match owner {
            None => private::unlock(&self.head),
            Some(owner) => self.unlock_robust(owner),
        }
    }

    /// A call: inlined, it would make whatever drops a guard so large that the compiler has it done by a function of its own, with
    /// the guard in memory, for private locks too. A direct one, as it is compiled where it is used: this crate's own
    /// functions are called through a table, which costs as much as the whole release when the processor guesses wrong.
    #[inline(never)]
    fn unlock_robust(&self, owner: Me) {
        robust::unlock(&self.head, owner);
    }
}

#[cold]
pub(crate) fn refused<G>(refusal: Refusal) -> LockError<G> {
    match refusal {
        Refusal::Wait(error) => error.into(),
        Refusal::Deadlock(report) => LockError::Deadlock(report),
        Refusal::OwnerLeft => LockError::OwnerLeft,
        Refusal::TooManyHeld => LockError::TooManyHeld,
        Refusal::Identity(error) => LockError::Identity(error),
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Mutex");
        match self.try_lock() {
            Ok(guard) | Err(LockError::Poisoned(guard) | LockError::OwnerDied(guard)) => {
                shown.field("data", &&*guard);
            }
            Err(error) => {
                shown.field("data", &format_args!("<{error:?}>"));
            }
        }
        shown.field("poisoned", &self.is_poisoned()).finish_non_exhaustive()
    }
}

// SAFETY: `repr(C)`; every bit pattern of the head is a state that the lock can deal with or wait out; what a guard gives
// `&mut` to holds no lock.
unsafe impl<T: ShmPlain> ShmSafe for Mutex<T> {
    const LAYOUT: Layout = Layout::named("multiproc_sync::Mutex/1").with::<T>();
    const NEEDS_PLACEMENT: bool = true;

    fn place(&mut self, _: &Placement) -> Result<(), PlaceError> {
        // What was known of the data holds on; a lock that was held is not: nobody has its guard any more.
        self.head = self.head.placed();
        Ok(())
    }
}
