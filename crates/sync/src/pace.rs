//! How long to spin before a wait goes to the kernel.

#[cfg(not(multiproc_loom))]
use std::sync::atomic::Ordering::Relaxed;
#[cfg(not(multiproc_loom))]
use std::thread;
use std::time::Duration;
#[cfg(not(multiproc_loom))]
use std::time::Instant;

#[cfg(not(multiproc_loom))]
use crate::primitive::AtomicU32;
#[cfg(multiproc_loom)]
use crate::primitive::Deadline;

/// The most time one wait spins: about what waking a thread on another, idle core costs.
pub const SPIN_BUDGET: Duration = Duration::from_micros(40);

/// Spins in vain after which a waiter goes straight to the kernel.
#[cfg(not(multiproc_loom))]
const FRUITLESS_LIMIT: u32 = 3;

/// Waits without a spin after which one is tried again.
#[cfg(not(multiproc_loom))]
const PROBE_EVERY: u32 = 16;

/// The policy of one waiter: spin by time, but not after 3 fruitless spins in a row, until one in 16 waits finds that
/// spinning helps again.
///
/// A spin wins when the answer comes within microseconds: the kernel needs 30 µs and more to wake an idle core, and a
/// sleep and a wake-up where both sides share one. Each round gives the core away, so that on a shared one the other
/// side runs instead of being waited for. It loses when nothing comes for long.
///
/// ```
/// use multiproc_sync::Pace;
/// let (sender, receiver) = std::sync::mpsc::channel();
/// sender.send("there")?;
/// // One attempt at least is made, however short the time.
/// assert_eq!(Pace::new().spin(None, || receiver.try_recv().ok()), Some("there"));
/// # Ok::<(), std::sync::mpsc::SendError<&str>>(())
/// ```
#[derive(Debug, Default)]
#[repr(C)]
pub struct Pace {
    /// Fruitless spins in a row; from `FRUITLESS_LIMIT` on, waits since then are added.
    #[cfg(not(multiproc_loom))]
    fruitless: AtomicU32,
}

/// In a model nobody spins: each attempt would be one more order to try.
#[cfg(multiproc_loom)]
impl Pace {
    /// A waiter that never spins.
    pub const fn new() -> Self {
        Self {}
    }

    /// Goes to the kernel at once.
    pub fn spin<T>(&self, _: Option<Deadline>, _: impl FnMut() -> Option<T>) -> Option<T> {
        None
    }
}

#[cfg(not(multiproc_loom))]
impl Pace {
    /// A waiter that has not failed yet.
    pub const fn new() -> Self {
        Self { fruitless: AtomicU32::new(0) }
    }

    /// Gives the core away and repeats `attempt`, until that finds something, for at most [`SPIN_BUDGET`] and not past the
    /// deadline. The caller has looked once before.
    ///
    /// `None` says: go to the kernel. Counters are hints, so that concurrent waiters may share a `Pace`.
    pub fn spin<T>(&self, deadline: Option<Instant>, mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
        let fruitless = self.fruitless.load(Relaxed);
        if (FRUITLESS_LIMIT..FRUITLESS_LIMIT + PROBE_EVERY).contains(&fruitless) {
            self.fruitless.store(fruitless.saturating_add(1), Relaxed);
            return None;
        }
        let end = Instant::now() + SPIN_BUDGET;
        let end = deadline.map_or(end, |deadline| deadline.min(end));
        loop {
            thread::yield_now();
            if let Some(found) = attempt() {
                self.fruitless.store(0, Relaxed);
                return Some(found);
            }
            if Instant::now() >= end {
                self.fruitless.store(fruitless.saturating_add(1).min(FRUITLESS_LIMIT), Relaxed);
                return None;
            }
        }
    }
}

#[cfg(all(test, not(multiproc_loom)))]
mod tests {
    use super::*;

    /// Whether a wait spins; it finds nothing.
    fn spins(pace: &Pace) -> bool {
        let mut tried = false;
        let already = Instant::now();
        pace.spin(Some(already), || {
            tried = true;
            None::<()>
        });
        tried
    }

    #[test]
    fn stops_after_three_fruitless_spins_and_probes_again() {
        let pace = Pace::new();
        for _ in 0..3 {
            assert!((0..FRUITLESS_LIMIT).all(|_| spins(&pace)));
            for _ in 0..2 {
                assert!((0..PROBE_EVERY).all(|_| !spins(&pace)));
                assert!(spins(&pace), "a probe");
            }
            pace.fruitless.store(0, Relaxed);
        }
    }

    #[test]
    fn success_forgives_the_failures() {
        let pace = Pace::new();
        assert!(spins(&pace) && spins(&pace));
        assert_eq!(pace.spin(None, || Some(7)), Some(7));
        assert!((0..FRUITLESS_LIMIT).all(|_| spins(&pace)));
        assert!(!spins(&pace));
    }
}
