//! What serves once, in memory that forks share, and is made anew when everybody has done with it. `unsafe`: it is made in raw memory.
#![allow(unsafe_code)]

use std::slice;

use crate::Result;
use crate::sys;

/// What serves once.
pub(crate) trait Disposable: Sync + 'static {
    /// One that has not served.
    fn new() -> Self;

    /// Whatever has to be there before the first.
    fn prepare() -> Result<()> {
        Ok(())
    }

    /// Makes it fit for several processes, at its final address.
    fn place(&mut self) {}
}

/// Some of them in a row, each of which is anybody's to be made anew while nobody else reaches them.
#[derive(Debug)]
pub(crate) struct Cells<C: 'static>(*mut C, usize);

// SAFETY: a pointer to what several threads may reach, made anew by one of them at a time: by the caller of `renew`.
unsafe impl<C: Sync> Send for Cells<C> {}

impl<C> Clone for Cells<C> {
    fn clone(&self) -> Self {
        Self(self.0, self.1)
    }
}

impl<C: Disposable> Cells<C> {
    /// In memory that forks share, for good.
    pub(crate) fn leaked(count: usize) -> Result<Self> {
        C::prepare()?;
        let first = sys::map_shared(count * size_of::<C>())?.cast::<C>().as_ptr();
        // SAFETY: the mapping is long enough, aligned to a page, writable, and nobody else knows of it.
        (0..count).for_each(|at| unsafe { first.add(at).write(C::new()) });
        let cells = Self(first, count);
        // SAFETY: as above.
        unsafe { cells.renew() };
        Ok(cells)
    }

    /// Makes them all anew.
    ///
    /// # Safety
    ///
    /// Nobody else reaches them meanwhile, and whoever has got them by [`all`](Self::all) gets them anew before they are used again.
    pub(crate) unsafe fn renew(&self) {
        // SAFETY: mapped for good, initialised, and by the caller nobody else's.
        for cell in unsafe { slice::from_raw_parts_mut(self.0, self.1) } {
            *cell = C::new();
            cell.place();
        }
    }

    /// All of them, until they are made anew.
    #[inline(always)]
    pub(crate) fn all(&self) -> &'static [C] {
        // SAFETY: mapped for good and initialised; nobody makes them anew while they are in use.
        unsafe { slice::from_raw_parts(self.0, self.1) }
    }
}
