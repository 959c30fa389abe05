//! Barriers of two: std's, one of parking_lot's mutex and condition variable, which has none, and libc's, between processes too.
//! `unsafe`: the latter is C.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;

use nix::errno::Errno;

use crate::Result;
use crate::sys;
use crate::turns::Turns;

pub(crate) fn std() -> Result<&'static std::sync::Barrier> {
    Ok(Box::leak(Box::new(std::sync::Barrier::new(2))))
}

impl Turns for std::sync::Barrier {
    fn take(&self, _: u64) {
        self.wait();
    }
}

/// How many have come, and how many rounds have passed.
#[derive(Debug, Default)]
pub(crate) struct ParkingLot(parking_lot::Mutex<(u32, u64)>, parking_lot::Condvar);

pub(crate) fn parking_lot() -> Result<&'static ParkingLot> {
    Ok(Box::leak(Box::default()))
}

impl Turns for ParkingLot {
    fn take(&self, _: u64) {
        let mut state = self.0.lock();
        state.0 += 1;
        if state.0 == 2 {
            *state = (0, state.1 + 1);
            self.1.notify_all();
        } else {
            let round = state.1;
            self.1.wait_while(&mut state, |state| state.1 == round);
        }
    }
}

/// libc's barrier in memory that processes share.
#[derive(Debug)]
pub(crate) struct Pthread(UnsafeCell<libc::pthread_barrier_t>);

// SAFETY: a pthread barrier is made for several threads.
unsafe impl Sync for Pthread {}

pub(crate) fn pthread() -> Result<&'static Pthread> {
    let place = sys::map_shared(size_of::<Pthread>())?.cast::<Pthread>();
    let mut attributes = MaybeUninit::uninit();
    let attributes = attributes.as_mut_ptr();
    // SAFETY: the attributes are initialised before they are set and used; the barrier lies in zeroed memory that is never
    // unmapped, is initialised where it stays, and nobody knows of it before.
    unsafe {
        check(libc::pthread_barrierattr_init(attributes))?;
        check(libc::pthread_barrierattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED))?;
        let barrier = place.as_ref();
        check(libc::pthread_barrier_init(barrier.0.get(), attributes, 2))?;
        Ok(barrier)
    }
}

impl Turns for Pthread {
    fn take(&self, _: u64) {
        // SAFETY: the barrier was initialised where it lies.
        unsafe { libc::pthread_barrier_wait(self.0.get()) };
    }
}

fn check(code: libc::c_int) -> Result<()> {
    if code == 0 { Ok(()) } else { Err(Errno::from_raw(code).into()) }
}
