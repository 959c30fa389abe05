//! Bugs that the model checker must find: each is code that was left out or put in the wrong order.
//!
//! Outside the model checker [`planted`] is a constant `false`, and nothing of them is compiled.

macro_rules! bugs {
    ($($(#[$doc:meta])+ $name:ident,)+) => {
        /// A bug that one line of the cancellation would have if it were written wrongly.
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
    /// Who comes into a scope does not look whether its token is cancelled already.
    CancelledScopeUnseen,
    /// Whose alarms are to be raised is noted, and they are raised later.
    AlarmsRaisedLate,
    /// Who makes a child looks whether the parent is cancelled before it adds the child.
    ParentSeenTooEarly,
    /// Who cancels what is cancelled already does not see to its children.
    ChildrenOfCancelledSkipped,
    /// Alarms are raised before the token says that it is cancelled.
    ToldTooLate,
    /// A timer looks whether it is cancelled before it says that it fires.
    FiresAfterALook,
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
        // Other models plant bugs of their own by the same variable.
        Bug::ALL.iter().find(|bug| format!("{bug:?}") == name).copied()
    });
    *CHOSEN == Some(bug)
}
