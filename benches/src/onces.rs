//! What the benches do with a value that is made once, whoever brings it: find it there, make it, race for it. `unsafe`: cells are made
//! anew in raw memory.
#![allow(unsafe_code)]

use std::hint::black_box;
use std::slice;

use crate::Result;
use crate::alone;
use crate::groups::agree;
use crate::locks::have_two_threads;
use crate::neighbour::Alone;
use crate::race::Race;
use crate::session::{Setting, Start};
use crate::sys;

/// A cell for a value that is made once.
pub(crate) trait Once: Sync + 'static {
    /// One without a value.
    fn new() -> Self;

    /// Whatever has to be there before the first.
    fn prepare() -> Result<()> {
        Ok(())
    }

    /// Makes it fit for several processes, at its final address.
    fn place(&mut self) {}

    /// The value, which is [`VALUE`], made if nobody has.
    fn get(&self) -> u64;

    /// The value, which is there; a cell that can be asked for nothing else does so.
    #[inline(always)]
    fn look(&self) -> u64 {
        self.get()
    }
}

/// What is in every cell.
pub(crate) const VALUE: u64 = 7;

/// Values made between two looks at the clock, where nobody else wants them.
const MADE: u64 = 4096;

/// Cells, each of which is anybody's to be made anew while nobody else reaches them.
#[derive(Debug)]
pub(crate) struct Cells<C: 'static>(*mut C, usize);

// SAFETY: a pointer to what several threads may reach, made anew by one of them at a time: by the caller of `renew`.
unsafe impl<C: Sync> Send for Cells<C> {}

impl<C> Clone for Cells<C> {
    fn clone(&self) -> Self {
        Self(self.0, self.1)
    }
}

impl<C: Once> Cells<C> {
    /// In memory that forks share, for good.
    pub(crate) fn leaked(count: usize) -> Result<Self> {
        C::prepare()?;
        let cells = sys::map_shared(count * size_of::<C>())?.cast::<C>().as_ptr();
        // SAFETY: the mapping is long enough, aligned to a page, writable, and nobody else knows of it.
        (0..count).for_each(|at| unsafe { cells.add(at).write(C::new()) });
        Ok(Self(cells, count))
    }

    /// Empties them all.
    ///
    /// # Safety
    ///
    /// Nobody else reaches them meanwhile, and nobody has kept anything of them.
    pub(crate) unsafe fn renew(&self) {
        // SAFETY: mapped for good, initialised, and by the caller nobody else's.
        for cell in unsafe { slice::from_raw_parts_mut(self.0, self.1) } {
            *cell = C::new();
            cell.place();
        }
    }

    /// The sum of all values; one function for each kind of cell, whose addresses it cannot know.
    #[inline(never)]
    pub(crate) fn get_all(&self) -> u64 {
        // SAFETY: mapped for good and initialised; nobody empties them while they are in use.
        unsafe { slice::from_raw_parts(self.0, self.1) }.iter().map(|cell| black_box(cell).get()).sum()
    }
}

/// The value is there.
pub(crate) fn look<C: Once>(_: &Setting) -> Result<Start> {
    let cell = Cells::<C>::leaked(1)?;
    // SAFETY: nobody else knows of it.
    unsafe { cell.renew() };
    agree(cell.get_all(), VALUE)?;
    // SAFETY: mapped for good and initialised; nobody empties it from now on.
    alone::looks(Ok(unsafe { &*cell.0 }), |cell: &C| cell.look() == VALUE)
}

/// An empty cell, and its value; nobody else wants it.
pub(crate) fn make<C: Once>(_: &Setting) -> Result<Start> {
    let cell = Cells::<C>::leaked(1)?;
    have_two_threads();
    Start::here(Alone::new(move || {
        for _ in 0..MADE {
            // SAFETY: nobody else knows of it.
            unsafe { cell.renew() };
            agree(cell.get_all(), VALUE)?;
        }
        Ok(MADE)
    }))
}

/// This thread and another one.
pub(crate) fn two_threads<C: Once>(setting: &Setting) -> Result<Start> {
    Start::here(Race::<C>::of_threads(setting)?)
}

/// This process and another one, with two threads each.
pub(crate) fn two_processes<C: Once>(_: &Setting) -> Result<Start> {
    Start::here(Race::<C>::of_processes()?)
}
