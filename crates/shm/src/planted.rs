//! Bugs that the kills at every instruction must find.
//!
//! In an ordinary build [`planted`] is a constant `false`, and nothing of them is compiled.

/// A bug that a line of this crate would have if it were written wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code)] // all of them are planted by name only
pub(crate) enum Bug {
    /// A journaled value is flipped before it is changed.
    FlippedEarly,
    /// An optional value is said to be there before it is.
    TagFirst,
    /// An optional value is overwritten while it is said to be there.
    TagKept,
    /// A segment gets its name before its process has listed it.
    NamedEarly,
    /// A name is taken from whatever file has it.
    UnlinkedByName,
    /// A file that somebody has moved aside is taken for one that has lost its name.
    ForgottenAside,
    /// A dead process's list goes before what it lists.
    ListFirst,
}

/// Whether the program is to behave as if it had this bug.
#[cfg(not(multiproc_planted))]
#[inline(always)]
pub(crate) const fn planted(_: Bug) -> bool {
    false
}

#[cfg(multiproc_planted)]
pub use self::chosen::plant;
#[cfg(multiproc_planted)]
pub(crate) use self::chosen::planted;

/// One build in which any of the bugs can be, as its program says.
#[cfg(multiproc_planted)]
mod chosen {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use super::Bug;

    const ALL: &[Bug] = &[
        Bug::FlippedEarly,
        Bug::TagFirst,
        Bug::TagKept,
        Bug::NamedEarly,
        Bug::UnlinkedByName,
        Bug::ForgottenAside,
        Bug::ListFirst,
    ];

    /// One more than the number of the bug; 0: none.
    static CHOSEN: AtomicU32 = AtomicU32::new(0);

    #[inline(always)]
    pub(crate) fn planted(bug: Bug) -> bool {
        CHOSEN.load(Relaxed) == bug as u32 + 1
    }

    /// Has this process, and its forks, behave from now on as if it had the bug of this name.
    ///
    /// # Panics
    ///
    /// If there is none of this name.
    pub fn plant(name: &str) {
        let bug = ALL.iter().find(|bug| format!("{bug:?}") == name);
        CHOSEN.store(*bug.unwrap_or_else(|| panic!("there is no bug `{name}`")) as u32 + 1, Relaxed);
    }
}
