//! Our reentrant mutex: between threads as it is, between processes in a segment.

use std::cell::Cell;

use multiproc::shm::Shared;
use multiproc::sync::ReentrantMutex;

use crate::Result;
use crate::locks::{Lock, Reentrant};

/// On a cache line of its own, as every lock here; in a segment it is so by itself.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Line(ReentrantMutex<Cell<u64>>);

pub(crate) fn private() -> Result<&'static Line> {
    Ok(Box::leak(Box::new(Line(ReentrantMutex::new(Cell::new(0))))))
}

pub(crate) fn robust() -> Result<&'static ReentrantMutex<Cell<u64>>> {
    Ok(Box::leak(Box::new(Shared::new(ReentrantMutex::new(Cell::new(0)))?)))
}

impl Lock for ReentrantMutex<Cell<u64>> {
    #[inline(always)]
    fn add_one(&self) {
        let number = self.lock().expect("nobody panics or dies under this lock");
        number.set(number.get() + 1);
    }

    fn number(&self) -> u64 {
        self.lock().expect("nobody panics or dies under this lock").get()
    }
}

impl Reentrant for ReentrantMutex<Cell<u64>> {
    fn holding(&self, section: impl FnOnce()) {
        let _guard = self.lock().expect("nobody panics or dies under this lock");
        section();
    }
}

impl Lock for Line {
    #[inline(always)]
    fn add_one(&self) {
        self.0.add_one();
    }

    fn number(&self) -> u64 {
        self.0.number()
    }
}

impl Reentrant for Line {
    fn holding(&self, section: impl FnOnce()) {
        self.0.holding(section);
    }
}
