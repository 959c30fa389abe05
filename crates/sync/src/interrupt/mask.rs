//! Waits that nothing ends but what they wait for, or their time.

use std::cell::Cell;

use crate::primitive::thread_locals;

thread_locals! {
    /// The thread runs the hook, or does what neither that nor an alarm ends.
    static MASKED: Cell<bool> = Cell::new(false);
}

/// Nothing ends waits of the thread until this is dropped, also by a panic.
#[derive(Debug)]
pub(super) struct Masked {
    before: bool,
}

impl Masked {
    pub(super) fn begin() -> Self {
        Self { before: set(true) }
    }
}

impl Drop for Masked {
    fn drop(&mut self) {
        set(self.before);
    }
}

/// Gives what it was before.
fn set(is_masked: bool) -> bool {
    MASKED.try_with(|masked| masked.replace(is_masked)).unwrap_or(is_masked)
}

pub(super) fn is_masked() -> bool {
    MASKED.try_with(Cell::get).unwrap_or(false)
}

/// Runs `body`, whose waits neither the [hook](crate::interrupt) nor an [`Alarm`](super::Alarm) of the thread ends: for what has to be done also
/// by one that is to end.
///
/// An alarm that is raised still ends the next wait after it.
///
/// ```
/// use multiproc_sync::interrupt::{Alarm, masked};
/// use multiproc_sync::{Event, WaitError};
///
/// let (stored, alarm) = (Event::new(), Alarm::of_this_thread());
/// alarm.raise();
/// assert_eq!(stored.wait(), Err(WaitError::Interrupted));
/// std::thread::scope(|scope| {
///     scope.spawn(|| stored.set());
///     masked(|| stored.wait())
/// })?;
/// alarm.lower();
/// # Ok::<(), WaitError>(())
/// ```
pub fn masked<T>(body: impl FnOnce() -> T) -> T {
    let _masked = Masked::begin();
    body()
}

#[cfg(all(test, not(multiproc_loom)))]
mod tests {
    use super::*;

    /// Also where one is within the other, or panics.
    #[test]
    fn nobody_is_asked_until_the_outermost_is_over() {
        masked(|| {
            masked(|| assert!(is_masked()));
            assert!(is_masked());
        });
        assert!(!is_masked());
        std::panic::catch_unwind(|| masked(|| std::panic::resume_unwind(Box::new("in a wait")))).unwrap_err();
        assert!(!is_masked());
    }
}
