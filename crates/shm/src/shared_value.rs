//! `SharedValue<T>`: one value for several processes, with a lock, that no death tears and no panic spoils.

mod forms;

use std::convert::Infallible;
use std::fmt;

use multiproc_sync::shm_safe::ShmPlain;
use multiproc_sync::{Generation, LockError, LockResult, Mutex, MutexGuard};
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use crate::error::ShmError;
use crate::shared::Shared;
use crate::values::journaled::Journaled;

/// Why a [`SharedValue`] was neither read nor changed: a [`LockError`] without those that come with a guard, of which none is told.
pub type ValueError = LockError<Infallible>;

/// A value that several processes share and change, each as if it were alone.
///
/// Every call takes a lock of its own for as long as it lasts. What changes the value stores it as one, at the end: whoever is killed before leaves
/// the old value, whoever is killed after the new one, and the next caller goes on with it at once and is told nothing. So there is no guard to
/// hold, and nothing to mend; where a lock is to be held over more than one call, or something is to be waited for, that is
/// [`Shared<Mutex<…>>`](multiproc_sync::Mutex).
///
/// A clone is another handle to the same value, and so is what arrives in another process when a handle is sent there: inside a message of
/// a connection, or as an argument of a task.
///
/// ```
/// use multiproc_shm::SharedValue;
/// # use multiproc_testkit::fork::{fork, reap};
///
/// let accounts = SharedValue::new([100_i64, 0])?;
///
/// // Another process moves money twice, and dies in the middle of the second time.
/// # let child = fork(|| {
/// accounts.update(|[ours, theirs]| {
///     *ours -= 10;
///     *theirs += 10;
/// }).unwrap();
/// accounts.update(|[ours, _]| {
///     *ours -= 10;
///     std::process::exit(1);
/// }).unwrap();
/// # });
/// # reap(child);
///
/// assert_eq!(accounts.get()?, [90, 10]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Making one: as [`Shared::new`]. Of [`LockError`] a call can give [`Deadlock`](LockError::Deadlock) where the closure of `update` uses its own value;
/// [`NotHeld`](LockError::NotHeld) in a fork that this closure has made, and of which nothing is stored; [`TooManyHeld`](LockError::TooManyHeld) and
/// [`Identity`](LockError::Identity) for a thread that can lock no more; [`Interrupted`](LockError::Interrupted) if the program has a
/// [hook](multiproc_sync::interrupt) that ends waits; [`OwnerLeft`](LockError::OwnerLeft) if a thread was ended from outside, in the middle of a call, and its
/// process lives; and [`TimedOut`](LockError::TimedOut) in the forms that have an end, which is at once for `try_…`. Then the value is as it was.
/// There is no `Poisoned`, no `OwnerDied` and no `Abandoned`.
///
/// # Panics
///
/// None but the closure's own: the old value stays, the panic goes on to the caller, and nobody else is told.
///
/// # Cost
///
/// The lock and a copy of the value: what [`Journaled`] costs behind a [`Mutex`], and one copy over the stack.
///
/// # What does not compile
///
/// A type of which some bytes are no value; [`ShmBool`](crate::ShmBool) and its like stand in for them:
///
/// ```compile_fail,E0277
/// multiproc_shm::SharedValue::new(true).unwrap();
/// ```
///
/// A lock, which has an address and cannot be copied:
///
/// ```compile_fail,E0277
/// multiproc_shm::SharedValue::new(multiproc_sync::Mutex::new(0_u64)).unwrap();
/// ```
///
/// To keep the copy that the closure gets:
///
/// ```compile_fail
/// let value = multiproc_shm::SharedValue::new(0_u64).unwrap();
/// let kept: &mut u64 = value.update(|value| value).unwrap();
/// ```
#[doc(alias = "multiprocessing.Value")]
#[doc(alias = "multiprocessing.sharedctypes.Synchronized")]
pub struct SharedValue<T: ShmPlain + Copy + Send> {
    value: Shared<Mutex<Journaled<T>>>,
}

impl<T: ShmPlain + Copy + Send> SharedValue<T> {
    /// Puts `value` into new shared memory.
    ///
    /// # Errors
    ///
    /// As [`Shared::new`].
    pub fn new(value: T) -> Result<Self, ShmError> {
        Ok(Self { value: Shared::new(Mutex::new(Journaled::new(value)))? })
    }

    /// The value.
    ///
    /// ```
    /// let value = multiproc_shm::SharedValue::new(7_u64)?;
    /// assert_eq!(value.get()?, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See the [type](Self#errors).
    #[doc(alias = "Value.value")]
    pub fn get(&self) -> Result<T, ValueError> {
        read(self.value.lock())
    }

    /// Has the value be this one.
    ///
    /// ```
    /// let value = multiproc_shm::SharedValue::new([1_u64; 4])?;
    /// value.set([2; 4])?;
    /// assert_eq!(value.get()?, [2; 4]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See the [type](Self#errors).
    pub fn set(&self, value: T) -> Result<(), ValueError> {
        replace(self.value.lock(), value).map(drop)
    }

    /// As [`set`](Self::set), and gives what was there.
    ///
    /// ```
    /// let turn = multiproc_shm::SharedValue::new(1_u32)?;
    /// assert_eq!((turn.replace(2)?, turn.get()?), (1, 2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See the [type](Self#errors).
    pub fn replace(&self, value: T) -> Result<T, ValueError> {
        replace(self.value.lock(), value)
    }

    /// Changes the value by a closure, which gets a copy of it; gives what the closure gives. Nobody else is at the value meanwhile, and all
    /// of the change is stored once the closure has returned. Where it panics, or its process dies in it, nothing is stored.
    ///
    /// What Python does in two locked steps, `v.value += 1`, and so can lose, is one here:
    ///
    /// ```
    /// let hits = multiproc_shm::SharedValue::new(0_u64)?;
    /// std::thread::scope(|scope| {
    ///     for _ in 0..4 {
    ///         scope.spawn(|| (0..100).for_each(|_| hits.update(|hits| *hits += 1).unwrap()));
    ///     }
    /// });
    /// let before = hits.update(|hits| std::mem::take(hits))?;
    /// assert_eq!((before, hits.get()?), (400, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See the [type](Self#errors).
    #[doc(alias = "Value.get_lock")]
    pub fn update<R>(&self, change: impl FnOnce(&mut T) -> R) -> Result<R, ValueError> {
        update(self.value.lock(), change)
    }
}

/// What a lock of a value gives.
type Locked<'v, T> = LockResult<MutexGuard<'v, Journaled<T>>>;

/// The value with its lock, whatever became of the owner before: one of its two copies is whole, and is the one that counts.
fn held<T: ShmPlain + Copy>(locked: Locked<'_, T>) -> Result<MutexGuard<'_, Journaled<T>>, ValueError> {
    locked.or_else(|error| {
        let mut guard = error.guard_or_error()?;
        MutexGuard::mark_consistent(&mut guard);
        Ok(guard)
    })
}

fn read<T: ShmPlain + Copy>(locked: Locked<'_, T>) -> Result<T, ValueError> {
    Ok(*held(locked)?.get())
}

fn replace<T: ShmPlain + Copy>(locked: Locked<'_, T>, value: T) -> Result<T, ValueError> {
    let mut guard = held(locked)?;
    let before = *guard.get();
    guard.set(value);
    Ok(before)
}

fn update<T: ShmPlain + Copy, R>(
    locked: Locked<'_, T>,
    change: impl FnOnce(&mut T) -> R,
) -> Result<R, ValueError> {
    let mut guard = held(locked)?;
    let generation = Generation::now();
    // On the stack: a fork that the closure makes would else write into the same memory as its parent.
    let mut value = *guard.get();
    let result = change(&mut value);
    if !generation.is_ours() {
        return Err(ValueError::NotHeld);
    }
    guard.set(value);
    Ok(result)
}

impl<T: ShmPlain + Copy + Send> Clone for SharedValue<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone() }
    }
}

impl<T: ShmPlain + Copy + Send + fmt::Debug> fmt::Debug for SharedValue<T> {
    /// It does not wait: of a value that somebody is at, or that cannot be read, it tells why.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_tuple("SharedValue");
        match self.try_get() {
            Ok(value) => shown.field(&value),
            Err(error) => shown.field(&format_args!("<{error:?}>")),
        };
        shown.finish()
    }
}

impl<T: ShmPlain + Copy + Send> Serialize for SharedValue<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl<'de, T: ShmPlain + Copy + Send> Deserialize<'de> for SharedValue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Shared::deserialize(deserializer).map(|value| Self { value })
    }
}
