//! raw_sync's event, a pthread mutex and condition variable behind a trait object; it clears itself. `unsafe`: its memory is
//! the caller's business.
#![allow(unsafe_code)]

use raw_sync::Timeout;
use raw_sync::events::{Event, EventImpl, EventInit, EventState};

use crate::Result;
use crate::handoff::Token;
use crate::sys;

/// Room for its event.
const ROOM: usize = 4096;

pub(crate) struct RawSync {
    event: Box<dyn EventImpl>,
}

// SAFETY: what it points to is a pthread mutex and condition variable and a flag under them, in shared memory that is never
// unmapped.
unsafe impl Send for RawSync {}
// SAFETY: as above.
unsafe impl Sync for RawSync {}

pub(crate) fn shared() -> Result<&'static RawSync> {
    let place = sys::map_shared(ROOM)?;
    if Event::size_of(Some(place.as_ptr())) > ROOM {
        return Err("its event takes more than a page".into());
    }
    // SAFETY: there is room for it, and nobody else knows of the memory.
    let (event, _) = unsafe { Event::new(place.as_ptr(), true) }.map_err(|error| error.to_string())?;
    Ok(Box::leak(Box::new(RawSync { event })))
}

pub(crate) fn pair() -> Result<[&'static RawSync; 2]> {
    Ok([shared()?, shared()?])
}

impl Token for RawSync {
    fn give(&self) {
        self.event.set(EventState::Signaled).unwrap_or_else(|error| panic!("raw_sync cannot set: {error}"));
    }

    fn take(&self) {
        self.event.wait(Timeout::Infinite).unwrap_or_else(|error| panic!("raw_sync cannot wait: {error}"));
    }
}
