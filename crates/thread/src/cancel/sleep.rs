//! A sleep that a cancellation ends.

use std::time::Duration;

use multiproc_sync::Event;

use super::error::WaitError;

thread_local! {
    /// Which nobody sets. One of each thread, which so learns not to spin before it sleeps.
    static NEVER: Event = const { Event::new() };
}

/// Sleeps for `duration`, unless the thread is cancelled. For longer than a clock can say: for ever.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// let start = Instant::now();
/// multiproc_thread::sleep(Duration::from_millis(2))?;
/// assert!(start.elapsed() >= Duration::from_millis(2));
/// # Ok::<(), multiproc_thread::WaitError>(())
/// ```
///
/// # Errors
///
/// [`WaitError::Cancelled`], also at once if the thread is cancelled already, and [`WaitError::Interrupted`]; no other.
#[doc(alias = "time.sleep")]
pub fn sleep(duration: Duration) -> Result<(), WaitError> {
    match NEVER.with(|never| never.wait_timeout(duration)) {
        Ok(()) | Err(multiproc_sync::WaitError::TimedOut) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
