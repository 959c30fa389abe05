//! A `bool` in a mutex and a condition variable: std's and parking_lot's.

use crate::Result;
use crate::flags::Look;
use crate::handoff::Token;

/// On a cache line of its own, as every flag here.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Line<M, C> {
    flag: M,
    condition: C,
}

type Std = Line<std::sync::Mutex<bool>, std::sync::Condvar>;
type ParkingLot = Line<parking_lot::Mutex<bool>, parking_lot::Condvar>;

pub(crate) fn std() -> Result<&'static Std> {
    Ok(Box::leak(Box::default()))
}

pub(crate) fn stds() -> Result<[&'static Std; 2]> {
    Ok([std()?, std()?])
}

pub(crate) fn parking_lot() -> Result<&'static ParkingLot> {
    Ok(Box::leak(Box::default()))
}

pub(crate) fn parking_lots() -> Result<[&'static ParkingLot; 2]> {
    Ok([parking_lot()?, parking_lot()?])
}

impl Token for Std {
    fn give(&self) {
        *self.flag.lock().expect("nobody panics under this lock") = true;
        self.condition.notify_all();
    }

    fn take(&self) {
        let flag = self.flag.lock().expect("nobody panics under this lock");
        let flag = self.condition.wait_while(flag, |flag| !*flag);
        *flag.expect("nobody panics under this lock") = false;
    }
}

impl Token for ParkingLot {
    fn give(&self) {
        *self.flag.lock() = true;
        self.condition.notify_all();
    }

    fn take(&self) {
        let mut flag = self.flag.lock();
        self.condition.wait_while(&mut flag, |flag| !*flag);
        *flag = false;
    }
}

impl Look for Std {
    fn is_set(&self) -> bool {
        *self.flag.lock().expect("nobody panics under this lock")
    }
}

impl Look for ParkingLot {
    fn is_set(&self) -> bool {
        *self.flag.lock()
    }
}
