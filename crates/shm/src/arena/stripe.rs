//! Threads that look in different places.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Among how many places the threads of a process are spread.
pub(crate) const STRIPES: usize = 8;

thread_local! {
    static STRIPE: Cell<usize> = const { Cell::new(STRIPES) };
}

/// That of the calling thread, below [`STRIPES`].
#[inline]
pub(crate) fn stripe() -> usize {
    match STRIPE.get() {
        known if known < STRIPES => known,
        _ => choose(),
    }
}

#[cold]
fn choose() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let chosen = NEXT.fetch_add(1, Relaxed) % STRIPES;
    STRIPE.set(chosen);
    chosen
}
