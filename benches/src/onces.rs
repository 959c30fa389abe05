//! What the benches do with a value that is made once, whoever brings it: find it there, make it, race for it. `unsafe`: cells are
//! emptied.
#![allow(unsafe_code)]

use std::hint::black_box;

use crate::Result;
use crate::alone;
use crate::cells::{Cells, Disposable};
use crate::groups::agree;
use crate::locks::have_two_threads;
use crate::neighbour::Alone;
use crate::race::{Race, Row};
use crate::session::{Setting, Start};

/// A cell for a value that is made once.
pub(crate) trait Once: Disposable {
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

/// Cells in a row that two race along.
const ROW: u64 = 256;

/// The sum of all values; one function for each kind of cell, whose addresses it cannot know.
#[inline(never)]
fn get_all<C: Once>(cells: &Cells<C>) -> u64 {
    cells.all().iter().map(|cell| black_box(cell).get()).sum()
}

impl<C: Once> Row for Cells<C> {
    const STEPS: u64 = ROW;
    const FOUND: u64 = ROW * VALUE;

    unsafe fn renew(&self) {
        // SAFETY: by the caller nobody else reaches them.
        unsafe { self.renew() };
    }

    fn near(&self) -> u64 {
        get_all(self)
    }

    fn far(&self) -> u64 {
        get_all(self)
    }
}

/// The value is there.
pub(crate) fn look<C: Once>(_: &Setting) -> Result<Start> {
    let cells = Cells::<C>::leaked(1)?;
    agree(get_all(&cells), VALUE)?;
    alone::looks(Ok(&cells.all()[0]), |cell: &C| cell.look() == VALUE)
}

/// An empty cell, and its value; nobody else wants it.
pub(crate) fn make<C: Once>(_: &Setting) -> Result<Start> {
    let cells = Cells::<C>::leaked(1)?;
    have_two_threads();
    Start::here(Alone::new(move || {
        for _ in 0..MADE {
            // SAFETY: nobody else knows of it.
            unsafe { cells.renew() };
            agree(get_all(&cells), VALUE)?;
        }
        Ok(MADE)
    }))
}

/// This thread and another one.
pub(crate) fn two_threads<C: Once>(setting: &Setting) -> Result<Start> {
    Start::here(Race::of_threads(Cells::<C>::leaked(ROW as usize)?, setting)?)
}

/// This process and another one, with two threads each.
pub(crate) fn two_processes<C: Once>(_: &Setting) -> Result<Start> {
    Start::here(Race::of_processes(Cells::<C>::leaked(ROW as usize)?)?)
}
