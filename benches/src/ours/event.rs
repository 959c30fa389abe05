//! Our event: between threads as it is, between processes in a segment.

use multiproc::shm::Shared;
use multiproc::sync::Event;

use crate::Result;
use crate::handoff::{Flag, Look};

/// On a cache line of its own, as every flag here; in a segment it is so by itself.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Line(Event);

pub(crate) fn private() -> Result<&'static Line> {
    Ok(Box::leak(Box::default()))
}

pub(crate) fn privates() -> Result<[&'static Line; 2]> {
    Ok([private()?, private()?])
}

pub(crate) fn shared() -> Result<[&'static Event; 2]> {
    Ok([Box::leak(Box::new(Shared::new(Event::new())?)), Box::leak(Box::new(Shared::new(Event::new())?))])
}

impl Flag for Event {
    #[inline(always)]
    fn set(&self) {
        self.set();
    }

    #[inline(always)]
    fn take(&self) {
        self.wait().expect("nobody interrupts it");
        self.clear();
    }
}

impl Flag for Line {
    #[inline(always)]
    fn set(&self) {
        self.0.set();
    }

    #[inline(always)]
    fn take(&self) {
        Flag::take(&self.0);
    }
}

impl Look for Line {
    #[inline(always)]
    fn is_set(&self) -> bool {
        self.0.is_set()
    }
}
