//! Our barrier of two: between threads as it is, between processes in a segment.

use multiproc::shm::Shared;
use multiproc::sync::Barrier;

use crate::Result;
use crate::turns::Turns;

pub(crate) fn private() -> Result<&'static Barrier> {
    Ok(Box::leak(Box::new(Barrier::new(2)?)))
}

pub(crate) fn placed() -> Result<&'static Barrier> {
    let barrier: &'static Shared<Barrier> = Box::leak(Box::new(Shared::new(Barrier::new(2)?)?));
    Ok(barrier)
}

impl Turns for Barrier {
    fn take(&self, _: u64) {
        self.wait().expect("nobody breaks it");
    }
}
