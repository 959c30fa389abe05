//! A lock for many readers or one writer, of threads and of processes. `unsafe`: says that the lock makes its data safe to share.
#![allow(unsafe_code)]

mod acquire;
mod bell;
mod door;
#[cfg(all(test, multiproc_loom))]
mod modelled;
mod read_guard;
mod reading;
mod slot;
mod traits;
mod turn;
mod write_guard;
mod writing;

use std::panic::{RefUnwindSafe, UnwindSafe};

use self::door::Door;
pub use self::read_guard::RwLockReadGuard;
use self::slot::Slot;
pub use self::write_guard::RwLockWriteGuard;
use crate::NameError;
use crate::mutex::patience::Patience;
use crate::mutex::state::{ABANDONED, INCONSISTENT, POISONED};
use crate::primitive::{Deadline, UnsafeCell};
use crate::{LockError, LockResult};

/// The most threads that can read an [`RwLock`] at a time, whatever its type: a writer looks at the slot of each.
pub const MAX_READERS: usize = 64;

/// A lock for many readers or one writer, on a stack, in a `static`, or in shared memory.
///
/// ```
/// use multiproc_sync::RwLock;
///
/// static ROUTES: RwLock<Vec<&str>> = RwLock::new(Vec::new());
/// ROUTES.write().unwrap().push("/");
/// std::thread::scope(|scope| {
///     (0..4).for_each(|_| _ = scope.spawn(|| assert_eq!(ROUTES.read().unwrap().len(), 1)));
/// });
/// ```
///
/// Between processes it lies in a segment, which makes it *robust*: `Shared<RwLock<T>>` of the crate `multiproc-shm`. A reader that is
/// killed is missed by nobody, as it has changed nothing; after a writer that was killed the next ones, readers too, are told
/// [`OwnerDied`](LockError::OwnerDied), until one of those who write has mended the data:
///
/// ```
/// # use multiproc_sync::{LockError, RwLock, RwLockWriteGuard};
/// # let lock = RwLock::new((1, 1));
/// # std::thread::scope(|scope| {
/// #     let dies = || { let _guard = lock.write().unwrap(); panic!("as if it had died") };
/// #     scope.spawn(dies).join().unwrap_err();
/// # });
/// let pair = lock.write_or_reset(|pair| pair.1 = pair.0).unwrap();
/// let pair = RwLockWriteGuard::downgrade(pair); // others may read now, and nobody has written in between
/// assert_eq!(*pair, (1, 1));
/// assert!(lock.read().is_ok());
/// ```
///
/// As many threads read at a time as its type has slots: 8, or another number, up to [`MAX_READERS`]. One more waits for a slot.
///
/// # How it is made
///
/// ```text
///  ┌──────┬──────┬──────┬──────┬──────┬────────┬────────┬───┬──────┐      head   a mutex, 40 bytes; its word as that of `Mutex`
///  │ head │ gate │ turn │ bell │ pace │ slot 0 │ slot 1 │ … │ data │      gate   0 open, 1 shut by a writer, 2 by a reader
///  └──────┴──────┴──────┴──────┴──────┴────────┴────────┴───┴──────┘             without a slot
///  128 bytes                           128 bytes each                     turn   how many a writer that comes has to let in first
///                                                                         bell   how often the one at the head was woken
///           63     62                                         0
///         ┌──────┬─────────────────────────────────────────────┐
///  slot   │ MARK │ who reads; 0: nobody                        │  and how many guards it has
///         └──────┴─────────────────────────────────────────────┘
/// ```
///
/// A reader puts its name into a slot, looks at the gate, and is in: readers on different slots share no cache line that is written to. A
/// writer has the head, shuts the gate, and looks at the slots. Who is kept out queues at the head, readers and writers alike, so that all
/// that a [`Mutex`](crate::Mutex) does about deaths, deadlines and signals is done here by it.
///
/// # Ordering and fairness
///
/// What a writer does happens before what is read after it, and what is read before the next writer writes.
///
/// Who reads keeps no writer waiting for ever, as the gate is shut while one waits. Who writes keeps no reader waiting for ever, though it
/// write again at once: a writer that comes later lets those in first who are kept out then. Among writers, and among readers that are kept
/// out, it is not fair. A `try_` form waits for nobody's turn; and of two that try at once, one to read and one to write, each may be
/// refused because of the other.
///
/// A thread that reads may read again, also while a writer waits: it gets a further guard of the slot that it has.
///
/// # What happens to it
///
/// | event | private | robust |
/// |---|---|---|
/// | the writer panics | [`Poisoned`](LockError::Poisoned), also for readers | the same |
/// | a reader panics | nothing | nothing |
/// | the writer's process dies | with everybody who could see it | [`OwnerDied`](LockError::OwnerDied), once the *whole* process has ended: as for a [`Mutex`](crate::Mutex) |
/// | it dies while it waits for readers | | nothing: the next one goes on as if it had not been there |
/// | a reader's process dies | with everybody who could see it | its slot is free once the *whole* process has ended: found by who tries to write at once, by who begins to wait within milliseconds, by who waits already within a second |
/// | a reader is killed while it leaves | | a writer that was not woken finds the slot free within a second |
/// | one that waits is killed | with everybody else | the others are not kept waiting; a writer may be, once: for milliseconds, or for a second if another one writes meanwhile |
/// | the writer's thread ends, its guard leaked | held for ever | [`OwnerLeft`](LockError::OwnerLeft) as long as its process lives |
/// | a reader's thread ends, its guard leaked | read for ever | writers get [`OwnerLeft`](LockError::OwnerLeft) as long as its process lives; they wait, if it ended by a bare system call |
/// | `mem::forget` of a writer's guard | held for ever | held until the thread ends; the memory stays mapped |
/// | `mem::forget` of a reader's guard | read for ever | read until its process ends |
/// | read twice by a thread | two guards, one slot | the same |
/// | written, while the thread reads or writes; read, while it writes | [`Deadlock`](LockError::Deadlock) | [`Deadlock`](LockError::Deadlock) |
/// | `fork` with a guard | the child has a copy of lock and guard | the guard in the child holds nothing: it changes nothing of the lock, and must not be used to reach the data |
/// | `exec` with a guard | gone with the memory | a writer's as of a [`Mutex`](crate::Mutex); a reader's slot is taken until the process ends |
/// | moved, dropped while held | as any value | cannot be: it is reached by reference only |
///
/// # Cost
///
/// To read: one atomic exchange to go in and one to leave, whoever else reads, and no system call. To write: two exchanges for the head, one
/// for the gate, and a load for each slot, of a line that its reader has had: what readers save, writers pay, so that it is for data that
/// are read far more often than written. For the rest a [`Mutex`](crate::Mutex) is smaller and faster: 128 bytes for each slot and for
/// the head are much for a lock.
///
/// A writer that waits for readers spins for a moment (see [`Pace`](crate::Pace)), then sleeps; it asks after those who read when it has
/// slept for milliseconds, and with every heartbeat of a second, as a [`RobustSemaphore`](crate::RobustSemaphore) does. A thread's first robust
/// lock gives it a name in its family: two or three system calls, once. Nothing is allocated.
///
/// In shared memory a writer, and a reader that waits, hold one of the [`MAX_HELD`](crate::MAX_HELD) locks of their thread; a reader that is
/// in holds none. Not to be used in a signal handler.
///
/// # What does not compile
///
/// Guards stay with their thread, and readers get no `&mut`:
///
/// ```compile_fail,E0277
/// let lock = multiproc_sync::RwLock::new(0);
/// let guard = lock.read().unwrap();
/// std::thread::scope(|scope| {
///     scope.spawn(move || drop(guard));
/// });
/// ```
///
/// ```compile_fail,E0594
/// let lock = multiproc_sync::RwLock::new(0);
/// *lock.read().unwrap() += 1;
/// ```
///
/// Data that only one thread at a time may look at are not for readers:
///
/// ```compile_fail,E0277
/// fn share<T: Sync>(_: T) {}
/// share(multiproc_sync::RwLock::new(std::cell::Cell::new(0)));
/// ```
///
/// No lock lies in what it guards in shared memory, as for a [`Mutex`](crate::Mutex); and there are no more slots than a writer can look at:
///
/// ```compile_fail,E0277
/// use multiproc_sync::{Mutex, RwLock, shm_safe::ShmSafe};
/// fn place<T: ShmSafe>(_: T) {}
/// place(RwLock::new(Mutex::new(0)));
/// ```
///
/// ```compile_fail,E0080
/// multiproc_sync::RwLock::<u32, 65>::with_readers(0);
/// ```
///
/// # Sources
///
/// A flag for each reader that a writer looks at is the "big reader" lock of Linux, and the distributed locks of folly and others; the
/// store and the look that cross are Dekker's. That a slot is a claim that passes on by the end of its process, the queue of readers at the
/// writers' mutex, and the turn are this project's.
#[doc(alias = "pthread_rwlock")]
#[doc(alias = "shared_mutex")]
#[doc(alias = "rwlock")]
#[repr(C)]
pub struct RwLock<T: ?Sized, const READERS: usize = 8> {
    door: Door,
    slots: [Slot; READERS],
    data: UnsafeCell<T>,
}

#[cfg(not(multiproc_loom))]
const _: () = assert!(
    std::mem::offset_of!(RwLock<()>, slots) == crate::registry::inspect::layout::lock::SLOTS_AT
        && std::mem::offset_of!(RwLock<()>, door) == 0
);

// SAFETY: the data go where the lock goes.
unsafe impl<T: ?Sized + Send, const READERS: usize> Send for RwLock<T, READERS> {}
// SAFETY: one writer at a time reaches the data, from whatever thread, as if they were sent there and back; or readers from several
// threads at once.
unsafe impl<T: ?Sized + Send + Sync, const READERS: usize> Sync for RwLock<T, READERS> {}
// Whoever finds the data after a writer's panic is told that they are poisoned.
impl<T: ?Sized, const READERS: usize> UnwindSafe for RwLock<T, READERS> {}
impl<T: ?Sized, const READERS: usize> RefUnwindSafe for RwLock<T, READERS> {}

impl<T> RwLock<T> {
    /// A lock for the threads of this process, of which 8 may read at a time.
    #[cfg(not(multiproc_loom))]
    pub const fn new(value: T) -> Self {
        Self::with_readers(value)
    }

    /// A lock for the threads of this process, of which 8 may read at a time.
    #[cfg(multiproc_loom)]
    pub fn new(value: T) -> Self {
        Self::with_readers(value)
    }
}

impl<T, const READERS: usize> RwLock<T, READERS> {
    const FITS: () = assert!(READERS >= 1 && READERS <= MAX_READERS, "1 to 64 readers");

    /// A lock for the threads of this process, of which as many may read at a time as its type says.
    ///
    /// ```
    /// let lock = multiproc_sync::RwLock::<_, 2>::with_readers("data");
    /// assert_eq!(*lock.read().unwrap(), "data");
    /// ```
    #[cfg(not(multiproc_loom))]
    pub const fn with_readers(value: T) -> Self {
        const { Self::FITS };
        Self { door: Door::new(), slots: [const { Slot::new() }; READERS], data: UnsafeCell::new(value) }
    }

    /// A lock for the threads of this process, of which as many may read at a time as its type says.
    #[cfg(multiproc_loom)]
    pub fn with_readers(value: T) -> Self {
        const { Self::FITS };
        let slots = std::array::from_fn(|_| Slot::new());
        Self { door: Door::new(), slots, data: UnsafeCell::new(value) }
    }

    /// The data, of a lock that nobody else has.
    ///
    /// # Errors
    ///
    /// [`Poisoned`](LockError::Poisoned), with the data, if a thread panicked while it wrote.
    pub fn into_inner(self) -> LockResult<T> {
        let poisoned = self.is_poisoned();
        let value = self.data.into_inner();
        if poisoned { Err(LockError::Poisoned(value)) } else { Ok(value) }
    }
}

impl<T: ?Sized, const READERS: usize> RwLock<T, READERS> {
    /// Waits until nobody writes, and for a slot.
    ///
    /// # Errors
    ///
    /// [`LockError`]; with [`Poisoned`](LockError::Poisoned) and [`OwnerDied`](LockError::OwnerDied) the lock is held all the same.
    #[inline]
    #[doc(alias = "rdlock")]
    #[doc(alias = "lock_shared")]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        self.acquire_to_read(Patience::Endless)
    }

    /// Takes the lock to read, if that can be had at once.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read); [`TimedOut`](LockError::TimedOut) if somebody writes or waits to do so,
    /// [`TooManyReaders`](LockError::TooManyReaders) if others have all slots.
    #[inline]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn try_read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        self.acquire_to_read(Patience::None)
    }

    /// As [`read`](Self::read), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read); [`TimedOut`](LockError::TimedOut) if it could not be had within the time.
    #[cfg(not(multiproc_loom))]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn read_timeout(&self, timeout: std::time::Duration) -> LockResult<RwLockReadGuard<'_, T>> {
        match std::time::Instant::now().checked_add(timeout) {
            Some(deadline) => self.read_deadline(deadline),
            None => self.read(), // longer than a clock can say
        }
    }

    /// As [`read`](Self::read), until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read); [`TimedOut`](LockError::TimedOut) if it could not be had within the time.
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn read_deadline(&self, deadline: Deadline) -> LockResult<RwLockReadGuard<'_, T>> {
        self.acquire_to_read(Patience::Until(&deadline))
    }

    /// Waits until nobody writes and nobody reads.
    ///
    /// # Errors
    ///
    /// [`LockError`]; with [`Poisoned`](LockError::Poisoned) and [`OwnerDied`](LockError::OwnerDied) the lock is held all the same.
    #[inline]
    #[doc(alias = "wrlock")]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        self.acquire_to_write(Patience::Endless)
    }

    /// Takes the lock to write, if nobody has it.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write); [`TimedOut`](LockError::TimedOut) if somebody has it, or is just trying to.
    #[inline]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn try_write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        self.acquire_to_write(Patience::None)
    }

    /// As [`write`](Self::write), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write); [`TimedOut`](LockError::TimedOut) if it could not be had within the time.
    #[cfg(not(multiproc_loom))]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn write_timeout(&self, timeout: std::time::Duration) -> LockResult<RwLockWriteGuard<'_, T>> {
        match std::time::Instant::now().checked_add(timeout) {
            Some(deadline) => self.write_deadline(deadline),
            None => self.write(), // longer than a clock can say
        }
    }

    /// As [`write`](Self::write), until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write); [`TimedOut`](LockError::TimedOut) if it could not be had within the time.
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn write_deadline(&self, deadline: Deadline) -> LockResult<RwLockWriteGuard<'_, T>> {
        self.acquire_to_write(Patience::Until(&deadline))
    }

    /// As [`write`](Self::write), and calls `reset` with the data if a writer panicked or died with them.
    ///
    /// If `reset` panics, the lock stays poisoned.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write), but for the two that hold the lock.
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn write_or_reset(&self, reset: impl FnOnce(&mut T)) -> LockResult<RwLockWriteGuard<'_, T>> {
        match self.write() {
            Err(LockError::Poisoned(mut guard) | LockError::OwnerDied(mut guard)) => {
                reset(&mut guard);
                RwLockWriteGuard::mark_consistent(&mut guard);
                Ok(guard)
            }
            other => other,
        }
    }

    /// The data, of a lock that nobody else can reach.
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }

    /// Whether a thread panicked, or a process died, while it wrote, and nobody has
    /// [mended](RwLockWriteGuard::mark_consistent) the data since.
    pub fn is_poisoned(&self) -> bool {
        self.door.state() & (POISONED | INCONSISTENT) != 0
    }

    /// Gives the lock a name, by which reports call it, as [`Mutex::set_name`](crate::Mutex::set_name).
    ///
    /// # Errors
    ///
    /// [`NameError`]; the lock is as good as before.
    pub fn set_name(&self, name: &str) -> Result<(), NameError> {
        self.door.head.set_name(name)
    }

    /// Whether somebody writes now, or waits for those who read; it may be otherwise when the caller learns of it.
    pub fn has_writer(&self) -> bool {
        self.door.has_writer()
    }

    /// How many threads read now; it may be otherwise when the caller learns of it. Those that died are counted until somebody writes.
    pub fn readers(&self) -> usize {
        self.slots.iter().filter(|slot| !slot.claim.is_free()).count()
    }
}

/// What a kill at every instruction must have met.
#[cfg(not(multiproc_loom))]
pub(crate) fn fault_points() -> [(&'static str, usize); 5] {
    [
        ("read_slowly", Door::read_slowly as *const () as usize),
        ("read_end", Door::leave_slowly as *const () as usize),
        ("write_wait", Door::wait_for_readers as *const () as usize),
        ("downgrade", Door::slot_of_writer as *const () as usize),
        ("turn_wait", turn::Turn::wait as *const () as usize),
    ]
}
