//! The system calls of the crate, and nothing else.

pub(crate) mod clock;
pub(crate) mod fork;
pub(crate) mod futex;
pub(crate) mod process;
pub(crate) mod robust_list;
pub(crate) mod thread_end;

/// How a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sleep {
    /// What was waited for may have happened.
    Over,
    TimedOut,
    /// A handler of a signal has run.
    Interrupted,
}
