//! The semaphores that Rust programs make for themselves: a number under a mutex, and a condition to wait for. With std's and
//! with parking_lot's.

use crate::Result;
use crate::semaphores::Semaphore;

/// On a cache line of its own, as every lock here.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Counter<M, C> {
    free: M,
    released: C,
}

type Std = Counter<std::sync::Mutex<u64>, std::sync::Condvar>;
type ParkingLot = Counter<parking_lot::Mutex<u64>, parking_lot::Condvar>;

pub(crate) fn std(permits: u32) -> Result<&'static Std> {
    let free = std::sync::Mutex::new(permits.into());
    Ok(Box::leak(Box::new(Counter { free, released: std::sync::Condvar::new() })))
}

pub(crate) fn parking_lot(permits: u32) -> Result<&'static ParkingLot> {
    let free = parking_lot::Mutex::new(permits.into());
    Ok(Box::leak(Box::new(Counter { free, released: parking_lot::Condvar::new() })))
}

impl Semaphore for Std {
    #[inline(always)]
    fn acquire(&self) {
        let mut free = self.free.lock().expect("nobody panics under this lock");
        while *free == 0 {
            free = self.released.wait(free).expect("nobody panics under this lock");
        }
        *free -= 1;
    }

    #[inline(always)]
    fn try_acquire(&self) -> bool {
        let mut free = self.free.lock().expect("nobody panics under this lock");
        if *free == 0 {
            return false;
        }
        *free -= 1;
        true
    }

    #[inline(always)]
    fn release(&self) {
        *self.free.lock().expect("nobody panics under this lock") += 1;
        self.released.notify_one();
    }

    fn free(&self) -> u64 {
        *self.free.lock().expect("nobody panics under this lock")
    }
}

impl Semaphore for ParkingLot {
    #[inline(always)]
    fn acquire(&self) {
        let mut free = self.free.lock();
        while *free == 0 {
            self.released.wait(&mut free);
        }
        *free -= 1;
    }

    #[inline(always)]
    fn try_acquire(&self) -> bool {
        let mut free = self.free.lock();
        if *free == 0 {
            return false;
        }
        *free -= 1;
        true
    }

    #[inline(always)]
    fn release(&self) {
        *self.free.lock() += 1;
        self.released.notify_one();
    }

    fn free(&self) -> u64 {
        *self.free.lock()
    }
}
