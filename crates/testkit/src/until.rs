//! Waiting for a condition, within a limit: the one place where tests sleep.

use std::panic::Location;
use std::thread;
use std::time::{Duration, Instant};

/// How long [`eventually`] and the leak check wait: far beyond what a loaded machine needs.
pub const LIMIT: Duration = Duration::from_secs(30);

const POLL: Duration = Duration::from_millis(1);

/// Waits until `condition` holds; gives whether it did within `limit`.
///
/// It is tried at least once, and once more when the time has passed.
pub fn holds_within(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let begin = Instant::now();
    loop {
        let last = begin.elapsed() >= limit;
        if condition() {
            return true;
        }
        if last {
            return false;
        }
        thread::sleep(POLL);
    }
}

/// Waits until `condition` holds.
///
/// # Panics
///
/// If it does not within `limit`.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
/// use std::time::Duration;
///
/// static DONE: AtomicBool = AtomicBool::new(false);
/// let worker = std::thread::spawn(|| DONE.store(true, Relaxed));
/// multiproc_testkit::until(Duration::from_secs(5), || DONE.load(Relaxed));
/// # worker.join().unwrap();
/// ```
#[track_caller]
pub fn until(limit: Duration, condition: impl FnMut() -> bool) {
    let here = Location::caller();
    assert!(holds_within(limit, condition), "the condition at {here} does not hold after {limit:?}");
}

/// Waits until `condition` holds; `what` tells what is waited for.
///
/// # Panics
///
/// If it does not within [`LIMIT`].
///
/// # Examples
///
/// ```
/// let mut rounds = 0;
/// multiproc_testkit::eventually("three rounds are done", || {
///     rounds += 1;
///     rounds == 3
/// });
/// ```
#[track_caller]
pub fn eventually(what: &str, condition: impl FnMut() -> bool) {
    assert!(holds_within(LIMIT, condition), "this does not come true within {LIMIT:?}: {what}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_comes_true_is_waited_for() {
        let mut calls = 0;
        until(LIMIT, || {
            calls += 1;
            calls == 3
        });
        assert_eq!(calls, 3);
    }

    #[test]
    fn it_is_tried_even_with_no_time() {
        assert!(holds_within(Duration::ZERO, || true));
        assert!(!holds_within(Duration::ZERO, || false));
    }

    #[test]
    #[should_panic(expected = "src/until.rs")]
    fn until_fails_when_the_time_has_passed() {
        until(Duration::from_millis(2), || false);
    }
}
