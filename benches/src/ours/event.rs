//! Our event: between threads as it is, between processes in a segment.

use multiproc::shm::Shared;
use multiproc::sync::Event;

use crate::Result;
use crate::flags::Look;
use crate::handoff::Token;

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

pub(crate) fn shared() -> Result<&'static Event> {
    Ok(Box::leak(Box::new(Shared::new(Event::new())?)))
}

pub(crate) fn shareds() -> Result<[&'static Event; 2]> {
    Ok([shared()?, shared()?])
}

impl Token for Event {
    #[inline(always)]
    fn give(&self) {
        self.set();
    }

    #[inline(always)]
    fn take(&self) {
        self.wait().expect("nobody interrupts it");
        self.clear();
    }
}

impl Token for Line {
    #[inline(always)]
    fn give(&self) {
        self.0.give();
    }

    #[inline(always)]
    fn take(&self) {
        self.0.take();
    }
}

impl Look for Event {
    #[inline(always)]
    fn is_set(&self) -> bool {
        self.is_set()
    }
}

impl Look for Line {
    #[inline(always)]
    fn is_set(&self) -> bool {
        self.0.is_set()
    }
}
