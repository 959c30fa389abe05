//! Our latch: the same between threads and between processes.

use multiproc::sync;

use crate::latches::Latch;

impl Latch for sync::Latch {
    fn new(count: u32) -> Self {
        Self::new(count)
    }

    #[inline(always)]
    fn count_down(&self) {
        self.count_down(1).expect("not all have counted");
    }

    #[inline(always)]
    fn wait(&self) {
        self.wait().expect("no signal ends a wait");
    }

    #[inline(always)]
    fn is_open(&self) -> bool {
        self.is_open()
    }
}

/// The same, asked by a wait that does not wait.
#[derive(Debug)]
pub(crate) struct Tried(sync::Latch);

impl Latch for Tried {
    fn new(count: u32) -> Self {
        Self(sync::Latch::new(count))
    }

    #[inline(always)]
    fn count_down(&self) {
        Latch::count_down(&self.0);
    }

    #[inline(always)]
    fn wait(&self) {
        Latch::wait(&self.0);
    }

    #[inline(always)]
    fn is_open(&self) -> bool {
        self.0.try_wait().is_ok()
    }
}
