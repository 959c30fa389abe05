//! When a repeating timer fires.

use std::time::{Duration, Instant};

const NANOSECONDS: u128 = 1_000_000_000;

/// Multiples of an interval after a beginning: what comes late does not make the next come later.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    begin: Instant,
    /// In nanoseconds, not 0.
    interval: u128,
    /// The multiple at which it fires next.
    next: u128,
}

impl Schedule {
    /// Of an interval that is not zero.
    pub(super) fn new(begin: Instant, interval: Duration) -> Self {
        Self { begin, interval: interval.as_nanos().max(1), next: 1 }
    }

    /// When it fires next; `None`: longer than a clock can say.
    pub(super) fn next(&self) -> Option<Instant> {
        let after = self.interval.checked_mul(self.next)?;
        let (seconds, rest) = (after / NANOSECONDS, after % NANOSECONDS);
        let after = Duration::new(seconds.try_into().ok()?, rest as u32); // less than a second
        self.begin.checked_add(after)
    }

    /// It has fired. What it has missed until `now` is skipped.
    pub(super) fn fired(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.begin).as_nanos() / self.interval;
        self.next = passed.max(self.next) + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(schedule: &Schedule) -> Duration {
        schedule.next().unwrap() - schedule.begin
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn it_keeps_its_beat_and_skips_what_it_has_missed() {
        let begin = Instant::now();
        let mut schedule = Schedule::new(begin, SECOND);
        assert_eq!(at(&schedule), SECOND);
        schedule.fired(begin + SECOND + SECOND / 10);
        assert_eq!(at(&schedule), 2 * SECOND, "late, and the next is not");
        schedule.fired(begin + 5 * SECOND + SECOND / 2);
        assert_eq!(at(&schedule), 6 * SECOND);
        schedule.fired(begin + 7 * SECOND);
        assert_eq!(at(&schedule), 8 * SECOND, "one that is due when the last has just ended is missed");
    }

    #[test]
    fn it_goes_on_whatever_the_clock_says() {
        let begin = Instant::now();
        let mut schedule = Schedule::new(begin, SECOND);
        schedule.fired(begin);
        assert_eq!(at(&schedule), 2 * SECOND);
        assert_eq!(Schedule::new(begin, Duration::MAX).next(), None);
        let mut tiny = Schedule::new(begin, Duration::from_nanos(1));
        tiny.fired(begin + SECOND);
        assert_eq!(at(&tiny), SECOND + Duration::from_nanos(1));
    }
}
