//! A mutex that its owner may lock again. `unsafe`: says that the lock makes its data safe to share.
#![allow(unsafe_code)]

mod guard;
#[cfg(all(test, not(multiproc_loom)))]
mod tests;
mod waiting;
mod word;

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::Ordering::Relaxed;

pub use self::word::MAX_DEPTH;
use self::word::{Hold, ReentrantWord};
use crate::mutex::patience::Patience;
use crate::mutex::state::{INCONSISTENT, POISONED};
use crate::primitive::Deadline;
use crate::robust_word::OWNER;
use crate::shm_safe::{Layout, PlaceError, Placement, ShmSafe};
use crate::{LockError, LockResult, NameError};

/// A mutex that the thread that has it may lock again: for code that holds the lock and calls code that takes it too. On a stack, in a
/// `static`, or in shared memory.
///
/// ```
/// use std::cell::RefCell;
/// use multiproc_sync::ReentrantMutex;
///
/// static LOG: ReentrantMutex<RefCell<Vec<&str>>> = ReentrantMutex::new(RefCell::new(Vec::new()));
///
/// fn note(line: &'static str) {
///     LOG.lock().unwrap().borrow_mut().push(line);
/// }
///
/// // No other thread's line comes between these, though each is noted under the lock.
/// let whole = LOG.lock()?;
/// note("begin");
/// note("end");
/// assert_eq!(*whole.borrow(), ["begin", "end"]);
/// # Ok::<(), multiproc_sync::LockError<multiproc_sync::ReentrantMutexGuard<'_, RefCell<Vec<&str>>>>>(())
/// ```
///
/// # What a guard gives
///
/// `&T` only, never `&mut T`: the thread may have other guards, and references by them. What is to be changed needs a
/// [`Cell`](std::cell::Cell), a [`RefCell`](std::cell::RefCell) or atomics. The data need not be `Sync`: one thread at a time reaches them.
/// With one exception: a thread that waits with a [`Condvar`](crate::Condvar) keeps its outer guards, whose references stay alive while
/// another thread has the lock. So the data of a guard that waits must be `Sync`:
///
/// ```compile_fail,E0277
/// use std::cell::Cell;
/// use multiproc_sync::{Condvar, ReentrantMutex};
/// let (turn, changed) = (ReentrantMutex::new(Cell::new(0)), Condvar::new());
/// let outer = turn.lock().unwrap();
/// let seen: &Cell<u32> = &outer;
/// drop(changed.wait(turn.lock().unwrap())); // meanwhile another thread could set what `seen` refers to
/// seen.get();
/// ```
///
/// # In shared memory
///
/// `Shared<ReentrantMutex<T>>` of the crate `multiproc-shm` makes it one of a family's processes, as a [`Mutex`](crate::Mutex). As no guard
/// gives `&mut T`, other locks may lie in what it guards.
///
/// # The word
///
/// ```text
///            31        30       29                        0      31                                  0
///          ┌─────────┬────────┬──────────────────────────┐     ┌─────────────────────────────────────┐
///  robust  │ WAITERS │ DIED   │ owner's thread number    │     │ depth: how many guards the owner has │
///          └─────────┴────────┴──────────────────────────┘     └─────────────────────────────────────┘
///  private  0 free, 1 held, 2 held and slept on; the owner's number stands beside it
///
///  lock    names this thread      depth + 1, by a plain store: nobody else reads it
///          free, or a dead one's  taken as a `Mutex`'s; depth = 1
///  drop    depth > 1              depth - 1
///          depth = 1              released as a `Mutex`'s
///  wait    any depth              released as a whole, taken again as a whole
/// ```
///
/// Only its owner can find its own name beside it, so that to look needs no order. Word, depth and what else belongs to them take 40 bytes, as a
/// [`Mutex`](crate::Mutex)'s; the data follow.
///
/// # Ordering and fairness
///
/// Releasing by the last guard happens before the next acquiring. Guards of one thread may be dropped in any order. The lock is not fair: who
/// comes when it is free takes it, though others sleep; one of those is woken at each release.
///
/// # What happens to it
///
/// | event | private | robust |
/// |---|---|---|
/// | a panic drops a guard, whichever of the thread's | [`Poisoned`](LockError::Poisoned), for this thread too if it locks again | the same |
/// | the owner's process dies, at whatever depth | with everybody who could see it | [`OwnerDied`](LockError::OwnerDied), once the *whole* process has ended, with a guard of depth 1 |
/// | locked again before the data are called [whole](ReentrantMutexGuard::mark_consistent) | told again | told again |
/// | `mem::forget` of a guard | the depth stays: held for ever | held until the thread ends; the memory stays mapped |
/// | the owner's thread ends, a guard leaked | held for ever: no later thread is taken for it | [`OwnerLeft`](LockError::OwnerLeft) as long as its process lives |
/// | more than [`MAX_DEPTH`] guards of a thread | [`TooDeep`](LockError::TooDeep), and nothing has changed | the same |
/// | `fork` with guards | the child's only thread has a copy of lock and guards | guards in the child hold nothing: they change nothing of the lock, and must not be used to reach the data |
/// | a panic, an error or a signal ends a [wait](crate::Condvar) | the outer guards hold the lock again first | the same; see below |
/// | [abandoned](ReentrantMutexGuard::abandon) | [`Abandoned`](LockError::Abandoned) for whoever locks, this thread too; guards that it has stay | the same |
/// | moved, dropped while held | as any value | cannot be: it is reached by reference only |
///
/// Everything else is as with a [`Mutex`](crate::Mutex), whose page tells of waiters that die, of `exec`, and of deaths that nobody can see.
///
/// # Waiting
///
/// [`Condvar`](crate::Condvar) takes a guard of any depth. All guards of the thread let go, and all of them hold again when the wait
/// returns, also where it ends with [`Poisoned`](LockError::Poisoned), [`OwnerDied`](LockError::OwnerDied) or a time-out. The guard that is
/// given to it comes back as that of [`Mutex`](crate::Mutex) does: not with [`Interrupted`](LockError::Interrupted) or
/// [`Abandoned`](LockError::Abandoned), nor after a panic of the [hook](crate::interrupt). The others hold the lock then as well: it is waited
/// for once more, and no signal ends that. A guard that the hook keeps counts as one more; one that the hook drops, while its lock is let go,
/// counts on, and the lock stays the thread's.
///
/// One thing can keep the lock from them: it cannot be had at all, as another thread took it meanwhile and leaked its guard
/// ([`OwnerLeft`](LockError::OwnerLeft)), or nobody can tell whether its owner lives; or, with the feature `deadlock`, its owner waits for
/// something that this thread has ([`Deadlock`](LockError::Deadlock)). Then the wait ends with that error, and the outer guards are guards of
/// nothing: to drop them changes nothing, and to wait with them is [`NotHeld`](LockError::NotHeld). Drop them before the thread locks again, or
/// they count for the guards that it gets.
///
/// # Cost
///
/// To lock again and drop that guard: some loads, two plain stores, no atomic exchange. The first time as a [`Mutex`](crate::Mutex) and a
/// nanosecond.
///
/// # Guards stay with their thread
///
/// What Python's `RLock` refuses at run time, to be released by a thread that does not have it, cannot be written:
///
/// ```compile_fail,E0277
/// let mutex = multiproc_sync::ReentrantMutex::new(0);
/// let guard = mutex.lock().unwrap();
/// std::thread::scope(|scope| {
///     scope.spawn(move || drop(guard));
/// });
/// ```
///
/// They are not to be changed through:
///
/// ```compile_fail,E0594
/// let mutex = multiproc_sync::ReentrantMutex::new(0);
/// *mutex.lock().unwrap() = 1;
/// ```
///
/// # Sources
///
/// That only its owner finds its own name in the word is well known; so is the depth beside it, from libc's recursive mutexes and
/// the standard library's `ReentrantLock`. That a wait lets go of every level is Python's rule.
#[doc(alias = "threading.RLock")]
#[doc(alias = "multiprocessing.RLock")]
#[doc(alias = "ReentrantLock")]
#[doc(alias = "RecursiveMutex")]
#[repr(C)]
pub struct ReentrantMutex<T: ?Sized> {
    word: ReentrantWord,
    data: T,
}

/// The right to look at the data of a [`ReentrantMutex`]. The thread's last one releases the lock when it is dropped.
#[must_use = "the mutex is released again at once if its guard is not kept"]
pub struct ReentrantMutexGuard<'a, T: ?Sized> {
    mutex: &'a ReentrantMutex<T>,
    hold: Hold,
    /// The depth when it was taken.
    level: u32,
    /// The thread panicked before it had the guard: then its dropping says nothing of the data.
    panicking: bool,
    /// Guards stay with their thread: it is the one that the lock names.
    not_send: PhantomData<*mut ()>,
}

// SAFETY: one thread at a time reaches the data, as if they were sent to it and back. Its guards give no more than `&T`. Where others
// take the lock while its references live, in a wait, `T` is `Sync`.
unsafe impl<T: ?Sized + Send> Sync for ReentrantMutex<T> {}
// Whoever finds the data after a panic with the guard is told that they are poisoned.
impl<T: ?Sized> UnwindSafe for ReentrantMutex<T> {}
impl<T: ?Sized> RefUnwindSafe for ReentrantMutex<T> {}

impl<T> ReentrantMutex<T> {
    /// A mutex for the threads of this process.
    #[cfg(not(multiproc_loom))]
    pub const fn new(value: T) -> Self {
        Self { word: ReentrantWord::new(), data: value }
    }

    /// A mutex for the threads of this process.
    #[cfg(multiproc_loom)]
    pub fn new(value: T) -> Self {
        Self { word: ReentrantWord::new(), data: value }
    }

    /// The data, of a mutex that nobody else has.
    ///
    /// # Errors
    ///
    /// [`Poisoned`](LockError::Poisoned), with the data, if a thread panicked while it had a guard.
    pub fn into_inner(self) -> LockResult<T> {
        if self.is_poisoned() { Err(LockError::Poisoned(self.data)) } else { Ok(self.data) }
    }
}

impl<T: ?Sized> ReentrantMutex<T> {
    /// Waits for the lock; at once, if the calling thread has it.
    ///
    /// # Errors
    ///
    /// [`LockError`]; with [`Poisoned`](LockError::Poisoned) and [`OwnerDied`](LockError::OwnerDied) the lock is held all the same.
    #[inline]
    #[doc(alias = "acquire")]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn lock(&self) -> LockResult<ReentrantMutexGuard<'_, T>> {
        self.acquire(Patience::Endless)
    }

    /// Takes the lock if it is free, or the calling thread's.
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock); [`TimedOut`](LockError::TimedOut) if another has it.
    #[inline]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn try_lock(&self) -> LockResult<ReentrantMutexGuard<'_, T>> {
        self.acquire(Patience::None)
    }

    /// Waits for the lock for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock); [`TimedOut`](LockError::TimedOut) if others had it all the time.
    #[cfg(not(multiproc_loom))]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn lock_timeout(&self, timeout: std::time::Duration) -> LockResult<ReentrantMutexGuard<'_, T>> {
        match std::time::Instant::now().checked_add(timeout) {
            Some(deadline) => self.lock_deadline(deadline),
            None => self.lock(), // longer than a clock can say
        }
    }

    /// Waits for the lock until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock); [`TimedOut`](LockError::TimedOut) if others had it all the time.
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn lock_deadline(&self, deadline: Deadline) -> LockResult<ReentrantMutexGuard<'_, T>> {
        self.acquire(Patience::Until(&deadline))
    }

    /// Waits for the lock, and calls `reset` with the data if an owner panicked or died with them: the everyday form where the
    /// data can be made anew. At any depth: outer guards of the thread see what `reset` has done.
    ///
    /// If `reset` panics, the lock stays poisoned.
    ///
    /// ```
    /// use std::cell::Cell;
    /// let (count, half) = (Cell::new(0), Cell::new(0));
    /// let counts = multiproc_sync::ReentrantMutex::new([count, half]);
    /// std::thread::scope(|scope| {
    ///     let dies = scope.spawn(|| {
    ///         counts.lock().unwrap()[0].set(7);
    ///         let _guard = counts.lock().unwrap();
    ///         panic!("with the lock held");
    ///     });
    ///     dies.join().unwrap_err();
    /// });
    /// let guard = counts.lock_or_reset(|counts| counts.iter().for_each(|count| count.set(0))).unwrap();
    /// assert_eq!(guard[0].get(), 0);
    /// assert!(counts.lock().is_ok());
    /// ```
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock), but for the two that hold the lock.
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn lock_or_reset(&self, reset: impl FnOnce(&T)) -> LockResult<ReentrantMutexGuard<'_, T>> {
        match self.lock() {
            Err(LockError::Poisoned(mut guard) | LockError::OwnerDied(mut guard)) => {
                reset(&guard);
                ReentrantMutexGuard::mark_consistent(&mut guard);
                Ok(guard)
            }
            other => other,
        }
    }

    /// The data, of a mutex that nobody else can reach.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.data
    }

    /// Gives the lock a name, by which reports call it, as [`Mutex::set_name`](crate::Mutex::set_name).
    ///
    /// # Errors
    ///
    /// [`NameError`]; the lock is as good as before.
    pub fn set_name(&self, name: &str) -> Result<(), NameError> {
        self.word.head.set_name(name)
    }

    /// Whether somebody has the lock now; it may be otherwise when the caller learns of it.
    #[doc(alias = "locked")]
    pub fn is_locked(&self) -> bool {
        self.word.head.word.load(Relaxed) & OWNER != 0
    }

    /// Whether the calling thread has the lock.
    ///
    /// ```
    /// let mutex = multiproc_sync::ReentrantMutex::new(());
    /// let _guard = mutex.lock().unwrap();
    /// assert!(mutex.is_held_by_this_thread());
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| assert!(mutex.is_locked() && !mutex.is_held_by_this_thread()));
    /// });
    /// ```
    #[doc(alias = "_is_owned")]
    #[doc(alias = "is_owned_by_current_thread")]
    pub fn is_held_by_this_thread(&self) -> bool {
        self.word.hold().is_some()
    }

    /// Whether a thread panicked, or a process died, with a guard, and nobody has
    /// [mended](ReentrantMutexGuard::mark_consistent) the data since.
    pub fn is_poisoned(&self) -> bool {
        self.word.head.state.load(Relaxed) & (POISONED | INCONSISTENT) != 0
    }

    #[inline(always)]
    #[cfg_attr(feature = "watch", track_caller)]
    pub(crate) fn acquire(&self, patience: Patience<'_>) -> LockResult<ReentrantMutexGuard<'_, T>> {
        match self.word.enter(patience.request()) {
            Ok((hold, level)) => self.guarded(hold, level),
            Err(error) => Err(without_guard(error)),
        }
    }

    /// The result for a lock that the calling thread has for one guard more than there are.
    #[inline(always)]
    fn guarded(&self, hold: Hold, level: u32) -> LockResult<ReentrantMutexGuard<'_, T>> {
        let guard = ReentrantMutexGuard::new(self, hold, level);
        if self.word.head.state.load(Relaxed) == 0 { Ok(guard) } else { guard.warned() }
    }
}

/// The functions that a kill at every instruction must have met.
#[cfg(not(multiproc_loom))]
pub(crate) fn fault_points() -> [(&'static str, usize); 1] {
    [("take_again", ReentrantWord::take_again as *const () as usize)]
}

#[cold]
fn without_guard<G>(error: LockError<Infallible>) -> LockError<G> {
    error.map(|never| match never {})
}

impl<T: Default> Default for ReentrantMutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for ReentrantMutex<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for ReentrantMutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ReentrantMutex");
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

// SAFETY: `repr(C)`; every bit pattern of the word is a state that the lock can deal with or wait out, and a depth is read by nobody but
// who has written it. Guards give `&T` only, which no lock inside can be moved out of; so the data may hold some, and place them.
unsafe impl<T: ShmSafe> ShmSafe for ReentrantMutex<T> {
    const LAYOUT: Layout = Layout::named("multiproc_sync::ReentrantMutex/1").with::<T>();
    const NEEDS_PLACEMENT: bool = true;

    fn place(&mut self, placement: &Placement) -> Result<(), PlaceError> {
        // What was known of the data holds on; a lock that was held is not: nobody has its guards any more.
        self.word = self.word.placed();
        self.data.place(placement)
    }
}
