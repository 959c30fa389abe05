//! Data whose accesses the model checker watches. `unsafe`: hands out pointers and references to it.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // the one place that may

#[cfg(not(multiproc_loom))]
use std::cell as inner;

#[cfg(multiproc_loom)]
use loom::cell as inner;

/// The `UnsafeCell` of the standard library, or the model checker's, which fails a model in which two threads reach
/// the data with no order between them.
#[repr(transparent)]
#[derive(Debug)]
pub struct UnsafeCell<T: ?Sized>(inner::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    /// A cell with this value.
    #[cfg(not(multiproc_loom))]
    pub const fn new(value: T) -> Self {
        Self(inner::UnsafeCell::new(value))
    }

    /// A cell with this value.
    #[cfg(multiproc_loom)]
    #[track_caller]
    pub fn new(value: T) -> Self {
        Self(inner::UnsafeCell::new(value))
    }

    /// Takes the value out.
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<T: ?Sized> UnsafeCell<T> {
    /// Calls `access` with a pointer to the data, which the caller may read through it.
    #[inline(always)]
    #[track_caller]
    pub fn with<R>(&self, access: impl FnOnce(*const T) -> R) -> R {
        #[cfg(not(multiproc_loom))]
        return access(self.0.get());
        #[cfg(multiproc_loom)]
        return self.0.with(access);
    }

    /// Calls `access` with a pointer to the data, which the caller may write through it.
    #[inline(always)]
    #[track_caller]
    pub fn with_mut<R>(&self, access: impl FnOnce(*mut T) -> R) -> R {
        #[cfg(not(multiproc_loom))]
        return access(self.0.get());
        #[cfg(multiproc_loom)]
        return self.0.with_mut(access);
    }

    /// The right to the data for as long as a lock's guard lives.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn access(&self) -> Access<T> {
        #[cfg(not(multiproc_loom))]
        return Access(std::marker::PhantomData);
        #[cfg(multiproc_loom)]
        return Access(Some(self.0.get_mut()));
    }

    /// The right to read the data for as long as a lock's guard lives.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn read_access(&self) -> ReadAccess<T> {
        #[cfg(not(multiproc_loom))]
        return ReadAccess(std::marker::PhantomData);
        #[cfg(multiproc_loom)]
        return ReadAccess(Some(self.0.get()));
    }

    /// The data of a cell that nobody else can reach.
    #[cfg(not(multiproc_loom))]
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }

    /// The data of a cell that nobody else can reach.
    #[cfg(multiproc_loom)]
    pub fn get_mut(&mut self) -> &mut T {
        // SAFETY: `&mut self` excludes every other access; the pointer outlives the closure no longer than `self`.
        self.0.with_mut(|data| unsafe { &mut *data })
    }
}

/// The right to a cell's data, as a guard has it: nothing, but in a model.
#[cfg(not(multiproc_loom))]
#[derive(Debug)]
pub(crate) struct Access<T: ?Sized>(std::marker::PhantomData<*mut T>);

/// The right to a cell's data, as a guard has it: the model checker knows of it until it is ended.
#[cfg(multiproc_loom)]
#[derive(Debug)]
pub(crate) struct Access<T: ?Sized>(Option<loom::cell::MutPtr<T>>);

impl<T: ?Sized> Access<T> {
    /// # Safety
    ///
    /// The access is to `cell`, and the caller's lock excludes every writer.
    #[inline(always)]
    pub(crate) unsafe fn get<'a>(&self, cell: &'a UnsafeCell<T>) -> &'a T {
        let _ = cell;
        #[cfg(not(multiproc_loom))]
        // SAFETY: by the caller.
        return unsafe { &*cell.0.get() };
        #[cfg(multiproc_loom)]
        // SAFETY: by the caller; the access is ended with the guard only.
        return unsafe { &*std::ptr::from_ref(self.0.as_ref().expect("not ended").deref()) };
    }

    /// # Safety
    ///
    /// The access is to `cell`, and the caller's lock excludes every other access.
    #[allow(clippy::mut_from_ref)] // the cell is what makes it possible, the caller's lock what makes it right
    #[inline(always)]
    pub(crate) unsafe fn get_mut<'a>(&mut self, cell: &'a UnsafeCell<T>) -> &'a mut T {
        let _ = cell;
        #[cfg(not(multiproc_loom))]
        // SAFETY: by the caller.
        return unsafe { &mut *cell.0.get() };
        #[cfg(multiproc_loom)]
        // SAFETY: by the caller; the access is ended with the guard only.
        return unsafe { &mut *std::ptr::from_mut(self.0.as_ref().expect("not ended").deref()) };
    }

    /// Ends the access, before the lock is released.
    #[inline(always)]
    pub(crate) fn end(&mut self) {
        #[cfg(multiproc_loom)]
        drop(self.0.take());
    }
}

/// The right to read a cell's data, beside others that have it: nothing, but in a model.
#[cfg(not(multiproc_loom))]
#[derive(Debug)]
pub(crate) struct ReadAccess<T: ?Sized>(std::marker::PhantomData<*const T>);

/// The right to read a cell's data: the model checker knows of it until it is ended.
#[cfg(multiproc_loom)]
#[derive(Debug)]
pub(crate) struct ReadAccess<T: ?Sized>(Option<loom::cell::ConstPtr<T>>);

impl<T: ?Sized> ReadAccess<T> {
    /// # Safety
    ///
    /// The access is to `cell`, and the caller's lock excludes every writer.
    #[inline(always)]
    pub(crate) unsafe fn get<'a>(&self, cell: &'a UnsafeCell<T>) -> &'a T {
        let _ = cell;
        #[cfg(not(multiproc_loom))]
        // SAFETY: by the caller.
        return unsafe { &*cell.0.get() };
        #[cfg(multiproc_loom)]
        // SAFETY: by the caller; the access is ended with the guard only.
        return unsafe { &*std::ptr::from_ref(self.0.as_ref().expect("not ended").deref()) };
    }

    /// Ends the access, before the lock is released.
    #[inline(always)]
    pub(crate) fn end(&mut self) {
        #[cfg(multiproc_loom)]
        drop(self.0.take());
    }
}
