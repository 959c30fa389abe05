//! Blocks of memory: allocated, written to once, and given back.

use std::hint::black_box;
use std::sync::Arc;
use std::thread;

use crate::Result;
use crate::session::{Setting, Start};

/// Where blocks come from.
pub(crate) trait Heap: Send + Sync + 'static {
    fn new() -> Result<Self>
    where
        Self: Sized;

    /// Allocates so many bytes, writes to the first, and gives them back.
    fn once<const BYTES: usize>(&self) -> Result<()>;
}

/// Operations between two looks at the clock.
const CALLS: u64 = 4096;

/// The same for two threads, which begin and end with it.
const CALLS_OF_EACH: u64 = 1 << 18;

fn times<H: Heap, const BYTES: usize>(heap: &H, times: u64) -> Result<u64> {
    for _ in 0..times {
        black_box(heap).once::<BYTES>()?;
    }
    Ok(times)
}

/// By one thread.
pub(crate) fn one_thread<H: Heap, const BYTES: usize>(_: &Setting) -> Result<Start> {
    let heap = H::new()?;
    Start::here(move || times::<H, BYTES>(&heap, CALLS))
}

/// By two at once.
pub(crate) fn two_threads<H: Heap, const BYTES: usize>(setting: &Setting) -> Result<Start> {
    let heap = Arc::new(H::new()?);
    let calls = setting.size(CALLS_OF_EACH, CALLS);
    Start::here(move || {
        let threads = [(); 2].map(|()| {
            let heap = heap.clone();
            thread::spawn(move || times::<H, BYTES>(&heap, calls).map_err(|error| error.to_string()))
        });
        let mut done = 0;
        for thread in threads {
            done += thread.join().map_err(|_| "a thread of the bench panicked")??;
        }
        Ok(done)
    })
}
