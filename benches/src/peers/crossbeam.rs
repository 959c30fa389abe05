//! crossbeam's wait group, each of whose pieces is a clone of it, and which is used up by the wait. `unsafe`: so there is a new one for
//! each turn, in a cell.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::mem::replace;

use crossbeam_utils::sync::WaitGroup;

use crate::Result;
use crate::crews::Group;
use crate::handoff::Token;

/// On a cache line of its own, as every flag here.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Crossbeam {
    /// Who waits has it; and who announces, or joins, while nobody waits.
    waits: UnsafeCell<WaitGroup>,
    /// A piece that was announced: of who announces it, then of who does it.
    piece: UnsafeCell<Option<WaitGroup>>,
}

// SAFETY: of what is in the cells each is reached by one side at a time. The turn, which the group itself hands over, orders that.
unsafe impl Sync for Crossbeam {}

/// With nothing to wait for.
pub(crate) fn empty() -> Result<&'static Crossbeam> {
    Ok(Box::leak(Box::new(Crossbeam {
        waits: UnsafeCell::new(WaitGroup::new()),
        piece: UnsafeCell::new(None),
    })))
}

/// With a piece that is not done.
pub(crate) fn flag() -> Result<&'static Crossbeam> {
    let group = empty()?;
    group.announce();
    Ok(group)
}

pub(crate) fn flags() -> Result<[&'static Crossbeam; 2]> {
    Ok([flag()?, flag()?])
}

impl Crossbeam {
    fn piece(&self) -> WaitGroup {
        // SAFETY: nobody waits for the group: that has ended, and did before this side got the turn.
        unsafe { (*self.waits.get()).clone() }
    }
}

impl Token for Crossbeam {
    fn give(&self) {
        self.done();
    }

    /// Waits, and announces the next piece.
    fn take(&self) {
        self.wait();
        self.announce();
    }
}

impl Group for Crossbeam {
    type Member = WaitGroup;

    fn announce(&self) {
        let piece = self.piece();
        // SAFETY: the piece before is done, and who does this one waits for the turn.
        unsafe { *self.piece.get() = Some(piece) };
    }

    fn done(&self) {
        // SAFETY: who announced it has given the turn away, or is this thread.
        drop(unsafe { (*self.piece.get()).take() });
    }

    fn join(&'static self) -> WaitGroup {
        self.piece()
    }

    fn wait(&self) {
        // SAFETY: nobody joins the group until the wait is over.
        let waits = unsafe { replace(&mut *self.waits.get(), WaitGroup::new()) };
        waits.wait();
    }
}
