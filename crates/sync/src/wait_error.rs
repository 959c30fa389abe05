//! Why a wait ended without what it waited for.

/// Why a wait ended without what it waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The deadline has passed, or nothing was to be waited for at all.
    #[error("it did not happen within the time")]
    TimedOut,
    /// A signal came, and the [hook](crate::interrupt) ended the wait, or the thread's [alarm](crate::interrupt::Alarm) did.
    #[error("a signal or an alarm ended the wait")]
    Interrupted,
}
