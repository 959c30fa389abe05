//! A value that is made once. `unsafe`: says that the turn to make it guards it, and what it promises in shared memory.
#![allow(unsafe_code)]

mod slot;
mod timed;
mod traits;

use std::convert::Infallible;
use std::mem;

use self::slot::Slot;
use crate::mutex::patience::Patience;
use crate::once::initialising::Initialising;
use crate::primitive::UnsafeCell;
use crate::shm_safe::{Layout, PlaceError, Placement, ShmPlain, ShmSafe};
use crate::{Once, OnceError, SetError, SetErrorKind, WaitError};

/// A value that is made once, by whoever comes first, among threads or among processes. A maker that fails, panics or dies is
/// followed by the next.
///
/// ```
/// use multiproc_sync::OnceLock;
///
/// static CONFIG: OnceLock<String> = OnceLock::new();
/// fn config() -> &'static str {
///     CONFIG.get_or_init(|| String::from("from the file")).expect("it does not ask for itself")
/// }
/// assert_eq!(CONFIG.get(), None);
/// assert_eq!(config(), "from the file");
/// assert_eq!(CONFIG.get().unwrap(), config());
/// ```
///
/// What cannot be made is not there, and may be made later:
///
/// ```
/// use multiproc_sync::{OnceError, OnceLock};
///
/// let port = OnceLock::new();
/// let failed = port.get_or_try_init(|| "http".parse::<u16>());
/// assert!(matches!(failed, Err(OnceError::Failed(_))));
/// assert_eq!(port.get_or_try_init(|| "80".parse::<u16>()), Ok(&80));
/// ```
///
/// Between processes it lies in a segment, as `Shared<OnceLock<T>>` of the crate `multiproc-shm`: each of them may be the one that makes the
/// value, and all get the same.
///
/// # The words
///
/// A [`Once`], 64 bytes; behind it a byte that says to the owner whether there is something to drop; then the value.
///
/// # Ordering and fairness
///
/// As those of [`Once`]: what was done to make the value is seen by who gets it.
///
/// # What happens to it
///
/// As to a [`Once`], whose initialiser makes the value. Besides:
///
/// | event | private | in shared memory |
/// |---|---|---|
/// | the maker fails | [`Failed`](OnceError::Failed), with its error; the next caller makes the value | the same |
/// | it dies while the value is written | with everybody who could see it | nobody sees it; the next caller makes the value |
/// | it dies after the value was written | | the value is there, or it is made again: never half of it |
/// | the maker makes a value after it has forked | each process has its own | the child's is dropped, with [`Forked`](OnceError::Forked) |
/// | a value comes too late for [`set`](Self::set) | it comes back, inside the error | the same |
/// | dropped | the value is dropped | never: a value that has to be dropped does not go there |
///
/// # What it can hold
///
/// In private memory anything. In shared memory what is [`ShmPlain`]: numbers, atomics, structs of them, and whatever else needs no
/// placing. The value comes in when the cell was placed long ago, and nobody would make its locks robust: those lie beside it.
///
/// # Cost
///
/// [`get`](Self::get), and each call after the first, is one load and a branch. The rest as for [`Once`].
///
/// # What does not compile
///
/// A lock inside, in shared memory:
///
/// ```compile_fail,E0277
/// use multiproc_sync::{Mutex, OnceLock, shm_safe::ShmSafe};
/// fn place<T: ShmSafe>(_: T) {}
/// place(OnceLock::<Mutex<u64>>::new());
/// ```
///
/// To share what may not be shared, or to have made elsewhere what may not be sent:
///
/// ```compile_fail,E0277
/// fn share<T: Sync>(_: T) {}
/// share(multiproc_sync::OnceLock::<std::cell::Cell<u8>>::new());
/// ```
///
/// ```compile_fail,E0277
/// fn share<T: Sync>(_: T) {}
/// share(multiproc_sync::OnceLock::<std::sync::MutexGuard<'static, u8>>::new());
/// ```
///
/// # Sources
///
/// The interface is the standard library's, with errors where processes can fail each other, and with waits that end.
#[doc(alias = "functools.cache")]
#[doc(alias = "functools.cached_property")]
#[repr(C)]
pub struct OnceLock<T> {
    once: Once,
    slot: UnsafeCell<Slot<T>>,
}

// SAFETY: the value goes where the cell goes.
unsafe impl<T: Send> Send for OnceLock<T> {}
// SAFETY: it is written by the one thread that has the turn, before anybody sees it, and then only read, by all; whoever has the
// cell to itself may take out what another thread has made.
unsafe impl<T: Send + Sync> Sync for OnceLock<T> {}

impl<T> OnceLock<T> {
    /// Without a value.
    #[cfg(not(multiproc_loom))]
    pub const fn new() -> Self {
        Self { once: Once::new(), slot: UnsafeCell::new(Slot::Empty) }
    }

    /// Without a value.
    #[cfg(multiproc_loom)]
    pub fn new() -> Self {
        Self { once: Once::new(), slot: UnsafeCell::new(Slot::Empty) }
    }

    /// The value, if it was made.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        if self.once.is_completed() {
            // SAFETY: it was made.
            Some(unsafe { self.value() })
        } else {
            None
        }
    }

    /// The value, if it was made, of a cell that nobody else can reach.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        if self.once.is_completed() { self.slot.get_mut().get_mut() } else { None }
    }

    /// The value, which is made by `make` if nobody has made one; if somebody does just now, waits for that.
    ///
    /// # Errors
    ///
    /// [`OnceError`]. In private memory [`Deadlock`](OnceError::Deadlock), if `make` itself asks for the value, and
    /// [`Interrupted`](OnceError::Interrupted), if the program has a hook for that, or the thread an alarm.
    ///
    /// # Panics
    ///
    /// With `make`: then the next caller makes the value.
    #[inline]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> Result<&T, OnceError> {
        self.get_or_make(Patience::Endless, || Ok::<T, Infallible>(make()))
    }

    /// As [`get_or_init`](Self::get_or_init), with a `make` that can fail; then the next caller makes the value.
    ///
    /// # Errors
    ///
    /// As [`get_or_init`](Self::get_or_init); [`Failed`](OnceError::Failed) with `make`'s own.
    ///
    /// # Panics
    ///
    /// As [`get_or_init`](Self::get_or_init).
    #[inline]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn get_or_try_init<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<&T, OnceError<E>> {
        self.get_or_make(Patience::Endless, make)
    }

    /// Puts a value there, if there is none; if somebody makes one just now, waits for that.
    ///
    /// ```
    /// use multiproc_sync::{OnceLock, SetErrorKind};
    ///
    /// let winner = OnceLock::new();
    /// assert!(winner.set("first").is_ok());
    /// let late = winner.set("second").unwrap_err();
    /// assert_eq!((late.value, late.kind), ("second", SetErrorKind::AlreadySet));
    /// assert_eq!(winner.get(), Some(&"first"));
    /// ```
    ///
    /// # Errors
    ///
    /// [`SetError`], with the value: there is one already, or [`OnceError`] as for [`get_or_init`](Self::get_or_init).
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn set(&self, value: T) -> Result<(), SetError<T>> {
        self.put(Patience::Endless, value)
    }

    /// Waits until there is a value, made by whomever; also if nobody has begun to make one.
    ///
    /// ```
    /// let answer = multiproc_sync::OnceLock::new();
    /// std::thread::scope(|scope| {
    ///     let asks = scope.spawn(|| answer.wait().copied());
    ///     answer.set(42).unwrap();
    ///     assert_eq!(asks.join().unwrap(), Ok(42));
    /// });
    /// ```
    ///
    /// # Errors
    ///
    /// [`WaitError::Interrupted`] only: a signal came, and the [hook](crate::interrupt) ended the wait, or the thread's alarm did.
    #[inline]
    pub fn wait(&self) -> Result<&T, WaitError> {
        self.once.wait()?;
        // SAFETY: it was made.
        Ok(unsafe { self.value() })
    }

    /// The value, if it was made.
    pub fn into_inner(self) -> Option<T> {
        if self.once.is_completed() { self.slot.into_inner().into_value() } else { None }
    }

    /// Takes the value out, if it was made, of a cell that nobody else can reach: another one may be made then.
    pub fn take(&mut self) -> Option<T> {
        mem::take(self).into_inner()
    }

    /// # Safety
    ///
    /// The value was made, and the caller has seen that.
    #[inline(always)]
    unsafe fn value(&self) -> &T {
        // SAFETY: filled before the cell was called completed, by the caller; nobody writes to it from then on, but with `&mut`.
        self.slot.with(|slot| unsafe { Slot::value(slot) })
    }

    #[inline(always)]
    #[cfg_attr(feature = "watch", track_caller)]
    fn get_or_make<E>(
        &self,
        patience: Patience<'_>,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<&T, OnceError<E>> {
        if let Some(value) = self.get() { Ok(value) } else { self.get_or_make_slowly(patience, make) }
    }

    #[cold]
    #[cfg_attr(feature = "watch", track_caller)]
    fn get_or_make_slowly<E>(
        &self,
        patience: Patience<'_>,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<&T, OnceError<E>> {
        if let Some(turn) = Initialising::begin(&self.once, patience.request())? {
            let value = make().map_err(OnceError::Failed)?;
            turn.check_process()?;
            self.complete(turn, value);
        }
        // SAFETY: by another, which `begin` has seen, or just now.
        Ok(unsafe { self.value() })
    }

    #[cfg_attr(feature = "watch", track_caller)]
    fn put(&self, patience: Patience<'_>, value: T) -> Result<(), SetError<T>> {
        let turn = if self.once.is_completed() {
            Ok(None)
        } else {
            Initialising::begin(&self.once, patience.request())
        };
        match turn {
            Ok(Some(turn)) => {
                self.complete(turn, value);
                Ok(())
            }
            Ok(None) => Err(SetError { value, kind: SetErrorKind::AlreadySet }),
            Err(refusal) => Err(SetError { value, kind: SetErrorKind::Refused(refusal.into()) }),
        }
    }

    /// Puts the value there for all to see. Who had the turn before may have left something, in shared memory, where nothing has
    /// to be dropped.
    fn complete(&self, turn: Initialising<'_>, value: T) {
        // SAFETY: whoever has the turn is the only one who writes, and nobody reads before it is completed.
        self.slot.with_mut(|slot| unsafe { Slot::fill(slot, value) });
        turn.complete();
    }
}

// SAFETY: `repr(C)` of a `Once`, a slot of which any bytes are one, and a value of which any bytes are one, without `Drop` and without
// locks. A value that was half written is seen by nobody.
unsafe impl<T: ShmPlain> ShmSafe for OnceLock<T> {
    const LAYOUT: Layout = Layout::named("multiproc_sync::OnceLock/1").with::<T>();
    const NEEDS_PLACEMENT: bool = true;

    fn place(&mut self, placement: &Placement) -> Result<(), PlaceError> {
        self.once.place(placement)
    }
}

#[cfg(not(multiproc_loom))]
const _: () = assert!(size_of::<OnceLock<u64>>() == 80 && !mem::needs_drop::<OnceLock<u64>>());
