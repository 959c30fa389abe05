//! What has become of a thread, as far as the registry and its process tell.
#![allow(clippy::needless_borrow)] // the entries of a model are owned

use super::Registry;
use crate::identity::{Look, Member, Owner};
use crate::planted::{Bug, planted};

/// What has become of a thread that the kernel called dead.
#[derive(Debug)]
pub(crate) enum Fate {
    /// Its whole process has ended.
    Ended,
    /// It has ended in order, and its process lives.
    Left,
    /// Its process lives.
    Running(#[cfg_attr(multiproc_loom, allow(dead_code))] Member), // not asked for in a model
    /// Nothing tells whether its process lives.
    Unknown,
}

impl Registry {
    /// What has become of this thread.
    pub(crate) fn fate(&self, owner: Owner) -> Fate {
        let Some(member) = self.member(owner.process) else { return Fate::Ended };
        // Before the look at the process: the entry of one that was killed goes to another thread as soon as its process has ended,
        // and would then seem to have been left. While its process lives, it passes on only from one that said so.
        let mut has_left = self.has_left(owner.thread);
        let look = member.look(self);
        if planted(Bug::LeftReadLate) {
            has_left = self.has_left(owner.thread);
        }
        match look {
            Look::Ended => Fate::Ended,
            Look::Unknown => Fate::Unknown,
            Look::Running(_) if has_left => Fate::Left,
            // Its descriptor is closed here: it may be the last one that /proc can be read with.
            Look::Running(_) => Fate::Running(member),
        }
    }
}
