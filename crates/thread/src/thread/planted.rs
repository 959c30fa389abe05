//! Bugs that the model checker must find: each is code that was left out or put in the wrong order.
//!
//! Outside the model checker [`planted`] is a constant `false`, and nothing of them is compiled.

macro_rules! bugs {
    ($($(#[$doc:meta])+ $name:ident,)+) => {
        /// A bug that one line of the logic by which threads meet would have if it were written wrongly.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Bug {
            $($(#[$doc])+ $name,)+
        }

        #[cfg(multiproc_loom)]
        impl Bug {
            pub(crate) const ALL: &[Self] = &[$(Self::$name),+];
        }
    };
}

bugs! {
    /// A thread counts itself as one to wait for, where its starter has to.
    EnteredLate,
    /// A thread is not waited for any more once its function has returned.
    LeftAtEnd,
    /// The last one to leave tells nobody.
    LeftInSilence,
    /// A thread that waits for all others waits for itself.
    WaitsForItself,
    /// Of two that wait for all others the second does not tell the first.
    ExcusedInSilence,
    /// A handle is looked at, and started later.
    LooksThenStarts,
}

/// Whether the program is to behave as if it had this bug.
#[cfg(not(multiproc_loom))]
#[inline(always)]
pub(crate) const fn planted(_bug: Bug) -> bool {
    false
}

/// Names the bug that a process is to have.
#[cfg(multiproc_loom)]
pub(crate) const VARIABLE: &str = "MULTIPROC_PLANTED";

/// Whether the environment asks for this bug.
#[cfg(multiproc_loom)]
pub(crate) fn planted(bug: Bug) -> bool {
    use std::sync::LazyLock;

    static CHOSEN: LazyLock<Option<Bug>> = LazyLock::new(|| {
        let name = std::env::var(VARIABLE).ok()?;
        let bug = Bug::ALL.iter().find(|bug| format!("{bug:?}") == name);
        Some(*bug.unwrap_or_else(|| panic!("{VARIABLE}={name} names no bug")))
    });
    *CHOSEN == Some(bug)
}
