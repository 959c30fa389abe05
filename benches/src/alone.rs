//! An operation again and again by one thread, with nobody else there.

use std::hint::black_box;

use crate::Result;
use crate::groups::agree;
use crate::locks::have_two_threads;
use crate::neighbour::Alone;
use crate::session::Start;

/// Operations between two looks at the clock.
const CALLS: u64 = 4096;

/// Looks between two looks at the clock: they cost less than it does.
const LOOKS: u64 = 65_536;

/// Does `operation` with what it is done with; after each batch `check` tells whether it went well.
pub(crate) fn operations<T: Sync>(
    with: Result<&'static T>,
    operation: impl Fn(&T) + Copy + 'static,
    check: impl Fn(&T) -> Result<()> + 'static,
) -> Result<Start> {
    let with = with?;
    have_two_threads();
    Start::here(Alone::new(move || {
        repeat(with, operation, CALLS);
        check(with)?;
        Ok(CALLS)
    }))
}

/// What `look` must find true each time.
pub(crate) fn looks<T: Sync>(
    at: Result<&'static T>,
    look: impl Fn(&T) -> bool + Copy + 'static,
) -> Result<Start> {
    let at = at?;
    have_two_threads();
    Start::here(Alone::new(move || {
        agree(count(at, look, LOOKS), LOOKS)?;
        Ok(LOOKS)
    }))
}

/// One function for each operation. The address is hidden once, before the loop: hidden in it, it would be stored and loaded
/// again each time, and counted. What is atomic is done each time all the same.
#[inline(never)]
pub(crate) fn repeat<T>(with: &T, operation: impl Fn(&T), times: u64) {
    let with = black_box(with);
    for _ in 0..times {
        operation(with);
        one_by_one();
    }
}

/// As above.
#[inline(never)]
fn count<T>(at: &T, look: impl Fn(&T) -> bool, times: u64) -> u64 {
    let at = black_box(at);
    let mut found = 0;
    for _ in 0..times {
        found += u64::from(look(at));
        one_by_one();
    }
    found
}

/// No instruction, but the compiler takes no two rounds of the loop together: so the loop is the same for all.
#[inline(always)]
fn one_by_one() {
    black_box(());
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn started(start: Result<Start>) -> Box<dyn crate::session::Session> {
        match start.unwrap() {
            Start::Here(session) => session,
            Start::Program(program) => panic!("{program:?}"),
        }
    }

    #[test]
    fn as_many_operations_are_done_as_are_told_and_then_checked() {
        static DONE: AtomicU64 = AtomicU64::new(0);
        let add = |done: &AtomicU64| _ = done.fetch_add(1, Ordering::Relaxed);
        let mut session =
            started(operations(Ok(&DONE), add, |done| agree(done.load(Ordering::Relaxed), CALLS)));
        assert_eq!(session.batch().unwrap(), CALLS);
        assert!(session.batch().is_err());
    }

    #[test]
    fn each_look_counts() {
        static LEFT: AtomicU64 = AtomicU64::new(2 * LOOKS - 1);
        let take = |left: &AtomicU64| {
            let before = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            before.is_ok()
        };
        let mut session = started(looks(Ok(&LEFT), take));
        assert_eq!(session.batch().unwrap(), LOOKS);
        assert!(session.batch().is_err());
    }
}
