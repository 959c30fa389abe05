//! How long to spin before a wait goes to the kernel.

#[cfg(not(multiproc_loom))]
use std::ops::RangeInclusive;
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

/// The most time one wait spins: about what waking a thread on another, idle core costs. A probe after fruitless spins has
/// [`PROBE_BUDGET`].
pub const SPIN_BUDGET: Duration = Duration::from_micros(40);

/// The most time a probe spins. Longer: where both sides sleep, the answer comes only after the other one was woken, and two sides
/// that could hand over to and fro awake must find out.
pub const PROBE_BUDGET: Duration = Duration::from_micros(120);

/// Spins in vain after which a waiter goes straight to the kernel.
#[cfg(not(multiproc_loom))]
const FRUITLESS_LIMIT: u32 = 3;

/// What the time of a spin in vain may add to each of the waits after it, which do not spin: little beside what a sleep and a
/// wake-up cost.
#[cfg(not(multiproc_loom))]
const SHARE: Duration = Duration::from_micros(2);

/// Waits without a spin after which one is tried again.
#[cfg(not(multiproc_loom))]
const REST: RangeInclusive<u32> = 16..=16_384;

/// The policy of one waiter: spin by time, but not after 3 fruitless spins in a row, or one that gave the core away for long,
/// until a probe finds that spinning helps again. The longer a spin in vain took, the more waits there are before the next: it adds
/// about 2 µs to each of them.
///
/// A spin wins when the answer comes within microseconds: the kernel needs 30 µs and more to wake an idle core, and a
/// sleep and a wake-up where both sides share one. Each round gives the core away, so that on a shared one the other
/// side runs instead of being waited for. It loses when nothing comes for long, and where others want the core: to whom it is given
/// for milliseconds. What is found after those counts as found in vain.
///
/// ```
/// use multiproc_sync::Pace;
/// let (sender, receiver) = std::sync::mpsc::channel();
/// sender.send("there")?;
/// // A new one makes one attempt at least, however short the time.
/// assert_eq!(Pace::new().spin(None, || receiver.try_recv().ok()), Some("there"));
/// # Ok::<(), std::sync::mpsc::SendError<&str>>(())
/// ```
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct Pace {
    /// Fruitless spins in a row, up to [`FRUITLESS_LIMIT`], in bits 0 and 1; above, the waits left to the next probe.
    #[cfg(not(multiproc_loom))]
    state: AtomicU32,
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
        Self { state: AtomicU32::new(0) }
    }

    /// Gives the core away and repeats `attempt`, until that finds something, for at most [`SPIN_BUDGET`], or [`PROBE_BUDGET`], and not past the
    /// deadline. The caller has looked once before.
    ///
    /// `None` says: go to the kernel. Counters are hints, so that concurrent waiters may share a `Pace`.
    pub fn spin<T>(&self, deadline: Option<Instant>, mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
        let state = State::unpacked(self.state.load(Relaxed));
        if state.rest > 0 {
            self.state.store(State { rest: state.rest - 1, ..state }.packed(), Relaxed);
            return None;
        }
        let budget = if state.is_probing() { PROBE_BUDGET } else { SPIN_BUDGET };
        let begin = Instant::now();
        let budget_end = begin + budget;
        let end = deadline.map_or(budget_end, |deadline| deadline.min(budget_end));
        loop {
            thread::yield_now();
            let found = attempt();
            let now = Instant::now();
            if found.is_some() || now >= end {
                let after = state.after(found.is_some() && now < budget_end, now - begin);
                // Waiters on several cores may share it, and most often nothing changes.
                if after != state {
                    self.state.store(after.packed(), Relaxed);
                }
                return found;
            }
        }
    }
}

/// What a [`Pace`] has learned.
#[cfg(not(multiproc_loom))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    /// Fruitless spins in a row, up to [`FRUITLESS_LIMIT`].
    fruitless: u32,
    /// Waits without a spin from now to the next probe.
    rest: u32,
}

#[cfg(not(multiproc_loom))]
impl State {
    fn unpacked(word: u32) -> Self {
        Self { fruitless: word & 3, rest: word >> 2 }
    }

    fn packed(self) -> u32 {
        self.fruitless | self.rest << 2
    }

    /// Whether spins have been in vain, so that the next one is a probe.
    fn is_probing(self) -> bool {
        self.fruitless == FRUITLESS_LIMIT
    }

    /// After a spin that took so long.
    fn after(self, fruitful: bool, took: Duration) -> Self {
        if fruitful {
            return Self { fruitless: 0, rest: 0 };
        }
        let gave_core_away = took > PROBE_BUDGET * 2;
        let fruitless =
            if gave_core_away { FRUITLESS_LIMIT } else { FRUITLESS_LIMIT.min(self.fruitless + 1) };
        if fruitless < FRUITLESS_LIMIT {
            return Self { fruitless, rest: 0 };
        }
        let paid_back = took.as_micros() / SHARE.as_micros();
        let rest = u32::try_from(paid_back).unwrap_or(u32::MAX).clamp(*REST.start(), *REST.end());
        Self { fruitless, rest }
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

    /// After that each probe is followed by as many waits without a spin as it says, however long the spins took: the core may be
    /// away at any time.
    #[test]
    fn stops_after_three_fruitless_spins_and_probes_now_and_then() {
        let pace = Pace::new();
        let resting = (0..FRUITLESS_LIMIT).any(|_| {
            assert!(spins(&pace));
            State::unpacked(pace.state.load(Relaxed)).rest > 0
        });
        assert!(resting);
        for _ in 0..3 {
            let rest = State::unpacked(pace.state.load(Relaxed)).rest;
            assert!(REST.contains(&rest) && (0..rest).all(|_| !spins(&pace)));
            assert!(spins(&pace), "a probe is due");
        }
    }

    #[test]
    fn the_next_probe_comes_when_the_last_one_is_paid_back() {
        let failed = State { fruitless: FRUITLESS_LIMIT, rest: 0 };
        for (micros, rest) in [(0, 16), (120, 60), (4000, 2000), (1_000_000, 16_384)] {
            let after = failed.after(false, Duration::from_micros(micros));
            assert_eq!(after, State { fruitless: FRUITLESS_LIMIT, rest });
            assert_eq!(State::unpacked(after.packed()), after);
        }
    }

    #[test]
    fn a_core_given_away_for_long_is_enough() {
        let new = State { fruitless: 0, rest: 0 };
        assert_eq!(new.after(false, SPIN_BUDGET), State { fruitless: 1, rest: 0 });
        assert_eq!(
            new.after(false, Duration::from_millis(3)),
            State { fruitless: FRUITLESS_LIMIT, rest: 1500 }
        );
    }

    #[test]
    fn what_comes_in_time_forgives_the_failures() {
        let failed = State { fruitless: FRUITLESS_LIMIT, rest: 0 };
        assert_eq!(failed.after(true, SPIN_BUDGET), State { fruitless: 0, rest: 0 });
    }

    /// Between a usual budget and a probe's.
    #[test]
    fn a_probe_waits_for_one_that_has_to_be_woken() {
        let pace = Pace::new();
        pace.state.store(State { fruitless: FRUITLESS_LIMIT, rest: 0 }.packed(), Relaxed);
        let begin = Instant::now();
        let found = pace.spin(None, || (begin.elapsed() > SPIN_BUDGET).then_some(7));
        let was_in_time = begin.elapsed() < PROBE_BUDGET;
        assert_eq!(found, Some(7));
        // On a crowded machine the core may be away for longer.
        assert!(!was_in_time || State::unpacked(pace.state.load(Relaxed)) == State::unpacked(0));
    }

    #[test]
    fn what_comes_after_the_budget_is_taken_and_counts_as_failed() {
        let pace = Pace::new();
        let late = Instant::now() + SPIN_BUDGET * 2; // or later: then the core was given away, which counts for three
        let found = pace.spin(None, || {
            while Instant::now() < late {}
            Some(7)
        });
        assert_eq!(found, Some(7));
        assert_ne!(State::unpacked(pace.state.load(Relaxed)).fruitless, 0);
    }
}
