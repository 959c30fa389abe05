//! Our condition variable: between threads as it is, between processes in segments.

use multiproc::shm::Shared;
use multiproc::sync::{Condvar, Mutex};

use crate::Result;
use crate::handoff::Turns;
use crate::notify::Notify;

/// Whose turn it is: a number, even for the measured side.
#[derive(Debug)]
pub(crate) struct Ours {
    number: &'static Mutex<u64>,
    changed: &'static Condvar,
}

pub(crate) fn private() -> Result<&'static Ours> {
    let (number, changed) = (Box::leak(Box::new(Mutex::new(0))), Box::leak(Box::new(Condvar::new())));
    Ok(Box::leak(Box::new(Ours { number, changed })))
}

pub(crate) fn placed() -> Result<&'static Ours> {
    let number: &'static Shared<Mutex<u64>> = Box::leak(Box::new(Shared::new(Mutex::new(0))?));
    let changed: &'static Shared<Condvar> = Box::leak(Box::new(Shared::new(Condvar::new())?));
    Ok(Box::leak(Box::new(Ours { number, changed })))
}

impl Turns for Ours {
    fn take(&self, side: u64) {
        let number = self.number.lock().expect("nobody panics or dies here");
        let mut number =
            self.changed.wait_while(number, |n| *n % 2 != side).expect("nobody panics or dies here");
        *number += 1;
        drop(number);
        self.changed.notify_one();
    }
}

impl Notify for Ours {
    #[inline(always)]
    fn notify(&self) {
        self.changed.notify_one();
    }
}
