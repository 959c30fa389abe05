//! Bugs that the model checker, and the kills at every instruction, must find.
//!
//! In an ordinary build [`planted`] is a constant `false`, and nothing of them is compiled.

macro_rules! bugs {
    ($($(#[$doc:meta])+ $name:ident,)+) => {
        /// A bug that a line of this crate would have if it were written wrongly.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(dead_code)] // all of them are planted by name only
        pub(crate) enum Bug {
            $($(#[$doc])+ $name,)+
        }

        #[cfg(any(multiproc_loom, multiproc_planted))]
        #[allow(dead_code)] // of the tests
        impl Bug {
            pub(crate) const ALL: &[Self] = &[$(Self::$name),+];
        }
    };
}

bugs! {
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
    /// Who makes the name of a dead process leaves that to another that sweeps it, which may stand still.
    LeftToSweeper,
    /// A part is taken back though somebody has it.
    PartTakenUnasked,
    /// A part that is taken back keeps its number, so that old messages bring it.
    PartNumberKept,
    /// A part is received by a look and a store, in two steps.
    PartReceivedByLook,
    /// A message that did not go gives its part back, whoever has received it.
    PartCalledBackUnasked,
    /// A part whose message did not go has the number again that it had before.
    PartCalledBackUnchanged,
    /// The sending of a part orders nothing.
    PartSentUnordered,
    /// A block is claimed though another may have been quicker.
    ClaimedByStore,
    /// The release of a block orders nothing.
    ReleasedUnordered,
    /// A block that comes back from a message has the word again that it had before.
    RolledBackUnchanged,
    /// A block is received though another may have received it.
    LandedByStore,
    /// A block is closed though another may have claimed it.
    ClosedByStore,
    /// What a dead owner of an arena's lock has begun stays half done.
    NothingRecovered,
    /// Who sweeps asks after the sender of a message, not after the message.
    SenderAsked,
    /// Who sweeps does not ask whether a block's process has ended.
    EndUnproved,
    /// Who sweeps frees a block though another may have been quicker.
    SweptByStore,
}

/// Whether the program is to behave as if it had this bug.
#[cfg(not(any(multiproc_loom, multiproc_planted)))]
#[inline(always)]
pub(crate) const fn planted(_: Bug) -> bool {
    false
}

#[cfg(all(multiproc_planted, not(multiproc_loom)))]
pub use self::chosen::plant;
#[cfg(all(multiproc_planted, not(multiproc_loom)))]
pub(crate) use self::chosen::planted;

/// One build in which any of the bugs can be, as its program says.
#[cfg(all(multiproc_planted, not(multiproc_loom)))]
mod chosen {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use super::Bug;

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
        let bug = Bug::ALL.iter().find(|bug| format!("{bug:?}") == name);
        CHOSEN.store(*bug.unwrap_or_else(|| panic!("there is no bug `{name}`")) as u32 + 1, Relaxed);
    }
}

/// Names the bug that a process is to have.
#[cfg(multiproc_loom)]
#[allow(dead_code)] // of the tests
pub(crate) const VARIABLE: &str = "MULTIPROC_PLANTED";

/// Whether the environment asks for this bug.
#[cfg(multiproc_loom)]
pub(crate) fn planted(bug: Bug) -> bool {
    use std::sync::LazyLock;

    static CHOSEN: LazyLock<Option<Bug>> = LazyLock::new(|| {
        let name = std::env::var(VARIABLE).ok()?;
        // Another crate's models plant bugs of their own by the same variable.
        Bug::ALL.iter().find(|bug| format!("{bug:?}") == name).copied()
    });
    *CHOSEN == Some(bug)
}
