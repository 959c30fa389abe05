//! Barriers: std's, one of parking_lot's mutex and condition variable, which has none, and libc's, between processes too.
//! `unsafe`: the latter is C.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;

use crate::Result;
use crate::handoff::Turns;
use crate::sys;

pub(crate) fn std(parties: u32) -> Result<&'static std::sync::Barrier> {
    Ok(Box::leak(Box::new(std::sync::Barrier::new(parties as usize))))
}

impl Turns for std::sync::Barrier {
    fn take(&self, _: u64) {
        self.wait();
    }
}

#[derive(Debug)]
pub(crate) struct ParkingLot {
    parties: u32,
    /// How many have come, and how many rounds have passed.
    state: parking_lot::Mutex<(u32, u64)>,
    passed: parking_lot::Condvar,
}

pub(crate) fn parking_lot(parties: u32) -> Result<&'static ParkingLot> {
    let (state, passed) = (parking_lot::Mutex::new((0, 0)), parking_lot::Condvar::new());
    Ok(Box::leak(Box::new(ParkingLot { parties, state, passed })))
}

impl Turns for ParkingLot {
    fn take(&self, _: u64) {
        let mut state = self.state.lock();
        state.0 += 1;
        if state.0 == self.parties {
            *state = (0, state.1 + 1);
            self.passed.notify_all();
        } else {
            let round = state.1;
            self.passed.wait_while(&mut state, |state| state.1 == round);
        }
    }
}

/// libc's barrier in memory that processes share.
#[derive(Debug)]
pub(crate) struct Pthread(UnsafeCell<libc::pthread_barrier_t>);

// SAFETY: a pthread barrier is made for several threads.
unsafe impl Sync for Pthread {}

pub(crate) fn pthread(parties: u32) -> Result<&'static Pthread> {
    let place = sys::map_shared(size_of::<Pthread>())?.cast::<Pthread>();
    let mut attributes = MaybeUninit::uninit();
    let attributes = attributes.as_mut_ptr();
    // SAFETY: the attributes are initialised before they are set and used; the barrier lies in zeroed memory that is never
    // unmapped, is initialised where it stays, and nobody knows of it before.
    unsafe {
        sys::check(libc::pthread_barrierattr_init(attributes))?;
        sys::check(libc::pthread_barrierattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED))?;
        let barrier = place.as_ref();
        sys::check(libc::pthread_barrier_init(barrier.0.get(), attributes, parties))?;
        Ok(barrier)
    }
}

impl Turns for Pthread {
    fn take(&self, _: u64) {
        // SAFETY: the barrier was initialised where it lies.
        unsafe { libc::pthread_barrier_wait(self.0.get()) };
    }
}
